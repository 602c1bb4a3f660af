"""The shipped fonts, and which characters need more than them.

Two subsets of one serif face under a name of their own, so that no font of the system takes their
place: the same sheet has the same bytes on every machine. Fonts of the system are asked only for a
sheet with a character beyond the subset, which some names have.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typst import Fonts

FAMILY: Final = "Xueshi Serif"
# Where rare characters may be found, by the names that systems give their large serif faces.
SYSTEM_FAMILIES: Final = (
    "Noto Serif CJK SC",
    "Source Han Serif SC",
    "SimSun",
    "SimSun-ExtB",
    "Songti SC",
    "Noto Sans CJK SC",
)
# What layout itself makes of a text: it needs no picture in a font.
_UNSEEN: Final = frozenset(map(ord, "\n\u200b\u200c\u200d"))


def folder() -> Path:
    """Where the fonts lie."""
    found: Traversable = resources.files("xueshi_server").joinpath("typeset", "fonts")
    return Path(str(found))


@cache
def covered() -> frozenset[int]:
    """The code points that the shipped regular font has."""
    spans = (
        line.split("-") for line in (folder() / "coverage.txt").read_text("utf-8").splitlines()
    )
    return frozenset(
        code for first, last in spans for code in range(int(first, 16), int(last, 16) + 1)
    )


def rare(texts: Iterable[str]) -> set[str]:
    """The characters that the shipped fonts do not have."""
    known = covered()
    return {
        char
        for text in texts
        for char in text
        if ord(char) not in known and ord(char) not in _UNSEEN
    }


def texts_in(data: object) -> Iterator[str]:
    """Every text in what the templates are given."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for each in data.values():
            yield from texts_in(each)
    elif isinstance(data, list | tuple):
        for each in data:
            yield from texts_in(each)


@cache
def load_fonts(*, with_system: bool) -> "Fonts":
    """The fonts to set with; those of the system are looked for once, which takes a while."""
    # Loaded by the first print; which characters are rare is asked by pages too.
    from typst import Fonts

    return Fonts(
        include_system_fonts=with_system,
        include_embedded_fonts=False,
        font_paths=[str(folder())],
    )


def families(*, with_system: bool) -> list[str]:
    """The names in order: ours first, then those of the system that are here."""
    if not with_system:
        return [FAMILY]
    here = set(load_fonts(with_system=True).families())
    return [FAMILY, *(each for each in SYSTEM_FAMILIES if each in here)]
