"""The exchange of two replicas: one request, one answer, whatever the carrier (PROTOCOL 6).

Frames are values here; `envelope` and `frame` turn them into bytes. A side trusts only heads that
the
other stated in a verified frame of its present epoch, never its own memory of what it sent.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from xueshi_sync.block import parse_block
from xueshi_sync.errors import RefusedError
from xueshi_sync.frame import (
    VERSION,
    Receipt,
    RequestHeader,
    ResponseHeader,
    sign_receipt,
    verify_receipt,
)
from xueshi_sync.identity import admin_scope, public_scope
from xueshi_sync.limits import HEADS_INLINE, NODE_DAY_BLOCKS, NODE_DAY_BYTES, REQUEST_BYTES
from xueshi_sync.plan import join_heads, missing_blocks, split_heads
from xueshi_sync.replica import FOREIGN_OWN, SOFTWARE, Code, Intake, Replica
from xueshi_sync.schema import NODE_TABLE, SCOPE_TABLE
from xueshi_sync.store import PeerState, ScopeState
from xueshi_sync.suite import digest
from xueshi_sync.ticket import Ticket, is_valid_proof, ticket_proof

UNKNOWN_NODE: Final = "unknown_node"
DENIED: Final = "denied"
REVOKED: Final = "revoked"


@dataclass(frozen=True, slots=True)
class Request:
    """A request frame: signed header fields and the blocks behind them, parents first.

    `complete`: nothing that the other lacks was left out for its size.
    """

    header: RequestHeader
    blocks: list[bytes]
    ops: int
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Response:
    """A response frame."""

    header: ResponseHeader
    blocks: list[bytes]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one exchange did here. `more`: there is more to send or fetch at once."""

    blocks_sent: int
    ops_sent: int
    blocks_received: int
    ops_received: int
    more: bool
    wait_s: int
    level: bool
    refused: str = ""


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


def _scopes_digest(scopes: Iterable[bytes]) -> bytes:
    return digest("scopes", *sorted(scopes))[:8]


def _gather(
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


# The asking side


def make_request(replica: Replica, limit_bytes: int = REQUEST_BYTES) -> Request:
    """Build the next request to the centre. The caller has sealed and written the sidecar."""
    with replica.lock:
        return _make_request(replica, limit_bytes)


def _make_request(replica: Replica, limit_bytes: int) -> Request:
    genesis = replica.identity.genesis
    net = replica.net
    assert genesis is not None, "a node with a net has a genesis"
    centre = replica.feeds.peer(genesis.centre_node)
    states = _served_scopes(replica)
    heads = heads_in(replica, [state.scope_no for state in states])
    joined = join_heads(heads)
    known = split_heads(centre.heads) if centre else {}
    refused = replica.feeds.refused_by(genesis.centre_node)
    feeds = _centre_first(replica, heads)
    blocks, ops, complete = _gather(replica, feeds, known, limit_bytes, refused)
    level = centre is not None and centre.heads == joined
    header = RequestHeader(
        VERSION, net, replica.identity.node, replica.key, _next_counter(replica),
        centre.epoch if centre else b"", root_of(joined),
        joined if len(heads) <= HEADS_INLINE or not level else b"",
        _scopes_digest(state.scope for state in states), REQUEST_BYTES,
        wants=_unreceipted(replica, heads), ticket=_proof(replica), software=SOFTWARE,
    )  # fmt: skip
    return Request(header, blocks, ops, complete)


def _served_scopes(replica: Replica) -> list[ScopeState]:
    """The scopes held here that the centre exchanges with this node, as it last said."""
    served = replica.feeds.meta("served")
    states = replica.feeds.scope_states()
    if served is None:
        return states
    names = set(msgspec.msgpack.decode(served, type=list[bytes]))
    return [state for state in states if state.scope in names]


def _centre_first(replica: Replica, heads: Iterable[bytes]) -> list[bytes]:
    """Feeds of the centre before all others: they say who may speak (a restored centre needs
    them)."""
    genesis = replica.identity.genesis
    assert genesis is not None, "asked only with a net"
    feeds = [(feed, replica.feeds.feed(feed)) for feed in heads]
    ranked = sorted(feeds, key=lambda each: not (each[1] and each[1].node == genesis.centre_node))
    return [feed for feed, _ in ranked]


def _next_counter(replica: Replica) -> int:
    with replica.lock, replica.feeds.feed_transaction():
        # Above the clock too, so that a node restored from a backup is not taken for an old one.
        last = int.from_bytes(replica.feeds.meta("counter") or b"", "big")
        counter = max(last + 1, replica.env.now_ms())
        replica.feeds.put_meta("counter", counter.to_bytes(8, "big"))
    return counter


def _unreceipted(replica: Replica, heads: dict[bytes, frozenset[bytes]]) -> list[bytes]:
    wants = []
    for feed_id, blocks in heads.items():
        feed = replica.feeds.feed(feed_id)
        if feed is None or feed.node != replica.identity.node:
            continue
        receipt = stored_receipt(replica, feed_id)
        if receipt is None or receipt.block not in blocks:
            wants.append(feed_id)
    return wants


def stored_receipt(replica: Replica, feed: bytes) -> Receipt | None:
    """The newest receipt kept for a feed."""
    data = replica.feeds.receipt(feed)
    return None if data is None else msgspec.msgpack.decode(data, type=Receipt)


def _proof(replica: Replica) -> bytes:
    """The ticket's proof, until the centre has spoken of this node."""
    secret = replica.feeds.meta("ticket")
    if secret is None or is_enrolled(replica):
        return b""
    return ticket_proof(secret, replica.identity.node, replica.key)


def is_enrolled(replica: Replica) -> bool:
    """Whether the centre's own word about this node has arrived here."""
    if replica.identity.genesis is None:
        return False
    if replica.is_centre:
        return True
    rows = replica.view.own_rows(NODE_TABLE, replica.home_scope_no)
    return any(replica.identity.node in row["node"] for row in rows)


def take_response(replica: Replica, request: Request, response: Response) -> Outcome:
    """Take a verified answer to `request`: store what it brings, remember what the centre knows."""
    header = response.header
    genesis = replica.identity.genesis
    assert genesis is not None, "requests are made with a net only"
    if header.refused and header.refused != REVOKED:
        return _introduce_again(replica, request, header)
    new_epoch = request.header.centre_epoch != header.centre_epoch
    if new_epoch:
        _serve_all_again(replica)
    _notice_foreign(replica, split_heads(header.heads))
    for scope in header.scopes:
        replica.hold_scope(scope)
    intake = replica.accept(response.blocks, genesis.centre_node)
    shown = header.heads
    if not shown and header.root == request.header.root:
        # Level: the centre's heads are those that the request stated, or stood for by its root.
        before = replica.feeds.peer(genesis.centre_node)
        shown = request.header.heads or (before.heads if before else b"")
    if header.refused == REVOKED:
        # What we shall never be given must not hold back what we have.
        shown = join_heads(_known_part(replica, split_heads(shown)))
    if not request.complete:
        shown = join_heads(_with_taken(split_heads(shown), request, header))
    with replica.lock, replica.feeds.feed_transaction():
        fresh = _says_something_new(replica, header, intake, new_epoch=new_epoch)
        known = frozenset() if fresh else replica.feeds.refused_by(genesis.centre_node)
        _remember_refusals(replica, genesis.centre_node, request, header, known)
        _keep_receipts(replica, header.receipts)
        if header.scopes and not new_epoch and request.complete:
            # Not before all was offered that a restored centre may have lost in the others.
            replica.feeds.put_meta("served", msgspec.msgpack.encode(header.scopes))
        replica.feeds.put_peer(
            PeerState(
                genesis.centre_node, header.centre_epoch, shown, 0, replica.env.now_ms(), "http"
            )
        )
    served = [state.scope_no for state in _served_scopes(replica)]
    level = root_of(join_heads(heads_in(replica, served))) == header.root
    new_there = len(request.blocks) - len(header.results)
    goes_on = not request.complete and any(_taken_places(request, header))
    progress = bool(intake.new_blocks or header.scopes) or new_there > 0 or goes_on
    return Outcome(
        len(request.blocks), request.ops, intake.new_blocks, intake.new_ops,
        more=not level and (progress or new_epoch), wait_s=header.wait_s, level=level,
        refused=header.refused,
    )  # fmt: skip


def _introduce_again(replica: Replica, request: Request, header: ResponseHeader) -> Outcome:
    """The centre does not know us, or no longer: it may have been restored, and lost its own words.

    All that it wrote is offered with everything else, also against a denial: what is lost may be
    the grant that followed it. Then it is a refusal.
    """
    genesis = replica.identity.genesis
    assert genesis is not None, "requests are made with a net only"
    known = replica.feeds.peer(genesis.centre_node)
    if known is None or (not known.heads and known.epoch == header.centre_epoch):
        raise RefusedError(header.refused, reason=header.refused)
    with replica.lock, replica.feeds.feed_transaction():
        replica.feeds.put_peer(
            PeerState(genesis.centre_node, header.centre_epoch, b"", 0, known.contact_ms, "http")
        )
    _serve_all_again(replica)
    return Outcome(len(request.blocks), request.ops, 0, 0, more=True, wait_s=0, level=False)


def _serve_all_again(replica: Replica) -> None:
    """Offer every scope held here once more: a restored centre may have lost a grant it gave."""
    states = replica.feeds.scope_states()
    with replica.lock, replica.feeds.feed_transaction():
        replica.feeds.put_meta("served", msgspec.msgpack.encode([state.scope for state in states]))


def _notice_foreign(replica: Replica, theirs: dict[bytes, frozenset[bytes]]) -> None:
    """A head in our present epoch that we never wrote: another copy of this node is at work."""
    for scope, _ in replica.published().items():
        state = replica.feeds.scope_of(scope)
        for feed in replica.feeds.feeds(state.scope_no) if state else ():
            own = feed.node == replica.identity.node and feed.epoch == replica.epoch_name
            if own and not replica.holds(theirs.get(feed.feed, ())):
                replica.begin_epoch(FOREIGN_OWN)
                return


def _with_taken(
    heads: dict[bytes, frozenset[bytes]], request: Request, header: ResponseHeader
) -> dict[bytes, frozenset[bytes]]:
    """Heads the centre stated and, of feeds it does not state to us, what it just took of them.

    So the next request goes on where this one was cut for its size.
    """
    taken: dict[bytes, set[bytes]] = {}
    for place, is_taken in enumerate(_taken_places(request, header)):
        if is_taken:
            block = parse_block(request.blocks[place])
            of_feed = taken.setdefault(block.header.feed, set())
            of_feed.discard(block.header.prev[:16])
            of_feed.add(block.short)
    return {feed: frozenset(blocks) for feed, blocks in taken.items()} | heads


def _taken_places(request: Request, header: ResponseHeader) -> list[bool]:
    """For every block that was pushed, whether the centre has it now."""
    codes = dict(header.results)
    taken = (Code.STORED, Code.HAD)
    return [codes.get(place, Code.STORED) in taken for place in range(len(request.blocks))]


def _says_something_new(
    replica: Replica, header: ResponseHeader, intake: Intake, *, new_epoch: bool
) -> bool:
    """Whether the centre may by now take what it refused before.

    To a revoked node it sends no blocks: there its heads must do.
    """
    before = replica.feeds.meta("stated_root")
    replica.feeds.put_meta("stated_root", header.root)
    other_heads = header.refused == REVOKED and before != header.root
    return bool(intake.new_blocks or new_epoch or header.scopes or other_heads)


def _remember_refusals(
    replica: Replica,
    centre: bytes,
    request: Request,
    header: ResponseHeader,
    known: frozenset[bytes],
) -> None:
    """Do not offer again what the centre refused for good, until it says something new."""
    final = {Code.REFUSED_SCOPE, Code.MALFORMED}
    refused = [
        parse_block(request.blocks[place]).short
        for place, code in header.results
        if code in final and 0 <= place < len(request.blocks)
    ]
    if known.union(refused) != replica.feeds.refused_by(centre):
        replica.feeds.put_refused_by(centre, known.union(refused))


def _keep_receipts(replica: Replica, receipts: Sequence[Receipt]) -> None:
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


# The answering side


def answer_request(
    replica: Replica, request: Request, *, carrier: str, wait_s: int = 0
) -> Response:
    """Store what a request brings and answer it; the receipts in it follow the durable commit."""
    header = request.header
    _enrol(replica, header)
    allowed = _within_quota(replica, header.node, request.blocks)
    intake = replica.accept(request.blocks[:allowed], header.node)
    codes = intake.codes + [Code.REFUSED_LIMIT] * (len(request.blocks) - allowed)
    _count_quota(replica, header.node, request.blocks, codes)
    results = [(place, int(code)) for place, code in enumerate(codes) if code]
    with replica.lock:
        return _answer(replica, request, results, carrier, wait_s)


def _answer(
    replica: Replica,
    request: Request,
    results: list[tuple[int, int]],
    carrier: str,
    wait_s: int,
) -> Response:
    header = request.header
    scope_nos = scopes_for(replica, header.node, header.key)
    if not scope_nos:
        return _refusal(replica, header, results)
    ours = heads_in(replica, scope_nos)
    joined = join_heads(ours)
    _remember_peer(replica, header, carrier)
    scopes = [replica.feeds.scope_state(scope_no).scope for scope_no in scope_nos]
    same_scopes = _scopes_digest(scopes) == header.scopes
    revoked = _is_revoked(replica, scope_nos, header.node)
    level = root_of(joined) == header.root
    theirs = split_heads(header.heads)
    if not request.blocks:
        # Both sides may hold a branch that the other lacks; who pushes nothing waits for ours.
        theirs = _known_part(replica, theirs)
    blocks: list[bytes] = []
    all_sent = True
    if not (level or revoked) and (header.heads or header.root == root_of(b"")):
        feeds = _centre_first(replica, ours)
        blocks, _, all_sent = _gather(replica, feeds, theirs, header.limit_bytes)
    answer = ResponseHeader(
        VERSION, replica.epoch_name, root_of(joined), b"" if level else joined, results,
        _receipts(replica, header.wants), [] if same_scopes else scopes,
        more=not all_sent or not same_scopes, wait_s=wait_s, refused=REVOKED if revoked else "",
        time_s=replica.env.now_ms() // 1000,
    )  # fmt: skip
    return Response(answer, blocks)


def _today(replica: Replica) -> int:
    return replica.env.now_ms() // 86_400_000


def _within_quota(replica: Replica, node: bytes, blocks: Sequence[bytes]) -> int:
    """How many of the blocks a node may still store today: a broken one must not fill the disk."""
    peer = replica.feeds.peer(node)
    used = peer if peer is not None and peer.day == _today(replica) else None
    count, size = (used.day_blocks, used.day_bytes) if used else (0, 0)
    for allowed, block in enumerate(blocks):
        count, size = count + 1, size + len(block)
        if count > NODE_DAY_BLOCKS or size > NODE_DAY_BYTES:
            return allowed
    return len(blocks)


def _count_quota(
    replica: Replica, node: bytes, blocks: Sequence[bytes], codes: Sequence[Code]
) -> None:
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


def _known_part(
    replica: Replica, heads: dict[bytes, frozenset[bytes]]
) -> dict[bytes, frozenset[bytes]]:
    """The stated heads that are here; the others say nothing about what the peer lacks."""
    return {
        feed: frozenset(each for each in blocks if replica.holds([each]))
        for feed, blocks in heads.items()
    }


def _refusal(replica: Replica, header: RequestHeader, results: list[tuple[int, int]]) -> Response:
    named = any(
        replica.view.is_named(scope_no, header.node, header.key)
        for scope_no in replica.view.scopes_of(header.node)
    )
    answer = ResponseHeader(
        VERSION, replica.epoch_name, root_of(b""), b"", results, [], [],
        more=False, wait_s=0, refused=DENIED if named else UNKNOWN_NODE,
    )  # fmt: skip
    return Response(answer, [])


def scopes_for(replica: Replica, node: bytes, key: bytes) -> list[int]:
    """Local numbers of the scopes a node may read here: those with a grant, and the county's
    own."""
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


def _is_revoked(replica: Replica, scope_nos: Iterable[int], node: bytes) -> bool:
    return any(node in replica.viewer.authority(scope_no).cuts for scope_no in scope_nos)


def _remember_peer(replica: Replica, header: RequestHeader, carrier: str) -> None:
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


def _receipts(replica: Replica, wants: Sequence[bytes]) -> list[Receipt]:
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
    return _receipts(replica, wants)


def _enrol(replica: Replica, header: RequestHeader) -> None:
    """Write the node into its scope when it proves a ticket that the centre issued."""
    if not header.ticket or not replica.is_centre:
        return
    data = replica.feeds.meta(f"ticket/{header.node.hex()}")
    if data is None:
        return
    ticket = msgspec.msgpack.decode(data, type=Ticket)
    if not is_valid_proof(header.ticket, ticket.secret, header.node, header.key):
        return
    scope_no = replica.hold_scope(ticket.scope)
    with replica.lock:
        rows = replica.view.own_rows(NODE_TABLE, scope_no)
        if any(header.node in row["node"] for row in rows):
            return
        enrol_node(replica, scope_no, ticket, header.key)


def enrol_node(replica: Replica, scope_no: int, ticket: Ticket, key: bytes) -> None:
    """Write who the node is and that it may speak in its scope."""
    kind = ticket.tier
    with replica.write("centre") as action:
        if not replica.view.own_rows(SCOPE_TABLE, scope_no):
            action.insert("_scope", {"code": ticket.code, "name": ticket.name, "kind": kind},
                          scope_no=scope_no)  # fmt: skip
        action.insert("_node", {
            "node": ticket.node, "key": key, "tier": ticket.tier, "code": ticket.code,
            "name": ticket.name, "granted": True,
        }, scope_no=scope_no)  # fmt: skip
    replica.seal()


# Carriers without a line


def make_bundle(replica: Replica, node: bytes, key: bytes) -> Request:
    """Everything the other node may read here and has not proved to know, as one frame."""
    with replica.lock:
        return _make_bundle(replica, node, key)


def _make_bundle(replica: Replica, node: bytes, key: bytes) -> Request:
    scope_nos = scopes_for(replica, node, key)
    peer = replica.feeds.peer(node)
    heads = heads_in(replica, scope_nos)
    known = _known_part(replica, split_heads(peer.heads) if peer else {})
    blocks, ops, _ = _gather(replica, _centre_first(replica, heads), known, 1 << 62)
    joined = join_heads(heads)
    header = RequestHeader(
        VERSION, replica.net, replica.identity.node, replica.key, _next_counter(replica),
        replica.epoch_name if replica.is_centre else b"", root_of(joined), joined,
        _scopes_digest(replica.feeds.scope_state(each).scope for each in scope_nos), 0,
        wants=[], ticket=_proof(replica),
        receipts=receipts_for(replica, node, scope_nos) if replica.is_centre else [],
        software=SOFTWARE,
    )  # fmt: skip
    return Request(header, blocks, ops)


def take_bundle(replica: Replica, bundle: Request, *, complete: bool = True) -> Intake:
    """Take a bundle from any known node; idempotent. A cut bundle gives its valid beginning."""
    header = bundle.header
    genesis = replica.identity.genesis
    assert genesis is not None, "a bundle is opened with a net only"
    from_centre = (header.node, header.key) == (genesis.centre_node, genesis.centre_key)
    _enrol(replica, header)
    if from_centre:
        _notice_foreign(replica, split_heads(header.heads))
    intake = replica.accept(bundle.blocks, header.node)
    if from_centre and not replica.is_centre:
        with replica.lock, replica.feeds.feed_transaction():
            _keep_receipts(replica, header.receipts)
            replica.feeds.put_peer(PeerState(
                genesis.centre_node, header.centre_epoch, header.heads, header.counter,
                replica.env.now_ms(), "bundle", header.software,
            ))  # fmt: skip
    elif complete and scopes_for(replica, header.node, header.key):
        _remember_peer(replica, header, "bundle")
    return intake
