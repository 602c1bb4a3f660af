"""The rules of shipped packs over a small county of tables, as the benchmark measures them."""

from pathlib import Path
from typing import Final

import pytest

from xueshi_client.bench import rules

COUNT: Final = 3_000


@pytest.fixture(scope="module")
def figures() -> dict[str, object]:
    """What the benchmark says; it refuses results that differ between its three ways."""
    return {each.figure: each.value for each in rules.measure_rules(Path(), COUNT)}


@pytest.mark.parametrize("pack_id", rules.PACKS)
def test_all_one_and_again_come_to_the_same(figures: dict[str, object], pack_id: str) -> None:
    names = {f"rules.{pack_id}_{each}" for each in ("s", "one_s", "again_s", "again_growth")}
    assert names <= figures.keys()
