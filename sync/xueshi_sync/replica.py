"""One node's copy of the data: local actions, sealing, epochs, and the intake of blocks.

Everything the outside gives (clock, randomness, store, keys, lock) is passed in. The rules kept
here:
  1. an action is durable before it is acknowledged, and shown only after that;
  2. bytes leave the machine only after sealing, and after the caller wrote `published()` outside
  the
     data folder (SYNC 3.4);
  3. a block enters through `block.verify_block` only, after its parent, whatever carrier brought
  it;
  4. any evidence that another copy of this node writes begins a new epoch (SYNC 3.5).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Final, Protocol

import msgspec

from xueshi_sync import sealing
from xueshi_sync.block import (
    DATA,
    EPOCH_OPEN,
    NO_BLOCK,
    Block,
    EpochOpen,
    Feed,
    PackedBody,
    Place,
    open_feed,
    parse_block,
    seal_block,
    verify_block,
)
from xueshi_sync.body import K_BITS, Body
from xueshi_sync.column import Value
from xueshi_sync.errors import (
    LimitExceededError,
    MalformedBlockError,
    NodeStateError,
    StorageError,
    SyncError,
)
from xueshi_sync.identity import Epoch, FeedName, Identity, epoch_id
from xueshi_sync.limits import SEAL_OPS
from xueshi_sync.schema import Schema
from xueshi_sync.store import FeedStore, OpenOp, ScopeState, StoredBlock, ViewStore
from xueshi_sync.suite import Suite, digest
from xueshi_sync.viewer import UNSEALED, Arrival, Speaker, Viewer, body_of
from xueshi_sync.writer import Action, RecordKey

SOFTWARE: Final = "xueshi/1"
FOREIGN_OWN: Final = "foreign_own"


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


class Env(Protocol):
    """Time and chance, as the outside gives them."""

    def now_ms(self) -> int: ...

    def random(self, count: int) -> bytes: ...


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


@dataclass
class Replica:
    """The core of a node over a store."""

    feeds: FeedStore
    view: ViewStore
    suite: Suite
    schema: Schema
    seed: bytes
    env: Env
    lock: AbstractContextManager[object] = field(default_factory=nullcontext)
    machine: bytes = b""
    is_behind: bool = False
    _seen: dict[int, tuple[int, set[Value]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.identity = msgspec.msgpack.decode(self._meta("identity"), type=Identity)
        self.epoch = msgspec.msgpack.decode(self._meta("epoch"), type=Epoch)
        self.key = self.suite.public_key(self.seed)
        self.viewer = self._make_viewer()

    @staticmethod
    def found(feeds: FeedStore, env: Env, identity: Identity) -> None:
        """Write what a new node's store starts with."""
        with feeds.feed_transaction():
            feeds.put_meta("identity", msgspec.msgpack.encode(identity))
            feeds.put_meta("epoch", msgspec.msgpack.encode(_fresh_epoch(env, "founded")))
            feeds.add_scope(identity.scope)

    @property
    def net(self) -> bytes:
        """The county's id; raises NodeStateError before the node joined one."""
        if self.identity.genesis is None:
            raise NodeStateError("this node has not joined a county")
        return self.identity.genesis.net

    @property
    def is_centre(self) -> bool:
        """Whether this node is the centre its county's genesis names."""
        genesis = self.identity.genesis
        return genesis is not None and (self.identity.node, self.key) == (
            genesis.centre_node,
            genesis.centre_key,
        )

    @property
    def home_scope_no(self) -> int:
        """Local number of this node's own scope."""
        state = self.feeds.scope_of(self.identity.scope)
        assert state is not None, "a store is founded with its home scope"
        return state.scope_no

    def join(self, identity: Identity) -> None:
        """Take the identity an invitation gives; open ops stay as they are, unsealed.

        The view is built for one identity and says for which, so that a cut in between shows.
        """
        with self.lock:
            with self.feeds.feed_transaction():
                home = replace(self.feeds.scope_state(self.home_scope_no), scope=identity.scope)
                self.feeds.put_scope(home)
                self.feeds.put_meta("identity", msgspec.msgpack.encode(identity))
            self.identity = identity
            self.viewer = self._make_viewer()
            try:
                self.open_view()
            except StorageError:
                self.is_behind = True

    def open_view(self) -> None:
        """Make the view's tables, build them where they are of another schema or identity, and
        bring them level with the feeds."""
        if self.view.prepare(self.schema, self._view_mark()):
            self.viewer.project_all()
        self.viewer.catch_up()

    def hold_scope(self, scope: bytes) -> int:
        """Make sure a scope is held here and return its local number."""
        state = self.feeds.scope_of(scope)
        if state is None:
            with self.lock, self.feeds.feed_transaction():
                state = self.feeds.scope_of(scope) or self.feeds.add_scope(scope)
            try:
                with self.view.view_transaction():
                    self.view.put_scope_name(state.scope_no, scope)
            except StorageError:
                self.is_behind = True
        return state.scope_no

    # Local writing

    @contextmanager
    def write(self, actor: str) -> Iterator[Action]:
        """One user action: durable when the block ends, undone when it raises."""
        with self.lock:
            action = Action(
                self.feeds, self.view, self.schema, actor, self.env.now_ms() // 1000,
                self.home_scope_no,
                lambda scope_no, no: self.feeds.name_of(scope_no, no) or UNSEALED,
                seen=self._seen,
            )  # fmt: skip
            try:
                yield action
                if action.ops:
                    self._commit(action)
            except BaseException:
                self._seen.clear()
                raise

    def _commit(self, action: Action) -> None:
        with self.feeds.feed_transaction():
            self.feeds.add_open_ops(action.ops)
            entries = [(name, key.scope_no, key.rec) for name, key in action.entries.items()]
            self.feeds.add_entries(entries)
            for state in action.states.values():
                self.feeds.put_scope(state)
        by_scope: dict[int, list[OpenOp]] = {}
        for op in action.ops:
            by_scope.setdefault(op.scope_no, []).append(op)
        for scope_no, ops in by_scope.items():
            self._show(scope_no, (), ops, ops[0].pos, ops[-1].pos)

    def _show(
        self,
        scope_no: int,
        arrivals: Sequence[Arrival],
        ops: Sequence[OpenOp],
        first_pos: int,
        last_pos: int,
    ) -> None:
        """Show what is durable already; a view that cannot be written now is levelled later."""
        try:
            self.viewer.show(scope_no, arrivals, ops, first_pos=first_pos, last_pos=last_pos)
        except StorageError:
            self.is_behind = True

    def use_view(self, view: ViewStore) -> None:
        """Go on with another view (a rebuilt one)."""
        self.view = view
        self.viewer = self._make_viewer()
        self.open_view()

    def project_into(self, view: ViewStore, progress: Callable[[int], None] | None = None) -> None:
        """Build a second view from nothing, for comparison or in place of a damaged one."""
        view.prepare(self.schema, self._view_mark())
        Viewer(self.feeds, view, self.schema, self.viewer.genesis, self.viewer.me).project_all(
            progress
        )

    def _view_mark(self) -> bytes:
        """Whom a view is built for: its authors and rights follow from it."""
        return msgspec.msgpack.encode(self.identity) + self.key

    def level_view(self) -> None:
        """Bring a view that fell behind level again; raises StorageError while that fails."""
        with self.lock:
            self.open_view()
            self.is_behind = False

    # Sealing

    def seal(self) -> int:
        """Turn all open ops into blocks (the publish barrier); returns how many blocks were made.

        The lock is held to close a block to further ops and to store it, not while it is encoded,
        so that a large import holds nobody up.
        """
        if self.identity.genesis is None:
            return 0
        sealed = 0
        for state in self.feeds.scope_states():
            for no in self.feeds.open_numbers(state.scope_no):
                rows = self._close_open(state.scope_no, no)
                if rows:
                    packed = sealing.pack_ops(self.feeds, self.schema, state.scope_no, no, rows)
                    sealed += self._store_sealed(state.scope_no, no, packed)
        return sealed

    def _close_open(self, scope_no: int, no: int) -> list[OpenOp]:
        """Let no further op into an open block, and return its ops; they can only be sealed now."""
        with self.lock:
            state = self.feeds.scope_state(scope_no)
            if state.open_no == no:
                with self.feeds.feed_transaction():
                    self.feeds.put_scope(
                        replace(state, open_no=0, open_count=0, open_bytes=0, open_refs=())
                    )
            return self.feeds.open_ops(scope_no, no)

    def _store_sealed(self, scope_no: int, no: int, packed: sealing.PackedOps) -> bool:
        """Sign and store a packed block, unless another thread did so meanwhile."""
        with self.lock:
            if no not in self.feeds.open_numbers(scope_no):
                return False
            with self.feeds.feed_transaction():
                state = self.feeds.scope_state(scope_no)
                stored = self._add_own(
                    state, self._own_feed(state), no, kind=DATA, raw=packed.body,
                    op_count=packed.op_count, wall_ms=packed.newest_ms,
                )  # fmt: skip
                self.feeds.drop_open_ops(scope_no, no)
                self.feeds.put_scope(state)
            try:
                self.viewer.show_sealed(scope_no, stored, only_inserts=packed.only_inserts)
            except StorageError:
                self.is_behind = True
        return True

    def _own_feed(self, state: ScopeState) -> Feed:
        """This epoch's feed in a scope; its epoch-open block is written at the first seal."""
        epoch = epoch_id(self.key, self.epoch.nonce)
        name = FeedName(self.net, self.identity.node, epoch, state.scope)
        known = self.feeds.feed(name.feed)
        if known is not None:
            return known
        older = [each for each in self.feeds.feeds(state.scope_no) if each.node == name.node]
        parents = sorted(head for each in older for head, _ in self.feeds.heads_of(each.feed))
        opened = EpochOpen(
            name.net, name.node, self.epoch.nonce, name.scope, self.key, self.epoch.reason,
            parents[-16:], self.machine, SOFTWARE,
        )  # fmt: skip
        feed = Feed(name.feed, name.node, epoch, name.scope, self.key, opened.reason, self.machine)
        self.feeds.add_feed(state.scope_no, feed)
        number, state.next_no = state.next_no, state.next_no + 1
        self._add_own(
            state, feed, number, kind=EPOCH_OPEN, raw=msgspec.msgpack.encode(opened),
            wall_ms=self.epoch.began_ms,
        )  # fmt: skip
        return feed

    def _add_own(
        self,
        state: ScopeState,
        feed: Feed,
        no: int,
        *,
        kind: int,
        raw: bytes | PackedBody,
        wall_ms: int,
        op_count: int = 0,
    ) -> StoredBlock:
        heads = self.feeds.heads_of(feed.feed)
        prev, seq = NO_BLOCK, 0
        if heads:
            head = self.feeds.block(max(heads, key=lambda each: (each[1], each[0]))[0])
            assert head is not None
            prev, seq = head.bid, head.seq + 1
        now_ms = max(self.env.now_ms(), 0)
        # `wall_ms` is when the epoch began or the newest op was entered, not now: two copies of one
        # disk that seal the same ops on the same parent then make the same block, and no fork.
        block = seal_block(
            self.suite, self.seed, kind=kind, place=Place(feed.feed, prev, seq), raw=raw,
            wall_ms=max(wall_ms, 0), op_count=op_count, schema=self.schema.version,
        )  # fmt: skip
        # A turn for the view of its own: what a power cut takes from the view comes back with it.
        stored = StoredBlock(
            state.scope_no, no, block.bid, feed.feed, seq, prev, kind, op_count, state.next_pos,
            now_ms,
        )  # fmt: skip
        state.next_pos += 1
        self.feeds.add_block(stored, block.data)
        return stored

    # Epochs

    def published(self) -> dict[bytes, tuple[int, bytes]]:
        """Newest own block of this epoch by scope: what the sidecar must know before bytes
        leave."""
        epoch = epoch_id(self.key, self.epoch.nonce)
        newest = {}
        for state in self.feeds.scope_states():
            if self.identity.genesis is None:
                break
            name = FeedName(self.net, self.identity.node, epoch, state.scope)
            heads = self.feeds.heads_of(name.feed)
            if heads:
                head, seq = max(heads, key=lambda each: (each[1], each[0]))
                newest[state.scope] = (seq, head)
        return newest

    @property
    def epoch_name(self) -> bytes:
        """The id of the present epoch."""
        return epoch_id(self.key, self.epoch.nonce)

    def begin_epoch(self, reason: str) -> None:
        """Begin a new epoch: everything sealed from now on stands in new feeds."""
        with self.lock, self.feeds.feed_transaction():
            epoch = _fresh_epoch(self.env, reason)
            self.feeds.put_meta("epoch", msgspec.msgpack.encode(epoch))
        self.epoch = epoch

    def holds(self, blocks: Iterable[bytes]) -> bool:
        """Whether every named block (id[:16]) is stored here."""
        return all(self.feeds.place_of(each) is not None for each in blocks)

    # Intake

    def accept(self, offered: Sequence[bytes], sender: bytes) -> Intake:
        """Verify and store blocks, parents before children, from any carrier; idempotent.

        Stores in steps of a few thousand ops, so that nobody who saves waits long. Whatever is
        refused leaves a row in the refusal table.
        """
        codes: list[Code] = []
        waiting: dict[bytes, _Ready] = {}
        feeds: dict[bytes, Feed] = {}
        stored = ops = weight = 0
        for data in offered:
            code, ready = self._examine(data, sender, waiting, feeds)
            if waiting and code in (Code.HELD, Code.REFUSED_SCOPE):
                # What waits may be the centre's word about this speaker.
                stored, ops = stored + len(waiting), ops + self._store(waiting)
                waiting, weight = {}, 0
                code, ready = self._examine(data, sender, waiting, feeds)
            codes.append(code)
            if ready is None:
                continue
            waiting[ready.block.short] = ready
            weight += ready.block.header.op_count
            if weight >= SEAL_OPS:
                stored, ops = stored + len(waiting), ops + self._store(waiting)
                waiting, weight = {}, 0
        return Intake(codes, stored + len(waiting), ops + self._store(waiting))

    def _examine(
        self, data: bytes, sender: bytes, waiting: dict[bytes, _Ready], feeds: dict[bytes, Feed]
    ) -> tuple[Code, _Ready | None]:
        feed_id = block_id = b""
        try:
            block = parse_block(data)
            feed_id, block_id = block.header.feed, block.bid
            with self.lock:
                if block.short in waiting or self.feeds.place_of(block.short) is not None:
                    return Code.HAD, None
                feed = feeds.get(feed_id) or self.feeds.feed(feed_id)
            if feed is None:
                if block.header.kind != EPOCH_OPEN:
                    return Code.NEED_PARENT, None
                feed = open_feed(self.suite, self.net, block)
                with self.lock:
                    code = self._admit(feed)
                if code is not Code.STORED:
                    self._refuse(block_id, feed_id, code.name.lower(), sender)
                    return code, None
                feeds[feed_id] = feed
            elif block.header.kind == EPOCH_OPEN:
                open_feed(self.suite, self.net, block)
            else:
                verify_block(self.suite, feed, block)
            with self.lock:
                has_parent = self._has_parent(block, waiting)
            if not has_parent:
                return Code.NEED_PARENT, None
            body = body_of(block) if block.header.kind == DATA else None
            return Code.STORED, _Ready(block, feed, body)
        except StorageError:
            # Our disk, not the block: it must be offered again.
            return Code.BUSY, None
        except LimitExceededError as error:
            self._refuse(block_id, feed_id, error.code, sender)
            return Code.REFUSED_LIMIT, None
        except SyncError as error:
            self._refuse(block_id, feed_id, error.code, sender)
            return Code.MALFORMED, None

    def _admit(self, feed: Feed) -> Code:
        """Whether a new feed may be stored here at all; what it may change is decided by the view.

        Any word of the centre about the speaker in this scope will do, a denial too: not applied is
        not refused. A restored centre takes back its own feeds of scopes that it forgot.
        """
        state = self.feeds.scope_of(feed.scope)
        own = (feed.node, feed.key) == (self.identity.node, self.key)
        if state is None:
            if not (own and self.is_centre):
                return Code.REFUSED_SCOPE
            self.hold_scope(feed.scope)
            return Code.STORED
        if own or self.view.is_named(state.scope_no, feed.node, feed.key):
            return Code.STORED
        if self.viewer.authority(state.scope_no).tier(feed.node, feed.key) is not None:
            return Code.STORED
        return Code.REFUSED_SCOPE if self._is_known(feed) else Code.HELD

    def _is_known(self, feed: Feed) -> bool:
        """Whether the speaker has a grant in another scope here: then this one is not its own."""
        return any(
            self.viewer.authority(scope_no).tier(feed.node, feed.key) is not None
            for scope_no in self.view.scopes_of(feed.node)
        )

    def _has_parent(self, block: Block, waiting: dict[bytes, _Ready]) -> bool:
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
            stored = self.feeds.block(parent)
            if stored is None:
                return False
            bid, seq, feed = stored.bid, stored.seq, stored.feed
        if (bid, seq + 1, feed) != (block.header.prev, block.header.seq, block.header.feed):
            raise MalformedBlockError("parent of another height, feed or id")
        return True

    def _store(self, waiting: dict[bytes, _Ready]) -> int:
        """Store verified blocks in one durable transaction, then show them; returns new ops."""
        if not waiting:
            return 0
        foreign, ops = False, 0
        arrivals: dict[int, list[Arrival]] = {}
        with self.lock:
            with self.feeds.feed_transaction():
                states: dict[bytes, ScopeState] = {}
                for ready in waiting.values():
                    if self.feeds.place_of(ready.block.short) is not None:
                        continue
                    arrival = self._add_foreign(states, ready)
                    arrivals.setdefault(arrival.block.scope_no, []).append(arrival)
                    ops += ready.block.header.op_count
                    foreign = foreign or ready.feed.epoch == self.epoch_name
                for state in states.values():
                    self.feeds.put_scope(state)
                if foreign:
                    self.begin_epoch(FOREIGN_OWN)
            for scope_no, group in arrivals.items():
                first, last = group[0].block.pos, group[-1].block.pos
                self._show(scope_no, group, (), first, last)
        return ops

    def _add_foreign(self, states: dict[bytes, ScopeState], ready: _Ready) -> Arrival:
        block, feed = ready.block, ready.feed
        state = states.get(feed.scope)
        if state is None:
            state = self.feeds.scope_of(feed.scope)
            assert state is not None, "feeds are admitted only in scopes held here"
            states[feed.scope] = state
        if self.feeds.feed(feed.feed) is None:
            self.feeds.add_feed(state.scope_no, feed)
        for ref in ready.body.refs if ready.body else ():
            self.feeds.reserve(state, ref)
        header = block.header
        stored = StoredBlock(
            state.scope_no, self.feeds.reserve(state, block.short), block.bid, feed.feed,
            header.seq, header.prev, header.kind, header.op_count, state.next_pos,
            self.env.now_ms(),
        )  # fmt: skip
        state.next_pos += 1
        self.feeds.add_block(stored, block.data)
        return Arrival(stored, feed, ready.body)

    def _refuse(self, block: bytes, feed: bytes, code: str, sender: bytes) -> None:
        with self.lock, self.feeds.feed_transaction():
            self.feeds.add_refusal(block, feed, code, self.env.now_ms(), sender)

    # Helpers

    def _meta(self, key: str) -> bytes:
        value = self.feeds.meta(key)
        if value is None:
            raise NodeStateError(f"store without {key}")
        return value

    def _make_viewer(self) -> Viewer:
        me = Speaker(self.identity.node, self.key, self.identity.tier)
        return Viewer(self.feeds, self.view, self.schema, self.identity.genesis, me)


def _fresh_epoch(env: Env, reason: str) -> Epoch:
    return Epoch(digest("nonce", env.random(16))[:16], reason, env.now_ms())


def public_id(block: bytes | None, key: RecordKey) -> str:
    """A record's name outside this database: block id and place once sealed, local before."""
    k = key.rec & (1 << K_BITS) - 1
    return f"{block.hex()}.{k}" if block else f"~{key.scope_no}.{key.rec >> K_BITS}.{k}"
