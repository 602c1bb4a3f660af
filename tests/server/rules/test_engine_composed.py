"""Measures made of other things: ratios, heads, coverage, trends, lags, spreads, totals."""

from fractions import Fraction
from typing import Any

import pytest

from tests.server.rules.engine_pack import (
    COUNT,
    COVERAGE,
    PERSON,
    SUM,
    by_key,
    hour,
    judge,
    rule,
    run,
)
from xueshi_server.domain.rules.amounts import Interval, exactly

END = "2026-12-31"


def test_ratio_knows_part_and_whole() -> None:
    part = f'{{ {COUNT}, where = [{{ field = "kind", is = "a" }}] }}'
    measure = f'kind = "ratio", part = {part}, whole = {{ {COUNT} }}'
    rows: dict[str, Any] = {"hour": [hour("2026-03-01", kind=kind) for kind in "abb"]}
    result = judge(rule('about = "30%", tolerance = "5%"', measure=measure), rows, END)
    assert (result.status, result.value) == ("pass", exactly(Fraction(1, 3)))
    assert result.outcome.figures == (exactly(1), exactly(3))


def test_ratio_of_nothing_is_unknown() -> None:
    measure = f'kind = "ratio", part = {{ {COUNT} }}, whole = {{ {COUNT} }}'
    assert judge(rule('at_least = "5%"', measure=measure), {"hour": []}, END).status == "unknown"


@pytest.mark.parametrize(("share", "status"), [("1/3", "vetoed"), ("100/301", "pass")])
def test_third_of_absence_vetoes_inclusively(share: str, status: str) -> None:
    text = """
[[rule]]
id = "R"
scope = "trainee_course"
window = { kind = "run", starts = "course.starts_on", ends = "course.ends_on" }
need = { at_least = "1/3" }
veto = { target = ["course"] }
[rule.measure]
kind = "ratio"
part = { kind = "sum", of = "absence", field = "minutes" }
whole = { kind = "attribute", field = "course.minutes" }
"""
    part, whole = (int(each) for each in share.split("/"))
    rows: dict[str, Any] = {
        "course": [
            {"number": "C", "minutes": whole * 3, "starts_on": "2026-03-01", "ends_on": END}
        ],
        "absence": [{"person": 1, "course": 1, "date": "2026-04-01", "minutes": part * 3}],
    }
    assert judge(text, rows, END).status == status


TWO = [PERSON, {**PERSON, "rec": 2, "staff_no": "T2", "score": 7, "hired_on": "2020-01-01"}]


def test_headcount_counts_the_people_of_each_school() -> None:
    text = rule("at_least = 2", measure='kind = "headcount", of = "teacher"').replace(
        'scope = "teacher"', 'scope = "school"'
    )
    people = [*TWO, {**PERSON, "scope": "S2", "staff_no": "T3"}]
    results = by_key(run(text, {"person": people}, END))
    assert {key: each.value for key, each in results.items()} == {
        ("S1",): exactly(2),
        ("S2",): exactly(1),
    }


def test_formula_rounds_up_to_whole_units() -> None:
    need = 'at_least = { measure = { kind = "headcount", of = "teacher" }, per = 300 }'
    measure = 'kind = "headcount", of = "teacher", who = [{ field = "duty", is = "trainer" }]'
    text = rule(need, measure=measure, window="as_of").replace('"teacher"\nwin', '"county"\nwin')
    people = [{"rec": no, "staff_no": str(no), "duty": "teacher"} for no in range(1, 302)]
    people[0]["duty"] = "teacher|trainer"
    result = judge(text, {"person": people}, END)
    assert (result.status, result.missing) == ("fail", 1)


def test_coverage_is_the_share_that_pass() -> None:
    result = judge(COVERAGE, {"person": TWO, "hour": [hour("2026-03-01")]}, END)
    assert (result.status, result.value) == ("fail", exactly(Fraction(1, 2)))
    assert result.outcome.figures == (exactly(1), exactly(2))


def test_coverage_of_nobody_is_nothing_to_judge() -> None:
    result = judge(COVERAGE, {"person": [{**PERSON, "active": False}]}, END)
    assert (result.status, result.reason) == ("exempt", "nothing_to_judge")


def test_coverage_lies_between_those_who_pass_and_those_not_heard_from() -> None:
    people = [*TWO, {**PERSON, "scope": "S2", "staff_no": "T3"}]
    rows: dict[str, Any] = {
        "person": people,
        "hour": [hour("2026-03-01"), hour("2026-03-01", person=2)],
    }
    result = judge(COVERAGE, rows, END, heard={"S1": END, "S2": "2026-06-30"})
    assert (result.status, result.value) == ("unknown", Interval(Fraction(2, 3), 1))
    assert result.outcome.figures == (Interval(2, 3), exactly(3))


def test_coverage_of_people_never_heard_of_is_open() -> None:
    result = judge(COVERAGE, {"hour": [hour("2026-03-01")]}, END, heard={"S1": END, "S2": None})
    assert (result.status, result.value) == ("unknown", Interval(0, 1))


def test_attribute_that_is_not_there_is_unknown() -> None:
    measure = 'kind = "attribute", field = "score"'
    text = rule("at_least = 5", measure=measure)
    results = by_key(run(text, {"person": TWO}, END))
    assert [results["S1", no].status for no in (1, 2)] == ["unknown", "pass"]


def test_attribute_of_an_ordinal_field_is_its_rank() -> None:
    people = [{**PERSON, "level": "county"}]
    text = rule('at_least = "county"', measure='kind = "attribute", field = "level"')
    assert judge(text, {"person": people}, END).status == "pass"


def test_trend_compares_with_the_window_before() -> None:
    text = rule("at_least = 0", measure=f'kind = "trend", measure = {{ {COUNT} }}')
    rows: dict[str, Any] = {"hour": [hour("2025-03-01"), hour("2025-04-01"), hour("2026-03-01")]}
    result = judge(text, rows, END)
    assert (result.status, result.value) == ("fail", exactly(-1))


def test_trend_of_runs_compares_with_the_run_before_of_its_series() -> None:
    text = """
[[rule]]
id = "R"
scope = "course"
window = { kind = "run", starts = "starts_on", ends = "ends_on" }
measure = { kind = "trend", series = "series", measure = { kind = "count", of = "absence" } }
need = { at_most = 0 }
"""
    courses = [
        {
            "number": name,
            "series": name[0],
            "starts_on": f"{year}-03-01",
            "ends_on": f"{year}-06-30",
        }
        for name, year in (("A1", 2024), ("B1", 2025), ("A2", 2026))
    ]
    absences = [{"person": 1, "course": 3, "date": "2026-03-05"}]
    results = by_key(run(text, {"course": courses, "absence": absences}, END))
    assert [(each.status, each.value) for each in results.values()] == [
        ("exempt", None),
        ("exempt", None),
        ("fail", exactly(1)),
    ]


LAG = (
    'kind = "lag", unit = "{unit}", before = {{ kind = "moment", of = "hour" }},'
    ' after = {{ kind = "moment", of = "paper" }}'
)


@pytest.mark.parametrize(
    ("unit", "paper", "units"),
    [
        ("school_year", "2026-09-09", 0),
        ("school_year", "2026-09-10", 1),
        ("year", "2026-09-09", 0),
        ("month", "2026-09-09", 11),
        ("day", "2026-09-09", 364),
        ("day", "2025-09-08", -2),
    ],
)
def test_lag_counts_whole_units(unit: str, paper: str, units: int) -> None:
    text = rule("at_least = 1", measure=LAG.format(unit=unit), window="any")
    rows: dict[str, Any] = {
        "hour": [hour("2025-09-10")],
        "paper": [{"author": "T1", "date": paper}],
    }
    assert judge(text, rows, END).value == exactly(units)


def test_lag_whose_end_has_not_come_is_nothing_to_judge() -> None:
    text = rule("at_least = 1", measure=LAG.format(unit="day"), window="any")
    assert judge(text, {"hour": [hour("2025-09-10")]}, END).status == "exempt"


def test_lag_without_a_beginning_fails() -> None:
    text = rule("at_least = 1", measure=LAG.format(unit="day"), window="any")
    rows: dict[str, Any] = {"paper": [{"author": "T1", "date": "2026-01-01"}]}
    assert (judge(text, rows, END).status, judge(text, rows, END).reason) == ("fail", "not_done")


BEFORE_COURSE = """
[[rule]]
id = "R"
scope = "course"
window = { kind = "any" }
need = { at_least = 1 }
[rule.measure]
kind = "lag"
unit = "day"
before = { kind = "moment", of = "absence" }
after = { kind = "attribute", field = "starts_on" }
"""


@pytest.mark.parametrize(
    ("as_of", "status"),
    [("2026-02-27", "on_track"), ("2026-02-28", "fail"), ("2026-03-01", "fail")],
)
def test_what_must_come_before_a_day_is_on_track_until_then(as_of: str, status: str) -> None:
    rows: dict[str, Any] = {"course": [{"number": "A", "starts_on": "2026-03-01"}]}
    assert judge(BEFORE_COURSE, rows, as_of).status == status


def test_spread_is_greatest_less_least() -> None:
    measure = f'kind = "spread", of = "teacher", measure = {{ {SUM} }}'
    text = rule("at_most = 50", measure=measure).replace('"teacher"\nwin', '"school"\nwin')
    rows: dict[str, Any] = {
        "person": TWO,
        "hour": [hour("2026-03-01", 10), hour("2026-03-01", 70, person=2)],
    }
    result = judge(text, rows, END)
    assert (result.value, result.missing) == (exactly(60), 10)


def test_total_adds_measures_of_one_unit() -> None:
    measure = (
        f'kind = "total", parts = [{{ {SUM} }}, {{ kind = "sum", of = "paper", field = "words" }}]'
    )
    rows: dict[str, Any] = {
        "hour": [hour("2026-03-01", 45)],
        "paper": [{"author": "T1", "date": END, "words": 5}],
    }
    assert judge(rule("at_least = 0", measure=measure), rows, END).value == exactly(50)


def test_moment_before_a_date() -> None:
    text = rule('at_most = "2026-03-31"', measure='kind = "moment", of = "hour"')
    assert judge(text, {"hour": [hour("2026-03-31")]}, END).status == "pass"
    assert judge(text, {"hour": [hour("2026-04-01")]}, END).status == "fail"
    assert judge(text, {"hour": []}, END).status == "fail"


def test_sets_of_values_are_subjects_across_schools() -> None:
    text = rule("at_least = 1", measure=COUNT).replace('"teacher"', '"branch"')
    people = [
        {"rec": 1, "staff_no": "T1", "subject": "maths"},
        {"rec": 1, "staff_no": "T2", "subject": "maths", "scope": "S2"},
        {"rec": 2, "staff_no": "T3", "subject": "music"},
        {"rec": 3, "staff_no": "T4"},
    ]
    rows: dict[str, Any] = {"person": people, "hour": [hour("2026-03-01", scope="S2")]}
    results = by_key(run(text, rows, END))
    assert {key: each.status for key, each in results.items()} == {
        ("maths",): "pass",
        ("music",): "fail",
    }
