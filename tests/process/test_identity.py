"""Copies, old backups, lost keys, wrong clocks and foreign blocks: a node notices, begins a new
epoch where it must, and nothing that any disk still holds is lost."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.process.county import copy_folder
from tests.process.nodes import (
    SCHEMA,
    check_level,
    check_node,
    context_of,
    epochs_of,
    exchange,
    fork_count,
    forms_of,
    level,
    make_county,
    make_school,
    open_at,
    save_form,
    scratch,
)
from xueshi_sync.errors import NodeStateError, SyncError
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

pytestmark = pytest.mark.process
YEAR_2001_MS: Final = 978_307_200_000
YEAR_2099_MS: Final = 4_070_908_800_000


@pytest.fixture
def folder() -> Iterator[Path]:
    with scratch() as path:
        yield path


def _grow(school: Node, centre: Node, forms: list[str]) -> set[str]:
    saved = {save_form(school, form) for form in forms}
    level(school, centre)
    return saved


def _settle(centre: Node, *schools: Node) -> None:
    """Everybody talks until everybody is level."""
    for _ in range(2):
        for school in schools:
            level(school, centre)
    for school in schools:
        check_level(school, centre)


def _reason(node: Node) -> str:
    return node.replica.epoch.reason


def test_a_folder_on_a_second_pc_writes_in_an_epoch_of_its_own(folder: Path) -> None:
    centre, school = make_county(folder)
    saved = _grow(school, centre, ["before"])
    school.close()
    shutil.copytree(folder / "S1" / "home", folder / "copy" / "home")
    context = context_of(folder / "copy" / "state", "second-pc")
    with (
        centre,
        Node.open(folder / "copy" / "home", schema=SCHEMA, context=context) as copy,
        open_at(folder / "S1", "S1") as school,
    ):
        assert (_reason(copy), copy.node_id) == ("no_sidecar", school.node_id)
        saved |= {save_form(copy, "in the copy"), save_form(school, "in the original")}
        _settle(centre, copy, school)
        assert fork_count(centre) == 0
        assert len(epochs_of(centre, school.node_id)) == 2
        for node in (centre, copy, school):
            check_node(node, saved)


def test_a_disk_in_another_machine_begins_one_epoch(folder: Path) -> None:
    centre, school = make_county(folder)
    saved = _grow(school, centre, ["before"])
    school.close()
    with centre, open_at(folder / "S1", "other-hardware") as moved:
        assert _reason(moved) == "machine"
        epoch = moved.replica.epoch_name
        saved |= _grow(moved, centre, ["after"])
        moved.close()
        with open_at(folder / "S1", "other-hardware") as again:
            assert again.replica.epoch_name == epoch
            check_node(again, saved)
            assert fork_count(centre) == 0


def test_the_same_machine_with_the_folder_elsewhere_is_a_copy(folder: Path) -> None:
    centre, school = make_county(folder)
    saved = _grow(school, centre, ["before"])
    school.close()
    shutil.copytree(folder / "S1" / "home", folder / "elsewhere")
    context = context_of(folder / "S1" / "state", "S1")
    with (
        centre,
        Node.open(folder / "elsewhere", schema=SCHEMA, context=context) as copy,
        open_at(folder / "S1", "S1") as school,
    ):
        assert (_reason(copy), _reason(school)) == ("no_sidecar", "no_sidecar")
        assert copy.replica.epoch_name != school.replica.epoch_name
        saved |= {save_form(copy, "in the copy"), save_form(school, "in the original")}
        _settle(centre, copy, school)
        check_node(centre, saved)
        assert fork_count(centre) == 0


def test_last_months_data_put_back_by_hand_is_a_rollback_and_gets_all_back(folder: Path) -> None:
    centre, school = make_county(folder)
    saved = _grow(school, centre, ["last month"])
    school.close()
    shutil.copytree(folder / "S1" / "home" / "data", folder / "old")
    with open_at(folder / "S1", "S1") as school:
        saved |= _grow(school, centre, ["this month"])
    copy_folder(folder / "old", folder / "S1" / "home" / "data")
    with centre, open_at(folder / "S1", "S1") as school:
        assert _reason(school) == "rollback"
        assert "this month" not in forms_of(school)
        saved |= _grow(school, centre, ["after"])
        check_node(school, saved)
        check_level(school, centre)
        assert fork_count(centre) == 0


@pytest.mark.parametrize("times", [1, 3])
def test_a_restored_backup_gets_everything_back_from_the_centre(folder: Path, times: int) -> None:
    centre, school = make_county(folder)
    saved = _grow(school, centre, ["in the backup"])
    school.backup(folder / "backup.db")
    saved |= _grow(school, centre, ["after it"])
    school.close()
    context = context_of(folder / "S1" / "state", "S1")
    with centre:
        for number in range(times):
            with Node.restore(
                folder / "backup.db", folder / "S1" / "home", schema=SCHEMA, context=context
            ) as school:
                assert _reason(school) == "restore"
                saved |= _grow(school, centre, [f"restored {number}"])
                check_node(school, saved)
                check_level(school, centre)
        assert fork_count(centre) == 0
        assert len(epochs_of(centre, school.node_id)) <= 1 + times


def _whole_image_restored(folder: Path) -> tuple[Node, Node, set[str]]:
    """A disk image with its sidecar is put back, and the school writes before any contact."""
    centre, school = make_county(folder)
    saved = _grow(school, centre, ["in the image"])
    school.close()
    shutil.copytree(folder / "S1", folder / "image")
    with open_at(folder / "S1", "S1") as school:
        saved |= _grow(school, centre, ["after the image"])
    copy_folder(folder / "image", folder / "S1")
    school = open_at(folder / "S1", "S1")
    saved.add(save_form(school, "written on the image"))
    school.publish_barrier()
    return centre, school, saved


def test_a_whole_image_restored_is_noticed_at_the_first_contact(folder: Path) -> None:
    centre, school, saved = _whole_image_restored(folder)
    with centre, school:
        exchange(school, centre)
        assert _reason(school) == "foreign_own"
        saved |= _grow(school, centre, ["after contact"])
        _settle(centre, school)
        check_node(centre, saved)
        check_node(school, saved)
        assert fork_count(centre) == 1, "the one branch that nobody could see coming"


def test_a_whole_image_restored_is_noticed_by_a_bundle(folder: Path) -> None:
    centre, school, saved = _whole_image_restored(folder)
    with centre, school:
        centre.pack(folder / "news.xueshi", to="S1")
        school.unpack(folder / "news.xueshi")
        assert _reason(school) == "foreign_own"
        saved.add(save_form(school, "after contact"))
        school.pack(folder / "reply.xueshi")
        centre.unpack(folder / "reply.xueshi")
        centre.pack(folder / "news2.xueshi", to="S1")
        school.unpack(folder / "news2.xueshi")
        check_level(school, centre)
        check_node(centre, saved)
        check_node(school, saved)


@pytest.mark.parametrize("sealed_before", [True, False], ids=["later-seal", "first-seal"])
def test_open_forms_of_a_restored_image_are_sealed_into_the_same_block(
    folder: Path, sealed_before: bool
) -> None:
    """Saved, imaged, then sealed and sent by both: one block, not two records."""
    centre, school = make_county(folder)
    saved = _grow(school, centre, ["before"] if sealed_before else [])
    saved.add(save_form(school, "open in the image"))
    school.close()
    shutil.copytree(folder / "S1", folder / "image")
    with open_at(folder / "S1", "S1") as school:
        level(school, centre)
    copy_folder(folder / "image", folder / "S1")
    with centre, open_at(folder / "S1", "S1") as school:
        level(school, centre)
        saved |= _grow(school, centre, ["after"])
        check_node(centre, saved)
        check_node(school, saved)
        assert fork_count(centre) == 0


def test_a_centre_restored_from_an_old_backup_loses_nothing_that_schools_hold(
    folder: Path,
) -> None:
    centre, first = make_county(folder)
    second = make_school(folder / "S2", "S2")
    second.join(centre.invite("S2", "二小"))
    saved1 = _grow(first, centre, ["first before"])
    centre.backup(folder / "centre.db")
    saved1 |= _grow(first, centre, ["first after"])
    saved2 = _grow(second, centre, ["second enrolled after the backup"])
    centre.close()
    context = context_of(folder / "centre" / "state", "centre")
    with (
        first,
        second,
        Node.restore(
            folder / "centre.db", folder / "centre" / "home", schema=SCHEMA, context=context
        ) as centre,
    ):
        assert "first after" not in forms_of(centre)
        _settle(centre, first, second)
        check_node(centre, saved1 | saved2)
        check_node(first, saved1)
        check_node(second, saved2)


def test_a_lost_key_is_replaced_by_an_invitation_into_the_same_scope(folder: Path) -> None:
    centre, school = make_county(folder)
    saved = _grow(school, centre, ["in the backup"])
    school.backup(folder / "backup.db")
    saved |= _grow(school, centre, ["after the backup"])
    old = school.node_id
    school.close()
    shutil.rmtree(folder / "S1")
    context = context_of(folder / "new" / "state", "new-pc")
    with (
        centre,
        Node.restore(
            folder / "backup.db", folder / "new" / "home", schema=SCHEMA, context=context
        ) as fresh,
    ):
        assert fresh.node_id != old
        with pytest.raises(SyncError):
            level(fresh, centre)
        fresh.join(centre.invite("S1", "一小"))
        saved |= _grow(fresh, centre, ["on the new machine"])
        check_node(fresh, saved)
        check_node(centre, saved)
        check_level(fresh, centre)
        assert len(epochs_of(centre, old)) == 1


@pytest.mark.parametrize("now_ms", [YEAR_2001_MS, YEAR_2099_MS], ids=["2001", "2099"])
@pytest.mark.parametrize("whose", ["school", "centre"])
def test_a_wrong_clock_changes_no_result(folder: Path, whose: str, now_ms: int) -> None:
    centre, school = make_county(folder)
    saved = {save_form(school, "before")}
    centre.close()
    school.close()
    clock: Callable[[], int] = lambda: now_ms  # noqa: E731
    with (
        open_at(folder / "centre", "centre", clock if whose == "centre" else None) as centre,
        open_at(folder / "S1", "S1", clock if whose == "school" else None) as school,
    ):
        assert {_reason(centre), _reason(school)} <= {"no_sidecar", "founded"}
        saved |= _grow(school, centre, ["clock wrong"])
        person = school.query("SELECT scope_no, rec FROM person LIMIT 1")[0]
        _rename(school, person, "by the school")
        level(school, centre)
        _rename(centre, _same(centre, school, person), "by the centre, later")
        level(school, centre)
        check_level(school, centre)
        name = school.query("SELECT name FROM person WHERE rec = ?", (person["rec"],))[0][0]
        assert name == "by the centre, later"
    with open_at(folder / "centre", "centre") as centre, open_at(folder / "S1", "S1") as school:
        saved |= _grow(school, centre, ["clock right again"])
        check_node(school, saved)
        check_node(centre, saved)


def _same(there: Node, here: Node, row: sqlite3.Row) -> RecordKey:
    return there.find_record(here.public_id(RecordKey(*row)))


def _rename(node: Node, key: sqlite3.Row | RecordKey, name: str) -> None:
    with node.write(actor="somebody") as action:
        action.set("person", RecordKey(*key), {"name": name})


def test_a_node_in_a_folder_without_its_key_does_not_open(folder: Path) -> None:
    centre, school = make_county(folder)
    school.close()
    centre.close()
    (folder / "S1" / "home" / "key" / "node.key").unlink()
    with pytest.raises(NodeStateError):
        open_at(folder / "S1", "S1", wait_s=0.2)
    with pytest.raises(NodeStateError):
        make_school(folder / "S1", "S1")
