"""A disk that fills up under a node with a reserve: what a person enters is still saved, sealed and
read; what peers send waits with them."""

import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.process.conftest import Figure, small_file_system
from tests.process.nodes import (
    SCHEMA,
    check_forms,
    check_level,
    check_node,
    context_of,
    level,
    make_centre,
    save_form,
    scratch,
)
from tests.process.worker import NOTE
from xueshi_sync.context import Context
from xueshi_sync.errors import DiskFullError
from xueshi_sync.node import Node

RESERVE_BYTES = 4 << 20
# The reserve is filled where there is room for it twice.
DISK_MB = 24


def _context(folder: Path, reserve_bytes: int = RESERVE_BYTES) -> Context:
    return replace(context_of(folder / "state", "S1"), reserve_bytes=reserve_bytes)


def _fill_disk(folder: Path, left_bytes: int = 0) -> Path:
    """Take all the room but some, as a download does."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while free := shutil.disk_usage(folder).free - left_bytes:
                file.write(bytes(min(free, 1 << 16)))
        except OSError:
            pass
    return ballast


def _save_until_refused(school: Node, forms: int = 5_000) -> tuple[set[str], bool]:
    saved: set[str] = set()
    for number in range(forms):
        try:
            saved.add(save_form(school, f"form{number}", NOTE))
        except DiskFullError:
            return saved, True
    return saved, False


@pytest.fixture
def centre() -> Iterator[Node]:
    with scratch() as elsewhere, make_centre(elsewhere / "centre") as centre:
        yield centre


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_file_system(tmp_path, DISK_MB) as folder:
        yield folder


@pytest.fixture
def school(centre: Node, disk: Path) -> Iterator[Node]:
    """A school on a disk of its own, level with the centre, its reserve filled."""
    with Node.create(
        disk / "home", role="school", name="一小", code="S1", schema=SCHEMA,
        context=_context(disk),
    ) as school:  # fmt: skip
        school.join(centre.invite("S1", "一小"))
        level(school, centre)
        assert school.paths.reserve.stat().st_size == RESERVE_BYTES
        yield school


def test_a_form_entered_on_a_full_disk_is_saved_and_sealed(school: Node, disk: Path) -> None:
    _fill_disk(disk)
    saved = {save_form(school, f"form{number}", NOTE) for number in range(10)}
    school.publish_barrier()
    assert not school.paths.reserve.exists()
    assert school.feeds.count_open_ops() == 0
    check_forms(school, saved)


def test_a_full_disk_is_said_until_there_is_room_again(school: Node, disk: Path) -> None:
    ballast = _fill_disk(disk)
    save_form(school, "form", NOTE)
    school.publish_barrier()
    said = school.status()["notices"]
    ballast.unlink()
    school.publish_barrier()
    assert school.paths.reserve.stat().st_size == RESERVE_BYTES
    assert (said, school.status()["notices"]) == (["notice.disk_full"], [])


def test_how_much_fits_into_the_reserve_and_nothing_is_lost_after_it(
    school: Node, centre: Node, disk: Path, figure: Figure
) -> None:
    ballast = _fill_disk(disk)
    saved, is_refused = _save_until_refused(school)
    assert is_refused
    figure("forms", len(saved))
    ballast.unlink()
    saved.add(save_form(school, "later", NOTE))
    level(school, centre)
    check_level(school, centre)
    check_node(school, saved)
    assert len(saved) > 50


def test_what_was_entered_leaves_a_full_disk(school: Node, centre: Node, disk: Path) -> None:
    save_form(school, "form", NOTE)
    _fill_disk(disk)
    level(school, centre)
    check_forms(centre, {"form"})


def test_what_the_centre_sends_does_not_cost_the_reserve(
    school: Node, centre: Node, disk: Path
) -> None:
    ballast = _fill_disk(disk, left_bytes=512 << 10)
    scope_no = centre.query("SELECT scope_no FROM scope WHERE code = 'S1'")[0][0]
    with centre.write("clerk") as action:
        for number in range(500):
            name = random.Random(number).randbytes(1_500).hex()
            fields = {"staff_no": f"{number}", "name": name, "active": True}
            action.insert("person", fields, scope_no=scope_no)
    pending = school.begin_exchange(limit_bytes=1 << 20)
    answer = centre.answer(pending.request)
    with pytest.raises(DiskFullError):
        school.finish_exchange(pending, answer)
    assert school.paths.reserve.exists()
    ballast.unlink()
    level(school, centre)
    check_level(school, centre)


def test_a_node_that_was_closed_opens_on_a_full_disk(school: Node, disk: Path) -> None:
    save_form(school, "form", NOTE)
    school.close()
    _fill_disk(disk)
    with Node.open(disk / "home", schema=SCHEMA, context=_context(disk)) as again:
        check_forms(again, {"form", save_form(again, "late", NOTE)})


def test_without_a_reserve_a_full_disk_refuses(school: Node, disk: Path) -> None:
    school.paths.reserve.unlink()
    _fill_disk(disk)
    saved, is_refused = _save_until_refused(school)
    assert is_refused
    assert len(saved) < 50


def test_a_form_is_kept_once_when_its_second_try_succeeds(centre: Node, tmp_path: Path) -> None:
    """Without a disk of its own: SQLite is told that its file may not grow."""
    with Node.create(
        tmp_path / "home", role="school", name="一小", code="S1", schema=SCHEMA,
        context=_context(tmp_path, 0),
    ) as school:  # fmt: skip
        db, rooms = school.feeds.db, [1]

        def make_room() -> bool:
            db.execute("PRAGMA max_page_count = 1000000")
            return bool(rooms and rooms.pop())

        school.replica.make_room = make_room
        db.execute("PRAGMA max_page_count = 1")
        saved = {save_form(school, f"form{number}", NOTE) for number in range(50)}
        assert rooms == []
        check_forms(school, saved)
