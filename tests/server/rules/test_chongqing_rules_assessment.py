"""Chongqing, assessment and money of backbone teachers (S2.9, S2.30-48): every rule with subjects
that pass, fail and stand on the border. Class hours are in sixtieths: 72 are 4320."""

from typing import Any

import pytest

from tests.server.rules.chongqing import CITY, Case, Fact, check, duty, fact, person

EVE = "2024-12-31"
OTHER = person(rec=2, staff_no="T002", name="王国强", backbone="province")
MENTOR = fact("mentor", rec=1, no="D1", name="周文渊", standing="valid")
APPOINTED = fact(
    "backbone", rec=1, certificate_no="G1", person=1, level="province",
    cycle_from="2020-01-01", standing="valid",
)  # fmt: skip
REVOKED = (MENTOR, fact("misconduct", mentor="D1", kind="neglect", date="2024-05-06"))


def concluded(year: int, result: str = "qualified", person: int = 1) -> Fact:
    return fact("conclusion", person=person, year_end=f"{year}-12-31", result=result)


def passed(*years: int) -> tuple[Fact, ...]:
    return tuple(concluded(year) for year in years)


def leave(first: str, last: str, state: str = "approved") -> Fact:
    days = {"starts_on": first, "ends_on": last}
    return fact("duty_leave", person=1, kind="study", state=state, **days)


def handed_in(day: str | None, person: int = 1) -> Fact:
    row = {"person": person, "year_end": EVE, "record": "本年工作", "handed_in_on": day}
    return fact("assessment", **row)


def attended(minutes: int, date: str = "2024-08-05") -> Fact:
    return fact("hour", person=1, date=date, title="集中培训", minutes=minutes)


ASSESSMENT = [
    Case("S2.9 passed", "CQ-9", [CITY, concluded(2024)], EVE, "pass"),
    Case("S2.9 not passed", "CQ-9", [CITY, concluded(2024, "unqualified")], EVE, "fail", 1),
    Case("S2.9 passed the year before", "CQ-9", [CITY, concluded(2023)], EVE, "fail", 1),
    Case(
        "S2.30 a conclusion every year", "CQ-30",
        [CITY, APPOINTED, *passed(2020, 2021, 2022, 2023, 2024)], EVE, "pass",
    ),
    Case(
        "S2.30 one year without", "CQ-30",
        [CITY, APPOINTED, *passed(2020, 2021, 2023, 2024)], EVE, "fail",
    ),
    Case(
        "S2.30 two conclusions in one year", "CQ-30",
        [CITY, APPOINTED, *passed(2020, 2021, 2022, 2023, 2024, 2024)], EVE, "fail",
    ),
    Case(
        "S2.30 a conclusion that was negative is an assessment too", "CQ-30",
        [CITY, APPOINTED, *passed(2020, 2021, 2022, 2023), concluded(2024, "unqualified")],
        EVE, "pass",
    ),
    Case("S2.34 on 20 December", "CQ-34-FORM", [CITY, handed_in("2024-12-20")], EVE, "pass"),
    Case("S2.34 on 21 December", "CQ-34-FORM", [CITY, handed_in("2024-12-21")], EVE, "fail"),
    Case("S2.34 never", "CQ-34-FORM", [CITY, handed_in(None)], EVE, "fail"),
    Case("S2.34 the day before there is time", "CQ-34-FORM", [CITY], "2024-12-19", "on_track"),
    Case("S2.34 with the last day it is over", "CQ-34-FORM", [CITY], "2024-12-20", "fail"),
    Case("S2.34 in spring there is time", "CQ-34-FORM", [CITY], "2024-03-01", "on_track"),
    Case("S2.34 the district, in time", "CQ-34", [CITY, handed_in("2024-12-20")], EVE, "pass"),
    Case(
        "S2.34 the district, one form late", "CQ-34",
        [CITY, OTHER, handed_in("2024-12-20"), handed_in("2024-12-21", 2)],
        EVE, "fail",
    ),
    Case(
        "S2.34 the district, one form missing", "CQ-34",
        [CITY, OTHER, handed_in("2024-12-20")], EVE, "fail",
    ),
    Case("S2.36 three years", "CQ-36", [CITY, *passed(2022, 2023, 2024)], EVE, "pass"),
    Case("S2.36 two years", "CQ-36", [CITY, *passed(2023, 2024)], EVE, "fail"),
    Case(
        "S2.36 a gap breaks the row", "CQ-36", [CITY, *passed(2021, 2022, 2024)], EVE, "fail"
    ),
    Case(
        "S2.36 approved leave pauses it", "CQ-36",
        [CITY, *passed(2021, 2022, 2024), leave("2023-02-01", "2023-12-31")], EVE, "pass",
    ),
    Case(
        "S2.36 leave that nobody approved breaks it", "CQ-36",
        [CITY, *passed(2021, 2022, 2024), leave("2023-02-01", "2023-12-31", "pending")],
        EVE, "fail",
    ),
    Case(
        "S2.36 not passed in between", "CQ-36",
        [CITY, *passed(2021, 2022, 2024), concluded(2023, "unqualified")], EVE, "fail",
    ),
    Case(
        "S2.36 a week of leave undoes no conclusion", "CQ-36",
        [CITY, *passed(2021, 2022, 2024), concluded(2023, "unqualified"),
         leave("2023-03-01", "2023-03-07")],
        EVE, "fail",
    ),
    Case(
        "S2.36 leave of two years", "CQ-36",
        [CITY, *passed(2020, 2021, 2024), leave("2022-02-01", "2023-12-31")], EVE, "pass",
    ),
    Case(
        "S2.36 leave that was over before the year", "CQ-36",
        [CITY, *passed(2020, 2021, 2024), leave("2022-02-01", "2022-12-31")], EVE, "fail",
    ),
    Case(
        "S2.36 a district where leave breaks the row", "CQ-36",
        [CITY, *passed(2021, 2022, 2024), leave("2023-02-01", "2023-12-31")], EVE, "fail",
        set={"leave_pauses": False},
    ),
    Case(
        "S2.36 the year that has just begun does not break it", "CQ-36",
        [CITY, *passed(2022, 2023, 2024)], "2025-02-01", "pass",
    ),
]  # fmt: skip

FIVE = passed(2020, 2021, 2022, 2023, 2024)


def aged(born_on: str, degree: str = "bachelor") -> Fact:
    fields = {"born_on": born_on, "degree": degree, "backbone": "province"}
    return person(rec=1, staff_no="T001", name="李春兰", **fields)


STREAK = [
    Case(
        "S2.37 a conclusion in spite of leave breaks it", "CQ-37-STREAK",
        [CITY, *passed(2019, 2020, 2021, 2023, 2024), concluded(2022, "unqualified"),
         leave("2022-03-01", "2022-03-07")],
        EVE, "fail", 3,
    ),
    Case("S2.37 five in a row", "CQ-37-STREAK", [CITY, *FIVE], EVE, "pass"),
    Case("S2.37 four in a row", "CQ-37-STREAK", [CITY, *FIVE[1:]], EVE, "fail", 1),
    Case(
        "S2.37 the third was not passed", "CQ-37-STREAK",
        [CITY, *passed(2020, 2021, 2023, 2024), concluded(2022, "unqualified")], EVE, "fail", 3,
    ),
]  # fmt: skip

NEXT_CYCLE = [
    Case("S2.37 five years, fifty years old", "CQ-37", [aged("1974-12-31"), *FIVE], EVE, "pass"),
    Case("S2.37 fifty-one", "CQ-37", [aged("1973-12-31"), *FIVE], EVE, "fail"),
    Case("S2.37 fifty, a day before 51", "CQ-37", [aged("1974-01-01"), *FIVE], EVE, "pass"),
    Case("S2.37 degree too low", "CQ-37", [aged("1980-05-01", "college"), *FIVE], EVE, "fail"),
    Case("S2.37 master", "CQ-37", [aged("1980-05-01", "master"), *FIVE], EVE, "pass"),
    Case(
        "S2.37 four years", "CQ-37",
        [aged("1980-05-01"), *passed(2021, 2022, 2023, 2024)], EVE, "fail",
    ),
    Case(
        "S2.37 five years around a leave", "CQ-37",
        [
            aged("1980-05-01"),
            *passed(2019, 2020, 2021, 2023, 2024),
            leave("2022-01-01", "2022-12-31"),
        ],
        EVE, "pass",
    ),
]  # fmt: skip


def found(kind: str, **more: Any) -> Fact:
    return fact("misconduct", person="T001", kind=kind, date="2024-05-06", **more)


REVOCATION = [
    Case("S2.38 nothing found", "CQ-38", [CITY], EVE, "pass"),
    Case("S2.38 fraud", "CQ-38", [CITY, found("fraud")], EVE, "vetoed"),
    Case("S2.38 neglect", "CQ-38", [CITY, found("neglect")], EVE, "vetoed"),
    Case("S2.38 lifted", "CQ-38", [CITY, found("fraud", lifted_on="2024-06-01")], EVE, "pass"),
    Case("S2.38 years ago", "CQ-38", [CITY, found("fraud")], "2030-01-01", "vetoed"),
    Case("S2.38 mentor", "CQ-38-MENTOR", REVOKED, EVE, "vetoed"),
    Case("S2.38 mentor with a clean sheet", "CQ-38-MENTOR", [MENTOR], EVE, "pass"),
    Case(
        "S2.38 mentor, lifted", "CQ-38-MENTOR",
        [MENTOR, fact("misconduct", mentor="D1", kind="neglect", date="2024-05-06",
                      lifted_on="2024-12-31")],
        EVE, "pass",
    ),
    Case("S2.39 special contribution", "CQ-39", [CITY, duty("special", EVE)], EVE, "pass"),
    Case(
        "S2.39 on the last day of the year before", "CQ-39", [CITY, duty("special", "2023-12-31")],
        EVE, "fail", 1,
    ),
    Case("S2.39 nothing special", "CQ-39", [CITY, duty("demo_lesson", EVE)], EVE, "fail", 1),
]  # fmt: skip


def funded(owner: str, date: str = "2024-02-01") -> Fact:
    return fact("fund", owner=owner, date=date, purpose="training", amount=50_000_000)


LESSONS = tuple(
    duty("demo_lesson", f"2024-{month:02}-10", audience="whole_school") for month in range(3, 7)
)
LONG_COURSE = duty("course", "2024-10-09", course="作文教学", minutes=600)

MONEY = [
    Case("S2.40 city fund", "CQ-40", [funded("city")], EVE, "pass"),
    Case("S2.40 on the last day of the year", "CQ-40", [funded("city", EVE)], EVE, "pass"),
    Case("S2.40 fund of the year before", "CQ-40", [funded("city", "2023-12-31")], EVE, "fail", 1),
    Case("S2.41 district fund", "CQ-41", [funded("district")], EVE, "pass"),
    Case("S2.41 on the first day of the year", "CQ-41", [funded("district", "2024-01-01")], EVE,
         "pass"),
    Case("S2.41 the city's does not count", "CQ-41", [funded("city")], EVE, "fail", 1),
    Case("S2.47 passed: exempt", "CQ-47", [CITY, concluded(2024)], EVE, "exempt"),
    Case("S2.47 not passed, nothing done", "CQ-47", [CITY], EVE, "fail", 4320),
    Case("S2.47 not passed, 72 hours attended", "CQ-47", [CITY, attended(4320)], EVE, "pass"),
    Case("S2.47 a sixtieth short", "CQ-47", [CITY, attended(4319)], EVE, "fail", 1),
    Case("S2.48 72 hours attended", "CQ-48", [CITY, attended(4320)], EVE, "pass"),
    Case("S2.48 a sixtieth short", "CQ-48", [CITY, attended(4319)], EVE, "fail", 1),
    Case(
        "S2.48 four lessons of two hours fill it up", "CQ-48",
        [CITY, attended(3840), *LESSONS], EVE, "pass",
    ),
    Case(
        "S2.48 four lessons, a sixtieth short", "CQ-48",
        [CITY, attended(3839), *LESSONS], EVE, "fail", 1,
    ),
    Case(
        "S2.48 one course counts eight hours and no more", "CQ-48",
        [CITY, attended(3840), LONG_COURSE], EVE, "pass",
    ),
    Case(
        "S2.48 the excess of a long course is lost", "CQ-48",
        [CITY, attended(3839), LONG_COURSE], EVE, "fail", 1,
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    "case", [*ASSESSMENT, *STREAK, *NEXT_CYCLE, *REVOCATION, *MONEY], ids=lambda case: case.id
)
def test_rule_of_assessment_says(case: Case) -> None:
    check(case)
