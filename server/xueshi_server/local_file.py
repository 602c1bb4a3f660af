"""The file `local.db` of a node's folder: what belongs to this PC alone and is never replicated.

Accounts, their sessions and PINs, how often somebody guessed wrongly, forms that were left.
"""

import sqlite3
import threading
from pathlib import Path
from typing import Final

FILE_NAME: Final = "local.db"


class LocalFile:
    """One connection, safe to use from many threads; every statement is its own transaction."""

    def __init__(self, home: Path) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(
            home / FILE_NAME, check_same_thread=False, isolation_level=None, timeout=10
        )
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON;")
        (home / FILE_NAME).chmod(0o600)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def run(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """Run one statement; return its rows."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def prepare(self, schema: str) -> None:
        """Make tables that are not there yet."""
        with self._lock:
            self._db.executescript(schema)

    def add_columns(self, table: str, columns: dict[str, str]) -> None:
        """Give a table of an older version what it lacks."""
        known = {str(row[1]) for row in self.run(f"PRAGMA table_info({table})")}
        for column, declared in columns.items():
            if column not in known:
                self.run(f"ALTER TABLE {table} ADD COLUMN {column} {declared}")


# Tries kept; the oldest is dropped first. An attacker with more addresses than that still meets
# the bucket of the account.
TRIES_MAX: Final = 10_000
_TRIES: Final = """
CREATE TABLE IF NOT EXISTS tries (
  turn INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, left_over REAL NOT NULL
) STRICT;
"""


class TriesFile:
    """What is left of each bucket of tries, so that a restart gives nobody new ones."""

    def __init__(self, file: LocalFile) -> None:
        self._file = file
        file.prepare(_TRIES)

    def read(self, key: str) -> float | None:
        """What was left when it was last used."""
        rows = self._file.run("SELECT left_over FROM tries WHERE key = ?", key)
        return float(str(rows[0][0])) if rows else None

    def write(self, key: str, left_over: float) -> None:
        """Keep what is left."""
        self._file.run(
            "INSERT OR REPLACE INTO tries (key, left_over) VALUES (?, ?)", key, left_over
        )
        self._file.run(
            "DELETE FROM tries WHERE turn <= (SELECT max(turn) FROM tries) - ?", TRIES_MAX
        )
