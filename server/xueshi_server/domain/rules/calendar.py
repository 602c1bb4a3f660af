"""Windows as spans of days: cycles, years, terms, teaching weeks, holidays.

Where the calendar declares no term for a school year, the standard one holds: autumn term from
1 September to 31 January, spring term from 1 March to 15 July, with the winter holiday (February)
and the summer holiday (16 July to 31 August) between. Where it declares terms, the holidays it
does not declare are the gaps after them. A declared school year that begins on another day moves
the standard terms along.

Rules of every kind of window:
- The current window of a day is the last one that has begun (a day in February belongs to the
  autumn term that is over; nothing is lost, the term is then judged for good).
- Cycles run from `cycle_from`; without it from 1 January of 2001 in steps of their years, which
  are the five-year plans. With an anchor they run from that day of each subject. The years
  of a cycle run from its first day; calendar years inside it are those that lie wholly in it.
- A week is a teaching week: Monday to Sunday, with at least one weekday in a term and outside
  its holidays. It belongs to the term in which that weekday lies.
- A window lies inside another when it begins and ends there, a week when its weekday does.
"""

import datetime as dt
from functools import cached_property
from typing import Final

from msgspec.structs import replace

from xueshi_server.domain.packs.model import Calendar, Window
from xueshi_server.domain.rules.amounts import RuleError
from xueshi_server.domain.rules.facts import Row
from xueshi_server.domain.rules.spans import Span, add_days, add_months, in_year

_FIRST_CYCLE: Final = dt.date(2001, 1, 1)
_DAY: Final = dt.timedelta(days=1)
# Windows that are judged as of a day and have no end of their own.
TIMELESS: Final = ("as_of", "any")
# Windows whose days come from the subject.
OWN: Final = ("run", "since")
# Months from the first day of the school year: both terms, and how many days spring ends early.
_SPRING_AFTER: Final = 6
_SPRING_MONTHS: Final = 4
_SPRING_DAYS: Final = 15
_AUTUMN_MONTHS: Final = 5
# The span whose windows are judged where a rule says `each` and does not say within what.
_WITHIN: Final = {
    "week": "term",
    "month": "school_year",
    "term": "school_year",
    "holiday": "school_year",
    "year": "cycle",
    "cycle_year": "cycle",
    "school_year": "cycle",
    "budget_year": "cycle",
}


class SchoolCalendar:
    """The windows of a calendar. Results are kept: a calendar never changes."""

    def __init__(self, declared: Calendar) -> None:
        self.declared = declared
        self._years: dict[int, tuple[list[Span], dict[str, Span]]] = {}
        self._found: dict[tuple[str, dt.date, str | None], Span | None] = {}
        self._weeks: dict[Span, list[tuple[Span, dt.date]]] = {}

    def current(self, window: Window, on: dt.date, row: Row) -> Span | None:
        """The window a day is in. None: a date of the subject that it needs is missing, or the
        subject's first cycle has not begun."""
        kind = window.kind
        if kind == "run":
            return self._run(window, row)
        if kind == "since":
            return self._since(window, row)
        if kind == "cycle":
            return self._cycle(window, on, row)
        return self._calendar_window(kind, on, window.season)

    def before(self, window: Window, span: Span) -> Span | None:
        """The window before one; None where there is none."""
        if window.kind in (*TIMELESS, *OWN):
            return None
        if window.kind == "cycle":
            years = window.years or self.declared.cycle_years
            return _years_from(add_months(span.first, -12 * years), years)
        return self._calendar_window(window.kind, span.first - _DAY, window.season)

    def parts(self, window: Window, outer: Span) -> list[Span]:
        """The windows of which each is judged, first to last."""
        if window.kind == "cycle_year":
            return _years_of(outer)
        return self.inside(window.kind, window.season, outer)

    def inside(self, kind: str, season: str | None, outer: Span) -> list[Span]:
        """All windows of a kind inside a span, first to last."""
        if kind == "week":
            return self._weeks_inside(outer)
        found: list[Span] = []
        if outer.last.year - outer.first.year > 200:
            raise RuleError("rule.each_needs_within", kind=kind)
        span = self._calendar_window(kind, outer.last, season)
        while span is not None and span.first >= outer.first:
            if span.last <= outer.last:
                found.append(span)
            span = self._calendar_window(kind, span.first - _DAY, season)
        return found[::-1]

    # ---- single kinds

    def _run(self, window: Window, row: Row) -> Span | None:
        first = read_day(row, window.starts or "starts_on")
        if first is None:
            return None
        last = read_day(row, window.ends or "ends_on")
        return Span(first, dt.date.max if last is None else max(first, last), first.isoformat())

    def _since(self, window: Window, row: Row) -> Span | None:
        first = read_day(row, window.starts or window.anchor or "starts_on")
        if first is None:
            return None
        months = window.months or 12 * (window.years or 1)
        opens = add_months(first, -window.lead_months)
        return Span(opens, add_months(first, months) - _DAY, first.isoformat())

    def _cycle(self, window: Window, on: dt.date, row: Row) -> Span | None:
        years = window.years or self.declared.cycle_years
        if window.anchor is None:
            anchor = self.declared.cycle_from or _FIRST_CYCLE
        else:
            own = read_day(row, window.anchor)
            if own is None or own > on:
                return None
            anchor = own
        count = (on.year - anchor.year) // years
        if add_months(anchor, 12 * years * count) > on:
            count -= 1
        return _years_from(add_months(anchor, 12 * years * count), years)

    def _calendar_window(self, kind: str, on: dt.date, season: str | None) -> Span | None:
        asked = (kind, on, season)
        if asked not in self._found:
            self._found[asked] = self._find_window(kind, on, season)
        return self._found[asked]

    def _find_window(self, kind: str, on: dt.date, season: str | None) -> Span | None:
        if kind == "any":
            return Span(dt.date.min, dt.date.max, "", True)
        if kind == "as_of":
            return Span(dt.date.min, on, "", True)
        if kind == "year":
            return _year_from("01-01", on)
        if kind == "school_year":
            return _year_from(self.declared.school_year_from, on)
        if kind == "budget_year":
            return _year_from(self.declared.budget_year_from, on)
        if kind == "month":
            first = on.replace(day=1)
            return Span(first, add_months(first, 1) - _DAY, first.isoformat()[:7])
        if kind == "term":
            return _last_begun(self._around(on, "term"), on)
        if kind == "holiday":
            return _last_begun(self._around(on, season or "summer"), on)
        if kind == "week":
            weeks = [week for term in self._around(on, "term") for week in self._weeks_of(term)]
            return _last_begun([week for week, _ in weeks], on)
        raise RuleError("rule.unknown_window", kind=kind)

    # ---- terms, holidays, weeks

    def _around(self, on: dt.date, what: str) -> list[Span]:
        """Terms, or holidays of a season, of the school years around a day."""
        year = _year_from(self.declared.school_year_from, on).first.year
        found: list[Span] = []
        for each in (year - 1, year, year + 1):
            terms, holidays = self._school_year(each)
            if what == "term":
                found += terms
            elif what in holidays:
                found.append(holidays[what])
        return found

    def _school_year(self, year: int) -> tuple[list[Span], dict[str, Span]]:
        if year not in self._years:
            first = in_year(self.declared.school_year_from, year)
            whole = Span(first, in_year(self.declared.school_year_from, year + 1) - _DAY)
            declared = [each for each in self._declared_terms if _begins_in(each, whole)]
            terms = declared or _standard_terms(first)
            self._years[year] = (terms, self._holidays_of(whole, terms))
        return self._years[year]

    def _holidays_of(self, whole: Span, terms: list[Span]) -> dict[str, Span]:
        seasons: dict[str, Span] = {}
        gaps = zip(terms, [*terms[1:], None], strict=True)
        for term, following in gaps:
            first = term.last + _DAY
            last = whole.last if following is None else following.first - _DAY
            season = "summer" if following is None else "winter"
            if first <= last:
                seasons[season] = Span(first, last, f"{first.year}-{season}")
        for holiday in self.declared.holiday:
            if whole.first <= holiday.starts_on <= whole.last:
                label = f"{holiday.starts_on.year}-{holiday.season}"
                seasons[holiday.season] = Span(holiday.starts_on, holiday.ends_on, label)
        return seasons

    def _weeks_inside(self, outer: Span) -> list[Span]:
        found = []
        day = outer.first
        seen: set[Span] = set()
        while day <= outer.last:
            for term in self._around(day, "term"):
                if term not in seen and term.first <= outer.last and term.last >= outer.first:
                    seen.add(term)
                    weeks = self._weeks_of(term)
                    found += [week for week, day in weeks if outer.first <= day <= outer.last]
            day = add_months(day, 12) if day < add_months(outer.last, -12) else add_days(
                outer.last, 1
            )  # fmt: skip
        return sorted(found)

    def _weeks_of(self, term: Span) -> list[tuple[Span, dt.date]]:
        """Teaching weeks of a term, each with its first teaching day."""
        if term not in self._weeks:
            free = self._days_off.get(term.label, ())
            weeks: list[tuple[Span, dt.date]] = []
            monday = term.first - dt.timedelta(days=term.first.weekday())
            while monday <= term.last:
                for day in (monday + _DAY * number for number in range(5)):
                    off = any(first <= day <= last for first, last in free)
                    if term.first <= day <= term.last and not off:
                        label = f"{term.label}-w{len(weeks) + 1:02}"
                        weeks.append((Span(monday, monday + _DAY * 6, label), day))
                        break
                monday += _DAY * 7
            self._weeks[term] = weeks
        return self._weeks[term]

    @cached_property
    def _declared_terms(self) -> list[Span]:
        terms = self.declared.term
        return sorted(Span(each.starts_on, each.ends_on, each.id) for each in terms)

    @cached_property
    def _days_off(self) -> dict[str, list[tuple[dt.date, dt.date]]]:
        return {each.id: list(each.holidays) for each in self.declared.term}


def outer_window(window: Window) -> Window:
    """The window whose parts are judged where a rule says `each`, else the window itself."""
    if not window.each:
        return window
    kind = window.within or _WITHIN.get(window.kind)
    if kind is None:
        raise RuleError("rule.each_needs_within", kind=window.kind)
    return replace(window, kind=kind, each=False, within=None)


def read_day(row: Row, field: str) -> dt.date | None:
    """The date in a field of a subject, None where there is none."""
    value = row.get(field)
    return dt.date.fromisoformat(value) if isinstance(value, str) and value else None


def _years_from(first: dt.date, years: int) -> Span:
    last = add_months(first, 12 * years) - _DAY
    return Span(first, last, f"{first.year}-{last.year}")


def _years_of(cycle: Span) -> list[Span]:
    years: list[Span] = []
    first = cycle.first
    while first <= cycle.last:
        # Counted from the cycle's own day, so that 29 February comes back in leap years.
        following = add_months(cycle.first, 12 * (len(years) + 1))
        years.append(_with_label(first, following - _DAY))
        first = following
    return years


def _with_label(first: dt.date, last: dt.date) -> Span:
    label = str(first.year) if first.year == last.year else f"{first.year}-{last.year}"
    return Span(first, last, label)


def _year_from(month_day: str, on: dt.date) -> Span:
    first = in_year(month_day, on.year)
    if first > on:
        first = in_year(month_day, on.year - 1)
    return _with_label(first, in_year(month_day, first.year + 1) - _DAY)


def _standard_terms(first: dt.date) -> list[Span]:
    spring = add_months(first, _SPRING_AFTER)
    spring_last = add_days(add_months(spring, _SPRING_MONTHS), _SPRING_DAYS - 1)
    return [
        Span(first, add_months(first, _AUTUMN_MONTHS) - _DAY, f"{first.year}-autumn"),
        Span(spring, spring_last, f"{spring.year}-spring"),
    ]


def _begins_in(span: Span, whole: Span) -> bool:
    return whole.first <= span.first <= whole.last


def _last_begun(spans: list[Span], on: dt.date) -> Span | None:
    return max((span for span in spans if span.first <= on), default=None)
