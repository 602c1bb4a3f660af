"""Any sequence of work, exchanges, late answers, sticks and rebuilt disks ends in one state.

Hypothesis plays a county of five real nodes (`county_machine`) and shrinks what fails. Whoever took
part in a step must then show exactly what a model of its words means (`county_machine_history`);
at the end everybody exchanges until level. And the county must notice when the core is broken on
purpose (`county_machine_mutants`), else it proves nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from tests.sync.county_machine import CountyMachine
from tests.sync.county_machine_mutants import MUTANTS

TestCounty = CountyMachine.TestCase
TestCounty.settings = settings(
    max_examples=30,
    stateful_step_count=30,
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


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_core_is_found_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the examples that the sound core passes, and always the same ones."""
    MUTANTS[name](monkeypatch)
    bounded = settings(
        TestCounty.settings, derandomize=True, database=None, phases=[Phase.generate]
    )
    with pytest.raises(FoundOutError):
        run_state_machine_as_test(HastyCountyMachine, settings=bounded)
