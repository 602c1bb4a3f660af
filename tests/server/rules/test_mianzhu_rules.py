"""Mianzhu's registration of training (S1): every rule with subjects that pass, fail and stand on
the border, and the ratio its own report got wrong."""

from fractions import Fraction

import pytest

from tests.server.rules.county import load
from tests.server.rules.plain_cases import Case, Fact, check, fact, many, person, untried
from tests.server.rules.plain_cases import value_of as figure_value

TERM_ENDS = "2011-01-31"
SUMMER_ENDS = "2011-08-31"
ONE = person(rec=1, staff_no="M001", name="唐秀英")
SUMMER = fact(
    "project", scope="C1", number="S11", name="暑期远程", mode="distance",
    starts_on="2011-07-10", ends_on="2011-08-20",
)  # fmt: skip
PLEDGE = fact("school_event", date="2010-09-01", activity="ethics_pledge")


def summer(minutes: int, rec: int = 1) -> Fact:
    return fact("enrolment", rec=rec, person=1, project="S11", date="2011-07-20", minutes=minutes)


def papers(*kinds: str) -> list[Fact]:
    return [fact("yearly_paper", date="2011-06-20", kind=kind) for kind in kinds]


CASES = [
    Case("pledged on the first day", "MZ-PLEDGE", [ONE, PLEDGE], TERM_ENDS, "pass"),
    Case("pledged last term", "MZ-PLEDGE",
         [ONE, fact("school_event", date="2010-03-01", activity="ethics_pledge")],
         TERM_ENDS, "fail", 1),
    Case("a report is no pledge", "MZ-PLEDGE",
         [ONE, fact("school_event", date="2010-09-01", activity="model_report")],
         TERM_ENDS, "fail", 1),
    Case("not heard from", "MZ-PLEDGE", [ONE], TERM_ENDS, "unknown", heard="2010-08-31"),
    Case("every school", "MZ-PLEDGE-ALL", [ONE, PLEDGE], TERM_ENDS, "pass"),
    Case("one of two schools", "MZ-PLEDGE-ALL",
         [ONE, PLEDGE, person(scope="S2", rec=1, staff_no="M002")], TERM_ENDS, "fail"),
    Case("exactly the hours asked", "MZ-SUMMER-DONE", [ONE, SUMMER, summer(1440)], SUMMER_ENDS,
         "pass"),
    Case("a quarter of an hour short", "MZ-SUMMER-DONE", [ONE, SUMMER, summer(1425)], SUMMER_ENDS,
         "fail", 15),
    Case("all trainees done", "MZ-SUMMER-ALL", [ONE, SUMMER, summer(1440)], SUMMER_ENDS, "pass"),
    Case("one of two trainees not done", "MZ-SUMMER-ALL",
         [ONE, SUMMER, summer(1440), summer(1425, 2)], SUMMER_ENDS, "fail"),
    Case("a trained registrar", "MZ-REGISTRAR",
         [ONE, fact("registrar_training", person=1, date="2009-03-01", course="一期")],
         TERM_ENDS, "pass"),
    Case("nobody trained", "MZ-REGISTRAR", [ONE], TERM_ENDS, "fail", 1),
    Case("all three papers", "MZ-THREE-PAPERS",
         [ONE, *papers("summary", "hour_review", "research_plan")], SUMMER_ENDS, "pass"),
    Case("one paper three times", "MZ-THREE-PAPERS", [ONE, *papers(*["summary"] * 3)], SUMMER_ENDS,
         "fail", 2),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule} {case.id}")
def test_rule_of_mianzhu_says(case: Case) -> None:
    check("mianzhu", case)


def test_every_rule_of_mianzhu_is_tried_both_ways() -> None:
    assert untried("mianzhu", CASES) == []


def test_person_times_by_staff_are_106_per_cent_and_not_124() -> None:
    """S1.29: 3,953 person-times of 3,707 teachers."""
    teachers = many(3707, "person", lambda no: {"staff_no": f"M{no}", "active": True})
    sent = many(
        3953,
        "enrolment",
        lambda no: {
            "person": no % 3707 + 1,
            "project": "S11",
            "date": "2011-05-01",
            "level": "province",
        },
    )
    statistic = load("mianzhu").statistics["sent_times"]
    value = figure_value("mianzhu", statistic, [*teachers, *sent], "2011-12-31")
    assert value is not None
    assert value.exact == Fraction(3953, 3707)
