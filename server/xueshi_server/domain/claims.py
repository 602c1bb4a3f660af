"""What a claimed share would need to be true, and who has not been heard from.

The figures themselves come from `rules.figures`. A report says "124 %" of 3953 person-times and
3707 teachers, which is 106.6 %: for the claim the whole would have to be about 3188.
"""

import datetime as dt
from fractions import Fraction

from msgspec import Struct

from xueshi_server.domain.rules.amounts import parse_number
from xueshi_server.domain.rules.facts import Heard, School
from xueshi_server.domain.rules.figures import Figure

_HALF = Fraction(1, 2)


class Claim(Struct, frozen=True):
    """A share that a report gives. `agrees` is None while not everybody has been heard from.

    `part` and `whole` are what there is; `part_needed` of the same whole, or the same part of
    `whole_needed`, would make the claim true. They are None where they are not known exactly.
    """

    claimed: str
    agrees: bool | None
    part: int | None = None
    whole: int | None = None
    part_needed: int | None = None
    whole_needed: int | None = None


def examine_claim(figure: Figure) -> Claim | None:
    """The claim about a figure; None where nothing is claimed."""
    if figure.claimed is None:
        return None
    bare = Claim(figure.claimed, figure.agrees)
    number = parse_number(figure.claimed)
    if number is None or figure.figures is None:
        return bare
    part, whole = (each.exact for each in figure.figures)
    if not isinstance(part, int) or not isinstance(whole, int):
        return bare
    # Of nothing there is no share, however small the whole.
    needed = _nearest(Fraction(part) / Fraction(number)) if number and part else None
    return Claim(
        figure.claimed, figure.agrees, part, whole, _nearest(Fraction(number) * whole), needed
    )


def _nearest(value: Fraction) -> int:
    return int((value + _HALF) // 1)


def list_silent(heard: Heard, day: dt.date) -> list[School]:
    """The schools of which not everything until a day is here, those silent longest first."""
    silent = [each for each in heard.schools.values() if each.heard is None or each.heard < day]
    return sorted(silent, key=lambda each: (each.heard or dt.date.min, each.scope))
