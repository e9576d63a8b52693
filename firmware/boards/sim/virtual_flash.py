# SPDX-License-Identifier: Apache-2.0
"""A virtual board for `octolead flash`: MicroPython's own prompt over a file system that is an image, as in a board's flash.

    micropython -i virtual_flash.py IMAGE BLOCKS HELD CUT TORN LOG [UNIQUE_ID [SERVES [ROTS]]]

The image is littlefs with the Pico's parameters; an empty file is formatted. main.py is run as at power-up, then the
prompt follows; `machine.reset()` ends the process, and whoever started it starts it again. After CUT block writes or
erasures (0: never) the process is killed: power is gone; of the write under way the first TORN bytes arrive. LOG (- for
none) gets every write: u32 block, u32 offset, u32 length, the bytes; length 0 is an erasure. UNIQUE_ID is the chip's, in
hexadecimal digits. Where SERVES is 1 a release that runs is as deaf to the prompt as a recorder. From write number
ROTS on each large one loses a bit some writes later, too late for littlefs, which reads back what it has just written.
"""

import os
import struct
import sys
from binascii import unhexlify

import vfs

BLOCK = 4096
ROTS_AFTER = 4
_ERASED = b"\xff" * BLOCK


class FlashImage:
    """The block device; MicroPython's extended interface, as littlefs wants it."""

    def __init__(self, path, n_blocks, cut=0, torn=0, log=None, rots=0):
        self.n_blocks = n_blocks
        self.cut = cut
        self.torn = torn
        self.log = log
        self.rots = rots
        self.writes = 0
        self.rotting = []
        self.file = open(path, "r+b")
        self.file.seek(0, 2)
        self.is_new = self.file.tell() != n_blocks * BLOCK
        if self.is_new:
            self.file.seek(0)
            for _ in range(n_blocks):
                self.file.write(_ERASED)

    def _change(self, at, data, block, offset, length):
        if self.cut == 1:
            data = data[: self.torn]
        self.file.seek(at)
        self.file.write(data)
        self.file.flush()
        if self.log:
            self.log.write(struct.pack("<III", block, offset, length))
            if length:
                self.log.write(data)
            self.log.flush()
        if self.cut:
            self.cut -= 1
            if not self.cut:
                os.system("kill -9 $PPID")  # noqa: S605, S607 (no handler of ours runs any more)

    def _rot(self, at, length):
        """A large write loses a bit a few writes later."""
        self.writes += 1
        if self.rots and self.writes >= self.rots and length > 200:
            self.rotting.append((self.writes + ROTS_AFTER, at + 150))
        while self.rotting and self.rotting[0][0] <= self.writes:
            self._lose(self.rotting.pop(0)[1])

    def _lose(self, at):
        self.file.seek(at)
        byte = self.file.read(1)[0]
        self.file.seek(at)
        self.file.write(bytes([byte ^ 4]))
        self.file.flush()

    def readblocks(self, block, buffer, offset=0):
        """Fill buffer."""
        self.file.seek(block * BLOCK + offset)
        self.file.readinto(buffer)

    def writeblocks(self, block, buffer, offset=0):
        """Program bytes that were erased."""
        self._rot(block * BLOCK + offset, len(buffer))
        self._change(block * BLOCK + offset, buffer, block, offset, len(buffer))

    def ioctl(self, request, argument):
        """4 blocks, 5 bytes of a block, 6 erase one."""
        if request == 4:
            return self.n_blocks
        if request == 5:
            return BLOCK
        if request == 6:
            self._change(argument * BLOCK, _ERASED, argument, 0, 0)
        return 0


class Machine:
    """What main.py and the installer ask of `machine`."""

    class Pin:
        """The button: held or not."""

        IN = PULL_UP = 0
        held = False

        def __init__(self, *_):
            pass

        def value(self):
            """Return 0 when it is held."""
            return 0 if self.held else 1

    chip_id = b""
    serves = False

    @classmethod
    def unique_id(cls):
        """Return the chip's own number."""
        return cls.chip_id

    @staticmethod
    def reset():
        """End the process; whoever started it starts it again."""
        os.system("kill -TERM $PPID")  # noqa: S605, S607 (a SystemExit would lead to the prompt)

    soft_reset = reset


def mount(device):
    """Make the image the whole file system, formatted where it is new."""
    if device.is_new:
        vfs.VfsLfs2.mkfs(device, progsize=256)
    vfs.umount("/")
    vfs.mount(vfs.VfsLfs2(device, progsize=256, readsize=32, lookahead=32), "/")
    sys.path[:] = ["", "/lib"]


def power_up(path, n_blocks, held, cut, torn, log, unique_id="", serves="0", rots="0"):
    """What a board does until its prompt."""
    device = FlashImage(path, int(n_blocks), int(cut), int(torn), None if log == "-" else open(log, "ab"), int(rots))
    Machine.Pin.held = held == "1"
    Machine.chip_id = unhexlify(unique_id)
    Machine.serves = serves == "1"
    sys.modules["machine"] = Machine
    mount(device)
    sys.modules.pop("__main__", None)
    try:
        os.stat("main.py")
    except OSError:
        return
    with open("main.py") as file:
        code = file.read()
    exec(compile(code, "main.py", "exec"), {"__name__": "__main__"})  # noqa: S102 (what a board does)


if __name__ == "__main__":
    power_up(*sys.argv[1:])
