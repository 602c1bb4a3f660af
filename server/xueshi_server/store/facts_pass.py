"""The two ways in which tallies are asked: one pass for all keys, or look-ups of given ones."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from sqlite3 import Connection
from typing import Any

from xueshi_server.domain.rules.facts import Answer, Column, Key, Tally, Tests, Value
from xueshi_server.store.facts_cache import Part
from xueshi_server.store.facts_sql import Expression, Query, usable
from xueshi_sync.schema import Schema


@dataclass(frozen=True, slots=True)
class Reader:
    """Where facts are read: the view's tables, and the codes of the scopes in them."""

    db: Connection
    schema: Schema
    scopes: Mapping[int, str]
    scope_nos: Mapping[str, int]

    def query(self, of: str) -> Query:
        """An empty statement over a type."""
        return Query(self.schema, of, self.scope_nos)

    def local(self, seen: Expression, value: Value) -> Value:
        """A link value as the view holds it; None where the column can hold no such value."""
        if seen.kind == "scope":
            return self.scope_nos.get(str(value))
        return next(iter(usable([value], seen.kind)), None)

    def key(self, link: Sequence[Column], values: Sequence[Any]) -> Key:
        """A link key out of the columns of a row."""
        return tuple(
            self.scopes.get(value, "") if column.field == "scope" else value
            for column, value in zip(link, values, strict=True)
        )


def run_pass(
    reader: Reader, tallies: Sequence[Tally], scope_nos: Collection[int] | None = None
) -> list[dict[int, Part]]:
    """Each tally's part of every school (of `scope_nos` only, if given) that has records.

    The tallies are of one type and link.
    """
    query = reader.query(tallies[0].of)
    link = [query.column(column) for column in tallies[0].link]
    shared = _shared_tests(tallies)
    where = [*query.alive(), *query.taking_part(shared, ())]
    where += [f"{grouped(each)} IS NOT NULL" for each in link]
    where += _days_of_all(query, tallies)
    if scope_nos is not None:
        where.append(f"f.scope_no IN ({', '.join(map(str, sorted(scope_nos)))})")
    columns, places = [], []
    for no, tally in enumerate(tallies):
        own = tuple(test for test in tally.tests if test not in shared)
        tests = query.taking_part(own, tally.unless)
        for span, days in enumerate(tally.spans):
            inside = query.lies_in(tally.when, days)
            condition = all_of([*([inside] if inside else []), *tests])
            columns.append(query.aggregate(tally, condition))
            places.append((no, span))
    groups = ["f.scope_no", *(grouped(each) for each in link)]
    sql = (
        f"SELECT {', '.join([*groups, *columns])} FROM {query.source()} WHERE {all_of(where)}"
        f" GROUP BY {', '.join(dict.fromkeys(groups))}"
    )
    parts: list[dict[int, list[dict[Key, Answer]]]] = [{} for _ in tallies]
    for row in reader.db.execute(query.with_ctes() + sql, query.params):
        key = reader.key(tallies[0].link, row[1 : len(groups)])
        for (no, span), value in zip(places, row[len(groups) :], strict=True):
            answer = None if value is None else _answer(tallies[no], value)
            if answer is not None:
                empty: list[dict[Key, Answer]] = [{} for _ in tallies[no].spans]
                parts[no].setdefault(row[0], empty)[span][key] = answer
    return [dict(each) for each in parts]


def look_up(
    reader: Reader,
    tallies: Sequence[Tally],
    keys: Iterable[tuple[Key, tuple[int, ...]]],
) -> list[dict[tuple[Key, int], Answer]]:
    """Each tally's answers for given keys, by key and span.

    The tallies are of one type, link, date field and list of spans.
    """
    first = tallies[0]
    query = reader.query(first.of)
    link = [query.column(column) for column in first.link]
    where = [*query.alive()]
    where += [f"{each.sql} = w.k{no}" for no, each in enumerate(link)]
    if first.when is not None:
        open_start = any(days[0] == "" for days in first.spans)
        day = query.day(first.when) if open_start else query.raw_day(first.when)
        where.append(f"{day} BETWEEN w.a AND w.b")
    columns = [
        query.aggregate(each, all_of(query.taking_part(each.tests, each.unless)))
        for each in tallies
    ]
    names = ", ".join([*(f"k{no}" for no in range(len(link))), "s, a, b"])
    wanted = wanted_rows(query, _local_keys(reader, first, link, keys), names)
    # Left to itself SQLite may walk the facts; the keys are few and the link has an index.
    by_index = all(column.via is None for column in first.link)
    source = f"w {'CROSS ' if by_index else ''}JOIN {query.source()}"
    groups = [*(f"w.k{no}" for no in range(len(link))), "w.s"]
    sql = (
        f"SELECT {', '.join([*groups, *columns])} FROM {source}"
        f" WHERE {all_of(where)} GROUP BY {', '.join(groups)}"
    )
    found: list[dict[tuple[Key, int], Answer]] = [{} for _ in tallies]
    for row in reader.db.execute(query.with_ctes(wanted) + sql, query.params):
        place = (reader.key(first.link, row[: len(link)]), row[len(link)])
        for no, value in enumerate(row[len(groups) :]):
            answer = None if value is None else _answer(tallies[no], value)
            if answer is not None:
                found[no][place] = answer
    return found


def wanted_rows(query: Query, rows: Iterable[Sequence[Value]], names: str) -> str:
    """A table `w` of given rows."""
    count = names.count(",") + 1
    parts = ", ".join(f"json_extract(value, '$[{no}]')" for no in range(count))
    data = query.bind(json.dumps([list(row) for row in rows]))
    return f"w({names}) AS MATERIALIZED (SELECT {parts} FROM json_each({data}))"


def all_of(conditions: Sequence[str]) -> str:
    """That all conditions hold."""
    return " AND ".join(f"({each})" for each in conditions) or "1"


def grouped(seen: Expression) -> str:
    """A link column as it is grouped: schools by their local number."""
    return seen.sql if seen.kind == "scope" else seen.clean


def _local_keys(
    reader: Reader,
    tally: Tally,
    link: Sequence[Expression],
    keys: Iterable[tuple[Key, tuple[int, ...]]],
) -> list[Sequence[Value]]:
    """Wanted keys as the view numbers them, with the number and days of each span."""
    found: list[Sequence[Value]] = []
    for key, spans in keys:
        values = [reader.local(seen, value) for seen, value in zip(link, key, strict=True)]
        if None not in values:
            found += [(*values, span, *tally.spans[span]) for span in sorted(set(spans))]
    return found


def _days_of_all(query: Query, tallies: Sequence[Tally]) -> list[str]:
    """The days that any span looks at, where all look at one date field."""
    when = tallies[0].when
    firsts = [first for each in tallies for first, _ in each.spans]
    if when is None or "" in firsts or any(each.when != when for each in tallies):
        return []
    lasts = [last for each in tallies for _, last in each.spans]
    inside = query.lies_in(when, (min(firsts), max(lasts)))
    return [inside] if inside else []


def _shared_tests(tallies: Sequence[Tally]) -> Tests:
    """Tests that every tally of a pass makes: they are made once, for the whole pass."""
    return tuple(
        test for test in tallies[0].tests if all(test in each.tests for each in tallies[1:])
    )


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
