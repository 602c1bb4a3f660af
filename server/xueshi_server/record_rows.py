"""What leaves in a table: the records of a type as plain values by column, in a stable order."""

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from sqlite3 import Row
from typing import Any, Final

from xueshi_server.domain.fields import number_of
from xueshi_server.domain.packs.model import FieldDeclaration, RecordType
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.record_columns import OWN_ID, PERSON_NAME, SCHOOL, columns_of
from xueshi_server.seal_errors import SealBrokenError, SealKeyAbsentError
from xueshi_server.sealing import Opener
from xueshi_server.store.records import naming_field
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

_BATCH_ROWS: Final = 5000
# States of a ledger that do not leave in a table.
_GONE: Final = ("replaced", "void", "withdrawn")


def read_records(
    node: Node,
    pack: Pack,
    declared: RecordType,
    further: Collection[str] = (),
    *,
    opener: Opener | None = None,
) -> Iterator[dict[str, Any]]:
    """Every record of a type as plain values by column, in a stable order; and of `further` what
    other records say: `person.subject`. Of what is sealed the end, or with an `opener` all that it
    opens."""
    columns, names = columns_of(pack, declared), _Names(node, pack, opener)
    alive = "NOT deleted" if declared.kind == "register" else f"state NOT IN {_GONE!r}"
    sql = (
        f'SELECT r.*, s.code AS school_code FROM "{declared.id}" r LEFT JOIN scope s'
        f" USING (scope_no) WHERE (r.scope_no, r.rec) > (?, ?) AND {alive}"
        " ORDER BY r.scope_no, r.rec LIMIT ?"
    )
    after = (-1, -1)
    while rows := node.query(sql, [*after, _BATCH_ROWS]):
        for row in rows:
            record = {column: names.plain(each, row) for column, each in columns.fields.items()}
            if columns.person is not None:
                record[PERSON_NAME] = names.person(columns.person, row)
            record |= {name: names.further(declared, name, row) for name in further}
            key = RecordKey(row["scope_no"], row["rec"])
            yield record | {SCHOOL: row["school_code"] or "", OWN_ID: node.public_id(key)}
        after = (rows[-1]["scope_no"], rows[-1]["rec"])


def find_field(declared: RecordType, name: str) -> FieldDeclaration | None:
    """The field of a type by its name."""
    return next((each for each in declared.field if each.id == name), None)


@dataclass
class _Names:
    """What the records are called that others name: read once for each type and school."""

    node: Node
    pack: Pack
    opener: Opener | None = None
    known: dict[tuple[str, int], dict[int, tuple[str, str]]] = field(default_factory=dict)
    others: dict[tuple[str, bool], dict[object, Row]] = field(default_factory=dict)

    def plain(self, each: FieldDeclaration, row: Row) -> Any:
        """A stored value as a table has it."""
        value = row[each.id]
        if value is None:
            return ""
        if each.type == "bool":
            return 1 if value else 0
        if each.type == "ref":
            return self._called(each, row)[0]
        if each.type == "sealed" and self.opener is not None:
            with suppress(SealKeyAbsentError, SealBrokenError):
                return self.opener(value)
        return number_of(each, value)

    def person(self, each: FieldDeclaration, row: Row) -> str:
        """The name of the person that a record is about."""
        return "" if row[each.id] is None else self._called(each, row)[1]

    def further(self, declared: RecordType, name: str, row: Row) -> Any:
        """What the record that a field names says in a field of its own; empty where it is none."""
        each = find_field(declared, name.partition(".")[0])
        target = self.pack.types.get(each.to or "") if each is not None else None
        said = find_field(target, name.partition(".")[2]) if target is not None else None
        if each is None or target is None or said is None or row[each.id] is None:
            return ""
        by_key, naming = each.type == "key", target.key or "rec"
        mark = (target.id, by_key)
        if mark not in self.others:
            rows = self.node.query(f'SELECT * FROM "{target.id}"')
            self.others[mark] = {
                row[naming] if by_key else (row["scope_no"], row["rec"]): row for row in rows
            }
        other = self.others[mark].get(row[each.id] if by_key else (row["scope_no"], row[each.id]))
        return "" if other is None else self.plain(said, other)

    def _called(self, each: FieldDeclaration, row: Row) -> tuple[str, str]:
        target = self.pack.types[each.to or ""]
        mark = (target.id, int(row["scope_no"]))
        if mark not in self.known:
            self.known[mark] = self._read(target, mark[1])
        return self.known[mark].get(int(row[each.id]), ("", ""))

    def _read(self, target: RecordType, scope_no: int) -> dict[int, tuple[str, str]]:
        """Record to what tables call it (its key, else a name of its own, else its id) and its
        name."""
        naming = naming_field(target)
        rows = self.node.query(f'SELECT * FROM "{target.id}" WHERE scope_no = ?', [scope_no])
        names = {row["rec"]: str(row[naming] or "") if naming else "" for row in rows}
        counts = Counter(names.values())
        found = {}
        for row in rows:
            name = names[row["rec"]]
            typed = str(row[target.key] or "") if target.key else name
            if not typed or (not target.key and counts[typed] > 1):
                typed = self.node.public_id(RecordKey(scope_no, row["rec"]))
            found[int(row["rec"])] = (typed, name)
        return found
