"""What one node holds: its identity, its epoch, its scopes, and the view it shows of them.

Time, chance, keys, the lock and both halves of the store are passed in. `intake` and `sealing` work
on holdings; `replica` adds what a node does with them. Any evidence that another copy of this node
writes begins a new epoch (SYNC 3.5).
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import msgspec

from xueshi_sync.errors import NodeStateError, NotJoinedError, StorageError
from xueshi_sync.identity import Epoch, FeedName, Identity, epoch_id
from xueshi_sync.schema import Schema
from xueshi_sync.store import FeedStore, OpenOp, ViewStore
from xueshi_sync.suite import Suite, digest
from xueshi_sync.viewer import Arrival, Speaker, Viewer

SOFTWARE: Final = "xueshi/1"
FOREIGN_OWN: Final = "foreign_own"


class Env(Protocol):
    """Time and chance, as the outside gives them."""

    def now_ms(self) -> int: ...

    def random(self, count: int) -> bytes: ...


@dataclass
class Holdings:
    """One node's copy of the data, whatever is done with it."""

    feeds: FeedStore
    view: ViewStore
    suite: Suite
    schema: Schema
    seed: bytes
    env: Env
    lock: AbstractContextManager[object] = field(default_factory=nullcontext)
    machine: bytes = b""
    is_behind: bool = False

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
        """The county's id; raises NotJoinedError before the node joined one."""
        if self.identity.genesis is None:
            raise NotJoinedError("this node has not joined a county")
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

    # The view

    def open_view(self) -> None:
        """Make the view's tables and bring them level with the feeds.

        They are built anew where they are of another schema or identity.
        """
        if self.view.prepare(self.schema, self._view_mark()):
            self.viewer.project_all()
        self.viewer.catch_up()

    def show(
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

    # Epochs

    def published(self) -> dict[bytes, tuple[int, bytes]]:
        """Newest own block of this epoch by scope: the sidecar must know before bytes leave."""
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
