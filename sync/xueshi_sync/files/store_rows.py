"""The rows of a file store: contents, their pieces, and small blobs (see `store`).

content   a file by its digest: wanted, whole or refused
piece     its chunks (level 0) and nodes (above) by their place in the file
blob      nodes, and the chunk of every file that has only one
"""

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from xueshi_sync.files.content import Content
from xueshi_sync.limits import CHUNKS_WANTED
from xueshi_sync.sqlite_db import Transactions, connect_writer

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS content (
    number INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    depth INTEGER NOT NULL,
    root BLOB NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    pinned INTEGER NOT NULL,
    local INTEGER NOT NULL,
    confirmed INTEGER NOT NULL DEFAULT 0,
    priority INTEGER NOT NULL,
    used INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS piece (
    number INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    level INTEGER NOT NULL,
    id BLOB NOT NULL,
    size INTEGER NOT NULL,
    here INTEGER NOT NULL,
    PRIMARY KEY (number, offset, level)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS piece_by_id ON piece (id);
CREATE INDEX IF NOT EXISTS piece_missing ON piece (number, offset) WHERE here = 0 AND level = 0;
CREATE INDEX IF NOT EXISTS node_missing ON piece (number, offset) WHERE here = 0 AND level > 0;
CREATE TABLE IF NOT EXISTS blob (id BLOB PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS content_wanted ON content (priority, size) WHERE state = 0;
CREATE INDEX IF NOT EXISTS content_to_offer ON content (number) WHERE local AND NOT confirmed;
CREATE INDEX IF NOT EXISTS content_to_drop ON content (used) WHERE state = 1 AND NOT pinned;
"""
WANTED, WHOLE, REFUSED = range(3)


class Piece(NamedTuple):
    """A chunk or node where it stands in a file."""

    number: int
    offset: int
    level: int
    id: bytes
    size: int
    is_whole: bool = False


class Found(NamedTuple):
    """A content that is known here."""

    number: int
    content: Content
    is_whole: bool
    is_pinned: bool
    is_refused: bool


class Kept(NamedTuple):
    """A whole file: pinned ones are never dropped for room, local ones were added here, and of
    confirmed ones the centre has said that it has them."""

    sha256: bytes
    size: int
    is_pinned: bool
    is_local: bool
    is_confirmed: bool


class FileRows:
    """SQL of the file store; the caller holds its lock while it writes."""

    def __init__(self, path: Path) -> None:
        self._db = connect_writer(path, synchronous="FULL")
        self._lock = threading.RLock()
        with self._lock:
            self._db.executescript(_SCHEMA)
        self.transaction = Transactions(self._db, lambda: None)
        (self._clock,) = self._one("SELECT coalesce(max(used), 0) FROM content") or (0,)

        self._used: dict[int, int] = {}

    def close(self) -> None:
        self._note_use()
        self._db.close()

    def _all(self, sql: str, params: Collection[object] = ()) -> list[tuple]:  # type: ignore[type-arg]
        with self._lock:
            return self._db.execute(sql, tuple(params)).fetchall()

    def _one(self, sql: str, *params: object) -> tuple | None:  # type: ignore[type-arg]
        rows = self._all(sql, params)
        return rows[0] if rows else None

    # Contents

    def content(self, sha256: bytes) -> Found | None:
        row = self._one(
            "SELECT number, size, depth, root, state, pinned FROM content WHERE sha256 = ?", sha256
        )
        if row is None:
            return None
        number, size, depth, root, state, pinned = row
        content = Content(sha256, size, depth, root)
        return Found(number, content, state == WHOLE, bool(pinned), state == REFUSED)

    def put_content(
        self, content: Content, *, pinned: bool, priority: int = 0, local: bool = False
    ) -> int:
        """Know a content; what is known already becomes pinned, local or urgent, never less."""
        row = self._one(
            "INSERT INTO content (sha256, size, depth, root, pinned, local, priority, used)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sha256) DO UPDATE SET"
            " pinned = max(pinned, excluded.pinned), local = max(local, excluded.local),"
            " priority = min(priority, excluded.priority) RETURNING number",
            content.sha256, content.size, content.depth, content.root, pinned, local, priority,
            self._tick(),
        )  # fmt: skip
        assert row is not None, "an upsert returns its row"
        return int(row[0])

    def _tick(self) -> int:
        self._clock += 1
        return int(self._clock)

    def touch(self, number: int) -> None:
        """Remember that a file was used last; on disk when it matters or at the end."""
        self._used[number] = self._tick()

    def _note_use(self) -> None:
        used, self._used = self._used, {}
        with self._lock:
            self._db.executemany(
                "UPDATE content SET used = ? WHERE number = ?",
                [(tick, number) for number, tick in used.items()],
            )

    def is_whole(self, number: int) -> bool:
        return self._state(number) == WHOLE

    def is_wanted(self, number: int) -> bool:
        return self._state(number) == WANTED

    def is_refused(self, number: int) -> bool:
        return self._state(number) == REFUSED

    def _state(self, number: int) -> int | None:
        row = self._one("SELECT state FROM content WHERE number = ?", number)
        return int(row[0]) if row else None

    def is_single(self, number: int) -> bool:
        return self._one("SELECT 1 FROM content WHERE number = ? AND depth = 0", number) is not None

    def size_of(self, number: int) -> int:
        row = self._one("SELECT size FROM content WHERE number = ?", number)
        return int(row[0]) if row else 0

    def set_whole(self, number: int) -> None:
        self._all("UPDATE content SET state = 1 WHERE number = ?", (number,))

    def set_tree(self, number: int, content: Content) -> None:
        self._all(
            "UPDATE content SET depth = ?, root = ? WHERE number = ?",
            (content.depth, content.root, number),
        )

    def set_refused(self, number: int) -> None:
        self._all("UPDATE content SET state = 2 WHERE number = ?", (number,))
        self.drop_pieces(number)

    def not_whole(self, digests: Iterable[bytes]) -> list[bytes]:
        """Which of some files are not whole, in their order."""
        return [
            sha256
            for sha256 in dict.fromkeys(digests)
            if self._one("SELECT 1 FROM content WHERE sha256 = ? AND state = 1", sha256) is None
        ]

    def pinned(self) -> list[bytes]:
        return [bytes(row[0]) for row in self._all("SELECT sha256 FROM content WHERE pinned")]

    def unpin(self, sha256: bytes) -> None:
        self._all("UPDATE content SET pinned = 0 WHERE sha256 = ?", (sha256,))

    def drop_content(self, number: int) -> None:
        self.drop_pieces(number)
        self._all("DELETE FROM content WHERE number = ?", (number,))

    def complete(self, number: int) -> Content | None:
        """The content of a wanted file of which no piece is missing."""
        row = self._one(
            "SELECT sha256, size, depth, root FROM content c WHERE number = ? AND state = 0"
            " AND EXISTS (SELECT 1 FROM piece p WHERE p.number = c.number)"
            " AND NOT EXISTS (SELECT 1 FROM piece p WHERE p.number = c.number AND here = 0)",
            number,
        )
        return Content(*row) if row else None

    # Pieces

    def has_pieces(self, number: int) -> bool:
        return self._one("SELECT 1 FROM piece WHERE number = ?", number) is not None

    def put_piece(self, piece: Piece, *, here: bool) -> None:
        self._all(
            "INSERT OR REPLACE INTO piece VALUES (?, ?, ?, ?, ?, ?)",
            (piece.number, piece.offset, piece.level, piece.id, piece.size, here),
        )

    def set_here(self, piece: Piece) -> None:
        self._all(
            "UPDATE piece SET here = 1 WHERE number = ? AND offset = ? AND level = ?",
            (piece.number, piece.offset, piece.level),
        )

    def drop_pieces(self, number: int) -> None:
        """Forget the pieces of a file, and blobs that no other file needs."""
        self._all(
            "DELETE FROM blob WHERE id IN (SELECT id FROM piece WHERE number = ?1) AND NOT EXISTS"
            " (SELECT 1 FROM piece p WHERE p.id = blob.id AND p.number <> ?1)",
            (number,),
        )
        self._all("DELETE FROM piece WHERE number = ?", (number,))

    def missing(self, name: bytes) -> list[Piece]:
        """Where a chunk or node is waited for."""
        rows = self._all(
            "SELECT number, offset, level, id, size FROM piece WHERE id = ? AND here = 0", (name,)
        )
        return [Piece(*row) for row in rows]

    def missing_bytes(self, number: int) -> int | None:
        """Bytes of a wanted file that are not here; None while its root is not."""
        if not self.has_pieces(number):
            return None
        row = self._one("SELECT sum(size) FROM piece WHERE number = ? AND here = 0", number)
        return int(row[0] or 0) if row else 0

    def held(self, name: bytes) -> list[tuple[Piece, Content]]:
        """Where a chunk stands, in whole files and in parts."""
        rows = self._all(
            "SELECT p.number, offset, level, id, p.size, state = 1, sha256, c.size, depth, root"
            " FROM piece p JOIN content c USING (number)"
            " WHERE id = ? AND here AND level = 0 AND depth > 0 LIMIT 4",
            (name,),
        )
        return [(Piece(*row[:6]), Content(*row[6:])) for row in rows]

    def wanted(self, of: Collection[bytes] = ()) -> Iterator[Piece]:
        """Missing pieces in the order in which they are wanted, lists of chunks first."""
        some = f" AND sha256 IN ({', '.join('?' * len(of))})" if of else ""
        numbers = self._all(
            f"SELECT number FROM content WHERE state = 0{some} ORDER BY priority, size", of
        )
        if self._one("SELECT 1 FROM piece INDEXED BY node_missing WHERE here = 0 AND level > 0"):
            for (number,) in numbers:
                yield from self._missing_of(number, "level > 0")
        for (number,) in numbers:
            yield from self._missing_of(number, "level = 0")

    def _missing_of(self, number: int, which: str) -> list[Piece]:
        rows = self._all(
            "SELECT number, offset, level, id, size FROM piece"
            f" WHERE number = ? AND here = 0 AND {which} ORDER BY offset LIMIT ?",
            (number, CHUNKS_WANTED),
        )
        return [Piece(*row) for row in rows]

    def wanted_count(self) -> int:
        row = self._one("SELECT count(*) FROM content WHERE state = 0")
        return int(row[0]) if row else 0

    def wanted_bytes(self) -> int:
        row = self._one(
            "SELECT sum(size) FROM piece INDEXED BY piece_missing WHERE here = 0 AND level = 0"
        )
        return int(row[0] or 0) if row else 0

    # Blobs

    def blob(self, name: bytes) -> bytes | None:
        row = self._one("SELECT data FROM blob WHERE id = ?", name)
        return bytes(row[0]) if row else None

    def put_blobs(self, blobs: Mapping[bytes, bytes]) -> None:
        with self._lock:
            self._db.executemany("INSERT OR IGNORE INTO blob VALUES (?, ?)", blobs.items())

    # Offers and room

    def to_offer(self, limit: int) -> list[Content]:
        """Files of this node of which the centre has not said that it has them."""
        rows = self._all(
            "SELECT sha256, size, depth, root FROM content INDEXED BY content_to_offer"
            " WHERE local AND NOT confirmed AND state = 1 ORDER BY number LIMIT ?",
            (limit,),
        )
        return [Content(*row) for row in rows]

    def kept(self, *, here_only: bool) -> list[Kept]:
        """Whole files in the order in which they became known; `here_only`: those that `to_offer`
        lists."""
        only = " AND local AND NOT confirmed" if here_only else ""
        rows = self._all(
            "SELECT sha256, size, pinned, local, confirmed FROM content"
            f" WHERE state = 1{only} ORDER BY number"
        )
        return [Kept(row[0], row[1], *map(bool, row[2:])) for row in rows]

    def confirm(self, sha256: bytes) -> None:
        self._all("UPDATE content SET confirmed = 1 WHERE sha256 = ?", (sha256,))

    def droppable(self) -> Iterator[tuple[bytes, int]]:
        """(digest, bytes) of whole files that may go, longest unused first.

        Never what is pinned, nor what is known to be here only.
        """
        self._note_use()
        yield from self._all(
            "SELECT sha256, size FROM content INDEXED BY content_to_drop"
            " WHERE state = 1 AND NOT pinned AND (NOT local OR confirmed) ORDER BY used"
        )

    def total_bytes(self) -> int:
        """Bytes of whole files."""
        row = self._one("SELECT sum(size) FROM content WHERE state = 1")
        return int(row[0] or 0) if row else 0
