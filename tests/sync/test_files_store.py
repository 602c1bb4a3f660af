"""A node's files: parts become whole files, whole ones are what their digest says."""

import hashlib
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from xueshi_sync.errors import DiskFullError, LimitExceededError
from xueshi_sync.files.chunker import cut_file
from xueshi_sync.files.content import Content, Entry, build_tree, chunk_id
from xueshi_sync.files.store import FileStore

KIB = 1 << 10


@pytest.fixture
def here(tmp_path: Path) -> Iterator[FileStore]:
    store = FileStore(tmp_path / "here")
    yield store
    store.close()


@pytest.fixture
def there(tmp_path: Path) -> Iterator[FileStore]:
    store = FileStore(tmp_path / "there")
    yield store
    store.close()


def _file(folder: Path, size: int, seed: int = 1) -> Path:
    path = folder / f"file-{size}-{seed}"
    path.write_bytes(random.Random(seed).randbytes(size))
    return path


def _fetch(here: FileStore, there: FileStore, limit: int = 1 << 20) -> int:
    """Carry chunks until nothing is wanted; returns how many bytes went over."""
    carried = 0
    while wants := here.wants(limit):
        chunks = [chunk for name in wants if (chunk := there.give(name)) is not None]
        assert chunks, "the other side lacks what is wanted"
        carried += sum(map(len, chunks))
        here.take(chunks)
    return carried


def _read(store: FileStore, content: Content) -> bytes:
    with store.open(content.sha256) as file:
        return file.read()


@pytest.mark.parametrize("size", [0, 1, 64 * KIB, 64 * KIB + 1, 700 * KIB])
def test_a_file_arrives_as_it_was(
    size: int, here: FileStore, there: FileStore, tmp_path: Path
) -> None:
    source = _file(tmp_path, size)
    content = there.add(source)
    here.want(content)
    _fetch(here, there)
    assert _read(here, content) == source.read_bytes()


def test_an_empty_file_is_whole_when_it_is_named(here: FileStore, tmp_path: Path) -> None:
    content = cut_file(_file(tmp_path, 0)).content
    here.want(content)
    _take_empty(here)
    state = here.state(content.sha256)
    assert state is not None
    assert state.is_whole


def _take_empty(store: FileStore) -> None:
    if store.wants(1):
        store.take([b""])


def test_a_new_version_brings_only_what_changed(
    here: FileStore, there: FileStore, tmp_path: Path
) -> None:
    source = _file(tmp_path, 2048 * KIB)
    here.want(there.add(source))
    _fetch(here, there)
    data = source.read_bytes()
    source.write_bytes(data[: 900 * KIB] + b"a paragraph" + data[900 * KIB :])
    changed = there.add(source)
    here.want(changed)
    assert _fetch(here, there) < 200 * KIB
    assert hashlib.sha256(_read(here, changed)).digest() == changed.sha256


def test_chunks_that_repeat_in_one_file_come_once(
    here: FileStore, there: FileStore, tmp_path: Path
) -> None:
    block = random.Random(3).randbytes(256 * KIB)
    (tmp_path / "twice").write_bytes(block * 3)
    content = there.add(tmp_path / "twice")
    here.want(content)
    assert _fetch(here, there) < 400 * KIB
    assert _read(here, content) == block * 3


def test_lists_of_chunks_and_small_files_come_first(
    here: FileStore, there: FileStore, tmp_path: Path
) -> None:
    large, small = there.add(_file(tmp_path, 900 * KIB)), there.add(_file(tmp_path, 5 * KIB))
    here.want(large)
    here.want(small)
    assert here.wants(1)[0] == large.root
    here.take([there.give(large.root) or b""])
    assert here.wants(1) == [small.root]


def test_an_urgent_file_comes_before_a_small_one(
    here: FileStore, there: FileStore, tmp_path: Path
) -> None:
    small, urgent = there.add(_file(tmp_path, 5 * KIB)), there.add(_file(tmp_path, 50 * KIB))
    here.want(small)
    here.want(urgent, priority=-1)
    assert here.wants(1) == [urgent.root]


def test_a_started_file_goes_on_after_the_program_ended(there: FileStore, tmp_path: Path) -> None:
    source = _file(tmp_path, 900 * KIB)
    content = there.add(source)
    store = FileStore(tmp_path / "here")
    store.want(content)
    for _ in range(3):
        store.take([there.give(name) or b"" for name in store.wants(100 * KIB)])
    before = store.state(content.sha256)
    store.close()
    again = FileStore(tmp_path / "here")
    assert again.state(content.sha256) == before
    assert before is not None
    assert 0 < before.here_bytes < content.size
    _fetch(again, there)
    assert _read(again, content) == source.read_bytes()
    again.close()


def test_a_chunk_nobody_asked_for_is_ignored(here: FileStore) -> None:
    assert here.take([b"unasked"]).chunks == 0


def test_a_file_that_is_not_what_its_digest_says_is_never_shown(
    here: FileStore, there: FileStore, tmp_path: Path
) -> None:
    honest = there.add(_file(tmp_path, 300 * KIB))
    forged = Content(hashlib.sha256(b"other").digest(), honest.size, honest.depth, honest.root)
    here.want(forged)
    _fetch(here, there)
    state = here.state(forged.sha256)
    assert state is not None
    assert not state.is_whole
    _check_refused(here, forged)
    with pytest.raises(FileNotFoundError), here.open(forged.sha256):
        pass


def test_a_file_whose_chunk_has_another_length_than_its_node_says_is_refused(
    here: FileStore,
) -> None:
    chunks = [b"a" * 5000, b"b" * 5000]
    entries = [Entry(chunk_id(chunks[0]), 4000), Entry(chunk_id(chunks[1]), 5000)]
    tree = build_tree(bytes(32), entries)
    here.want(tree.content)
    here.take(tree.nodes.values())
    here.take(chunks)
    _check_refused(here, tree.content)


def test_a_small_tree_that_stands_for_millions_of_chunks_is_refused(here: FileStore) -> None:
    tree = build_tree(bytes(32), [Entry(chunk_id(b"x"), 1)] * 512)
    here.want(tree.content)
    here.take(tree.nodes.values())
    _check_refused(here, tree.content)


def _check_refused(store: FileStore, content: Content) -> None:
    """It is not asked for again, not even when a record names it once more."""
    store.want(content)
    state = store.state(content.sha256)
    assert state is not None
    assert (state.is_refused, store.wants(1)) == (True, [])


def test_a_bad_file_holds_up_no_other(here: FileStore, there: FileStore, tmp_path: Path) -> None:
    bad = build_tree(bytes(32), [Entry(chunk_id(b"x"), 1)] * 512)
    good = there.add(_file(tmp_path, 20 * KIB))
    here.want(bad.content)
    here.want(good)
    here.take([*bad.nodes.values(), there.give(good.root) or b""])
    assert _read(here, good) == _file(tmp_path, 20 * KIB).read_bytes()


def test_a_known_tree_that_does_not_fit_its_file_is_refused_at_once(
    here: FileStore, there: FileStore, tmp_path: Path
) -> None:
    real = here.add(_file(tmp_path, 300 * KIB))
    lie = Content(bytes(32), real.size + 1, real.depth, real.root)
    here.want(lie)
    _check_refused(here, lie)


def test_a_damaged_chunk_is_not_given_on(there: FileStore, tmp_path: Path) -> None:
    source = _file(tmp_path, 300 * KIB)
    content = there.add(source)
    path = there.path(content.sha256)
    assert path is not None
    path.write_bytes(b"x" * content.size)
    piece = cut_file(source)
    node = piece.nodes[content.root]
    assert there.give(node[:16]) is None


def test_the_same_file_is_kept_once(here: FileStore, tmp_path: Path) -> None:
    source = _file(tmp_path, 300 * KIB)
    assert here.add(source) == here.add(source)
    assert here.rows.total_bytes() == 300 * KIB


def test_a_file_that_was_half_fetched_can_be_added_here(
    here: FileStore, there: FileStore, tmp_path: Path
) -> None:
    source = _file(tmp_path, 500 * KIB)
    content = there.add(source)
    here.want(content)
    here.take([there.give(name) or b"" for name in here.wants(50 * KIB)])
    assert here.add(source) == content
    assert _read(here, content) == source.read_bytes()
    assert here.wants(1) == []


def test_what_is_forgotten_leaves_nothing_behind(here: FileStore, tmp_path: Path) -> None:
    content = here.add(_file(tmp_path, 300 * KIB))
    path = here.path(content.sha256)
    here.forget(content.sha256)
    assert path is not None
    assert not path.exists()
    assert here.state(content.sha256) is None
    assert here.give(content.root) is None


def test_chunks_that_another_file_needs_stay(here: FileStore, tmp_path: Path) -> None:
    small = here.add(_file(tmp_path, 10 * KIB))
    (tmp_path / "copy").write_bytes(_file(tmp_path, 10 * KIB).read_bytes())
    large = here.add(_file(tmp_path, 300 * KIB))
    here.forget(large.sha256)
    assert here.give(small.root) is not None


def test_room_is_made_of_what_was_not_used_longest_and_is_elsewhere(
    here: FileStore, there: FileStore, tmp_path: Path
) -> None:
    fetched = [there.add(_file(tmp_path, 100 * KIB, seed)) for seed in range(3)]
    for content in fetched:
        here.want(content)
    _fetch(here, there)
    own = here.add(_file(tmp_path, 100 * KIB, 9), pinned=False)
    pinned = there.add(_file(tmp_path, 100 * KIB, 8))
    here.want(pinned, pinned=True)
    _fetch(here, there)
    _read(here, fetched[0])
    assert here.evict(300 * KIB) == [fetched[1].sha256, fetched[2].sha256]
    here.evict(0)
    assert [here.state(each.sha256) is not None for each in (own, pinned)] == [True, True]
    here.confirm(own.sha256)
    assert here.evict(0) == [own.sha256]


def test_a_full_disk_is_said_before_anything_is_written(
    here: FileStore, there: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = there.add(_file(tmp_path, 300 * KIB))
    here.want(content)
    here.take([there.give(content.root) or b""])
    usage = shutil.disk_usage(tmp_path)._replace(free=1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DiskFullError):
        here.take([there.give(name) or b"" for name in here.wants(100 * KIB)])
    monkeypatch.undo()
    _fetch(here, there)
    assert here.path(content.sha256) is not None


def test_a_file_of_twenty_gigabytes_is_refused_unread(here: FileStore, tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(20 << 30)
    with pytest.raises(LimitExceededError):
        here.add(tmp_path / "sparse")


def test_a_copy_left_by_a_process_that_died_is_removed(tmp_path: Path) -> None:
    FileStore(tmp_path / "here").close()
    stray = tmp_path / "here" / "part" / "add-1-1"
    stray.write_bytes(b"half")
    FileStore(tmp_path / "here").close()
    assert not stray.exists()
