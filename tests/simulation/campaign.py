"""Runs seeds: a world, its events, its healing and its checks; what happened is counted."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from collections.abc import Iterator
from dataclasses import dataclass, field

import xueshi_sync.block
from tests.simulation.checks import check_all, check_forbidden, check_scratch
from tests.simulation.events import Events
from tests.simulation.healing import heal
from tests.simulation.machine import Disk, MemoryDisk
from tests.simulation.world import Violation, World
from xueshi_sync.suite import Suite


@dataclass
class Report:
    """What a campaign found."""

    seeds: int = 0
    events: int = 0
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    failures: dict[int, str] = field(default_factory=dict)


@contextmanager
def without_compression() -> Iterator[None]:
    """Seal bodies raw: compression is not what is simulated, and it is half the time."""
    kept = xueshi_sync.block.compress
    xueshi_sync.block.compress = bytes
    try:
        yield
    finally:
        xueshi_sync.block.compress = kept


def run_world(world: World, events: int) -> None:
    """Play one world to its end; raises Violation."""
    script = Events(world)
    for start in range(0, events, 50):
        script.run(min(50, events - start))
        machine = world.rng.choice(world.machines)
        if machine.replica is not None:
            check_forbidden(world, machine)
            if start % 200 == 150:
                check_scratch(machine)
    check_all(world, heal(world))


def run_seed(
    seed: int,
    events: int,
    *,
    suite: Suite | None = None,
    make_disk: Callable[[], Disk] = MemoryDisk,
    without: frozenset[str] = frozenset(),
) -> tuple[str, World]:
    """Play one seed; returns what it violates ("" for nothing) and the world."""
    world = World(seed, suite=suite, make_disk=make_disk, without=without)
    try:
        run_world(world, events)
    except Violation as error:
        return str(error), world
    except Exception as error:
        return f"{type(error).__name__}: {error}", world
    return "", world


def run_campaign(
    seeds: Iterable[int], events: int, *, without: frozenset[str] = frozenset()
) -> Report:
    """Play many seeds in memory."""
    report = Report()
    began = time.perf_counter()
    with without_compression():
        for seed in seeds:
            failure, world = run_seed(seed, events, without=without)
            report.seeds += 1
            report.events += events
            report.counts += world.counts
            if failure:
                report.failures[seed] = failure
    report.seconds = time.perf_counter() - began
    return report
