# SPDX-License-Identifier: Apache-2.0
"""Make the two font files of the report out of Arimo, whose licence (OFL 1.1) stands beside them.

pip install --no-deps fontpkg-arimo==1.341 fonttools==4.68.0; python -m tools.report_fonts
"""

import shutil
from importlib.util import find_spec
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

OUT = Path(__file__).resolve().parents[1] / "host" / "octolead" / "paper" / "fonts"
WEIGHTS = {"Arimo-Regular": 400, "Arimo-Bold": 700}
KEPT = (
    (0x20, 0x7E), (0xA0, 0x24F), (0x2B0, 0x2DD), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x52F), (0x590, 0x5FF), (0x1E00, 0x1EFF),
    (0x2010, 0x2027), (0x2030, 0x203A), (0x2070, 0x209F), (0x20A0, 0x20BF), (0x2100, 0x214F), (0x2190, 0x2199), (0x2200, 0x22FF),
    (0x25A0, 0x25FF),
)  # fmt: skip
"""Latin, Greek, Cyrillic, Hebrew and signs; no kerning, no hints: they are not used in a PDF."""


def make(source: Path, name: str, weight: int) -> None:
    """Cut one weight out of the variable font, and the letters kept out of it."""
    font = instantiateVariableFont(TTFont(source), {"wght": weight})
    options = subset.Options(layout_features=[], hinting=False, notdef_outline=True, name_IDs=[0, 1, 2, 4, 6, 13, 14])
    options.drop_tables += ["GDEF", "GPOS", "GSUB", "STAT"]
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=[code for first, last in KEPT for code in range(first, last + 1)])
    cutter.subset(font)
    for number, words in ((4, name.replace("-", " ")), (6, name)):  # reportlab tells fonts apart by these
        font["name"].setName(words, number, 3, 1, 0x409)
    font["head"].modified = font["head"].created
    font.save(OUT / f"{name}.ttf", reorderTables=True)


def main() -> None:
    """Make both, and copy the licence."""
    package = find_spec("fontpkg_arimo")
    if package is None or not package.submodule_search_locations:
        raise SystemExit("fontpkg-arimo is not installed: pip install --no-deps fontpkg-arimo==1.341")
    folder = Path(package.submodule_search_locations[0])
    for name, weight in WEIGHTS.items():
        make(folder / "files" / "Arimo[wght].ttf", name, weight)
        print(OUT / f"{name}.ttf", (OUT / f"{name}.ttf").stat().st_size)
    shutil.copyfile(folder / "LICENSE", OUT / "LICENSE-OFL.txt")


if __name__ == "__main__":
    main()
