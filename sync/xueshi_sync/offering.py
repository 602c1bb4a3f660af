"""What one node states and offers to another: scopes, heads, and the blocks that are missing there.

Nothing here changes the store but `serve_all_again` and `leave_scopes`.
"""

from collections.abc import Iterable, Sequence

import msgspec

from xueshi_sync.identity import admin_scope, public_scope
from xueshi_sync.plan import missing_blocks
from xueshi_sync.replica import Replica
from xueshi_sync.store import ScopeState
from xueshi_sync.suite import digest


def root_of(joined_heads: bytes) -> bytes:
    """The digest of a set of heads, 16 bytes."""
    return digest("heads", joined_heads)[:16]


def heads_in(replica: Replica, scope_nos: Iterable[int]) -> dict[bytes, frozenset[bytes]]:
    """Heads of every feed in some scopes."""
    return {
        feed.feed: frozenset(head for head, _ in replica.feeds.heads_of(feed.feed))
        for scope_no in scope_nos
        for feed in replica.feeds.feeds(scope_no)
    }


def scopes_digest(scopes: Iterable[bytes]) -> bytes:
    """The digest of a set of scopes, 8 bytes."""
    return digest("scopes", *sorted(scopes))[:8]


def served_scopes(replica: Replica) -> list[ScopeState]:
    """The scopes held here that the centre exchanges with this node, as it last said."""
    served = replica.feeds.meta("served")
    states = replica.feeds.scope_states()
    if served is None:
        return states
    names = set(msgspec.msgpack.decode(served, type=list[bytes]))
    return [state for state in states if state.scope in names]


def serve_all_again(replica: Replica) -> None:
    """Offer every scope held here once more: a restored centre may have lost a grant it gave."""
    states = replica.feeds.scope_states()
    with replica.lock, replica.feeds.feed_transaction():
        replica.feeds.put_meta("served", msgspec.msgpack.encode([state.scope for state in states]))


def leave_scopes(
    replica: Replica, named: Sequence[bytes], *, settled: bool, new_epoch: bool
) -> frozenset[bytes]:
    """Work in the scopes that the centre names, and leave the others; inside a transaction.

    A centre that was restored, perhaps unnoticed, may have lost a scope's blocks with the grant. So
    all of a scope is offered once more from its beginning, and only when that is settled is it
    left. Returns the scopes that are being left since this answer: what the centre once stated of
    their feeds says nothing any more.
    """
    if not named:
        return frozenset()
    served = {state.scope for state in served_scopes(replica)}
    leaving = msgspec.msgpack.decode(replica.feeds.meta("leaving") or b"\x90", type=set[bytes])
    dropped = served.difference(named)
    begun = dropped if new_epoch else dropped - leaving
    if settled and not begun:
        served, dropped = set(), set()
    replica.feeds.put_meta("served", msgspec.msgpack.encode(sorted(served.union(named))))
    replica.feeds.put_meta("leaving", msgspec.msgpack.encode(sorted(dropped)))
    return frozenset(begun)


def scopes_for(replica: Replica, node: bytes, key: bytes) -> list[int]:
    """Local numbers of the scopes a node may read here: granted ones and the county's own."""
    genesis = replica.identity.genesis
    assert genesis is not None, "only a node with a net answers"
    if (node, key) == (genesis.centre_node, genesis.centre_key):
        return [state.scope_no for state in replica.feeds.scope_states()]
    granted = [
        scope_no
        for scope_no in replica.view.scopes_of(node)
        if replica.viewer.authority(scope_no).tier(node, key) is not None
    ]
    if not granted:
        return []
    common = [
        replica.feeds.scope_of(each)
        for each in (admin_scope(genesis.net), public_scope(genesis.net))
    ]
    return sorted({*granted, *(state.scope_no for state in common if state)})


def is_revoked(replica: Replica, scope_nos: Iterable[int], node: bytes) -> bool:
    """Whether any of the scopes has a cut of this node."""
    return any(node in replica.viewer.authority(scope_no).cuts for scope_no in scope_nos)


def centre_first(replica: Replica, heads: Iterable[bytes]) -> list[bytes]:
    """Feeds of the centre before all others: they say who may speak."""
    genesis = replica.identity.genesis
    assert genesis is not None, "asked only with a net"
    feeds = [(feed, replica.feeds.feed(feed)) for feed in heads]
    ranked = sorted(feeds, key=lambda each: not (each[1] and each[1].node == genesis.centre_node))
    return [feed for feed, _ in ranked]


def known_part(
    replica: Replica, heads: dict[bytes, frozenset[bytes]]
) -> dict[bytes, frozenset[bytes]]:
    """The stated heads that are here; the others say nothing about what the peer lacks."""
    return {
        feed: frozenset(each for each in blocks if replica.holds([each]))
        for feed, blocks in heads.items()
    }


def gather(
    replica: Replica,
    ours: Iterable[bytes],
    theirs: dict[bytes, frozenset[bytes]],
    limit_bytes: int,
    without: frozenset[bytes] = frozenset(),
) -> tuple[list[bytes], int, bool]:
    """Blocks of the feeds `ours` that a peer with heads `theirs` lacks: (blocks, ops, all of them).

    At least one block is given even where it alone exceeds the limit, so that work always ends.
    """
    blocks: list[bytes] = []
    ops = size = 0
    for feed in ours:
        for short in missing_blocks(replica.feeds, feed, theirs.get(feed, frozenset())):
            stored = replica.feeds.block(short)
            if stored is None or short in without:
                break
            data = replica.feeds.block_data(stored.scope_no, stored.no)
            if blocks and size + len(data) > limit_bytes:
                return blocks, ops, False
            blocks.append(data)
            ops, size = ops + stored.op_count, size + len(data)
    return blocks, ops, True
