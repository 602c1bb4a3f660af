"""What each measure comes to."""

from fractions import Fraction
from typing import Any

import pytest

from tests.server.rules.engine_pack import PERSON, by_key, hour, judge, rule, run
from xueshi_server.domain.rules.amounts import Interval, RuleError, exactly

END = "2026-12-31"


def value(measure: str, rows: dict[str, Any], need: str = "at_least = 0", **more: Any) -> object:
    """The value of a measure over the year 2026."""
    result = judge(rule(need, measure=measure, **more), rows, END)
    found = result.value
    return found.exact if found is not None and found.exact is not None else found


COUNT = 'kind = "count", of = "hour"'
SUM = 'kind = "sum", of = "hour"'


def test_count_takes_the_records_of_the_window_only() -> None:
    rows: dict[str, Any] = {
        "hour": [hour(day) for day in ("2025-12-31", "2026-01-01", END, "2027-01-01")]
    }
    assert value(COUNT, rows) == 2


def test_facts_belong_to_the_person_they_name_in_the_same_school() -> None:
    rows: dict[str, Any] = {"hour": [hour("2026-03-01"), hour("2026-03-01", person=2)]}
    rows["hour"].append(hour("2026-03-01", scope="S2"))
    assert value(COUNT, rows) == 1


def test_facts_that_name_a_key_belong_across_schools() -> None:
    rows: dict[str, Any] = {"paper": [{"author": "T1", "date": "2026-03-01", "scope": "S9"}]}
    assert value('kind = "count", of = "paper"', rows) == 1


@pytest.mark.parametrize("state", ["pending", "rejected", "disputed", "void", "replaced"])
def test_only_approved_facts_of_a_judged_ledger_count(state: str) -> None:
    assert value(COUNT, {"hour": [hour("2026-03-01", state=state)]}) == 0


@pytest.mark.parametrize(("state", "count"), [("pending", 1), ("void", 0), ("replaced", 0)])
def test_facts_of_a_ledger_without_judges_count_unless_void(state: str, count: int) -> None:
    rows: dict[str, Any] = {"paper": [{"author": "T1", "date": "2026-03-01", "state": state}]}
    assert value('kind = "count", of = "paper"', rows) == count


def test_condition_on_the_state_replaces_the_usual_ones() -> None:
    where = f'{COUNT}, where = [{{ field = "state", is = "rejected" }}]'
    rows: dict[str, Any] = {"hour": [hour("2026-03-01", state="rejected"), hour("2026-03-01")]}
    assert value(where, rows) == 1


def test_sum_adds_the_credited_amount() -> None:
    rows: dict[str, Any] = {"hour": [hour("2026-03-01", 90, credited=60), hour("2026-03-02", 45)]}
    assert value(SUM, rows) == 105


def test_fact_of_a_day_to_come_does_not_count_yet() -> None:
    result = judge(rule("at_least = 1"), {"hour": [hour("2026-06-02")]}, "2026-06-01")
    assert result.value == exactly(0)


def test_small_records_below_the_floor_do_not_count() -> None:
    rows: dict[str, Any] = {
        "hour": [hour("2026-03-01", 19), hour("2026-03-01", 20), hour("2026-03-02", 21)]
    }
    assert value(f"{SUM}, item_floor = 20", rows) == 41


def test_category_counts_up_to_its_cap() -> None:
    cap = '{ where = [{ field = "kind", is = "online" }], at_most = 100 }'
    rows: dict[str, Any] = {
        "hour": [
            hour("2026-03-01", 80, kind="online"),
            hour("2026-03-02", 80, kind="online"),
            hour("2026-03-03", 70, kind="class"),
        ]
    }
    assert value(f"{SUM}, caps = [{cap}]", rows) == 170


def test_record_that_fits_two_caps_belongs_to_the_first() -> None:
    caps = (
        '{ where = [{ field = "kind", is = "online" }], at_most = 50 },'
        '{ where = [{ field = "level", is = "school" }], at_most = 10 }'
    )
    rows: dict[str, Any] = {"hour": [hour("2026-03-01", 80, kind="online", level="school")]}
    assert value(f"{SUM}, caps = [{caps}]", rows) == 50


TABLE = """
[[conversion]]
id = "table"
label = { zh = "折算", en = "Conversion" }
of = "hour"
cap = 500
row = [
  { LECTURE, where = [{ field = "kind", is = "lecture" }], minutes = 90, window_cap = 200 },
  { COUNTY, where = [{ field = "level", at_least = "county" }], minutes = "1.5", PER },
  { SCHOOL, where = [{ field = "level", is = "school" }], minutes = "1/2", per = "minutes" },
]
""".replace("PER", 'per = "minutes", item_cap = 100')
for name in ("LECTURE", "COUNTY", "SCHOOL"):
    TABLE = TABLE.replace(name, 'label = { zh = "行", en = "Row" }')


def converted(*rows: dict[str, Any]) -> object:
    text = TABLE + rule("at_least = 0", measure=f'{SUM}, convert = "table"')
    found = judge(text, {"hour": list(rows)}, END).value
    return None if found is None else found.exact


def test_first_row_of_the_table_that_fits_holds() -> None:
    assert converted(hour("2026-03-01", 10, kind="lecture", level="county")) == 90


def test_conversion_is_exact_and_capped_by_item() -> None:
    rows = (hour("2026-03-01", 45, level="county"), hour("2026-03-02", 90, level="county"))
    assert converted(*rows) == Fraction(135, 2) + 100


def test_conversion_row_is_capped_in_the_window() -> None:
    assert converted(*[hour("2026-03-01", kind="lecture")] * 3) == 200


def test_conversion_table_is_capped_as_a_whole() -> None:
    rows = [hour("2026-03-01", 200, level="county")] * 9
    assert converted(*rows) == 500


def test_record_that_fits_no_row_is_worth_nothing() -> None:
    assert converted(hour("2026-03-01", 45, kind="else")) == 0


def test_distinct_counts_values_once() -> None:
    rows: dict[str, Any] = {
        "hour": [hour("2026-03-01", kind=kind) for kind in ("a", "b", "a", None, "")]
    }
    assert value('kind = "distinct", of = "hour", field = "kind"', rows) == 2


def test_greatest_gives_the_rank_of_an_ordinal_code() -> None:
    measure = 'kind = "greatest", of = "hour", field = "level"'
    rows: dict[str, Any] = {
        "hour": [hour("2026-03-01", level=level) for level in ("school", "county")]
    }
    result = judge(rule('at_least = "county"', measure=measure), rows, END)
    assert (result.status, result.value) == ("pass", exactly(2))
    result = judge(rule('at_least = "prefecture"', measure=measure), rows, END)
    assert (result.status, result.missing) == ("fail", 1)


def test_length_in_months_adds_up_exactly() -> None:
    rows: dict[str, Any] = {
        "leave": [
            {"person": 1, "starts_on": "2026-03-01", "ends_on": "2026-04-15"},
            {"person": 1, "starts_on": "2026-05-01", "ends_on": "2026-05-31"},
        ]
    }
    measure = 'kind = "length", of = "leave", starts = "starts_on", ends = "ends_on"'
    assert value(f'{measure}, unit = "month"', rows) == Fraction(5, 2)
    assert value(f'{measure}, unit = "day"', rows) == 46 + 31


def test_length_of_days_to_come_does_not_count_yet() -> None:
    rows: dict[str, Any] = {
        "leave": [{"person": 1, "starts_on": "2026-03-01", "ends_on": "2026-03-31"}]
    }
    measure = 'kind = "length", of = "leave", starts = "starts_on", ends = "ends_on", unit = "day"'
    assert judge(rule("at_least = 31", measure=measure), rows, "2026-03-10").value == exactly(10)


def test_condition_reaches_one_reference_on() -> None:
    where = f'{COUNT}, where = [{{ field = "person.subject", is = "maths" }}]'
    people = [{**PERSON, "subject": "maths"}]
    assert value(where, {"person": people, "hour": [hour("2026-03-01")]}) == 1
    assert value(where, {"person": [PERSON], "hour": [hour("2026-03-01")]}) == 0


def test_same_as_compares_with_a_field_of_the_subject() -> None:
    where = f'{COUNT}, where = [{{ field = "place", same_as = "place" }}]'
    rows: dict[str, Any] = {"hour": [hour("2026-03-01", place="A"), hour("2026-03-01", place="B")]}
    assert value(where, {"person": [{**PERSON, "place": "A"}], **rows}) == 1


def test_local_word_of_a_level_stands_for_the_absolute_one() -> None:
    where = f'{COUNT}, where = [{{ field = "level", at_least = "city" }}]'
    rows: dict[str, Any] = {
        "hour": [hour("2026-03-01", level=level) for level in ("school", "prefecture")]
    }
    assert value(where, rows) == 1


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


COVERAGE = """
[[rule]]
id = "ONE"
scope = "teacher"
window = { kind = "year" }
measure = { kind = "count", of = "hour" }
need = { at_least = 1 }

[[rule]]
id = "R"
scope = "county"
window = { kind = "year" }
measure = { kind = "coverage", of = "teacher", rule = "ONE" }
need = { at_least = "90%" }
"""


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
    assert value(measure, rows) == 50


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


@pytest.mark.parametrize(
    ("measure", "code"),
    [
        ('kind = "count", of = "nothing"', "rule.unknown_type"),
        ('kind = "sum", of = "hour", field = "weight"', "rule.unknown_field"),
        ('kind = "sum", of = "hour", convert = "nothing"', "rule.unknown_conversion"),
        ('kind = "count", of = "course"', "rule.no_link"),
        ('kind = "sum", of = "paper"', "rule.no_amount"),
    ],
)
def test_measure_that_cannot_be_taken_is_a_fault_of_its_rule(measure: str, code: str) -> None:
    evaluation = run(rule("at_least = 1", measure=measure), {}, END)
    assert [(each, fault.rule_code) for each, fault in evaluation.faults] == [("R", code)]


def test_rule_with_a_fault_does_not_disturb_the_others() -> None:
    text = COVERAGE.replace('id = "R"', 'id = "C"') + rule("at_least = 1", measure=COUNT).replace(
        '"hour"', '"nothing"'
    )
    evaluation = run(text, {}, END)
    assert {each.rule for each in evaluation.results} == {"ONE", "C"}


def test_member_of_a_rule_with_a_fault_is_judged_all_the_same() -> None:
    text = """
[[rule]]
id = "R"
scope = "teacher"
window = { kind = "year" }
all_of = [{ rule = "ONE" }, { rule = "BAD" }]
""" + COVERAGE.replace('id = "R"', 'id = "C"')
    bad = rule("at_least = 1", measure=COUNT).replace('"hour"', '"nothing"')
    text += bad.replace('id = "R"', 'id = "BAD"')
    evaluation = run(text, {"hour": [hour("2026-03-01")]}, END)
    assert [rule_id for rule_id, _ in evaluation.faults] == ["R", "BAD"]
    assert [(each.rule, each.status) for each in evaluation.results] == [
        ("ONE", "pass"),
        ("C", "pass"),
    ]


def test_rules_that_name_each_other_are_a_fault() -> None:
    text = COVERAGE.replace(
        'kind = "count", of = "hour"', 'kind = "coverage", of = "teacher", rule = "ONE"'
    )
    with pytest.raises(RuleError, match="cycle"):
        judge(text, {}, END)
