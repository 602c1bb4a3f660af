"""Claims that teachers have begun, with the photos that they took: kept at the node, so that a
closed page, an empty battery or one bad photo loses nothing. Never replicated.

An account has one draft. Photos stand in the folder of attachments; a draft names them.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

FILE_NAME: Final = "claims.db"
PHOTOS_MAX: Final = 6
_VALUES_CHARS_MAX: Final = 200_000
# Forms that were sent, so that a page that is still open does not bring them back.
_SENT_MAX: Final = 20
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS draft (
  account_id INTEGER PRIMARY KEY, form_id TEXT NOT NULL, typed TEXT NOT NULL,
  saved_at_s INTEGER NOT NULL, entry TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE IF NOT EXISTS photo (
  account_id INTEGER NOT NULL, place INTEGER NOT NULL, file TEXT NOT NULL,
  size_bytes INTEGER NOT NULL, media TEXT NOT NULL, width INTEGER NOT NULL,
  height INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (account_id, file)
) STRICT;
CREATE TABLE IF NOT EXISTS sent (
  account_id INTEGER NOT NULL, form_id TEXT NOT NULL, PRIMARY KEY (account_id, form_id)
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class DraftPhoto:
    """A photo of a draft; `file` is the digest of its bytes."""

    file: str
    size_bytes: int
    media: str
    width: int
    height: int
    name: str


@dataclass(frozen=True, slots=True)
class ClaimDraft:
    """What was typed, by the names of the fields, and the photos in their order. `entry` is what
    it is written under once it is sent."""

    form_id: str
    typed: Mapping[str, str]
    saved_at_s: int = 0
    entry: str = ""
    photos: tuple[DraftPhoto, ...] = field(default=())


class ClaimDrafts:
    """The draft of one account; each write is on the disk when it returns."""

    def __init__(self, home: Path, account_id: int) -> None:
        self._path = home / FILE_NAME
        self._account = account_id

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        is_new = not self._path.exists()
        with closing(sqlite3.connect(self._path, isolation_level=None, timeout=10)) as db:
            if is_new:
                self._path.chmod(0o600)
            db.row_factory = sqlite3.Row
            db.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; {_SCHEMA}")
            yield db

    def find(self) -> ClaimDraft | None:
        """The draft, if there is one."""
        if not self._path.exists():
            return None
        with self._open() as db:
            row = db.execute("SELECT * FROM draft WHERE account_id = ?", [self._account]).fetchone()
            if row is None:
                return None
            photos = db.execute(
                "SELECT file, size_bytes, media, width, height, name FROM photo"
                " WHERE account_id = ? ORDER BY place",
                [self._account],
            ).fetchall()
        return ClaimDraft(
            row["form_id"],
            json.loads(row["typed"]),
            row["saved_at_s"],
            row["entry"],
            tuple(DraftPhoto(**dict(each)) for each in photos),
        )

    def save(self, form_id: str, typed: Mapping[str, str], now_s: int) -> None:
        """Keep what was typed."""
        text = json.dumps(dict(typed), ensure_ascii=False)
        if len(text) > _VALUES_CHARS_MAX:
            return
        with self._open() as db:
            db.execute(
                "INSERT INTO draft VALUES (?, ?, ?, ?, '') ON CONFLICT DO UPDATE SET"
                " form_id = excluded.form_id, typed = excluded.typed,"
                " saved_at_s = excluded.saved_at_s",
                [self._account, form_id, text, now_s],
            )

    def sending(self, entry: str) -> None:
        """Note what the draft is written under, before it is: then a lost answer is known."""
        with self._open() as db:
            db.execute("UPDATE draft SET entry = ? WHERE account_id = ?", [entry, self._account])

    def add_photo(self, photo: DraftPhoto) -> bool:
        """Add a photo; not one more than a claim may have."""
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            count, last = db.execute(
                "SELECT count(*), coalesce(max(place), 0) FROM photo"
                " WHERE account_id = ? AND file <> ?",
                [self._account, photo.file],
            ).fetchone()
            if count < PHOTOS_MAX:
                db.execute(
                    "INSERT OR IGNORE INTO photo VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    [
                        self._account, last + 1, photo.file, photo.size_bytes, photo.media,
                        photo.width, photo.height, photo.name,
                    ],
                )  # fmt: skip
            db.execute("COMMIT")
        return bool(count < PHOTOS_MAX)

    def drop_photo(self, file: str) -> None:
        """Take a photo out of the draft."""
        with self._open() as db:
            db.execute("DELETE FROM photo WHERE account_id = ? AND file = ?", [self._account, file])

    def was_sent(self, form_id: str) -> bool:
        """Whether a form was sent for good."""
        if not self._path.exists():
            return False
        with self._open() as db:
            row = db.execute(
                "SELECT 1 FROM sent WHERE account_id = ? AND form_id = ?", [self._account, form_id]
            ).fetchone()
        return row is not None

    def clear(self, *, sent: bool = False) -> None:
        """Forget the draft and its photos; `sent`: because it was sent."""
        if not self._path.exists():
            return
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            if sent:
                db.execute(
                    "INSERT OR REPLACE INTO sent SELECT account_id, form_id FROM draft"
                    " WHERE account_id = ?",
                    [self._account],
                )
                db.execute(
                    "DELETE FROM sent WHERE account_id = ?1 AND rowid NOT IN (SELECT rowid FROM"
                    " sent WHERE account_id = ?1 ORDER BY rowid DESC LIMIT ?2)",
                    [self._account, _SENT_MAX],
                )
            db.execute("DELETE FROM draft WHERE account_id = ?", [self._account])
            db.execute("DELETE FROM photo WHERE account_id = ?", [self._account])
            db.execute("COMMIT")

    def is_in_any(self, file: str) -> bool:
        """Whether a draft of anybody names a photo."""
        if not self._path.exists():
            return False
        with self._open() as db:
            row = db.execute("SELECT 1 FROM photo WHERE file = ? LIMIT 1", [file]).fetchone()
        return row is not None
