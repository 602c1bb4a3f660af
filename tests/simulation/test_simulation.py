"""Counties of the simulator come to rest in one state, and broken cores do not.

Sized to about three minutes on two cores; `make soak` and `python -m tests.simulation.run` play
more.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

import tests.simulation.mutants_data  # registers them
import tests.simulation.mutants_exchange  # noqa: F401  # registers them
from tests.simulation.campaign import Report, cheap_bodies, run_campaign, run_seed, trace_of
from tests.simulation.killed import KILLED_BY, MUTANT_EVENTS
from tests.simulation.mutation import MUTANTS, mutated
from tests.simulation.run import is_finding
from tests.simulation.sqlite_disk import SqliteDisk
from xueshi_sync.suite import Ed25519Suite

SEEDS: Final = range(30)
EVENTS: Final = 400
# Seeds that once failed, by what they found, with the events as they were then.
FOUND: Final = {
    29: "a whole image of the centre from before an enrolment",
    34: "a grant that only one node remembers",
    77: "cut and lift in one batch",
    28: "a revoked node's own new records",
    147: "power cut after joining",
    52: "joining interrupted by a full disk",
    60: "a revoked node with a forked feed",
    61: "denied in one of two scopes",
    8: "a view behind its feeds",
    85: "rights given later",
}
FOUND_LATE: Final = {
    101: "refusals that forgot each other",
    5412: "a re-grant lost behind a denial",
    10131: "refused, then granted, then revoked",
    10476: "a restored centre and a push cut at its limit",
    10949: "revoked before anything was sealed",
    12331: "a scope lost while the centre was ahead in it",
    12721: "a scope lost with the centre's memory of it",
    13052: "a refused feed and all that follows in it",
}
MUST_HAPPEN: Final = (
    "dropped", "duplicated", "stale answer ignored", "receipts sent", "restarted", "view tail lost",
    "bundle imported", "bundle cut", "bundle damaged", "joined late", "revoked", "revoked answer",
    "cut changed", "restored again", "admitted",
    "two centres disagree",
    "rights changed", "granted", "posted twice", "forks", "clock 2001", "clock 2099",
    "clone, same hardware", "clone, other hardware", "centre copied", "moved to other hardware",
    "restore, sidecar new", "restore, sidecar old", "restore, sidecar gone", "epoch: rollback",
    "epoch: machine", "epoch: no_sidecar", "epoch: epoch_mismatch", "crash at feed.before",
    "crash at feed.after", "crash at view.before", "crash at view.after", "crash at sidecar.after",
    "disk full at feed.before", "disk full at view.before", "rogue: equivocate",
    "rogue: wrong_scope",
    "rogue: school_verdict", "rogue: own_tables", "rogue: cycle", "rogue: huge_number",
    "rogue: malformed", "rogue: foreign_county", "rogue: impostor", "rogue: strange_preds",
    "rogue: correction_cycle", "tampered: flip", "tampered: cut", "tampered: replay",
    "tampered: clock", "tampered: body",
)  # fmt: skip


@pytest.fixture(scope="module")
def report() -> Report:
    """One campaign for several claims."""
    return run_campaign(SEEDS, EVENTS)


def test_every_county_comes_to_rest_in_one_state(report: Report) -> None:
    assert report.failures == {}


def test_every_kind_of_fault_happened(report: Report) -> None:
    assert [name for name in MUST_HAPPEN if not report.counts[name]] == []


# What the whole run has room for; `make soak` plays ten thousand.
@pytest.mark.parametrize("first", range(100, 200, 5))
def test_a_hundred_counties_come_to_rest(first: int) -> None:
    assert run_campaign(range(first, first + 5), 1_000).failures == {}


@pytest.mark.parametrize("seed", FOUND, ids=lambda seed: FOUND[seed].replace(" ", "-"))
def test_a_seed_that_once_failed_passes(seed: int) -> None:
    assert run_campaign([seed], EVENTS).failures == {}


@pytest.mark.parametrize("seed", FOUND_LATE, ids=lambda seed: FOUND_LATE[seed].replace(" ", "-"))
def test_a_seed_that_once_failed_late_passes(seed: int) -> None:
    assert run_campaign([seed], 1_000).failures == {}


@pytest.mark.parametrize("seed", [1, 4, 13])
def test_a_county_on_real_files_with_real_signatures_comes_to_rest(
    seed: int, tmp_path: Path
) -> None:
    failure, world = run_seed(
        seed, 150, suite=Ed25519Suite(), make_disk=lambda: SqliteDisk(tmp_path)
    )
    for machine in world.machines:
        machine.disk.close()
    assert failure == ""


def test_real_files_and_memory_have_the_same_history(tmp_path: Path) -> None:
    with cheap_bodies():
        _, over_files = run_seed(5, 150, make_disk=lambda: SqliteDisk(tmp_path))
        _, in_memory = run_seed(5, 150)
    assert trace_of(over_files) == trace_of(in_memory)


def test_a_seed_replays_bit_for_bit_in_another_process() -> None:
    code = (
        "from tests.simulation.campaign import *\n"
        "with cheap_bodies(): print(trace_of(run_seed(7, 200)[1]))"
    )
    traces = [
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert len(traces[0].strip()) == 32
    assert traces[0] == traces[1]


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_core_is_found_out(name: str) -> None:
    """At once by the seed of the table; where the core's draws have changed, within a few more."""
    with mutated(name):
        failures = (
            run_campaign([seed], MUTANT_EVENTS).failures.get(seed, "")
            for seed in (KILLED_BY[name], *range(30))
        )
        assert any(is_finding(failure) for failure in failures)
