"""Going on under other types while the node is open, whatever happens meanwhile."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.server.nodes import add_hour, add_person, make_world
from xueshi_server.record_types import SCHEMA
from xueshi_sync.errors import SchemaUnfitError
from xueshi_sync.node import Node
from xueshi_sync.schema import Field, Schema, Table

TALK = Table("talk", "ledger", (Field("title"),), writers=("school", "centre"))
WITH_TALK = Schema(1, (*SCHEMA.tables, TALK))


@pytest.fixture
def school(tmp_path: Path) -> Iterator[Node]:
    with make_world(tmp_path) as world:
        centre = world.make("centre", "county", "510683")
        school = world.make("school", "school", "S1")
        world.join(centre, school, "school", "S1")
        yield school


@pytest.fixture
def loner(tmp_path: Path) -> Iterator[Node]:
    """A school that belongs to no county yet."""
    with make_world(tmp_path) as world:
        yield world.make("school", "school", "S1")


def _add_talk(node: Node) -> None:
    with node.write(actor="admin") as action:
        action.insert("talk", {"title": "Phonics"})


def test_records_of_other_types_stay_as_they_were(school: Node) -> None:
    add_hour(school, add_person(school))
    school.replica.seal()
    before = school.digests()
    school.adopt_schema(WITH_TALK)
    after = school.digests()
    assert {name: after[name] for name in before} == before


def test_readers_see_one_state_or_the_other(school: Node) -> None:
    add_hour(school, add_person(school))
    seen: set[int] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(school.query("SELECT count(*) FROM hour")[0][0])

    reader = threading.Thread(target=read)
    reader.start()
    for schema in (WITH_TALK, SCHEMA, WITH_TALK):
        school.adopt_schema(schema)
    done.set()
    reader.join()
    assert seen == {1}


def test_what_was_written_under_a_type_that_goes_comes_back_with_it(school: Node) -> None:
    school.adopt_schema(WITH_TALK)
    _add_talk(school)
    school.adopt_schema(SCHEMA)
    assert "talk" not in school.schema.by_name
    school.adopt_schema(WITH_TALK)
    assert school.query("SELECT title FROM talk")[0]["title"] == "Phonics"


def test_a_node_opens_under_the_types_that_it_adopted(school: Node) -> None:
    school.adopt_schema(WITH_TALK)
    _add_talk(school)
    school.close()
    with Node.open(school.home, schema=SCHEMA, context=school.context) as again:
        assert again.query("SELECT title FROM talk")[0]["title"] == "Phonics"


def test_a_backup_takes_the_types_along(school: Node, tmp_path: Path) -> None:
    school.adopt_schema(WITH_TALK)
    _add_talk(school)
    school.backup(tmp_path / "backup.db")
    school.close()
    with Node.restore(
        tmp_path / "backup.db", school.home, schema=SCHEMA, context=school.context
    ) as restored:
        assert restored.query("SELECT title FROM talk")[0]["title"] == "Phonics"


def test_saved_forms_that_cannot_be_sealed_keep_their_type(loner: Node) -> None:
    loner.adopt_schema(WITH_TALK)
    _add_talk(loner)
    with pytest.raises(SchemaUnfitError):
        loner.adopt_schema(SCHEMA)
    assert loner.query("SELECT title FROM talk")[0]["title"] == "Phonics"


def test_a_field_of_another_type_is_no_longer_shown(school: Node) -> None:
    school.adopt_schema(WITH_TALK)
    _add_talk(school)
    counted = replace(TALK, fields=(Field("title", "int"),))
    school.adopt_schema(Schema(1, (*SCHEMA.tables, counted)))
    assert school.query("SELECT title FROM talk")[0]["title"] is None
