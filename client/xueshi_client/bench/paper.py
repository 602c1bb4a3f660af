"""How long the statements of a whole school take to print."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from xueshi_client.bench.report import Figure
from xueshi_client.bench.workload import make_records
from xueshi_client.bench.world import (
    CENTRE_CODE,
    create_node,
    enrol_by_hand,
    enter_records,
    read_peak_memory,
    temporary_folder,
)
from xueshi_server.node_clock import today_of
from xueshi_server.store.packs import find_active
from xueshi_server.typeset.printing import Press

FORM: Final = "personal_statement"
HOURS_EACH: Final = 30
SECONDS_AT_MOST: Final = 20.0


def measure_print(workload: Path, count: int) -> Iterator[Figure]:
    """One PDF with a statement for each of `count` teachers who have thirty records each."""
    with temporary_folder() as folder:
        centre = create_node(folder / "centre", "centre", CENTRE_CODE)
        school = create_node(folder / "school", "school", "S1")
        try:
            enrol_by_hand(centre, school)
            enter_records(school, list(_of_teachers(workload, count)))
            day = today_of(school)
            pack = find_active(school, day).pack
            press = Press(school, pack, pack.forms[FORM], day, "zh")
            names = press.everybody()
            began = time.perf_counter()
            printed = press.print_all(names)
            took_s = time.perf_counter() - began
        finally:
            school.close()
            centre.close()
    yield Figure(f"print_{count}.sheets", len(names), "1", at_least=count)
    yield Figure(f"print_{count}.seconds", round(took_s, 2), "s", at_most=SECONDS_AT_MOST)
    yield Figure(f"print_{count}.bytes", len(printed), "B")
    yield Figure(f"print_{count}.peak_memory", round(read_peak_memory() / 2**20, 1), "MiB")


def _of_teachers(workload: Path, count: int) -> Iterator[dict[str, Any]]:
    for number, record in enumerate(make_records(workload, count * HOURS_EACH)):
        name = f"T{number % count:03d}"
        yield {**record, "teacher_id": name, "teacher_name": name}
