"""Windows as spans of days."""

import datetime as dt
from typing import Any

import pytest
from msgspec import convert

from tests.server.rules.engine_pack import day
from xueshi_server.domain.packs.model import Calendar, Window
from xueshi_server.domain.rules.amounts import RuleError
from xueshi_server.domain.rules.calendar import SchoolCalendar, outer_window
from xueshi_server.domain.rules.facts import Row
from xueshi_server.domain.rules.spans import Span, add_months, length_months, whole_months

PLAIN = SchoolCalendar(Calendar())
DECLARED = SchoolCalendar(
    convert(
        {
            "cycle_from": "2016-01-01",
            "term": [
                {
                    "id": "A",
                    "starts_on": "2025-09-01",
                    "ends_on": "2026-01-16",
                    "holidays": [("2025-10-01", "2025-10-08")],
                },
                {"id": "B", "starts_on": "2026-02-28", "ends_on": "2026-07-03"},
            ],
            "holiday": [{"season": "summer", "starts_on": "2026-07-10", "ends_on": "2026-08-20"}],
        },
        Calendar,
    )
)


def current(
    calendar: SchoolCalendar, on: str, row: Row | None = None, **window: Any
) -> tuple[str, str] | None:
    span = calendar.current(convert(window, Window), day(on), row or {})
    return None if span is None else (span.first.isoformat(), span.last.isoformat())


@pytest.mark.parametrize(
    ("kind", "on", "first", "last"),
    [
        pytest.param("year", "2026-12-31", "2026-01-01", "2026-12-31", id="last day of a year"),
        pytest.param("school_year", "2026-08-31", "2025-09-01", "2026-08-31", id="31 August"),
        pytest.param("school_year", "2026-09-01", "2026-09-01", "2027-08-31", id="1 September"),
        pytest.param("budget_year", "2026-03-01", "2026-01-01", "2026-12-31", id="budget year"),
        pytest.param("month", "2028-02-10", "2028-02-01", "2028-02-29", id="leap February"),
        pytest.param("term", "2026-01-31", "2025-09-01", "2026-01-31", id="autumn term ends"),
        pytest.param("term", "2026-02-14", "2025-09-01", "2026-01-31", id="holiday: term before"),
        pytest.param("term", "2026-03-01", "2026-03-01", "2026-07-15", id="spring term begins"),
        pytest.param("term", "2026-08-31", "2026-03-01", "2026-07-15", id="summer: spring term"),
        pytest.param("cycle", "2015-12-31", "2011-01-01", "2015-12-31", id="five-year plan"),
        pytest.param("cycle", "2016-01-01", "2016-01-01", "2020-12-31", id="the next plan"),
        pytest.param("week", "2026-03-04", "2026-03-02", "2026-03-08", id="Monday to Sunday"),
        pytest.param("week", "2026-08-05", "2026-07-13", "2026-07-19", id="no weeks in summer"),
    ],
)
def test_window_of_a_day_in_the_standard_calendar(
    kind: str, on: str, first: str, last: str
) -> None:
    assert current(PLAIN, on, kind=kind) == (first, last)


def test_holidays_of_the_standard_calendar_lie_between_the_terms() -> None:
    winter = current(PLAIN, "2026-02-14", kind="holiday", season="winter")
    summer = current(PLAIN, "2026-07-20", kind="holiday", season="summer")
    assert (winter, summer) == (("2026-02-01", "2026-02-28"), ("2026-07-16", "2026-08-31"))


def test_declared_terms_replace_the_standard_ones_of_their_school_year_only() -> None:
    assert current(DECLARED, "2026-01-16", kind="term") == ("2025-09-01", "2026-01-16")
    assert current(DECLARED, "2024-10-01", kind="term") == ("2024-09-01", "2025-01-31")


def test_undeclared_holiday_is_the_gap_between_declared_terms() -> None:
    window: dict[str, Any] = {"kind": "holiday", "season": "winter"}
    assert current(DECLARED, "2026-02-01", **window) == ("2026-01-17", "2026-02-27")


def test_declared_holiday_holds() -> None:
    window: dict[str, Any] = {"kind": "holiday", "season": "summer"}
    assert current(DECLARED, "2026-07-20", **window) == ("2026-07-10", "2026-08-20")


def test_cycle_starts_on_the_declared_day() -> None:
    calendar = SchoolCalendar(Calendar(cycle_from=dt.date(2017, 9, 1), cycle_years=3))
    assert current(calendar, "2020-08-31", kind="cycle") == ("2017-09-01", "2020-08-31")
    assert current(calendar, "2017-08-31", kind="cycle") == ("2014-09-01", "2017-08-31")


def test_own_cycle_starts_on_the_anchor_of_the_subject() -> None:
    window: dict[str, Any] = {"kind": "cycle", "anchor": "hired_on", "years": 5}
    row = {"hired_on": "2018-03-15"}
    assert current(PLAIN, "2023-03-14", row, **window) == ("2018-03-15", "2023-03-14")
    assert current(PLAIN, "2023-03-15", row, **window) == ("2023-03-15", "2028-03-14")


@pytest.mark.parametrize("row", [{}, {"hired_on": None}, {"hired_on": "2030-01-01"}])
def test_own_cycle_needs_an_anchor_that_has_come(row: Row) -> None:
    assert current(PLAIN, "2023-03-14", row, kind="cycle", anchor="hired_on") is None


def test_run_takes_its_days_from_the_subject() -> None:
    row = {"starts_on": "2026-03-01", "ends_on": "2026-04-30"}
    window: dict[str, Any] = {"kind": "run", "starts": "starts_on", "ends": "ends_on"}
    assert current(PLAIN, "2026-01-01", row, **window) == ("2026-03-01", "2026-04-30")


def test_run_without_an_end_goes_on() -> None:
    row = {"starts_on": "2026-03-01"}
    assert current(PLAIN, "2026-01-01", row, kind="run") == ("2026-03-01", "9999-12-31")


def test_since_ends_the_day_before_so_many_months_later() -> None:
    window: dict[str, Any] = {"kind": "since", "starts": "hired_on", "months": 12}
    assert current(PLAIN, "2026-01-01", {"hired_on": "2025-08-20"}, **window) == (
        "2025-08-20",
        "2026-08-19",
    )


def test_as_of_ends_on_the_day_itself() -> None:
    assert current(PLAIN, "2026-05-04", kind="as_of") == ("0001-01-01", "2026-05-04")


@pytest.mark.parametrize(
    ("kind", "span", "before"),
    [
        ("year", ("2026-01-01", "2026-12-31"), ("2025-01-01", "2025-12-31")),
        ("term", ("2026-03-01", "2026-07-15"), ("2025-09-01", "2026-01-31")),
        ("cycle", ("2016-01-01", "2020-12-31"), ("2011-01-01", "2015-12-31")),
        ("month", ("2026-03-01", "2026-03-31"), ("2026-02-01", "2026-02-28")),
    ],
)
def test_window_before(kind: str, span: tuple[str, str], before: tuple[str, str]) -> None:
    found = PLAIN.before(convert({"kind": kind}, Window), Span(day(span[0]), day(span[1])))
    assert found is not None
    assert (found.first.isoformat(), found.last.isoformat()) == before


def test_teaching_weeks_leave_out_a_week_that_is_all_holiday() -> None:
    term = DECLARED.current(convert({"kind": "term"}, Window), day("2025-11-01"), {})
    assert term is not None
    weeks = [span.first.isoformat() for span in DECLARED.inside("week", None, term)]
    # 1 to 8 October 2025 leave Thursday and Friday of the week of the 6th.
    assert weeks[:6] == [
        "2025-09-01", "2025-09-08", "2025-09-15", "2025-09-22", "2025-09-29", "2025-10-06",
    ]  # fmt: skip
    assert len(weeks) == 20


def test_week_whose_weekdays_are_all_free_is_no_teaching_week() -> None:
    term = {"id": "A", "starts_on": "2025-09-01", "ends_on": "2025-10-19"}
    free = {**term, "holidays": [("2025-10-06", "2025-10-10")]}
    calendar = SchoolCalendar(convert({"term": [free]}, Calendar))
    weeks = calendar.inside("week", None, Span(day("2025-09-01"), day("2025-10-19")))
    assert "2025-10-06" not in [span.first.isoformat() for span in weeks]


def test_term_that_begins_on_a_saturday_begins_with_the_next_week() -> None:
    weeks = DECLARED.inside("week", None, Span(day("2026-02-28"), day("2026-07-03")))
    assert weeks[0].first == day("2026-03-02")


def test_weeks_of_a_school_year_are_those_of_its_terms() -> None:
    year = Span(day("2025-09-01"), day("2026-08-31"))
    terms = DECLARED.inside("term", None, year)
    weeks = [week for term in terms for week in DECLARED.inside("week", None, term)]
    assert DECLARED.inside("week", None, year) == weeks


def test_only_windows_that_lie_wholly_inside_count() -> None:
    spring = Span(day("2026-03-01"), day("2026-07-15"))
    months = [span.label for span in PLAIN.inside("month", None, spring)]
    assert months == ["2026-03", "2026-04", "2026-05", "2026-06"]


def test_years_of_a_cycle() -> None:
    cycle = Span(day("2016-01-01"), day("2020-12-31"))
    years = [span.label for span in PLAIN.inside("year", None, cycle)]
    assert years == ["2016", "2017", "2018", "2019", "2020"]


def test_each_week_lies_in_a_term_unless_said_otherwise() -> None:
    assert outer_window(convert({"kind": "week", "each": True}, Window)).kind == "term"


def test_each_run_says_within_what() -> None:
    with pytest.raises(RuleError, match="each_needs_within"):
        outer_window(convert({"kind": "run", "each": True}, Window))


@pytest.mark.parametrize(
    ("first", "last", "months"),
    [
        ("2024-03-01", "2024-04-15", "3/2"),
        ("2024-03-01", "2024-05-31", "3"),
        ("2024-01-31", "2024-02-28", "1"),
        ("2024-02-01", "2024-02-14", "14/29"),
        ("2025-02-01", "2025-02-14", "1/2"),
        ("2024-05-10", "2024-05-10", "1/31"),
        ("2024-05-10", "2024-05-09", "0"),
    ],
)
def test_length_in_months_is_exact(first: str, last: str, months: str) -> None:
    assert str(length_months(day(first), day(last))) == months


def test_month_is_full_on_the_same_day() -> None:
    assert whole_months(day("2024-01-31"), day("2024-02-28")) == 0
    assert whole_months(day("2024-01-31"), day("2024-02-29")) == 1


def test_month_shorter_than_the_day_ends_on_its_last() -> None:
    assert add_months(day("2024-01-31"), 1) == day("2024-02-29")
    assert add_months(day("2024-03-31"), -1) == day("2024-02-29")
