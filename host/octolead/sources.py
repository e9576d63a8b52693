# SPDX-License-Identifier: Apache-2.0
"""Where recordings come from: card image, folder of segments, mounted card, one segment, `.olr`.

`open_source` tells them apart by what they hold, not by their names, maps them into memory and gives the
stretches blocks are read from. No file is ever read whole.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from . import _constants as c
from .errors import SourceError
from .fat import Entry, FatVolume, Run, looks_like_disk
from .findings import Findings
from .segment import Extent, SegmentHeader, open_segment, parse_segment_header
from .sniff import looks_like

CARD_FOLDER = "OCTOLEAD"
SEGMENT_SUFFIX = ".OLS"
_HEAD = 4096


@dataclass
class Source:
    """An opened source.

    Attributes:
        path: as given.
        kind: ``card image``, ``mounted card``, ``segment folder``, ``segment`` or ``olr``.
        extents: where blocks may be, in ring order.
        findings: what was noticed on the way.
    """

    path: Path
    kind: str
    extents: list[Extent] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)
    _maps: list[tuple[mmap.mmap, memoryview]] = field(default_factory=list)

    def map_file(self, path: Path) -> memoryview:
        """Map a file for reading. An empty file gives an empty view."""
        try:
            with path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                if not size:
                    return memoryview(b"")
                mapped = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
        except OSError as error:
            raise SourceError(f"{path}: cannot be read: {error.strerror or error}", path=str(path), kind="unreadable") from error
        view = memoryview(mapped)
        self._maps.append((mapped, view))
        return view

    def release_pages(self) -> None:
        """Let the system take back the memory that the files' pages fill."""
        for mapped, _ in self._maps:
            if hasattr(mmap, "MADV_DONTNEED"):
                mapped.madvise(mmap.MADV_DONTNEED)

    def close(self) -> None:
        """Give the files back. Arrays handed out stay valid, for they are copies."""
        self.extents.clear()
        for mapped, view in self._maps:
            try:
                view.release()
                mapped.close()
            except BufferError:
                pass  # someone still holds a slice: the mapping goes with it
        self._maps.clear()


def open_source(path: str | os.PathLike[str]) -> Source:
    """Open whatever `path` is.

    Raises:
        SourceError: with `kind` one of ``missing``, ``unreadable``, ``empty``, ``foreign``, ``no-volume``,
            ``not-fat32``, ``no-segments``, ``newer-version``; the message says what to do.
    """
    where = Path(path)
    if not where.exists():
        raise SourceError(f"{where}: no such file or folder", path=str(where), kind="missing")
    source = Source(where, "")
    try:
        if where.is_dir():
            _open_folder(source)
        else:
            _open_file(source)
        _check_ring(source)
    except BaseException:
        source.close()
        raise
    return source


def _open_folder(source: Source) -> None:
    try:
        names = sorted(p.name for p in source.path.iterdir())
    except OSError as error:
        raise SourceError(f"{source.path}: cannot be listed: {error.strerror}", path=str(source.path), kind="unreadable") from error
    card = next((n for n in names if n.upper() == CARD_FOLDER and (source.path / n).is_dir()), None)
    folder = source.path / card if card else source.path
    source.kind = "mounted card" if card else "segment folder"
    segments = sorted(p.name for p in folder.iterdir() if p.name.upper().endswith(SEGMENT_SUFFIX))
    if not segments:
        others = [n for n in names if n.lower().endswith((".olr", ".img"))]
        hint = (
            f"; it holds {others[0]}: give that file"
            if others
            else "; give a folder that holds SEG00000.OLS …, or a card's top folder with OCTOLEAD in it"
        )
        raise SourceError(
            f"{folder}: no segment files ({SEGMENT_SUFFIX}) in this folder{hint}",
            path=str(source.path),
            kind="no-segments",
        )
    for name in segments:
        extent = open_segment(source.map_file(folder / name), name, source.findings)
        if extent is not None:
            source.extents.append(extent)
    _need_extents(source, f"none of the {len(segments)} segment files in it can be read")


def _open_file(source: Source) -> None:
    data = source.map_file(source.path)
    name = source.path.name
    if not data:
        raise SourceError(f"{source.path}: the file is empty (0 bytes)", path=str(source.path), kind="empty", offset=0)
    head = bytes(data[:4])
    if head == c.SEGMENT_MAGIC or (name.upper().endswith(SEGMENT_SUFFIX) and head != c.BLOCK_MAGIC):
        source.kind = "segment"
        extent = open_segment(data, name, source.findings)
        source.extents = [extent] if extent else []
        _need_extents(source, "the segment cannot be read")
    elif head == c.BLOCK_MAGIC:
        source.kind, source.extents = "olr", [Extent(name, data, "flat")]
    elif looks_like_disk(data):
        _open_image(source, data)
    else:
        _open_by_search(source, data)


def _need_extents(source: Source, what: str) -> None:
    if source.extents:
        return
    reasons = "; ".join(f.message for f in source.findings)
    newer = any(f.kind == "newer-version" for f in source.findings)
    raise SourceError(
        f"{source.path}: {what}" + (f": {reasons}" if reasons else ""),
        path=str(source.path),
        kind="newer-version" if newer else "no-segments",
    )


def _open_image(source: Source, data: memoryview) -> None:
    source.kind = "card image"
    name = source.path.name
    try:
        volume = FatVolume(data, name, source.findings)
    except SourceError as error:
        if not _rescue(source, data):
            raise
        source.findings.warning("no-volume", f"{error}; segments were found by searching for them", source=name, offset=0)
        return
    folder = volume.find(None, CARD_FOLDER)
    entries = [e for e in volume.entries(folder.cluster) if e.name.upper().endswith(SEGMENT_SUFFIX)] if folder else []
    for entry in sorted(entries, key=lambda e: e.name):
        view = _gather(source, data, volume.runs(_as_long_as_said(source, data, volume, entry)))
        extent = open_segment(view, entry.name, source.findings) if view else None
        if extent is not None:
            source.extents.append(extent)
    if not source.extents and _rescue(source, data):
        source.findings.warning(
            "directory",
            f"{name}: no readable folder {CARD_FOLDER} on the card; segments were found by searching for them",
            source=name,
        )
    if not source.extents:
        why = (
            "its segment files cannot be read"
            if entries
            else f"the folder {CARD_FOLDER} is empty"
            if folder
            else f"there is no folder {CARD_FOLDER} on it"
        )
        raise SourceError(
            f"{source.path}: a FAT32 card image without recordings: {why}; has the card been in a recorder?",
            path=str(source.path),
            kind="no-segments",
        )


def _as_long_as_said(source: Source, data: memoryview, volume: FatVolume, entry: Entry) -> Entry:
    """The entry, with the size that the segment's own header says where the directory says less and the card has room for it."""
    at = volume.place(entry.cluster)
    header = _header_at(data, at) if 0 <= at <= len(data) - c.SEGMENT_HEADER_SIZE else None
    size = (header.slots_per_segment + 1) * header.slot_bytes if header else 0
    if size <= entry.size or at + size > len(data):
        return entry
    source.findings.warning(
        "fat-entry",
        f"{entry.name}: the directory says {entry.size} bytes, its header {size}, which are read",
        source=source.path.name,
        offset=entry.offset,
    )
    return replace(entry, size=size)


def _gather(source: Source, data: memoryview, runs: list[Run]) -> memoryview:
    """A file's bytes: a view if it is contiguous (a recorder's always is), a mapped temporary copy if not."""
    if len(runs) == 1:
        return data[runs[0].offset : runs[0].offset + runs[0].length]
    if not runs:
        return memoryview(b"")
    with tempfile.NamedTemporaryFile(prefix="octolead-") as copy:
        for run in runs:
            copy.write(data[run.offset : run.offset + run.length])
        copy.flush()
        return source.map_file(Path(copy.name))


def _rescue(source: Source, data: memoryview) -> bool:
    """Find segments by their headers at sector boundaries, where the file system does not help."""
    mapped = next(m for m, view in source._maps if view is data)
    found: dict[int, Extent] = {}
    at = mapped.find(c.SEGMENT_MAGIC)
    while at >= 0:
        header = _header_at(data, at) if at % c.SECTOR_BYTES == 0 else None
        if header is not None and header.segment_index not in found:
            size = (header.slots_per_segment + 1) * header.slot_bytes
            found[header.segment_index] = Extent(
                f"SEG{header.segment_index:05d}{SEGMENT_SUFFIX}",
                data[at : at + size],
                "ring",
                header.slot_bytes,
                header,
            )
        at = mapped.find(c.SEGMENT_MAGIC, at + 4)
    source.extents = [found[i] for i in sorted(found)]
    return bool(found)


def _header_at(data: memoryview, at: int) -> SegmentHeader | None:
    try:
        header = parse_segment_header(data, at)
    except SourceError:
        return None
    return header if isinstance(header, SegmentHeader) else None


def _open_by_search(source: Source, data: memoryview) -> None:
    """A file that begins like nothing we know: an image without boot sector, an `.olr` with a damaged first block, or foreign."""
    name = source.path.name
    mapped = source._maps[0][0]
    at = mapped.find(c.BLOCK_MAGIC)
    while at >= 0 and at % 4:
        at = mapped.find(c.BLOCK_MAGIC, at + 1)
    if at >= 0 and len(data) % c.SECTOR_BYTES == 0 and _rescue(source, data):
        source.kind = "card image"
        source.findings.warning("no-volume", f"{name}: no boot sector; segments were found by searching for them", source=name, offset=0)
    elif at >= 0:
        source.kind, source.extents = "olr", [Extent(name, data, "flat")]
    else:
        raise SourceError(
            f"{source.path}: not a recording: it looks like {looks_like(bytes(data[:_HEAD]), name)}",
            path=str(source.path),
            kind="foreign",
            offset=0,
        )


def _check_ring(source: Source) -> None:
    """Leave out segments of another ring, report what is twice or missing."""
    headers = [(e, e.header) for e in source.extents if e.header is not None]
    if not headers:
        return
    votes = Counter(h.ring_id for _, h in headers)
    ring = max(votes, key=lambda r: votes[r])  # the first of equals: names are in order
    own = [(e, h) for e, h in headers if h.ring_id == ring]
    chosen = own[0][1]
    for extent, header in headers:
        if header.ring_id != ring:
            what = f"of another device ({header.device_id})" if header.device_id != chosen.device_id else "of another ring"
            source.findings.warning(
                "foreign-segment",
                f"{extent.name}: a segment {what} among those of device {chosen.device_id}; left out",
                source=extent.name,
                offset=0,
            )
            source.extents.remove(extent)
    _check_indices(source, own, chosen)


def _check_indices(source: Source, own: list[tuple[Extent, SegmentHeader]], chosen: SegmentHeader) -> None:
    seen: dict[int, str] = {}
    for extent, header in own:
        if header.segment_index in seen:
            source.findings.warning(
                "segment-twice",
                f"{extent.name}: segment {header.segment_index} again, first in {seen[header.segment_index]}",
                source=extent.name,
                offset=24,
            )
        if header.segment_count != chosen.segment_count:
            source.findings.warning(
                "segment-count",
                f"{extent.name}: says {header.segment_count} segments, others {chosen.segment_count}",
                source=extent.name,
                offset=26,
            )
        seen.setdefault(header.segment_index, extent.name)
    missing = [i for i in range(chosen.segment_count) if i not in seen]
    headless = sum(e.header is None for e in source.extents)
    if source.kind != "segment" and len(missing) > headless:
        names = ", ".join(f"SEG{i:05d}{SEGMENT_SUFFIX}" for i in missing[:4]) + (" …" if len(missing) > 4 else "")
        source.findings.error(
            "segment-missing",
            f"{len(missing)} of {chosen.segment_count} segments are missing: {names}",
            source=str(source.path.name),
            frames=None,
        )
