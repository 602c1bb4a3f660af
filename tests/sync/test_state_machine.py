"""Any sequence of work, exchanges, late answers, sticks and rebuilt disks ends in one state.

Hypothesis plays a county of five real nodes (`county_machine`) and shrinks what fails. Whoever took
part in a step must then show exactly what a model of its words means (`county_machine_history`);
at the end everybody exchanges until level. And the county must notice when the core is broken on
purpose (`county_machine_mutants`), else it proves nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from tests.sync.county_machine import CountyMachine
from tests.sync.county_machine_mutants import MUTANTS

SEEDS: Final = range(4)
# Runs that notice at once; all others were noticed by the first one within a second or two.
FIRST: Final = {
    "dispute_credits_nothing": 1,
    "dispute_follows_the_first_verdict": 2,
    "local_number_breaks_ties": 1,
    "new_epoch_drops_open_work": 1,
    "rank_is_ignored": 3,
    "replaced_entry_is_credited_too": 2,
    "resolution_names_one_value": 1,
    "rivals_credit_the_larger": 1,
    "school_judges_itself": 1,
    "withdrawal_beats_a_verdict": 6,
}

TestCounty = CountyMachine.TestCase
TestCounty.settings = settings(
    # Hypothesis varies an example five times before it draws another: many short ones see more.
    max_examples=50,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class LongCountyMachine(CountyMachine):
    """The same for `make soak`."""


TestLongCounty = pytest.mark.soak(LongCountyMachine.TestCase)
TestLongCounty.settings = settings(TestCounty.settings, max_examples=500, stateful_step_count=60)


class FoundOutError(BaseException):
    """A broken core was noticed. Hypothesis lets it pass at once, where it would play an assertion
    again and again to explain it."""


class HastyCountyMachine(CountyMachine):
    """Stops at the first thing that is wrong."""

    @invariant()
    def all_is_well(self) -> None:
        with found_out():
            super().all_is_well()

    def teardown(self) -> None:
        with found_out():
            super().teardown()


@contextmanager
def found_out() -> Iterator[None]:
    """Turn a broken claim into a finding."""
    try:
        yield
    except AssertionError as error:
        raise FoundOutError(str(error)) from error


def is_found_out(number: int) -> bool:
    """Whether one fixed run of the machine notices that the core is broken."""

    class SeededCountyMachine(HastyCountyMachine):
        """Plays the same examples each time."""

    bounded = settings(TestCounty.settings, database=None, phases=[Phase.generate])
    try:
        run_state_machine_as_test(seed(number)(SeededCountyMachine), settings=bounded)
    except FoundOutError:
        return True
    return False


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_core_is_found_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own fixed run as a rule; where the machine's draws have changed, by another."""
    MUTANTS[name](monkeypatch)
    runs = dict.fromkeys((FIRST.get(name, SEEDS[0]), *SEEDS))
    assert any(is_found_out(number) for number in runs)
