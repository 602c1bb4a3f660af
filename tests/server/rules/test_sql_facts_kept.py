"""What is kept of an evaluation while a node is open, and when it is worked out anew."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.nodes import World, add_hour, add_person, make_world
from xueshi_server.pack_files import read_shipped
from xueshi_server.record_types import schema_of
from xueshi_server.store.facts_cache import TallyCache
from xueshi_server.store.packs import load_files
from xueshi_server.store.requirements import Requirements
from xueshi_sync.node import Node

PACK = load_files(read_shipped("jiyuan"), "jiyuan")
AS_OF = dt.date(2026, 6, 30)
RULE = "JY-360"


@pytest.fixture
def county(tmp_path: Path) -> Iterator[tuple[World, Node, Node]]:
    with make_world(tmp_path) as world:
        centre = world.make("centre", "county", "510683")
        school = world.make("school", "school", "S1")
        world.join(centre, school, "school", "S1")
        for node in (centre, school):
            node.adopt_schema(schema_of(PACK))
        yield world, centre, school


def _pending(node: Node, cache: TallyCache | None = None) -> list[object]:
    with Requirements.open(node, cache) as requirements:
        results = requirements.judge(PACK, AS_OF, rules=[RULE]).results
    return [each.pending for each in results]


def test_a_new_record_is_counted(county: tuple[World, Node, Node]) -> None:
    _, _, school = county
    person = add_person(school)
    assert _pending(school) == [0]
    add_hour(school, person, minutes=90)
    assert _pending(school) == [90]


def test_what_a_school_sends_is_counted_at_the_centre(county: tuple[World, Node, Node]) -> None:
    world, centre, school = county
    person = add_person(school)
    world.carry(school, centre, to=None)
    assert _pending(centre) == [0]
    add_hour(school, person, minutes=90)
    world.carry(school, centre, to=None)
    assert _pending(centre) == [90]


def test_a_verdict_is_counted(county: tuple[World, Node, Node]) -> None:
    world, centre, school = county
    hour = add_hour(school, add_person(school), minutes=90)
    world.carry(school, centre, to=None)
    assert _pending(centre) == [90]
    with centre.write(actor="clerk") as action:
        action.judge("hour", centre.find_record(school.public_id(hour)), "approve")
    assert _pending(centre) == [0]


def test_nothing_is_judged_again_while_nothing_changes(county: tuple[World, Node, Node]) -> None:
    _, _, school = county
    add_hour(school, add_person(school))
    with Requirements.open(school) as requirements:
        first = requirements.judge(PACK, AS_OF)
    with Requirements.open(school) as requirements:
        again = requirements.judge(PACK, AS_OF)
        assert again.results is first.results
        assert (first.judged_count, again.judged_count) == (len(first.results), 0)
        assert requirements.evidence(again, again.results[0]) is not None


def test_another_day_is_judged_anew(county: tuple[World, Node, Node]) -> None:
    _, _, school = county
    add_hour(school, add_person(school), date="2026-03-01", minutes=90)
    assert _pending(school) == [90]
    with Requirements.open(school) as requirements:
        earlier = requirements.judge(PACK, dt.date(2026, 2, 1), rules=[RULE]).results
    assert [each.pending for each in earlier] == [0]


def test_other_types_are_read_anew(county: tuple[World, Node, Node]) -> None:
    _, _, school = county
    add_hour(school, add_person(school), minutes=90)
    assert _pending(school) == [90]
    without = load_files(read_shipped("mianzhu"), "mianzhu")
    school.adopt_schema(schema_of(without))
    school.adopt_schema(schema_of(PACK))
    assert _pending(school) == [90]
    assert _pending(school, TallyCache()) == [90]
