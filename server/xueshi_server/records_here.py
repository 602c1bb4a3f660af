"""Tells which rows of a table are records here already.

By the key of a register; by the row that brought a record once; by its own id, if it is an export
that comes back. And by what it says: who exports the county's form, adds two rows and imports it
again means two new records, and an afternoon that was entered by hand is not another one because
the list of it comes too. Two equal rows stay two records: each row takes one record for itself.
"""

import re
from collections.abc import Collection, Mapping
from typing import Final

from xueshi_server.domain.credit import GONE_STATES
from xueshi_server.domain.fields import Value
from xueshi_server.domain.packs.model import RecordType
from xueshi_server.domain.sealed import mask_sealed
from xueshi_server.record_columns import PERSON
from xueshi_server.record_tables import RowEntry
from xueshi_server.store.people import load_people
from xueshi_server.store.records import find_row
from xueshi_sync.errors import SyncError
from xueshi_sync.node import Node

# An id that was made of what a row says (see `record_tables`), not one that the row has.
_MADE_ID: Final = re.compile(r"[0-9a-f]{32}-\d+")
# What nobody holds to be a record any more may be said again.
_GONE: Final = GONE_STATES


class RecordsHere:
    """The records of a type at a node, as a table is held against them."""

    def __init__(self, node: Node, declared: RecordType, said: Collection[str]) -> None:
        """`said` are the fields that the table has a column for."""
        self._node, self._declared = node, declared
        self._said = said
        self.fields = [each for each in declared.field if each.id != declared.corrects]
        self.twins = 0
        self._keyed = declared.key if declared.kind == "register" else None
        self._keys = self._keys_here()
        self._telling = [each.id for each in self.fields if each.required]
        # What has a day and is about somebody or something is told apart by what it says.
        about = any(each.to and each.id in self._telling for each in declared.field)
        self._may_have_twins = about and declared.when in self._telling
        self._saying: dict[tuple[object, ...], list[int]] | None = None
        self._taken: set[tuple[int, int]] = set()

    @property
    def declared(self) -> RecordType:
        """The type of the records."""
        return self._declared

    def goes_by_key(self, values: Mapping[str, Value]) -> bool:
        """Whether a record is told by its key alone."""
        return self._keyed is not None and values.get(self._keyed) is not None

    def is_known(self, entry: RowEntry, scope_no: int, values: Mapping[str, Value]) -> bool:
        """Whether the record of an entry is here; a key counts from then on."""
        if self._keyed is not None and (key := values.get(self._keyed)) is not None:
            known = (scope_no, key) in self._keys
            self._keys.add((scope_no, key))
            return known
        here = self._node.feeds.entry(f"{self._declared.id}-{entry.entry_id}")
        if here is not None:
            self._taken.add(here)
            return True
        if _MADE_ID.fullmatch(entry.entry_id):
            return self._may_have_twins and self._has_twin(scope_no, values)
        return self._is_equal(entry, values)

    def _keys_here(self) -> set[tuple[int, object]]:
        """School and key of the records of a register; they are left as they are."""
        if self._keyed is None:
            return set()
        rows = self._node.query(
            f'SELECT scope_no, "{self._keyed}" AS k FROM "{self._declared.id}" WHERE NOT deleted'
        )
        known = {(row["scope_no"], row["k"]) for row in rows}
        if self._declared.id != PERSON:
            return known
        # Who has another number now is the same person all the same.
        scopes = {scope_no for scope_no, _ in known}
        return known | {(each, no) for each in scopes for no in load_people(self._node, each)}

    def _is_equal(self, entry: RowEntry, values: Mapping[str, Value]) -> bool:
        """Whether a row with its own id is an export of an equal record that comes back."""
        if "." not in entry.entry_id:
            return False
        try:
            key = self._node.find_record(entry.entry_id)
        except SyncError:
            return False
        row = find_row(self._node, self._declared, key.scope_no, key.rec)
        return row is not None and all(
            _is_alike(row[name], value) for name, value in values.items()
        )

    def _has_twin(self, scope_no: int, values: Mapping[str, Value]) -> bool:
        """Whether a record says what the row says, no less and no more in any column that the
        table has; it is no other row's from then on."""
        if self._saying is None:
            self._saying = self._read_sayings()
        said = {name: values.get(name) or None for name in self._said}
        for rec in self._saying.get((scope_no, *(values.get(name) for name in self._telling)), ()):
            row = find_row(self._node, self._declared, scope_no, rec)
            if (scope_no, rec) in self._taken or row is None:
                continue
            if all((row[name] or None) == value for name, value in said.items()):
                self._taken.add((scope_no, rec))
                self.twins += 1
                return True
        return False

    def _read_sayings(self) -> dict[tuple[object, ...], list[int]]:
        """School and what every record must say, to the records that say it."""
        names = ", ".join(f'"{name}"' for name in self._telling)
        ledger = self._declared.kind == "ledger"
        alive = f"state NOT IN {_GONE!r}" if ledger else "NOT deleted"
        found: dict[tuple[object, ...], list[int]] = {}
        for row in self._node.query(
            f'SELECT scope_no, rec, {names} FROM "{self._declared.id}"'
            f" WHERE {alive} ORDER BY scope_no, rec"
        ):
            place = (row["scope_no"], *(row[name] for name in self._telling))
            found.setdefault(place, []).append(int(row["rec"]))
        return found


def _is_alike(stored: object, value: Value) -> bool:
    """Whether a table says what is stored; of a personal number it may say the end, or nothing."""
    if isinstance(stored, bytes):
        return value is None or (
            isinstance(value, bytes) and mask_sealed(stored) == mask_sealed(value)
        )
    return (stored if stored != "" else None) == (None if value == "" else value)
