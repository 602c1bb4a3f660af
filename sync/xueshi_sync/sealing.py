"""From open ops to a packed block body: local numbers become dots on the wire (PROTOCOL 5.4)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xueshi_sync.block import PackedBody, pack_body
from xueshi_sync.body import INSERT, K_BITS, K_MASK, Op, encode_body, renumber
from xueshi_sync.schema import Schema
from xueshi_sync.store import FeedStore, OpenOp
from xueshi_sync.viewer import decode_open_op


@dataclass(frozen=True, slots=True)
class PackedOps:
    """The ops of one block, ready to be signed."""

    body: PackedBody
    op_count: int
    only_inserts: bool
    newest_ms: int


def pack_ops(
    feeds: FeedStore, schema: Schema, scope_no: int, no: int, rows: Sequence[OpenOp]
) -> PackedOps:
    """Encode and compress the ops of open block `no`, which takes no further ops.

    Blocks are packed in the order of their numbers: whatever an op refers to is sealed already, or
    came from elsewhere.
    """
    ops = [decode_open_op(row) for row in rows]
    ref_flags = [_ref_flags(schema, op) for op in ops]
    dots = {dot for op, flags in zip(ops, ref_flags, strict=True) for dot in _dots_of(op, flags)}
    others = sorted({dot >> K_BITS for dot in dots} - {no})
    names = [feeds.name_of(scope_no, other) for other in others]
    assert None not in names, "ops are sealed in the order of their numbers"
    place = {no: 0, **{other: index for index, other in enumerate(others, 1)}}
    wire = {dot: place[dot >> K_BITS] << K_BITS | dot & K_MASK for dot in dots}
    raw = encode_body(
        [name for name in names if name is not None],
        [renumber(op, wire, flags) for op, flags in zip(ops, ref_flags, strict=True)],
    )
    newest_ms = max(op.entered_at for op in ops) * 1000
    return PackedOps(pack_body(raw), len(ops), all(op.kind == INSERT for op in ops), newest_ms)


def _ref_flags(schema: Schema, op: Op) -> list[bool]:
    types = schema.by_name[op.table].field_types
    return [types.get(name) == "ref" for name in op.names]


def _dots_of(op: Op, ref_flags: Sequence[bool]) -> Iterator[int]:
    if op.rec is not None:
        yield op.rec
    for each in op.preds or ():
        yield from each
    for value, is_ref in zip(op.values, ref_flags, strict=True):
        if is_ref and isinstance(value, int):
            yield value
