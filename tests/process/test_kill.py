"""kill -9 of a school or the centre at any moment: after a restart and one sync nothing that was
acknowledged is missing, nothing is there twice, and both ends are equal."""

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.process import points
from tests.process.conftest import Figure
from tests.process.county import (
    CentreRig,
    SchoolRig,
    copy_folder,
    random_pause,
    serving,
    sync,
    wait_for_lines,
)
from tests.process.nodes import (
    SOAK,
    check_level,
    check_node,
    fork_count,
    forms_of,
    level,
    make_centre,
    make_county,
    make_school,
    open_at,
    save_form,
    saved_in,
    scratch,
)
from tests.process.worker import FAST, PATIENT, fast_session
from tests.process.zygote import Zygote
from xueshi_sync.errors import NetworkError, NodeInUseError
from xueshi_sync.http_session import Timeouts

pytestmark = pytest.mark.process
KILLS: Final = 1000 if SOAK else 105
# A new county after so many kills, so that checking stays cheap.
KILLS_PER_COUNTY: Final = 35
PASSAGES: Final = (1, 2, 3) if SOAK else (1, 2)
JOIN: Final = [name for name in points.SCHOOL if name.startswith("join.")]
RESTORE: Final = [name for name in points.SCHOOL if name.startswith("restore.")]
WORK: Final = [name for name in points.SCHOOL if name not in {*JOIN, *RESTORE}]


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as running:
        yield running


@pytest.fixture
def folder() -> Iterator[Path]:
    with scratch() as path:
        yield path


@pytest.mark.parametrize("name", points.ALL)
def test_every_named_point_is_a_function_of_the_node(name: str) -> None:
    assert callable(points.resolve(points.ALL[name])[2])


@pytest.mark.parametrize("batch", range(KILLS // KILLS_PER_COUNTY))
def test_school_killed_at_random_moments(
    batch: int, zygote: Zygote, folder: Path, figure: Figure
) -> None:
    rng = random.Random(batch)
    rig = SchoolRig(folder, zygote)
    with rig.centre, serving(rig.centre.wsgi_app()) as (host, port):
        url = f"http://{host}:{port}"
        for number in range(KILLS_PER_COUNTY):
            child = rig.start(url)
            random_pause(rng, 0.3)
            child.kill()
            if number % 4 == 3:
                rig.check(url)
        rig.check(url)
        figure("kills", KILLS_PER_COUNTY)
        figure("forms acknowledged", len(saved_in(rig.acks)))


@pytest.mark.parametrize("passage", PASSAGES)
@pytest.mark.parametrize("name", WORK)
def test_school_killed_at(name: str, passage: int, zygote: Zygote, folder: Path) -> None:
    rig = SchoolRig(folder, zygote)
    with rig.centre, serving(rig.centre.wsgi_app()) as (host, port):
        url = f"http://{host}:{port}"
        assert rig.start(url, f"{name}:{passage}").wait() == -signal.SIGKILL
        rig.check(url)
        child = rig.start(url)
        wait_for_lines(rig.acks, len(rig.acks.read_bytes().splitlines()) + 4)
        child.kill()
        rig.check(url)


@pytest.mark.parametrize("passage", PASSAGES)
@pytest.mark.parametrize("name", JOIN)
def test_killed_while_joining_joins_on_the_second_try(
    name: str, passage: int, zygote: Zygote, folder: Path
) -> None:
    acks = folder / "acks"
    with make_centre(folder / "centre") as centre, serving(centre.wsgi_app()) as (host, port):
        make_school(folder / "S1").close()
        arguments = [
            str(folder / "S1"), "S1", str(acks), f"http://{host}:{port}",
            centre.invite("S1", "一小"),
        ]  # fmt: skip
        died = zygote.spawn("joiner", arguments, {"XUESHI_FAULT": f"{name}:{passage}"}).wait()
        assert died == -signal.SIGKILL or passage > 1
        with open_at(folder / "S1", "S1") as school:
            check_node(school, saved_in(acks))
        assert zygote.spawn("joiner", arguments).wait() == 0
        with open_at(folder / "S1", "S1") as school:
            assert school.enrolled
            check_node(school, saved_in(acks))
            level(school, centre)
            check_level(school, centre)


@pytest.mark.parametrize("name", RESTORE)
def test_killed_while_restoring_opens_old_or_new(name: str, zygote: Zygote, folder: Path) -> None:
    centre, school = make_county(folder)
    backup, acks = folder / "backup.db", folder / "acks"
    save_form(school, "before")
    school.backup(backup)
    save_form(school, "after")
    level(school, centre)
    school.close()
    arguments = [str(folder / "S1"), "S1", str(acks), str(backup)]
    fault = {"XUESHI_FAULT": f"{name}:1"}
    assert zygote.spawn("restorer", arguments, fault).wait() == -signal.SIGKILL
    with centre, open_at(folder / "S1", "S1") as school:
        check_node(school, {"before"})
        level(school, centre)
        check_level(school, centre)
        check_node(school, {"before", "after"})


@pytest.mark.parametrize("batch", range(KILLS // KILLS_PER_COUNTY))
def test_centre_killed_at_random_moments(
    batch: int, zygote: Zygote, folder: Path, figure: Figure
) -> None:
    rng = random.Random(batch)
    rig = CentreRig(folder, zygote)
    for number in range(KILLS_PER_COUNTY):
        child = rig.start()
        ends_at = time.monotonic() + rng.random() ** 2 * 0.3
        _work_until(rig, ends_at, f"{number}")
        child.kill()
        rig.check_receipts()
        if number % 8 == 7:
            _heal(rig)
    _heal(rig)
    rig.close()
    figure("kills", KILLS_PER_COUNTY)
    figure("forms acknowledged", sum(map(len, rig.saved.values())))


def _work_until(rig: CentreRig, ends_at: float, tag: str) -> None:
    """Every school saves and syncs in turn; the last sync is under way when the kill comes."""
    number = 0
    with fast_session() as session:
        while True:
            for school in rig.schools:
                form = f"{school.code}-{tag}-{number}"
                rig.saved[school.code].add(save_form(school, form))
                left_s = ends_at - time.monotonic()
                if left_s <= 0:
                    return
                try:
                    school.sync_once(rig.url, session=session, timeouts=FAST, deadline_s=left_s)
                except NetworkError:
                    return
            number += 1


def _heal(rig: CentreRig) -> None:
    child = rig.start()
    for school in rig.schools:
        sync(school, rig.url)
    for school in rig.schools:
        sync(school, rig.url)
    child.kill()
    rig.check()


@pytest.mark.parametrize("passage", PASSAGES)
@pytest.mark.parametrize("name", points.CENTRE)
def test_centre_killed_at(name: str, passage: int, zygote: Zygote, folder: Path) -> None:
    rig = CentreRig(folder, zygote, schools=1)
    if name.startswith("enrol."):
        _add_newcomer(rig)
    child = rig.start(f"{name}:{passage}")
    with fast_session() as session:
        for number in range(4):
            for school in rig.schools:
                rig.saved[school.code].add(save_form(school, f"{school.code}-{number}"))
                try:
                    school.sync_once(rig.url, session=session, timeouts=FAST, deadline_s=0.5)
                except NetworkError:
                    break
    if name.startswith("enrol.") and passage > 1:
        # There is only one to enrol.
        child.kill()
    else:
        assert child.wait() == -signal.SIGKILL
    rig.check_receipts()
    _heal(rig)
    rig.close()


def _add_newcomer(rig: CentreRig) -> None:
    """A school that has an invitation and has not been heard of yet."""
    newcomer = make_school(rig.folder / "S9", "S9")
    with open_at(rig.folder / "centre", "centre") as centre:
        newcomer.join(centre.invite("S9", "九小"))
    rig.schools.append(newcomer)
    rig.saved["S9"] = set()


def test_a_centre_that_hangs_and_wakes_does_no_harm(zygote: Zygote, folder: Path) -> None:
    rig = CentreRig(folder, zygote)
    child = rig.start()
    school = rig.schools[0]
    for number in range(4):
        rig.saved[school.code].add(save_form(school, f"{school.code}-{number}"))
        child.send(signal.SIGSTOP)
        hurried = Timeouts(connect_s=0.2, idle_s=0.2, total_s=0.5)
        with fast_session() as session, pytest.raises(NetworkError):
            school.sync_once(rig.url, session=session, timeouts=hurried)
        child.send(signal.SIGCONT)
        sync(school, rig.url, PATIENT)
    child.kill()
    _heal(rig)
    rig.close()


def test_a_school_that_hangs_and_wakes_goes_on(zygote: Zygote, folder: Path) -> None:
    rig = SchoolRig(folder, zygote)
    with rig.centre, serving(rig.centre.wsgi_app()) as (host, port):
        url = f"http://{host}:{port}"
        child = rig.start(url)
        for _ in range(5):
            lines = len(rig.acks.read_bytes().splitlines()) if rig.acks.exists() else 0
            wait_for_lines(rig.acks, lines + 3)
            child.send(signal.SIGSTOP)
            time.sleep(0.05)
            child.send(signal.SIGCONT)
        wait_for_lines(rig.acks, len(rig.acks.read_bytes().splitlines()) + 3)
        child.kill()
        rig.check(url)


def test_a_second_process_on_a_folder_is_refused_with_the_first_ones_number(
    zygote: Zygote, folder: Path
) -> None:
    centre, school = make_county(folder)
    school.close()
    centre.close()
    child = zygote.spawn("holder", [str(folder / "S1"), "S1", str(folder / "acks")])
    wait_for_lines(folder / "acks", 1)
    with pytest.raises(NodeInUseError) as refused:
        open_at(folder / "S1", "S1", wait_s=0.2)
    assert refused.value.fields["pid"] == child.pid
    child.kill()
    open_at(folder / "S1", "S1").close()


def test_a_folder_copied_while_the_school_works_loses_nothing_of_either(
    zygote: Zygote, folder: Path
) -> None:
    rig = SchoolRig(folder, zygote)
    with rig.centre, serving(rig.centre.wsgi_app()) as (host, port):
        url = f"http://{host}:{port}"
        child = rig.start(url)
        wait_for_lines(rig.acks, 10)
        copy_folder(rig.school, folder / "copy")
        child.kill()
        with open_at(folder / "copy", "S1") as copy:
            assert copy.replica.epoch.reason != "founded"
            save_form(copy, "in the copy")
            sync(copy, url)
        with open_at(rig.school, "S1") as school:
            sync(school, url)
            check_level(school, rig.centre)
            # What was saved and not yet sealed when the folder was copied is in both copies.
            assert saved_in(rig.acks) | {"in the copy"} <= set(forms_of(school))
            assert fork_count(rig.centre) == 0
