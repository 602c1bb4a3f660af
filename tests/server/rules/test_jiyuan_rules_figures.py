"""Targets and statistics of Jiyuan come to exact figures."""

from fractions import Fraction
from typing import Any

import pytest

from tests.server.rules.county import load
from tests.server.rules.plain_cases import Fact, fact, person, value_of
from xueshi_server.domain.rules.amounts import Number

PACK = load("jiyuan")
DAY = "2020-06-30"
MAIN = ("chinese", "maths", "english", "science", "morality", "history", "geography", "physics")


def resource(subject: str) -> Fact:
    return fact(
        "contribution", person=1, date="2019-05-06", name="课例", what="lesson", subject=subject
    )


def line(item: str, amount: int, **more: Any) -> Fact:
    row = {"date": "2020-01-15", "item": item, "basis": "budget", "amount": amount, **more}
    return fact("city_budget", **row)


def title(no: int, **more: Any) -> Fact:
    row = {"number": f"C{no}", "person": 1, "title": "backbone", "level": "county", **more}
    return fact("title", granted_on="2018-09-10", **row)


ONE_FULL = person(rec=1, staff_no="J1", full_time=True)
TARGETS = [
    ("main_subjects", [resource(each) for each in (*MAIN, "music", "maths")], 8),
    ("weak_subjects", [resource(each) for each in ("sport", "music", "maths")], 2),
    (
        "centre_standard",
        [fact("institution", number="F1", what="centre", founded_on="2018-01-01",
              standard_on="2019-12-30")],
        1,
    ),
    (
        "centre_standard",
        [fact("institution", number="F1", what="centre", founded_on="2018-01-01")],
        0,
    ),
    (
        "cycle_done",
        [ONE_FULL, person(rec=2, staff_no="J2", full_time=True),
         fact("hour", person=1, date="2018-07-20", title="研修", minutes=21600)],
        Fraction(1, 2),
    ),
]  # fmt: skip
STATISTICS = [
    ("backbone_by_stage", [ONE_FULL, title(1), title(2, ended_on="2019-01-01")], 1),
    ("backbone_by_subject", [ONE_FULL, title(1), title(2)], 1),
    (
        "backbone_spread",
        [ONE_FULL, title(1), person(rec=1, scope="S2", staff_no="J9", full_time=True)],
        1,
    ),
    (
        "studio_reach",
        [ONE_FULL, fact("studio_stay", person=1, studio="G1", starts_on="2019-09-01",
                        ends_on="2020-08-31")],
        1,
    ),
    ("run_places", [fact("enrolment", run="R1", person=1, date="2020-03-01")], 1),
    (
        "new_money_share",
        [line("new_education", 900_000), line("new_teachers", 300_000)],
        Fraction(1, 3),
    ),
    ("donated", [line("donation", 5_000_000, payer="本地企业"), line("training", 1)], 5_000_000),
]  # fmt: skip


@pytest.mark.parametrize(("figure", "facts", "value"), TARGETS)
def test_a_target_of_jiyuan_comes_to(figure: str, facts: list[Fact], value: Number) -> None:
    found = value_of("jiyuan", PACK.targets[figure], facts, DAY)
    assert found is not None
    assert found.exact == value


@pytest.mark.parametrize(("figure", "facts", "value"), STATISTICS)
def test_a_statistic_of_jiyuan_comes_to(figure: str, facts: list[Fact], value: Number) -> None:
    found = value_of("jiyuan", PACK.statistics[figure], facts, DAY)
    assert found is not None
    assert found.exact == value


def test_no_figure_of_jiyuan_is_left_untried() -> None:
    assert {each for each, _, _ in TARGETS} == set(PACK.targets)
    assert {each for each, _, _ in STATISTICS} == set(PACK.statistics)
