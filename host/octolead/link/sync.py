# SPDX-License-Identifier: Apache-2.0
"""Bring recordings home: what is missing and only that, into a folder with one .olr file a session, byte for byte as on the card.

The folder holds `<session id>.olr` and, for each ring, `<ring id>.json` (how far it is home) and `<ring id>.part` (a block that
had come in part). A file grows by whole blocks only. Whatever is cut off, wherever: `Archive` finds the sound end again.
"""

from __future__ import annotations

import asyncio
import json
import os
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from .. import _constants as c
from .. import calibration
from ..errors import AnswerError, ArchiveError, CalibrationError, LinkError, LinkLostError
from .client import BlockPiece
from .recorder import Recorder
from .requests import Range

SAVE_EVERY = 64  # blocks, until how far it is home is written down
_FOLLOW_S = 2.0
_OVERTAKEN = 10  # times that the recorder may overwrite what is just being asked for
_RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0)


@dataclass
class SyncReport:
    """What a sync did: what was kept, and the bytes of blocks that came, those that came twice with them."""

    blocks: int = 0
    bytes: int = 0
    came: int = 0
    damaged: int = 0
    reconnects: int = 0


@dataclass(frozen=True)
class BlockHead:
    """What sync must know of a block."""

    session_id: bytes
    block_number: int
    n_frames: int
    ring_seq: int
    is_checkpoint: bool
    is_sound: bool


def parse_block(data: bytes) -> BlockHead | None:
    """The head of a block that has come whole; None when the header is none or the length is another."""
    if len(data) < c.BLOCK_HEADER_SIZE or data[:4] != c.BLOCK_MAGIC:
        return None
    header_bytes, block_bytes, flags = struct.unpack_from("<HHH", data, c.BLOCK_HEADER_HEADER_BYTES)
    if block_bytes != len(data) or not c.BLOCK_HEADER_SIZE <= header_bytes <= block_bytes:
        return None
    if crc32(data[: header_bytes - 4]) != struct.unpack_from("<I", data, header_bytes - 4)[0]:
        return None
    at = c.BLOCK_HEADER_SESSION_ID
    return BlockHead(
        data[at : at + 8],
        struct.unpack_from("<I", data, c.BLOCK_HEADER_BLOCK_NUMBER)[0],
        struct.unpack_from("<H", data, c.BLOCK_HEADER_N_FRAMES)[0],
        struct.unpack_from("<I", data, c.BLOCK_HEADER_RING_SEQ)[0],
        bool(flags & c.FLAG_CHECKPOINT),
        crc32(data[header_bytes:]) == struct.unpack_from("<I", data, c.BLOCK_HEADER_BODY_CRC32)[0],
    )


class SessionFile:
    """One `.olr` file that grows. A torn end is cut off when it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = path.open("r+b" if path.exists() else "w+b")
        except OSError as error:
            raise ArchiveError(f"{path}: cannot be written: {error.strerror or error}") from error
        self.last_seq = -1
        self.last_number = -1
        self._find_end()

    def _find_end(self) -> None:
        end = 0
        while True:
            self._file.seek(end)
            head = self._file.read(c.BLOCK_HEADER_SIZE)
            if len(head) < c.BLOCK_HEADER_SIZE or head[:4] != c.BLOCK_MAGIC:
                break
            block_bytes = struct.unpack_from("<H", head, c.BLOCK_HEADER_BLOCK_BYTES)[0]
            block = parse_block(head + self._file.read(block_bytes - len(head)))
            if block is None:
                break
            self._note(block)
            end += block_bytes
        self._file.truncate(end)
        self._file.seek(end)

    def _note(self, block: BlockHead) -> None:
        self.last_seq, self.last_number = block.ring_seq, block.block_number

    def append(self, block: BlockHead, data: bytes) -> bool:
        """Append a block unless the file has it; True when it was new."""
        if block.block_number <= self.last_number:
            return False
        self._file.write(data)
        self._note(block)
        return True

    def save(self, *, close: bool = False) -> None:
        """Have the disk keep it."""
        self._file.flush()
        os.fsync(self._file.fileno())
        if close:
            self._file.close()


class Archive:
    """A folder of recordings of one ring. Use with `with`.

    Attributes:
        next_seq: the first block that is not home.
        part: what had come of that block.
    """

    def __init__(self, folder: Path, ring_id: bytes) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ArchiveError(f"{folder}: cannot be made: {error.strerror or error}") from error
        self._state = folder / f"{ring_id.hex()}.json"
        self._part = folder / f"{ring_id.hex()}.part"
        self._current: tuple[bytes, SessionFile] | None = None
        self._checkpoint: tuple[BlockHead, bytes] | None = None
        self._unsaved = 0
        self.next_seq = self._load()
        self.part = self._load_part()

    def _load(self) -> int:
        try:
            return int(json.loads(self._state.read_text(encoding="utf-8"))["next_seq"])
        except FileNotFoundError:
            return 0
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ArchiveError(f"{self._state}: cannot be read ({error}); delete it to compare everything again") from error

    def _load_part(self) -> bytes:
        try:
            data = self._part.read_bytes()
        except OSError:
            return b""
        return data[4:] if len(data) > 4 and int.from_bytes(data[:4], "little") == self.next_seq else b""

    def keep_part(self, data: bytes) -> None:
        """Keep what has come of the next block."""
        self.part = data
        if data:
            _replace(self._part, self.next_seq.to_bytes(4, "little") + data)
        else:
            self._part.unlink(missing_ok=True)

    def add(self, seq: int, data: bytes) -> bool:
        """Take the block of `seq`; nothing when the card has none there. True when something was kept."""
        block = parse_block(data) if data else None
        kept = False
        if block is not None and block.is_checkpoint:
            if block.is_sound and (self._checkpoint is None or self._beats(block, self._checkpoint[0])):
                self._checkpoint = (block, data)
        elif block is not None:
            self._settle_checkpoint(block)
            kept = self._append(block, data)
        self.next_seq = seq + 1
        self.part = b""
        self._unsaved += 1
        if self._unsaved >= SAVE_EVERY:
            self.save()
        return kept

    @staticmethod
    def _beats(block: BlockHead, other: BlockHead) -> bool:
        return (block.session_id, block.block_number) != (other.session_id, other.block_number) or block.n_frames > other.n_frames

    def _append(self, block: BlockHead, data: bytes) -> bool:
        return self._file_of(block.session_id).append(block, data)

    def _file_of(self, session_id: bytes) -> SessionFile:
        if self._current is None or self._current[0] != session_id:
            if self._current is not None:
                self._current[1].save(close=True)
            self._current = (session_id, SessionFile(self.folder / f"{session_id.hex()}.olr"))
        return self._current[1]

    def _settle_checkpoint(self, block: BlockHead | None) -> None:
        """A checkpoint is the end of its session when another session follows; when its own goes on it is nothing."""
        if self._checkpoint is None:
            return
        checkpoint, data = self._checkpoint
        self._checkpoint = None
        if block is None or block.session_id != checkpoint.session_id:
            self._append(checkpoint, data)

    def finish(self, *, recording: bool) -> None:
        """All is home that there is; without a recording under way, a checkpoint is the last of its session."""
        if not recording:
            self._settle_checkpoint(None)
        self.save()

    def save(self) -> None:
        """Have the disk keep everything; a checkpoint that is undecided is asked for again."""
        if self._current is not None:
            self._current[1].save()
        seq = self.next_seq if self._checkpoint is None else min(self.next_seq, self._checkpoint[0].ring_seq + 1)
        _replace(self._state, json.dumps({"next_seq": seq}).encode())
        self._unsaved = 0

    def close(self) -> None:
        """Save, and close the files."""
        self.save()
        if self._current is not None:
            self._current[1].save(close=True)
            self._current = None


def _replace(path: Path, data: bytes) -> None:
    beside = path.with_suffix(path.suffix + ".new")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


Connect = Callable[[], Awaitable[Recorder]]
Say = Callable[[str], None]


class Sync:
    """Brings home what is missing.

    Args:
        folder: of the archive.
        connect: opens a session; called again after each loss.
        progress: called with (blocks done, blocks, bytes so far) .
        say: called with what goes on, in words.
        patience: losses in a row without a byte in between, until it is given up.
        keep: another folder for the record of the recorder's calibration, where cards that are read on this computer find it.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        connect: Connect,
        *,
        progress: Callable[[int, int, int], None] | None = None,
        say: Say | None = None,
        patience: int = 20,
        keep: Path | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.report = SyncReport()
        self._connect = connect
        self._progress = progress or (lambda done, of, size: None)
        self._say = say or (lambda words: None)
        self._patience = patience
        self._keep = keep
        self._archive: Archive | None = None
        self._ring_id = b""
        self._retried = -1

    async def run(self, *, follow: bool = False) -> SyncReport:
        """Until all is home; with `follow` until it is cancelled. What is home stays so, however it ends.

        Raises:
            LinkError: the recorder refuses, or does not come back.
        """
        losses, before = 0, 0
        try:
            while True:
                try:
                    if await self._session(follow):
                        return self.report
                except LinkLostError as error:
                    losses = losses + 1 if self.report.came == before else 1
                    before = self.report.came
                    if losses > self._patience:
                        raise
                    self.report.reconnects += 1
                    self._say(f"{error}; trying again")
                    await asyncio.sleep(_RETRY_S[min(losses, len(_RETRY_S)) - 1])
        finally:
            if self._archive is not None:
                self._archive.close()

    async def _session(self, follow: bool) -> bool:
        async with await self._connect() as recorder:
            await self._bring_calibration(recorder)
            while True:
                recording = await self._catch_up(recorder)
                if not follow:
                    return True
                await recorder.wait_for_notice(_FOLLOW_S if recording else 2 * _FOLLOW_S)

    async def _bring_calibration(self, recorder: Recorder) -> None:
        """Have the record of the recorder's calibration beside its recordings; one that is not sound stays where it is."""
        record = await recorder.calibration()
        if record is None:
            return
        try:
            found = calibration.parse(record, device_id=recorder.device_id.hex())
            for folder in (self.folder, self._keep):
                if folder is None or (folder / found.name).exists():
                    continue
                calibration.save(found, folder)
                self._say(f"calibration {found.calibration_id:08x} brought home to {folder}")
        except (CalibrationError, OSError) as error:
            self._say(f"the recorder's calibration was left: {error}")

    def _open_archive(self, ring_id: bytes) -> Archive:
        if self._archive is None or ring_id != self._ring_id:
            if self._archive is not None:
                self._archive.close()
            self._archive, self._ring_id = Archive(self.folder, ring_id), ring_id
        return self._archive

    async def _catch_up(self, recorder: Recorder) -> bool:
        """Fetch what there is now; return whether a recording is under way."""
        status = await recorder.status()
        for _ in range(_OVERTAKEN):
            there = await recorder.range()
            archive = self._open_archive(there.ring_id)
            self._skip_overwritten(archive, there)
            try:
                await self._fetch(recorder, archive, there.next_seq)
                break
            except AnswerError as error:  # overwritten between the two requests
                if error.answer != c.ANSWER_NOT_THERE:
                    raise
        recording = status.state == "recording"
        archive.finish(recording=recording)
        return recording

    def _skip_overwritten(self, archive: Archive, there: Range) -> None:
        if archive.next_seq > there.next_seq:
            raise LinkError(
                f"{self.folder} is ahead of the recorder ({archive.next_seq} to {there.next_seq}): is this another card's copy?"
            )
        if archive.next_seq < there.oldest_seq:
            if archive.next_seq:
                self._say(f"blocks {archive.next_seq} to {there.oldest_seq - 1} were overwritten before they came home")
            archive.next_seq, archive.part = there.oldest_seq, b""

    async def _fetch(self, recorder: Recorder, archive: Archive, last: int) -> None:
        first = archive.next_seq
        while archive.next_seq < last:
            part = archive.part
            blocks = recorder.fetch(archive.next_seq, last, len(part))
            try:
                async for piece in blocks:
                    if not await self._take(archive, piece, part):
                        break
                    self._progress(archive.next_seq - first, last - first, self.report.bytes)
            except LinkError:
                self._keep_part(recorder, archive)
                raise
            finally:
                await blocks.aclose()  # type: ignore[attr-defined]

    def _keep_part(self, recorder: Recorder, archive: Archive) -> None:
        piece = recorder.block_under_way()
        if piece is None or piece.ring_seq != archive.next_seq:
            return
        kept = archive.part[: piece.offset]
        if len(kept) == piece.offset:
            self.report.came += len(piece.data)
            archive.keep_part(kept + piece.data)

    async def _take(self, archive: Archive, piece: BlockPiece, part: bytes) -> bool:
        """Take a piece; False when the block has to be asked for once more, whole."""
        if not piece.data and not (piece.offset and part):
            archive.add(piece.ring_seq, b"")
            return True
        data = part[: piece.offset] + piece.data
        block = parse_block(data)
        self.report.came += len(piece.data)
        if block is None and not piece.offset:
            return True  # cut off, for it is being overwritten: an empty piece follows
        if (block is None or not block.is_sound) and self._retried != piece.ring_seq:
            self._retried = piece.ring_seq
            archive.keep_part(b"")
            archive.next_seq = piece.ring_seq
            return False
        if block is not None and not block.is_sound:
            self.report.damaged += 1
        if archive.add(piece.ring_seq, data):
            self.report.blocks += 1
            self.report.bytes += len(data)
        return True
