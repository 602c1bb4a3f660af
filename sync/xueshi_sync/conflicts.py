"""Listing what waits for a person: concurrent values of one field, and disputed entries."""

from typing import TYPE_CHECKING

from xueshi_sync.body import DELETED_FIELD, JUDGED_FIELD, K_BITS, K_MASK
from xueshi_sync.merge import Write, current_writes
from xueshi_sync.reports import Conflict, ConflictValue
from xueshi_sync.store import WriteRow
from xueshi_sync.viewer import UNSEALED
from xueshi_sync.writer import RecordKey

if TYPE_CHECKING:
    from xueshi_sync.node import Node


def list_conflicts(node: "Node") -> list[Conflict]:
    """Every conflict of the view, the shown value apart from the others."""
    rows = node.query("SELECT scope_no, tbl, rec, field FROM conflict ORDER BY 1, 2, 3, 4")
    return [_conflict(node, RecordKey(row[0], row[2]), row[1], row[3]) for row in rows]


def _conflict(node: "Node", key: RecordKey, table: str, field: str) -> Conflict:
    writes = node.view.writes_of(key.scope_no, table, [key.rec])
    # One op may write several fields, all under its one dot.
    by_dot = {(write.dot, write.field): write for write in writes}
    fields = {write.field for write in writes} if field == DELETED_FIELD else {field}
    current = [
        by_dot[each.dot, name]
        for name in sorted(fields)
        for each in current_writes(
            _merge_write(node, key, write) for write in writes if write.field == name
        )
    ]  # fmt: skip
    if field == JUDGED_FIELD and len(current) < 2:
        current += _rival_verdicts(node, key, table, current)
    values = [_value(node, key, write) for write in current]
    return Conflict(key, table, field, values[0], values[1:])


def _rival_verdicts(
    node: "Node", key: RecordKey, table: str, own: list[WriteRow]
) -> list[WriteRow]:
    """A dispute between approved corrections lies in the verdicts of the rivals."""
    declared = node.schema.by_name[table]
    if declared.corrects is None:
        return []
    rows = node.query(
        f'SELECT b.rec FROM "{table}" a JOIN "{table}" b ON b.scope_no = a.scope_no'
        f' AND b."{declared.corrects}" = a."{declared.corrects}" AND b.rec <> a.rec'
        " WHERE a.scope_no = ? AND a.rec = ?",
        key,
    )
    writes = node.view.writes_of(key.scope_no, table, [row[0] for row in rows])
    return [write for write in writes if write.field == JUDGED_FIELD and write not in own]


def _merge_write(node: "Node", key: RecordKey, row: WriteRow) -> Write:
    name = node.feeds.name_of(key.scope_no, row.dot >> K_BITS) or UNSEALED
    return Write(row.dot, row.value, row.preds, row.rank, (name, row.dot & K_MASK))


def _value(node: "Node", key: RecordKey, row: WriteRow) -> ConflictValue:
    author = node.query("SELECT code, name, node_id FROM author WHERE author = ?", (row.author,))[0]
    shown = author["name"] or author["node_id"]
    dot = node.public_id(RecordKey(key.scope_no, row.dot))
    return ConflictValue(row.value, shown, row.actor, row.entered_at, dot, row.note)
