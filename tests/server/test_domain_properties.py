"""Rules that hold for every value, not only for those we thought of."""

import datetime as dt
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from xueshi_server.domain.credit import total_hours
from xueshi_server.domain.dates import FIRST_YEAR, LAST_YEAR, flag_odd_dates, parse_date
from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.hours import HOURS_MAX, format_hours, hours_number, parse_hours
from xueshi_server.tabular import FORMULA_SIGNS, _unquote, quote_formula

CELLS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates()


@given(st.integers(1, HOURS_MAX * 4))
def test_quarters_survive_every_way_of_writing_them(quarters: int) -> None:
    minutes = quarters * 15
    assert parse_hours(format_hours(minutes)) == minutes
    assert parse_hours(hours_number(minutes)) == minutes
    assert Fraction(hours_number(minutes)) * 60 == minutes


@given(CELLS)
def test_hours_are_exact_minutes_or_refused(value: object) -> None:
    try:
        minutes = parse_hours(value)
    except BadValueError:
        return
    assert minutes % 15 == 0
    assert 0 < minutes <= HOURS_MAX * 60


@given(st.dates(dt.date(FIRST_YEAR, 1, 1), dt.date(LAST_YEAR, 12, 31)))
def test_a_date_is_read_back_from_its_usual_spellings(day: dt.date) -> None:
    spellings = (day.isoformat(), f"{day.year}.{day.month}.{day.day}", f"{day:%Y%m%d}", day)
    assert {parse_date(spelling) for spelling in spellings} == {day.isoformat()}


@given(CELLS)
def test_a_date_is_iso_or_refused(value: object) -> None:
    try:
        text = parse_date(value)
    except BadValueError:
        return
    assert dt.date.fromisoformat(text).isoformat() == text


@given(st.dates(dt.date(2000, 1, 1)), st.none() | st.dates(), st.none() | st.dates())
def test_flags_need_only_days(claimed: dt.date, a: dt.date | None, b: dt.date | None) -> None:
    assert set(flag_odd_dates(claimed.isoformat(), a, b)) <= {
        "clock.behind",
        "clock.ahead",
        "date.future",
        "date.long_ago",
    }


@given(st.text())
def test_a_formula_is_disarmed_and_comes_back(text: str) -> None:
    quoted = quote_formula(text)
    assert quoted[:1] not in set(FORMULA_SIGNS)
    assert _unquote(quoted) == text


@given(st.lists(st.tuples(st.just("approved"), st.integers(0, 999), st.integers(0, 999))))
def test_totals_do_not_depend_on_the_order(rows: list[tuple[str, int, int]]) -> None:
    assert total_hours(rows) == total_hours(reversed(rows))
