"""What concurrent writes mean: current values, the one shown, verdicts and credit (PROTOCOL 8).

Pure functions of sets of writes. A write is current unless an applied write names it; the one that
is shown is chosen by rank, depth and block id, which decides nothing about money: a disputed entry
credits what was credited before the dispute.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from xueshi_sync.column import Value

PENDING: Final = "pending"
APPROVED: Final = "approved"
REJECTED: Final = "rejected"
VOID: Final = "void"
DISPUTED: Final = "disputed"
REPLACED: Final = "replaced"
RETURNED: Final = "returned"
WITHDRAWN: Final = "withdrawn"

VERDICTS: Final = {"approve": APPROVED, "reject": REJECTED, "void": VOID}
# What whoever writes a ledger says of an entry; "" takes back what was said before.
CHECKS: Final = ("pass", "return", "withdraw", "")


@dataclass(frozen=True, slots=True)
class Write:
    """A write of one field: its dot (local numbering), what it names, and its public name.

    `name` is (block id[:16], k) and orders equals alike on every node.
    """

    dot: int
    value: Value
    preds: tuple[int, ...]
    rank: int
    name: tuple[bytes, int]


def current_writes(writes: Iterable[Write]) -> list[Write]:
    """Return the writes that no other names, the one to show first."""
    every = {each.dot: each for each in writes}
    named = {pred for each in every.values() for pred in each.preds if pred != each.dot}
    current = [each for each in every.values() if each.dot not in named]
    if len(current) < 2:
        return current
    depths: dict[int, int] = {}
    for each in sorted(current, key=lambda each: each.name):
        _measure_depth(every, each.dot, depths)
    current.sort(key=lambda each: (each.rank, depths[each.dot], each.name), reverse=True)
    return current


def _measure_depth(every: Mapping[int, Write], start: int, depths: dict[int, int]) -> None:
    stack = [start]
    while stack:
        dot = stack[-1]
        if dot in depths:
            stack.pop()
            continue
        depths.setdefault(-dot - 1, 0)  # on the path: a forged cycle counts as depth 0
        preds = [pred for pred in sorted(every[dot].preds) if pred in every and pred != dot]
        waiting = [pred for pred in preds if pred not in depths and -pred - 1 not in depths]
        if waiting:
            stack.extend(waiting)
            continue
        depths[dot] = 1 + max((depths.get(pred, 0) for pred in preds), default=0)
        stack.pop()


def is_deleted(field_writes: Mapping[str, Sequence[Write]], deletions: Sequence[Write]) -> bool:
    """Whether a record is deleted: every current write of a field was seen by a current deletion.

    An edit made without knowledge of the deletion keeps the record (PROTOCOL 8.3).
    """
    marks = [each for each in current_writes(deletions) if each.value]
    if not marks or len(marks) != len(current_writes(deletions)):
        return False
    seen = {pred for each in marks for pred in each.preds}
    return all(
        write.dot in seen for writes in field_writes.values() for write in current_writes(writes)
    )


def unseen_by_deletion(
    field_writes: Mapping[str, Sequence[Write]], deletions: Sequence[Write]
) -> bool:
    """Whether an edit and a deletion stand against each other, for a person to decide."""
    current = current_writes(deletions)
    marked = [each for each in current if each.value]
    return bool(marked) and not is_deleted(field_writes, deletions)


@dataclass(frozen=True, slots=True)
class Standing:
    """What was said of one ledger entry: its state and the last verdict that was undisputed."""

    state: str
    settled: str


def judge(verdicts: Sequence[Write], checks: Sequence[Write] = ()) -> Standing:
    """Return the standing of an entry from all its verdicts; while there is none, from what those
    who may write it said."""
    current = current_writes(verdicts)
    settled = _settled(list(verdicts), current)
    if len({each.value for each in current}) > 1:
        return Standing(DISPUTED, settled)
    return Standing(_checked(checks) if settled == PENDING else settled, settled)


def _checked(checks: Sequence[Write]) -> str:
    """What waits, or was returned or withdrawn; of concurrent sayings the one that goes further."""
    said = {each.value for each in current_writes(checks)}
    if "withdraw" in said:
        return WITHDRAWN
    return RETURNED if "return" in said else PENDING


def _settled(every: list[Write], current: list[Write]) -> str:
    """The newest state that all current verdicts knew of; PENDING where there is none."""
    by_dot = {each.dot: each for each in every}
    while current:
        values = {each.value for each in current}
        if len(values) == 1:
            return VERDICTS.get(str(values.pop()), PENDING)
        common = frozenset.intersection(*(_ancestors(by_dot, each) for each in current))
        current = current_writes([by_dot[dot] for dot in common])
    return PENDING


def _ancestors(by_dot: Mapping[int, Write], write: Write) -> frozenset[int]:
    found: set[int] = set()
    stack = list(write.preds)
    while stack:
        dot = stack.pop()
        if dot in by_dot and dot not in found and dot != write.dot:
            found.add(dot)
            stack.extend(by_dot[dot].preds)
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Entry:
    """A ledger entry in its chain of corrections; `amount` in the table's unit (minutes)."""

    rec: int
    corrects: int | None
    amount: int
    standing: Standing


@dataclass(frozen=True, slots=True)
class Credit:
    """What an entry's line says and what it credits now."""

    state: str
    credited: int


def credit_chain(entries: Sequence[Entry]) -> dict[int, Credit]:
    """Credit one chain: an entry and everything that corrects it, directly or further on.

    One approved correction replaces what it corrects. Two rival approved corrections are disputed:
    the chain then credits the nearest approved entry above both, or nothing. The sum credited never
    exceeds one entry of the chain.
    """
    by_rec = {each.rec: each for each in entries}
    approved = [each for each in entries if each.standing.settled == APPROVED]
    above = {each.rec: _above(by_rec, each) for each in approved}
    replaced = {rec for each in approved for rec in above[each.rec]}
    rivals = [each for each in approved if each.rec not in replaced]
    credited = rivals[0].rec if len(rivals) == 1 else _nearest_common(rivals, approved, above)
    result = {}
    for each in entries:
        state = each.standing.state
        if len(rivals) > 1 and each in rivals:
            state = DISPUTED
        elif state == APPROVED and each.rec in replaced and each.rec != credited:
            state = REPLACED
        result[each.rec] = Credit(state, max(each.amount, 0) if each.rec == credited else 0)
    return result


def _above(by_rec: Mapping[int, Entry], entry: Entry) -> list[int]:
    """What `entry` corrects, directly or further on, nearest first; a forged cycle ends it."""
    path: list[int] = []
    target = entry.corrects
    while target is not None and target in by_rec and target != entry.rec and target not in path:
        path.append(target)
        target = by_rec[target].corrects
    return path


def _nearest_common(
    rivals: Sequence[Entry], approved: Sequence[Entry], above: Mapping[int, list[int]]
) -> int | None:
    if not rivals:
        return None
    ok = {each.rec for each in approved}
    shared = set.intersection(*(set(above[each.rec]) for each in rivals)) & ok
    nearest = {next((rec for rec in above[each.rec] if rec in shared), None) for each in rivals}
    return nearest.pop() if len(nearest) == 1 else None
