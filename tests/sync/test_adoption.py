"""Whatever schema a node goes on under, its tables are those of a build from nothing."""

import dataclasses
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.process.nodes import context_of, scratch
from xueshi_sync import adoption, second_view
from xueshi_sync.errors import SchemaUnfitError, StorageError
from xueshi_sync.node import Node
from xueshi_sync.schema import Field, FieldType, Kind, Schema, Table
from xueshi_sync.writer import RecordKey

TIERS: Final = ("school", "centre")
FIELDS: Final = (
    Field("a"), Field("b", "int"), Field("c", "date"), Field("d", "bool"), Field("e", "ref"),
)  # fmt: skip
VALUES: Final[dict[FieldType, object]] = {
    "text": "x", "int": 7, "date": "2026-03-01", "bool": True,
}  # fmt: skip
# A name is of one kind for good: `l…` are ledgers, `r…` registers.
NAMES: Final = ("la", "lb", "ra", "rb")
UNAPPLIED: Final = "SELECT scope_no, block_no, code, count FROM unapplied ORDER BY 1, 2, 3"


def _table(name: str, fields: tuple[Field, ...], **changed: object) -> Table:
    kind: Kind = "ledger" if name.startswith("l") else "register"
    table = Table(name, kind, fields, TIERS, ("centre",) if kind == "ledger" else ())
    return dataclasses.replace(table, **changed)  # type: ignore[arg-type]


@st.composite
def _tables(draw: st.DrawFn, name: str) -> Table:
    fields = tuple(draw(st.lists(st.sampled_from(FIELDS), min_size=1, unique=True)))
    if draw(st.integers(0, 5)) == 0:
        retyped = {"text": "int", "int": "text"}
        fields = tuple(
            Field(each.name, retyped.get(each.type, each.type))  # type: ignore[arg-type]
            for each in fields
        )
    types = {each.name: each.type for each in fields}
    chained = name.startswith("l") and draw(st.booleans())
    return _table(
        name,
        fields,
        writers=draw(st.sampled_from([TIERS, ("centre",), ("school",)])),
        amount="b" if chained and types.get("b") == "int" else None,
        corrects="e" if chained and "e" in types else None,
        indexes=((fields[0].name,),) if draw(st.booleans()) else (),
    )


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    """The tables of some pack: any of four types, each with any fields, rights and indexes."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    return Schema(1, tuple(draw(_tables(name)) for name in names))


class County:
    """A centre and a school that write at random, and carry bundles to each other."""

    def __init__(self, folder: Path, schema: Schema) -> None:
        self.folder = folder
        self.nodes = [
            Node.create(
                folder / code, role=role, name=code, code=code, schema=schema,
                context=context_of(folder / f"state-{code}", code, lambda: 1_772_438_400_000),
            )
            for role, code in (("centre", "C"), ("school", "S"))
        ]  # fmt: skip
        centre, school = self.nodes
        school.join(centre.invite("S", "S"))
        self.carry()

    def carry(self) -> None:
        """Bring both level, by stick."""
        centre, school = self.nodes
        for source, target, to in ((school, centre, None), (centre, school, "S")):
            source.pack(self.folder / "news.xueshi", to=to)
            target.unpack(self.folder / "news.xueshi")

    def close(self) -> None:
        for node in self.nodes:
            node.close()


def _write(node: Node, rng: random.Random, count: int = 6) -> None:
    """Insert, edit, judge and delete at random what the node has a right to."""
    tables = [table for table in node.schema.tables if node.role in table.writers]
    for _ in range(count if tables else 0):
        table = rng.choice(tables)
        rows = node.query(f'SELECT scope_no, rec FROM "{table.name}"')
        scope_no = _shared_scope(node)
        known = [row["rec"] for row in rows if row["scope_no"] == scope_no]
        with node.write("somebody") as action:
            if not known or rng.random() < 0.5 or (table.judges and node.role == "school"):
                action.insert(table.name, _values(table, known, rng), scope_no=scope_no)
                continue
            key = RecordKey(scope_no, rng.choice(known))
            if table.kind == "ledger":
                action.judge(table.name, key, rng.choice(["approve", "reject", "void"]))
            elif rng.random() < 0.3:
                action.delete(table.name, key)
            else:
                action.set(table.name, key, _values(table, known, rng))


def _values(table: Table, known: list[int], rng: random.Random) -> dict[str, object]:
    values = {
        each.name: rng.choice(known or [None]) if each.type == "ref" else VALUES[each.type]
        for each in table.fields
        if rng.random() < 0.7
    }
    return values or {table.fields[0].name: None}


def _shared_scope(node: Node) -> int:
    """The school's scope, in which both write."""
    rows = node.query("SELECT scope_no FROM scope WHERE code = 'S'")
    return int(rows[0]["scope_no"])


def _check(node: Node) -> None:
    """The tables, and what was not applied, are those of a build from nothing."""
    before, left_out = node.digests(), _unapplied(node)
    names = [set(row["name"] for row in node.query("SELECT name FROM sqlite_master"))]
    node.rebuild()
    assert node.digests() == before
    assert _unapplied(node) == left_out
    names.append({row["name"] for row in node.query("SELECT name FROM sqlite_master")})
    assert names[0] == names[1]


def _unapplied(node: Node) -> list[tuple[object, ...]]:
    return [tuple(row) for row in node.query(UNAPPLIED)]


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True,
    phases=[Phase.explicit, Phase.generate],
)  # fmt: skip
@given(packs=st.lists(schemas(), min_size=3, max_size=5), seed=st.integers(0, 1 << 20))
def test_after_any_packs_the_tables_are_those_of_a_fresh_build(
    packs: list[Schema], seed: int
) -> None:
    rng = random.Random(seed)
    with scratch() as folder:
        county = County(folder, packs[0])
        for pack in packs[1:]:
            for node in county.nodes:
                _write(node, rng)
            if rng.random() < 0.5:
                county.carry()
            # The packs come to one before the other, and what is written under them too.
            for node in rng.sample(county.nodes, rng.choice([1, 2])):
                node.adopt_schema(pack)
                assert node.schema.by_name == pack.by_name
                _check(node)
        county.carry()
        for node in county.nodes:
            _check(node)
        county.close()


BIG: Final = _table("la", (Field("a"), Field("e", "ref")))
KNOWN: Final = _table("lb", (Field("a"),))
WITHOUT: Final = Schema(1, (BIG,))
WITH: Final = Schema(1, (BIG, KNOWN))


@pytest.fixture
def county() -> Iterator[County]:
    with scratch() as folder:
        made = County(folder, WITH)
        yield made
        made.close()


@pytest.fixture
def centre(county: County) -> Node:
    """A centre with records of both types, sealed."""
    node = county.nodes[0]
    for name in ("la", "lb"):
        with node.write("somebody") as action:
            action.insert(name, {"a": "x"}, scope_no=_shared_scope(node))
    node.publish_barrier()
    return node


def _asked_to_project(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The tables that second views project from now on, one entry a view."""
    asked: list[tuple[str, ...]] = []
    project = second_view.TableViewer.project_tables

    def watched(
        self: second_view.TableViewer, names: tuple[str, ...], touched: tuple[str, ...]
    ) -> None:
        asked.append(names)
        project(self, names, touched)

    monkeypatch.setattr(second_view.TableViewer, "project_tables", watched)
    return asked


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(_table("ra", (Field("a"),)), id="new-type"),
        pytest.param(dataclasses.replace(BIG, fields=(*BIG.fields, Field("z"))), id="new-field"),
        pytest.param(dataclasses.replace(BIG, fields=BIG.fields[::-1]), id="other-order"),
    ],
)
def test_what_no_op_names_needs_no_second_view(
    centre: Node, monkeypatch: pytest.MonkeyPatch, table: Table
) -> None:
    monkeypatch.delattr(adoption, "make_second_view")
    others = [each for each in WITH.tables if each.name != table.name]
    centre.adopt_schema(Schema(1, (*others, table)))
    _check(centre)


def test_only_types_whose_ops_came_before_the_pack_are_projected(
    centre: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    centre.adopt_schema(WITHOUT)
    asked = _asked_to_project(monkeypatch)
    longer = dataclasses.replace(BIG, fields=(*BIG.fields, Field("z")))
    centre.adopt_schema(Schema(1, (longer, KNOWN)))
    assert asked == [("lb",)]
    assert centre.query("SELECT a FROM lb")[0]["a"] == "x"
    _check(centre)


def test_a_field_that_comes_back_shows_what_was_written_into_it(centre: Node) -> None:
    shorter = dataclasses.replace(BIG, fields=BIG.fields[1:])
    centre.adopt_schema(Schema(1, (shorter, KNOWN)))
    centre.adopt_schema(WITH)
    assert centre.query("SELECT a FROM la")[0]["a"] == "x"


def test_a_type_of_another_kind_is_refused_and_changes_nothing(centre: Node) -> None:
    before = centre.digests()
    turned = dataclasses.replace(KNOWN, kind="register", judges=())
    with pytest.raises(SchemaUnfitError):
        centre.adopt_schema(Schema(1, (BIG, turned)))
    assert centre.schema == WITH
    assert centre.digests() == before


def test_a_type_under_which_nothing_stands_may_become_of_another_kind(centre: Node) -> None:
    new = _table("lc", (Field("a"),))
    centre.adopt_schema(Schema(1, (*WITH.tables, new)))
    centre.adopt_schema(Schema(1, (*WITH.tables, dataclasses.replace(new, kind="register"))))
    assert centre.query("SELECT deleted FROM lc") == []


def test_saves_while_a_second_view_is_made_are_in_it(
    centre: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    centre.adopt_schema(WITHOUT)
    make = second_view.make_second_view

    def slowly(*args: object) -> object:
        view = make(*args)  # type: ignore[arg-type]
        saver = threading.Thread(target=_save, args=(centre,))
        saver.start()
        # Nobody holds the lock: this save ends while the view is being made.
        saver.join(10)
        assert not saver.is_alive()
        return view

    monkeypatch.setattr(adoption, "make_second_view", slowly)
    centre.adopt_schema(WITH)
    assert [row["a"] for row in centre.query("SELECT a FROM la ORDER BY rec")] == ["x", "late"]
    _check(centre)


def _save(node: Node) -> None:
    with node.write("somebody") as action:
        action.insert("la", {"a": "late"}, scope_no=_shared_scope(node))


def test_without_room_for_a_second_view_nothing_changes(
    centre: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StorageError("no room")

    monkeypatch.setattr(second_view, "copy_view", full)
    before = centre.digests()
    with pytest.raises(StorageError):
        centre.adopt_schema(WITHOUT)
    assert centre.schema == WITH
    assert centre.digests() == before
    assert not centre.paths.next_view.exists()


def test_readers_of_other_threads_read_the_new_tables(centre: Node) -> None:
    found: list[str] = []
    turn, done = threading.Event(), threading.Event()

    def read() -> None:
        centre.query("SELECT a FROM la")
        turn.set()
        done.wait(30)
        found.append(centre.query("SELECT a FROM lb")[0]["a"])

    centre.adopt_schema(WITHOUT)
    reader = threading.Thread(target=read)
    reader.start()
    turn.wait(30)
    centre.adopt_schema(WITH)
    done.set()
    reader.join()
    assert found == ["x"]


def test_a_start_drops_what_a_cut_adoption_left(county: County, centre: Node) -> None:
    centre.close()
    centre.paths.next_view.write_bytes(b"half a view")
    county.nodes[0] = Node.open(centre.home, schema=WITH, context=centre.context)
    assert not centre.paths.next_view.exists()
