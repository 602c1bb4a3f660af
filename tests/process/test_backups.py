"""A file that is offered as a backup is believed no more than a block that is offered."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.process.nodes import (
    SCHEMA,
    check_node,
    context_of,
    forms_of,
    make_county,
    open_at,
    save_form,
    scratch,
)
from xueshi_sync.block import parse_block
from xueshi_sync.errors import UnsoundBackupError
from xueshi_sync.node import Node
from xueshi_sync.suite import Ed25519Suite

SUITE = Ed25519Suite()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A school with a form, closed, and a backup of it."""
    with scratch() as path:
        centre, school = make_county(path)
        save_form(school, "form")
        school.backup(path / "backup")
        school.close()
        centre.close()
        yield path


def _changed(sql: str, *values: object) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with closing(sqlite3.connect(path)) as db, db:
            db.execute(sql, values)

    return change


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4096])


def _flip_last_body(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        data = bytearray(db.execute("SELECT data FROM block WHERE op_count > 0").fetchone()[0])
        data[-1] ^= 1
        db.execute("UPDATE block SET data = ? WHERE op_count > 0", (bytes(data),))


def _speak_for_the_school(path: Path) -> None:
    """Sign the school's blocks anew with a key of one's own, and name that key."""
    seed = bytes(32)
    with closing(sqlite3.connect(path)) as db, db:
        blocks = db.execute("SELECT no, data FROM block WHERE kind = 0").fetchall()
        for no, data in blocks:
            block = parse_block(data)
            start, end = block.header.header_len, block.header.header_len + 64
            signature = SUITE.sign(seed, b"xs1/sig\0" + block.bid)
            forged = data[:start] + signature + data[end:]
            db.execute("UPDATE block SET data = ? WHERE no = ? AND kind = 0", (forged, no))
        db.execute("UPDATE feed SET key = ?", (SUITE.public_key(seed),))


HOSTILE = [
    pytest.param(lambda path: path.write_bytes(b"PK\3\4" * 99), id="another kind of file"),
    pytest.param(lambda path: path.write_bytes(b""), id="nothing"),
    pytest.param(_cut, id="cut"),
    pytest.param(_changed("DROP TABLE block"), id="no blocks"),
    pytest.param(_changed("DROP TABLE meta"), id="nobody's"),
    pytest.param(_changed("DELETE FROM meta"), id="nobody at all"),
    pytest.param(_changed("DELETE FROM meta WHERE key = 'epoch'"), id="no epoch"),
    pytest.param(_changed("DELETE FROM head"), id="no heads"),
    pytest.param(_changed("UPDATE head SET short = zeroblob(16)"), id="other heads"),
    pytest.param(_changed("UPDATE block SET seq = 9 WHERE op_count > 0"), id="another height"),
    pytest.param(_changed("UPDATE feed SET node = zeroblob(16)"), id="another node"),
    pytest.param(_flip_last_body, id="a changed body"),
    pytest.param(_speak_for_the_school, id="a forger"),
    pytest.param(_changed("UPDATE block SET short = zeroblob(16) WHERE no = 1"), id="renamed"),
    pytest.param(_changed("UPDATE block SET data = zeroblob(400) WHERE no = 1"), id="no block"),
]


def _restore(folder: Path) -> Node:
    return Node.restore(
        folder / "backup", folder / "S1" / "home", schema=SCHEMA,
        context=context_of(folder / "S1" / "state", "S1"),
    )  # fmt: skip


@pytest.mark.parametrize("spoil", HOSTILE)
def test_a_file_that_is_no_backup_is_refused_and_the_node_stays(
    folder: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(folder / "backup")
    with pytest.raises(UnsoundBackupError):
        _restore(folder)
    with open_at(folder / "S1", "S1") as school:
        check_node(school, {"form"})


def test_what_a_backup_would_do_by_itself_is_left_behind(folder: Path) -> None:
    """Triggers and views of a stranger's file run in nobody's name."""
    _changed("CREATE TRIGGER t AFTER INSERT ON open_op BEGIN DELETE FROM open_op; END")(
        folder / "backup"
    )
    _changed("CREATE VIEW other AS SELECT load_extension('x')")(folder / "backup")
    with _restore(folder) as school:
        assert forms_of(school).keys() == {"form"}
        save_form(school, "later")
        check_node(school, {"form", "later"})
        made = school.feeds.db.execute("SELECT name FROM sqlite_master WHERE type <> 'table'")
        assert not {row[0] for row in made} & {"t", "other"}
