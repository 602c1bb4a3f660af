"""Set sheets: to one PDF, or to a picture of each page.

The same sheets give the same bytes: the day of the data stands in the file where others put the
time of printing, and the shipped fonts come first.
"""

import datetime as dt
import json
from collections.abc import Collection, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from typst import Compiler

from xueshi_server.typeset.arrange import Sheet, arrange
from xueshi_server.typeset.fonts import families, load_fonts, rare, texts_in

# What was laid out is kept for so many more runs of the setter.
_KEPT_RUNS: Final = 12
# No font has it: it is set as the box that stands for what is missing.
_NO_CHARACTER: Final = "\U0010fffd"
_GLYPH_PPI: Final = 72
# Pictures for the screen and for comparison.
PREVIEW_PPI: Final = 96


def set_pdf(sheets: Sequence[Sheet], language: str, *, tagged: bool = True) -> bytes:
    """All sheets in one PDF, each numbering its own pages.

    Tags let a screen reader follow a form; in a stack for the printer they are most of the file.
    """
    found: bytes = _set(sheets, language, format="pdf", pdf_tags=tagged)
    return found


def set_pictures(sheets: Sequence[Sheet], language: str, ppi: float = PREVIEW_PPI) -> list[bytes]:
    """A PNG of every page."""
    found = _set(sheets, language, format="png", ppi=ppi)
    return found if isinstance(found, list) else [found]


def forget_layouts() -> None:
    """Have the setter give back the memory of what it laid out: it forgets what some runs in a row
    did not need."""
    compiler = Compiler(
        str(_templates() / "blank.typ"),
        root=str(_templates()),
        font_paths=load_fonts(with_system=False),
        ignore_system_fonts=True,
    )
    for _ in range(_KEPT_RUNS):
        compiler.compile(format="svg")


def missing_characters(sheets: Sequence[Sheet], language: str) -> set[str]:
    """Characters beyond the shipped fonts: they look as the system's fonts have them, if at all."""
    return rare(texts_in([arrange(each, language) for each in sheets]))


def unprintable_of(wanted: Collection[str]) -> set[str]:
    """Of characters beyond the shipped fonts those that no font of this machine has: on paper
    they are empty boxes."""
    box = _picture_of(_NO_CHARACTER)
    return {each for each in wanted if _picture_of(each) == box}


def _picture_of(character: str) -> Any:
    compiler = Compiler(
        str(_templates() / "glyph.typ"),
        root=str(_templates()),
        font_paths=load_fonts(with_system=True),
        ignore_system_fonts=True,
        sys_inputs={
            "character": character,
            "fonts": json.dumps(families(with_system=True)),
        },
    )
    return compiler.compile(format="png", ppi=_GLYPH_PPI)


def _set(sheets: Sequence[Sheet], language: str, **settings: Any) -> Any:
    data = [arrange(each, language) for each in sheets]
    with_system = bool(rare(texts_in(data)))
    compiler = Compiler(
        str(_templates() / "main.typ"),
        root=str(_templates()),
        font_paths=load_fonts(with_system=with_system),
        ignore_system_fonts=True,
        sys_inputs={
            "sheets": json.dumps(data, ensure_ascii=False),
            "fonts": json.dumps(families(with_system=with_system)),
        },
    )
    return compiler.compile(timestamp=_timestamp(sheets), **settings)


def _timestamp(sheets: Sequence[Sheet]) -> dt.datetime:
    latest = max(dt.date.fromisoformat(each.document.as_of) for each in sheets)
    return dt.datetime.combine(latest, dt.time(), dt.UTC)


@cache
def _templates() -> Path:
    return Path(str(resources.files("xueshi_server").joinpath("typeset", "templates")))
