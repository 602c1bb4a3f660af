"""Combinations, exemptions, vetoes, effects, evidence."""

from typing import Any

import pytest

from tests.server.rules.engine_pack import PERSON, STREAK, by_key, hour, judge, named, rule, run
from xueshi_server.domain.rules.amounts import exactly
from xueshi_server.domain.rules.evaluate import find_subjects

END = "2026-12-31"


MEMBERS = "".join(named(each.upper(), each) for each in "abc")


def combined(how: str, *kinds: str, as_of: str = END, **options: Any) -> tuple[str, object]:
    text = f"""
[[rule]]
id = "R"
scope = "teacher"
window = {{ kind = "year" }}
{how}
"""
    rows = {"hour": [hour("2026-03-01", kind=kind) for kind in kinds]}
    result = judge(MEMBERS + text, rows, as_of, **options)
    return result.status, result.missing


ALL = 'all_of = [{ rule = "A" }, { rule = "B" }]'
ANY = 'any_of = [{ rule = "A" }, { rule = "B" }]'
NONE = 'none_of = [{ rule = "A" }, { rule = "B" }]'
TWO = 'some_of = { count = 2, of = [{ rule = "A" }, { rule = "B" }, { rule = "C" }] }'
LATER = "2026-03-31"


@pytest.mark.parametrize(
    ("how", "kinds", "answer"),
    [
        pytest.param(ALL, "ab", ("pass", None), id="all of two"),
        pytest.param(ALL, "a", ("fail", 1), id="one of two"),
        pytest.param(ANY, "b", ("pass", None), id="either"),
        pytest.param(ANY, "", ("fail", 1), id="neither of either"),
        pytest.param(NONE, "", ("pass", None), id="none"),
        pytest.param(NONE, "b", ("fail", 1), id="one too many"),
        pytest.param(TWO, "ac", ("pass", None), id="two of three"),
        pytest.param(TWO, "c", ("fail", 1), id="one of three"),
    ],
)
def test_combination(how: str, kinds: str, answer: tuple[str, object]) -> None:
    assert combined(how, *kinds) == answer


@pytest.mark.parametrize(
    ("how", "kinds", "status"),
    [
        (ALL, "a", "on_track"),
        (ANY, "", "on_track"),
        (ANY, "a", "pass"),
        (NONE, "", "on_track"),
        (NONE, "a", "fail"),
        (TWO, "a", "on_track"),
    ],
)
def test_combination_in_an_open_window(how: str, kinds: str, status: str) -> None:
    assert combined(how, *kinds, as_of=LATER)[0] == status


@pytest.mark.parametrize(
    ("how", "kinds", "status"),
    [
        (ALL, "a", "unknown"),
        (ALL, "ab", "pass"),
        (ANY, "", "unknown"),
        (ANY, "a", "pass"),
        (NONE, "", "unknown"),
        (NONE, "a", "fail"),
        (TWO, "a", "unknown"),
    ],
)
def test_combination_of_what_was_not_heard(how: str, kinds: str, status: str) -> None:
    assert combined(how, *kinds, heard="2026-04-01")[0] == status


def test_members_keep_their_own_results() -> None:
    text = MEMBERS + f'[[rule]]\nid = "R"\nscope = "teacher"\nwindow = {{ kind = "year" }}\n{ALL}'
    result = judge(text, {"hour": [hour("2026-03-01", kind="a")]}, END)
    assert [(part.rule, part.outcome.status) for part in result.parts] == [
        ("A", "pass"),
        ("B", "fail"),
    ]


def test_members_may_have_windows_of_their_own() -> None:
    text = """
[[rule]]
id = "R"
scope = "teacher"
window = { kind = "term" }
all_of = [
  { WEEK, window = { kind = "week", each = true }, HOURS, need = { at_least = 1 } },
  { TERM, HOURS, need = { at_least = 20 } },
]
"""
    for name, written in {
        "WEEK": 'label = { zh = "周", en = "Weekly" }',
        "TERM": 'label = { zh = "期", en = "Term" }',
        "HOURS": 'measure = { kind = "count", of = "hour" }',
    }.items():
        text = text.replace(name, written)
    weeks = [f"2026-{month:02}-{date:02}" for month in (3, 4, 5, 6) for date in (4, 11, 18, 25)]
    rows = {"hour": [hour(date) for date in weeks * 2]}
    result = judge(text, rows, "2026-07-15")
    assert [part.outcome.value for part in result.parts] == [exactly(16), exactly(32)]
    assert result.parts[0].label == ("周", "Weekly")


def test_member_that_does_not_apply_is_left_out() -> None:
    text = MEMBERS.replace('id = "B"', 'id = "B"\nwho = [{ field = "duty", is = "head" }]')
    text += f'[[rule]]\nid = "R"\nscope = "teacher"\nwindow = {{ kind = "year" }}\n{ALL}'
    assert judge(text, {"hour": [hour("2026-03-01", kind="a")]}, END).status == "pass"


EXEMPT = named("A", "a") + named("F", "f")


def exempted(need: str, window: str, more: str, *rows: dict[str, Any], as_of: str = END) -> Any:
    text = rule(need, measure='kind = "sum", of = "hour"', window=window)
    return judge(EXEMPT + text + f"exempt = {{ {more} }}\n", {"hour": list(rows)}, as_of)


def test_exempt_where_the_other_rule_passes() -> None:
    result = exempted("at_least = 3240", "year", 'rule = "A"', hour("2026-03-01", kind="a"))
    assert (result.status, result.reason) == ("exempt", "exempt_by_rule")


def test_not_exempt_where_it_does_not() -> None:
    result = exempted("at_least = 3240", "year", 'rule = "A"', hour("2026-03-01", 3240))
    assert result.status == "pass"


def test_fallback_is_judged_in_its_place() -> None:
    more = 'rule = "A", fallback = "F"'
    assert exempted("at_least = 3240", "year", more, hour("2026-03-01")).status == "fail"
    result = exempted("at_least = 3240", "year", more, hour("2026-03-01", kind="f"))
    assert result.status == "pass"


@pytest.mark.parametrize(
    ("rows", "value"),
    [
        pytest.param([hour("2022-03-01", 100, kind="a")], 3240, id="credit for the exempt year"),
        pytest.param([hour("2022-03-01", 4000, kind="a")], 4000, id="what was done where more"),
        pytest.param([hour("2022-03-01", 100)], 100, id="no credit for another year"),
        pytest.param(
            [hour("2022-03-01", 100, kind="a"), hour("2023-03-01", 50)], 3290, id="credit and more"
        ),
    ],
)
def test_exempt_year_counts_its_credit_in_the_cycle(rows: list[dict[str, Any]], value: int) -> None:
    window = 'kind = "cycle", years = 5'
    result = exempted(
        "at_least = 16200", window, 'rule = "A", credit_as = 3240', *rows, as_of="2025-12-31"
    )
    assert result.value == exactly(value)


def test_veto_strikes_where_its_need_holds() -> None:
    text = named("R", "bad", 'veto = { target = ["title"] }')
    assert judge(text, {"hour": [hour("2026-03-01", kind="bad")]}, END).status == "vetoed"
    clear = judge(text, {}, "2026-06-01")
    assert (clear.status, clear.missing) == ("pass", None)


VETO = named("V", "bad", 'veto = { target = ["title"] }')


@pytest.mark.parametrize(
    ("target", "status"), [("title", "vetoed"), ("title.special", "vetoed"), ("award", "pass")]
)
def test_veto_overrides_what_leads_to_its_target(target: str, status: str) -> None:
    text = VETO + named("R", "a", f'effect = [{{ kind = "may_apply", target = "{target}" }}]')
    rows = {"hour": [hour("2026-03-01", kind=kind) for kind in ("a", "bad")]}
    result = judge(text, rows, END)
    assert result.status == status
    assert result.vetoed_by == ("V" if status == "vetoed" else "")


def test_veto_on_everything_overrides_every_result_of_the_subject_only() -> None:
    text = VETO.replace('"title"', '"all"') + named("R", "a")
    people = [PERSON, {**PERSON, "rec": 2, "staff_no": "T2"}]
    hours = [hour("2026-03-01", kind="bad"), hour("2026-03-01", kind="a", person=2)]
    results = by_key(run(text, {"person": people, "hour": hours}, END))
    assert [each.status for each in results.values()] == ["vetoed", "pass"]


def test_none_of_a_veto_fails_where_it_strikes() -> None:
    text = (
        VETO
        + """
[[rule]]
id = "R"
scope = "teacher"
window = { kind = "year" }
none_of = [{ rule = "V" }]
"""
    )
    assert judge(text, {"hour": [hour("2026-03-01", kind="bad")]}, END).status == "fail"
    assert judge(text, {}, END).status == "pass"


def test_all_of_a_veto_passes_where_it_does_not_strike() -> None:
    text = (
        VETO
        + """
[[rule]]
id = "R"
scope = "teacher"
window = { kind = "year" }
all_of = [{ rule = "V" }]
"""
    )
    assert judge(text, {"hour": [hour("2026-03-01", kind="bad")]}, END).status == "fail"
    assert judge(text, {}, END).status == "pass"


def test_effects_follow_a_pass_only() -> None:
    text = named("R", "a", 'effect = [{ kind = "may_apply", target = "expert" }]')
    rows = {"hour": [hour("2026-03-01", kind="a")]}
    assert judge(text, rows, END).effects == (("may_apply", "expert"),)
    assert judge(text, {}, END).effects == ()


def test_result_carries_version_and_quotation() -> None:
    result = judge(named("R", "a", 'source = ["D.1"]'), {}, END)
    assert (result.version, result.source) == ("3", (("D.1", "每年不少于二学时"),))


def test_rule_of_a_school_can_be_a_member_of_a_teachers_rule() -> None:
    text = named("A", "a").replace('"teacher"', '"school"') + named("B", "b")
    text += f'[[rule]]\nid = "R"\nscope = "teacher"\nwindow = {{ kind = "year" }}\n{ALL}'
    rows = {"hour": [hour("2026-03-01", kind="a", person=2), hour("2026-03-01", kind="b")]}
    assert judge(text, rows, END).status == "pass"


def test_evidence_lists_the_records_that_count_by_date() -> None:
    rows = {
        "hour": [
            hour("2026-05-01"),
            hour("2026-03-01"),
            hour("2026-03-02", state="pending"),
            hour("2026-03-03", person=2),
            hour("2025-03-03"),
        ]
    }
    evaluation = run(rule("at_least = 1"), rows, END)
    assert evaluation.evidence("R", ("S1", 1)) == [("S1", 2), ("S1", 1)]


def test_few_subjects_are_judged_as_they_are_among_all() -> None:
    people = [{**PERSON, "rec": number, "staff_no": f"T{number}"} for number in range(1, 6)]
    hours = [hour("2026-03-01", kind="a", person=number) for number in (2, 3)]
    rows = {"person": people, "hour": hours}
    every = by_key(run(STREAK, rows, END))
    some = run(STREAK, rows, END, subjects={"teacher": [("S1", 3), ("S1", 4)]})
    assert by_key(some) == {key: every[key] for key in (("S1", 3), ("S1", 4))}


def test_kinds_that_are_not_asked_about_are_not_judged() -> None:
    assert run(rule("at_least = 1"), {}, END, subjects={"course": [("S1", 1)]}).results == []


def test_year_that_is_over_can_be_judged_by_what_is_known_today() -> None:
    result = judge(rule("at_least = 1"), {"hour": [hour("2025-03-01")]}, END, on="2025-12-31")
    assert (result.status, result.span.label) == ("pass", "2025")


def test_subjects_of_a_record_are_found() -> None:
    evaluation = run(rule("at_least = 1"), {}, END)
    pack, facts = evaluation.question.pack, evaluation.facts
    assert find_subjects(pack, facts, "person", ("S1", 1)) == {"teacher": [("S1", 1)]}
