"""Both versions of a corrected entry in words, and the marks that review forms carry."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from sqlite3 import Row

from flask import request

from xueshi_server.domain.hours import format_hours
from xueshi_server.domain.packs.model import RecordType
from xueshi_server.store.records import find_row
from xueshi_server.store.versions import list_correcting, list_stale, read_mark
from xueshi_server.web.pages import find_key, public_id
from xueshi_server.web.site import this_node
from xueshi_sync.writer import RecordKey

# Beside each record of a review form: its public name and the version that was shown.
SEEN = "seen"


@dataclass(frozen=True, slots=True)
class Change:
    """An entry and what it takes the place of: both amounts, and why; amounts may be empty."""

    was: str
    now: str
    why: str


@dataclass(frozen=True, slots=True)
class Stale:
    """An entry that changed after the page was made: what it is called, and every new version."""

    id: str
    title: str
    state: str
    changes: tuple[Change, ...]


def marks_of(declared: RecordType, rows: Iterable[Row]) -> dict[str, str]:
    """Public name to mark of the rows that a form shows."""
    node = this_node()
    return {
        public_id(row["scope_no"], row["rec"]): read_mark(
            node, declared, RecordKey(row["scope_no"], row["rec"])
        )
        for row in rows
    }


def changes_of(declared: RecordType, rows: Iterable[Row]) -> dict[str, Change]:
    """Public name to what changed, of those rows that correct another."""
    found = {}
    for row in rows:
        older = row[declared.corrects] if declared.corrects else None
        before = find_row(this_node(), declared, row["scope_no"], older) if older else None
        if before is not None:
            found[public_id(row["scope_no"], row["rec"])] = _change(declared, before, row)
    return found


def read_stale(declared: RecordType, keys: Sequence[RecordKey]) -> list[Stale]:
    """What of a sent form is out of date."""
    seen = {}
    for each in request.form.getlist(SEEN):
        name, _, mark = each.partition(":")
        seen[find_key(name)] = mark
    return [_stale(declared, key) for key in list_stale(this_node(), declared, keys, seen)]


def _stale(declared: RecordType, key: RecordKey) -> Stale:
    node = this_node()
    row = find_row(node, declared, *key)
    newer = [
        found
        for each in list_correcting(node, declared, key)
        if (found := find_row(node, declared, key.scope_no, int(str(each["rec"])))) is not None
    ]
    if row is None:
        return Stale(public_id(*key), "?", "void", ())
    names = row.keys()
    title = str(row["title"]) if "title" in names and row["title"] else public_id(*key)
    changes = tuple(_change(declared, row, each) for each in newer)
    return Stale(public_id(*key), title, str(row["state"]), changes)


def _change(declared: RecordType, before: Row, after: Row) -> Change:
    why = str(after["note"] or "") if "note" in after.keys() else ""  # noqa: SIM118
    return Change(_amount(declared, before), _amount(declared, after), why)


def _amount(declared: RecordType, row: Row) -> str:
    value = row[declared.amount] if declared.amount else None
    if value is None:
        return ""
    field = next(each for each in declared.field if each.id == declared.amount)
    return format_hours(int(value)) if field.type == "hours" else str(value)
