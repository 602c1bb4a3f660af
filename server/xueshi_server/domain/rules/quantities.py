"""Measures over the records of one type: counts, sums, distinct values, lengths, moments.

Each plan function notes the tallies it needs and returns a `Quantity`, which reads a case once the
answers are there. A value is open upwards while facts that may belong to it have not arrived.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import lcm

from xueshi_server.domain.packs.amounts import HOUR
from xueshi_server.domain.packs.measures import (
    Count,
    Distinct,
    Greatest,
    Length,
    Moment,
    Sum,
)
from xueshi_server.domain.packs.model import ConversionRow
from xueshi_server.domain.rules.amounts import Interval, Number, RuleError, tidy
from xueshi_server.domain.rules.cases import Asked, Cases
from xueshi_server.domain.rules.catalogue import PENDING, Link, names_state
from xueshi_server.domain.rules.facts import LAST_DAY, Column, Tally, Test, Tests
from xueshi_server.domain.rules.results import Lacking
from xueshi_server.domain.rules.spans import length_months
from xueshi_server.domain.rules.study import Study

Reader = Callable[[int], Interval | None]
NOTHING = Interval(0, 0)


@dataclass(slots=True)
class Quantity:
    """A measure that was planned.

    `read` gives the value of a case; None where there is none, and `empty` says what that means:
    "fail" (not done), "exempt" (nothing to judge), "unknown". `waiting` is what waits for a
    review. `grows`: more facts can only raise it. `daily`: the most one day can bring.
    `figures`: part and whole of a ratio. `hope`: until when a missing value can still come.
    `empty_of`: what a missing value means where that differs by case. `lacking`: the records that
    a case has no whole without, empty where there is one.
    """

    read: Reader
    waiting: Callable[[int], Number] | None = None
    grows: bool = True
    daily: Number | None = None
    empty: str = "fail"
    figures: Callable[[int], tuple[Interval, Interval]] | None = None
    hope: Callable[[int], dt.date | None] | None = None
    empty_of: Callable[[int], str] | None = None
    lacking: Callable[[int], tuple[Lacking, ...]] | None = None


@dataclass(slots=True)
class Source:
    """Facts of a type that belong to cases, and how to ask for them."""

    study: Study
    cases: Cases
    of: str
    link: Link
    tests: Tests
    waits: bool
    stated: bool
    clip: bool
    unheard: Callable[[int], bool]

    def ask(
        self, tally: Tally, more: Tests = (), unless: Sequence[Tests] = (), *, pending: bool = False
    ) -> Asked:
        """Note a tally; `pending` asks for what waits for a review instead of what counts."""
        tests = (PENDING, *self.tests[1:]) if pending else self.tests
        full = Tally(
            self.of, (), tally.aggregate, (), self.study.catalogue.when(self.of),
            (*tests, *more), tuple(unless), tally.column, tally.ends, tally.times, tally.cap,
            tally.ranks,
        )  # fmt: skip
        return self.study.ask(full, self.link, self.cases, clip=self.clip)


def source_of(
    study: Study, cases: Cases, measure: Count | Sum | Distinct | Greatest | Length | Moment
) -> Source:
    """Where the facts of a measure come from."""
    catalogue = study.catalogue
    declared = catalogue.type_of(measure.of)
    link = catalogue.link(cases.kind, measure.of) + catalogue.same_as(measure.of, measure.where)
    return Source(
        study, cases, measure.of, link,
        catalogue.fact_tests(measure.of, measure.where),
        catalogue.can_wait(measure.of, measure.where), names_state(measure.where),
        declared.kind == "ledger", study.unheard(cases, declared, link),
    )  # fmt: skip


def plain(aggregate: str, column: Column | None = None) -> Tally:
    """A tally of which only the aggregate is known yet."""
    return Tally("", (), aggregate, (), column=column)  # type: ignore[arg-type]


def plan_count(study: Study, measure: Count, cases: Cases) -> Quantity:
    """How many records."""
    source = source_of(study, cases, measure)
    waiting = _number(source.ask(plain("count"), pending=True)) if source.waits else None
    return Quantity(_open_upwards(_number(source.ask(plain("count"))), source.unheard), waiting)


def plan_sum(study: Study, measure: Sum, cases: Cases) -> Quantity:
    """Sum of a field, or of what records are worth by a conversion table."""
    source = source_of(study, cases, measure)
    catalogue = study.catalogue
    if measure.convert is not None:
        return _plan_converted(source, measure)
    column = catalogue.amount_column(measure.of, measure.field, stated=source.stated)
    claimed = catalogue.amount_column(measure.of, measure.field, stated=True)
    floor = _floor(column, measure.item_floor)
    waiting = None
    if source.waits:
        floor_claimed = _floor(claimed, measure.item_floor)
        waiting = _number(source.ask(plain("sum", claimed), floor_claimed, pending=True))
    field = catalogue.field(measure.of, measure.field or catalogue.type_of(measure.of).amount or "")
    daily = _daily(study) if field is not None and field.type == "hours" else None
    if not measure.caps:
        total = _number(source.ask(plain("sum", column), floor))
    else:
        total = _plan_caps(source, measure, column, floor)
    return Quantity(_open_upwards(total, source.unheard), waiting, daily=daily)


def plan_distinct(study: Study, measure: Distinct, cases: Cases) -> Quantity:
    """How many different values."""
    source = source_of(study, cases, measure)
    asked = source.ask(plain("distinct", study.catalogue.column(measure.of, measure.field)))

    def read(case: int) -> Number:
        found = asked.get(case)
        return len(found) if isinstance(found, frozenset) else 0

    return Quantity(_open_upwards(read, source.unheard))


def plan_greatest(study: Study, measure: Greatest, cases: Cases) -> Quantity:
    """The greatest value, or rank of one."""
    source = source_of(study, cases, measure)
    column = study.catalogue.column(measure.of, measure.field)
    ranks = tuple(study.catalogue.ranks(measure.of, measure.field).items())
    asked = source.ask(Tally("", (), "greatest", (), column=column, ranks=ranks))
    return Quantity(_open_upwards(_number(asked), source.unheard))


def plan_length(study: Study, measure: Length, cases: Cases) -> Quantity:
    """Time covered by records, added up; what a ledger says of days to come does not count yet."""
    source = source_of(study, cases, measure)
    starts = study.catalogue.column(measure.of, measure.starts)
    ends = study.catalogue.column(measure.of, measure.ends)
    asked = source.ask(Tally("", (), "periods", (), column=starts, ends=ends))
    length = _months if measure.unit == "month" else _days
    latest = study.as_of.isoformat()

    def read(case: int) -> Number:
        found = asked.get(case)
        if not isinstance(found, tuple):
            return 0
        clip = source.clip
        total: Number = 0
        for first, last in found:
            end = min(last, latest) if clip or last == LAST_DAY else last
            if first <= end:
                total += length(first, end)
        return tidy(total)

    return Quantity(_open_upwards(read, source.unheard), daily=1 if measure.unit == "day" else None)


def plan_moment(study: Study, measure: Moment, cases: Cases) -> Quantity:
    """The first or last day, as a day number."""
    source = source_of(study, cases, measure)
    name = measure.field or study.catalogue.type_of(measure.of).when
    if name is None:
        raise RuleError("rule.no_date", type=measure.of)
    first = measure.pick == "first"
    asked = source.ask(plain(measure.pick, study.catalogue.column(measure.of, name)))

    def read(case: int) -> Interval | None:
        found = asked.get(case)
        if found is None:
            return Interval(None, None) if source.unheard(case) else None
        day = dt.date.fromisoformat(str(found)).toordinal()
        if source.unheard(case):
            return Interval(None, day) if first else Interval(day, None)
        return Interval(day, day)

    return Quantity(read, grows=False)


def _plan_caps(
    source: Source, measure: Sum, column: Column, floor: Tests
) -> Callable[[int], Number]:
    """Sum in which records of a category count up to a limit; each belongs to the first it fits."""
    catalogue = source.study.catalogue
    before: list[Tests] = []
    limited = []
    for cap in measure.caps:
        tests = catalogue.tests(measure.of, cap.where)
        limit = catalogue.number(catalogue.plain(cap.at_most))
        asked = source.ask(plain("sum", column), (*floor, *tests), before)
        limited.append((_number(asked), limit))
        before.append(tests)
    rest = _number(source.ask(plain("sum", column), floor, before))
    return lambda case: rest(case) + sum(min(each(case), limit) for each, limit in limited)


def _plan_converted(source: Source, measure: Sum) -> Quantity:
    """Sum of what records are worth; the first row of the table that fits a record holds."""
    catalogue = source.study.catalogue
    table = catalogue.pack.conversions.get(measure.convert or "")
    if table is None or table.of != measure.of:
        raise RuleError("rule.unknown_conversion", conversion=measure.convert or "")
    if measure.caps:
        raise RuleError("rule.caps_with_convert", conversion=table.id)
    cap = None if table.cap is None else catalogue.number(catalogue.plain(table.cap))
    readers = {}
    for pending in (False, True)[: 2 if source.waits else 1]:
        before: list[Tests] = []
        rows = []
        for row in table.row:
            tests = catalogue.tests(measure.of, row.where)
            rows.append(_plan_row(source, row, tests, before, pending))
            before.append(tests)
        readers[pending] = _limited_sum(rows, cap)
    daily = _daily(source.study)
    return Quantity(_open_upwards(readers[False], source.unheard), readers.get(True), daily=daily)


def _plan_row(
    source: Source, row: ConversionRow, tests: Tests, before: list[Tests], pending: bool
) -> Callable[[int], Number]:
    catalogue = source.study.catalogue

    def number(amount: object) -> Number | None:
        return None if amount is None else catalogue.number(catalogue.plain(amount))  # type: ignore[arg-type]

    minutes, item_cap, window_cap = (
        number(row.minutes),
        number(row.item_cap),
        number(row.window_cap),
    )
    assert minutes is not None
    if row.per is None:
        worth = minutes if item_cap is None else min(minutes, item_cap)
        count = _number(source.ask(plain("count"), tests, before, pending=pending))
        return _limited(lambda case: worth * count(case), window_cap)
    scale = lcm(Fraction(minutes).denominator, Fraction(item_cap or 0).denominator)
    stated = source.stated or pending
    column = catalogue.amount_column(source.of, row.per, stated=stated)
    tally = Tally(
        "", (), "sum", (), column=column, times=int(minutes * scale),
        cap=None if item_cap is None else int(item_cap * scale),
    )  # fmt: skip
    summed = _number(source.ask(tally, tests, before, pending=pending))
    if scale == 1:
        return _limited(summed, window_cap)
    return _limited(lambda case: tidy(Fraction(summed(case)) / scale), window_cap)


def _limited(read: Callable[[int], Number], cap: Number | None) -> Callable[[int], Number]:
    return read if cap is None else lambda case: min(read(case), cap)


def _limited_sum(
    rows: list[Callable[[int], Number]], cap: Number | None
) -> Callable[[int], Number]:
    return _limited(lambda case: tidy(sum((row(case) for row in rows), start=0)), cap)


def _number(asked: Asked) -> Callable[[int], Number]:
    get = asked.get
    return lambda case: get(case) or 0  # type: ignore[return-value]


def _open_upwards(read: Callable[[int], Number], unheard: Callable[[int], bool]) -> Reader:
    def interval(case: int) -> Interval:
        value = read(case)
        return Interval(value, None if unheard(case) else value)

    return interval


def _floor(column: Column, item_floor: int | None) -> Tests:
    return () if item_floor is None else (Test(column, "at_least", (item_floor,)),)


def _daily(study: Study) -> Number | None:
    """What one day can bring at most, as records keep hours: the parameter `daily_hours`."""
    if "daily_hours" not in study.catalogue.pack.parameters:
        return None
    hours = study.catalogue.number(study.catalogue.parameter("daily_hours"))
    return hours * HOUR


@lru_cache(maxsize=65536)
def _months(first: str, last: str) -> Number:
    return length_months(dt.date.fromisoformat(first), dt.date.fromisoformat(last))


@lru_cache(maxsize=65536)
def _days(first: str, last: str) -> Number:
    return (dt.date.fromisoformat(last) - dt.date.fromisoformat(first)).days + 1
