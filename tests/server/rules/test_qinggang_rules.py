"""Qinggang's work plan of 2009 (S4): every rule with subjects that pass, fail and stand on the
border. The autumn term runs from 1 September 2009 to 10 January 2010."""

import datetime as dt
from collections import Counter
from typing import Any

import pytest

from tests.server.rules.county import evaluate_case, load
from tests.server.rules.plain_cases import Case, Fact, check, fact, many, person, untried

TERM_ENDS = "2010-01-10"
SUMMER_ENDS = "2009-08-31"
YEAR_ENDS = "2009-12-31"

TEACHER = person(rec=1, staff_no="Q001", name="韩雪", duty="teacher", subject="maths")
MONDAYS = [dt.date(2009, 8, 31) + dt.timedelta(days=7 * week) for week in range(19)]
HARVEST = dt.date(2009, 9, 28)


def journals(*, leave_out: int | None = None, weekday: int = 2) -> list[Fact]:
    """One in each teaching week (on Wednesdays), none in the week of the harvest break."""
    mondays = [each for each in MONDAYS if each != HARVEST]
    return [
        fact("journal", person=1, date=(monday + dt.timedelta(days=weekday)).isoformat())
        for no, monday in enumerate(mondays)
        if no != leave_out
    ]


SECOND_IN_A_WEEK = fact("journal", person=1, date="2009-11-06")
FIVE_WEEKS = journals()[:5]
CAME_LATE = person(rec=1, staff_no="Q001", duty="teacher", subject="maths", hired_on="2009-12-01")
JOURNALS = [
    Case("every teaching week, none in the holiday", "QG-JOURNAL", [TEACHER, *journals()],
         TERM_ENDS, "pass"),
    Case("on Sundays", "QG-JOURNAL", [TEACHER, *journals(weekday=6)], TERM_ENDS, "pass"),
    Case("one week left out", "QG-JOURNAL", [TEACHER, *journals(leave_out=7)],
         TERM_ENDS, "fail", 1),
    Case("two in another week do not make up for it", "QG-JOURNAL",
         [TEACHER, *journals(leave_out=7), SECOND_IN_A_WEEK], TERM_ENDS, "fail", 1),
    Case("one week may be missed where the county says so", "QG-JOURNAL",
         [TEACHER, *journals(leave_out=7)], TERM_ENDS, "pass", settings={"journal_miss": 1}),
    Case("the weeks before somebody came are not asked", "QG-JOURNAL",
         [CAME_LATE, *journals()[12:]], TERM_ENDS, "pass"),
    Case("the weeks since are", "QG-JOURNAL", [CAME_LATE, *journals()[13:]], TERM_ENDS, "fail", 1),
    Case("so far every week", "QG-JOURNAL", [TEACHER, *FIVE_WEEKS], "2009-10-11", "on_track"),
    Case("a week has gone by without", "QG-JOURNAL", [TEACHER, *journals(leave_out=1)[:4]],
         "2009-10-11", "fail"),
]  # fmt: skip


def done(of: str, date: str = "2009-11-04", **more: Any) -> Fact:
    return fact(of, **{"person": 1, "name": "分数的意义", **more}, date=date)


CASE = done("teaching_case")
LESSON = done("research_lesson", level="group")
ESSAY = done("essay", what="lesson_study", quality="fair")
DUTIES = [
    Case("a case", "QG-CASE", [TEACHER, CASE], TERM_ENDS, "pass"),
    Case("no case", "QG-CASE", [TEACHER], TERM_ENDS, "fail", 1),
    Case("last term's case", "QG-CASE", [TEACHER, done("teaching_case", "2009-07-12")],
         TERM_ENDS, "fail", 1),
    Case("on the last day of the term", "QG-CASE", [TEACHER, done("teaching_case", TERM_ENDS)],
         TERM_ENDS, "pass"),
    Case("a lesson before the subject group", "QG-LESSON", [TEACHER, LESSON], TERM_ENDS, "pass"),
    Case("a lesson before the county", "QG-LESSON",
         [TEACHER, done("research_lesson", level="county")], TERM_ENDS, "pass"),
    Case("no lesson", "QG-LESSON", [TEACHER], TERM_ENDS, "fail", 1),
    Case("a lesson that waits for its review", "QG-LESSON",
         [TEACHER, done("research_lesson", level="group", state="pending")],
         TERM_ENDS, "fail", 1),
    Case("a lesson study marked fair", "QG-ESSAY", [TEACHER, ESSAY], TERM_ENDS, "pass"),
    Case("a paper marked good", "QG-ESSAY",
         [TEACHER, done("essay", what="paper", quality="good")], TERM_ENDS, "pass"),
    Case("marked below", "QG-ESSAY", [TEACHER, done("essay", what="paper", quality="below")],
         TERM_ENDS, "fail", 1),
    Case("not marked", "QG-ESSAY", [TEACHER, done("essay", what="paper")], TERM_ENDS, "fail", 1),
    Case("all four", "QG-FOUR-ONES", [TEACHER, *journals(), CASE, LESSON, ESSAY],
         TERM_ENDS, "pass"),
    Case("three of four", "QG-FOUR-ONES", [TEACHER, *journals(), CASE, LESSON],
         TERM_ENDS, "fail"),
    Case("four but for one journal", "QG-FOUR-ONES",
         [TEACHER, *journals(leave_out=0), CASE, LESSON, ESSAY], TERM_ENDS, "fail"),
]  # fmt: skip


def polished(level: str, **more: Any) -> Fact:
    return done("polished_lesson", **{"subject": "maths", **more}, level=level)


def unit(scope: str, cluster: str | None = None, **more: Any) -> Fact:
    return fact("unit", scope=scope, code=f"U{scope}", name=f"{scope}小学", what="village",
                cluster=cluster, **more)  # fmt: skip


def village(scope: str, cluster: str | None = None) -> Fact:
    return unit(scope, cluster, rural=True)


COLLEAGUE = person(rec=1, scope="S2", staff_no="Q002", duty="teacher", subject="maths")
ELSEWHERE = polished("prefecture", scope="S2")
MOKE = [
    Case("a lesson of school level", "QG-MOKE-TEACHER", [TEACHER, polished("school")],
         TERM_ENDS, "pass"),
    Case("a lesson of group level", "QG-MOKE-TEACHER", [TEACHER, polished("group")],
         TERM_ENDS, "fail", 1),
    Case("in the holiday", "QG-MOKE-TEACHER", [TEACHER, polished("school", date="2009-08-20")],
         TERM_ENDS, "fail", 1),
    Case("a subject with a county lesson anywhere", "QG-MOKE-SUBJECT",
         [TEACHER, COLLEAGUE, polished("county", scope="S2")], TERM_ENDS, "pass"),
    Case("a subject with school lessons only", "QG-MOKE-SUBJECT", [TEACHER, polished("school")],
         TERM_ENDS, "fail", 1),
    Case("a county lesson of another subject", "QG-MOKE-SUBJECT",
         [TEACHER, polished("county", subject="music")], TERM_ENDS, "fail", 1),
    Case("each school's subject, where the county does not ask", "QG-MOKE-SUBJECT-SCHOOL",
         [TEACHER], TERM_ENDS, "not_set"),
    Case("each school's subject, asked for and there", "QG-MOKE-SUBJECT-SCHOOL",
         [TEACHER, polished("county")], TERM_ENDS, "pass",
         settings={"moke_subject_school": 1}),
    Case("each school's subject, there at another school", "QG-MOKE-SUBJECT-SCHOOL",
         [TEACHER, polished("county", scope="S2")], TERM_ENDS, "fail", 1,
         settings={"moke_subject_school": 1}),
    Case("a school with a city lesson", "QG-MOKE-SCHOOL", [unit("S1"), polished("prefecture")],
         TERM_ENDS, "pass"),
    Case("a school with a county lesson", "QG-MOKE-SCHOOL", [unit("S1"), polished("county")],
         TERM_ENDS, "fail", 1),
    Case("a village school whose cluster has one", "QG-MOKE-SCHOOL",
         [village("S1", "东片"), unit("S2", "东片"), ELSEWHERE], TERM_ENDS, "pass", subject="S1"),
    Case("a town school whose cluster has one", "QG-MOKE-SCHOOL",
         [unit("S1", "东片"), unit("S2", "东片"), ELSEWHERE], TERM_ENDS, "fail", subject="S1"),
    Case("a village school of another cluster", "QG-MOKE-SCHOOL",
         [village("S1", "东片"), unit("S2", "西片"), ELSEWHERE], TERM_ENDS, "fail", subject="S1"),
    Case("a village school without a cluster stands alone", "QG-MOKE-SCHOOL",
         [village("S1"), village("S2"), ELSEWHERE], TERM_ENDS, "fail", subject="S1"),
    Case("a cluster with one lesson", "QG-MOKE-CLUSTER",
         [unit("S1", "东片"), unit("S2", "东片"), ELSEWHERE], TERM_ENDS, "pass", subject="S1"),
    Case("a cluster with two", "QG-MOKE-CLUSTER",
         [unit("S1", "东片"), unit("S2", "东片"), ELSEWHERE, polished("national")],
         TERM_ENDS, "pass", subject="S1"),
    Case("a cluster with county lessons", "QG-MOKE-CLUSTER",
         [unit("S1", "东片"), unit("S2", "东片"), polished("county")],
         TERM_ENDS, "fail", 1, subject="S1"),
    Case("a village that leans on its cluster", "QG-MOKE-VILLAGE",
         [village("S1", "东片"), unit("S2", "东片"), ELSEWHERE], TERM_ENDS, "pass", subject="S1"),
    Case("a village whose cluster has none", "QG-MOKE-VILLAGE",
         [village("S1", "东片"), unit("S2", "东片")], TERM_ENDS, "fail", subject="S1"),
    Case("a village without a cluster", "QG-MOKE-VILLAGE",
         [village("S1"), unit("S2"), ELSEWHERE], TERM_ENDS, "fail", subject="S1"),
    Case("the directive", "QG-MOKE", [TEACHER, unit("S1"), polished("prefecture")],
         TERM_ENDS, "pass"),
    Case("the directive with the lesson on the term's last day", "QG-MOKE",
         [TEACHER, unit("S1"), polished("prefecture", date=TERM_ENDS)], TERM_ENDS, "pass"),
    Case("the directive, a school of which nothing is known", "QG-MOKE",
         [TEACHER, unit("S1"), polished("prefecture"), COLLEAGUE, polished("school", scope="S2")],
         TERM_ENDS, "unknown"),
    Case("the directive, its record entered", "QG-MOKE",
         [TEACHER, unit("S1"), polished("prefecture"), COLLEAGUE, polished("school", scope="S2"),
          unit("S2")], TERM_ENDS, "fail"),
    Case("the directive without a city lesson", "QG-MOKE",
         [TEACHER, unit("S1"), polished("county")], TERM_ENDS, "fail"),
]  # fmt: skip


def reports(*months: str) -> list[Fact]:
    return [fact("monthly_report", date=f"{month}-25", done="课题推进") for month in months]


AUTUMN = ("2009-09", "2009-10", "2009-11", "2009-12")


def project(level: str, applied: str, started: str | None = None, **more: Any) -> Fact:
    row = {
        "number": f"K-{level}", "line": "L1", "name": "小组合作学习", "level": level,
        "applied_on": applied, "started_on": started, "result": "running", **more,
    }  # fmt: skip
    return fact("project", **row)


AT_SCHOOL = project("school", "2008-08-20", "2008-09-01", rec=1)
AT_COUNTY = project("county", "2008-08-20", "2008-09-01", rec=1)
AT_CITY = project("prefecture", "2008-08-20", "2008-09-01", rec=1)
AT_PROVINCE = project("province", "2008-08-20", "2008-09-01", rec=1)
FILE = fact("project_file", project=1, what="record", name="研讨记录", date="2009-10-15")
RESEARCH = [
    Case("a report every month", "QG-MONTHLY", reports(*AUTUMN), TERM_ENDS, "pass", subject="S1"),
    Case("a month without", "QG-MONTHLY", reports(*AUTUMN[:3]), TERM_ENDS, "fail", 1, subject="S1"),
    Case("two in one month", "QG-MONTHLY", reports(*AUTUMN[:3], "2009-11"), TERM_ENDS, "fail", 1,
         subject="S1"),
    Case("process papers", "QG-PROCESS", [AT_SCHOOL, FILE], TERM_ENDS, "pass"),
    Case("no process papers", "QG-PROCESS", [AT_SCHOOL], TERM_ENDS, "fail", 1),
    Case("county after a school year", "QG-ROLLING-COUNTY",
         [AT_SCHOOL, project("county", "2009-09-01")], TERM_ENDS, "pass"),
    Case("county after 364 days", "QG-ROLLING-COUNTY",
         [AT_SCHOOL, project("county", "2009-08-31")], TERM_ENDS, "fail", 1),
    Case("another line does not help", "QG-ROLLING-COUNTY",
         [AT_SCHOOL, project("county", "2009-09-01", line="L2")], TERM_ENDS, "fail"),
    Case("applied for, never begun at the level below", "QG-ROLLING-COUNTY",
         [project("school", "2008-08-20"), project("county", "2009-09-01")], TERM_ENDS, "fail"),
    Case("city after a year at county level", "QG-ROLLING-CITY",
         [AT_COUNTY, project("prefecture", "2009-09-01")], TERM_ENDS, "pass"),
    Case("city straight from school level", "QG-ROLLING-CITY",
         [AT_SCHOOL, project("prefecture", "2009-09-01")], TERM_ENDS, "fail"),
    Case("province after a year at city level", "QG-ROLLING-PROVINCE",
         [AT_CITY, project("province", "2009-09-01")], TERM_ENDS, "pass"),
    Case("province a day early", "QG-ROLLING-PROVINCE",
         [AT_CITY, project("province", "2009-08-31")], TERM_ENDS, "fail", 1),
    Case("nation after a year at provincial level", "QG-ROLLING-NATIONAL",
         [AT_PROVINCE, project("national", "2009-09-01")], TERM_ENDS, "pass"),
    Case("nation a day early", "QG-ROLLING-NATIONAL",
         [AT_PROVINCE, project("national", "2009-08-31")], TERM_ENDS, "fail", 1),
    Case("province straight from county level", "QG-ROLLING-PROVINCE",
         [AT_COUNTY, project("province", "2009-09-01")], TERM_ENDS, "fail"),
    Case("nation straight from city level", "QG-ROLLING-NATIONAL",
         [AT_CITY, project("national", "2009-09-01")], TERM_ENDS, "fail"),
    Case("a school project needs nothing below", "QG-ROLLING", [AT_SCHOOL], TERM_ENDS, "pass"),
    Case("rolling on after a school year", "QG-ROLLING",
         [AT_SCHOOL, project("county", "2009-09-01")], TERM_ENDS, "pass", subject="K-county"),
    Case("rolling on a day early", "QG-ROLLING",
         [AT_SCHOOL, project("county", "2009-08-31")], TERM_ENDS, "fail", subject="K-county"),
    Case("city a day early", "QG-ROLLING-CITY",
         [AT_COUNTY, project("prefecture", "2009-08-31")], TERM_ENDS, "fail", 1),
    Case("process papers on the term's first day", "QG-PROCESS",
         [AT_SCHOOL, fact("project_file", project=1, what="record", name="册", date="2009-09-01")],
         TERM_ENDS, "pass"),
    Case("process papers before the term", "QG-PROCESS",
         [AT_SCHOOL, fact("project_file", project=1, what="record", name="册", date="2009-08-31")],
         TERM_ENDS, "fail", 1),
    Case("taken up on the year's first day", "QG-ADOPTION",
         [fact("adoption", name="导学案", date="2009-01-01")], YEAR_ENDS, "pass", subject="S1"),
    Case("a result taken up", "QG-ADOPTION",
         [fact("adoption", name="导学案", date="2009-03-10")], YEAR_ENDS, "pass", subject="S1"),
    Case("none taken up", "QG-ADOPTION", [], YEAR_ENDS, "fail", 1, subject="S1"),
    Case("taken up last year", "QG-ADOPTION",
         [fact("adoption", name="导学案", date="2008-12-31")], YEAR_ENDS, "fail", 1, subject="S1"),
]  # fmt: skip

ISSUE = fact(
    "bulletin", rec=1, number="2009-3", opens_on="2009-09-01",
    closes_on="2009-10-31",
)  # fmt: skip


def sent(date: str = "2009-10-08", **more: Any) -> Fact:
    return done("submission", date, **{"issue": "2009-3", **more})


RESEARCHER = person(rec=5, staff_no="R001", name="郭建国", duty="researcher")


def visits(count: int) -> list[Fact]:
    row = {"researcher": "R001", "unit": "UA", "date": "2009-10-20"}
    return many(count, "visit", lambda no: row)


BULLETIN = [
    Case("two to the issue", "QG-BULLETIN", [ISSUE, sent(), sent()], TERM_ENDS, "pass",
         subject="S1"),
    Case("one to the issue", "QG-BULLETIN", [ISSUE, sent()], TERM_ENDS, "fail", 1, subject="S1"),
    Case("one on the last day, one too late", "QG-BULLETIN",
         [ISSUE, sent("2009-10-31"), sent("2009-11-01")], TERM_ENDS, "fail", 1, subject="S1"),
    Case("another school's do not count", "QG-BULLETIN",
         [ISSUE, sent(), sent(scope="S2")], TERM_ENDS, "fail", 1, subject="S1"),
    Case("for another issue", "QG-BULLETIN", [ISSUE, sent(), sent(issue="2009-4")],
         TERM_ENDS, "fail", 1, subject="S1"),
    Case("visits, no number set", "QG-VISITS", [RESEARCHER, *visits(9)], TERM_ENDS, "not_set"),
    Case("eight visits of eight", "QG-VISITS", [RESEARCHER, *visits(8)], TERM_ENDS, "pass",
         settings={"visits_a_term": "8"}),
    Case("seven visits of eight", "QG-VISITS", [RESEARCHER, *visits(7)], TERM_ENDS, "fail", 1,
         settings={"visits_a_term": "8"}),
]  # fmt: skip


def english(rec: int, **more: Any) -> Fact:
    row = {"staff_no": f"E{rec}", "duty": "teacher", "stage": "primary", "subject": "english"}
    return person(rec=rec, **{**row, **more})


def trained(rec: int, programme: str, date: str = "2009-08-10", scope: str = "S1") -> Fact:
    return fact(
        "hour", scope=scope, person=rec, programme=programme, date=date, title="培训",
        minutes=720,
    )  # fmt: skip


LEADERS = [
    person(rec=1, staff_no="L1", duty="principal", stage="primary"),
    person(rec=2, staff_no="L2", duty="teaching_leader|teacher", stage="junior"),
]
STARTING = [
    person(rec=1, staff_no="S1", duty="teacher", grade="一年级"),
    person(rec=2, staff_no="S2", duty="teacher", grade="七年级"),
    person(rec=3, staff_no="S3", duty="teacher", grade="三年级"),
]
PROGRAMMES = [
    Case("all English teachers in summer", "QG-ENGLISH-ALL",
         [english(1), english(1, scope="S2", staff_no="E9"), trained(1, "english_textbook"),
          trained(1, "english_textbook", scope="S2")], SUMMER_ENDS, "pass"),
    Case("one of two", "QG-ENGLISH-ALL",
         [english(1), english(2), trained(1, "english_textbook")], SUMMER_ENDS, "fail"),
    Case("on the last day of the holiday", "QG-ENGLISH-ALL",
         [english(1), trained(1, "english_textbook", SUMMER_ENDS)], SUMMER_ENDS, "pass"),
    Case("on the day before the holiday", "QG-ENGLISH-ALL",
         [english(1), trained(1, "english_textbook", "2009-07-12")], SUMMER_ENDS, "fail"),
    Case("teachers of English at middle schools are not meant", "QG-ENGLISH-ALL",
         [english(1), english(2, stage="junior"), trained(1, "english_textbook")],
         SUMMER_ENDS, "pass"),
    Case("starting grades", "QG-START-ALL",
         [*STARTING, trained(1, "new_textbook"), trained(2, "new_textbook")],
         SUMMER_ENDS, "pass"),
    Case("one of the starting grades", "QG-START-ALL", [*STARTING, trained(1, "new_textbook")],
         SUMMER_ENDS, "fail"),
    Case("after the term has begun", "QG-START-ALL",
         [*STARTING, trained(1, "new_textbook"), trained(2, "new_textbook", "2009-09-01")],
         SUMMER_ENDS, "fail"),
    Case("a starting grade by another name", "QG-START",
         [person(rec=1, staff_no="S1", duty="teacher", grade="初一")], SUMMER_ENDS, "fail", 1),
    Case("the first grade of a senior school", "QG-START",
         [person(rec=1, staff_no="S1", duty="teacher", grade="高一"), trained(1, "new_textbook")],
         SUMMER_ENDS, "pass"),
    Case("a starting grade on the holiday's last day", "QG-START",
         [STARTING[0], trained(1, "new_textbook", SUMMER_ENDS)], SUMMER_ENDS, "pass"),
    Case("English on the day before the holiday", "QG-ENGLISH",
         [english(1), trained(1, "english_textbook", "2009-07-12")], SUMMER_ENDS, "fail", 1),
    Case("a principal on the year's first day", "QG-LEADER",
         [LEADERS[0], trained(1, "primary_leaders", "2009-01-01")], YEAR_ENDS, "pass"),
    Case("a leader of teaching the year before", "QG-TEACHING-LEADER",
         [LEADERS[1], trained(2, "teaching_leaders", "2008-12-31")], YEAR_ENDS, "fail", 1),
    Case("a leader of teaching on the year's last day", "QG-TEACHING-LEADER",
         [LEADERS[1], trained(2, "teaching_leaders", YEAR_ENDS)], YEAR_ENDS, "pass"),
    Case("a teacher of English", "QG-ENGLISH", [english(1), trained(1, "english_textbook")],
         SUMMER_ENDS, "pass"),
    Case("a teacher of English without", "QG-ENGLISH", [english(1)], SUMMER_ENDS, "fail", 1),
    Case("a teacher of a starting grade", "QG-START", [STARTING[0], trained(1, "new_textbook")],
         SUMMER_ENDS, "pass"),
    Case("a teacher of a starting grade without", "QG-START", [STARTING[0]],
         SUMMER_ENDS, "fail", 1),
    Case("a principal", "QG-LEADER", [LEADERS[0], trained(1, "primary_leaders")],
         YEAR_ENDS, "pass"),
    Case("a principal without", "QG-LEADER", [LEADERS[0]], YEAR_ENDS, "fail", 1),
    Case("a leader of teaching", "QG-TEACHING-LEADER", [LEADERS[1], trained(2, "teaching_leaders")],
         YEAR_ENDS, "pass"),
    Case("a leader of teaching without", "QG-TEACHING-LEADER", [LEADERS[1]],
         YEAR_ENDS, "fail", 1),
    Case("leaders of schools and of teaching", "QG-LEADERS",
         [*LEADERS, trained(1, "primary_leaders"), trained(2, "teaching_leaders")],
         YEAR_ENDS, "pass"),
    Case("leaders of teaching missing", "QG-LEADERS", [*LEADERS, trained(1, "primary_leaders")],
         YEAR_ENDS, "fail"),
    Case("leaders of schools trained last year", "QG-LEADERS",
         [*LEADERS, trained(1, "primary_leaders", "2008-12-31"), trained(2, "teaching_leaders")],
         YEAR_ENDS, "fail"),
]  # fmt: skip


def cohort(number: str, year: int, graduated: int, completed: int = 0) -> list[Fact]:
    """Ten students who began in September of a year, some of whom reached the end."""
    own = fact(
        "cohort", number=number, series="本科小学教育",
        starts_on=f"{year}-09-01", ends_on=f"{year + 2}-07-31",
    )  # fmt: skip
    ends = ["graduated"] * graduated + ["completed"] * completed
    ends += ["left"] * (10 - len(ends))
    students = many(
        10, "student",
        lambda no: {
            "number": f"{number}{no:02}", "name": f"学员{no}",
            "cohort": number, "enrolled_on": f"{year}-09-01", "standing": ends[no - 1],
        },
        first=year * 100,
    )  # fmt: skip
    return [own, *students]


DEGREES = [
    Case("as many graduate as before", "QG-RATES",
         [*cohort("C05", 2005, 8), *cohort("C06", 2006, 8)], YEAR_ENDS, "pass", subject="C06"),
    Case("more complete, fewer graduate", "QG-RATES",
         [*cohort("C05", 2005, 8), *cohort("C06", 2006, 7, 2)], YEAR_ENDS, "fail", subject="C06"),
    Case("fewer complete", "QG-RATES", [*cohort("C05", 2005, 5, 4), *cohort("C06", 2006, 6, 2)],
         YEAR_ENDS, "fail", subject="C06"),
]  # fmt: skip

ALL = [*JOURNALS, *DUTIES, *MOKE, *RESEARCH, *BULLETIN, *PROGRAMMES, *DEGREES]


@pytest.mark.parametrize("case", ALL, ids=lambda case: f"{case.rule} {case.id}")
def test_rule_of_qinggang_says(case: Case) -> None:
    check("qinggang", case)


def test_every_rule_of_qinggang_is_tried_both_ways() -> None:
    assert untried("qinggang", ALL) == []


def test_every_rule_of_qinggang_is_tried_three_times_and_says_what_fills_it() -> None:
    tried = Counter(case.rule for case in ALL)
    rules = load("qinggang").rules
    assert [each for each in rules if tried[each] < 3] == []
    assert [each.id for each in rules.values() if each.fill is None] == []


def test_who_came_in_march_owes_nothing_for_the_autumn() -> None:
    """Asked in March, when the autumn term is looked at again."""
    new = {"staff_no": "Q002", "duty": "teacher", "subject": "maths", "hired_on": "2010-03-01"}
    rows = {"person": [{**TEACHER.row}, new], "polished_lesson": [{**polished("school").row}]}
    for rule, subjects in (("QG-MOKE-TEACHER", [("S1", 1)]), ("QG-JOURNAL", [("S1", 1)])):
        found = evaluate_case("qinggang", rule, rows, "2010-03-20", on=TERM_ENDS)
        assert list(found) == subjects


@pytest.mark.parametrize(
    ("grade", "judged"),
    [
        ("一年级(2)班", True),
        ("一(3)班", True),
        ("1班", True),
        ("10", True),
        ("七年级", True),
        ("初一（4）班", True),
        ("高一2班", True),
        ("11班", False),
        ("二年级(1)班", False),
        ("十一年级", False),
        ("", False),
    ],
)
def test_a_starting_grade_is_known_by_how_it_begins(grade: str, judged: bool) -> None:
    rows = {"person": [{"staff_no": "S1", "name": "佟丽", "grade": grade}]}
    for rule, kind in (("QG-START", "S1"), ("QG-START-ALL", "")):
        found = evaluate_case("qinggang", rule, rows, SUMMER_ENDS)
        statuses = [each.status for each in found.values()]
        assert statuses == (["fail"] if judged else ["exempt"] if not kind else [])
