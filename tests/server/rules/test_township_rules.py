"""A township primary school's plans (S0): every rule with subjects that pass, fail and stand on
the border. Class hours are in sixtieths, money in fen."""

import datetime as dt
from typing import Any

import pytest

from tests.server.rules.county import evaluate_case, load, load_with
from tests.server.rules.plain_cases import Case, Fact, check, fact, many, person, untried

CYCLE_ENDS = "2015-12-31"
YEAR_ENDS = "2013-12-31"
SCHOOL_YEAR_ENDS = "2014-08-31"

ONE = person(rec=1, staff_no="T001", name="韦小兰", hired_on="2005-09-01")


def hours(minutes: int, date: str, person: int = 1, **more: Any) -> Fact:
    return fact("hour", person=person, title="业务学习", minutes=minutes, date=date, **more)


def staff(count: int) -> list[Fact]:
    return many(count, "person", lambda no: {"staff_no": f"T{no:03}", "active": True})


def trained(count: int, date: str) -> list[Fact]:
    return many(count, "hour", lambda no: {"person": no, "date": date, "minutes": 60})


def degree(person: int, date: str, what: str = "bachelor") -> Fact:
    return fact("qualification", person=person, date=date, degree=what)


def project(number: str, starts_on: str, ends_on: str) -> Fact:
    return fact(
        "project", number=number, name=number, series="A", starts_on=starts_on, ends_on=ends_on
    )


def survey(number: str, date: str, score: int) -> Fact:
    return fact("survey", project=number, date=date, score=score)


def money(item: str, fen: int, basis: str = "budget", **more: Any) -> Fact:
    return fact("money", date="2013-03-01", item=item, basis=basis, amount=fen, **more)


def released(person: int, date: str = "2013-09-01", **more: Any) -> Fact:
    return fact("exemption", person=person, date=date, ground="sick", **more)


def graded(grade: str) -> Fact:
    return fact("assessment", person=1, date="2015-12-20", grade=grade)


FIRST = project("P1", "2012-07-01", "2012-07-10")
SECOND = project("P2", "2013-07-01", "2013-07-10")
RUNNING = money("running_costs", 10_000_000)

CASES = [
    Case("one hour is once", "TP-EVER", [ONE, hours(60, "2014-03-01")], SCHOOL_YEAR_ENDS, "pass"),
    Case("the last day of August counts", "TP-EVER", [ONE, hours(60, "2014-08-31")],
         SCHOOL_YEAR_ENDS, "pass"),
    Case("the first of September is the next year", "TP-EVER", [ONE, hours(60, "2014-09-01")],
         SCHOOL_YEAR_ENDS, "fail", 1),
    Case("nobody at nought", "TP-EQUAL", [*staff(3), *trained(3, "2014-03-01")],
         SCHOOL_YEAR_ENDS, "pass"),
    Case("the last of three goes on the last day", "TP-EQUAL",
         [*staff(3), *trained(2, "2014-03-01"), hours(1, "2014-08-31", 3)],
         SCHOOL_YEAR_ENDS, "pass"),
    Case("one of three at nought", "TP-EQUAL", [*staff(3), *trained(2, "2014-03-01")],
         SCHOOL_YEAR_ENDS, "fail"),
    Case("exactly 360", "TP-360", [ONE, hours(21600, "2013-05-01")], CYCLE_ENDS, "pass"),
    Case("a sixtieth short", "TP-360", [ONE, hours(21599, "2013-05-01")], CYCLE_ENDS, "fail", 1),
    Case("an hour given counts as one", "TP-360",
         [ONE, hours(21540, "2013-05-01"), hours(60, "2013-06-01", role="given")], CYCLE_ENDS,
         "pass"),
    Case("an hour given counts for nothing where a county says so", "TP-360",
         [ONE, hours(21540, "2013-05-01"), hours(60, "2013-06-01", role="given")], CYCLE_ENDS,
         "fail", 60, settings={"lecturer_factor": 0}),
    Case("not all heard", "TP-360", [ONE, hours(21599, "2013-05-01")], CYCLE_ENDS, "unknown",
         heard="2015-06-30"),
    Case("another county asks for 240", "TP-360", [ONE, hours(14400, "2013-05-01")], CYCLE_ENDS,
         "pass", settings={"cycle_hours": "240h"}),
    Case("no floor asks nothing", "TP-ETHICS", [ONE], CYCLE_ENDS, "not_set"),
    Case("a floor of ten hours", "TP-ETHICS", [ONE, hours(600, "2013-05-01", programme="ethics")],
         CYCLE_ENDS, "pass", settings={"ethics_floor": "10h"}),
    Case("other hours do not fill the floor", "TP-ETHICS", [ONE, hours(600, "2013-05-01")],
         CYCLE_ENDS, "fail", 600, settings={"ethics_floor": "10h"}),
    Case("once", "TP-ASSESSED",
         [ONE, fact("assessment", person=1, date="2013-12-31", grade="passed")],
         YEAR_ENDS, "pass"),
    Case("not yet", "TP-ASSESSED", [ONE], YEAR_ENDS, "fail", 1),
    Case("twice is not once", "TP-ASSESSED",
         [ONE, *(fact("assessment", person=1, date=f"2013-1{no}-01", grade="passed")
                 for no in (1, 2))],
         YEAR_ENDS, "fail"),
    Case("trained this year", "TP-TRAINED-YEAR", [ONE, hours(30, "2013-01-01")], YEAR_ENDS, "pass"),
    Case("trained on the last day of the year", "TP-TRAINED-YEAR", [ONE, hours(30, YEAR_ENDS)],
         YEAR_ENDS, "pass"),
    Case("trained last year", "TP-TRAINED-YEAR", [ONE, hours(30, "2012-12-31")], YEAR_ENDS,
         "fail", 1),
    Case("nine of ten", "TP-RATE-90", [*staff(10), *trained(9, "2013-06-01")], YEAR_ENDS, "pass"),
    Case("eight of ten", "TP-RATE-90", [*staff(10), *trained(8, "2013-06-01")], YEAR_ENDS, "fail"),
    Case("who has left is not counted", "TP-RATE-90",
         [*staff(9), person(rec=10, staff_no="T010", active=False), *trained(9, "2013-06-01")],
         YEAR_ENDS, "pass"),
    Case("eight of ten and nobody heard from", "TP-RATE-90",
         [*staff(10), *trained(8, "2013-06-01")], YEAR_ENDS, "unknown", heard="2013-06-30"),
    Case("whom the township released is left out", "TP-RATE-90",
         [*staff(10), *trained(8, "2013-06-01"), released(9)], YEAR_ENDS, "fail"),
    Case("two released of ten", "TP-RATE-90",
         [*staff(10), *trained(8, "2013-06-01"), released(9), released(10)], YEAR_ENDS, "pass"),
    Case("released where a county counts everybody", "TP-RATE-90",
         [*staff(10), *trained(8, "2013-06-01"), released(9), released(10)], YEAR_ENDS, "fail",
         settings={"exempt_left_out": False}),
    Case("full-time teachers only where a county says so", "TP-RATE-90",
         [person(rec=1, staff_no="T1", full_time=True), person(rec=2, staff_no="T2"),
          *trained(1, "2013-06-01")], YEAR_ENDS, "pass", settings={"rate_full_time_only": True}),
    Case("by months somebody who came in December hardly counts", "TP-RATE-90",
         [*staff(7), person(rec=8, staff_no="T008", hired_on="2013-12-01"),
          *trained(7, "2013-06-01")], YEAR_ENDS, "pass", settings={"rate_weight": "months"}),
    Case("by heads seven of eight are not enough", "TP-RATE-90",
         [*staff(7), person(rec=8, staff_no="T008", hired_on="2013-12-01"),
          *trained(7, "2013-06-01")], YEAR_ENDS, "fail"),
    Case("a school year where a county counts by that", "TP-RATE-90",
         [*staff(1), *trained(1, "2013-12-31")], SCHOOL_YEAR_ENDS, "pass",
         settings={"assessment_year": "school_year"}),
    Case("released owes no training", "TP-TRAINED-YEAR", [ONE, released(1)], YEAR_ENDS, "exempt"),
    Case("released owes none in the school year", "TP-EVER", [ONE, released(1)],
         SCHOOL_YEAR_ENDS, "exempt"),
    Case("released", "TP-EXEMPT", [ONE, released(1)], YEAR_ENDS, "pass"),
    Case("released by nobody yet", "TP-EXEMPT", [ONE, released(1, state="pending")], YEAR_ENDS,
         "fail", 1),
    Case("released last year", "TP-EXEMPT", [ONE, released(1, date="2012-12-31")], YEAR_ENDS,
         "fail", 1),
    Case("hours and grade", "TP-CAREER", [ONE, hours(21600, "2013-05-01"), graded("passed")],
         CYCLE_ENDS, "pass"),
    Case("a better grade", "TP-CAREER", [ONE, hours(21600, "2013-05-01"), graded("good")],
         CYCLE_ENDS, "pass"),
    Case("hours but a failed grade", "TP-CAREER",
         [ONE, hours(21600, "2013-05-01"), graded("failed")], CYCLE_ENDS, "fail"),
    Case("hours but no grade", "TP-CAREER", [ONE, hours(21600, "2013-05-01")], CYCLE_ENDS, "fail"),
    Case("a grade but an hour short", "TP-CAREER",
         [ONE, hours(21540, "2013-05-01"), graded("passed")], CYCLE_ENDS, "fail"),
    Case("bachelor", "TP-DEGREE", [ONE, degree(1, "2010-07-01")], YEAR_ENDS, "pass"),
    Case("master is above", "TP-DEGREE", [ONE, degree(1, "2010-07-01", "master")], YEAR_ENDS,
         "pass"),
    Case("college is below", "TP-DEGREE", [ONE, degree(1, "2010-07-01", "college")], YEAR_ENDS,
         "fail"),
    Case("one more than last year", "TP-DEGREES-RISE",
         [*staff(2), degree(1, "2010-07-01"), degree(2, "2013-07-01")], YEAR_ENDS, "pass"),
    Case("the same as last year", "TP-DEGREES-RISE", [*staff(2), degree(1, "2010-07-01")],
         YEAR_ENDS, "pass"),
    Case("less than last year, as somebody came without one", "TP-DEGREES-RISE",
         [*staff(2), degree(1, "2010-07-01"), degree(2, "2010-07-01"),
          person(rec=3, staff_no="T003", hired_on="2013-09-01")], YEAR_ENDS, "fail"),
    Case("less than last year, as somebody with one left", "TP-DEGREES-RISE",
         [*staff(2), person(rec=3, staff_no="T003", left_on="2013-08-31"), degree(1, "2010-07-01"),
          degree(3, "2010-07-01")], YEAR_ENDS, "fail"),
    Case("a run better than the last", "TP-SATISFACTION",
         [FIRST, SECOND, survey("P1", "2012-07-09", 80), survey("P2", "2013-07-09", 81)],
         YEAR_ENDS, "pass", subject="P2"),
    Case("a run as good as the last", "TP-SATISFACTION",
         [FIRST, SECOND, survey("P1", "2012-07-09", 80), survey("P2", "2013-07-09", 80)],
         YEAR_ENDS, "pass", subject="P2"),
    Case("a run worse than the last", "TP-SATISFACTION",
         [FIRST, SECOND, survey("P1", "2012-07-09", 80), survey("P2", "2013-07-09", 79)],
         YEAR_ENDS, "fail", subject="P2"),
    Case("exactly 5 %", "TP-MONEY-5", [RUNNING, money("training", 500_000)], YEAR_ENDS, "pass"),
    Case("a fen below 5 %", "TP-MONEY-5", [RUNNING, money("training", 499_999)], YEAR_ENDS,
         "fail"),
    Case("what was not spent on training does not count", "TP-MONEY-5",
         [RUNNING, money("training", 499_999), money("training", 1, purpose="other")],
         YEAR_ENDS, "fail"),
    Case("the outturn where a county takes that", "TP-MONEY-5",
         [money("running_costs", 10_000_000, "outturn"), money("training", 500_000, "outturn")],
         YEAR_ENDS, "pass", settings={"running_costs_basis": "outturn"}),
    Case("spent on training", "TP-EARMARKED",
         [RUNNING, money("training", 500_000, purpose="travel")], YEAR_ENDS, "pass"),
    Case("a fen on something else", "TP-EARMARKED",
         [RUNNING, money("training", 1, purpose="other")], YEAR_ENDS, "fail", 1),
    Case("spent on something else", "TP-EARMARKED",
         [RUNNING, money("training", 100, purpose="other")], YEAR_ENDS, "fail", 100),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule} {case.id}")
def test_rule_of_the_township_says(case: Case) -> None:
    check("township-primary", case)


def test_every_rule_of_the_township_is_tried_both_ways() -> None:
    assert untried("township-primary", CASES) == []


@pytest.mark.parametrize(
    ("second", "status"),
    [({"hired_on": "2014-02-01"}, "pass"), ({"left_on": "2014-02-01", "active": False}, "fail")],
)
def test_the_rate_of_a_year_is_over_who_was_there_when_it_ended(
    second: dict[str, Any], status: str
) -> None:
    people = [{"staff_no": "T001", "active": True}, {"staff_no": "T002", "active": True, **second}]
    rows = {"person": people, "hour": [{"person": 1, "date": "2013-06-01", "minutes": 60}]}
    found = evaluate_case("township-primary", "TP-RATE-90", rows, "2014-06-30", on=YEAR_ENDS)
    assert found["S1",].status == status


def test_the_titles_are_reached_by_the_day_that_the_county_sets() -> None:
    assert load("township-primary").targets["backbones"].by == dt.date(2016, 3, 2)
    later = load_with("township-primary", (("titles_reached_by", "2017-12-31"),))
    assert later.targets["backbones"].by == dt.date(2017, 12, 31)
