# SPDX-License-Identifier: Apache-2.0
"""Cut power before, in the middle of and behind every write of a journal, and boot each time: which release would run?

    micropython mp_flash_boots.py MAIN_FOLDER IMAGE JOURNAL

IMAGE is the flash before, JOURNAL what virtual_flash.py wrote down. Prints one JSON line: for each cut [version or null,
is there a main.py and is it whole]; a file system that does not mount or a boot that fails ends the run with its error.
"""

import hashlib
import json
import os
import struct
import sys

import vfs

sys.path.insert(0, sys.argv[1])
import main

BLOCK = 4096


class Overlay:
    """A flash whose changes are forgotten: each boot writes to a copy of the blocks it touches."""

    def __init__(self, base):
        self.base = base
        self.blocks = {}

    def _block(self, n):
        return self.blocks.get(n) or memoryview(self.base)[n * BLOCK : (n + 1) * BLOCK]

    def readblocks(self, block, buffer, offset=0):
        at = 0
        while at < len(buffer):
            data = self._block(block)[offset : offset + len(buffer) - at]
            buffer[at : at + len(data)] = data
            at += len(data)
            block += 1
            offset = 0

    def writeblocks(self, block, buffer, offset=0):
        if block not in self.blocks:
            self.blocks[block] = bytearray(self._block(block))
        self.blocks[block][offset : offset + len(buffer)] = buffer

    def ioctl(self, request, argument):
        if request == 4:
            return len(self.base) // BLOCK
        if request == 5:
            return BLOCK
        if request == 6:
            self.blocks[argument] = bytearray(b"\xff" * BLOCK)
        return 0


def boot(base):
    """Return [version that runs, SHA-256 of main.py or null]."""
    vfs.mount(vfs.VfsLfs2(Overlay(base), progsize=256, readsize=32, lookahead=32), "/flash")
    try:
        try:
            with open("/flash/main.py", "rb") as file:
                entry = hashlib.sha256(file.read()).digest()[:4]
            entry = "".join("%02x" % byte for byte in entry)
        except OSError:
            entry = None
        folder, manifest = main.choose("/flash/release") if "release" in os.listdir("/flash") else (None, {})
        state = main.read_json("/flash/release/state.json")
        again, _ = main.choose("/flash/release") if folder else (None, {})
        if again != folder and state["run"] == state["good"]:
            raise ValueError("the next boot runs %s, this one %s" % (again, folder))
        return [manifest.get("version"), entry]
    finally:
        vfs.umount("/flash")


def replay(image, journal):
    base = bytearray(image)
    seen = [boot(base)]
    at = 0
    while at < len(journal):
        block, offset, length = struct.unpack_from("<III", journal, at)
        at += 12
        start = block * BLOCK + offset
        data = journal[at : at + length] if length else b"\xff" * BLOCK
        at += length
        half = len(data) // 2
        base[start : start + half] = data[:half]
        seen.append(boot(base))
        base[start : start + len(data)] = data
        seen.append(boot(base))
    return seen


with open(sys.argv[2], "rb") as file:
    IMAGE = file.read()
with open(sys.argv[3], "rb") as file:
    JOURNAL = file.read()
print(json.dumps(replay(IMAGE, JOURNAL)))
