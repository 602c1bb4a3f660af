"""Columns, tests and aggregates of rule facts as SQL over the view's tables.

`SqlFacts` (facts.py) puts the pieces together. Values follow `domain.rules.facts`: empty text is no
value, and a value is never compared with one of another kind (SQLite would convert it).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from xueshi_server.domain.rules.facts import LAST_DAY, Column, Days, Tally, Test, Tests, Value
from xueshi_sync.schema import Schema, Table

Kind = Literal["text", "int", "scope", "none"]
_KINDS: Final[Mapping[str, Kind]] = {
    "text": "text",
    "date": "text",
    "int": "int",
    "bool": "int",
    "ref": "int",
}
_LEDGER: Final[Mapping[str, Kind]] = {"state": "text", "credited": "int"}
NOTHING: Final = "NULL"
# Registered on the connection: the code of a scope by its local number.
SCOPE_CODE: Final = "scope_code"


@dataclass(frozen=True, slots=True)
class Expression:
    """A column as SQL; `kind` none: this type has no such field, so it is never a value."""

    sql: str
    kind: Kind

    @property
    def clean(self) -> str:
        """With empty text as no value, schools by code."""
        if self.kind == "text":
            return f"nullif({self.sql}, '')"
        return f"{SCOPE_CODE}({self.sql})" if self.kind == "scope" else self.sql


@dataclass
class Query:
    """One statement over a fact type, being put together; `f` is the fact's row."""

    schema: Schema
    of: str
    scope_nos: Mapping[str, int]
    params: dict[str, object] = field(default_factory=dict)
    _bound: dict[tuple[type, object], str] = field(default_factory=dict)
    _joined: dict[tuple[str, str, str], str] = field(default_factory=dict)
    joins: list[str] = field(default_factory=list)
    ctes: list[str] = field(default_factory=list)

    @property
    def table(self) -> Table:
        """Declaration of the fact type."""
        return self.schema.by_name[self.of]

    def bind(self, value: object) -> str:
        """A named parameter with that value."""
        key = (type(value), value)
        if key not in self._bound:
            name = f"p{len(self.params)}"
            self.params[name] = value
            self._bound[key] = f":{name}"
        return self._bound[key]

    def column(self, column: Column) -> Expression:
        """A field of the fact, or of the record that it points to."""
        if column.via is None:
            return plain("f", self.table, column.field)
        target = self.schema.by_name.get(column.to or "")
        if target is None:
            return Expression(NOTHING, "none")
        alias = self._join(target, column)
        return Expression(NOTHING, "none") if alias is None else plain(alias, target, column.field)

    def _join(self, target: Table, column: Column) -> str | None:
        via = plain("f", self.table, column.via or "")
        by = Expression(NOTHING, "int") if column.by == "rec" else plain("t", target, column.by)
        if via.kind == "none" or by.kind == "none" or via.kind != by.kind:
            return None
        place = (column.via or "", target.name, column.by)
        alias = self._joined.get(place)
        if alias is None:
            alias = self._joined[place] = f"t{len(self._joined)}"
            if column.by == "rec":
                self.joins.append(
                    f'LEFT JOIN "{target.name}" {alias} ON {alias}.scope_no = f.scope_no'
                    f" AND {alias}.rec = {via.sql}{_alive(alias, target)}"
                )
            else:
                self._join_by_key(target, by, via, alias)
        return alias

    def _join_by_key(self, target: Table, by: Expression, via: Expression, alias: str) -> None:
        """The first record with that value of its key, by school and number."""
        self.ctes.append(
            f"{alias}_all AS MATERIALIZED (SELECT t.*, {by.clean} AS by_key, row_number() OVER"
            f" (PARTITION BY {by.clean} ORDER BY {SCOPE_CODE}(t.scope_no), t.rec) AS turn"
            f' FROM "{target.name}" t WHERE {by.clean} IS NOT NULL{_alive("t", target)})'
        )
        self.joins.append(
            f"LEFT JOIN {alias}_all {alias} ON {alias}.by_key = {via.clean} AND {alias}.turn = 1"
        )

    def meets(self, tests: Iterable[Test]) -> str:
        """A condition that all tests hold; may be NULL where it does not."""
        return " AND ".join(self._test(each) for each in tests) or "1"

    def taking_part(self, tests: Tests, unless: tuple[Tests, ...]) -> list[str]:
        """Conditions under which a record takes part in a tally."""
        found = [self._test(each) for each in tests]
        return found + [f"NOT coalesce({self.meets(each)}, 0)" for each in unless]

    def _test(self, test: Test) -> str:
        seen = self.column(test.column)
        if test.op in ("in", "not_in"):
            among = self._among(seen, test)
            return among if test.op == "in" else f"NOT coalesce({among}, 0)"
        if test.op == "present":
            return f"{seen.sql} <> ''" if seen.kind == "text" else f"{seen.sql} IS NOT NULL"
        if test.op == "absent":
            return (
                f"coalesce({seen.sql}, '') = ''" if seen.kind == "text" else f"{seen.sql} IS NULL"
            )
        if test.op == "begins":
            return self._begins(seen, test)
        bounds = usable(test.values[:1], seen.kind)
        if not bounds:
            return "0"
        sign = ">=" if test.op == "at_least" else "<="
        sql = f"{seen.clean if seen.kind == 'scope' else seen.sql} {sign} {self.bind(bounds[0])}"
        return f"({sql} AND {seen.sql} <> '')" if seen.kind == "text" else sql

    def _begins(self, seen: Expression, test: Test) -> str:
        if seen.kind != "text":
            return "0"
        found = []
        for each in map(str, test.values):
            sql = f"substr({seen.sql}, 1, {len(each)}) = {self.bind(each)}"
            if each[-1:] in "0123456789":
                sql += f" AND substr({seen.sql}, {len(each) + 1}, 1) NOT GLOB '[0-9]'"
            found.append(f"({sql})")
        return f"({' OR '.join(found)})"

    def _among(self, seen: Expression, test: Test) -> str:
        if seen.kind == "scope":
            codes = usable(test.values, seen.kind)
            numbers = [self.scope_nos[str(each)] for each in codes if each in self.scope_nos]
            return f"{seen.sql} IN ({', '.join(map(str, sorted(numbers)))})" if numbers else "0"
        values = usable(test.values, seen.kind)
        if test.column.many:
            parts = [each for each in test.values if isinstance(each, str) and "|" not in each]
            found = (f"instr('|' || {seen.sql} || '|', {self.bind(f'|{each}|')})" for each in parts)
            tried = [each for each in found if seen.kind == "text"]
            return f"(({' OR '.join(tried)}) AND {seen.sql} <> '')" if tried else "0"
        if not values:
            return "0"
        if len(values) == 1:
            return f"{seen.sql} = {self.bind(values[0])}"
        return f"{seen.sql} IN ({', '.join(self.bind(each) for each in values)})"

    def lies_in(self, when: Column | None, days: Days) -> str | None:
        """That the record's date lies in the span; None where every record does."""
        if when is None:
            return None
        first, last = days
        sql = self.raw_day(when)
        if first == "":
            return f"coalesce({sql}, '') <= {self.bind(last)}"
        return f"{sql} BETWEEN {self.bind(first)} AND {self.bind(last)}"

    def raw_day(self, when: Column) -> str:
        """The record's date, NULL where it has none."""
        seen = self.column(when)
        return f"CAST({seen.clean} AS TEXT)" if seen.kind in ("int", "scope") else seen.sql

    def day(self, when: Column | None) -> str:
        """The record's date, empty text where it has none."""
        return "''" if when is None else f"coalesce({self.raw_day(when)}, '')"

    def aggregate(self, tally: Tally, condition: str) -> str:
        """The aggregate of a tally over the records that meet `condition`; NULL: none did."""
        if tally.aggregate == "count":
            return f"sum(CASE WHEN {condition} THEN 1 END)"
        assert tally.column is not None
        seen = self.column(tally.column)
        if tally.aggregate == "sum":
            return f"sum(CASE WHEN {condition} THEN {self._amount(tally, seen)} END)"
        if tally.aggregate in ("first", "last"):
            pick = "min" if tally.aggregate == "first" else "max"
            return f"{pick}(CASE WHEN {condition} THEN {self._text(seen)} END)"
        if tally.aggregate == "periods":
            return self._periods(tally, seen, condition)
        if tally.aggregate == "greatest" and not tally.column.many:
            value = self._rank(tally, seen) if tally.ranks else _number(seen)
            return f"max(CASE WHEN {condition} THEN {value} END)"
        # Spread values of `many` columns are split, and their ranks found, in Python.
        return (
            f"json_group_array(DISTINCT {seen.clean})"
            f" FILTER (WHERE {condition} AND {seen.clean} IS NOT NULL)"
        )

    def _amount(self, tally: Tally, seen: Expression) -> str:
        amount = f"coalesce({_number(seen)}, 0)"
        if tally.times != 1:
            amount = f"{amount} * {int(tally.times)}"
        return amount if tally.cap is None else f"min({amount}, {int(tally.cap)})"

    def _text(self, seen: Expression) -> str:
        return f"CAST({seen.clean} AS TEXT)" if seen.kind != "none" else NOTHING

    def _rank(self, tally: Tally, seen: Expression) -> str:
        cases = " ".join(f"WHEN {self.bind(value)} THEN {int(rank)}" for value, rank in tally.ranks)
        return f"CASE {self._text(seen)} {cases} END"

    def _periods(self, tally: Tally, seen: Expression, condition: str) -> str:
        starts = self._text(seen)
        ends = starts
        if tally.ends is not None:
            ends = f"coalesce({self._text(self.column(tally.ends))}, '{LAST_DAY}')"
        return (
            f"json_group_array(json_array({starts}, {ends}))"
            f" FILTER (WHERE {condition} AND {starts} IS NOT NULL)"
        )

    def source(self) -> str:
        """The table with its joins."""
        return " ".join((f'"{self.of}" f', *self.joins))

    def alive(self) -> list[str]:
        """That the record is not deleted."""
        return ["NOT f.deleted"] if self.table.kind == "register" else []

    def with_ctes(self, *more: str) -> str:
        """The WITH clause of the statement, if it needs one."""
        every = (*self.ctes, *more)
        return f"WITH {', '.join(every)} " if every else ""


def plain(alias: str, table: Table, name: str) -> Expression:
    """A field of a row of a table."""
    if name == "scope":
        return Expression(f"{alias}.scope_no", "scope")
    if name == "rec":
        return Expression(f"{alias}.rec", "int")
    if name in table.field_types:
        kind = _KINDS.get(table.field_types[name], "none")
        return Expression(f'{alias}."{name}"' if kind != "none" else NOTHING, kind)
    if table.kind == "ledger" and name in _LEDGER:
        return Expression(f"{alias}.{name}", _LEDGER[name])
    return Expression(NOTHING, "none")


def _alive(alias: str, table: Table) -> str:
    return f" AND NOT {alias}.deleted" if table.kind == "register" else ""


def _number(seen: Expression) -> str:
    return seen.sql if seen.kind == "int" else f"CAST({seen.clean} AS INTEGER)"


def usable(values: Sequence[Value], kind: Kind) -> list[str | int]:
    """The values that a column of a kind can be equal to."""
    if kind in ("text", "scope"):
        return [each for each in values if isinstance(each, str) and each != ""]
    return [int(each) for each in values if isinstance(each, int)] if kind == "int" else []
