"""Hours of the day in which files may be fetched."""

import datetime as dt

import pytest

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.hours_of_day import is_within, parse_hours_of_day


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("22:00-06:00", "22:00-06:00"),
        (" 8:30 – 9:00 ", "08:30-09:00"),
        ("", ""),
        ("22：00~6:00", "22:00-06:00"),
    ],
)
def test_a_window_is_kept_in_one_form(text: str, kept: str) -> None:
    assert parse_hours_of_day(text) == kept


@pytest.mark.parametrize("text", ["22", "25:00-06:00", "22:60-06:00", "late", "22:00-"])
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(BadValueError):
        parse_hours_of_day(text)


@pytest.mark.parametrize(
    ("window", "hour", "within"),
    [
        ("", 3, True),
        ("22:00-06:00", 23, True),
        ("22:00-06:00", 5, True),
        ("22:00-06:00", 6, False),
        ("22:00-06:00", 12, False),
        ("08:00-10:00", 9, True),
        ("08:00-10:00", 10, False),
    ],
)
def test_a_window_holds_its_hours_also_over_midnight(window: str, hour: int, within: bool) -> None:
    assert is_within(window, dt.time(hour)) is within
