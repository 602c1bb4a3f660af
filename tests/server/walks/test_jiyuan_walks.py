"""Jiyuan, system by system (Y16-Y22): enter, act through every state, evaluate."""

from typing import Any

from tests.server.walks.shipped_county import County, Record
from tests.server.walks.walked import walk

END = "2020-12-31"


def add_person(county: County, staff_no: str, name: str, **more: Any) -> Record:
    row = {"active": True, "full_time": True, "hired_on": "2008-09-01", **more}
    return county.enter("person", staff_no=staff_no, name=name, **row)


def add_hours(county: County, person: Record, date: str, hours: int, **more: Any) -> Record:
    row = {"title": "集中培训", "form": "class", "role": "received", **more}
    record = county.enter("hour", person=person, date=date, minutes=hours * 60, **row)
    county.approve(record)
    return record


def grant_title(county: County, number: str, person: Record, title: str) -> Record:
    return county.enter(
        "title", number=number, person=person, title=title, level="county", stage="primary",
        subject="chinese", granted_on="2017-09-10",
    )  # fmt: skip


def assess(county: County, person: Record, grade: str, date: str = "2019-03-20") -> None:
    county.approve(
        county.enter("ethics", person=person, date=date, grade=grade, assessor="师德考核小组")
    )


@walk("Y16", pack="jiyuan", alone=True)
def test_the_cycle_of_360_hours_and_its_projects(county: County) -> None:
    """Y16: a project from design to file; principals, class heads, backbone teachers; 360 hours."""
    principal = add_person(county, "J101", "卢建设", duty="principal")
    head = add_person(county, "J102", "范晓琳", duty="teacher|head_teacher")
    backbone = add_person(county, "J103", "田玉洁", duty="teacher")
    leader = add_person(county, "J104", "原志强", duty="teacher")
    grant_title(county, "G103", backbone, "backbone")
    grant_title(county, "G104", leader, "subject_leader")
    county.enter(
        "institution", number="JD-03", name="济水一小教师专业发展基地", what="school_base",
        founded_on="2017-03-01", standard_on="2018-12-20",
    )  # fmt: skip
    run = county.enter(
        "run", number="SP2019-01", name="班主任能力提升培训", programme="head_teacher",
        level="county", audience="中小学班主任", places=40, designed_on="2019-05-20",
        starts_on="2019-07-15", ends_on="2019-07-19", cost=6000000, institution="JD-03",
        need="班级冲突处理个案分析", courses="主题班会设计 8学时;家校沟通案例 8学时",
    )  # fmt: skip
    design = county.print("design_sheet", "2019-05-20", run)
    assert design.sections[0].cells[1].text == "班主任能力提升培训"
    assert [section.cells[0].text[:4] for section in design.sections[1:3]] == [
        "班级冲突",
        "主题班会",
    ]
    county.approve(county.enter("enrolment", run="SP2019-01", person=head, date="2019-06-20"))
    assert county.act(run, "approve", "2019-07-05") == ["late_without_reason"]
    states = county.tour(
        run, ("approve", "2019-06-10"), ("begin", "2019-07-15"), ("end", "2019-07-19"),
        ("close", "2019-08-10"),
    )  # fmt: skip
    assert set(states) == county.states("run")
    county.enter(
        "evaluation", run="SP2019-01", date="2019-08-01", courses=92, process=90, benefit=88,
        experience=85, remark="案例可再多些",
    )  # fmt: skip
    marks = county.print("evaluation_sheet", "2019-08-01", run).sections[1].rows
    assert marks == (("2019-08-01", "92", "90", "88", "85", "案例可再多些"),)
    for person, programme in (
        (principal, "principal_post"), (head, "head_teacher"), (backbone, "backbone_theme"),
        (leader, "subject_leader"),
    ):  # fmt: skip
        add_hours(county, person, "2019-07-19", 40, programme=programme)
    county.approve(*county.hold("暑期班级管理研修", "2017-07-20", 320 * 60, head))
    add_hours(county, backbone, "2017-07-20", 319)
    assert county.status("JY-360", END, "范晓琳") == "pass"
    assert county.status("JY-360", END, "田玉洁") == "fail"
    for rule in ("JY-PRINCIPALS", "JY-BACKBONE-HEADS", "JY-MASTERS"):
        assert county.status(rule, END) == "pass", rule
    assert county.status("JY-CLASS-SIZE", END) == "pass"
    file = county.print("run_file", END, run)
    assert [len(section.rows) for section in file.sections] == [0, 1, 1, 0]
    assert [each.on for each in file.sections[3].opinions][-1] == "2019-08-10"
    county.print_shared(END, head)
    sheet = county.print("cycle_sheet", END, head)
    assert sheet.sections[1].total == ("学时", "360")
    assert [line.status for line in sheet.sections[2].rules] == ["pass"]


@walk("Y17", pack="jiyuan")
def test_the_ethics_file_stands_before_every_award(county: County) -> None:
    """Y17: 前置审核 and 一票否决; the most beautiful teacher from school to city."""
    good = add_person(county, "J201", "郑秀英")
    failed = add_person(county, "J202", "苗立新")
    proposal, refused, vetoed = (
        county.enter("model_teacher", person=each, date="2019-06-01", deeds="扎根山区")
        for each in (good, good, failed)
    )
    assert county.act(proposal, "announce", "2019-06-02") == ["gate_closed"]
    assess(county, good, "excellent")
    assess(county, failed, "failed")
    assert county.act(vetoed, "announce", "2019-06-02")[0] == "gate_closed"
    assert county.status("JY-ETHICS-VETO", "2019-12-31", "苗立新") == "vetoed"
    county.walk(proposal, ("announce", "2019-06-02"))
    assert county.act(proposal, "send", "2019-06-07") == ["publicity_running"]
    first = county.tour(
        proposal, ("send", "2019-06-08"), ("return", "2019-06-10"), ("announce", "2019-06-11"),
        ("send", "2019-06-20"), ("choose", "2019-08-25"), ("grant", "2019-09-05"),
    )  # fmt: skip
    second = county.tour(
        refused, ("announce", "2019-06-02"), ("send", "2019-06-08"), ("refuse", "2019-08-25")
    )
    assert first[-1] == "granted"
    assert {*first, *second} == county.states("model_teacher")
    form = county.print("model_teacher_form", "2019-09-05", proposal)
    assert form.sections[3].opinions[-1].label == "授予并宣传"
    file = county.print("ethics_file", "2019-12-31", failed)
    assert [line.status for line in file.sections[2].rules] == ["vetoed", "vetoed"]


@walk("Y18", pack="jiyuan", alone=True)
def test_the_ladder_of_backbone_teachers_and_their_teams(county: County) -> None:
    """Y18: titles, studios, three teams at a central school, masters trained."""
    master = add_person(county, "J301", "聂凤霞")
    grant_title(county, "G301", master, "master")
    county.enter(
        "studio", number="MS01", name="聂凤霞小学语文工作室", host="J301", level="county",
        subject="chinese", opened_on="2018-03-01",
    )  # fmt: skip
    county.enter("unit", code="S1", name="克井镇中心校", what="central", township="克井镇")
    for name, kind in (("语文工作坊", "workshop"), ("数学工作坊", "workshop")):
        county.enter("team", name=name, what=kind, lead=master, founded_on="2018-09-01", schools=4)
    assert county.status("JY-TEAMS", END) == "fail"
    county.enter("team", name="北片研修团队", what="team", lead=master, founded_on="2019-03-01")
    assert county.status("JY-TEAMS", END) == "pass"
    assert county.status("JY-MASTER", END, "G301") == "fail"
    add_hours(county, master, "2019-10-20", 60, programme="master", level="national")
    assert county.status("JY-MASTER", END, "G301") == "pass"
    share = county.results("JY-SHARE-15", END)[0].outcome.figures
    assert share is not None
    assert share[0].exact == 0, "a master is neither subject leader nor backbone teacher"
    sheet = county.print("cycle_sheet", END, master)
    assert sheet.sections[1].total == ("学时", "60")


@walk("Y19", pack="jiyuan")
def test_trainers_come_and_go_and_new_teachers_stay_a_year(county: County) -> None:
    """Y19: appointed, warned, kept, left; 岗前 and twelve months of studio."""
    good = add_person(county, "J401", "韦国栋")
    other = add_person(county, "J402", "段文华")
    numbers = ("T401", "T402", "T403")
    first, second, third = (
        county.enter(
            "trainer", number=number, person=person, subject="maths", proposed_on="2018-12-01",
            appointed_on="2019-01-02",
        )
        for number, person in zip(numbers, (good, other, other), strict=True)
    )  # fmt: skip
    for each in (good, other):
        assess(county, each, "passed", "2019-01-02")
    add_hours(county, good, "2019-05-10", 100, programme="trainer")
    assert county.status("JY-TRAINER-100", "2019-12-31", "T401") == "pass"
    assert county.status("JY-TRAINER-100", "2019-12-31", "T402") == "fail"
    assert county.act(second, "keep", "2019-12-20") == ["wrong_state"]
    kept = county.tour(
        first, ("appoint", "2019-01-02"), ("warn", "2019-04-30"), ("keep", "2019-12-20")
    )
    left = county.tour(second, ("appoint", "2019-01-02"), ("leave", "2019-12-31"))
    declined = county.tour(third, ("decline", "2019-01-02"))
    assert {*kept, *left, *declined} == county.states("trainer")
    new = add_person(county, "J403", "靳小萌", hired_on="2019-08-20")
    add_hours(county, new, "2019-08-26", 30, programme="pre_service")
    stay = county.enter(
        "studio_stay", person=new, studio="MS01", starts_on="2019-09-01", ends_on="2020-08-31"
    )
    assert county.status("JY-NEW", END, "靳小萌") == "fail"
    county.approve(stay)
    assert county.status("JY-NEW", END, "靳小萌") == "pass"
    assert county.print("cycle_sheet", END, good).sections[1].total == ("学时", "100")
    add_person(county, "J404", "薛明阳", hired_on="2019-08-20")
    assert county.status("JY-NEW", END, "薛明阳") == "fail", "neither 岗前 nor a studio"
    rows = county.at_centre().query(county.pack.queries["new_without_studio"].sql)
    assert "J404" in [row["staff_no"] for row in rows]


@walk("Y20", pack="jiyuan")
def test_school_research_is_approved_managed_and_evaluated(county: County) -> None:
    """Y20: the year's plan through three tiers; awards for units and persons."""
    teacher = add_person(county, "J501", "侯丽娜")
    county.enter(
        "stage_plan", number="2019Q", name="全员阅读阶段", starts_on="2019-09-01",
        ends_on="2020-01-15", content="书房计划",
    )  # fmt: skip
    plan = county.enter(
        "plan", what="school_research", name="2019学年校本研修计划", date="2019-09-10",
        daily="每周三学科研修", city_stage="2019Q",
    )  # fmt: skip
    states = county.tour(
        plan, ("submit", "2019-09-12"), ("return", "2019-09-14"), ("submit", "2019-09-16"),
        ("forward", "2019-09-20"), ("reject", "2019-09-22"), ("submit", "2019-09-24"),
        ("forward", "2019-09-25"), ("approve", "2019-09-29"), ("report", "2020-07-05"),
        ("evaluate", "2020-07-15"),
    )  # fmt: skip
    assert set(states) == county.states("plan")
    form = county.print("plan_form", "2020-07-15", plan)
    assert [each.on for each in form.sections[2].opinions][-2:] == ["2020-07-05", "2020-07-15"]
    assert county.status("JY-RESEARCH-PLAN", "2020-08-31") == "pass"
    assess(county, teacher, "passed", "2020-05-20")
    for of, fields in (("research_award", {"person": teacher}), ("unit_award", {})):
        one, other = (
            county.enter(of, date="2020-06-01", deeds="校本研修扎实", **fields) for _ in range(2)
        )
        granted = county.tour(
            one, ("recommend", "2020-06-05"), ("choose", "2020-06-20"), ("grant", "2020-07-01")
        )
        refused = county.tour(other, ("recommend", "2020-06-05"), ("refuse", "2020-06-20"))
        assert {*granted, *refused} == county.states(of), of
        form = county.print(f"{of}_form", "2020-07-01", one)
        assert [each.label for each in form.sections[2].opinions][-1] == "表彰"
        assert "校本研修扎实" in [cell.text for cell in form.sections[1].cells]


@walk("Y21", pack="jiyuan")
def test_the_library_feeds_the_registration_of_backbone_teachers(county: County) -> None:
    """Y21: a resource is reviewed and listed; without one there is no registration."""
    person = add_person(county, "J601", "翟红梅")
    title = grant_title(county, "G601", person, "backbone")
    assess(county, person, "passed", "2019-10-20")
    one, other = (
        county.enter(
            "registration", person=person, title=title, date="2019-11-20", year_end="2019-12-31",
            summary="完成年度任务",
        )
        for _ in range(2)
    )  # fmt: skip
    county.walk(one, ("check", "2019-11-25"))
    assert county.act(one, "register", "2019-12-31") == ["gate_closed"]
    resource, declined = (
        county.enter(
            "contribution", person=person, date="2019-12-01", name="古诗教学课例", what="lesson",
            subject="chinese", batch="第一批",
        )
        for _ in range(2)
    )  # fmt: skip
    listed = county.tour(
        resource, ("pass_on", "2019-12-02"), ("return", "2019-12-03"), ("pass_on", "2019-12-05"),
        ("list", "2019-12-10"),
    )  # fmt: skip
    not_listed = county.tour(declined, ("pass_on", "2019-12-02"), ("decline", "2019-12-10"))
    assert {*listed, *not_listed} == county.states("contribution")
    assert county.status("JY-RESOURCE", "2019-12-31", "G601") == "pass"
    registered = county.tour(
        one, ("return", "2019-12-20"), ("check", "2019-12-22"), ("register", "2019-12-28")
    )
    refused = county.tour(other, ("check", "2019-12-22"), ("refuse", "2019-12-28"))
    assert {*registered, *refused} == county.states("registration")
    form = county.print("registration_form", "2019-12-31", one)
    assert form.sections[3].opinions[-1].label == "准予注册"
    resources = county.print("resource_list", "2019-12-31", title)
    assert len(resources.sections[1].rows) == 1, "the one that was listed"
    assert resources.sections[3].rules[0].status == "pass"


@walk("Y22", pack="jiyuan")
def test_money_plans_and_inspections_of_the_city(county: County) -> None:
    """Y22: who plans, what money is set apart, and the public notice of what was found."""
    lines = (("salary_total", 40_000_000_000), ("training", 800_000_000))
    for item, amount in lines:
        county.enter(
            "city_budget", date="2019-01-20", item=item, basis="budget", amount=amount,
            payer="市财政局",
        )  # fmt: skip
    for item, amount in (("public_fund", 30_000_000), ("training", 1_400_000)):
        county.enter(
            "school_budget", date="2019-01-20", item=item, basis="budget", amount=amount,
            payer="学校公用经费",
        )  # fmt: skip
    assert county.status("JY-BUDGET-CITY", "2019-12-31") == "pass"
    assert county.status("JY-BUDGET-SCHOOL", "2019-12-31") == "fail"
    county.enter(
        "school_budget", date="2019-06-20", item="training", basis="budget", amount=100_000,
        payer="学校公用经费", purpose="追加",
    )  # fmt: skip
    assert county.status("JY-BUDGET-SCHOOL", "2019-12-31") == "pass"
    inspection = county.enter(
        "inspection", number="DD2019-07", unit="S1", date="2019-10-15", findings="经费到位",
        result="good",
    )  # fmt: skip
    county.walk(inspection, ("confirm", "2019-10-20"), ("publish", "2019-10-25"))
    assert county.act(inspection, "mend", "2019-11-01") == ["publicity_running"]
    states = county.tour(inspection, ("mend", "2019-12-01"))
    assert states == ["published", "mended"]
    assert county.trail(inspection) == ["confirm", "publish", "mend"]
    notice = county.print("inspection_notice", "2019-12-01", inspection)
    assert [cell.text for cell in notice.sections[0].cells][-1] == "良好"


@walk("Y22", pack="jiyuan")
def test_every_teacher_has_one_number_and_the_city_makes_known(county: County) -> None:
    """Y22: 一人一号 (S3.48), and one text for SMS, WeChat and poster (S3.50)."""
    for name in ("贾文静", "贾文婧"):
        add_person(county, "J701", name)
    twice = county.at_centre().query(county.pack.queries["one_person_one_number"].sql)
    assert [(row["staff_no"], row["records"]) for row in twice] == [("J701", 2)]
    text = county.enter(
        "notice", headline="三千名教师完成五年研修", date="2020-12-18",
        short="全市教师五年一周期360学时培训顺利收官。", body="五年间,全市教师……", media="济源日报",
    )  # fmt: skip
    notice = county.print("media_notice", "2020-12-18", text)
    assert [section.cells[0].text[:4] for section in notice.sections] == [
        "三千名教", "全市教师", "五年间,",
    ]  # fmt: skip
