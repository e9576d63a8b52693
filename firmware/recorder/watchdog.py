# SPDX-License-Identifier: Apache-2.0
"""Feeds the board's watchdog, and only for progress: frames that went into blocks, and blocks that went to the card.

No timer feeds it. A writer that hangs, a task that never comes back or a converter that gives no more sound frames each
end the feeding, and the board resets itself. A board hands in an object with feed(); its watchdog is to wait for
LIMIT_MS, longer than any stall of a card that a recording should live through. Where the hardware counts less, the
board may serve it from a budget that feed() refills and nothing else does.
"""

LIMIT_MS = 16000


class Progress:
    """What has been done since the last feeding; `look` costs little, and is called at every poll and after every block."""

    def __init__(self, watchdog, session):
        self.watchdog = watchdog
        self.session = session
        self._block = -1
        self._frames = 0
        self._written = -1
        session.on_write = self.look
        watchdog.feed()

    def look(self):
        """Feed, if frames were stored since the last time and no sealed block has been waiting since then."""
        session = self.session
        builder = session.builder
        if builder.n_frames == self._frames and builder.block_number == self._block:
            return
        if session.waiting and session.blocks == self._written:
            return
        self._frames = builder.n_frames
        self._block = builder.block_number
        self._written = session.blocks
        self.watchdog.feed()
