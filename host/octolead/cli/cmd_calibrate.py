# SPDX-License-Identifier: Apache-2.0
"""octolead calibrate: a recorder against its own test signal and an external reference."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from ..calibrate import FULL, QUICK, Bench, Certificate, Conditions, Reference, SimulatedBench, Stimulus, Wiring
from ..calibrate import calibrate as measure_and_keep
from ..calibrate.paper import figures, write_pdf
from ..calibration import kept_folder
from ..calibration import save as save_calibration
from .link_options import Target, link_options_of
from .output import Progress, common, heading, note, print_json, rows, say

SIMULATED = {
    "speed": 25,
    "ring_frames": 32768,
    "front_end": {
        "gain_ppm": [4200, -3100, 900, -12000, 7600, 2500, -600, 15000],
        "offset_nv": [35000, -120000, 8000, 61000, -47000, 2000, 90000, -15000],
        "noise_nv": 1100,
        "skew_us": [0, 0, 2, -2, 1, 0, -1, 0],
        "crosstalk": [[2, 3, 300], [3, 2, 300]],
        "rate_ppm": -850,
    },
}
"""A front end as parts are: what calibration is to find."""
_FOLDER = click.Path(file_okay=False, path_type=Path)


class _PromptBench(Bench):
    """Somebody who connects and sets what is asked for."""

    def __init__(self) -> None:
        self._wiring = ""

    async def set(self, wiring: Wiring, stimulus: Stimulus) -> None:
        """Ask, and wait for Enter."""
        words = f"set the reference to {stimulus.words}"
        if wiring.words != self._wiring:
            self._wiring = wiring.words
            words = f"{wiring.words}; {words}"
        await asyncio.to_thread(click.prompt, f"{words}; then Enter", default="", show_default=False, err=True)


@click.command()
@click.option(
    "--reference",
    "name",
    metavar="NAME",
    help="What stands on the bench: maker, number. Without one: the internal signal only.",
)
@click.option("--shape", type=click.Choice(["sine", "square"]), default="sine", show_default=True, help="Of the reference, for the gain.")
@click.option("--mv", type=click.FloatRange(0.1, 10), default=1.0, show_default=True, help="Peak to peak at the electrodes, mV.")
@click.option("--hz", type=click.FloatRange(0.1, 40), default=1.0, show_default=True, help="Its frequency for the gain.")
@click.option("--tolerance", type=click.FloatRange(0, 5), default=0.05, show_default=True, help="± of its amplitude, %.")
@click.option("--flatness", type=click.FloatRange(0, 20), default=0.1, show_default=True, help="± at its other frequencies, %.")
@click.option("--hz-tolerance", type=click.FloatRange(0, 10000), default=5.0, show_default=True, help="± of its frequency, ppm.")
@click.option("--no-offset", is_flag=True, help="It cannot add ±300 mV.")
@click.option("--operator", default="", help="Who calibrates; stands on the certificate.")
@click.option("--temperature", type=click.FloatRange(-20, 60), help="Of the room, °C.")
@click.option("--gain", type=click.Choice(["1", "2", "3", "4", "6", "8", "12"]), help="Of the amplifier. Default: as its settings say.")
@click.option("--quick", is_flag=True, help="Gain, offset, noise, skew and rate only, with fewer repeats.")
@click.option("--measure-only", is_flag=True, help="The recorder keeps the calibration it has.")
@click.option(
    "--out", default="certificates", show_default=True, type=click.Path(file_okay=False, path_type=Path), help="Folder of the certificate."
)
@link_options_of(**SIMULATED)
@common
def calibrate(target: Target, as_json: bool, **options: object) -> None:
    """Calibrate an idle recorder; it keeps the result, signed, and names it in its recordings.

    With --reference it is guided: what to connect and what to set is said, one step after another (1 mV, DC offsets of ±300 mV, frequency
    steps, one electrode at a time). With --sim the simulator's generator does it by itself. Nothing is kept of a recorder that is refused.
    Each step is a short session on the card. Writes the record (.olc), the certificate as JSON and as PDF. docs/CALIBRATION.md
    """
    with Progress("calibrating") as progress:
        certificate = asyncio.run(_run(target, options, progress))
    out = options["out"]
    assert isinstance(out, Path)  # noqa: S101 - click makes it one
    saved = certificate.save(out)
    if not (target.is_simulated or options["measure_only"]):
        save_calibration(certificate.calibration, kept_folder())
    saved.append(write_pdf(certificate, saved[0].with_suffix(".pdf")))
    if as_json:
        print_json({**certificate.as_dict(), "files": [str(path) for path in saved]})
    else:
        _print(certificate, saved)


async def _run(target: Target, options: dict[str, object], progress: Progress) -> Certificate:
    reference, bench = _reference(options, target), _bench(target)
    gain = options["gain"]
    async with await target.connect() as recorder:
        return await measure_and_keep(
            recorder,
            bench if reference else None,
            reference,
            operator=str(options["operator"]),
            conditions=Conditions(temperature_c=options["temperature"]),  # type: ignore[arg-type]  # a float or None
            plan=QUICK if options["quick"] else FULL,
            gain=int(str(gain)) if gain else None,
            keep=not options["measure_only"],
            say=note,
            progress=progress,
        )


def _reference(options: dict[str, object], target: Target) -> Reference | None:
    name = options["name"]
    if not name:
        return None
    number = {key: float(str(options[key])) for key in ("mv", "hz", "tolerance", "flatness", "hz_tolerance")}
    return Reference(
        str(name),
        str(options["shape"]),
        number["mv"] * 500,
        number["hz"],
        number["tolerance"] / 100,
        number["flatness"] / 100,
        number["hz_tolerance"],
        not options["no_offset"],
    )


def _bench(target: Target) -> Bench:
    if target.bench is not None and target.bench.hand is not None:
        return SimulatedBench(target.bench.hand)
    return _PromptBench()


def _print(certificate: Certificate, saved: list[Path]) -> None:
    found = certificate.calibration
    say(heading(f"calibration {found.calibration_id:08x} of recorder {found.device_id}"))
    say("  lead  gain error, %         offset, µV            noise, µV rms    skew, µs")
    for lead, gain, offset, noise, skew in figures(certificate):
        say(f"  {lead:<4}  {gain:<20}  {offset:<20}  {noise:<15}  {skew}")
    rate = certificate.report["measured"]["rate"]
    rows(
        [
            ("rate", f"{rate['value']:.1f} ± {rate['expanded']:.1f} ppm over nominal" if rate else ""),
            ("written", ", ".join(map(str, saved))),
        ]
    )
