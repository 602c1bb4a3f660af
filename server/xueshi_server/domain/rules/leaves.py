"""A measure with its need: amounts, last days, shares of the roll, what is carried over."""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Final

from msgspec.structs import replace

from xueshi_server.domain.packs.measures import (
    Amount,
    Attribute,
    Count,
    Coverage,
    Distinct,
    Formula,
    Greatest,
    Headcount,
    Length,
    Measure,
    Moment,
    Need,
    Ratio,
    Spread,
    Sum,
    Total,
)
from xueshi_server.domain.packs.model import Window
from xueshi_server.domain.rules import needs
from xueshi_server.domain.rules.amounts import (
    Interval,
    Number,
    RuleError,
    add,
    divide_whole,
    exactly,
    parse_number,
    subtract,
    tidy,
)
from xueshi_server.domain.rules.calendar import read_day
from xueshi_server.domain.rules.cases import Cases
from xueshi_server.domain.rules.catalogue import NotSetError
from xueshi_server.domain.rules.deadlines import (
    accept_late,
    known_day,
    last_day,
    plan_deadline,
    until,
)
from xueshi_server.domain.rules.facts import Row
from xueshi_server.domain.rules.measures import plan_measure
from xueshi_server.domain.rules.quantities import NOTHING, Quantity
from xueshi_server.domain.rules.results import Needed, Op, Outcome, Status
from xueshi_server.domain.rules.spans import Span, add_days, whole_months
from xueshi_server.domain.rules.study import Judge, Study
from xueshi_server.domain.rules.subjects import Subject

# What is added to a value from elsewhere: carried over, or credited for exempt windows.
Bonus = Callable[[int], Interval]
# Fields that say since and until when somebody is on the roll, where the window names none.
ON_ROLL: Final = ("hired_on", "left_on")
# Measures of which at least nought is nothing asked; a trend or a lag may be less.
_NEVER_NEGATIVE: Final = (
    Count, Sum, Distinct, Greatest, Length, Total, Ratio, Headcount, Coverage, Spread,
)  # fmt: skip


def plan_leaf(
    study: Study,
    measure: Measure,
    need: Need,
    cases: Cases,
    *,
    window: Window,
    late: str = "reject",
    bonuses: Sequence[Bonus] = (),
) -> Judge:
    """Plan a measure with its need."""
    try:
        if _asks_nothing(study, measure, need):
            return _plan_not_set(study, measure, cases, window)
        if need.by is None:
            return _plan_need(study, measure, need, cases, window, bonuses, None)
        days = [last_day(need.by, subject.row, span) for subject, span in _zip(cases)]
        if isinstance(measure, Moment):
            return known_day(plan_deadline(study, measure, cases, days, late), days)
        in_time = _plan_need(study, measure, need, until(cases, days), window, bonuses, days)
        if late == "reject":
            return known_day(in_time, days)
        after = _plan_need(study, measure, need, cases, window, bonuses, days)
        return known_day(accept_late(in_time, after), days)
    except NotSetError:
        outcome = Outcome("unknown", reason="parameter_not_set")
        return lambda case: outcome


def _plan_need(
    study: Study,
    measure: Measure,
    need: Need,
    cases: Cases,
    window: Window,
    bonuses: Sequence[Bonus],
    days: Sequence[dt.date | None] | None,
) -> Judge:
    quantity = plan_measure(study, measure, cases, window)
    needed = plan_needed(study, measure, need, cases, window)
    if window.carry_over is not None:
        bonuses = [*bonuses, _plan_carried(study, measure, need, cases, window)]
    moment_of = _moments(study, quantity)
    known: dict[tuple[object, ...], Outcome] = {}
    bounded_below = isinstance(measure, _NEVER_NEGATIVE)

    def judge(case: int) -> Outcome:
        value = quantity.read(case)
        if value is None:
            return _empty(study, quantity, case, needed(case), cases.spans[case])
        asked = needed(case)
        if quantity.lacking is not None and (lacking := quantity.lacking(case)):
            return Outcome(
                "unknown",
                need=asked,
                reason="no_base",
                lacking=lacking,
                figures=None if quantity.figures is None else quantity.figures(case),
            )
        for bonus in bonuses:
            value = add(value, bonus(case))
        if bounded_below and asked.op == "at_least" and asked.low == (0, 0):
            # Too short a time on the roll, or nothing that the amount is a share of.
            return Outcome("exempt", value=value, reason="nothing_to_judge")
        if days is not None:
            asked = replace(asked, by=days[case])
        waiting = 0 if quantity.waiting is None else quantity.waiting(case)
        span = cases.spans[case]
        key = (value, waiting, span, asked)
        outcome = known.get(key)
        if outcome is None:
            outcome = known[key] = needs.judge(value, asked, waiting, moment_of(span))
        if quantity.figures is not None:
            return replace(outcome, figures=quantity.figures(case))
        return outcome

    return judge


def _asks_nothing(study: Study, measure: Measure, need: Need) -> bool:
    """Whether the county has left the amount open, or at nought of what cannot be less."""
    op, *ends = _ends_of(need)
    try:
        low, _ = (
            study.catalogue.parameter(each.param)
            if isinstance(each, Formula) and each.param is not None
            else each
            for each in ends
        )
    except NotSetError:
        return True
    if op != "at_least" or not isinstance(measure, _NEVER_NEGATIVE):
        return False
    return isinstance(low, int | str) and parse_number(str(low)) == 0


def _plan_not_set(study: Study, measure: Measure, cases: Cases, window: Window) -> Judge:
    """The value is there to be seen, but nothing is asked of it."""
    quantity = plan_measure(study, measure, cases, window)
    known: dict[Interval | None, Outcome] = {}

    def judge(case: int) -> Outcome:
        value = quantity.read(case)
        if value not in known:
            known[value] = Outcome("not_set", value=value, reason="parameter_not_set")
        return known[value]

    return judge


def _moments(study: Study, quantity: Quantity) -> Callable[[Span], needs.Moment]:
    """The time of judgement in each span."""
    known: dict[Span, needs.Moment] = {}

    def read(span: Span) -> needs.Moment:
        found = known.get(span)
        if found is None:
            found = known[span] = needs.Moment(
                study.as_of, span, study.is_open(span), quantity.grows, quantity.daily
            )
        return found

    return read


def _empty(study: Study, quantity: Quantity, case: int, needed: Needed, span: Span) -> Outcome:
    """The outcome where there is no value at all."""
    meaning = quantity.empty if quantity.empty_of is None else quantity.empty_of(case)
    if meaning == "exempt":
        return Outcome("exempt", need=needed, reason="nothing_to_judge")
    if meaning == "unknown":
        lacking = () if quantity.lacking is None else quantity.lacking(case)
        return Outcome("unknown", need=needed, reason="no_value", lacking=lacking)
    lead = 0
    last: dt.date | None = span.last if study.is_open(span) else None
    if quantity.hope is not None:
        last = quantity.hope(case)
        lead = 0 if needed.low is None else int(needed.low.high or 0)
    if last is None:
        return Outcome("fail", False, None, needed, reason="not_done")
    last = add_days(last, -lead)
    status: Status = "on_track" if study.as_of < last else "fail"
    return Outcome(status, False, None, needed, impossible_after=last, reason="not_done")


# ---- amounts


def plan_needed(
    study: Study, measure: Measure, need: Need, cases: Cases, window: Window
) -> Callable[[int], Needed]:
    """What is asked of each case."""
    op, low, high = _ends_of(need)
    read_low = None if low is None else plan_amount(study, low, measure, cases, window)
    read_high = None if high is None else plan_amount(study, high, measure, cases, window)
    tolerance = None
    if need.about is not None and need.tolerance is not None:
        tolerance = plan_amount(study, need.tolerance, measure, cases, window)
    share = _plan_share(cases, window)
    known: dict[tuple[object, ...], Needed] = {}

    def read(case: int) -> Needed:
        bottom = None if read_low is None else read_low(case)
        top = None if read_high is None else read_high(case)
        if tolerance is not None and bottom is not None and top is not None:
            around = tolerance(case)
            bottom, top = subtract(bottom, around), add(top, around)
        if share is not None and bottom is not None and top is None:
            bottom = _scale(bottom, share[case])
        key = (bottom, top)
        if key not in known:
            known[key] = Needed(op, bottom, top)
        return known[key]

    if isinstance(share, list) or _varies(need):
        return read
    fixed = read(0) if len(cases) else Needed(op)
    return lambda case: fixed


def _ends_of(need: Need) -> tuple[Op, Amount | None, Amount | None]:
    ends: tuple[tuple[Op, Amount | None, Amount | None], ...] = (
        ("at_least", need.at_least, None),
        ("more_than", need.more_than, None),
        ("at_most", None, need.at_most),
        ("less_than", None, need.less_than),
        ("equals", need.equals, need.equals),
        ("about", need.about, need.about),
    )
    for op, low, high in ends:
        if low is not None or high is not None:
            return op, low, high
    if need.between is not None:
        return "between", *need.between
    # Only a last day is named: something must be there by then.
    return "present", 1, None


def _varies(need: Need) -> bool:
    ends = [need.at_least, need.more_than, need.at_most, need.less_than, need.equals, need.about]
    ends += [need.tolerance, *(need.between or ())]
    return any(isinstance(each, Formula) and each.measure is not None for each in ends)


def plan_amount(
    study: Study, amount: Amount, measure: Measure, cases: Cases, window: Window
) -> Callable[[int], Interval]:
    """An amount for each case; it may name a rank of the `measure` it is compared with."""
    if isinstance(amount, Formula) and amount.measure is not None:
        read = plan_measure(study, amount.measure, cases, window).read
        per, rounding = amount.per, amount.round
        if per is None:
            return lambda case: read(case) or Interval(None, None)
        return lambda case: divide_whole(read(case) or Interval(None, None), per, rounding)
    plain = study.catalogue.plain(
        amount if not isinstance(amount, Formula) else replace(amount, per=None)
    )
    value = exactly(_number_or_rank(study, plain, measure, cases.kind))
    if isinstance(amount, Formula) and amount.per is not None:
        value = divide_whole(value, amount.per, amount.round)
    return lambda case: value


def _number_or_rank(study: Study, plain: bool | int | str, measure: Measure, kind: str) -> Number:
    """A number, or the rank of a code where the measure gives ranks."""
    number = plain if isinstance(plain, int) else parse_number(plain)
    if number is not None:
        return int(number) if isinstance(number, bool) else number
    if isinstance(measure, Greatest):
        return study.catalogue.rank(measure.of, measure.field, str(plain))
    if isinstance(measure, Attribute):
        own = study.catalogue.own_field(kind, measure.field)
        if own is not None:
            return study.catalogue.rank(*own, str(plain))
    raise RuleError("rule.not_a_number", seen=str(plain))


# ---- shares of the roll, what is carried over


def days_on_roll(window: Window, row: Row, span: Span) -> tuple[dt.date, dt.date]:
    """First and last day of the span on which the subject was on the roll (may be reversed)."""
    since_field, until_field = window.on_roll or ON_ROLL
    since, until = read_day(row, since_field), read_day(row, until_field)
    first = span.first if since is None else max(span.first, since)
    return first, span.last if until is None else min(span.last, until)


def _plan_share(cases: Cases, window: Window) -> list[Fraction] | None:
    """The share of the window that each subject was on the roll, in full months or years."""
    if window.prorate == "none":
        return None
    unit = 1 if window.prorate == "months" else 12
    shares = []
    for subject, span in _zip(cases):
        first, last = days_on_roll(window, subject.row, span)
        whole = whole_months(span.first, add_days(span.last, 1)) // unit
        there = whole_months(first, add_days(last, 1)) // unit
        shares.append(Fraction(there, whole) if whole else Fraction(1))
    return shares


def _scale(value: Interval, share: Fraction) -> Interval:
    low = None if value.low is None else tidy(value.low * share)
    return Interval(low, None if value.high is None else tidy(value.high * share))


def _plan_carried(
    study: Study, measure: Measure, need: Need, cases: Cases, window: Window
) -> Bonus:
    """What the window before had beyond its need, up to the most that may be carried over."""
    before = [study.calendar.before(window, span) for span in cases.spans]
    there = [number for number, span in enumerate(before) if span is not None]
    spans = [span for span in before if span is not None]
    old = Cases(cases.kind, [cases.subjects[number] for number in there], spans)
    where = {number: position for position, number in enumerate(there)}
    quantity = plan_measure(study, measure, old, window)
    needed = plan_needed(study, measure, need, old, window)
    assert window.carry_over is not None
    most = study.catalogue.number(study.catalogue.plain(window.carry_over))

    def read(case: int) -> Interval:
        position = where.get(case)
        value = None if position is None else quantity.read(position)
        bound = None if position is None else needed(position).low
        if value is None or bound is None or value.low is None or bound.high is None:
            return NOTHING
        low = max(0, min(most, value.low - bound.high))
        if value.high is None or bound.low is None:
            return Interval(low, most)
        return Interval(low, max(0, min(most, value.high - bound.low)))

    return read


def _zip(cases: Cases) -> Iterator[tuple[Subject, Span]]:
    return zip(cases.subjects, cases.spans, strict=True)
