"""How many records there are and what they come to, school by school, counted once a change.

A school's part stands as long as its watermark in the view does, as the parts of tallies do
(`facts_cache`): a page that shows totals reads no record where nothing changed since.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

from xueshi_server.store.person_links import read_people
from xueshi_sync.node import Node
from xueshi_sync.sqlite_feeds import SqliteFeeds

T = TypeVar("T")
# The half year whose records give a school its rhythm.
LATELY_S: Final = 182 * 86400
# What a part is of: the type, and what of it.
_Part = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class SchoolTotals:
    """What the hours of one school come to, in minutes, when the last one was entered, and how many
    were in the half year up to it."""

    records: int
    credited: int
    pending: int
    pending_count: int
    last_entered: int | None
    lately: int


@dataclass
class _Kept:
    lock: Lock = field(default_factory=Lock)
    parts: dict[_Part, tuple[object, Any]] = field(default_factory=dict)


# By the open store, so that it goes with the node.
_KEPT: Final[WeakKeyDictionary[SqliteFeeds, _Kept]] = WeakKeyDictionary()


def count_states(node: Node, of: str) -> dict[str, int]:
    """State to number of records of a ledger type."""

    def count(scope_no: int) -> list[tuple[str, int]]:
        sql = f'SELECT state, count(*) FROM "{of}" WHERE scope_no = ? GROUP BY state'
        return [(str(state), int(number)) for state, number in node.query(sql, [scope_no])]

    found: dict[str, int] = {}
    for part in by_school(node, of, "states", count).values():
        for state, number in part:
            found[state] = found.get(state, 0) + number
    return found


def count_alive(node: Node, of: str) -> int:
    """The records of a register type that are not deleted."""

    def count(scope_no: int) -> int:
        sql = f'SELECT count(*) FROM "{of}" WHERE scope_no = ? AND NOT deleted'
        return int(node.query(sql, [scope_no])[0][0])

    return sum(by_school(node, of, "alive", count).values())


def people_by_school(node: Node) -> dict[int, int]:
    """Scope to how many people are on its roll."""
    sql = "SELECT count(*) FROM person WHERE scope_no = ? AND NOT deleted AND coalesce(active, 1)"
    return by_school(node, "person", "active", lambda each: int(node.query(sql, [each])[0][0]))


def hours_by_school(node: Node) -> dict[int, SchoolTotals]:
    """Scope to what its hours come to."""
    sql = """
        SELECT count(*), coalesce(sum(credited), 0),
          coalesce(sum(iif(state = 'pending', minutes, 0)), 0), coalesce(sum(state = 'pending'), 0)
        FROM hour WHERE scope_no = ?"""
    newest_of = "SELECT max(entered_at) FROM hour WHERE scope_no = ?"
    after = "SELECT count(*) FROM hour WHERE scope_no = ? AND entered_at > ?"

    def add_up(scope_no: int) -> SchoolTotals:
        records, credited, pending, pending_count = node.query(sql, [scope_no])[0]
        last = node.query(newest_of, [scope_no])[0][0]
        lately = node.query(after, [scope_no, (last or 0) - LATELY_S])[0][0]
        return SchoolTotals(records, credited, pending, pending_count, last, lately)

    return _once(node, by_school(node, "hour", "sums", add_up))


def _once(node: Node, parts: dict[int, SchoolTotals]) -> dict[int, SchoolTotals]:
    """Without the hours of one person that another school entered too and that count there."""
    found = dict(parts)
    for _, left in read_people(node).doubled:
        sql = "SELECT state, minutes, credited FROM hour WHERE scope_no = ? AND rec = ?"
        for row in node.query(sql, [*left]):
            part, waits = found[left.scope_no], row["state"] == "pending"
            found[left.scope_no] = replace(
                part,
                credited=part.credited - (row["credited"] or 0),
                pending=part.pending - (row["minutes"] if waits else 0),
            )
    return found


def by_school(node: Node, of: str, what: str, work: Callable[[int], T]) -> dict[int, T]:
    """What `work` gives for each school; asked again only where something of it changed."""
    kept = _KEPT.setdefault(node.feeds, _Kept())
    # For which schema and which identity of the node the view was built.
    world = node.query("PRAGMA user_version")[0][0]
    found: dict[int, T] = {}
    for scope_no, position in _positions(node):
        mark, part = (world, position), (of, what, scope_no)
        with kept.lock:
            known = kept.parts.get(part)
        if known is None or known[0] != mark:
            # Read after its mark: what came between is read again next time.
            known = (mark, work(scope_no))
            with kept.lock:
                kept.parts[part] = known
        found[scope_no] = known[1]
    return found


def _positions(node: Node) -> Iterable[tuple[int, int]]:
    rows = node.query(
        "SELECT k.scope_no, coalesce(w.pos, 0) FROM scope_key k"
        " LEFT JOIN watermark w ON w.scope_no = k.scope_no"
    )
    return [(int(scope_no), int(at)) for scope_no, at in rows]
