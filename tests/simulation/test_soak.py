"""The long sizes: run by `make soak` only, hours of it."""

from typing import Final

import pytest

from tests.simulation.campaign import run_campaign
from tests.simulation.killed import MUTANT_EVENTS
from tests.simulation.mutation import MUTANTS
from tests.simulation.run import seeds_to_kill

CHUNK: Final = 25


@pytest.mark.soak
@pytest.mark.parametrize("first", range(10_000, 20_000, CHUNK))
def test_ten_thousand_counties_come_to_rest(first: int) -> None:
    assert run_campaign(range(first, first + CHUNK), 1_000).failures == {}


@pytest.mark.soak
@pytest.mark.parametrize("name", MUTANTS)
def test_no_mutant_outlives_a_hundred_seeds(name: str) -> None:
    needed, how = seeds_to_kill(name, 0, 100, MUTANT_EVENTS)
    assert needed, how
