"""What people at the desk notice: how long a save takes while the line is bad, and who waits.

A registrar saves one record every 50 ms, far faster than anyone types, while the same process
exchanges with the centre over a line that is slow, dies, or falls silent.
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from xueshi_client.bench.proxy import CountingProxy, Line
from xueshi_client.bench.report import Figure
from xueshi_client.bench.workload import make_records
from xueshi_client.bench.world import (
    LEVEL,
    Centre,
    compare_records,
    enter_records,
    exchange_all,
    join_school,
    serve_centre,
    temporary_folder,
)
from xueshi_sync.errors import NetworkError
from xueshi_sync.node import Node

SAVE_EVERY_S = 0.05
SAVE_AT_MOST_MS = 200.0
SETTLE_S = 1.0
SILENT_DEADLINE_S = 8.0
# The line ends after a third of what the push of 10,000 records takes.
ENDS_AFTER_BYTES = 20_000
LINES = {
    "delay_300ms": Line(delay_s=0.3),
    "dies": Line(delay_s=0.05, ends_after=ENDS_AFTER_BYTES, ends_as="dead"),
    "silent": Line(delay_s=0.05, ends_after=ENDS_AFTER_BYTES, ends_as="silent"),
}


def measure_saves(workload: Path, count: int) -> Iterator[Figure]:
    """The longest save of a registrar during a sync, on each kind of line."""
    records = list(make_records(workload, count))
    for name, line in LINES.items():
        with temporary_folder() as folder, serve_centre(folder, ["S1"]) as centre:
            node = join_school(folder, centre, "S1")
            try:
                enter_records(node, records)
                yield from _save_during(node, centre, name, line)
            finally:
                node.close()


def _save_during(node: Node, centre: Centre, name: str, line: Line) -> Iterator[Figure]:
    ended: dict[str, Any] = {}
    with CountingProxy(centre.port, line) as proxy:
        thread = threading.Thread(target=_exchange_until_end, args=(node, proxy.url, ended))
        thread.start()
        took_ms = _save_until(node, thread)
        thread.join()
    yield Figure(f"save_{name}.longest", round(max(took_ms), 1), "ms", at_most=SAVE_AT_MOST_MS)
    yield Figure(f"save_{name}.median", round(sorted(took_ms)[len(took_ms) // 2], 1), "ms")
    yield Figure(f"save_{name}.saves", len(took_ms), "1")
    yield Figure(f"save_{name}.sync_seconds", ended["seconds"], "s", note=ended["outcome"])


def _exchange_until_end(node: Node, url: str, ended: dict[str, Any]) -> None:
    began = time.monotonic()
    try:
        ended["outcome"] = node.sync_once(url, deadline_s=SILENT_DEADLINE_S).outcome
    except NetworkError as error:
        ended["outcome"] = error.code
    ended["seconds"] = round(time.monotonic() - began, 2)


def _save_until(node: Node, thread: threading.Thread) -> list[float]:
    """Save every 50 ms while the thread lives and a moment longer; milliseconds of each save."""
    took_ms: list[float] = []
    person = node.query("SELECT rec FROM person LIMIT 1")[0]["rec"]
    end = time.monotonic() + SETTLE_S
    while thread.is_alive() or time.monotonic() < end:
        began = time.monotonic()
        with node.write(actor="registrar") as action:
            action.insert("hour", _typed_record(person, len(took_ms)))
        took_ms.append((time.monotonic() - began) * 1000)
        time.sleep(max(0.0, SAVE_EVERY_S - (time.monotonic() - began)))
    return took_ms


def _typed_record(person: int, number: int) -> dict[str, Any]:
    return {
        "person": person,
        "date": "2026-03-01",
        "form": "workshop",
        "category": "bench",
        "title": f"typed during the sync {number}",
        "minutes": 45,
        "note": "",
        "recorded_by": "registrar",
    }


def measure_schools(workload: Path, count: int, schools: int) -> Iterator[Figure]:
    """Several schools push at the same moment to one centre; all must finish."""
    codes = [f"S{number}" for number in range(1, schools + 1)]
    with temporary_folder() as folder, serve_centre(folder, codes) as centre:
        nodes, entered = [], []
        for seed, code in enumerate(codes, start=1):
            records = list(make_records(workload, count, seed=seed))
            nodes.append(join_school(folder, centre, code))
            enter_records(nodes[-1], records)
            entered += records
        began = time.monotonic()
        with ThreadPoolExecutor(schools) as pool:
            outcomes = list(pool.map(lambda node: _try_exchange(node, centre.url), nodes))
        seconds = round(time.monotonic() - began, 2)
        for node in nodes:
            node.close()
        compare_records(centre.home / "data" / "view.db", entered)
    finished = sum(outcome == LEVEL for outcome in outcomes)
    yield Figure(f"schools_{schools}.finished", finished, "1", at_least=schools)
    yield Figure(f"schools_{schools}.seconds", seconds, "s")
    yield Figure(f"schools_{schools}.equal_at_centre", True, "bool")


def _try_exchange(node: Node, url: str) -> str:
    try:
        return exchange_all(node, url, tries_max=20).outcome
    except NetworkError as error:
        return error.code
