"""Chongqing's classes for vocational teachers, system by system (Y13-Y15): enter, act, evaluate."""

from tests.server.walks.shipped_county import County, Record
from tests.server.walks.walked import walk


def add_class(county: County, no: str, title: str) -> Record:
    return county.enter(
        "training_class", no=no, title=title, run=1, level="national", faculty="机电工程学院",
        starts_on="2024-04-01", ends_on="2024-05-31", class_teacher="余小波",
        archive_keeper="蔡芳", secretary="秦岚",
    )  # fmt: skip


def add_course(county: County, run: Record, no: str, part: str, minutes: int) -> Record:
    """A course with all eight parts of its syllabus."""
    return county.enter(
        "course", no=no, training_class=run, title=f"{no}课程", part=part, minutes=minutes,
        written_by="余小波", textbook="数控加工技术", aims="能独立编程",
        hours_plan="讲授与实训各半", lecture_content="编程与加工", practice="车间实训",
        grading="平时与结业各半", remarks="自带工装",
    )  # fmt: skip


def add_courses(county: County, run: Record, no: str) -> list[Record]:
    """260 hours: 20, 30 and 50 per cent."""
    shares = {"theory": 3120, "professional": 4680, "enterprise": 7800}
    return [
        add_course(county, run, f"{no}-{part[0]}", part, minutes)
        for part, minutes in shares.items()
    ]


def add_trainee(county: County, run: Record, no: str, name: str) -> Record:
    return county.enter("enrolment", no=no, training_class=run, name=name, unit="江北职教中心")


@walk("Y13", pack="chongqing")
def test_a_plan_starts_only_after_the_experts_and_may_be_improved(county: County) -> None:
    """Y13: 论证 with opinions from inside and outside; hours and shares of the plan."""
    run = add_class(county, "Y13", "数控技术班")
    plan, kept = (
        county.enter(
            "class_plan", training_class=run, version=version, date="2024-02-20",
            starts_on="2024-04-01", aims="双师型教师", content="理论、技能、企业实践",
        )
        for version in (1, 2)
    )  # fmt: skip
    assert county.act(plan, "start", "2024-02-21") == ["wrong_state"]
    county.walk(plan, ("submit", "2024-02-22"))
    assert county.act(plan, "judge", "2024-02-26", without=("outside_opinion",)) == [
        "papers_missing"
    ]
    county.walk(
        plan, ("return", "2024-02-26"), ("submit", "2024-02-28"), ("judge", "2024-03-04"),
        ("start", "2024-03-08"), ("end", "2024-05-31"), ("improve", "2024-06-20"),
    )  # fmt: skip
    county.walk(
        kept, ("submit", "2024-02-22"), ("judge", "2024-03-04"), ("start", "2024-03-08"),
        ("end", "2024-05-31"), ("close", "2024-06-20"),
    )  # fmt: skip
    assert [county.state(each) for each in (plan, kept)] == ["improved", "closed"]
    course = add_courses(county, run, "Y13")[0]
    found = [county.status(f"ZZ-{no}", "2024-05-31", "Y13") for no in (53, 55, 56, 57)]
    assert found == ["pass"] * 4
    form = county.print("plan_form", "2024-06-20", plan)
    assert form.sections[3].opinions[0].label == "提交论证"
    schedule = county.print("class_schedule", "2024-05-31", run)
    assert schedule.sections[1].total == ("总学时", "260")
    syllabus = county.print("syllabus", "2024-05-31", course)
    parts = [section for section in syllabus.sections[1:-1] if section.cells[0].text]
    assert len(parts) == 8


@walk("Y14", pack="chongqing")
def test_a_class_is_opened_inspected_and_archived(county: County) -> None:
    """Y14: meeting and schedule before the start, three inspections, lesson visits, archive."""
    run = add_class(county, "Y14", "汽车维修班")
    course = add_courses(county, run, "Y14")[0]
    lecturer = county.enter("lecturer", no="Y14-L", name="吴刚", teaching_years=12)
    county.walk(run, ("coordinate", "2024-03-20"), ("schedule", "2024-03-22"))
    assert county.act(run, "open", "2024-04-01") == ["gate_closed", "gate_closed"]
    add_event = {"training_class": run, "content": "落实教学任务"}
    county.enter("class_event", kind="coordination", date="2024-03-20", **add_event)
    row = {"kind": "schedule", "date": "2024-03-22", "sent_to_units": True, "with_lecturers": True}
    county.enter("class_event", **add_event, **row)
    row = {"date": "2024-04-02", "minutes": 180, "room": "实训楼201"}
    county.enter("lesson", course=course, lecturer=lecturer, **row)
    county.walk(run, ("open", "2024-04-01"))
    visit = county.enter(
        "lesson_visit", course=course, lecturer=lecturer, visitor="余小波", date="2024-04-10",
        opinion="多留操作时间",
    )  # fmt: skip
    county.walk(visit, ("note", "2024-04-10"), ("tell", "2024-04-12"))
    for stage, day in (("preparation", "2024-03-28"), ("midterm", "2024-04-28")):
        inspect(county, run, stage, day)
    assert county.act(run, "finish", "2024-05-31") == ["gate_closed"]
    last = inspect(county, run, "final", "2024-05-29")
    sheet = county.print("inspection_checklist", "2024-05-29", last)
    assert [each.text for each in sheet.sections[1].cells] == ["良好"] * 5
    county.walk(run, ("finish", "2024-05-31"), ("archive", "2024-06-10"))
    assert (county.state(run), county.state(visit)) == ("archived", "told")
    assert county.status("ZZ-72", "2024-05-31", "Y14") == "pass"
    archive = county.print("class_archive", "2024-06-10", run)
    assert [len(section.rows) for section in archive.sections[1:5]] == [0, 3, 0, 3]
    assert [each.status for each in archive.sections[5].rules] == ["pass"] * 3
    note = county.print("lesson_visit_note", "2024-06-10", visit)
    assert note.sections[1].cells[0].text == "多留操作时间"


def inspect(county: County, run: Record, stage: str, date: str) -> Record:
    marks = dict.fromkeys(
        ("homework", "presence", "preparation", "lesson_visit", "regulations"), "good"
    )
    return county.enter("inspection", training_class=run, stage=stage, date=date, **marks)


@walk("Y15", pack="chongqing")
def test_leave_is_approved_twice_and_told_to_the_lecturer(county: County) -> None:
    """Y15: in writing and beforehand; unit, centre, lecturer; two ways of refusing."""
    run = add_class(county, "Y15-L", "电子商务班")
    course = add_courses(county, run, "Y15-L")[0]
    trainee = add_trainee(county, run, "Y15-L1", "陈志远")
    row = {"applied_on": "2024-04-08", "starts_on": "2024-04-10", "ends_on": "2024-04-11"}
    granted, unit, centre = (
        county.enter("class_leave", enrolment=trainee, course=course, reason="家人住院", **row)
        for _ in range(3)
    )
    assert county.act(granted, "apply", "2024-04-10") == ["late"]
    county.walk(
        granted, ("apply", "2024-04-09"), ("approve_unit", "2024-04-09"),
        ("approve_centre", "2024-04-09"), ("tell", "2024-04-09"),
    )  # fmt: skip
    county.walk(unit, ("apply", "2024-04-09"), ("refuse_unit", "2024-04-09"))
    county.walk(
        centre, ("apply", "2024-04-09"), ("approve_unit", "2024-04-09"),
        ("refuse_centre", "2024-04-09"),
    )  # fmt: skip
    states = [county.state(each) for each in (granted, unit, centre)]
    assert states == ["told", "refused", "refused"]
    form = county.print("leave_form", "2024-04-09", granted)
    assert [each.role for each in form.sections[1].opinions][-1] == "职业教育师资培训中心"


def attend(county: County, trainee: Record, course: Record, *days: tuple[str, int]) -> None:
    for presence, minutes in days:
        row = {"date": "2024-04-15", "presence": presence, "minutes": minutes}
        county.enter("attendance", enrolment=trainee, course=course, **row)


def add_grade(county: County, trainee: Record, course: Record, result: str) -> Record:
    return county.enter(
        "grade", enrolment=trainee, course=course, date="2024-05-30", attendance_mark="pass",
        homework_mark="excellent", lesson_mark="pass", trial_lesson="教态自然", thesis="有新意",
        skill="中级工水平", result=result,
    )  # fmt: skip


@walk("Y15", pack="chongqing")
def test_grades_pass_fail_and_resit(county: County) -> None:
    """Y15: passed and filed; failed, resit, passed; failed twice."""
    run = add_class(county, "Y15-G", "旅游服务班")
    course = add_courses(county, run, "Y15-G")[0]
    ways = {
        "pass": [("pass", "2024-05-30"), ("file", "2024-06-03")],
        "resit": [
            ("fail", "2024-05-30"), ("order_resit", "2024-06-03"), ("pass_resit", "2024-06-20"),
            ("file", "2024-06-21"),
        ],
        "lost": [
            ("fail", "2024-05-30"), ("order_resit", "2024-06-03"), ("fail_resit", "2024-06-20"),
        ],
    }  # fmt: skip
    states = []
    for no, way in ways.items():
        trainee = add_trainee(county, run, f"Y15-G-{no}", "学员" + no)
        attend(county, trainee, course, ("present", 3120))
        grade = add_grade(county, trainee, course, "pass" if no == "pass" else "fail")
        county.walk(grade, *way)
        states.append(county.state(grade))
    assert states == ["filed", "filed", "lost"]
    sheet = county.print("grade_sheet", "2024-06-21", course)
    assert [row[0] for row in sheet.sections[1].rows] == ["学员pass", "学员resit", "学员lost"]


@walk("Y15", pack="chongqing")
def test_a_third_of_absence_cancels_the_grade_and_fails_the_class(county: County) -> None:
    """Y15: the gate of the panel is closed at exactly a third, leave included."""
    run = add_class(county, "Y15-A", "烹饪班")
    theory, *others = add_courses(county, run, "Y15-A")
    away = add_trainee(county, run, "Y15-A1", "罗晓燕")
    there = add_trainee(county, run, "Y15-A2", "蒲大海")
    attend(county, away, theory, ("absent", 540), ("excused", 500), ("present", 2080))
    attend(county, there, theory, ("absent", 1039), ("present", 2081))
    grade = add_grade(county, away, theory, "pass")
    assert county.act(grade, "pass", "2024-05-30") == ["gate_closed"]
    county.walk(grade, ("cancel", "2024-05-31"))
    county.walk(add_grade(county, there, theory, "pass"), ("pass", "2024-05-30"))
    assert county.state(grade) == "cancelled"
    assert county.status("ZZ-69", "2024-05-31", "罗晓燕") == "pass"
    for other in others:
        attend(county, away, other, ("absent", 2080))
    assert county.status("ZZ-69", "2024-05-31", "罗晓燕") == "vetoed"
    assert county.status("ZZ-69", "2024-05-31", "蒲大海") == "pass"
