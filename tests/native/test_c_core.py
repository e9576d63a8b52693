# SPDX-License-Identifier: Apache-2.0
"""Run the C core's own tests: cmocka under the sanitizers, warnings as errors, a short fuzz."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NATIVE = ROOT / "native"


def make(target: str, *settings: str) -> str:
    command = ["make", "-j2", "-C", str(NATIVE), target, *settings]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout + done.stderr


def need(program: str) -> None:
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")


def test_c_tests_pass_under_the_sanitizers() -> None:
    need("gcc")
    output = make("asan", "CC=gcc")
    if "cmocka is not installed" in output:
        pytest.skip("cmocka is not installed")
    assert output.count("PASSED") == len(list((NATIVE / "tests").glob("test_*.c")))


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_compiles_without_a_warning(compiler: str) -> None:
    need(compiler)
    make("strict", f"CC={compiler}")


def test_fuzzer_finds_nothing_in_a_few_seconds() -> None:
    need("clang")
    output = make("fuzz", "SECONDS=10")
    runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", output)
    assert runs
    assert int(runs[1]) > 1000


def test_cppcheck_has_nothing_to_say() -> None:
    need("cppcheck")
    checks = ["--enable=warning,performance,portability", "--inline-suppr", "--error-exitcode=1", "--quiet", "--std=c11"]
    checks.append("--suppress=shiftTooManyBitsSigned:*adaptive_model.h")  # a sign, of a vector; gcc and clang define it
    sources = [str(path) for path in NATIVE.glob("src/*.c") if path.name != "crc.c"]  # its tables take a minute
    command = ["cppcheck", *checks, f"-I{NATIVE / 'include'}", *sources]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_core_allocates_nothing_and_does_no_input_or_output() -> None:
    forbidden = re.compile(r"\b(malloc|calloc|realloc|free|fopen|fread|fwrite|printf|puts|exit|abort|Python\.h)\b")
    for path in [*NATIVE.glob("src/*.[ch]"), *NATIVE.glob("include/*.h")]:
        code = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not forbidden.search(code), f"{path.name}: {forbidden.search(code)}"
