"""What the centre says of schools and their computers reaches every node (PROTOCOL 7.1)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.server.nodes import World, add_hour, add_person, make_world
from xueshi_sync.errors import InvalidWriteError, UnknownNodeError, WrongTierError
from xueshi_sync.node import Node


@dataclass(frozen=True)
class Valley:
    """A centre, a central school, and a village school."""

    world: World
    centre: Node
    township: Node
    village: Node

    def carry(self) -> None:
        """Let each school bring what it has and take what there is; twice, for what crossed."""
        for _ in range(2):
            for node, code in ((self.village, self.village.code), (self.township, "T1")):
                self.world.carry(node, self.centre, to=None)
                self.world.carry(self.centre, node, to=code)

    def scope_no(self, node: Node, code: str = "S1") -> int:
        """The number that `node` has for a school's scope."""
        return int(node.query("SELECT scope_no FROM scope WHERE code = ?", [code])[0][0])


@pytest.fixture
def valley(tmp_path: Path) -> Iterator[Valley]:
    with make_world(tmp_path) as world:
        centre = world.make("centre", "County", "C1")
        township = world.make("township", "Central School", "T1")
        village = world.make("school", "Hill School", "S1")
        world.join(centre, township, "Central School", "T1")
        world.join(centre, village, "Hill School", "S1")
        yield Valley(world, centre, township, village)


def titles(node: Node) -> list[str]:
    return [row[0] for row in node.query("SELECT title FROM hour ORDER BY title")]


def test_a_township_that_is_let_in_reads_a_village_and_enters_and_judges_there(
    valley: Valley,
) -> None:
    person = add_person(valley.village)
    hour = add_hour(valley.village, person, title="of the village")
    valley.carry()
    assert titles(valley.township) == []
    valley.centre.grant(valley.township.node_id, valley.scope_no(valley.centre), "township")
    valley.carry()
    assert titles(valley.township) == ["of the village"]
    there = valley.township.find_record(valley.village.public_id(hour))
    with valley.township.write("head") as action:
        action.judge("hour", there, "approve")
    valley.carry()
    states = [row[0] for row in valley.village.query("SELECT state FROM hour")]
    assert states == ["approved"]


def test_a_guest_that_is_refused_again_gets_and_says_nothing_more(valley: Valley) -> None:
    here = valley.scope_no(valley.centre)
    valley.centre.grant(valley.township.node_id, here, "township")
    valley.carry()
    valley.centre.deny(valley.township.node_id, here)
    valley.carry()
    add_hour(valley.village, add_person(valley.village), title="later")
    valley.carry()
    assert titles(valley.centre) == ["later"]
    assert titles(valley.township) == []
    valley.centre.grant(valley.township.node_id, here, "township")
    valley.carry()
    assert titles(valley.township) == ["later"]
    rows = valley.centre.query("SELECT 1 FROM _node WHERE scope_no = ?", [here])
    assert len(rows) == 2


def test_only_what_can_be_granted_is(valley: Valley) -> None:
    here = valley.scope_no(valley.centre)
    with pytest.raises(InvalidWriteError):
        valley.centre.grant(valley.township.node_id, here, "centre")
    with pytest.raises(UnknownNodeError):
        valley.centre.grant("00" * 16, here, "township")
    with pytest.raises(UnknownNodeError):
        valley.centre.deny(valley.township.node_id, here)
    with pytest.raises(WrongTierError):
        valley.village.grant(valley.township.node_id, 1, "township")


def test_a_school_gets_another_name_and_code_everywhere_and_keeps_its_records(
    valley: Valley,
) -> None:
    add_hour(valley.village, add_person(valley.village))
    valley.centre.grant(valley.township.node_id, valley.scope_no(valley.centre), "township")
    valley.carry()
    valley.centre.rename(valley.scope_no(valley.centre), "S9", "River School")
    valley.world.carry(valley.village, valley.centre, to=None)
    valley.world.carry(valley.centre, valley.village, to="S9")
    valley.carry()
    assert (valley.village.code, valley.village.name) == ("S9", "River School")
    for node in (valley.centre, valley.township, valley.village):
        named = node.query("SELECT name, kind FROM scope WHERE code = 'S9'")
        assert [tuple(row) for row in named] == [("River School", "school")]
        authors = node.query("SELECT DISTINCT a.name FROM hour JOIN author a USING (author)")
        assert [row[0] for row in authors] == ["River School"]
    assert valley.township.name == "Central School"


def test_a_code_of_another_school_is_not_given(valley: Valley) -> None:
    with pytest.raises(InvalidWriteError):
        valley.centre.rename(valley.scope_no(valley.centre), "T1", "Hill School")
    with pytest.raises(InvalidWriteError):
        valley.centre.rename(valley.centre.home_scope_no, "S7", "No school")


def test_of_a_closed_school_counts_what_was_there_and_a_guest_goes_on(valley: Valley) -> None:
    person = add_person(valley.village)
    add_hour(valley.village, person, title="before")
    here = valley.scope_no(valley.centre)
    valley.centre.grant(valley.township.node_id, here, "school")
    valley.carry()
    valley.centre.close_school(here, "merged")
    add_hour(valley.village, person, title="after")
    valley.carry()
    there = valley.scope_no(valley.township)
    with valley.township.write("head") as action:
        person_there = valley.township.find_record(valley.village.public_id(person))
        action.insert(
            "hour",
            {"person": person_there.rec, "date": "2026-03-02", "title": "by the guest",
             "minutes": 45},
            scope_no=there,
        )  # fmt: skip
    valley.carry()
    assert titles(valley.centre) == ["before", "by the guest"]
    kinds = valley.centre.query("SELECT kind FROM scope WHERE scope_no = ?", [here])
    assert kinds[0][0] == "closed"


def test_a_school_that_opens_again_counts_whole_once_its_computer_is_let_in(
    valley: Valley,
) -> None:
    person = add_person(valley.village)
    valley.carry()
    here = valley.scope_no(valley.centre)
    valley.centre.close_school(here, "for a year")
    add_hour(valley.village, person, title="meanwhile")
    valley.carry()
    assert titles(valley.centre) == []
    valley.centre.reopen_school(here, "school")
    assert valley.centre.lift(valley.village.node_id) == 1
    assert valley.centre.lift(valley.village.node_id) == 0
    valley.carry()
    assert titles(valley.centre) == ["meanwhile"]
    with pytest.raises(InvalidWriteError):
        valley.centre.reopen_school(here, "centre")


def test_a_new_computer_of_a_school_is_a_guest_where_the_old_one_is(valley: Valley) -> None:
    add_hour(valley.village, add_person(valley.village), title="of the village")
    valley.centre.grant(valley.township.node_id, valley.scope_no(valley.centre), "township")
    valley.carry()
    second = valley.world.make("township", "second computer", "T1-second")
    second.join(valley.centre.invite("T1", "Central School", role="township"))
    for _ in range(2):
        valley.world.carry(second, valley.centre, to=None)
        valley.world.carry(valley.centre, second, to=second.node_id)
    assert (second.code, titles(second)) == ("T1", ["of the village"])
    tiers = valley.centre.query(
        "SELECT tier FROM _node WHERE scope_no = ? AND code = 'T1'",
        [valley.scope_no(valley.centre)],
    )
    assert [row[0] for row in tiers] == ["township", "township"]
