# SPDX-License-Identifier: Apache-2.0
"""The steps of a self-test, one after another; one that breaks does not hide what the others find."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from ..errors import AnswerError, OctoleadError
from ..limits import Trial, load
from ..link import Recorder
from .bench import Desk
from .box import BOX_KEYS, ask_box
from .hands import Hands, NoHands
from .recorded import by_hand, shorted, test_signal

Step = Callable[[Desk], Awaitable[None]]


async def aftermath(desk: Desk) -> None:
    """What the recordings lost, and what the card had to be asked twice."""
    if desk.slips:
        desk.judge("slips", desk.slips)
    else:
        desk.leave("nothing was recorded", "slips")
    more = (await desk.recorder.status()).more
    card = more.get("card", {})
    desk.judge("card_repeated", more.get("writes_repeated", 0) + card.get("repeated", 0), str(card.get("last_error") or ""))


STEPS: dict[str, tuple[Step, tuple[str, ...]]] = {
    "box": (ask_box, BOX_KEYS),
    "test-signal": (test_signal, ("test_amplitude", "test_period")),
    "shorted": (shorted, ("noise", "offset", "clock")),
    "by-hand": (by_hand, ("electrodes_closed", "electrodes_open", "button")),
    "aftermath": (aftermath, ("slips", "card_repeated")),
}
"""What is done, in this order, and the limits each step judges."""


async def self_test(
    recorder: Recorder,
    *,
    hands: Hands | None = None,
    speed: float = 1.0,
    steps: Iterable[str] = tuple(STEPS),
    key: bytes | None = None,
    say: Callable[[str], None] | None = None,
) -> Trial:
    """Test an idle recorder. It records three short sessions of its own and erases nothing.

    Args:
        recorder: an open session.
        hands: who joins electrodes and presses the button; nobody by default, and then these lines are not run.
        speed: seconds of the recorder in one of ours; other than 1 for the simulator only.
        steps: which of `STEPS`.
        key: the recorder's, where it enciphers what it records.
        say: told what goes on.

    Returns:
        The trial; `ok` says whether nothing failed.

    Raises:
        LinkError: it records already, or is gone.
    """
    chosen = _chosen(steps)
    identity = await recorder.identity()
    subject = {name.replace("_", " "): str(identity[name]) for name in ("device_id", "board", "firmware") if name in identity}
    trial = Trial("Self-test", subject)
    began = time.monotonic()
    await must_be_idle(recorder)
    with tempfile.TemporaryDirectory(prefix="octolead-selftest-") as folder:
        desk = Desk(recorder, hands or NoHands(), load("selftest"), trial, Path(folder), speed, say or (lambda words: None), key)
        for name in chosen:
            await _step(desk, name)
    trial.lines.sort(key=lambda line: _place(line.limit.key))
    trial.took_s = time.monotonic() - began
    return trial


def _place(key: str) -> int:
    order = [limit.key for limit in load("selftest")]
    return order.index(key)


def _chosen(steps: Iterable[str]) -> list[str]:
    wanted = set(steps)
    unknown = wanted - set(STEPS)
    if unknown:
        raise ValueError(f"no step {', '.join(sorted(unknown))}; there are: {', '.join(STEPS)}")
    return [name for name in STEPS if name in wanted]


async def must_be_idle(recorder: Recorder) -> None:
    """Refuse a recorder that records.

    Raises:
        AnswerError: it does.
    """
    from .. import _constants as c

    state = (await recorder.status()).state
    if state not in ("idle", "fault"):
        words = f"the recorder is {state}: stop it first (octolead stop), the self-test records by itself"
        raise AnswerError(words, command=c.COMMAND_SELF_TEST, answer=c.ANSWER_WRONG_STATE, words=words)


async def _step(desk: Desk, name: str) -> None:
    """Do a step; where it breaks, its lines that are missing have failed by what broke it, unless the link itself is gone."""
    step, keys = STEPS[name]
    try:
        await step(desk)
    except OctoleadError as error:
        if desk.recorder.lost is not None:
            raise
        there = {line.limit.key for line in desk.trial.lines}
        desk.fail(str(error), *(key for key in keys if key not in there))
