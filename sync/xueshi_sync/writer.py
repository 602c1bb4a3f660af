"""Local writing: an action becomes open ops in one transaction; open ops are sealed into blocks.

A record's local key never changes: the block that will hold it has its number before it exists, so
sealing renames nothing and "saved" can be shown as soon as the transaction ends (SYNC 3.1 P1, 3.4).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final, NamedTuple

from xueshi_sync.body import (
    CHECK,
    CHECKED_FIELD,
    DELETE,
    DELETED_FIELD,
    INSERT,
    JUDGE,
    JUDGED_FIELD,
    K_BITS,
    REASON_FIELD,
    RESOLVE,
    SET,
    Op,
)
from xueshi_sync.column import Value
from xueshi_sync.errors import InvalidWriteError
from xueshi_sync.limits import (
    FIELD_BYTES,
    PREDS_PER_FIELD,
    REFS_PER_BLOCK,
    SEAL_OPS,
    SEAL_RAW_BYTES,
)
from xueshi_sync.merge import CHECKS, VERDICTS, current_writes
from xueshi_sync.merge import Write as MergeWrite
from xueshi_sync.projection import EPOCH_ORDINAL
from xueshi_sync.schema import FieldType, Schema, Table
from xueshi_sync.store import FeedStore, OpenOp, ScopeState, ViewStore, WriteRow
from xueshi_sync.viewer import encode_open_op

# Where the feed store keeps the id of the scope that only the centre holds; nowhere else is it set.
CENTRE_SCOPE: Final = "centre_scope"

# A margin below the limit: one more op adds at most its record, its preds and its ref fields.
_OP_BYTES: Final = 8
_PRED_BYTES: Final = 8
_REFS_OPEN: Final = REFS_PER_BLOCK - PREDS_PER_FIELD - 32


class RecordKey(NamedTuple):
    """A record in this database: the scope's local number and the record's."""

    scope_no: int
    rec: int


@dataclass
class Action:
    """One user action: all of it is kept, or nothing. Made by the replica, committed once."""

    feeds: FeedStore
    view: ViewStore
    schema: Schema
    actor: str
    now_s: int
    home_scope_no: int
    name_of: Callable[[int, int], bytes]
    ops: list[OpenOp] = field(default_factory=list)
    entries: dict[str, RecordKey] = field(default_factory=dict)
    states: dict[int, ScopeState] = field(default_factory=dict)
    # Texts in the open block of each scope, to guess its size: (block number, values).
    seen: dict[int, tuple[int, set[Value]]] = field(default_factory=dict)
    _latest: dict[tuple[int, str, int | None, str], int] = field(default_factory=dict)

    def insert(
        self,
        table: str,
        fields: Mapping[str, object],
        *,
        scope_no: int | None = None,
        entry_id: str | None = None,
    ) -> RecordKey:
        """Add a record and return its key. A known `entry_id` writes nothing and returns the first
        key. What only the centre holds goes into its own scope. Raises InvalidWriteError."""
        if entry_id is not None:
            known = self.entries.get(entry_id) or self.feeds.entry(entry_id)
            if known is not None:
                return RecordKey(*known)
        declared = self._table(table)
        names = tuple(name for name in declared.field_names if fields.get(name) is not None)
        self._check_names(declared, fields)
        values = tuple(self._value(declared, name, fields[name]) for name in names)
        scope_no = self._scope_for(declared, scope_no)
        refs = [_ref(value) for name, value in zip(names, values, strict=True)
                if declared.field_types[name] == "ref"]  # fmt: skip
        key = self._append(scope_no, INSERT, table, names, values, refs=refs)
        if entry_id is not None:
            self.entries[entry_id] = key
        return key

    def set(self, table: str, key: RecordKey, fields: Mapping[str, object]) -> None:
        """Write fields of a register record, naming every current value seen here."""
        declared = self._table(table)
        if declared.kind != "register":
            raise InvalidWriteError("ledger entries do not change", table=table)
        self._stay(declared, key)
        self._check_names(declared, fields)
        self._write(SET, declared, key, {
            name: self._value(declared, name, value) for name, value in fields.items()
        })  # fmt: skip

    def delete(self, table: str, key: RecordKey) -> None:
        """Mark a register record deleted; names every current value of every field."""
        declared = self._table(table)
        if declared.kind != "register":
            raise InvalidWriteError("ledger entries are voided, not deleted", table=table)
        rows = self.view.writes_of(key.scope_no, table, [key.rec])
        seen = {name: self._current(key, table, name, rows) for name in declared.field_names}
        preds = [dot for dots in seen.values() for dot in dots]
        preds += self._current(key, table, DELETED_FIELD, rows)
        self._append(key.scope_no, DELETE, table, (DELETED_FIELD,), (True,), rec=key.rec,
                     preds=(tuple(preds[:PREDS_PER_FIELD]),))  # fmt: skip

    def judge(self, table: str, key: RecordKey, verdict: str, reason: str = "") -> None:
        """Approve, reject or void one ledger entry, or take that back (""): the entry waits again.
        Names the verdicts seen here. Raises InvalidWriteError."""
        declared = self._table(table)
        if declared.kind != "ledger" or verdict not in (*VERDICTS, ""):
            raise InvalidWriteError("no such verdict", table=table, field=verdict)
        if verdict == "void" and self._is_astray(declared, key):
            reason = ""
        else:
            self._stay(declared, key)
        self._say(JUDGE, table, key, (JUDGED_FIELD, verdict, reason))

    def check(self, table: str, key: RecordKey, value: str, reason: str = "") -> None:
        """Pass, return or withdraw a ledger entry that no judge decided on, or take back ("") what
        was said before; whoever may write the ledger may (PROTOCOL 8.4). A verdict wins over it.
        Raises InvalidWriteError."""
        declared = self._table(table)
        if declared.kind != "ledger" or value not in CHECKS:
            raise InvalidWriteError("no such check", table=table, field=value)
        self._stay(declared, key)
        self._say(CHECK, table, key, (CHECKED_FIELD, value, reason))

    def resolve(self, table: str, key: RecordKey, name: str, value: object) -> None:
        """Settle a conflict: write `value` naming all concurrent values of the field."""
        declared = self._table(table)
        if name == DELETED_FIELD:
            self._resolve_deletion(declared, key, bool(value))
        elif declared.kind == "ledger":
            self.judge(table, key, str(value))
        else:
            self._stay(declared, key)
            self._write(RESOLVE, declared, key, {name: self._value(declared, name, value)})

    def _say(self, kind: int, table: str, key: RecordKey, said: tuple[str, str, str]) -> None:
        """Write (field, value, reason) to a ledger entry, naming what is said there now."""
        name, value, reason = said
        rows = self.view.writes_of(key.scope_no, table, [key.rec])
        preds = self._current(key, table, name, rows)
        self._append(key.scope_no, kind, table, (name, REASON_FIELD), (value, reason),
                     rec=key.rec, preds=(preds, ()))  # fmt: skip

    def _resolve_deletion(self, table: Table, key: RecordKey, deleted: bool) -> None:
        if deleted:
            self.delete(table.name, key)
        else:
            self._write(RESOLVE, table, key, {DELETED_FIELD: False})

    def _write(self, kind: int, table: Table, key: RecordKey, values: Mapping[str, Value]) -> None:
        rows = self.view.writes_of(key.scope_no, table.name, [key.rec])
        names = tuple(values)
        preds = tuple(self._current(key, table.name, name, rows) for name in names)
        refs = [_ref(values[name]) for name in names if table.field_types.get(name) == "ref"]
        self._append(key.scope_no, kind, table.name, names, tuple(values.values()),
                     rec=key.rec, preds=preds, refs=refs)  # fmt: skip

    def _current(
        self, key: RecordKey, table: str, name: str, rows: Sequence[WriteRow]
    ) -> tuple[int, ...]:
        latest = self._latest.get((key.scope_no, table, key.rec, name))
        if latest is not None:
            return (latest,)
        writes = [
            MergeWrite(row.dot, row.value, row.preds, row.rank,
                       (self.name_of(key.scope_no, row.dot >> K_BITS), row.dot))
            for row in rows if row.field == name
        ]  # fmt: skip
        return tuple(write.dot for write in current_writes(writes))[:PREDS_PER_FIELD]

    def _append(
        self,
        scope_no: int,
        kind: int,
        table: str,
        names: tuple[str, ...],
        values: tuple[Value, ...],
        *,
        rec: int | None = None,
        preds: tuple[tuple[int, ...], ...] | None = None,
        refs: Iterable[int | None] = (),
    ) -> RecordKey:
        op = Op(0, kind, table, names, values, rec, preds, self.actor, self.now_s)
        state = self.states.get(scope_no)
        if state is None:
            state = self.states[scope_no] = replace(self.feeds.scope_state(scope_no))
        self._room(state, self._size(state, values, preds))
        size = self._size(state, values, preds)
        self.seen[scope_no][1].update(values)
        dots = [rec, *refs, *(dot for each in preds or () for dot in each)]
        seen = {dot >> K_BITS for dot in dots if dot is not None} - {state.open_no}
        if any(not 0 < no < state.next_no for no in seen):
            # Sealing could not name the block, and would fail for everything written since.
            raise InvalidWriteError("no such record", table=table)
        if not seen <= set(state.open_refs):
            state.open_refs = tuple(sorted(seen | set(state.open_refs)))
        op = replace(op, k=state.open_count)
        row = OpenOp(scope_no, state.open_no, op.k, state.next_pos, encode_open_op(op))
        self.ops.append(row)
        state.open_count, state.open_bytes = state.open_count + 1, state.open_bytes + size
        state.next_pos += 1
        made = row.no << K_BITS | row.k
        for name in names if rec is not None else ():
            self._latest[scope_no, table, rec, name] = made
        return RecordKey(scope_no, made)

    def _size(
        self,
        state: ScopeState,
        values: tuple[Value, ...],
        preds: tuple[tuple[int, ...], ...] | None,
    ) -> int:
        """About what an op adds to the raw body: texts that its block holds already cost an
        index."""
        no, texts = self.seen.get(state.scope_no, (0, set()))
        if no != state.open_no:
            texts = set()
            self.seen[state.scope_no] = (state.open_no, texts)
        new = sum(
            3 * len(each) for each in values if isinstance(each, str | bytes) and each not in texts
        )
        return (
            _OP_BYTES + 2 * len(values) + new + sum(_PRED_BYTES * len(each) for each in preds or ())
        )

    def _room(self, state: ScopeState, size: int) -> None:
        """Begin a new open block where the present one has no room for one more op."""
        full = (
            state.open_count >= SEAL_OPS
            or state.open_bytes + size > SEAL_RAW_BYTES
            or len(state.open_refs) >= _REFS_OPEN
        )
        if state.open_no == 0 or (full and state.open_count):
            state.open_no, state.next_no = state.next_no, state.next_no + 1
            state.open_count, state.open_bytes, state.open_refs = 0, 0, ()

    def _table(self, name: str) -> Table:
        try:
            return self.schema.by_name[name]
        except KeyError as error:
            raise InvalidWriteError("no such table", table=name) from error

    def _scope_for(self, table: Table, scope_no: int | None) -> int:
        """Where a new record stands; nobody is granted the scope that only the centre holds."""
        if table.centre_only:
            centre = centre_scope_no(self.feeds)
            if centre is None or scope_no not in (None, centre):
                raise InvalidWriteError("stands in the scope of the centre only", table=table.name)
            return centre
        if scope_no is None:
            return self.home_scope_no
        if table.name.startswith("_") and scope_no == centre_scope_no(self.feeds):
            raise InvalidWriteError("nobody else holds this scope", table=table.name)
        return scope_no

    def _is_astray(self, table: Table, key: RecordKey) -> bool:
        """Whether a record that only the centre should hold stands where others read it."""
        return table.centre_only and key.scope_no != centre_scope_no(self.feeds)

    def _stay(self, table: Table, key: RecordKey) -> None:
        """A record astray is not written on: it is deleted or voided there and entered again."""
        if self._is_astray(table, key):
            raise InvalidWriteError("stands in the scope of the centre only", table=table.name)

    def _check_names(self, table: Table, fields: Mapping[str, object]) -> None:
        for name in fields:
            if name not in table.field_types:
                raise InvalidWriteError("no such field", table=table.name, field=name)

    def _value(self, table: Table, name: str, value: object) -> Value:
        try:
            return to_wire(value, table.field_types[name])
        except (ValueError, TypeError) as error:
            raise InvalidWriteError(str(error), table=table.name, field=name) from error


def centre_scope_no(feeds: FeedStore) -> int | None:
    """Local number of the scope that only the centre holds; None at every other node."""
    scope = feeds.meta(CENTRE_SCOPE)
    state = None if scope is None else feeds.scope_of(scope)
    return None if state is None else state.scope_no


def to_wire(value: object, kind: FieldType) -> Value:
    """Return a caller's value as the wire holds it; raises ValueError or TypeError."""
    if value is None:
        return None
    if kind == "date":
        return date.fromisoformat(str(value)).toordinal() - EPOCH_ORDINAL
    if kind == "ref":
        return value.rec if isinstance(value, RecordKey) else _integer(value)
    if kind == "int":
        return _integer(value)
    if kind == "bool":
        return bool(value)
    expected = bytes if kind == "bytes" else str
    if not isinstance(value, expected):
        raise TypeError(f"expected {kind}")
    size = len(value) if isinstance(value, bytes) else len(str(value).encode())
    if size > FIELD_BYTES:
        raise ValueError(f"longer than {FIELD_BYTES} bytes")
    return value


def _integer(value: object) -> int:
    if type(value) is not int or not -(1 << 62) < value < 1 << 62:
        raise TypeError("expected a whole number")
    return value


def _ref(value: Value) -> int | None:
    return value if isinstance(value, int) else None
