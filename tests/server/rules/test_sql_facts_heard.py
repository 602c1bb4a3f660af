"""Until when the records of a school are here, as the centre and the school can prove it."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.server.nodes import World, add_hour, add_person, make_world
from xueshi_server.domain.rules.facts import Heard
from xueshi_server.store.facts import open_facts
from xueshi_server.store.facts_heard import read_heard, read_scopes
from xueshi_sync.node import Node

# The clock of the world.
TODAY = dt.date(2026, 3, 2)
LATER_MS = 1_773_000_000_000
LATER = dt.date.fromtimestamp(LATER_MS / 1000)


@pytest.fixture
def county(tmp_path: Path) -> Iterator[tuple[World, Node, Node]]:
    with make_world(tmp_path) as world:
        centre = world.make("centre", "county", "510683")
        school = world.make("school", "school", "S1")
        world.join(centre, school, "school", "S1")
        yield world, centre, school


def _heard(node: Node) -> Heard:
    return read_heard(node, read_scopes(node))


def _exchange(centre: Node, school: Node) -> None:
    pending = school.begin_exchange(limit_bytes=1 << 20)
    school.finish_exchange(pending, centre.answer(pending.request))


def _set_clock(node: Node, at_ms: int) -> None:
    clock = replace(node.context, now_ms=lambda: at_ms)
    node.context = node.replica.env = clock


def test_a_school_on_the_line_is_heard_until_the_day_of_the_contact(
    county: tuple[World, Node, Node],
) -> None:
    _, centre, school = county
    _set_clock(centre, LATER_MS)
    _exchange(centre, school)
    assert _heard(centre).schools["S1"].heard == LATER


def test_a_stick_proves_no_more_than_its_newest_record(county: tuple[World, Node, Node]) -> None:
    world, centre, school = county
    add_hour(school, add_person(school))
    _set_clock(centre, LATER_MS)
    world.carry(school, centre, to=None)
    assert _heard(centre).schools["S1"].heard == TODAY


def test_a_school_that_sent_nothing_yet_is_expected_and_not_heard(
    county: tuple[World, Node, Node],
) -> None:
    world, centre, _ = county
    other = world.make("school", "other", "S2")
    other.join(centre.invite("S2", "other"))
    world.carry(other, centre, to=None)
    assert set(_heard(centre).schools) == {"S1", "S2"}
    assert _heard(centre).schools["S2"].heard is None


def test_a_school_knows_its_own_records_until_today_and_not_those_of_others(
    county: tuple[World, Node, Node],
) -> None:
    _, _, school = county
    heard = _heard(school)
    assert heard.schools["S1"].heard == TODAY
    assert not heard.all_here


def test_the_centre_has_its_own_records(county: tuple[World, Node, Node]) -> None:
    _, centre, school = county
    assert _heard(centre).county == dt.date.max
    assert _heard(centre).all_here
    assert _heard(school).county == TODAY


def test_facts_name_a_school_by_its_code(county: tuple[World, Node, Node]) -> None:
    world, centre, school = county
    add_person(school)
    world.carry(school, centre, to=None)
    with open_facts(centre) as facts:
        assert [row["scope"] for row in facts.rows("person")] == ["S1"]
