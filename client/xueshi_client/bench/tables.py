"""A workbook of a school's hours: how long it is checked, and imported, narrow and wide.

As the pages do it: with the preview of each row, and told how far it is.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from xueshi_client.bench.report import Figure
from xueshi_client.bench.workload import make_records
from xueshi_client.bench.world import (
    CENTRE_CODE,
    create_node,
    enrol_by_hand,
    temporary_folder,
)
from xueshi_client.errors import FigureFailedError
from xueshi_server.importing import ImportReport, Reading, import_rows
from xueshi_sync.node import Node

TEACHERS: Final = 300
SECONDS_AT_MOST: Final = 5.0
# Columns that hours have here, and of a county's wide template: what is beyond is not taken.
WIDTHS: Final = {"narrow": 10, "wide": 25}
_NAMES: Final = ("teacher_id", "teacher_name", "date", "form", "category", "title", "hours",
                 "note", "recorded_by")  # fmt: skip


def measure_imports(workload: Path, count: int) -> Iterator[Figure]:
    """Seconds to check and to import a workbook of `count` rows, of each width."""
    for name, width in WIDTHS.items():
        with temporary_folder() as folder:
            path = folder / f"{name}.xlsx"
            _write(path, workload, count, width)
            centre = create_node(folder / "centre", "centre", CENTRE_CODE)
            node = create_node(folder / "school", "school", "S1")
            try:
                enrol_by_hand(centre, node)
                yield from _measure(node, path, f"import.{name}", (count, width))
            finally:
                node.close()
                centre.close()


def _write(path: Path, workload: Path, count: int, width: int) -> None:
    import xlsxwriter  # type: ignore[import-untyped]

    further = [f"x{number}" for number in range(width - len(_NAMES))]
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, [*_NAMES, *further])
        for row, record in enumerate(make_records(workload, count, teachers=TEACHERS), start=1):
            sheet.write_row(row, 0, [*(record[each] for each in _NAMES), *further])


def _measure(node: Node, path: Path, name: str, size: tuple[int, int]) -> Iterator[Figure]:
    for what, dry_run in (("check", True), ("import", False)):
        told: list[int] = []
        began, busy = time.perf_counter(), time.process_time()
        report = import_rows(
            node,
            "hour",
            path,
            dry_run=dry_run,
            actor="bench",
            progress=lambda done, _, told=told: told.append(done),  # type: ignore[misc]
            reading=Reading("", path.with_suffix(".preview")),
        )
        took_s, busy_s = time.perf_counter() - began, time.process_time() - busy
        _compare(report, name, size[0])
        note = f"{size[0]} rows of {size[1]} columns, {busy_s:.1f} s of a processor"
        note += f", progress told {len(told)} times"
        yield Figure(f"{name}.{what}_s", round(took_s, 2), "s", at_most=SECONDS_AT_MOST, note=note)


def _compare(report: ImportReport, name: str, count: int) -> None:
    taken = report.would_add if report.dry_run else report.added
    if taken != count:
        raise FigureFailedError(figure=name, why=f"{taken} of {count}")
