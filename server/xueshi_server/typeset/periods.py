"""What the days that a form covers are called: a school year, a term, a calendar year, a cycle.

Pure. People file paper by these names; the days stand beside them.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from xueshi_server.domain.packs.model import Calendar, Window
from xueshi_server.domain.rules.calendar import SchoolCalendar
from xueshi_server.domain.rules.facts import Row
from xueshi_server.words import word

_YEARS: Final = ("year", "school_year", "budget_year", "cycle")
_SEASONS: Final = ("spring", "autumn", "summer", "winter")


@dataclass(frozen=True, slots=True)
class Period:
    """The days that the tables of a form cover; `name` is empty where they have none."""

    first: dt.date
    last: dt.date
    name: str = ""


def find_period(
    calendar: Calendar, window: Window | None, as_of: dt.date, row: Row, *, language: str
) -> Period | None:
    """The period of a form as of a day; None where it covers everything, or has no end."""
    if window is None:
        return None
    span = SchoolCalendar(calendar).current(window, as_of, row)
    if span is None or span.open_start or span.last == dt.date.max:
        return None
    return Period(span.first, span.last, _name(window.kind, span.label, span.first, language))


def _name(kind: str, label: str, first: dt.date, language: str) -> str:
    begins, _, rest = label.partition("-")
    if kind in _YEARS and begins.isdigit():
        one = "_one" if not rest and kind != "year" else ""
        return word(f"print.in.{kind}{one}", language, first=begins, last=rest)
    if kind in ("term", "holiday") and rest in _SEASONS:
        return word(f"print.in.{rest}", language, year=begins)
    if kind == "month":
        return word("print.in.month", language, year=first.year, month=first.month)
    return ""
