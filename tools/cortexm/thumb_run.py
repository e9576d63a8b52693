# SPDX-License-Identifier: Apache-2.0
"""Run one compiled viper function on an emulated Cortex-M and count its instructions.

The emulator plays the loader: it lays out a function object, the module's constant tables and
the table of runtime functions (mp_fun_table), then calls the code as the VM would,
`fun(self, n_args, n_kw, args)`.  An entry of mp_fun_table is a stub of one `bx lr` with a
Python handler behind it.

Counted: every instruction of the function itself, also the one skipped by a failed condition
in an IT block (it takes its cycle too; a comparison has one).  Not counted: the VM's call and
what the runtime functions cost; those are returned by name, `Run.calls`.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from unicorn import (  # type: ignore[attr-defined]
    UC_ARCH_ARM,
    UC_HOOK_BLOCK,
    UC_HOOK_CODE,
    UC_MODE_MCLASS,
    UC_MODE_THUMB,
    Uc,
    UcError,
)
from unicorn.arm_const import (
    UC_ARM_REG_LR,
    UC_ARM_REG_PC,
    UC_ARM_REG_R0,
    UC_ARM_REG_R1,
    UC_ARM_REG_R2,
    UC_ARM_REG_R3,
    UC_ARM_REG_SP,
    UC_CPU_ARM_CORTEX_M33,
)

from tools.cortexm.mpy_file import FunTable, MpyFile, RawCode

Buffer = bytes | bytearray | memoryview
Value = int | bool | Buffer | None

CODE, STUBS, TABLES, STACK, HEAP = 0x10000000, 0x10800000, 0x20000000, 0x20100000, 0x20200000
_REGION_SIZE, _HEAP_SIZE = 0x100000, 0x1000000
_STOP = STUBS + 0x8000
_HANDLES = 0x30000000  # addresses of objects that exist only in Python; never mapped

# Positions in mp_fun_table (py/nativeglue.h, mpy version 6).
FUN_TABLE_NAMES = """
const_none const_false const_true native_from_obj native_to_obj swap_globals load_name
load_global load_build_class load_attr load_method load_super_method store_name store_global
store_attr obj_subscr obj_is_true unary_op binary_op new_tuple new_list new_dict new_set
set_store list_append dict_store make_function call_function_n_kw call_method_n_kw
call_method_n_kw_var getiter iternext nlr_push nlr_pop raise import_name import_from
import_all new_slice unpack_sequence unpack_ex delete_name delete_global new_closure
arg_check_num_sig setup_code_state small_int_floor_divide small_int_modulo yield_from setjmp
""".split()  # noqa: SIM905 - as a list it would be fifty lines

_TYPE_OBJ, _TYPE_BOOL, _TYPE_INT, _TYPE_UINT = range(4)


class ViperRefused(NotImplementedError):
    """The function calls something of the runtime that is not emulated."""


class ViperFault(RuntimeError):
    """The emulated processor stopped: a bad address, an unknown instruction, no end."""


@dataclass
class Run:
    """What one call did.

    `blocks` holds, by address relative to the start of the code, how often each straight run
    of instructions was entered and its size in bytes; `calls` what was asked of the runtime.
    """

    result: Value
    instructions: int
    calls: Counter[str]
    buffers: list[bytes]
    blocks: Counter[tuple[int, int]] = field(repr=False)


def signed32(value: int) -> int:
    """The low 32 bits, read as a signed number."""
    return (value & 0xFFFFFFFF ^ 0x80000000) - 0x80000000


def count_thumb(code: bytes) -> int:
    """Number of Thumb instructions in straight code; the first halfword tells the length."""
    n_instructions = pos = 0
    while pos < len(code):
        pos += 4 if code[pos + 1] >> 3 in (0b11101, 0b11110, 0b11111) else 2
        n_instructions += 1
    return n_instructions


class ThumbRunner:
    """Holds one function in emulated memory; each `run` starts from fresh buffers."""

    def __init__(self, mpy: MpyFile, code: RawCode, module_globals: Mapping[str, Value] | None = None) -> None:
        self._mpy = mpy
        self._code = code
        self._globals = dict(module_globals or {})
        self._cost_of_block: dict[tuple[int, int], int] = {}
        self._handlers: dict[str, Callable[[int, int], int]] = {
            "native_from_obj": self._native_from_obj,
            "native_to_obj": self._native_to_obj,
            "load_global": self._load_global,
            "swap_globals": lambda _new, _unused: 0,  # called from its own module: nothing to swap
            "arg_check_num_sig": self._arg_check,
            "small_int_floor_divide": lambda num, den: signed32(num) // signed32(den),
            "small_int_modulo": lambda num, den: signed32(num) % signed32(den),
        }
        self._uc = self._new_machine()

    def run(self, args: Sequence[Value], max_instructions: int = 50_000_000) -> Run:
        """Call the function with integers, booleans, None and buffers."""
        self._objects: list[Value] = []
        self._buffers: list[tuple[int, Buffer]] = []
        self._heap_top = HEAP
        self._calls: Counter[str] = Counter()
        self._blocks: Counter[tuple[int, int]] = Counter()
        self._failure: Exception | None = None
        self._write_tables(args)
        self._start(len(args), max_instructions)
        result = self._value_of(self._uc.reg_read(UC_ARM_REG_R0))
        n_given = sum(isinstance(arg, bytes | bytearray | memoryview) for arg in args)
        return Run(
            result,
            sum(n * self._cost_of_block[block] for block, n in self._blocks.items()),
            self._calls,
            [self._contents(address, value) for address, value in self._buffers[:n_given]],
            self._blocks,
        )

    def _new_machine(self) -> Any:  # unicorn has no types
        uc: Any = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)  # type: ignore[no-untyped-call]
        uc.ctl_set_cpu_model(UC_CPU_ARM_CORTEX_M33)
        for base in (CODE, STUBS, TABLES, STACK):
            uc.mem_map(base, _REGION_SIZE)
        uc.mem_map(HEAP, _HEAP_SIZE)
        uc.mem_write(CODE, self._code.data)
        uc.mem_write(STUBS, b"\x70\x47\x00\xbf" * len(FUN_TABLE_NAMES))  # bx lr; nop
        uc.mem_write(_STOP, b"\x00\xbf" * 2)
        code_end = CODE + len(self._code.data) - 1
        uc.hook_add(UC_HOOK_BLOCK, self._on_block, begin=CODE, end=code_end)
        uc.hook_add(UC_HOOK_CODE, self._on_stub, begin=STUBS, end=STUBS + 4 * len(FUN_TABLE_NAMES) - 1)
        return uc

    def _start(self, n_args: int, max_instructions: int) -> None:
        uc = self._uc
        uc.reg_write(UC_ARM_REG_R0, TABLES)
        uc.reg_write(UC_ARM_REG_R1, n_args)
        uc.reg_write(UC_ARM_REG_R2, 0)
        uc.reg_write(UC_ARM_REG_R3, self._args_address)
        uc.reg_write(UC_ARM_REG_SP, STACK + _REGION_SIZE)
        uc.reg_write(UC_ARM_REG_LR, _STOP | 1)
        try:
            uc.emu_start(CODE | 1, _STOP, count=max_instructions)
        except UcError as exc:
            where = uc.reg_read(UC_ARM_REG_PC) - CODE
            raise ViperFault(f"stopped at code offset {where:#x}: {exc}") from exc
        if self._failure:
            raise self._failure
        if uc.reg_read(UC_ARM_REG_PC) != _STOP:
            raise ViperFault(f"no end after {max_instructions} instructions")

    def _write_tables(self, args: Sequence[Value]) -> None:
        """Function object, module context, qstr and object tables, mp_fun_table, arguments."""
        context, qstr_table, fun_table, objects = (TABLES + n for n in (0x100, 0x200, 0x40000, 0x80000))
        self._args_address = TABLES + 0xC0000
        stubs = [STUBS + 4 * n | 1 for n in range(len(FUN_TABLE_NAMES))]
        stubs[:3] = [self._object_of(value) for value in (None, False, True)]
        handles = [self._object_of(value) for value in args]
        words = [fun_table if isinstance(o, FunTable) else self._constant(o) for o in self._mpy.objects]
        n_qstrs = len(self._mpy.qstrs)
        self._uc.mem_write(TABLES, struct.pack("<4I", 0, context, 0, 0))
        self._uc.mem_write(context, struct.pack("<4I", 0, 0, qstr_table, objects))
        self._uc.mem_write(qstr_table, struct.pack(f"<{n_qstrs}H", *range(n_qstrs)))
        self._uc.mem_write(fun_table, struct.pack(f"<{len(stubs)}I", *stubs))
        self._uc.mem_write(objects, struct.pack(f"<{len(words)}I", *words))
        self._uc.mem_write(self._args_address, struct.pack(f"<{len(handles)}I", *handles))

    def _constant(self, value: object) -> int:
        """Object-table entry; what has no emulation (a string, a tuple) passes as None."""
        return self._object_of(value if isinstance(value, int | bytes) else None)

    def _object_of(self, value: Value) -> int:
        """A mp_obj_t: small integers as the 32-bit boards tag them, all else by handle."""
        if isinstance(value, int) and not isinstance(value, bool) and -(1 << 30) <= value < 1 << 30:
            return (value << 1 | 1) & 0xFFFFFFFF
        if isinstance(value, bytes | bytearray | memoryview):
            self._buffers.append((self._place(bytes(value)), value))
        self._objects.append(value)
        return _HANDLES + 4 * (len(self._objects) - 1)

    def _value_of(self, obj: int) -> Value:
        if obj & 1:
            return signed32(obj) >> 1
        return self._objects[(obj - _HANDLES) // 4]

    def _place(self, data: bytes) -> int:
        address = self._heap_top
        self._heap_top += len(data) + 31 & ~15
        if self._heap_top > HEAP + _HEAP_SIZE:
            raise ValueError(f"buffers need {self._heap_top - HEAP} bytes, {_HEAP_SIZE} are there")
        self._uc.mem_write(address, data + bytes(16))
        return address

    def _contents(self, address: int, value: Buffer) -> bytes:
        return bytes(self._uc.mem_read(address, memoryview(value).nbytes))

    def _on_block(self, uc: Any, address: int, size: int, _user: object) -> None:
        block = (address - CODE, size)
        self._blocks[block] += 1
        if block not in self._cost_of_block:
            self._cost_of_block[block] = count_thumb(bytes(uc.mem_read(address, size)))

    def _on_stub(self, uc: Any, address: int, _size: int, _user: object) -> None:
        if address & 2:
            return
        name = FUN_TABLE_NAMES[(address - STUBS) // 4]
        self._calls[name] += 1
        try:
            if name not in self._handlers:
                raise ViperRefused(f"calls {name} of the runtime, which is not emulated")
            answer = self._handlers[name](uc.reg_read(UC_ARM_REG_R0), uc.reg_read(UC_ARM_REG_R1))
            uc.reg_write(UC_ARM_REG_R0, answer & 0xFFFFFFFF)
        except Exception as exc:
            self._failure = exc
            uc.emu_stop()

    def _native_from_obj(self, obj: int, kind: int) -> int:
        value = self._value_of(obj)
        if kind == _TYPE_OBJ:
            return obj
        if kind == _TYPE_BOOL:
            return bool(value)
        if isinstance(value, int):
            return int(value)
        if kind in (_TYPE_INT, _TYPE_UINT) or value is None:
            raise TypeError(f"can't convert {type(value).__name__} to the type of the argument")
        return next(address for address, known in self._buffers if known is value)

    def _native_to_obj(self, value: int, kind: int) -> int:
        if kind == _TYPE_OBJ:
            return value
        if kind == _TYPE_BOOL:
            return self._object_of(bool(value))
        return self._object_of(signed32(value) if kind == _TYPE_INT else value)

    def _load_global(self, qstr: int, _unused: int) -> int:
        name = self._mpy.qstrs[qstr]
        if name not in self._globals:
            raise ViperRefused(f"uses the global {name!r}: pass it in module_globals (functions can not be)")
        return self._object_of(self._globals[name])

    def _arg_check(self, n_args: int, _n_kw: int) -> int:
        raise TypeError(f"{n_args} arguments given, the function takes another number")
