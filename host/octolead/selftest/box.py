# SPDX-License-Identifier: Apache-2.0
"""What the box finds when it tests itself (docs/SPEC.md 6.5.2), against the limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..link.requests import Requests
from .bench import Desk

RAW_BYTES_PER_FRAME = 24
_HOUR_FRAMES = 500 * 3600
_HEADER_BYTES = 144
OLD = "the recorder's firmware does not test this: it is older than this program"

_CONVERTER = ("chip_id", "registers", "frames")
_CARD = ("card_hours", "card_missing", "card_typical", "card_slow", "card_slowest", "card_torn")
Judge = Callable[[Desk, dict[str, Any]], None]


async def ask_box(desk: Desk) -> None:
    """Have it test itself."""
    desk.box = await Requests.self_test(desk.recorder)
    for name, keys, judge in _PARTS:
        part = desk.box.get(name, {})
        judge(desk, part)
        judged = {line.limit.key for line in desk.trial.lines}
        desk.leave(_why_not(part), *(key for key in keys if key not in judged))


def _why_not(part: dict[str, Any]) -> str:
    if part.get("ok") is False:
        return f"not reached: {part.get('words', 'it failed before')}"
    return str(part.get("words", OLD))


def _converter(desk: Desk, part: dict[str, Any]) -> None:
    words = str(part.get("words", ""))
    if "id" in part:
        desk.judge("chip_id", part["id"], words if part["id"] != desk.limits["chip_id"].least else "")
    elif part.get("ok") is False:
        desk.fail(words, "chip_id")
    if "registers" in part:
        desk.judge("registers", part["registers"], words if part["registers"] else "")
    if "frames_due" in part:
        off = 100 * (part["frames"] - part["frames_due"]) / max(1, part["frames_due"])
        if part["ok"] or desk.limits["frames"].excess(off):
            desk.judge("frames", off, words)
        else:
            desk.fail(words, "frames")


def _card(desk: Desk, part: dict[str, Any]) -> None:
    words = str(part.get("words", ""))
    if part.get("ok") is False and not part.get("writes"):
        desk.fail(words, *_CARD)
    if not part.get("writes"):
        return
    frames_per_slot = (part["slot_bytes"] - _HEADER_BYTES) // RAW_BYTES_PER_FRAME
    hours = part["slots"] * frames_per_slot / _HOUR_FRAMES
    larger = "; ninety hours take 4.4 GB: take a card of 8 GB" if desk.limits["card_hours"].is_warned(hours) else ""
    desk.judge("card_hours", hours, f"{part.get('mib', 0)} MiB{larger}")
    for key, name in (("card_missing", "missing_mib"), ("card_torn", "torn")):
        if name in part:
            desk.judge(key, part[name], words if part[name] else "")
        elif not part["ok"]:
            desk.fail(words, key)
        else:
            desk.leave("the card has no free cluster near its end to try it in", key)
    desk.judge("card_typical", part["p50_ms"])
    desk.judge("card_slow", part["p99_ms"])
    desk.judge("card_slowest", part["max_ms"], f"of {part['writes']} writes of {part['slot_bytes']} bytes")


def _value(key: str, name: str) -> Judge:
    """The judge of a part that says one value."""

    def judge(desk: Desk, part: dict[str, Any]) -> None:
        if name in part:
            desk.judge(key, float(part[name]), str(part.get("words", "")))

    return judge


_PARTS: tuple[tuple[str, tuple[str, ...], Judge], ...] = (
    ("converter", _CONVERTER, _converter),
    ("card", _CARD, _card),
    ("battery", ("battery",), _value("battery", "mv")),
    ("button", ("button_idle",), _value("button_idle", "pressed")),
    ("radio", ("radio",), _value("radio", "on_air")),
    ("memory", ("memory",), _value("memory", "free")),
)
BOX_KEYS = tuple(key for _, keys, _ in _PARTS for key in keys)
