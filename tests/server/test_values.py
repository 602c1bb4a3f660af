"""Cells of a table become exact values, or a code that names the rule they break."""

import datetime as dt

import pytest

from xueshi_server.domain.dates import flag_odd_dates, parse_date
from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.hours import format_hours, hours_number, parse_hours
from xueshi_server.domain.values import parse_active, parse_staff_no, parse_text


@pytest.mark.parametrize(
    ("value", "minutes"),
    [
        pytest.param("0.25", 15, id="a-quarter"),
        pytest.param(1.5, 90, id="a-cell-with-a-number"),
        pytest.param(2, 120, id="a-whole-number"),
        pytest.param(" 3.0 ", 180, id="spaces-and-zeros"),
        pytest.param("240", 14400, id="the-largest"),
    ],
)
def test_quarters_of_an_hour_become_whole_minutes(value: object, minutes: int) -> None:
    assert parse_hours(value) == minutes


@pytest.mark.parametrize(
    ("value", "code"),
    [
        pytest.param("0.3", "hours.not_quarter", id="no-quarter"),
        pytest.param(0.1 + 0.2, "hours.unreadable", id="a-binary-tail"),
        pytest.param("0", "hours.out_of_range", id="nothing"),
        pytest.param("-1", "hours.out_of_range", id="negative"),
        pytest.param("240.25", "hours.out_of_range", id="too-many"),
        pytest.param("1e999999999", "hours.out_of_range", id="a-huge-exponent"),
        pytest.param("two", "hours.unreadable", id="a-word"),
        pytest.param("nan", "hours.unreadable", id="not-a-number"),
        pytest.param(True, "hours.unreadable", id="a-truth-value"),
        pytest.param("", "value.missing", id="empty"),
        pytest.param(None, "value.missing", id="no-cell"),
    ],
)
def test_hours_that_cannot_be_kept_exactly_are_refused(value: object, code: str) -> None:
    with pytest.raises(BadValueError) as caught:
        parse_hours(value)
    assert caught.value.value_code == code


@pytest.mark.parametrize("minutes", range(15, 600, 15))
def test_hours_are_written_as_they_are_read(minutes: int) -> None:
    assert parse_hours(format_hours(minutes)) == minutes
    assert parse_hours(hours_number(minutes)) == minutes


@pytest.mark.parametrize(
    ("value", "iso"),
    [
        pytest.param("2024-09-01", "2024-09-01", id="iso"),
        pytest.param("2024.9.1", "2024-09-01", id="dots"),
        pytest.param("2024/9/1 ", "2024-09-01", id="slashes"),
        pytest.param("2024\u5e749\u67081\u65e5", "2024-09-01", id="chinese"),
        pytest.param("20240901", "2024-09-01", id="compact"),
        pytest.param(20240901.0, "2024-09-01", id="compact-number"),
        pytest.param(45536, "2024-09-01", id="spreadsheet-day"),
        pytest.param("2024-09-01T00:00:00", "2024-09-01", id="iso-with-time"),
        pytest.param(dt.datetime(2024, 9, 1, 8, 0), "2024-09-01", id="date-cell-with-time"),
        pytest.param(dt.date(2024, 2, 29), "2024-02-29", id="leap-day"),
    ],
)
def test_usual_ways_to_write_a_date_are_understood(value: object, iso: str) -> None:
    assert parse_date(value) == iso


@pytest.mark.parametrize(
    ("value", "code"),
    [
        pytest.param("2025-02-29", "date.impossible", id="no-leap-year"),
        pytest.param("2025-13-01", "date.impossible", id="month-13"),
        pytest.param("1.9.2024", "date.unreadable", id="day-first"),
        pytest.param("yesterday", "date.unreadable", id="a-word"),
        pytest.param("0024-09-01", "date.out_of_range", id="year-24"),
        pytest.param("", "value.missing", id="empty"),
    ],
)
def test_a_date_that_is_none_is_refused_with_its_reason(value: object, code: str) -> None:
    with pytest.raises(BadValueError) as caught:
        parse_date(value)
    assert caught.value.value_code == code


@pytest.mark.parametrize(
    ("claimed", "entered", "received", "flags"),
    [
        pytest.param("2026-03-01", "2026-03-02", "2026-03-09", [], id="usual"),
        pytest.param("2026-03-01", "2001-01-01", "2026-03-09", ["clock.behind"], id="clock-2001"),
        pytest.param("2026-03-01", "2099-01-01", "2026-03-09", ["clock.ahead"], id="clock-2099"),
        pytest.param("2026-03-01", "2001-01-01", None, ["clock.behind"], id="no-trusted-clock"),
        pytest.param("2026-05-01", "2026-03-02", None, ["date.future"], id="claimed-ahead"),
        pytest.param("2020-05-01", "2026-03-02", None, ["date.long_ago"], id="years-before"),
        pytest.param("2026-05-01", None, None, [], id="nothing-known"),
    ],
)
def test_odd_dates_are_flagged_and_never_refused(
    claimed: str, entered: str | None, received: str | None, flags: list[str]
) -> None:
    days = [None if day is None else dt.date.fromisoformat(day) for day in (entered, received)]
    assert flag_odd_dates(claimed, days[0], days[1]) == flags


@pytest.mark.parametrize(
    ("value", "staff_no"),
    [
        pytest.param("T010000001", "T010000001", id="text"),
        pytest.param("001", "001", id="leading-zeros-kept"),
        pytest.param(1001.0, "1001", id="short-number"),
        pytest.param("440524188001010014", "440524188001010014", id="long-text"),
    ],
)
def test_staff_numbers_stay_text(value: object, staff_no: str) -> None:
    assert parse_staff_no(value) == staff_no


@pytest.mark.parametrize("value", [1.1e17, 1.5, float("inf")])
def test_a_staff_number_that_lost_digits_is_refused(value: object) -> None:
    with pytest.raises(BadValueError) as caught:
        parse_staff_no(value)
    assert caught.value.value_code == "person.id_as_number"


@pytest.mark.parametrize("text", ["a\x00b", "a\tb", "\x7f", "a\ud800"])
def test_control_characters_are_refused(text: str) -> None:
    with pytest.raises(BadValueError) as caught:
        parse_text("note", f"x{text}x")
    assert caught.value.value_code == "value.control"


def test_text_is_trimmed_and_rare_characters_are_kept() -> None:
    assert parse_text("teacher_name", " \U00020bb7\u00b7\u4e00 ") == "\U00020bb7\u00b7\u4e00"


@pytest.mark.parametrize(("value", "active"), [("", True), (0, False), ("no", False), (True, True)])
def test_an_empty_active_cell_means_yes(value: object, active: bool) -> None:
    assert parse_active(value) is active
