# SPDX-License-Identifier: Apache-2.0
"""Read a MicroPython .mpy file (version 6): its constant tables and its tree of raw code.

Only what is needed to run machine code is kept; byte code is skipped over.  The layout, all
integers being big-endian base-128 with the top bit meaning "more follows":

    'M', 6, feature, small-int bits
        feature: bits 1..0 sub-version, bits 5..2 architecture, bit 6 "arch flags follow"
    [arch flags]
    n_qstr, n_obj, then that many qstrs and objects
    raw code: (len << 3 | has_children << 2 | kind), len bytes, what the kind adds, children
"""

from __future__ import annotations

from dataclasses import dataclass, field

KIND_BYTECODE, KIND_NATIVE, KIND_VIPER, KIND_ASM = range(4)

ARCH_NAMES = {
    4: "armv6m",
    5: "armv7m",
    6: "armv7em",
    7: "armv7emsp",
    8: "armv7emdp",
}

FLAG_RELOC, FLAG_RODATA, FLAG_BSS = 0x10, 0x20, 0x40

_OBJ_FUN_TABLE, _OBJ_TUPLE = 0, 10
_OBJ_SINGLETONS = {1: None, 2: False, 3: True, 4: Ellipsis}
_OBJ_STR, _OBJ_BYTES, _OBJ_INT = 5, 6, 7


class MpyError(ValueError):
    """The bytes are not a .mpy file this reader knows; says at which offset."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(f"{message} (at byte {offset} of the .mpy)")
        self.offset = offset


class FunTable:
    """Stands in the object table where the loader puts the address of mp_fun_table."""


@dataclass
class RawCode:
    """One function (or the module itself): its kind, its code and the functions in it."""

    kind: int
    data: bytes
    scope_flags: int = 0
    children: list[RawCode] = field(default_factory=list)


@dataclass
class MpyFile:
    """What a .mpy holds; a qstr that is built into MicroPython is known by number only."""

    arch: str
    small_int_bits: int
    qstrs: list[str]
    objects: list[object]
    module: RawCode


class _Reader:
    """A cursor over the bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.pos = 0

    def take(self, n_bytes: int) -> bytes:
        if self.pos + n_bytes > len(self.data):
            raise MpyError(f"{n_bytes} bytes wanted, {len(self.data) - self.pos} left", self.pos)
        self.pos += n_bytes
        return self.data[self.pos - n_bytes : self.pos]

    def byte(self) -> int:
        return self.take(1)[0]

    def uint(self) -> int:
        value = 0
        while True:
            octet = self.byte()
            value = value << 7 | octet & 0x7F
            if not octet & 0x80:
                return value


def parse_mpy(data: bytes) -> MpyFile:
    """Parse the bytes of a .mpy file made for a Cortex-M."""
    reader = _Reader(data)
    arch, small_int_bits = _read_header(reader)
    n_qstrs, n_objects = reader.uint(), reader.uint()
    qstrs = [_read_qstr(reader) for _ in range(n_qstrs)]
    objects = [_read_object(reader) for _ in range(n_objects)]
    return MpyFile(arch, small_int_bits, qstrs, objects, _read_raw_code(reader))


def _read_header(reader: _Reader) -> tuple[str, int]:
    magic, version, feature, small_int_bits = reader.take(4)
    if magic != ord("M") or version != 6:
        raise MpyError(f"not a .mpy of version 6: starts {magic:#x}, {version}", 0)
    if feature & 0x40:
        reader.uint()  # architecture flags
    arch = feature >> 2 & 0x0F
    if arch not in ARCH_NAMES:
        raise MpyError(f"architecture {arch} is no Cortex-M", 2)
    return ARCH_NAMES[arch], small_int_bits


def _read_qstr(reader: _Reader) -> str:
    length = reader.uint()
    if length & 1:
        return f"<static qstr {length >> 1}>"
    return reader.take((length >> 1) + 1)[:-1].decode()


def _read_object(reader: _Reader) -> object:
    kind = reader.byte()
    if kind == _OBJ_FUN_TABLE:
        return FunTable()
    if kind in _OBJ_SINGLETONS:
        return _OBJ_SINGLETONS[kind]
    if kind == _OBJ_TUPLE:
        return tuple(_read_object(reader) for _ in range(reader.uint()))
    raw = reader.take(reader.uint())
    if kind in (_OBJ_STR, _OBJ_BYTES):
        reader.byte()  # a terminating zero
        return raw.decode() if kind == _OBJ_STR else raw
    return int(raw) if kind == _OBJ_INT else complex(raw.decode())


def _read_raw_code(reader: _Reader) -> RawCode:
    head = reader.uint()
    code = RawCode(head & 3, reader.take(head >> 3))
    if code.kind == KIND_NATIVE:
        reader.uint()  # offset of the prelude
    elif code.kind != KIND_BYTECODE:
        _read_machine_code_tail(reader, code)
    if head & 4:
        code.children = [_read_raw_code(reader) for _ in range(reader.uint())]
    return code


def _read_machine_code_tail(reader: _Reader, code: RawCode) -> None:
    """Flags, and for inline assembler the signature; linked C modules are not for us."""
    code.scope_flags = reader.uint()
    if code.kind == KIND_ASM:
        reader.uint()  # number of arguments
        reader.uint()  # type signature
    elif code.scope_flags & (FLAG_RELOC | FLAG_RODATA | FLAG_BSS):
        raise MpyError("a linked C module (rodata, bss, relocations), not compiled Python", reader.pos)
