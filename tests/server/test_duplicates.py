"""Who may stand in the rosters twice: what is found in a made-up county, and how it is judged."""

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.server.made_people import SLIPS, make_county, make_person, with_check
from xueshi_server.domain.duplicates import (
    LEAST,
    Known,
    compare,
    find_duplicates,
    is_slip,
    pair_up,
)

WANG = Known("a", "S1", "AB", "x y", (4, 8), "50010001", born_on="1980-02-03", school_name="One")


def test_nine_of_ten_who_stand_there_twice_are_found_and_next_to_nobody_else() -> None:
    county = make_county(3, 4000, 280)
    found = {frozenset((each.one.key, each.other.key)) for each in find_duplicates(county.people)}
    kinds = Counter(county.twice.values())
    hits = Counter(kind for pair, kind in county.twice.items() if pair in found)
    assert len(found & county.twice.keys()) / len(county.twice) >= 0.85
    assert len(found & county.twice.keys()) / len(found) >= 0.97
    # Of each way to come in twice most are found; the rest lack what would tell.
    assert {kind: hits[kind] / kinds[kind] >= 0.6 for kind in SLIPS} == dict.fromkeys(SLIPS, True)


def test_the_work_grows_as_the_county_does() -> None:
    """Some pairs a person are looked at, in a county as in one ten times as large."""
    draw = random.Random(5)
    people = [make_person(draw, number) for number in range(10_000)]
    for count in (1_000, 10_000):
        assert sum(1 for _ in pair_up(people[:count])) <= 2 * count


def test_a_decided_pair_is_not_shown_again() -> None:
    twin = WANG._replace(key="b", school="S2", staff_no="T-S2-QQQQQ-1")
    assert len(find_duplicates([WANG, twin])) == 1
    assert find_duplicates([WANG, twin], {frozenset(("a", "b"))}) == []


OTHER_SIGN = {"staff_no": "1", "name": "AC", "sound": "x z"}


@pytest.mark.parametrize(
    ("changed", "reasons"),
    [
        pytest.param({"school": "S2"}, "staff_same name born", id="number"),
        pytest.param({"staff_no": "50010010"}, "staff_slip name born school", id="slip"),
        pytest.param(
            {"staff_no": "1", "former": ("50010001",)}, "former name born school", id="former"
        ),
        pytest.param({**OTHER_SIGN, "sound": "x y"}, "sound born school", id="sound"),
        pytest.param({**OTHER_SIGN, "strokes": (4, 9)}, "shape born school", id="shape"),
        pytest.param({**OTHER_SIGN, "strokes": (4, 19)}, "born school", id="no-shape"),
        pytest.param(
            {"staff_no": "1", "born_on": "1980-03-02"}, "name born_slip school", id="turned"
        ),
        pytest.param(
            {"staff_no": "1", "born_on": "1991-12-25"}, "name born_differs school", id="born"
        ),
        pytest.param(
            {"staff_no": "1", "school": "S2", "places": ("One",)}, "name born move", id="move"
        ),
    ],
)
def test_reasons_say_what_two_records_have_in_common(changed: dict[str, Any], reasons: str) -> None:
    assert " ".join(compare(WANG, WANG._replace(key="b", **changed))) == reasons


@pytest.mark.parametrize(
    ("left_on", "hired_on", "reason"),
    [
        pytest.param("2026-07-31", "2026-09-01", "follows", id="a-summer"),
        pytest.param("2020-07-31", "2026-09-01", None, id="years-later"),
        pytest.param("", "2026-09-01", "overlaps", id="at-once"),
    ],
)
def test_days_on_the_rolls_tell_a_transfer(left_on: str, hired_on: str, reason: str | None) -> None:
    before = WANG._replace(hired_on="2010-09-01", left_on=left_on)
    after = WANG._replace(key="b", school="S2", staff_no="1", hired_on=hired_on)
    assert set(compare(before, after)) - {"name", "born"} == ({reason} - {None})


def test_neighbours_in_the_register_of_births_are_two_people() -> None:
    one = WANG._replace(
        name="CD", sound="u v", staff_no="1", id_number=with_check("50010119800203121")
    )
    other = WANG._replace(key="b", id_number=with_check("50010119800203123"))
    assert compare(one, other)[0] == "id_slip"
    assert find_duplicates([one, other]) == []


def test_a_name_and_a_short_number_alone_are_nobody_twice() -> None:
    people = [Known(f"p{at}", f"S{at}", "AB", staff_no="001") for at in range(12)]
    assert find_duplicates(people) == []


digits = st.text("0123456789", min_size=17, max_size=17)


@settings(max_examples=40)
@given(digits, st.integers(0, 15), st.sampled_from("0123456789"), st.booleans())
def test_every_slip_in_an_id_number_brings_the_two_together(
    right: str, at: int, sign: str, turned: bool
) -> None:
    """Whatever else differs: a key that a slip leaves alone is left by every slip."""
    middle = right[at + 1] + right[at] if turned else sign + right[at + 1]
    wrong = right[:at] + middle + right[at + 2 :]
    one = Known("a", "S1", "AB", id_number=right + "X")
    other = Known("b", "S2", "CD", id_number=wrong + "X")
    assert list(pair_up([one, other])) == [(one, other)]
    assert compare(one, other)[0] == ("id_same" if right == wrong else "id_slip")
    assert is_slip(right, wrong) == (right != wrong)


@settings(max_examples=15)
@given(st.integers(0, 999), st.randoms(use_true_random=False))
def test_the_order_of_the_roster_changes_nothing(seed: int, shuffle: random.Random) -> None:
    county = make_county(seed, 60, 14)
    again = list(county.people)
    shuffle.shuffle(again)
    found = find_duplicates(county.people)
    assert find_duplicates(again) == found
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert all(each.score >= LEAST and each.one.key < each.other.key for each in found)
