"""A school's node with years of records, or a county's, on a small machine: one core and 1 GB,
imposed from outside.

The real server is started as a process under the limits and asked for every page as a browser
does. What it takes of time is compared with a node of a tenth of the records: a page that grows
with the total is found before a school finds it.
"""

import http.client
import os
import socket
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from xueshi_client.bench.addresses import (
    Address,
    Index,
    list_addresses,
    roles_at,
)
from xueshi_client.bench.county import make_county
from xueshi_client.bench.limits import (
    CORES,
    MEMORY_BYTES,
    held_bytes,
    resident_bytes,
    small_machine,
)
from xueshi_client.bench.report import Figure
from xueshi_client.bench.school import PACK, School, make_school
from xueshi_client.bench.world import stop_serving, temporary_folder
from xueshi_client.errors import FigureFailedError
from xueshi_server.accounts import Accounts, Role
from xueshi_server.memory import QUIET_S
from xueshi_server.web import create_app
from xueshi_server.web.security import SESSION_COOKIE
from xueshi_sync.writer import RecordKey

START_S_AT_MOST: Final = 3.0
PAGE_MS_AT_MOST: Final = 200.0
IDLE_MB_AT_MOST: Final = 100.0
PAGE_BYTES_AT_MOST: Final = 100_000
# Of each page so many requests after the first; of each sort so many records.
ROUNDS: Final = 4
SORTS: Final = 12
SMALLER: Final = 10
# So many hours to one file of the library, and to one account of a teacher.
_HOURS_PER_RESOURCE: Final = 50
_HOURS_PER_ACCOUNT: Final = 330
# A code is typed once; nobody logs in with it here.
_PASSWORD: Final = "a long sentence of the bench"
_PIN: Final = "820164"
_START_WAIT_S: Final = 60.0
# Tidying up after the quiet takes a part of this.
_TIDY_S: Final = 3.0


class Make(Protocol):
    """Makes a node of a count of records, open in the block."""

    def __call__(
        self, folder: Path, workload: Path, count: int, *, resources: int = 0
    ) -> AbstractContextManager[School]: ...


@dataclass
class Asked:
    """What the requests for one route took, in milliseconds, and the most bytes of one answer."""

    first: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    size_bytes: int = 0
    is_file: bool = False


@dataclass
class Measured:
    """One node on the small machine."""

    start_s: float = 0.0
    idle_mb: float = 0.0
    idle_rss_mb: float = 0.0
    used_mb: float = 0.0
    after_mb: float = 0.0
    evening_mb: float = 0.0
    how: str = ""
    routes: dict[str, Asked] = field(default_factory=lambda: defaultdict(Asked))


def measure_node(workload: Path, count: int) -> Iterator[Figure]:
    """Every page of a school with `count` records of hours, and of one with a tenth of them."""
    return _compare("node", workload, count, make_school)


def measure_county(workload: Path, count: int) -> Iterator[Figure]:
    """The same of a county where all of them wait for its word."""
    return _compare("county", workload, count, make_county)


def _compare(of: str, workload: Path, count: int, make: Make) -> Iterator[Figure]:
    less = _measure(workload, count // SMALLER, make)
    more = _measure(workload, count, make)
    limits = f"{count} records, {CORES} core, {MEMORY_BYTES >> 20} MiB by {more.how}, pack {PACK}"
    yield Figure(f"{of}.start_s", more.start_s, "s", at_most=START_S_AT_MOST, note=limits)
    note = f"PSS after the first page; RSS {more.idle_rss_mb} MB"
    yield Figure(f"{of}.idle_mb", more.idle_mb, "MB", at_most=IDLE_MB_AT_MOST, note=note)
    yield Figure(f"{of}.used_mb", more.used_mb, "MB", note="PSS after every page")
    yield Figure(f"{of}.after_mb", more.after_mb, "MB", note="PSS after every export and print too")
    note = f"PSS of the same after {QUIET_S:g} s of quiet"
    yield Figure(f"{of}.evening_mb", more.evening_mb, "MB", at_most=IDLE_MB_AT_MOST, note=note)
    yield from _routes(of, less, more)


def _routes(of: str, less: Measured, more: Measured) -> Iterator[Figure]:
    pages = {name: each for name, each in more.routes.items() if not each.is_file}
    every = [took for each in pages.values() for took in each.again]
    first = [took for each in pages.values() for took in each.first]
    slowest = max(pages, key=lambda name: max(pages[name].first))
    yield Figure(f"{of}.pages", len(pages), "1", note=f"{len(first)} addresses")
    yield Figure(f"{of}.page_p95_ms", _p95(every), "ms", at_most=PAGE_MS_AT_MOST)
    note = f"first visit of each address after the start; slowest {slowest} {max(first):.1f}"
    yield Figure(f"{of}.first_p95_ms", _p95(first), "ms", at_most=PAGE_MS_AT_MOST, note=note)
    for name, each in sorted(more.routes.items()):
        note = f"median {statistics.median(each.again):.1f}, first {max(each.first):.1f}"
        if name in less.routes:
            median = statistics.median(less.routes[name].again)
            note += f"; median with a tenth of the records {median:.1f}"
        most = None if each.is_file else PAGE_MS_AT_MOST
        yield Figure(f"{of}.{name}_p95_ms", _p95(each.again), "ms", at_most=most, note=note)
        limit = None if each.is_file else float(PAGE_BYTES_AT_MOST)
        yield Figure(f"{of}.{name}_bytes", each.size_bytes, "B", at_most=limit)


def _p95(took: list[float]) -> float:
    ordered = sorted(took)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 1)


def _measure(workload: Path, count: int, make: Make) -> Measured:
    with temporary_folder() as folder:
        with make(folder, workload, count, resources=count // _HOURS_PER_RESOURCE) as school:
            add_accounts(school, count // _HOURS_PER_ACCOUNT)
            addresses, cookies = prepare(school)
            home = school.node.home
        with small_machine() as (bind, how):
            found = Measured(how=how)
            with _serve(home, bind, found) as (process, port):
                found.idle_mb = round(held_bytes(process.pid) / 1e6, 1)
                found.idle_rss_mb = round(resident_bytes(process.pid) / 1e6, 1)
                _ask_all(found, port, [each for each in addresses if not each.is_file], cookies)
                found.used_mb = round(held_bytes(process.pid) / 1e6, 1)
                _ask_all(found, port, [each for each in addresses if each.is_file], cookies)
                found.after_mb = round(held_bytes(process.pid) / 1e6, 1)
                time.sleep(QUIET_S + _TIDY_S)
                found.evening_mb = round(held_bytes(process.pid) / 1e6, 1)
    return found


def add_accounts(school: School, count: int) -> None:
    """Accounts of teachers, as codes are handed out."""
    accounts = Accounts(school.node.home)
    rows = school.node.query(
        "SELECT scope_no, rec, staff_no, name FROM person ORDER BY staff_no LIMIT ?", [count]
    )
    for row in rows:
        person = school.node.public_id(RecordKey(row["scope_no"], row["rec"]))
        accounts.add(row["staff_no"], row["name"], "teacher", person=person)
    accounts.close()


def prepare(school: School, *, sorts: int = SORTS) -> tuple[list[Address], dict[str, str]]:
    """The addresses of a node, and the cookie of an account of each role."""
    app = create_app(school.node, testing=True)
    index = Index(school.node, school.pack, sorts)
    accounts = Accounts(school.node.home)
    person = index.of("person")[-1]
    cookies = {
        str(role): make_session(accounts, role, person) for role in roles_at(index.node.role)
    }
    accounts.close()
    return list_addresses(app, index), cookies


def make_session(accounts: Accounts, role: Role, person: str) -> str:
    """The cookie of an account with that role; a teacher is `person`."""
    accounts.add(role, role, role, person=person if role == "teacher" else "")
    account = next(each for each in accounts.list_all() if each.login == role)
    accounts.set_password(account, _PIN if account.has_pin else _PASSWORD)
    return accounts.start_session(account)


@contextmanager
def _serve(
    home: Path, bind: Callable[[], None], found: Measured
) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """The server under the limits; the time until its first page goes to `found`."""
    port = _free_port()
    command = [sys.executable, "-m", "xueshi_client.main", "--home", str(home), "--json", "serve"]
    began = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "XUESHI_STATE_DIR": str(home.with_name(home.name + "-state"))},
        preexec_fn=bind,
    )
    try:
        while not _answers(port):
            if process.poll() is not None or time.perf_counter() - began > _START_WAIT_S:
                raise FigureFailedError(figure="node", why="no page")
            time.sleep(0.01)
        found.start_s = round(time.perf_counter() - began, 2)
        yield process, port
    finally:
        stop_serving(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        line.request("GET", "/login")
        return line.getresponse().status == 200
    except OSError:
        return False
    finally:
        line.close()


def _ask_all(found: Measured, port: int, addresses: list[Address], cookies: dict[str, str]) -> None:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    for each in addresses:
        took, status, size_bytes = _ask(line, each, cookies)
        if status != 200:
            continue
        asked = found.routes[each.endpoint]
        asked.is_file = each.is_file
        asked.first.append(took)
        asked.size_bytes = max(asked.size_bytes, size_bytes)
        again = 1 if each.is_file else ROUNDS
        asked.again += [_ask(line, each, cookies)[0] for _ in range(again)]
    line.close()


def _ask(
    line: http.client.HTTPConnection, address: Address, cookies: dict[str, str]
) -> tuple[float, int, int]:
    """Milliseconds until the whole answer is here, its status, and its bytes as sent."""
    began = time.perf_counter()
    headers = {"Cookie": f"{SESSION_COOKIE}={cookies[address.role]}; xueshi_lang=zh"}
    line.request("GET", address.path, headers=headers)
    answer = line.getresponse()
    body = answer.read()
    return (time.perf_counter() - began) * 1000, answer.status, len(body)
