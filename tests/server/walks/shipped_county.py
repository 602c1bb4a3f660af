"""A county with one school under any shipped pack; the walks of Jiyuan and Qinggang use it."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.server.nodes import make_world
from tests.server.walks.chongqing_county import SCHOOL, District, Record
from xueshi_server.pack_files import read_shipped
from xueshi_server.store.packs import find_pack, level_schema, publish_release

TODAY: Final = dt.date(2026, 3, 2)


class County(District):
    """A district whose schools, too, take steps that stand behind gates."""

    def gate(self, rule: str, on: str, record: Record) -> bool | None:
        """Whether a gate is open, as the centre knows it; whoever acts keeps its turn."""
        acting = self.last
        found = super().gate(rule, on, record)
        self._turn(acting is self.school)
        return found

    def status(self, rule: str, on: str, subject: str = "") -> str:
        """What a rule says of the only subject, or of the one whose name holds a text."""
        found = [each for each in self.results(rule, on) if subject in each.name]
        assert len(found) == 1, [each.name for each in found]
        return found[0].status

    def tour(self, record: Record, *steps: tuple[str, str]) -> list[str]:
        """The first state and those that steps led to, each taken with nothing against it."""
        states = [self.state(record)]
        for step in steps:
            self.walk(record, step)
            states.append(self.state(record))
        return states

    def states(self, of: str) -> set[str]:
        """All states of the workflow of a type."""
        found = next(each for each in self.pack.workflows.values() if each.of == of)
        return {each.id for each in found.state}


@contextmanager
def make_county(folder: Path, pack_id: str) -> Iterator[County]:
    """A centre and a school on the types of a shipped pack."""
    with make_world(folder) as world:
        centre = world.make("centre", "教师进修学校", "500105")
        school = world.make("school", "中心小学", SCHOOL)
        world.join(centre, school, "中心小学", SCHOOL)
        publish_release(centre, read_shipped(pack_id), pack_id, activate=True)
        level_schema(centre, TODAY)
        world.carry(centre, school, to=SCHOOL)
        level_schema(school, TODAY)
        yield County(world, centre, school, find_pack(centre, pack_id))
