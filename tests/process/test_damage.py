"""Files that are damaged, deleted or taken back: what can be built anew is, what cannot is said,
and a node that finds itself behind its own witness begins a new epoch."""

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import pytest

from tests.process.conftest import Figure
from tests.process.nodes import (
    SOAK,
    check_level,
    check_node,
    fork_count,
    level,
    make_county,
    open_at,
    save_form,
    scratch,
)
from xueshi_sync.errors import SyncError
from xueshi_sync.node import Node

pytestmark = pytest.mark.process
FLIPS: Final = 400 if SOAK else 40
FORMS: Final = 12


@pytest.fixture
def folder() -> Iterator[Path]:
    """A county at rest, with forms that the centre has and one that it has not."""
    with scratch() as path:
        centre, school = make_county(path)
        for number in range(FORMS):
            save_form(school, f"form{number}")
        level(school, centre)
        save_form(school, "unsent")
        school.close()
        centre.close()
        yield path


def _saved() -> set[str]:
    return {"unsent", *(f"form{number}" for number in range(FORMS))}


def _check_whole(folder: Path) -> None:
    with open_at(folder / "centre", "centre") as centre, open_at(folder / "S1", "S1") as school:
        check_node(school, _saved())
        level(school, centre)
        check_level(school, centre)
        check_node(centre, _saved())


@pytest.mark.parametrize("data", [None, b"", b"no database" * 999], ids=["gone", "empty", "other"])
def test_a_view_that_cannot_be_read_is_built_from_the_feed(
    folder: Path, data: bytes | None
) -> None:
    view = folder / "S1" / "home" / "data" / "view.db"
    view.unlink()
    if data is not None:
        view.write_bytes(data)
    _check_whole(folder)


@pytest.mark.parametrize("data", [None, b"", b"noise" * 40], ids=["gone", "empty", "other"])
def test_a_witness_that_cannot_be_read_begins_an_epoch_and_loses_nothing(
    folder: Path, data: bytes | None
) -> None:
    for sidecar in (folder / "S1" / "state").glob("*.sidecar"):
        sidecar.unlink()
        if data is not None:
            sidecar.write_bytes(data)
    with open_at(folder / "S1", "S1") as school:
        assert school.replica.epoch.reason == "no_sidecar"
    _check_whole(folder)


def _flip(path: Path, seed: int) -> None:
    """Turn one bit of a file over, beyond the header that tells it is a database."""
    data = bytearray(path.read_bytes())
    rng = random.Random(seed)
    data[rng.randrange(100, len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(bytes(data))


def _look(folder: Path) -> list[str]:
    """Open and check the school: the problems that were found, none if all is well."""
    try:
        with open_at(folder / "S1", "S1") as school:
            return school.check(deep=True).problems
    except SyncError as error:
        return [error.code]


def test_a_flipped_bit_of_the_truth_is_never_taken_for_truth(folder: Path, figure: Figure) -> None:
    """What is damaged is found, or did not matter; it never reaches the centre as a block."""
    feed = folder / "S1" / "home" / "data" / "feed.db"
    shutil.copytree(folder, folder / "whole", ignore=shutil.ignore_patterns("whole"))
    found = 0
    for seed in range(FLIPS):
        for part in ("S1", "centre"):
            shutil.rmtree(folder / part)
            shutil.copytree(folder / "whole" / part, folder / part)
        _flip(feed, seed)
        problems = _look(folder)
        found += bool(problems)
        with open_at(folder / "centre", "centre") as centre:
            before = centre.feeds.db.execute("SELECT count(*) FROM block").fetchone()
            _try_level(folder, centre)
            assert centre.check(deep=True).problems == [], seed
            after = centre.feeds.db.execute("SELECT count(*) FROM block").fetchone()
            assert after >= before
    figure("flips", FLIPS)
    figure("found; the others changed nothing", found)


def _try_level(folder: Path, centre: Node) -> None:
    with suppress(SyncError), open_at(folder / "S1", "S1") as school:
        level(school, centre)


def test_a_disk_that_lied_about_a_sync_is_a_rollback(folder: Path) -> None:
    """The witness is ahead of the data: what left the machine comes back from the centre."""
    data = folder / "S1" / "home" / "data"
    shutil.copytree(data, folder / "older")
    with open_at(folder / "centre", "centre") as centre, open_at(folder / "S1", "S1") as school:
        save_form(school, "lost by the disk")
        level(school, centre)
    shutil.rmtree(data)
    shutil.copytree(folder / "older", data)
    with open_at(folder / "centre", "centre") as centre, open_at(folder / "S1", "S1") as school:
        assert school.replica.epoch.reason == "rollback"
        level(school, centre)
        assert fork_count(centre) == 0
        check_level(school, centre)
        names = {row[0] for row in school.query("SELECT title FROM hour")}
        assert "#lost by the disk" in names


def test_a_log_that_was_deleted_is_a_rollback_or_nothing(folder: Path) -> None:
    with open_at(folder / "centre", "centre") as centre, open_at(folder / "S1", "S1") as school:
        save_form(school, "in the log")
        level(school, centre)
        # As after a hard stop: the log holds what the file does not.
        shutil.copytree(folder / "S1", folder / "stopped", ignore=shutil.ignore_patterns("lock*"))
    shutil.rmtree(folder / "S1")
    (folder / "stopped").rename(folder / "S1")
    for log in (folder / "S1" / "home" / "data").glob("*-wal"):
        log.unlink()
    with open_at(folder / "centre", "centre") as centre, open_at(folder / "S1", "S1") as school:
        level(school, centre)
        assert fork_count(centre) == 0
        check_level(school, centre)
        assert "#in the log" in {row[0] for row in school.query("SELECT title FROM hour")}


def test_a_read_only_folder_says_so(folder: Path) -> None:
    """Where permissions bind (not for root), opening fails with one error and changes nothing."""
    data = folder / "S1" / "home" / "data"
    data.chmod(0o500)
    try:
        (data / "probe").touch()
        pytest.skip("permissions do not bind this user")
    except PermissionError:
        with pytest.raises(SyncError):
            open_at(folder / "S1", "S1", wait_s=0.2)
    finally:
        data.chmod(0o700)
    _check_whole(folder)


def test_a_damaged_open_form_is_reported(folder: Path) -> None:
    """One form that no block holds yet is damaged: `check` says so, and a sync ends with an error
    rather than with nonsense at the centre."""
    with closing(sqlite3.connect(folder / "S1" / "home" / "data" / "feed.db")) as db, db:
        db.execute("UPDATE open_op SET data = substr(data, 1, 10)")
    assert _look(folder)
    with open_at(folder / "centre", "centre") as centre:
        _try_level(folder, centre)
        check_node(centre, _saved() - {"unsent"})
