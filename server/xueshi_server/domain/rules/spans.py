"""Spans of days, and arithmetic of months and years on dates."""

import calendar
import datetime as dt
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from xueshi_server.domain.rules.amounts import Number, tidy
from xueshi_server.domain.rules.facts import LAST_DAY, Days


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Days from `first` to `last`, both included. `open_start`: everything before belongs to it
    too, and so do facts without a date."""

    first: dt.date
    last: dt.date
    label: str = ""
    open_start: bool = False

    @property
    def day_count(self) -> int:
        """How many days."""
        return (self.last - self.first).days + 1

    def until(self, day: dt.date) -> "Span":
        """The same with another last day; one that lies before the span opens its start."""
        if day < self.first:
            return Span(dt.date.min, day, self.label, True)
        return Span(self.first, day, self.label, self.open_start)

    def days(self, latest: dt.date | None = None) -> Days:
        """As the data are asked for it, no later than `latest`."""
        last = self.last if latest is None else min(self.last, latest)
        text = LAST_DAY if last == dt.date.max else last.isoformat()
        return ("" if self.open_start else self.first.isoformat(), text)


def add_months(day: dt.date, months: int) -> dt.date:
    """The same day of a later (or earlier) month, or its last day where that month is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        return dt.date.max if months > 0 else dt.date.min
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def add_days(day: dt.date, days: int) -> dt.date:
    """A day so many days later, at most the last one there is."""
    number = day.toordinal() + days
    return dt.date.fromordinal(max(1, min(number, dt.date.max.toordinal())))


def whole_months(first: dt.date, until: dt.date) -> int:
    """Full months from one day to another (the second not included); not negative."""
    if until <= first:
        return 0
    months = (until.year - first.year) * 12 + until.month - first.month
    return months if add_months(first, months) <= until else months - 1


@lru_cache(maxsize=65536)
def length_months(first: dt.date, last: dt.date) -> Number:
    """Months from `first` to `last`, both days included: full months counted from day to day, the
    rest as a fraction of the month it lies in."""
    until = add_days(last, 1)
    if until <= first:
        return 0
    months = whole_months(first, until)
    step = add_months(first, months)
    rest = (until - step).days
    return tidy(months + Fraction(rest, (add_months(first, months + 1) - step).days))


def in_year(month_day: str, year: int) -> dt.date:
    """A month and day ("02-29" is the 28th where there is none) of a year."""
    month, day = int(month_day[:2]), int(month_day[3:])
    return dt.date(year, month, min(day, calendar.monthrange(year, month)[1]))
