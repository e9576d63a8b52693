# SPDX-License-Identifier: Apache-2.0
"""How fast the C core encodes and decodes, and how fast the simulator records, on one core."""

import json
import tempfile
import time
from pathlib import Path

import numpy as np

from octolead import _constants as c
from octolead import demo_signal, native, simulator
from octolead.leads import RECORDER_LEAD_IDS

MINUTES = 10
ROUNDS = 7
GOALS = {"decode": 80.0, "encode": 40.0}
STEP_UV = 5.0


def test_frames(minutes: float) -> np.ndarray:
    """Return `minutes` of the demo's ECG at 5 uV with a little noise of its own in each round, int32 (frames, 8)."""
    played = demo_signal.prepare(demo_signal.default_input(), 60.0)
    one_round = played.nanovolt / (STEP_UV * 1000)
    random = np.random.default_rng(1)
    n_frames = round(minutes * 60 * played.rate_hz)
    parts = [np.rint(one_round + random.normal(0, 0.4, one_round.shape)) for _ in range(-(-n_frames // len(one_round)))]
    return np.concatenate(parts)[:n_frames].astype(np.int32)


def codec_speed(minutes: float = MINUTES) -> dict[str, float]:
    """Return million samples a second of whole blocks: sealed with CRCs, checked and decoded; the best of some rounds."""
    frames = test_frames(minutes)
    header = native.BlockHeader(
        first_frame=0, n_frames=0, rate_mhz=500_000, lead_ids=tuple(RECORDER_LEAD_IDS), step_nv_num=5000, step_nv_den=1,
        codec_id=c.CODEC_ADAPTIVE,
    )  # fmt: skip
    encode_s, blocks = _best(lambda: _encode(frames, header), ROUNDS)
    data = b"".join(blocks)
    offsets = np.cumsum([0] + [len(b) for b in blocks[:-1]])
    counts = [native.parse_header(b).n_frames for b in blocks]
    places = np.cumsum([0, *counts[:-1]])
    out = np.zeros_like(frames)
    decode_s, status = _best(lambda: native.decode_blocks(data, offsets, places, out), ROUNDS)
    if (status < 0).any() or not np.array_equal(out, frames):
        raise AssertionError("what was decoded differs")
    return {
        "samples": frames.size,
        "bits_per_sample": len(data) * 8 / frames.size,
        "encode_msamples_s": frames.size / encode_s / 1e6,
        "decode_msamples_s": frames.size / decode_s / 1e6,
    }


def _encode(frames: np.ndarray, header: native.BlockHeader) -> list[bytes]:
    from dataclasses import replace

    blocks, first = [], 0
    capacity = c.DEFAULT_SLOT_BYTES - c.BLOCK_HEADER_SIZE
    payloads = native.encode_payloads(
        frames, codec_id=header.codec_id, lead_ids=header.lead_ids, rate_mhz=header.rate_mhz, capacity=capacity
    )
    for number, (n_frames, payload) in enumerate(payloads):
        own = replace(header, first_frame=first, n_frames=n_frames, block_number=number, ring_seq=number)
        blocks.append(native.seal_block(own, payload))
        first += n_frames
    return blocks


def _best(call, times: int):
    best, result = float("inf"), None
    for _ in range(times):
        start = time.process_time()
        result = call()
        best = min(best, time.process_time() - start)
    return best, result


def simulator_speed(minutes: float = 60) -> dict[str, float]:
    """Return the seconds the simulated recorder takes for an hour of 8 x 500 Hz in virtual time, all parts included."""
    played = demo_signal.prepare(demo_signal.default_input(), 60.0)
    n_frames = round(minutes * 60 * played.rate_hz)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        simulator.write_input(folder / "input.olnv", played.nanovolt, played.rate_hz)
        config = {"input": str(folder / "input.olnv"), "card": str(folder / "card.img"), "card_mib": 64, "format": True,
                  "rate_hz": played.rate_hz, "frames": n_frames, "clock": "virtual", "codec": c.CODEC_ADAPTIVE,
                  "device_id": "0c701ead00000001"}  # fmt: skip
        start = time.perf_counter()
        status = simulator.run(config)
        seconds = time.perf_counter() - start
    if status["frames_recorded"] != n_frames:
        raise AssertionError(f"{status['frames_recorded']} of {n_frames} frames recorded")
    return {"minutes": minutes, "seconds": seconds, "us_per_frame": seconds / n_frames * 1e6}


def lines(codec: dict[str, float], sim: dict[str, float]) -> list[str]:
    """Return the table for people."""
    return [
        f"Speed on one core ({codec['samples'] / 1e6:.1f} M samples, blocks of 8 KiB with both CRCs; best of {ROUNDS}, CPU time)",
        f"  decode   {codec['decode_msamples_s']:7.1f} M samples/s   (goal >= {GOALS['decode']:.0f})",
        f"  encode   {codec['encode_msamples_s']:7.1f} M samples/s   (goal >= {GOALS['encode']:.0f})",
        f"Simulator, virtual time: {sim['minutes']:.0f} min of 8 x 500 Hz in {sim['seconds']:.1f} s ({sim['us_per_frame']:.1f} us a frame)",
        "  goal: an hour well under 60 s",
    ]


if __name__ == "__main__":
    print(json.dumps({"codec": codec_speed(), "simulator": simulator_speed()}, indent=1))
