"""The feed store in memory: the contract of `store.FeedStore` for the simulator.

Every value is immutable and every change goes through a journal, so that a transaction that raises
leaves nothing, and a copy of the store (a backup, a cloned disk) is a copy of a few dicts.
"""

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Final

from xueshi_sync.block import Feed
from xueshi_sync.store import OpenOp, PeerState, ScopeState, StoredBlock

Hook = Callable[[str], None]
Table = dict[Any, Any]
MISSING: Final = object()


class Journal:
    """Explicit transactions over dicts; a nested one joins the outer one.

    `hook` is asked before and after the outermost commit; whatever it raises before the commit
    undoes everything, after it nothing (a crash, a full disk).
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.depth = 0
        self.hook: Hook | None = None
        self._undo: list[tuple[Table, Any, Any]] = []

    def __call__(self) -> "Journal":
        return self

    def __enter__(self) -> None:
        self.depth += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.depth -= 1
        if self.depth:
            return
        if kind is None and self._undo and self.hook is not None:
            try:
                self.hook(f"{self.name}.before")
            except BaseException:
                self._rollback()
                raise
        if kind is not None:
            self._rollback()
            return
        changed = bool(self._undo)
        self._undo.clear()
        if changed and self.hook is not None:
            self.hook(f"{self.name}.after")

    def put(self, table: Table, key: Any, value: Any) -> None:
        """Set a key, remembering what was there."""
        assert self.depth, "writing happens inside a transaction"
        self._undo.append((table, key, table.get(key, MISSING)))
        table[key] = value

    def drop(self, table: Table, key: Any) -> None:
        """Remove a key where it is there, remembering what was there."""
        assert self.depth, "writing happens inside a transaction"
        old = table.pop(key, MISSING)
        if old is not MISSING:
            self._undo.append((table, key, old))

    def _rollback(self) -> None:
        for table, key, old in reversed(self._undo):
            if old is MISSING:
                table.pop(key, None)
            else:
                table[key] = old
        self._undo.clear()


def _copied(state: ScopeState) -> ScopeState:
    return ScopeState(
        state.scope_no, state.scope, state.next_no, state.next_pos, state.open_no,
        state.open_count, state.open_bytes, state.open_refs,
    )  # fmt: skip


class MemoryFeeds:
    """FeedStore in dicts. Lists that grow are linked tuples, newest first."""

    TABLES: Final = (
        "metas", "scopes", "feed_rows", "feeds_by_scope", "heads", "numbers", "names", "rows",
        "data", "places", "by_feed", "by_pos", "by_scope", "open_rows", "entries", "receipts",
        "peer_rows", "refusals", "refused",
    )  # fmt: skip

    def __init__(self) -> None:
        self.feed_transaction = Journal("feed")
        for name in self.TABLES:
            setattr(self, name, {})

    metas: dict[str, bytes]
    scopes: dict[int, ScopeState]
    feed_rows: dict[bytes, Feed]
    feeds_by_scope: dict[int, tuple[Feed, ...]]
    heads: dict[bytes, tuple[tuple[bytes, int], ...]]
    numbers: dict[tuple[int, bytes], int]
    names: dict[tuple[int, int], bytes]
    rows: dict[tuple[int, int], StoredBlock]
    data: dict[tuple[int, int], bytes]
    places: dict[bytes, StoredBlock]
    by_feed: dict[bytes, Any]
    by_pos: dict[int, Any]
    by_scope: dict[int, Any]
    open_rows: dict[tuple[int, int], tuple[OpenOp, ...]]
    entries: dict[str, tuple[int, int]]
    receipts: dict[bytes, bytes]
    peer_rows: dict[bytes, PeerState]
    refusals: dict[tuple[bytes, bytes, str], tuple[int, bytes]]
    refused: dict[bytes, frozenset[bytes]]

    def copy(self) -> "MemoryFeeds":
        """Return an independent store with the same content: a backup, or another disk."""
        other = MemoryFeeds()
        for name in self.TABLES:
            setattr(other, name, dict(getattr(self, name)))
        return other

    def meta(self, key: str) -> bytes | None:
        return self.metas.get(key)

    def put_meta(self, key: str, value: bytes) -> None:
        self.feed_transaction.put(self.metas, key, value)

    def scope_states(self) -> list[ScopeState]:
        return [_copied(self.scopes[number]) for number in sorted(self.scopes)]

    def scope_of(self, scope: bytes) -> ScopeState | None:
        found = (each for each in self.scopes.values() if each.scope == scope)
        state = next(found, None)
        return None if state is None else _copied(state)

    def scope_state(self, scope_no: int) -> ScopeState:
        return _copied(self.scopes[scope_no])

    def add_scope(self, scope: bytes) -> ScopeState:
        state = ScopeState(max(self.scopes, default=0) + 1, scope)
        self.put_scope(state)
        return state

    def put_scope(self, state: ScopeState) -> None:
        self.feed_transaction.put(self.scopes, state.scope_no, _copied(state))

    def feed(self, feed: bytes) -> Feed | None:
        return self.feed_rows.get(feed)

    def add_feed(self, scope_no: int, feed: Feed) -> None:
        assert feed.feed not in self.feed_rows, "a feed is added once"
        self.feed_transaction.put(self.feed_rows, feed.feed, feed)
        known = self.feeds_by_scope.get(scope_no, ())
        self.feed_transaction.put(self.feeds_by_scope, scope_no, (*known, feed))

    def feeds(self, scope_no: int) -> list[Feed]:
        return sorted(self.feeds_by_scope.get(scope_no, ()), key=lambda each: each.feed)

    def heads_of(self, feed: bytes) -> list[tuple[bytes, int]]:
        return list(self.heads.get(feed, ()))

    def place_of(self, block: bytes) -> tuple[bytes, int, bytes] | None:
        stored = self.places.get(block)
        return None if stored is None else (stored.feed, stored.seq, stored.prev[:16])

    def blocks_above(self, feed: bytes, seq: int) -> list[bytes]:
        found = [row for row in _newest_first(self.by_feed.get(feed)) if row[0] > seq]
        return [short for _, short in sorted(found, key=lambda row: row[0])]

    def number_of(self, scope_no: int, block: bytes) -> int | None:
        return self.numbers.get((scope_no, block))

    def name_of(self, scope_no: int, no: int) -> bytes | None:
        return self.names.get((scope_no, no))

    def reserve(self, state: ScopeState, block: bytes) -> int:
        known = self.numbers.get((state.scope_no, block))
        if known is not None:
            return known
        number, state.next_no = state.next_no, state.next_no + 1
        self._name(state.scope_no, number, block)
        return number

    def _name(self, scope_no: int, no: int, block: bytes) -> None:
        self.feed_transaction.put(self.numbers, (scope_no, block), no)
        self.feed_transaction.put(self.names, (scope_no, no), block)

    def add_block(self, block: StoredBlock, data: bytes) -> None:
        put, short, key = self.feed_transaction.put, block.bid[:16], (block.scope_no, block.no)
        self._name(block.scope_no, block.no, short)
        put(self.rows, key, block)
        put(self.data, key, data)
        put(self.places, short, block)
        put(self.by_feed, block.feed, ((block.seq, short), self.by_feed.get(block.feed)))
        put(self.by_scope, block.scope_no, (block.no, self.by_scope.get(block.scope_no)))
        if block.pos:
            put(self.by_pos, block.scope_no, (block, self.by_pos.get(block.scope_no)))
        parent = block.prev[:16]
        others = [head for head in self.heads.get(block.feed, ()) if head[0] != parent]
        put(self.heads, block.feed, tuple(sorted([*others, (short, block.seq)])))

    def block(self, block: bytes) -> StoredBlock | None:
        return self.places.get(block)

    def block_data(self, scope_no: int, no: int) -> bytes:
        return self.data[scope_no, no]

    def blocks_since(self, scope_no: int, pos: int) -> Iterator[StoredBlock]:
        found = [row for row in _newest_first(self.by_pos.get(scope_no)) if row.pos > pos]
        yield from sorted(found, key=lambda row: row.pos)

    def all_blocks(self, scope_no: int) -> Iterator[StoredBlock]:
        for no in sorted(set(_newest_first(self.by_scope.get(scope_no)))):
            yield self.rows[scope_no, no]

    def add_open_ops(self, ops: Iterable[OpenOp]) -> None:
        for op in ops:
            key = (op.scope_no, op.no)
            self.feed_transaction.put(self.open_rows, key, (*self.open_rows.get(key, ()), op))

    def open_ops(self, scope_no: int, no: int | None = None) -> list[OpenOp]:
        keys = sorted(key for key in self.open_rows if key[0] == scope_no and no in (None, key[1]))
        return [op for key in keys for op in self.open_rows[key]]

    def open_numbers(self, scope_no: int) -> list[int]:
        return sorted(no for at, no in self.open_rows if at == scope_no)

    def drop_open_ops(self, scope_no: int, no: int) -> None:
        self.feed_transaction.drop(self.open_rows, (scope_no, no))

    def entry(self, entry_id: str) -> tuple[int, int] | None:
        return self.entries.get(entry_id)

    def add_entries(self, entries: Iterable[tuple[str, int, int]]) -> None:
        for name, scope_no, rec in entries:
            assert name not in self.entries, "an entry is added once"
            self.feed_transaction.put(self.entries, name, (scope_no, rec))

    def receipt(self, feed: bytes) -> bytes | None:
        return self.receipts.get(feed)

    def put_receipt(self, feed: bytes, block: bytes, data: bytes) -> None:
        self.feed_transaction.put(self.receipts, feed, data)

    def peer(self, node: bytes) -> PeerState | None:
        return self.peer_rows.get(node)

    def peers(self) -> list[PeerState]:
        return [self.peer_rows[node] for node in sorted(self.peer_rows)]

    def put_peer(self, peer: PeerState) -> None:
        self.feed_transaction.put(self.peer_rows, peer.node, peer)

    def add_refusal(self, block: bytes, feed: bytes, code: str, at_ms: int, sender: bytes) -> None:
        if (block, feed, code) not in self.refusals:
            self.feed_transaction.put(self.refusals, (block, feed, code), (at_ms, sender))

    def refused_by(self, peer: bytes) -> frozenset[bytes]:
        return self.refused.get(peer, frozenset())

    def put_refused_by(self, peer: bytes, blocks: Iterable[bytes]) -> None:
        self.feed_transaction.put(self.refused, peer, frozenset(blocks))


def _newest_first(link: Any) -> Iterator[Any]:
    while link is not None:
        value, link = link
        yield value
