"""What was printed at this node, in a file that is never replicated: which form, of whom, when, and
what stood on it.

A print is kept to be compared with the records later; its lines travel only with the photo of the
stamped page. The same print twice is one.
"""

import datetime as dt
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FILE_NAME: Final = "prints.db"
# Of one form and one subject; older ones are forgotten.
PRINTS_MAX: Final = 20
# A list that a person works off; the rest follows when these are done.
LISTED_MAX: Final = 200
_CONTENT_BYTES_MAX: Final = 4 << 20
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS print (
  form TEXT NOT NULL, subject TEXT NOT NULL, digest TEXT NOT NULL, as_of TEXT NOT NULL,
  about TEXT NOT NULL, content BLOB NOT NULL, stamped INTEGER NOT NULL,
  printed_at_s INTEGER NOT NULL, printed_by TEXT NOT NULL, dropped INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (form, subject, digest, as_of)
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Print:
    """A form as it was printed: `stamped` says that it has a place for a stamp, `content` are its
    lines."""

    form: str
    subject: str
    digest: str
    as_of: dt.date
    about: str
    content: bytes
    stamped: bool
    printed_at_s: int
    printed_by: str


class Prints:
    """The prints of a node; each write is on the disk when it returns."""

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

    def keep(self, prints: Iterable[Print]) -> None:
        """Remember prints; one that was put aside counts again."""
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            for each in prints:
                self._keep_one(db, each)
            db.execute("COMMIT")

    def _keep_one(self, db: sqlite3.Connection, each: Print) -> None:
        db.execute(
            "INSERT INTO print VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO UPDATE"
            " SET printed_at_s = excluded.printed_at_s, printed_by = excluded.printed_by,"
            " stamped = max(stamped, excluded.stamped), dropped = 0",
            [
                each.form, each.subject, each.digest, each.as_of.isoformat(), each.about,
                zlib.compress(each.content[:_CONTENT_BYTES_MAX]), each.stamped,
                each.printed_at_s, each.printed_by,
            ],
        )  # fmt: skip
        db.execute(
            "DELETE FROM print WHERE form = ?1 AND subject = ?2 AND rowid NOT IN (SELECT rowid"
            " FROM print WHERE form = ?1 AND subject = ?2 ORDER BY printed_at_s DESC, rowid DESC"
            " LIMIT ?3)",
            [each.form, each.subject, PRINTS_MAX],
        )

    def list_of(self, form: str, subject: str) -> list[Print]:
        """The prints of a form about one subject, newest first."""
        return self._read(
            "form = ? AND subject = ? ORDER BY printed_at_s DESC, rowid DESC", [form, subject]
        )

    def list_about(self, subjects: Iterable[str]) -> list[Print]:
        """The prints of every form about some subjects, newest first."""
        wanted = list(subjects)
        places = ", ".join("?" * len(wanted))
        return self._read(
            f"subject IN ({places}) ORDER BY printed_at_s DESC, rowid DESC LIMIT {LISTED_MAX}",
            wanted,
        )

    def list_awaited(self) -> list[Print]:
        """The last print of each form and subject that is to be stamped, oldest first; not those
        that were put aside."""
        return self._read(
            "stamped AND NOT dropped AND rowid = (SELECT rowid FROM print other WHERE"
            " other.form = print.form AND other.subject = print.subject AND other.stamped"
            " ORDER BY printed_at_s DESC, rowid DESC LIMIT 1)"
            f" ORDER BY printed_at_s, rowid LIMIT {LISTED_MAX}",
            [],
        )

    def put_aside(self, form: str, subject: str) -> None:
        """Wait no longer for the stamped page of a form about a subject."""
        with self._open() as db:
            db.execute(
                "UPDATE print SET dropped = 1 WHERE form = ? AND subject = ?", [form, subject]
            )

    def _read(self, where: str, values: list[str]) -> list[Print]:
        if not self._path.exists():
            return []
        with self._open() as db:
            rows = db.execute(f"SELECT * FROM print WHERE {where}", values).fetchall()
        return [_print(row) for row in rows]


def _print(row: sqlite3.Row) -> Print:
    return Print(
        form=row["form"],
        subject=row["subject"],
        digest=row["digest"],
        as_of=dt.date.fromisoformat(row["as_of"]),
        about=row["about"],
        content=zlib.decompress(row["content"]),
        stamped=bool(row["stamped"]),
        printed_at_s=row["printed_at_s"],
        printed_by=row["printed_by"],
    )
