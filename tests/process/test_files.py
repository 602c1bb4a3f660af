"""Files over real lines: only what is missing moves, every cut is gone on from, nothing is taken
from or given to whom it does not concern."""

import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.process.conftest import Figure, fill_disk, small_file_system
from tests.process.county import serving, sync
from tests.process.nodes import (
    SOAK,
    acks_in,
    level,
    make_centre,
    make_county,
    make_school,
    open_at,
    scratch,
)
from tests.process.worker import PATIENT, fast_session
from tests.process.zygote import Zygote
from tests.tools.chaosproxy import ChaosProxy, Faults
from xueshi_sync.errors import NetworkError, RefusedError
from xueshi_sync.files.content import Content
from xueshi_sync.node import Node

pytestmark = pytest.mark.process
MIB = 1 << 20
KILLED_SIZE = (100 if SOAK else 12) * MIB
KILLS = 50 if SOAK else 10


@dataclass
class Line:
    """A school that joined, its centre, and the line between them."""

    folder: Path
    centre: Node
    school: Node
    proxy: ChaosProxy

    def file(self, size: int, seed: int = 1) -> Path:
        path = self.folder / f"file-{size}-{seed}"
        path.write_bytes(random.Random(seed).randbytes(size))
        return path

    def deliver(self) -> int:
        """Until nothing more is to be had; returns the bytes that went over the line."""
        before = self.proxy.total_bytes
        with fast_session() as session:
            while True:
                try:
                    if self.school.deliver_once(
                        self.proxy.url, session=session, timeouts=PATIENT
                    ).is_level:
                        return self.proxy.total_bytes - before
                except NetworkError:
                    continue


@pytest.fixture
def line() -> Iterator[Line]:
    with scratch() as folder:
        centre, school = make_county(folder)
        with (
            centre,
            school,
            serving(centre.wsgi_app()) as address,
            ChaosProxy(address) as proxy,
        ):
            sync(school, proxy.url, PATIENT)
            centre.accepts_file = lambda _node, _content: True
            yield Line(folder, centre, school, proxy)


def _is_whole(node: Node, content: Content) -> bool:
    state = node.files.state(content.sha256)
    return state is not None and state.is_whole


def test_nothing_to_fetch_is_one_request_of_less_than_a_kilobyte(
    line: Line, figure: Figure
) -> None:
    contents = [line.centre.files.add(line.file(3000, seed)) for seed in range(40)]
    for content in contents:
        line.school.files.want(content)
    line.deliver()
    before = line.proxy.requests
    idle = line.deliver()
    figure("bytes", idle)
    assert all(_is_whole(line.school, content) for content in contents)
    assert (line.proxy.requests - before, idle < 1024) == (1, True)


def test_a_megabyte_put_into_a_video_costs_a_hundredth_of_it_beyond_itself(
    line: Line, figure: Figure
) -> None:
    video = line.file(30 * MIB)
    data = video.read_bytes()
    line.school.files.want(line.centre.files.add(video))
    line.deliver()
    video.write_bytes(data[: 12 * MIB] + random.Random(2).randbytes(MIB) + data[12 * MIB :])
    changed = line.centre.files.add(video)
    line.school.files.want(changed)
    moved = line.deliver()
    figure("bytes beyond the megabyte / bytes of the video", f"{(moved - MIB) / len(data):.4f}")
    assert _is_whole(line.school, changed)
    assert moved - MIB <= 0.01 * len(data)


def test_a_line_cut_each_256_kb_costs_a_twentieth_more(line: Line, figure: Figure) -> None:
    size = 20 * MIB
    content = line.centre.files.add(line.file(size))
    line.school.files.want(content)
    line.proxy.faults = Faults(cut_each_total=256 * 1024)
    moved = line.deliver()
    figure("cuts", line.proxy.cuts)
    figure("bytes on the line / bytes of the file", f"{moved / size:.4f}")
    assert _is_whole(line.school, content)
    assert line.proxy.cuts >= 70
    assert moved <= 1.05 * size


def test_what_only_a_school_has_goes_up_and_counts_as_saved_when_it_is_whole_there(
    line: Line,
) -> None:
    photo = line.school.files.add(line.file(300_000))
    assert line.school.files.to_offer(9) == [photo]
    line.deliver()
    assert _is_whole(line.centre, photo)
    assert line.school.files.to_offer(9) == []


def test_a_file_that_no_record_names_there_is_not_taken(line: Line) -> None:
    line.centre.accepts_file = lambda _node, _content: False
    photo = line.school.files.add(line.file(300_000))
    line.deliver()
    assert line.centre.files.state(photo.sha256) is None
    assert line.school.files.to_offer(9) == [photo]


def test_what_the_centre_lacks_is_asked_for_once(line: Line) -> None:
    missing = line.school.files.add(line.file(200_000))
    line.school.files.forget(missing.sha256)
    line.school.files.want(missing)
    before = line.proxy.requests
    line.deliver()
    assert line.proxy.requests - before == 1


def test_no_more_is_fetched_than_is_allowed(line: Line) -> None:
    content = line.centre.files.add(line.file(2 * MIB))
    line.school.files.want(content)
    line.school.deliver_once(line.proxy.url, allowance_bytes=300_000, timeouts=PATIENT)
    state = line.school.files.state(content.sha256)
    assert state is not None
    assert 200_000 < state.here_bytes < 500_000


def test_a_revoked_node_gets_no_chunk(line: Line) -> None:
    content = line.centre.files.add(line.file(300_000))
    line.school.files.want(content)
    line.centre.revoke(line.school.node_id, "stolen")
    with pytest.raises(RefusedError):
        line.school.deliver_once(line.proxy.url, timeouts=PATIENT)
    assert not _is_whole(line.school, content)


def test_a_node_that_never_joined_gets_no_chunk(line: Line) -> None:
    content = line.centre.files.add(line.file(300_000))
    with make_school(line.folder / "S9", "S9") as stranger:
        stranger.join(line.centre.invite("S9", "S9"), line.proxy.url)
        stranger.files.want(content)
        with pytest.raises(RefusedError):
            stranger.deliver_once(line.proxy.url, timeouts=PATIENT)


def test_a_school_killed_again_and_again_gets_the_file(line: Line, figure: Figure) -> None:
    rng = random.Random(4)
    source = line.file(KILLED_SIZE)
    content = line.centre.files.add(source)
    line.school.files.want(content)
    line.school.close()
    arguments = [str(line.school.home.parent), "S1", line.proxy.url]
    line.proxy.faults = Faults(bytes_per_s=12e6, piece_bytes=16384)
    before, ended = line.proxy.total_bytes, []
    with Zygote() as zygote:
        for _ in range(KILLS):
            child = zygote.spawn("fetcher", arguments)
            time.sleep(rng.uniform(0.05, KILLED_SIZE / 12e6 / KILLS * 2))
            child.kill()
            ended.append(child.wait())
        line.proxy.faults = Faults()
        assert zygote.spawn("fetcher", arguments).wait() == 0
    killed, moved = ended.count(-signal.SIGKILL), line.proxy.total_bytes - before
    figure("killed at work", killed)
    figure("bytes on the line / bytes of the file", f"{moved / KILLED_SIZE:.3f}")
    with open_at(line.school.home.parent, "S1") as again, again.files.open(content.sha256) as file:
        assert file.read() == source.read_bytes()
    assert killed >= KILLS * 2 // 5
    # Each kill loses at most the answer that was on its way.
    assert moved <= 1.05 * KILLED_SIZE + killed * MIB


# What fits beside the room that files never take, and what is fetched into it.
DISK_MB = 112
FETCHED = 12 * MIB


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Line]:
    """A school on a small disk of its own."""
    with scratch() as folder, small_file_system(tmp_path, DISK_MB) as disk:
        centre, school = make_centre(folder / "centre"), make_school(disk)
        with centre, school:
            school.join(centre.invite("S1", "school S1"))
            level(school, centre)
            with serving(centre.wsgi_app()) as address, ChaosProxy(address) as proxy:
                yield Line(folder, centre, school, proxy)


def _wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not what():
        assert time.monotonic() < until, "it does not come to that"
        time.sleep(0.01)


def test_a_disk_that_fills_in_the_middle_stops_files_alone_and_they_go_on_later(
    small: Line, tmp_path: Path, figure: Figure
) -> None:
    source = small.file(FETCHED)
    content = small.centre.files.add(source)
    small.school.files.want(content)
    small.school.close()
    small.proxy.faults = Faults(bytes_per_s=12e6, piece_bytes=16384)
    acks, ballast = small.folder / "acks", tmp_path / "ballast"
    begun = small.proxy.total_bytes
    with Zygote() as zygote:
        child = zygote.spawn("keeper", [str(tmp_path), "S1", small.proxy.url, str(acks)])
        _wait_for(lambda: small.proxy.total_bytes - begun > FETCHED // 3)
        fill_disk(ballast)
        _wait_for(lambda: acks.exists() and "refused" in acks.read_text("utf-8"))
        ballast.unlink()
        small.proxy.faults = Faults()
        assert child.wait() == 0
    moved = small.proxy.total_bytes - begun
    figure("bytes on the line / bytes of the file", f"{moved / FETCHED:.3f}")
    said = {kind for kind, _ in acks_in(acks.read_bytes())}
    assert said == {"saved", "reads", "refused", "whole"}
    assert "DiskFullError" in acks.read_text("utf-8")
    with open_at(tmp_path, "S1") as again, again.files.open(content.sha256) as file:
        assert file.read() == source.read_bytes()
    assert moved <= 1.05 * FETCHED + MIB
