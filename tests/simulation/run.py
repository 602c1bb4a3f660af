"""`python -m tests.simulation.run --seeds 200 --events 500`: play counties and say what was found.

`--first N` begins at another seed: `--first SEED --seeds 1` with the same events replays one.
`--mutants` breaks the core in every named way and counts the seeds until that shows.
"""

import argparse
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import tests.simulation.mutants_data  # registers them
import tests.simulation.mutants_exchange  # noqa: F401  # registers them
from tests.simulation.campaign import Report, run_campaign
from tests.simulation.mutation import MUTANTS, mutated


def main(arguments: list[str] | None = None) -> int:
    """Parse, run, print; 1 where something failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--events", type=int, default=500)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--mutants", action="store_true")
    parser.add_argument("--without", default="", help="kinds of fault to leave out, by commas")
    options = parser.parse_args(arguments)
    if options.mutants:
        return _run_mutants(options.first, options.seeds, options.events)
    without = frozenset(filter(None, options.without.split(",")))
    report = _run_jobs(options.first, options.seeds, options.events, options.jobs, without)
    _print_report(report, options.events)
    return 1 if report.failures else 0


def _run_jobs(first: int, seeds: int, events: int, jobs: int, without: frozenset[str]) -> Report:
    if jobs <= 1:
        return run_campaign(range(first, first + seeds), events, without=without)
    total = Report()
    shares = [range(first + job, first + seeds, jobs) for job in range(jobs)]
    with ProcessPoolExecutor(jobs) as pool:
        runs = [pool.submit(run_campaign, share, events, without=without) for share in shares]
        for run in runs:
            part = run.result()
            total.seeds += part.seeds
            total.events += part.events
            total.seconds += part.seconds
            total.counts += part.counts
            total.failures |= part.failures
    return total


def _print_report(report: Report, events: int) -> None:
    speed = report.events / max(report.seconds, 0.001)
    print(f"{report.seeds} seeds, {report.events} events, {len(report.failures)} failures, "
          f"{speed:.0f} events per processor second")  # fmt: skip
    for name, number in sorted(report.counts.items()):
        print(f"  {number:8} {name}")
    for seed, failure in sorted(report.failures.items()):
        print(f"seed {seed}: {failure}")
        print(
            f"  replay: python -m tests.simulation.run --first {seed} --seeds 1 --events {events}"
        )


def is_finding(failure: str) -> bool:
    """Whether an invariant spoke, not a mutant that does not fit the code any more."""
    return bool(failure) and not failure.startswith(("TypeError", "AttributeError", "NameError"))


def seeds_to_kill(name: str, first: int, seeds: int, events: int) -> tuple[int, str]:
    """How many seeds it takes until a mutant shows, and how; 0 where it does not.

    A seed that fails without the mutant proves nothing and is passed over.
    """
    for number in range(seeds):
        with mutated(name):
            report = run_campaign([first + number], events)
        how = report.failures.get(first + number, "")
        if is_finding(how) and not run_campaign([first + number], events).failures:
            return number + 1, how
    return 0, "alive"


def _run_mutants(first: int, seeds: int, events: int) -> int:
    alive: Counter[str] = Counter()
    for name in MUTANTS:
        needed, how = seeds_to_kill(name, first, seeds, events)
        alive[name] += not needed
        print(f"{name:28} {needed or 'ALIVE':>5}  {how[:90]}", flush=True)
    survivors = [name for name, number in alive.items() if number]
    print(f"{len(MUTANTS) - len(survivors)} of {len(MUTANTS)} mutants killed")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
