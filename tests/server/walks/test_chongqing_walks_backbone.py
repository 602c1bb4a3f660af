"""Chongqing's backbone teachers, system by system (Y7-Y12): enter, act, evaluate.

One district is walked through; every walk has people of its own and looks at nobody else's.
"""

from tests.server.walks.shipped_county import County, Record
from tests.server.walks.walked import walk


def add_teacher(county: County, no: str, name: str, level: str = "province") -> Record:
    return county.enter(
        "person", staff_no=no, name=name, active=True, backbone=level, born_on="1982-05-16",
        degree="bachelor", subject="chinese", post="高级教师",
    )  # fmt: skip


def conclude(county: County, teacher: Record, *years: int, result: str = "qualified") -> None:
    for year in years:
        county.enter("conclusion", person=teacher, year_end=f"{year}-12-31", result=result)


@walk("Y7", pack="chongqing")
def test_selection_goes_from_school_to_district_to_the_experts_of_the_city(county: County) -> None:
    """Y7: 推荐 - 初审 (within the places, with a return) - 上报 - 评审."""
    teacher = add_teacher(county, "Y7", "李春兰", level="county")
    nomination = county.enter(
        "nomination", person=teacher, level="province", date="2024-02-26", reason="区骨干八年"
    )
    assert county.act(nomination, "review", "2024-03-01") == ["wrong_state"]
    assert county.act(nomination, "recommend", "2024-02-27", without=("nomination_form",)) == [
        "papers_missing"
    ]
    county.walk(nomination, ("recommend", "2024-02-28"))
    assert county.act(nomination, "return", "2024-03-04") == ["reason_missing"]
    county.walk(
        nomination, ("return", "2024-03-05"), ("recommend", "2024-03-07"),
        ("review", "2024-03-11"), ("report", "2024-03-15"), ("select", "2024-04-02"),
    )  # fmt: skip
    assert county.state(nomination) == "selected"
    form = county.print("nomination_form", "2024-04-02", nomination)
    assert [each.text for each in form.sections[1].cells] == ["李春兰", "市级", "2024-02-26"]
    assert [each.on for each in form.sections[3].opinions][-1] == "2024-04-02"


@walk("Y7", pack="chongqing")
def test_a_nomination_can_be_declined_by_district_and_city(county: County) -> None:
    """Y7: both ways out without a place."""
    teacher = add_teacher(county, "Y7-2", "何明", level="county")
    one, other = (
        county.enter("nomination", person=teacher, level=level, date="2024-02-26", reason="自荐")
        for level in ("province", "national")
    )
    county.walk(one, ("recommend", "2024-02-28"), ("decline_district", "2024-03-11"))
    county.walk(
        other, ("recommend", "2024-02-28"), ("review", "2024-03-11"), ("report", "2024-03-15"),
        ("decline_city", "2024-04-02"),
    )  # fmt: skip
    assert [county.state(each) for each in (one, other)] == ["declined", "declined"]


def add_trainee(county: County, no: str, level: str, last: str) -> Record:
    name = "张晓燕"
    add_teacher(county, no, name)
    return county.enter(
        "trainee", no=no, person=no, name=name, school="望江小学", level=level,
        base="重庆师范大学", starts_on="2024-03-01", ends_on=last,
    )  # fmt: skip


def add_phases(county: County, trainee: Record, *phases: tuple[str, str, str]) -> None:
    for kind, first, last in phases:
        row = {"kind": kind, "starts_on": first, "ends_on": last, "place": "重庆师范大学"}
        county.enter("training_phase", trainee=trainee, **row)


def add_mentors(county: County, mentee: str) -> list[Record]:
    mentors = [
        county.enter("mentor", no=f"{mentee}-{no}", name=name, standing="valid")
        for no, name in enumerate(("周文渊", "彭立新"))
    ]
    for each in mentors:
        row = {"mentee": mentee, "school": "望江小学", "starts_on": "2024-03-01"}
        county.enter("mentorship", mentor=each, **row)
    return mentors


@walk("Y7", "Y8", pack="chongqing")
def test_a_national_trainee_is_appointed_by_the_ministry(county: County) -> None:
    """Y8 and the end of Y7: 3 + 9 months, two mentors, visit, defence, then up to the ministry."""
    trainee = add_trainee(county, "Y8", "national", "2025-02-28")
    assert county.act(trainee, "pass_national", "2025-02-28") == ["gate_closed", "gate_closed"]
    add_phases(
        county, trainee,
        ("concentrated", "2024-03-01", "2024-05-31"),
        ("practice", "2024-06-01", "2025-02-28"),
        ("return_visit", "2024-11-12", "2024-11-12"),
        ("defence", "2025-02-25", "2025-02-25"),
    )  # fmt: skip
    add_mentors(county, "Y8")
    statuses = {each: county.status(each, "2025-02-28", "Y8") for each in ("CQ-10", "CQ-12")}
    assert statuses == {"CQ-10": "pass", "CQ-12": "pass"}
    county.walk(
        trainee, ("pass_national", "2025-02-28"), ("report_ministry", "2025-03-10"),
        ("appoint_national", "2025-05-06"),
    )  # fmt: skip
    assert county.state(trainee) == "national_backbone"
    form = county.print("training_file", "2025-02-28", trainee)
    assert [len(each.rows) for each in form.sections[1:3]] == [4, 2]
    assert [each.status for each in form.sections[3].rules] == [
        "pass", "pass", "not_asked", "pass", "pass",
    ]  # fmt: skip
    names = county.print("national_list", "2025-02-28")
    assert ("Y8", "张晓燕") in [row[:2] for row in names.sections[0].rows]


@walk("Y8", pack="chongqing")
def test_a_city_trainee_is_appointed_by_the_city_and_another_fails(county: County) -> None:
    """Y8: 1.5 + 6 months for the city; whoever fails has a reason."""
    passing = add_trainee(county, "Y8-C", "province", "2024-10-15")
    failing = add_trainee(county, "Y8-F", "province", "2024-10-15")
    add_phases(
        county, passing,
        ("concentrated", "2024-03-01", "2024-04-15"),
        ("practice", "2024-04-16", "2024-10-15"),
    )  # fmt: skip
    add_mentors(county, "Y8-C")
    county.walk(
        passing, ("pass_city", "2024-10-15"), ("report_city", "2024-10-20"),
        ("appoint_city", "2024-11-05"),
    )  # fmt: skip
    county.walk(failing, ("fail", "2024-10-15"))
    assert (county.state(passing), county.state(failing)) == ("city_backbone", "failed")


@walk("Y9", pack="chongqing")
def test_committee_groups_and_mentors_are_judged_by_what_they_did(county: County) -> None:
    """Y9: a seminar a term, a project a year, a lecture and a visit a term; advice is followed."""
    committee = county.enter("panel", no="Y9-W", name="专家指导委员会", kind="committee")
    group = county.enter("panel", no="Y9-G", name="语文学科指导小组", kind="subject_group")
    county.enter("panel_event", panel=committee, kind="seminar", date="2024-11-08", topic="阅读")
    row = {"kind": "project", "date": "2024-03-20", "topic": "单元整体教学", "level": "province"}
    county.enter("panel_event", panel=group, **row)
    mentor = county.enter("mentor", no="Y9-D", name="冉启明", panel=group, standing="valid")
    add_teacher(county, "Y9", "罗小敏")
    pair = county.enter(
        "mentorship", mentor=mentor, mentee="Y9", school="望江小学", starts_on="2024-03-01"
    )
    county.enter("guidance", mentor=mentor, kind="lecture", date="2024-10-12", topic="写作教学")
    visit = county.enter(
        "guidance", mentor=mentor, mentorship=pair, kind="visit", date="2024-11-20",
        school="望江小学", lessons_seen=2, self_study="已读三章", project_progress="完成问卷",
        opinion="缩小课题范围",
    )  # fmt: skip
    county.walk(visit, ("advise", "2024-11-20"), ("follow", "2024-12-10"))
    assert county.state(visit) == "followed"
    sheet = county.print("visit_checklist", "2024-12-31", visit)
    assert sheet.sections[1].cells[0].text == "已读三章"
    ends = "2025-01-31"
    assert county.status("CQ-15", ends, "专家指导委员会") == "pass"
    assert county.status("CQ-16", ends, "冉启明") == "pass"
    assert county.status("CQ-17", "2024-12-31", "语文学科指导小组") == "pass"
    assert county.status("CQ-18", ends, "Y9") == "pass"


def add_a_year_of_work(county: County, teacher: Record) -> list[Record]:
    """Everything a backbone teacher owes in 2024 and its autumn term."""
    works: list[dict[str, object]] = [
        {"kind": "book_notes", "title": "给教师的建议", "proof": "reading_notes|photo"},
        {"kind": "reflection", "title": "让孩子先说", "proof": "text"},
        {"kind": "research", "title": "乡村小学整本书阅读", "level": "province", "share": "lead",
         "proof": "stage_result"},
        {"kind": "paper", "title": "复式班的阅读课", "level": "province", "proof": "journal"},
        {"kind": "demo_lesson", "title": "落花生", "audience": "whole_school", "minutes": 60},
        {"kind": "report", "title": "读懂教材", "audience": "district", "minutes": 120},
        {"kind": "course", "title": "作文教学", "course": "作文教学", "minutes": 240},
        {"kind": "cluster_research", "title": "片区集体备课", "cluster": "江北片区"},
    ]  # fmt: skip
    return [
        county.enter("duty_record", person=teacher, date=f"2024-10-{10 + no}", **work)
        for no, work in enumerate(works)
    ]


TERM_RULES = ("CQ-21", "CQ-24", "CQ-25")
YEAR_RULES = ("CQ-20", "CQ-22", "CQ-23", "CQ-26", "CQ-27-CITY")


@walk("Y10", pack="chongqing")
def test_the_duties_of_a_year_are_met_once_they_are_approved(county: County) -> None:
    """Y10: nothing counts before the review, all of it after."""
    teacher = add_teacher(county, "Y10", "谭建平")
    for no in ("Y10-A", "Y10-B"):
        add_teacher(county, no, "区骨干" + no[-1], level="county")
    link = county.enter("linked_school", person=teacher, school="柏林村小", starts_on="2024-03-01")
    work = add_a_year_of_work(county, teacher)
    row = {"date": "2024-11-20", "opinion": "多读整本书"}
    work.append(county.enter("link_visit", linked_school=link, **row))
    for mentee in ("Y10-A", "Y10-B"):
        row = {"mentee": mentee, "date": "2024-10-22", "content": "磨课"}
        work.append(county.enter("coaching", person=teacher, minutes=120, **row))
    assert county.status("CQ-20", "2024-12-31", "Y10") == "fail"
    county.approve(*work)
    found = {each: county.status(each, "2025-01-31", "Y10") for each in TERM_RULES}
    found |= {each: county.status(each, "2024-12-31", "Y10") for each in YEAR_RULES}
    assert found == dict.fromkeys((*TERM_RULES, *YEAR_RULES), "pass")
    assert county.status("CQ-26-VISIT", "2025-01-31", "柏林村小") == "pass"
    form = county.print("annual_form", "2024-12-31", teacher)
    assert [len(form.sections[place].rows) for place in (2, 3, 4)] == [8, 2, 1]
    assert form.sections[3].total == ("学时", "4")
    unmet = [each.label for each in form.sections[5].rules if each.status != "pass"]
    assert unmet == ["国家级骨干指导2名以上市级骨干"], "nobody of the state here"


def add_assessment(county: County, teacher: Record, year: int) -> Record:
    row = {"year_end": f"{year}-12-31", "record": "示范课两节,论文一篇", "summary": "继续努力"}
    return county.enter("assessment", person=teacher, **row)


@walk("Y11", pack="chongqing")
def test_an_assessment_passes_school_district_and_committee(county: County) -> None:
    """Y11: three levels, back and forth, handed in by 20 December, approved by the city."""
    teacher = add_teacher(county, "Y11", "向红梅")
    form = add_assessment(county, teacher, 2024)
    county.walk(
        form, ("return_teacher", "2024-12-02"), ("assess_school", "2024-12-05"),
        ("return_school", "2024-12-07"), ("assess_school", "2024-12-09"),
        ("assess_district", "2024-12-12"), ("hand_in", "2024-12-16"),
        ("return_district", "2024-12-17"), ("assess_district", "2024-12-18"),
    )  # fmt: skip
    assert county.act(form, "hand_in", "2024-12-21") == ["late_without_reason"]
    county.walk(form, ("hand_in", "2024-12-20"))
    county.change(form, handed_in_on="2024-12-20")
    county.walk(form, ("conclude", "2025-01-10"), ("approve", "2025-01-20"))
    conclude(county, teacher, 2024)
    assert county.state(form) == "qualified"
    assert county.status("CQ-34-FORM", "2024-12-31", "Y11") == "pass"
    assert county.status("CQ-9", "2024-12-31", "Y11") == "pass"
    sheet = county.print("assessment_sheet", "2025-01-20", form)
    assert sheet.sections[2].opinions[-1].role == "市教委"


@walk("Y11", pack="chongqing")
def test_fraud_bars_the_approval_until_it_is_lifted(county: County) -> None:
    """Y11: the veto of S2.38 stands in the way of the last step."""
    teacher = add_teacher(county, "Y11-V", "钟大伟")
    form = add_assessment(county, teacher, 2024)
    finding = county.enter(
        "misconduct", person="Y11-V", kind="fraud", date="2024-12-28", document_no="渝教师〔2024〕9"
    )
    county.walk(
        form, ("assess_school", "2024-12-05"), ("assess_district", "2024-12-12"),
        ("hand_in", "2024-12-16"), ("conclude", "2025-01-10"),
    )  # fmt: skip
    assert county.act(form, "approve", "2025-01-20") == ["gate_closed"]
    county.change(finding, lifted_on="2025-01-25")
    assert county.act(form, "approve", "2025-01-26") == []


@walk("Y11", pack="chongqing")
def test_an_assessment_that_is_refused_has_a_reason(county: County) -> None:
    """Y11: the other end of the way."""
    form = add_assessment(county, add_teacher(county, "Y11-R", "文军"), 2024)
    county.walk(
        form, ("assess_school", "2024-12-05"), ("assess_district", "2024-12-12"),
        ("hand_in", "2024-12-16"), ("conclude", "2025-01-10"), ("refuse", "2025-01-20"),
    )  # fmt: skip
    assert county.state(form) == "unqualified"


@walk("Y11", pack="chongqing")
def test_three_years_in_a_row_open_the_application(county: County) -> None:
    """Y11: a gap closes the gate, a leave that was approved keeps it open."""
    teacher = add_teacher(county, "Y11-T", "熊文静")
    application = county.enter("application", person=teacher, title="expert", date="2024-12-31")
    conclude(county, teacher, 2021, 2022, 2024)
    assert county.act(application, "submit", "2024-12-31") == ["gate_closed"]
    days = {"starts_on": "2023-02-01", "ends_on": "2023-12-31"}
    leave = county.enter("duty_leave", person=teacher, kind="study", **days)
    county.approve(leave)
    assert county.status("CQ-36", "2024-12-31", "Y11-T") == "pass"
    county.walk(
        application, ("submit", "2024-12-31"), ("return", "2025-01-06"),
    )  # fmt: skip
    assert county.state(application) == "drafted"


@walk("Y11", pack="chongqing")
def test_an_application_is_granted_or_refused_by_the_city(county: County) -> None:
    """Y11: both ends, after five years in a row, which also select for the next cycle."""
    teacher = add_teacher(county, "Y11-G", "邓小松")
    conclude(county, teacher, 2020, 2021, 2022, 2023, 2024)
    day = "2024-12-31"
    ends = []
    for title, last in (("expert", "refuse"), ("subject_leader", "grant")):
        application = county.enter("application", person=teacher, title=title, date=day)
        county.walk(application, ("submit", day), ("review", "2025-01-08"), (last, "2025-03-01"))
        ends.append(county.state(application))
    assert ends == ["refused", "granted"]
    assert county.status("CQ-37", day, "Y11-G") == "pass"


@walk("Y11", pack="chongqing")
def test_fraud_that_only_the_centre_knows_bars_an_application_there(county: County) -> None:
    """Y11: the school puts forward in good faith; the district finds the finding (S2.38)."""
    teacher = add_teacher(county, "Y11-F", "贺长青")
    conclude(county, teacher, 2022, 2023, 2024)
    application = county.enter("application", person=teacher, title="expert", date="2025-01-02")
    county.enter(
        "misconduct", person="Y11-F", kind="fraud", date="2024-12-28", document_no="渝教〔2024〕11"
    )
    county.walk(application, ("submit", "2025-01-03"))
    assert county.act(application, "review", "2025-01-08") == ["gate_closed"]
    assert county.state(application) == "submitted"


@walk("Y11", pack="chongqing")
def test_a_cycle_of_five_years_runs_from_the_day_of_the_appointment(county: County) -> None:
    """Y11: one conclusion in each year of the own cycle, neither none nor two (S2.30)."""
    steady, gap = (
        add_teacher(county, no, name) for no, name in (("Y11-C1", "傅雪琴"), ("Y11-C2", "晏平"))
    )
    for teacher, number in ((steady, "渝骨2019-117"), (gap, "渝骨2019-118")):
        county.enter(
            "backbone", certificate_no=number, person=teacher, level="province",
            cycle_from="2019-09-10", standing="valid",
        )  # fmt: skip
    conclude(county, steady, 2019, 2020, 2021, 2022, 2023)
    conclude(county, gap, 2019, 2020, 2022, 2023)
    last = "2024-09-09"
    assert county.status("CQ-30", last, "渝骨2019-117") == "pass"
    assert county.status("CQ-30", last, "渝骨2019-118") == "fail"
    conclude(county, gap, 2021)
    assert county.status("CQ-30", last, "渝骨2019-118") == "pass"
    conclude(county, steady, 2023)
    assert county.status("CQ-30", last, "渝骨2019-117") == "fail", "once a year, not twice"


@walk("Y12", pack="chongqing")
def test_money_and_continuing_education_follow_the_assessment(county: County) -> None:
    """Y12: funds, travel, and the exemption with its fallback."""
    exempt = add_teacher(county, "Y12-A", "黎远航")
    other = add_teacher(county, "Y12-B", "古月")
    conclude(county, exempt, 2024)
    conclude(county, other, 2024, result="unqualified")
    row = {"purpose": "training", "amount": 3_000_000}
    for owner in ("city", "district"):
        county.enter("fund", owner=owner, date="2024-02-20", **row)
    claim, refused = (
        county.enter("expense", person=exempt, purpose="travel", date="2024-04-17", amount=68_000)
        for _ in range(2)
    )
    county.walk(claim, ("pay_school", "2024-04-25"), ("settle", "2024-06-10"))
    county.walk(refused, ("refuse", "2024-04-25"))
    assert [county.state(each) for each in (claim, refused)] == ["settled", "refused"]
    eve = "2024-12-31"
    assert [county.results(each, eve)[0].status for each in ("CQ-40", "CQ-41")] == ["pass"] * 2
    assert county.print("expense_form", eve, claim).sections[0].cells[3].text == "680.00"
    listed = county.print("allowance_list", eve).sections[0].rows
    assert ("黎远航", "2024-12-31", "合格", "") in listed
    assert county.status("CQ-47", eve, "Y12-A") == "exempt"
    assert county.status("CQ-47", eve, "Y12-B") == "fail"
    county.approve(*county.hold("暑期集中培训", "2024-07-15", 4320, other))
    assert county.status("CQ-47", eve, "Y12-B") == "pass"
    county.print_shared(eve, other)
