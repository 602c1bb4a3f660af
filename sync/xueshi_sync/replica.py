"""The core of a node: local actions, sealing and the intake of blocks, over what the node holds.

The rules kept here and below:
  1. an action is durable before it is acknowledged, and shown only after that;
  2. bytes leave the machine only after sealing, and after the caller wrote `published()` outside
     the data folder (SYNC 3.4);
  3. a block enters through `intake` only, verified and behind its parent, whatever carrier brought
     it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from xueshi_sync import intake, sealing
from xueshi_sync.body import K_BITS
from xueshi_sync.column import Value
from xueshi_sync.errors import DiskFullError
from xueshi_sync.holdings import Holdings
from xueshi_sync.store import OpenOp
from xueshi_sync.viewer import UNSEALED
from xueshi_sync.writer import Action, RecordKey


@dataclass
class Replica(Holdings):
    """Holdings that are written to, sealed and added to by others."""

    make_room: Callable[[], bool] = lambda: False
    _seen: dict[int, tuple[int, set[Value]]] = field(default_factory=dict)

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
        try:
            self._keep(action)
        except DiskFullError:
            if not self.make_room():
                raise
            self._keep(action)
        by_scope: dict[int, list[OpenOp]] = {}
        for op in action.ops:
            by_scope.setdefault(op.scope_no, []).append(op)
        for scope_no, ops in by_scope.items():
            self.show(scope_no, (), ops, ops[0].pos, ops[-1].pos)

    def _keep(self, action: Action) -> None:
        with self.feeds.feed_transaction():
            self.feeds.add_open_ops(action.ops)
            entries = [(name, key.scope_no, key.rec) for name, key in action.entries.items()]
            self.feeds.add_entries(entries)
            for state in action.states.values():
                self.feeds.put_scope(state)

    def seal(self) -> int:
        """Turn all open ops into blocks (the publish barrier); returns how many blocks were made.

        The lock is held to close a block to further ops and to store it, not while it is encoded,
        so that a large import holds nobody up.
        """
        if self.identity.genesis is None:
            return 0
        return sum(
            sealing.seal_open_block(self, state.scope_no, no)
            for state in self.feeds.scope_states()
            for no in self.feeds.open_numbers(state.scope_no)
        )

    def accept(self, offered: Sequence[bytes], sender: bytes) -> intake.Intake:
        """Verify and store blocks, parents before children, from any carrier; idempotent."""
        return intake.accept(self, offered, sender)


def public_id(block: bytes | None, key: RecordKey) -> str:
    """A record's name outside this database: block id and place once sealed, local before."""
    k = key.rec & (1 << K_BITS) - 1
    return f"{block.hex()}.{k}" if block else f"~{key.scope_no}.{key.rec >> K_BITS}.{k}"
