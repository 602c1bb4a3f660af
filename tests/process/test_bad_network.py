"""Real nodes over a line that cuts, goes silent, lies, repeats and flips: what arrives is right,
what does not arrive is still here, and nobody who saves meanwhile waits long."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import pytest

from tests.bench.workload import records
from tests.process.conftest import Figure
from tests.process.county import serving, sync
from tests.process.nodes import (
    SOAK,
    check_forms,
    check_level,
    check_node,
    fork_count,
    level,
    make_centre,
    make_county,
    make_school,
    save_form,
    scratch,
)
from tests.process.worker import FAST, PATIENT, fast_session
from tests.tools.chaosproxy import DOWN, UP, ChaosProxy, Faults
from xueshi_sync.errors import NetworkError, RefusedError
from xueshi_sync.http_client import SyncReport
from xueshi_sync.http_session import SyncSession, Timeouts
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

pytestmark = pytest.mark.process
STEP_BYTES: Final = 64
HURRIED: Final = Timeouts(connect_s=1.0, idle_s=0.4, total_s=2.0)
MANY: Final = 100_000
SOME: Final = 10_000
SAVE_EVERY_S: Final = 0.05
# Generous: the machine that runs this may be busy with something else.
SAVE_MAX_S: Final = 15.0
SCHOOLS: Final = 24 if SOAK else 8


@dataclass
class Line:
    """A school, its centre, and the bad line between them."""

    centre: Node
    school: Node
    proxy: ChaosProxy
    session: SyncSession
    saved: set[str] = field(default_factory=set)

    def save(self, form: str) -> None:
        self.saved.add(save_form(self.school, form))

    def sync(self, timeouts: Timeouts = FAST) -> SyncReport:
        return self.school.sync_once(self.proxy.url, session=self.session, timeouts=timeouts)

    def heal(self) -> None:
        """The line is good again; then both must get level."""
        self.proxy.faults = Faults()
        sync(self.school, self.proxy.url, PATIENT)
        self.check()

    def check(self) -> None:
        check_level(self.school, self.centre)
        check_forms(self.centre, self.saved)
        check_forms(self.school, self.saved)
        assert fork_count(self.centre) == 0

    def unsent(self) -> int:
        count = self.school.status()["unsent_ops"]
        assert isinstance(count, int)
        return count


@pytest.fixture
def line() -> Iterator[Line]:
    with scratch() as folder:
        centre, school = make_county(folder)
        with (
            centre,
            school,
            serving(centre.wsgi_app()) as address,
            ChaosProxy(address) as proxy,
            fast_session() as session,
        ):
            yield Line(centre, school, proxy, session)


def load(node: Node, count: int, seed: int = 1) -> None:
    """Enter the workload of the benchmarks, one person a teacher."""
    people: dict[str, RecordKey] = {}
    with node.write(actor="import") as action:
        for each in records(count, seed=seed):
            person = people.get(each["teacher_id"])
            if person is None:
                person = people[each["teacher_id"]] = action.insert(
                    "person",
                    {"staff_no": each["teacher_id"], "name": each["teacher_name"], "active": True},
                )
            action.insert(
                "hour",
                {
                    "person": person, "date": each["date"], "title": each["title"],
                    "minutes": int(each["hours"] * 60), "note": each["note"],
                },
                entry_id=each["id"],
            )  # fmt: skip


class Registrar:
    """Somebody who saves a form every 50 ms while the machine does something else."""

    def __init__(self, tag: str, save: Callable[[str], object]) -> None:
        self.longest_s = 0.0
        self.forms: set[str] = set()
        self._tag, self._save = tag, save
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> "Registrar":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(60)

    def _work(self) -> None:
        while not self._over.wait(SAVE_EVERY_S):
            began = time.monotonic()
            form = f"{self._tag}-{len(self.forms)}"
            self._save(form)
            self.forms.add(form)
            self.longest_s = max(self.longest_s, time.monotonic() - began)


def _exchange_bytes(line: Line) -> tuple[int, int]:
    """How many bytes a small exchange takes up and down."""
    before = dict(line.proxy.bytes)
    line.save("measure")
    line.sync()
    return line.proxy.bytes[UP] - before[UP], line.proxy.bytes[DOWN] - before[DOWN]


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "closed"])
@pytest.mark.parametrize("way", [UP, DOWN])
def test_cut_at_every_64_bytes_of_a_small_exchange(
    way: str, reset: bool, line: Line, figure: Figure
) -> None:
    size = max(_exchange_bytes(line))
    for place in range(0, size, STEP_BYTES):
        line.save(f"cut-{way}-{place}")
        at = line.proxy.bytes[way] + place
        line.proxy.faults = Faults(cut_at=(way, at), reset=reset)
        try:
            line.sync()
        except NetworkError:
            line.proxy.faults = Faults()
            line.sync()
    line.heal()
    check_node(line.school, line.saved)
    figure("cuts", line.proxy.cuts)


def test_hundred_thousand_records_cut_each_64_kb_cost_a_tenth_more(
    line: Line, figure: Figure
) -> None:
    load(line.school, MANY)
    line.proxy.faults = Faults(cut_each_total=64 * 1024)
    before = line.proxy.total_bytes
    with Registrar("during", line.save) as registrar:
        _sync_on(line)
    cut_bytes, cuts = line.proxy.total_bytes - before, line.proxy.cuts
    line.heal()
    # Forms that were saved meanwhile are among the blocks.
    whole = line.school.feeds.db.execute("SELECT sum(length(data)) FROM block").fetchone()[0]
    figure("cuts", cuts)
    figure("bytes on the line / bytes of blocks", f"{cut_bytes / whole:.4f}")
    figure("slowest save of a registrar, s", f"{registrar.longest_s:.3f}")
    assert cuts >= 5
    assert cut_bytes <= 1.1 * whole
    assert registrar.longest_s < SAVE_MAX_S


def _sync_on(line: Line) -> None:
    """Sync as the agent does, until everything of before is there."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            if line.sync(PATIENT).outcome == "level":
                return
        except NetworkError:
            continue
    raise AssertionError("it never arrives")


def test_ten_thousand_records_arrive_through_cuts_each_4_kb(line: Line) -> None:
    load(line.school, SOME)
    line.proxy.faults = Faults(cut_each_total=4096)
    _sync_on(line)
    assert line.proxy.cuts > 10
    line.heal()
    check_node(line.centre)


@pytest.mark.parametrize("after", [0, 64, 200, 400, 900, 1300])
def test_silence_ends_with_an_error_and_nothing_is_marked_sent(after: int, line: Line) -> None:
    line.save("silent")
    line.school.publish_barrier()
    unsent = line.unsent()
    line.proxy.faults = Faults(silence_after=line.proxy.total_bytes + after)
    with pytest.raises(NetworkError):
        line.sync(HURRIED)
    assert line.unsent() == unsent
    line.heal()
    assert line.unsent() == 0


@pytest.mark.parametrize("kind", ["200", "302", "511"])
def test_a_portal_changes_nothing(kind: str, line: Line) -> None:
    line.save("portal")
    line.school.publish_barrier()
    digests, unsent = line.school.digests(), line.unsent()
    line.proxy.faults = Faults(portal=kind)
    with pytest.raises(NetworkError):
        line.sync(HURRIED)
    assert (line.school.digests(), line.unsent()) == (digests, unsent)
    line.heal()


def test_an_old_answer_played_again_is_no_answer(line: Line) -> None:
    line.save("first")
    line.sync()
    line.session.hang_up()
    time.sleep(0.1)
    old = next(each for each in line.proxy.responses if each.startswith(b"HTTP/1.1 200"))
    line.save("second")
    line.school.publish_barrier()
    unsent = line.unsent()
    line.proxy.faults = Faults(replay=old)
    with pytest.raises(NetworkError):
        line.sync(HURRIED)
    assert line.unsent() == unsent
    line.heal()


@pytest.mark.parametrize("way", [UP, DOWN])
def test_flipped_bits_never_get_in(way: str, line: Line, figure: Figure) -> None:
    size = max(_exchange_bytes(line))
    refused = 0
    for place in range(7, size, 1 if SOAK else 23):
        line.save(f"flip-{way}-{place}")
        line.proxy.faults = Faults(flip_at=(way, line.proxy.bytes[way] + place))
        try:
            line.sync(HURRIED)
        except (NetworkError, RefusedError):
            refused += 1
        line.session.unfinished.clear()
        line.proxy.faults = Faults()
        line.sync()
    line.heal()
    check_node(line.school, line.saved)
    figure("exchanges refused", refused)


def test_requests_delivered_twice_store_once(line: Line) -> None:
    line.proxy.faults = Faults(duplicate=True)
    for number in range(10):
        line.save(f"twice-{number}")
        line.sync()
    blocks = line.centre.feeds.db.execute("SELECT count(*) FROM block").fetchone()
    line.heal()
    check_node(line.centre, line.saved)
    assert blocks == line.centre.feeds.db.execute("SELECT count(*) FROM block").fetchone()


@pytest.mark.parametrize("fault", [{"gzip": True}, {"strip_length": True}], ids=["gzip", "length"])
def test_a_box_that_rewrites_answers_does_no_harm(fault: dict[str, bool], line: Line) -> None:
    line.save("rewritten")
    line.proxy.faults = replace(Faults(), **fault)  # type: ignore[arg-type]
    try:
        line.sync(HURRIED)
    except NetworkError:
        assert line.unsent() > 0
    line.heal()


def test_300_ms_of_delay_cost_a_few_round_trips(line: Line, figure: Figure) -> None:
    load(line.school, 20)
    line.session.hang_up()
    line.proxy.faults = Faults(delay_s=0.3)
    with Registrar("slow", line.save) as registrar:
        report = line.sync(PATIENT)
    figure("seconds", f"{report.seconds:.2f}")
    figure("requests", report.requests)
    figure("slowest save of a registrar, s", f"{registrar.longest_s:.3f}")
    assert registrar.longest_s < SAVE_MAX_S
    line.heal()


def _add_person(node: Node, name: str) -> None:
    with node.write(actor="officer") as action:
        action.insert("person", {"staff_no": name, "name": name, "active": True})


def _work_at(url: str, school: Node, seed: int, errors: list[BaseException]) -> None:
    try:
        load(school, 300, seed=seed)
        sync(school, url, PATIENT)
        save_form(school, f"late-{seed}")
        sync(school, url, PATIENT)
    except BaseException as error:
        errors.append(error)


def _join_all(folder: Path, centre: Node) -> list[Node]:
    schools = []
    for number in range(SCHOOLS):
        school = make_school(folder / f"S{number}", f"S{number}")
        school.join(centre.invite(f"S{number}", f"school {number}"))
        schools.append(school)
    return schools


def test_all_schools_at_once_finish_with_equal_digests(figure: Figure) -> None:
    errors: list[BaseException] = []
    with scratch() as folder, make_centre(folder / "centre") as centre:
        schools = _join_all(folder, centre)
        with serving(centre.wsgi_app(), threads=20) as (host, port):
            url = f"http://{host}:{port}"
            threads = [
                threading.Thread(target=_work_at, args=(url, school, number, errors))
                for number, school in enumerate(schools)
            ]
            for thread in threads:
                thread.start()
            with Registrar("officer", lambda name: _add_person(centre, name)) as officer:
                for thread in threads:
                    thread.join(120)
            assert errors == []
            for school in schools:
                level(school, centre)
                check_level(school, centre)
                school.close()
        check_node(centre, {f"late-{number}" for number in range(SCHOOLS)})
        figure("schools", SCHOOLS)
        figure("slowest save at the centre, s", f"{officer.longest_s:.3f}")
