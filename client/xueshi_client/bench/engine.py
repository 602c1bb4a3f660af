"""How fast the centre merges beside SQLite itself, and how much memory a backlog takes."""

import json
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xueshi_client.bench.report import Figure
from xueshi_client.bench.workload import make_records
from xueshi_client.bench.world import (
    CENTRE_CODE,
    compare_records,
    create_node,
    enrol_by_hand,
    enter_records,
    exchange_all,
    exchange_in_memory,
    join_school,
    open_node,
    read_peak_memory,
    serve_centre,
    temporary_folder,
)
from xueshi_sync.node import Node

SCHOOL = "S1"
TABLES = ("person", "hour")
MERGE_RATIO_AT_LEAST = 0.6
ROUNDS = 3
MEMORY_RATIO_AT_MOST = 1.5


def measure_merge(workload: Path, count: int) -> Iterator[Figure]:
    """First-seen records into the centre, then the same rows into plain SQLite, turn by turn.

    Medians of a few rounds: both sides wait for the same disk and the same neighbours.
    """
    records = list(make_records(workload, count))
    rounds = [_measure_round(records) for _ in range(ROUNDS)]
    merged = round(count / statistics.median(merge_s for merge_s, _ in rounds))
    raw = round(count / statistics.median(raw_s for _, raw_s in rounds))
    ratio = round(statistics.median(raw_s / merge_s for merge_s, raw_s in rounds), 3)
    yield Figure("merge.rows_per_second", merged, "1/s", note=f"{count} records")
    yield Figure("merge.raw_sqlite_rows_per_second", raw, "1/s", note="executemany, WAL, FULL")
    yield Figure("merge.of_raw_sqlite", ratio, "ratio", at_least=MERGE_RATIO_AT_LEAST)


def _measure_round(records: list[dict[str, Any]]) -> tuple[float, float]:
    """Seconds of the merge, and of the bulk insert of what it made; compared field by field."""
    with temporary_folder() as folder:
        centre = create_node(folder / "centre", "centre", CENTRE_CODE)
        school = create_node(folder / "school", "school", SCHOOL)
        try:
            enrol_by_hand(centre, school)
            enter_records(school, records)
            merge_s = _merge_timed(centre, school)
        finally:
            school.close()
            centre.close()
        view = folder / "centre" / "data" / "view.db"
        compare_records(view, records)
        return merge_s, _insert_raw(view, folder / "raw.db")


def _merge_timed(centre: Node, school: Node) -> float:
    total_s, more = 0.0, True
    while more:
        took_s, more = exchange_in_memory(centre, school)
        total_s += took_s
    return total_s


def _insert_raw(view: Path, target: Path) -> float:
    """Seconds that SQLite takes for the same rows, tables and indexes in one transaction."""
    with sqlite3.connect(f"{view.resolve().as_uri()}?mode=ro", uri=True) as source:
        marks = ", ".join("?" for _ in TABLES)
        sql = f"SELECT sql FROM sqlite_master WHERE tbl_name IN ({marks}) AND sql IS NOT NULL"
        declarations = [row[0] for row in source.execute(sql, TABLES)]
        rows = {table: source.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}
    source.close()
    database = sqlite3.connect(target, isolation_level=None)
    database.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
    for declaration in declarations:
        database.execute(declaration)
    began = time.perf_counter()
    database.execute("BEGIN IMMEDIATE")
    for table, values in rows.items():
        if values:
            places = ", ".join("?" for _ in values[0])
            database.executemany(f"INSERT INTO {table} VALUES ({places})", values)
    database.execute("COMMIT")
    took_s = time.perf_counter() - began
    database.close()
    return took_s


def measure_memory(workload: Path, small: int, large: int) -> Iterator[Figure]:
    """Peak memory of both sides for a small and a large backlog, each in processes of its own."""
    peaks = {count: _push_apart(workload, count) for count in (small, large)}
    for side in ("school", "centre"):
        for count in (small, large):
            mb = round(peaks[count][side] / 1e6, 1)
            yield Figure(f"memory.{side}_{count // 1000}k", mb, "MB")
        ratio = round(peaks[large][side] / peaks[small][side], 3)
        yield Figure(f"memory.{side}_growth", ratio, "ratio", at_most=MEMORY_RATIO_AT_MOST)


def _push_apart(workload: Path, count: int) -> dict[str, int]:
    """Enter the backlog here, push it from another process; peak bytes of school and centre."""
    with temporary_folder() as folder, serve_centre(folder, [SCHOOL]) as centre:
        node = join_school(folder, centre, SCHOOL)
        try:
            enter_records(node, list(make_records(workload, count)))
        finally:
            node.close()
        command = [sys.executable, "-m", "xueshi_client.bench.engine"]
        run = subprocess.run(
            [*command, str(folder / SCHOOL), centre.url],
            capture_output=True,
            text=True,
            check=True,
        )
        compare_records(centre.home / "data" / "view.db", list(make_records(workload, count)))
        return {"school": int(json.loads(run.stdout)), "centre": centre.peak_memory_bytes()}


def _push_here(home: Path, url: str) -> int:
    """Push everything from the node in `home`; the peak memory of this process in bytes."""
    node = open_node(home)
    try:
        exchange_all(node, url)
    finally:
        node.close()
    return read_peak_memory()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_push_here(Path(sys.argv[1]), sys.argv[2])) + "\n")
