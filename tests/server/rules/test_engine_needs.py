"""Needs: exact amounts, intervals, what can still be reached."""

import datetime as dt
from fractions import Fraction

import pytest

from tests.server.rules.engine_pack import day
from xueshi_server.domain.rules.amounts import (
    UNKNOWN,
    Interval,
    Number,
    divide,
    divide_whole,
    exactly,
    parse_number,
)
from xueshi_server.domain.rules.needs import Moment, holds, judge, last_chance
from xueshi_server.domain.rules.results import Needed
from xueshi_server.domain.rules.spans import Span

YEAR = Span(day("2026-01-01"), day("2026-12-31"))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1/3", Fraction(1, 3)),
        ("5%", Fraction(1, 20)),
        ("1.5%", Fraction(3, 200)),
        ("1.5", Fraction(3, 2)),
        ("12", 12),
        ("100%", 1),
        ("6/2", 3),
        ("2026-01-01", dt.date(2026, 1, 1).toordinal()),
        ("county", None),
        ("1/0", None),
        ("", None),
        ("1e3", None),
    ],
)
def test_amounts_are_read_exactly(text: str, number: Number | None) -> None:
    assert parse_number(text) == number


def test_whole_amounts_are_ints() -> None:
    assert isinstance(parse_number("6/2"), int)


def test_nothing_of_nothing_is_unknown() -> None:
    assert divide(exactly(0), exactly(0)) == UNKNOWN


def test_share_of_an_open_whole_has_no_least_value_but_nought() -> None:
    assert divide(exactly(5), Interval(10, None)) == Interval(0, Fraction(1, 2))


def test_head_count_per_trainer_is_rounded_up() -> None:
    assert divide_whole(exactly(3707), 300, "up") == exactly(13)
    assert divide_whole(exactly(3707), 300, "down") == exactly(12)


def need(op: str, low: Number | None = None, high: Number | None = None) -> Needed:
    return Needed(
        op,  # type: ignore[arg-type]
        None if low is None else exactly(low),
        None if high is None else exactly(high),
    )


THIRD = Fraction(1, 3)


@pytest.mark.parametrize(
    ("asked", "value", "answer"),
    [
        pytest.param(need("at_least", 360), exactly(360), True, id="exactly enough"),
        pytest.param(need("at_least", 360), exactly(359), False, id="one short"),
        pytest.param(need("at_least", THIRD), exactly(THIRD), True, id="exactly a third"),
        pytest.param(need("at_least", 360), Interval(359, None), None, id="more may come"),
        pytest.param(need("at_least", 360), Interval(360, None), True, id="enough already"),
        pytest.param(need("at_least", 360), Interval(0, 359), False, id="never enough"),
        pytest.param(need("more_than", 2), exactly(2), False, id="more than itself"),
        pytest.param(need("more_than", 2), exactly(3), True, id="one more"),
        pytest.param(need("more_than", 2), Interval(2, None), None, id="perhaps one more"),
        pytest.param(need("at_most", None, 3), exactly(3), True, id="limit kept"),
        pytest.param(need("at_most", None, 3), exactly(4), False, id="limit broken"),
        pytest.param(need("at_most", None, 3), Interval(3, None), None, id="limit may break"),
        pytest.param(need("at_most", None, 3), Interval(4, None), False, id="broken for sure"),
        pytest.param(need("less_than", None, THIRD), exactly(THIRD), False, id="not below"),
        pytest.param(need("equals", 1, 1), exactly(1), True, id="one"),
        pytest.param(need("equals", 1, 1), exactly(2), False, id="two are not one"),
        pytest.param(need("equals", 1, 1), Interval(1, None), None, id="perhaps two"),
        pytest.param(need("between", 2, 4), exactly(2), True, id="lower end"),
        pytest.param(need("between", 2, 4), exactly(4), True, id="upper end"),
        pytest.param(need("between", 2, 4), exactly(5), False, id="beyond"),
        pytest.param(need("between", 2, 4), UNKNOWN, None, id="unknown value"),
    ],
)
def test_need_over_an_interval(asked: Needed, value: Interval, answer: bool | None) -> None:
    assert holds(value, asked) is answer


def moment(as_of: str, daily: int | None = None, *, grows: bool = True) -> Moment:
    when = day(as_of)
    return Moment(when, YEAR, when < YEAR.last, grows, daily)


@pytest.mark.parametrize(
    ("as_of", "lacking", "status"),
    [
        pytest.param("2026-12-21", 3600, "at_risk", id="ten days for ten days' hours"),
        pytest.param("2026-12-22", 3600, "fail", id="nine days for ten days' hours"),
        pytest.param("2026-12-31", 1, "fail", id="the window is over"),
        pytest.param("2026-01-01", 7200, "on_track", id="all of it on the first day"),
    ],
)
def test_hours_that_days_cannot_bring_any_more_fail(as_of: str, lacking: int, status: str) -> None:
    outcome = judge(exactly(7200 - lacking), need("at_least", 7200), 0, moment(as_of, 360))
    assert (outcome.status, outcome.missing) == (status, lacking)


def test_last_chance_leaves_the_days_that_are_needed() -> None:
    assert last_chance(3601, 360, YEAR) == day("2026-12-20")
    assert last_chance(3600, 360, YEAR) == day("2026-12-21")
    assert last_chance(1, None, YEAR) == YEAR.last


@pytest.mark.parametrize(
    ("as_of", "status"),
    [("2026-07-01", "on_track"), ("2026-07-03", "at_risk"), ("2026-12-30", "at_risk")],
)
def test_one_thing_a_year_is_at_risk_from_the_middle(as_of: str, status: str) -> None:
    assert judge(exactly(0), need("at_least", 1), 0, moment(as_of)).status == status


def test_what_waits_for_review_takes_the_risk_away() -> None:
    late = moment("2026-12-01")
    assert judge(exactly(0), need("at_least", 1), 0, late).status == "at_risk"
    outcome = judge(exactly(0), need("at_least", 1), 1, late)
    assert (outcome.status, outcome.pending) == ("on_track", 1)


def test_limit_that_is_kept_is_settled_only_at_the_end() -> None:
    limit = need("at_most", None, 3)
    assert judge(exactly(3), limit, 0, moment("2026-06-01")).status == "on_track"
    assert judge(exactly(3), limit, 0, moment("2026-12-31")).status == "pass"
    assert judge(exactly(4), limit, 0, moment("2026-06-01")).status == "fail"


def test_limit_says_how_much_is_too_much() -> None:
    assert judge(exactly(7), need("at_most", None, 3), 0, moment("2026-12-31")).missing == 4


def test_share_outside_its_range_may_still_come_back() -> None:
    asked = need("between", 2, 4)
    assert judge(exactly(9), asked, 0, moment("2026-06-01", grows=False)).status == "at_risk"
    assert judge(exactly(9), asked, 0, moment("2026-06-01")).status == "fail"


def test_unheard_value_below_its_need_is_unknown_once_the_window_is_over() -> None:
    outcome = judge(Interval(1, None), need("at_least", 2), 0, moment("2026-12-31"))
    assert (outcome.status, outcome.missing) == ("unknown", 1)


@pytest.mark.parametrize(
    ("as_of", "status"),
    [("2026-06-01", "on_track"), ("2026-12-21", "at_risk"), ("2026-12-22", "fail")],
)
def test_an_exact_amount_says_until_when_it_can_be_reached(as_of: str, status: str) -> None:
    outcome = judge(exactly(3600), need("equals", 7200, 7200), 0, moment(as_of, 360))
    assert (outcome.status, outcome.impossible_after) == (status, day("2026-12-21"))


def test_a_share_can_be_mended_until_the_window_ends() -> None:
    outcome = judge(exactly(1), need("about", 2, 3), 0, moment("2026-03-01", grows=False))
    assert (outcome.status, outcome.impossible_after) == ("at_risk", YEAR.last)


def test_what_is_already_too_much_is_no_matter_of_time() -> None:
    outcome = judge(exactly(3), need("equals", 2, 2), 0, moment("2026-03-01"))
    assert (outcome.status, outcome.impossible_after) == ("fail", None)
