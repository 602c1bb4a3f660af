"""Approved pictures of every form of every shipped pack; looked at before they are committed.

    python -m tests.server.typeset.pictures [CASE …]

makes them again, all or those of some cases. They are small and grey: enough to see that something
moved.
"""

import io
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from PIL import Image, ImageChops, ImageStat

from tests.server.rules.county import load
from tests.server.typeset.filling import sheet_of
from xueshi_server.domain.forms import RuleLine, Section
from xueshi_server.pack_files import list_shipped
from xueshi_server.typeset.arrange import Sheet
from xueshi_server.typeset.setting import set_pictures

FOLDER: Final = Path(__file__).parent / "approved"
PPI: Final = 60
SHADES: Final = 16


@dataclass(frozen=True)
class Case:
    """A form of a pack as it is drawn: with how many rows in its tables, how often on a page."""

    pack: str
    form: str
    language: str = "zh"
    rows: int = 5
    sheets: int = 1


_SHARED: Final = {
    "statement": Case("base", "personal_statement", rows=9),
    "statement-en": Case("base", "personal_statement", "en", 3),
    "statement-empty": Case("base", "personal_statement", rows=0),
    "certificate": Case("base", "hours_certificate"),
    "certificate-en": Case("base", "hours_certificate", "en"),
    "signing": Case("base", "signing_list", rows=24),
    "labels": Case("base", "file_label", rows=0, sheets=9),
}
# Forms that a pack has as the base has them are drawn once.
CASES: Final = _SHARED | {
    f"{pack}-{name}": Case(pack, name, sheets=3 if form.layout == "labels" else 1)
    for pack in list_shipped()
    for name, form in load(pack).forms.items()
    if pack != "base" and form != load("base").forms.get(name)
}
# What rules came to, in turn.
_FIGURES: Final = (
    ("不少于 72 学时", "86.5 学时", "pass"),
    ("不少于 90%", "83.3%", "at_risk"),
    ("不少于 2 次", "0 次", "fail"),
    ("", "", "not_set"),
)


def sheets_of(case: str) -> tuple[list[Sheet], str]:
    """What a case prints."""
    drawn = CASES[case]
    sheet = sheet_of(drawn.pack, drawn.form, drawn.language, rows=drawn.rows)
    # What is compared is how it looks: another digest is no other look.
    sections = tuple(map(_with_figures, sheet.document.sections))
    document = replace(sheet.document, digest="3f2a91bc", version="1", sections=sections)
    return [replace(sheet, document=document)] * drawn.sheets, drawn.language


def _with_figures(section: Section) -> Section:
    rules = tuple(_with_figure(line, at) for at, line in enumerate(section.rules))
    return replace(section, rules=rules)


def _with_figure(line: RuleLine, at: int) -> RuleLine:
    need, value, status = _FIGURES[at % len(_FIGURES)]
    return replace(line, need=need, value=value, status=status)


def draw(case: str) -> dict[str, Image.Image]:
    """The pages of a case by the names of their files."""
    sheets, language = sheets_of(case)
    pages = set_pictures(sheets, language, PPI)
    return {f"{case}-{no}.png": _small(page) for no, page in enumerate(pages, 1)}


def _small(page: bytes) -> Image.Image:
    step = 256 // SHADES
    grey = Image.open(io.BytesIO(page)).convert("L")
    return grey.point([min(255, round(value / step) * step) for value in range(256)])


def difference(one: Image.Image, other: Image.Image) -> float:
    """How far two pictures are apart where they are furthest: mean of a tile, 0 to 255."""
    if one.size != other.size:
        return 255.0
    apart = ImageChops.difference(one, other)
    tile = 40
    boxes = [
        (x, y, min(x + tile, one.width), min(y + tile, one.height))
        for x in range(0, one.width, tile)
        for y in range(0, one.height, tile)
    ]
    return max(float(ImageStat.Stat(apart.crop(box)).mean[0]) for box in boxes)


def approve(cases: list[str]) -> None:
    """Make the pictures of some cases again, or all of them."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.png"):
        if not cases or old.stem.rpartition("-")[0] in cases:
            old.unlink()
    for case in cases or CASES:
        for name, picture in draw(case).items():
            picture.quantize(SHADES).save(FOLDER / name, optimize=True)


if __name__ == "__main__":
    approve(sys.argv[1:])
