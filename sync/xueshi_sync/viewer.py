"""Keeps the view level with the feeds, and builds it anew (PROTOCOL 8, 9.2).

Incremental work and a build from nothing give the same tables: authority is settled first from the
scope's own tables, then everything else is applied under it. When authority changes for somebody
who
already wrote here, the scope is projected again from its feeds.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import msgspec

from xueshi_sync.authority import Authority, scope_authority
from xueshi_sync.block import DATA, Block, Feed, decode_data, parse_block
from xueshi_sync.body import Body, Op
from xueshi_sync.errors import StorageError, SyncError
from xueshi_sync.identity import ID_BYTES, Genesis
from xueshi_sync.plan import is_within
from xueshi_sync.projection import Author, Batch, Projector, batches_of_body, batches_of_ops
from xueshi_sync.schema import ADMIT_TABLE, CUT_TABLE, NODE_TABLE, Schema
from xueshi_sync.store import FeedStore, OpenOp, ScopeState, StoredBlock, ViewStore

UNSEALED = b"\xff" * ID_BYTES
_BLOCKS_A_TURN = 4


@dataclass(frozen=True, slots=True)
class Speaker:
    """This node as an author, and the tier it takes for itself until the centre has spoken."""

    node: bytes
    key: bytes
    tier: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """A stored block on its way into the view; `body` is None where it cannot be decoded."""

    block: StoredBlock
    feed: Feed
    body: Body | None


@dataclass
class Viewer:
    """Projects the feeds of one node into its view."""

    feeds: FeedStore
    view: ViewStore
    schema: Schema
    genesis: Genesis | None
    me: Speaker
    _authorities: dict[int, Authority] = field(default_factory=dict)

    def authority(self, scope_no: int) -> Authority:
        """Rights in a scope, from the view's current rows."""
        if scope_no not in self._authorities:
            self._authorities[scope_no] = self._read_authority(scope_no)
        return self._authorities[scope_no]

    def catch_up(self) -> None:
        """Apply whatever the feeds hold beyond the view's watermarks (after a crash or upgrade)."""
        for state in self.feeds.scope_states():
            self.view.put_scope_name(state.scope_no, state.scope)
            self._catch_up_scope(state)

    def show(
        self,
        scope_no: int,
        arrivals: Sequence[Arrival],
        ops: Sequence[OpenOp],
        *,
        first_pos: int,
        last_pos: int,
    ) -> None:
        """Apply what was just stored at positions `first_pos`–`last_pos`; where an earlier turn
        failed (a full disk), everything since then."""
        if self.view.watermark(scope_no) == first_pos - 1:
            self._apply(scope_no, arrivals, ops, last_pos)
        else:
            self._catch_up_scope(self.feeds.scope_state(scope_no))

    def _catch_up_scope(self, state: ScopeState) -> None:
        mark = self.view.watermark(state.scope_no)
        if mark >= state.next_pos - 1:
            return
        turn: list[StoredBlock] = []
        for block in self.feeds.blocks_since(state.scope_no, mark):
            turn.append(block)
            if len(turn) == _BLOCKS_A_TURN:
                # The watermark stays: open ops between these positions come last.
                self._apply(state.scope_no, self._load(turn), (), mark)
                turn = []
        ops = [op for op in self.feeds.open_ops(state.scope_no) if op.pos > mark]
        self._apply(state.scope_no, self._load(turn), ops, state.next_pos - 1)

    def _apply(
        self, scope_no: int, arrivals: Sequence[Arrival], ops: Sequence[OpenOp], watermark: int
    ) -> None:
        """Apply blocks and open ops of one scope in one transaction and move the watermark."""
        before = self.authority(scope_no)
        with self._turn():
            projector = self._projector(scope_no)
            self._apply_all(projector, arrivals, ops)
            self.view.put_watermark(scope_no, watermark)
            after = self.authority(scope_no)
            settles = any(after.is_cut_head(each.block.bid) for each in arrivals)
            if settles or (
                after is not before
                and self._effect(scope_no, before) != self._effect(scope_no, after)
            ):
                self._project_again(scope_no)
                self.view.put_watermark(scope_no, self.feeds.scope_state(scope_no).next_pos - 1)

    def show_sealed(self, scope_no: int, stored: StoredBlock, *, only_inserts: bool) -> None:
        """Take the turn of a block sealed here. Its ops are shown already, but edits are ordered
        by public names only now; where the view is behind, this brings it level."""
        authority = self.authority(scope_no)
        stands = bool(authority.tier(self.me.node, self.me.key)) and not authority.cuts.get(
            self.me.node
        )
        # The turn before may be that of the epoch-open block, which shows nothing.
        if self.view.watermark(scope_no) < stored.pos - 1 - (stored.seq == 1):
            self._catch_up_scope(self.feeds.scope_state(scope_no))
        elif only_inserts and stands:
            with self.view.view_transaction():
                self.view.put_watermark(scope_no, stored.pos)
        else:
            self._apply(scope_no, self._load([stored]), (), stored.pos)

    def project_all(self, progress: Callable[[int], None] | None = None) -> None:
        """Build every scope from nothing; `progress` gets the number of blocks done."""
        for state in self.feeds.scope_states():
            with self._turn():
                self.view.put_scope_name(state.scope_no, state.scope)
                self._project_again(state.scope_no, progress)
                self.view.put_watermark(state.scope_no, state.next_pos - 1)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """A view transaction; rights read inside one that fails are forgotten with it."""
        try:
            with self.view.view_transaction():
                yield
        except BaseException:
            self._authorities.clear()
            raise

    def _project_again(self, scope_no: int, progress: Callable[[int], None] | None = None) -> None:
        self.view.clear_scope(scope_no)
        self._authorities.pop(scope_no, None)
        ops = self.feeds.open_ops(scope_no)
        projector = self._projector(scope_no)
        for stored in self.feeds.all_blocks(scope_no):
            feed = self.feeds.feed(stored.feed)
            if feed is not None and self._is_centre(feed.node, feed.key):
                arrival = self._arrival(stored, feed)
                self._apply_own(projector, arrival, self._batches(scope_no, arrival))
        self._apply_own_ops(projector, ops)
        projector.refresh()
        self._authorities.pop(scope_no, None)
        for done, stored in enumerate(self.feeds.all_blocks(scope_no), 1):
            feed = self.feeds.feed(stored.feed)
            if feed is not None:
                arrival = self._arrival(stored, feed)
                self._apply_rest(projector, arrival, self._batches(scope_no, arrival))
            if progress is not None:
                progress(done)
        self._apply_rest_ops(projector, ops)
        projector.refresh()

    def _apply_all(
        self, projector: Projector, arrivals: Sequence[Arrival], ops: Sequence[OpenOp]
    ) -> None:
        """Apply first what governs the scope, then the rest under the authority this leaves."""
        batched = [(each, self._batches(projector.scope_no, each)) for each in arrivals]
        governed = [self._apply_own(projector, each, batches) for each, batches in batched]
        if any([*governed, self._apply_own_ops(projector, ops)]):
            projector.refresh()
            self._authorities.pop(projector.scope_no, None)
        for each, batches in batched:
            self._apply_rest(projector, each, batches)
        self._apply_rest_ops(projector, ops)
        projector.refresh()

    def _apply_own(self, projector: Projector, arrival: Arrival, batches: list[Batch]) -> bool:
        """Apply what governs the scope; only the centre of the genesis may."""
        own = [each for each in batches if _governs(each)]
        if not own or not self._is_centre(arrival.feed.node, arrival.feed.key):
            return False
        number = self.view.author(arrival.feed.node, arrival.feed.key)
        projector.apply(own, Author(number, "centre"))
        return True

    def _apply_rest(self, projector: Projector, arrival: Arrival, batches: list[Batch]) -> None:
        block, feed = arrival.block, arrival.feed
        if block.kind != DATA:
            return
        if arrival.body is None:
            self.view.put_unapplied(block.scope_no, block.no, "malformed", block.op_count)
            return
        rest = [each for each in batches if not _governs(each)]
        if len(rest) < len(batches) and not self._is_centre(feed.node, feed.key):
            count = sum(len(each.dots) for each in batches if _governs(each))
            self.view.put_unapplied(block.scope_no, block.no, "not_centre", count)
        authority = self.authority(projector.scope_no)
        tier = authority.tier(feed.node, feed.key)
        if tier is None or not self._stands(authority, block, feed):
            code = "no_grant" if tier is None else "revoked"
            self.view.put_unapplied(block.scope_no, block.no, code, block.op_count)
        elif rest:
            author = Author(self.view.author(feed.node, feed.key), tier)
            denied = projector.apply(rest, author)
            if denied:
                self.view.put_unapplied(block.scope_no, block.no, "no_right", denied)

    def _apply_own_ops(self, projector: Projector, ops: Sequence[OpenOp]) -> bool:
        own = [each for each in self._op_batches(ops) if _governs(each)]
        if not own or not self._is_centre(self.me.node, self.me.key):
            return False
        number = self.view.author(self.me.node, self.me.key)
        projector.apply(own, Author(number, "centre"))
        return True

    def _apply_rest_ops(self, projector: Projector, ops: Sequence[OpenOp]) -> None:
        rest = [each for each in self._op_batches(ops) if not _governs(each)]
        authority = self.authority(projector.scope_no)
        tier = authority.tier(self.me.node, self.me.key)
        # What a revoked node still writes stands in no cut: it must not look saved to the county.
        if rest and tier is not None and not authority.cuts.get(self.me.node):
            number = self.view.author(self.me.node, self.me.key)
            projector.apply(rest, Author(number, tier))

    def _stands(self, authority: Authority, block: StoredBlock, feed: Feed) -> bool:
        cuts = authority.cuts.get(feed.node)
        if not cuts or block.bid in authority.admitted:
            return True
        short = block.bid[:ID_BYTES]
        return all(
            is_within(self.feeds, short, [head[:ID_BYTES] for head in heads]) for heads in cuts
        )

    def _batches(self, scope_no: int, arrival: Arrival) -> list[Batch]:
        if arrival.body is None:
            return []
        numbers = [self.feeds.number_of(scope_no, ref) or 0 for ref in arrival.body.refs]
        return batches_of_body(arrival.body, self.schema, numbers, arrival.block.no)

    def _op_batches(self, ops: Sequence[OpenOp]) -> list[Batch]:
        return batches_of_ops(((op.no, decode_open_op(op)) for op in ops), self.schema)

    def _projector(self, scope_no: int) -> Projector:
        def name_of(no: int) -> bytes:
            return self.feeds.name_of(scope_no, no) or UNSEALED

        return Projector(self.view, self.schema, scope_no, name_of)

    def _load(self, blocks: Iterable[StoredBlock]) -> list[Arrival]:
        pairs = [(stored, self.feeds.feed(stored.feed)) for stored in blocks]
        return [self._arrival(stored, feed) for stored, feed in pairs if feed is not None]

    def _arrival(self, stored: StoredBlock, feed: Feed) -> Arrival:
        if stored.kind != DATA:
            return Arrival(stored, feed, None)
        return Arrival(
            stored, feed, body_of(parse_block(self.feeds.block_data(stored.scope_no, stored.no)))
        )

    def _is_centre(self, node: bytes, key: bytes) -> bool:
        genesis = self.genesis
        return genesis is not None and (node, key) == (genesis.centre_node, genesis.centre_key)

    def _read_authority(self, scope_no: int) -> Authority:
        if self.genesis is None:
            return Authority({(self.me.node, self.me.key): self.me.tier})
        nodes = self.view.own_rows(NODE_TABLE, scope_no)
        authority = scope_authority(
            self.genesis,
            nodes,
            self.view.own_rows(CUT_TABLE, scope_no),
            self.view.own_rows(ADMIT_TABLE, scope_no),
        )
        me = (self.me.node, self.me.key)
        # Until the centre has said anything about this node, it shows its own work to itself.
        spoken_of = any(self.me.node in row["node"] for row in nodes)
        if me not in authority.tiers and not spoken_of:
            return replace(authority, tiers={**authority.tiers, me: self.me.tier})
        return authority

    def _effect(self, scope_no: int, authority: Authority) -> object:
        """What of an authority matters to blocks that are already here."""
        feeds = self.feeds.feeds(scope_no)
        speakers = {(feed.node, feed.key) for feed in feeds} | {(self.me.node, self.me.key)}
        tiers = {each: authority.tiers.get(each) for each in speakers}
        # This node itself too: it may have written much here and sealed nothing yet.
        cuts = {node: authority.cuts.get(node) for node, _ in speakers}
        return tiers, cuts, authority.admitted if any(cuts.values()) else None


def _governs(batch: Batch) -> bool:
    return batch.table.startswith("_")


def body_of(block: Block) -> Body | None:
    """Decode a data block's ops, or None where it is malformed: stored and relayed, not applied."""
    try:
        return decode_data(block)
    except SyncError:
        return None


def encode_open_op(op: Op) -> bytes:
    """Encode a local op for the store of open ops."""
    return msgspec.msgpack.encode(
        (op.k, op.kind, op.table, op.names, op.values, op.rec, op.preds, op.actor, op.entered_at,
         op.flags)
    )  # fmt: skip


def decode_open_op(row: OpenOp) -> Op:
    """The reverse of `encode_open_op`."""
    try:
        decoded = msgspec.msgpack.decode(row.data)
        k, kind, table, names, values, rec, preds, actor, at, flags = decoded
    except (msgspec.DecodeError, ValueError, TypeError) as error:
        raise StorageError(f"a saved form is damaged (block {row.no}, op {row.k})") from error
    return Op(
        k, kind, table, tuple(names), tuple(values), rec,
        None if preds is None else tuple(tuple(each) for each in preds), actor, at, flags,
    )  # fmt: skip
