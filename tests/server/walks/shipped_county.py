"""A county with one school under any shipped pack; the walks of Jiyuan and Qinggang use it."""

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.server.nodes import make_world
from tests.server.walks.chongqing_county import SCHOOL, District, Record
from xueshi_server.domain.forms import Document, Material, compose_form
from xueshi_server.domain.rules.catalogue import Catalogue
from xueshi_server.domain.rules.facts import Facts, Row
from xueshi_server.pack_files import read_shipped
from xueshi_server.store.facts import open_facts
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

    def print(self, form_id: str, record: Record, on: str) -> Document:
        """A form over a record, filled in Chinese from what the centre has."""
        form, day = self.pack.forms[form_id], dt.date.fromisoformat(on)
        rules = [rule for block in form.block for rule in block.rules]
        results = {
            result.rule: result
            for rule in rules
            for result in self.results(rule, on)
            if result.subject == self._subject_of(self.pack.rules[rule].scope, record)
        }
        with open_facts(self.centre) as facts:
            key = self._subject_of(form.scope, record) if form.scope in self.pack.subjects else ()
            subject = dict(self._row(self.centre, record)) | {"scope": key[0] if key else ""}
            tables = {
                place: self._table(facts, form.scope, block.of, subject)
                for place, block in enumerate(form.block)
                if block.kind == "table" and block.of is not None
            }
        move = next((each for each in self.pack.workflows.values() if each.of == record.of), None)
        position = self._position(self.centre, move, record) if move else None
        material = Material(
            record.of, subject, day, tables=tables, results=results, workflow=move,
            position=position,
        )  # fmt: skip
        return compose_form(self.pack, form, material, "zh")

    def _table(self, facts: Facts, kind: str, of: str, subject: Mapping[str, Any]) -> list[Row]:
        link = Catalogue(self.pack).link(kind, of)
        return [
            row
            for row in facts.rows(of)
            if all(row.get(column.field) == subject.get(own) for column, own in link)
        ]

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
