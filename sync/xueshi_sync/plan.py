"""What a peer lacks: a plan from our feeds and the heads it reported (PROTOCOL 6.3).

Works on block numbers of one scope through a small reading interface, walks only what is missing,
and knows forks: every branch is sent, parents first.
"""

import heapq
from collections.abc import Iterable, Mapping
from typing import Protocol

Heads = Mapping[bytes, frozenset[bytes]]


class FeedReader(Protocol):
    """What the plan reads of a store. Blocks are named by their id[:16]."""

    def heads_of(self, feed: bytes) -> list[tuple[bytes, int]]:
        """Heads of a feed as (id, seq); more than one where it forked."""

    def place_of(self, block: bytes) -> tuple[bytes, int, bytes] | None:
        """Feed, seq and parent id of a stored block, or None."""

    def blocks_above(self, feed: bytes, seq: int) -> list[bytes]:
        """Ids of a feed's blocks with a greater seq, ascending."""


def missing_blocks(reader: FeedReader, feed: bytes, known: frozenset[bytes]) -> list[bytes]:
    """Return the ids of the blocks of `feed` that a peer with heads `known` lacks, parents first.

    A head that we do not have means that the peer is ahead of us there: we first fetch, then
    compare, so nothing is returned for that feed now.
    """
    ours = reader.heads_of(feed)
    if not ours or {head for head, _ in ours} <= known:
        return []
    places = [reader.place_of(head) for head in known]
    seqs = [place[1] for place in places if place is not None and place[0] == feed]
    if len(seqs) != len(known):
        return []
    if len(ours) == 1 and len(known) <= 1:
        return reader.blocks_above(feed, seqs[0] if seqs else -1)
    return _walk(reader, ours, dict(zip(known, seqs, strict=True)))


def _walk(
    reader: FeedReader, ours: Iterable[tuple[bytes, int]], known: Mapping[bytes, int]
) -> list[bytes]:
    """Walk down from both sides by seq, highest first, until only shared blocks are left."""
    theirs = set(known)
    queue = [(-seq, block) for block, seq in {**dict(ours), **known}.items()]
    heapq.heapify(queue)
    queued = {block for _, block in queue}
    wanted = len(queued - theirs)
    missing: list[bytes] = []
    while wanted and queue:
        seq, block = heapq.heappop(queue)
        place = reader.place_of(block)
        if block not in theirs:
            missing.append(block)
            wanted -= 1
        if place is None or seq == 0:
            continue
        parent = place[2]
        if block in theirs and parent not in theirs:
            theirs.add(parent)
            wanted -= parent in queued
        if parent not in queued:
            queued.add(parent)
            wanted += parent not in theirs
            heapq.heappush(queue, (seq + 1, parent))
    missing.reverse()
    return missing


def is_within(reader: FeedReader, block: bytes, heads: Iterable[bytes]) -> bool:
    """Whether `block` is one of `heads` or an ancestor of one; unknown heads cover nothing."""
    target = reader.place_of(block)
    if target is None:
        return False
    for head in heads:
        place, at = reader.place_of(head), head
        while place is not None and place[0] == target[0] and place[1] > target[1]:
            at, place = place[2], reader.place_of(place[2])
        if at == block:
            return True
    return False


def join_heads(heads: Heads) -> bytes:
    """Heads as sorted pairs feed ‖ block, 32 bytes each (PROTOCOL 6.2)."""
    return b"".join(sorted(feed + block for feed, blocks in heads.items() for block in blocks))


def split_heads(joined: bytes) -> dict[bytes, frozenset[bytes]]:
    """The reverse of `join_heads`; the caller has checked the length."""
    heads: dict[bytes, frozenset[bytes]] = {}
    for at in range(0, len(joined), 32):
        feed, block = joined[at : at + 16], joined[at + 16 : at + 32]
        heads[feed] = heads.get(feed, frozenset()) | {block}
    return heads
