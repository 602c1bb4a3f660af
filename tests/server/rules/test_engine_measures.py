"""What each measure comes to."""

from fractions import Fraction
from typing import Any

import pytest

from tests.server.rules.engine_pack import COUNT, COVERAGE, PERSON, SUM, hour, judge, rule, run
from xueshi_server.domain.rules.amounts import RuleError, exactly

END = "2026-12-31"


def value(measure: str, rows: dict[str, Any], need: str = "at_least = 0", **more: Any) -> object:
    """The value of a measure over the year 2026."""
    result = judge(rule(need, measure=measure, **more), rows, END)
    found = result.value
    return found.exact if found is not None and found.exact is not None else found


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


def test_converted_records_that_wait_are_converted_too() -> None:
    text = TABLE + rule("at_least = 100", measure=f'{SUM}, convert = "table"')
    waiting = hour("2026-03-01", 60, level="school", state="pending")
    assert judge(text, {"hour": [waiting]}, "2026-06-01").pending == 30


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
