"""Set sheets: to one PDF, or to a picture of each page.

The same sheets give the same bytes: the day of the data stands in the file where others put the
time of printing, and the shipped fonts come first. `set_apart_from_now` has it all done in another
process (`apart`), as a node does that serves for days.
"""

import datetime as dt
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal

from xueshi_server.typeset.arrange import Sheet, arrange
from xueshi_server.typeset.fonts import families, load_fonts, rare, texts_in

# What was laid out is kept for so many more runs of the setter.
_KEPT_RUNS: Final = 12
# No font has it: it is set as the box that stands for what is missing.
_NO_CHARACTER: Final = "\U0010fffd"
_GLYPH_PPI: Final = 72
# Pictures for the screen and for comparison.
PREVIEW_PPI: Final = 96
# Whether a character has a picture: the fonts of a machine change less often than pages are read.
_printable: Final[dict[str, bool]] = {}
_PRINTABLE_MOST: Final = 2000


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be set: a template over each of `inputs`. `timestamp` in ISO; `ppi` of pictures,
    `pdf_tags` of PDFs."""

    template: str
    inputs: Sequence[Mapping[str, str]]
    with_system: bool
    format: Literal["pdf", "png", "svg"]
    timestamp: str = ""
    ppi: float = PREVIEW_PPI
    pdf_tags: bool = True


def set_pdf(sheets: Sequence[Sheet], language: str, *, tagged: bool = True) -> bytes:
    """All sheets in one PDF, each numbering its own pages.

    Tags let a screen reader follow a form; in a stack for the printer they are most of the file.
    """
    (found,) = _set(sheets, language, format="pdf", pdf_tags=tagged)
    return found


def set_pictures(sheets: Sequence[Sheet], language: str, ppi: float = PREVIEW_PPI) -> list[bytes]:
    """A PNG of every page."""
    return _set(sheets, language, format="png", ppi=ppi)


def set_here(work: Work) -> list[bytes]:
    """Set it in this process; several pages of pictures are several files."""
    # Loaded by the first print: a node at rest does without.
    from typst import Compiler

    found: list[bytes] = []
    when = dt.datetime.fromisoformat(work.timestamp) if work.timestamp else None
    settings: dict[str, Any] = (
        {"pdf_tags": work.pdf_tags} if work.format == "pdf" else {"ppi": work.ppi}
    )
    for each in work.inputs:
        compiler = Compiler(
            str(_templates() / work.template),
            root=str(_templates()),
            font_paths=load_fonts(with_system=work.with_system),
            ignore_system_fonts=True,
            sys_inputs={**each, "fonts": json.dumps(families(with_system=work.with_system))},
        )
        made: Any = compiler.compile(format=work.format, timestamp=when, **settings)
        found += made if isinstance(made, list) else [made]
    return found


# The way in which work is done: the last of these.
_ways: Final[list[Callable[[Work], list[bytes]]]] = [set_here]


def set_apart_from_now() -> None:
    """Have everything set in a process of its own from now on."""
    from xueshi_server.typeset.apart import set_apart

    _ways.append(set_apart)


def set_here_again() -> None:
    """Take back one `set_apart_from_now`."""
    del _ways[max(1, len(_ways) - 1) :]


def _do(work: Work) -> list[bytes]:
    return _ways[-1](work)


def forget_layouts() -> None:
    """Have the setter give back the memory of what it laid out: it forgets what some runs in a row
    did not need."""
    if _ways == [set_here]:
        set_here(Work("blank.typ", [{}] * _KEPT_RUNS, False, "svg"))


def missing_characters(sheets: Sequence[Sheet], language: str) -> set[str]:
    """Characters beyond the shipped fonts: they look as the system's fonts have them, if at all."""
    return rare(texts_in([arrange(each, language) for each in sheets]))


def unprintable_of(wanted: Collection[str]) -> set[str]:
    """Of characters beyond the shipped fonts those that no font of this machine has: on paper
    they are empty boxes."""
    if len(_printable) > _PRINTABLE_MOST:
        _printable.clear()
    asked = sorted(set(wanted) - _printable.keys())
    if asked:
        inputs = [{"character": each} for each in (_NO_CHARACTER, *asked)]
        box, *pictures = _do(Work("glyph.typ", inputs, True, "png", ppi=_GLYPH_PPI))
        for character, picture in zip(asked, pictures, strict=True):
            _printable[character] = picture != box
    return {each for each in wanted if not _printable.get(each, True)}


def _set(sheets: Sequence[Sheet], language: str, **settings: Any) -> list[bytes]:
    data = [arrange(each, language) for each in sheets]
    inputs = [{"sheets": json.dumps(data, ensure_ascii=False)}]
    with_system = bool(rare(texts_in(data)))
    timestamp = _timestamp(sheets).isoformat()
    return _do(Work("main.typ", inputs, with_system, timestamp=timestamp, **settings))


def _timestamp(sheets: Sequence[Sheet]) -> dt.datetime:
    latest = max(dt.date.fromisoformat(each.document.as_of) for each in sheets)
    return dt.datetime.combine(latest, dt.time(), dt.UTC)


@cache
def _templates() -> Path:
    return Path(str(resources.files("xueshi_server").joinpath("typeset", "templates")))
