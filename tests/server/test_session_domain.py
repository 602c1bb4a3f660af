"""What deserves a second look before a session is saved, and which claims belong to it."""

import datetime as dt
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.packs.model import Calendar, Holiday, Term
from xueshi_server.domain.sessions import (
    CLAIM_LEAST,
    Entry,
    Part,
    Session,
    Surroundings,
    check_session,
    examine,
    find_holiday,
    mark_finding,
    match_claim,
    match_claims,
    offer_day,
    overlaps,
    parse_time,
)

DAY: Final = dt.date(2026, 3, 4)
CALENDAR: Final = Calendar(
    term=[
        Term(
            id="2026-spring",
            starts_on=dt.date(2026, 3, 1),
            ends_on=dt.date(2026, 7, 5),
            holidays=[(dt.date(2026, 4, 4), dt.date(2026, 4, 6))],
        )
    ],
    holiday=[
        Holiday(season="summer", starts_on=dt.date(2026, 7, 6), ends_on=dt.date(2026, 8, 31)),
    ],
)
AROUND: Final = Surroundings(dt.date(2026, 3, 6), Calendar(), 8 * 60)


def held(title: str = "识字教学研讨", **changed: Any) -> Session:
    return Session(**{"title": title, "date": DAY, "minutes": 120, **changed})


def entry(rec: int, session: Session, *, known: bool = True, state: str = "pending") -> Entry:
    return Entry(rec, 1, session, state, known)


def codes(session: Session, *entries: Entry, minutes: int = 120) -> list[str]:
    return [each.code for each in examine(session, [Part(1, minutes)], entries, AROUND)]


@pytest.mark.parametrize(
    ("typed", "minutes"),
    [
        ("14:00", 840),
        ("14.30", 870),
        ("1430", 870),
        ("9", 540),
        ("９：０５", 545),
        ("0:00", 0),
        ("", None),
    ],
)
def test_times_are_read_as_people_type_them(typed: str, minutes: int | None) -> None:
    assert parse_time(typed) == minutes


@pytest.mark.parametrize("typed", ["24:00", "14:60", "noon", "14:00:00", "-1", "99999"])
def test_what_is_no_time_is_refused(typed: str) -> None:
    with pytest.raises(BadValueError, match=r"time\.unreadable"):
        parse_time(typed)


@pytest.mark.parametrize(
    ("changed", "field", "code"),
    [
        pytest.param({"minutes": 25 * 60}, "minutes", "hours.longer_than_day", id="25 hours"),
        pytest.param({"starts": 960, "ends": 840}, "ends", "time.ends_first", id="ends first"),
        pytest.param({"starts": 840, "ends": 840}, "ends", "time.ends_first", id="no time at all"),
        pytest.param(
            {"until": dt.date(2026, 3, 3)}, "until", "date.ends_first", id="last day first"
        ),
        pytest.param({"until": dt.date(2026, 4, 4)}, "until", "date.span_too_long", id="32 days"),
    ],
)
def test_what_cannot_be_is_refused(changed: dict[str, Any], field: str, code: str) -> None:
    faults = check_session(held(**changed))
    assert {name: error.value_code for name, error in faults.items()} == {field: code}


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"minutes": 24 * 60}, id="a whole day"),
        pytest.param({"minutes": 25 * 60, "until": dt.date(2026, 3, 5)}, id="25 hours in 2 days"),
        pytest.param({"until": dt.date(2026, 4, 3)}, id="31 days"),
        pytest.param({"starts": 840, "ends": 841}, id="a minute"),
    ],
)
def test_what_can_be_is_taken(changed: dict[str, Any]) -> None:
    assert check_session(held(**changed)) == {}


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        pytest.param({"starts": 840, "ends": 960}, {"starts": 900, "ends": 1000}, True, id="cross"),
        pytest.param(
            {"starts": 840, "ends": 960}, {"starts": 960, "ends": 1000}, False, id="after"
        ),
        pytest.param({"starts": 840}, {"starts": 900}, True, id="ends unknown"),
        pytest.param({"starts": 840, "ends": 960}, {}, False, id="no times"),
        pytest.param(
            {"starts": 840}, {"date": dt.date(2026, 3, 5), "starts": 840}, False, id="other day"
        ),
        pytest.param(
            {"starts": 840},
            {"date": dt.date(2026, 3, 2), "until": dt.date(2026, 3, 6), "minutes": 2400},
            True,
            id="away for a week",
        ),
    ],
)
def test_one_person_is_not_in_two_places(
    one: dict[str, Any], other: dict[str, Any], found: bool
) -> None:
    first, second = held(**one), held("集体备课", **other)
    assert (overlaps(first, second), overlaps(second, first)) == (found, found)


@given(st.tuples(*[st.integers(0, 1439)] * 4))
def test_times_overlap_where_a_minute_is_in_both(times: tuple[int, ...]) -> None:
    one, other = sorted(times[:2]), sorted(times[2:])
    first = held(starts=one[0], ends=one[1] + 1)
    second = held("集体备课", starts=other[0], ends=other[1] + 1)
    shared = set(range(one[0], one[1] + 1)) & set(range(other[0], other[1] + 1))
    assert overlaps(first, second) == bool(shared)


@pytest.mark.parametrize(
    ("entries", "minutes", "found"),
    [
        pytest.param([], 120, [], id="nothing"),
        pytest.param([entry(1, held("识字教学 研讨"))], 120, ["double"], id="same session"),
        pytest.param([entry(1, held("识字教学研讨"), known=False)], 120, ["claim"], id="own claim"),
        pytest.param(
            [entry(1, held("识字教学研讨", date=dt.date(2026, 3, 5)), known=False)],
            120,
            ["claim"],
            id="own claim, a day off",
        ),
        pytest.param(
            [entry(1, held("识字教学研讨", date=dt.date(2026, 3, 5)))], 120, [], id="next day"
        ),
        pytest.param(
            [entry(1, held(), known=False, state="approved")], 120, ["double"], id="approved claim"
        ),
        pytest.param([entry(1, held("集体备课"))], 120, [], id="another that day"),
        pytest.param([entry(1, held("集体备课", minutes=400))], 120, ["day_long"], id="a long day"),
        pytest.param(
            [entry(1, held("集体备课", minutes=1400))], 60, ["day_impossible"], id="25 hours in all"
        ),
        pytest.param(
            [entry(1, held("外出学习", minutes=2400, until=dt.date(2026, 3, 8)))],
            120,
            ["day_long"],
            id="a share of several days",
        ),
    ],
)
def test_what_a_person_has_that_day_is_looked_at(
    entries: list[Entry], minutes: int, found: list[str]
) -> None:
    assert codes(held(), *entries, minutes=minutes) == found


def test_a_future_day_is_asked_about() -> None:
    found = examine(held(date=dt.date(2026, 3, 7)), [], [], AROUND)
    assert [each.code for each in found] == ["future"]


def test_more_hours_than_time_are_asked_about() -> None:
    session = held(starts=840, ends=900)
    assert [each.code for each in examine(session, [], [], AROUND)] == ["longer_than_time"]


def test_two_lessons_fit_into_an_hour_and_a_half() -> None:
    assert examine(held(starts=840, ends=930), [], [], AROUND) == []


@pytest.mark.parametrize(
    ("day", "found"),
    [
        ("2026-04-05", "holiday_term"),
        ("2026-07-20", "holiday_summer"),
        ("2026-10-01", "holiday_public"),
        ("2026-03-04", None),
        ("2026-02-20", None),
    ],
)
def test_holidays_are_those_of_the_county(day: str, found: str | None) -> None:
    assert find_holiday(CALENDAR, dt.date.fromisoformat(day)) == found


def test_nobody_is_warned_of_a_holiday_that_no_county_declared() -> None:
    assert find_holiday(Calendar(), dt.date(2026, 7, 20)) is None


def test_every_finding_has_a_mark_of_its_own() -> None:
    found = examine(held(), [Part(1, 120), Part(2, 120)], [entry(1, held())], AROUND)
    found += examine(held(date=dt.date(2026, 3, 7)), [], [], AROUND)
    assert len({mark_finding(each) for each in found}) == len(found) == 2


# ---- claims


@pytest.mark.parametrize(
    ("title", "changed", "is_like"),
    [
        pytest.param("识字教学研讨", {}, True, id="the same"),
        pytest.param("《识字教学》研讨", {}, True, id="other marks"),
        pytest.param("研讨：识字教学", {}, True, id="other order"),
        pytest.param("识字教学研讨活动", {"date": dt.date(2026, 3, 6)}, True, id="two days late"),
        pytest.param("识字教学研讨", {"date": dt.date(2026, 3, 8)}, False, id="four days late"),
        pytest.param("安全知识讲座", {}, False, id="another title"),
        pytest.param("Reading circle", {}, False, id="another language"),
        pytest.param("", {}, False, id="no title"),
    ],
)
def test_claims_are_like_sessions_by_title_and_day(
    title: str, changed: dict[str, Any], is_like: bool
) -> None:
    assert (match_claim(held(), held(title, **changed)) >= CLAIM_LEAST) == is_like


def test_the_organiser_decides_between_like_titles() -> None:
    claim = held("识字教学", organiser="中心校")
    near, far = held(organiser="镇中心校"), held(organiser="县教研室")
    assert match_claim(near, claim) > match_claim(far, claim)


@given(st.text(max_size=30), st.text(max_size=30), st.integers(-5, 5))
def test_likeness_stays_between_nothing_and_one(one: str, other: str, days: int) -> None:
    claim = held(other, date=DAY + dt.timedelta(days=days))
    assert 0 <= match_claim(held(one), claim) <= 1


def test_a_claim_goes_to_the_session_that_it_is_most_like() -> None:
    sessions = [held("集体备课"), held("识字教学研讨"), held("识字教学", date=dt.date(2026, 3, 2))]
    (match,) = match_claims([entry(7, held("识字教学的研讨"), known=False)], sessions)
    assert (match.session.title, match.has_hours) == ("识字教学研讨", False)


def test_a_claim_beside_hours_of_the_session_is_double() -> None:
    entries = [entry(1, held()), entry(7, held("识字教学的研讨"), known=False)]
    (match,) = match_claims(entries, [held()])
    assert match.has_hours


def test_what_is_reviewed_or_known_is_no_claim() -> None:
    entries = [
        entry(1, held()),
        entry(2, held("识字教学的研讨"), known=False, state="approved"),
    ]
    assert match_claims(entries, [held()]) == []


@pytest.mark.parametrize(
    ("held_on", "entered", "today", "offered"),
    [
        pytest.param("2026-02-25", 1, "2026-03-05", "2026-03-04", id="last wednesday"),
        pytest.param("2026-02-25", 1, "2026-03-04", "2026-03-04", id="today is wednesday"),
        pytest.param("2026-01-07", 2, "2026-03-05", "2026-03-04", id="after a holiday"),
        pytest.param("2026-03-04", 0, "2026-03-06", "2026-03-06", id="twice a week"),
        pytest.param("2026-03-10", -9, "2026-03-06", "2026-03-06", id="planned ahead"),
        pytest.param("2025-10-08", 90, "2026-03-05", "2025-10-15", id="from a pile"),
        pytest.param("2026-02-18", 15, "2026-03-05", "2026-02-25", id="the end of the pile"),
    ],
)
def test_a_copy_is_offered_for_the_same_day_of_the_week(
    held_on: str, entered: int, today: str, offered: str
) -> None:
    held_day = dt.date.fromisoformat(held_on)
    entered_on = held_day + dt.timedelta(days=entered)
    assert offer_day(held_day, entered_on, dt.date.fromisoformat(today)).isoformat() == offered
