"""A township primary school, system by system (Y1, Y2): enter, act through every state, evaluate,
print."""

from typing import Any

from tests.server.walks.shipped_county import County, Record, opinions, rule_lines
from tests.server.walks.walked import walk
from xueshi_server.domain.rules.figures import judge_targets, measure_statistics
from xueshi_server.store.facts import open_facts

END = "2015-12-31"


def add_person(county: County, staff_no: str, name: str, **more: Any) -> Record:
    row = {"active": True, "full_time": True, "hired_on": "2003-09-01", **more}
    return county.enter("person", staff_no=staff_no, name=name, **row)


def add_hours(county: County, person: Record, date: str, hours: int, **more: Any) -> Record:
    row = {"title": "新课程专题培训", "form": "concentrated", "programme": "general", **more}
    record = county.enter("hour", person=person, date=date, minutes=hours * 60, **row)
    county.approve(record)
    return record


def add_money(county: County, date: str, item: str, yuan: int, **more: Any) -> None:
    county.enter("money", date=date, item=item, basis="budget", amount=yuan * 100, **more)


@walk("Y1", pack="township-primary", alone=True)
def test_a_training_answers_a_need_and_is_evaluated(county: County) -> None:
    """Y1: the need, the project that takes it up, its surveys, its evaluation (S0.4, S0.20)."""
    teacher = add_person(county, "A01", "秦素芬", subject="chinese")
    projects = [
        county.enter(
            "project", number=f"2014-{number}", name="作文教学案例研讨", series="writing",
            programme="general", starts_on=starts, ends_on=ends, places=12, problem="习作讲评空泛",
        )
        for number, starts, ends in (
            (1, "2014-03-10", "2014-03-14"), (2, "2014-10-13", "2014-10-17"),
        )
    ]  # fmt: skip
    one, other = (
        county.enter(
            "need", person=teacher, date="2014-02-20", programme="general", problem=problem,
            plan="每月一次同题异构", project="2014-1",
        )
        for problem in ("习作讲评空泛", "电子琴伴奏")
    )  # fmt: skip
    taken = county.tour(one, ("take_up", "2014-02-25"), ("follow_up", "2014-03-20"))
    assert county.act(other, "postpone", "2014-02-25") == ["reason_missing"]
    later = county.tour(other, ("postpone", "2014-02-25"))
    assert {*taken, *later} == county.states("need")
    for number, date, score in (
        ("2014-1", "2014-03-14", 82), ("2014-1", "2014-03-14", 86), ("2014-2", "2014-10-17", 84),
    ):  # fmt: skip
        county.enter("survey", project=number, date=date, score=score)
    assert county.status("TP-SATISFACTION", END, "2014-2") == "pass", "84 after 84 has not fallen"
    county.enter("survey", project="2014-2", date="2014-10-17", score=83)
    assert county.status("TP-SATISFACTION", END, "2014-2") == "fail"
    states = county.tour(
        projects[0], ("inspect", "2014-03-12"), ("mend", "2014-03-12"), ("inspect", "2014-03-13"),
        ("evaluate", "2014-03-28"),
    )  # fmt: skip
    assert set(states) == county.states("project")
    plan = county.print("follow_up_plan", "2014-03-31", one)
    assert opinions(plan) == ["列入计划", "制定后续学习计划"]
    quota = county.print("quota_take_up", "2014-12-31")
    assert quota.sections[0].total is not None
    assert quota.sections[0].total[1] == "24"


@walk("Y1", pack="township-primary", alone=True)
def test_three_hundred_and_sixty_hours_open_the_career(county: County) -> None:
    """Y1: hours of the cycle, 90 % trained in a year, assessed once; discipline and objections."""
    people = [add_person(county, f"B{n:02}", name) for n, name in enumerate("赵钱孙李周吴郑王冯陈")]
    county.approve(*county.hold("新课程专题培训", "2015-04-18", 24 * 60, *people[:8]))
    assert county.status("TP-RATE-90", END) == "fail"
    add_hours(county, people[8], "2015-12-31", 8, programme="ethics", form="school_based")
    assert county.status("TP-RATE-90", END) == "pass"
    add_person(county, "B10", "卫")
    assert county.status("TP-RATE-90", END) == "fail", "9 of 11"
    away = add_person(county, "B11", "蒋")
    for one, ground in ((people[9], "sick"), (away, "maternity")):
        county.approve(county.enter("exemption", person=one, date="2015-03-01", ground=ground))
    assert county.status("TP-RATE-90", END) == "pass", "9 of 10, two were released"
    full, short = people[:2]
    add_hours(county, full, "2012-07-20", 336, form="distance")
    extra = add_hours(county, short, "2012-07-20", 335, form="distance")
    assert county.status("TP-360", END, "B00") == "pass"
    assert county.status("TP-360", END, "B01") == "fail"
    objection = county.enter(
        "objection", person=short, hour=extra, date="2016-01-08", reason="暑期研修应为336学时"
    )
    settled = county.tour(
        objection, ("answer", "2016-01-10"), ("appeal", "2016-01-12"), ("answer", "2016-01-14"),
        ("accept", "2016-01-15"),
    )  # fmt: skip
    assert set(settled) == county.states("objection")
    other = county.enter(
        "objection", person=short, hour=extra, date="2016-01-09", reason="应为面授"
    )
    decided = county.tour(other, ("answer", "2016-01-11"), ("decide", "2016-01-13"))
    assert decided == ["raised", "answered", "settled"]
    breach, worse = (
        county.enter("discipline", person=people[9], date="2015-05-06", facts="无故缺训")
        for _ in range(2)
    )
    assert county.act(breach, "talk", "2015-05-07", without=("record_of_talk",)) == [
        "papers_missing"
    ]
    mended = county.tour(breach, ("talk", "2015-05-07"), ("close", "2015-06-01"))
    reported = county.tour(worse, ("talk", "2015-10-07"), ("report", "2015-11-01"))
    assert {*mended, *reported} == county.states("discipline")
    county.print_shared(END, full)
    certificate = county.print("compliance_certificate", END, full)
    assert certificate.copies == 2
    assert certificate.sections[1].total == ("学时", "360")
    assert rule_lines(certificate)[0].status == "pass"
    assert rule_lines(certificate)[0].clause != ""
    assert rule_lines(county.print("own_record", END, short))[0].status == "fail"


@walk("Y1", pack="township-primary", alone=True)
def test_the_year_is_assessed_once_and_filed(county: County) -> None:
    """Y1: 年度培训考核 from the own summary to the file; late only with a reason (S0.11, S0.21)."""
    teacher = add_person(county, "C01", "葛明远")
    assert county.status("TP-ASSESSED", END) == "fail"
    paper = county.enter(
        "assessment", person=teacher, date="2015-12-20", grade="good", process="全勤",
        performance="学生作文县级获奖2篇",
    )  # fmt: skip
    assert county.act(paper, "hand_in", "2015-12-20", without=("summary",)) == ["papers_missing"]
    states = county.tour(
        paper, ("hand_in", "2015-12-20"), ("return", "2015-12-22"), ("hand_in", "2015-12-24"),
        ("conclude", "2015-12-28"),
    )  # fmt: skip
    assert set(states) == county.states("assessment")
    county.approve(paper)
    assert county.status("TP-ASSESSED", END) == "pass"
    form = county.print("assessment_form", END, paper)
    assert opinions(form)[-1] == "给出等次并归档"
    county.approve(county.enter("assessment", person=teacher, date="2015-12-30", grade="passed"))
    assert county.status("TP-ASSESSED", END) == "fail", "once, not twice"


@walk("Y1", pack="township-primary", alone=True)
def test_the_plan_of_the_school_and_its_money_are_supervised(county: County) -> None:
    """Y1: 学校规划, 目标责任, five per cent of the running costs, the supervision sheet."""
    teacher = add_person(county, "D01", "龙海燕")
    add_hours(county, teacher, "2015-10-10", 16)
    plan = county.enter("school_paper", kind="training_plan", date="2015-01-10", text="五年规划")
    county.enter("school_paper", kind="responsibility", date="2015-01-12", text="目标责任书")
    states = county.tour(
        plan, ("adopt", "2015-01-15"), ("return", "2015-03-02"), ("adopt", "2015-03-09"),
        ("check", "2015-12-18"),
    )  # fmt: skip
    assert set(states) == county.states("school_paper")
    form = county.print("training_plan_form", END, plan)
    assert opinions(form)[-1] == "落实责任考核"
    add_money(county, "2015-01-20", "running_costs", 200_000)
    add_money(county, "2015-02-20", "training", 9_999, purpose="course_fee")
    assert county.status("TP-MONEY-5", END) == "fail"
    add_money(county, "2015-06-20", "training", 1, purpose="travel")
    assert county.status("TP-MONEY-5", END) == "pass"
    add_money(county, "2015-09-01", "training", 300, purpose="other")
    assert county.status("TP-EARMARKED", END) == "fail"
    county.enter("qualification", person=teacher, date="2015-07-01", degree="bachelor")
    assert county.status("TP-DEGREES-RISE", END) == "pass"
    county.enter(
        "clash", person=teacher, date="2015-10-10", lessons="五(2)班 数学", substitute="葛明远"
    )
    sheet = county.print("supervision_form", END)
    assert [line.status for line in rule_lines(sheet)] == ["pass", "pass", "pass", "pass", "fail"]
    assert len(county.print("clash_list", END).sections[0].rows) == 1


@walk("Y2", pack="township-primary", alone=True)
def test_titles_grow_towards_the_targets_of_five_years(county: County) -> None:
    """Y2: nominations in public, titles by level, headcounts against the targets (S0.35-S0.41)."""
    people = [add_person(county, f"E{n:02}", f"教师{n}") for n in range(6)]
    one, other = (
        county.enter(
            "nomination", person=person, title="backbone", level="county", date="2014-04-10",
            reason="教学成绩突出",
        )
        for person in people[:2]
    )  # fmt: skip
    county.walk(one, ("announce", "2014-04-11"))
    assert county.act(one, "send", "2014-04-16") == ["publicity_running"]
    sent = ["proposed", *county.tour(one, ("send", "2014-04-17"))]
    refused = county.tour(other, ("refuse", "2014-04-12"))
    assert {*sent, *refused} == county.states("nomination")
    form = county.print("nomination_form", "2014-04-17", one)
    assert opinions(form) == ["公示", "推荐上报"]
    for person, title, level in (
        (0, "backbone", "county"), (1, "subject_leader", "prefecture"),
        (2, "subject_leader", "township"), (3, "subject_leader", "township"),
        (4, "excellent", "township"), (4, "excellent", "prefecture"),
        (5, "teaching_expert", "prefecture"),
    ):  # fmt: skip
        county.enter(
            "title", person=people[person], title=title, level=level, granted_on="2014-09-10"
        )
    node = county.at_centre()
    with open_facts(node) as facts:
        day = county.pack.targets["titles_city"].by
        assert day is not None
        reached = {each.rule: each.status for each in judge_targets(county.pack, facts, day)}
        figures = measure_statistics(county.pack, facts, day)
    assert reached["titles_city"] == "fail", "three, where one or two are asked"
    assert reached["titles_county"] == reached["titles_township"] == "pass"
    assert reached["subject_leaders"] == "pass"
    assert reached["special_master"] == reached["backbones"] == "fail"
    ladder = {each.group: each.value for each in figures if each.statistic == "ladder"}
    assert ladder[()] == (7, 7)
    assert ladder[("township", "subject_leader")] == (2, 2)
