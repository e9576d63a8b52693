# SPDX-License-Identifier: Apache-2.0
"""A trial as text, Markdown or HTML. Colour is the caller's: `as_text` is handed a function that paints."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from .limit import TEXTS
from .trial import Line, Trial, Verdict

Paint = Callable[[str, str], str]
COLOURS = {Verdict.PASS: "green", Verdict.WARN: "yellow", Verdict.FAIL: "red", Verdict.NOT_RUN: "blue"}
_HEAD = ("", "what", "measured", "limit", "source")
_MARKS = {"own": "", "read": "", "quoted": " (q)", "memory": " (m)"}
_LEGEND = "(q): quoted by others, (m): from memory; the source's own text was not read for these. No claim of conformity."


def plain(words: str, _: str) -> str:
    """No colour."""
    return words


def _cells(line: Line) -> tuple[str, str, str, str, str]:
    limit = line.limit
    return str(line.verdict), limit.title, line.measured, limit.allowed, limit.cited + _MARKS[limit.text]


def summary(trial: Trial) -> str:
    """How many lines of which verdict.

    >>> summary(Trial("Self-test"))
    'not run'
    """
    counted = [(verdict, len(trial.of(verdict))) for verdict in (Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.NOT_RUN)]
    return f"{trial.verdict}" + (": " if trial.lines else "") + ", ".join(f"{n} {verdict}" for verdict, n in counted if n)


def as_text(trial: Trial, paint: Paint = plain) -> str:
    """A table for a terminal; words stand below the line they belong to."""
    rows = [_cells(line) for line in trial.lines]
    widths = [max(len(row[k]) for row in [_HEAD, *rows]) for k in range(len(_HEAD))]
    out = [f"{trial.title} of {', '.join(f'{name} {value}' for name, value in trial.subject.items())}", ""]
    out.append("  ".join(_HEAD[k].ljust(widths[k]) for k in range(len(_HEAD))).rstrip())
    for line, row in zip(trial.lines, rows, strict=True):
        first = paint(row[0].ljust(widths[0]), COLOURS[line.verdict])
        out.append("  ".join([first, *(row[k].ljust(widths[k]) for k in range(1, len(row)))]).rstrip())
        if line.words:
            out.append(" " * (widths[0] + 4) + line.words)
    out += ["", *trial.remarks, _LEGEND, paint(summary(trial), COLOURS[trial.verdict])]
    return "\n".join(out)


def as_markdown(trial: Trial) -> str:
    """A table for a page of documentation."""
    out = [f"{', '.join(f'{name} {value}' for name, value in trial.subject.items())}; {trial.began:%Y-%m-%d %H:%M} UTC.", ""]
    out += ["| verdict | what | measured | limit | source | remarks |", "| --- | --- | --- | --- | --- | --- |"]
    for line in trial.lines:
        remark = " ".join(part for part in (line.words, line.limit.note) if part)
        out.append("| " + " | ".join(cell.replace("|", "\\|") for cell in (*_cells(line), remark)) + " |")
    out += ["", f"{summary(trial)}.", "", *(f"{remark}\n" for remark in trial.remarks), _LEGEND, ""]
    return "\n".join(out)


_STYLE = (
    "body{font:15px/1.4 system-ui,sans-serif;max-width:75em;margin:2em auto;padding:0 1em}table{border-collapse:collapse}"
    "th,td{text-align:left;vertical-align:top;padding:.3em .8em;border-bottom:1px solid #ccc}small{color:#555}"
    ".pass{color:#1a7f37}.warn{color:#9a6700}.fail{color:#cf222e;font-weight:bold}.not-run{color:#57606a}"
    "@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}small{color:#aaa}.pass{color:#4ac26b}.warn{color:#d4a72c}"
    ".fail{color:#ff7b72}.not-run{color:#8b949e}}"
)


def as_html(trial: Trial) -> str:
    """One page that stands by itself."""
    subject = ", ".join(f"{escape(name)} {escape(value)}" for name, value in trial.subject.items())
    rows = "\n".join(_row(line) for line in trial.lines)
    texts = {line.limit.text for line in trial.lines}
    legend = "<br>".join(f"{escape(mark.strip())}: {escape(TEXTS[text])}" for text, mark in _MARKS.items() if mark and text in texts)
    remarks = "".join(f"<p>{escape(remark)}</p>" for remark in trial.remarks)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(trial.title)}</title><style>{_STYLE}</style>\n'
        f"<h1>{escape(trial.title)}</h1><p>{subject}; {trial.began:%Y-%m-%d %H:%M} UTC; {trial.took_s:.0f} s</p>\n"
        f'<p class="{_class(trial.verdict)}">{escape(summary(trial))}</p>\n'
        "<table><thead><tr><th>verdict<th>what<th>measured<th>limit<th>source</tr></thead><tbody>\n"
        f"{rows}\n</tbody></table>{remarks}<p><small>{legend}<br>No claim of conformity.</small></p></html>\n"
    )


def _class(verdict: Verdict) -> str:
    return verdict.value.replace(" ", "-")


def _row(line: Line) -> str:
    verdict, *cells = (escape(cell) for cell in _cells(line))
    remark = " ".join(part for part in (line.words, line.limit.note) if part)
    if remark:
        cells[0] += f"<br><small>{escape(remark)}</small>"
    return f'<tr><td class="{_class(line.verdict)}">{verdict}' + "".join(f"<td>{cell}" for cell in cells) + "</tr>"
