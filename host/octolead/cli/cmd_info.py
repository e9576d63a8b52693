# SPDX-License-Identifier: Apache-2.0
"""octolead info, octolead verify."""

from __future__ import annotations

from typing import Any

import click

from ..calibration import as_dict as calibration_as_dict
from ..recording import Recording
from ..recording import open as open_recording
from ..verify import Report, SessionReport
from ..verify import verify as verify_source
from .output import (
    EXIT_DAMAGED,
    EXIT_SOUND,
    Progress,
    common,
    heading,
    key_option,
    print_findings,
    print_json,
    rows,
    say,
    seconds,
    session_option,
)

_SHOWN = 12


@click.command()
@click.argument("source")
@session_option
@key_option
@click.option("--nominal", is_flag=True, help="Do not apply the calibration.")
@common
def info(source: str, session: str | None, key: bytes | None, nominal: bool, as_json: bool) -> None:
    """What a recording holds: leads, length, time, gaps, marks, problems.

    SOURCE is a card image, a mounted card, a folder of segments, one segment, or an .olr file. The CRC of every block is checked.
    """
    with open_recording(source, session=session, check=True, key=key, calibrated=not nominal) as recording:
        problems = recording.problems
        if as_json:
            print_json(as_dict(recording))
        else:
            _print(recording, source)
            if len(problems):
                say()
                print_findings(problems)
        click.get_current_context().exit(EXIT_DAMAGED if any(f.severity.name == "ERROR" for f in problems) else EXIT_SOUND)


def as_dict(recording: Recording) -> dict[str, Any]:
    """All of `info`, for JSON."""
    start = recording.start_utc
    return {
        "kind": recording.source_kind,
        "session": recording.session.number,
        "session_id": recording.session_id,
        "device_id": recording.device_id,
        "sessions": [{**vars(s), "duration_s": s.duration_s} for s in recording.sessions],
        "leads": list(recording.stored_leads),
        "derived_leads": [n for n in recording.leads if n not in recording.stored_leads],
        "fs_hz": recording.fs_hz,
        "step_nv": str(recording.step_nv),
        "step_uv": recording.step_uv,
        "lead_scales": {n: {"zero": z, "step_nv": str(s)} for n in recording.stored_leads for z, s in [recording.lead_scale(n)]},
        "gain": recording.gain,
        "calibration": _calibration_dict(recording),
        "shift": recording.shift,
        "source": recording.signal_source,
        "first_frame": recording.first_frame,
        "n_frames": recording.n_frames,
        "duration_s": recording.duration_s,
        "start_utc": start.isoformat() if start else None,
        "start_uncertainty_ms": recording.start_uncertainty_ms,
        "blocks": recording.n_blocks,
        "bytes": recording.n_bytes,
        "gaps": [vars(g) for g in recording.gaps],
        "marks": [
            {
                "frame": m.frame,
                "time_s": m.frame / recording.fs_hz,
                "origin": m.origin,
                "text": m.text,
                "utc": m.utc.isoformat() if m.utc else None,
            }
            for m in recording.marks
        ],
        "lead_off": [vars(s) for s in recording.lead_off],
        "saturation": [vars(s) for s in recording.saturation],
        "notes": recording.notes,
        "faults": recording.timeline.faults,
        "start_reason": recording.timeline.start_reason,
        "stop_reason": recording.timeline.stop_reason,
        "problems": [f.as_dict() for f in recording.problems],
    }


def _print(recording: Recording, source: str) -> None:
    say(heading(f"{source}") + f"  ({recording.source_kind})")
    start = recording.start_utc
    uncertainty = recording.start_uncertainty_ms
    when = (
        "unknown"
        if start is None
        else start.strftime("%Y-%m-%d %H:%M:%S UTC")
        + (f" ± {seconds(uncertainty / 1000)}" if uncertainty is not None else " (uncertainty unknown)")
    )
    derived = [n for n in recording.leads if n not in recording.stored_leads]
    missing = sum(g.n_frames for g in recording.gaps)
    volts = recording.battery[1]
    rows(
        [
            ("session", f"{recording.session_id}" + (f", {recording.session_note}" if recording.session_note else "")),
            ("device", "none: an imported record" if recording.is_imported else recording.device_id),
            ("record", recording.notes.get("record", "")),
            ("firmware", recording.firmware),
            ("leads", ", ".join(recording.stored_leads) + (f"; derived: {', '.join(derived)}" if derived else "")),
            ("rate", f"{recording.fs_hz:g} samples/s"),
            ("step", _steps(recording)),
            ("calibration", _calibration(recording)),
            ("source", "" if recording.signal_source in ("electrodes", "imported") else recording.signal_source),
            (
                "length",
                f"{seconds(recording.duration_s)}, {recording.n_frames} frames, {recording.n_blocks} blocks, {recording.n_bytes} bytes",
            ),
            ("start", when),
            ("missing", f"{missing} frames ({seconds(missing / recording.fs_hz)})" if missing else "nothing"),
            ("battery", f"{volts[0]:.2f} to {volts[-1]:.2f} V" if len(volts) else ""),
            ("ended", recording.timeline.stop_reason),
        ]
    )
    _lists(recording)


def _calibration(recording: Recording) -> str:
    found = recording.calibration
    if found is None:
        return f"{recording.calibration_id:08x}, not applied: nominal values" if recording.calibration_id else ""
    worst = max(found.leads, key=lambda lead: abs(lead.gain_error))
    by = f" by {found.operator}" if found.operator else ""
    return (
        f"{found.calibration_id:08x}, applied; made {found.made:%Y-%m-%d}{by} against {found.reference or 'an unnamed reference'}; "
        f"gains within {abs(worst.gain_error) * 100:.2g} % of nominal, known to {max(lead.gain_u for lead in found.leads) * 200:.2g} %"
    )


def _calibration_dict(recording: Recording) -> dict[str, Any] | None:
    found = recording.calibration
    if found is None:
        return {"id": recording.calibration_id, "applied": False} if recording.calibration_id else None
    return {"id": found.calibration_id, "applied": True, **calibration_as_dict(found)}


def _steps(recording: Recording) -> str:
    scales = {n: recording.lead_scale(n) for n in recording.stored_leads}
    if len(set(scales.values())) == 1:
        zero, step = next(iter(scales.values()))
        return f"{float(step) / 1000:.6g} µV" + (f", zero at {zero}" if zero else "")
    return "; ".join(f"{n} {float(s) / 1000:.6g} µV" + (f" zero {z}" if z else "") for n, (z, s) in scales.items())


def _lists(recording: Recording) -> None:
    fs = recording.fs_hz
    lists = (
        (
            "marks",
            [f"frame {m.frame} ({seconds(m.frame / fs)}) {m.origin}{f': {m.text}' if m.text else ''}" for m in recording.marks],
        ),
        (
            "gaps",
            [f"frames {g.start_frame} to {g.stop_frame} ({seconds(g.n_frames / fs)}): {g.cause}" for g in recording.gaps],
        ),
        (
            "electrodes off",
            [f"{s.name} {seconds(s.start_frame / fs)} to {seconds(s.stop_frame / fs)}" for s in recording.lead_off],
        ),
        (
            "at the limit",
            [f"{s.name} {seconds(s.start_frame / fs)} to {seconds(s.stop_frame / fs)}" for s in recording.saturation],
        ),
        (
            "sessions",
            [f"{s.number}: {s.session_id}, {seconds(s.duration_s)}" for s in recording.sessions] if len(recording.sessions) > 1 else [],
        ),
    )
    for name, lines in lists:
        if lines:
            say(heading(f"{name} ({len(lines)})"))
            for line in lines[:_SHOWN]:
                say(f"  {line}")
            if len(lines) > _SHOWN:
                say(f"  and {len(lines) - _SHOWN} more (--json gives all)")


@click.command()
@click.argument("source")
@key_option
@common
def verify(source: str, key: bytes | None, as_json: bool) -> None:
    """Check every CRC and every counter; tell what is missing and why.

    SOURCE is as for `info`; all its sessions are checked. With --key every block's tag is checked too: blocks that were altered, removed,
    reordered or made by someone else are told by number. Exit code 0: sound; 1: something is missing, damaged or not the recorder's;
    2: it cannot be read.
    """
    with Progress("verifying") as progress:
        report = verify_source(source, progress=progress, key=key)
    if as_json:
        print_json(report.as_dict())
    else:
        _print_report(report)
    click.get_current_context().exit(report.exit_code)


def _sealed(s: SessionReport) -> str:
    """How it is sealed, in words."""
    words = "; enciphered" if s.enciphered else ""
    if s.chain is None:
        return words + ("; chained, not checked" if s.chained else "")
    told = [(s.chain.n_right, "right"), (s.chain.n_wrong, "wrong"), (s.chain.n_unknown, "cannot be told")]
    return words + "; tags: " + (", ".join(f"{n} {what}" for n, what in told if n) or "none")


def _print_report(report: Report) -> None:
    say(heading(report.source) + f"  ({report.kind})")
    for s in report.sessions:
        missing = f"{s.n_missing} missing ({seconds(s.missing_s)})" if s.n_missing else "none missing"
        say(f"  session {s.session_id}: {s.n_blocks} blocks, {s.n_damaged} damaged; {s.n_frames} frames, {missing}{_sealed(s)}")
    left = [
        (report.n_superseded, "superseded checkpoints"),
        (report.n_stale, "stale blocks"),
        (report.n_foreign, "blocks of another device"),
    ]
    if any(n for n, _ in left):
        say("  passed over: " + ", ".join(f"{n} {what}" for n, what in left if n))
    print_findings(report.findings)
    say(click.style("sound", fg="green") if report.is_sound else click.style("NOT SOUND: data is missing or damaged", fg="red"))
