"""Where people stand, what a staff change sets and its undoing puts back, temporary numbers."""

import re

import pytest

from xueshi_server.domain.people import (
    AWAY,
    BACK,
    GONE,
    Change,
    add_former,
    changes_open_to,
    fields_after,
    fields_before,
    former_numbers,
    is_temporary,
    next_temporary,
    standing_of,
    tag_of,
)

TODAY = "2026-03-02"


@pytest.mark.parametrize(
    ("person", "last_kind", "standing"),
    [
        pytest.param({}, "", "here", id="nothing-known"),
        pytest.param({"active": 1, "hired_on": "2020-09-01"}, "", "here", id="hired"),
        pytest.param({"hired_on": "2026-09-01"}, "", "coming", id="hired-for-autumn"),
        pytest.param({"active": 0}, "", "left", id="marked-as-gone"),
        pytest.param({"left_on": TODAY, "active": 0}, "retire", "left", id="from-today"),
        pytest.param({"left_on": "2026-08-31", "active": 1}, "", "here", id="will-retire"),
        pytest.param({"left_on": "2026-02-01", "active": 0}, "second", "away", id="lent"),
        pytest.param({"left_on": "2026-02-01", "active": 0}, "leave", "away", id="long-leave"),
    ],
)
def test_where_a_person_stands(person: dict[str, object], last_kind: str, standing: str) -> None:
    assert standing_of(person, last_kind, TODAY) == standing


def test_who_left_can_only_come_back() -> None:
    assert changes_open_to("left", is_hired=True) == (BACK,)
    assert set(changes_open_to("away", is_hired=True)) == {BACK, *GONE}
    assert set(changes_open_to("here", is_hired=True)) == {*AWAY, *GONE}


@pytest.mark.parametrize("kind", [*AWAY, *GONE, BACK])
@pytest.mark.parametrize("date", ["2026-02-01", "2026-06-01"])
@pytest.mark.parametrize("left_on", [None, "2025-09-01"])
def test_undoing_a_change_puts_back_what_was(kind: str, date: str, left_on: str | None) -> None:
    is_gone = left_on is not None or kind == BACK
    before = {"left_on": left_on, "active": not is_gone}
    change = Change(kind, date, left_on)
    after = before | fields_after(change, TODAY)
    assert after | fields_before(change, TODAY) == before


def test_undoing_the_first_day_forgets_it() -> None:
    change = Change("hired", "2026-03-01")
    assert fields_before(change, TODAY) == {"hired_on": None}


def test_two_nodes_of_a_school_and_a_restored_one_give_different_numbers() -> None:
    tags = {tag_of(node, epoch) for node in ("aa", "bb") for epoch in (b"1", b"2")}
    assert len(tags) == 4
    assert all(re.fullmatch(r"[A-Z2-7]{5}", tag) for tag in tags)


def test_a_temporary_number_is_given_once_even_after_its_person_has_another() -> None:
    known = ["T-S1-ABCDE-1", "T-S1-ABCDE-9", "T-S1-OTHER-30", "5101001"]
    number = next_temporary("S1", "ABCDE", known)
    assert number == "T-S1-ABCDE-10"
    assert is_temporary(number)


@pytest.mark.parametrize("number", ["5101001", "T-1", "T001", "T-S1-abcde-1", "T-S1-ABCDE-0"])
def test_other_numbers_are_not_temporary(number: str) -> None:
    assert not is_temporary(number)


def test_the_longest_school_code_leaves_room_for_the_number() -> None:
    assert len(next_temporary("9" * 64, "ABCDE", [])) <= 40


def test_former_numbers_are_kept_in_order_without_repeats_and_the_oldest_make_room() -> None:
    text = add_former(add_former(add_former("", "T-1"), "A"), "T-1")
    assert former_numbers(text) == ["A", "T-1"]
    for n in range(40):
        text = add_former(text, f"number-{n:03}")
    assert len(text) <= 200
    assert former_numbers(text)[-1] == "number-039"
