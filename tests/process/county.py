"""A county whose parts run as processes of their own, and what must hold after one was killed."""

import random
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.process.nodes import (
    check_forms,
    check_level,
    check_node,
    fork_count,
    level,
    make_county,
    make_school,
    open_at,
    saved_in,
)
from tests.process.worker import FAST, fast_session
from tests.process.zygote import Child, Zygote
from tests.tools.ports import free_port
from xueshi_sync.errors import NetworkError
from xueshi_sync.http_listener import make_http_server
from xueshi_sync.http_session import Timeouts
from xueshi_sync.node import Node
from xueshi_sync.receipts import stored_receipt

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

# A mark for a machine that does something else as well.
READY_S: Final = 60.0


@contextmanager
def serving(app: "WSGIApplication", threads: int = 10) -> Iterator[tuple[str, int]]:
    """Serve an app on a free port of loopback until the block ends."""
    server = make_http_server(app, ("127.0.0.1", 0), threads=threads)
    server.shutdown_timeout = 0.2
    server.expiration_interval = 0.02
    server.prepare()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server.bind_addr
    finally:
        server.stop()
        thread.join(10)


def wait_for_port(port: int) -> None:
    """Return when somebody listens."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.01)
    raise AssertionError("the centre does not come up")


def sync(node: Node, url: str, timeouts: Timeouts = FAST) -> None:
    """Get level over HTTP, trying again where the line fails."""
    with fast_session() as session:
        for attempt in range(8):
            try:
                report = node.sync_once(url, session=session, timeouts=timeouts)
            except NetworkError:
                if attempt == 7:
                    raise
                continue
            if report.outcome == "level":
                return
    raise AssertionError("the two never get level")


class SchoolRig:
    """A served centre in this process and one school that is a process to be killed."""

    def __init__(self, folder: Path, zygote: Zygote) -> None:
        self.folder = folder
        self.school = folder / "S1"
        self.acks = folder / "acks"
        self.centre, school = make_county(folder)
        school.close()
        self.runs = 0
        self._zygote = zygote

    def start(self, url: str, fault: str = "") -> Child:
        """Let the school work."""
        self.runs += 1
        return self._zygote.spawn(
            "school",
            [str(self.school), "S1", str(self.acks), url, f"run{self.runs}"],
            {"XUESHI_FAULT": fault} if fault else {},
        )

    def check(self, url: str) -> None:
        """Restart, one sync, and everything that was promised is at both ends."""
        acknowledged = saved_in(self.acks)
        with open_at(self.school, "S1") as node:
            check_node(node, acknowledged)
            sync(node, url)
            check_level(node, self.centre)
            check_forms(self.centre, acknowledged)
            assert fork_count(self.centre) == 0


def wait_for_lines(path: Path, count: int, timeout_s: float = READY_S) -> None:
    """Return when a file of acknowledgements has so many lines."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if path.exists() and path.read_bytes().count(b"\n") >= count:
            return
        time.sleep(0.005)
    raise AssertionError(f"no {count} lines in {path.name}")


class CentreRig:
    """Schools in this process and a centre that is a process to be killed."""

    def __init__(self, folder: Path, zygote: Zygote, schools: int = 2) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        centre, first = make_county(folder, "S1")
        self.schools = [first]
        for number in range(2, schools + 1):
            self.schools.append(_join_another(folder, centre, f"S{number}"))
        centre.close()
        self.saved: dict[str, set[str]] = {school.code: set() for school in self.schools}
        self._zygote = zygote

    def start(self, fault: str = "") -> Child:
        """Let the centre serve."""
        child = self._zygote.spawn(
            "centre",
            [str(self.folder / "centre"), str(self.port)],
            {"XUESHI_FAULT": fault} if fault else {},
        )
        wait_for_port(self.port)
        return child

    def check_receipts(self) -> None:
        """Every receipt that a school holds names a block that the centre has."""
        with open_at(self.folder / "centre", "centre") as centre:
            for school in self.schools:
                for state in school.feeds.scope_states():
                    for feed in school.feeds.feeds(state.scope_no):
                        receipt = stored_receipt(school.replica, feed.feed)
                        assert receipt is None or centre.replica.holds([receipt.block])

    def check(self) -> None:
        """The centre, opened after a kill, is whole and level with every school."""
        with open_at(self.folder / "centre", "centre") as centre:
            check_node(centre)
            assert fork_count(centre) == 0
            for school in self.schools:
                check_level(school, centre)
                check_forms(centre, self.saved[school.code])

    def close(self) -> None:
        for school in self.schools:
            school.close()


def _join_another(folder: Path, centre: Node, code: str) -> Node:
    school = make_school(folder / code, code)
    school.join(centre.invite(code, f"school {code}"))
    level(school, centre)
    return school


def random_pause(rng: random.Random, longest_s: float) -> None:
    """Wait for a moment that nothing in the program chose."""
    time.sleep(rng.random() ** 2 * longest_s)


def copy_folder(source: Path, target: Path) -> None:
    """Copy a machine's folder, replacing what is there."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
