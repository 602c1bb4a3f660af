"""Runs seeds: a world, its events, its healing and its checks; what happened is counted."""

import gc
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import xueshi_sync.block
import xueshi_sync.viewer
from tests.simulation import oracle
from tests.simulation.checks import check_all, check_forbidden, check_scratch, is_level
from tests.simulation.events import Events
from tests.simulation.healing import heal
from tests.simulation.machine import Disk, MemoryDisk
from tests.simulation.world import Violation, World
from xueshi_sync.block import Block
from xueshi_sync.body import Body
from xueshi_sync.errors import SyncError
from xueshi_sync.suite import Suite


@dataclass
class Report:
    """What a campaign found."""

    seeds: int = 0
    events: int = 0
    # Processor time: the machine may be shared.
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    failures: dict[int, str] = field(default_factory=dict)


@contextmanager
def cheap_bodies() -> Iterator[None]:
    """Seal bodies raw and decode each block once: neither is what is simulated, and both cost most.

    A block's id covers its body through the header, so one decoding does for all machines.
    """
    decoded: dict[bytes, Body | SyncError] = {}
    blocks: Any = xueshi_sync.block
    viewing: Any = xueshi_sync.viewer
    compress, decode = blocks.compress, viewing.decode_data

    def decode_once(block: Block) -> Body:
        known = decoded.get(block.bid)
        if known is None:
            try:
                known = decode(block)
            except SyncError as error:
                known = error
            decoded[block.bid] = known
        if isinstance(known, SyncError):
            raise known
        return known

    targets: list[Any] = [viewing, oracle]
    blocks.compress = bytes
    for module in targets:
        module.decode_data = decode_once
    try:
        yield
    finally:
        blocks.compress = compress
        for module in targets:
            module.decode_data = decode


def run_world(world: World, events: int) -> None:
    """Play one world to its end; raises Violation."""
    script = Events(world)
    for start in range(0, events, 50):
        script.run(min(50, events - start))
        machine = world.rng.choice(world.machines)
        if machine.replica is not None:
            check_forbidden(world, machine)
            if start % 200 == 150 and is_level(machine):
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


def trace_of(world: World) -> str:
    """One value for everything that happened: equal only for equal histories."""
    hasher = blake2b(repr(sorted(world.counts.items())).encode(), digest_size=16)
    for machine in world.machines:
        feeds = machine.disk.feeds
        for state in feeds.scope_states():
            for row in feeds.all_blocks(state.scope_no):
                hasher.update(b"%d %d " % (row.no, row.pos) + row.bid)
    return hasher.hexdigest()


def run_campaign(
    seeds: Iterable[int], events: int, *, without: frozenset[str] = frozenset()
) -> Report:
    """Play many seeds in memory.

    The collector rests within a seed: a county's objects live until it is judged, and looking at
    them again and again takes a tenth of the time.
    """
    report = Report()
    collecting = gc.isenabled()
    gc.disable()
    began = time.process_time()
    for seed in seeds:
        with cheap_bodies():
            failure, world = run_seed(seed, events, without=without)
        report.seeds += 1
        report.events += events
        report.counts += world.counts
        if failure:
            report.failures[seed] = failure
        del world
        gc.collect()
    if collecting:
        gc.enable()
    report.seconds = time.process_time() - began
    return report
