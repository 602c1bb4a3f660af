"""The store contract: what the core asks of any engine (SQLite, PostgreSQL, memory in tests).

Two halves. The feed half is the truth: blocks, feeds, open ops. The view half is derived and may be
deleted at any time; it carries its own watermark per scope. Every key holds the scope, there are no
triggers, sequences or invariants across scopes, so that a distributed engine can serve it.

Scopes, feeds and blocks have small local numbers; a record or write is `block number << 12 | k`.
A block gets its number when it is first mentioned, before or after it arrives.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from xueshi_sync.authority import CurrentRow
from xueshi_sync.block import Feed
from xueshi_sync.column import Value
from xueshi_sync.schema import Schema, Table


@dataclass(slots=True)
class ScopeState:
    """A scope held here. `open_*` describe the block that is being filled by local writes."""

    scope_no: int
    scope: bytes
    next_no: int = 1
    next_pos: int = 1
    open_no: int = 0
    open_count: int = 0
    open_bytes: int = 0
    open_refs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A stored block's place. `pos` is its turn for the view; 0 when written here op by op."""

    scope_no: int
    no: int
    bid: bytes
    feed: bytes
    seq: int
    prev: bytes
    kind: int
    op_count: int
    pos: int
    arrived_ms: int


@dataclass(frozen=True, slots=True)
class OpenOp:
    """A local op that no block holds yet; `data` is the op, encoded, in local numbering."""

    scope_no: int
    no: int
    k: int
    pos: int
    data: bytes


@dataclass(frozen=True, slots=True)
class WriteRow:
    """A write of one field of one record, as the view keeps it; dots in local numbering."""

    table: str
    rec: int
    field: str
    dot: int
    value: Value
    preds: tuple[int, ...]
    rank: int
    author: int
    actor: str
    entered_at: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """What the view knows of a ledger entry for crediting its chain."""

    rec: int
    corrects: int | None
    amount: int


@dataclass(frozen=True, slots=True)
class PeerState:
    """What a peer last proved to know, when it was heard, and what it stored here that day."""

    node: bytes
    epoch: bytes
    heads: bytes
    counter: int
    contact_ms: int
    carrier: str
    software: str = ""
    day: int = 0
    day_blocks: int = 0
    day_bytes: int = 0


class FeedStore(Protocol):
    """The truth. Writing happens inside `feed_transaction`, which is durable when it ends."""

    def feed_transaction(self) -> AbstractContextManager[None]: ...

    def meta(self, key: str) -> bytes | None: ...
    def put_meta(self, key: str, value: bytes) -> None: ...

    def scope_states(self) -> list[ScopeState]: ...
    def scope_of(self, scope: bytes) -> ScopeState | None: ...
    def scope_state(self, scope_no: int) -> ScopeState: ...
    def add_scope(self, scope: bytes) -> ScopeState: ...
    def put_scope(self, state: ScopeState) -> None: ...

    def feed(self, feed: bytes) -> Feed | None: ...
    def add_feed(self, scope_no: int, feed: Feed) -> None: ...
    def feeds(self, scope_no: int) -> list[Feed]: ...

    # FeedReader of plan.py; blocks named by id[:16]
    def heads_of(self, feed: bytes) -> list[tuple[bytes, int]]: ...
    def place_of(self, block: bytes) -> tuple[bytes, int, bytes] | None: ...
    def blocks_above(self, feed: bytes, seq: int) -> list[bytes]: ...

    def number_of(self, scope_no: int, block: bytes) -> int | None: ...
    def name_of(self, scope_no: int, no: int) -> bytes | None: ...
    def reserve(self, state: ScopeState, block: bytes) -> int: ...
    def add_block(self, block: StoredBlock, data: bytes) -> None: ...
    def block(self, block: bytes) -> StoredBlock | None: ...
    def block_data(self, scope_no: int, no: int) -> bytes: ...
    def blocks_since(self, scope_no: int, pos: int) -> Iterator[StoredBlock]: ...
    def all_blocks(self, scope_no: int) -> Iterator[StoredBlock]: ...

    def add_open_ops(self, ops: Iterable[OpenOp]) -> None: ...
    def open_ops(self, scope_no: int, no: int | None = None) -> list[OpenOp]: ...
    def open_numbers(self, scope_no: int) -> list[int]: ...
    def drop_open_ops(self, scope_no: int, no: int) -> None: ...
    def entry(self, entry_id: str) -> tuple[int, int] | None: ...
    def add_entries(self, entries: Iterable[tuple[str, int, int]]) -> None: ...

    def receipt(self, feed: bytes) -> bytes | None: ...
    def put_receipt(self, feed: bytes, block: bytes, data: bytes) -> None: ...
    def peer(self, node: bytes) -> PeerState | None: ...
    def peers(self) -> list[PeerState]: ...
    def put_peer(self, peer: PeerState) -> None: ...
    def add_refusal(
        self, block: bytes, feed: bytes, code: str, at_ms: int, sender: bytes
    ) -> None: ...
    def refused_by(self, peer: bytes) -> frozenset[bytes]: ...
    def put_refused_by(self, peer: bytes, blocks: Iterable[bytes]) -> None: ...


class ViewStore(Protocol):
    """The derived tables. `values` and rows are in view form: dates as text, refs as records."""

    def view_transaction(self) -> AbstractContextManager[None]: ...

    def prepare(self, schema: Schema, mark: bytes) -> bool: ...
    def watermark(self, scope_no: int) -> int: ...
    def put_watermark(self, scope_no: int, pos: int) -> None: ...
    def clear_scope(self, scope_no: int) -> None: ...

    def author(self, node: bytes, key: bytes) -> int: ...
    def put_scope_name(self, scope_no: int, scope: bytes) -> None: ...
    def insert_rows(self, table: Table, rows: Iterable[tuple[object, ...]]) -> None: ...
    def add_writes(self, scope_no: int, writes: Iterable[WriteRow]) -> None: ...
    def writes_of(self, scope_no: int, table: str, recs: Sequence[int]) -> list[WriteRow]: ...
    def written_recs(self, scope_no: int, table: str, low: int, high: int) -> list[int]: ...
    def correctors_of(self, table: Table, scope_no: int, low: int, high: int) -> list[int]: ...
    def show(
        self,
        table: Table,
        scope_no: int,
        rec: int,
        shown: dict[str, Value],
        conflicts: dict[str, int],
    ) -> None: ...
    def ledger_rows(self, table: Table, scope_no: int, recs: Sequence[int]) -> list[LedgerRow]: ...
    def put_credit(
        self, table: Table, scope_no: int, rows: Iterable[tuple[int, str, int]]
    ) -> None: ...
    def put_current(
        self, scope_no: int, table: str, recs: Sequence[int], dots: Sequence[int]
    ) -> None: ...
    def put_unapplied(self, scope_no: int, no: int, code: str, count: int) -> None: ...
    def scopes_of(self, node: bytes) -> list[int]: ...
    def is_named(self, scope_no: int, node: bytes, key: bytes) -> bool: ...
    def own_rows(self, table: Table, scope_no: int) -> list[CurrentRow]: ...
    def digest_rows(
        self, table: Table, scope_no: int, low: int, high: int
    ) -> Iterable[tuple[object, ...]]: ...
    def write_digest_rows(
        self, scope_no: int, low: int, high: int
    ) -> Iterable[tuple[Any, ...]]: ...
