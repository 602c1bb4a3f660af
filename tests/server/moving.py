"""A county with two schools, for people who move between them or stand in both rosters."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.server.nodes import World, add_hour, make_world
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.packs.reading import load_pack
from xueshi_server.pack_files import read_shipped, split_closure
from xueshi_server.store.person_links import list_links, say_of_pair, withdraw
from xueshi_server.store.requirements import Requirements
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

DAY: Final = dt.date(2026, 3, 2)
# Judges the hours of five years.
RULE: Final = "TP-360"
PACK: Final[Pack] = load_pack(split_closure(read_shipped("township-primary")), "township-primary")


@dataclass(frozen=True)
class TwoSchools:
    """A centre, and the schools that somebody left and came to."""

    world: World
    centre: Node
    before: Node
    after: Node

    def bring(self, *schools: Node) -> None:
        """Take bundles from schools to the centre and back, in this order."""
        for each in schools or (self.before, self.after):
            self.world.carry(each, self.centre, to=None)
            self.world.carry(self.centre, each, to=each.code)

    def at_centre(self, node: Node, key: RecordKey) -> RecordKey:
        """The key of a school's record at the centre."""
        return self.centre.find_record(node.public_id(key))

    def judge(self, of: str, *records: RecordKey, verdict: str = "approve") -> None:
        """Let the centre judge records."""
        with self.centre.write(actor="centre") as action:
            for each in records:
                action.judge(of, each, verdict)

    def link(self, one: RecordKey, other: RecordKey, kind: str = "same") -> None:
        """Let the centre say what two records are."""
        with self.centre.write(actor="centre") as action:
            say_of_pair(self.centre, action, (one, other), kind=kind, reason="", day=DAY)

    def unlink(self) -> None:
        """Take back everything that was said of pairs."""
        with self.centre.write(actor="centre") as action:
            for each in list_links(self.centre):
                withdraw(action, each, reason="", day=DAY)


@contextmanager
def make_two_schools(folder: Path) -> Iterator[TwoSchools]:
    """The three nodes, level with each other."""
    with make_world(folder) as world:
        centre = world.make("centre", "County Centre", "C1")
        schools = [world.make("school", f"{name} School", code) for name, code in
                   (("Hill", "S1"), ("Lake", "S2"))]  # fmt: skip
        for each in schools:
            world.join(centre, each, each.name, each.code)
        yield TwoSchools(world, centre, *schools)


def enter(node: Node, number: str, name: str = "Li Ming", **more: object) -> RecordKey:
    """A person on the roster of a school."""
    with node.write(actor="registrar") as action:
        fields = {"staff_no": number, "name": name, "active": True, **more}
        key = action.insert("person", fields)
    node.replica.seal()
    return key


def hold(
    node: Node, person: RecordKey, title: str, minutes: int, on: str = "2026-01-05"
) -> RecordKey:
    """Hours of a person."""
    key = add_hour(node, person, title=title, minutes=minutes, date=on)
    node.replica.seal()
    return key


def figures(node: Node, on: dt.date = DAY) -> dict[str, object]:
    """School and number of everybody who is judged to the minutes that count."""
    with Requirements.open(node) as requirements:
        found = requirements.judge(PACK, on, rules=[RULE])
        assert found.faults == ()
        numbers = {
            (requirements.facts.scopes[row["scope_no"]], row["rec"]): str(row["staff_no"])
            for row in node.query("SELECT scope_no, rec, staff_no FROM person")
        }
        return {
            f"{each.scope} {numbers[each.subject]}": each.outcome.value and each.outcome.value.low  # type: ignore[index]
            for each in found.results
        }
