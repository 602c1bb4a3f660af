"""After a power cut at any moment a node opens, is whole, and has all that it acknowledged."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.process import disk, scenarios, tap
from tests.process.conftest import Figure
from tests.process.nodes import (
    SCHEMA,
    SOAK,
    check_forms,
    check_level,
    check_node,
    context_of,
    copy_node,
    epochs_of,
    fork_count,
    integrity_of,
    level,
    open_at,
    scratch,
)
from xueshi_sync.node import Node

pytestmark = pytest.mark.process
# Every image is opened and checked; one in so many is also opened twice, built anew and synced.
THOROUGH_EVERY: Final = 1 if SOAK else 6
SEEDS: Final = range(24 if SOAK else 2)


@dataclass
class Rig:
    """A recorded scenario, ready to be cut anywhere."""

    name: str
    stage: scenarios.Stage
    recording: disk.Recording
    seen: set[bytes] = field(default_factory=set)
    images: int = 0

    def restart(self, cut: disk.Cut) -> "Restart | None":
        """Put the machine back as after the cut; None when this was looked at before."""
        self.images += 1
        image = self.recording.image(cut)
        acks = self.recording.acks_before(cut.at)
        name = hashlib.blake2b(repr(acks).encode())
        for path, data in image.items():
            name.update(path.encode() + b"\0" + hashlib.blake2b(data).digest())
        if name.digest() in self.seen:
            return None
        self.seen.add(name.digest())
        disk.write_image(self.stage.disk, image)
        return Restart(self, acks, thorough=len(self.seen) % THOROUGH_EVERY == 0)


@dataclass
class Restart:
    """One machine after one cut."""

    rig: Rig
    acks: list[tuple[str, str]]
    thorough: bool

    def acknowledged(self) -> set[str]:
        return {value for kind, value in self.acks if kind == "saved"}

    def was_said(self, kind: str) -> bool:
        return any(each == kind for each, _ in self.acks)

    def put_centre_back(self) -> None:
        copies = [int(value) for kind, value in self.acks if kind == "centre"]
        scenarios.put_centre_back(self.rig.stage, copies[-1] if copies else 0)


def record(name: str, folder: Path) -> Rig:
    """Prepare a scenario and run it under the recorder."""
    stage = scenarios.Stage(folder)
    scenarios.SCENARIOS[name][0](stage)
    if stage.centre.exists():
        copy_node(stage.centre, folder / "centre-0")
    before = disk.read_tree(stage.disk)
    log = folder / "ops.log"
    done = tap.run_child("scenarios", [name, str(folder)], tap.tap_environment(stage.disk, log=log))
    assert done.returncode == 0, done.stderr
    return Rig(name, stage, disk.Recording(before, disk.read_log(log)))


@pytest.fixture
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    tap.needs_tap()
    with scratch() as folder:
        yield record(request.param, folder)


def _check_school(restart: Restart) -> None:
    """Everything that must hold of the school that was cut, alone and with its centre."""
    stage = restart.rig.stage
    acknowledged = restart.acknowledged()
    school = stage.open_school()
    epoch = school.replica.epoch_name
    assert integrity_of(school.paths.feed) == "ok"
    if not restart.thorough:
        assert not school.check(deep=True).problems
        check_forms(school, acknowledged)
        school.close()
        return
    check_node(school, acknowledged)
    school.close()
    school = stage.open_school()
    assert school.replica.epoch_name == epoch, "a second new epoch"
    restart.put_centre_back()
    centre = stage.open_centre()
    if school.genesis is None or not school.feeds.meta("ticket"):
        assert not restart.was_said("joined")
        school.join((stage.folder / "invitation").read_text())
    level(school, centre)
    _check_both(restart, school, centre)
    school.close()
    centre.close()


def _check_both(restart: Restart, school: Node, centre: Node) -> None:
    acknowledged = restart.acknowledged()
    check_level(school, centre)
    check_forms(school, acknowledged)
    check_forms(centre, acknowledged)
    assert fork_count(centre) == 0
    # What it began with, and one new epoch at most (a restore begins one in any case).
    assert len(epochs_of(centre, school.node_id)) <= 2
    for kind, value in restart.acks:
        if kind == "pulled":
            states = school.query("SELECT DISTINCT state FROM hour WHERE title LIKE '#old%'")
            assert [row[0] for row in states] == [f"{value}d"]


def _check_centre(restart: Restart) -> None:
    """The centre was cut: a receipt that left names what is still there."""
    stage = restart.rig.stage
    centre = open_at(stage.disk, "centre")
    check_node(centre, restart.acknowledged())
    centre.close()


def _check_copy(restart: Restart) -> None:
    """A backup under its final name can be restored, whenever the power went."""
    stage = restart.rig.stage
    copy, target = stage.disk / "copy.db", stage.folder / "restored"
    assert copy.exists() or not restart.was_said("copied")
    if not copy.exists():
        return
    disk.write_image(target, {})
    context = context_of(target / "state", "other")
    with Node.restore(copy, target / "home", schema=SCHEMA, context=context) as restored:
        check_node(restored, {"new0"})


def _check_all(rig: Rig) -> None:
    for cut in rig.recording.cuts(SEEDS):
        restart = rig.restart(cut)
        if restart is None:
            continue
        try:
            if rig.name == "answer":
                _check_centre(restart)
            else:
                _check_school(restart)
            if rig.name == "backup" and restart.thorough:
                _check_copy(restart)
        except BaseException as error:
            error.add_note(f"{rig.name}: {cut}, said before: {restart.acks}")
            error.add_note(_neighbours(rig, cut))
            raise


def _neighbours(rig: Rig, cut: disk.Cut) -> str:
    lines = [
        f"{number} {op.kind} {Path(op.path).name} {Path(op.path2).name} {op.offset}+{len(op.data)}"
        for number, op in enumerate(rig.recording.ops)
        if abs(number - cut.at) < 8
    ]
    return "\n".join(lines)


@pytest.mark.parametrize("rig", sorted(scenarios.SCENARIOS), indirect=True)
def test_power_cut_at_every_boundary_loses_nothing_acknowledged(rig: Rig, figure: Figure) -> None:
    _check_all(rig)
    figure("ops", len(rig.recording.ops))
    figure("images", rig.images)
    figure("different", len(rig.seen))
