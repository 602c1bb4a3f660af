"""Workflows: where a record stands whatever the order of arrival; what bars a step."""

import datetime as dt
import itertools
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xueshi_server.domain.packs.model import Calendar, Deadline, Workflow
from xueshi_server.domain.rules.calendar import SchoolCalendar
from xueshi_server.domain.rules.spans import Span
from xueshi_server.domain.workflow import (
    REFUSALS,
    TakenStep,
    Wish,
    day_of,
    holds_place,
    judge_wish,
    open_steps,
    period_of,
    place_record,
)


def _label(text: str) -> dict[str, str]:
    return {"zh": text, "en": text}


def _state(id: str, **more: bool) -> dict[str, object]:
    return {"id": id, "label": _label(id), **more}


def _step(id: str, begin: list[str], to: str, role: str, **more: object) -> dict[str, object]:
    return {"id": id, "label": _label(id), "from": begin, "to": to, "role": role, **more}


REVIEW = msgspec.convert(
    {
        "id": "review",
        "label": _label("review"),
        "of": "assessment",
        "state": [
            _state("draft"),
            _state("school_done"),
            _state("public"),
            _state("granted", final=True, good=True),
        ],
        "step": [
            _step(
                "submit", ["draft"], "school_done", "teacher",
                papers=["form"], deadline={"on": "12-20"}, late="with_reason",
            ),
            _step("announce", ["school_done"], "public", "county", publicity_days=7),
            _step("return", ["school_done"], "draft", "county", reason=True, back=True),
            _step(
                "grant", ["public"], "granted", "county",
                gate=["ethics"], deadline={"field": "ends_on", "days": 30}, late="reject",
            ),
            _step("object", ["public"], "school_done", "anyone", back=True),
        ],
    },
    Workflow,
)  # fmt: skip

DAY = dt.date(2026, 12, 20)
SUBMIT = TakenStep("a", "submit", DAY, "teacher")
ANNOUNCE = TakenStep("b", "announce", DAY, "county", after=frozenset("a"))
RETURN = TakenStep("c", "return", DAY, "county", "date missing", after=frozenset("a"))


def test_without_steps_a_record_stands_in_the_first_state() -> None:
    assert place_record(REVIEW, []).state == "draft"


def test_steps_are_followed_by_what_they_name_whatever_their_order() -> None:
    again = TakenStep("d", "submit", DAY, "teacher", after=frozenset("c"))
    for order in itertools.permutations([SUBMIT, RETURN, again]):
        position = place_record(REVIEW, order)
        assert (position.state, [each.id for each in position.trail]) == (
            "school_done", ["a", "c", "d"],
        )  # fmt: skip


def test_two_reviewers_offline_leave_the_record_contested_where_both_found_it() -> None:
    position = place_record(REVIEW, [SUBMIT, RETURN, ANNOUNCE])
    assert position.state == "school_done"
    assert [each.id for each in position.contested] == ["b", "c"]
    assert position.heads == frozenset("bc")


def test_a_step_that_follows_both_contested_ones_settles_them() -> None:
    settle = TakenStep("e", "announce", DAY, "county", after=frozenset("bc"))
    position = place_record(REVIEW, [settle, ANNOUNCE, SUBMIT, RETURN])
    assert (position.state, position.contested) == ("public", ())


def test_a_step_that_fits_nowhere_moves_nothing_and_is_kept() -> None:
    odd = TakenStep("z", "grant", DAY, "county", after=frozenset("a"))
    position = place_record(REVIEW, [odd, SUBMIT])
    assert (position.state, position.stray) == ("school_done", (odd,))


@settings(deadline=None)
@given(st.data())
def test_where_a_record_stands_depends_on_the_set_of_steps_alone(data: st.DataObject) -> None:
    names = [each.id for each in REVIEW.step]
    ids = "abcdefg"
    steps = [
        TakenStep(
            id,
            data.draw(st.sampled_from(names)),
            DAY,
            after=data.draw(st.frozensets(st.sampled_from(ids[:at]), max_size=2))
            if at
            else frozenset(),
        )
        for at, id in enumerate(ids)
    ]
    shuffled = data.draw(st.permutations(steps))
    position = place_record(REVIEW, steps)
    assert place_record(REVIEW, [*shuffled, *steps[:2]]) == position
    assert len(position.trail) + len(position.stray) <= len(steps)


YEAR_2026 = Span(dt.date(2026, 1, 1), dt.date(2026, 12, 31))
IN_TIME = Wish("submit", "teacher", DAY, papers=frozenset({"form"}))
SENT = place_record(REVIEW, [SUBMIT])
PUBLIC = place_record(REVIEW, [SUBMIT, ANNOUNCE])
GRANT = Wish("grant", "county", dt.date(2026, 12, 28), gates={"ethics": True})


@pytest.mark.parametrize(
    ("steps", "wish", "reasons"),
    [
        pytest.param([], IN_TIME, [], id="fits"),
        pytest.param([SUBMIT], IN_TIME, ["wrong_state"], id="twice"),
        pytest.param([], replace(IN_TIME, step="dance"), ["wrong_state"], id="unknown-step"),
        pytest.param([], replace(IN_TIME, role="county"), ["wrong_role"], id="not-ones-own"),
        pytest.param([], replace(IN_TIME, papers=frozenset()), ["papers_missing"], id="no-form"),
        pytest.param(
            [], replace(IN_TIME, on=dt.date(2026, 12, 21)), ["late_without_reason"], id="12-21"
        ),
        pytest.param(
            [], replace(IN_TIME, on=dt.date(2026, 12, 21), opinion="snow"), [], id="12-21-reason"
        ),
        pytest.param(
            [],
            replace(IN_TIME, on=dt.date(2027, 1, 5), period=YEAR_2026),
            ["late_without_reason"],
            id="after-the-year",
        ),
        pytest.param(
            [], replace(IN_TIME, on=dt.date(2026, 12, 19), period=YEAR_2026), [], id="in-the-year"
        ),
        pytest.param(
            [SUBMIT], Wish("return", "county", DAY, opinion=" "), ["reason_missing"], id="no-reason"
        ),
        pytest.param([SUBMIT, ANNOUNCE], GRANT, [], id="day-after-publicity"),
        pytest.param(
            [SUBMIT, ANNOUNCE],
            replace(GRANT, on=dt.date(2026, 12, 27)),
            ["publicity_running"],
            id="last-day-of-publicity",
        ),
        pytest.param([SUBMIT, ANNOUNCE], Wish("object", "anyone", DAY), [], id="objection-at-once"),
        pytest.param(
            [SUBMIT, ANNOUNCE], replace(GRANT, gates={"ethics": False}), ["gate_closed"], id="veto"
        ),
        pytest.param([SUBMIT, ANNOUNCE], replace(GRANT, gates={}), ["gate_unknown"], id="unheard"),
        pytest.param(
            [SUBMIT, ANNOUNCE], replace(GRANT, quota=2, quota_used=2), ["quota_used_up"], id="quota"
        ),
        pytest.param(
            [SUBMIT, ANNOUNCE],
            replace(GRANT, on=dt.date(2027, 2, 1), record={"ends_on": dt.date(2026, 12, 31)}),
            ["late"],
            id="31-days-after",
        ),
    ],
)
def test_everything_that_stands_against_a_step_is_named(
    steps: list[TakenStep], wish: Wish, reasons: list[str]
) -> None:
    found = judge_wish(REVIEW, place_record(REVIEW, steps), wish)
    assert [each.reason for each in found] == reasons
    assert set(reasons) <= set(REFUSALS)


def test_only_steps_out_of_the_state_are_offered() -> None:
    assert [each.id for each in open_steps(REVIEW, PUBLIC)] == ["grant", "object"]


@pytest.mark.parametrize(
    ("month_day", "period", "wanted"),
    [
        pytest.param("12-20", "year", "2025-12-20", id="year-of-the-record"),
        pytest.param("09-30", "school_year", "2024-09-30", id="begin-of-its-school-year"),
        pytest.param("08-20", "school_year", "2025-08-20", id="end-of-its-school-year"),
        pytest.param("09-01", "school_year", "2024-09-01", id="first-day"),
        pytest.param("02-29", "year", "2025-02-28", id="no-such-day"),
    ],
)
def test_a_deadline_by_month_and_day_falls_in_the_year_of_the_record(
    month_day: str, period: str, wanted: str
) -> None:
    flow = msgspec.structs.replace(REVIEW, period=period)
    span = period_of(SchoolCalendar(Calendar()), flow, REVIEW.step[0], dt.date(2025, 3, 1))
    found = day_of(Deadline(on=month_day), dt.date(2026, 7, 1), {}, span)
    assert found == dt.date.fromisoformat(wanted)


def test_a_step_that_is_taken_every_year_is_due_in_the_year_of_its_own_day() -> None:
    again = msgspec.structs.replace(REVIEW.step[0], from_=["draft", "school_done"])
    calendar, day = SchoolCalendar(Calendar()), dt.date(2026, 7, 1)
    assert period_of(calendar, REVIEW, again, dt.date(2019, 1, 2)) is None
    assert day_of(Deadline(on="12-31"), day, {}) == dt.date(2026, 12, 31)


REFUSING = msgspec.structs.replace(
    REVIEW,
    state=[*REVIEW.state, msgspec.structs.replace(REVIEW.state[-1], id="refused", good=False)],
    step=[
        *REVIEW.step,
        msgspec.structs.replace(REVIEW.step[3], id="refuse", to="refused"),
    ],
)


@pytest.mark.parametrize(
    ("way", "held"),
    [
        pytest.param([], False, id="not-so-far"),
        pytest.param(["submit"], True, id="just-taken"),
        pytest.param(["submit", "announce"], True, id="further-on"),
        pytest.param(["submit", "announce", "object"], True, id="sent-back-but-not-before-it"),
        pytest.param(["submit", "return"], False, id="sent-back-before-it"),
        pytest.param(["submit", "return", "submit"], True, id="taken-again"),
        pytest.param(["submit", "announce", "grant"], True, id="good-end"),
        pytest.param(["submit", "announce", "refuse"], False, id="bad-end"),
    ],
)
def test_a_place_is_held_beyond_the_step_until_sent_back_or_refused(
    way: list[str], held: bool
) -> None:
    steps = [
        TakenStep(str(no), step, DAY, after=frozenset({str(no - 1)} if no else ()))
        for no, step in enumerate(way)
    ]
    assert holds_place(REFUSING, place_record(REFUSING, steps), "submit") is held
