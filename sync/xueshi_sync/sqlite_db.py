"""SQLite connections as this product opens them (SYNC 3.12).

One connection a file and process writes, and it alone checkpoints: SQLite before 3.51.3 can lose a
WAL reset when several connections do. Readers open the file read-only.
"""

import errno
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Final, Literal

from xueshi_sync.errors import DiskFullError, StorageError

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
# The second: a log's index, which has its place on the disk too, could not grow.
_SQLITE_NO_ROOM: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})


def connect_writer(path: Path, *, synchronous: Literal["FULL", "NORMAL"]) -> sqlite3.Connection:
    """Open the one writing connection of a file; transactions are explicit."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA synchronous = {synchronous}")
    for pragma in ("mmap_size = 0", "cell_size_check = ON", "trusted_schema = OFF",
                   "foreign_keys = ON", "cache_size = -16000", "temp_store = MEMORY"):  # fmt: skip
        db.execute(f"PRAGMA {pragma}")
    return db


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open a read-only connection with rows addressable by name."""
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None,
                         check_same_thread=False, timeout=10)  # fmt: skip
    db.execute("PRAGMA wal_autocheckpoint = 0")
    db.execute("PRAGMA trusted_schema = OFF")
    db.execute("PRAGMA query_only = ON")
    db.row_factory = sqlite3.Row
    return db


class Transactions:
    """Explicit transactions over one connection; a nested one joins the outer one.

    `on_rollback` drops what was remembered of rows that are now gone.
    """

    def __init__(self, db: sqlite3.Connection, on_rollback: Callable[[], None]) -> None:
        self.db = db
        self._on_rollback = on_rollback
        self._lock = RLock()
        self._depth = 0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if self._depth:
                yield
                return
            with self._outermost():
                yield

    @contextmanager
    def _outermost(self) -> Iterator[None]:
        try:
            self.db.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                self._on_rollback()
                raise
            finally:
                self._depth = 0
        except sqlite3.OperationalError as error:
            raise _storage_error(error) from error


@contextmanager
def storage_errors() -> Iterator[None]:
    """Turn what a full, failing or read-only disk raises into StorageError."""
    try:
        yield
    except (sqlite3.DatabaseError, OSError) as error:
        raise _storage_error(error) from error


def _storage_error(error: sqlite3.DatabaseError | OSError) -> StorageError:
    if isinstance(error, OSError):
        kind = DiskFullError if error.errno in _NO_ROOM else StorageError
        return kind(f"{error.strerror}: {error.filename}")
    code = getattr(error, "sqlite_errorcode", None)
    return (DiskFullError if code in _SQLITE_NO_ROOM else StorageError)(str(error))
