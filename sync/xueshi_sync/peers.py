"""What is remembered of a peer: its last contact, what it refused, how much it stored today."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from xueshi_sync.block import parse_block
from xueshi_sync.frame import REVOKED, RequestHeader, ResponseHeader
from xueshi_sync.intake import Code, Intake
from xueshi_sync.limits import NODE_DAY_BLOCKS, NODE_DAY_BYTES
from xueshi_sync.replica import Replica
from xueshi_sync.store import PeerState


def next_counter(replica: Replica) -> int:
    """Take the next number for a request of this node."""
    with replica.lock, replica.feeds.feed_transaction():
        # Above the clock too, so that a node restored from a backup is not taken for an old one.
        last = int.from_bytes(replica.feeds.meta("counter") or b"", "big")
        counter = max(last + 1, replica.env.now_ms())
        replica.feeds.put_meta("counter", counter.to_bytes(8, "big"))
    return counter


def remember_peer(replica: Replica, header: RequestHeader, carrier: str) -> None:
    """Note the contact, unless this is an old request played again."""
    last = replica.feeds.peer(header.node)
    heads = header.heads or (last.heads if last else b"")
    contact_ms, counter = replica.env.now_ms(), header.counter
    if last is not None and last.epoch == header.key[:16] and counter <= last.counter:
        contact_ms, counter = last.contact_ms, last.counter
    peer = replace(
        last or PeerState(header.node, b"", b"", 0, 0, ""), epoch=header.key[:16], heads=heads,
        counter=counter, contact_ms=contact_ms, carrier=carrier, software=header.software,
    )  # fmt: skip
    with replica.lock, replica.feeds.feed_transaction():
        replica.feeds.put_peer(peer)


def names_other_scopes(replica: Replica, header: ResponseHeader) -> bool:
    """Whether the centre names scopes, and others than it named last."""
    named = msgspec.msgpack.encode(sorted(header.scopes))
    if not header.scopes or replica.feeds.meta("named_scopes") == named:
        return False
    with replica.lock, replica.feeds.feed_transaction():
        replica.feeds.put_meta("named_scopes", named)
    return True


def says_something_new(
    replica: Replica, header: ResponseHeader, intake: Intake, *, new_epoch: bool
) -> bool:
    """Whether the centre may by now take what it refused before; notes its root.

    To a revoked node it sends no blocks: there its heads must do.
    """
    before = replica.feeds.meta("stated_root")
    replica.feeds.put_meta("stated_root", header.root)
    other_heads = header.refused == REVOKED and before != header.root
    return bool(intake.new_blocks or new_epoch or other_heads)


def remember_refusals(
    replica: Replica,
    centre: bytes,
    offered: Sequence[bytes],
    header: ResponseHeader,
    known: frozenset[bytes],
) -> None:
    """Do not offer again what the centre refused for good, until it says something new."""
    final = {Code.REFUSED_SCOPE, Code.MALFORMED}
    refused = [
        parse_block(offered[place]).short
        for place, code in header.results
        if code in final and 0 <= place < len(offered)
    ]
    if known.union(refused) != replica.feeds.refused_by(centre):
        replica.feeds.put_refused_by(centre, known.union(refused))


def within_quota(replica: Replica, node: bytes, blocks: Sequence[bytes]) -> int:
    """How many of the blocks a node may still store today: a broken one must not fill the disk."""
    peer = replica.feeds.peer(node)
    used = peer if peer is not None and peer.day == _today(replica) else None
    count, size = (used.day_blocks, used.day_bytes) if used else (0, 0)
    for allowed, block in enumerate(blocks):
        count, size = count + 1, size + len(block)
        if count > NODE_DAY_BLOCKS or size > NODE_DAY_BYTES:
            return allowed
    return len(blocks)


def count_quota(
    replica: Replica, node: bytes, blocks: Sequence[bytes], codes: Sequence[Code]
) -> None:
    """Note what was stored of a node's blocks, for its quota of the day."""
    peer = replica.feeds.peer(node)
    sizes = [len(b) for b, code in zip(blocks, codes, strict=True) if code is Code.STORED]
    if not sizes:
        return
    peer = peer or PeerState(node, b"", b"", 0, 0, "")
    fresh = peer.day != _today(replica)
    peer = replace(
        peer,
        day=_today(replica),
        day_blocks=len(sizes) + (0 if fresh else peer.day_blocks),
        day_bytes=sum(sizes) + (0 if fresh else peer.day_bytes),
    )
    with replica.lock, replica.feeds.feed_transaction():
        replica.feeds.put_peer(peer)


def _today(replica: Replica) -> int:
    return replica.env.now_ms() // 86_400_000
