"""What the centre changes about schools and the nodes that speak for them (PROTOCOL 7.1): another
name, a node that speaks in a scope of others, a cut that is lifted, a school that is closed."""

from sqlite3 import Row
from typing import TYPE_CHECKING, Final

from xueshi_sync.errors import InvalidWriteError, UnknownNodeError, WrongTierError
from xueshi_sync.membership import CENTRE, cut
from xueshi_sync.schema import CUT_TABLE, NODE_TABLE, SCOPE_TABLE
from xueshi_sync.writer import RecordKey

if TYPE_CHECKING:
    from xueshi_sync.node import Node

# What `_scope.kind` says of a school that ended; what it wrote still counts.
CLOSED: Final = "closed"
# Tiers that a node may be given where it is a guest: it acts for a school, or takes one over.
_GUESTS: Final = ("school", "township")


def grant(node: "Node", node_id: str, scope_no: int, tier: str) -> None:
    """Let a node of the county speak in the scope of another school too, and read it.

    Raises WrongTierError, UnknownNodeError, InvalidWriteError for a tier that cannot be given.
    """
    _refuse_others(node)
    if tier not in _GUESTS:
        raise InvalidWriteError(f"tier {tier}", field="tier")
    target = bytes.fromhex(node_id)
    stands = _rows_of(node, target)
    if not stands:
        raise UnknownNodeError(node=node_id)
    held = [each for each in stands if each["scope_no"] == scope_no]
    with node.write(CENTRE) as action:
        for row in held:
            action.set(NODE_TABLE.name, _key(row), {"granted": True, "tier": tier})
        if not held:
            action.insert(
                NODE_TABLE.name,
                {name: stands[0][name] for name in ("node", "key", "code", "name")}
                | {"tier": tier, "granted": True},
                scope_no=scope_no,
            )


def deny(node: "Node", node_id: str, scope_no: int) -> None:
    """Let a guest speak and read there no longer. Raises WrongTierError, UnknownNodeError."""
    _refuse_others(node)
    held = [each for each in _rows_of(node, bytes.fromhex(node_id)) if each["scope_no"] == scope_no]
    if not held:
        raise UnknownNodeError(node=node_id)
    with node.write(CENTRE) as action:
        for row in held:
            action.set(NODE_TABLE.name, _key(row), {"granted": False})


def lift(node: "Node", node_id: str) -> int:
    """Let everything of a node count again that was cut off; returns the cuts lifted."""
    _refuse_others(node)
    rows = node.query(
        f"SELECT scope_no, rec FROM {CUT_TABLE.name}"
        " WHERE node = ? AND NOT deleted AND NOT coalesce(lifted, 0)",
        [bytes.fromhex(node_id)],
    )
    with node.write(CENTRE) as action:
        for row in rows:
            action.set(CUT_TABLE.name, _key(row), {"lifted": True})
    return len(rows)


def rename(node: "Node", scope_no: int, code: str, name: str) -> None:
    """Give a school another code or name, and its computers wherever they stand.

    The scope stays the same one, so nothing written before is touched. Raises WrongTierError,
    InvalidWriteError for a code that another school has.
    """
    _refuse_others(node)
    row = _scope_row(node, scope_no)
    taken = "SELECT 1 FROM scope WHERE code = ? AND scope_no <> ?"
    if node.query(taken, [code, scope_no]):
        raise InvalidWriteError("another school has this code", field="code")
    change = {"code": code, "name": name}
    homes = _homes(node, row)
    with node.write(CENTRE) as action:
        action.set(SCOPE_TABLE.name, _key(row), change)
        for target in homes:
            for each in _rows_of(node, target):
                action.set(NODE_TABLE.name, _key(each), change)


def close(node: "Node", scope_no: int, reason: str) -> None:
    """End a school: what its own computers wrote until now counts, nothing after, and nobody
    expects to hear from it. Guests who were let in go on. Raises WrongTierError."""
    _refuse_others(node)
    row = _scope_row(node, scope_no)
    with node.write(CENTRE) as action:
        for target in _homes(node, row):
            cut(node, action, target, reason)
        action.set(SCOPE_TABLE.name, _key(row), {"kind": CLOSED})


def reopen(node: "Node", scope_no: int, kind: str) -> None:
    """Expect a school again that was closed. Which of its computers may speak again is said of
    each (`lift`). Raises WrongTierError."""
    _refuse_others(node)
    if kind not in _GUESTS:
        raise InvalidWriteError(f"tier {kind}", field="kind")
    row = _scope_row(node, scope_no)
    with node.write(CENTRE) as action:
        action.set(SCOPE_TABLE.name, _key(row), {"kind": kind})


def _scope_row(node: "Node", scope_no: int) -> Row:
    rows = node.query(
        f"SELECT scope_no, rec, code FROM {SCOPE_TABLE.name} WHERE scope_no = ?"
        " ORDER BY rec LIMIT 1",
        [scope_no],
    )
    if not rows:
        raise InvalidWriteError("no such school", field="scope")
    return rows[0]


def _homes(node: "Node", scope: Row) -> list[bytes]:
    """The school's own computers, and no guests: their invitation named its code."""
    rows = node.query(
        f"SELECT DISTINCT node FROM {NODE_TABLE.name}"
        " WHERE scope_no = ? AND code = ? AND NOT deleted",
        [scope["scope_no"], scope["code"]],
    )
    return [bytes(row["node"]) for row in rows]


def _rows_of(node: "Node", target: bytes) -> list[Row]:
    """What stands of a node, its home first."""
    return node.query(
        "SELECT n.scope_no, n.rec, n.node, n.key, n.code, n.name"
        f" FROM {NODE_TABLE.name} n JOIN scope s USING (scope_no)"
        " WHERE n.node = ? AND NOT n.deleted ORDER BY s.code IS NOT n.code, n.scope_no, n.rec",
        [target],
    )


def _key(row: Row) -> RecordKey:
    return RecordKey(row["scope_no"], row["rec"])


def _refuse_others(node: "Node") -> None:
    if not node.replica.is_centre:
        raise WrongTierError("only the centre says who speaks where")
