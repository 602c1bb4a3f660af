"""The feed store in SQLite: `feed.db`, the truth (PROTOCOL 9.1, SYNC 3.12)."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import msgspec

from xueshi_sync.block import Feed
from xueshi_sync.sqlite_db import Transactions, connect_writer
from xueshi_sync.store import OpenOp, PeerState, ScopeState, StoredBlock

# A block row without `bid` is a number reserved for a block that was mentioned and is not here yet.
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS scope (
    scope_no INTEGER PRIMARY KEY, scope BLOB NOT NULL UNIQUE, next_no INTEGER NOT NULL,
    next_pos INTEGER NOT NULL, open_no INTEGER NOT NULL, open_count INTEGER NOT NULL,
    open_bytes INTEGER NOT NULL, open_refs BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS feed (
    scope_no INTEGER NOT NULL, feed BLOB NOT NULL UNIQUE, node BLOB NOT NULL, epoch BLOB NOT NULL,
    scope BLOB NOT NULL, key BLOB NOT NULL, reason TEXT NOT NULL, machine BLOB NOT NULL,
    PRIMARY KEY (scope_no, feed)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS head (
    feed BLOB NOT NULL, short BLOB NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (feed, short)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS block (
    scope_no INTEGER NOT NULL, no INTEGER NOT NULL, short BLOB NOT NULL, bid BLOB, feed BLOB,
    seq INTEGER, prev BLOB, kind INTEGER, op_count INTEGER, pos INTEGER, arrived_ms INTEGER,
    data BLOB, PRIMARY KEY (scope_no, no));
CREATE UNIQUE INDEX IF NOT EXISTS block_short ON block (short, scope_no);
CREATE INDEX IF NOT EXISTS block_feed ON block (feed, seq) WHERE feed IS NOT NULL;
CREATE INDEX IF NOT EXISTS block_pos ON block (scope_no, pos) WHERE pos > 0;
CREATE TABLE IF NOT EXISTS open_op (
    scope_no INTEGER NOT NULL, no INTEGER NOT NULL, k INTEGER NOT NULL, pos INTEGER NOT NULL,
    data BLOB NOT NULL, PRIMARY KEY (scope_no, no, k)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entry (
    entry_id TEXT PRIMARY KEY, scope_no INTEGER NOT NULL, rec INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS receipt (
    feed BLOB PRIMARY KEY, short BLOB NOT NULL, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS peer (node BLOB PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refusal (
    bid BLOB NOT NULL, feed BLOB NOT NULL, code TEXT NOT NULL, at_ms INTEGER NOT NULL,
    sender BLOB NOT NULL, PRIMARY KEY (bid, feed, code)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refused_by (
    peer BLOB NOT NULL, short BLOB NOT NULL, PRIMARY KEY (peer, short)) WITHOUT ROWID;
"""
# Refusals kept for a person to read; the oldest go first, so that a hostile peer fills no disk.
REFUSALS_KEPT: Final = 10_000

_SCOPE: Final = (
    "SELECT scope_no, scope, next_no, next_pos, open_no, open_count, open_bytes, open_refs"
    " FROM scope"
)
_BLOCK: Final = (
    "SELECT scope_no, no, bid, feed, seq, prev, kind, op_count, pos, arrived_ms FROM block"
)
_FEED: Final = "SELECT feed, node, epoch, scope, key, reason, machine FROM feed"


class SqliteFeeds:
    """FeedStore over one SQLite file."""

    def __init__(self, path: Path) -> None:
        self.db = connect_writer(path, synchronous="FULL")
        self.db.executescript(SCHEMA)
        self._feeds: dict[bytes, Feed] = {}
        self.feed_transaction = Transactions(self.db, self._feeds.clear)

    def close(self) -> None:
        """Close the file; the write-ahead log is folded in."""
        self.db.close()

    def copy_rows(self, source: Path) -> None:
        """Take the rows of a backup's tables, and nothing else of it: a trigger or a view in a
        file from elsewhere runs in nobody's name. Raises DatabaseError, StorageError."""
        address = f"{source.absolute().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(address, uri=True)) as other, self.feed_transaction():
            other.execute("PRAGMA trusted_schema = OFF")
            given = _tables(other)
            for table, columns in _tables(self.db).items():
                if not set(columns) <= set(given.get(table, ())):
                    raise sqlite3.DatabaseError(f"no table {table} of this program")
                names = ", ".join(columns)
                rows = other.execute(f"SELECT {names} FROM {table}")
                places = ", ".join("?" * len(columns))
                self.db.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", rows)

    def meta(self, key: str) -> bytes | None:
        row = self.db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def metas(self, prefix: str) -> dict[str, bytes]:
        """Every value whose key begins so."""
        rows = self.db.execute(
            "SELECT key, value FROM meta WHERE substr(key, 1, ?) = ?", (len(prefix), prefix)
        )
        return {str(key): bytes(value) for key, value in rows}

    def drop_meta(self, key: str) -> None:
        self.db.execute("DELETE FROM meta WHERE key = ?", (key,))

    def put_meta(self, key: str, value: bytes) -> None:
        self.db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def scope_states(self) -> list[ScopeState]:
        return [_scope(row) for row in self.db.execute(f"{_SCOPE} ORDER BY scope_no")]

    def scope_of(self, scope: bytes) -> ScopeState | None:
        row = self.db.execute(f"{_SCOPE} WHERE scope = ?", (scope,)).fetchone()
        return None if row is None else _scope(row)

    def scope_state(self, scope_no: int) -> ScopeState:
        return _scope(self.db.execute(f"{_SCOPE} WHERE scope_no = ?", (scope_no,)).fetchone())

    def add_scope(self, scope: bytes) -> ScopeState:
        (top,) = self.db.execute("SELECT coalesce(max(scope_no), 0) FROM scope").fetchone()
        state = ScopeState(top + 1, scope)
        self.put_scope(state)
        return state

    def put_scope(self, state: ScopeState) -> None:
        self.db.execute(
            "INSERT OR REPLACE INTO scope VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (state.scope_no, state.scope, state.next_no, state.next_pos, state.open_no,
             state.open_count, state.open_bytes, msgspec.msgpack.encode(state.open_refs)),
        )  # fmt: skip

    def feed(self, feed: bytes) -> Feed | None:
        if feed not in self._feeds:
            row = self.db.execute(f"{_FEED} WHERE feed = ?", (feed,)).fetchone()
            if row is None:
                return None
            self._feeds[feed] = Feed(*row)
        return self._feeds[feed]

    def add_feed(self, scope_no: int, feed: Feed) -> None:
        self.db.execute(
            "INSERT INTO feed VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (scope_no, feed.feed, feed.node, feed.epoch, feed.scope, feed.key, feed.reason,
             feed.machine),
        )  # fmt: skip

    def feeds(self, scope_no: int) -> list[Feed]:
        rows = self.db.execute(f"{_FEED} WHERE scope_no = ?", (scope_no,)).fetchall()
        return [Feed(*row) for row in rows]

    def heads_of(self, feed: bytes) -> list[tuple[bytes, int]]:
        return self.db.execute("SELECT short, seq FROM head WHERE feed = ?", (feed,)).fetchall()

    def place_of(self, block: bytes) -> tuple[bytes, int, bytes] | None:
        row = self.db.execute(
            "SELECT feed, seq, prev FROM block WHERE short = ? AND feed IS NOT NULL", (block,)
        ).fetchone()
        return None if row is None else (row[0], row[1], row[2][:16])

    def blocks_above(self, feed: bytes, seq: int) -> list[bytes]:
        rows = self.db.execute(
            "SELECT short FROM block WHERE feed = ? AND seq > ? ORDER BY seq", (feed, seq)
        )
        return [row[0] for row in rows.fetchall()]

    def number_of(self, scope_no: int, block: bytes) -> int | None:
        row = self.db.execute(
            "SELECT no FROM block WHERE short = ? AND scope_no = ?", (block, scope_no)
        ).fetchone()
        return None if row is None else row[0]

    def name_of(self, scope_no: int, no: int) -> bytes | None:
        row = self.db.execute(
            "SELECT short FROM block WHERE scope_no = ? AND no = ?", (scope_no, no)
        ).fetchone()
        return None if row is None else row[0]

    def reserve(self, state: ScopeState, block: bytes) -> int:
        known = self.number_of(state.scope_no, block)
        if known is not None:
            return known
        number, state.next_no = state.next_no, state.next_no + 1
        self.db.execute(
            "INSERT INTO block (scope_no, no, short) VALUES (?, ?, ?)",
            (state.scope_no, number, block),
        )
        return number

    def add_block(self, block: StoredBlock, data: bytes) -> None:
        short = block.bid[:16]
        self.db.execute(
            "INSERT OR REPLACE INTO block VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (block.scope_no, block.no, short, block.bid, block.feed, block.seq, block.prev,
             block.kind, block.op_count, block.pos, block.arrived_ms, data),
        )  # fmt: skip
        parent = (block.feed, block.prev[:16])
        self.db.execute("DELETE FROM head WHERE feed = ? AND short = ?", parent)
        self.db.execute("INSERT INTO head VALUES (?, ?, ?)", (block.feed, short, block.seq))

    def block(self, block: bytes) -> StoredBlock | None:
        row = self.db.execute(f"{_BLOCK} WHERE short = ? AND feed IS NOT NULL", (block,)).fetchone()
        return None if row is None else StoredBlock(*row)

    def block_data(self, scope_no: int, no: int) -> bytes:
        row = self.db.execute(
            "SELECT data FROM block WHERE scope_no = ? AND no = ?", (scope_no, no)
        ).fetchone()
        data: bytes = row[0]
        return data

    def blocks_since(self, scope_no: int, pos: int) -> Iterator[StoredBlock]:
        return self._scan(f"{_BLOCK} WHERE scope_no = ? AND pos > ? ORDER BY pos", (scope_no, pos))

    def all_blocks(self, scope_no: int) -> Iterator[StoredBlock]:
        return self._scan(
            f"{_BLOCK} WHERE scope_no = ? AND feed IS NOT NULL ORDER BY no", (scope_no,)
        )

    def _scan(self, sql: str, params: tuple[int, ...]) -> Iterator[StoredBlock]:
        for row in self.db.execute(sql, params).fetchall():
            yield StoredBlock(*row)

    def add_open_ops(self, ops: Iterable[OpenOp]) -> None:
        self.db.executemany(
            "INSERT INTO open_op VALUES (?, ?, ?, ?, ?)",
            ((op.scope_no, op.no, op.k, op.pos, op.data) for op in ops),
        )

    def open_ops(self, scope_no: int, no: int | None = None) -> list[OpenOp]:
        rows = self.db.execute(
            "SELECT scope_no, no, k, pos, data FROM open_op"
            " WHERE scope_no = ?1 AND (?2 IS NULL OR no = ?2) ORDER BY no, k",
            (scope_no, no),
        )
        return [OpenOp(*row) for row in rows.fetchall()]

    def count_open_ops(self) -> int:
        """Number of ops in no block yet, over all scopes."""
        count: int = self.db.execute("SELECT count(*) FROM open_op").fetchone()[0]
        return count

    def open_numbers(self, scope_no: int) -> list[int]:
        rows = self.db.execute(
            "SELECT DISTINCT no FROM open_op WHERE scope_no = ? ORDER BY no", (scope_no,)
        )
        return [row[0] for row in rows.fetchall()]

    def drop_open_ops(self, scope_no: int, no: int) -> None:
        self.db.execute("DELETE FROM open_op WHERE scope_no = ? AND no = ?", (scope_no, no))

    def entry(self, entry_id: str) -> tuple[int, int] | None:
        row = self.db.execute(
            "SELECT scope_no, rec FROM entry WHERE entry_id = ?", (entry_id,)
        ).fetchone()
        return None if row is None else (row[0], row[1])

    def add_entries(self, entries: Iterable[tuple[str, int, int]]) -> None:
        self.db.executemany("INSERT INTO entry VALUES (?, ?, ?)", entries)

    def receipt(self, feed: bytes) -> bytes | None:
        row = self.db.execute("SELECT data FROM receipt WHERE feed = ?", (feed,)).fetchone()
        return None if row is None else row[0]

    def put_receipt(self, feed: bytes, block: bytes, data: bytes) -> None:
        self.db.execute("INSERT OR REPLACE INTO receipt VALUES (?, ?, ?)", (feed, block, data))

    def peer(self, node: bytes) -> PeerState | None:
        row = self.db.execute("SELECT data FROM peer WHERE node = ?", (node,)).fetchone()
        return None if row is None else msgspec.msgpack.decode(row[0], type=PeerState)

    def peers(self) -> list[PeerState]:
        rows = self.db.execute("SELECT data FROM peer").fetchall()
        return [msgspec.msgpack.decode(row[0], type=PeerState) for row in rows]

    def put_peer(self, peer: PeerState) -> None:
        self.db.execute(
            "INSERT OR REPLACE INTO peer VALUES (?, ?)", (peer.node, msgspec.msgpack.encode(peer))
        )

    def add_refusal(self, block: bytes, feed: bytes, code: str, at_ms: int, sender: bytes) -> None:
        self.db.execute(
            "INSERT OR IGNORE INTO refusal VALUES (?, ?, ?, ?, ?)",
            (block, feed, code, at_ms, sender),
        )
        (count,) = self.db.execute("SELECT count(*) FROM refusal").fetchone()
        if count > REFUSALS_KEPT:
            self.db.execute(
                "DELETE FROM refusal WHERE at_ms <= (SELECT at_ms FROM refusal ORDER BY at_ms"
                " LIMIT 1 OFFSET ?)", (REFUSALS_KEPT // 10,)
            )  # fmt: skip

    def refused_by(self, peer: bytes) -> frozenset[bytes]:
        rows = self.db.execute("SELECT short FROM refused_by WHERE peer = ?", (peer,)).fetchall()
        return frozenset(row[0] for row in rows)

    def put_refused_by(self, peer: bytes, blocks: Iterable[bytes]) -> None:
        self.db.execute("DELETE FROM refused_by WHERE peer = ?", (peer,))
        self.db.executemany(
            "INSERT INTO refused_by VALUES (?, ?)", ((peer, each) for each in blocks)
        )


def _tables(db: sqlite3.Connection) -> dict[str, list[str]]:
    """Names of the real tables, and of their columns."""
    rows = db.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE T%'"
    )
    return {
        name: [row[0] for row in db.execute("SELECT name FROM pragma_table_info(?)", (name,))]
        for (name,) in rows.fetchall()
    }


def _scope(row: tuple[Any, ...]) -> ScopeState:
    no, scope, next_no, next_pos, open_no, open_count, open_bytes, refs = row
    return ScopeState(
        no, scope, next_no, next_pos, open_no, open_count, open_bytes,
        tuple(msgspec.msgpack.decode(refs)),
    )  # fmt: skip
