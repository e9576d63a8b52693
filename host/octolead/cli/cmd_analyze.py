# SPDX-License-Identifier: Apache-2.0
"""octolead analyze."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from .output import EXIT_SOUND, Progress, common, heading, key_option, print_json, rows, say, seconds, session_argument, session_option


@click.command()
@click.argument("source")
@click.option("--out", required=True, type=click.Path(file_okay=False), help="Folder for what comes out.")
@click.option("--beats", type=click.Choice(["csv", "parquet"]), default="csv", show_default=True, help="Form of the table of beats.")
@session_option
@key_option
@common
def analyze(source: str, out: str, beats: str, session: str | None, key: bytes | None, as_json: bool) -> None:
    """Find beats and episodes: tables, numbers, and WFDB annotations.

    SOURCE is whatever `info` reads, a WFDB record or a DICOM waveform. Measurements, no diagnosis.
    """
    from ..analysis import analyze as analyze_source
    from ..analysis.outputs import write_all

    if beats == "parquet" and find_spec("pyarrow") is None:
        raise click.UsageError("Parquet needs pyarrow: pip install 'octolead[parquet]', or take --beats csv")
    with Progress("analysing") as progress:
        analysis = analyze_source(source, session=session_argument(session), progress=progress, key=key)
    written = write_all(analysis, Path(out), parquet=beats == "parquet")
    summary = analysis.summary()
    if as_json:
        print_json(summary)
    else:
        _tell(summary)
        say("Look at:")
        rows([(str(path), _WHAT.get(path.name, "annotations for WFDB tools")) for path in written])
    click.get_current_context().exit(EXIT_SOUND)


_WHAT = {
    "beats.csv": "each beat: time, class, reason, waves, intervals, ST",
    "beats.parquet": "each beat: time, class, reason, waves, intervals, ST",
    "hrv.csv": "heart rate variability of each five minutes",
    "episodes.json": "pauses, runs, AF and the like",
    "hourly.csv": "one row an hour",
    "templates.json": "the shapes of beats: mean waveform, how many of each class",
    "summary.json": "these figures and more",
}


def _tell(s: dict[str, Any]) -> None:
    say(heading(f"{s['name']}, {seconds(s['duration_s'])}, {', '.join(s['leads'])}"))
    rates = f"{s['mean_bpm']:.0f} a minute ({s['min_bpm']:.0f} to {s['max_bpm']:.0f} over 8 beats)" if s["min_bpm"] is not None else ""
    by_class = ", ".join(f"{s[key]} {key[2:]}" for key in s if key.startswith("n_") and key != "n_beats" and s[key])
    rows(
        [
            ("analysable", f"{s['analysable_percent']:.1f} %" if s["analysable_percent"] is not None else ""),
            ("beats", f"{s['n_beats']}" + (f" ({by_class})" if by_class else "")),
            ("rate", rates),
            ("longest RR", f"{s['longest_rr_s']:.2f} s" if s["longest_rr_s"] is not None else ""),
            ("episodes", ", ".join(f"{n} {kind}" for kind, n in s["episodes"].items()) or "none"),
            ("PR, QRS, QT", _intervals(s["waves"])),
            ("AF burden", f"{s['af_burden_percent']:.1f} %" if s["af_burden_percent"] is not None else ""),
        ]
    )


def _intervals(waves: dict[str, Any]) -> str:
    """Medians of the normal beats."""
    middle = [waves[name]["median"] for name in ("pr_ms", "qrs_ms", "qt_ms", "qtc_fridericia_ms")]
    if any(value is None for value in middle):
        return ""
    return "{:.0f}, {:.0f}, {:.0f} ms; QTc {:.0f} ms (Fridericia)".format(*middle)
