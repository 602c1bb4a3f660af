"""Set sheets: to one PDF, or to a picture of each page.

The same sheets give the same bytes: the day of the data stands in the file where others put the
time of printing, and the shipped fonts come first.
"""

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from typst import Compiler

from xueshi_server.typeset.arrange import Sheet, arrange
from xueshi_server.typeset.fonts import families, load_fonts, rare

# What was laid out is kept for so many more runs of the setter.
_KEPT_RUNS: Final = 12
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
    return rare(_texts([arrange(each, language) for each in sheets]))


def _set(sheets: Sequence[Sheet], language: str, **settings: Any) -> Any:
    data = [arrange(each, language) for each in sheets]
    with_system = bool(rare(_texts(data)))
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


def _texts(data: object) -> Iterator[str]:
    """Every text in what the templates are given."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for each in data.values():
            yield from _texts(each)
    elif isinstance(data, list | tuple):
        for each in data:
            yield from _texts(each)


@cache
def _templates() -> Path:
    return Path(str(resources.files("xueshi_server").joinpath("typeset", "templates")))
