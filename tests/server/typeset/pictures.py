"""Approved pictures of the forms that every pack has; looked at before they are committed.

    python -m tests.server.typeset.pictures

makes them again. They are small and grey: enough to see that something moved.
"""

import io
from dataclasses import replace
from pathlib import Path
from typing import Final

from PIL import Image, ImageChops, ImageStat

from tests.server.typeset.filling import sheet_of
from xueshi_server.typeset.arrange import Sheet
from xueshi_server.typeset.setting import set_pictures

FOLDER: Final = Path(__file__).parent / "approved"
PPI: Final = 60
SHADES: Final = 16

# Name of the picture: form, language, rows of its tables, sheets.
CASES: Final = {
    "statement": ("personal_statement", "zh", 9, 1),
    "statement-en": ("personal_statement", "en", 3, 1),
    "statement-empty": ("personal_statement", "zh", 0, 1),
    "certificate": ("hours_certificate", "zh", 5, 1),
    "certificate-en": ("hours_certificate", "en", 5, 1),
    "signing": ("signing_list", "zh", 24, 1),
    "labels": ("file_label", "zh", 0, 9),
}


def sheets_of(case: str) -> tuple[list[Sheet], str]:
    """What a case prints."""
    form, language, rows, count = CASES[case]
    sheet = sheet_of("base", form, language, rows=rows)
    # What is compared is how it looks: another digest is no other look.
    document = replace(sheet.document, digest="3f2a91bc")
    return [replace(sheet, document=document)] * count, language


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


def main() -> None:
    """Make all pictures again."""
    for old in FOLDER.glob("*.png"):
        old.unlink()
    FOLDER.mkdir(exist_ok=True)
    for case in CASES:
        for name, picture in draw(case).items():
            picture.quantize(SHADES).save(FOLDER / name, optimize=True)


if __name__ == "__main__":
    main()
