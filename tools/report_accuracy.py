# SPDX-License-Identifier: Apache-2.0
"""Take the figures that reports print over from docs/ACCURACY-UNSEEN.md and docs/ACCURACY.md: `python -m tools.report_accuracy [--check]`.

They are read out of the tables there, each under the command that made it, so that a report cannot say anything else than they do.
`tools/accuracy.py` does this after it wrote a page; with --check nothing is written, and a difference is exit code 1.
"""

import argparse
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "host" / "octolead" / "report" / "accuracy.json"
UNSEEN, SEEN = "ACCURACY-UNSEEN.md", "ACCURACY.md"
SAID = "records that were left out of the training, but for the last line; scored after ANSI/AAMI EC57, 150 ms"

N = r"\s+([\d.]+)"
FIGURES = (
    (
        "Beats found", "MIT-BIH, first lead of two", UNSEEN, "Beats, by halves",
        rf"^mitdb, first lead\s+\d+\s+\d+\s+\d+{N}{N}{N}", "sensitivity {0} %, predictivity {1} %",
    ),
    (
        "", "MIT-BIH, both leads", UNSEEN, "Beats, by halves",
        rf"^mitdb, all leads\s+\d+\s+\d+\s+\d+{N}{N}{N}", "sensitivity {0} %, predictivity {1} %",
    ),
    (
        "", "electrode motion, 6 dB (NSTDB 118e06)", UNSEEN, "Beats, by halves",
        rf"^118e06, first lead\s+\d+\s+\d+\s+\d+{N}{N}{N}", "sensitivity {0} %, predictivity {1} %",
    ),
    (
        "Ventricular beats", "MIT-BIH DS1, each record in turn", UNSEEN, "Classes, each record left out in turn",
        rf"^gross\tV Se{N} \+P{N}", "sensitivity {0} %, predictivity {1} %",
    ),
    (
        "Supraventricular beats", "MIT-BIH DS1, each record in turn", UNSEEN, "Classes, each record left out in turn",
        rf"^gross\t.*\tS Se{N} \+P{N}", "sensitivity {0} %, predictivity {1} %",
    ),
    (
        "Irregular as in AF", "LTAFDB, reference beats", UNSEEN, "Atrial fibrillation from RR, by halves",
        r"^both, unseen:\s+ltafdb ([\d.]+)/([\d.]+)", "sensitivity {0} %, specificity {1} % of time",
    ),
    (
        "Wave boundaries", "LUDB, eight leads", UNSEEN, "Waves, by halves",
        r"^LUDB eight leads.*\)\s+([\d.]+)$", "macro-F1 {0} %",
    ),
    (
        "QRS onset, T end", "LUDB, eight leads", UNSEEN, "Waves, by halves",
        r"^LUDB eight leads" + r"\s+[\d.]+ \(\s*[\d.]+\)" * 2 + r"\s+[\d.]+ \(\s*([\d.]+)\)" + r"\s+[\d.]+ \(\s*[\d.]+\)" * 2
        + r"\s+[\d.]+ \(\s*([\d.]+)\)", "standard deviation {0} ms, {1} ms",
    ),
    (
        "P waves", "MIT-BIH, six records", UNSEEN, "Waves, by halves",
        rf"^P of MIT-BIH all\s+Se{N}\s+\+P{N}", "sensitivity {0} %, predictivity {1} %",
    ),
    (
        "Beats in VF records", "CUDB; trained on these records", SEEN, "Ventricular fibrillation and flutter: CUDB",
        rf"^gross\s+\d+\s+\d+\s+\d+{N}{N}{N}", "sensitivity {0} %, predictivity {1} %",
    ),
)  # fmt: skip


def section(page: str, title: str) -> tuple[str, str]:
    """Return (command, table) of a section of a page of docs.

    Raises:
        SystemExit: it is not there.
    """
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if not found:
        raise SystemExit(f"docs/{page}: no section {title!r}; name the new one in tools/report_accuracy.py")
    command = re.search(r"^`(.+)`$", found[1], re.MULTILINE)
    return command[1] if command else "", found[1]


def figures() -> dict[str, object]:
    """Return what accuracy.json holds."""
    rows = []
    for what, records, page, title, pattern, words in FIGURES:
        command, table = section(page, title)
        found = re.search(pattern, table, re.MULTILINE)
        if not found:
            raise SystemExit(f"docs/{page}, {title!r}: no line like {pattern!r}; name the new one in tools/report_accuracy.py")
        rows.append(
            {"what": what, "records": records, "figure": words.format(*found.groups()), "source": f"docs/{page}", "command": command}
        )
    return {"generated_by": "tools/report_accuracy.py", "said": SAID, "figures": rows}


def text() -> str:
    """Return the file's contents."""
    return json.dumps(figures(), indent=1, ensure_ascii=False) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write, or compare."""
    parser = argparse.ArgumentParser(prog="python -m tools.report_accuracy", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if the file is not what it would be")
    if parser.parse_args(arguments).check:
        return int(not OUT.exists() or OUT.read_text(encoding="utf-8") != text())
    OUT.write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
