"""The groups of figures and their sizes; each group runs in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from xueshi_client.bench import desk, engine, lesson, library, machine, paper, rules, tables, wire
from xueshi_client.bench.report import Figure, print_figure
from xueshi_client.errors import FigureFailedError, UnknownFigureError

Group = Callable[[Path, int], Iterator[Figure]]
# A group that takes longer than this hangs.
GROUP_TIMEOUT_S: Final = 1800

# Name to (what it measures, records, records with --quick).
GROUPS: Final[dict[str, tuple[Group, int, int]]] = {
    "small": (wire.measure_exchanges, 1_000, 1_000),
    "middle": (wire.measure_exchanges, 10_000, 2_000),
    "large": (wire.measure_exchanges, 100_000, 5_000),
    "pull": (wire.measure_pull, 10_000, 2_000),
    "cut64k": (lambda path, count: wire.measure_cuts(path, count, 65536), 100_000, 20_000),
    "cut4k": (lambda path, count: wire.measure_cuts(path, count, 4096), 10_000, 2_000),
    "delay": (lambda path, count: wire.measure_delay(path, count, 0.3), 10_000, 1_000),
    "merge": (engine.measure_merge, 100_000, 10_000),
    "saves": (desk.measure_saves, 10_000, 5_000),
    "schools": (lambda path, count: desk.measure_schools(path, count, 8), 1_000, 200),
    "rules": (rules.measure_rules, 1_200_000, 30_000),
    "print": (paper.measure_print, 200, 20),
    "import": (tables.measure_imports, 10_000, 1_000),
    "library": (library.measure_library, 200, 20),
    "lesson": (lesson.measure_lesson, 60, 5),
    "node": (machine.measure_node, 100_000, 2_000),
    "county": (machine.measure_county, 100_000, 2_000),
    "memory": (
        lambda path, count: engine.measure_memory(path, count // 10, count),
        100_000,
        20_000,
    ),
}


def choose_groups(only: str | None) -> list[str]:
    """The groups named by `--only`, or all of them."""
    wanted = [name.strip() for name in only.split(",")] if only else list(GROUPS)
    for name in wanted:
        if name not in GROUPS:
            raise UnknownFigureError(figure=name, known=", ".join(GROUPS))
    return wanted


def run_group(name: str, workload: Path, *, quick: bool) -> Iterator[dict[str, Any]]:
    """Run one group in a process of its own; yield its lines as they come."""
    command = [sys.executable, "-m", "xueshi_client.bench.groups", name, str(workload)]
    process = subprocess.Popen(
        [*command, *(["--quick"] if quick else [])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            yield json.loads(line)
        _, errors = process.communicate(timeout=GROUP_TIMEOUT_S)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    if process.returncode != 0:
        last = errors.strip().splitlines()[-1:] or ["?"]
        raise FigureFailedError(figure=name, why=last[0])


def compare_sizes(figures: list[dict[str, Any]]) -> dict[str, Any] | None:
    """How much longer one change takes in the large database than in the small one."""
    took = {each["figure"]: each["value"] for each in figures if each["unit"] == "s"}
    changes = [value for name, value in took.items() if name.startswith("changed_")]
    if len(changes) < 2:
        return None
    ratio = round(changes[-1] / changes[0], 3)
    return Figure("changed.seconds_growth", ratio, "ratio", at_most=2.0).as_dict()


def main(argv: list[str]) -> None:
    """Measure one group in this process and print its lines."""
    measure, full, quick = GROUPS[argv[0]]
    for figure in measure(Path(argv[1]), quick if "--quick" in argv else full):
        print_figure(figure)


if __name__ == "__main__":
    main(sys.argv[1:])
