"""Objections of teachers to records about them, in a file of this node that is never replicated.

The registrar answers; what is wrong is put right by a correction, which the county sees.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FILE_NAME: Final = "objections.db"
# Kept for one person; nobody fills the disk.
OBJECTIONS_MAX: Final = 200
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS objection (
  objection_id INTEGER PRIMARY KEY, person TEXT NOT NULL, record TEXT NOT NULL,
  reason TEXT NOT NULL, said_at_s INTEGER NOT NULL,
  answer TEXT NOT NULL DEFAULT '', answered_by TEXT NOT NULL DEFAULT '',
  answered_at_s INTEGER NOT NULL DEFAULT 0
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Objection:
    """What a person said against a record, and what was answered; both by public names."""

    objection_id: int
    person: str
    record: str
    reason: str
    said_at_s: int
    answer: str
    answered_by: str
    answered_at_s: int


class Objections:
    """The objections kept in the folder of a node; each write is on the disk when it returns."""

    def __init__(self, home: Path) -> None:
        self._path = home / FILE_NAME

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        is_new = not self._path.exists()
        with closing(sqlite3.connect(self._path, isolation_level=None, timeout=10)) as db:
            if is_new:
                self._path.chmod(0o600)
            db.row_factory = sqlite3.Row
            db.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; {_SCHEMA}")
            yield db

    def add(self, person: str, record: str, reason: str, now_s: int) -> bool:
        """Keep an objection; not a second one to a record that waits for an answer."""
        with self._open() as db:
            changed = db.execute(
                "INSERT INTO objection (person, record, reason, said_at_s)"
                " SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS (SELECT 1 FROM objection"
                " WHERE person = ?1 AND record = ?2 AND answer = '')"
                " AND (SELECT count(*) FROM objection WHERE person = ?1) < ?5",
                [person, record, reason, now_s, OBJECTIONS_MAX],
            ).rowcount
        return changed > 0

    def answer(self, objection_id: int, answer: str, by: str, now_s: int) -> bool:
        """Answer an objection that has no answer yet."""
        with self._open() as db:
            changed = db.execute(
                "UPDATE objection SET answer = ?, answered_by = ?, answered_at_s = ?"
                " WHERE objection_id = ? AND answer = ''",
                [answer, by, now_s, objection_id],
            ).rowcount
        return changed > 0

    def list_all(self, person: str | None = None) -> list[Objection]:
        """What waits for an answer first, then the newest; of one person or of everybody."""
        if not self._path.exists():
            return []
        with self._open() as db:
            rows = db.execute(
                "SELECT * FROM objection WHERE ?1 IS NULL OR person = ?1"
                " ORDER BY answer <> '', objection_id DESC LIMIT 500",
                [person],
            ).fetchall()
        return [Objection(**dict(row)) for row in rows]
