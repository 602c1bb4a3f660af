"""Jiyuan 2016-2020 (S3): every rule with subjects that pass, fail and stand on the border.

Class hours are in sixtieths: 360 hours are 21600. Money is in fen.
"""

from collections import Counter
from typing import Any

import pytest

from tests.server.rules.county import evaluate_rows, load
from tests.server.rules.plain_cases import Case, Fact, check, fact, many, person, untried

CYCLE_ENDS = "2020-12-31"
YEAR_ENDS = "2019-12-31"

PERSON = person(rec=1, staff_no="J001", name="王素梅", full_time=True, hired_on="2008-09-01")
NEW = person(rec=1, staff_no="J001", name="赵一鸣", full_time=True, hired_on="2019-08-20")


def hours(minutes: int, date: str, **more: Any) -> Fact:
    return fact("hour", **{"person": 1, "title": "集中培训", **more}, minutes=minutes, date=date)


def yearly(*minutes: int) -> tuple[Fact, ...]:
    """So many minutes in each year of the cycle."""
    return tuple(hours(each, f"{2016 + no}-07-20") for no, each in enumerate(minutes))


HALF_CYCLE = person(rec=1, staff_no="J001", name="孙立", hired_on="2018-07-01")

HOURS_360 = [
    Case("exactly 360 hours", "JY-360", [PERSON, *yearly(*[4320] * 5)], CYCLE_ENDS, "pass"),
    Case(
        "a sixtieth of an hour short", "JY-360", [PERSON, *yearly(*[4320] * 4, 4319)],
        CYCLE_ENDS, "fail", 1,
    ),
    Case("nothing at all", "JY-360", [PERSON], CYCLE_ENDS, "fail", 21600),
    Case(
        "what waits for review does not count", "JY-360",
        [PERSON, *yearly(*[4320] * 4), hours(4320, "2020-07-20", state="pending")],
        CYCLE_ENDS, "fail", 4320,
    ),
    Case(
        "what was returned does not count", "JY-360",
        [PERSON, *yearly(*[4320] * 4), hours(4320, "2020-07-20", state="rejected")],
        CYCLE_ENDS, "fail", 4320,
    ),
    Case(
        "the first and the last day of the cycle count", "JY-360",
        [PERSON, hours(10800, "2016-01-01"), hours(10800, "2020-12-31")], CYCLE_ENDS, "pass",
    ),
    Case(
        "the days before and after do not", "JY-360",
        [PERSON, hours(10800, "2015-12-31"), hours(10800, "2021-01-01")], CYCLE_ENDS, "fail", 21600,
    ),
    Case(
        "half the cycle on the roll, half the hours", "JY-360",
        [HALF_CYCLE, hours(10800, "2019-07-20")], CYCLE_ENDS, "pass",
    ),
    Case(
        "half the cycle, a sixtieth short", "JY-360",
        [HALF_CYCLE, hours(10799, "2019-07-20")], CYCLE_ENDS, "fail", 1,
    ),
    Case(
        "hours given count as hours received", "JY-360",
        [PERSON, hours(10800, "2019-07-20", role="given"), hours(10800, "2018-07-20")],
        CYCLE_ENDS, "pass",
    ),
    Case(
        "unless the county counts them double", "JY-360",
        [PERSON, hours(7200, "2019-07-20", role="given"), hours(7199, "2018-07-20")],
        CYCLE_ENDS, "fail", 1, settings={"lecturer_factor": 2},
    ),
    Case(
        "or not at all", "JY-360",
        [PERSON, hours(10800, "2019-07-20", role="given"), hours(10800, "2018-07-20")],
        CYCLE_ENDS, "fail", 10800, settings={"lecturer_factor": 0},
    ),
    Case(
        "done early is done", "JY-360", [PERSON, hours(21600, "2016-07-20")], "2017-03-01", "pass",
    ),
    Case(
        "on the way in the middle", "JY-360", [PERSON, *yearly(4320, 4320)], "2017-12-31",
        "on_track", 12960,
    ),
    Case(
        "behind in the middle", "JY-360", [PERSON, *yearly(100, 100)], "2019-12-31",
        "at_risk", 21400,
    ),
    Case(
        "more is missing than the last day can bring", "JY-360",
        [PERSON, *yearly(*[4320] * 4)], "2020-12-30", "fail", 4320,
    ),
    Case(
        "short while the school has not been heard", "JY-360",
        [PERSON, *yearly(*[4320] * 4)], CYCLE_ENDS, "unknown", heard="2020-06-30",
    ),
    Case(
        "enough though the school has not been heard", "JY-360",
        [PERSON, *yearly(*[4320] * 5)], CYCLE_ENDS, "pass", heard="2020-07-31",
    ),
]  # fmt: skip


def trained(person: int, programme: str, scope: str = "S1") -> Fact:
    return fact(
        "hour", scope=scope, person=person, programme=programme, date="2018-07-20",
        title="专题培训", minutes=1800,
    )  # fmt: skip


def on_day(person: int, programme: str, date: str) -> Fact:
    return hours(1800, date, person=person, programme=programme)


def principal(rec: int, scope: str = "S1") -> Fact:
    return person(rec=rec, scope=scope, staff_no=f"P{scope}{rec}", duty="teacher|principal")


def head_teacher(rec: int) -> Fact:
    return person(rec=rec, staff_no=f"H{rec}", duty="teacher|head_teacher")


def titled(rec: int, title: str = "backbone", **more: Any) -> Fact:
    row = {
        "number": f"C{rec}", "person": rec, "title": title, "level": "county",
        "granted_on": "2017-09-10", **more,
    }  # fmt: skip
    return fact("title", **row)


TWO_PRINCIPALS = [principal(1), principal(1, "S2"), person(rec=9, staff_no="T9", duty="teacher")]
BACKBONE_AND_HEAD = [person(rec=1, staff_no="J001"), titled(1), head_teacher(2)]
MASTER_AND_LEADER = [
    person(rec=1, staff_no="J001"), person(rec=2, staff_no="J002"), person(rec=3, staff_no="J003"),
    titled(1, "master"), titled(2, "subject_leader"), titled(3, "backbone"),
]  # fmt: skip

COVERAGE = [
    Case(
        "all principals", "JY-PRINCIPALS",
        [*TWO_PRINCIPALS, trained(1, "principal_post"), trained(1, "principal_post", "S2")],
        CYCLE_ENDS, "pass",
    ),
    Case(
        "one of two principals", "JY-PRINCIPALS", [*TWO_PRINCIPALS, trained(1, "principal_post")],
        CYCLE_ENDS, "fail",
    ),
    Case(
        "a principal in other training only", "JY-PRINCIPALS",
        [principal(1), trained(1, "head_teacher")], CYCLE_ENDS, "fail",
    ),
    Case(
        "a principal's school not heard from", "JY-PRINCIPALS",
        [principal(1)], CYCLE_ENDS, "unknown", heard="2018-06-30",
    ),
    Case("one principal", "JY-PRINCIPAL", [principal(1), trained(1, "principal_post")],
         CYCLE_ENDS, "pass"),
    Case("one principal without", "JY-PRINCIPAL", [principal(1)], CYCLE_ENDS, "fail", 1),
    Case("a class head", "JY-HEAD-TEACHER", [head_teacher(1), trained(1, "head_teacher")],
         CYCLE_ENDS, "pass"),
    Case("post training is another training", "JY-HEAD-TEACHER",
         [head_teacher(1), trained(1, "head_teacher_post")], CYCLE_ENDS, "fail", 1),
    Case("a class head on the last day of the cycle", "JY-HEAD-TEACHER",
         [head_teacher(1), on_day(1, "head_teacher", CYCLE_ENDS)], CYCLE_ENDS, "pass"),
    Case("a principal the day before the cycle", "JY-PRINCIPAL",
         [principal(1), on_day(1, "principal_post", "2015-12-31")], CYCLE_ENDS, "fail", 1),
    Case("a principal on its first day", "JY-PRINCIPAL",
         [principal(1), on_day(1, "principal_post", "2016-01-01")], CYCLE_ENDS, "pass"),
    Case("a backbone teacher the day after the cycle", "JY-BACKBONE-THEME",
         [titled(1), on_day(1, "backbone_theme", "2021-01-01")], CYCLE_ENDS, "fail", 1),
    Case("a backbone teacher on its last day", "JY-BACKBONE-THEME",
         [titled(1), on_day(1, "backbone_theme", CYCLE_ENDS)], CYCLE_ENDS, "pass"),
    Case("a master the day before the cycle", "JY-MASTER",
         [titled(1, "master"), on_day(1, "master", "2015-12-31")], CYCLE_ENDS, "fail", 1),
    Case("a master on its first day", "JY-MASTER",
         [titled(1, "master"), on_day(1, "master", "2016-01-01")], CYCLE_ENDS, "pass"),
    Case("a class head without", "JY-HEAD-TEACHER", [head_teacher(1)], CYCLE_ENDS, "fail", 1),
    Case("a backbone teacher", "JY-BACKBONE-THEME", [titled(1), trained(1, "backbone_theme")],
         CYCLE_ENDS, "pass"),
    Case("a backbone teacher without", "JY-BACKBONE-THEME", [titled(1)], CYCLE_ENDS, "fail", 1),
    Case("a master", "JY-MASTER", [titled(1, "master"), trained(1, "master")],
         CYCLE_ENDS, "pass"),
    Case("a master without", "JY-MASTER", [titled(1, "master")], CYCLE_ENDS, "fail", 1),
    Case(
        "backbone and class head teachers", "JY-BACKBONE-HEADS",
        [*BACKBONE_AND_HEAD, trained(1, "backbone_theme"), trained(2, "head_teacher")],
        CYCLE_ENDS, "pass",
    ),
    Case(
        "class head teachers missing", "JY-BACKBONE-HEADS",
        [*BACKBONE_AND_HEAD, trained(1, "backbone_theme")], CYCLE_ENDS, "fail",
    ),
    Case(
        "backbone teachers missing", "JY-BACKBONE-HEADS",
        [*BACKBONE_AND_HEAD, trained(2, "head_teacher")], CYCLE_ENDS, "fail",
    ),
    Case(
        "whose title has ended need not be trained", "JY-BACKBONE-HEADS",
        [
            *BACKBONE_AND_HEAD, trained(1, "backbone_theme"), trained(2, "head_teacher"),
            person(rec=3, staff_no="J003"), titled(3, ended_on="2019-06-30"),
        ],
        CYCLE_ENDS, "pass",
    ),
    Case(
        "masters and subject leaders", "JY-MASTERS",
        [*MASTER_AND_LEADER, trained(1, "master"), trained(2, "subject_leader")],
        CYCLE_ENDS, "pass",
    ),
    Case(
        "one leader missing", "JY-MASTERS", [*MASTER_AND_LEADER, trained(1, "master")],
        CYCLE_ENDS, "fail",
    ),
    Case(
        "a provincial master is not the city's duty", "JY-MASTERS",
        [
            *MASTER_AND_LEADER, trained(1, "master"), trained(2, "subject_leader"),
            person(rec=4, staff_no="J004"), titled(4, "master", level="province"),
        ],
        CYCLE_ENDS, "pass",
    ),
]  # fmt: skip


def assessed(grade: str, date: str = "2019-11-20", **more: Any) -> Fact:
    return fact("ethics", person=1, grade=grade, date=date, **more)


ETHICS = [
    Case("passed", "JY-ETHICS-VETO", [PERSON, assessed("passed")], YEAR_ENDS, "pass"),
    Case("failed", "JY-ETHICS-VETO", [PERSON, assessed("failed")], YEAR_ENDS, "vetoed"),
    Case(
        "failed, but not confirmed yet", "JY-ETHICS-VETO",
        [PERSON, assessed("passed", "2018-11-20"), assessed("failed", state="pending")],
        YEAR_ENDS, "pass",
    ),
    Case(
        "failed in the year before and not assessed since", "JY-ETHICS-VETO",
        [PERSON, assessed("failed", "2018-12-20")], "2019-06-30", "vetoed",
    ),
    Case("passed since", "JY-ETHICS-VETO",
         [PERSON, assessed("failed", "2018-12-20"), assessed("passed", "2019-06-30")],
         "2019-06-30", "pass"),
    Case("passed before", "JY-ETHICS-VETO",
         [PERSON, assessed("passed", "2018-12-20"), assessed("failed", "2019-06-30")],
         "2019-06-30", "vetoed"),
    Case("never assessed", "JY-ETHICS-VETO", [PERSON], YEAR_ENDS, "exempt"),
    Case("passed on the last day of the year", "JY-ETHICS-GATE",
         [PERSON, assessed("passed", YEAR_ENDS)], YEAR_ENDS, "pass"),
    Case("failed last year, not assessed since", "JY-ETHICS-GATE",
         [PERSON, assessed("failed", "2018-12-20")], "2019-06-30", "on_track", 1),
    Case("passed opens", "JY-ETHICS-GATE", [PERSON, assessed("passed")], YEAR_ENDS, "pass"),
    Case("no file", "JY-ETHICS-GATE", [PERSON], YEAR_ENDS, "fail", 1),
    Case("failed stays shut", "JY-ETHICS-GATE", [PERSON, assessed("failed")], YEAR_ENDS, "fail", 1),
]  # fmt: skip


def staff(count: int, **more: Any) -> list[Fact]:
    return many(count, "person", lambda no: {"staff_no": f"T{no}", "full_time": True, **more})


def share(titles: int, of: int) -> list[Fact]:
    return [*staff(of), *(titled(no) for no in range(1, titles + 1))]


TWICE = titled(1, "subject_leader", number="D1")
SHARES = [
    Case("15 %", "JY-SHARE-15", share(15, 100), CYCLE_ENDS, "pass"),
    Case("14.9 %", "JY-SHARE-15", share(149, 1000), CYCLE_ENDS, "pass"),
    Case("13 %, the lower end", "JY-SHARE-15", share(13, 100), CYCLE_ENDS, "pass"),
    Case("12.9 %", "JY-SHARE-15", share(129, 1000), CYCLE_ENDS, "fail"),
    Case("17 %, the upper end", "JY-SHARE-15", share(17, 100), CYCLE_ENDS, "pass"),
    Case("17.1 %", "JY-SHARE-15", share(171, 1000), CYCLE_ENDS, "fail"),
    Case(
        "two titles are one person", "JY-SHARE-15", [*share(12, 100), TWICE], CYCLE_ENDS, "fail",
    ),
    Case(
        "who is not full-time is not in the whole", "JY-SHARE-15",
        [*share(13, 100), *many(50, "person", lambda no: {"staff_no": f"P{no}"}, first=201)],
        CYCLE_ENDS, "pass",
    ),
    Case("no teachers known", "JY-SHARE-15", [], CYCLE_ENDS, "unknown"),
]  # fmt: skip


def trainers(count: int) -> list[Fact]:
    return many(
        count, "trainer",
        lambda no: {"number": f"X{no}", "person": no, "appointed_on": "2018-03-01"},
    )  # fmt: skip


AGAIN = fact("trainer", number="Y3", person=1, appointed_on="2019-03-01")
LEFT = fact("trainer", number="Y1", person=50, appointed_on="2017-03-01", left_on="2019-01-31")
PROPOSED = fact("trainer", number="Y2", person=51, proposed_on="2020-06-01")
TRAINERS = [
    Case("3707 teachers, 13 trainers", "JY-TRAINERS", [*staff(3707), *trainers(13)],
         CYCLE_ENDS, "pass"),
    Case("3707 teachers, 12 trainers", "JY-TRAINERS", [*staff(3707), *trainers(12)],
         CYCLE_ENDS, "fail", 1),
    Case("300 teachers, one", "JY-TRAINERS", [*staff(300), *trainers(1)], CYCLE_ENDS, "pass"),
    Case("301 teachers, one", "JY-TRAINERS", [*staff(301), *trainers(1)], CYCLE_ENDS, "fail", 1),
    Case("301 teachers, one, where a part is not counted", "JY-TRAINERS",
         [*staff(301), *trainers(1)], CYCLE_ENDS, "pass", settings={"trainer_rounding": "down"}),
    Case("301 teachers, two for 200 each", "JY-TRAINERS", [*staff(301), *trainers(2)], CYCLE_ENDS,
         "pass", settings={"teachers_per_trainer": 200}),
    Case("part-time teachers do not count", "JY-TRAINERS",
         [*staff(300), person(rec=900, staff_no="P1"), *trainers(1)], CYCLE_ENDS, "pass"),
    Case("part-time teachers count where a county says so", "JY-TRAINERS",
         [*staff(300), person(rec=900, staff_no="P1"), *trainers(1)], CYCLE_ENDS, "fail", 1,
         settings={"trainer_base_full_time": False}),
    Case("two letters of appointment are one trainer", "JY-TRAINERS",
         [*staff(301), *trainers(1), AGAIN], CYCLE_ENDS, "fail", 1),
    Case("a trainer who has left the county's schools is none", "JY-TRAINERS",
         [*staff(300), person(rec=900, staff_no="G1", active=False),
          fact("trainer", number="G1", person=900, appointed_on="2017-03-01")],
         CYCLE_ENDS, "fail", 1),
    Case("a title of somebody who has left is none", "JY-SHARE-15",
         [*share(12, 100), person(rec=900, staff_no="G1", active=False), titled(900)],
         YEAR_ENDS, "fail"),
    Case("who has left or is only proposed is none", "JY-TRAINERS",
         [*staff(301), *trainers(1), LEFT, PROPOSED], CYCLE_ENDS, "fail", 1),
]  # fmt: skip

TRAINER = [PERSON, *trainers(1)]
TRAINER_HOURS = [
    Case("100 hours received", "JY-TRAINER-100",
         [*TRAINER, hours(6000, "2019-05-10", role="received")], YEAR_ENDS, "pass"),
    Case("a sixtieth of an hour short", "JY-TRAINER-100",
         [*TRAINER, hours(5999, "2019-05-10", role="received")], YEAR_ENDS, "fail", 1),
    Case("hours given do not count", "JY-TRAINER-100",
         [*TRAINER, hours(6000, "2019-05-10", role="given")], YEAR_ENDS, "fail", 6000),
    Case("unless the county counts those", "JY-TRAINER-100",
         [*TRAINER, hours(6000, "2019-05-10", role="given")], YEAR_ENDS, "pass",
         settings={"trainer_given": 1, "trainer_received": 0}),
    Case("hours that say no role are received", "JY-TRAINER-100",
         [*TRAINER, hours(6000, "2019-05-10")], YEAR_ENDS, "pass"),
    Case("hours of the school year where a county counts by that", "JY-TRAINER-100",
         [*TRAINER, hours(6000, "2018-12-31", role="received")], "2019-08-31", "pass",
         settings={"trainer_year": "school_year"}),
    Case("hours of the year before do not count", "JY-TRAINER-100",
         [*TRAINER, hours(6000, "2018-12-31", role="received")], YEAR_ENDS, "fail", 6000),
]  # fmt: skip


def studio(first: str, last: str, **more: Any) -> Fact:
    row = {"person": 1, "studio": "G01", "starts_on": first, "ends_on": last, **more}
    return fact("studio_stay", **row)


BEFORE = hours(1350, "2019-08-26", programme="pre_service")
HIRED_IN_SEPTEMBER = person(rec=1, staff_no="J001", full_time=True, hired_on="2019-09-01")
NEW_TEACHERS = [
    Case("twelve months after the training", "JY-NEW",
         [NEW, BEFORE, studio("2019-09-01", "2020-08-31")], CYCLE_ENDS, "pass"),
    Case("ten months where the county asks for ten", "JY-NEW",
         [NEW, BEFORE, studio("2019-09-01", "2020-06-30")], CYCLE_ENDS, "pass",
         settings={"studio_months": 10}),
    Case("a day short", "JY-NEW",
         [NEW, BEFORE, studio("2019-09-01", "2020-08-30")], CYCLE_ENDS, "fail"),
    Case("in two halves", "JY-NEW",
         [NEW, BEFORE, studio("2019-09-01", "2020-02-29"), studio("2020-03-01", "2020-08-31")],
         CYCLE_ENDS, "pass"),
    Case("studio without the training before", "JY-NEW",
         [NEW, studio("2019-09-01", "2020-08-31")], CYCLE_ENDS, "fail"),
    Case("training after the studio", "JY-NEW",
         [NEW, hours(1350, "2020-09-05", programme="pre_service"),
          studio("2019-09-01", "2020-08-31")], CYCLE_ENDS, "fail"),
    Case("trained before the first day", "JY-NEW",
         [HIRED_IN_SEPTEMBER, hours(1350, "2019-08-20", programme="pre_service"),
          studio("2019-09-01", "2020-08-31")], CYCLE_ENDS, "pass"),
    Case("trained more than a year before the first day", "JY-NEW",
         [HIRED_IN_SEPTEMBER, hours(1350, "2018-08-31", programme="pre_service"),
          studio("2019-09-01", "2020-08-31")], CYCLE_ENDS, "fail"),
    Case("the training only", "JY-NEW", [NEW, BEFORE], CYCLE_ENDS, "fail"),
]  # fmt: skip

CENTRAL = fact("unit", rec=1, code="C1", name="承留镇中心校", what="central")


def team(name: str, **more: Any) -> Fact:
    row = {"name": name, "what": "workshop", "founded_on": "2018-09-01", **more}
    return fact("team", **row)


THREE = [team("语文工作坊"), team("数学工作坊"), team("东片研修团队", what="team")]
RESEARCH_PLAN = fact("plan", what="school_research", name="计划", date="2019-09-20")
TEAMS = [
    Case("three", "JY-TEAMS", [CENTRAL, *THREE], CYCLE_ENDS, "pass"),
    Case("two", "JY-TEAMS", [CENTRAL, *THREE[:2]], CYCLE_ENDS, "fail", 1),
    Case("one of three dissolved", "JY-TEAMS",
         [CENTRAL, *THREE[:2], team("英语工作坊", dissolved_on="2020-03-01")],
         CYCLE_ENDS, "fail", 1),
    Case("founded after the day", "JY-TEAMS",
         [CENTRAL, *THREE[:2], team("英语工作坊", founded_on="2021-01-01")], CYCLE_ENDS, "fail", 1),
    Case("a team of another central school", "JY-TEAMS",
         [CENTRAL, *THREE[:2], team("英语工作坊", scope="S2")], CYCLE_ENDS, "fail", 1),
    Case("a plan this school year", "JY-RESEARCH-PLAN", [RESEARCH_PLAN], "2020-08-31", "pass",
         subject="S1"),
    Case("no plan", "JY-RESEARCH-PLAN", [], "2020-08-31", "fail", 1, subject="S1"),
    Case("last year's plan", "JY-RESEARCH-PLAN",
         [fact("plan", what="school_research", name="计划", date="2019-08-31")],
         "2020-08-31", "fail", 1, subject="S1"),
    Case("a township's plan", "JY-TOWNSHIP-PLAN",
         [CENTRAL, fact("plan", what="township_plan", name="规划", date="2016-03-01")],
         CYCLE_ENDS, "pass"),
    Case("a township's plan of the last day", "JY-TOWNSHIP-PLAN",
         [CENTRAL, fact("plan", what="township_plan", name="规划", date=CYCLE_ENDS)],
         CYCLE_ENDS, "pass"),
    Case("a township's plan of the cycle before", "JY-TOWNSHIP-PLAN",
         [CENTRAL, fact("plan", what="township_plan", name="规划", date="2015-12-31")],
         CYCLE_ENDS, "fail", 1),
    Case("a township without a plan", "JY-TOWNSHIP-PLAN", [CENTRAL], CYCLE_ENDS, "fail", 1),
]  # fmt: skip


def resource(**more: Any) -> Fact:
    row = {"person": 1, "name": "课例", "what": "lesson", "subject": "maths", "date": "2019-05-06"}
    return fact("contribution", **{**row, **more})


BACKBONE = [PERSON, titled(1)]
RESOURCES = [
    Case("one resource", "JY-RESOURCE", [*BACKBONE, resource()], YEAR_ENDS, "pass"),
    Case("none", "JY-RESOURCE", BACKBONE, YEAR_ENDS, "fail", 1),
    Case("not accepted yet", "JY-RESOURCE", [*BACKBONE, resource(state="pending")],
         YEAR_ENDS, "fail", 1),
    Case("of somebody else", "JY-RESOURCE", [*BACKBONE, resource(person=2)], YEAR_ENDS, "fail", 1),
    Case("one where the county asks for two", "JY-RESOURCE", [*BACKBONE, resource()],
         YEAR_ENDS, "fail", 1, settings={"resources_a_year": 2}),
]  # fmt: skip


def city(item: str, amount: int, **more: Any) -> Fact:
    row = {"item": item, "amount": amount, "basis": "budget", "date": "2019-01-15", **more}
    return fact("city_budget", **row)


def school(item: str, amount: int, **more: Any) -> Fact:
    row = {"item": item, "amount": amount, "basis": "budget", "date": "2019-01-15", **more}
    return fact("school_budget", **row)


# 100 million yuan of salaries; 200,000 yuan of running costs.
SALARIES = city("salary_total", 10_000_000_000)
RUNNING = school("public_fund", 20_000_000)
MONEY = [
    Case("exactly 1.5 %", "JY-BUDGET-CITY", [SALARIES, city("training", 150_000_000)],
         YEAR_ENDS, "pass"),
    Case("a fen below 1.5 %", "JY-BUDGET-CITY", [SALARIES, city("training", 149_999_999)],
         YEAR_ENDS, "fail"),
    Case("exactly 2.5 %", "JY-BUDGET-CITY", [SALARIES, city("training", 250_000_000)],
         YEAR_ENDS, "pass"),
    Case("a fen above 2.5 %", "JY-BUDGET-CITY", [SALARIES, city("training", 250_000_001)],
         YEAR_ENDS, "fail"),
    Case("two lines together", "JY-BUDGET-CITY",
         [SALARIES, city("training", 100_000_000), city("training", 60_000_000)],
         YEAR_ENDS, "pass"),
    Case("what is spent is not what is planned", "JY-BUDGET-CITY",
         [SALARIES, city("training", 200_000_000, basis="outturn")], YEAR_ENDS, "fail"),
    Case("the outturn of salaries does not double them", "JY-BUDGET-CITY",
         [SALARIES, city("salary_total", 9_900_000_000, basis="outturn"),
          city("training", 150_000_000)], YEAR_ENDS, "pass"),
    Case("salaries not known", "JY-BUDGET-CITY", [city("training", 150_000_000)],
         YEAR_ENDS, "unknown"),
    Case("exactly 5 %", "JY-BUDGET-SCHOOL", [RUNNING, school("training", 1_000_000)],
         YEAR_ENDS, "pass", subject="S1"),
    Case("a fen below 5 %", "JY-BUDGET-SCHOOL", [RUNNING, school("training", 999_999)],
         YEAR_ENDS, "fail", subject="S1"),
    Case("money of another school", "JY-BUDGET-SCHOOL",
         [RUNNING, school("training", 1_000_000, scope="S2")], YEAR_ENDS, "fail", subject="S1"),
    Case("outturn where the budget counts", "JY-BUDGET-SCHOOL",
         [RUNNING, school("training", 1_000_000, basis="outturn")], YEAR_ENDS, "fail",
         subject="S1"),
]  # fmt: skip

RUN = fact(
    "run", rec=1, number="SP01", name="班主任培训", programme="head_teacher",
    starts_on="2019-07-15", ends_on="2019-07-19",
)  # fmt: skip


def enrolled(count: int) -> list[Fact]:
    return many(count, "enrolment", lambda no: {"run": "SP01", "person": no, "date": "2019-06-20"})


CLASSES = [
    Case("forty in a class", "JY-CLASS-SIZE", [RUN, *enrolled(40)], YEAR_ENDS, "pass"),
    Case("thirty-nine in a class", "JY-CLASS-SIZE", [RUN, *enrolled(39)], YEAR_ENDS, "pass"),
    Case("forty-one in a class", "JY-CLASS-SIZE", [RUN, *enrolled(41)], YEAR_ENDS, "fail", 1),
]

ALL = [
    *HOURS_360, *COVERAGE, *ETHICS, *SHARES, *TRAINERS, *TRAINER_HOURS, *NEW_TEACHERS, *TEAMS,
    *RESOURCES, *MONEY, *CLASSES,
]  # fmt: skip


@pytest.mark.parametrize("case", ALL, ids=lambda case: f"{case.rule} {case.id}")
def test_rule_of_jiyuan_says(case: Case) -> None:
    check("jiyuan", case)


def test_every_rule_of_jiyuan_is_tried_both_ways() -> None:
    assert untried("jiyuan", ALL) == []


def test_every_rule_of_jiyuan_is_tried_three_times_and_says_what_fills_it() -> None:
    tried = Counter(case.rule for case in ALL)
    rules = load("jiyuan").rules
    assert [each for each in rules if tried[each] < 3] == []
    assert [each.id for each in rules.values() if each.fill is None] == []


@pytest.mark.parametrize(
    ("grade", "status", "veto"),
    [("failed", "vetoed", "JY-ETHICS-VETO"), ("passed", "pass", "")],
)
def test_a_failed_ethics_assessment_reaches_the_titles_of_the_person(
    grade: str, status: str, veto: str
) -> None:
    """The registration is of the title, the veto of the person."""
    given = [
        PERSON, assessed(grade, "2018-12-20"), titled(1),
        fact("contribution", person=1, date="2019-05-01"),
    ]  # fmt: skip
    rows: dict[str, list[Any]] = {}
    for each in given:
        rows.setdefault(each.of, []).append(each.row)
    results = evaluate_rows(load("jiyuan"), rows, YEAR_ENDS).results
    found = next(each for each in results if each.rule == "JY-RESOURCE")
    assert (found.status, found.vetoed_by) == (status, veto)
    assert bool(found.effects) is (not veto)
