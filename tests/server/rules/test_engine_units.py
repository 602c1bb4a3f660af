"""In which unit values stand, what asks nothing, and what a ratio has no whole without."""

import datetime as dt
from typing import Any

import pytest

from tests.server.rules.county import facts_of, load
from tests.server.rules.engine_pack import COUNT, COVERAGE, PERSON, STREAK, hour, judge, rule
from xueshi_server.domain.rules.amounts import exactly
from xueshi_server.domain.rules.figures import judge_targets
from xueshi_server.domain.rules.results import Lacking

END = "2026-12-31"
END_DAY = dt.date(2026, 12, 31)
LABEL = 'label = { zh = "项", en = "Member" }'


def members(*clauses: str, more: str = "", how: str = "all_of") -> str:
    inline = ", ".join(f"{{ {LABEL}, {each} }}" for each in clauses)
    return f"""
[[rule]]
id = "R"
scope = "teacher"
window = {{ kind = "year" }}
{how} = [{inline}]
{more}
"""


HOURS = 'measure = { kind = "sum", of = "hour" }, need = { at_least = "10h" }'
TIME = (
    'measure = { kind = "length", of = "leave", starts = "starts_on", ends = "ends_on",'
    ' unit = "month" }, need = { equals = 2 }'
)
NUMBER = f"measure = {{ {COUNT} }}, need = {{ at_least = 1 }}"
LEVEL = 'measure = { kind = "attribute", field = "level" }, need = { at_least = "county" }'


def test_a_combination_counts_its_members_and_these_have_units_of_their_own() -> None:
    result = judge(members(HOURS, TIME, NUMBER, LEVEL, more='unit = "percent"'), {}, END)
    assert result.unit == ""
    assert [part.unit for part in result.parts] == [
        "hour", "month", "percent", "rank:person.level",
    ]  # fmt: skip


def test_a_member_may_say_its_unit() -> None:
    result = judge(members(f'{HOURS}, unit = ""', f'{NUMBER}, unit = "person"'), {}, END)
    assert [part.unit for part in result.parts] == ["", "person"]


def test_what_is_counted_are_things_where_nobody_says_otherwise() -> None:
    assert judge(rule("at_least = 1"), {}, END).unit == "item"


def test_a_named_member_keeps_the_unit_of_its_rule() -> None:
    text = rule("at_least = 1").replace('"R"', '"A"') + 'unit = "person"\n'
    text += '[[rule]]\nid = "R"\nscope = "teacher"\nwindow = { kind = "year" }\n'
    result = judge(text + 'all_of = [{ rule = "A" }]', {}, END)
    assert [part.unit for part in result.parts] == ["person"]


def test_windows_of_several_keep_the_unit_of_the_rule() -> None:
    text = rule("at_least = 1", window='kind = "month", each = true, within = "year"')
    result = judge(text, {}, "2026-02-28")
    assert (result.unit, {part.unit for part in result.parts}) == ("", {"item"})


def test_a_streak_counts_windows_and_keeps_their_unit() -> None:
    result = judge(STREAK, {"hour": [hour("2026-03-01", kind="a")]}, END)
    assert (result.unit, {part.unit for part in result.parts}) == ("", {"item"})


def test_a_share_of_like_things_is_per_cent_and_a_quotient_of_unlike_ones_is_not() -> None:
    minutes = '{ kind = "sum", of = "hour" }'
    for part, unit in ((minutes, "percent"), (f"{{ {COUNT} }}", "")):
        measure = f'kind = "ratio", part = {part}, whole = {minutes}'
        assert judge(rule('at_least = "5%"', measure=measure), {}, END).unit == unit


def test_a_target_is_in_the_unit_of_what_it_measures() -> None:
    pack = load("township-primary")
    units = {each.rule: each.unit for each in judge_targets(pack, facts_of(pack, {}), END_DAY)}
    assert units
    assert set(units.values()) <= {"percent", "item", "person", "hour"}


# ---- what asks nothing


@pytest.mark.parametrize("amount", ["0", '"0h"', '{ param = "goal" }', '{ param = "open" }'])
def test_at_least_nought_is_not_set_and_shows_what_there_is(amount: str) -> None:
    rows = {"hour": [hour("2026-03-01")]}
    result = judge(rule(f"at_least = {amount}"), rows, END, params={"goal": 0})
    assert (result.status, result.reason) == ("not_set", "parameter_not_set")
    assert (result.value, result.need, result.effects) == (exactly(1), None, ())


def test_an_amount_worked_out_at_nought_leaves_nothing_to_judge() -> None:
    heads = '{ kind = "headcount", of = "teacher", who = [{ field = "duty", is = "head" }] }'
    text = rule(f"at_least = {{ measure = {heads}, per = 300 }}").replace(
        'scope = "teacher"', 'scope = "school"'
    )
    result = judge(text, {}, END)
    assert (result.status, result.reason) == ("exempt", "nothing_to_judge")


def test_a_trend_of_at_least_nought_is_asked() -> None:
    measure = f'kind = "trend", measure = {{ {COUNT} }}'
    rows = {"hour": [hour("2025-03-01")]}
    assert judge(rule("at_least = 0", measure=measure), rows, END).status == "fail"


@pytest.mark.parametrize("how", ["all_of", "any_of"])
def test_a_member_that_asks_nothing_is_left_out(how: str) -> None:
    nothing = f"measure = {{ {COUNT} }}, need = {{ at_least = 0 }}"
    result = judge(members(nothing, NUMBER, how=how), {}, END)
    assert (result.status, result.value, len(result.parts)) == ("fail", exactly(0), 1)
    assert result.need is not None
    assert result.need.low == exactly(1)


def test_a_combination_of_what_asks_nothing_asks_nothing() -> None:
    nothing = f"measure = {{ {COUNT} }}, need = {{ at_least = 0 }}"
    assert judge(members(nothing, nothing), {}, END).status == "not_set"


def test_who_is_asked_nothing_is_no_part_of_a_coverage() -> None:
    text = COVERAGE.replace("at_least = 1 ", "at_least = 0 ")
    result = judge(text, {"person": [PERSON]}, END)
    assert (result.status, result.reason) == ("exempt", "nothing_to_judge")


def test_an_exempt_member_is_left_out_of_what_all_of_counts() -> None:
    nobody = members(NUMBER, 'measure = { kind = "coverage", of = "teacher", rule = "NONE" },'
                     ' need = { at_least = "100%" }')  # fmt: skip
    text = nobody + rule("at_least = 0").replace('"R"', '"NONE"')
    result = judge(text, {}, END)
    assert [part.outcome.status for part in result.parts] == ["fail", "exempt"]
    assert result.need is not None
    assert (result.value, result.need.low, result.missing) == (exactly(0), exactly(1), 1)


# ---- no whole


def test_a_ratio_without_a_whole_names_the_records_that_are_missing() -> None:
    whole = f'{{ {COUNT}, where = [{{ field = "level", is = "city" }}] }}'
    measure = f'kind = "ratio", part = {{ {COUNT} }}, whole = {whole}'
    rows: dict[str, Any] = {"hour": [hour("2026-03-01", level="school")]}
    result = judge(rule('at_least = "5%"', measure=measure), rows, END)
    assert (result.status, result.reason) == ("unknown", "no_base")
    assert result.outcome.lacking == (Lacking("hour", (("level", "city"),)),)


def test_a_ratio_whose_whole_may_still_arrive_says_nothing_of_it() -> None:
    measure = f'kind = "ratio", part = {{ {COUNT} }}, whole = {{ {COUNT} }}'
    result = judge(rule('at_least = "5%"', measure=measure), {}, END, heard="2026-03-01")
    assert (result.status, result.reason) == ("unknown", "")


def test_a_field_that_is_empty_is_named() -> None:
    attribute = 'kind = "attribute", field = "score"'
    result = judge(rule("at_least = 1", measure=attribute), {}, END)
    assert (result.reason, result.outcome.lacking) == (
        "no_value", (Lacking("person", (), "score"),),
    )  # fmt: skip


def test_a_ratio_of_a_field_that_is_empty_names_the_field() -> None:
    whole = '{ kind = "attribute", field = "score" }'
    measure = f'kind = "ratio", part = {{ {COUNT} }}, whole = {whole}'
    result = judge(rule('at_least = "5%"', measure=measure), {}, END)
    assert result.outcome.lacking == (Lacking("person", (), "score"),)
