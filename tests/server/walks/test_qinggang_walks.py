"""Qinggang, system by system (Y23-Y29): enter, act through every state, evaluate."""

import datetime as dt
from typing import Any

from tests.server.walks.shipped_county import County, Record
from tests.server.walks.walked import walk

TERM = "2010-01-10"


def add_person(county: County, staff_no: str, name: str, **more: Any) -> Record:
    row = {"active": True, "duty": "teacher", "stage": "primary", **more}
    return county.enter("person", staff_no=staff_no, name=name, **row)


def add_hours(county: County, person: Record, date: str, programme: str) -> None:
    county.approve(
        county.enter(
            "hour", person=person, date=date, programme=programme, title="暑期培训",
            form="class", role="received", method="face", minutes=720,
        )
    )  # fmt: skip


def apply_for(county: County, number: str, head: Record, **more: Any) -> Record:
    row = {
        "line": "L-01", "name": "农村小学小组合作学习研究", "problem": "小组讨论流于形式",
        "head": head, "subject": "chinese", "result": "running", **more,
    }  # fmt: skip
    return county.enter("project", number=number, **row)


@walk("Y23", pack="qinggang")
def test_a_project_goes_from_level_to_level_with_its_files(county: County) -> None:
    """Y23: rolling application, mid-check, closing; base file and process file; adoption."""
    head = add_person(county, "Q101", "韩雪", duty="teacher|research_head")
    school = apply_for(
        county, "XJ2008-01", head, level="school", applied_on="2008-08-20",
        started_on="2008-09-10", mid_on="2009-03-10", ends_on="2009-12-31",
    )  # fmt: skip
    at_county = apply_for(county, "XX2009-07", head, level="county", applied_on="2009-09-15")
    early = apply_for(county, "SJ2009-02", head, level="prefecture", applied_on="2009-10-15")
    assert county.status("QG-ROLLING-COUNTY", TERM, "XX2009-07") == "pass"
    assert county.status("QG-ROLLING-CITY", TERM, "SJ2009-02") == "fail"
    opened = county.tour(
        school, ("apply", "2008-08-20"), ("return", "2008-08-22"), ("apply", "2008-08-23"),
        ("review", "2008-08-25"), ("approve", "2008-09-01"), ("open", "2008-09-10"),
    )  # fmt: skip
    assert county.act(school, "check", "2009-03-20") == ["gate_closed"]
    county.enter(
        "project_file", project=school, date="2009-03-18", what="record", name="小组观察记录",
        pages=12,
    )  # fmt: skip
    assert county.status("QG-PROCESS", "2009-07-12", "XJ2008-01") == "pass"
    check = county.print("mid_check_form", "2009-03-20", school)
    assert check.sections[1].rows == (("2009-03-18", "活动记录", "小组观察记录"),)
    assert [line.status for line in check.sections[2].rules] == ["pass"]
    closed = county.tour(
        school, ("mend", "2009-03-20"), ("check", "2009-04-05"), ("ask_close", "2009-12-01"),
        ("reopen", "2009-12-05"), ("ask_close", "2009-12-20"), ("close", "2009-12-28"),
    )  # fmt: skip
    stopped = county.tour(
        at_county, ("apply", "2009-09-15"), ("review", "2009-09-20"), ("approve", "2009-09-26"),
        ("open", "2009-10-10"), ("stop", "2010-01-08"),
    )  # fmt: skip
    unknown = county.act(early, "apply", "2009-10-15")
    assert unknown == ["gate_unknown"], "another school may have worked on the line before"
    second = apply_for(county, "XX2009-09", head, level="county", applied_on="2009-10-15")
    declined = county.tour(second, ("apply", "2009-10-15"), ("decline", "2009-10-16"))
    assert {*opened, *closed, *stopped, *declined} == county.states("project")
    county.enter(
        "project_base", box="H-2008-01", project="XJ2008-01", filed_on="2008-09-12",
        approval="青教科〔2008〕3号", closing="JT2009-15",
    )  # fmt: skip
    label = county.print("box_label", "2009-12-31", school)
    assert len(label.sections) == 1
    contents = county.print("box_contents", "2009-12-31", school)
    assert contents.sections[1].total == ("页数", "12")
    form = county.print("application_form", "2009-09-15", at_county)
    assert form.sections[3].rules[0].status == "pass"
    assert len(form.sections[2].rows) == 4, "the whole line"


@walk("Y23", pack="qinggang")
def test_work_on_projects_is_reported_monthly_and_results_taken_up(county: County) -> None:
    """Y23: reports of every month of the term; adoption of a result."""
    for month in ("2009-09", "2009-10", "2009-11", "2009-12"):
        report = county.enter(
            "monthly_report", date=f"{month}-28", done="课堂观察与研讨", projects=2,
            next="整理观察量表",
        )  # fmt: skip
    monthly = county.print("monthly_report_form", "2009-12-28", report)
    assert [cell.text for each in monthly.sections for cell in each.cells] == [
        "2009-12-28", "2", "课堂观察与研讨", "整理观察量表",
    ]  # fmt: skip
    assert county.status("QG-MONTHLY", TERM) == "pass"
    assert county.status("QG-ADOPTION", "2009-12-31") == "fail"
    county.approve(
        county.enter("adoption", date="2009-12-29", name="小组合作五步法", project="XJ2008-01")
    )
    assert county.status("QG-ADOPTION", "2009-12-31") == "pass"


@walk("Y23", pack="qinggang")
def test_results_are_proposed_for_awards_above_the_county(county: County) -> None:
    """Y23, S4.13: recommended, public, sent, won or lost."""
    person = add_person(county, "Q102", "穆桂兰")
    one, other = (
        county.enter("achievement", person=person, date="2009-05-04", name=name, level="province")
        for name in ("识字教学实验报告", "作文批改研究")
    )
    won = county.tour(
        one, ("recommend", "2009-05-06"), ("return", "2009-05-08"), ("recommend", "2009-05-10"),
        ("choose", "2009-05-15"), ("send", "2009-05-25"), ("win", "2009-09-01"),
    )  # fmt: skip
    lost = county.tour(other, ("recommend", "2009-05-06"), ("choose", "2009-05-15"),
                       ("lose", "2009-05-16"))  # fmt: skip
    assert {*won, *lost} == county.states("achievement")
    form = county.print("achievement_form", "2009-09-01", one)
    assert form.sections[1].opinions[-1].label == "获奖"


@walk("Y24", pack="qinggang")
def test_the_bulletin_gets_two_contributions_an_issue(county: County) -> None:
    """Y24: an issue, its closing day, each school's contributions."""
    author = add_person(county, "Q201", "沈秋月")
    third = county.enter("bulletin", number="2009-3", opens_on="2009-09-01", closes_on="2009-10-31")
    county.enter("bulletin", number="2009-4", opens_on="2009-11-01", closes_on="2009-12-31")
    for issue, date in (("2009-3", "2009-09-20"), ("2009-3", "2009-10-31"),
                        ("2009-4", "2009-11-12"), ("2009-4", "2010-01-04")):  # fmt: skip
        county.enter("submission", issue=issue, person=author, date=date, name="课堂随笔")
    assert county.status("QG-BULLETIN", TERM, "2009-3") == "pass"
    assert county.status("QG-BULLETIN", TERM, "2009-4") == "fail", "one came after the closing day"
    assert len(county.print("bulletin_list", TERM, third).sections[1].rows) == 2


@walk("Y25", pack="qinggang", alone=True)
def test_lessons_are_polished_from_school_to_city(county: County) -> None:
    """Y25: recognised at school and above; teachers, subjects and schools of a term."""
    teacher = add_person(county, "Q301", "邢丽华", subject="chinese")
    county.enter("unit", code="S1", name="中和镇中心小学", what="central", rural=True)
    lessons = [
        county.enter(
            "polished_lesson", person=teacher, date="2009-11-18", name=name, subject="chinese",
            level=level, rounds=3,
        )
        for name, level in (("草船借箭", "school"), ("桂林山水", "prefecture"))
    ]  # fmt: skip
    assert county.status("QG-MOKE-TEACHER", TERM, "邢丽华") == "fail", "not recognised yet"
    again = county.tour(
        lessons[0], ("polish", "2009-11-20"), ("recognise", "2009-12-04"), ("lift", "2009-12-20")
    )
    assert set(again) == county.states("polished_lesson")
    assert county.status("QG-MOKE-TEACHER", TERM, "邢丽华") == "pass"
    form = county.print("moke_form", TERM, lessons[0])
    assert [each.label for each in form.sections[2].opinions][-1] == "县级以上认定"
    assert county.status("QG-MOKE-SUBJECT", TERM, "chinese") == "fail"
    assert county.status("QG-MOKE", TERM) == "fail"
    county.approve(lessons[1])
    for rule in ("QG-MOKE-SUBJECT", "QG-MOKE-SCHOOL", "QG-MOKE"):
        assert county.status(rule, TERM) == "pass", rule
    assert county.status("QG-MOKE-SUBJECT-SCHOOL", TERM) == "not_set"


@walk("Y26", pack="qinggang")
def test_the_four_duties_of_a_term(county: County) -> None:
    """Y26: a journal every teaching week, a case, a lesson, a text that was marked."""
    teacher = add_person(county, "Q401", "栾玉梅", subject="maths")
    monday = dt.date(2009, 8, 31)
    for week in (each for each in range(19) if each != 4):
        date = (monday + dt.timedelta(days=7 * week + 4)).isoformat()
        county.enter("journal", person=teacher, date=date, name=f"第{week + 1}周")
    assert county.status("QG-JOURNAL", TERM, "栾玉梅") == "pass"
    county.enter("teaching_case", person=teacher, date="2009-11-05", name="一次错题讨论")
    lesson = county.enter(
        "research_lesson", person=teacher, date="2009-11-12", name="分数的意义", level="group",
        subject="maths",
    )  # fmt: skip
    text = county.enter(
        "essay", person=teacher, date="2009-12-24", what="lesson_study", name="从错题到资源",
        quality="good",
    )  # fmt: skip
    county.approve(lesson)
    assert county.status("QG-FOUR-ONES", TERM, "栾玉梅") == "fail"
    county.approve(text)
    assert county.status("QG-FOUR-ONES", TERM, "栾玉梅") == "pass"
    sheet = county.print("four_ones_sheet", TERM, teacher)
    assert [len(section.rows) for section in sheet.sections[1:5]] == [18, 1, 1, 1]
    assert sheet.sections[5].rules[0].status == "pass"


@walk("Y27", pack="qinggang")
def test_researchers_visit_and_clusters_work_together(county: County) -> None:
    """Y27: visits without a number set, links, events, awards, plans of school courses."""
    teacher = add_person(county, "Q501", "隋永亮", subject="sport")
    add_person(county, "R501", "郭建国", duty="researcher", stage=None)
    county.enter("unit", code="S1", name="中和镇中心小学", what="central", cluster="中和片")
    for date in ("2009-09-16", "2009-10-14", "2009-11-11"):
        county.enter("visit", researcher="R501", unit="S1", date=date, lessons=3)
    assert county.results("QG-VISITS", TERM)[0].status == "not_set"
    county.enter(
        "officer_link", officer="R501", unit="S1", what="stay", work="课改", starts_on="2009-03-01"
    )
    county.enter(
        "event", date="2009-10-21", what="outreach", range="between", strategy="guided",
        name="体育送教下乡", giver=teacher, people=18,
    )  # fmt: skip
    centre = county.enter(
        "prep_group", name="体育中心备课组", subject="sport", lead=teacher, leading=True,
        founded_on="2009-09-01",
    )  # fmt: skip
    county.enter("prep_group", name="中和小学体育备课组", subject="sport", follows=centre)
    led = county.at_centre().query(county.pack.queries["groups_led"].sql)
    assert [(row["leading"], row["led"]) for row in led] == [("体育中心备课组", 1)]
    county.enter(
        "exemplar", what="teacher", unit="S1", person=teacher, named_on="2009-12-15",
        experience="一张小黑板上好一堂体育课",
    )  # fmt: skip
    one, other = (
        county.enter("award", person=teacher, date="2009-12-01", what="reform_teacher", name="课改")
        for _ in range(2)
    )
    granted = county.tour(
        one, ("choose", "2009-12-03"), ("announce", "2009-12-10"), ("grant", "2009-12-20")
    )
    refused = county.tour(other, ("choose", "2009-12-03"), ("refuse", "2009-12-10"))
    assert {*granted, *refused} == county.states("award")
    plan = county.enter("course_plan", date="2009-09-05", name="剪纸", lead=teacher, goals="传承")
    states = county.tour(
        plan, ("send", "2009-09-06"), ("return", "2009-09-08"), ("send", "2009-09-10"),
        ("approve", "2009-09-15"),
    )  # fmt: skip
    assert set(states) == county.states("course_plan")
    assert county.print("course_plan_form", TERM, plan).sections[3].opinions[-1].label == "批准"
    assert county.print("award_form", TERM, one).sections[3].opinions[-1].label == "表彰"


@walk("Y28", pack="qinggang", alone=True)
def test_the_year_has_a_programme_for_each_audience(county: County) -> None:
    """Y28: summer English, starting grades, leaders of schools and of teaching."""
    english = add_person(county, "Q601", "石蕊", subject="english", grade="三年级")
    starting = add_person(county, "Q602", "宫淑芬", subject="maths", grade="一年级")
    leader = add_person(county, "Q603", "纪长河", duty="principal")
    head = add_person(county, "Q604", "谷文斌", duty="teaching_leader")
    county.enter(
        "facility", name="远程教育接收室", what="satellite", works=True, uses=36,
        checked_on="2009-08-20",
    )  # fmt: skip
    county.approve(*county.hold("暑期英语口语研修", "2009-08-11", 90, english))
    add_hours(county, english, "2009-08-10", "english_textbook")
    assert county.status("QG-ENGLISH-ALL", "2009-08-31") == "pass"
    assert county.status("QG-START-ALL", "2009-08-31") == "fail"
    add_hours(county, starting, "2009-08-25", "new_textbook")
    assert county.status("QG-START-ALL", "2009-08-31") == "pass"
    add_hours(county, leader, "2009-10-26", "primary_leaders")
    assert county.status("QG-LEADERS", "2009-12-31") == "fail"
    add_hours(county, head, "2009-11-09", "teaching_leaders")
    assert county.status("QG-LEADERS", "2009-12-31") == "pass"
    county.print_shared("2009-12-31", english)
    sheet = county.print("training_sheet", "2009-12-31", english)
    assert sheet.sections[1].total == ("学时", "13.5")


@walk("Y29", pack="qinggang")
def test_degree_students_are_followed_to_their_graduation(county: County) -> None:
    """Y29: cohorts, phases of study, rates against the cohort before."""
    adviser = "Q701"
    add_person(county, adviser, "蔺秀珍")
    for number, year, graduated in (("D05", 2005, 3), ("D06", 2006, 4), ("D07", 2007, 3)):
        cohort = county.enter(
            "cohort", number=number, series="本科小学教育", brand="open", adviser=adviser,
            starts_on=f"{year}-09-01", ends_on=f"{year + 2}-07-31",
        )  # fmt: skip
        for no in range(5):
            county.enter(
                "student", number=f"{number}-{no}", name=f"学员{no}", cohort=number,
                enrolled_on=f"{year}-09-01", standing="graduated" if no < graduated else "left",
                recruited_by=adviser,
            )  # fmt: skip
    for phase, method in (("self_study", "media"), ("classes", "face"), ("practice", "mixed"),
                          ("exam", "face")):  # fmt: skip
        county.enter(
            "study_phase", cohort="D07", date="2008-05-10", phase=phase, method=method, present=5
        )
    assert county.status("QG-RATES", "2009-12-31", "D06") == "pass"
    assert county.status("QG-RATES", "2009-12-31", "D07") == "fail"
    sheet = county.print("cohort_sheet", "2009-12-31", cohort)
    assert [len(section.rows) for section in sheet.sections[1:3]] == [4, 5]
    assert sheet.sections[3].rules[0].status == "fail"
