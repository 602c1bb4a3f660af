"""Statistics of Qinggang come to exact figures."""

from typing import Any

import pytest

from tests.server.rules.county import load
from tests.server.rules.plain_cases import Fact, fact, person, value_of
from xueshi_server.domain.rules.amounts import Number

PACK = load("qinggang")
DAY = "2009-11-30"


def outreach(role: str, minutes: int, **more: Any) -> Fact:
    row = {"person": 1, "title": "送教", "form": "outreach", "role": role, **more}
    return fact("hour", date="2009-10-21", minutes=minutes, **row)


FIGURES = [
    ("exemplars", [fact("exemplar", what="school", unit="U1", named_on="2009-05-04")], 1),
    (
        "projects_by_level",
        [fact("project", number="K1", line="L", level="county", applied_on="2009-03-02")],
        1,
    ),
    ("events_by_kind", [fact("event", what="cluster", name="片区", date="2009-10-21")], 1),
    (
        "outreach_hours",
        [outreach("given", 120), outreach("received", 60), outreach("given", 60, form="lecture")],
        180,
    ),
    (
        "four_ones_share",
        [person(rec=1, staff_no="Q1", duty="teacher"), person(rec=2, staff_no="Q2", duty="staff")],
        0,
    ),
    ("visits_by_researcher", [fact("visit", researcher="R1", unit="U1", date="2009-10-21")], 1),
    (
        "recruited",
        [fact("student", number="D1", cohort="C", enrolled_on="2009-09-01", standing="enrolled",
              recruited_by="Q1")],
        1,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("figure", "facts", "value"), FIGURES)
def test_a_statistic_of_qinggang_comes_to(figure: str, facts: list[Fact], value: Number) -> None:
    found = value_of("qinggang", PACK.statistics[figure], facts, DAY)
    assert found is not None
    assert found.exact == value


def test_no_figure_of_qinggang_is_left_untried() -> None:
    assert {each for each, _, _ in FIGURES} == set(PACK.statistics)
