"""Make the two fonts of printed forms from Noto Serif CJK SC, and the list of what they cover.

    python tools/subset_fonts.py FOLDER

FOLDER holds NotoSerifCJK-Regular.ttc and NotoSerifCJK-Bold.ttc (Debian: fonts-noto-cjk). The
characters are those of the state's table of 8,105 (`characters.txt`, a level a line), of GB 2312
with its punctuation, and of the planes beyond the first that the source has: names of people. The
bold one, for titles and headings, has the first two levels. The same source gives the same bytes.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from fontTools import subset  # type: ignore[import-untyped]
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

FONTS: Final = Path(__file__).parents[1] / "server/xueshi_server/typeset/fonts"
FAMILY: Final = "Xueshi Serif"
# Place of Simplified Chinese in the collections.
SIMPLIFIED: Final = 2
# Latin with accents, general punctuation, arrows, numbers in circles and brackets, boxes and
# marks, ideographic punctuation, full-width forms.
BASIC: Final = (
    (0x20, 0x7F), (0xA0, 0x180), (0x1CD, 0x1DD), (0x2000, 0x2070), (0x20A0, 0x20C0),
    (0x2100, 0x2200), (0x2200, 0x2300), (0x2460, 0x2500), (0x25A0, 0x2660), (0x2700, 0x27C0),
    (0x3000, 0x3030), (0x3220, 0x3244), (0xFF00, 0xFFEF),
)  # fmt: skip
# Adobe's seconds since 1904 of no day at all: the time of making is no part of the font.
NO_DAY: Final = 0


def levels() -> list[set[int]]:
    """The characters of the three levels of the state's table."""
    lines = (FONTS / "characters.txt").read_text("utf-8").splitlines()
    return [set(map(ord, line)) for line in lines]


def basic() -> set[int]:
    """What is no Chinese character."""
    return {code for first, end in BASIC for code in range(first, end)}


def gb2312() -> set[int]:
    """Everything of GB 2312, symbols too."""
    rows = (bytes((high, low)) for high in range(0xA1, 0xF8) for low in range(0xA1, 0xFF))
    return {ord(char) for row in rows for char in row.decode("gb2312", "ignore")}


def make(source: Path, style: str, wanted: Iterable[int], *, beyond: bool = False) -> set[int]:
    """Write one font and return what it covers; `beyond`: with the planes after the first."""
    font = TTFont(source / f"NotoSerifCJK-{style}.ttc", fontNumber=SIMPLIFIED, lazy=True)
    known = set(font.getBestCmap())
    chosen = known & set(wanted) | {code for code in known if beyond and code > 0xFFFF}
    options = subset.Options(
        hinting=False, layout_features=["ccmp", "kern"], name_IDs=["*"], glyph_names=False,
        notdef_outline=True, recalc_timestamp=False,
    )  # fmt: skip
    worker = subset.Subsetter(options)
    worker.populate(unicodes=chosen)
    worker.subset(font)
    _rename(font, style)
    font["head"].created = font["head"].modified = NO_DAY
    font.recalcTimestamp = False
    font.save(FONTS / f"XueshiSerif-{style}.otf")
    return chosen


def _rename(font: TTFont, style: str) -> None:
    names = font["name"]
    for name_id, text in (
        (1, FAMILY), (2, style), (3, f"{FAMILY} {style} 1"), (4, f"{FAMILY} {style}"),
        (6, f"XueshiSerif-{style}"), (16, FAMILY), (17, style),
    ):  # fmt: skip
        names.removeNames(nameID=name_id)
        names.setName(text, name_id, 3, 1, 0x409)
    top = font["CFF "].cff
    top.fontNames = [f"XueshiSerif-{style}"]
    top.topDictIndex[0].FullName = f"{FAMILY} {style}"
    top.topDictIndex[0].FamilyName = FAMILY


def spans(codes: Iterable[int]) -> list[str]:
    """Code points as ranges in hexadecimal, one a line."""
    found: list[list[int]] = []
    for code in sorted(codes):
        if found and code == found[-1][1] + 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return [f"{first:x}-{last:x}" for first, last in found]


def main() -> None:
    """Make both fonts."""
    source = Path(sys.argv[1])
    first, second, third = levels()
    covered = make(source, "Regular", first | second | third | gb2312() | basic(), beyond=True)
    make(source, "Bold", first | second | basic())
    (FONTS / "coverage.txt").write_text("\n".join(spans(covered)) + "\n", "utf-8")


if __name__ == "__main__":
    main()
