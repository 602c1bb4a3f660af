"""The view store in memory: the contract of `store.ViewStore` for the simulator.

Rows are immutable dicts by (table, scope) and record; as in SQLite a truth value is stored as 0
or 1 and an integer beyond 64 bits is refused.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from tests.simulation.memory_store import Journal
from xueshi_sync.authority import CurrentRow
from xueshi_sync.body import JUDGED_FIELD
from xueshi_sync.column import Value
from xueshi_sync.merge import DISPUTED, PENDING, Write, current_writes
from xueshi_sync.schema import Schema, Table
from xueshi_sync.store import LedgerRow, WriteRow

INT_MIN, INT_MAX = -(1 << 63), (1 << 63) - 1
Row = dict[str, Any]


def stored(value: Any) -> Any:
    """Return a value as SQLite would give it back; OverflowError where it would not take it."""
    if value.__class__ is bool:
        return int(value)
    if value.__class__ is int and not INT_MIN <= value <= INT_MAX:
        raise OverflowError("Python int too large to convert to SQLite INTEGER")
    return value


class MemoryView:
    """ViewStore in dicts."""

    FLAT: Final = ("built_for", "marks", "scope_keys", "authors")
    NESTED: Final = ("tables", "writes", "conflicts", "unapplied")

    def __init__(self) -> None:
        self.view_transaction = Journal("view")
        self._table_names: tuple[str, ...] = ()
        self.built_for: dict[str, Any] = {}
        self.marks: dict[int, int] = {}
        self.scope_keys: dict[int, bytes] = {}
        self.authors: dict[tuple[bytes, bytes], int] = {}
        # (table, scope) -> rec -> row
        self.tables: dict[tuple[str, int], dict[int, Row]] = {}
        # (scope, table) -> rec -> {(field, dot): (write, current)}
        self.writes: dict[tuple[int, str], dict[int, dict[tuple[str, int], Any]]] = {}
        self.conflicts: dict[int, dict[tuple[str, int, str], int]] = {}
        self.unapplied: dict[int, dict[tuple[int, str], int]] = {}

    def copy(self) -> "MemoryView":
        """Return an independent store with the same content."""
        other = MemoryView()
        for name in self.FLAT:
            setattr(other, name, dict(getattr(self, name)))
        for name in self.NESTED:
            setattr(other, name, {key: dict(rows) for key, rows in getattr(self, name).items()})
        return other

    def prepare(self, schema: Schema, mark: bytes) -> bool:
        self._table_names = tuple(schema.by_name)
        if self.built_for.get("mark") == (schema.tables, schema.version, mark):
            return False
        with self.view_transaction():
            for name in (*self.FLAT, *self.NESTED):
                for key in list(getattr(self, name)):
                    self.view_transaction.drop(getattr(self, name), key)
            self._put(self.built_for, "mark", (schema.tables, schema.version, mark))
        return True

    def watermark(self, scope_no: int) -> int:
        return self.marks.get(scope_no, 0)

    def put_watermark(self, scope_no: int, pos: int) -> None:
        self._put(self.marks, scope_no, pos)

    def clear_scope(self, scope_no: int) -> None:
        drop = self.view_transaction.drop
        drop(self.marks, scope_no)
        for table in self._table_names:
            drop(self.tables, (table, scope_no))
            drop(self.writes, (scope_no, table))
        drop(self.conflicts, scope_no)
        drop(self.unapplied, scope_no)

    def author(self, node: bytes, key: bytes) -> int:
        known = self.authors.get((node, key))
        if known is None:
            known = len(self.authors) + 1
            self._put(self.authors, (node, key), known)
        return known

    def put_scope_name(self, scope_no: int, scope: bytes) -> None:
        self._put(self.scope_keys, scope_no, scope)

    def insert_rows(self, table: Table, rows: Iterable[tuple[object, ...]]) -> None:
        columns = ("scope_no", "rec", *table.field_names, "author", "actor", "entered_at")
        rest: Row = {"conflicts": 0}
        rest |= {"state": PENDING, "credited": 0} if table.kind == "ledger" else {"deleted": 0}
        for values in rows:
            row: Row = dict(zip(columns, map(stored, values), strict=True)) | rest
            scope_no, rec = row.pop("scope_no"), row.pop("rec")
            held = self._nested(self.tables, (table.name, scope_no))
            if rec not in held:
                self._put(held, rec, row)

    def add_writes(self, scope_no: int, writes: Iterable[WriteRow]) -> None:
        for each in writes:
            held = self._nested(self.writes, (scope_no, each.table))
            known = held.get(each.rec, {})
            if (each.field, each.dot) in known:
                continue
            stored(each.entered_at)
            row = WriteRow(
                each.table, each.rec, each.field, each.dot, stored(each.value), tuple(each.preds),
                each.rank, each.author, each.actor, each.entered_at, each.note,
            )  # fmt: skip
            self._put(held, each.rec, {**known, (each.field, each.dot): (row, 1)})

    def writes_of(self, scope_no: int, table: str, recs: Sequence[int]) -> list[WriteRow]:
        held = self.writes.get((scope_no, table), {})
        return [
            held[rec][key][0]
            for rec in sorted(set(recs))
            if rec in held
            for key in sorted(held[rec])
        ]

    def written_recs(self, scope_no: int, table: str, low: int, high: int) -> list[int]:
        return sorted(rec for rec in self.writes.get((scope_no, table), ()) if low <= rec <= high)

    def correctors_of(self, table: Table, scope_no: int, low: int, high: int) -> list[int]:
        assert table.corrects is not None, "asked only of tables with corrections"
        rows = self.tables.get((table.name, scope_no), {})
        return sorted(
            rec
            for rec, row in rows.items()
            if row[table.corrects] is not None and low <= row[table.corrects] <= high
        )

    def show(
        self,
        table: Table,
        scope_no: int,
        rec: int,
        shown: dict[str, Value],
        conflicts: dict[str, int],
    ) -> None:
        held = self._nested(self.tables, (table.name, scope_no))
        if rec in held:
            values = {name: stored(value) for name, value in shown.items()}
            self._put(held, rec, {**held[rec], **values, "conflicts": len(conflicts)})
        self._put_conflicts(scope_no, table.name, rec, conflicts)

    def _put_conflicts(
        self, scope_no: int, table: str, rec: int, conflicts: Mapping[str, int]
    ) -> None:
        held = self._nested(self.conflicts, scope_no)
        for key in [key for key in held if key[:2] == (table, rec)]:
            self.view_transaction.drop(held, key)
        for name, count in conflicts.items():
            self._put(held, (table, rec, name), count)

    def ledger_rows(self, table: Table, scope_no: int, recs: Sequence[int]) -> list[LedgerRow]:
        wanted = set(recs)
        rows = self.tables.get((table.name, scope_no), {})
        found = {rec for rec in wanted if rec in rows}
        if table.corrects is not None:
            found |= {rec for rec, row in rows.items() if row[table.corrects] in wanted}
        return [
            LedgerRow(
                rec,
                rows[rec][table.corrects] if table.corrects else None,
                (rows[rec][table.amount] if table.amount else 0) or 0,
            )
            for rec in sorted(found)
        ]

    def put_credit(self, table: Table, scope_no: int, rows: Iterable[tuple[int, str, int]]) -> None:
        held = self._nested(self.tables, (table.name, scope_no))
        for rec, state, credited in rows:
            disputed = state == DISPUTED
            if rec in held:
                row = {"state": state, "credited": credited, "conflicts": int(disputed)}
                self._put(held, rec, {**held[rec], **row})
            self._put_conflicts(scope_no, table.name, rec, {JUDGED_FIELD: 2} if disputed else {})

    def put_current(
        self, scope_no: int, table: str, recs: Sequence[int], dots: Sequence[int]
    ) -> None:
        held = self._nested(self.writes, (scope_no, table))
        current = set(dots)
        for rec in set(recs):
            if rec in held:
                rows = {key: (row, int(key[1] in current)) for key, (row, _) in held[rec].items()}
                self._put(held, rec, rows)

    def put_unapplied(self, scope_no: int, no: int, code: str, count: int) -> None:
        self._put(self._nested(self.unapplied, scope_no), (no, code), count)

    def scopes_of(self, node: bytes) -> list[int]:
        return sorted(
            scope_no
            for (table, scope_no), rows in self.tables.items()
            if table == "_node" and any(row["node"] == node for row in rows.values())
        )

    def is_named(self, scope_no: int, node: bytes, key: bytes) -> bool:
        rows = self.tables.get(("_node", scope_no), {}).values()
        return any((row["node"], row["key"]) == (node, key) for row in rows)

    def own_rows(self, table: Table, scope_no: int) -> list[CurrentRow]:
        rows = self.tables.get((table.name, scope_no), {})
        return [
            {
                field.name: [
                    bool(value) if field.type == "bool" and value is not None else value
                    for value in self._current(scope_no, table.name, rec, field.name, row)
                ]
                for field in table.fields
            }
            for rec, row in sorted(rows.items())
            if not row["deleted"]
        ]

    def _current(self, scope_no: int, table: str, rec: int, name: str, row: Row) -> list[Value]:
        held = self.writes.get((scope_no, table), {}).get(rec, {})
        writes = [
            Write(each.dot, each.value, each.preds, each.rank, (b"", each.dot))
            for key, (each, _) in sorted(held.items())
            if key[0] == name
        ]
        return [each.value for each in current_writes(writes)] if writes else [row[name]]

    def digest_rows(
        self, table: Table, scope_no: int, low: int, high: int
    ) -> Iterable[tuple[object, ...]]:
        state = ("state", "credited") if table.kind == "ledger" else ("deleted",)
        columns = (*table.field_names, *state, "conflicts", "actor", "entered_at")
        speakers = {number: speaker for speaker, number in self.authors.items()}
        for rec, row in sorted(self.tables.get((table.name, scope_no), {}).items()):
            if low <= rec <= high:
                yield rec, *(row[name] for name in columns), *speakers[row["author"]]

    def write_digest_rows(self, scope_no: int, low: int, high: int) -> Iterable[tuple[object, ...]]:
        rows = [
            write
            for (at, _), held in self.writes.items()
            if at == scope_no
            for fields in held.values()
            for write, _ in fields.values()
            if low <= write.dot <= high
        ]
        for row in sorted(rows, key=lambda each: (each.dot, each.table, each.field)):
            yield (row.table, row.rec, row.field, row.dot, row.value, row.preds, row.rank,
                   row.actor, row.entered_at, row.note)  # fmt: skip

    def _put(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        # The core writes a scope's name outside a transaction too; SQLite then commits at once.
        if self.view_transaction.depth:
            self.view_transaction.put(table, key, value)
        else:
            table[key] = value

    def _nested(self, table: dict[Any, Any], key: Any) -> dict[Any, Any]:
        held = table.get(key)
        if held is None:
            held = {}
            self._put(table, key, held)
        return held
