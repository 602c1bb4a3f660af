"""What is kept of an evaluation is brought up to date: shipped packs over tables that change."""

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from tests.server.nodes import make_world
from xueshi_server.domain.packs.model import FieldDeclaration, RecordType
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.evaluate import Evaluation, evaluate
from xueshi_server.domain.rules.facts import Heard, School
from xueshi_server.pack_files import read_shipped
from xueshi_server.record_types import schema_of
from xueshi_server.store.facts_cache import TallyCache
from xueshi_server.store.packs import load_files
from xueshi_server.store.requirements import Requirements
from xueshi_sync.node import Node

AS_OF: Final = dt.date(2026, 6, 30)
COUNTY: Final = "510683"
# Local number of a scope to its code; the county's own records stand in the last.
SCHOOLS: Final = {1001: "S1", 1002: "S2", 1003: "S3"}
RECORDS: Final = 4
ROUNDS: Final = 6
STATES: Final = ("approved", "approved", "approved", "pending", "rejected")


class Tables:
    """The tables of a centre, filled and changed by chance."""

    def __init__(self, centre: Node, pack: Pack, chance: Random) -> None:
        self.centre = centre
        self.pack = pack
        self.chance = chance
        self.mark = 0
        self.heard: dict[str, dt.date | None] = dict.fromkeys(SCHOOLS.values(), dt.date(2026, 3, 1))
        self.county_no = next(iter(centre.query("SELECT scope_no FROM scope WHERE code IS NULL")))[
            0
        ]

    def add_school(self, scope_no: int, code: str) -> None:
        """A school that is expected, with records of every type."""
        db = self.centre.view.db
        with self.centre.view.view_transaction():
            db.execute("INSERT INTO scope_key VALUES (?, ?)", (scope_no, code.encode()))
            db.execute(
                "INSERT INTO _scope (scope_no, rec, code, name, kind, author, actor, entered_at)"
                " VALUES (?, 1, ?, ?, 'school', 1, '', 0)",
                (scope_no, code, code),
            )
        self.fill(scope_no)

    def fill(self, scope_no: int) -> None:
        """Records of every type that stands in such a scope."""
        with self.centre.view.view_transaction():
            for declared in self.types_in(scope_no):
                for rec in range(1, RECORDS + 1):
                    self.put(declared, scope_no, rec)
            self.move(scope_no)

    def types_in(self, scope_no: int) -> list[RecordType]:
        """Record types of the county, or of schools."""
        place = "county" if scope_no == self.county_no else "school"
        types = self.pack.types.values()
        return [each for each in types if (each.place == "county") == (place == "county")]

    def change(self) -> None:
        """Records of one type in one school that are added, corrected, judged or deleted."""
        scope_no = self.chance.choice((*SCHOOLS, self.county_no))
        declared = self.chance.choice(self.types_in(scope_no) or self.types_in(1001))
        with self.centre.view.view_transaction():
            for _ in range(self.chance.randint(1, 3)):
                rec = self.chance.randint(1, RECORDS + 2)
                self.centre.view.db.execute(
                    f'DELETE FROM "{declared.id}" WHERE scope_no = ? AND rec = ?', (scope_no, rec)
                )
                if self.chance.random() < 0.7:
                    self.put(declared, scope_no, rec)
            self.move(scope_no)

    def move(self, scope_no: int) -> None:
        """Move the watermark, as an exchange does."""
        self.mark += 1
        self.centre.view.put_watermark(scope_no, self.mark)

    def put(self, declared: RecordType, scope_no: int, rec: int) -> None:
        """One record."""
        values = [self.value(field) for field in declared.field]
        table = self.centre.schema.by_name[declared.id]
        names = [field.id for field in declared.field]
        row = dict(zip(names, values, strict=True))
        fields = [row[name] for name in table.field_names]
        self.centre.view.insert_rows(table, [(scope_no, rec, *fields, 1, "", 0)])
        if declared.kind == "ledger":
            state = self.chance.choice(STATES)
            self.centre.view.db.execute(
                f'UPDATE "{declared.id}" SET state = ?, credited = 90'
                " WHERE scope_no = ? AND rec = ?",
                (state, scope_no, rec),
            )

    def value(self, field: FieldDeclaration) -> Any:
        """A value that fits a field; references and keys often find something."""
        chance = self.chance
        if field.type == "code" and field.codes in self.pack.codes:
            return chance.choice(self.pack.codes[field.codes].value).id
        if field.type == "date":
            return (AS_OF - dt.timedelta(days=chance.randrange(-200, 900))).isoformat()
        if field.type == "bool":
            return chance.choice((0, 1))
        if field.type in ("ref", "int", "hours", "money"):
            return chance.randint(1, RECORDS)
        if field.type in ("text", "key", "code"):
            return chance.choice(("a", "b", "c", "d"))
        return None


@pytest.fixture(params=("chongqing", "jiyuan", "mianzhu", "qinggang", "township-primary"))
def tables(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tables]:
    pack = load_files(read_shipped(request.param), request.param)
    with make_world(tmp_path) as world:
        centre = world.make("centre", "county", COUNTY)
        centre.adopt_schema(schema_of(pack))
        tables = Tables(centre, pack, Random(request.param))
        for scope_no, code in SCHOOLS.items():
            tables.add_school(scope_no, code)
        tables.fill(tables.county_no)
        yield tables


def _judge(tables: Tables, cache: TallyCache) -> tuple[Evaluation, Evaluation]:
    """With what is kept, and all afresh."""
    with Requirements.open(tables.centre, cache) as requirements:
        facts = requirements.facts
        schools = {code: School(code, code, heard=day) for code, day in tables.heard.items()}
        facts.heard = Heard(schools)
        again = requirements.judge(tables.pack, AS_OF)
        facts.cache = TallyCache()
        return again, evaluate(tables.pack, facts, AS_OF)


def test_kept_results_are_those_of_a_full_evaluation_after_any_change(tables: Tables) -> None:
    cache = TallyCache()
    _same(*_judge(tables, cache))
    for number in range(ROUNDS):
        tables.change()
        if number == 2:
            tables.heard["S2"] = dt.date(2026, 6, 30)
        if number == 4:
            tables.add_school(1004, "S4")
            tables.heard["S4"] = None
        _same(*_judge(tables, cache))


def _same(again: Evaluation, full: Evaluation) -> None:
    assert _named(again) == _named(full)
    assert again.results == full.results


def _named(evaluation: Evaluation) -> Sequence[object]:
    return [(each.rule, each.kind, each.subject, each.status) for each in evaluation.results]
