"""What was just saved is taken back exactly, or not at all."""

import re

import pytest
from flask import Flask

from tests.server.conftest import County
from tests.server.nodes import add_hour, add_person
from tests.server.pages import Visitor, make_visitor, plain
from xueshi_server.record_types import BASE_PACK
from xueshi_server.store.versions import read_mark
from xueshi_server.web.site import EXTENSION
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

ENTRY = {"date": "2026-02-20", "title": "Reading circle", "minutes": "2"}
HOUR = BASE_PACK.types["hour"]


@pytest.fixture
def person(school: Node) -> RecordKey:
    return add_person(school)


@pytest.fixture
def registrar(app: Flask) -> Visitor:
    visitor = make_visitor(app, "registrar")
    visitor.client.set_cookie("xueshi_lang", "en")
    return visitor


def save(visitor: Visitor, path: str, **fields: object) -> str:
    """Send a form from its page, and open the page that says it was done."""
    answer = visitor.client.post(
        path,
        data={"csrf": visitor.token(), **fields},
        headers={"Referer": f"http://localhost{path}"},
    )
    assert answer.status_code == 303, plain(answer.text)[:300]
    return visitor.get(answer.headers["Location"]).text


def undo(visitor: Visitor, page: str) -> str:
    """Press the button of a page; what the next page says."""
    found = re.search(r'name="saved" value="([0-9a-f]+)"', page)
    assert found is not None, "nothing is offered"
    answer = visitor.post("/undo/", saved=found[1])
    return visitor.text(answer.headers["Location"])


def states(node: Node) -> list[str]:
    return [row["state"] for row in node.query("SELECT state FROM hour ORDER BY rec")]


def test_hours_entered_for_several_are_withdrawn_together(
    registrar: Visitor, school: Node, person: RecordKey
) -> None:
    other = add_person(school, "T2", "Wang Fang")
    page = save(registrar, "/enter/", person=[str(person.rec), str(other.rec)], **ENTRY)
    assert states(school) == ["pending", "pending"]
    assert "everything is as it was" in undo(registrar, page)
    assert states(school) == ["withdrawn", "withdrawn"]


def test_a_correction_that_is_undone_leaves_the_entry_as_it_was(
    registrar: Visitor, school: Node, person: RecordKey
) -> None:
    hour = school.public_id(add_hour(school, person))
    page = save(registrar, f"/enter/correct/{hour}", person="T1", **{**ENTRY, "title": "Other"})
    undo(registrar, page)
    assert states(school) == ["pending", "withdrawn"]


def test_a_person_gets_back_what_was_overwritten(
    registrar: Visitor, school: Node, person: RecordKey
) -> None:
    before = dict(school.query("SELECT * FROM person")[0])
    fields = {"staff_no": "T9", "name": "Li Mingming", "active": "1"}
    page = save(registrar, f"/people/{school.public_id(person)}/edit", **fields)
    assert school.query("SELECT name FROM person")[0]["name"] == "Li Mingming"
    undo(registrar, page)
    now = dict(school.query("SELECT * FROM person")[0])
    assert {name: now[name] for name in ("staff_no", "name", "active")} == {
        name: before[name] for name in ("staff_no", "name", "active")
    }


def test_a_person_who_was_just_added_goes_again(registrar: Visitor, school: Node) -> None:
    page = save(registrar, "/people/new", name="Wang Fang", staff_no="T3", active="1")
    undo(registrar, page)
    assert [row["deleted"] for row in school.query("SELECT deleted FROM person")] == [1]


def test_a_person_with_hours_stays(registrar: Visitor, school: Node) -> None:
    page = save(registrar, "/people/new", name="Wang Fang", staff_no="T3", active="1")
    (row,) = school.query("SELECT scope_no, rec FROM person")
    add_hour(school, RecordKey(row["scope_no"], row["rec"]))
    assert "other records hang on it" in undo(registrar, page)
    assert school.query("SELECT deleted FROM person")[0]["deleted"] == 0


def test_what_somebody_changed_since_is_left_as_it_is(
    registrar: Visitor, school: Node, person: RecordKey
) -> None:
    fields = {"staff_no": "T1", "name": "Li Mingming", "active": "1"}
    page = save(registrar, f"/people/{school.public_id(person)}/edit", **fields)
    with school.write(actor="somebody") as action:
        action.set("person", person, {"name": "Li Ming-Ming"})
    unsent = school.status()["unsent_ops"]
    assert "somebody has changed" in undo(registrar, page)
    assert school.query("SELECT name FROM person")[0]["name"] == "Li Ming-Ming"
    assert school.status()["unsent_ops"] == unsent


def test_hours_that_were_judged_meanwhile_stay_judged(
    registrar: Visitor, county: County, person: RecordKey
) -> None:
    page = save(registrar, "/enter/", person=[str(person.rec)], **ENTRY)
    county.carry_both_ways()
    (row,) = county.centre.query("SELECT scope_no, rec FROM hour")
    with county.centre.write(actor="officer") as action:
        action.judge("hour", RecordKey(row["scope_no"], row["rec"]), "approve")
    county.carry_both_ways()
    assert "somebody has changed or reviewed it" in undo(registrar, page)
    assert states(county.school) == ["approved"]


def judge(visitor: Visitor, node: Node, verdict: str, **more: object) -> str:
    rows = node.query("SELECT scope_no, rec FROM hour")
    keys = [RecordKey(row["scope_no"], row["rec"]) for row in rows]
    names = [node.public_id(key) for key in keys]
    seen = [f"{name}:{read_mark(node, HOUR, key)}" for name, key in zip(names, keys, strict=True)]
    return save(visitor, "/review/", record=names, seen=seen, verdict=verdict, **more)


def test_verdicts_on_many_are_taken_back_together(
    centre_app: Flask, county: County, person: RecordKey
) -> None:
    for title in ("one", "two"):
        add_hour(county.school, person, title=title)
    county.carry_both_ways()
    officer = make_visitor(centre_app, "reviewer")
    officer.client.set_cookie("xueshi_lang", "en")
    page = judge(officer, county.centre, "approve")
    assert states(county.centre) == ["approved", "approved"]
    undo(officer, page)
    assert states(county.centre) == ["pending", "pending"]


def test_a_check_of_the_school_becomes_what_was_said_before(
    app: Flask, school: Node, person: RecordKey
) -> None:
    hour = add_hour(school, person)
    with school.write(actor="head") as action:
        action.check("hour", hour, "return", "No list")
    head = make_visitor(app, "principal")
    head.client.set_cookie("xueshi_lang", "en")
    page = judge(head, school, "pass")
    assert states(school) == ["pending"]
    undo(head, page)
    assert states(school) == ["returned"]
    (said,) = school.query("SELECT value, reason FROM checking WHERE current")
    assert tuple(said) == ("return", "No list")


def test_only_the_last_thing_is_offered_and_only_once(
    registrar: Visitor, school: Node, person: RecordKey
) -> None:
    first = save(registrar, "/enter/", person=[str(person.rec)], **ENTRY)
    second = save(registrar, "/enter/", person=[str(person.rec)], **{**ENTRY, "title": "Other"})
    assert "something else was saved since" in undo(registrar, first)
    undo(registrar, second)
    assert "something else was saved since" in undo(registrar, second)
    assert states(school) == ["pending", "withdrawn"]


def test_after_ten_minutes_nothing_is_offered(
    app: Flask, registrar: Visitor, school: Node, person: RecordKey
) -> None:
    page = save(registrar, "/enter/", person=[str(person.rec)], **ENTRY)
    clock = app.extensions[EXTENSION].clock
    app.extensions[EXTENSION].clock = lambda: clock() + 601
    assert "too much time" in undo(registrar, page)
    assert states(school) == ["pending"]


def test_nobody_undoes_what_another_session_saved(
    app: Flask, registrar: Visitor, school: Node, person: RecordKey
) -> None:
    page = save(registrar, "/enter/", person=[str(person.rec)], **ENTRY)
    other = make_visitor(app, "admin")
    other.client.set_cookie("xueshi_lang", "en")
    undo(other, page)
    assert states(school) == ["pending"]
