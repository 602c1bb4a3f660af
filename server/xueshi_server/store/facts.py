"""The facts of a node's view for the rule engine: tallies answered in SQL, one pass a fact type.

Tallies of one type and link share a pass; those that name their link keys are looked up by index
instead. `SqlFacts` reads from one snapshot of the view until it is closed, and answers what
`RowFacts` answers for the same rows.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from sqlite3 import Connection
from typing import Any, Final

from xueshi_server.domain.rules.facts import (
    Answer,
    Answers,
    Column,
    Heard,
    Key,
    RecordKey,
    Row,
    Tally,
    Tests,
    Value,
)
from xueshi_server.store.facts_heard import read_heard, read_scopes
from xueshi_server.store.facts_sql import SCOPE_CODE, Expression, Query, usable
from xueshi_sync.node import Node
from xueshi_sync.schema import Schema
from xueshi_sync.sqlite_db import connect_reader

# SQLite takes 2,000 columns; statements of some hundred aggregates are still quick to prepare.
AGGREGATES_MAX: Final = 400
# With more keys than this one pass over the type costs less than a look-up for each.
KEYS_MAX: Final = 1000
# ... unless spans differ by subject: a pass computes every span for every record.
PASS_SPANS_MAX: Final = 16
_PassKey = tuple[Any, ...]


@dataclass
class SqlFacts:
    """Facts of one snapshot of a view. Make one with `open_facts`; close it."""

    db: Connection
    schema: Schema
    scopes: Mapping[int, str]
    heard: Heard
    scope_nos: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.scope_nos = {code: scope_no for scope_no, code in self.scopes.items()}
        self.db.row_factory = None
        self.db.create_function(SCOPE_CODE, 1, self.scopes.get, deterministic=True)
        self.db.execute("BEGIN")

    def close(self) -> None:
        """Give the snapshot up."""
        self.db.close()

    def __enter__(self) -> "SqlFacts":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def rows(
        self, of: str, tests: Tests = (), only: Collection[RecordKey] | None = None
    ) -> Sequence[Row]:
        """Records of a type that meet `tests`, ordered by school and number."""
        if of not in self.schema.by_name:
            return []
        query = self._query(of)
        where = [*query.alive(), *query.taking_part(tests, ())]
        names = [*query.table.field_names, "rec"]
        names += ["state", "credited"] if query.table.kind == "ledger" else []
        columns = ", ".join(f'f."{name}"' for name in names)
        source, ctes = query.source(), query.with_ctes()
        if only is not None:
            keys = {(self.scope_nos[scope], rec) for scope, rec in only if scope in self.scope_nos}
            ctes = query.with_ctes(_wanted(query, keys, "k0, k1"))
            source = f"w CROSS JOIN {source}"
            where += ["f.scope_no = w.k0", "f.rec = w.k1"]
        sql = f"{ctes}SELECT f.scope_no, {columns} FROM {source} WHERE {_all(where)}"
        found = [
            {"scope": self.scopes.get(scope_no, ""), **dict(zip(names, values, strict=True))}
            for scope_no, *values in map(tuple, self.db.execute(sql, query.params))
        ]
        return sorted(found, key=lambda row: (row["scope"], row["rec"]))

    def tally(self, tallies: Sequence[Tally]) -> Sequence[Answers]:
        """The answer to each tally, in order."""
        answers: list[list[dict[Key, Answer]]] = [[{} for _ in each.spans] for each in tallies]
        passes: dict[_PassKey, list[int]] = defaultdict(list)
        for no, tally in enumerate(tallies):
            if tally.of in self.schema.by_name and tally.spans and tally.keys != ():
                passes[_pass_of(tally)].append(no)
        for numbers in passes.values():
            first = tallies[numbers[0]]
            run = self._look_up if _is_looked_up(first) else self._run_pass
            size = 1 if _is_looked_up(first) else len(first.spans)
            for some in _chunks(numbers, max(1, AGGREGATES_MAX // size)):
                run([tallies[no] for no in some], [answers[no] for no in some])
        return answers

    def evidence(self, tally: Tally, key: Key, span: int) -> Sequence[RecordKey]:
        """The records behind one answer, ordered by date, school and number."""
        if tally.of not in self.schema.by_name:
            return []
        query = self._query(tally.of)
        where = [*query.alive(), *query.taking_part(tally.tests, tally.unless)]
        where.append(query.lies_in(tally.when, tally.spans[span]) or "1")
        for column, value in zip(tally.link, key, strict=True):
            seen = query.column(column)
            bound = self._local(seen, value)
            if bound is None:
                return []
            where.append(f"{seen.sql} = {query.bind(bound)}")
        sql = (
            f"SELECT f.scope_no, f.rec, {query.day(tally.when)} FROM {query.source()}"
            f" WHERE {_all(where)}"
        )
        found = self.db.execute(query.with_ctes() + sql, query.params)
        named = [(day, (self.scopes.get(scope_no, ""), rec)) for scope_no, rec, day in found]
        return [key for _, key in sorted(named)]

    # One pass for all keys

    def _run_pass(
        self, tallies: Sequence[Tally], answers: Sequence[list[dict[Key, Answer]]]
    ) -> None:
        query = self._query(tallies[0].of)
        link = [query.column(column) for column in tallies[0].link]
        shared = _shared_tests(tallies)
        where = [*query.alive(), *query.taking_part(shared, ()), *_present(link)]
        where += self._days_of_all(query, tallies)
        columns, places = [], []
        for no, tally in enumerate(tallies):
            own = tuple(test for test in tally.tests if test not in shared)
            tests = query.taking_part(own, tally.unless)
            for span, days in enumerate(tally.spans):
                inside = query.lies_in(tally.when, days)
                condition = _all([*tests, *([inside] if inside else [])])
                columns.append(query.aggregate(tally, condition))
                places.append((no, span))
        groups = [_grouped(each) for each in link]
        sql = f"SELECT {', '.join([*groups, *columns])} FROM {query.source()} WHERE {_all(where)}"
        if groups:
            sql += f" GROUP BY {', '.join(groups)}"
        rows = self.db.execute(query.with_ctes() + sql, query.params)
        wanted = [None if each.keys is None else dict(each.keys) for each in tallies]
        for row in rows:
            key = self._key(tallies[0].link, row)
            for (no, span), value in zip(places, tuple(row)[len(link) :], strict=True):
                if value is None or not _is_wanted(wanted[no], key, span):
                    continue
                answer = _answer(tallies[no], value)
                if answer is not None:
                    answers[no][span][key] = answer

    def _days_of_all(self, query: Query, tallies: Sequence[Tally]) -> list[str]:
        """The days that any span looks at, where all look at one date field."""
        when = tallies[0].when
        firsts = [first for each in tallies for first, _ in each.spans]
        if when is None or "" in firsts or any(each.when != when for each in tallies):
            return []
        lasts = [last for each in tallies for _, last in each.spans]
        inside = query.lies_in(when, (min(firsts), max(lasts)))
        return [inside] if inside else []

    # Look-ups of given keys

    def _look_up(
        self, tallies: Sequence[Tally], answers: Sequence[list[dict[Key, Answer]]]
    ) -> None:
        first = tallies[0]
        query = self._query(first.of)
        link = [query.column(column) for column in first.link]
        where = [*query.alive()]
        where += [f"{each.sql} = w.k{no}" for no, each in enumerate(link)]
        if first.when is not None:
            open_start = any(days[0] == "" for days in first.spans)
            day = query.day(first.when) if open_start else query.raw_day(first.when)
            where.append(f"{day} BETWEEN w.a AND w.b")
        columns = [
            query.aggregate(each, _all(query.taking_part(each.tests, each.unless)))
            for each in tallies
        ]
        names = ", ".join([*(f"k{no}" for no in range(len(link))), "s, a, b"])
        wanted = _wanted(query, self._local_keys(first, link), names)
        by_index = all(column.via is None for column in first.link)
        source = f"w {'CROSS ' if by_index else ''}JOIN {query.source()}"
        keys = [f"w.k{no}" for no in range(len(link))]
        sql = (
            f"SELECT {', '.join([*keys, 'w.s', *columns])} FROM {source}"
            f" WHERE {_all(where)} GROUP BY {', '.join([*keys, 'w.s'])}"
        )
        for row in self.db.execute(query.with_ctes(wanted) + sql, query.params):
            key, span = self._key(first.link, row), row[len(link)]
            for no, value in enumerate(tuple(row)[len(link) + 1 :]):
                answer = None if value is None else _answer(tallies[no], value)
                if answer is not None:
                    answers[no][span][key] = answer

    def _local_keys(self, tally: Tally, link: Sequence[Expression]) -> list[Sequence[Value]]:
        """Wanted keys as the view numbers them, with the number and days of each span."""
        found: list[Sequence[Value]] = []
        for key, spans in tally.keys or ():
            values = [self._local(seen, value) for seen, value in zip(link, key, strict=True)]
            if None not in values:
                found += [(*values, span, *tally.spans[span]) for span in sorted(set(spans))]
        return found

    # Pieces

    def _query(self, of: str) -> Query:
        return Query(self.schema, of, self.scope_nos)

    def _local(self, seen: Expression, value: Value) -> Value:
        """A link value as the view holds it; None where the column can hold no such value."""
        if seen.kind == "scope":
            return self.scope_nos.get(str(value))
        return next(iter(usable([value], seen.kind)), None)

    def _key(self, link: Sequence[Column], row: Sequence[Any]) -> Key:
        return tuple(
            self.scopes.get(row[no], "") if column.field == "scope" else row[no]
            for no, column in enumerate(link)
        )


def open_facts(node: Node) -> SqlFacts:
    """The facts of a node as of now, on a connection of their own."""
    scopes = read_scopes(node)
    return SqlFacts(connect_reader(node.paths.view), node.schema, scopes, read_heard(node, scopes))


def _wanted(query: Query, rows: Iterable[Sequence[Value]], names: str) -> str:
    """A table `w` of given rows."""
    count = names.count(",") + 1
    parts = ", ".join(f"json_extract(value, '$[{no}]')" for no in range(count))
    data = query.bind(json.dumps([list(row) for row in rows]))
    return f"w({names}) AS MATERIALIZED (SELECT {parts} FROM json_each({data}))"


def _pass_of(tally: Tally) -> _PassKey:
    if _is_looked_up(tally):
        return (tally.of, tally.link, tally.when, tally.spans, tally.keys)
    return (tally.of, tally.link)


def _is_looked_up(tally: Tally) -> bool:
    if tally.keys is None or not tally.link:
        return False
    return len(tally.keys) <= KEYS_MAX or len(tally.spans) > PASS_SPANS_MAX


def _chunks(numbers: Sequence[int], size: int) -> Iterable[Sequence[int]]:
    return (numbers[at : at + size] for at in range(0, len(numbers), size))


def _shared_tests(tallies: Sequence[Tally]) -> Tests:
    """Tests that every tally of a pass makes: they are made once, for the whole pass."""
    return tuple(
        test for test in tallies[0].tests if all(test in each.tests for each in tallies[1:])
    )


def _is_wanted(wanted: Mapping[Key, tuple[int, ...]] | None, key: Key, span: int) -> bool:
    return wanted is None or span in wanted.get(key, ())


def _all(conditions: Sequence[str]) -> str:
    return " AND ".join(f"({each})" for each in conditions) or "1"


def _grouped(seen: Expression) -> str:
    """A link column as it is grouped and compared: schools by their local number."""
    return seen.sql if seen.kind == "scope" else seen.clean


def _present(link: Sequence[Expression]) -> list[str]:
    return [f"{_grouped(each)} IS NOT NULL" for each in link]


def _answer(tally: Tally, value: Any) -> Answer | None:
    """An aggregate's value as an answer; None: nothing was found."""
    if tally.aggregate == "periods":
        return tuple(sorted((start, end) for start, end in json.loads(value))) or None
    if tally.aggregate == "distinct" or (tally.aggregate == "greatest" and _is_many(tally)):
        values = {part for each in json.loads(value) for part in _parts(tally, each)}
        if tally.aggregate == "distinct":
            return frozenset(values) or None
        ranks = dict(tally.ranks)
        numbers = (ranks.get(str(each)) if ranks else int(each or 0) for each in values)
        return max((each for each in numbers if each is not None), default=None)
    return value  # type: ignore[no-any-return]


def _is_many(tally: Tally) -> bool:
    return tally.column is not None and tally.column.many


def _parts(tally: Tally, value: Value) -> Sequence[Value]:
    return str(value).split("|") if _is_many(tally) else (value,)
