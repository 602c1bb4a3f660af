"""What a person read on this node's pages: minutes by day and material, never replicated.

A page that is open and in front says so once a minute; the time since the person's last sign
counts, at most a minute of it, whatever the page claims and however many pages are open.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FILE_NAME: Final = "reading.db"
# A sign comes each minute; one that is late by more than another counts as a new beginning.
BEAT_S: Final = 60
_LATE_S: Final = 120
KEPT_DAYS: Final = 400
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS reading (
  account_id INTEGER NOT NULL, day TEXT NOT NULL, resource TEXT NOT NULL, title TEXT NOT NULL,
  seconds INTEGER NOT NULL, PRIMARY KEY (account_id, day, resource)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sign (
  account_id INTEGER PRIMARY KEY, at_s INTEGER NOT NULL
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Read:
    """Time with one material on one day."""

    day: str
    resource: str
    title: str
    seconds: int

    @property
    def minutes(self) -> int:
        return self.seconds // 60


class Reading:
    """The reading of one account."""

    def __init__(self, home: Path, account_id: int) -> None:
        self._path = home / FILE_NAME
        self._account = account_id

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        is_new = not self._path.exists()
        with closing(sqlite3.connect(self._path, isolation_level=None, timeout=10)) as db:
            if is_new:
                self._path.chmod(0o600)
                db.executescript(f"PRAGMA journal_mode=WAL; {_SCHEMA}")
            db.execute("PRAGMA synchronous=NORMAL")
            yield db

    def beat(self, day: str, resource: str, title: str, now_s: int) -> int:
        """Note a sign of reading; the seconds of this material today."""
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            last = db.execute("SELECT at_s FROM sign WHERE account_id = ?", [self._account])
            row = last.fetchone()
            passed = now_s - row[0] if row is not None else _LATE_S + 1
            counted = min(passed, BEAT_S) if 0 <= passed <= _LATE_S else 0
            db.execute("INSERT OR REPLACE INTO sign VALUES (?, ?)", [self._account, now_s])
            db.execute(
                "INSERT INTO reading VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                " seconds = seconds + excluded.seconds, title = excluded.title",
                [self._account, day, resource, title, counted],
            )
            found = db.execute(
                "SELECT seconds FROM reading WHERE account_id = ? AND day = ? AND resource = ?",
                [self._account, day, resource],
            ).fetchone()
            db.execute("COMMIT")
        return int(found[0])

    def list_since(self, day: str) -> list[Read]:
        """What was read since a day, newest day first, longest first."""
        if not self._path.exists():
            return []
        with self._open() as db:
            rows = db.execute(
                "SELECT day, resource, title, seconds FROM reading WHERE account_id = ?"
                " AND day >= ? AND seconds > 0 ORDER BY day DESC, seconds DESC, resource",
                [self._account, day],
            ).fetchall()
        return [Read(*row) for row in rows]

    def forget_before(self, day: str) -> None:
        """Drop what is long ago."""
        if self._path.exists():
            with self._open() as db:
                db.execute("DELETE FROM reading WHERE day < ?", [day])
