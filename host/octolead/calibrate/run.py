# SPDX-License-Identifier: Apache-2.0
"""Calibrating a recorder: noise and test signal; with an external reference gain, rate, skew, DC offsets, bandwidth and crosstalk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .. import _constants as c
from .. import measure
from ..calibration import LEADS
from ..errors import CalibrationError, MeasureError
from . import evaluate
from .bench import ALONE, CHEST, LIMB, TOGETHER, Bench, Reference, Stimulus, Wiring
from .certificate import Certificate, Measured, make
from .checks import Judge, fitted
from .evaluate import NOMINAL, Conditions, Driven
from .take import Taken, take

if TYPE_CHECKING:
    from ..link import Recorder

INTERNAL = Reference(
    "internal test signal", "square", measure.TEST_SIGNAL_UV, measure.TEST_SIGNAL_HZ, amplitude_tolerance=0.02, can_offset=False
)
"""The converter's own: ±2 % (data sheet, from memory), of its own reference voltage and clock."""
OFFSET_MV = 300.0
_CROSSTALK_HZ = 10.0
_SKEW_HZ = 40.0
_SETTLE_S = 0.05
_TRIES = 3  # of a stretch in which frames were lost


@dataclass(frozen=True)
class Plan:
    """What is measured and for how long; seconds of signal. Without an external reference only the first two.

    Attributes:
        frequencies_hz: of the steps; none: no bandwidth.
    """

    noise_s: float = 32.0
    test_s: float = 20.0
    gain_s: float = 24.0
    again_s: float = 12.0
    offset_s: float = 12.0
    step_s: float = 6.0
    skew_s: float = 10.0
    frequencies_hz: tuple[float, ...] = (10.0, 40.0, 100.0, 150.0)
    with_offsets: bool = True
    with_crosstalk: bool = True

    def steps_hz(self, reference: Reference, rate_hz: int) -> tuple[float, ...]:
        """Frequencies that the reference gives and the rate can show."""
        return tuple(hertz for hertz in self.frequencies_hz if hertz < rate_hz / 2.2) if reference.has_sine else ()

    def offsets_mv(self, reference: Reference, gain: int) -> tuple[float, ...]:
        """DC offsets that the reference gives and the amplifier takes at this gain."""
        fits = OFFSET_MV * 1000 + 2 * reference.amplitude_uv < 2.4e6 / gain
        return (OFFSET_MV, -OFFSET_MV) if self.with_offsets and reference.can_offset and fits else ()

    def total_s(self, reference: Reference | None, gain: int = 6, rate_hz: int = 500) -> float:
        """Seconds of signal in all."""
        total = self.noise_s + self.test_s
        if reference is not None:
            each = self.gain_s + self.again_s + self.offset_s * len(self.offsets_mv(reference, gain))
            total += 2 * (each + self.step_s * len(self.steps_hz(reference, rate_hz))) + self.skew_s
            total += self.step_s * len(ALONE) * (self.with_crosstalk and reference.has_sine)
        return total


FULL = Plan()
QUICK = Plan(
    noise_s=20.0, test_s=13.0, gain_s=13.0, again_s=8.0, skew_s=6.0, frequencies_hz=(40.0,), with_offsets=False, with_crosstalk=False
)


Say = Callable[[str], None]
Progress = Callable[[int, int], None]


async def calibrate(
    recorder: Recorder,
    bench: Bench | None = None,
    reference: Reference | None = None,
    *,
    operator: str = "",
    conditions: Conditions = NOMINAL,
    plan: Plan = FULL,
    gain: int | None = None,
    rate_hz: int = 500,
    keep: bool = True,
    say: Say = lambda words: None,
    progress: Progress = lambda done, of: None,
) -> Certificate:
    """Calibrate an idle recorder and have it keep the result.

    Args:
        recorder: an open session.
        bench: connects and sets the reference; None: the internal test signal only, whose ±2 % are then the gain's.
        reference: what stands on the bench.
        operator: who does it; stands on the certificate.
        conditions: of the room.
        plan: what is measured, for how long.
        gain: of the amplifier; default: as the recorder's settings say.
        rate_hz: samples per second.
        keep: False: measure only; the recorder keeps what it has.
        say: told what goes on, in words.
        progress: told (seconds of signal done, of how many).

    Raises:
        CalibrationError: refused; `kind` says why, the words what to do. The recorder keeps the calibration it had.
        LinkError: the connection is lost, or the recorder does not take the result.
    """
    if (bench is None) != (reference is None):
        raise ValueError("a bench and its reference go together")
    amplifier = gain if gain is not None else int((await recorder.settings())["gain"])
    identity = await recorder.identity()
    subject = {"device": str(identity["device_id"]), "board": str(identity["board"]), "firmware": str(identity["firmware"])}
    work = _Work(recorder, bench, reference or INTERNAL, conditions, plan, amplifier, rate_hz, say, progress, Judge(subject))
    try:
        await work.run()
    except MeasureError as error:
        raise CalibrationError("shape", str(error)) from error
    certificate = make(work.measured, work.judge.trial, recorder, work.reference, conditions, operator, amplifier, rate_hz)
    if keep:
        await recorder.calibrate(certificate.calibration.record)
        say(f"the recorder keeps calibration {certificate.calibration.calibration_id:08x}")
    return certificate


@dataclass
class _Work:
    """A calibration under way."""

    recorder: Recorder
    bench: Bench | None
    reference: Reference
    conditions: Conditions
    plan: Plan
    amplifier: int
    rate_hz: int
    say: Say
    progress: Progress
    judge: Judge
    measured: Measured = field(default_factory=Measured)
    done_s: float = 0.0

    async def run(self) -> None:
        """All steps, in an order that moves few wires; each is judged at once."""
        self.progress(0, round(self._total_s))
        await self._noise()
        await self._test_signal()
        if self.bench is None:
            return
        for wiring in (CHEST, LIMB):
            await self._gain(wiring)
        await self._skew()
        if self.plan.with_crosstalk and self.reference.has_sine:
            for lead, wiring in enumerate(ALONE):
                await self._crosstalk(lead, wiring)
            weights = {LEADS[k]: wiring.weights for wiring in (CHEST, LIMB) for k in wiring.driven}
            self.measured.gain = evaluate.without_crosstalk(self.measured.gain, self.measured.crosstalk, weights)
        else:
            self.measured.gain = evaluate.with_crosstalk(self.measured.gain, self.conditions)

    @property
    def _total_s(self) -> float:
        return self.plan.total_s(self.reference if self.bench else None, self.amplifier, self.rate_hz)

    async def _take(self, seconds: float, source: int) -> Taken:
        for tries_left in reversed(range(_TRIES)):
            try:
                taken = await take(self.recorder, seconds, source=source, rate_hz=self.rate_hz, gain=self.amplifier)
                break
            except CalibrationError as error:
                if error.kind != "frames" or not tries_left:
                    raise
                self.say(f"{error}; once more")
        self.done_s += seconds
        self.progress(round(self.done_s), round(self._total_s))
        return taken

    async def _noise(self) -> None:
        self.say("noise and offset, inputs shorted inside the converter")
        taken = await self._take(self.plan.noise_s, c.SIGNAL_SOURCE_SHORTED)
        found = self.measured
        found.temperature_c = self.conditions.temperature_c if taken.temperature_c is None else taken.temperature_c
        found.offset, found.noise_rms, found.noise_peak_to_peak = evaluate.shorted(
            taken.microvolt, taken.rate_hz, taken.step_uv, self.conditions
        )
        self.judge.look("offset", found.offset)
        self.judge.look("noise", found.noise_peak_to_peak)

    async def _test_signal(self) -> None:
        """All leads see the same signal: dead leads, and, without another reference, the gain."""
        self.say("internal test signal")
        taken = await self._take(self.plan.test_s, c.SIGNAL_SOURCE_TEST_SIGNAL)
        everyone = Wiring("inside", LEADS, (1.0,) * len(LEADS))
        found = fitted(taken, everyone, INTERNAL.stimulus())
        gains = evaluate.gain(found, everyone.driven, INTERNAL, taken.step_uv, self.conditions)
        self.measured.test_signal = gains
        self.judge.look("test_signal", gains, scale=100)
        self.judge.repeats("gain_u", gains, scale=100)
        if self.bench is None:
            self.measured.gain = gains
            self.measured.skew = evaluate.skew(found, everyone.driven)
            self.judge.look("skew", self.measured.skew)

    async def _reference(self, wiring: Wiring, stimulus: Stimulus, seconds: float) -> tuple[Taken, Driven]:
        """Record the reference; refuse what it is not."""
        if self.bench is None:
            raise ValueError("no bench")
        await self.bench.set(wiring, stimulus)
        await self.recorder.ping()
        await asyncio.sleep(_SETTLE_S)  # of the reference; and two turns of a simulated bench, which is told by a file
        await self.recorder.ping()
        self.say(f"{wiring.name}: {stimulus.words}")
        taken = await self._take(seconds, c.SIGNAL_SOURCE_REFERENCE)
        return taken, fitted(taken, wiring, stimulus)

    async def _gain(self, wiring: Wiring) -> None:
        reference, plan, measured = self.reference, self.plan, self.measured
        taken, first = await self._reference(wiring, reference.stimulus(), plan.gain_s)
        found = evaluate.gain(first, wiring.driven, reference, taken.step_uv, self.conditions)
        self.judge.look("gain", found, scale=100)
        self.judge.repeats("gain_u", found, scale=100)
        measured.gain.update(found)
        if measured.rate is None:
            measured.rate = evaluate.rate(first, reference, self.conditions)
            self.judge.figures("rate", {"": measured.rate.value})
        await self._offsets(wiring, first)
        await self._steps(wiring, first)
        _, last = await self._reference(wiring, reference.stimulus(), plan.again_s)
        again = evaluate.gain_change(last, first, wiring.driven)
        measured.gain_again.update(again)
        self.judge.look("gain_again", again, scale=100, kind="repeatability")

    async def _offsets(self, wiring: Wiring, at_zero: Driven) -> None:
        for offset_mv in self.plan.offsets_mv(self.reference, self.amplifier):
            _, found = await self._reference(wiring, self.reference.stimulus(offset_mv=offset_mv), self.plan.offset_s)
            change = evaluate.gain_change(found, at_zero, wiring.driven)
            self.measured.gain_at_offset.setdefault(f"{offset_mv:+g} mV", {}).update(change)
            self.judge.look("gain_offset", change, scale=100)

    async def _steps(self, wiring: Wiring, at: Driven) -> None:
        for hertz in self.plan.steps_hz(self.reference, self.rate_hz):
            _, found = await self._reference(wiring, self.reference.sine(hertz), self.plan.step_s)
            response = evaluate.response(found, at, wiring.driven, self.reference)
            self.measured.response.setdefault(hertz, {}).update(response)
            if hertz <= _SKEW_HZ:
                self.judge.look("bandwidth", response, scale=100)

    async def _skew(self) -> None:
        """Where all leads see the reference at once."""
        stimulus = self.reference.sine(_SKEW_HZ) if self.reference.has_sine else self.reference.stimulus()
        _, found = await self._reference(TOGETHER, stimulus, self.plan.skew_s)
        self.measured.skew = evaluate.skew(found, range(len(LEADS)))
        self.judge.look("skew", self.measured.skew)

    async def _crosstalk(self, lead: int, wiring: Wiring) -> None:
        taken, _ = await self._reference(wiring, self.reference.sine(_CROSSTALK_HZ), self.plan.step_s)
        into = [k for k, weight in enumerate(wiring.weights) if not weight]
        found = evaluate.crosstalk(taken.microvolt, taken.rate_hz, _CROSSTALK_HZ, lead, into)
        self.measured.crosstalk[LEADS[lead]] = found
        self.judge.look("crosstalk", found, scale=100)
