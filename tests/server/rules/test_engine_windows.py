"""Windows in rules: every one of several, shares of the roll, carry-over, last days, unheard."""

from typing import Any

import pytest

from tests.server.rules.engine_pack import PERSON, by_key, day, hour, judge, rule, run
from xueshi_server.domain.rules.amounts import Interval, exactly
from xueshi_server.domain.rules.results import Result

END = "2026-12-31"
SUM = 'kind = "sum", of = "hour"'
MONTHLY = 'kind = "month", each = true, within = "year"'


def months(*numbers: int) -> dict[str, Any]:
    return {"hour": [hour(f"2026-{number:02}-15") for number in numbers]}


def monthly(rows: dict[str, Any], as_of: str, more: str = "", need: str = "at_least = 1") -> Result:
    return judge(rule(need, window=MONTHLY + more), rows, as_of)


def test_each_window_must_hold() -> None:
    assert monthly(months(*range(1, 13)), END).status == "pass"
    result = monthly(months(1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12), END)
    assert (result.status, result.value, result.missing) == ("fail", exactly(11), 1)


def test_two_in_one_window_do_not_make_up_for_another() -> None:
    assert monthly(months(1, 1, *range(3, 13)), END).status == "fail"


def test_as_many_windows_may_be_missed_as_allowed() -> None:
    rows = months(*range(3, 13))
    assert monthly(rows, END, ", allow_miss = 2").status == "pass"
    result = monthly(rows, END, ", allow_miss = 1")
    assert (result.status, result.missing) == ("fail", 1)


def test_windows_that_have_not_begun_are_not_missed() -> None:
    result = monthly(months(1, 2), "2026-03-10")
    assert (result.status, result.value) == ("on_track", exactly(2))
    assert [part.span.label for part in result.parts if part.span] == [
        "2026-01",
        "2026-02",
        "2026-03",
    ]


def test_last_window_that_may_be_missed_is_at_risk() -> None:
    assert monthly(months(1), "2026-03-10", ", allow_miss = 1").status == "at_risk"


def test_window_that_is_over_without_it_fails_the_whole_early() -> None:
    assert monthly(months(2), "2026-02-20").status == "fail"


def test_windows_not_heard_from_may_hold() -> None:
    text = rule("at_least = 1", window=MONTHLY)
    result = judge(text, months(1, 2), END, heard="2026-10-31")
    assert (result.status, result.value) == ("fail", Interval(2, 4))
    result = judge(text, months(*range(1, 12)), END, heard="2026-12-01")
    assert (result.status, result.value) == ("unknown", Interval(11, 12))


def test_windows_before_the_first_day_on_the_roll_are_not_asked() -> None:
    people = [{**PERSON, "hired_on": "2026-06-10"}]
    rows: dict[str, Any] = {"person": people, **months(*range(7, 13))}
    assert monthly(rows, END, ", only_if_present = 25").status == "pass"
    assert monthly(rows, END).status == "fail"


def test_who_was_on_the_roll_in_no_window_has_nothing_to_be_judged_by() -> None:
    gone = [{**PERSON, "left_on": "2025-12-20"}]
    result = judge(
        rule("at_least = 1", window=MONTHLY + ', prorate = "months"'), {"person": gone}, END
    )
    assert (result.status, result.reason) == ("exempt", "nothing_to_judge")


HIRED_IN_JULY = [{**PERSON, "hired_on": "2026-07-01"}]


@pytest.mark.parametrize(("minutes", "status", "missing"), [(600, "pass", None), (599, "fail", 1)])
def test_need_shrinks_with_the_months_on_the_roll(
    minutes: int, status: str, missing: int | None
) -> None:
    text = rule("at_least = 1200", measure=SUM, window='kind = "year", prorate = "months"')
    rows: dict[str, Any] = {"person": HIRED_IN_JULY, "hour": [hour("2026-09-01", minutes)]}
    result = judge(text, rows, END)
    assert (result.status, result.missing) == (status, missing)


def test_only_full_months_count() -> None:
    text = rule("at_least = 1200", measure=SUM, window='kind = "year", prorate = "months"')
    people = [{**PERSON, "hired_on": "2026-07-02"}]
    result = judge(text, {"person": people}, END)
    assert result.missing == 500


def test_part_of_a_year_is_no_year() -> None:
    window = 'kind = "cycle", years = 5, prorate = "years"'
    text = rule("at_least = 1000", measure=SUM, window=window)
    people = [{**PERSON, "hired_on": "2021-07-01", "left_on": "2024-12-31"}]
    assert judge(text, {"person": people}, "2025-12-31").missing == 600


def test_who_was_hardly_there_is_exempt() -> None:
    window = 'kind = "year", only_if_present = 184'
    text = rule("at_least = 1", window=window)
    exempt = judge(text, {"person": [{**PERSON, "hired_on": "2026-07-02"}]}, END)
    assert (exempt.status, exempt.reason) == ("exempt", "not_on_roll")
    assert judge(text, {"person": HIRED_IN_JULY}, END).status == "fail"


CARRY = 'kind = "year", carry_over = 100'


@pytest.mark.parametrize(
    ("before", "value"),
    [
        pytest.param(1050, 1000, id="half of what may be carried"),
        pytest.param(1500, 1050, id="no more than the most"),
        pytest.param(900, 950, id="a shortfall is not carried"),
    ],
)
def test_surplus_of_the_window_before_is_carried_over(before: int, value: int) -> None:
    text = rule("at_least = 1000", measure=SUM, window=CARRY)
    rows: dict[str, Any] = {"hour": [hour("2025-05-01", before), hour("2026-05-01", 950)]}
    assert judge(text, rows, END).value == exactly(value)


BY = rule("at_least = 1, by = { on = '12-20' }")
LATE = BY + 'late = "accept"\n'


@pytest.mark.parametrize(
    ("text", "date", "status", "late"),
    [
        pytest.param(BY, "2026-12-20", "pass", False, id="on the last day"),
        pytest.param(BY, "2026-12-21", "fail", False, id="a day late"),
        pytest.param(LATE, "2026-12-21", "pass", True, id="a day late and accepted"),
        pytest.param(LATE, "2026-12-20", "pass", False, id="in time where late is accepted"),
    ],
)
def test_last_day_of_the_year(text: str, date: str, status: str, late: bool) -> None:
    result = judge(text, {"hour": [hour(date)]}, END)
    assert (result.status, result.late) == (status, late)
    assert result.need is not None
    assert result.need.by == day("2026-12-20")


def test_last_day_lies_in_the_year_of_the_window() -> None:
    text = rule("at_least = 1, by = { on = '06-30' }", window="school_year")
    assert judge(text, {"hour": [hour("2026-06-30")]}, "2026-08-31").status == "pass"
    assert judge(text, {"hour": [hour("2026-07-01")]}, "2026-08-31").status == "fail"


def test_last_day_from_a_date_of_the_subject() -> None:
    text = """
[[rule]]
id = "R"
scope = "course"
window = { kind = "run", starts = "starts_on", ends = "ends_on" }
measure = { kind = "count", of = "absence" }
need = { at_least = 1, by = { field = "starts_on", days = -1 } }
"""
    course = {"number": "A", "starts_on": "2026-03-10", "ends_on": "2026-04-10"}

    def status(date: str) -> str:
        rows: dict[str, Any] = {
            "course": [course],
            "absence": [{"person": 1, "course": 1, "date": date}],
        }
        return judge(text, rows, END).status

    assert [status(date) for date in ("2026-03-09", "2026-03-10")] == ["pass", "fail"]


def test_subject_without_the_date_its_last_day_counts_from_is_unknown() -> None:
    text = rule("at_least = 1, by = { field = 'hired_on', days = 30 }")
    result = judge(text, {"hour": [hour("2026-03-01")]}, END)
    assert (result.status, result.reason) == ("unknown", "no_date")


MOMENT = rule("by = { on = '12-20' }", measure='kind = "moment", of = "hour"')


@pytest.mark.parametrize(
    ("date", "as_of", "status"),
    [
        ("2026-12-20", END, "pass"),
        ("2026-12-21", END, "fail"),
        (None, "2026-12-19", "on_track"),
        (None, "2026-12-20", "fail"),
    ],
)
def test_moment_by_its_last_day(date: str | None, as_of: str, status: str) -> None:
    rows: dict[str, Any] = {"hour": [] if date is None else [hour(date)]}
    assert judge(MOMENT, rows, as_of).status == status


OWN_YEARS = 'kind = "cycle_year", each = true, within = "cycle", anchor = "hired_on"'


def yearly(dates: tuple[str, ...], as_of: str) -> Result:
    people = [{**PERSON, "hired_on": "2021-09-01"}]
    rows = {"person": people, "hour": [hour(date) for date in dates]}
    return judge(rule("at_least = 1", window=OWN_YEARS), rows, as_of)


def test_years_of_a_cycle_of_its_own_begin_on_its_day() -> None:
    """A cycle that begins in September has five years, from September to August."""
    dates = ("2022-08-31", "2022-09-01", "2023-09-01", "2024-09-01", "2025-09-01")
    result = yearly(dates, "2026-08-31")
    assert (result.status, result.value) == ("pass", exactly(5))
    assert [part.span.first.isoformat() for part in result.parts if part.span] == [
        f"{year}-09-01" for year in range(2021, 2026)
    ]


def test_every_year_of_a_cycle_of_its_own_must_hold() -> None:
    dates = ("2021-09-01", "2022-09-01", "2023-09-01", "2024-09-01", "2025-08-31")
    assert yearly(dates, "2026-08-31").status == "fail"


def test_calendar_years_of_a_cycle_are_those_that_lie_wholly_in_it() -> None:
    people = [{**PERSON, "hired_on": "2021-03-01"}]
    window = 'kind = "year", each = true, within = "cycle", anchor = "hired_on", years = 3'
    rows = {"person": people, "hour": [hour("2022-05-01"), hour("2023-05-01")]}
    result = judge(rule("at_least = 1", window=window), rows, "2024-02-29")
    assert result.status == "pass"
    assert [part.span.label for part in result.parts if part.span] == ["2022", "2023"]


def test_schools_not_heard_from_leave_a_shortfall_unknown() -> None:
    text = rule("at_least = 2")
    rows: dict[str, Any] = {"hour": [hour("2026-03-01")]}
    result = judge(text, rows, END, heard="2026-12-30")
    assert (result.status, result.value, result.heard) == ("unknown", Interval(1, None), (0, 1))
    assert judge(text, rows, END, heard=END).status == "fail"


def test_enough_is_enough_whoever_was_not_heard() -> None:
    rows: dict[str, Any] = {"hour": [hour("2026-03-01")]}
    assert judge(rule("at_least = 1"), rows, END, heard="2026-03-02").status == "pass"


def test_window_that_is_over_needs_no_word_from_later() -> None:
    text = rule("at_least = 2")
    result = judge(text, {"hour": []}, "2027-05-01", on="2026-06-01", heard="2026-12-31")
    assert result.status == "fail"


def test_another_school_not_heard_from_changes_nothing_for_this_one() -> None:
    people = [PERSON, {**PERSON, "scope": "S2", "staff_no": "T2"}]
    text = rule("at_least = 1")
    results = by_key(run(text, {"person": people}, END, heard={"S1": END, "S2": None}))
    assert [each.status for each in results.values()] == ["fail", "unknown"]


def test_facts_that_may_stand_anywhere_wait_for_every_school() -> None:
    text = rule("at_least = 1", measure='kind = "count", of = "paper"')
    assert judge(text, {}, END, heard={"S1": END, "S2": None}).status == "unknown"


def test_window_without_its_date_is_unknown() -> None:
    text = rule("at_least = 1", window='kind = "since", starts = "hired_on", months = 12')
    result = judge(text, {}, END)
    assert (result.status, result.reason) == ("unknown", "no_date")


def test_cycle_that_has_not_begun_gives_no_result() -> None:
    text = rule("at_least = 1", window='kind = "cycle", years = 5, anchor = "hired_on"')
    people = [{**PERSON, "hired_on": "2027-01-01"}]
    assert run(text, {"person": people}, END).results == []


def test_rule_holds_between_its_dates_only() -> None:
    text = rule("at_least = 1") + "valid_from = 2026-07-01\nvalid_to = 2026-12-30\n"
    days = ("2026-06-30", "2026-07-01", "2026-12-30", "2026-12-31")
    assert [len(run(text, {}, each).results) for each in days] == [0, 1, 1, 0]


def test_parameter_the_county_left_open_asks_nothing() -> None:
    result = judge(rule('at_least = { param = "open" }'), {}, END)
    assert (result.status, result.reason) == ("not_set", "parameter_not_set")


def test_parameter_gives_the_amount() -> None:
    text = rule('at_least = { param = "goal" }')
    rows: dict[str, Any] = {"hour": [hour("2026-03-01")] * 2}
    assert judge(text, rows, END).status == "pass"
    assert judge(text, rows, END, params={"goal": 3}).missing == 1


def test_result_says_what_waits_for_review() -> None:
    rows: dict[str, Any] = {
        "hour": [hour("2026-03-01", 90, state="pending", credited=0), hour("2026-03-02", 10)]
    }
    result = judge(rule("at_least = 100", measure=SUM), rows, "2026-06-01")
    assert (result.value, result.missing, result.pending) == (exactly(10), 90, 90)


def test_records_that_wait_are_counted_too() -> None:
    rows = {"hour": [hour("2026-03-01", state="pending"), hour("2026-03-02", state="rejected")]}
    assert judge(rule("at_least = 1"), rows, "2026-06-01").pending == 1


def test_result_says_until_when_the_rest_can_be_done() -> None:
    result = judge(rule("at_least = 3600", measure=SUM), {}, "2026-06-01")
    assert result.impossible_after == day("2026-12-23")


def test_facts_of_the_whole_cluster_count_for_a_member() -> None:
    text = rule("at_least = 2") + 'cluster = "cluster"\n'
    people = [
        {**PERSON, "cluster": "east"},
        {**PERSON, "rec": 2, "staff_no": "T2", "cluster": "east"},
        {**PERSON, "rec": 3, "staff_no": "T3"},
    ]
    rows: dict[str, Any] = {
        "person": people,
        "hour": [hour("2026-03-01"), hour("2026-03-01", person=2), hour("2026-03-01", person=3)],
    }
    results = by_key(run(text, rows, END))
    assert [each.status for each in results.values()] == ["pass", "pass", "fail"]


def test_cluster_waits_for_the_schools_of_its_members() -> None:
    text = rule("at_least = 1") + 'cluster = "cluster"\n'
    people = [
        {**PERSON, "cluster": "east"},
        {**PERSON, "scope": "S2", "staff_no": "T2", "cluster": "east"},
    ]
    result = judge(text, {"person": people}, END, heard={"S1": END, "S2": None})
    assert result.status == "unknown"
