"""How wide the columns of a printed table are, from what stands in them.

Pure. A Chinese character is one em wide, a Latin one about half. Where there is not room for all,
the widest give way first, down to one width; where there is room to spare, the long ones have it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

# Type of 10 points, and what a cell keeps free on both sides.
EM_MM: Final = 3.53
INSET_MM: Final = 4.4
# Texts up to here stand in the middle of their column, longer ones at its left.
SHORT_MM: Final = 44.0
_LEAST_MM: Final = 13.0
# Whole sentences: the more there is to read, the wider.
_MOST_MM: Final = 320.0
# A heading may stand in two lines.
_HEAD_LINES: Final = 2


@dataclass(frozen=True, slots=True)
class Column:
    """A width in millimetres, and whether texts stand in the middle."""

    mm: float
    middle: bool


def width_em(text: str) -> float:
    """How wide a text is in one line."""
    return max((sum(map(_em, line)) for line in text.split("\n")), default=0.0)


def _em(char: str) -> float:
    # East Asian scripts and their punctuation begin here; what is before is narrow.
    return 1.0 if char >= "\u2e80" else 0.55


def plan_columns(
    head: Sequence[str], rows: Sequence[Sequence[str]], width_mm: float
) -> list[Column]:
    """Widths of the columns of a table that is `width_mm` wide."""
    natural = [_natural_mm(label, [row[place] for row in rows]) for place, label in enumerate(head)]
    middle = [each <= SHORT_MM for each in natural]
    spare = width_mm - sum(natural)
    widths = _widen(natural, middle, spare) if spare >= 0 else _narrow(natural, width_mm)
    return [Column(round(mm, 1), short) for mm, short in zip(widths, middle, strict=True)]


def _natural_mm(label: str, texts: Sequence[str]) -> float:
    longest = max(map(width_em, texts), default=0.0)
    head = width_em(label)
    head = head if head <= 5 else head / _HEAD_LINES + 1
    return min(max(max(longest, head) * EM_MM + INSET_MM, _LEAST_MM), _MOST_MM)


def _widen(natural: Sequence[float], middle: Sequence[bool], spare: float) -> list[float]:
    """Spare room goes to the long columns, or to all where none is long."""
    gets = [not short or all(middle) for short in middle]
    whole = sum(each for each, taken in zip(natural, gets, strict=True) if taken)
    return [
        each + (spare * each / whole if taken else 0)
        for each, taken in zip(natural, gets, strict=True)
    ]


def _narrow(natural: Sequence[float], width_mm: float) -> list[float]:
    """Short columns keep their width; the others share what is left by the root of theirs."""
    kept: dict[int, float] = {}
    for place in sorted(range(len(natural)), key=natural.__getitem__):
        left = (width_mm - sum(kept.values())) / (len(natural) - len(kept))
        if natural[place] > left:
            break
        kept[place] = natural[place]
    rest = width_mm - sum(kept.values())
    whole = sum(sqrt(each) for place, each in enumerate(natural) if place not in kept)
    return [kept.get(place, rest * sqrt(each) / whole) for place, each in enumerate(natural)]
