"""What one action wrote, so that it can be taken back exactly while nobody built on it.

Nothing is removed from the ledger: an entry is withdrawn, a verdict or a check is taken back, a
register gets the values it had.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from xueshi_server.store.person_links import LINK
from xueshi_server.store.records import ATTACHMENT, OBJECTION, STEP
from xueshi_sync.body import CHECK, DELETE, DELETED_FIELD, INSERT, JUDGE, K_BITS, SET
from xueshi_sync.node import Node
from xueshi_sync.viewer import decode_open_op
from xueshi_sync.writer import Action, RecordKey

# What is taken back in a way of its own, or not at all.
_FINAL: Final = frozenset({STEP, ATTACHMENT, OBJECTION, LINK})
_TAKEN_BACK: Final = {JUDGE: "judgement", CHECK: "checking"}
PERSON: Final = "person"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was written: where, in which fields, and what stood there before."""

    kind: int
    table: str
    key: RecordKey
    dot: int
    names: tuple[str, ...] = ()
    before: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Saved:
    """What a session saved last: its name in addresses, when (by the site's clock), and the page
    with the form."""

    name: str
    at_s: float
    page: str
    steps: tuple[Step, ...]


def note_steps(node: Node, action: Action) -> tuple[Step, ...]:
    """What an action that is not committed yet wrote; empty where it cannot all be taken back."""
    steps = [_note(node, action, *each) for each in _ops(action)]
    return tuple(each for each in steps if each) if all(steps) else ()


def _ops(action: Action) -> Iterable[tuple[int, int, Any]]:
    for row in action.ops:
        yield row.scope_no, row.no << K_BITS | row.k, decode_open_op(row)


def _note(node: Node, action: Action, scope_no: int, dot: int, op: Any) -> Step | None:
    key = RecordKey(scope_no, dot if op.rec is None else op.rec)
    if op.table in _FINAL or op.kind not in (INSERT, SET, DELETE, JUDGE, CHECK):
        return None
    if op.kind == INSERT:
        return Step(INSERT, op.table, key, dot)
    if op.kind in _TAKEN_BACK:
        rows = node.query(
            f"SELECT * FROM {_TAKEN_BACK[op.kind]} WHERE scope_no = ? AND tbl = ? AND rec = ?"
            " AND current",
            [key.scope_no, op.table, key.rec],
        )
        if len(rows) > 1:
            return None
        said = {name: rows[0][name] for name in rows[0].keys()} if rows else {}  # noqa: SIM118
        value = str(said.get("verdict" if op.kind == JUDGE else "value") or "")
        return Step(op.kind, op.table, key, dot, op.names[:1],
                    {"value": value, "reason": str(said.get("reason") or "")})  # fmt: skip
    row = _row(node, op.table, key)
    if row is None:
        # Written by the same action: what it was before is nothing.
        return None if op.kind == DELETE else Step(SET, op.table, key, dot, ())
    before = {name: row[name] for name in op.names if op.kind == SET}
    return Step(op.kind, op.table, key, dot, op.names, before)


def take_back(node: Node, action: Action, steps: Iterable[Step], reason: str) -> bool:
    """Write what takes all of the steps back, the last one first; False, and nothing is written,
    where somebody built on one of them."""
    steps = list(steps)
    mine = {(each.table, each.key, each.dot) for each in steps}
    if not all(_is_as_left(node, each, mine) for each in steps):
        return False
    gone = {(each.table, each.key) for each in steps if each.kind == INSERT}
    for each in reversed(steps):
        if each.kind == INSERT or (each.table, each.key) not in gone:
            _take_back(node, action, each, reason)
    return True


def _is_as_left(node: Node, step: Step, mine: set[tuple[str, RecordKey, int]]) -> bool:
    """Whether nothing was written on a record since, and nothing hangs on a new one."""
    key = step.key
    writes = node.query(
        "SELECT dot, field FROM field_write WHERE scope_no = ? AND tbl = ? AND rec = ? AND current",
        [key.scope_no, step.table, key.rec],
    )
    names = {DELETED_FIELD} if step.kind == DELETE else set(step.names)
    for row in writes:
        touched = step.kind == INSERT or row["field"] in names
        if touched and (step.table, key, int(row["dot"])) not in mine:
            return False
    if step.kind == INSERT:
        if _row(node, step.table, key) is None:
            return False
        return step.table != PERSON or not _has_hours(node, key)
    return any(int(row["dot"]) == step.dot for row in writes) or not step.names


def _has_hours(node: Node, key: RecordKey) -> bool:
    sql = "SELECT 1 FROM hour WHERE scope_no = ? AND person = ? LIMIT 1"
    return bool(node.query(sql, [*key]))


def _take_back(node: Node, action: Action, step: Step, reason: str) -> None:
    if step.kind == INSERT:
        if node.schema.by_name[step.table].kind == "ledger":
            action.check(step.table, step.key, "withdraw", reason)
        else:
            action.delete(step.table, step.key)
    elif step.kind == SET:
        if step.before:
            action.set(step.table, step.key, step.before)
    elif step.kind == DELETE:
        action.resolve(step.table, step.key, DELETED_FIELD, False)
    elif step.kind == JUDGE:
        action.judge(step.table, step.key, step.before["value"], step.before["reason"])
    else:
        action.check(step.table, step.key, step.before["value"], step.before["reason"])


def _row(node: Node, table: str, key: RecordKey) -> Any | None:
    rows = node.query(f'SELECT * FROM "{table}" WHERE scope_no = ? AND rec = ?', [*key])
    if not rows or ("deleted" in rows[0].keys() and rows[0]["deleted"]):  # noqa: SIM118
        return None
    return rows[0]
