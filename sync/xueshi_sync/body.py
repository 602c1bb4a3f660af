"""The body of a data block: ops in column groups, one canonical encoding (PROTOCOL 5).

A body is canonical MessagePack of `[refs, groups]`. Ops of one kind, flag, table and field set
form a group; each column is coded by `column`. An op is named by its place `k` in the order of
entry, so that sealing never renames anything. A dot on the wire is `ref * 4096 + k`, where ref 0
is this block and n the n-th of `refs`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import msgspec

from xueshi_sync.column import Column, Value, decode_column, encode_column
from xueshi_sync.errors import LimitExceededError, MalformedBlockError
from xueshi_sync.limits import (
    BLOCK_OPS,
    CELLS_PER_BLOCK,
    FIELD_BYTES,
    FIELDS_PER_OP,
    GROUPS_PER_BLOCK,
    PREDS_PER_BLOCK,
    PREDS_PER_FIELD,
    REFS_PER_BLOCK,
)

INSERT: Final = 1
SET: Final = 2
DELETE: Final = 3
JUDGE: Final = 4
RESOLVE: Final = 5
LINK_FILE: Final = 6
CHECK: Final = 7

FLAG_CRITICAL: Final = 1

# The fields that DELETE, JUDGE and CHECK write; no declared field starts with an underscore.
DELETED_FIELD: Final = "_deleted"
JUDGED_FIELD: Final = "_judged"
CHECKED_FIELD: Final = "_checked"
REASON_FIELD: Final = "_reason"

_GROUP_PARTS: Final = 11
K_BITS: Final = 12
K_MASK: Final = (1 << K_BITS) - 1
assert BLOCK_OPS == 1 << K_BITS

Preds = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Op:
    """One op, with dots in whichever numbering its holder uses (wire or local).

    `fields` and `preds` are parallel to `names`; an insert has neither `rec` nor `preds`.
    """

    k: int
    kind: int
    table: str
    names: tuple[str, ...]
    values: tuple[Value, ...]
    rec: int | None = None
    preds: tuple[Preds, ...] | None = None
    actor: str = ""
    entered_at: int = 0
    flags: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """A decoded group: `count` ops, column by column, dots in wire numbering."""

    kind: int
    flags: int
    table: str
    names: tuple[str, ...]
    count: int
    ks: Column
    actors: Column
    times: Column
    recs: Column | None
    values: tuple[Column, ...]
    preds: tuple[list[Preds], ...] | None

    def ops(self) -> Iterator[Op]:
        """The group's ops one by one, in wire numbering."""
        columns = [each.values() for each in self.values]
        recs = self.recs.values() if self.recs else [None] * self.count
        stamps = zip(self.ks.values(), self.actors.values(), self.times.values(), recs, strict=True)
        for place, (k, actor, entered_at, rec) in enumerate(stamps):
            yield Op(
                k=k,  # type: ignore[arg-type]  # checked in _decode_group
                kind=self.kind,
                table=self.table,
                names=self.names,
                values=tuple(each[place] for each in columns),
                rec=rec,  # type: ignore[arg-type]
                preds=tuple(each[place] for each in self.preds) if self.preds else None,
                actor=actor,  # type: ignore[arg-type]
                entered_at=entered_at,  # type: ignore[arg-type]
                flags=self.flags,
            )


@dataclass(frozen=True, slots=True)
class Body:
    """A decoded body: blocks referred to (bid[:16]) and groups."""

    refs: tuple[bytes, ...]
    groups: tuple[Group, ...]


def encode_body(refs: Sequence[bytes], ops: Iterable[Op]) -> bytes:
    """Encode ops whose dots are already in wire numbering over `refs`."""
    grouped: dict[tuple[object, ...], list[Op]] = {}
    for op in sorted(ops, key=lambda each: each.k):
        key = (op.kind, op.flags, op.table, op.names)
        grouped.setdefault(key, []).append(op)
    groups = [_encode_group(each) for each in grouped.values()]
    return msgspec.msgpack.encode([list(refs), groups])


def _encode_group(ops: list[Op]) -> list[object]:
    first = ops[0]
    preds: list[object] | None = None
    if first.preds is not None:
        preds = [_encode_preds([op.preds[i] for op in ops if op.preds]) for i in _places(first)]
    return [
        first.kind,
        first.flags,
        first.table,
        list(first.names),
        len(ops),
        encode_column([op.k for op in ops]),
        encode_column([op.actor for op in ops]),
        encode_column([op.entered_at for op in ops]),
        None if first.rec is None else encode_column([op.rec for op in ops]),
        [encode_column([op.values[i] for op in ops]) for i in _places(first)],
        preds,
    ]


def _places(op: Op) -> range:
    return range(len(op.names))


def _encode_preds(lists: list[Preds]) -> list[object]:
    flat: list[Value] = [pred for each in lists for pred in each]
    return [encode_column([len(each) for each in lists]), encode_column(flat) if flat else None]


def decode_body(raw: bytes, op_count: int) -> Body:
    """Decode and check limits and canonical form; raises MalformedBlockError,
    LimitExceededError."""
    try:
        decoded = msgspec.msgpack.decode(raw)
        if msgspec.msgpack.encode(decoded) != raw:
            raise MalformedBlockError("body is not canonical MessagePack")
    except (msgspec.DecodeError, ValueError, RecursionError, OverflowError, TypeError) as error:
        raise MalformedBlockError(f"body: {error}") from error
    match decoded:
        case [list(refs), list(groups)]:
            pass
        case _:
            raise MalformedBlockError("body is not [refs, groups]")
    if len(refs) > REFS_PER_BLOCK or len(groups) > GROUPS_PER_BLOCK:
        raise LimitExceededError("refs or groups", limit=REFS_PER_BLOCK, actual=len(refs))
    if any(type(each) is not bytes or len(each) != 16 for each in refs):
        raise MalformedBlockError("ref is not 16 bytes")
    _check_sizes(groups, op_count)
    body = Body(tuple(refs), tuple(_decode_group(each, len(refs)) for each in groups))
    _check_order(body, op_count)
    if sum(len(each) for group in body.groups for each in _pred_lists(group)) > PREDS_PER_BLOCK:
        raise LimitExceededError("preds in a block", limit=PREDS_PER_BLOCK)
    return body


def _check_sizes(groups: list[object], op_count: int) -> None:
    """Bound what the groups claim before any of their columns is spread out."""
    cells = ops = 0
    for group in groups:
        match group:
            case [_, _, _, list(names), count, *_] if type(count) is int and 0 < count <= BLOCK_OPS:
                ops, cells = ops + count, cells + count * max(1, len(names))
            case _:
                raise MalformedBlockError("group of the wrong shape")
    if ops != op_count:
        raise MalformedBlockError("groups hold another number of ops than the header")
    if cells > CELLS_PER_BLOCK:
        raise LimitExceededError("cells in a block", limit=CELLS_PER_BLOCK, actual=cells)


def _pred_lists(group: Group) -> Iterator[Preds]:
    for each in group.preds or ():
        yield from each


def _check_order(body: Body, op_count: int) -> None:
    ks = sorted(k for group in body.groups for k in group.ks.values())  # type: ignore[type-var]
    if ks != list(range(op_count)) or len(set(body.refs)) != len(body.refs):
        raise MalformedBlockError("ops are not numbered 0..n-1, or refs repeat")
    keys = [(each.kind, each.flags, each.table, each.names) for each in body.groups]
    firsts = [each.ks.values()[0] for each in body.groups]
    if len(set(keys)) != len(keys) or firsts != sorted(firsts):  # type: ignore[type-var]
        raise MalformedBlockError("groups repeat or are out of order")


def _decode_group(coded: object, ref_count: int) -> Group:
    if not isinstance(coded, list) or len(coded) != _GROUP_PARTS:
        raise MalformedBlockError("group of the wrong shape")
    kind, flags, table, names, count, ks, actors, times, recs, values, preds = coded
    if type(kind) is not int or type(flags) is not int or not (0 < kind < 256 and 0 <= flags < 256):
        raise MalformedBlockError("group kind or flags")
    if not isinstance(table, str) or not isinstance(values, list) or len(values) != len(names):
        raise MalformedBlockError("group of the wrong shape")
    if len(names) > FIELDS_PER_OP or any(type(each) is not str or not each for each in names):
        raise MalformedBlockError("group with bad field names")
    if len(set(names)) != len(names) or (not names and kind != INSERT):
        raise MalformedBlockError("group repeats field names, or has none")
    group = Group(
        kind, flags, table, tuple(names), count,
        _typed(ks, count, int), _typed(actors, count, str), _typed(times, count, int),
        None if recs is None else _dots(recs, count, ref_count),
        tuple(_sized(decode_column(each, count)) for each in values),
        None if preds is None else _decode_all_preds(preds, len(names), count, ref_count),
    )  # fmt: skip
    if (group.recs is None) != (kind == INSERT) or (group.preds is None) != (kind == INSERT):
        raise MalformedBlockError("record and preds stand in all kinds but insert")
    ordered = group.ks.values()
    if any(left >= right for left, right in pairwise(ordered)):  # type: ignore[operator]
        raise MalformedBlockError("ops of a group are out of order")
    _check_backward(group, ordered)  # type: ignore[arg-type]
    return group


def _check_backward(group: Group, ks: list[int]) -> None:
    """A dot of this very block names an earlier op, so that no set of writes is ever circular."""
    columns: list[list[Preds]] = list(group.preds or ())
    if group.recs is not None:
        columns.append([(rec,) for rec in group.recs.values()])  # type: ignore[misc]
    for column in columns:
        for k, dots in zip(ks, column, strict=True):
            if any(k <= dot <= K_MASK for dot in dots):
                raise MalformedBlockError("op names itself or a later op")


def _typed(coded: object, count: int, kind: type) -> Column:
    column = decode_column(coded, count)
    if any(type(each) is not kind for each in column.distinct()):
        raise MalformedBlockError(f"column is not all {kind.__name__}")
    return column


def _dots(coded: object, count: int, ref_count: int) -> Column:
    column = _typed(coded, count, int)
    if any(each < 0 or each >> K_BITS > ref_count for each in column.distinct()):  # type: ignore[operator]
        raise MalformedBlockError("dot refers beyond the refs")
    return column


def _sized(column: Column) -> Column:
    for each in column.distinct():
        if isinstance(each, str) and (len(each) > FIELD_BYTES // 4):
            if len(each.encode()) > FIELD_BYTES:
                raise LimitExceededError("field", limit=FIELD_BYTES, actual=len(each.encode()))
        elif isinstance(each, bytes) and len(each) > FIELD_BYTES:
            raise LimitExceededError("field", limit=FIELD_BYTES, actual=len(each))
    return column


def _decode_all_preds(
    coded: object, name_count: int, count: int, ref_count: int
) -> tuple[list[Preds], ...]:
    if not isinstance(coded, list) or len(coded) != name_count:
        raise MalformedBlockError("preds of another number of fields")
    decoded, total = [], 0
    for each in coded:
        decoded.append(_decode_preds(each, count, ref_count))
        total += sum(len(preds) for preds in decoded[-1])
        if total > PREDS_PER_BLOCK:
            raise LimitExceededError("preds in a block", limit=PREDS_PER_BLOCK, actual=total)
    return tuple(decoded)


def _decode_preds(coded: object, count: int, ref_count: int) -> list[Preds]:
    if not isinstance(coded, list) or len(coded) != 2:
        raise MalformedBlockError("preds of the wrong shape")
    lengths: list[int] = _typed(coded[0], count, int).values()  # type: ignore[assignment]
    total = sum(lengths)
    if total > PREDS_PER_BLOCK:
        raise LimitExceededError("preds in a block", limit=PREDS_PER_BLOCK, actual=total)
    if min(lengths) < 0 or max(lengths) > PREDS_PER_FIELD:
        raise LimitExceededError("preds", limit=PREDS_PER_FIELD, actual=max(lengths))
    if (coded[1] is None) != (total == 0):
        raise MalformedBlockError("preds of another number")
    flat = _dots(coded[1], total, ref_count).values() if total else []
    preds, start = [], 0
    for length in lengths:
        preds.append(tuple(flat[start : start + length]))
        start += length
    return preds  # type: ignore[return-value]  # _dots checked the type


def renumber(op: Op, dots: Mapping[int, int], ref_fields: Sequence[bool]) -> Op:
    """Return `op` with every dot replaced through `dots`; `ref_fields` marks values that are
    dots."""
    values = tuple(
        dots[value] if is_ref and isinstance(value, int) else value
        for value, is_ref in zip(op.values, ref_fields, strict=True)
    )
    return Op(
        op.k, op.kind, op.table, op.names, values,
        None if op.rec is None else dots[op.rec],
        None if op.preds is None else tuple(tuple(dots[p] for p in each) for each in op.preds),
        op.actor, op.entered_at, op.flags,
    )  # fmt: skip
