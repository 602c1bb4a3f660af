"""Mianzhu, system by system (Y3-Y6): enter, act through every state, evaluate, print."""

import datetime as dt
from fractions import Fraction
from typing import Any

from tests.server.walks.shipped_county import County, Record, opinions, rule_lines
from tests.server.walks.walked import walk
from xueshi_server.domain.rules.figures import Figure, measure_statistics
from xueshi_server.store.facts import open_facts

END = "2012-08-31"


def add_person(county: County, staff_no: str, name: str, **more: Any) -> Record:
    row = {"active": True, "full_time": True, "stage": "primary", **more}
    return county.enter("person", staff_no=staff_no, name=name, **row)


def add_hours(county: County, person: Record, date: str, hours: int, **more: Any) -> Record:
    row = {"title": "新课标解读", "form": "concentrated", **more}
    record = county.enter("hour", person=person, date=date, minutes=hours * 60, **row)
    county.approve(record)
    return record


def add_project(county: County, number: str, name: str, **more: Any) -> Record:
    row = {"mode": "concentrated", "starts_on": "2012-03-05", "ends_on": "2012-03-16", **more}
    return county.enter("project", number=number, name=name, **row)


def enrol(county: County, person: Record, project: str, date: str, **more: Any) -> Record:
    record = county.enter("enrolment", person=person, project=project, date=date, **more)
    county.approve(record)
    return record


def figures_of(county: County, statistic: str, on: str = END) -> dict[tuple[Any, ...], Figure]:
    """The figures of one statistic at the centre, by group."""
    with open_facts(county.at_centre()) as facts:
        found = measure_statistics(county.pack, facts, dt.date.fromisoformat(on))
    return {each.group: each for each in found if each.statistic == statistic}


@walk("Y3", pack="mianzhu", alone=True)
def test_hours_are_registered_and_the_three_papers_reviewed(county: County) -> None:
    """Y3: a trained registrar, the pledge, three papers through review, the yearly form."""
    registrar = add_person(county, "M101", "向春梅", duty="teacher|registrar")
    county.approve(*county.hold("新课标解读", "2011-10-20", 16 * 60, registrar))
    add_hours(county, registrar, "2012-03-20", 8, form="school", school_form="reading")
    assert county.status("MZ-REGISTRAR", END) == "fail"
    county.enter("registrar_training", person=registrar, date="2011-09-15", course="登记员培训班")
    assert county.status("MZ-REGISTRAR", END) == "pass"
    assert county.status("MZ-PLEDGE-ALL", "2012-03-02") == "on_track"
    county.enter("school_event", date="2012-03-01", activity="ethics_pledge", people=41)
    assert county.status("MZ-PLEDGE", "2012-03-02") == "pass"
    assert county.status("MZ-PLEDGE-ALL", "2012-03-02") == "pass"
    papers = [
        county.enter(
            "yearly_paper", kind=kind, year_end=END, date="2012-08-20", text="本学年共培训41人"
        )
        for kind in ("summary", "hour_review", "research_plan")
    ]
    for paper in papers[1:]:
        county.approve(paper)
    assert county.status("MZ-THREE-PAPERS", END) == "fail"
    summary = papers[0]
    county.walk(summary, ("stamp", "2012-08-21"))
    assert county.act(summary, "receive", "2012-10-08") == ["late_without_reason"]
    states = county.tour(
        summary, ("receive", "2012-09-03"), ("return", "2012-09-05"), ("stamp", "2012-09-07"),
        ("receive", "2012-09-10"), ("verify", "2012-09-12"), ("file", "2012-09-20"),
    )  # fmt: skip
    assert {"stamped", *states} == county.states("yearly_paper")
    assert county.status("MZ-THREE-PAPERS", END) == "pass"
    assert opinions(county.print("yearly_summary", "2012-09-20", summary))[-1] == "归档"
    county.print_shared(END, registrar)
    review = county.print("hour_review", END)
    assert review.sections[0].total == ("学时", "24")
    assert [line.status for line in rule_lines(review)][1:] == ["pass", "pass"]


@walk("Y3", pack="mianzhu", alone=True)
def test_point_schools_are_inspected_and_backbone_teachers_checked(county: County) -> None:
    """Y3: 点校相对集中 inspection with mending, 督导考评 after the school's opinion (S1.16)."""
    inspection = county.enter(
        "inspection", date="2012-06-12", point_school="汉旺学校", verdict="mend",
        advice="学时登记应附签到表",
    )  # fmt: skip
    county.walk(inspection, ("hold", "2012-06-12"))
    assert county.act(inspection, "ask_to_mend", "2012-06-13") == ["reason_missing"]
    states = county.tour(
        inspection, ("ask_to_mend", "2012-06-13"), ("mended", "2012-06-25"), ("close", "2012-06-28")
    )
    assert {"planned", *states} == county.states("inspection")
    assert opinions(county.print("inspection_form", END, inspection))[-1] == "办结"
    backbone = add_person(county, "M201", "蒲国强", backbone="county")
    check = county.enter(
        "backbone_check", person=backbone, date="2012-05-20", verdict="good", opinion="示范课3节"
    )
    states = county.tour(
        check, ("give_opinion", "2012-05-22"), ("return", "2012-05-23"),
        ("give_opinion", "2012-05-25"), ("conclude", "2012-06-01"),
    )  # fmt: skip
    assert set(states) == county.states("backbone_check")


@walk("Y4", pack="mianzhu", alone=True)
def test_four_services_reach_four_forms_of_work_at_school(county: County) -> None:
    """Y4: what the centre serves and what schools make of it, with their regulations."""
    people = [add_person(county, f"M3{n:02}", f"教师{n}") for n in range(4)]
    for service in county.pack.codes["service"].value:
        add_hours(county, people[0], "2012-04-10", 4, category=service.id)
    forms = ("reading", "forum", "salon", "blog")
    for person, form in zip(people, forms, strict=True):
        add_hours(county, person, "2012-05-08", 2, form="school", school_form=form)
    add_hours(county, people[1], "2012-05-09", 2, form="school", activity="lecture")
    add_hours(county, people[1], "2012-05-16", 2, form="school", activity="group_seminar")
    add_hours(county, people[2], "2012-05-16", 2, form="school", activity="group_seminar")
    for kind in county.pack.codes["regulation_kind"].value:
        county.enter("regulation", kind=kind.id, date="2011-09-01", text="经教代会通过")
    for medium in county.pack.codes["medium"].value:
        county.enter(
            "publication", title=f"课例研修（{medium.id}）", medium=medium.id, date="2012-05-20"
        )
    county.enter(
        "training_course", number="KC01", name="课堂观察", built_on="2012-03-01", stage="小学",
        hours=6, evaluation="教师反映实用",
    )  # fmt: skip
    participants = figures_of(county, "school_level_participants")[()]
    assert participants.value == (2, 2), "two persons, three times"
    review = county.print("hour_review", END)
    assert len(review.sections[0].rows) == 11
    assert review.sections[0].total == ("学时", "30")


@walk("Y5", pack="mianzhu", alone=True)
def test_a_donated_class_runs_from_notice_to_certificates(county: County) -> None:
    """Y5: stages, return visit, certificates, donors; persons and person-times (S1.23-S1.33)."""
    people = [add_person(county, f"M4{n:02}", name) for n, name in enumerate(("蒋丽", "古小平"))]
    project = add_project(
        county, "BZR-3", "第三期班主任培训", run=3, audience="head_teacher",
        funded_by="foundation", donor="春晖基金会",
    )  # fmt: skip
    for stage in ("theory", "cases", "observation", "return_visit"):
        county.enter(
            "class_stage", project="BZR-3", stage=stage, starts_on="2012-03-05",
            ends_on="2012-03-16",
        )  # fmt: skip
    county.enter(
        "money", date="2012-03-01", project="BZR-3", amount=3_000_000, **{"from": "foundation"}
    )
    states = county.tour(
        project, ("begin", "2012-03-05"), ("send_back", "2012-03-16"), ("visit", "2012-04-20"),
        ("examine", "2012-05-04"),
    )  # fmt: skip
    assert set(states) == county.states("project")
    for who, date in ((0, "2012-03-05"), (0, "2012-03-12"), (1, "2012-03-05")):
        enrol(county, people[who], "BZR-3", date, minutes=2400, level="county")
    for number, person in enumerate(people):
        county.enter(
            "certificate", person=person, project="BZR-3", kind="completion", date="2012-05-04",
            number=f"BZR3-{number + 1:03}",
        )  # fmt: skip
    assert figures_of(county, "project_participants")[("BZR-3",)].value == (2, 2)
    certificates = county.print("certificate_list", END)
    assert [row[2] for row in certificates.sections[0].rows] == ["BZR3-001", "BZR3-002"]


@walk("Y5", pack="mianzhu", alone=True)
def test_summer_trainees_owe_their_hours_and_a_claim_is_checked(county: County) -> None:
    """Y5: 24 hours at a distance in summer, and what a share of 124 % would have to be (S1.29)."""
    people = [add_person(county, f"M5{n:02}", f"学员{n}") for n in range(3)]
    add_project(
        county, "SQ-2012", "暑期远程培训", mode="distance", starts_on="2012-07-10",
        ends_on="2012-08-20", hours=1440,
    )  # fmt: skip
    enrol(county, people[0], "SQ-2012", "2012-07-20", minutes=1440, level="prefecture")
    enrol(county, people[1], "SQ-2012", "2012-07-21", minutes=1439, level="prefecture")
    done = [each.status for each in county.results("MZ-SUMMER-DONE", END)]
    assert sorted(done) == ["fail", "pass"]
    assert county.status("MZ-SUMMER-ALL", "2012-08-25") != "pass"
    for date in ("2012-05-02", "2012-05-03"):
        enrol(county, people[2], "SQ-2012", date, minutes=1440, level="national")
    sent = figures_of(county, "sent_times")[()]
    assert sent.value is not None
    assert sent.value.exact == Fraction(4, 3)
    assert sent.claimed == "124%"
    assert sent.agrees is False


@walk("Y6", pack="mianzhu", alone=True)
def test_the_roster_says_how_many_schools_and_degrees(county: County) -> None:
    """Y6: institutions by type, teachers, shares of degrees with part and whole (S1.1-S1.3)."""
    for number, what in enumerate(("township_primary", "township_primary", "junior", "vocational")):
        county.enter("unit", number=f"U{number}", name=f"第{number + 1}学校", what=what)
    for number, degree in enumerate(("college", "bachelor", "bachelor", "secondary")):
        add_person(county, f"M6{number:02}", f"小学教师{number}", degree=degree)
    add_person(county, "M699", "离岗教师", degree="bachelor", active=False)
    add_person(county, "M650", "初中教师", stage="junior", degree="bachelor")
    units = figures_of(county, "institutions")
    assert {group: each.value for group, each in units.items()} == {
        (): (4, 4), ("township_primary",): (2, 2), ("junior",): (1, 1), ("vocational",): (1, 1),
    }  # fmt: skip
    assert figures_of(county, "teachers")[()].value == (5, 5)
    share = figures_of(county, "primary_college")[()]
    assert share.figures == ((3, 3), (4, 4))
    assert share.claimed == "85.6%"
    assert share.agrees is False
    assert share.heard[1] == 1
    sheet = county.print("institution_list", END)
    assert [row[2] for row in sheet.sections[0].rows].count("镇乡小学") == 2
    assert figures_of(county, "junior_bachelor")[()].value == (1, 1)
