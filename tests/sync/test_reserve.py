"""The reserve for a full disk: really allocated, never at the cost of the room that is left."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from xueshi_sync.errors import DiskFullError, StorageError
from xueshi_sync.reserve import FLOOR_BYTES, Reserve

LIMIT = 64 << 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "reserve"


def _free(monkeypatch: pytest.MonkeyPatch, free_bytes: int) -> None:
    usage = shutil.disk_usage(".")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=free_bytes))


@pytest.mark.parametrize(
    ("data_bytes", "held_bytes"),
    [
        pytest.param(0, FLOOR_BYTES, id="a small home keeps little"),
        pytest.param(17 << 20, 32 << 20, id="it grows with the data"),
        pytest.param(1 << 30, LIMIT, id="up to the limit"),
    ],
)
def test_the_reserve_is_as_large_as_the_data(path: Path, data_bytes: int, held_bytes: int) -> None:
    Reserve(path, LIMIT).fill(data_bytes)
    assert path.stat().st_size == held_bytes


@pytest.mark.skipif(os.name == "nt", reason="blocks of a file cannot be counted there")
@pytest.mark.parametrize("allocates", [True, False], ids=["allocated", "written"])
def test_the_reserve_has_blocks_behind_it(
    path: Path, monkeypatch: pytest.MonkeyPatch, allocates: bool
) -> None:
    if not allocates:
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    Reserve(path, LIMIT).fill(0)
    assert path.stat().st_blocks * 512 >= FLOOR_BYTES == path.stat().st_size


def test_no_reserve_is_kept_at_limit_0(path: Path) -> None:
    reserve = Reserve(path, 0)
    reserve.fill(1 << 30)
    assert (path.exists(), reserve.is_missing) == (False, False)


def test_a_reserve_grows_where_it_is(path: Path) -> None:
    reserve = Reserve(path, LIMIT)
    reserve.fill(0)
    reserve.fill(17 << 20)
    assert path.stat().st_size == 32 << 20


def test_a_disk_that_is_nearly_full_is_left_alone_and_it_is_said(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve = Reserve(path, LIMIT)
    _free(monkeypatch, 2 * FLOOR_BYTES - 1)
    reserve.fill(0)
    assert (path.exists(), reserve.is_missing) == (False, True)


def test_a_reserve_that_finds_no_room_after_all_leaves_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(handle: int, offset: int, size: int) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "posix_fallocate", refuse, raising=False)
    reserve = Reserve(path, LIMIT)
    reserve.fill(0)
    assert (path.exists(), reserve.is_missing) == (False, True)


def test_a_reserve_given_up_is_filled_again_when_there_is_room(path: Path) -> None:
    reserve = Reserve(path, LIMIT)
    reserve.fill(0)
    assert reserve.give_up()
    reserve.fill(0)
    assert (path.stat().st_size, reserve.is_missing) == (FLOOR_BYTES, False)


def test_nothing_is_given_up_twice(path: Path) -> None:
    reserve = Reserve(path, LIMIT)
    reserve.fill(0)
    assert [reserve.give_up(), reserve.give_up()] == [True, False]


def test_what_finds_a_full_disk_is_done_once_more_with_room(path: Path) -> None:
    reserve = Reserve(path, LIMIT)
    reserve.fill(0)

    def work() -> str:
        if path.exists():
            raise DiskFullError("full")
        return "done"

    assert reserve.with_room(work) == "done"


@pytest.mark.parametrize("error", [StorageError, DiskFullError])
def test_what_room_does_not_help_fails_as_before(path: Path, error: type[StorageError]) -> None:
    reserve = Reserve(path, LIMIT)
    if error is StorageError:
        reserve.fill(0)

    def work() -> None:
        raise error("failing")

    with pytest.raises(error):
        reserve.with_room(work)
    assert path.exists() == (error is StorageError)
