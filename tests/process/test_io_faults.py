"""A disk that is full or fails never makes half a form, never loses what was acknowledged, says so
with one error, and is worked on as soon as it is well again."""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.process import tap
from tests.process.conftest import Figure
from tests.process.nodes import (
    SOAK,
    acks_in,
    check_forms,
    check_level,
    check_node,
    integrity_of,
    level,
    make_centre,
    make_county,
    make_school,
    open_at,
    save_form,
    saved_in,
    scratch,
)
from tests.process.worker import NOTE
from tests.process.zygote import Zygote
from xueshi_sync.errors import StorageError
from xueshi_sync.node import Node

pytestmark = pytest.mark.process
FORMS: Final = 8
# About how many writes, changes and syncs a run of the saver makes.
WRITES: Final = 330
STEP: Final = 1 if SOAK else 12
SYNCS: Final = range(0, 16, 1 if SOAK else 2)


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    tap.needs_tap()
    with Zygote(tapped=True) as running:
        yield running


@pytest.fixture(scope="module")
def county() -> Iterator[Path]:
    """A centre and a joined school, copied for each run."""
    with scratch() as folder:
        centre, school = make_county(folder / "county")
        school.close()
        centre.close()
        yield folder


class _Run:
    """One run of the saver on a copy of the county."""

    def __init__(self, zygote: Zygote, county: Path, fault: str) -> None:
        self.folder = county / "run"
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(county / "county", self.folder)
        self._acks = self.folder / "acks"
        self.school = self.folder / "S1"
        child = zygote.spawn(
            "saver",
            [str(self.school), "S1", str(self._acks), str(FORMS)],
            {"TAP_ROOT": str(self.school), "TAP_FAULT": fault},
        )
        self.code = child.wait()
        self.acks = acks_in(self._acks.read_bytes()) if self._acks.exists() else []
        self.saved = saved_in(self._acks)

    def said(self, kind: str) -> list[str]:
        return [value for each, value in self.acks if each == kind]

    def check(self) -> None:
        """Open the node as after the repair of the disk; nothing acknowledged is missing."""
        assert integrity_of(self.school / "home" / "data" / "feed.db") == "ok"
        with (
            open_at(self.folder / "centre", "centre") as centre,
            open_at(self.school, "S1") as node,
        ):
            check_node(node, self.saved)
            level(node, centre)
            check_level(node, centre)
            check_forms(centre, self.saved)


class Sweep:
    """One fault at every place of a run of the saver."""

    def __init__(self, zygote: Zygote, county: Path, figure: Figure) -> None:
        self._zygote, self._county, self._figure = zygote, county, figure

    def run(self, kind: str, tail: str = "", start: int = 0) -> Counter[str]:
        found: Counter[str] = Counter()
        for at in range(start, WRITES, STEP):
            run = _Run(self._zygote, self._county, f"{kind}:{at}{tail}")
            try:
                assert run.code in (0, 137), "the program fell over"
                assert {*run.said("refused"), *run.said("not opened"), *run.said("not sealed")} <= {
                    StorageError.code
                }
                run.check()
            except BaseException as error:
                error.add_note(f"{kind}:{at}{tail}, {run.acks}")
                raise
            found.update(kind for kind, _ in run.acks)
            found["runs"] += 1
            kinds = [kind for kind, _ in run.acks]
            found["went on"] += "refused" in kinds and "saved" in kinds[kinds.index("refused") :]
        for name, count in sorted(found.items()):
            self._figure(name, count)
        return found


@pytest.fixture
def sweep(zygote: Zygote, county: Path, figure: Figure) -> Sweep:
    return Sweep(zygote, county, figure)


def test_no_space_from_any_write_on_refuses_whole_forms(sweep: Sweep) -> None:
    assert sweep.run("full")["refused"] > 0


def test_space_that_comes_back_is_used_without_a_restart(sweep: Sweep) -> None:
    found = sweep.run("gap", ":8", start=40)
    assert found["went on"] > found["runs"] / 4


def test_one_failing_write_loses_nothing(sweep: Sweep) -> None:
    assert sweep.run("eio")["saved"] > 0


def test_one_short_write_loses_nothing(sweep: Sweep) -> None:
    assert sweep.run("short")["saved"] > 0


def test_death_before_any_change_of_a_file_loses_nothing(sweep: Sweep) -> None:
    assert sweep.run("die")["saved"] > 0


def test_a_failing_sync_is_no_save(zygote: Zygote, county: Path) -> None:
    for at in SYNCS:
        run = _Run(zygote, county, f"sync:{at}")
        assert run.code == 0, run.acks
        run.check()


def test_every_form_is_saved_once_somebody_made_room(zygote: Zygote, county: Path) -> None:
    flag = county / "full"
    flag.touch()
    run = _Run(zygote, county, f"while:{flag}")
    if run.said("not opened"):
        flag.unlink()
        run = _Run(zygote, county, "")
    assert len(run.saved) == FORMS
    run.check()


def test_a_real_full_disk_refuses_and_goes_on_with_room(small_disk: Path) -> None:
    with (
        scratch() as elsewhere,
        make_centre(elsewhere / "centre") as centre,
        make_school(small_disk) as school,
    ):
        school.join(centre.invite("S1", "一小"))
        level(school, centre)
        ballast = small_disk / "ballast"
        ballast.write_bytes(bytes(2_600_000))
        acknowledged, refused = _fill(school)
        assert refused
        assert school.query("SELECT count(*) FROM hour")[0][0] > 0
        ballast.unlink()
        more, refused_again = _fill(school, prefix="later", forms=5)
        assert not refused_again
        level(school, centre)
        check_level(school, centre)
        check_node(school, acknowledged | more)
        check_forms(centre, acknowledged | more)


def _fill(school: Node, prefix: str = "form", forms: int = 2000) -> tuple[set[str], int]:
    """Save forms until some are refused: (acknowledged, refused)."""
    acknowledged: set[str] = set()
    refused = 0
    for number in range(forms):
        try:
            acknowledged.add(save_form(school, f"{prefix}{number}", NOTE))
        except StorageError:
            refused += 1
            if refused == 5:
                break
    return acknowledged, refused
