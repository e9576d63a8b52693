# SPDX-License-Identifier: Apache-2.0
"""Several detectors on one database, in one table: the sums, and the noise ladder where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .beats import BeatScore
from .report import ladder_of, number, table
from .run import DatabaseScore, gross, gross_waves

_HEAD = ("beats", "Se %", "+P %", "DER %")


def as_dict(results: Sequence[DatabaseScore]) -> dict[str, Any]:
    """One database's results, one a detector: gross figures by detector, DER by detector for each step of noise."""
    return {
        "database": results[0].name,
        "n_records": {r.options.detector: sum(s.beats is not None for s in r.records) for r in results},
        "gross": {r.options.detector: {part: _gross(r, part) for part in ("beats", "beats_after")} for r in results},
        "noise_ladder_der_percent": {
            r.options.detector: {snr: _qrs(s.beats)["der_percent"] for snr, s in ladder_of(r.records) if s.beats is not None}
            for r in results
            if ladder_of(r.records)
        },
    }


def lines(results: Sequence[DatabaseScore]) -> list[str]:
    """The same as text."""
    said = [f"{results[0].name}: {', '.join(r.options.detector for r in results)}; lead {results[0].options.leads}"]
    with_beats = [r for r in results if any(s.beats for s in r.records)]
    if with_beats:
        rows = [[_name(r), *_row(r, "beats"), *_row(r, "beats_after")] for r in with_beats]
        said += ["", "QRS (EC57, 150 ms), all records", *table(("detector", *_HEAD, *_HEAD), rows, group=("full", "after 5 min"))]
        said += _class_lines(with_beats) + _ladder_lines(with_beats)
    return said + _wave_lines(results)


def _name(result: DatabaseScore) -> str:
    return result.options.detector


def _gross(result: DatabaseScore, part: str) -> dict[str, Any]:
    return gross(result.records, part).as_dict(classes=any(r.classes for r in result.records))


def _qrs(scored: BeatScore) -> dict[str, Any]:
    found: dict[str, Any] = scored.as_dict(classes=False)["qrs"]
    return found


def _row(result: DatabaseScore, part: str) -> list[str]:
    found = _qrs(gross(result.records, part))
    return [str(found["beats"]), *(number(found[k], 2) for k in ("se_percent", "ppv_percent", "der_percent"))]


def _class_lines(results: Sequence[DatabaseScore]) -> list[str]:
    """Of detectors that give classes."""
    rows = []
    for result in results:
        if any(r.classes for r in result.records):
            whole = gross(result.records, "beats", without_paced=result.options.without_paced)
            found = [whole.veb().as_dict(), whole.sveb().as_dict()]
            rows.append([_name(result), *(number(kind[k], 2) for kind in found for k in ("se_percent", "ppv_percent", "fpr_percent"))])
    head = ("detector", "VEB Se %", "+P %", "FPR %", "SVEB Se %", "+P %", "FPR %")
    return ["", "Ectopic beats, full", *table(head, rows)] if rows else []


def _ladder_lines(results: Sequence[DatabaseScore]) -> list[str]:
    """DER of each detector, step by step; records of one step one below the other."""
    ladders = {_name(r): {s.record.name: (snr, s.beats) for snr, s in ladder_of(r.records) if s.beats is not None} for r in results}
    names = dict.fromkeys((name, snr) for ladder in ladders.values() for name, (snr, _) in ladder.items())
    if not names:
        return []
    rows = [
        [name, str(snr), *(number(_qrs(one[name][1])["der_percent"], 2) if name in one else "-" for one in ladders.values())]
        for name, snr in names
    ]
    return ["", "Noise ladder: DER %, full", *table(("record", "dB", *ladders), rows)]


def _wave_lines(results: Sequence[DatabaseScore]) -> list[str]:
    """The macro-F1 of the last row of the boundaries: all leads together, or the mean over leads."""
    rows = []
    for result in results:
        by_lead = gross_waves(result.records)
        if by_lead:
            name, whole = list(by_lead.items())[-1]
            rows.append([_name(result), name, number(whole.macro_f1(), 2), number(whole.macro_f1("150_ms"), 2)])
    return ["", "Wave boundaries", *table(("detector", "leads", "macro-F1 %", "150 ms %"), rows)] if rows else []
