# SPDX-License-Identifier: Apache-2.0
"""What recording costs on the box, in instructions a sample: the firmware's viper code on an emulated Cortex-M33.

    python -m tools.bench.cost

The signal is pydicom's 12-lead ECG at 500 samples/s and the recorder's default step. Runtime functions that viper
code calls are not emulated and stand in the figures at RUNTIME_CALL instructions each.
"""

from __future__ import annotations

import sys
import types
from array import array
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.data import get_testdata_file
from scipy.signal import resample_poly

from tools.cortexm.viper_cost import Run, ViperModule

RECORDER = Path(__file__).resolve().parents[2] / "firmware" / "recorder"
LEADS = (1, 2, 7, 8, 9, 10, 11, 12)
ROWS_OF_RECORD = (0, 1, 6, 7, 8, 9, 10, 11)
RATE_HZ = 500
SHIFT = 6
LSB_UV = 2.4e6 / (6 * (2**23 - 1))  # of the converter, gain 6
BATCH = 128  # frames a call, as the session does
CHUNK_FRAMES = 950  # a checkpoint every 1.9 s closes the chunk
RUNTIME_CALL = 20  # mp_small_int_floor_divide: 8 instructions and SDIV, 2 to 12 cycles
CRC_PER_BYTE = 11.5  # binascii.crc32, tools/cortexm/README.md
WRITES_PER_BLOCK = 3  # the block, and two checkpoints while it was open
GOAL = 3500
CORE_HZ = 150_000_000
BLOCK = 8192
HEADER = 144


def converter_codes() -> np.ndarray:
    """Return the record as codes of the converter, int32 (frames, 8)."""
    data = dcmread(get_testdata_file("waveform_ecg.dcm", download=False))
    uv = data.waveform_array(0)[:, ROWS_OF_RECORD]
    step = round(data.WaveformSequence[0].SamplingFrequency / RATE_HZ)
    return np.rint(resample_poly(uv, 1, step, axis=0) / LSB_UV).astype(np.int32)


def load_fast(name: str) -> dict:
    """Return the names of a firmware module whose viper functions CPython cannot compile."""
    shim = types.ModuleType("micropython")
    shim.viper = lambda function: function
    shim.const = lambda value: value
    parent = str(RECORDER.parent)
    names = dict.fromkeys(("ptr8", "ptr16", "ptr32", "uint"), int)
    names.update(__name__=f"recorder.{name}", __package__="recorder")
    sys.path.insert(0, parent)
    known = sys.modules.get("micropython")
    sys.modules["micropython"] = shim
    try:
        exec(compile((RECORDER / f"{name}.py").read_text(), name, "exec"), names)
    finally:
        sys.path.remove(parent)
        if known is None:
            del sys.modules["micropython"]
        else:
            sys.modules["micropython"] = known
    return names


class Machine:
    """Calls viper functions with buffers that live on between calls, and counts."""

    def __init__(self, name: str) -> None:
        self.module = ViperModule.compile(RECORDER / f"{name}.py")
        self.instructions: dict[str, int] = {}

    def call(self, function: str, *args: int | bytearray) -> int:
        """Run it, take over what it wrote, and return its result."""
        run: Run = self.module.run(function, *args)
        for buffer, after in zip((a for a in args if isinstance(a, bytearray)), run.buffers, strict=True):
            buffer[:] = after
        count = run.instructions + RUNTIME_CALL * sum(run.calls.values())
        self.instructions[function] = self.instructions.get(function, 0) + count
        return int(run.result or 0)


def unpack_cost(codes: np.ndarray) -> tuple[float, np.ndarray]:
    """Return instructions a sample of unpacking and quantising, and the stored values."""
    ring = np.empty((len(codes), 9), "<i4")
    ring[:, 0] = 0xC00000
    ring[:, 1:] = codes & 0xFFFFFF
    machine = Machine("frame_fast")
    out = []
    for at in range(0, len(codes), BATCH):
        n = min(BATCH, len(codes) - at)
        work, result = bytearray(4 * 8 * BATCH), bytearray(8)
        source = bytearray(ring[at : at + n].tobytes())
        done = machine.call("unpack_words", source, 0, n, work, 0, SHIFT, 0, 0xFF01FF, result)
        if done != n:
            raise RuntimeError(f"unpack_words stopped at frame {at + done}")
        out.append(np.frombuffer(bytes(work), "<i4").reshape(-1, 8)[:n])
    values = np.concatenate(out)
    return machine.instructions["unpack_words"] / codes.size, values


class EmulatedEncoder:
    """The glue of codec_fast.Encoder around the emulated functions, one block after the other."""

    def __init__(self) -> None:
        fast = load_fast("codec_fast")
        self.names = fast
        self.machine = Machine("codec_fast")
        self.entries = bytearray(fast["unpack_entries"]())
        self.levels = bytearray(fast["level_codes"]())
        first = array("i", fast["begin_state"](8, LEADS, RATE_HZ * 1000))
        first[fast["_SIGN"]] = 0
        self.first = first
        self.words = bytearray(4 * (CHUNK_FRAMES * 8 + 2000))
        self.payloads: list[bytes] = []

    def encode(self, values: np.ndarray) -> None:
        """Encode everything into blocks; keep their payloads."""
        at = 0
        while at < len(values):
            at += self.encode_block(values[at:])

    def encode_block(self, values: np.ndarray) -> int:
        """Encode one block; return its frames."""
        fast = self.names
        begin = array("i", self.first)
        buffer = bytearray(BLOCK)
        position = HEADER
        for k, value in enumerate(values[0].tolist()):
            begin[fast["_LEADS_AT"] + k * fast["_LEAD_WORDS"] + fast["_LAST"]] = value
            zigzag = (value << 1 ^ value >> 31) & 0xFFFFFFFF
            while zigzag >= 128:
                buffer[position] = zigzag & 127 | 128
                position += 1
                zigzag >>= 7
            buffer[position] = zigzag
            position += 1
        state = bytearray(begin.tobytes())
        taken, n_open, full = 1, 0, False
        while taken < len(values) and not full:
            n = min(BATCH, len(values) - taken, CHUNK_FRAMES - n_open)
            _set_word(state, fast["_BUDGET"], (BLOCK - position - 10) << 11)
            batch = bytearray(np.ascontiguousarray(values[taken : taken + n]).tobytes())
            done = self.machine.call("predict", state, 0, batch, n, self.words, self.levels, self.entries)
            taken += done
            n_open += done
            full = done < n
            if n_open == CHUNK_FRAMES or full or taken == len(values):
                fill = int.from_bytes(state[4 * fast["_FILL"] :][:4], "little")
                position = self.machine.call("code", 0, fill, self.words, self.entries, buffer, position, BLOCK, n_open, 8)
                _set_word(state, fast["_FILL"], 0)
                _set_word(state, fast["_COST"], 0)
                n_open = 0
        self.payloads.append(bytes(buffer[HEADER:position]))
        return taken


def wire_cost() -> float:
    """Return instructions a sector of the CRC16 on the card's wires, the copy into the frame included."""
    machine = Machine("sd_crc_fast")
    machine.call("copy_crc16", 0, bytearray(512), bytearray(515), 1, bytearray(512), 0, 512)
    return machine.instructions["copy_crc16"]


def heart_cost(values: np.ndarray) -> float:
    """Return instructions a frame of the heart rate's filter; its rules run a few times a second and are not counted."""
    names = load_fast("heart_front")
    machine = Machine("heart_front_fast")
    state = bytearray(names["new_state"]().tobytes())
    for k in range(8):
        _set_word(state, names["WEIGHTS"] + k, 1)
    for at in range(0, len(values), BATCH):
        done, batch = 0, bytearray(np.ascontiguousarray(values[at : at + BATCH], "<i4").tobytes())
        while done < len(batch) // 32:
            done += machine.call("sift", state, batch, 8 * done, len(batch) // 32 - done, RATE_HZ // 250, 0, 2, 50)
            if state[4 * names["READY"]]:
                ready = array("i", bytes(state))
                names["clear"](ready)
                state[:] = ready.tobytes()
    return machine.instructions["sift"] / len(values)


def _set_word(state: bytearray, index: int, value: int) -> None:
    state[4 * index : 4 * index + 4] = (value & 0xFFFFFFFF).to_bytes(4, "little")


def measure() -> dict[str, float]:
    """Return instructions a sample of each part, their sum, the load in per cent and the bits a sample."""
    unpack, values = unpack_cost(converter_codes())
    encoder = EmulatedEncoder()
    encoder.encode(values)
    n_bytes = sum(HEADER + len(p) for p in encoder.payloads)
    counted = encoder.machine.instructions
    parts = {
        "unpack": unpack,
        "predict": counted["predict"] / values.size,
        "code": counted["code"] / values.size,
        "crc": CRC_PER_BYTE * n_bytes / values.size,
        "wire": WRITES_PER_BLOCK * wire_cost() * -(-n_bytes // 512) / values.size,
    }
    total = sum(parts.values())
    heart = heart_cost(values)
    return {
        **parts,
        "total": total,
        "sector": wire_cost(),
        "heart": heart,
        "heart_percent": 100 * heart * RATE_HZ / CORE_HZ,
        "goal": GOAL,
        "load_percent": 100 * total * RATE_HZ * len(LEADS) / CORE_HZ,
        "bits": 8 * n_bytes / values.size,
        "code_bytes": sum(encoder.machine.module.size_bytes(name) for name in encoder.machine.module.functions),
    }


ROWS = (
    ("unpack", "unpack and quantise (frame_fast.unpack_words)"),
    ("predict", "predict, adapt, context, symbols (codec_fast.predict)"),
    ("code", "rANS and its bytes (codec_fast.code)"),
    ("crc", "CRC of the block (binascii.crc32)"),
    ("wire", "CRC16 on the card's wires, checkpoints included (sd_crc_fast)"),
    ("total", "all"),
    ("goal", "goal, at most"),
)


def lines(result: dict[str, float]) -> list[str]:
    """Return the table for people."""
    out = ["Instructions a sample, Cortex-M33, 8 leads at 500 samples/s, step 3.05 uV"]
    out += [f"  {text:<62}{result[key]:8.0f}" for key, text in ROWS]
    out.append(f"  {'load of a 150 MHz core, an instruction a cycle':<62}{result['load_percent']:8.1f} %")
    out.append(f"  {'bits a sample, headers included':<62}{result['bits']:8.2f}")
    out.append(f"  {'CRC16 and copy, a sector of 512 bytes':<62}{result['sector']:8.0f}")
    out.append(f"  {'heart rate, a frame (heart_front_fast.sift), not in the sum':<62}{result['heart']:8.0f}")
    out.append(f"  {'its load':<62}{result['heart_percent']:8.2f} %")
    out.append(f"  {'machine code of codec_fast':<62}{result['code_bytes']:8.0f} bytes")
    return out


def main() -> int:
    """Print the table."""
    result = measure()
    print("\n".join(lines(result)))
    return 0 if result["total"] <= result["goal"] else 1


if __name__ == "__main__":
    sys.exit(main())
