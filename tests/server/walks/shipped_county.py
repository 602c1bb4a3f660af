"""A county in a folder under a shipped pack, to walk through its systems with real nodes.

Schools write at the school's node, everybody else at the centre's; whoever acts next first gets
the other's bundle. Steps are taken, forms printed and rules judged by the code behind the pages.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.server.nodes import World, make_world
from xueshi_server.domain.forms import Document, RuleLine, compose_form
from xueshi_server.domain.packs.model import Transition, Workflow
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.results import Result
from xueshi_server.domain.workflow import Position, acting_tier
from xueshi_server.pack_files import read_shipped
from xueshi_server.record_types import BASE_PACK
from xueshi_server.store.material import gather_material, type_of_form
from xueshi_server.store.packs import find_active, find_pack, level_schema, publish_release
from xueshi_server.store.records import STEP, find_row
from xueshi_server.store.requirements import Requirements
from xueshi_server.store.steps import read_moving, read_position, take_step, workflow_of
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

SCHOOL: Final = "S1"
TODAY: Final = dt.date(2026, 3, 2)


@dataclass(frozen=True, slots=True)
class Record:
    """A record by its name outside any database."""

    of: str
    name: str


@dataclass
class Diary:
    """What was done of a pack: types entered, states reached, steps taken, forms printed (of
    what, on which day)."""

    types: set[str] = field(default_factory=set)
    states: set[tuple[str, str]] = field(default_factory=set)
    steps: set[tuple[str, str]] = field(default_factory=set)
    forms: dict[str, tuple[str, dt.date]] = field(default_factory=dict)


@dataclass
class County:
    """The centre, its school, the pack that counts, and what was done of it."""

    world: World
    centre: Node
    school: Node
    pack: Pack
    diary: Diary = field(default_factory=Diary)
    last: Node | None = None

    # ---- records

    def enter(self, of: str, **fields: Any) -> Record:
        """Write a record where its owner sits; a `Record` among the fields is a reference."""
        declared = self.pack.types[of]
        node = self._turn("school" in declared.writers and declared.place == "school")
        scope_no = None if declared.place != "school" else self._school_scope(node)
        with node.write(actor="walk") as action:
            values = {name: self._local(node, of, name, fields[name]) for name in fields}
            key = action.insert(of, values, scope_no=scope_no)
        node.replica.seal()
        self.diary.types.add(of)
        workflow = workflow_of(self.pack, of)
        if workflow is not None:
            self.diary.states.add((workflow.id, workflow.state[0].id))
        return Record(of, node.public_id(key))

    def change(self, record: Record, **fields: Any) -> None:
        """Write fields of a register at the centre."""
        node = self._turn(False)
        with node.write(actor="walk") as action:
            action.set(record.of, node.find_record(record.name), fields)

    def approve(self, *records: Record) -> None:
        """Let the centre approve records that wait for it."""
        node = self._turn(False)
        with node.write(actor="walk") as action:
            for each in records:
                action.judge(each.of, node.find_record(each.name), "approve")

    def hold(self, title: str, date: str, minutes: int, *people: Record) -> list[Record]:
        """A session, and its hours for everybody who was there."""
        self.enter("session", title=title, date=date, minutes=minutes, expected=len(people))
        return [
            self.enter("hour", person=each, date=date, title=title, minutes=minutes)
            for each in people
        ]

    # ---- workflows

    def act(
        self,
        record: Record,
        step: str,
        on: str,
        *,
        opinion: str = "",
        without: tuple[str, ...] = (),
        node: Node | None = None,
    ) -> list[str]:
        """Take a step with all its papers (but those of `without`) where its role acts, or at
        `node`; the reasons it is refused."""
        workflow, move = self._move(record, step)
        declared = self.pack.types[record.of]
        here = node or self._turn(acting_tier(self.pack, declared, move) == "school")
        row = find_row(here, declared, *here.find_record(record.name))
        assert row is not None
        moving = read_moving(here, find_active(here, TODAY).pack, declared, row)
        assert moving is not None
        papers = [each for each in move.papers if each not in without]
        wanted = {"step": step, "opinion": opinion, "papers": papers}
        refusals = take_step(here, moving, wanted, on=dt.date.fromisoformat(on), actor=move.role)
        if not refusals:
            self.diary.types.add(STEP)
            self.diary.steps.add((workflow.id, step))
            self.diary.states.add((workflow.id, move.to))
        return [each.reason for each in refusals]

    def walk(self, record: Record, *steps: tuple[str, str]) -> None:
        """Take steps that nothing stands against."""
        for step, on in steps:
            assert self.act(record, step, on, opinion="同意") == [], step

    def tour(self, record: Record, *steps: tuple[str, str]) -> list[str]:
        """The first state and those that steps led to, each taken with nothing against it."""
        states = [self.state(record)]
        for step in steps:
            self.walk(record, step)
            states.append(self.state(record))
        return states

    def states(self, of: str) -> set[str]:
        """All states of the workflow of a type."""
        found = workflow_of(self.pack, of)
        assert found is not None
        return {each.id for each in found.state}

    def position(self, record: Record) -> Position:
        """Where a record stands and how it got there, as the centre sees it."""
        workflow = workflow_of(self.pack, record.of)
        assert workflow is not None
        return read_position(self.at_centre(), workflow, record.name)

    def state(self, record: Record) -> str:
        """The state a record is in."""
        return self.position(record).state

    def trail(self, record: Record) -> list[str]:
        """The steps a record has taken."""
        return [each.step for each in self.position(record).trail]

    # ---- rules and forms

    def results(self, rule: str, on: str) -> list[Result]:
        """What a rule says of everybody, at the centre."""
        with Requirements.open(self.at_centre()) as requirements:
            found = requirements.judge(self.pack, dt.date.fromisoformat(on), rules=[rule])
        assert found.faults == ()
        return found.results

    def status(self, rule: str, on: str, subject: str = "") -> str:
        """What a rule says of the only subject, or of the one whose name has a word, or a text."""
        results = self.results(rule, on)
        named = [each for each in results if subject in each.name.split()]
        found = named or [each for each in results if subject in each.name]
        assert len(found) == 1, [each.name for each in found]
        return found[0].status

    def print(self, form_id: str, on: str, record: Record | None = None) -> Document:
        """A form in Chinese over a record, or over the school or the county, as the centre
        prints it."""
        form, day = self.pack.forms[form_id], dt.date.fromisoformat(on)
        of = type_of_form(self.pack, form)
        if record is None:
            name = of if of == "county" else SCHOOL
        else:
            assert record.of == of
            name = record.name
        self.diary.forms[form_id] = (name, day)
        return self.print_again(form_id, "zh")

    def print_shared(self, on: str, person: Record) -> None:
        """What every county has: a staff change, a paper, a quiz and a contribution of a person,
        an objection to hours and its answer, and the forms of all."""
        self.enter("person_move", person=person, kind="hired", date=on)
        self.enter("attachment", kind="evidence", person=person, file="0" * 64, name="a.jpg")
        hour = self._hour_of(person) or self.enter(
            "hour", person=person, date=on, title="听课", minutes=45
        )
        said = self.enter("hour_objection", hour=hour, person=person, date=on, text="应为2学时")
        self.enter(
            "hour_objection", hour=hour, person=person, date=on, text="属实", answers=said,
            outcome="upheld",
        )  # fmt: skip
        self.enter("person_link", person=person, other="~1.1.1", kind="different", date=on)
        self.enter("contribution", person=person, date=on, name="课例", subject="chinese")
        self.enter(
            "quiz_result", person=person, date=on, paper="0" * 64, attempt=1, correct=2,
            questions=2, passed=True, hour=hour,
        )  # fmt: skip
        for form_id in BASE_PACK.forms:
            form = self.pack.forms[form_id]
            paper = self.print(form_id, on, None if form.scope == "school" else person)
            assert len(paper.sections) == len(form.block), form_id

    def _hour_of(self, person: Record) -> Record | None:
        node = self._turn(True)
        key = node.find_record(person.name)
        where = "WHERE scope_no = ? AND person = ? ORDER BY rec LIMIT 1"
        rows = node.query(f"SELECT scope_no, rec FROM hour {where}", [*key])
        return Record("hour", node.public_id(RecordKey(*rows[0]))) if rows else None

    def print_again(self, form_id: str, language: str) -> Document:
        """A form that was printed before, in a language."""
        form, (name, day) = self.pack.forms[form_id], self.diary.forms[form_id]
        material = gather_material(self.at_centre(), self.pack, form, name, day, language)
        return compose_form(self.pack, form, material, language)

    # ---- nodes

    def at_centre(self) -> Node:
        """The centre's node, with all that the school wrote."""
        return self._turn(False)

    def _turn(self, school: bool) -> Node:
        """The node that acts now, with all that the other one wrote."""
        node = self.school if school else self.centre
        if self.last is not None and node is not self.last:
            self.world.carry(self.last, node, to=SCHOOL if school else None)
        self.last = node
        return node

    def _school_scope(self, node: Node) -> int:
        return int(node.query("SELECT scope_no FROM scope WHERE code = ?", [SCHOOL])[0][0])

    def _local(self, node: Node, of: str, name: str, value: Any) -> Any:
        """What a field stores for a record that it refers to: its number here, or its key."""
        if not isinstance(value, Record):
            return value
        key = node.find_record(value.name)
        declared = self.pack.types[value.of]
        field = next(each for each in self.pack.types[of].field if each.id == name)
        row = find_row(node, declared, *key)
        assert row is not None
        return row[declared.key or "rec"] if field.type == "key" else key.rec

    def _move(self, record: Record, step: str) -> tuple[Workflow, Transition]:
        workflow = workflow_of(self.pack, record.of)
        assert workflow is not None
        return workflow, next(each for each in workflow.step if each.id == step)


@contextmanager
def make_county(
    folder: Path, pack_id: str, files: dict[str, bytes] | None = None
) -> Iterator[County]:
    """A centre and a school on the types of a shipped pack, or of a pack's `files`."""
    with make_world(folder) as world:
        centre = world.make("centre", "教师进修学校", "500105")
        school = world.make("school", "中心小学", SCHOOL)
        world.join(centre, school, "中心小学", SCHOOL)
        publish_release(centre, files or read_shipped(pack_id), pack_id, activate=True)
        level_schema(centre, TODAY)
        world.carry(centre, school, to=SCHOOL)
        level_schema(school, TODAY)
        yield County(world, centre, school, find_pack(centre, pack_id))


def rule_lines(document: Document) -> list[RuleLine]:
    """The requirements on a sheet of paper, from top to bottom."""
    return [line for section in document.sections for line in section.rules]


def opinions(document: Document) -> list[str]:
    """The labels of the steps on paper that have been taken."""
    return [
        each.label for section in document.sections for each in section.opinions if each.on != ""
    ]
