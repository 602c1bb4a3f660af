"""Files inside a backup, beside the tables of the feeds (PROTOCOL 9.5): cut into parts, in order.

backup_file   a whole file by its digest, and what its node knew of it
backup_part   its bytes
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import BinaryIO, Final

from xueshi_sync.errors import MalformedContentError
from xueshi_sync.files.store import FileStore
from xueshi_sync.files.store_rows import Kept
from xueshi_sync.limits import FILE_BYTES

# (bytes done, bytes in all)
Progress = Callable[[int, int], None]
_PART_BYTES: Final = 1 << 20
_SCHEMA: Final = """
CREATE TABLE backup_file (
    number INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    pinned INTEGER NOT NULL,
    local INTEGER NOT NULL,
    confirmed INTEGER NOT NULL
);
CREATE TABLE backup_part (
    number INTEGER NOT NULL,
    place INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (number, place)
);
"""
_FILES: Final = (
    "SELECT number, sha256, size, pinned, local, confirmed FROM backup_file ORDER BY number"
)
_HAS_FILES: Final = "SELECT count(*) FROM sqlite_schema WHERE name IN ('backup_file','backup_part')"


def write_files(
    backup: Path, store: FileStore, kept: Sequence[Kept], progress: Progress | None
) -> int:
    """Put files into a backup that nobody reads yet; how many were still here.

    Raises sqlite3.DatabaseError and OSError as the medium does.
    """
    done, count, total = 0, 0, sum(each.size for each in kept)
    with closing(sqlite3.connect(backup, isolation_level=None)) as db:
        db.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_SCHEMA}")
        for each in kept:
            # What was dropped for room since the list was made, others have.
            with suppress(FileNotFoundError), store.open(each.sha256) as file:
                for size in _write_file(db, count, each, file):
                    if progress is not None:
                        progress(done + size, total)
                count += 1
            done += each.size
    return count


def _write_file(db: sqlite3.Connection, number: int, kept: Kept, file: BinaryIO) -> Iterator[int]:
    """Write one file, saying how many of its bytes are written."""
    size = place = 0
    db.execute("BEGIN")
    db.execute("INSERT INTO backup_file VALUES (?, ?, ?, ?, ?, ?)", (number, *kept))
    while part := file.read(_PART_BYTES):
        db.execute("INSERT INTO backup_part VALUES (?, ?, ?)", (number, place, part))
        size, place = size + len(part), place + 1
        yield size
    db.execute("COMMIT")


def read_files(backup: Path, store: FileStore, progress: Progress | None) -> int:
    """Put the files of a backup into a store; what is there already stays. How many there are.

    Raises MalformedContentError for one that is not what its digest says, sqlite3.DatabaseError,
    and StorageError as `FileStore.add`.
    """
    uri = f"{backup.absolute().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as db:
        db.execute("PRAGMA trusted_schema = OFF")
        if db.execute(_HAS_FILES).fetchone()[0] < 2:
            return 0
        rows = db.execute(_FILES).fetchall()
        listed = [(number, _read_kept(*values)) for number, *values in rows]
        done, total = 0, sum(kept.size for _, kept in listed)
        for number, kept in listed:
            store.put_back(kept, _read_parts(db, number, kept.size))
            done += kept.size
            if progress is not None:
                progress(done, total)
    return len(rows)


def _read_kept(sha256: object, size: object, *flags: object) -> Kept:
    if not (isinstance(sha256, bytes) and isinstance(size, int) and 0 <= size <= FILE_BYTES):
        raise MalformedContentError("a row of no file")
    return Kept(sha256, size, *map(bool, flags))


def _read_parts(db: sqlite3.Connection, number: int, size: int) -> Iterator[bytes]:
    rows = db.execute("SELECT data FROM backup_part WHERE number = ? ORDER BY place", (number,))
    for (part,) in rows:
        size -= len(part) if isinstance(part, bytes) else size + 1
        if size < 0:
            raise MalformedContentError("a part that is no bytes, or more than the file has")
        yield part
