"""The rules of the sixth pack at their boundaries: credits, carry-over, floors, caps, a miss."""

from functools import cache
from typing import Any

import pytest

from tests.server.rules.county import evaluate_rows
from tests.server.walks.yunling import load_yunling
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.results import Result

FIRST_CYCLE = "2021-03-01"
END_OF_FIRST = "2024-02-29"
END_OF_SECOND = "2027-02-28"

Credit = dict[str, Any]


@cache
def pack() -> Pack:
    return load_yunling()


def credit(date: str, credits: int, kind: str = "course", category: str = "theory") -> Credit:
    row = {"person": 1, "date": date, "kind": kind, "category": category, "title": "县级培训"}
    return row | {"credits": credits}


def judge(rule: str, rows: list[Credit], as_of: str = END_OF_FIRST) -> Result:
    """What a rule says of one teacher who first registered on 2021-03-01."""
    person = {"staff_no": "YL001", "name": "扎西央宗", "registered_on": FIRST_CYCLE}
    found = evaluate_rows(pack(), {"person": [person], "credit": rows}, as_of, rules=[rule])
    assert found.faults == ()
    return found.results[0]


@pytest.mark.parametrize(
    ("credits", "status", "missing"),
    [
        pytest.param(90, "pass", None, id="exactly ninety"),
        pytest.param(89, "fail", 1, id="one credit short"),
        pytest.param(0, "fail", 90, id="none"),
    ],
)
def test_ninety_credits_a_cycle(credits: int, status: str, missing: int | None) -> None:
    result = judge("YL-90", [credit("2022-05-01", credits)] if credits else [])
    assert (result.status, result.missing or None) == (status, missing)


@pytest.mark.parametrize(
    ("date", "status"),
    [
        pytest.param("2021-03-01", "pass", id="the day of the first registration"),
        pytest.param("2021-02-28", "fail", id="the day before"),
        pytest.param("2024-02-29", "pass", id="the last day of the three years"),
    ],
)
def test_the_cycle_begins_with_the_own_registration(date: str, status: str) -> None:
    assert judge("YL-90", [credit(date, 90)]).status == status


@pytest.mark.parametrize(
    ("first", "second", "status"),
    [
        pytest.param(105, 75, "pass", id="fifteen over are all carried"),
        pytest.param(120, 75, "pass", id="of thirty over fifteen are carried"),
        pytest.param(120, 74, "fail", id="and not a sixteenth"),
        pytest.param(104, 75, "fail", id="fourteen over bring fourteen"),
        pytest.param(90, 89, "fail", id="nothing over brings nothing"),
    ],
)
def test_at_most_fifteen_credits_are_carried_over(first: int, second: int, status: str) -> None:
    rows = [credit("2022-05-01", first), credit("2025-05-01", second)]
    assert judge("YL-90", rows, END_OF_SECOND).status == status


@pytest.mark.parametrize(
    ("rows", "value"),
    [
        pytest.param([credit("2022-05-01", 20, category="self_study")], 20, id="study up to 20"),
        pytest.param([credit("2022-05-01", 21, category="self_study")], 20, id="study capped"),
        pytest.param([credit("2022-05-01", 1, "paper")] * 2, 12, id="two papers"),
        pytest.param([credit("2022-05-01", 1, "paper")] * 3, 12, id="papers capped"),
        pytest.param([credit("2022-05-01", 1, "open_lesson")] * 5, 15, id="open lessons"),
    ],
)
def test_kinds_count_by_the_table_up_to_their_caps(rows: list[Credit], value: int) -> None:
    assert judge("YL-90", rows).value == (value, value)


@pytest.mark.parametrize(
    ("ethics", "practice", "status"), [(10, 30, "pass"), (9, 30, "fail"), (10, 29, "fail")]
)
def test_both_floors_must_be_reached(ethics: int, practice: int, status: str) -> None:
    rows = [
        credit("2022-05-01", ethics, category="ethics"),
        credit("2022-06-01", practice, category="practice"),
    ]
    assert judge("YL-FLOORS", rows).status == status


@pytest.mark.parametrize(
    ("years", "status"),
    [
        pytest.param((0, 20, 20), "pass", id="the first year is not a whole one"),
        pytest.param((20, 19, 20), "pass", id="one may miss"),
        pytest.param((20, 20, 0), "pass", id="whichever it is"),
        pytest.param((40, 19, 19), "fail", id="not two"),
    ],
)
def test_one_whole_year_of_the_cycle_may_miss(years: tuple[int, int, int], status: str) -> None:
    rows = [credit(f"{2021 + n}-05-01", credits) for n, credits in enumerate(years)]
    assert judge("YL-YEAR", rows).status == status
