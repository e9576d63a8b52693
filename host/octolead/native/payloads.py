# SPDX-License-Identifier: Apache-2.0
"""Payloads: decoding and encoding."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _constants as c
from ..errors import BlockError
from .buffers import INT32, Data, Frames, bytes_of, frames_in, frames_out, int32_pointer
from .core import ffi, lib
from .faults import FAULTS, block_error
from .header import PAYLOAD_ROOM, layout_of, parse_block


def decode_block(data: Data, offset: int = 0, out: Frames | None = None) -> Frames:
    """Return the frames of the block at `offset`, int32 of shape (n_frames, n_leads).

    Args:
        data: what holds the block.
        offset: byte at which it begins.
        out: where to put them: int32, C-contiguous, of n_leads columns and at least n_frames rows.

    Raises:
        BlockError: the header, the body or the payload is damaged or refused.
    """
    view, header = parse_block(data, offset)
    result = frames_out(out, header.n_frames, header.n_leads)
    status = lib.ol_block_decode(_decoder(), view + offset, len(view) - offset, int32_pointer(result), result.size)
    if status < 0:
        raise block_error(view, offset, status)
    return result


def decode_blocks(data: Data, offsets: npt.ArrayLike, places: npt.ArrayLike, out: Frames) -> npt.NDArray[np.int32]:
    """Decode many blocks of one lead count into one array.

    Args:
        data: what holds the blocks.
        offsets: byte at which each begins.
        places: row of `out` at which each one's frames go; where they overlap, the later in the list stays.
        out: int32, C-contiguous, shape (frames, leads); rows that no block covers are left alone.

    Returns:
        For each block its frames, or a negative code for `error_kind`; also -2 where it does not fit `out`.
    """
    view = bytes_of(data)
    where = np.ascontiguousarray(offsets, np.uint64)
    rows = np.ascontiguousarray(places, np.uint64)
    if where.ndim != 1 or where.shape != rows.shape:
        raise ValueError(f"offsets {where.shape} and places {rows.shape} must be lists of the same length")
    if where.size and int(where.max()) >= len(view):
        raise ValueError(f"offset {int(where.max())} is beyond the {len(view)} bytes")
    result = frames_out(out, 0, out.shape[-1], whole=True)
    status = np.zeros(len(where), INT32)
    lib.ol_blocks_decode(
        _decoder(), view, len(view), ffi.cast("uint64_t *", where.ctypes.data), ffi.cast("uint64_t *", rows.ctypes.data), len(where),
        result.shape[1], int32_pointer(result), len(result), int32_pointer(status),
    )  # fmt: skip
    return status


def decode_payload(
    payload: Data, n_frames: int, *, codec_id: int, lead_ids: Sequence[int], rate_mhz: int, out: Frames | None = None
) -> Frames:
    """Return the frames of a payload, int32 of shape (n_frames, len(lead_ids)).

    Raises:
        BlockError: the codec is unknown or cannot read the payload; `offset` is 0.
    """
    view = bytes_of(payload)
    layout = layout_of(lead_ids, rate_mhz)
    if not 0 <= n_frames <= c.MAX_FRAMES_PER_BLOCK:
        raise ValueError(f"n_frames is {n_frames}, 0 to {c.MAX_FRAMES_PER_BLOCK} are possible")
    result = frames_out(out, n_frames, len(lead_ids))
    status = lib.ol_payload_decode(_decoder(), codec_id, layout, view, len(view), n_frames, int32_pointer(result))
    if status < 0:
        kind = FAULTS[status]
        raise BlockError(kind, 0, message=f"payload of {len(view)} bytes, codec {codec_id}: {kind}")
    return result


class Encoder:
    """Encode frames into one payload after another.

    >>> encoder = Encoder(codec_id=0, lead_ids=(2,), rate_mhz=500_000)
    >>> encoder.push(np.array([[1], [-1]], np.int32))
    2
    >>> encoder.finish().hex()
    '010000ffffff0000'
    """

    def __init__(
        self,
        *,
        codec_id: int,
        lead_ids: Sequence[int],
        rate_mhz: int,
        capacity: int = PAYLOAD_ROOM,
        chunk_frames: int = lib.OL_ADAPTIVE_CHUNK_FRAMES,
    ) -> None:
        """Begin a payload.

        Args:
            codec_id: docs/SPEC.md `codec`.
            lead_ids: docs/SPEC.md `lead`, one for each column of the frames.
            rate_mhz: sampling rate; it chooses the codec's first guesses.
            capacity: most bytes of a payload.
            chunk_frames: frames that codec 1 codes at a time.
        """
        if not 0 <= capacity <= PAYLOAD_ROOM:
            raise ValueError(f"capacity is {capacity} bytes, 0 to {PAYLOAD_ROOM} are possible")
        self._codec_id = codec_id
        self._layout = layout_of(lead_ids, rate_mhz)
        self._n_leads = len(lead_ids)
        self._payload = ffi.new("uint8_t[]", max(capacity, 1))
        self._capacity = capacity
        self._chunk_frames = chunk_frames
        self._state = ffi.new("ol_encoder *")
        self.n_frames = 0
        self._begin()

    def _begin(self) -> None:
        self.n_frames = 0
        status = lib.ol_encoder_init(self._state, self._codec_id, self._layout, self._payload, self._capacity)
        if status != lib.OL_OK:
            raise ValueError(f"no codec {self._codec_id}: {', '.join(f'{k} {v}' for k, v in c.CODEC_NAMES.items())}")
        if lib.ol_encoder_set_chunk(self._state, self._chunk_frames) != lib.OL_OK:
            raise ValueError(f"chunk_frames is {self._chunk_frames}, 1 to {lib.OL_ADAPTIVE_CHUNK_FRAMES} are possible")

    def push(self, frames: npt.ArrayLike) -> int:
        """Add frames, shape (n, leads); return how many were taken. Fewer than given: the payload is full.

        Raises:
            ValueError: a value does not fit the codec; nothing was taken.
        """
        values = frames_in(frames, self._n_leads)
        taken = int(lib.ol_encoder_push(self._state, int32_pointer(values), len(values)))
        if taken < 0:
            raise ValueError(f"codec {c.CODEC_NAMES[self._codec_id]} holds 24 bits, values go from {values.min()} to {values.max()}")
        self.n_frames += taken
        return taken

    def finish(self) -> bytes:
        """End the payload and return it; the next `push` begins another."""
        n_bytes = lib.ol_encoder_finish(self._state)
        payload = bytes(ffi.buffer(self._payload, n_bytes))
        self._begin()
        return payload


def encode_payloads(
    frames: npt.ArrayLike, *, codec_id: int, lead_ids: Sequence[int], rate_mhz: int, capacity: int = PAYLOAD_ROOM
) -> Iterator[tuple[int, bytes]]:
    """Yield (frames, payload) of as many payloads as all the frames take, each filled up."""
    values = frames_in(frames, len(lead_ids))
    encoder = Encoder(codec_id=codec_id, lead_ids=lead_ids, rate_mhz=rate_mhz, capacity=capacity)
    done = 0
    while done < len(values):
        taken = encoder.push(values[done : done + c.MAX_FRAMES_PER_BLOCK])
        if taken == 0:
            raise ValueError(f"a payload of {capacity} bytes does not hold one frame of {len(lead_ids)} leads")
        yield taken, encoder.finish()
        done += taken


def encode_payload(frames: npt.ArrayLike, *, codec_id: int, lead_ids: Sequence[int], rate_mhz: int, capacity: int = PAYLOAD_ROOM) -> bytes:
    """Return the payload of all these frames.

    Raises:
        ValueError: they do not fit one payload, or a value does not fit the codec.
    """
    values = frames_in(frames, len(lead_ids))
    encoder = Encoder(codec_id=codec_id, lead_ids=lead_ids, rate_mhz=rate_mhz, capacity=capacity)
    taken = encoder.push(values)
    if taken < len(values):
        raise ValueError(f"{taken} of {len(values)} frames fit a payload of {capacity} bytes")
    return encoder.finish()


@functools.cache
def _decoder() -> Any:
    """Return the tables that all decoding shares."""
    decoder = ffi.new("ol_decoder *")
    lib.ol_decoder_init(decoder)
    return decoder
