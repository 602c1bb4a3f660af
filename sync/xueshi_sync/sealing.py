"""From open ops to signed blocks of this epoch's feed.

What is packed is renumbered: local numbers become dots on the wire (PROTOCOL 5.4). Whoever seals
holds the lock to close a block to further ops and to store it, not in between.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import msgspec

from xueshi_sync.block import (
    DATA,
    EPOCH_OPEN,
    NO_BLOCK,
    EpochOpen,
    Feed,
    PackedBody,
    Place,
    pack_body,
    seal_block,
)
from xueshi_sync.body import INSERT, K_BITS, K_MASK, Op, encode_body, renumber
from xueshi_sync.errors import StorageError
from xueshi_sync.holdings import SOFTWARE, Holdings
from xueshi_sync.identity import FeedName, epoch_id
from xueshi_sync.schema import Schema
from xueshi_sync.store import FeedStore, OpenOp, ScopeState, StoredBlock
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


class Content(NamedTuple):
    """What a new block says.

    `wall_ms` is when the epoch began or the newest op was entered, not now: two copies of one disk
    that seal the same ops on the same parent then make the same block, and no fork.
    """

    kind: int
    raw: bytes | PackedBody
    wall_ms: int
    op_count: int = 0


def seal_open_block(holdings: Holdings, scope_no: int, no: int) -> bool:
    """Turn one open block into a sealed one; False if it was empty or another thread did so."""
    rows = _close_open(holdings, scope_no, no)
    if not rows:
        return False
    return _store_sealed(
        holdings, scope_no, no, pack_ops(holdings.feeds, holdings.schema, scope_no, no, rows)
    )


def _close_open(holdings: Holdings, scope_no: int, no: int) -> list[OpenOp]:
    """Let no further op into an open block, and return its ops; they can only be sealed now."""
    with holdings.lock:
        state = holdings.feeds.scope_state(scope_no)
        if state.open_no == no:
            with holdings.feeds.feed_transaction():
                holdings.feeds.put_scope(
                    replace(state, open_no=0, open_count=0, open_bytes=0, open_refs=())
                )
        return holdings.feeds.open_ops(scope_no, no)


def _store_sealed(holdings: Holdings, scope_no: int, no: int, packed: PackedOps) -> bool:
    """Sign and store a packed block, unless another thread did so meanwhile."""
    with holdings.lock:
        if no not in holdings.feeds.open_numbers(scope_no):
            return False
        with holdings.feeds.feed_transaction():
            state = holdings.feeds.scope_state(scope_no)
            stored = add_own(
                holdings, state, own_feed(holdings, state), no,
                Content(DATA, packed.body, packed.newest_ms, packed.op_count),
            )  # fmt: skip
            holdings.feeds.drop_open_ops(scope_no, no)
            holdings.feeds.put_scope(state)
        try:
            holdings.viewer.show_sealed(scope_no, stored, only_inserts=packed.only_inserts)
        except StorageError:
            holdings.is_behind = True
    return True


def own_feed(holdings: Holdings, state: ScopeState) -> Feed:
    """This epoch's feed in a scope; its epoch-open block is written at the first seal."""
    epoch = epoch_id(holdings.key, holdings.epoch.nonce)
    name = FeedName(holdings.net, holdings.identity.node, epoch, state.scope)
    known = holdings.feeds.feed(name.feed)
    if known is not None:
        return known
    older = [each for each in holdings.feeds.feeds(state.scope_no) if each.node == name.node]
    parents = sorted(head for each in older for head, _ in holdings.feeds.heads_of(each.feed))
    opened = EpochOpen(
        name.net, name.node, holdings.epoch.nonce, name.scope, holdings.key, holdings.epoch.reason,
        parents[-16:], holdings.machine, SOFTWARE,
    )  # fmt: skip
    feed = Feed(
        name.feed, name.node, epoch, name.scope, holdings.key, opened.reason, holdings.machine
    )
    holdings.feeds.add_feed(state.scope_no, feed)
    number, state.next_no = state.next_no, state.next_no + 1
    content = Content(EPOCH_OPEN, msgspec.msgpack.encode(opened), holdings.epoch.began_ms)
    add_own(holdings, state, feed, number, content)
    return feed


def add_own(
    holdings: Holdings, state: ScopeState, feed: Feed, no: int, content: Content
) -> StoredBlock:
    """Sign a block on this feed's newest head and store it; inside a transaction."""
    heads = holdings.feeds.heads_of(feed.feed)
    prev, seq = NO_BLOCK, 0
    if heads:
        head = holdings.feeds.block(max(heads, key=lambda each: (each[1], each[0]))[0])
        assert head is not None
        prev, seq = head.bid, head.seq + 1
    now_ms = max(holdings.env.now_ms(), 0)
    block = seal_block(
        holdings.suite, holdings.seed, kind=content.kind, place=Place(feed.feed, prev, seq),
        raw=content.raw, wall_ms=max(content.wall_ms, 0), op_count=content.op_count,
        schema=holdings.schema.version,
    )  # fmt: skip
    # A turn for the view of its own: what a power cut takes from the view comes back with it.
    stored = StoredBlock(
        state.scope_no, no, block.bid, feed.feed, seq, prev, content.kind, content.op_count,
        state.next_pos, now_ms,
    )  # fmt: skip
    state.next_pos += 1
    holdings.feeds.add_block(stored, block.data)
    return stored
