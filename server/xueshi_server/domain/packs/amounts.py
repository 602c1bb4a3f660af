"""Amounts of a pack as exact fractions: 360, "1/3", "5%", "1.5", "360h", a day as its number.

"h" are class hours (学时). Records keep them in sixtieths, so that quarters are whole numbers.
"""

import datetime as dt
import re
from fractions import Fraction
from typing import Final

_AMOUNT: Final = re.compile(
    r"^(?P<sign>-?)(?:(?P<part>[0-9]{1,12})/(?P<whole>[0-9]{1,12})|(?P<number>[0-9]{1,12}(?:\.[0-9]{1,6})?))"
    r"(?P<unit>[%h]?)$"
)
HOUR: Final = 60
_UNITS: Final = {"": Fraction(1), "%": Fraction(1, 100), "h": Fraction(HOUR)}


def read_fraction(text: str) -> Fraction | None:
    """The exact value of a written amount; None where it is none."""
    if is_day(text):
        return Fraction(dt.date.fromisoformat(text).toordinal())
    match = _AMOUNT.match(text.strip())
    if match is None or (match["part"] and (not int(match["whole"]) or match["unit"])):
        return None
    if match["part"]:
        value = Fraction(int(match["part"]), int(match["whole"]))
    else:
        value = Fraction(match["number"])
    value *= _UNITS[match["unit"]]
    return -value if match["sign"] else value


def is_day(text: str) -> bool:
    """Whether a text is a day as "2026-09-01"."""
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
