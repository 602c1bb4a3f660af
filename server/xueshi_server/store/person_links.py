"""What was said of two records of people, that they are one person or are not: `person_link`.

A link stands in the scope of the first of the two by name, so that all about one pair is in one
place; who holds that school holds it. Nothing is changed in either record: what is taken back
gives every earlier figure again. `domain.person_groups` settles it all.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from sqlite3 import Row
from threading import Lock
from typing import Final
from weakref import WeakKeyDictionary

from xueshi_server.domain.people import is_temporary
from xueshi_server.domain.person_groups import (
    DIFFERENT,
    SAME,
    Entry,
    Groups,
    Standing,
    Tie,
    find_doubled,
    find_leader,
    settle,
)
from xueshi_server.node_clock import today_of
from xueshi_server.store.people import PERSON
from xueshi_sync.errors import NodeStateError
from xueshi_sync.node import Node
from xueshi_sync.sqlite_feeds import SqliteFeeds
from xueshi_sync.writer import Action, RecordKey

LINK: Final = "person_link"
KINDS: Final = (SAME, DIFFERENT)
_RANKS: Final[Mapping[str, int]] = {"school": 0, "township": 1, "centre": 2}
_SELECT: Final = (
    f"SELECT l.*, a.name AS node_name, a.tier, w.rec AS undone FROM {LINK} l"
    " LEFT JOIN author a USING (author)"
    f" LEFT JOIN {LINK} w ON w.scope_no = l.scope_no AND w.withdraws = l.rec"
)


@dataclass(frozen=True, slots=True)
class PersonLink:
    """What somebody said of two records; `other` is None where that school is not held here."""

    key: RecordKey
    name: str
    one: RecordKey
    other: RecordKey | None
    other_name: str
    kind: str
    reason: str
    on: str
    by: str
    node_name: str
    tier: str


@dataclass(frozen=True, slots=True)
class People:
    """Who is one person, by the keys of this database: groups with the leading record first.

    `since` is the first day on the roll of each record, `doubled` are the hours that two schools
    entered of one person (what counts, and what does not beside it), `doubled_of` by the leading
    record.
    """

    settled: Groups = field(default_factory=Groups)
    groups: tuple[tuple[RecordKey, ...], ...] = ()
    since: Mapping[RecordKey, str] = field(default_factory=dict)
    doubled: tuple[tuple[RecordKey, RecordKey], ...] = ()
    doubled_of: Mapping[RecordKey, Sequence[tuple[RecordKey, RecordKey]]] = field(
        default_factory=dict
    )
    group_of: Mapping[RecordKey, tuple[RecordKey, ...]] = field(default_factory=dict)

    def of(self, key: tuple[int, int]) -> tuple[RecordKey, ...]:
        """All records of the person that a record is of, the leading one first; none where it
        stands for itself."""
        return self.group_of.get(RecordKey(*key), ())


def can_link(node: Node) -> bool:
    """Whether the tables of this node have a place for links, and it may write them."""
    return LINK in node.schema.by_name and node.role in node.schema.by_name[LINK].writers


# ---- writing


def say_of_pair(
    node: Node,
    action: Action,
    pair: tuple[RecordKey, RecordKey],
    *,
    kind: str,
    reason: str,
    day: dt.date,
) -> RecordKey:
    """Write that two records are one person, or are not; said once as long as it stands."""
    one, other = sorted(pair, key=node.public_id)
    name = node.public_id(other)
    said = [each for each in list_links(node, one) if each.other_name == name]
    known = next((each for each in said if each.kind == kind), None)
    if known is not None:
        return known.key
    fields = {"person": one.rec, "other": name, "kind": kind}
    fields |= {"date": day.isoformat(), "reason": reason or None}
    return action.insert(LINK, fields, scope_no=one.scope_no)


def withdraw(action: Action, link: PersonLink, *, reason: str, day: dt.date) -> RecordKey:
    """Take back what was said of a pair; figures are as they were before."""
    fields = {"person": link.one.rec, "other": link.other_name, "kind": link.kind}
    more = {"date": day.isoformat(), "reason": reason or None, "withdraws": link.key.rec}
    mark = f"person-link-undone-{link.key.scope_no}.{link.key.rec}"
    return action.insert(LINK, fields | more, scope_no=link.key.scope_no, entry_id=mark)


# ---- reading


def list_links(node: Node, person: RecordKey | None = None) -> list[PersonLink]:
    """What was said and stands, of one record as either of the two, or all; the latest first."""
    if LINK not in node.schema.by_name:
        return []
    where, values = ["l.withdraws IS NULL", "w.rec IS NULL"], list[int | str]()
    if person is not None:
        where.append("(l.scope_no = ? AND l.person = ? OR l.other = ?)")
        values += [*person, node.public_id(person)]
    rows = node.query(
        f"{_SELECT} WHERE {' AND '.join(where)} ORDER BY l.date DESC, l.scope_no, l.rec DESC",
        values,
    )
    return [_link(node, each) for each in rows]


def find_link(node: Node, key: RecordKey) -> PersonLink | None:
    """A link that stands, by its key."""
    if LINK not in node.schema.by_name:
        return None
    rows = node.query(
        f"{_SELECT} WHERE l.scope_no = ? AND l.rec = ? AND l.withdraws IS NULL AND w.rec IS NULL",
        [*key],
    )
    return _link(node, rows[0]) if rows else None


def _link(node: Node, row: Row) -> PersonLink:
    key = RecordKey(row["scope_no"], row["rec"])
    return PersonLink(
        key,
        node.public_id(key),
        RecordKey(row["scope_no"], row["person"] or 0),
        _find(node, row["other"]),
        row["other"] or "",
        row["kind"] or "",
        row["reason"] or "",
        row["date"] or "",
        row["actor"] or "",
        row["node_name"] or "",
        row["tier"] or "",
    )


def _find(node: Node, name: str | None) -> RecordKey | None:
    with suppress(NodeStateError):
        key = node.find_record(name or "")
        if node.query("SELECT 1 FROM person WHERE scope_no = ? AND rec = ?", [*key]):
            return key
    return None


# ---- who is one person


@dataclass
class _Kept:
    lock: Lock = field(default_factory=Lock)
    mark: object = None
    people: People = field(default_factory=People)


# By the open store, so that it goes with the node.
_KEPT: Final[WeakKeyDictionary[SqliteFeeds, _Kept]] = WeakKeyDictionary()


def read_people(node: Node) -> People:
    """Who is one person as of now; worked out again when anything here changed."""
    if LINK not in node.schema.by_name or not _has_ties(node):
        return People()
    kept = _KEPT.setdefault(node.feeds, _Kept())
    marks = tuple(map(tuple, node.query("SELECT scope_no, pos FROM watermark ORDER BY 1")))
    mark = (node.query("PRAGMA user_version")[0][0], marks, today_of(node))
    with kept.lock:
        if kept.mark != mark:
            # Read after its mark: what came between is read again next time.
            kept.people = _read(node)
            kept.mark = mark
        return kept.people


def _has_ties(node: Node) -> bool:
    return bool(node.query(f"SELECT 1 FROM {LINK} LIMIT 1"))


def _read(node: Node) -> People:
    ties = list(_said(node))
    names = {name for each in ties for name in each.pair}
    keys = {name: key for name in names if (key := _find(node, name)) is not None}
    settled = settle(ties)
    today = today_of(node).isoformat()
    groups: list[tuple[RecordKey, ...]] = []
    since: dict[RecordKey, str] = {}
    doubled: dict[RecordKey, Sequence[tuple[RecordKey, RecordKey]]] = {}
    for group in settled.groups:
        here = [name for name in group if name in keys]
        rows = {name: _person(node, keys[name]) for name in here}
        alive = [name for name in here if rows[name] is not None]
        if len(alive) < 2:
            continue
        standing = {name: _standing(rows[name], today) for name in alive}
        leader = find_leader(alive, standing)
        others = [keys[name] for name in alive if name != leader]
        groups.append((keys[leader], *others))
        since |= {keys[name]: standing[name].since for name in alive}
        doubled[keys[leader]] = _doubled(node, [keys[name] for name in alive], keys[leader])
    return People(
        settled,
        tuple(groups),
        since,
        tuple(pair for pairs in doubled.values() for pair in pairs),
        doubled,
        {key: each for each in groups for key in each},
    )


def _said(node: Node) -> Iterable[Tie]:
    for each in list_links(node):
        rank = _RANKS.get(each.tier, 0)
        if each.kind in KINDS and rank:
            one = node.public_id(each.one)
            yield Tie(one, each.other_name, each.kind, rank, each.on, each.name)


def _person(node: Node, key: RecordKey) -> Row | None:
    known = node.schema.by_name[PERSON].field_names
    more = ", ".join(
        name if name in known else f"NULL AS {name}" for name in ("hired_on", "left_on")
    )
    rows = node.query(
        f"SELECT active, staff_no, {more} FROM person"
        " WHERE scope_no = ? AND rec = ? AND NOT deleted",
        [*key],
    )
    return rows[0] if rows else None


def _standing(row: Row | None, today: str) -> Standing:
    if row is None:
        return Standing(False, "")
    left = row["left_on"]
    is_gone = left <= today if left else row["active"] == 0
    number = str(row["staff_no"] or "")
    return Standing(not is_gone, row["hired_on"] or "", bool(number) and not is_temporary(number))


def _doubled(
    node: Node, group: list[RecordKey], leader: RecordKey
) -> Sequence[tuple[RecordKey, RecordKey]]:
    entries: dict[str, RecordKey] = {}
    found: list[Entry] = []
    for key in group:
        rows = node.query(
            "SELECT rec, date, title, credited, minutes FROM hour WHERE scope_no = ? AND person = ?"
            " AND state IN ('pending', 'approved', 'disputed')",
            [*key],
        )
        for row in rows:
            name = f"{key.scope_no}.{row['rec']}"
            entries[name] = RecordKey(key.scope_no, row["rec"])
            worth = (row["credited"] or 0, row["minutes"] or 0)
            found.append(Entry(name, _owner(key), row["date"] or "", row["title"] or "", *worth))
    pairs = find_doubled([_owner(each) for each in group], _owner(leader), found)
    return [(entries[kept], entries[left]) for kept, left in pairs]


def _owner(key: RecordKey) -> str:
    return f"{key.scope_no}/{key.rec}"
