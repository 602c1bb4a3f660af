"""The door: blocks from any carrier are verified, admitted, and stored behind their parents.

A block enters through `block.verify_block` only (PROTOCOL 4.2). A block of this node's own epoch
that it never wrote comes from a copy of it, and begins a new epoch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from xueshi_sync.block import DATA, EPOCH_OPEN, Block, Feed, open_feed, parse_block, verify_block
from xueshi_sync.body import Body
from xueshi_sync.errors import LimitExceededError, MalformedBlockError, StorageError, SyncError
from xueshi_sync.holdings import FOREIGN_OWN, Holdings
from xueshi_sync.limits import SEAL_OPS
from xueshi_sync.store import ScopeState, StoredBlock
from xueshi_sync.viewer import Arrival, body_of


class Code(IntEnum):
    """What became of a block that was offered (PROTOCOL 6.4)."""

    STORED = 0
    HAD = 1
    NEED_PARENT = 2
    HELD = 3
    REFUSED_LIMIT = 4
    REFUSED_SCOPE = 5
    MALFORMED = 6
    BUSY = 7


@dataclass(frozen=True, slots=True)
class Intake:
    """What `accept` did: a code for each block offered, and the ops that were new."""

    codes: list[Code]
    new_blocks: int
    new_ops: int


@dataclass(frozen=True, slots=True)
class _Ready:
    """A verified block waiting to be stored."""

    block: Block
    feed: Feed
    body: Body | None


def accept(holdings: Holdings, offered: Sequence[bytes], sender: bytes) -> Intake:
    """Verify and store blocks, parents before children, from any carrier; idempotent.

    Stores in steps of a few thousand ops, so that nobody who saves waits long. Whatever is refused
    leaves a row in the refusal table.
    """
    codes: list[Code] = []
    waiting: dict[bytes, _Ready] = {}
    feeds: dict[bytes, Feed] = {}
    stored = ops = weight = 0
    for data in offered:
        code, ready = _examine(holdings, data, sender, waiting, feeds)
        if waiting and code in (Code.HELD, Code.REFUSED_SCOPE):
            # What waits may be the centre's word about this speaker.
            stored, ops = stored + len(waiting), ops + _store(holdings, waiting)
            waiting, weight = {}, 0
            code, ready = _examine(holdings, data, sender, waiting, feeds)
        codes.append(code)
        if ready is None:
            continue
        waiting[ready.block.short] = ready
        weight += ready.block.header.op_count
        if weight >= SEAL_OPS:
            stored, ops = stored + len(waiting), ops + _store(holdings, waiting)
            waiting, weight = {}, 0
    return Intake(codes, stored + len(waiting), ops + _store(holdings, waiting))


def _examine(
    holdings: Holdings,
    data: bytes,
    sender: bytes,
    waiting: dict[bytes, _Ready],
    feeds: dict[bytes, Feed],
) -> tuple[Code, _Ready | None]:
    feed_id = block_id = b""
    try:
        block = parse_block(data)
        feed_id, block_id = block.header.feed, block.bid
        with holdings.lock:
            if block.short in waiting or holdings.feeds.place_of(block.short) is not None:
                return Code.HAD, None
            feed = feeds.get(feed_id) or holdings.feeds.feed(feed_id)
        if feed is None:
            if block.header.kind != EPOCH_OPEN:
                return Code.NEED_PARENT, None
            feed = open_feed(holdings.suite, holdings.net, block)
            with holdings.lock:
                code = _admit(holdings, feed)
            if code is not Code.STORED:
                _refuse(holdings, block_id, feed_id, code.name.lower(), sender)
                return code, None
            feeds[feed_id] = feed
        elif block.header.kind == EPOCH_OPEN:
            open_feed(holdings.suite, holdings.net, block)
        else:
            verify_block(holdings.suite, feed, block)
        with holdings.lock:
            has_parent = _has_parent(holdings, block, waiting)
        if not has_parent:
            return Code.NEED_PARENT, None
        body = body_of(block) if block.header.kind == DATA else None
        return Code.STORED, _Ready(block, feed, body)
    except StorageError:
        # Our disk, not the block: it must be offered again.
        return Code.BUSY, None
    except LimitExceededError as error:
        _refuse(holdings, block_id, feed_id, error.code, sender)
        return Code.REFUSED_LIMIT, None
    except SyncError as error:
        _refuse(holdings, block_id, feed_id, error.code, sender)
        return Code.MALFORMED, None


def _admit(holdings: Holdings, feed: Feed) -> Code:
    """Whether a new feed may be stored here at all; what it may change is decided by the view.

    Any word of the centre about the speaker in this scope will do, a denial too: not applied is not
    refused. A restored centre takes back its own feeds of scopes that it forgot.
    """
    state = holdings.feeds.scope_of(feed.scope)
    own = (feed.node, feed.key) == (holdings.identity.node, holdings.key)
    if state is None:
        if not (own and holdings.is_centre):
            return Code.REFUSED_SCOPE
        holdings.hold_scope(feed.scope)
        return Code.STORED
    if own or holdings.view.is_named(state.scope_no, feed.node, feed.key):
        return Code.STORED
    if holdings.viewer.authority(state.scope_no).tier(feed.node, feed.key) is not None:
        return Code.STORED
    return Code.REFUSED_SCOPE if _is_known(holdings, feed) else Code.HELD


def _is_known(holdings: Holdings, feed: Feed) -> bool:
    """Whether the speaker has a grant in another scope here: then this one is not its own."""
    return any(
        holdings.viewer.authority(scope_no).tier(feed.node, feed.key) is not None
        for scope_no in holdings.view.scopes_of(feed.node)
    )


def _has_parent(holdings: Holdings, block: Block, waiting: dict[bytes, _Ready]) -> bool:
    if block.header.seq == 0:
        return True
    parent = block.header.prev[:16]
    if parent in waiting:
        bid, seq, feed = (
            waiting[parent].block.bid,
            waiting[parent].block.header.seq,
            waiting[parent].block.header.feed,
        )
    else:
        stored = holdings.feeds.block(parent)
        if stored is None:
            return False
        bid, seq, feed = stored.bid, stored.seq, stored.feed
    if (bid, seq + 1, feed) != (block.header.prev, block.header.seq, block.header.feed):
        raise MalformedBlockError("parent of another height, feed or id")
    return True


def _store(holdings: Holdings, waiting: dict[bytes, _Ready]) -> int:
    """Store verified blocks in one durable transaction, then show them; returns new ops."""
    if not waiting:
        return 0
    foreign, ops = False, 0
    arrivals: dict[int, list[Arrival]] = {}
    with holdings.lock:
        with holdings.feeds.feed_transaction():
            states: dict[bytes, ScopeState] = {}
            for ready in waiting.values():
                if holdings.feeds.place_of(ready.block.short) is not None:
                    continue
                arrival = _add_foreign(holdings, states, ready)
                arrivals.setdefault(arrival.block.scope_no, []).append(arrival)
                ops += ready.block.header.op_count
                foreign = foreign or ready.feed.epoch == holdings.epoch_name
            for state in states.values():
                holdings.feeds.put_scope(state)
            if foreign:
                holdings.begin_epoch(FOREIGN_OWN)
        for scope_no, group in arrivals.items():
            first, last = group[0].block.pos, group[-1].block.pos
            holdings.show(scope_no, group, (), first, last)
    return ops


def _add_foreign(holdings: Holdings, states: dict[bytes, ScopeState], ready: _Ready) -> Arrival:
    block, feed = ready.block, ready.feed
    state = states.get(feed.scope)
    if state is None:
        state = holdings.feeds.scope_of(feed.scope)
        assert state is not None, "feeds are admitted only in scopes held here"
        states[feed.scope] = state
    if holdings.feeds.feed(feed.feed) is None:
        holdings.feeds.add_feed(state.scope_no, feed)
    for ref in ready.body.refs if ready.body else ():
        holdings.feeds.reserve(state, ref)
    header = block.header
    stored = StoredBlock(
        state.scope_no, holdings.feeds.reserve(state, block.short), block.bid, feed.feed,
        header.seq, header.prev, header.kind, header.op_count, state.next_pos,
        holdings.env.now_ms(),
    )  # fmt: skip
    state.next_pos += 1
    holdings.feeds.add_block(stored, block.data)
    return Arrival(stored, feed, ready.body)


def _refuse(holdings: Holdings, block: bytes, feed: bytes, code: str, sender: bytes) -> None:
    with holdings.lock, holdings.feeds.feed_transaction():
        holdings.feeds.add_refusal(block, feed, code, holdings.env.now_ms(), sender)
