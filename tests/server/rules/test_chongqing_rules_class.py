"""Chongqing, classes for vocational teachers (S2.52-75): every duty with classes and trainees that
pass, fail and stand on the border. Class hours are in sixtieths: 260 are 15600."""

from typing import Any

import pytest

from tests.server.rules.chongqing import Case, Fact, check, fact

END = "2024-05-31"


def run(level: str, first: str = "2024-04-01", last: str = END) -> Fact:
    days = {"starts_on": first, "ends_on": last}
    return fact("training_class", rec=1, no="B1", title="数控技术班", level=level, **days)


def course(minutes: int, part: str = "theory", rec: int = 1) -> Fact:
    row = {"rec": rec, "no": f"K{rec}", "title": "课程", "training_class": 1}
    return fact("course", part=part, minutes=minutes, **row)


def plan(theory: int, professional: int, enterprise: int) -> list[Fact]:
    parts = {"theory": theory, "professional": professional, "enterprise": enterprise}
    courses = [course(minutes, part, rec) for rec, (part, minutes) in enumerate(parts.items(), 1)]
    return [run("national"), *courses]


def event(kind: str, date: str, **more: Any) -> Fact:
    return fact("class_event", training_class=1, kind=kind, date=date, **more)


def issued(date: str, *, units: bool = True, lecturers: bool = True) -> Fact:
    return event("schedule", date, sent_to_units=units, with_lecturers=lecturers)


def inspected(*stages: str) -> list[Fact]:
    day = {"training_class": "B1", "date": "2024-04-20"}
    return [run("national"), *(fact("inspection", stage=stage, **day) for stage in stages)]


TRAINEE = fact("enrolment", rec=1, no="1", training_class=1, name="陈志远", unit="江北职教中心")
OTHER = fact("enrolment", rec=2, no="2", training_class=1, name="罗晓燕", unit="荣昌职教中心")


def was(presence: str, minutes: int, *, course: int = 1, enrolment: int = 1) -> Fact:
    row = {
        "enrolment": str(enrolment),
        "course": f"K{course}",
        "date": "2024-04-10",
        "presence": presence,
    }
    return fact("attendance", minutes=minutes, **row)


def graded(result: str, resit_result: str | None = None) -> Fact:
    row = {"enrolment": "1", "course": "K1", "date": "2024-05-30", "result": result}
    return fact("grade", resit_result=resit_result, **row)


ONE_COURSE = [run("national"), TRAINEE, course(1800)]
TWO_COURSES = [run("national"), TRAINEE, course(1800), course(1800, "enterprise", 2)]

PLAN = [
    Case("S2.53 two months, 260 hours", "ZZ-53", [run("national"), course(15600)], END, "pass"),
    Case("S2.53 259 hours", "ZZ-53", [run("national"), course(15540)], END, "fail"),
    Case("S2.53 a sixtieth short", "ZZ-53", [run("national"), course(15599)], END, "fail"),
    Case(
        "S2.53 a day short of two months", "ZZ-53",
        [run("national", "2024-04-02"), course(15600)], END, "fail",
    ),
    Case(
        "S2.53 six months are not two", "ZZ-53",
        [run("national", "2023-12-01"), course(15600)], END, "fail",
    ),
    Case(
        "S2.54 a month, 130 hours", "ZZ-54",
        [run("province", "2024-05-01"), course(7800)], END, "pass",
    ),
    Case("S2.54 129 hours", "ZZ-54", [run("province"), course(7740)], END, "fail"),
    Case(
        "S2.54 a day short of a month", "ZZ-54",
        [run("province", "2024-05-02"), course(7800)], END, "fail",
    ),
    Case("S2.55 20 %", "ZZ-55", plan(200, 300, 500), END, "pass"),
    Case("S2.55 15 %, the lower end", "ZZ-55", plan(150, 300, 550), END, "pass"),
    Case("S2.55 25 %, the upper end", "ZZ-55", plan(250, 300, 450), END, "pass"),
    Case("S2.55 14.9 %", "ZZ-55", plan(149, 300, 551), END, "fail"),
    Case("S2.55 25.1 %", "ZZ-55", plan(251, 300, 449), END, "fail"),
    Case(
        "S2.55 16 % where two points are allowed", "ZZ-55", plan(160, 300, 540), END, "fail",
        set={"share_tolerance": "2%"},
    ),
    Case("S2.55 nothing planned", "ZZ-55", [run("national")], END, "unknown"),
    Case("S2.56 30 %", "ZZ-56", plan(200, 300, 500), END, "pass"),
    Case("S2.56 35 %, the upper end", "ZZ-56", plan(200, 350, 450), END, "pass"),
    Case("S2.56 24.9 %", "ZZ-56", plan(200, 249, 551), END, "fail"),
    Case("S2.57 50 %", "ZZ-57", plan(200, 300, 500), END, "pass"),
    Case("S2.57 45 %, the lower end", "ZZ-57", plan(250, 300, 450), END, "pass"),
    Case("S2.57 55.1 %", "ZZ-57", plan(199, 250, 551), END, "fail"),
]  # fmt: skip

OPERATION = [
    Case(
        "S2.59 the day before", "ZZ-59",
        [run("national"), event("coordination", "2024-03-31")], END, "pass",
    ),
    Case(
        "S2.59 on the first day", "ZZ-59",
        [run("national"), event("coordination", "2024-04-01")], END, "fail",
    ),
    Case("S2.59 never", "ZZ-59", [run("national")], END, "fail"),
    Case("S2.59 still time", "ZZ-59", [run("national")], "2024-03-01", "on_track"),
    Case("S2.62 the day before", "ZZ-62", [run("national"), issued("2024-03-31")], END, "pass"),
    Case("S2.62 on the first day", "ZZ-62", [run("national"), issued("2024-04-01")], END, "fail"),
    Case(
        "S2.62 without the lecturers", "ZZ-62",
        [run("national"), issued("2024-03-20", lecturers=False)], END, "fail",
    ),
    Case(
        "S2.62 kept in the drawer", "ZZ-62",
        [run("national"), issued("2024-03-20", units=False)], END, "fail",
    ),
    Case(
        "S2.72 all three", "ZZ-72", inspected("preparation", "midterm", "final"), END, "pass"
    ),
    Case("S2.72 two", "ZZ-72", inspected("preparation", "final"), END, "fail", 1),
    Case(
        "S2.72 three times the same", "ZZ-72", inspected("final", "final", "final"), END, "fail", 2
    ),
]  # fmt: skip

ATTENDANCE = [
    Case("S2.67 always there", "ZZ-67", [*ONE_COURSE, was("present", 1800)], END, "pass"),
    Case("S2.67 exactly a third", "ZZ-67", [*ONE_COURSE, was("absent", 600)], END, "vetoed"),
    Case("S2.67 a sixtieth less", "ZZ-67", [*ONE_COURSE, was("absent", 599)], END, "pass"),
    Case("S2.67 a sixtieth more", "ZZ-67", [*ONE_COURSE, was("absent", 601)], END, "vetoed"),
    Case("S2.67 leave counts too", "ZZ-67", [*ONE_COURSE, was("excused", 600)], END, "vetoed"),
    Case(
        "S2.67 leave and absence together", "ZZ-67",
        [*ONE_COURSE, was("excused", 300), was("absent", 300)], END, "vetoed",
    ),
    Case(
        "S2.67 leave where the centre excuses it", "ZZ-67",
        [*ONE_COURSE, was("excused", 600)], END, "pass", set={"absence_counts_from": "absent"},
    ),
    Case(
        "S2.67 what others missed does not count", "ZZ-67",
        [*ONE_COURSE, OTHER, was("present", 1800), was("absent", 1800, enrolment=2)], END, "pass",
    ),
    Case("S2.69 a third of all", "ZZ-69", [*TWO_COURSES, was("absent", 1200)], END, "vetoed"),
    Case("S2.69 a sixtieth less", "ZZ-69", [*TWO_COURSES, was("absent", 1199)], END, "pass"),
    Case(
        "S2.69 a third over both courses", "ZZ-69",
        [*TWO_COURSES, was("absent", 500), was("excused", 700, course=2)], END, "vetoed",
    ),
    Case("S2.69 a third of one course", "ZZ-69", [*TWO_COURSES, was("absent", 600)], END, "pass"),
    Case("S2.70 pass", "ZZ-70", [*ONE_COURSE, was("present", 45), graded("pass")], END, "pass"),
    Case("S2.70 fail", "ZZ-70", [*ONE_COURSE, was("present", 45), graded("fail")], END, "fail"),
    Case(
        "S2.70 passed at the resit", "ZZ-70",
        [*ONE_COURSE, was("present", 45), graded("fail", "pass")], END, "pass",
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", [*PLAN, *OPERATION, *ATTENDANCE], ids=lambda case: case.id)
def test_rule_of_classes_says(case: Case) -> None:
    check(case)
