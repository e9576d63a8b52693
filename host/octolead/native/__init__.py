# SPDX-License-Identifier: Apache-2.0
"""The C core, for Python. The only module that knows the extension; thin on purpose.

Data is anything with a contiguous buffer (bytes, memoryview, mmap, numpy array) and is never copied.
Long calls release the interpreter lock. Wrong arguments are ValueErrors, bad bytes are BlockErrors.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .. import _constants as c
from ..errors import BlockError, BlockFault

try:
    from .._native import ffi, lib
except ModuleNotFoundError as error:
    raise ImportError("octolead's compiled core is missing: run `pip install -e .` in the checkout (it needs a C compiler)") from error

Data = Any
"""Any object with a contiguous buffer."""

Frames = npt.NDArray[np.int32]
"""Stored values, shape (frames, leads)."""

PAYLOAD_ROOM: Final = c.MAX_BLOCK_BYTES - c.BLOCK_HEADER_SIZE
"""Payload bytes of the largest block without events."""

_FAULTS: Final = {
    lib.OL_E_MAGIC: BlockFault.MAGIC,
    lib.OL_E_SHORT: BlockFault.CUT,
    lib.OL_E_HEADER_BYTES: BlockFault.HEADER_BYTES,
    lib.OL_E_BLOCK_BYTES: BlockFault.BLOCK_BYTES,
    lib.OL_E_HEADER_CRC: BlockFault.HEADER_CRC,
    lib.OL_E_N_FRAMES: BlockFault.N_FRAMES,
    lib.OL_E_N_LEADS: BlockFault.N_LEADS,
    lib.OL_E_RATE: BlockFault.RATE,
    lib.OL_E_STEP: BlockFault.STEP,
    lib.OL_E_PAYLOAD_BYTES: BlockFault.PAYLOAD_BYTES,
    lib.OL_E_VERSION: BlockFault.MAJOR_VERSION,
    lib.OL_E_FLAGS: BlockFault.FLAGS,
    lib.OL_E_ENCRYPTED: BlockFault.ENCRYPTED,
    lib.OL_E_CODEC: BlockFault.CODEC,
    lib.OL_E_BODY_CRC: BlockFault.BODY_CRC,
    lib.OL_E_PAYLOAD: BlockFault.PAYLOAD,
    lib.OL_E_EVENT: BlockFault.EVENT,
}

_WORDS: Final = {
    BlockFault.MAGIC: "no block begins here: magic {expected:#010x} expected, found {got:#010x}",
    BlockFault.CUT: "cut off: {got} of {expected} bytes are there",
    BlockFault.HEADER_BYTES: "header of {got} bytes, {expected} is the least and block_bytes the most",
    BlockFault.BLOCK_BYTES: "block of {got} bytes, {expected} is the most, and a multiple of 4",
    BlockFault.HEADER_CRC: "header CRC {expected:#010x}, computed {got:#010x}",
    BlockFault.N_FRAMES: "{got} frames, {expected} is the most",
    BlockFault.N_LEADS: "{got} leads, 1 to {expected} are possible",
    BlockFault.RATE: "sampling rate 0",
    BlockFault.STEP: "a step of 0 or without denominator",
    BlockFault.PAYLOAD_BYTES: "payload of {got} bytes in a body of {expected}",
    BlockFault.MAJOR_VERSION: "newer major version {got}, this program reads {expected}",
    BlockFault.FLAGS: "flags {got:#06x}: a flag that must be understood is unknown",
    BlockFault.ENCRYPTED: "the body is enciphered: it takes the recorder's key (--key FILE)",
    BlockFault.CODEC: "codec {got}, {expected} is the last one known",
    BlockFault.BODY_CRC: "body CRC {expected:#010x}, computed {got:#010x}",
    BlockFault.PAYLOAD: "the codec cannot read the payload",
    BlockFault.EVENT: "an event runs past the end of the block",
}

_HEADER_TYPES: Final = {
    "uint8_t": "u1", "uint16_t": "<u2", "int16_t": "<i2", "uint32_t": "<u4", "uint64_t": "<u8", "int64_t": "<i8",
    "int32_t": "<i4", "uint8_t[8]": ("u1", (8,)), "uint8_t[16]": ("u1", (16,)),
}  # fmt: skip


def _members(ctype: str, base: int = 0) -> Iterator[tuple[str, Any, int]]:
    """Yield (name, numpy format, offset) of a C struct's members, those of a struct within it among them."""
    for name, member in ffi.typeof(ctype).fields:
        if member.type.kind == "struct":
            yield from _members(member.type.cname, base + member.offset)
        elif name != "reserved":
            yield name, _HEADER_TYPES[member.type.cname], base + member.offset


def _dtype(ctype: str) -> np.dtype[Any]:
    names, formats, offsets = zip(*_members(ctype), strict=True)
    spec = {"names": names, "formats": formats, "offsets": offsets, "itemsize": ffi.sizeof(ctype)}
    return np.dtype(spec)  # type: ignore[call-overload, no-any-return]


INDEX_DTYPE: Final = _dtype("ol_index_entry")
"""`offset`, every field of the block header, and `body_error`: 0 or a code for `error_kind`."""

DAMAGE_DTYPE: Final = _dtype("ol_damage")
"""`offset`, `length`, `kind` (a code for `error_kind`), `expected`, `got`."""

_PAGE_ROWS: Final = 16384
_INT32: Final = np.dtype("<i4")


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockHeader:
    """The header of a block, field by field as docs/SPEC.md names them; `lead_ids` holds only the leads in use."""

    first_frame: int
    n_frames: int
    rate_mhz: int
    lead_ids: tuple[int, ...]
    step_nv_num: int
    step_nv_den: int
    device_id: bytes = bytes(8)
    session_id: bytes = bytes(8)
    block_number: int = 0
    ring_seq: int = 0
    flags: int = 0
    codec_id: int = c.CODEC_RAW24
    anchor_frame: int = 0
    anchor_utc_us: int = c.ANCHOR_UNKNOWN
    anchor_uncertainty_ms: int = c.UNCERTAINTY_UNKNOWN
    gain: int = 0
    shift: int = 0
    signal_source: int = c.SIGNAL_SOURCE_ELECTRODES
    slot_sectors: int = 0
    lead_off: int = 0
    saturated: int = 0
    inputs: int = 0
    battery_mv: int = 0
    temperature_cdeg: int = c.TEMPERATURE_UNKNOWN
    write_last_ms: int = 0
    write_max_ms: int = 0
    frames_lost: int = 0
    calibration_id: int = 0
    chain_tag: bytes = bytes(16)
    version_major: int = c.VERSION_MAJOR
    version_minor: int = c.VERSION_MINOR
    header_bytes: int = c.BLOCK_HEADER_SIZE
    block_bytes: int = 0
    payload_bytes: int = 0
    ring_tag: int = 0
    body_crc32: int = 0
    header_crc32: int = 0

    @property
    def n_leads(self) -> int:
        """Leads in the block."""
        return len(self.lead_ids)

    @property
    def stop_frame(self) -> int:
        """Frame after the last one."""
        return self.first_frame + self.n_frames

    @property
    def is_checkpoint(self) -> bool:
        """Whether this is the image of an open block."""
        return bool(self.flags & c.FLAG_CHECKPOINT)

    @property
    def is_encrypted(self) -> bool:
        """Whether the body is enciphered."""
        return bool(self.flags & c.FLAG_ENCRYPTED)

    @property
    def is_chained(self) -> bool:
        """Whether `chain_tag` is set."""
        return bool(self.flags & c.FLAG_CHAINED)

    @property
    def is_last(self) -> bool:
        """Whether the session was stopped in order with this block."""
        return bool(self.flags & c.FLAG_LAST)

    @property
    def has_time(self) -> bool:
        """Whether the time of day is known."""
        return self.anchor_utc_us != c.ANCHOR_UNKNOWN


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `frame_offset` counts from the block's first frame, `data` is as docs/SPEC.md 3.2 lays it out."""

    type: int
    frame_offset: int
    data: bytes = b""


def error_kind(code: int) -> str:
    """Return the name of an error code of the C core: "" for 0, else a `BlockFault`."""
    return "" if code == 0 else _FAULTS[code]


def describe_damage(item: Any) -> str:
    """Return a row of `DAMAGE_DTYPE` in words, without its place."""
    return _words(_FAULTS[int(item["kind"])], int(item["expected"]), int(item["got"]))


def crc32(data: Data, value: int = 0) -> int:
    """Return the CRC-32/ISO-HDLC of data, going on from `value`.

    >>> hex(crc32(b"123456789"))
    '0xcbf43926'
    """
    view = _bytes_of(data)
    return int(lib.ol_crc32(value, view, len(view)))


def parse_header(data: Data, offset: int = 0) -> BlockHeader:
    """Return the header of the block at `offset`; the body need not be there and is not looked at.

    Raises:
        BlockError: no block stands there, or one of a newer major version.
    """
    view, raw = _parse(data, offset)
    del view
    return _header_of(raw)


def check_body(data: Data, offset: int = 0) -> str:
    """Return in words what is wrong with the body of the block at `offset`; "" if it is whole and can be read."""
    try:
        _open(data, offset)
    except BlockError as error:
        return str(error)
    return ""


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
    view = _bytes_of(data)
    index = ffi.new("ol_index *")
    if lib.ol_index_init(index, view, len(view), stride, first, check_bodies) != lib.OL_OK:
        raise ValueError(
            f"stride {stride} must be 0 or {c.BLOCK_HEADER_SIZE} to {c.MAX_BLOCK_BYTES}, first {first} within the "
            f"{len(view)} bytes and, with stride 0, a multiple of 4"
        )
    entries, damage = _walk(index, each_page)
    _mark_damaged(entries, damage)
    return entries, damage


def iter_events(data: Data, offset: int = 0, *, findings: list[BlockError] | None = None) -> list[Event]:
    """Return the events of the block at `offset`.

    Args:
        data: what holds the block.
        offset: byte at which it begins.
        findings: where to report an event that runs past the block; the events before it are returned.
            Without it that is raised.

    Raises:
        BlockError: the header or the body is damaged or refused.
    """
    view, header = _open(data, offset)
    block, event, at = view + offset, ffi.new("ol_event *"), ffi.new("size_t *", lib.ol_block_events_at(header))
    events = []
    while (found := lib.ol_event_next(block, header.block_bytes, at, event)) == 1:
        events.append(Event(event.type, event.frame_offset, bytes(ffi.buffer(event.data, event.length))))
    if found < 0:
        error = _block_error(view, offset, found)
        if findings is None:
            raise error
        findings.append(error)
    return events


def decode_block(data: Data, offset: int = 0, out: Frames | None = None) -> Frames:
    """Return the frames of the block at `offset`, int32 of shape (n_frames, n_leads).

    Args:
        data: what holds the block.
        offset: byte at which it begins.
        out: where to put them: int32, C-contiguous, of n_leads columns and at least n_frames rows.

    Raises:
        BlockError: the header, the body or the payload is damaged or refused.
    """
    view, header = _parse(data, offset)
    result = _frames_out(out, header.n_frames, header.n_leads)
    status = lib.ol_block_decode(_decoder(), view + offset, len(view) - offset, _int32_pointer(result), result.size)
    if status < 0:
        raise _block_error(view, offset, status)
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
    view = _bytes_of(data)
    where = np.ascontiguousarray(offsets, np.uint64)
    rows = np.ascontiguousarray(places, np.uint64)
    if where.ndim != 1 or where.shape != rows.shape:
        raise ValueError(f"offsets {where.shape} and places {rows.shape} must be lists of the same length")
    if where.size and int(where.max()) >= len(view):
        raise ValueError(f"offset {int(where.max())} is beyond the {len(view)} bytes")
    result = _frames_out(out, 0, out.shape[-1], whole=True)
    status = np.zeros(len(where), _INT32)
    lib.ol_blocks_decode(
        _decoder(), view, len(view), ffi.cast("uint64_t *", where.ctypes.data), ffi.cast("uint64_t *", rows.ctypes.data), len(where),
        result.shape[1], _int32_pointer(result), len(result), _int32_pointer(status),
    )  # fmt: skip
    return status


def decode_payload(
    payload: Data, n_frames: int, *, codec_id: int, lead_ids: Sequence[int], rate_mhz: int, out: Frames | None = None
) -> Frames:
    """Return the frames of a payload, int32 of shape (n_frames, len(lead_ids)).

    Raises:
        BlockError: the codec is unknown or cannot read the payload; `offset` is 0.
    """
    view = _bytes_of(payload)
    layout = _layout(lead_ids, rate_mhz)
    if not 0 <= n_frames <= c.MAX_FRAMES_PER_BLOCK:
        raise ValueError(f"n_frames is {n_frames}, 0 to {c.MAX_FRAMES_PER_BLOCK} are possible")
    result = _frames_out(out, n_frames, len(lead_ids))
    status = lib.ol_payload_decode(_decoder(), codec_id, layout, view, len(view), n_frames, _int32_pointer(result))
    if status < 0:
        kind = _FAULTS[status]
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
        self._layout = _layout(lead_ids, rate_mhz)
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
        values = _frames_in(frames, self._n_leads)
        taken = int(lib.ol_encoder_push(self._state, _int32_pointer(values), len(values)))
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
    values = _frames_in(frames, len(lead_ids))
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
    values = _frames_in(frames, len(lead_ids))
    encoder = Encoder(codec_id=codec_id, lead_ids=lead_ids, rate_mhz=rate_mhz, capacity=capacity)
    taken = encoder.push(values)
    if taken < len(values):
        raise ValueError(f"{taken} of {len(values)} frames fit a payload of {capacity} bytes")
    return encoder.finish()


def pack_events(events: Iterable[Event]) -> bytes:
    """Return events as they stand in a block."""
    try:
        return b"".join(struct.pack(c.EVENT_HEADER_FORMAT, e.type, len(e.data), e.frame_offset) + e.data for e in events)
    except struct.error as error:
        raise ValueError(f"an event's type and length must be 0 to 255, its frame_offset 0 to 65535: {error}") from error


def seal_block(header: BlockHeader, payload: Data, events: Data | Iterable[Event] = b"") -> bytes:
    """Return the whole block. The lengths, the version and the CRCs of `header` are computed and not looked at.

    Raises:
        ValueError: a field or the events break a rule of docs/SPEC.md section 3, or the block is over 16384 bytes.
    """
    body = _bytes_of(payload)
    tail = _bytes_of(events if isinstance(events, (bytes, bytearray, memoryview)) else pack_events(events))
    block = ffi.new("uint8_t[]", c.MAX_BLOCK_BYTES)
    if len(body) <= PAYLOAD_ROOM:
        ffi.memmove(block + c.BLOCK_HEADER_SIZE, body, len(body))
    size = lib.ol_block_seal(_raw_header(header), block, c.MAX_BLOCK_BYTES, len(body), tail, len(tail))
    if size == lib.OL_E_ROOM:
        raise ValueError(f"payload of {len(body)} and events of {len(tail)} bytes: over {c.MAX_BLOCK_BYTES} with the header")
    if size < 0:
        raise ValueError(f"the header or the events break a rule of docs/SPEC.md section 3: {header}")
    return bytes(ffi.buffer(block, size))


def to_microvolt(
    raw: Frames,
    step_nv_num: int | Sequence[int],
    step_nv_den: int | Sequence[int],
    zero: Sequence[int] | npt.NDArray[np.int32] | None = None,
    out: npt.NDArray[np.float32] | None = None,
) -> npt.NDArray[np.float32]:
    """Return (raw - zero) * step_nv_num / step_nv_den / 1000, float32, shape of `raw`.

    Args:
        raw: stored values, int32, shape (frames, leads).
        step_nv_num: numerator of the step, one for all leads or one a lead.
        step_nv_den: its denominator, likewise.
        zero: stored value that is 0 µV, lead by lead; 0 if not given.
        out: where to put it: float32, C-contiguous, of the same shape.

    >>> to_microvolt(np.array([[2, 2]], np.int32), 5000, (1, 2), zero=(0, 1))
    array([[10. ,  2.5]], dtype=float32)
    """
    values = np.asarray(raw)
    if values.ndim != 2 or values.dtype != _INT32 or not 1 <= values.shape[1] <= c.MAX_LEADS:
        raise ValueError(f"raw is {values.dtype} of shape {values.shape}, int32 of shape (frames, 1 to 8 leads) is needed")
    values = np.ascontiguousarray(values)
    n_frames, n_leads = values.shape
    num, den = _per_lead(step_nv_num, n_leads), _per_lead(step_nv_den, n_leads)
    if 0 in den:
        raise ValueError("step_nv_den must not be 0")
    step_uv = [n / (1000 * d) for n, d in zip(num, den, strict=True)]
    zeros = np.zeros(n_leads, _INT32) if zero is None else np.ascontiguousarray(zero, _INT32)
    if zeros.shape != (n_leads,):
        raise ValueError(f"zero has shape {zeros.shape}, ({n_leads},) is needed")
    if out is None:
        out = np.empty(values.shape, np.float32)
    elif out.shape != values.shape or out.dtype != np.float32 or not out.flags.carray:
        raise ValueError(f"out must be float32, C-contiguous, of shape {values.shape}")
    lib.ol_to_microvolt(_int32_pointer(values), n_frames, n_leads, _int32_pointer(zeros), step_uv, ffi.cast("float *", out.ctypes.data))
    return out


@functools.cache
def _decoder() -> Any:
    """Return the tables that all decoding shares."""
    decoder = ffi.new("ol_decoder *")
    lib.ol_decoder_init(decoder)
    return decoder


def _bytes_of(data: Data) -> Any:
    if isinstance(data, memoryview) and data.nbytes:
        # cffi's hold on a memoryview crashes the garbage collector when both are in a cycle; its hold on an array does not.
        data = np.frombuffer(data, np.uint8)
    try:
        return ffi.from_buffer("uint8_t[]", data)
    except (TypeError, BufferError, ValueError) as error:
        raise ValueError(f"{type(data).__name__} has no contiguous buffer: {error}") from error


def _int32_pointer(array: npt.NDArray[np.int32]) -> Any:
    return ffi.cast("int32_t *", array.ctypes.data)


def _words(kind: BlockFault, expected: int, got: int) -> str:
    return _WORDS[kind].format(expected=expected, got=got)


def _block_error(view: Any, offset: int, code: int) -> BlockError:
    expected, got = ffi.new("uint64_t *"), ffi.new("uint64_t *")
    lib.ol_block_explain(view + offset, len(view) - offset, code, expected, got)
    kind = _FAULTS[code]
    words = _words(kind, expected[0], got[0])
    known = bool(expected[0] or got[0])
    return BlockError(kind, offset, expected[0] if known else None, got[0] if known else None, message=f"block at byte {offset}: {words}")


def _parse(data: Data, offset: int) -> tuple[Any, Any]:
    """Return the bytes and the C header at `offset`."""
    view = _bytes_of(data)
    if not 0 <= offset <= len(view):
        raise ValueError(f"offset {offset} is outside the {len(view)} bytes")
    header = ffi.new("ol_block_header *")
    status = lib.ol_block_parse(view + offset, len(view) - offset, header)
    if status < 0:
        raise _block_error(view, offset, status)
    return view, header


def _open(data: Data, offset: int) -> tuple[Any, Any]:
    """Return the same for a block whose body is whole and may be read."""
    view, header = _parse(data, offset)
    status = lib.ol_block_check_body(view + offset, len(view) - offset, header)
    if status == lib.OL_OK:
        status = lib.ol_block_readable(header)
    if status < 0:
        raise _block_error(view, offset, status)
    return view, header


_ARRAYS: Final = ("device_id", "session_id", "chain_tag")
_PLAIN: Final = tuple(f.name for f in fields(BlockHeader) if f.name not in (*_ARRAYS, "lead_ids"))


def _header_of(raw: Any) -> BlockHeader:
    values: dict[str, Any] = {name: getattr(raw, name) for name in _PLAIN}
    values |= {name: bytes(ffi.buffer(getattr(raw, name))) for name in _ARRAYS}
    return BlockHeader(lead_ids=tuple(raw.lead_ids)[: raw.n_leads], **values)


def _raw_header(header: BlockHeader) -> Any:
    raw = ffi.new("ol_block_header *")
    for name in _PLAIN:
        try:
            setattr(raw, name, getattr(header, name))
        except (OverflowError, TypeError) as error:
            raise ValueError(f"{name} is {getattr(header, name)!r}: {error}") from error
    for name in _ARRAYS:
        value, member = getattr(header, name), getattr(raw, name)
        if len(value) != len(member):
            raise ValueError(f"{name} has {len(value)} bytes, {len(member)} are needed")
        ffi.memmove(member, value, len(member))
    layout = _layout(header.lead_ids, header.rate_mhz)
    raw.n_leads = layout.n_leads
    raw.lead_ids = layout.lead_ids
    return raw


def _layout(lead_ids: Sequence[int], rate_mhz: int) -> Any:
    if not 1 <= len(lead_ids) <= c.MAX_LEADS or any(not 0 <= lead <= 255 for lead in lead_ids):
        raise ValueError(f"lead_ids is {tuple(lead_ids)}, 1 to {c.MAX_LEADS} numbers from 0 to 255 are needed")
    if not 0 < rate_mhz < 1 << 32:
        raise ValueError(f"rate_mhz is {rate_mhz}, 1 to {(1 << 32) - 1} are possible")
    padding = (0,) * (c.MAX_LEADS - len(lead_ids))
    return ffi.new("ol_layout *", {"rate_mhz": rate_mhz, "n_leads": len(lead_ids), "lead_ids": (*map(int, lead_ids), *padding)})


def _per_lead(value: int | Sequence[int], n_leads: int) -> list[int]:
    values = [int(value)] * n_leads if isinstance(value, (int, np.integer)) else [int(v) for v in value]
    if len(values) != n_leads:
        raise ValueError(f"{len(values)} steps for {n_leads} leads")
    return values


def _frames_in(frames: npt.ArrayLike, n_leads: int) -> Frames:
    values = np.asarray(frames)
    if values.ndim != 2 or values.shape[1] != n_leads:
        raise ValueError(f"frames have shape {values.shape}, (n, {n_leads}) is needed")
    if values.dtype != _INT32:
        if values.dtype.kind not in "iu" or not np.can_cast(values.dtype, np.int64):
            raise ValueError(f"frames are {values.dtype}, integers are needed")
        if values.size and not -(2**31) <= int(values.min()) <= int(values.max()) < 2**31:
            raise ValueError(f"values go from {values.min()} to {values.max()}, 32 bits are possible")
    return np.ascontiguousarray(values, _INT32)


def _frames_out(out: Frames | None, n_frames: int, n_leads: int, *, whole: bool = False) -> Frames:
    if out is None:
        return np.empty((n_frames, n_leads), _INT32)
    sound = out.ndim == 2 and out.dtype == _INT32 and out.flags.carray and 1 <= out.shape[1] <= c.MAX_LEADS
    if not sound or out.shape[1] != n_leads or len(out) < n_frames:
        raise ValueError(
            f"out is {out.dtype} of shape {out.shape}; writable C-contiguous int32 of {n_leads} columns (1 to 8) and at "
            f"least {n_frames} rows is needed"
        )
    return out if whole else out[:n_frames]


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
