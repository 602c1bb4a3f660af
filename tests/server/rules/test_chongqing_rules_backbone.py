"""Chongqing, training, mentors and duties of backbone teachers (S2.6-27): every rule with subjects
that pass, fail and stand on the border."""

from typing import Any

import pytest

from tests.server.rules.chongqing import CITY, Case, Fact, check, duty, fact, person

EVE = "2024-12-31"
AUTUMN_ENDS = "2025-01-31"

STATE = person(rec=1, staff_no="T001", name="李春兰", backbone="national")
TWO_OF_THE_CITY = (
    person(rec=2, staff_no="T002", name="王国强", backbone="province"),
    person(rec=3, staff_no="T003", name="陈晓梅", backbone="province"),
)
TWO_OF_THE_DISTRICT = (
    person(rec=2, staff_no="T002", name="王国强", backbone="county"),
    person(rec=3, staff_no="T003", name="陈晓梅", backbone="county"),
)


def coached(mentee: str, date: str = "2024-04-10") -> Fact:
    return fact("coaching", person=1, mentee=mentee, date=date, minutes=120)


def trainee(level: str, last: str) -> Fact:
    days = {"starts_on": "2024-03-01", "ends_on": last}
    return fact("trainee", rec=1, no="X1", person="T001", name="李春兰", level=level, **days)


def phase(kind: str, first: str, last: str) -> Fact:
    return fact("training_phase", trainee="X1", kind=kind, starts_on=first, ends_on=last)


def mentored(mentor: str, date: str = "2024-03-01", **more: Any) -> Fact:
    row = {"mentor": mentor, "mentee": "T001", "school": "望江小学", "starts_on": date, **more}
    return fact("mentorship", **row)


def panel(kind: str) -> Fact:
    return fact("panel", rec=1, no="J1", name="指导机构", kind=kind)


def did(kind: str, date: str, **more: Any) -> Fact:
    return fact("panel_event", panel=1, kind=kind, date=date, topic="课程改革", **more)


MENTOR = fact("mentor", rec=1, no="D1", name="周文渊", standing="valid")
PAIR = mentored("D1", rec=1)


def guided(kind: str, date: str, **more: Any) -> Fact:
    return fact("guidance", mentor="D1", mentorship=1, kind=kind, date=date, **more)


LINK = fact("linked_school", rec=1, person=1, school="柏林村小", starts_on="2023-09-01")
SHORT_TRAINING = (
    phase("concentrated", "2024-03-01", "2024-04-15"),
    phase("practice", "2024-04-16", "2024-10-15"),
)


TRAINING = [
    Case("S2.6 twelve months", "CQ-6", [trainee("national", "2025-02-28")], EVE, "pass"),
    Case("S2.6 twelve months and a day", "CQ-6", [trainee("national", "2025-03-01")], EVE, "fail"),
    Case("S2.6 thirteen months", "CQ-6", [trainee("national", "2025-04-01")], EVE, "fail"),
    Case(
        "S2.10 three and nine months", "CQ-10",
        [
            trainee("national", "2025-02-28"),
            phase("concentrated", "2024-03-01", "2024-05-31"),
            phase("practice", "2024-06-01", "2025-02-28"),
        ],
        "2025-02-28", "pass",
    ),
    Case(
        "S2.10 one day less together", "CQ-10",
        [
            trainee("national", "2025-02-28"),
            phase("concentrated", "2024-03-01", "2024-05-30"),
            phase("practice", "2024-06-01", "2025-02-28"),
        ],
        "2025-02-28", "fail",
    ),
    Case(
        "S2.10 no practice", "CQ-10",
        [trainee("national", "2025-02-28"), phase("concentrated", "2024-03-01", "2024-05-31")],
        "2025-02-28", "fail",
    ),
    Case(
        "S2.11 one and a half and six months", "CQ-11",
        [trainee("province", "2024-10-15"), *SHORT_TRAINING], "2024-10-15", "pass",
    ),
    Case(
        "S2.11 one day less together", "CQ-11",
        [
            trainee("province", "2024-10-15"),
            phase("concentrated", "2024-03-01", "2024-04-14"),
            phase("practice", "2024-04-16", "2024-10-15"),
        ],
        "2024-10-15", "fail",
    ),
    Case(
        "S2.11 nothing recorded", "CQ-11", [trainee("province", "2024-10-15")], "2024-10-15", "fail"
    ),
    Case(
        "S2.6 followed instead of S2.11: a year altogether", "CQ-11",
        [trainee("province", "2024-10-15"), *SHORT_TRAINING], "2024-10-15", "fail",
        set={"city_practice_months": "10.5"},
    ),
    Case(
        "S2.12 two mentors", "CQ-12",
        [trainee("national", "2025-02-28"), mentored("D1"), mentored("D2")], "2025-02-28", "pass",
    ),
    Case(
        "S2.12 a mentor named the day before the period", "CQ-12",
        [trainee("national", "2025-02-28"), mentored("D1", "2024-02-29"), mentored("D2")],
        "2025-02-28", "pass",
    ),
    Case(
        "S2.12 one mentor", "CQ-12",
        [trainee("national", "2025-02-28"), mentored("D1")], "2025-02-28", "fail", 1,
    ),
    Case(
        "S2.12 the same mentor twice", "CQ-12",
        [trainee("national", "2025-02-28"), mentored("D1"), mentored("D1", "2024-06-01")],
        "2025-02-28", "fail", 1,
    ),
    Case(
        "S2.13 visit and defence", "CQ-13",
        [
            trainee("national", "2025-02-28"),
            phase("return_visit", "2024-10-10", "2024-10-10"),
            phase("defence", "2025-02-20", "2025-02-20"),
        ],
        "2025-02-28", "pass",
    ),
    Case(
        "S2.13 visit without a defence", "CQ-13",
        [trainee("national", "2025-02-28"), phase("return_visit", "2024-10-10", "2024-10-10")],
        "2025-02-28", "fail", 1,
    ),
    Case(
        "S2.13 two visits are no defence", "CQ-13",
        [
            trainee("national", "2025-02-28"),
            phase("return_visit", "2024-10-10", "2024-10-10"),
            phase("return_visit", "2024-11-10", "2024-11-10"),
        ],
        "2025-02-28", "fail", 1,
    ),
]  # fmt: skip

GUIDANCE = [
    Case(
        "S2.15 one seminar", "CQ-15",
        [panel("committee"), did("seminar", "2024-11-05")], AUTUMN_ENDS, "pass",
    ),
    Case(
        "S2.15 on the last day of the term", "CQ-15",
        [panel("committee"), did("report_meeting", AUTUMN_ENDS)], AUTUMN_ENDS, "pass",
    ),
    Case(
        "S2.15 a day before the term", "CQ-15",
        [panel("committee"), did("report_meeting", "2024-08-31")], AUTUMN_ENDS, "fail", 1,
    ),
    Case(
        "S2.15 meetings are not seminars", "CQ-15",
        [panel("committee"), did("meeting", "2024-11-05")], AUTUMN_ENDS, "fail", 1,
    ),
    Case("S2.16 lecture", "CQ-16", [MENTOR, guided("lecture", "2024-10-11")], AUTUMN_ENDS, "pass"),
    Case("S2.16 no lecture", "CQ-16", [MENTOR], AUTUMN_ENDS, "fail", 1),
    Case(
        "S2.16 a visit is no lecture", "CQ-16",
        [MENTOR, guided("visit", "2024-10-11")], AUTUMN_ENDS, "fail", 1,
    ),
    Case(
        "S2.17 project of the city", "CQ-17",
        [panel("subject_group"), did("project", "2024-03-05", level="province")], EVE, "pass",
    ),
    Case(
        "S2.17 project of the state", "CQ-17",
        [panel("subject_group"), did("project", "2024-03-05", level="national")], EVE, "pass",
    ),
    Case(
        "S2.17 project one level below", "CQ-17",
        [panel("subject_group"), did("project", "2024-03-05", level="prefecture")], EVE, "fail", 1,
    ),
    Case(
        "S2.18 at the mentee's school", "CQ-18",
        [PAIR, guided("visit", "2024-10-11", school="望江小学")], AUTUMN_ENDS, "pass",
    ),
    Case(
        "S2.18 at another school", "CQ-18",
        [PAIR, guided("visit", "2024-10-11", school="柏林村小")], AUTUMN_ENDS, "fail", 1,
    ),
    Case(
        "S2.18 in the term before", "CQ-18",
        [PAIR, guided("visit", "2024-07-15", school="望江小学")], AUTUMN_ENDS, "fail", 1,
    ),
]  # fmt: skip

BOOK = duty("book_notes", "2024-05-06", proof="reading_notes")
PROJECT = duty("research", "2024-05-06", level="province", share="take_part", proof="stage_result")
BARE = duty("research", "2024-05-06", level="province", share="lead")

DUTIES = [
    Case("S2.20 book with notes", "CQ-20", [CITY, BOOK], EVE, "pass"),
    Case("S2.20 book without notes", "CQ-20", [CITY, duty("book_notes", EVE)], EVE, "fail", 1),
    Case(
        "S2.20 book of the year before", "CQ-20",
        [CITY, duty("book_notes", "2023-12-31", proof="reading_notes")], EVE, "fail", 1,
    ),
    Case("S2.20 still time", "CQ-20", [CITY], "2024-03-01", "on_track", 1),
    Case(
        "S2.21 reflection", "CQ-21", [CITY, duty("reflection", "2024-09-01")], AUTUMN_ENDS, "pass"
    ),
    Case(
        "S2.21 reflection not yet found of value", "CQ-21",
        [CITY, duty("reflection", "2024-09-01", state="pending")], AUTUMN_ENDS, "fail", 1,
    ),
    Case(
        "S2.21 a day before the term", "CQ-21",
        [CITY, duty("reflection", "2024-08-31")], AUTUMN_ENDS, "fail", 1,
    ),
    Case("S2.22 project with interim result", "CQ-22", [CITY, PROJECT], EVE, "pass"),
    Case("S2.22 project without result", "CQ-22", [CITY, BARE], EVE, "fail"),
    Case(
        "S2.22 project of the district", "CQ-22",
        [CITY, duty("research", EVE, level="county", share="lead", proof="research_report")],
        EVE, "fail",
    ),
    Case(
        "S2.22 by cycle: a project of the year before counts", "CQ-22",
        [
            CITY,
            duty("research", "2023-05-06", level="national", share="lead", proof="research_report"),
        ],
        EVE, "pass", set={"projects_a_year": 0, "projects_a_cycle": 1},
    ),
    Case("S2.23 paper", "CQ-23", [CITY, duty("paper", EVE, level="province")], EVE, "pass"),
    Case(
        "S2.23 third prize of the province", "CQ-23",
        [CITY, duty("award", EVE, level="province", prize="third")], EVE, "pass",
    ),
    Case(
        "S2.23 first prize of the district", "CQ-23",
        [CITY, duty("award", EVE, level="county", prize="first")], EVE, "fail",
    ),
    Case(
        "S2.23 award without prize", "CQ-23",
        [CITY, duty("award", EVE, level="province")], EVE, "fail",
    ),
    Case("S2.23 neither", "CQ-23", [CITY], EVE, "fail"),
    Case(
        "S2.24 for the whole school", "CQ-24",
        [CITY, duty("demo_lesson", "2024-10-08", audience="whole_school")], AUTUMN_ENDS, "pass",
    ),
    Case(
        "S2.24 for the teaching group", "CQ-24",
        [CITY, duty("demo_lesson", "2024-10-08", audience="group")], AUTUMN_ENDS, "fail", 1,
    ),
    Case(
        "S2.24 on the first day of the next term", "CQ-24",
        [CITY, duty("demo_lesson", "2025-03-01", audience="whole_school")], AUTUMN_ENDS, "fail", 1,
    ),
    Case(
        "S2.25 report, course and cluster", "CQ-25",
        [
            CITY,
            duty("report", "2024-10-08"),
            duty("course", "2024-10-09", course="作文教学"),
            duty("cluster_research", "2024-10-10", cluster="江北片区"),
        ],
        AUTUMN_ENDS, "pass",
    ),
    Case(
        "S2.25 course not named", "CQ-25",
        [
            CITY,
            duty("report", "2024-10-08"),
            duty("course", "2024-10-09"),
            duty("cluster_research", "2024-10-10", cluster="江北片区"),
        ],
        AUTUMN_ENDS, "fail",
    ),
    Case("S2.25 only a report", "CQ-25", [CITY, duty("report", "2024-10-08")], AUTUMN_ENDS, "fail"),
    Case("S2.26 linked school", "CQ-26", [CITY, LINK], EVE, "pass"),
    Case(
        "S2.26 link ended", "CQ-26",
        [CITY, fact("linked_school", person=1, school="柏林村小", ends_on="2024-07-01")],
        EVE, "fail", 1,
    ),
    Case("S2.26 no linked school", "CQ-26", [CITY], EVE, "fail", 1),
    Case(
        "S2.26 visit with advice", "CQ-26-VISIT",
        [CITY, LINK, fact("link_visit", linked_school=1, date="2024-11-20", opinion="重视阅读")],
        AUTUMN_ENDS, "pass",
    ),
    Case(
        "S2.26 visit on the last day of the term", "CQ-26-VISIT",
        [CITY, LINK, fact("link_visit", linked_school=1, date=AUTUMN_ENDS, opinion="重视阅读")],
        AUTUMN_ENDS, "pass",
    ),
    Case(
        "S2.26 visit without advice", "CQ-26-VISIT",
        [CITY, LINK, fact("link_visit", linked_school=1, date="2024-11-20")],
        AUTUMN_ENDS, "fail", 1,
    ),
    Case(
        "S2.27 two of the city", "CQ-27",
        [STATE, *TWO_OF_THE_CITY, coached("T002"), coached("T003")], EVE, "pass",
    ),
    Case(
        "S2.27 the same twice", "CQ-27",
        [STATE, *TWO_OF_THE_CITY, coached("T002"), coached("T002", "2024-05-10")], EVE, "fail", 1,
    ),
    Case(
        "S2.27 two of the district do not count for a national one", "CQ-27",
        [STATE, *TWO_OF_THE_DISTRICT, coached("T002"), coached("T003")], EVE, "fail", 2,
    ),
    Case(
        "S2.27 city: two of the district", "CQ-27-CITY",
        [CITY, *TWO_OF_THE_DISTRICT, coached("T002"), coached("T003")], EVE, "pass",
    ),
    Case(
        "S2.27 city: the second on the last day of the year", "CQ-27-CITY",
        [CITY, *TWO_OF_THE_DISTRICT, coached("T002"), coached("T003", EVE)], EVE, "pass",
    ),
    Case(
        "S2.27 city: one of the district", "CQ-27-CITY",
        [CITY, *TWO_OF_THE_DISTRICT, coached("T002")], EVE, "fail", 1,
    ),
]  # fmt: skip

UNHEARD = [
    Case("no word from the school", "CQ-20", [CITY], EVE, "unknown", heard="2024-06-30"),
    Case("no word, but done before", "CQ-20", [CITY, BOOK], EVE, "pass", heard="2024-06-30"),
]


@pytest.mark.parametrize(
    "case", [*TRAINING, *GUIDANCE, *DUTIES, *UNHEARD], ids=lambda case: case.id
)
def test_rule_of_backbone_teachers_says(case: Case) -> None:
    check(case)
