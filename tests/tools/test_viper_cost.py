# SPDX-License-Identifier: Apache-2.0
"""The emulated Cortex-M gives what the Unix port of MicroPython gives, in the low 32 bits.

The expected values come from running the same source, tests' `viper_cases.py`, under the real
MicroPython (64-bit); where it is not installed the comparison is skipped.
"""

from __future__ import annotations

import ast
import binascii
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from unicorn import UC_HOOK_CODE

from tools.cortexm.mpy_file import MpyError, parse_mpy
from tools.cortexm.thumb_run import CODE, ThumbRunner, ViperFault, ViperRefused
from tools.cortexm.viper_cost import CompileError, ViperModule, main

CASES = Path(__file__).with_name("viper_cases.py")
HEADER = "import micropython\n@micropython.viper\n"
_random = random.Random(20)
WORDS = b"".join(_random.randrange(1 << 32).to_bytes(4, "little") for _ in range(24))
BYTES = bytes(_random.randrange(256) for _ in range(64))

CALLS = [
    ("crc32_bitwise", b"123456789", 9),
    ("crc32_bitwise", BYTES, 64),
    ("sum32", WORDS, 24),
    ("sum32", WORDS, 0),
    ("store16", bytes(40), 20, 12345),
    ("store8", bytes(50), 50, 200),
    ("store8_far", bytes(64)),
    *[("shift_right", v, s) for v in (-1, -12345678, 0x3FFFFFFF, -(1 << 31), 77) for s in (0, 1, 7, 30)],
    *[("shift_right_uint", v, s) for v in (1, 0xFFFFFFFF, 0x80000000, 77) for s in (0, 1, 7, 30)],
    *[("divide", a, b) for a in (7, -7, 123456) for b in (2, -2, 1000)],
    *[("negate", v) for v in (0, 1, -1, 0x3FFFFFFF, -(1 << 30))],
    *[("compare", a, b) for a in (-5, 0, 5, 1 << 30) for b in (-5, 0, 5, 7)],
    ("is_less", -1, 1),
    ("is_less", 1, 1),
    *[("big_constants", v) for v in (0, -1, 99999)],
    ("nested_index", BYTES, BYTES[:16], bytes(80), 20),
    ("sext", WORDS, bytes(96), 24),
    ("many_locals", 3, -4, 5, -6, 7),
    ("pointer_window", WORDS, 5, 12),
    ("nothing",),
    ("truth", True),
    ("truth", False),
]


def find_micropython() -> str | None:
    beside = Path(sys.executable).with_name("micropython")
    return str(beside) if beside.exists() else shutil.which("micropython")


@pytest.fixture(scope="module")
def cases() -> ViperModule:
    return ViperModule.compile(CASES)


@pytest.fixture(scope="module")
def unix_answers(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[object, list[bytes]]]:
    """Result and buffers of every call, from one run of the real interpreter."""
    command = find_micropython()
    if not command:
        pytest.skip("no micropython on this machine")
    lines = [CASES.read_text()]
    for name, *args in CALLS:
        given = [f"bytearray({arg!r})" if isinstance(arg, bytes) else repr(arg) for arg in args]
        lines.append(f"a = ({''.join(g + ', ' for g in given)})")
        lines.append(f"print(repr(({name}(*a), [bytes(b) for b in a if isinstance(b, bytearray)])))")
    script = tmp_path_factory.mktemp("unix") / "calls.py"
    script.write_text("\n".join(lines) + "\n")
    done = subprocess.run([command, str(script)], capture_output=True, text=True, check=True)
    return [ast.literal_eval(line) for line in done.stdout.splitlines()]


def low32(value: object) -> object:
    return value & 0xFFFFFFFF if isinstance(value, int) and not isinstance(value, bool) else value


@pytest.mark.parametrize("index", range(len(CALLS)), ids=lambda i: f"{CALLS[i][0]}-{i}")
def test_same_result_and_buffers_as_the_unix_port(cases, unix_answers, index):
    name, *args = CALLS[index]
    run = cases.run(name, *args)
    expected, buffers = unix_answers[index]
    assert low32(run.result) == low32(expected)
    assert run.buffers == buffers


@pytest.mark.parametrize("arch", ["armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp", "armv8m"])
def test_every_cortex_m_architecture_runs_to_the_same_results(cases, arch):
    other = ViperModule.compile(CASES, arch)
    for name, *args in CALLS:
        theirs, ours = other.run(name, *args), cases.run(name, *args)
        assert (theirs.result, theirs.buffers) == (ours.result, ours.buffers)


@pytest.mark.parametrize(("name", "args"), [(name, args) for name, *args in CALLS])
def test_counting_by_blocks_agrees_with_counting_each_instruction(cases, name, args):
    run = cases.run(name, *args)
    runner = cases._runners[name]
    steps = []

    def step(uc, address, _size, _user):
        steps.append(address)
        is_ite = uc.mem_read(address + 1, 1)[0] == 0xBF
        if is_ite:
            steps.append(address)  # the hook is silent on the one of the two that is skipped

    end = CODE + cases.size_bytes(name) - 1
    hook = runner._uc.hook_add(UC_HOOK_CODE, step, begin=CODE, end=end)
    again = runner.run(args)
    runner._uc.hook_del(hook)
    assert run.instructions == again.instructions == len(steps)


def test_a_count_done_by_hand():
    """Read off the listing: entry 5 (push, 4 loads of tables), arguments and their check 8,
    conversion of one argument 5 (load, type, load, call, move), `return a` 5 (move, type, load,
    call, branch), exit 1."""
    module = ViperModule.from_source(HEADER + "def f(a: int) -> int:\n    return a\n")
    run = module.run("f", 5)
    assert (run.result, run.calls) == (5, {"native_from_obj": 1, "native_to_obj": 1})
    assert run.instructions == 5 + 8 + 5 + 5 + 1


def test_crc32_is_that_of_binascii(cases):
    assert cases.run("crc32_bitwise", BYTES, 64).result == binascii.crc32(BYTES)


def test_integers_beyond_31_bits_pass_as_heap_objects(cases):
    assert cases.run("shift_right", -(1 << 31), 0).result == -(1 << 31)


def test_a_global_is_refused_unless_given():
    module = ViperModule.from_source("T = 5\n" + HEADER + "def f() -> int:\n    return int(T)\n")
    with pytest.raises(ViperRefused, match="'T'"):
        module.run("f")
    assert module.run("f", module_globals={"T": 9}).result == 9


def test_a_table_can_be_a_global():
    source = "T = bytes(4)\n" + HEADER + "def f(i: int) -> int:\n    t = ptr8(T)\n    return t[i]\n"
    assert ViperModule.from_source(source).run("f", 2, module_globals={"T": b"\x01\x02\x03"}).result == 3


def test_a_call_of_another_function_is_refused():
    source = "def g():\n    pass\n" + HEADER + "def f():\n    g()\n"
    with pytest.raises(ViperRefused, match="'g'"):
        ViperModule.from_source(source).run("f")


def test_an_endless_loop_is_stopped():
    module = ViperModule.from_source(HEADER + "def f():\n    while True:\n        pass\n")
    with pytest.raises(ViperFault, match="no end"):
        ThumbRunner(module.mpy, module.functions["f"]).run([], max_instructions=1000)


def test_a_store_outside_memory_is_a_fault():
    module = ViperModule.from_source(HEADER + "def f(p: ptr32):\n    p[0] = 1\n")
    with pytest.raises(ViperFault, match="code offset"):
        module.run("f", 0x40000000)


def test_the_wrong_number_of_arguments_is_a_type_error(cases):
    with pytest.raises(TypeError, match="2 arguments"):
        cases.run("nothing", 1, 2)


def test_functions_keep_their_names_among_classes_and_lambdas():
    source = (
        "import micropython\nkey = lambda x: x\nclass C:\n    @micropython.viper\n"
        "    def m(self, n: int) -> int:\n        return n + 1\n"
        "def plain():\n    return [x for x in ()]\n" + HEADER + "def append(n: int) -> int:\n    return n * 2\n"
    )
    module = ViperModule.from_source(source)
    assert list(module.functions) == ["C.m", "append"]
    assert module.run("C.m", None, 4).result == 5
    assert module.run("append", 4).result == 8


def test_a_viper_error_of_the_compiler_is_passed_on():
    with pytest.raises(CompileError, match="ViperTypeError"):
        ViperModule.from_source(HEADER + "def f(a: int, b: uint) -> int:\n    return a < b\n")


def test_foreign_bytes_are_refused_with_their_offset():
    with pytest.raises(MpyError, match=r"not a \.mpy of version 6"):
        parse_mpy(b"M\x05\x00\x1f")
    with pytest.raises(MpyError, match="at byte 4"):
        parse_mpy(b"M\x06\x1f\x1f")


def test_the_command_lists_and_runs(capsys):
    assert main([str(CASES)]) == 0
    assert "crc32_bitwise: " in capsys.readouterr().out
    assert main([str(CASES), "crc32_bitwise", "hex:313233343536373839", "9"]) == 0
    assert f"result {0xCBF43926}" in capsys.readouterr().out
    assert main([str(CASES), "absent"]) == 1
