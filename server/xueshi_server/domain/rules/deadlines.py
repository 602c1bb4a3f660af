"""Last days: until when something must be done, and what being late means."""

import datetime as dt
from collections.abc import Sequence

from msgspec.structs import replace

from xueshi_server.domain.packs.measures import By, Moment
from xueshi_server.domain.rules.amounts import Interval, exactly
from xueshi_server.domain.rules.calendar import read_day
from xueshi_server.domain.rules.cases import Cases
from xueshi_server.domain.rules.facts import Row
from xueshi_server.domain.rules.quantities import plan_moment
from xueshi_server.domain.rules.results import Needed, Outcome, Status
from xueshi_server.domain.rules.spans import Span, add_days, in_year
from xueshi_server.domain.rules.study import Judge, Study


def plan_deadline(
    study: Study, measure: Moment, cases: Cases, days: Sequence[dt.date | None], late: str
) -> Judge:
    """Whether a moment lies no later than the last day of each case.

    The record belongs to the window by its own date, whatever day the moment is; where the last
    day lies before the window, records from before it are looked at too.
    """
    spans = [
        Span(span.first, span.last, span.label, span.open_start or (day or span.first) < span.first)
        for span, day in zip(cases.spans, days, strict=True)
    ]
    quantity = plan_moment(study, measure, cases.with_spans(spans))

    def judge(case: int) -> Outcome:
        day = days[case]
        assert day is not None
        needed = Needed("present", exactly(1), exactly(day.toordinal()), day)
        return _judge_moment(quantity.read(case), needed, study.as_of, late)

    return judge


def _judge_moment(value: Interval | None, needed: Needed, as_of: dt.date, late: str) -> Outcome:
    assert needed.by is not None
    day = needed.by.toordinal()
    if value is None:
        still = as_of < needed.by
        status: Status = "on_track" if still else "fail"
        last = needed.by if still else None
        return Outcome(status, False, None, needed, impossible_after=last, reason="not_done")
    if value.high is not None and value.high <= day:
        return Outcome("pass", True, value, needed)
    if value.low is not None and value.low > day:
        if late != "reject":
            return Outcome("pass", True, value, needed, late=True)
        return Outcome("fail", False, value, needed, value.low - day, reason="late")
    return Outcome("unknown", None, value, needed)


def last_day(by: By, row: Row, span: Span) -> dt.date | None:
    """The last day for a subject: a day of the window's year, or counted from a date of its or
    from the window's first day, which is the first of them."""
    if by.field is not None:
        day = read_day(row, by.field)
        return None if day is None else add_days(day, by.days)
    if by.after_start is not None:
        return add_days(span.first, by.after_start - 1)
    if by.on is None:
        return add_days(span.last, by.days)
    year = span.first.year if span.first != dt.date.min else span.last.year
    day = in_year(by.on, year)
    if day < span.first and year < dt.date.max.year:
        day = in_year(by.on, year + 1)
    return add_days(day, by.days)


def until(cases: Cases, days: Sequence[dt.date | None]) -> Cases:
    """The cases, each up to its last day."""
    spans = [
        span if day is None else span.until(day)
        for span, day in zip(cases.spans, days, strict=True)
    ]
    return cases.with_spans(spans)


def known_day(judge: Judge, days: Sequence[dt.date | None]) -> Judge:
    """Unknown where the last day itself is."""
    outcome = Outcome("unknown", reason="no_date")
    return lambda case: outcome if days[case] is None else judge(case)


def accept_late(in_time: Judge, after: Judge) -> Judge:
    """What was done after its last day counts, and says so."""

    def judge(case: int) -> Outcome | None:
        outcome = in_time(case)
        if outcome is None or outcome.status != "fail":
            return outcome
        second = after(case)
        if second is None or second.status != "pass":
            return outcome
        return replace(second, late=True)

    return judge
