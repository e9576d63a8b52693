# SPDX-License-Identifier: Apache-2.0
"""octolead decode, octolead copy, octolead encode."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from .. import _constants as c
from ..calibration import save as save_calibration
from ..export import write_csv, write_npz, write_olr
from ..recording import open as open_recording
from .output import Progress, common, damaged, key_option, note, print_json, rows, say, seconds, session_option
from .ranges import leads_of, range_of


@click.command()
@click.argument("source")
@click.option("--out", type=click.Path(dir_okay=False), help="File to write, .npz or .csv. Default: csv on standard output.")
@click.option("--format", "kind", type=click.Choice(["npz", "csv"]), help="Default: by the file's suffix.")
@click.option(
    "--start",
    metavar="PLACE",
    help="First frame, or a time: 1500, 3s, 2.5min, 0:02:30, mark1. Default: the first there is.",
)
@click.option("--stop", metavar="PLACE", help="Where to end, this frame not included. Default: the end.")
@click.option("--leads", metavar="NAMES", help='Comma-separated, derived ones too; "all" is all. Default: the stored ones.')
@click.option("--raw", is_flag=True, help="Stored integers instead of µV.")
@session_option
@key_option
@common
def decode(
    source: str,
    out: str | None,
    kind: str | None,
    start: str | None,
    stop: str | None,
    leads: str | None,
    raw: bool,
    session: str | None,
    key: bytes | None,
    as_json: bool,
) -> None:
    """Write samples as npz or csv; missing frames are NaN (npz) or empty (csv).

    Exit code 1 if the session has missing or damaged data; what is sound is written all the same.
    """
    kind = kind or ("npz" if out and out.lower().endswith(".npz") else "csv")
    if out is None and (kind == "npz" or as_json):
        raise click.UsageError(f"--out is needed with {'--json' if as_json else 'npz'}")
    with open_recording(source, session=session, key=key) as recording, Progress("decoding") as progress:
        first, last = range_of(start, stop, recording)
        names = leads_of(leads, recording.stored_leads if raw else recording.leads) if leads is not None else recording.stored_leads
        if recording.session_note:
            note(recording.session_note)
        if kind == "npz":
            write_npz(recording, str(out), first, last, names, raw=raw, progress=progress)
        else:
            write_csv(recording, out or sys.stdout, first, last, names, raw=raw, progress=progress if out else None)
        progress.close()
        if as_json:
            print_json(
                {
                    "out": out,
                    "format": kind,
                    "start_frame": first,
                    "stop_frame": last,
                    "leads": names,
                    "unit": "step" if raw else "uV",
                    "session_id": recording.session_id,
                }
            )
        elif out:
            say(f"{out}: frames {first} to {last} ({seconds((last - first) / recording.fs_hz)}) of {', '.join(names)}")
        click.get_current_context().exit(damaged(recording))


@click.command()
@click.argument("source")
@click.option("--out", required=True, type=click.Path(dir_okay=False), help="The .olr file to write.")
@session_option
@key_option
@common
def copy(source: str, out: str, session: str | None, key: bytes | None, as_json: bool) -> None:
    """Copy one session's blocks from a card into an .olr file, byte for byte: what is enciphered stays so.

    The record of its calibration, where it is known, is put beside it.
    """
    with open_recording(source, session=session, check=True, key=key) as recording, Progress("copying") as progress:
        n_bytes = write_olr(recording, out, progress=progress)
        if recording.calibration is not None:
            save_calibration(recording.calibration, Path(out).absolute().parent)
        progress.close()
        if as_json:
            print_json({"out": out, "session_id": recording.session_id, "blocks": recording.n_blocks, "bytes": n_bytes})
        else:
            if recording.session_note:
                note(recording.session_note)
            say(f"{out}: {recording.n_blocks} blocks, {n_bytes} bytes of session {recording.session_id}")
        click.get_current_context().exit(damaged(recording))


def _positive(name: str, text: str | None) -> Fraction | None:
    if text is None:
        return None
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise click.BadParameter(f"{name}: {text!r} is not a number") from None
    if value <= 0:
        raise click.BadParameter(f"{name}: {text} is not above 0")
    return value


@click.command()
@click.argument("record")
@click.option("--out", required=True, type=click.Path(dir_okay=False), help="The .olr file to write.")
@click.option(
    "--leads",
    metavar="NAMES",
    help="Which leads, comma-separated. Default: I, II, V1-V6 if all are there, else the first eight.",
)
@click.option("--step", metavar="UV", help="Requantise to this step, in µV. Default: the source's own integers and step, exactly.")
@click.option("--rate", metavar="HZ", help="Resample to this rate. Default: the source's own.")
@click.option("--slot", type=int, default=c.MAX_BLOCK_BYTES, show_default=True, help="Largest block, bytes.")
@click.option("--codec", type=click.Choice([n.lower() for n in c.CODEC_NAMES.values()]), help="How samples are stored.")
@click.option("--partial-gaps", is_flag=True, help="Drop frames in which only some leads have a value, instead of refusing.")
@common
def encode(
    record: str,
    out: str,
    leads: str | None,
    step: str | None,
    rate: str | None,
    slot: int,
    codec: str | None,
    partial_gaps: bool,
    as_json: bool,
) -> None:
    """Convert a WFDB record or a DICOM waveform into an .olr file.

    Samples without a value in the source become gaps, samples at the converter's limits are told. What cannot be kept is refused by name
    (exit code 3).
    """
    from .. import encode as encoder
    from ..importers import load, requantise, resample

    rate_hz, step_uv = _positive("--rate", rate), _positive("--step", step)
    if not c.MIN_SLOT_BYTES <= slot <= c.MAX_BLOCK_BYTES or slot % c.SECTOR_BYTES:
        raise click.BadParameter(f"--slot: {slot}: {c.MIN_SLOT_BYTES} to {c.MAX_BLOCK_BYTES} in steps of {c.SECTOR_BYTES} are possible")
    signal = load(record, [n.strip() for n in leads.split(",") if n.strip()] if leads else None)
    if rate_hz is not None:
        signal = resample(signal, rate_hz)
    if step_uv is not None:
        signal = requantise(signal, step_uv * 1000)
    codec_id = next((k for k, n in c.CODEC_NAMES.items() if n.lower() == codec), encoder.DEFAULT_CODEC)
    with Progress("encoding") as progress:
        done = encoder.encode(signal, out, slot_bytes=slot, codec_id=codec_id, partial_gaps=partial_gaps, progress=progress)
    if as_json:
        print_json(_encoded(done))
        return
    say(f"{Path(out)}: {done.n_frames} frames of {done.n_leads} leads in {done.n_blocks} blocks")
    rows(
        [
            ("size", f"{done.n_bytes} bytes, {done.bits_per_sample:.3f} bits a sample"),
            ("missing", f"{done.n_missing} frames" if done.n_missing else ""),
            ("session", done.session_id),
        ]
    )
    for message in done.messages:
        note(message)


def _encoded(done: Any) -> dict[str, Any]:
    return {**vars(done), "path": str(done.path), "bits_per_sample": done.bits_per_sample}
