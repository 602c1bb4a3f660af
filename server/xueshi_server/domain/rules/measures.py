"""Measures made of other things: attributes, ratios, heads, coverage, trends, lags, spreads."""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Final

from msgspec.json import encode

from xueshi_server.domain.packs.measures import (
    Attribute,
    Count,
    Coverage,
    Distinct,
    Greatest,
    Headcount,
    Lag,
    Length,
    Measure,
    Moment,
    Ratio,
    Spread,
    Sum,
    Total,
    Trend,
)
from xueshi_server.domain.packs.model import Window
from xueshi_server.domain.rules.amounts import (
    UNKNOWN,
    Interval,
    Number,
    add,
    divide,
    exactly,
    parse_number,
    subtract,
)
from xueshi_server.domain.rules.cases import Cases
from xueshi_server.domain.rules.combine import may_be_good
from xueshi_server.domain.rules.lacking import find_lacking
from xueshi_server.domain.rules.members import flatten, list_members, list_missing, weigh
from xueshi_server.domain.rules.quantities import (
    NOTHING,
    Quantity,
    plan_count,
    plan_distinct,
    plan_greatest,
    plan_length,
    plan_moment,
    plan_sum,
)
from xueshi_server.domain.rules.results import Lacking
from xueshi_server.domain.rules.shares import Positions, Share
from xueshi_server.domain.rules.spans import Span, whole_months
from xueshi_server.domain.rules.study import Study
from xueshi_server.domain.rules.subjects import Subject

_Plan = Callable[..., Quantity]
_SETTLED: Final = ("pass",)
_MAYBE: Final = ("unknown", "on_track", "at_risk")


def plan_measure(study: Study, measure: Measure, cases: Cases, window: Window) -> Quantity:
    """Plan any measure; `window` is the one that the spans of the cases come from."""
    leaf = _LEAVES.get(type(measure))
    if leaf is not None:
        return leaf(study, measure, cases)
    return _NODES[type(measure)](study, measure, cases, window)


def plan_attribute(study: Study, measure: Attribute, cases: Cases) -> Quantity:
    """A field of the subject's row as a number, a day number or a rank."""
    subjects = cases.subjects
    own = study.catalogue.own_field(cases.kind, measure.field)
    declared = None if own is None else study.catalogue.field(*own)
    ranks = {} if own is None else study.catalogue.ranks(*own)
    flag = declared is not None and declared.type == "bool"

    def read(case: int) -> Interval | None:
        value = subjects[case].row.get(measure.field)
        if value is None or value == "":
            return NOTHING if flag else None
        if isinstance(value, str):
            number = ranks.get(value) if ranks else parse_number(value)
            return None if number is None else exactly(number)
        return exactly(int(value))

    base = find_lacking(study.catalogue, measure, cases.kind)
    return Quantity(
        read, grows=False, empty="unknown", lacking=lambda case: () if read(case) else base
    )


def _plan_total(study: Study, measure: Total, cases: Cases, window: Window) -> Quantity:
    parts = [plan_measure(study, each, cases, window) for each in measure.parts]

    def read(case: int) -> Interval | None:
        total = NOTHING
        for part in parts:
            value = part.read(case)
            if value is None:
                return None
            total = add(total, value)
        return total

    waits = [each.waiting for each in parts if each.waiting is not None]
    waiting = (lambda case: sum((each(case) for each in waits), start=0)) if waits else None
    daily = [each.daily for each in parts if each.daily is not None]
    return Quantity(
        read, waiting, all(each.grows for each in parts), max(daily) if daily else None,
        parts[0].empty if parts else "fail",
    )  # fmt: skip


def _plan_ratio(study: Study, measure: Ratio, cases: Cases, window: Window) -> Quantity:
    part = plan_measure(study, measure.part, cases, window)
    whole = plan_measure(study, measure.whole, cases, window)

    def read(case: int) -> Interval | None:
        over, under = part.read(case), whole.read(case)
        return UNKNOWN if over is None or under is None else divide(over, under)

    def figures(case: int) -> tuple[Interval, Interval]:
        return (part.read(case) or UNKNOWN, whole.read(case) or UNKNOWN)

    base = find_lacking(study.catalogue, measure.whole, cases.kind)

    def lacking(case: int) -> tuple[Lacking, ...]:
        under = whole.read(case)
        return base if under is None or under.high == 0 else ()

    return Quantity(read, grows=False, empty="unknown", figures=figures, lacking=lacking)


def _plan_headcount(study: Study, measure: Headcount, cases: Cases, window: Window) -> Quantity:
    members = list_members(study, cases, measure.of, measure.who)
    unheard = _roster_unheard(study, cases, measure.of)
    counts = _by_school(study, measure, cases, members, lambda some: (len(some),))

    def read(case: int) -> Interval | None:
        count = sum(share[0] for share in counts(case))
        return Interval(count, None if unheard(case) else count)

    return Quantity(read, grows=False)


def _plan_coverage(study: Study, measure: Coverage, cases: Cases, window: Window) -> Quantity:
    weighted = measure.weight == "months"
    members = list_members(study, cases, measure.of, measure.who, any_day=weighted)
    missing = list_missing(study, cases, measure.of)
    everyone = [[*some, *more] for some, more in zip(members, missing, strict=True)]
    flat = flatten(cases, measure.of, everyone)
    judge = study.plan_over(study, measure.rule, flat)
    nobody = {each for some in missing for each in some}

    def count(some: Positions) -> Share:
        """How many have passed, are to be judged, may have passed."""
        passed: Number = 0
        total: Number = 0
        maybe: Number = 0
        for position in some:
            subject, span = flat.subjects[position], flat.spans[position]
            if subject in nobody:
                total, maybe = total + 1, maybe + 1
                continue
            outcome = judge(position)
            if outcome is None or outcome.status in ("exempt", "not_set"):
                continue
            weight = weigh(subject, span.first, study.roll_day(span)) if weighted else 1
            total += weight
            if outcome.status in _SETTLED:
                passed += weight
            elif may_be_good(outcome):
                maybe += weight
        return (passed, total, maybe)

    counts = _by_school(study, measure, cases, everyone, count)

    def figures(case: int) -> tuple[Interval, Interval]:
        passed, total, maybe = map(sum, zip((0, 0, 0), *counts(case), strict=True))
        closed = study.roster_known(cases.subjects[case].scope)
        high = passed + maybe if closed else None
        return (Interval(passed, high), Interval(total, total if closed else None))

    def read(case: int) -> Interval | None:
        part, whole = figures(case)
        if whole.high == 0:
            return None
        value = divide(part, whole)
        return Interval(value.low, 1 if value.high is None else value.high)

    return Quantity(read, grows=True, empty="exempt", figures=figures)


def _plan_spread(study: Study, measure: Spread, cases: Cases, window: Window) -> Quantity:
    members = list_members(study, cases, measure.of, measure.who)
    each = plan_measure(study, measure.measure, flatten(cases, measure.of, members), window)

    def extremes(some: Positions) -> Share:
        """How many values there are, and the bounds that are known: how many, least, greatest."""
        values = [value for position in some if (value := each.read(position)) is not None]
        return (
            len(values),
            _extremes([value.low for value in values if value.low is not None]),
            _extremes([value.high for value in values if value.high is not None]),
        )

    shares = _by_school(study, measure, cases, members, extremes, window)

    def read(case: int) -> Interval | None:
        found = shares(case)
        count = sum(share[0] for share in found)
        lows = _joined(share[1] for share in found)
        highs = _joined(share[2] for share in found)
        if count == 0:
            return None
        if lows is None or lows[0] < count:
            return UNKNOWN
        if highs is None or highs[0] < count:
            return Interval(0 if highs is None else max(lows[2] - highs[1], 0), None)
        return Interval(max(0, lows[2] - highs[1]), highs[2] - lows[1])

    return Quantity(read, grows=False, empty="exempt")


_Extremes = tuple[int, Number, Number]


def _extremes(values: Sequence[Number]) -> _Extremes | None:
    return (len(values), min(values), max(values)) if values else None


def _joined(shares: Iterable[_Extremes | None]) -> _Extremes | None:
    found = [share for share in shares if share is not None]
    if not found:
        return None
    counts, least, greatest = zip(*found, strict=True)
    return (sum(counts), min(least), max(greatest))


def _by_school(
    study: Study,
    measure: Measure,
    cases: Cases,
    members: list[list[Subject]],
    work: Callable[[Positions], Share],
    window: Window | None = None,
) -> Callable[[int], Sequence[Share]]:
    """What the members of a case come to: of the county's one share a school (see `Shares`)."""
    first = [0, *accumulate(map(len, members))]
    name = (study.rule, encode((measure, window)))
    known: dict[int, Sequence[Share]] = {}

    def read(case: int) -> Sequence[Share]:
        if case not in known:
            some = members[case]
            if cases.kind == "county":
                mark = (*name, cases.spans[case])
                known[case] = study.shares.read(mark, some, first[case], work)
            else:
                known[case] = [work(range(first[case], first[case] + len(some)))]
        return known[case]

    return read


def _plan_trend(study: Study, measure: Trend, cases: Cases, window: Window) -> Quantity:
    before, where = _previous(study, measure, cases, window)
    now = plan_measure(study, measure.measure, cases, window)
    then = plan_measure(study, measure.measure, before, window)

    def read(case: int) -> Interval | None:
        position = where[case]
        if position is None:
            return None
        value, old = now.read(case), then.read(position)
        return UNKNOWN if value is None or old is None else subtract(value, old)

    def figures(case: int) -> tuple[Interval, Interval]:
        position = where[case]
        old = None if position is None else then.read(position)
        return (now.read(case) or UNKNOWN, old or UNKNOWN)

    return Quantity(read, grows=False, empty="exempt", figures=figures, lacking=now.lacking)


def _previous(
    study: Study, measure: Trend, cases: Cases, window: Window
) -> tuple[Cases, list[int | None]]:
    """The case before each: the window before, or the run before of the same series."""
    subjects: list[Subject] = []
    spans: list[Span] = []
    where: list[int | None] = []
    runs = _runs(study, measure, cases.kind, window) if window.kind == "run" else {}
    for subject, span in zip(cases.subjects, cases.spans, strict=True):
        earlier: tuple[Subject, Span] | None = None
        if window.kind == "run":
            series = runs.get(subject.row.get(measure.series) if measure.series else None, [])
            earlier = next((run for run in reversed(series) if run[1].first < span.first), None)
        elif (old := study.calendar.before(window, span)) is not None:
            earlier = (subject, old)
        where.append(None if earlier is None else len(subjects))
        if earlier is not None:
            subjects.append(earlier[0])
            spans.append(earlier[1])
    return Cases(cases.kind, subjects, spans), where


def _runs(
    study: Study, measure: Trend, kind: str, window: Window
) -> dict[object, list[tuple[Subject, Span]]]:
    """All runs of each series, first to last."""
    found: dict[object, list[tuple[Subject, Span]]] = {}
    subjects = study.populations.everywhere(kind)
    for subject, span in zip(subjects, study.place(window, subjects, study.on), strict=True):
        if span is not None:
            series = subject.row.get(measure.series) if measure.series else None
            found.setdefault(series, []).append((subject, span))
    for runs in found.values():
        runs.sort(key=lambda run: run[1])
    return found


def _plan_lag(study: Study, measure: Lag, cases: Cases, window: Window) -> Quantity:
    before = plan_measure(study, measure.before, cases, window)
    after = plan_measure(study, measure.after, cases, window)
    today = study.as_of.toordinal()

    def read(case: int) -> Interval | None:
        early, late = before.read(case), after.read(case)
        if early is None or late is None:
            return None
        return Interval(
            _between(early.high, late.low, measure.unit),
            _between(early.low, late.high, measure.unit),
        )

    def hope(case: int) -> dt.date | None:
        late = after.read(case)
        if late is None or late.exact is None or late.exact <= today:
            return None
        return dt.date.fromordinal(int(late.exact))

    def empty_of(case: int) -> str:
        # While what is timed has not come yet, there is nothing to judge.
        if after.read(case) is None:
            return "exempt" if isinstance(measure.after, Moment) else "unknown"
        return before.empty

    def lacking(case: int) -> tuple[Lacking, ...]:
        some = (each.lacking(case) for each in (before, after) if each.lacking is not None)
        return tuple(dict.fromkeys(one for found in some for one in found))

    return Quantity(read, grows=False, hope=hope, empty_of=empty_of, lacking=lacking)


def _between(first: Number | None, last: Number | None, unit: str) -> Number | None:
    return None if first is None or last is None else elapsed(int(first), int(last), unit)


def elapsed(first: int, last: int, unit: str) -> int:
    """Whole units from one day number to another, negative where the second comes first. A school
    year is a year from day to day, whatever day it begins on."""
    if last < first:
        return -elapsed(last, first, unit)
    if unit == "day":
        return last - first
    months = whole_months(dt.date.fromordinal(first), dt.date.fromordinal(last))
    return months if unit == "month" else months // 12


def _roster_unheard(study: Study, cases: Cases, kind: str) -> Callable[[int], bool]:
    declared = study.catalogue.pack.subjects.get(kind)
    if declared is None or declared.of is None:
        return lambda case: not study.roster_known(cases.subjects[case].scope)
    link = study.catalogue.link(cases.kind, declared.of)
    return study.unheard(cases, study.catalogue.type_of(declared.of), link)


_LEAVES: Final[dict[type, _Plan]] = {
    Count: plan_count,
    Sum: plan_sum,
    Distinct: plan_distinct,
    Greatest: plan_greatest,
    Length: plan_length,
    Moment: plan_moment,
    Attribute: plan_attribute,
}
_NODES: Final[dict[type, _Plan]] = {
    Total: _plan_total,
    Ratio: _plan_ratio,
    Headcount: _plan_headcount,
    Coverage: _plan_coverage,
    Spread: _plan_spread,
    Trend: _plan_trend,
    Lag: _plan_lag,
}
