"""Figures of a pack: targets with how far they are, statistics with their parts, and whether what a
report claims agrees with the facts.

A figure keeps its bounds and says from how many of how many schools it has heard. A statistic with
`group_by` has a figure for each set of values of those fields; records without one of them are
in the total only.
"""

import datetime as dt
from collections.abc import Sequence
from fractions import Fraction

from msgspec import Struct
from msgspec.structs import replace

from xueshi_server.domain.packs.measures import (
    Condition,
    Count,
    Coverage,
    Distinct,
    Greatest,
    Headcount,
    Length,
    Measure,
    Moment,
    Ratio,
    Spread,
    Sum,
    Total,
    Trend,
)
from xueshi_server.domain.packs.model import Statistic, Target, Window
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.amounts import (
    UNKNOWN,
    Interval,
    Number,
    RuleError,
    parse_number,
)
from xueshi_server.domain.rules.cases import Asked, Cases
from xueshi_server.domain.rules.catalogue import Catalogue, NotSetError
from xueshi_server.domain.rules.evaluate import place_subjects
from xueshi_server.domain.rules.facts import Facts, Key, Tally, Value
from xueshi_server.domain.rules.judging import plan_over
from xueshi_server.domain.rules.leaves import plan_leaf
from xueshi_server.domain.rules.measures import plan_measure
from xueshi_server.domain.rules.quantities import Quantity
from xueshi_server.domain.rules.results import Result, shown_unit
from xueshi_server.domain.rules.spans import Span
from xueshi_server.domain.rules.study import Judge, Study
from xueshi_server.domain.rules.units import unit_of_target

_FACT_MEASURES = (Count, Sum, Distinct, Greatest, Length, Moment)
_AS_OF = Window(kind="as_of")


class Figure(Struct, frozen=True):
    """A value of a statistic for a subject, in a group where it is split. `agrees`: whether the
    claimed value is the real one as far as it was written out; None while that is not known."""

    statistic: str
    version: str
    subject: Key
    name: str
    span: Span
    value: Interval | None
    group: tuple[Value, ...] = ()
    figures: tuple[Interval, Interval] | None = None
    heard: tuple[int, int] = (0, 0)
    claimed: str | None = None
    agrees: bool | None = None
    source: tuple[tuple[str, str], ...] = ()
    unit: str = ""


def judge_targets(pack: Pack, facts: Facts, as_of: dt.date) -> list[Result]:
    """How far every target is: a result under the id of the target."""
    study = _new_study(pack, facts, as_of)
    planned: list[tuple[Target, Cases, Judge]] = []
    for target in pack.targets.values():
        subjects = study.populations.of(target.scope, target.who)
        last = as_of if target.by is None else target.by
        span = Span(dt.date.min, last, last.isoformat(), True)
        cases = Cases(target.scope, subjects, [span] * len(subjects))
        judge = plan_leaf(study, target.measure, target.need, cases, window=_AS_OF)
        planned.append((target, cases, judge))
    study.fetch()
    return [
        Result(
            target.id, pack.version, target.scope, subject.key, subject.name, subject.scope,
            cases.spans[case], outcome, (), tuple(pack.quotes(target.source)),
            study.heard_of(subject.scope, cases.spans[case]),
            unit=shown_unit(outcome, unit_of_target(study.catalogue, target)),
        )
        for target, cases, judge in planned
        for case, subject in enumerate(cases.subjects)
        if (outcome := judge(case)) is not None
    ]  # fmt: skip


def measure_statistics(
    pack: Pack, facts: Facts, as_of: dt.date, *, on: dt.date | None = None
) -> list[Figure]:
    """The figures of every statistic; those that are split come with their total first."""
    study = _new_study(pack, facts, as_of, on)
    groups = {each.id: _find_groups(study, each) for each in pack.statistics.values()}
    study.fetch()
    study.forget(0)
    planned = []
    for statistic in pack.statistics.values():
        cases = _cases_of(study, statistic)
        window = statistic.window or _AS_OF
        for group in [(), *_sorted_groups(cases, groups[statistic.id])]:
            names = statistic.group_by[: len(group)]
            where = [_is(name, value) for name, value in zip(names, group, strict=True)]
            measure = _narrow(study, statistic.measure, where) if where else statistic.measure
            quantity = _plan(study, measure, cases, window)
            planned.append((statistic, group, cases, quantity))
    study.fetch()
    return [
        _figure(study, statistic, group, cases, quantity, case)
        for statistic, group, cases, quantity in planned
        for case in range(len(cases))
    ]


def _plan(study: Study, measure: Measure, cases: Cases, window: Window) -> Quantity:
    try:
        return plan_measure(study, measure, cases, window)
    except NotSetError:
        return Quantity(lambda case: UNKNOWN)


def agrees(value: Interval | None, claimed: str, tolerance: Number = 0) -> bool | None:
    """Whether a claimed value is the real one, rounded as the claim is written, or as near to it as
    is allowed."""
    number = parse_number(claimed)
    if number is None or value is None or value.low is None:
        return None
    digits = len(claimed.strip(" %").partition(".")[2])
    half = Fraction(1, 2 * 10**digits) / (100 if "%" in claimed else 1)
    if "/" in claimed:
        half = Fraction(0)
    half = max(half, Fraction(tolerance))
    if value.exact is not None:
        return abs(Fraction(value.exact) - number) <= half
    beyond = value.low > number + half or (value.high is not None and value.high < number - half)
    return False if beyond else None


def _figure(
    study: Study,
    statistic: Statistic,
    group: tuple[Value, ...],
    cases: Cases,
    quantity: Quantity,
    case: int,
) -> Figure:
    pack, subject, span = study.catalogue.pack, cases.subjects[case], cases.spans[case]
    value = quantity.read(case)
    claimed = None if group else statistic.claimed
    return Figure(
        statistic.id, pack.version, subject.key, subject.name, span, value, group,
        None if quantity.figures is None else quantity.figures(case),
        study.heard_of(subject.scope, span), claimed,
        None if claimed is None else agrees(value, claimed, _tolerance(study, statistic)),
        tuple(pack.quotes(statistic.source)), statistic.unit,
    )  # fmt: skip


def _tolerance(study: Study, statistic: Statistic) -> Number:
    if statistic.tolerance is None:
        return 0
    return study.catalogue.number(study.catalogue.plain(statistic.tolerance))


def _new_study(pack: Pack, facts: Facts, as_of: dt.date, on: dt.date | None = None) -> Study:
    return Study(Catalogue(pack), facts, as_of, on or as_of, plan_over)


def _cases_of(study: Study, statistic: Statistic) -> Cases:
    window = statistic.window or _AS_OF
    subjects, placed = place_subjects(study, window, statistic.scope, ())
    pairs = [pair for pair in zip(subjects, placed, strict=True) if pair[1] is not None]
    spans = [span for _, span in pairs if span is not None]
    return Cases(statistic.scope, [subject for subject, _ in pairs], spans)


# ---- groups


def _find_groups(study: Study, statistic: Statistic) -> Asked | None:
    """Ask which sets of values the fields to split by have, for all subjects at once."""
    if not statistic.group_by:
        return None
    of, where = _grouped_type(study, statistic.measure)
    columns = tuple(study.catalogue.column(of, each) for each in statistic.group_by)
    tests = study.catalogue.fact_tests(of, where)
    tally = Tally(of, columns, "count", (), tests=tests)
    everything = Cases("county", study.populations.of("county"), [Span(dt.date.min, dt.date.max)])
    return study.ask(tally, tuple((column, "") for column in columns), everything, clip=False)


def _grouped_type(study: Study, measure: Measure) -> tuple[str, Sequence[Condition]]:
    """The type whose fields a measure is split by, and which of its records matter."""
    if isinstance(measure, _FACT_MEASURES):
        return measure.of, [each for each in measure.where if not each.same_as]
    if isinstance(measure, Headcount | Coverage | Spread):
        declared = study.catalogue.pack.subjects.get(measure.of)
        if declared is not None and declared.of is not None:
            return declared.of, [*declared.where, *measure.who]
    if isinstance(measure, Ratio):
        return _grouped_type(study, measure.part)
    if isinstance(measure, Trend):
        return _grouped_type(study, measure.measure)
    if isinstance(measure, Total) and measure.parts:
        return _grouped_type(study, measure.parts[0])
    raise RuleError("rule.cannot_be_split")


def _sorted_groups(cases: Cases, asked: Asked | None) -> list[tuple[Value, ...]]:
    if asked is None or not len(cases):
        return []
    return sorted((group for answers in asked.answers for group in answers), key=str)


def _is(name: str, value: Value) -> Condition:
    assert value is not None
    return Condition(field=name, is_=value)


def _narrow(study: Study, measure: Measure, where: list[Condition]) -> Measure:
    """The measure over the records of one group."""
    of, _ = _grouped_type(study, measure)
    return _narrowed(study, measure, of, where)


def _narrowed(study: Study, measure: Measure, of: str, where: list[Condition]) -> Measure:
    if isinstance(measure, _FACT_MEASURES):
        return replace(measure, where=[*measure.where, *where]) if measure.of == of else measure
    if isinstance(measure, Headcount | Coverage | Spread):
        declared = study.catalogue.pack.subjects.get(measure.of)
        own = declared is not None and declared.of == of
        return replace(measure, who=[*measure.who, *where]) if own else measure
    if isinstance(measure, Ratio):
        return Ratio(
            part=_narrowed(study, measure.part, of, where),
            whole=_narrowed(study, measure.whole, of, where),
        )
    if isinstance(measure, Trend):
        return replace(measure, measure=_narrowed(study, measure.measure, of, where))
    if isinstance(measure, Total):
        return Total(parts=[_narrowed(study, each, of, where) for each in measure.parts])
    return measure
