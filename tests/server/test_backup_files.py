"""Backups hold the files that may be nowhere else, and give them back; at a centre, all."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.server.conftest import County
from xueshi_server.record_types import SCHEMA
from xueshi_sync.errors import UnsoundBackupError
from xueshi_sync.node import Node

# More than a chunk, and more than one part of a backup.
LARGE = bytes(range(256)) * 9000


def keep(node: Node, data: bytes, folder: Path) -> bytes:
    """Add a file to a node; its digest."""
    place = folder / "file"
    place.write_bytes(data)
    return node.files.add(place).sha256


def read(node: Node, sha256: bytes) -> bytes | None:
    state = node.files.state(sha256)
    if state is None or not state.is_whole:
        return None
    with node.files.open(sha256) as file:
        return file.read()


@pytest.mark.parametrize("data", [b"a photo", b"", LARGE], ids=["small", "empty", "large"])
def test_a_file_that_is_only_here_comes_back_with_the_backup(
    school: Node, tmp_path: Path, data: bytes
) -> None:
    digest = keep(school, data, tmp_path)
    told = list[tuple[int, int]]()
    made = school.backup(tmp_path / "backup", progress=lambda *step: told.append(step))
    assert (made.files, made.size_bytes) == (1, (tmp_path / "backup").stat().st_size)
    assert not data or told[-1] == (len(data), len(data))
    with closing(Node.restore(tmp_path / "backup", tmp_path / "new", schema=SCHEMA)) as node:
        assert read(node, digest) == data
        # It is still offered to the centre, and never dropped for room.
        assert [each.sha256 for each in node.files.to_offer(9)] == [digest]
        assert node.files.evict(0) == []


def test_what_the_centre_has_is_left_out_at_a_school_and_kept_at_the_centre(
    county: County, tmp_path: Path
) -> None:
    for node in (county.school, county.centre):
        mine, theirs = keep(node, b"only here", tmp_path), keep(node, b"known there", tmp_path)
        node.files.confirm(theirs)
        backup, home = tmp_path / node.role, node.home
        made = node.backup(backup)
        for digest in (mine, theirs):
            node.files.forget(digest)
        node.close()
        with closing(Node.restore(backup, home, schema=SCHEMA)) as restored:
            assert read(restored, mine) == b"only here"
            assert (read(restored, theirs) is not None) == (node is county.centre)
            assert made.files == (2 if node is county.centre else 1)


def test_a_file_that_is_still_to_come_is_no_part_of_a_backup(
    county: County, tmp_path: Path
) -> None:
    keep(county.school, LARGE, tmp_path)
    (content,) = county.school.files.to_offer(9)
    county.centre.files.want(content)
    assert county.centre.backup(tmp_path / "backup").files == 0


def test_files_may_be_left_out(school: Node, tmp_path: Path) -> None:
    digest = keep(school, b"a photo", tmp_path)
    assert school.backup(tmp_path / "backup", files=False).files == 0
    with closing(Node.restore(tmp_path / "backup", tmp_path / "new", schema=SCHEMA)) as node:
        assert read(node, digest) is None


def test_a_restore_over_a_node_adds_files_and_drops_none(school: Node, tmp_path: Path) -> None:
    old = keep(school, b"old", tmp_path)
    school.backup(tmp_path / "backup")
    new = keep(school, b"new", tmp_path)
    school.close()
    with closing(Node.restore(tmp_path / "backup", school.home, schema=SCHEMA)) as node:
        assert (read(node, old), read(node, new)) == (b"old", b"new")


def _changed(sql: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("PRAGMA ignore_check_constraints = ON")
            db.execute(sql)

    return change


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(_changed("UPDATE backup_part SET data = x'00'"), id="other-bytes"),
        pytest.param(_changed("UPDATE backup_part SET data = 'text'"), id="text"),
        pytest.param(_changed("UPDATE backup_part SET data = zeroblob(99999999)"), id="too-long"),
        pytest.param(_changed("DELETE FROM backup_part"), id="no-bytes"),
        pytest.param(_changed("UPDATE backup_file SET size = -1"), id="negative-size"),
        pytest.param(_changed("UPDATE backup_file SET size = 1 << 60"), id="size-of-no-file"),
        pytest.param(_changed("UPDATE backup_file SET sha256 = 'x'"), id="digest-that-is-text"),
        pytest.param(_changed("UPDATE backup_file SET sha256 = x'00'"), id="digest-too-short"),
        pytest.param(_changed("ALTER TABLE backup_file DROP COLUMN size"), id="no-size"),
    ],
)
def test_a_backup_whose_files_are_spoiled_changes_nothing(
    school: Node, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    keep(school, b"a photo", tmp_path)
    school.backup(tmp_path / "backup")
    spoil(tmp_path / "backup")
    home = school.home
    school.close()
    before = (home / "data" / "feed.db").read_bytes()
    with pytest.raises(UnsoundBackupError):
        Node.restore(tmp_path / "backup", home, schema=SCHEMA)
    assert (home / "data" / "feed.db").read_bytes() == before
    with closing(Node.open(home, schema=SCHEMA)) as node:
        assert not node.check(deep=True).problems
