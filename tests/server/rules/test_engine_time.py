"""Rules over time: streaks with what pauses and breaks them, and sequences."""

from typing import Any

import pytest

from tests.server.rules.engine_pack import PERSON, STREAK, day, hour, judge, named, years
from xueshi_server.domain.rules.amounts import Interval, exactly

END = "2026-12-31"


def leave(year: int, **more: Any) -> dict[str, Any]:
    return {"person": 1, "starts_on": f"{year}-02-01", "ends_on": f"{year}-11-30", **more}


@pytest.mark.parametrize(
    ("passed", "left", "as_of", "status", "count"),
    [
        pytest.param((2024, 2025, 2026), (), END, "pass", 3, id="three years"),
        pytest.param((2025, 2026), (), END, "fail", 2, id="two years"),
        pytest.param((2023, 2024, 2026), (), END, "fail", 1, id="a gap breaks it"),
        pytest.param((2023, 2024, 2026), (2025,), END, "pass", 3, id="leave pauses it"),
        pytest.param((2023, 2024, 2025), (), "2026-06-01", "pass", 3, id="this year runs"),
        pytest.param((2024, 2025), (), "2026-03-01", "on_track", 2, id="the third year runs"),
    ],
)
def test_streak(
    passed: tuple[int, ...], left: tuple[int, ...], as_of: str, status: str, count: int
) -> None:
    rows = {"hour": years(*passed), "leave": [leave(year) for year in left]}
    result = judge(STREAK, rows, as_of)
    assert (result.status, result.value) == (status, exactly(count))


def test_year_passed_in_spite_of_leave_counts() -> None:
    rows = {"hour": years(2024, 2025, 2026), "leave": [leave(2025)]}
    result = judge(STREAK, rows, END)
    assert (result.status, result.value) == ("pass", exactly(3))


def test_year_that_runs_may_still_be_passed_in_spite_of_leave() -> None:
    rows = {"hour": years(2024, 2025), "leave": [leave(2026)]}
    assert judge(STREAK, rows, "2026-03-01").status == "on_track"


def test_year_of_leave_not_heard_from_neither_breaks_nor_surely_counts() -> None:
    rows = {"hour": years(2023, 2024, 2025), "leave": [leave(2026)]}
    assert judge(STREAK, rows, END, heard="2026-03-01").status == "pass"
    rows = {"hour": years(2024, 2025), "leave": [leave(2026)]}
    result = judge(STREAK, rows, END, heard="2026-03-01")
    assert (result.status, result.value) == ("unknown", Interval(2, 3))


def test_leave_that_was_not_approved_pauses_nothing() -> None:
    rows = {"hour": years(2023, 2024, 2026), "leave": [leave(2025, state="pending")]}
    assert judge(STREAK, rows, END).status == "fail"


def test_streak_of_a_year_that_runs_is_on_track_one_year_short() -> None:
    text = STREAK.replace('"as_of"', '"year"')
    assert judge(text, {"hour": years(2024, 2025)}, "2026-03-01").status == "on_track"
    assert judge(text, {"hour": years(2025)}, "2026-03-01").status == "fail"


def test_streak_over_a_year_not_heard_from_is_unknown() -> None:
    result = judge(STREAK, {"hour": years(2024, 2025)}, END, heard="2026-03-01")
    assert (result.status, result.value) == ("unknown", Interval(0, 3))


def test_streak_too_short_whatever_a_year_not_heard_from_brings_fails() -> None:
    result = judge(STREAK, {"hour": years(2025)}, END, heard="2026-03-01")
    assert (result.status, result.value) == ("fail", Interval(0, 2))


def test_streak_of_single_windows_allows_no_miss_in_any_of_them() -> None:
    """What may be missed in a cycle is not missed in every year of it."""
    text = named("A", "a").replace(
        'kind = "year"', 'kind = "year", each = true, within = "cycle", allow_miss = 1'
    )
    text += STREAK[STREAK.index('\n[[rule]]\nid = "R"') :]
    assert judge(text, {"hour": years(2025, 2026)}, END).value == exactly(2)


def test_streak_of_years_that_each_subject_begins_on_its_own_day() -> None:
    text = named("A", "a").replace(
        'kind = "year"', 'kind = "cycle", years = 1, anchor = "hired_on"'
    )
    text += STREAK[STREAK.index('\n[[rule]]\nid = "R"') :]
    people = [{**PERSON, "hired_on": "2023-07-01"}]
    dates = ("2023-12-01", "2025-01-01", "2025-12-01")
    rows = {"person": people, "hour": [hour(date, kind="a") for date in dates]}
    assert judge(text, rows, "2026-06-30").value == exactly(3)
    dates = ("2023-12-01", "2025-12-01", "2026-01-01")
    rows = {"person": people, "hour": [hour(date, kind="a") for date in dates]}
    assert judge(text, rows, "2026-06-30").value == exactly(1)


SEQUENCE = """
[[rule]]
id = "R"
scope = "teacher"
window = { kind = "since", starts = "hired_on", months = 15 }
sequence = [
  { label = { zh = "岗前", en = "First" }, of = "hour" },
  { label = { zh = "研修", en = "Stay" }, of = "leave", months = 12, DAYS },
]
""".replace("DAYS", 'starts = "starts_on", ends = "ends_on"')
NEW = [{**PERSON, "hired_on": "2025-01-01"}]


def stay(first: str, last: str) -> dict[str, Any]:
    return {"person": 1, "starts_on": first, "ends_on": last}


@pytest.mark.parametrize(
    ("course", "stays", "as_of", "status", "missing"),
    [
        pytest.param(
            "2025-01-20", [stay("2025-02-01", "2026-01-31")], "2026-03-31", "pass", None,
            id="in order",
        ),
        pytest.param(
            "2025-02-02", [stay("2025-02-01", "2026-01-31")], "2026-03-31", "fail", 12,
            id="the stay began before the course",
        ),
        pytest.param(
            "2025-01-20", [stay("2025-02-01", "2025-12-31")], "2026-03-31", "fail", 1,
            id="a month short",
        ),
        pytest.param(
            "2025-01-20", [stay("2025-02-01", "2025-05-31"), stay("2025-08-01", "2026-03-31")],
            "2026-03-31", "pass", None, id="in two parts",
        ),
        pytest.param(
            "2025-01-20", [stay("2025-03-01", "2026-02-28")], "2025-08-31", "on_track", 6,
            id="half of it done",
        ),
        pytest.param("2025-01-20", [], "2025-06-30", "fail", 12, id="too late to begin"),
    ],
)  # fmt: skip
def test_sequence(
    course: str, stays: list[dict[str, Any]], as_of: str, status: str, missing: int | None
) -> None:
    rows = {"person": NEW, "hour": [hour(course)], "leave": stays}
    result = judge(SEQUENCE, rows, as_of)
    unmet = [part.outcome.missing for part in result.parts if part.outcome.status != "pass"]
    assert (result.status, [*unmet, None][0]) == (status, missing)
    assert result.missing == (len(unmet) or None)


def test_sequence_says_until_when_the_rest_fits_in() -> None:
    result = judge(SEQUENCE, {"person": NEW, "hour": [hour("2025-01-20")]}, "2025-02-10")
    assert (result.status, result.impossible_after) == ("on_track", day("2025-03-31"))


JUDGED = STREAK.replace(
    'pause = "leave"', 'pause = "leave", pause_ends = "ends_on", judged_by = "hour"'
)


def test_leave_undoes_no_judgement() -> None:
    rows = {
        "hour": [*years(2023, 2024, 2026), hour("2025-12-01", kind="b")],
        "leave": [leave(2025)],
    }
    assert judge(STREAK, rows, END).status == "pass"
    assert judge(JUDGED, rows, END).status == "fail"


@pytest.mark.parametrize(
    ("ends_on", "status"),
    [("2025-01-01", "pass"), ("2024-12-31", "fail"), (None, "pass")],
)
def test_leave_lasts_into_the_years_it_reaches(ends_on: str | None, status: str) -> None:
    away = {"person": 1, "starts_on": "2024-02-01", "ends_on": ends_on}
    rows = {"hour": years(2022, 2023, 2026), "leave": [away]}
    assert judge(JUDGED, rows, END).status == status
    assert judge(STREAK, rows, END).status == "fail"


def test_leave_pauses_nothing_where_a_county_says_so() -> None:
    text = STREAK.replace('pause = "leave"', 'pause = "leave", pause_when = { param = "pauses" }')
    switch = "\n[[parameter]]\nid = 'pauses'\nlabel = { zh = '离', en = 'Leave' }\nvalue = "
    rows = {"hour": years(2023, 2024, 2026), "leave": [leave(2025)]}
    for value, status in (("true", "pass"), ("false", "fail")):
        assert judge(text + switch + value, rows, END).status == status


def test_a_streak_one_year_short_can_be_completed_while_the_year_runs() -> None:
    result = judge(STREAK, {"hour": years(2024, 2025)}, "2026-03-01")
    assert (result.status, result.impossible_after) == ("on_track", day(END))
    result = judge(STREAK, {"hour": years(2025)}, "2026-03-01")
    assert (result.status, result.impossible_after) == ("fail", None)
