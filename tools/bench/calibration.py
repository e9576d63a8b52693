# SPDX-License-Identifier: Apache-2.0
"""Whether the uncertainties of `octolead calibrate` are honest: a thousand recorders whose truth is known, calibrated by the same lines.

python -m tools.bench.calibration [--devices 1000] [--seed 1] [--json FILE]

The front ends are a numpy model: gain, offset, white and 1/f noise, 50 Hz, skew and clock of their own each; codes of the converter's step.
The reference is off by anything within its tolerance and the temperature by anything within its spread, as the budget says. So this shows
that estimates and intervals are right where the budget is; that a budget names all that matters on a bench, no simulation can show.
A few recorders go the whole way on the MicroPython simulator: tests/calibrate/test_calibrate.py.
"""

import argparse
import json
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from octolead.calibrate import FULL, Conditions, Reference, evaluate
from octolead.calibrate.bench import CHEST, LIMB, TOGETHER, Wiring

FS = 500.0
STEP_UV = 2.4e6 / 6 / (2**23 - 1)
REFERENCE = Reference("model")
CONDITIONS = Conditions()
GOAL = (93.0, 97.0)
_SKEW_HZ = 40.0


@dataclass
class Device:
    """The truth of one recorder, and what its reference and its surroundings really are while it is calibrated."""

    rng: np.random.Generator

    def __post_init__(self) -> None:
        rng = self.rng
        self.gain = rng.uniform(-0.02, 0.02, 8)
        self.offset_uv = rng.uniform(-200, 200, 8)
        self.noise_uv = rng.uniform(0.8, 2.0, 8)
        self.corner_hz = rng.uniform(0.1, 0.5, 8)
        self.mains_uv = rng.uniform(0, 3, 8)
        self.skew_s = rng.uniform(-10e-6, 10e-6, 8)
        self.rate_ppm = rng.uniform(-3000, 3000)
        self.amplitude = 1 + REFERENCE.amplitude_tolerance * rng.uniform(-1, 1)
        self.frequency = 1 + REFERENCE.frequency_tolerance_ppm * 1e-6 * rng.uniform(-1, 1)
        warm_c = CONDITIONS.spread_c * rng.uniform(-1, 1, 10)
        self.gain_now = (1 + self.gain) * (1 + CONDITIONS.gain_ppm_per_c * 1e-6 * warm_c[8])
        self.offset_now = self.offset_uv + CONDITIONS.offset_nv_per_c / 1000 * warm_c[:8]
        self.rate_now = self.rate_ppm + CONDITIONS.rate_ppm_per_c * warm_c[9]

    def frames(self, seconds: float, wiring: Wiring | None = None, hz: float = 0.0) -> np.ndarray:
        """µV (frames, leads) as stored; without a wiring of shorted inputs."""
        n = round(seconds * FS)
        t = np.arange(n)[:, None] / (FS * (1 + self.rate_now * 1e-6)) + self.skew_s
        signal = np.zeros((n, 8))
        if wiring is not None:
            wave = REFERENCE.amplitude_uv * self.amplitude * np.sin(2 * np.pi * hz * self.frequency * t + 0.7)
            signal = wave * np.array(wiring.weights) + self.mains_uv * np.sin(2 * np.pi * 50 * t)
        seen = (signal + self.noise(n)) * self.gain_now + self.offset_now
        return np.asarray(np.round(seen / STEP_UV) * STEP_UV)

    def noise(self, n: int) -> np.ndarray:
        """White noise, and below its corner noise that rises by 10 dB a decade; cut out of a stretch four times as long."""
        whole = 4 * n
        hertz = np.fft.rfftfreq(whole, 1 / FS)[:, None]
        shape = np.sqrt(1 + self.corner_hz / np.maximum(hertz, hertz[1]))
        spectrum = np.fft.rfft(self.rng.standard_normal((whole, 8)), axis=0) * shape
        return np.asarray(np.fft.irfft(spectrum, whole, axis=0)[n : 2 * n] * self.noise_uv)


def _found(device: Device) -> dict[str, list[tuple[float, float, float]]]:
    """(value, half width, truth) of each quantity of a device."""
    offset, *_ = evaluate.shorted(device.frames(FULL.noise_s), FS, STEP_UV, CONDITIONS)
    gain, first = {}, None
    for wiring in (CHEST, LIMB):
        seen = evaluate.driven(device.frames(FULL.gain_s, wiring, REFERENCE.frequency_hz), FS, "sine")
        gain |= evaluate.gain(seen, wiring.driven, REFERENCE, STEP_UV, CONDITIONS)
        first = first or seen
    rate = evaluate.rate(first, REFERENCE, CONDITIONS)
    skew = evaluate.skew(evaluate.driven(device.frames(FULL.skew_s, TOGETHER, _SKEW_HZ), FS, "sine"), range(8))
    late_us = (device.skew_s - device.skew_s.mean()) * 1e6
    truths = {"gain": (gain, device.gain), "offset": (offset, device.offset_uv), "skew": (skew, late_us)}
    found = {name: _rows(*of_leads) for name, of_leads in truths.items()}
    return found | {"rate": [(rate.value, rate.expanded, device.rate_ppm)]}


def _rows(found: evaluate.Leads, truth: np.ndarray) -> list[tuple[float, float, float]]:
    return [(found[name].value, found[name].expanded, float(truth[k])) for k, name in enumerate(evaluate.LEADS)]


def measure(n_devices: int = 1000, seed: int = 1, say: object = None) -> dict[str, object]:
    """Calibrate so many devices: for each quantity, the share of intervals that hold the truth, and how far values are off."""
    rows: dict[str, list[tuple[float, float, float]]] = {}
    for number in range(n_devices):
        for name, found in _found(Device(np.random.default_rng([seed, number]))).items():
            rows.setdefault(name, []).extend(found)
        if callable(say):
            say(f"calibration: device {number + 1} of {n_devices}")
    result: dict[str, object] = {"devices": n_devices, "seed": seed, "cpu_s": resource.getrusage(resource.RUSAGE_SELF).ru_utime}
    return result | {name: _summary(np.array(found)) for name, found in rows.items()}


def _summary(rows: np.ndarray) -> dict[str, float]:
    away = np.abs(rows[:, 0] - rows[:, 2])
    return {
        "held_percent": float(100 * np.mean(away <= rows[:, 1])),
        "expanded_mean": float(rows[:, 1].mean()),
        "error_rms": float(np.sqrt(np.mean(away**2))),
        "error_most": float(away.max()),
    }


_UNITS = {"gain": ("%", 100.0), "offset": ("µV", 1.0), "skew": ("µs", 1.0), "rate": ("ppm", 1.0)}


def lines(result: dict) -> list[str]:
    """The table that is printed."""
    out = [f"Calibration of {result['devices']} modelled recorders, 8 leads, seed {result['seed']}"]
    out.append("  quantity  held by its 95 % interval   goal       half width   error rms   largest error")
    for name, (unit, scale) in _UNITS.items():
        part = {key: value * (1 if key == "held_percent" else scale) for key, value in result[name].items()}
        out.append(
            f"  {name:<8}  {part['held_percent']:6.2f} %                    93 to 97 %  {part['expanded_mean']:8.4f} {unit:<3}"
            f"  {part['error_rms']:7.4f} {unit:<3} {part['error_most']:8.4f} {unit}"
        )
    return [*out, f"  {result['cpu_s']:.0f} s of processor time"]


def main() -> int:
    """Measure and print; exit code 1 where a share lies outside its goal."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    result = measure(arguments.devices, arguments.seed)
    print("\n".join(lines(result)))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return int(any(not GOAL[0] <= result[name]["held_percent"] <= GOAL[1] for name in _UNITS))


if __name__ == "__main__":
    sys.exit(main())
