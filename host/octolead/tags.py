# SPDX-License-Identifier: Apache-2.0
"""The chain tags of a source's blocks (docs/SPEC.md 3.3): does a block follow what stands before it? Looked at when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _constants as c
from .seal import NO_TAG, CardKeys

LOOK_BACK = 8
"""Blocks in a row that a recorder may have given up, or taken for lost."""


class _Session:
    """Tags of the sealed blocks by block number (two images may carry two), and whether the key made any of them."""

    def __init__(self, blocks: npt.NDArray[Any]) -> None:
        self.blocks = blocks[(blocks["flags"] & c.FLAG_CHAINED) != 0]
        self.tags: dict[int, list[bytes]] = {}
        sealed = self.blocks[(self.blocks["flags"] & c.FLAG_CHECKPOINT) == 0]
        for number, tag in zip(sealed["block_number"].tolist(), sealed["chain_tag"], strict=True):
            self.tags.setdefault(number, []).append(tag.tobytes())
        self.fits = True

    def before(self, number: int) -> list[bytes]:
        """What the block may follow, the nearest first."""
        found = [tag for n in range(number - 1, max(number - 1 - LOOK_BACK, -1), -1) for tag in self.tags.get(n, ())]
        return [*found, NO_TAG] if number <= LOOK_BACK else found


class TagBook:
    """All blocks of a source, under a recorder's keys; `stored(block)` gives a block's bytes."""

    def __init__(self, keys: CardKeys, blocks: npt.NDArray[Any], stored: Callable[[Any], bytes]) -> None:
        self._keys, self._blocks, self._stored = keys, blocks, stored
        self._sessions: dict[bytes, _Session] = {}

    def _session(self, session_id: bytes) -> _Session:
        session = self._sessions.get(session_id)
        if session is None:
            mine = (self._blocks["session_id"] == np.frombuffer(session_id, np.uint8)).all(axis=1)
            session = self._sessions[session_id] = _Session(self._blocks[mine])
            session.fits = self._made_any(session)
        return session

    def _made_any(self, session: _Session) -> bool:
        tried = False
        for block in session.blocks:
            verdict = self._follows(session, block)
            if verdict:
                return True
            tried |= verdict is False
        return not tried

    def _follows(self, session: _Session, block: Any) -> bool | None:
        """None: the block before is not there, so that it cannot be told."""
        number, data = int(block["block_number"]), self._stored(block)
        if any(self._keys.fits(tag, data) for tag in session.before(number)):
            return True
        return False if number == 0 or number - 1 in session.tags else None

    def fits(self, session_id: bytes) -> bool:
        """Whether the key made any tag of the session; also true where nothing can be tried."""
        return self._session(session_id).fits

    def error(self, block: Any) -> str:
        """In words, why a block is not to be believed; "" if it is, if that cannot be told, or if its session is another key's."""
        session = self._session(block["session_id"].tobytes())
        if not session.fits or not len(session.blocks):
            return ""
        at = f"block at byte {int(block['offset'])}:"
        if not block["flags"] & c.FLAG_CHAINED:
            return f"{at} it has no tag, others of its session have"
        return f"{at} altered, or not the recorder's: its tag is not right" if self._follows(session, block) is False else ""
