# SPDX-License-Identifier: Apache-2.0
"""The card: our FAT32 against fsck.vfat and mtools, extents against the FAT, and what `open_store` refuses."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import spec_reader as spec
from conftest import needs_micropython, run_micropython, run_simulator
from hypothesis import given
from hypothesis import strategies as st
from recorder.errors import CardError
from recorder.fat32_format import MIN_CLUSTERS, format_card, layout
from recorder.store import MAX_SEGMENT_BYTES, plan

FSCK = shutil.which("fsck.vfat") or shutil.which("fsck.vfat", path="/usr/sbin:/sbin")
needs_fsck = pytest.mark.skipif(FSCK is None, reason="no fsck.vfat (dosfstools)")
needs_mtools = pytest.mark.skipif(shutil.which("mcopy") is None, reason="no mtools")

CASES = (
    "format and mount",
    "contiguous file",
    "fragmented file",
    "partition table",
    "no file system",
    "FAT16",
    "fragmented card",
    "full card",
    "write-protected card",
    "missing segment",
    "half-made ring",
    "damaged header",
    "reopened ring",
    "unknown blocks",
    "directory with names that are none",
    "boot sector from its backup",
    "unreadable file system",
    "a directory that the FAT says is free",
    "a directory that is none",
)


@needs_micropython
def test_volumes_extents_and_rings(tmp_path):
    lines = run_micropython(Path(__file__).parent / "mp_card.py", tmp_path).splitlines()
    assert lines == ["ok " + case for case in CASES]


def fsck(image):
    done = subprocess.run([FSCK, "-n", "-v", str(image)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for complaint in ("differ", "Dirty", "wrong", "Wrong", "Orphan", "Free cluster summary"):
        assert complaint not in done.stdout, done.stdout


class FileDevice:
    """The block device that the formatter needs, over a file, without MicroPython."""

    def __init__(self, path, n_sectors):
        self.file = open(path, "w+b")
        self.file.truncate(n_sectors * 512)
        self.n_sectors = n_sectors

    def writeblocks(self, sector, buffer):
        self.file.seek(sector * 512)
        self.file.write(buffer)

    def ioctl(self, request, _):
        self.file.flush()
        return self.n_sectors if request == 4 else 0


@needs_fsck
@pytest.mark.parametrize("n_sectors", [34 * 2048, 34 * 2048 + 1, 150000, 260 * 2048 + 7, 5_000_000, 33_000_000, 70_000_000])
def test_fsck_finds_nothing_after_the_format_alone(tmp_path, n_sectors):
    path = tmp_path / "card.img"
    device = FileDevice(path, n_sectors)
    format_card(device, serial=0x12345678)
    device.file.close()
    fsck(path)
    with open(path, "rb") as file:
        first = file.read(8 * 512)
    assert first[: 2 * 512] == first[6 * 512 : 8 * 512]
    assert first[512:516] == b"RRaA"
    assert first[510:512] == b"\x55\xaa"
    path.unlink()


@needs_micropython
@needs_fsck
@pytest.mark.parametrize("card_mib", [34, 64, 260, 300, 1024, 4096, 9000, 40000])
def test_fsck_finds_nothing_after_format_prepare_and_a_session(tmp_path, card_mib):
    run = run_simulator(tmp_path, card_mib=card_mib, frames=3000)
    assert run.code == 0
    fsck(tmp_path / "card.img")
    (tmp_path / "card.img").unlink()


@needs_micropython
@needs_mtools
def test_the_files_hold_what_the_ring_holds(tmp_path, input_500):
    """mtools, which knows nothing of us, copies the segment out of the image; block i lies at slot 1 + i."""
    run = run_simulator(tmp_path, input=input_500, card_mib=40, ring_mib=8, frames=5000)
    subprocess.run(["mcopy", "-i", tmp_path / "card.img", "::OCTOLEAD/SEG00000.OLS", tmp_path / "out"], check=True)
    data = (tmp_path / "out").read_bytes()
    assert len(data) == 8 << 20
    blocks = [spec.parse_block(data[8192 * (1 + i) :]) for i in range(run.status["blocks"])]
    assert [block.number for block in blocks] == list(range(run.status["blocks"]))
    assert blocks[-1].end == 5000


@needs_micropython
def test_several_segments_make_one_ring(tmp_path, input_500):
    run = run_simulator(tmp_path, input=input_500, card_mib=2600, frames=500)
    assert run.code == 0
    starts = []
    with open(tmp_path / "card.img", "rb") as file:
        end = file.seek(0, os.SEEK_END)
        at = 8192 * 512
        while at < end:  # the image is sparse: look at what was written only
            head = os.pread(file.fileno(), 26, at)
            if head[:4] == b"\x8fOLS":
                starts.append(int.from_bytes(head[24:26], "little"))
            try:
                at = max(at + 4096, os.lseek(file.fileno(), at + 4096, os.SEEK_DATA) // 4096 * 4096)
            except OSError:
                break
    assert starts == [0, 1, 2]
    assert run.status["ring_slots"] % 3 == 0
    (tmp_path / "card.img").unlink()


@given(st.integers(34 * 2048, 2**31))
def test_a_layout_is_always_fat32(n_sectors):
    cluster, reserved, fat, clusters = layout(n_sectors)
    assert cluster in (1, 2, 4, 8, 16, 32, 64)
    assert MIN_CLUSTERS <= clusters < 0x0FFFFFF5
    assert 512 * fat >= 4 * (clusters + 2)
    assert reserved + 2 * fat + clusters * cluster <= n_sectors < reserved + 2 * fat + (clusters + 1) * cluster
    assert (reserved + 2 * fat) % cluster == 0
    assert reserved < 65536


def test_a_card_that_is_too_small_is_refused_with_both_numbers():
    with pytest.raises(CardError) as error:
        layout(20000)
    assert error.value.kind == "card_too_small"
    assert "20000" in str(error.value)


@given(st.integers(4 << 20, 1 << 40), st.sampled_from([4096, 8192, 16384]))
def test_segments_are_equal_whole_slots_and_at_most_a_gibibyte(free, slot_bytes):
    count, size = plan(free, slot_bytes)
    assert size <= MAX_SEGMENT_BYTES
    assert size % slot_bytes == 0
    assert count * size <= free
    assert free - count * size <= (1 << 20) + count * slot_bytes
