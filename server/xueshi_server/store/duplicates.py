"""Who may stand in the rosters here twice: what is known of everybody, put before the search.

ID numbers are opened where the county's key is, for as long as the search takes; nothing of them
is kept or shown but that two are the same or nearly so. The result stands as long as nothing here
changes.
"""

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import Final
from weakref import WeakKeyDictionary

from xueshi_server.domain.duplicates import Candidate, Known, find_duplicates
from xueshi_server.domain.names import NameKeys
from xueshi_server.domain.people import former_numbers
from xueshi_server.domain.person_groups import pair_of
from xueshi_server.errors import ServerError
from xueshi_server.sealing import Opener, held_generations
from xueshi_server.store.name_keys import find_keys
from xueshi_server.store.people import MOVE, PERSON
from xueshi_server.store.person_links import read_people
from xueshi_sync.node import Node
from xueshi_sync.sqlite_feeds import SqliteFeeds
from xueshi_sync.writer import RecordKey

_FIELDS: Final = ("sex", "born_on", "hired_on", "left_on", "former_no", "id_number")


@dataclass
class _Kept:
    lock: Lock = field(default_factory=Lock)
    mark: object = None
    found: list[Candidate] = field(default_factory=list)


# By the open store, so that it goes with the node.
_KEPT: Final[WeakKeyDictionary[SqliteFeeds, _Kept]] = WeakKeyDictionary()


def search_duplicates(node: Node) -> list[Candidate]:
    """The pairs that nobody has decided about, the likeliest first."""
    kept = _KEPT.setdefault(node.feeds, _Kept())
    marks = tuple(map(tuple, node.query("SELECT scope_no, pos FROM watermark ORDER BY 1")))
    mark = (node.query("PRAGMA user_version")[0][0], marks)
    with kept.lock:
        if kept.mark != mark:
            kept.found = _search(node)
            kept.mark = mark
        return kept.found


def _search(node: Node) -> list[Candidate]:
    people = read_people(node)
    decided = {frozenset(pair) for pair in people.settled.decided}
    for group in people.settled.groups:
        decided |= {frozenset(pair_of(a, b)) for a in group for b in group if a != b}
    return find_duplicates(list_known(node), decided)


def list_known(node: Node) -> list[Known]:
    """What is known of everybody in the rosters here."""
    fields = node.schema.by_name[PERSON].field_names
    more = ", ".join(f"p.{name}" if name in fields else f"NULL AS {name}" for name in _FIELDS)
    rows = node.query(
        f"SELECT p.scope_no, p.rec, p.name, p.staff_no, s.name AS school, {more} FROM person p"
        " LEFT JOIN scope s USING (scope_no) WHERE NOT p.deleted ORDER BY p.scope_no, p.rec"
    )
    keys = find_keys(node, [str(row["name"] or "") for row in rows])
    places = _places(node)
    reader = _IdReader(node)
    found = []
    for row in rows:
        key = RecordKey(row["scope_no"], row["rec"])
        sound, strokes = _signs(keys.get(str(row["name"] or "")))
        found.append(
            Known(
                key=node.public_id(key),
                school=str(row["scope_no"]),
                name=str(row["name"] or ""),
                sound=sound,
                strokes=strokes,
                staff_no=str(row["staff_no"] or ""),
                former=tuple(former_numbers(row["former_no"])),
                sex=row["sex"] if row["sex"] in ("1", "2") else "",
                born_on=row["born_on"] or "",
                hired_on=row["hired_on"] or "",
                left_on=row["left_on"] or "",
                id_number=reader.read(row["id_number"]),
                school_name=row["school"] or "",
                places=tuple(places.get(key, ())),
            )
        )
    return found


def _signs(keys: NameKeys | None) -> tuple[str, tuple[int, ...]]:
    """The usual sound of each character, and its strokes."""
    if keys is None:
        return "", ()
    sound = " ".join(each.partition("/")[0] for each in keys.reading.split())
    parts = keys.strokes.split()
    return sound, tuple(int(each[:2]) for each in parts if each[:2].isdecimal())


def _places(node: Node) -> dict[RecordKey, list[str]]:
    if MOVE not in node.schema.by_name:
        return {}
    found: dict[RecordKey, list[str]] = defaultdict(list)
    rows = node.query(
        f"SELECT scope_no, person, place FROM {MOVE} WHERE NOT deleted AND place <> ''"
    )
    for row in rows:
        found[RecordKey(row["scope_no"], row["person"])].append(str(row["place"]).strip())
    return found


class _IdReader:
    """ID numbers where the county's key is; empty everywhere else, and for what does not open."""

    def __init__(self, node: Node) -> None:
        held = held_generations(node.home) if node.replica.is_centre else []
        self._opener = Opener(node.home) if held else None

    def read(self, value: bytes | None) -> str:
        """The number in a sealed value."""
        if self._opener is None or not value:
            return ""
        with suppress(ServerError):
            return self._opener(bytes(value))
        return ""
