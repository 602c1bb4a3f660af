"""Two records of one person: linked, more hours under either, taken back, told apart."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.moving import (
    DAY,
    PACK,
    RULE,
    TwoSchools,
    enter,
    figures,
    hold,
    make_two_schools,
)
from xueshi_server.store.facts import open_facts
from xueshi_server.store.facts_cache import TallyCache
from xueshi_server.store.former_numbers import read_renamed
from xueshi_server.store.person_links import list_links, read_people, withdraw
from xueshi_server.store.requirements import Requirements
from xueshi_sync.node import Node
from xueshi_sync.sqlite_db import connect_reader
from xueshi_sync.writer import RecordKey

APART = {"S1 T-S1-AAAAA-1": 90, "S2 50010001": 45}


@pytest.fixture
def county(tmp_path: Path) -> Iterator[TwoSchools]:
    with make_two_schools(tmp_path) as county:
        yield county


@pytest.fixture
def pair(county: TwoSchools) -> tuple[RecordKey, RecordKey]:
    """Somebody in both rosters, with approved hours in each, by the centre's keys."""
    here = enter(county.before, "T-S1-AAAAA-1", hired_on="2010-09-01")
    there = enter(county.after, "50010001", hired_on="2024-09-01")
    approve(county, county.before, here, "Old", 90)
    approve(county, county.after, there, "New", 45)
    return county.at_centre(county.before, here), county.at_centre(county.after, there)


def approve(county: TwoSchools, node: Node, person: RecordKey, title: str, minutes: int) -> None:
    """Enter hours at a school and let the centre approve them."""
    hour = hold(node, person, title, minutes)
    county.bring(node)
    county.judge("hour", county.at_centre(node, hour))


def at_school(county: TwoSchools, node: Node, key: RecordKey) -> RecordKey:
    """The key of a record of the centre at its school."""
    return node.find_record(county.centre.public_id(key))


def test_hours_under_either_number_flow_to_the_one_and_back(
    county: TwoSchools, pair: tuple[RecordKey, RecordKey]
) -> None:
    assert figures(county.centre) == APART
    county.link(*pair)
    assert figures(county.centre) == {"S2 50010001": 135}
    for node, key in zip((county.before, county.after), pair, strict=True):
        approve(county, node, at_school(county, node, key), f"Later at {node.code}", 10)
    assert figures(county.centre) == {"S2 50010001": 155}
    county.unlink()
    assert figures(county.centre) == {"S1 T-S1-AAAAA-1": 100, "S2 50010001": 55}
    assert list_links(county.centre) == []


def test_what_is_kept_of_results_is_what_is_worked_out_anew(
    county: TwoSchools, pair: tuple[RecordKey, RecordKey]
) -> None:
    """A change of one school reaches the results of the person in the other."""
    county.link(*pair)
    figures(county.centre)
    before = at_school(county, county.before, pair[0])
    approve(county, county.before, before, "Later", 10)
    with Requirements.open(county.centre) as kept:
        found = kept.judge(PACK, DAY).results
    with Requirements.open(county.centre, TallyCache()) as anew:
        assert anew.judge(PACK, DAY).results == found
    assert figures(county.centre) == {"S2 50010001": 145}


def test_the_records_behind_a_figure_are_those_of_both(
    county: TwoSchools, pair: tuple[RecordKey, RecordKey]
) -> None:
    county.link(*pair)
    with Requirements.open(county.centre) as requirements:
        evaluation = requirements.judge(PACK, DAY, rules=[RULE])
        (result,) = evaluation.results
        assert [scope for scope, _ in evaluation.evidence(RULE, result.subject)] == ["S1", "S2"]
        # Asked for by the other record it is the same person.
        of = requirements.facts.scopes[pair[0].scope_no], pair[0].rec
        subjects = requirements.subjects_of(PACK, of)
        (asked,) = requirements.judge(PACK, DAY, rules=[RULE], subjects=subjects).results
        assert asked.value == result.value


def test_one_day_and_title_in_both_schools_counts_once(
    county: TwoSchools, pair: tuple[RecordKey, RecordKey]
) -> None:
    approve(county, county.after, at_school(county, county.after, pair[1]), "Old", 60)
    assert figures(county.centre) == {**APART, "S2 50010001": 105}
    county.link(*pair)
    assert figures(county.centre) == {"S2 50010001": 135}
    assert len(read_people(county.centre).doubled) == 1
    with open_facts(county.centre) as facts:
        assert len(facts.rows("hour")) == 2


def test_everybody_holds_the_same_after_any_order_of_bundles(
    county: TwoSchools, pair: tuple[RecordKey, RecordKey]
) -> None:
    county.link(*pair)
    county.bring(county.after, county.before)
    county.unlink()
    county.bring(county.before, county.after)
    centre = county.centre.digests()
    for node in (county.before, county.after):
        mine = {place: each for place, each in node.digests().items() if place[1] == "person_link"}
        assert mine == {place: centre[place] for place in mine}
    # The first school holds what was said of its person, and who took it back.
    names = {county.before.public_id(at_school(county, county.before, pair[0]))}
    names.add(county.after.public_id(at_school(county, county.after, pair[1])))
    holder = county.before if county.before.query("SELECT 1 FROM person_link") else county.after
    rows = holder.query("SELECT other, withdraws, actor FROM person_link ORDER BY rec")
    assert [(row["withdraws"] is None, row["actor"]) for row in rows] == [
        (True, "centre"), (False, "centre"),
    ]  # fmt: skip
    assert {row["other"] for row in rows} < names


def test_said_at_once_in_two_ways_the_careful_answer_counts_and_a_conflict_is_shown(
    county: TwoSchools, pair: tuple[RecordKey, RecordKey]
) -> None:
    county.link(*pair)
    county.link(*pair)
    assert len(list_links(county.centre)) == 1
    county.link(*pair, kind="different")
    people = read_people(county.centre)
    assert (people.groups, len(people.settled.conflicts)) == ((), 1)
    assert figures(county.centre) == APART
    with county.centre.write(actor="centre") as action:
        said = next(each for each in list_links(county.centre) if each.kind == "different")
        withdraw(action, said, reason="found the papers", day=DAY)
    assert figures(county.centre) == {"S2 50010001": 135}


def test_who_is_named_by_the_other_number_is_the_one_person(
    county: TwoSchools, pair: tuple[RecordKey, RecordKey]
) -> None:
    """One way for former numbers and for links."""
    county.link(*pair)
    groups = read_people(county.centre).groups
    db = connect_reader(county.centre.paths.view)
    assert read_renamed(db, county.centre.schema, groups) == {"T-S1-AAAAA-1": "50010001"}
    db.close()


def test_a_link_to_somebody_who_was_taken_out_joins_nobody(
    county: TwoSchools, pair: tuple[RecordKey, RecordKey]
) -> None:
    county.link(*pair)
    with county.before.write(actor="registrar") as action:
        action.delete("person", at_school(county, county.before, pair[0]))
    county.bring(county.before)
    assert read_people(county.centre).groups == ()
    assert len(list_links(county.centre)) == 1
