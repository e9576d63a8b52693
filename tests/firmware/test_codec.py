# SPDX-License-Identifier: Apache-2.0
"""Codec 1 on the recorder (docs/SPEC.md section 4.2): plain Python, viper under MicroPython and the C core give the same
bytes, and the plain decoder gives the frames back."""

import ctypes
import random
import shutil
import struct
import subprocess
import sys
from array import array
from dataclasses import dataclass, field

import numpy as np
import pytest
from codec_driver import play
from conftest import ROOT, needs_micropython, run_micropython
from recorder import codec

EIGHT = (1, 2, 7, 8, 9, 10, 11, 12)
CODEC_LEADS = {lead: k for k, lead in enumerate(EIGHT)}
START = 144
FRAMES, CLOSE, LIMIT = range(3)  # steps of a case
MARGIN = 64


@dataclass
class Case:
    """Frames and what the recorder does with them."""

    name: str
    frames: np.ndarray
    lead_ids: tuple = EIGHT
    rate_mhz: int = 500_000
    room: int = 16240
    steps: list = field(default_factory=list)

    def __post_init__(self):
        self.frames = np.ascontiguousarray(self.frames, "<i4")
        self.steps = self.steps or [(FRAMES, len(self.frames))]

    def packed(self):
        """Return the case as codec_driver.py reads it."""
        n_leads = len(self.lead_ids)
        head = struct.pack(
            "<8i", n_leads, self.rate_mhz, len(self.frames), START, START + self.room, len(self.steps), START + self.room + MARGIN, 0
        )
        ids = bytes([*self.lead_ids, *[0] * (8 - n_leads)])
        return head + ids + np.array(self.steps, "<i4").tobytes() + self.frames.tobytes()


def ecg(rate_hz):
    """Pydicom's 12-lead ECG (1000 Hz), the recorder's leads in steps of 3.05 uV."""
    pydicom = pytest.importorskip("pydicom")
    from pydicom.data import get_testdata_file

    data = pydicom.dcmread(get_testdata_file("waveform_ecg.dcm", download=False))
    step = 1000 // rate_hz
    uv = data.waveform_array(0)[:, [0, 1, 6, 7, 8, 9, 10, 11]]
    return np.rint(uv[: len(uv) // step * step].reshape(-1, step, 8).mean(axis=1) / 3.05)


def noise(n, n_leads, low, high, seed=1):
    rng = random.Random(seed)
    return np.array([[rng.randint(low, high) for _ in range(n_leads)] for _ in range(n)])


def mixture(n, n_leads, seed=2):
    """Bursts of every size up to 32 bits, with rests in between: all tables, raw bits and escapes."""
    rng = random.Random(seed)
    rows = []
    size = 1
    for i in range(n):
        if i % 23 == 0:
            size = 1 << rng.randrange(0, 32)
        rows.append([max(-(2**31), min(2**31 - 1, rng.randint(-size, size))) for _ in range(n_leads)])
    return np.array(rows)


def cases():
    out = [
        Case("ecg 500", ecg(500)[:2600]),
        Case("ecg 250", ecg(250)[:500], rate_mhz=250_000),
        Case("ecg 1000", ecg(1000)[:500], rate_mhz=1_000_000),
    ]
    for n_leads in range(1, 9):
        out.append(Case(f"{n_leads} leads", ecg(500)[:200, :n_leads], EIGHT[:n_leads]))
        out.append(Case(f"{n_leads} leads, mixture", mixture(300, n_leads, n_leads), EIGHT[8 - n_leads :]))
        out.append(Case(f"{n_leads} unknown leads", ecg(500)[:120, :n_leads], tuple(range(32, 32 + n_leads))))
    slow = 100 * np.sin(np.arange(700)[:, None] / 50 + np.arange(8)) + np.arange(700)[:, None] * 3
    big = 2**31 - 1
    out += [
        Case("known and unknown leads", ecg(500)[:200], (8, 32, 2, 13, 1, 33, 12, 7)),
        Case("rate 349.999", slow[:100], rate_mhz=349_999),
        Case("rate 350", slow[:100], rate_mhz=350_000),
        Case("rate 700", slow[:100], rate_mhz=700_000),
        Case("sines", np.rint(slow)),
        Case("flat", np.full((2100, 8), -77)),
        Case("zero", np.zeros((50, 8))),
        Case("one frame", np.arange(8)[None, :] * 1000 - 4000),
        Case("noise 10", noise(400, 8, -10, 10)),
        Case("noise 300", noise(400, 8, -300, 300)),
        Case("noise 24 bit", noise(200, 8, -(2**23), 2**23 - 1)),
        Case("noise 32 bit", noise(200, 8, -(2**31), big)),
        Case("limits 24 bit", np.where(np.arange(300)[:, None] // 7 + np.arange(8) & 1, -(2**23), 2**23 - 1)),
        Case("limits 32 bit", np.where(np.arange(300)[:, None] // 7 + np.arange(8) & 1, -(2**31), big)),
        Case("step -2^31", np.where(np.arange(60)[:, None] < 30, 0, -(2**31)) * np.ones((1, 8))),
        Case("steps", np.where(np.arange(600)[:, None] % 100 < 50, 0, 5000) + noise(600, 8, -2, 2)),
        Case("full", ecg(500)[:2600], room=4000),
        Case("full at once", noise(50, 8, -(2**31), big), room=100),
        Case("no room", np.zeros((5, 8)), room=39),
        Case("room for one", np.full((5, 8), 2**30), room=40),
        Case(
            "closed early",
            ecg(500)[:900],
            steps=[(FRAMES, 1), (CLOSE, 0), (FRAMES, 1), (CLOSE, 0), (CLOSE, 0), (FRAMES, 500), (CLOSE, 0), (FRAMES, 398)],
        ),
        Case("batches", ecg(500)[:1500], steps=[(FRAMES, n) for n in (128, 1, 0, 127, 128, 3, 637, 476)]),
    ]
    return out


CASES = cases()
LOWERED = [
    Case(
        "limit lowered",
        ecg(500)[:2000],
        room=5000,
        steps=[(FRAMES, 700), (CLOSE, 0), (LIMIT, START + 4000), (FRAMES, 100), (LIMIT, START + 3900), (FRAMES, 1000)],
    ),
    Case("limit below what is there", ecg(500)[:300], room=5000, steps=[(FRAMES, 200), (CLOSE, 0), (LIMIT, START + 40), (FRAMES, 100)]),
    Case("full stays full", ecg(500)[:900], room=1000, steps=[(FRAMES, 800), (FRAMES, 100), (CLOSE, 0), (FRAMES, 100)]),
]
ALL = CASES + LOWERED
names = [case.name for case in ALL]


def plain(case):
    encoder = codec.PlainEncoder(len(case.lead_ids), case.lead_ids, case.rate_mhz)
    steps = [value for step in case.steps for value in step]
    buffer = bytearray(START + case.room + MARGIN)
    return play(encoder, steps, array("i", case.frames.tobytes()), buffer, START, START + case.room)


@pytest.fixture(scope="module")
def plain_results():
    return {case.name: plain(case) for case in ALL}


@pytest.fixture(scope="module")
def viper_results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("codec")
    (folder / "cases").write_bytes(b"".join(case.packed() for case in ALL))
    run_micropython(ROOT / "tests/firmware/codec_driver.py", "fast", folder / "cases", folder / "out")
    data = (folder / "out").read_bytes()
    at = 0
    results = {}
    for case in ALL:
        n_answers, n_bytes = struct.unpack_from("<2i", data, at)
        at += 8
        answers = list(struct.unpack_from(f"<{n_answers}i", data, at))
        at += 4 * n_answers
        results[case.name] = (answers, data[at : at + n_bytes])
        at += n_bytes
    return results


@pytest.fixture(scope="module")
def c_core(tmp_path_factory):
    """The C core's codec 1 alone, as a shared library."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform == "win32":
        pytest.skip("no C compiler")
    library = tmp_path_factory.mktemp("core") / "adaptive.so"
    native = ROOT / "native"
    sources = sorted((native / "src").glob("adaptive_*.c"))
    subprocess.run(
        [compiler, "-O2", "-Wno-psabi", "-fPIC", "-shared", "-I", native / "include", "-I", native / "src", "-o", library, *sources],
        check=True,
    )
    core = ctypes.CDLL(str(library))
    core.ol_adaptive_push.restype = core.ol_adaptive_finish.restype = ctypes.c_size_t
    return core


def by_c(core, case):
    """Return frames taken and payload of the C core."""
    ids = bytes(CODEC_LEADS.get(lead, 255) for lead in case.lead_ids)
    encoder = ctypes.create_string_buffer(1 << 18)
    payload = ctypes.create_string_buffer(max(1, case.room))
    frames = np.ascontiguousarray(case.frames, np.int32)
    core.ol_adaptive_begin(encoder, len(ids), ids, case.rate_mhz, 1024, payload, ctypes.c_size_t(case.room))
    at = 0
    for kind, value in case.steps:
        if kind == CLOSE:
            core.ol_adaptive_flush(encoder)
        else:
            at += core.ol_adaptive_push(encoder, frames[at:].ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(value))
    n = core.ol_adaptive_finish(encoder)
    return at, payload.raw[:n]


@pytest.mark.parametrize("case", ALL, ids=names)
def test_the_plain_decoder_gives_back_what_was_taken(case, plain_results):
    answers, payload = plain_results[case.name]
    taken = sum(answer for answer, step in zip(answers, [s for s in case.steps if s[0] != LIMIT], strict=False) if step[0] == FRAMES)
    frames = codec.decode(payload, taken, case.lead_ids, case.rate_mhz)
    assert np.array_equal(np.array(frames).reshape(-1, len(case.lead_ids)), case.frames[:taken])
    assert len(payload) <= case.room


@needs_micropython
@pytest.mark.parametrize("case", ALL, ids=names)
def test_viper_gives_the_bytes_of_plain_python(case, plain_results, viper_results):
    assert viper_results[case.name] == plain_results[case.name]


@pytest.mark.parametrize("case", CASES, ids=names[: len(CASES)])
def test_plain_python_gives_the_bytes_of_the_c_core(case, plain_results, c_core):
    answers, payload = plain_results[case.name]
    taken, expected = by_c(c_core, case)
    assert sum(a for a, step in zip(answers, case.steps, strict=False) if step[0] == FRAMES) == taken
    assert payload == expected


def test_room_is_used_to_the_last_frame_that_surely_fits(plain_results):
    """A frame of 8 leads of an ECG takes some 4 bytes; the bound of the open chunk costs under 60 bytes."""
    answers, payload = plain_results["full"]
    assert answers[0] < 2600
    assert 4000 - 80 <= len(payload) <= 4000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p[:-1], "ends early"),
        (lambda p: p + b"\0", "1 bytes after the last chunk"),
        (lambda p: b"\xff" * 6 + p, "a varint of more than 5 bytes"),
    ],
)
def test_the_plain_decoder_says_what_is_wrong(change, message, plain_results):
    case = next(case for case in CASES if case.name == "8 leads")
    payload = plain_results[case.name][1]
    with pytest.raises(codec.PayloadError, match=message):
        codec.decode(change(payload), 200, case.lead_ids, case.rate_mhz)


def test_the_plain_decoder_sees_a_changed_chunk(plain_results):
    case = next(case for case in CASES if case.name == "8 leads")
    payload = bytearray(plain_results[case.name][1])
    at = len(payload) // 2
    payload[at] ^= 16
    with pytest.raises(codec.PayloadError):
        codec.decode(payload, 200, case.lead_ids, case.rate_mhz)


@needs_micropython
def test_nothing_is_allocated_while_encoding(tmp_path):
    """Neither by taking frames nor by closing a chunk, filling a block and beginning the next."""
    case = Case("ecg", ecg(500)[:2600], room=4000)
    (tmp_path / "frames").write_bytes(case.frames.tobytes())
    out = run_micropython(ROOT / "tests/firmware/mp_codec.py", tmp_path / "frames")
    assert out.split() == ["0", "bytes"]


def test_the_generated_tables_are_those_of_the_page():
    done = subprocess.run([sys.executable, ROOT / "tools/codec_tables_gen.py", "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
