"""The exchange of two replicas: one request, one answer, whatever the carrier (PROTOCOL 6).

Frames are values here; `envelope` and `frame` turn them into bytes. A side trusts only heads that
the other stated in a verified frame of its present epoch, never its own memory of what it sent.
"""

from collections.abc import Iterable, Set
from contextlib import suppress
from dataclasses import dataclass

from xueshi_sync.block import EPOCH_OPEN, open_feed, parse_block
from xueshi_sync.enrolment import enrol_bearer, enrolment_proof
from xueshi_sync.errors import RefusedError, SyncError
from xueshi_sync.frame import (
    DENIED,
    REVOKED,
    UNKNOWN_NODE,
    VERSION,
    RequestHeader,
    ResponseHeader,
)
from xueshi_sync.holdings import FOREIGN_OWN, SOFTWARE
from xueshi_sync.intake import Code, Intake
from xueshi_sync.limits import HEADS_INLINE, REQUEST_BYTES
from xueshi_sync.offering import (
    centre_first,
    gather,
    heads_in,
    is_revoked,
    known_part,
    leave_scopes,
    root_of,
    scopes_digest,
    scopes_for,
    serve_all_again,
    served_scopes,
)
from xueshi_sync.peers import (
    count_quota,
    names_other_scopes,
    next_counter,
    remember_peer,
    remember_refusals,
    says_something_new,
    within_quota,
)
from xueshi_sync.plan import join_heads, split_heads
from xueshi_sync.receipts import keep_receipts, receipts_for, sign_receipts, unreceipted
from xueshi_sync.replica import Replica
from xueshi_sync.store import PeerState


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
    states = served_scopes(replica)
    heads = heads_in(replica, [state.scope_no for state in states])
    joined = join_heads(heads)
    known = split_heads(centre.heads) if centre else {}
    refused = replica.feeds.refused_by(genesis.centre_node)
    feeds = centre_first(replica, heads)
    blocks, ops, all_sent = gather(replica, feeds, known, limit_bytes, refused)
    # Of a feed with heads that are not here nothing is sent, since the other is ahead there.
    complete = all_sent and all(replica.holds(known.get(feed, ())) for feed in heads)
    level = centre is not None and centre.heads == joined
    header = RequestHeader(
        VERSION, net, replica.identity.node, replica.key, next_counter(replica),
        centre.epoch if centre else b"", root_of(joined),
        joined if len(heads) <= HEADS_INLINE or not level else b"",
        scopes_digest(state.scope for state in states), REQUEST_BYTES,
        wants=unreceipted(replica, heads), ticket=enrolment_proof(replica), software=SOFTWARE,
    )  # fmt: skip
    return Request(header, blocks, ops, complete)


def take_response(replica: Replica, request: Request, response: Response) -> Outcome:
    """Take a verified answer to `request`: store what it brings, remember what the centre knows."""
    header = response.header
    genesis = replica.identity.genesis
    assert genesis is not None, "requests are made with a net only"
    if header.refused and header.refused != REVOKED:
        return _introduce_again(replica, request, header)
    new_epoch = request.header.centre_epoch != header.centre_epoch
    if new_epoch:
        serve_all_again(replica)
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
        shown = join_heads(known_part(replica, split_heads(shown)))
    settled = _is_settled(request, header)
    new_scopes = names_other_scopes(replica, header)
    with replica.lock, replica.feeds.feed_transaction():
        begun = leave_scopes(replica, header.scopes, settled=settled, new_epoch=new_epoch)
        if begun or not settled:
            known = {} if new_epoch else _known_outside(replica, begun)
            shown = join_heads(_with_taken(replica, split_heads(shown), known, request, header))
        fresh = says_something_new(replica, header, intake, new_epoch=new_epoch or new_scopes)
        refused = frozenset() if fresh else replica.feeds.refused_by(genesis.centre_node)
        remember_refusals(replica, genesis.centre_node, request.blocks, header, refused)
        keep_receipts(replica, header.receipts)
        replica.feeds.put_peer(
            PeerState(
                genesis.centre_node, header.centre_epoch, shown, 0, replica.env.now_ms(), "http"
            )
        )
    served = [state.scope_no for state in served_scopes(replica)]
    level = root_of(join_heads(heads_in(replica, served))) == header.root
    new_there = len(request.blocks) - len(header.results)
    goes_on = not settled and any(_taken_places(request, header))
    progress = bool(intake.new_blocks) or new_scopes or new_there > 0 or goes_on
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
    serve_all_again(replica)
    return Outcome(len(request.blocks), request.ops, 0, 0, more=True, wait_s=0, level=False)


def _notice_foreign(replica: Replica, theirs: dict[bytes, frozenset[bytes]]) -> None:
    """A head in our present epoch that we never wrote: another copy of this node is at work."""
    for scope, _ in replica.published().items():
        state = replica.feeds.scope_of(scope)
        for feed in replica.feeds.feeds(state.scope_no) if state else ():
            own = feed.node == replica.identity.node and feed.epoch == replica.epoch_name
            if own and not replica.holds(theirs.get(feed.feed, ())):
                replica.begin_epoch(FOREIGN_OWN)
                return


def _known_outside(replica: Replica, scopes: Set[bytes]) -> dict[bytes, frozenset[bytes]]:
    """The heads the centre last stated, without those of feeds in some scopes."""
    genesis = replica.identity.genesis
    assert genesis is not None, "requests are made with a net only"
    peer = replica.feeds.peer(genesis.centre_node)
    known = split_heads(peer.heads) if peer else {}
    feeds = {feed: replica.feeds.feed(feed) for feed in known}
    return {
        feed: heads
        for feed, heads in known.items()
        if (found := feeds[feed]) is None or found.scope not in scopes
    }


def _is_settled(request: Request, header: ResponseHeader) -> bool:
    """Whether the centre has all that was held here in the scopes of the request, or does not want
    it: nothing was left out, and nothing is to be offered again."""
    refused: set[bytes] = set()
    for place, code in sorted(header.results):
        if code == Code.HAD or not 0 <= place < len(request.blocks):
            continue
        feed = parse_block(request.blocks[place]).header.feed
        if code in (Code.REFUSED_SCOPE, Code.MALFORMED):
            refused.add(feed)
        elif code != Code.NEED_PARENT or feed not in refused:
            return False
    return request.complete


def _with_taken(
    replica: Replica,
    stated: dict[bytes, frozenset[bytes]],
    before: dict[bytes, frozenset[bytes]],
    request: Request,
    header: ResponseHeader,
) -> dict[bytes, frozenset[bytes]]:
    """Heads the centre stated and, of feeds it does not state to us, what it took of them so far.

    So the next request goes on where this one ended. Heads that are not here are left out: what
    we shall never be given must not hold back what we have. A feed of which it lacks a parent is
    offered from its beginning.
    """
    taken = {feed: set(blocks) for feed, blocks in known_part(replica, before).items()}
    for place, code in header.results:
        if code == Code.NEED_PARENT and 0 <= place < len(request.blocks):
            taken.pop(parse_block(request.blocks[place]).header.feed, None)
    for place, is_taken in enumerate(_taken_places(request, header)):
        if is_taken:
            block = parse_block(request.blocks[place])
            of_feed = taken.setdefault(block.header.feed, set())
            of_feed.discard(block.header.prev[:16])
            of_feed.add(block.short)
    return {feed: frozenset(blocks) for feed, blocks in taken.items()} | stated


def _taken_places(request: Request, header: ResponseHeader) -> list[bool]:
    """For every block that was pushed, whether the centre has it now."""
    codes = dict(header.results)
    taken = (Code.STORED, Code.HAD)
    return [codes.get(place, Code.STORED) in taken for place in range(len(request.blocks))]


# The answering side


def answer_request(
    replica: Replica, request: Request, *, carrier: str, wait_s: int = 0
) -> Response:
    """Store what a request brings and answer it; the receipts in it follow the durable commit."""
    header = request.header
    enrol_bearer(replica, header)
    allowed = within_quota(replica, header.node, request.blocks)
    intake = replica.accept(request.blocks[:allowed], header.node)
    codes = intake.codes + [Code.REFUSED_LIMIT] * (len(request.blocks) - allowed)
    count_quota(replica, header.node, request.blocks, codes)
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
    remember_peer(replica, header, carrier)
    scopes = [replica.feeds.scope_state(scope_no).scope for scope_no in scope_nos]
    same_scopes = scopes_digest(scopes) == header.scopes
    revoked = is_revoked(replica, scope_nos, header.node)
    level = root_of(joined) == header.root
    theirs = split_heads(header.heads)
    if not request.blocks:
        # Both sides may hold a branch that the other lacks; who pushes nothing waits for ours.
        theirs = known_part(replica, theirs)
    blocks: list[bytes] = []
    all_sent = True
    if not (level or revoked) and (header.heads or header.root == root_of(b"")):
        feeds = centre_first(replica, ours)
        blocks, _, all_sent = gather(replica, feeds, theirs, header.limit_bytes)
    answer = ResponseHeader(
        VERSION, replica.epoch_name, root_of(joined), b"" if level else joined, results,
        sign_receipts(replica, header.wants), [] if same_scopes else scopes,
        more=not all_sent or not same_scopes, wait_s=wait_s, refused=REVOKED if revoked else "",
        time_s=replica.env.now_ms() // 1000,
    )  # fmt: skip
    return Response(answer, blocks)


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


# Carriers without a line


def make_bundle(replica: Replica, node: bytes, key: bytes) -> Request:
    """Everything the other node may read here and has not proved to know, as one frame."""
    with replica.lock:
        return _make_bundle(replica, node, key)


def _make_bundle(replica: Replica, node: bytes, key: bytes) -> Request:
    scope_nos = scopes_for(replica, node, key)
    peer = replica.feeds.peer(node)
    heads = heads_in(replica, scope_nos)
    known = known_part(replica, split_heads(peer.heads) if peer else {})
    blocks, ops, _ = gather(replica, centre_first(replica, heads), known, 1 << 62)
    joined = join_heads(heads)
    header = RequestHeader(
        VERSION, replica.net, replica.identity.node, replica.key, next_counter(replica),
        replica.epoch_name if replica.is_centre else b"", root_of(joined), joined,
        scopes_digest(replica.feeds.scope_state(each).scope for each in scope_nos), 0,
        wants=[], ticket=enrolment_proof(replica),
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
    enrol_bearer(replica, header)
    if from_centre:
        _notice_foreign(replica, split_heads(header.heads))
        _hold_opened(replica, bundle.blocks)
    intake = replica.accept(bundle.blocks, header.node)
    if from_centre and not replica.is_centre:
        with replica.lock, replica.feeds.feed_transaction():
            keep_receipts(replica, header.receipts)
            replica.feeds.put_peer(PeerState(
                genesis.centre_node, header.centre_epoch, header.heads, header.counter,
                replica.env.now_ms(), "bundle", header.software,
            ))  # fmt: skip
    elif complete and scopes_for(replica, header.node, header.key):
        remember_peer(replica, header, "bundle")
    return intake


def _hold_opened(replica: Replica, blocks: Iterable[bytes]) -> None:
    """Hold the scopes whose first word of the centre a bundle brings, as an answer names them: who
    has no line would never get what it was let into. What is unsound is told by `accept`."""
    genesis = replica.identity.genesis
    for data in blocks:
        with suppress(SyncError):
            block = parse_block(data)
            if block.header.kind != EPOCH_OPEN or replica.feeds.feed(block.header.feed):
                continue
            feed = open_feed(replica.suite, replica.net, block)
            if genesis and (feed.node, feed.key) == (genesis.centre_node, genesis.centre_key):
                replica.hold_scope(feed.scope)
