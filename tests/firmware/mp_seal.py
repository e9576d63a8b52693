# SPDX-License-Identifier: Apache-2.0
"""Under MicroPython, 64 and 32 bits: seal.py gives the vectors of tests/vectors/seal. Where there is no `cryptolib` only the tags."""

import sys

sys.path.insert(0, sys.argv[1])

import json

from recorder import constants as c
from recorder import link_crypto
from recorder.block import _put_crcs
from recorder.seal import BlockSeal

FOLDER = sys.argv[2]


def unhex(text):
    return bytes(int(text[i : i + 2], 16) for i in range(0, len(text), 2))


def read(name):
    with open(FOLDER + "/" + name, "rb") as file:
        return file.read()


meta = json.loads(read("seal.json"))
plain = read("plain.bin")
key, session = unhex(meta["device_key"]), unhex(meta["session_id"])
count = 0
for name, encrypt in (("chained", False), ("encrypted", True)):
    if encrypt and link_crypto._aes is None:
        continue
    wanted = read(name + ".bin")
    seal = BlockSeal(key, session, encrypt)
    at = 0
    for n in meta["block_bytes"]:
        buffer = bytearray(16384)
        buffer[:n] = plain[at : at + n]
        buffer[n:] = b"\xaa" * (16384 - n)
        view = memoryview(buffer)
        buffer[c.BLOCK_HEADER_FLAGS] |= seal.flags
        seal.close(view, n)
        _put_crcs(view, n)
        assert bytes(view[:n]) == wanted[at : at + n], (name, count)
        assert not encrypt or not any(view[n : (n + 511) // 512 * 512]), "plain bytes behind the block"
        if not buffer[c.BLOCK_HEADER_FLAGS] & c.FLAG_CHECKPOINT:
            seal.keep(view)
        seal.reopen(view, n)
        assert bytes(view[c.BLOCK_HEADER_SIZE : n]) == plain[at + c.BLOCK_HEADER_SIZE : at + n]
        at += n
        count += 1
print(count, "vectors")
