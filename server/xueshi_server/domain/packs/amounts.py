"""Amounts of a pack as exact fractions: 360, "1/3", "5%", "1.5", a day as its number."""

import datetime as dt
import re
from fractions import Fraction
from typing import Final

_AMOUNT: Final = re.compile(
    r"^(?P<sign>-?)(?:(?P<part>\d{1,12})/(?P<whole>\d{1,12})|(?P<number>\d{1,12}(?:\.\d{1,6})?))"
    r"(?P<percent>%?)$"
)


def read_fraction(text: str) -> Fraction | None:
    """The exact value of a written amount; None where it is none."""
    if is_day(text):
        return Fraction(dt.date.fromisoformat(text).toordinal())
    match = _AMOUNT.match(text.strip())
    if match is None or (match["part"] and (not int(match["whole"]) or match["percent"])):
        return None
    if match["part"]:
        value = Fraction(int(match["part"]), int(match["whole"]))
    else:
        value = Fraction(match["number"])
    value = value / 100 if match["percent"] else value
    return -value if match["sign"] else value


def is_day(text: str) -> bool:
    """Whether a text is a day as "2026-09-01"."""
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
