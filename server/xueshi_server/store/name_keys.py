"""What the names of the people here are found and sorted by, kept beside the database.

A cache of the node and no part of its records: a name is worked out once, when it is first asked
for, and the file can be thrown away at any time. So it grows by the names that are new.
"""

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from xueshi_server.domain.names import NameKeys, sounds_like
from xueshi_sync.node import Node
from xueshi_sync.sqlite_db import connect_reader

FILE_NAME: Final = "names.db"
# Another way of working them out: what was kept before is no use then.
VERSION: Final = 1
_PARAMETERS_MAX: Final = 500
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS name_key (
  name TEXT PRIMARY KEY, plain TEXT NOT NULL, reading TEXT NOT NULL,
  pinyin TEXT NOT NULL, strokes TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""


@contextmanager
def open_view(node: Node) -> Iterator[sqlite3.Connection]:
    """The view with the keys of all names beside it, as `names.name_key`; read only.

    `sounds_like(reading, letters)` is known to it.
    """
    _level(node)
    with closing(_connect(node)) as db:
        db.create_function("sounds_like", 2, sounds_like, deterministic=True)
        yield db


def find_keys(node: Node, names: Collection[str]) -> dict[str, NameKeys]:
    """The keys of some names; a disk that is full does not stand in the way."""
    wanted = list(dict.fromkeys(names))
    found: dict[str, NameKeys] = {}
    with suppress(sqlite3.Error, OSError):
        _prepare(node.home / FILE_NAME)
        with closing(_connect(node)) as db:
            found = _read(db, wanted)
    missing = [each for each in wanted if each not in found]
    return found | _add(node.home / FILE_NAME, missing)


def _read(db: sqlite3.Connection, wanted: list[str]) -> dict[str, NameKeys]:
    found: dict[str, NameKeys] = {}
    for start in range(0, len(wanted), _PARAMETERS_MAX):
        some = wanted[start : start + _PARAMETERS_MAX]
        places = ", ".join("?" * len(some))
        for row in db.execute(f"SELECT * FROM names.name_key WHERE name IN ({places})", some):
            found[row["name"]] = NameKeys(*tuple(row)[1:])
    return found


def _level(node: Node) -> None:
    """Work out the names that are new since the last time."""
    path = node.home / FILE_NAME
    _prepare(path)
    with closing(_connect(node)) as db:
        rows = db.execute(
            "SELECT DISTINCT name FROM person WHERE name IS NOT NULL"
            " AND name NOT IN (SELECT name FROM names.name_key)"
        ).fetchall()
    _add(path, [str(row["name"]) for row in rows])


def _add(path: Path, names: Collection[str]) -> dict[str, NameKeys]:
    if not names:
        return {}
    # Read with the names alone: it takes memory for as long as it works.
    from xueshi_server.name_data import key_names

    found = key_names(names)
    with (
        suppress(sqlite3.Error, OSError),
        closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as db,
    ):
        db.execute("BEGIN IMMEDIATE")
        db.executemany(
            "INSERT OR REPLACE INTO name_key VALUES (?, ?, ?, ?, ?)",
            [(name, *keys) for name, keys in found.items()],
        )
        db.execute("COMMIT")
    return found


def _connect(node: Node) -> sqlite3.Connection:
    with node.switching:
        db = connect_reader(node.paths.view)
    uri = (node.home / FILE_NAME).absolute().as_uri()
    db.execute("ATTACH ? AS names", [f"{uri}?mode=ro"])
    return db


def _prepare(path: Path) -> None:
    """Make the file, or make it anew if it is broken or of another version."""
    if path.exists():
        with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(path, timeout=10)) as db:
            known = db.execute("SELECT count(*) FROM pragma_table_info('name_key')").fetchone()[0]
            if known and db.execute("PRAGMA user_version").fetchone()[0] == VERSION:
                return
        path.unlink()
    with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as db:
        path.chmod(0o600)
        db.executescript(_SCHEMA)
        db.execute(f"PRAGMA user_version = {VERSION}")
