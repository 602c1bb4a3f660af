"""Facts over plain rows: the reference of what a tally means, and what tests are written with."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from xueshi_server.domain.rules.facts import (
    LAST_DAY,
    Answer,
    Answers,
    Column,
    Heard,
    Key,
    RecordKey,
    Row,
    Scope,
    Tally,
    Test,
    Tests,
    Value,
)


class RowFacts:
    """Facts of the rows of each type. Rows with a true `deleted` are passed over."""

    def __init__(self, rows: Mapping[str, Sequence[Row]], heard: Heard) -> None:
        self._rows = {
            of: sorted((row for row in some if not row.get("deleted")), key=_order)
            for of, some in rows.items()
        }
        self._heard = heard
        self._targets: dict[tuple[str, str], dict[Key, Row]] = {}

    @property
    def heard(self) -> Heard:
        return self._heard

    def rows(
        self, of: str, tests: Tests = (), only: Collection[RecordKey] | None = None
    ) -> Sequence[Row]:
        wanted = None if only is None else set(only)
        return [
            row
            for row in self._rows.get(of, ())
            if self._meets(row, tests) and (wanted is None or (row["scope"], row["rec"]) in wanted)
        ]

    def tally(self, tallies: Sequence[Tally]) -> Sequence[Answers]:
        return [self._answer(tally) for tally in tallies]

    @property
    def standing(self) -> Mapping[Scope, object]:
        scopes = sorted({str(row["scope"]) for some in self._rows.values() for row in some})
        return {
            scope: tuple(
                (of, found) for of in sorted(self._rows) if (found := self.digest(of, scope))
            )
            for scope in scopes
        }

    def digest(self, of: str, scope: Scope) -> object:
        found = tuple(
            tuple(sorted(row.items())) for row in self._rows.get(of, ()) if row["scope"] == scope
        )
        return found or None

    def evidence(self, tally: Tally, key: Key, span: int) -> Sequence[RecordKey]:
        found = [
            (str(self._value(row, tally.when) or "") if tally.when else "", _order(row), row)
            for row, row_key, spans in self._taking_part(tally)
            if row_key == key and span in spans
        ]
        found.sort(key=lambda each: each[:2])
        return [_record_key(row) for _, _, row in found]

    def _answer(self, tally: Tally) -> Answers:
        groups: list[dict[Key, list[Row]]] = [defaultdict(list) for _ in tally.spans]
        for row, key, spans in self._taking_part(tally):
            for span in spans:
                groups[span][key].append(row)
        return [
            {
                key: answer
                for key, rows in group.items()
                if (answer := self._aggregate(tally, rows)) is not None
            }
            for group in groups
        ]

    def _taking_part(self, tally: Tally) -> Iterator[tuple[Row, Key, list[int]]]:
        keys = None if tally.keys is None else dict(tally.keys)
        everywhere = tuple(range(len(tally.spans)))
        for row in self._rows.get(tally.of, ()):
            if tally.scopes is not None and row["scope"] not in tally.scopes:
                continue
            key = tuple(self._value(row, column) for column in tally.link)
            candidates = everywhere if keys is None else keys.get(key, ())
            if not candidates or None in key or not self._meets(row, tally.tests):
                continue
            if any(self._meets(row, tests) for tests in tally.unless):
                continue
            spans = [no for no in dict.fromkeys(candidates) if self._lies_in(row, tally, no)]
            if spans:
                yield row, key, spans

    def _lies_in(self, row: Row, tally: Tally, span: int) -> bool:
        if tally.when is None:
            return True
        first, last = tally.spans[span]
        return first <= str(self._value(row, tally.when) or "") <= last

    def _meets(self, row: Row, tests: Tests) -> bool:
        return all(meets_test(self._value(row, test.column), test) for test in tests)

    def _value(self, row: Row, column: Column) -> Value:
        if column.via is None:
            return clean(row.get(column.field))
        assert column.to is not None
        target = self._target(row, column.to, column.by, column.via)
        return None if target is None else clean(target.get(column.field))

    def _target(self, row: Row, to: str, by: str, via: str) -> Row | None:
        index = self._targets.get((to, by))
        if index is None:
            index = self._targets[to, by] = {}
            for each in self._rows.get(to, ()):
                key = (each["scope"], each["rec"]) if by == "rec" else (clean(each.get(by)),)
                index.setdefault(key, each)
        value = clean(row.get(via))
        if value is None:
            return None
        return index.get((row["scope"], value) if by == "rec" else (value,))

    def _aggregate(self, tally: Tally, rows: Sequence[Row]) -> Answer | None:
        return _AGGREGATES[tally.aggregate](tally, rows, self._value)


_DIGITS: Final = "0123456789"
_Read = Callable[[Row, Column], Value]


def _order(row: Row) -> tuple[Any, Any]:
    return (row["scope"], row["rec"])


def _record_key(row: Row) -> RecordKey:
    scope, rec = row["scope"], row["rec"]
    assert isinstance(scope, str)
    assert isinstance(rec, int | str)
    return (scope, rec)


def clean(value: Value) -> Value:
    """The value, None for empty text."""
    return None if value == "" else value


def _split(value: Value, column: Column) -> tuple[Value, ...]:
    if value is None:
        return ()
    return tuple(str(value).split("|")) if column.many else (value,)


def meets_test(value: Value, test: Test) -> bool:
    """Whether a value of the test's column meets it."""
    if test.op == "present":
        return value is not None
    if test.op == "absent":
        return value is None
    if test.op in ("in", "not_in"):
        among = any(each in test.values for each in _split(value, test.column))
        return among is (test.op == "in")
    if test.op == "begins":
        return isinstance(value, str) and any(_begins(value, str(each)) for each in test.values)
    bound: Any = test.values[0]
    if value is None:
        return False
    seen: Any = value
    return bool(seen >= bound if test.op == "at_least" else seen <= bound)


def _begins(value: str, start: str) -> bool:
    following = value[len(start) : len(start) + 1]
    number_goes_on = start[-1:] in _DIGITS and following in _DIGITS and following != ""
    return value.startswith(start) and not number_goes_on


def _count(tally: Tally, rows: Sequence[Row], read: _Read) -> Answer | None:
    return len(rows)


def _sum(tally: Tally, rows: Sequence[Row], read: _Read) -> Answer | None:
    assert tally.column is not None
    amounts = (int(read(row, tally.column) or 0) * tally.times for row in rows)
    return sum(amounts if tally.cap is None else (min(each, tally.cap) for each in amounts))


def _distinct(tally: Tally, rows: Sequence[Row], read: _Read) -> Answer | None:
    column = tally.column
    assert column is not None
    values = frozenset(each for row in rows for each in _split(read(row, column), column))
    return values or None


def _greatest(tally: Tally, rows: Sequence[Row], read: _Read) -> Answer | None:
    column = tally.column
    assert column is not None
    values = [each for row in rows for each in _split(read(row, column), column)]
    if tally.ranks:
        rank_of = dict(tally.ranks)
        ranks = (rank_of.get(str(each)) for each in values)
        return max((rank for rank in ranks if rank is not None), default=None)
    return max((int(each or 0) for each in values), default=None)


def _first(tally: Tally, rows: Sequence[Row], read: _Read) -> Answer | None:
    return min(_dates(tally, rows, read), default=None)


def _last(tally: Tally, rows: Sequence[Row], read: _Read) -> Answer | None:
    return max(_dates(tally, rows, read), default=None)


def _dates(tally: Tally, rows: Sequence[Row], read: _Read) -> list[str]:
    assert tally.column is not None
    return [str(day) for row in rows if (day := read(row, tally.column)) is not None]


def _periods(tally: Tally, rows: Sequence[Row], read: _Read) -> Answer | None:
    assert tally.column is not None
    found = []
    for row in rows:
        starts = read(row, tally.column)
        if starts is not None:
            ends = starts if tally.ends is None else read(row, tally.ends) or LAST_DAY
            found.append((str(starts), str(ends)))
    return tuple(sorted(found)) or None


_AGGREGATES: Mapping[str, Callable[[Tally, Sequence[Row], _Read], Answer | None]] = {
    "count": _count,
    "sum": _sum,
    "distinct": _distinct,
    "greatest": _greatest,
    "first": _first,
    "last": _last,
    "periods": _periods,
}
