"""Receipts: the centre signs for what is durable there, a node keeps what it may show others."""

from collections.abc import Iterable, Sequence

import msgspec

from xueshi_sync.frame import Receipt, sign_receipt, verify_receipt
from xueshi_sync.limits import HEADS_INLINE
from xueshi_sync.replica import Replica


def stored_receipt(replica: Replica, feed: bytes) -> Receipt | None:
    """The newest receipt kept for a feed."""
    data = replica.feeds.receipt(feed)
    return None if data is None else msgspec.msgpack.decode(data, type=Receipt)


def unreceipted(replica: Replica, heads: dict[bytes, frozenset[bytes]]) -> list[bytes]:
    """Own feeds with a head that no receipt names yet."""
    wants = []
    for feed_id, blocks in heads.items():
        feed = replica.feeds.feed(feed_id)
        if feed is None or feed.node != replica.identity.node:
            continue
        receipt = stored_receipt(replica, feed_id)
        if receipt is None or receipt.block not in blocks:
            wants.append(feed_id)
    return wants


def keep_receipts(replica: Replica, receipts: Sequence[Receipt]) -> None:
    """Keep those that verify, name a block that is here and are newer than what is kept."""
    genesis = replica.identity.genesis
    assert genesis is not None, "receipts come with a net"
    for receipt in receipts:
        place = replica.feeds.place_of(receipt.block)
        if place is None or place[0] != receipt.feed or place[1] != receipt.seq:
            continue
        verify_receipt(replica.suite, genesis.centre_key, genesis.net, receipt)
        kept = stored_receipt(replica, receipt.feed)
        if kept is None or kept.seq <= receipt.seq:
            replica.feeds.put_receipt(receipt.feed, receipt.block, msgspec.msgpack.encode(receipt))


def sign_receipts(replica: Replica, wants: Sequence[bytes]) -> list[Receipt]:
    """Sign for the newest head of each wanted feed; one that is here is durable already."""
    receipts = []
    for feed in wants[:HEADS_INLINE]:
        heads = replica.feeds.heads_of(feed)
        block = replica.feeds.block(max(heads, key=lambda each: each[1])[0]) if heads else None
        if block is None:
            continue
        bare = Receipt(feed, block.bid[:16], block.seq, block.pos, replica.env.now_ms() // 1000, 0)
        receipts.append(sign_receipt(replica.suite, replica.seed, replica.net, bare))
    return receipts


def receipts_for(replica: Replica, node: bytes, scope_nos: Iterable[int]) -> list[Receipt]:
    """Receipts for everything of a node that is held here, for a bundle."""
    wants = [
        feed.feed for scope_no in scope_nos for feed in replica.feeds.feeds(scope_no)
        if feed.node == node
    ]  # fmt: skip
    return sign_receipts(replica, wants)
