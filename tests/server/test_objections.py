"""Objections to hours: what school and county say of them, and what older nodes kept of them."""

import datetime as dt
import sqlite3
from contextlib import closing

import pytest

from tests.server.conftest import County
from tests.server.nodes import add_hour, add_objection, add_person
from tests.server.pages import make_visitor
from xueshi_server.node_home import open_node
from xueshi_server.store.hours import find_hour
from xueshi_server.store.objections import (
    CARRIED_FILE,
    FORMER_FILE,
    answer_objection,
    carry_over,
    count_open,
    find_objection,
    list_objections,
    list_open,
    object_to,
)
from xueshi_server.web import create_app
from xueshi_server.web.views import objections as views
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

DAY = dt.date(2026, 3, 2)
SAID_AT_S = 1_772_438_400


@pytest.fixture
def hour(school: Node) -> RecordKey:
    return add_hour(school, add_person(school))


def answer(node: Node, text: str, outcome: str = "upheld") -> None:
    (objection,) = list_objections(node)
    with node.write(actor="admin") as action:
        answer_objection(action, objection, text, outcome=outcome, day=DAY)


def test_an_objection_reaches_the_county_and_its_answer_the_school(
    county: County, hour: RecordKey
) -> None:
    add_objection(county.school, hour, "It was 3 hours")
    county.carry_both_ways()
    (there,) = list_objections(county.centre)
    assert (there.said.text, there.said.by, there.is_open) == ("It was 3 hours", "t1", True)
    answer(county.centre, "The list says three")
    county.carry_both_ways()
    (here,) = list_objections(county.school)
    assert [(each.text, each.outcome, each.node_name) for each in here.answers] == [
        ("The list says three", "upheld", "County Centre")
    ]
    assert count_open(county.school) == count_open(county.centre) == 0


def test_school_and_county_that_answer_at_once_are_both_kept(
    county: County, hour: RecordKey
) -> None:
    add_objection(county.school, hour, "It was 3 hours")
    county.carry_both_ways()
    answer(county.school, "No, two", "not_upheld")
    answer(county.centre, "Yes, three")
    county.carry_both_ways()
    for node in (county.school, county.centre):
        (objection,) = list_objections(node)
        assert {each.text for each in objection.answers} == {"No, two", "Yes, three"}


def test_one_objection_waits_for_its_answer_before_the_next(school: Node, hour: RecordKey) -> None:
    row = find_hour(school, *hour)
    assert row is not None
    wrote = []
    for text in ("once", "twice"):
        with school.write(actor="t1") as action:
            wrote.append(object_to(school, action, row, text, DAY))
    answer(school, "No", "not_upheld")
    with school.write(actor="t1") as action:
        wrote.append(object_to(school, action, row, "again", DAY))
    assert wrote == [True, False, True]
    assert [each.said.text for each in list_objections(school)] == ["again", "once"]
    assert list_open(school, [row])[hour].said.text == "again"


def test_the_county_answers_what_it_has_judged_and_the_school_before(
    county: County, hour: RecordKey
) -> None:
    add_objection(county.school, hour, "It was 3 hours")
    county.carry_both_ways()
    officer = make_visitor(create_app(county.centre, testing=True), "reviewer")
    (objection,) = list_objections(county.centre)
    said = {"outcome": "upheld", "answer": "The list says three"}
    assert "/objections/" + objection.name not in officer.get("/objections/").text
    officer.post(f"/objections/{objection.name}", **said)
    assert count_open(county.centre) == 1
    with county.centre.write(actor="admin") as action:
        action.judge("hour", county.centre.find_record(county.school.public_id(hour)), "approve")
    officer.post(f"/objections/{objection.name}", **said)
    assert count_open(county.centre) == 0


def test_an_answer_says_how_it_ended(school: Node, hour: RecordKey) -> None:
    name = add_objection(school, hour, "It was 3 hours")
    registrar = make_visitor(create_app(school, testing=True), "registrar")
    for sent in ({"answer": "No"}, {"answer": "No", "outcome": "maybe"}, {"outcome": "upheld"}):
        assert registrar.post(f"/objections/{name}", **sent).status_code == 422
    assert count_open(school) == 1


def test_objections_stand_on_pages_and_the_one_asked_for_comes_first(
    school: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "PAGE_ROWS", 2)
    person = add_person(school)
    names = [add_objection(school, add_hour(school, person), text) for text in ("A1", "B2", "C3")]
    registrar = make_visitor(create_app(school, testing=True), "registrar")
    first = registrar.get("/objections/").text
    assert ("C3" in first, "B2" in first, "A1" in first) == (True, True, False)
    assert "/objections/?from=2" in first
    assert "A1" in registrar.text("/objections/", **{"from": "2"})
    asked = registrar.text("/objections/", one=names[0])
    assert asked.index("A1") < asked.index("C3")


def test_nothing_but_an_objection_is_answered(school: Node, hour: RecordKey) -> None:
    name = add_objection(school, hour, "It was 3 hours")
    answer(school, "No", "not_upheld")
    key = school.find_record(name)
    assert find_objection(school, key) is not None
    assert find_objection(school, RecordKey(key.scope_no, key.rec + 1)) is None


# ---- what nodes kept before objections were records


def keep_as_before(node: Node, hour: RecordKey, person: RecordKey) -> None:
    """Two objections, one of them answered, in the file that nodes had."""
    with closing(sqlite3.connect(node.home / FORMER_FILE)) as db:
        db.execute(
            "CREATE TABLE objection (objection_id INTEGER PRIMARY KEY, person TEXT NOT NULL,"
            " record TEXT NOT NULL, reason TEXT NOT NULL, said_at_s INTEGER NOT NULL,"
            " answer TEXT NOT NULL DEFAULT '', answered_by TEXT NOT NULL DEFAULT '',"
            " answered_at_s INTEGER NOT NULL DEFAULT 0) STRICT"
        )
        names = (node.public_id(person), node.public_id(hour))
        rows = [
            (*names, "the wrong day", SAID_AT_S, "No", "Zhang", SAID_AT_S + 86_400),
            (*names, "3 hours", SAID_AT_S + 172_800, "", "", 0),
            (*names[:1], "~9.9.9", "of an hour that is not here", SAID_AT_S, "", "", 0),
        ]
        db.executemany(
            "INSERT INTO objection (person, record, reason, said_at_s, answer, answered_by,"
            " answered_at_s) VALUES (?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        db.commit()


def test_what_a_node_kept_in_a_file_is_carried_over_once(school: Node) -> None:
    person = add_person(school)
    hour = add_hour(school, person)
    keep_as_before(school, hour, person)
    home = school.home
    school.close()
    with closing(open_node(home)) as node:
        found = list_objections(node, hour=hour)
        assert [(each.said.text, each.is_open) for each in found] == [
            ("3 hours", True), ("the wrong day", False),
        ]  # fmt: skip
        (said,) = found[1].answers
        assert (said.text, said.by, found[1].said.on) == ("No", "Zhang", "2026-03-02")
        assert not (home / FORMER_FILE).exists()
        with closing(sqlite3.connect(home / CARRIED_FILE)) as db:
            assert db.execute("SELECT count(*) FROM objection").fetchone()[0] == 3
        assert carry_over(node) == 0


def test_carrying_over_that_was_cut_short_goes_on_without_doubles(school: Node) -> None:
    person = add_person(school)
    hour = add_hour(school, person)
    keep_as_before(school, hour, person)
    kept = (school.home / FORMER_FILE).read_bytes()
    assert carry_over(school) == 2
    (school.home / FORMER_FILE).write_bytes(kept)
    carry_over(school)
    assert len(list_objections(school)) == 2
    assert sorted(each.name for each in school.home.glob("objections-carried*.db")) == [
        "objections-carried-2.db", "objections-carried.db",
    ]  # fmt: skip
