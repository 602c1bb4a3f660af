"""From ops to tables: applies batches of one block to the view (PROTOCOL 8).

The view is a function of the set of blocks: inserts are rows, every later write is kept in full and
the touched records are computed anew from all their writes, so order and repetition do not show.
Work grows with the change, never with the table.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import repeat
from typing import Final

from xueshi_sync.authority import RANK, may
from xueshi_sync.body import (
    CHECK,
    CHECKED_FIELD,
    DELETE,
    DELETED_FIELD,
    INSERT,
    JUDGE,
    JUDGED_FIELD,
    K_BITS,
    K_MASK,
    REASON_FIELD,
    RESOLVE,
    SET,
    Body,
    Group,
    Op,
)
from xueshi_sync.column import Column, Value
from xueshi_sync.merge import (
    Entry,
    Write,
    credit_chain,
    current_writes,
    is_deleted,
    judge,
    unseen_by_deletion,
)
from xueshi_sync.schema import FieldType, Schema, Table
from xueshi_sync.store import ViewStore, WriteRow

_APPLIED: Final = (INSERT, SET, DELETE, JUDGE, RESOLVE, CHECK)
EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote a block, as the view numbers it, and the tier its rights come from."""

    number: int
    tier: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Ops of one kind, table and field set, column by column, in local numbering and view form."""

    kind: int
    table: str
    names: tuple[str, ...]
    dots: list[int]
    recs: list[int] | None
    values: tuple[list[Value], ...]
    preds: tuple[Sequence[tuple[int, ...]], ...] | None
    actors: list[str]
    times: list[int]


@dataclass(slots=True)
class Projector:
    """Applies batches of one scope; `name_of` gives a block's public id[:16] by local number."""

    view: ViewStore
    schema: Schema
    scope_no: int
    name_of: Callable[[int], bytes]
    _touched: dict[str, set[int]] = field(default_factory=dict)

    def apply(self, batches: Iterable[Batch], author: Author) -> int:
        """Apply what `author` may write; returns how many ops were not. Call `refresh` when all is
        applied."""
        denied = 0
        for batch in batches:
            table = self.schema.by_name.get(batch.table)
            if table is None:
                continue
            if not may(table, batch.kind, author.tier):
                denied += len(batch.dots)
            elif batch.kind == INSERT:
                self._insert(table, batch, author)
            else:
                self._write(table, batch, author)
        return denied

    def refresh(self) -> None:
        """Compute every touched record anew from all its writes."""
        for name, recs in self._touched.items():
            table = self.schema.by_name[name]
            writes = _by_rec(self.view.writes_of(self.scope_no, name, sorted(recs)))
            if table.kind == "ledger":
                self._refresh_ledger(table, recs, writes)
            else:
                for rec in recs:
                    self._refresh_register(table, rec, writes.get(rec, []))
        self._touched.clear()

    def touch(self, table: str, recs: Iterable[int]) -> None:
        """Mark records to be computed anew."""
        self._touched.setdefault(table, set()).update(recs)

    def _insert(self, table: Table, batch: Batch, author: Author) -> None:
        given = dict(zip(batch.names, batch.values, strict=True))
        if table.corrects in given:
            given[table.corrects] = _backward(batch.dots, given[table.corrects])
        columns = [given.get(name, repeat(None)) for name in table.field_names]
        # strict=False: fields that this block does not carry repeat None without end.
        rows = zip(repeat(self.scope_no), batch.dots, *columns, repeat(author.number),
                   batch.actors, batch.times, strict=False)  # fmt: skip
        self.view.insert_rows(table, rows)
        low, high = min(batch.dots), max(batch.dots)
        self.touch(table.name, self.view.written_recs(self.scope_no, table.name, low, high))
        if table.corrects is not None:
            self.touch(table.name, self.view.correctors_of(table, self.scope_no, low, high))
            targets = zip(batch.dots, given.get(table.corrects, ()), strict=False)
            self.touch(table.name, [rec for rec, target in targets if target is not None])

    def _write(self, table: Table, batch: Batch, author: Author) -> None:
        rank = RANK[author.tier]
        notes: Sequence[Value] = [""] * len(batch.dots)
        if REASON_FIELD in batch.names:
            notes = batch.values[batch.names.index(REASON_FIELD)]
        writes = []
        for place, name in enumerate(batch.names):
            if name not in _writable(table, batch.kind):
                continue
            preds_of = (batch.preds or ())[place]
            stamps = zip(batch.recs or (), batch.dots, batch.values[place], preds_of,
                         batch.actors, batch.times, notes, strict=True)  # fmt: skip
            writes += [
                WriteRow(table.name, rec, name, dot, value, preds, rank, author.number, actor, at,
                         note if isinstance(note, str) else "")
                for rec, dot, value, preds, actor, at, note in stamps
            ]  # fmt: skip
        self.view.add_writes(self.scope_no, writes)
        self.touch(table.name, batch.recs or ())

    def _refresh_register(self, table: Table, rec: int, rows: list[WriteRow]) -> None:
        fields = self._by_field(rows)
        deletions = fields.pop(DELETED_FIELD, [])
        current = {name: current_writes(writes) for name, writes in fields.items()}
        shown: dict[str, Value] = {name: each[0].value for name, each in current.items() if each}
        shown["deleted"] = is_deleted(fields, deletions)
        conflicts = {name: len(each) for name, each in current.items() if len(each) > 1}
        if unseen_by_deletion(fields, deletions):
            conflicts[DELETED_FIELD] = len(current_writes(deletions)) + 1
        self.view.show(table, self.scope_no, rec, shown, conflicts)

    def _refresh_ledger(
        self, table: Table, recs: Iterable[int], writes: Mapping[int, list[WriteRow]]
    ) -> None:
        chain = self._chain(table, set(recs))
        extra = [rec for rec in chain if rec not in writes]
        verdicts = {**writes, **_by_rec(self.view.writes_of(self.scope_no, table.name, extra))}
        entries = []
        for rec, (corrects, amount) in chain.items():
            own = self._by_field(verdicts.get(rec, []))
            standing = judge(own.get(JUDGED_FIELD, []), own.get(CHECKED_FIELD, []))
            entries.append(Entry(rec, corrects, amount, standing))
        credits = [
            (rec, credit.state, credit.credited)
            for part in _components(entries)
            for rec, credit in credit_chain(part).items()
        ]
        self.view.put_credit(table, self.scope_no, credits)
        judged = [rec for rec in chain if rec in verdicts]
        dots = [
            write.dot
            for rec in judged
            for field in self._by_field(verdicts[rec]).values()
            for write in current_writes(field)
        ]
        self.view.put_current(self.scope_no, table.name, judged, dots)

    def _chain(self, table: Table, recs: set[int]) -> dict[int, tuple[int | None, int]]:
        """All entries connected to `recs` by corrections, as rec -> (corrects, amount)."""
        chain: dict[int, tuple[int | None, int]] = {}
        asked, wanted = set(recs), recs
        while wanted:
            rows = self.view.ledger_rows(table, self.scope_no, sorted(wanted))
            chain.update({row.rec: (row.corrects, row.amount) for row in rows})
            linked = {row.rec for row in rows} | {row.corrects for row in rows if row.corrects}
            wanted = linked - asked
            asked |= wanted
        return chain

    def _by_field(self, rows: Iterable[WriteRow]) -> dict[str, list[Write]]:
        fields: dict[str, list[Write]] = {}
        for row in rows:
            name = (self.name_of(row.dot >> K_BITS), row.dot & K_MASK)
            write = Write(row.dot, row.value, row.preds, row.rank, name)
            fields.setdefault(row.field, []).append(write)
        return fields


def _backward(dots: list[int], targets: list[Value]) -> list[Value]:
    """Corrections of earlier entries only: within one block a forged cycle would be possible."""
    return [
        None if isinstance(target, int) and target >> K_BITS == dot >> K_BITS and target >= dot
        else target
        for dot, target in zip(dots, targets, strict=True)
    ]  # fmt: skip


def _by_rec(rows: Iterable[WriteRow]) -> dict[int, list[WriteRow]]:
    found: dict[int, list[WriteRow]] = {}
    for row in rows:
        found.setdefault(row.rec, []).append(row)
    return found


def _components(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Split entries into chains; entries that correct the same absent record belong together."""
    by_rec = {each.rec: each for each in entries}
    parts: dict[int, list[Entry]] = {}
    for each in entries:
        path = [each.rec]
        target = each.corrects
        while target is not None and target not in path:
            path.append(target)
            target = by_rec[target].corrects if target in by_rec else None
        root = path[-1] if target is None else min(path[path.index(target) :])
        parts.setdefault(root, []).append(each)
    yield from parts.values()


def _writable(table: Table, kind: int) -> Iterable[str]:
    if kind == DELETE:
        return (DELETED_FIELD,)
    if kind == CHECK:
        return (CHECKED_FIELD,)
    if kind == JUDGE:
        return (JUDGED_FIELD,)
    if table.kind == "ledger":
        return (JUDGED_FIELD,)
    return (*table.field_names, DELETED_FIELD)


def batches_of_body(body: Body, schema: Schema, numbers: Sequence[int], own_no: int) -> list[Batch]:
    """Turn a decoded body into batches; `numbers` are the local numbers of its refs."""
    bases = [own_no << K_BITS, *(no << K_BITS for no in numbers)]
    return [
        _batch_of_group(group, schema.by_name[group.table], bases)
        for group in body.groups
        if group.table in schema.by_name and group.kind in _APPLIED
    ]


def _batch_of_group(group: Group, table: Table, bases: list[int]) -> Batch:
    own = bases[0]
    values = tuple(
        _view_column(column, table.field_types.get(name), bases)
        for name, column in zip(group.names, group.values, strict=True)
    )
    return Batch(
        group.kind,
        group.table,
        group.names,
        [own + k for k in group.ks.values()],  # type: ignore[operator]  # ints by decode
        None if group.recs is None else _local_column(group.recs, bases),
        values,
        None if group.preds is None else tuple(_local_preds(each, bases) for each in group.preds),
        group.actors.values(),  # type: ignore[arg-type]  # text by decode
        group.times.values(),  # type: ignore[arg-type]
    )


def _view_column(column: Column, kind: FieldType | None, bases: list[int]) -> list[Value]:
    def convert(value: Value) -> Value:
        return _local_ref(value, bases) if kind == "ref" else to_view(value, kind)

    distinct = column.distinct()
    if kind in ("text", "bytes", None) or len({type(each) for each in distinct}) > 1:
        # True and 1 are one key of a mapping and two values here.
        return column.replaced([convert(each) for each in distinct])
    # Columns coded by difference list every value: convert each day or number once all the same.
    shown = {each: convert(each) for each in set(distinct)}
    return column.replaced([shown[each] for each in distinct])


def _local_column(column: Column, bases: list[int]) -> list[int]:
    local = [bases[dot >> K_BITS] + (dot & K_MASK) for dot in column.distinct()]  # type: ignore[operator]
    return column.replaced(local)  # type: ignore[arg-type,return-value]


def _local_preds(lists: list[tuple[int, ...]], bases: list[int]) -> list[tuple[int, ...]]:
    return [tuple(bases[dot >> K_BITS] + (dot & K_MASK) for dot in each) for each in lists]


def _local_ref(value: Value, bases: list[int]) -> int | None:
    if type(value) is not int or value < 0 or value >> K_BITS >= len(bases):
        return None
    return bases[value >> K_BITS] + (value & K_MASK)


_PYTHON_TYPE: Final[Mapping[str, type]] = {
    "text": str, "int": int, "date": int, "bool": bool, "bytes": bytes, "ref": int,
}  # fmt: skip


def to_view(value: Value, kind: FieldType | None) -> Value:
    """Return a wire value as the view shows it; a value of another type than declared is empty."""
    if kind is None or value is None:
        return value
    if type(value) is not _PYTHON_TYPE[kind]:
        return None
    if kind == "date":
        return _iso_day(value)  # type: ignore[arg-type]
    if kind == "int" and not -(1 << 63) <= value < 1 << 63:  # type: ignore[operator]
        return None
    return value


def _iso_day(days: int) -> str | None:
    ordinal = EPOCH_ORDINAL + days
    return date.fromordinal(ordinal).isoformat() if 1 <= ordinal <= date.max.toordinal() else None


def batches_of_ops(ops: Iterable[tuple[int, Op]], schema: Schema) -> list[Batch]:
    """Turn local open ops, as (block number, op), into batches."""
    grouped: dict[tuple[object, ...], list[tuple[int, Op]]] = {}
    for no, op in ops:
        if op.table in schema.by_name:
            grouped.setdefault((op.kind, op.table, op.names), []).append((no, op))
    return [_batch_of_ops(each, schema) for each in grouped.values()]


def _batch_of_ops(ops: list[tuple[int, Op]], schema: Schema) -> Batch:
    first = ops[0][1]
    types = schema.by_name[first.table].field_types
    return Batch(
        first.kind,
        first.table,
        first.names,
        [no << K_BITS | op.k for no, op in ops],
        None if first.rec is None else [op.rec or 0 for _, op in ops],
        tuple(
            [to_view(op.values[place], types.get(name)) for _, op in ops]
            for place, name in enumerate(first.names)
        ),
        None
        if first.preds is None
        else tuple([(op.preds or ())[place] for _, op in ops] for place in range(len(first.names))),
        [op.actor for _, op in ops],
        [op.entered_at for _, op in ops],
    )
