"""The benchmark at its small sizes: one JSON line a figure, and the promises it can keep there."""

import json
from pathlib import Path

import pytest

from tests.client.console_run import Run, xueshi

pytestmark = pytest.mark.process

WORKLOAD = Path(__file__).parents[1] / "bench" / "workload.py"


def bench(folder: Path, *args: str) -> Run:
    return xueshi(folder, "bench", "--workload", str(WORKLOAD), "--quick", *args)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """The figures of the group `small`, by name."""
    done = bench(tmp_path_factory.mktemp("bench"), "--only", "small")
    assert (done.status, done.err) == (0, "")
    return {line["figure"]: line for line in map(json.loads, done.out.splitlines())}


def test_every_figure_has_a_value_and_a_unit(small: dict[str, dict[str, object]]) -> None:
    assert all({"figure", "value", "unit"} <= line.keys() for line in small.values())


@pytest.mark.parametrize(
    "name",
    [
        "push_1k.bytes_per_record",
        "push_1k.requests",
        "idle_1k.bytes",
        "idle_1k.requests",
        "changed_1k.bytes",
        "changed_1k.requests",
    ],
)
def test_a_thousand_records_keep_the_wire_budget(
    small: dict[str, dict[str, object]], name: str
) -> None:
    assert small[name]["kept"] is True, small[name]


def test_records_are_compared_field_by_field(small: dict[str, dict[str, object]]) -> None:
    assert small["push_1k.equal_at_centre"]["value"] is True


def test_json_gives_all_figures_in_one_object(tmp_path: Path) -> None:
    done = bench(tmp_path, "--only", "cut4k", "--json")
    assert done.status == 0, done.err
    found = {each["figure"]: each["value"] for each in done.data["figures"]}
    assert found["cut_4k_2k.equal_at_centre"] is True
    assert found["cut_4k_2k.cuts"] >= 1


def test_a_print_has_a_sheet_for_everybody(tmp_path: Path) -> None:
    done = bench(tmp_path, "--only", "print", "--json")
    assert done.status == 0, done.err
    found = {each["figure"]: each["value"] for each in done.data["figures"]}
    assert found["print_20.sheets"] == 20
    assert found["print_20.bytes"] > 10_000


def test_an_unknown_group_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    done = xueshi(tmp_path, "bench", "--only", "nonsense", "--lang", "en")
    assert (done.status, done.code) == (1, "client.no_such_figure")
    assert "memory" in done.err


def test_without_a_workload_it_says_how_to_name_one(tmp_path: Path) -> None:
    done = xueshi(tmp_path, "bench", XUESHI_WORKLOAD=str(tmp_path / "gone.py"))
    assert (done.status, done.code) == (1, "client.no_workload")
