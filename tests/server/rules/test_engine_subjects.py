"""Who is judged, whose facts are whose, and which declarations cannot be evaluated."""

from typing import Any

import pytest

from tests.server.rules.engine_pack import PERSON, by_key, hour, judge, make_pack, rule, run
from xueshi_server.domain.rules.amounts import Interval, exactly
from xueshi_server.domain.rules.evaluate import find_subjects

END = "2026-12-31"
COUNT = 'kind = "count", of = "hour"'
LABEL = "label = { zh = '象', en = 'Subject' }"


def people(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"rec": number, "staff_no": f"T{number}", **row} for number, row in enumerate(rows, 1)]


def judged(who: str, *rows: dict[str, Any]) -> list[object]:
    """The numbers of the people that a rule with such conditions judges."""
    text = rule("at_least = 1") + f"who = [{who}]\n"
    evaluation = run(text, {"person": people(*rows)}, END)
    return [each.subject[1] for each in evaluation.results]


@pytest.mark.parametrize(
    ("who", "numbers"),
    [
        ('{ field = "subject", is = "maths" }', [1]),
        ('{ field = "subject", is_not = "maths" }', [2, 3]),
        ('{ field = "subject", in = ["maths", "music"] }', [1, 2]),
        ('{ field = "subject", not_in = ["maths", "music"] }', [3]),
        ('{ field = "subject", present = true }', [1, 2]),
        ('{ field = "subject", present = false }', [3]),
        ('{ field = "level", at_least = "county" }', [1]),
        ('{ field = "level", at_most = "school" }', [2]),
        ('{ field = "score", at_least = "9/2" }', [2]),
        ('{ field = "score", at_most = "9/2" }', [1]),
        ('{ field = "hired_on", at_most = "2020-08-31" }', [1]),
        ('{ field = "duty", is = "head" }', [1, 3]),
        ('{ field = "duty", not_in = ["head", "teacher"] }', []),
        ('{ field = "score", at_least = { param = "goal" } }', [1, 2]),
    ],
)
def test_condition_on_who_is_judged(who: str, numbers: list[int]) -> None:
    fields: tuple[dict[str, Any], ...] = (
        {"subject": "maths", "level": "county", "score": 4, "hired_on": "2020-08-31"},
        {"subject": "music", "level": "school", "score": 5, "hired_on": "2020-09-01"},
        {"subject": ""},
    )
    duties = ("teacher|head", "teacher", "head")
    rows = [{**row, "duty": duty} for row, duty in zip(fields, duties, strict=True)]
    assert judged(who, *rows) == numbers


def test_retired_people_are_no_teachers() -> None:
    rows = {"person": people({"active": False}, {"active": True}, {})}
    evaluation = run(rule("at_least = 1"), rows, END)
    assert [each.subject[1] for each in evaluation.results] == [2, 3]


PAIRS = """
[[rule]]
id = "R"
scope = "trainee_course"
window = { kind = "any" }
measure = { kind = "sum", of = "absence", field = "minutes" }
need = { at_most = 10 }
"""


def test_pairs_are_joined_by_what_is_the_same() -> None:
    rows: dict[str, Any] = {
        "person": [{**PERSON}, {**PERSON, "scope": "S2", "staff_no": "T2"}],
        "course": [{"number": "A"}, {"number": "B"}, {"number": "C", "scope": "S2", "rec": 1}],
        "absence": [{"person": 1, "course": 2, "date": END, "minutes": 11}],
    }
    results = by_key(run(PAIRS, rows, END))
    assert {key: each.status for key, each in results.items()} == {
        ("S1", 1, "S1", 1): "pass",
        ("S1", 1, "S1", 2): "fail",
        ("S2", 1, "S2", 1): "pass",
    }


def test_pairs_may_be_chosen_by_a_field_of_either_side() -> None:
    text = PAIRS + 'who = [{ field = "course.series", is = "x" }, { field = "subject", is = "a" }]'
    rows: dict[str, Any] = {
        "person": people({"subject": "a"}, {"subject": "b"}),
        "course": [{"number": "A", "series": "x"}, {"number": "B", "series": "y"}],
    }
    assert list(by_key(run(text, rows, END))) == [("S1", 1, "S1", 1)]


SCHOOLS = """
[[type]]
id = "school"
label = { zh = "学校", en = "School" }
kind = "register"
field = [
  { id = "rural", type = "bool", label = { zh = "农村", en = "Rural" } },
  { id = "classes", type = "int", label = { zh = "班级数", en = "Classes" } },
]
"""


def test_school_has_the_fields_of_its_record() -> None:
    text = SCHOOLS + rule("at_least = 6", measure='kind = "attribute", field = "classes"').replace(
        '"teacher"', '"school"'
    )
    text += 'who = [{ field = "rural", is = true }]\n'
    rows: dict[str, Any] = {
        "person": [],
        "school": [
            {"rural": True, "classes": 7},
            {"rural": True, "classes": 5, "scope": "S2"},
            {"rural": False, "scope": "S3"},
        ],
    }
    results = by_key(run(text, rows, END))
    assert {key: each.status for key, each in results.items()} == {
        ("S1",): "pass",
        ("S2",): "fail",
    }


def test_central_schools_are_told_by_their_kind() -> None:
    text = rule("at_least = 1").replace('"teacher"', '"school"')
    text += 'who = [{ field = "kind", is = "township" }]\n'
    results = by_key(run(text, {}, END, kinds={"S1": "school", "Z": "township"}))
    assert list(results) == [("Z",)]


LINKED = f"""
[[subject]]
id = "studio"
{LABEL}
of = "course"
link = {{ hour = {{ kind = "number" }}, absence = {{ "course.number" = "number" }} }}
"""


@pytest.mark.parametrize(("measure", "value"), [(COUNT, 1), ('kind = "count", of = "absence"', 2)])
def test_declared_link_says_whose_facts_are_whose(measure: str, value: int) -> None:
    text = LINKED + rule("at_least = 0", measure=measure).replace('"teacher"', '"studio"')
    rows: dict[str, Any] = {
        "course": [{"number": "A"}],
        "hour": [hour("2026-03-01", kind="A"), hour("2026-03-01", kind="B")],
        "absence": [{"person": 1, "course": 1, "date": "2026-05-01"}] * 2,
    }
    assert judge(text, rows, END).value == exactly(value)


def test_facts_of_a_set_of_values_are_found_through_the_person() -> None:
    text = rule("at_least = 0", measure=COUNT).replace('"teacher"', '"branch"')
    rows = {"person": people({"subject": "maths"}), "hour": [hour("2026-03-01")]}
    assert judge(text, rows, END).value == exactly(1)


NOTES = """
[[type]]
id = "note"
label = { zh = "说明", en = "Note" }
kind = "register"
field = [
  { id = "absence", type = "ref", to = "absence", label = { zh = "缺勤", en = "Absence" } },
]
"""


def test_facts_belong_also_one_reference_further_on() -> None:
    text = NOTES + rule("at_least = 0", measure='kind = "count", of = "note"', window="any")
    rows: dict[str, Any] = {
        "course": [{"number": "A"}, {"number": "B"}],
        "absence": [{"person": 1, "course": 2, "date": END}],
        "note": [{"absence": 1}],
    }
    results = by_key(run(text.replace('"teacher"', '"course"'), rows, END))
    assert [each.value for each in results.values()] == [exactly(0), exactly(1)]


def test_own_rows_of_a_subject_are_its_facts() -> None:
    measure = 'kind = "length", of = "course", starts = "starts_on", ends = "ends_on"'
    text = rule("at_least = 2", measure=f'{measure}, unit = "month"', window="any")
    rows = {"course": [{"number": "A", "starts_on": "2026-03-01", "ends_on": "2026-04-30"}]}
    # A plan counts as a whole before it is over.
    result = judge(text.replace('"teacher"', '"course"'), rows, "2026-03-02")
    assert (result.status, result.value) == ("pass", exactly(2))


def test_titles_of_a_person_are_found_by_what_refers_to_it() -> None:
    text = f"""
[[subject]]
id = "absent"
{LABEL}
of = "absence"

[[subject]]
id = "author"
{LABEL}
of = "paper"
"""
    pack = make_pack(text)
    facts = run(text, {
        "absence": [{"person": 1}, {"person": 2}, {"person": 1, "scope": "S2"}],
        "paper": [{"author": "T1", "scope": "S9"}, {"author": "T2"}],
    }, END).facts  # fmt: skip
    assert find_subjects(pack, facts, "person", ("S1", 1)) == {
        "teacher": [("S1", 1)],
        "absent": [("S1", 1)],
        "author": [("S9", 1)],
    }


UNHEARD = {"S1": "2026-06-30"}


def unheard(measure: str, *hours: dict[str, Any]) -> object:
    text = rule("at_least = 1", measure=measure, window="any")
    return judge(text, {"hour": list(hours)}, END, heard=UNHEARD).value


def test_first_day_may_still_turn_out_earlier_and_the_last_later() -> None:
    first, last = 'kind = "moment", of = "hour"', 'kind = "moment", of = "hour", pick = "last"'
    number = judge(
        rule("at_least = 1", measure=first, window="any"), {"hour": [hour("2026-03-01")]}, END
    ).value
    assert number is not None
    assert unheard(first, hour("2026-03-01")) == Interval(None, number.high)
    assert unheard(last, hour("2026-03-01")) == Interval(number.low, None)
    assert unheard(first) == Interval(None, None)


def test_need_that_rests_on_a_missing_number_is_unknown() -> None:
    need = 'at_least = { measure = { kind = "attribute", field = "score" } }'
    assert judge(rule(need), {"hour": [hour("2026-03-01")]}, END).status == "unknown"
    rows = {"person": people({"score": 1}), "hour": [hour("2026-03-01")]}
    assert judge(rule(need), rows, END).status == "pass"


def test_spread_over_people_not_heard_from_has_no_greatest_value() -> None:
    measure = f'kind = "spread", of = "teacher", measure = {{ {COUNT} }}'
    text = rule("at_most = 1", measure=measure).replace('"teacher"\nwin', '"school"\nwin')
    rows = {"person": people({}, {}), "hour": [hour("2026-03-01")] * 3}
    result = judge(text, rows, END, heard=UNHEARD)
    assert (result.status, result.value) == ("unknown", Interval(0, None))


def test_surplus_not_heard_of_may_be_all_that_can_be_carried() -> None:
    text = rule("at_least = 2", window='kind = "year", carry_over = 1')
    result = judge(text, {"hour": [hour("2026-03-01")]}, END, heard={"S1": "2025-06-30"})
    assert (result.status, result.value) == ("unknown", Interval(1, None))


def test_exemption_not_heard_of_leaves_a_failure_open() -> None:
    text = rule("at_least = 9").replace('id = "R"', 'id = "A"') + rule(
        "at_least = 5", measure='kind = "attribute", field = "score"'
    )
    text += 'exempt = { rule = "A" }\n'
    rows = {"person": people({"score": 1})}
    result = judge(text, rows, END, heard=UNHEARD)
    assert (result.status, result.reason) == ("unknown", "exemption_unknown")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param(
            rule("at_least = 1").replace('"teacher"', '"nobody"'), "rule.unknown_subject",
            id="subject",
        ),
        pytest.param(
            rule("at_least = { param = 'nothing' }"), "rule.unknown_parameter", id="parameter"
        ),
        pytest.param(rule("at_least = 'many'"), "rule.not_a_number", id="amount"),
        pytest.param(
            rule("at_least = 'huge'", measure='kind = "greatest", of = "hour", field = "level"'),
            "rule.no_rank", id="rank",
        ),
        pytest.param(
            rule("at_least = 1", measure=COUNT + ', where = [{ field = "minutes.x", is = 1 }]'),
            "rule.not_a_reference", id="reference",
        ),
        pytest.param(
            rule("at_least = 1", window='kind = "run", each = true'), "rule.each_needs_within",
            id="each",
        ),
        pytest.param(
            rule("at_least = 1").replace("need", "# need"), "rule.no_need", id="no need"
        ),
        pytest.param(
            rule("at_least = 1").replace("need", "# need").replace("measure", "# measure"),
            "rule.asks_nothing", id="nothing asked",
        ),
        pytest.param(
            rule("at_least = 1", measure='kind = "coverage", of = "teacher", rule = "X"').replace(
                '"teacher"\nwin', '"county"\nwin'
            ),
            "rule.unknown_rule", id="rule",
        ),
    ],
)  # fmt: skip
def test_declaration_that_cannot_be_evaluated_is_named(text: str, code: str) -> None:
    evaluation = run(text, {}, END)
    assert [fault.rule_code for _, fault in evaluation.faults] == [code]


def test_rule_about_other_subjects_cannot_be_a_member() -> None:
    text = rule("at_least = 1", measure='kind = "count", of = "absence"').replace(
        'id = "R"', 'id = "C"'
    ).replace('"teacher"', '"course"')  # fmt: skip
    text += """
[[rule]]
id = "R"
scope = "teacher"
window = { kind = "year" }
all_of = [{ rule = "C" }]
"""
    evaluation = run(text, {}, END)
    assert [fault.rule_code for _, fault in evaluation.faults] == ["rule.other_subject"]
