"""What is said of pairs is settled one way, and hours of one person in two rosters count once."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xueshi_server.domain.person_groups import (
    Entry,
    Standing,
    Tie,
    find_doubled,
    find_leader,
    settle,
)

SCHOOL, TOWNSHIP, CENTRE = 0, 1, 2


def same(pair: str, rank: int = CENTRE, on: str = "2026-03-01") -> Tie:
    return Tie(pair[0], pair[1], "same", rank, on, f"{pair}{rank}")


def different(pair: str, rank: int = CENTRE, on: str = "2026-03-02") -> Tie:
    return Tie(pair[0], pair[1], "different", rank, on, f"{pair}{rank}-")


@pytest.mark.parametrize(
    ("ties", "groups", "conflicts"),
    [
        pytest.param([], [], [], id="nothing"),
        pytest.param([same("ab"), same("bc")], ["abc"], [], id="three"),
        pytest.param([same("ab"), different("ab")], [], ["ab"], id="careful"),
        pytest.param([same("ab"), different("ba", TOWNSHIP)], ["ab"], [], id="centre-says-same"),
        pytest.param([same("ab", TOWNSHIP), different("ab")], [], [], id="centre-says-different"),
        pytest.param([same("ab", SCHOOL), different("ab", TOWNSHIP)], [], [], id="school-below"),
        pytest.param([same("ab"), same("bc"), different("ac")], ["ab"], ["bc"], id="chain"),
        pytest.param(
            [same("ab", TOWNSHIP), same("bc"), different("ac")], ["bc"], ["ab"], id="rank"
        ),
    ],
)
def test_the_higher_tier_and_then_the_careful_answer_counts(
    ties: list[Tie], groups: list[str], conflicts: list[str]
) -> None:
    found = settle(ties)
    assert found.groups == tuple(map(tuple, groups))
    assert found.conflicts == {(each[0], each[1]) for each in conflicts}


TIES = st.lists(
    st.builds(
        Tie, st.sampled_from("abcdef"), st.sampled_from("abcdef"),
        st.sampled_from(("same", "same", "different")), st.sampled_from((0, 1, 2)),
        st.sampled_from(("2026-03-01", "2026-03-02")), st.text("xyz", min_size=3, max_size=3),
    ),
    max_size=9,
    unique_by=lambda each: each.name,
)  # fmt: skip


@settings(max_examples=60)
@given(TIES, st.randoms(use_true_random=False))
def test_links_settle_one_way_in_any_order(ties: list[Tie], shuffle: random.Random) -> None:
    found, again = settle(ties), list(ties)
    shuffle.shuffle(again)
    assert settle(again) == found
    # Nobody is told apart and together at once, and what is taken back leaves nothing behind.
    for each in ties:
        if each.kind == "different" and each.rank == CENTRE:
            group = found.of(each.one)
            assert each.one == each.other or each.other not in group
    extra = same("gh", CENTRE)
    assert settle([*ties, extra]).groups == tuple(sorted([*found.groups, ("g", "h")]))


def test_the_record_of_somebody_at_work_leads() -> None:
    standing = {
        "a": Standing(True, "2010"),
        "b": Standing(True, "2024"),
        "c": Standing(False, "25"),
    }
    assert find_leader(["a", "b", "c"], standing) == "b"
    numbers = {"x": Standing(True, "", True), "y": Standing(True, "")}
    assert (find_leader(["x", "y"], numbers), find_leader(["x", "y"], {})) == ("x", "y")


def entry(name: str, owner: str, credited: int, title: str = "Reading") -> Entry:
    return Entry(name, owner, "2026-03-01", title, credited, 90)


@pytest.mark.parametrize(
    ("entries", "left"),
    [
        pytest.param([entry("1", "a", 90), entry("2", "b", 0)], ["2"], id="approved-counts"),
        pytest.param([entry("1", "a", 90), entry("2", "b", 90)], ["1"], id="of-equals-the-leader"),
        pytest.param([entry("1", "a", 90), entry("2", "a", 90)], [], id="one-school"),
        pytest.param(
            [entry("1", "a", 90), entry("2", "a", 90), entry("3", "b", 90)], ["2"], id="two-and-one"
        ),
        pytest.param([entry("1", "a", 9), entry("2", "b", 9, " read ING")], ["1"], id="spaces"),
        pytest.param([entry("1", "a", 9), entry("2", "b", 9, "Writing")], [], id="another-title"),
    ],
)
def test_one_day_and_title_at_two_schools_counts_once(
    entries: list[Entry], left: list[str]
) -> None:
    assert [out for _, out in find_doubled(["a", "b"], "b", entries)] == left
