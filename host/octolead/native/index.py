# SPDX-License-Identifier: Apache-2.0
"""Index of what lies in a source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .. import _constants as c
from .buffers import Data, bytes_of
from .core import ffi, lib
from .header import HEADER_TYPES


def _members(ctype: str, base: int = 0) -> Iterator[tuple[str, Any, int]]:
    """Yield (name, numpy format, offset) of a C struct's members, those of a struct within it among them."""
    for name, member in ffi.typeof(ctype).fields:
        if member.type.kind == "struct":
            yield from _members(member.type.cname, base + member.offset)
        elif name != "reserved":
            yield name, HEADER_TYPES[member.type.cname], base + member.offset


def _dtype(ctype: str) -> np.dtype[Any]:
    names, formats, offsets = zip(*_members(ctype), strict=True)
    spec = {"names": names, "formats": formats, "offsets": offsets, "itemsize": ffi.sizeof(ctype)}
    return np.dtype(spec)  # type: ignore[call-overload, no-any-return]


INDEX_DTYPE: Final = _dtype("ol_index_entry")
"""`offset`, every field of the block header, and `body_error`: 0 or a code for `error_kind`."""

DAMAGE_DTYPE: Final = _dtype("ol_damage")
"""`offset`, `length`, `kind` (a code for `error_kind`), `expected`, `got`."""

_PAGE_ROWS: Final = 16384


def index_blocks(
    data: Data, *, stride: int = 0, first: int = 0, check_bodies: bool = False, each_page: Callable[[], None] | None = None
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Find the blocks of `data`, in order.

    Args:
        data: an .olr file, or a segment file with `stride`.
        stride: 0 for blocks back to back; else slots of this many bytes, of which those without a magic are nothing.
        first: byte to begin at (the size of slot 0 for a segment file).
        check_bodies: also compute the CRC of each body, and set `body_error` by it.
        each_page: called now and then, so that a mapped file's pages may be given back.

    Returns:
        Arrays of INDEX_DTYPE and DAMAGE_DTYPE. Blocks that cannot be read, or whose body is damaged, are in the
        first with `body_error` set; bytes that are no block, and damaged bodies, are in the second.
    """
    view = bytes_of(data)
    index = ffi.new("ol_index *")
    if lib.ol_index_init(index, view, len(view), stride, first, check_bodies) != lib.OL_OK:
        raise ValueError(
            f"stride {stride} must be 0 or {c.BLOCK_HEADER_SIZE} to {c.MAX_BLOCK_BYTES}, first {first} within the "
            f"{len(view)} bytes and, with stride 0, a multiple of 4"
        )
    entries, damage = _walk(index, each_page)
    _mark_damaged(entries, damage)
    return entries, damage


def _walk(index: Any, each_page: Callable[[], None] | None = None) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Walk to the end, page by page."""
    found: list[npt.NDArray[Any]] = []
    damaged: list[npt.NDArray[Any]] = []
    more = 1
    while more:
        entries, damage = np.zeros(_PAGE_ROWS, INDEX_DTYPE), np.zeros(_PAGE_ROWS, DAMAGE_DTYPE)
        page = ffi.new("ol_index_page *")
        page.entries, page.entries_room = ffi.cast("ol_index_entry *", entries.ctypes.data), len(entries)
        page.damage, page.damage_room = ffi.cast("ol_damage *", damage.ctypes.data), len(damage)
        more = lib.ol_index_walk(index, page)
        found.append(entries[: page.n_entries].copy())
        damaged.append(damage[: page.n_damage].copy())
        if each_page:
            each_page()
    return np.concatenate(found), np.concatenate(damaged)


def _mark_damaged(entries: npt.NDArray[Any], damage: npt.NDArray[Any]) -> None:
    """Set `body_error` of blocks whose damage showed only after they were listed."""
    late = damage["offset"][damage["kind"] == lib.OL_E_BODY_CRC]
    if len(late):
        entries["body_error"][np.isin(entries["offset"], late)] = lib.OL_E_BODY_CRC
