"""A class that reads at once: thirty phones on a school's node, pages and a video mixed.

The server is a process of its own, as in a school. Requests come at a steady rate whatever became
of those before: what waits behind a slow answer is counted as slow too.
"""

import http.client
import os
import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from xueshi_client.bench.limits import held_bytes
from xueshi_client.bench.machine import make_session
from xueshi_client.bench.report import Figure
from xueshi_client.bench.shelves import carry_library
from xueshi_client.bench.world import (
    CENTRE_CODE,
    create_node,
    enrol_by_hand,
    open_node,
    read_port,
    start_serving,
    stop_serving,
    temporary_folder,
)
from xueshi_client.errors import FigureFailedError
from xueshi_server.accounts import Accounts
from xueshi_server.library import add_file, publish_site
from xueshi_server.shelf import Shelf
from xueshi_server.store.library import About, list_resources
from xueshi_server.web.security import SESSION_COOKIE
from xueshi_sync.node import Node

PHONES: Final = 30
REQUESTS_A_SECOND: Final = 100
P95_MS_AT_MOST: Final = 150.0
# More than this and something is kept for each request.
GROWTH_MB_AT_MOST: Final = 10.0
VIDEO_BYTES: Final = 32 << 20
RANGE_BYTES: Final = 256 << 10
SITE_PAGES: Final = 40
_CORES: Final = 2
# Each thread of the server fills caches of its own: they are full after half a minute.
_WARM_SHARE: Final = 0.75
_TIMEOUT_S: Final = 60


@dataclass
class Answers:
    """Milliseconds by kind of request, and what was not answered as it should be."""

    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failed: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, kind: str, took_ms: float, failure: str) -> None:
        with self.lock:
            self.took[kind].append(took_ms)
            if failure:
                self.failed.append(failure)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a phone asks for: `kind` for the figures, and how often of a hundred."""

    kind: str
    path: str
    weight: int


def measure_lesson(_workload: Path, seconds: int) -> Iterator[Figure]:
    """Requests of a class for so many seconds, after a few that warm the node up."""
    with temporary_folder() as folder:
        wishes, cookie = _prepare(folder)
        process = start_serving(folder / "school")
        try:
            with suppress(AttributeError, OSError):
                os.sched_setaffinity(process.pid, sorted(os.sched_getaffinity(0))[:_CORES])
            port = read_port(process)
            _run(port, wishes, cookie, seconds * _WARM_SHARE)
            before = held_bytes(process.pid)
            answers = _run(port, wishes, cookie, seconds)
            after = held_bytes(process.pid)
        finally:
            stop_serving(process)
    yield from _figures(answers, seconds, (after - before) / 1e6, after / 1e6)


def _figures(answers: Answers, seconds: int, grown_mb: float, held_mb: float) -> Iterator[Figure]:
    if answers.failed:
        raise FigureFailedError(figure="lesson", why=answers.failed[0])
    every = sorted(took for each in answers.took.values() for took in each)
    note = f"{PHONES} phones, {len(every)} requests in {seconds} s, {_CORES} cores with the phones"
    yield Figure("lesson.p50_ms", _at(every, 0.5), "ms")
    yield Figure("lesson.p95_ms", _at(every, 0.95), "ms", at_most=P95_MS_AT_MOST, note=note)
    for kind, took in sorted(answers.took.items()):
        yield Figure(f"lesson.{kind}_p95_ms", _at(sorted(took), 0.95), "ms", note=f"{len(took)}")
    yield Figure("lesson.held_mb", round(held_mb, 1), "MB", note="PSS afterwards")
    yield Figure("lesson.grown_mb", round(grown_mb, 1), "MB", at_most=GROWTH_MB_AT_MOST)


def _at(ordered: Sequence[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 1)


# ---- the school


def _prepare(folder: Path) -> tuple[list[Wish], str]:
    """A school with a library and a site; what its phones ask for, and a teacher's cookie."""
    centre = create_node(folder / "centre", "centre", CENTRE_CODE)
    school = create_node(folder / "school", "school", "S1")
    try:
        enrol_by_hand(centre, school)
        _fill(folder, centre)
        carry_library(centre, school)
        with school.write(actor="bench") as action:
            person = action.insert("person", {"staff_no": "T1", "name": "Li Ming", "active": True})
        school.replica.seal()
        names = {each.name: each.public_id for each in list_resources(school)}
        accounts = Accounts(school.home)
        cookie = make_session(accounts, "teacher", school.public_id(person))
        accounts.close()
    finally:
        school.close()
        centre.close()
    with open_node(folder / "school") as node:
        if Shelf(node).shown() is None:
            raise FigureFailedError(figure="lesson", why="the site is not shown")
    return _wishes(names), cookie


def _fill(folder: Path, centre: Node) -> None:
    rng = random.Random(5)
    video = folder / "lesson.mp4"
    video.write_bytes(rng.randbytes(VIDEO_BYTES))
    page = folder / "steps.md"
    page.write_text("# Four steps\n\n" + "Prepare together, teach, talk it over.\n\n" * 40, "utf-8")
    for number in range(60):
        text = folder / f"guide-{number}.txt"
        text.write_text(f"Material {number}. " * 200, "utf-8")
        add_file(centre, text, About(f"Guide {number}", "Chinese"), actor="bench")
    for path in (video, page):
        add_file(centre, path, About(path.stem), actor="bench")
    site = folder / "site"
    (site / "zh").mkdir(parents=True)
    for number in range(SITE_PAGES):
        body = "<p>Polished lesson by lesson.</p>" * 400
        (site / "zh" / f"{number}.html").write_text(f"<!doctype html><h1>{number}</h1>{body}")
    (site / "index.html").write_text("<!doctype html><a href='zh/0.html'>0</a>", "utf-8")
    publish_site(centre, site, "site", actor="bench")


def _wishes(names: dict[str, str]) -> list[Wish]:
    guides = [each for name, each in names.items() if name.startswith("guide-")]
    pages = [Wish("site", f"/site/zh/{number}.html", 1) for number in range(SITE_PAGES)]
    shown = [Wish("page", f"/library/{each}", 1) for each in guides[:15]]
    return [
        Wish("catalogue", "/library/", 4),
        Wish("catalogue", "/library/?q=guide", 4),
        Wish("page", f"/library/{names['steps.md']}", 4),
        Wish("mine", "/mine/", 3),
        Wish("static", "/static/app.css", 10),
        Wish("video", f"/library/{names['lesson.mp4']}/file", 20),
        *shown,
        *pages,
    ]


# ---- the phones


@dataclass(frozen=True)
class Phones:
    """What all phones have in common."""

    port: int
    wishes: list[Wish]
    cookie: str
    began: float
    seconds: float
    answers: Answers


def _run(port: int, wishes: list[Wish], cookie: str, seconds: float) -> Answers:
    phones = Phones(port, wishes, cookie, time.perf_counter() + 0.2, seconds, Answers())
    threads = [threading.Thread(target=_phone, args=(phones, each)) for each in range(PHONES)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return phones.answers


def _phone(phones: Phones, number: int) -> None:
    """One phone: its requests at their times, one after the other on one line."""
    rng = random.Random(number)
    every_s = PHONES / REQUESTS_A_SECOND
    line = http.client.HTTPConnection("127.0.0.1", phones.port, timeout=_TIMEOUT_S)
    weights = [each.weight for each in phones.wishes]
    for turn in range(int(phones.seconds / every_s)):
        due = phones.began + (turn + number / PHONES) * every_s
        time.sleep(max(0.0, due - time.perf_counter()))
        wish = rng.choices(phones.wishes, weights)[0]
        failure = _ask(line, wish, phones.cookie, rng)
        phones.answers.add(wish.kind, (time.perf_counter() - due) * 1000, failure)
    line.close()


def _ask(line: http.client.HTTPConnection, wish: Wish, cookie: str, rng: random.Random) -> str:
    """Ask for one thing and read all of it; what was wrong with the answer."""
    headers = {"Cookie": f"{SESSION_COOKIE}={cookie}; xueshi_lang=zh"}
    expected, size = 200, 0
    if wish.kind == "video":
        start = rng.randrange(VIDEO_BYTES - RANGE_BYTES)
        headers["Range"] = f"bytes={start}-{start + RANGE_BYTES - 1}"
        expected, size = 206, RANGE_BYTES
    try:
        line.request("GET", wish.path, headers=headers)
        answer = line.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        line.close()
        return f"{wish.path}: {error!r}"
    is_right = answer.status == expected and size in (0, len(body))
    return "" if is_right else f"{wish.path}: {answer.status}"
