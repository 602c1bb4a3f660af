"""Mianzhu's registration of training (S1): every rule with subjects that pass, fail and stand on
the border, and the ratio its own report got wrong."""

from collections import Counter
from fractions import Fraction
from typing import Any

import pytest

from tests.server.rules.county import load
from tests.server.rules.plain_cases import Case, Fact, check, fact, many, person, untried
from tests.server.rules.plain_cases import value_of as figure_value

TERM_ENDS = "2011-01-31"
SUMMER_ENDS = "2011-08-31"
ONE = person(rec=1, staff_no="M001", name="唐秀英")
SUMMER = fact(
    "project", scope="C1", rec=1, number="S11", name="暑期远程", mode="distance",
    starts_on="2011-07-10", ends_on="2011-08-20", hours=1440,
)  # fmt: skip
# A course of another year, never finished; one of this summer that asks for more.
OLD = fact(
    "project", scope="C1", rec=2, number="D08", name="光盘", mode="disc",
    starts_on="2009-05-04", ends_on="2009-05-20", hours=1440,
)  # fmt: skip
LONGER = Fact("project", {**SUMMER.row, "hours": 2400})
UNSTATED = Fact("project", {**SUMMER.row, "hours": None})
NOT_DISTANT = Fact("project", {**SUMMER.row, "mode": "concentrated"})
TWO = person(rec=2, staff_no="M002", name="张国强")
COURSE = fact("registrar_training", person=1, date="2009-03-01", course="一期")
KINDS = ("summary", "hour_review", "research_plan")
PLEDGE = fact("school_event", date="2010-09-01", activity="ethics_pledge")


def pledge(date: str) -> Fact:
    return fact("school_event", date=date, activity="ethics_pledge")


def summer(minutes: int, rec: int = 1, **more: Any) -> Fact:
    row = {"rec": rec, "person": 1, "project": "S11", "date": "2011-07-20", "minutes": minutes}
    return fact("enrolment", **{**row, **more})


def registrar(**more: Any) -> Fact:
    row = {"rec": 1, "staff_no": "M001", "duty": "teacher|registrar", **more}
    return person(**row)


def papers(*kinds: str, year_end: str = SUMMER_ENDS, **more: Any) -> list[Fact]:
    row = {"date": "2011-06-20", "year_end": year_end, **more}
    return [fact("yearly_paper", kind=kind, **row) for kind in kinds]


CASES = [
    Case("pledged on the first day", "MZ-PLEDGE", [ONE, PLEDGE], TERM_ENDS, "pass"),
    Case("pledged on the thirtieth day", "MZ-PLEDGE", [ONE, pledge("2010-09-30")],
         TERM_ENDS, "pass"),
    Case("pledged a day too late", "MZ-PLEDGE", [ONE, pledge("2010-10-01")], TERM_ENDS, "fail"),
    Case("pledged at the start of spring", "MZ-PLEDGE", [ONE, pledge("2011-03-30")],
         "2011-07-15", "pass"),
    Case("pledged a day too late in spring", "MZ-PLEDGE", [ONE, pledge("2011-03-31")],
         "2011-07-15", "fail"),
    Case("pledged as the term ends", "MZ-PLEDGE", [ONE, pledge("2011-06-28")],
         "2011-07-15", "fail"),
    Case("pledged last term", "MZ-PLEDGE", [ONE, pledge("2010-03-01")], TERM_ENDS, "fail"),
    Case("a report is no pledge", "MZ-PLEDGE",
         [ONE, fact("school_event", date="2010-09-01", activity="model_report")],
         TERM_ENDS, "fail"),
    Case("not heard from", "MZ-PLEDGE", [ONE], TERM_ENDS, "unknown", heard="2010-08-31"),
    Case("every school", "MZ-PLEDGE-ALL", [ONE, PLEDGE], TERM_ENDS, "pass"),
    Case("both of two schools", "MZ-PLEDGE-ALL",
         [ONE, PLEDGE, person(scope="S2", rec=1, staff_no="M002"),
          fact("school_event", scope="S2", date="2010-09-30", activity="ethics_pledge")],
         TERM_ENDS, "pass"),
    Case("one of two schools", "MZ-PLEDGE-ALL",
         [ONE, PLEDGE, person(scope="S2", rec=1, staff_no="M002")], TERM_ENDS, "fail"),
    Case("exactly the hours asked", "MZ-SUMMER-DONE", [ONE, SUMMER, summer(1440)], SUMMER_ENDS,
         "pass"),
    Case("a quarter of an hour short", "MZ-SUMMER-DONE", [ONE, SUMMER, summer(1425)], SUMMER_ENDS,
         "fail", 15),
    Case("a quarter of an hour more", "MZ-SUMMER-DONE", [ONE, SUMMER, summer(1455)], SUMMER_ENDS,
         "pass"),
    Case("two records of half the hours", "MZ-SUMMER-DONE",
         [ONE, SUMMER, summer(720), summer(720, 2)], SUMMER_ENDS, "pass"),
    Case("half of it waits for review", "MZ-SUMMER-DONE",
         [ONE, SUMMER, summer(720), summer(720, 2, state="pending")], SUMMER_ENDS, "fail", 720),
    Case("enrolled, nothing reviewed yet", "MZ-SUMMER-DONE",
         [ONE, SUMMER, summer(1440, state="pending")], SUMMER_ENDS, "fail", 1440),
    Case("a project that asks for more", "MZ-SUMMER-DONE", [ONE, LONGER, summer(1440)],
         SUMMER_ENDS, "fail", 960),
    Case("a project that does not say how much", "MZ-SUMMER-DONE", [ONE, UNSTATED, summer(1440)],
         SUMMER_ENDS, "unknown"),
    Case("an unfinished course of another year is not this summer's", "MZ-SUMMER-DONE",
         [ONE, OLD, summer(60, project="D08", date="2009-05-10")], SUMMER_ENDS, "exempt"),
    Case("all trainees done", "MZ-SUMMER-ALL", [ONE, SUMMER, summer(1440)], SUMMER_ENDS, "pass"),
    Case("one of two trainees not done", "MZ-SUMMER-ALL",
         [ONE, TWO, SUMMER, summer(1440), summer(1425, 2, person=2)], SUMMER_ENDS, "fail"),
    Case("two of two trainees done", "MZ-SUMMER-ALL",
         [ONE, TWO, SUMMER, summer(1440), summer(1440, 2, person=2)], SUMMER_ENDS, "pass"),
    Case("what was left unfinished years ago does not count", "MZ-SUMMER-ALL",
         [ONE, SUMMER, OLD, summer(1440), summer(60, 2, project="D08", date="2009-05-10")],
         SUMMER_ENDS, "pass"),
    Case("nobody in distance training", "MZ-SUMMER-ALL", [ONE, NOT_DISTANT, summer(60)],
         SUMMER_ENDS, "exempt"),
    Case("a trained registrar", "MZ-REGISTRAR", [registrar(), COURSE], TERM_ENDS, "pass"),
    Case("two trained registrars", "MZ-REGISTRAR",
         [registrar(), registrar(rec=2, staff_no="M002"), COURSE,
          fact("registrar_training", person=2, date="2009-03-01", course="一期")],
         TERM_ENDS, "pass"),
    Case("nobody trained", "MZ-REGISTRAR", [registrar()], TERM_ENDS, "fail", 1),
    Case("trained, but registrar no more", "MZ-REGISTRAR", [registrar(duty="teacher"), COURSE],
         TERM_ENDS, "fail", 1),
    Case("the trained registrar has left", "MZ-REGISTRAR", [registrar(active=False), COURSE],
         TERM_ENDS, "fail", 1),
    Case("all three papers", "MZ-THREE-PAPERS", [ONE, *papers(*KINDS)], SUMMER_ENDS, "pass"),
    Case("two papers", "MZ-THREE-PAPERS", [ONE, *papers(*KINDS[:2])], SUMMER_ENDS, "fail", 1),
    Case("one paper three times", "MZ-THREE-PAPERS", [ONE, *papers(*["summary"] * 3)], SUMMER_ENDS,
         "fail", 2),
    Case("handed in after the year it is about", "MZ-THREE-PAPERS",
         [ONE, *papers(*KINDS, date="2011-09-20")], SUMMER_ENDS, "pass"),
    Case("papers of the year after", "MZ-THREE-PAPERS",
         [ONE, *papers(*KINDS, year_end="2012-08-31")], SUMMER_ENDS, "fail", 3),
    Case("drafts", "MZ-THREE-PAPERS", [ONE, *papers(*KINDS, state="pending")], SUMMER_ENDS,
         "fail", 3),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule} {case.id}")
def test_rule_of_mianzhu_says(case: Case) -> None:
    check("mianzhu", case)


def test_every_rule_of_mianzhu_is_tried_both_ways() -> None:
    assert untried("mianzhu", CASES) == []


def test_person_times_by_staff_are_106_per_cent_and_not_124() -> None:
    """S1.29: 3,953 person-times of 3,707 teachers."""
    teachers = many(
        3707, "person", lambda no: {"staff_no": f"M{no}", "active": True, "full_time": True}
    )
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


def test_every_rule_of_mianzhu_is_tried_three_times_and_says_what_fills_it() -> None:
    tried = Counter(case.rule for case in CASES)
    rules = load("mianzhu").rules
    assert [each for each in rules if tried[each] < 3] == []
    assert [each.id for each in rules.values() if each.fill is None] == []
