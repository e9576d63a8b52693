# SPDX-License-Identifier: Apache-2.0
"""The scores of a database as a text table and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .beats import BeatScore
from .pwaves import PScore
from .run import DatabaseScore, RecordScore, gross, gross_af, gross_p_waves, gross_waves
from .waves import BOUNDARIES, WaveScore

_PARTS = (("full", "beats"), ("after 5 min", "beats_after"))


def as_dict(result: DatabaseScore) -> dict[str, Any]:
    """Everything, for JSON. Percentages are null where they are not defined."""
    options, records = result.options, result.records
    answer: dict[str, Any] = {
        "database": result.name,
        "test": f"annotator {options.annotator}" if options.annotator else f"detector {options.detector}",
        "beats_from_reference": result.from_reference_beats,
        "reference": options.reference,
        "leads": options.leads,
        "escapes_as": options.escapes_as,
        "without_paced": options.without_paced,
        "records": [_record_dict(r) for r in records],
        "gross": {},
        "problems": result.problems,
    }
    sums = answer["gross"]
    if any(r.beats for r in records):
        for _, part in _PARTS:
            sums[part] = _gross_dict(result, part)
        ladder = ladder_of(records)
        if ladder:
            answer["noise_ladder"] = {snr: r.beats.as_dict(classes=r.classes) for snr, r in ladder if r.beats is not None}
    if any(r.af for r in records):
        sums["af"] = gross_af(records).as_dict()
    waves = gross_waves(records)
    if waves:
        sums["waves"] = {lead: s.as_dict() for lead, s in waves.items()}
    if any(r.p_waves for r in records):
        sums["p_waves"] = gross_p_waves(records).as_dict()
    if any(r.detector_s for r in records):
        sums["detector_s"] = sum(r.detector_s for r in records)
    return answer


def _record_dict(record: RecordScore) -> dict[str, Any]:
    answer: dict[str, Any] = {"record": record.record.name, "detector_s": record.detector_s}
    if record.snr_db is not None:
        answer["snr_db"] = record.snr_db
    for _, part in _PARTS:
        scored: BeatScore | None = getattr(record, part)
        if scored is not None:
            answer[part] = scored.as_dict(classes=record.classes)
    if record.beats is not None:
        answer["paced"] = record.paced
    if record.af is not None:
        answer["af"] = record.af.as_dict()
    if record.waves:
        answer["waves"] = {lead: s.as_dict() for lead, s in record.waves.items()}
    if record.p_waves is not None:
        answer["p_waves"] = record.p_waves.as_dict()
    return answer


def _gross_dict(result: DatabaseScore, part: str) -> dict[str, Any]:
    classes = any(r.classes for r in result.records)
    answer = gross(result.records, part).as_dict(classes=classes)
    if classes and result.options.without_paced:
        kept = gross(result.records, part, without_paced=True).as_dict(classes=True)
        answer |= {name: kept[name] for name in ("veb", "sveb")}
    return answer


def lines(result: DatabaseScore) -> list[str]:
    """The same as text: a table for each thing that was scored."""
    options, records = result.options, result.records
    test = f"annotator {options.annotator}" if options.annotator else f"detector {options.detector}, lead {options.leads}"
    said = [f"{result.name}: {test}"]
    if any(r.beats for r in records):
        said += _beat_lines(result)
    if any(r.af for r in records):
        said += ["", "Atrial fibrillation by duration" + (", from the reference's beats" if result.from_reference_beats else "")]
        said += table(
            ("record", "AF h", "else h", "Se %", "+P %", "Sp %", "missed h", "false h"),
            [_af_row(r.record.name, r.af.as_dict()) for r in records if r.af is not None] + [_af_row("gross", gross_af(records).as_dict())],
        )
    if any(r.p_waves for r in records):
        said += ["", "P waves (peaks, 50 ms)"]
        rows = [_p_row(r.record.name, r.p_waves) for r in records if r.p_waves is not None]
        said += table(("record", "P waves", "FN", "FP", "Se %", "+P %"), [*rows, _p_row("gross", gross_p_waves(records))])
    return said + _wave_lines(gross_waves(records))


def _p_row(name: str, score: PScore) -> list[str]:
    found = score.as_dict()
    return [name, str(score.tp + score.fn), str(score.fn), str(score.fp), *(number(found[k], 2) for k in ("se_percent", "ppv_percent"))]


def _wave_lines(by_lead: dict[str, WaveScore]) -> list[str]:
    """The boundaries of all leads together, and where there are several, the macro-F1 of each."""
    if not by_lead:
        return []
    name, whole = list(by_lead.items())[-1]
    head = ("boundary", "n", "Se %", "+P %", "F1 %", "150 ms Se %", "+P %", "F1 %", "mean ms", "SD ms")
    said = ["", f"Wave boundaries, {name}: macro-F1 {number(whole.macro_f1(), 2)} % (150 ms: {number(whole.macro_f1('150_ms'), 2)} %)"]
    said += table(head, [_wave_row(name, b.as_dict()) for name, b in whole.boundaries.items()])
    if len(by_lead) > 1:
        rows = [
            [lead, *(number(s.boundaries[b].as_dict()["narrow"]["f1_percent"], 2) for b in BOUNDARIES), number(s.macro_f1(), 2)]
            for lead, s in by_lead.items()
        ]
        said += ["", "F1 % at 50/40/50/100 ms by lead", *table(("lead", *BOUNDARIES, "macro"), rows)]
    return said


def _beat_lines(result: DatabaseScore) -> list[str]:
    records = [r for r in result.records if r.beats is not None]
    said = ["", "QRS (EC57, 150 ms)"]
    rows = [[r.record.name, *_qrs_row(r.beats), *_qrs_row(r.beats_after)] for r in records]
    rows.append(["gross", *_qrs_row(gross(records, "beats")), *_qrs_row(gross(records, "beats_after"))])
    head = ("beats", "FN", "FP", "Se %", "+P %", "DER %")
    said += table(("record", *head, *head), rows, group=("full", "after 5 min"))
    ladder = ladder_of(records)
    if ladder:
        said += ["", "Noise ladder, full | after 5 min"]
        said += table(("dB", *head, *head), [[str(snr), *_qrs_row(r.beats), *_qrs_row(r.beats_after)] for snr, r in ladder])
    if any(r.classes for r in records):
        left = result.options.without_paced
        for label, part in _PARTS:
            said += ["", f"Ectopic beats, {label}" + (", records with paced beats left out of the sum" if left else "")]
            rows = [[r.record.name, *_class_row(getattr(r, part))] for r in records]
            rows.append(["gross", *_class_row(gross(records, part, without_paced=left))])
            said += table(("record", "VEB", "Se %", "+P %", "FPR %", "SVEB", "Se %", "+P %", "FPR %"), rows)
    return said


def ladder_of(records: Iterable[RecordScore]) -> list[tuple[int, RecordScore]]:
    """Records of the noise stress test, quietest first: (signal to noise in dB, record)."""
    found = [(r.snr_db, r) for r in records if r.snr_db is not None]
    return sorted(found, key=lambda pair: (-pair[0], pair[1].record.name)) if found else []


def _qrs_row(scored: BeatScore | None) -> list[str]:
    if scored is None:
        return ["-"] * 6
    q = scored.as_dict(classes=False)["qrs"]
    return [str(q["beats"]), str(q["fn"]), str(q["fp"]), *(number(q[k], 2) for k in ("se_percent", "ppv_percent", "der_percent"))]


def _class_row(scored: BeatScore) -> list[str]:
    row = []
    for found in (scored.veb(), scored.sveb()):
        numbers = found.as_dict()
        row += [
            str(found.tp + found.fn),
            *(number(numbers[k], 2) for k in ("se_percent", "ppv_percent")),
            number(numbers["fpr_percent"], 3),
        ]
    return row


def _af_row(name: str, af: dict[str, Any]) -> list[str]:
    hours = [(af["tp_s"] + af["fn_s"]) / 3600, (af["tn_s"] + af["fp_s"]) / 3600]
    rates = [number(af[k], 2) for k in ("se_percent", "ppv_percent", "sp_percent")]
    return [name, *(f"{h:.2f}" for h in hours), *rates, f"{af['fn_s'] / 3600:.2f}", f"{af['fp_s'] / 3600:.2f}"]


def _wave_row(name: str, b: dict[str, Any]) -> list[str]:
    rates = [number(b[t][k], 2) for t in ("narrow", "150_ms") for k in ("se_percent", "ppv_percent", "f1_percent")]
    return [name, str(b["n_reference"]), *rates, number(b["error_mean_ms"], 1), number(b["error_sd_ms"], 1)]


def number(value: float | None, digits: int) -> str:
    """A number, or - where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], group: tuple[str, str] | None = None) -> list[str]:
    """Columns, the first to the left and the others to the right; `group` names the two halves of the rest."""
    names = list(head)
    widths = [max(len(names[k]), *(len(row[k]) for row in rows)) for k in range(len(names))]

    def line(cells: Sequence[str]) -> str:
        return "  ".join([cells[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells[1:], widths[1:], strict=True))])

    said = [line(names), *(line(row) for row in rows)]
    if group:
        half = 1 + (len(names) - 1) // 2
        said.insert(0, " " * (widths[0] + 2) + group[0].ljust(sum(widths[1:half]) + 2 * (half - 1)) + group[1])
    return said
