"""A large school under a shipped pack: its people, sessions, hours, and records of other types.

Everything is entered through the node as the pages do it, checked by the centre, and comes back:
the databases are those that years of work would have left.
"""

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from xueshi_client.bench.shelves import fill_library
from xueshi_client.bench.workload import make_records
from xueshi_client.bench.world import (
    CENTRE_CODE,
    create_node,
    enrol_by_hand,
    exchange_in_memory,
)
from xueshi_server.domain.packs.model import FieldDeclaration, RecordType
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.node_clock import today_of
from xueshi_server.pack_files import read_shipped
from xueshi_server.store.objections import (
    UPHELD,
    answer_objection,
    list_objections,
    object_to,
)
from xueshi_server.store.packs import find_pack, level_schema, publish_release
from xueshi_server.store.records import default_scope, find_row
from xueshi_server.store.steps import list_open, read_moving, take_step, workflow_of
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

SCHOOL: Final = "S1"
PACK: Final = "qinggang"
TEACHERS: Final = 300
YEARS: Final = 5
# Written by others, or beside the record that they belong to.
_LEFT_OUT: Final = frozenset(
    {"person", "hour", "session", "step", "attachment", "hour_objection", "resource"}
)
# One action of this many records is saved at once.
_ACTION_ROWS: Final = 2000
# Of the hours nine in ten are approved; of each other type there are so many to 100,000 hours.
_APPROVED: Final = 0.9
_OTHERS_PER_HOUR: Final = 0.005
# So many hours of a school to one claim of a teacher, and to one objection.
_HOURS_PER_CLAIM: Final = 5
_HOURS_PER_OBJECTION: Final = 300
# Records of a type with a workflow that have taken a step.
_STEPPED: Final = 40
_SEED: Final = 20260701


@dataclass
class School:
    """The nodes while the school is made, and what is known by then."""

    centre: Node
    node: Node
    pack: Pack
    day: dt.date
    names: list[str]
    titles: list[str]
    # What staff numbers begin with.
    letter: str = "T"
    chance: random.Random = field(default_factory=lambda: random.Random(_SEED))
    people: list[RecordKey] = field(default_factory=list)
    keys: dict[str, list[RecordKey]] = field(default_factory=dict)
    named: dict[str, list[str]] = field(default_factory=dict)


@contextmanager
def make_school(
    folder: Path,
    workload: Path,
    count: int,
    *,
    teachers: int = TEACHERS,
    claims: int | None = None,
    resources: int = 0,
) -> Iterator[School]:
    """A school's node in `folder/school` with `count` records of hours, and `claims` that wait (a
    fifth of that, unless said); it is open in the block.

    Names and titles are those of the workload.
    """
    centre = create_node(folder / "centre", "centre", CENTRE_CODE)
    node = create_node(folder / "school", "school", SCHOOL)
    try:
        publish_pack(centre)
        school = enrol(centre, node, read_words(workload, teachers))
        fill(school, count, teachers)
        carry_all(centre, node)
        _approve(school)
        enter_claims(school, count // _HOURS_PER_CLAIM if claims is None else claims)
        enter_objections(school, max(60, count // _HOURS_PER_OBJECTION))
        fill_library(folder, centre, resources)
        carry_all(centre, node)
        _take_steps(school)
        yield school
    finally:
        node.close()
        centre.close()


def publish_pack(centre: Node) -> None:
    """Have the centre publish the pack and live by it."""
    publish_release(centre, read_shipped(PACK), PACK, activate=True)
    level_schema(centre, today_of(centre))


def enrol(centre: Node, node: Node, words: tuple[list[str], list[str]]) -> School:
    """A school's node with the county's pack."""
    enrol_by_hand(centre, node)
    carry_all(centre, node)
    level_schema(node, today_of(node))
    return School(centre, node, find_pack(node, PACK), today_of(node), *words)


def fill(school: School, count: int, teachers: int) -> None:
    """People, `count` hours in sessions, and what else a school writes."""
    _enter_people(school, teachers)
    _enter_sessions(school, count, teachers)
    enter_others(school, max(3, int(count * _OTHERS_PER_HOUR)))


def read_words(workload: Path, teachers: int) -> tuple[list[str], list[str]]:
    """Names of people and titles of sessions, as the workload has them."""
    rows = list(make_records(workload, 20 * teachers, teachers=teachers))
    names = {row["teacher_id"]: row["teacher_name"] for row in rows}
    return list(names.values()), list(dict.fromkeys(row["title"] for row in rows))


def carry_all(centre: Node, node: Node) -> None:
    """Exchange in memory until nothing is waiting."""
    while exchange_in_memory(centre, node)[1]:
        pass


def _enter_people(school: School, count: int) -> None:
    declared = school.pack.types["person"]
    with school.node.write(actor="registrar") as action:
        for number in range(count):
            row = _draw(school, declared, number)
            name = school.names[number % len(school.names)]
            staff_no = f"{school.letter}{number + 1:04}"
            row |= {"staff_no": staff_no, "name": name, "active": True}
            row |= {"hired_on": f"{2000 + number % 20}-09-01", "roster_no": number + 1}
            for gone in ("left_on", "former_no"):
                row.pop(gone, None)
            school.people.append(action.insert("person", row))
    school.keys["person"] = school.people


def _enter_sessions(school: School, count: int, teachers: int) -> None:
    """Session after session, everybody in turn."""
    declared, first = school.pack.types["hour"], school.day - dt.timedelta(days=365 * YEARS)
    sessions = -(-count // teachers)
    for some in _batches(range(sessions), max(1, _ACTION_ROWS // teachers)):
        with school.node.write(actor="registrar") as action:
            for number in some:
                day = first + dt.timedelta(days=365 * YEARS * number // sessions)
                minutes = 45 * school.chance.randint(1, 4)
                title = f"{school.titles[number % len(school.titles)]} {number + 1}"
                held = {"title": title, "date": day.isoformat(), "minutes": minutes}
                action.insert("session", held | {"expected": teachers})
                for person in school.people[: count - number * teachers]:
                    row = _draw(school, declared, number)
                    lectured = person.rec == school.people[number % teachers].rec
                    row |= held | {"person": person.rec, "recorded_by": "registrar"}
                    row["role"] = "given" if lectured else "received"
                    row.pop("corrects", None)
                    action.insert("hour", row)


def enter_others(school: School, count: int) -> None:
    """Records of every other type that this node writes, after those that they refer to."""
    node = school.node
    for of in _in_order(school.pack, node.role):
        declared = school.pack.types[of]
        scope_no = default_scope(node, declared)
        rows = [row for number in range(count) if (row := _draw(school, declared, number))]
        with node.write(actor="registrar") as action:
            school.keys[of] = [action.insert(of, row, scope_no=scope_no) for row in rows]
        if declared.key:
            school.named[of] = [str(row[declared.key]) for row in rows]


def _in_order(pack: Pack, role: str) -> list[str]:
    """Types that a node of a role writes; a centre those that no school does."""
    wanted = {
        of: each
        for of, each in pack.types.items()
        if role in each.writers
        and (role == "centre" or each.place == "school")
        and not (role == "centre" and "school" in each.writers)
        and of not in _LEFT_OUT
    }
    done: list[str] = []
    while len(done) < len(wanted):
        ready = [
            of
            for of, each in wanted.items()
            if of not in done
            and all(one.to in (of, *done) or one.to not in wanted for one in each.field)
        ]
        done += ready or [of for of in wanted if of not in done]
    return done


def _approve(school: School) -> None:
    """The centre approves most of what waits, for every type that it judges."""
    centre, pack = school.centre, school.pack
    for of, declared in pack.types.items():
        if "centre" not in declared.judges or of in ("step", "attachment"):
            continue
        rows = centre.query(f"SELECT scope_no, rec FROM \"{of}\" WHERE state = 'pending'")
        chosen = [RecordKey(*row) for row in rows if school.chance.random() < _APPROVED]
        for some in _batches(chosen, _ACTION_ROWS):
            with centre.write(actor="centre") as action:
                for key in some:
                    action.judge(of, key, "approve")


def enter_claims(school: School, count: int) -> None:
    """Hours that teachers claim under their own numbers, a year of them; nobody looked at them.

    Of what waits of the registrar's entries three of four were looked at.
    """
    declared = school.pack.types["hour"]
    each = -(-count // len(school.people))
    for at, person in enumerate(school.people):
        with school.node.write(actor=f"{school.letter}{at + 1:04}".lower()) as action:
            for number in range(min(each, count - at * each)):
                row = _draw(school, declared, number)
                day = school.day - dt.timedelta(days=school.chance.randrange(365))
                row |= {"person": person.rec, "date": day.isoformat(), "minutes": 90}
                row |= {"title": f"{school.titles[number % len(school.titles)]} {number}"}
                row.pop("corrects", None)
                action.insert("hour", row)
    rows = school.node.query(
        "SELECT scope_no, rec FROM hour WHERE state = 'pending' AND actor = 'registrar'"
        " AND rec % 4 > 0"
    )
    for some in _batches(rows, _ACTION_ROWS):
        with school.node.write(actor="head") as action:
            for row in some:
                action.check("hour", RecordKey(*row), "pass")


def enter_objections(school: School, count: int) -> None:
    """Objections to hours, every third answered."""
    node, day = school.node, school.day
    rows = node.query(f"SELECT * FROM hour WHERE corrects IS NULL ORDER BY rec DESC LIMIT {count}")
    with node.write(actor="teacher") as action:
        for row in rows:
            object_to(node, action, row, " ".join(school.titles[:3]), day)
    with node.write(actor="registrar") as action:
        for each in list_objections(node)[::3]:
            answer_objection(action, each, school.titles[0], outcome=UPHELD, day=day)


def _take_steps(school: School) -> None:
    """Some records of each workflow take the first step that is open to the school."""
    for of, keys in school.keys.items():
        if workflow_of(school.pack, of) is not None:
            for key in keys[:_STEPPED]:
                _take_step(school, school.pack.types[of], key)


def _take_step(school: School, declared: RecordType, key: RecordKey) -> None:
    row = find_row(school.node, declared, *key)
    moving = read_moving(school.node, school.pack, declared, row) if row is not None else None
    if moving is None:
        return
    for each in list_open(school.node, moving, school.day):
        if each.here and not each.refusals:
            wanted: dict[str, Any] = {"step": each.move.id, "opinion": school.titles[0]}
            wanted["papers"] = list(each.move.papers)
            take_step(school.node, moving, wanted, on=school.day, actor="registrar")
            return


def _batches(each: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (each[at : at + size] for at in range(0, len(each), size))


def _draw(school: School, declared: RecordType, number: int) -> dict[str, Any]:
    """The fields of one record; empty where it refers to what is not here."""
    row: dict[str, Any] = {}
    for each in declared.field:
        value = _value(school, declared, each, number)
        if value is None and each.required:
            return {}
        if value is not None and each.id != declared.corrects:
            row[each.id] = value
    return row


def _value(school: School, declared: RecordType, each: FieldDeclaration, number: int) -> Any:
    chance = school.chance
    if each.type == "ref":
        known: Sequence[RecordKey] = school.keys.get(each.to or "", ())
        return chance.choice(known).rec if known else None
    if each.type == "key":
        names = school.named.get(each.to or "")
        return chance.choice(names) if names else None
    if each.type == "code":
        codes = school.pack.codes.get(each.codes or "")
        return None if codes is None else chance.choice(codes.value).id
    if each.type == "text":
        is_key = each.id == declared.key
        text = f"{declared.id}-{number + 1:05}" if is_key else school.titles[number % 6]
        return text[: each.max]
    if each.type == "date":
        return (school.day - dt.timedelta(days=chance.randrange(365 * YEARS))).isoformat()
    plain: dict[str, Any] = {"long": " ".join(school.titles[:5])[: each.max]}
    plain |= {"bool": number % 2 == 0, "int": min(3, each.max or 3)}
    return (plain | {"hours": 45 * (1 + number % 4), "money": 120050}).get(each.type)
