"""A district with one school in a folder, to walk through Chongqing's systems with real nodes.

Schools write at the school's node, everybody else at the centre's; whoever acts next first gets
the other's bundle. Steps of workflows are records and are judged before they are written.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.server.nodes import World, make_world
from xueshi_server.domain.packs.measures import Formula
from xueshi_server.domain.packs.model import Transition, Workflow
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.evaluate import evaluate
from xueshi_server.domain.rules.facts import RecordKey
from xueshi_server.domain.rules.results import Result
from xueshi_server.domain.workflow import Position, TakenStep, Wish, judge_wish, place_record
from xueshi_server.pack_files import read_shipped
from xueshi_server.store.facts import open_facts
from xueshi_server.store.facts_heard import read_scopes
from xueshi_server.store.packs import find_pack, level_schema, publish_release
from xueshi_server.store.records import find_row
from xueshi_server.store.steps import read_moving, verdict_with
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey as LocalKey

PACK: Final = "chongqing"
SCHOOL: Final = "S1"
FIRST_DAY: Final = dt.date(2024, 1, 2)
GATE: Final[Mapping[str, bool | None]] = {
    "pass": True,
    "exempt": True,
    "fail": False,
    "vetoed": False,
}


@dataclass(frozen=True, slots=True)
class Record:
    """A record by its name outside any database."""

    of: str
    name: str


@dataclass
class District:
    """The centre, its school, and the pack that counts."""

    world: World
    centre: Node
    school: Node
    pack: Pack
    last: Node | None = None

    def enter(self, of: str, **fields: Any) -> Record:
        """Write a record where its owner sits; a `Record` among the fields is a reference."""
        declared = self.pack.types[of]
        node = self._turn("school" in declared.writers and declared.place == "school")
        scope_no = None if declared.place != "school" else self._school_scope(node)
        with node.write(actor="walk") as action:
            values = {name: self._local(node, of, name, fields[name]) for name in fields}
            key = action.insert(of, values, scope_no=scope_no)
        return Record(of, self._name(node, key))

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

    def act(
        self,
        record: Record,
        step: str,
        on: str,
        *,
        opinion: str = "",
        without: tuple[str, ...] = (),
    ) -> list[str]:
        """Take a step with all its papers (but those of `without`); the reasons it is refused."""
        workflow, move = self._move(record, step)
        gates = {each: self.gate(each, on, record) for each in move.gate}
        at_school = self.pack.roles[move.role].tier in ("school", "person")
        # What only the centre holds moves there, whoever said so on paper.
        node = self._turn(at_school and self.pack.types[record.of].place != "centre")
        day = dt.date.fromisoformat(on)
        position = self._position(node, workflow, record)
        papers = frozenset(move.papers) - set(without)
        dates = self._dates(node, record)
        wish = Wish(
            step, move.role, day, opinion, papers, dates, gates, *self._quota(record, move)
        )  # fmt: skip
        refusals = judge_wish(workflow, position, wish)
        if not refusals:
            row = {"record": record.name, "workflow": workflow.id, "step": step, "date": on}
            row |= {"role": move.role, "opinion": opinion, "papers": "|".join(sorted(papers))}
            row["after"] = "|".join(sorted(position.heads))
            # A school may not write beside the county's own records: its steps stay with it.
            scope_no = node.find_record(record.name).scope_no if node is self.centre else None
            verdict = self._verdict(node, record, move)
            with node.write(actor=move.role) as action:
                action.insert("step", row, scope_no=scope_no)
                if verdict:
                    key = node.find_record(record.name)
                    action.judge(record.of, key, verdict, reason=opinion)
            node.replica.seal()
        return [each.reason for each in refusals]

    def walk(self, record: Record, *steps: tuple[str, str]) -> None:
        """Take steps that nothing stands against."""
        for step, on in steps:
            assert self.act(record, step, on, opinion="同意") == [], step

    def position(self, record: Record) -> Position:
        """Where a record stands and how it got there, as the centre sees it."""
        workflow = next(each for each in self.pack.workflows.values() if each.of == record.of)
        return self._position(self._turn(False), workflow, record)

    def state(self, record: Record) -> str:
        """The state a record is in."""
        return self.position(record).state

    def trail(self, record: Record) -> list[str]:
        """The steps a record has taken."""
        return [each.step for each in self.position(record).trail]

    def at_centre(self) -> Node:
        """The centre's node, with all that the school wrote."""
        return self._turn(False)

    def key_of(self, record: Record) -> RecordKey:
        """School and number of a record at the centre."""
        node = self._turn(False)
        key = node.find_record(record.name)
        return (read_scopes(node)[key.scope_no], key.rec)

    def results(self, rule: str, on: str) -> list[Result]:
        """What a rule says of everybody, at the centre."""
        node = self._turn(False)
        with open_facts(node) as facts:
            found = evaluate(self.pack, facts, dt.date.fromisoformat(on), rules=[rule])
        assert found.faults == ()
        return found.results

    def status(self, rule: str, on: str, subject: str) -> str:
        """What a rule says of the one subject whose name has a word."""
        found = [each for each in self.results(rule, on) if subject in each.name.split()]
        assert len(found) == 1, [each.name for each in found]
        return found[0].status

    def gate(self, rule: str, on: str, record: Record) -> bool | None:
        """Whether a gate is open for a record."""
        found = self.result_of(rule, on, record)
        return None if found is None else GATE.get(found.status)

    def result_of(self, rule: str, on: str, record: Record) -> Result | None:
        """What a rule says of the subject that a record is, or is about."""
        wanted = self._subject_of(self.pack.rules[rule].scope, record)
        return next((each for each in self.results(rule, on) if each.subject == wanted), None)

    def _quota(self, record: Record, move: Transition) -> tuple[int | None, int]:
        """How many places a step has, and how many other records have taken it."""
        if not isinstance(move.quota, Formula):
            return (None, 0)
        places = self.pack.parameters[move.quota.param or ""].value
        sql = "SELECT count(DISTINCT record) FROM step WHERE step = ? AND record <> ?"
        used = self.centre.query(sql, [move.id, record.name])[0][0]
        return (int(places), used)

    def _subject_of(self, kind: str, record: Record) -> tuple[Any, ...]:
        declared, node = self.pack.subjects[kind], self._turn(False)
        row = dict(self._row(node, record))
        scope, rec = self.key_of(record)
        if declared.per:
            return tuple(scope if each == "scope" else row[each] for each in declared.per)
        if declared.of == record.of:
            return (scope, rec)
        return (scope, row[declared.of or ""])

    def _turn(self, school: bool) -> Node:
        """The node that acts now, with all that the other one wrote."""
        node = self.school if school else self.centre
        if self.last is not None and node is not self.last:
            target = SCHOOL if school else None
            self.world.carry(self.last, node, to=target)
        self.last = node
        return node

    def _school_scope(self, node: Node) -> int:
        return int(node.query("SELECT scope_no FROM scope WHERE code = ?", [SCHOOL])[0][0])

    def _local(self, node: Node, of: str, name: str, value: Any) -> Any:
        """What a field stores for a record that it refers to: its number here, or its key."""
        if not isinstance(value, Record):
            return value
        field = next(each for each in self.pack.types[of].field if each.id == name)
        if field.type == "key":
            return self._row(node, value)[self.pack.types[value.of].key]
        return node.find_record(value.name).rec

    def _name(self, node: Node, key: LocalKey) -> str:
        node.replica.seal()
        return node.public_id(key)

    def _row(self, node: Node, record: Record) -> Any:
        key = node.find_record(record.name)
        sql = f'SELECT * FROM "{record.of}" WHERE scope_no = ? AND rec = ?'
        return node.query(sql, [key.scope_no, key.rec])[0]

    def _dates(self, node: Node, record: Record) -> dict[str, dt.date | None]:
        row = self._row(node, record)
        names = [each.id for each in self.pack.types[record.of].field if each.type == "date"]
        return {each: dt.date.fromisoformat(row[each]) if row[each] else None for each in names}

    def _move(self, record: Record, step: str) -> tuple[Workflow, Transition]:
        workflow = next(each for each in self.pack.workflows.values() if each.of == record.of)
        return workflow, next(each for each in workflow.step if each.id == step)

    def _verdict(self, node: Node, record: Record, move: Transition) -> str:
        """The verdict that a step gives by leading to its state."""
        declared, key = self.pack.types[record.of], node.find_record(record.name)
        row = find_row(node, declared, *key)
        moving = None if row is None else read_moving(node, self.pack, declared, row)
        return "" if moving is None else verdict_with(node, moving, move)

    def _position(self, node: Node, workflow: Workflow, record: Record) -> Position:
        rows = node.query("SELECT * FROM step WHERE record = ?", [record.name])
        taken = [
            TakenStep(
                node.public_id(LocalKey(row["scope_no"], row["rec"])),
                row["step"],
                dt.date.fromisoformat(row["date"]),
                row["role"] or "",
                row["opinion"] or "",
                _names(row["papers"]),
                _names(row["after"]),
            )
            for row in rows
        ]
        return place_record(workflow, taken)


def _names(text: str | None) -> frozenset[str]:
    return frozenset(text.split("|")) if text else frozenset()


@contextmanager
def make_district(folder: Path) -> Iterator[District]:
    """A district under the pack, its school joined and on the same types."""
    with make_world(folder) as world:
        centre = world.make("centre", "江北区教育委员会", "500105")
        school = world.make("school", "望江小学", SCHOOL)
        world.join(centre, school, "望江小学", SCHOOL)
        publish_release(centre, read_shipped(PACK), PACK, activate=True)
        level_schema(centre, FIRST_DAY)
        world.carry(centre, school, to=SCHOOL)
        level_schema(school, FIRST_DAY)
        yield District(world, centre, school, find_pack(centre, PACK))
