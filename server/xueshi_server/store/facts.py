"""The facts of a node's view for the rule engine: tallies answered in SQL, one pass a fact type.

Tallies of one type and link share a pass; those that name their link keys are looked up by index
instead. `SqlFacts` reads from one snapshot of the view until it is closed, and answers what
`RowFacts` answers for the same rows. Who stands in several rosters is told as one
person (`Joined`).
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from sqlite3 import Connection
from typing import Any, Final
from weakref import WeakKeyDictionary

from xueshi_server.domain.packs.model import RecordType
from xueshi_server.domain.rules.facts import (
    Answer,
    Answers,
    Column,
    Days,
    Heard,
    Key,
    RecordKey,
    Row,
    Tally,
    Tests,
    Value,
)
from xueshi_server.domain.rules.joined import Joined
from xueshi_server.node_clock import today_of
from xueshi_server.store.facts_cache import Found, Part, TallyCache, combine, depends_on_others
from xueshi_server.store.facts_heard import read_heard, read_scopes
from xueshi_server.store.facts_pass import Reader, all_of, look_up, run_pass, wanted_rows
from xueshi_server.store.facts_sql import SCOPE_CODE, Query
from xueshi_server.store.former_numbers import (
    names_by_number,
    read_by_numbers_of_today,
    read_renamed,
)
from xueshi_server.store.packs import find_active
from xueshi_server.store.person_links import People, read_people
from xueshi_sync.node import Node
from xueshi_sync.schema import Schema
from xueshi_sync.sqlite_db import connect_reader
from xueshi_sync.sqlite_feeds import SqliteFeeds

SCOPE: Final = Column("scope")
PERSON: Final = "person"
HOUR: Final = "hour"
# SQLite takes 2,000 columns; statements of some hundred aggregates are still quick to prepare.
AGGREGATES_MAX: Final = 400
# With more keys than this one pass over the type costs less than a look-up for each.
KEYS_MAX: Final = 1000
# ... unless spans differ by subject: a pass computes every span for every record.
PASS_SPANS_MAX: Final = 16
# By the open store, so that it goes with the node.
_KEPT: Final[WeakKeyDictionary[SqliteFeeds, TallyCache]] = WeakKeyDictionary()
_PassKey = tuple[Any, ...]


@dataclass
class SqlFacts:
    """Facts of one snapshot of a view. Make one with `open_facts`; close it."""

    db: Connection
    schema: Schema
    scopes: Mapping[int, str]
    heard: Heard
    cache: TallyCache = field(default_factory=TallyCache)
    # What people were called before: answers hold as long as nobody else is called anew.
    renamed: Mapping[str, str] = field(default_factory=dict)
    joined: Joined = field(default_factory=Joined)
    # Records that this connection does not see.
    left_out: object = None
    scope_nos: Mapping[str, int] = field(init=False)
    positions: Mapping[int, int] = field(init=False)
    reader: Reader = field(init=False)
    world: object = field(init=False)

    def __post_init__(self) -> None:
        self.scope_nos = {code: scope_no for scope_no, code in self.scopes.items()}
        self.reader = Reader(self.db, self.schema, self.scopes, self.scope_nos)
        self.db.row_factory = None
        self.db.create_function(SCOPE_CODE, 1, self.scopes.get, deterministic=True)
        self.db.execute("BEGIN")
        marks = dict(self.db.execute("SELECT scope_no, pos FROM watermark").fetchall())
        self.positions = {scope_no: marks.get(scope_no, 0) for scope_no in self.scopes}
        # Says for which schema and which identity of the node the view was built.
        built_for = self.db.execute("PRAGMA user_version").fetchone()[0]
        renamed = tuple(sorted(self.renamed.items()))
        self.world = (built_for, self.schema.tables, renamed, repr(self.left_out))

    def close(self) -> None:
        """Give the snapshot up."""
        self.db.close()

    def __enter__(self) -> "SqlFacts":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def judged_world(self) -> object:
        """What results hold under: answers of schools hold whoever is one person."""
        joined = self.joined
        marks = (tuple(sorted(each.items())) for each in (joined.ends, joined.firsts))
        return (self.world, joined.groups, *marks)

    @property
    def standing(self) -> Mapping[str, object]:
        """For every school the watermark of its records, and of the others of its people."""
        marks = {code: self.positions[scope_no] for scope_no, code in self.scopes.items()}
        return self.joined.standing(marks)

    def digest(self, of: str, scope: str) -> object:
        """A hash of the records of a type in a school."""
        scope_no = self.scope_nos.get(scope)
        if scope_no is None or of not in self.schema.by_name:
            return None
        position = self.positions[scope_no]
        with self.cache.lock:
            self.cache.enter(self.world, self.scopes)
            return self.cache.digest(of, scope_no, position, lambda: self._hash(of, scope_no))

    def _hash(self, of: str, scope_no: int) -> int | None:
        sql = f'SELECT * FROM "{of}" WHERE scope_no = ? ORDER BY rec'
        found = tuple(self.db.execute(sql, [scope_no]))
        return hash(found) if found else None

    def rows(
        self, of: str, tests: Tests = (), only: Collection[RecordKey] | None = None
    ) -> Sequence[Row]:
        """Records of a type that meet `tests`, ordered by school and number."""
        if of not in self.schema.by_name:
            return []
        query = self.reader.query(of)
        where = [*query.alive(), *query.taking_part(tests, ())]
        names = [*query.table.field_names, "rec"]
        names += ["state", "credited"] if query.table.kind == "ledger" else []
        columns = ", ".join(f'f."{name}"' for name in names)
        source, ctes = query.source(), query.with_ctes()
        if only is not None:
            keys = {(self.scope_nos[scope], rec) for scope, rec in only if scope in self.scope_nos}
            ctes = query.with_ctes(wanted_rows(query, keys, "k0, k1"))
            source = f"w CROSS JOIN {source}"
            where += ["f.scope_no = w.k0", "f.rec = w.k1"]
        elif owned := _owned_rows(query, tests):
            ctes = query.with_ctes(owned)
            source = f"w CROSS JOIN {source}"
            where += ["f.scope_no = w.k0", "f.rec = w.k1"]
        sql = f"{ctes}SELECT f.scope_no, {columns} FROM {source} WHERE {all_of(where)}"
        found = [
            {"scope": self.scopes.get(scope_no, ""), **dict(zip(names, values, strict=True))}
            for scope_no, *values in map(tuple, self.db.execute(sql, query.params))
        ]
        found.sort(key=lambda row: (row["scope"], row["rec"]))
        return self.joined.people(found) if of == PERSON and only is None else found

    def tally(self, tallies: Sequence[Tally]) -> Sequence[Answers]:
        """The answer to each tally, in order."""
        return self.joined.tally(tallies, self._tally)

    def _tally(self, tallies: Sequence[Tally]) -> Sequence[Answers]:
        answers: list[list[dict[Key, Answer]]] = [[{} for _ in each.spans] for each in tallies]
        passes: dict[_PassKey, list[int]] = defaultdict(list)
        for no, tally in enumerate(tallies):
            if tally.of in self.schema.by_name and tally.spans and tally.keys != ():
                passes[_pass_of(tally)].append(no)
        with self.cache.lock:
            # Another thread may have looked at another world meanwhile.
            self.cache.enter(self.world, self.scopes)
            for numbers in passes.values():
                first = tallies[numbers[0]]
                ask = self._look_up if _is_looked_up(first) else self._pass
                size = 1 if _is_looked_up(first) else len(first.spans)
                for some in _chunks(numbers, max(1, AGGREGATES_MAX // size)):
                    found = ask([tallies[no] for no in some])
                    for no, answer in zip(some, found, strict=True):
                        answers[no] = answer
        return answers

    def evidence(self, tally: Tally, key: Key, span: int) -> Sequence[RecordKey]:
        """The records behind one answer, ordered by date, school and number."""
        if tally.of not in self.schema.by_name:
            return []
        named = [
            pair
            for each in self.joined.keys(tally, key)
            for pair in self._behind(tally, each, span)
        ]
        return [record for _, record in sorted(named)]

    def _behind(self, tally: Tally, key: Key, span: int) -> list[tuple[str, RecordKey]]:
        query = self.reader.query(tally.of)
        where = [*query.alive(), *query.taking_part(tally.tests, tally.unless)]
        where.append(query.lies_in(tally.when, tally.spans[span]) or "1")
        for column, value in zip(tally.link, key, strict=True):
            seen = query.column(column)
            bound = self.reader.local(seen, value)
            if bound is None:
                return []
            where.append(f"{seen.sql} = {query.bind(bound)}")
        sql = (
            f"SELECT f.scope_no, f.rec, {query.day(tally.when)} FROM {query.source()}"
            f" WHERE {all_of(where)}"
        )
        found = self.db.execute(query.with_ctes() + sql, query.params)
        return [(day, (self.scopes.get(scope_no, ""), rec)) for scope_no, rec, day in found]

    def _pass(self, tallies: Sequence[Tally]) -> list[list[dict[Key, Answer]]]:
        """One pass for all keys, over the schools whose parts are not known."""
        scopes = tallies[0].scopes
        positions = self.positions
        if scopes is not None:
            numbers = [self.scope_nos[each] for each in scopes if each in self.scope_nos]
            positions = {scope_no: self.positions[scope_no] for scope_no in numbers}
        if depends_on_others(tallies[0]):
            every = run_pass(self.reader, tallies, None if scopes is None else positions)
            return [
                combine(each, parts.values()) for each, parts in zip(tallies, every, strict=True)
            ]
        stale = set().union(*(self.cache.stale(each, positions) for each in tallies))
        if stale:
            everywhere = len(stale) == len(self.positions)
            parts = run_pass(self.reader, tallies, None if everywhere else stale)
            for tally, found in zip(tallies, parts, strict=True):
                nothing: Part = [{} for _ in tally.spans]
                for scope_no in stale:
                    part = found.get(scope_no, nothing)
                    self.cache.put(tally, scope_no, self.positions[scope_no], part)
        return [combine(each, self.cache.parts(each, positions)) for each in tallies]

    def _look_up(self, tallies: Sequence[Tally]) -> list[list[dict[Key, Answer]]]:
        """Look-ups of given keys, of those that are not known."""
        first = tallies[0]
        keys = first.keys or ()
        kept = [self._kept(each) for each in tallies]
        missing = [
            (key, spans)
            for key, spans in keys
            if not all(_knows(each, key, [first.spans[no] for no in spans]) for each in kept)
        ]
        found = look_up(self.reader, tallies, missing) if missing else [{} for _ in tallies]
        answers: list[list[dict[Key, Answer]]] = []
        for tally, known, new in zip(tallies, kept, found, strict=True):
            for key, spans in missing:
                for no in spans:
                    known(key)[key, tally.spans[no]] = new.get((key, no))
            answer: list[dict[Key, Answer]] = [{} for _ in tally.spans]
            for key, spans in keys:
                for no in spans:
                    value = known(key)[key, tally.spans[no]]
                    if value is not None:
                        answer[no][key] = value
            answers.append(answer)
        return answers

    def _kept(self, tally: Tally) -> Callable[[Key], Found]:
        """Where answers of a tally are kept: by school where the link names it, else for now."""
        place = next((no for no, column in enumerate(tally.link) if column == SCOPE), None)
        for_now: Found = {}
        if place is None or depends_on_others(tally):
            return lambda key: for_now
        by_scope: dict[Value, Found] = {}

        def find(key: Key) -> Found:
            code = key[place]
            if code not in by_scope:
                scope_no = self.scope_nos.get(str(code))
                by_scope[code] = (
                    for_now
                    if scope_no is None
                    else self.cache.found(tally, scope_no, self.positions[scope_no])
                )
            return by_scope[code]

        return find


def open_facts(node: Node, cache: TallyCache | None = None) -> SqlFacts:
    """The facts of a node as of now, on a connection of their own.

    What is worked out is kept as long as the node is open, unless a `cache` of its own is given:
    only those schools are read again that changed since.
    """
    scopes = read_scopes(node)
    heard = read_heard(node, scopes)
    db = connect_reader(node.paths.view)
    kept = cache or _KEPT.setdefault(node.feeds, TallyCache())
    people = read_people(node)
    renamed = read_renamed(db, node.schema)
    left_out = _left_out(people)
    joined = Joined()
    if renamed or people.groups or left_out:
        types = find_active(node, today_of(node)).pack.types
        if people.groups and names_by_number(types, node.schema):
            renamed = read_renamed(db, node.schema, people.groups)
        read_by_numbers_of_today(db, types, node.schema, renamed, without=left_out)
        joined = _joined(people, types, scopes)
    return SqlFacts(db, node.schema, scopes, heard, kept, renamed, joined, left_out)


def _left_out(people: People) -> dict[str, list[tuple[int, int]]]:
    """Hours that count once though two schools entered them."""
    without = sorted((left.scope_no, left.rec) for _, left in people.doubled)
    return {HOUR: without} if without else {}


def _joined(people: People, types: Mapping[str, RecordType], scopes: Mapping[int, str]) -> Joined:
    """Who is one person, as rules name people."""
    if not people.groups:
        return Joined()
    refs = {
        of: [each.id for each in declared.field if each.type == "ref" and each.to == PERSON]
        for of, declared in types.items()
    }
    return Joined.of(
        [
            [((scopes[key.scope_no], key.rec), people.since.get(key, "")) for key in group]
            for group in people.groups
        ],
        refs,
    )


def _owned_rows(query: Query, tests: Tests) -> str | None:
    """A table `w` of the records of a school that an index finds by what they belong to.

    Said as a query of its own, which the index answers alone: SQLite has no statistics here and
    would rather read all records of the school.
    """
    indexed = {columns[0] for columns in query.table.indexes}
    plain = [each for each in tests if each.op == "in" and each.column.via is None]
    places = [each for each in plain if each.column.field == "scope"]
    owners = [each for each in plain if each.column.field in indexed and not each.column.many]
    owners = [each for each in owners if each.column.field != "state"]
    if not (places and owners):
        return None
    return (
        f'w(k0, k1) AS MATERIALIZED (SELECT f.scope_no, f.rec FROM "{query.of}" f'
        f" WHERE {query.meets([places[0], owners[0]])})"
    )


def _pass_of(tally: Tally) -> _PassKey:
    if _is_looked_up(tally):
        return (tally.of, tally.link, tally.when, tally.spans, tally.keys)
    return (tally.of, tally.link, depends_on_others(tally), tally.scopes)


def _is_looked_up(tally: Tally) -> bool:
    if tally.keys is None or not tally.link:
        return False
    return len(tally.keys) <= KEYS_MAX or len(tally.spans) > PASS_SPANS_MAX


def _chunks(numbers: Sequence[int], size: int) -> Iterable[Sequence[int]]:
    return (numbers[at : at + size] for at in range(0, len(numbers), size))


def _knows(kept: Callable[[Key], Found], key: Key, spans: Iterable[Days]) -> bool:
    known = kept(key)
    return all((key, days) in known for days in spans)
