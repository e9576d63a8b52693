# SPDX-License-Identifier: Apache-2.0
"""What a foreign file looks like, so that an error can say more than "not a recording"."""

from __future__ import annotations

_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (128, b"DICM", "a DICOM file; `octolead encode` converts 12-lead waveforms"),
    (0, b"0       ", "an EDF file"),
    (0, b"\xffBIOSEMI", "a BDF file"),
    (0, b"\x89PNG", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive (npz, docx, … too)"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"\xfd7zXZ", "an xz archive"),
    (0, b"7z\xbc\xaf", "a 7z archive"),
    (0, b"\x7fELF", "a program"),
    (0, b"\x89HDF", "an HDF5 or MATLAB 7.3 file"),
    (0, b"MATLAB 5.0", "a MATLAB file; if a WFDB .hea stands beside it, `octolead encode` takes that"),
    (0, b"\x93NUMPY", "a numpy array"),
    (0, b"SQLite format 3", "an SQLite database"),
    (0, b"fLaC", "a FLAC sound file"),
    (0, b"RIFF", "a RIFF file (WAV, AVI)"),
    (0, b"OLNV", "an input for the simulator"),
    (14, b"SCPECG", "an SCP-ECG file"),
    (0, b"<?xml", "an XML file"),
    (3, b"EXFAT", "an exFAT disk image; a recorder's card is FAT32"),
    (3, b"NTFS", "an NTFS disk image; a recorder's card is FAT32"),
)


def looks_like(head: bytes, name: str = "") -> str:
    """What the first bytes of a file (a few hundred at least) suggest it is, as a phrase after "it looks like"."""
    for offset, magic, what in _SIGNATURES:
        if head[offset : offset + len(magic)] == magic:
            return what
    if not head.strip(b"\x00"):
        return "nothing but zeros"
    if name.lower().endswith(".hea"):
        return "a WFDB header; `octolead encode` converts the record"
    text = sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in head)
    if text > 0.95 * len(head):
        return "a text file"
    return f"nothing known here (it begins {head[:8].hex(' ')})"
