"""Files by their content: whole or not there, never twice, never beyond the room there is."""

import hashlib
import io
import os
from pathlib import Path

import pytest

from xueshi_server.store.content_folder import (
    ContentFolder,
    NoRoomError,
    NotHereError,
    TooManyBytesError,
)

DATA = b"photo" * 1000
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> ContentFolder:
    return ContentFolder(tmp_path / "files")


def test_a_file_is_named_by_its_content(folder: ContentFolder) -> None:
    assert folder.put(io.BytesIO(DATA)) == (DIGEST, len(DATA))
    assert folder.has(DIGEST)
    assert folder.read(DIGEST) == DATA
    assert folder.path(DIGEST).parent.name == DIGEST[:2]


def test_the_same_bytes_twice_are_one_file(folder: ContentFolder) -> None:
    folder.put_bytes(DATA)
    folder.put_bytes(DATA)
    assert list(folder.digests()) == [DIGEST]
    assert folder.usage() == (1, len(DATA))


def test_only_whole_files_stand_in_the_folder(folder: ContentFolder, tmp_path: Path) -> None:
    folder.put_bytes(DATA)
    with pytest.raises(TooManyBytesError):
        folder.put(io.BytesIO(DATA), most_bytes=10)
    assert [path.name for path in (tmp_path / "files").rglob("*") if path.is_file()] == [DIGEST]


def test_a_file_beyond_the_quota_is_refused(tmp_path: Path) -> None:
    folder = ContentFolder(tmp_path / "files", quota_bytes=len(DATA) + 10)
    folder.put_bytes(DATA)
    with pytest.raises(NoRoomError):
        folder.put_bytes(b"eleven more")
    assert folder.usage() == (1, len(DATA))


def test_room_for_records_is_left_free(tmp_path: Path) -> None:
    with pytest.raises(NoRoomError):
        ContentFolder(tmp_path / "files", spare_bytes=1 << 60).put_bytes(DATA)


def test_a_dropped_file_gives_its_room_back(folder: ContentFolder) -> None:
    folder.put_bytes(DATA)
    folder.drop(DIGEST)
    folder.drop(DIGEST)
    assert not folder.has(DIGEST)
    assert folder.usage() == (0, 0)


def test_a_file_that_was_damaged_is_not_given(folder: ContentFolder) -> None:
    folder.put_bytes(DATA)
    folder.path(DIGEST).write_bytes(DATA[:-1] + b"x")
    with pytest.raises(NotHereError):
        folder.read(DIGEST)


def test_a_damaged_file_of_another_size_is_written_anew(folder: ContentFolder) -> None:
    folder.put_bytes(DATA)
    folder.path(DIGEST).write_bytes(DATA[:100])
    folder.put_bytes(DATA)
    assert folder.read(DIGEST) == DATA


@pytest.mark.parametrize("name", ["../../node.db", "", "A" * 64, DIGEST.upper(), f"{DIGEST}/x"])
def test_what_is_no_digest_names_no_file(folder: ContentFolder, name: str) -> None:
    assert not folder.has(name)
    with pytest.raises(NotHereError):
        folder.open(name)


def test_what_nobody_refers_to_is_listed(folder: ContentFolder) -> None:
    folder.put_bytes(DATA)
    other = folder.put_bytes(b"other").digest
    assert folder.list_unreferenced({DIGEST}) == [other]


def test_what_a_killed_write_left_is_cleared_later(folder: ContentFolder, tmp_path: Path) -> None:
    folder.put_bytes(DATA)
    old, young = (tmp_path / "files" / f"{name}.part" for name in ("old", "young"))
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    folder.put_bytes(b"next")
    assert (old.exists(), young.exists()) == (False, True)
