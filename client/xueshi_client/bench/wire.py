"""What an exchange costs on the wire: first push and pull, idle, one change, cuts, delay."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xueshi_client.bench.proxy import CountingProxy, Line, Tally
from xueshi_client.bench.report import Figure
from xueshi_client.bench.workload import make_records
from xueshi_client.bench.world import (
    Centre,
    compare_records,
    enter_records,
    exchange_all,
    join_school,
    serve_centre,
    temporary_folder,
)
from xueshi_sync.http_client import SyncReport
from xueshi_sync.node import Node

SCHOOL = "S1"
# The promises of the wire (SYNC, section 0.7), by number of records: bytes each and requests.
PUSH_BYTES_AT_MOST = {1_000: 15.0, 10_000: 8.0, 100_000: 8.0}
PUSH_REQUESTS_AT_MOST = {1_000: 1, 10_000: 3}
PUSH_SECONDS_AT_MOST = {10_000: 2.0}
IDLE_BYTES_AT_MOST = 1_000
CHANGED_BYTES_AT_MOST = 1_600
CUT_BYTES_RATIO_AT_MOST = 1.1
# Enough for 10,000 records in pieces of 4 KB and as many answers.
TRIES_MAX = 400


def name_size(count: int) -> str:
    """10000 as `10k`."""
    return f"{count // 1000}k" if count % 1000 == 0 else str(count)


def measure_exchanges(workload: Path, count: int) -> Iterator[Figure]:
    """First push, then nothing new, then one changed record, on one school and one centre."""
    size = name_size(count)
    records = list(make_records(workload, count))
    with temporary_folder() as folder, serve_centre(folder, [SCHOOL]) as centre:
        node = join_school(folder, centre, SCHOOL)
        try:
            enter_records(node, records)
            with CountingProxy(centre.port) as proxy:
                yield from _measure_push(node, proxy, count)
                compare_records(centre.home / "data" / "view.db", records)
                yield Figure(f"push_{size}.equal_at_centre", True, "bool")
                yield from _measure_idle(node, proxy, size)
                yield from _measure_change(node, proxy, size)
        finally:
            node.close()


def _measure_push(node: Node, proxy: CountingProxy, count: int) -> Iterator[Figure]:
    proxy.take()
    report = exchange_all(node, proxy.url)
    tally, size = proxy.take(), name_size(count)
    each = round(tally.bytes_both / count, 3)
    limit = PUSH_BYTES_AT_MOST.get(count)
    yield Figure(f"push_{size}.bytes_per_record", each, "B", at_most=limit)
    yield from _name_tally(f"push_{size}", tally, PUSH_REQUESTS_AT_MOST.get(count))
    seconds = round(report.seconds, 3)
    yield Figure(f"push_{size}.seconds", seconds, "s", at_most=PUSH_SECONDS_AT_MOST.get(count))


def _name_tally(name: str, tally: Tally, requests_at_most: int | None) -> Iterator[Figure]:
    yield Figure(f"{name}.bytes_up", tally.bytes_up, "B")
    yield Figure(f"{name}.bytes_down", tally.bytes_down, "B")
    yield Figure(f"{name}.requests", tally.requests, "1", at_most=requests_at_most)


def _measure_idle(node: Node, proxy: CountingProxy, size: str) -> Iterator[Figure]:
    proxy.take()
    report = exchange_all(node, proxy.url)
    tally = proxy.take()
    yield Figure(f"idle_{size}.bytes", tally.bytes_both, "B", at_most=IDLE_BYTES_AT_MOST)
    yield Figure(f"idle_{size}.requests", tally.requests, "1", at_most=1)
    yield Figure(f"idle_{size}.seconds", round(report.seconds, 3), "s")


def _measure_change(node: Node, proxy: CountingProxy, size: str) -> Iterator[Figure]:
    """The median of seven, so that one slow disk flush does not stand for the rest."""
    runs: list[tuple[float, Tally]] = []
    for turn in range(7):
        _change_one(node, turn)
        proxy.take()
        report = exchange_all(node, proxy.url)
        runs.append((report.seconds, proxy.take()))
    seconds, tally = sorted(runs, key=lambda run: run[0])[3]
    yield Figure(f"changed_{size}.bytes", tally.bytes_both, "B", at_most=CHANGED_BYTES_AT_MOST)
    yield Figure(f"changed_{size}.requests", tally.requests, "1", at_most=1)
    yield Figure(f"changed_{size}.seconds", round(seconds, 4), "s")


def _change_one(node: Node, turn: int) -> None:
    """Correct one hour record: the ledger's way is a new entry that names the old one."""
    row = node.query("SELECT * FROM hour WHERE state <> 'replaced' ORDER BY rec LIMIT 1")[0]
    names = ("person", "date", "form", "category", "title", "note", "recorded_by")
    values: dict[str, Any] = {name: row[name] for name in names}
    with node.write(actor="bench") as action:
        action.insert("hour", {**values, "minutes": 15 + 15 * turn, "corrects": row["rec"]})


def measure_pull(workload: Path, count: int) -> Iterator[Figure]:
    """A second, empty PC of the same school receives what the first one pushed."""
    size = name_size(count)
    records = list(make_records(workload, count))
    with temporary_folder() as folder, serve_centre(folder, [SCHOOL, SCHOOL]) as centre:
        pushed = _push_counted(folder, centre, records)
        empty = join_school(folder, centre, SCHOOL, "second")
        try:
            with CountingProxy(centre.port) as proxy:
                report = exchange_all(empty, proxy.url)
                tally = proxy.take()
        finally:
            empty.close()
        compare_records(folder / "second" / "data" / "view.db", records)
    yield Figure(f"pull_{size}.equal_at_school", True, "bool")
    yield Figure(f"pull_{size}.bytes_per_record", round(tally.bytes_both / count, 3), "B")
    yield from _name_tally(f"pull_{size}", tally, None)
    ratio = round(tally.bytes_both / pushed.bytes_both, 3)
    yield Figure(f"pull_{size}.bytes_of_push", ratio, "ratio", at_most=1.2)
    yield Figure(f"pull_{size}.seconds", round(report.seconds, 3), "s")


def _push_counted(
    folder: Path,
    centre: Centre,
    records: list[dict[str, Any]],
    *,
    line: Line | None = None,
    tries_max: int = 1,
) -> Tally:
    """Push from a new school over a line, and prove that everything arrived."""
    tally, _ = _push_timed(folder, centre, records, line=line, tries_max=tries_max)
    return tally


def _push_timed(
    folder: Path,
    centre: Centre,
    records: list[dict[str, Any]],
    *,
    line: Line | None = None,
    tries_max: int = 1,
) -> tuple[Tally, SyncReport]:
    node = join_school(folder, centre, SCHOOL)
    try:
        enter_records(node, records)
        with CountingProxy(centre.port, line) as proxy:
            report = exchange_all(node, proxy.url, tries_max=tries_max)
            tally = proxy.take()
    finally:
        node.close()
    compare_records(centre.home / "data" / "view.db", records)
    return tally, report


def measure_cuts(workload: Path, count: int, cut_every: int) -> Iterator[Figure]:
    """The same push on a whole line and on one that is cut every `cut_every` bytes."""
    name = f"cut_{cut_every // 1024}k_{name_size(count)}"
    records = list(make_records(workload, count))
    whole = _push_on(records, None)
    cut = _push_on(records, Line(cut_every=cut_every))
    ratio = round(cut.bytes_both / whole.bytes_both, 4)
    limit = CUT_BYTES_RATIO_AT_MOST if cut_every >= 65536 else None
    yield Figure(f"{name}.equal_at_centre", True, "bool")
    yield Figure(f"{name}.bytes_of_uncut", ratio, "ratio", at_most=limit)
    yield Figure(f"{name}.cuts", cut.cuts, "1")
    yield from _name_tally(name, cut, None)


def _push_on(records: list[dict[str, Any]], line: Line | None) -> Tally:
    with temporary_folder() as folder, serve_centre(folder, [SCHOOL]) as centre:
        tries_max = 1 if line is None else TRIES_MAX
        return _push_counted(folder, centre, records, line=line, tries_max=tries_max)


def measure_delay(workload: Path, count: int, delay_s: float) -> Iterator[Figure]:
    """The same push where every byte takes `delay_s` each way."""
    name = f"delay_{round(delay_s * 1000)}ms_{name_size(count)}"
    records = list(make_records(workload, count))
    with temporary_folder() as folder, serve_centre(folder, [SCHOOL]) as centre:
        tally, report = _push_timed(folder, centre, records, line=Line(delay_s=delay_s))
    yield Figure(f"{name}.seconds", round(report.seconds, 3), "s")
    yield from _name_tally(name, tally, None)
