"""Own and other schools: every route that names a record, for every role, at a school and beside
it; and a teacher against the records of another teacher of the same school.

Another school's records are not at a school's node at all: a name, a cookie or a form from there
is worth nothing here. The county's own records, which every school holds, are read and not written.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from flask import Flask

from tests.server.nodes import (
    World,
    add_contribution,
    add_hour,
    add_objection,
    add_person,
    make_world,
)
from tests.server.pages import Visitor, accounts_of, add_account, make_visitor
from tests.server.test_access import make_visitor_of
from tests.server.walks.shipped_county import make_county
from xueshi_server.accounts import ROLES, Role
from xueshi_server.web import create_app
from xueshi_server.web.access import NEEDS
from xueshi_server.web.security import SESSION_COOKIE
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

# Every route whose address names a record, what kind it is, and what the administrator of the
# school that owns it gets. A new route with `name` in its address fails until it has a row here.
OWN: Final[dict[str, tuple[str, frozenset[int]]]] = {
    "attachments.show": ("hour", frozenset({200})),
    "attachments.add": ("hour", frozenset({303, 422})),
    "attachments.take_back": ("hour", frozenset({404})),
    "attachments.file": ("hour", frozenset({404})),
    "contributions.show": ("contribution", frozenset({200})),
    "contributions.file": ("contribution", frozenset({200})),
    "contributions.inside": ("contribution", frozenset({404})),
    "contributions.publish_it": ("contribution", frozenset({403})),
    "contributions.give_back": ("contribution", frozenset({403})),
    "duplicates.undo": ("person", frozenset({404})),
    "entry.correct": ("hour", frozenset({200})),
    "entry.create_correction": ("hour", frozenset({422})),
    "form_pdf.one": ("person", frozenset({200})),
    "form_pdf.check": ("person", frozenset({200})),
    "forms.show": ("person", frozenset({200})),
    "hours.show": ("hour", frozenset({200})),
    "hours.accept": ("hour", frozenset({404})),
    "objections.answer": ("objection", frozenset({422})),
    "people.show": ("person", frozenset({200})),
    "people.edit": ("person", frozenset({200})),
    "people.update": ("person", frozenset({422})),
    "people.move": ("person", frozenset({422})),
    "people.undo_move": ("person", frozenset({303, 404})),
    "people.give_number": ("person", frozenset({303, 422})),
    "people.lead_on": ("person", frozenset({303, 422})),
    "personal.show": ("person", frozenset({403, 404})),
    "personal.open_one": ("person", frozenset({403, 404})),
    "record_entry.edit": ("person", frozenset({200})),
    "record_entry.update": ("person", frozenset({422})),
    "record_entry.remove": ("person", frozenset({303})),
    "records.show": ("hour", frozenset({200})),
    "records.step": ("hour", frozenset({404})),
    "requirements.show": ("person", frozenset({200})),
    "requirements.evidence": ("person", frozenset({404})),
    "session.show": ("hour", frozenset({200})),
    "stamped.put_aside": ("person", frozenset({303, 404, 422})),
    "stamped.note_print": ("person", frozenset({204, 303, 404, 422})),
    "stamped.attach": ("person", frozenset({303, 404, 422})),
    "stamped.take_back": ("person", frozenset({303, 404, 422})),
}
# Routes whose `name` is no record: the prints that this node is making.
NO_RECORD: Final = frozenset({"printing.show", "printing.give", "printing.stop"})
# Routes that are told a record by a field of their form.
BY_FIELD: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "attachments.add": ("/attachments/of/hour/{hour}", {}),
    "mine.attach": ("/mine/attach", {"record": "{hour}"}),
    "mine.object_to": ("/mine/objection", {"record": "{hour}", "reason": "wrong"}),
    "mine.take_back": ("/mine/take-back", {"record": "{hour}", "file": "0" * 64}),
    "records.judge": ("/records/hour/review", {"record": "{hour}", "verdict": "approve"}),
    "review.judge": ("/review/", {"record": "{hour}", "verdict": "approve"}),
    "session.take_claims": ("/session/claims/", {"record": "{hour}"}),
    "accounts.give_codes": ("/accounts/codes", {"person": "{person}"}),
    "entry.create": ("/enter/", {"person": "{person}", "title": "x", "minutes": "1"}),
}


@dataclass
class Schools:
    """Two schools of one county, each with a teacher and an hour; the names of the first."""

    world: World
    centre: Node
    first: Node
    second: Node
    names: dict[str, str]


@pytest.fixture(scope="module")
def schools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Schools]:
    with make_world(Path(tmp_path_factory.mktemp("schools"))) as world:
        centre = world.make("centre", "County Centre", "C1")
        first, second = (world.make("school", f"School {code}", code) for code in ("S1", "S2"))
        names = {}
        for node in (first, second):
            world.join(centre, node, node.name, node.code)
            person = add_person(node)
            hour = add_hour(node, person)
            node.replica.seal()
            if node is first:
                names = {"person": node.public_id(person), "hour": node.public_id(hour)}
                names["contribution"] = add_contribution(node, person, "Only its author reads this")
                names["objection"] = add_objection(node, hour, "Nobody of another school sees this")
        for node in (first, second):
            world.carry(node, centre, to=None)
            world.carry(centre, node, to=node.code)
        yield Schools(world, centre, first, second, names)


def routes_of(app: Flask) -> Iterator[tuple[str, str, str]]:
    """(endpoint, method, address with `{name}`) of every route that names a record."""
    fixed = {"rule_id": "none", "type_name": "", "form_id": "personal_statement"}
    fixed |= {"move_name": "~1.1.1", "path": "index.html"}
    for rule in app.url_map.iter_rules():
        if "name" in rule.arguments and rule.endpoint not in NO_RECORD:
            kind = OWN[rule.endpoint][0] if rule.endpoint in OWN else "hour"
            values: dict[str, Any] = {
                each: {**fixed, "type_name": kind, "name": "RECORD"}[each]
                for each in rule.arguments
            }
            with app.test_request_context():
                path = app.url_for(rule.endpoint, **values)
            yield rule.endpoint, "POST" if "POST" in (rule.methods or ()) else "GET", path


def ask(visitor: Visitor, method: str, path: str) -> int:
    answer = visitor.post(path) if method == "POST" else visitor.get(path)
    return answer.status_code


def test_every_route_that_names_a_record_has_a_row(app: Flask) -> None:
    named = {rule.endpoint for rule in app.url_map.iter_rules() if "name" in rule.arguments}
    assert sorted(named - NO_RECORD - set(OWN)) == [], (
        "these endpoints name a record and have no row in OWN"
    )
    assert sorted(set(OWN) - named) == [], "OWN has rows for endpoints that are gone"
    assert set(BY_FIELD) <= set(NEEDS)


def test_a_school_reaches_its_own_records(schools: Schools) -> None:
    """Removal comes last: the rows before it need the record."""
    visitor = make_visitor_of(create_app(schools.first, testing=True), "admin")
    routes = sorted(routes_of(visitor.app), key=lambda route: "remove" in route[0])
    for endpoint, method, path in routes:
        kind, statuses = OWN[endpoint]
        if endpoint == "record_entry.remove":
            continue
        status = ask(visitor, method, path.replace("RECORD", schools.names[kind]))
        assert status in statuses, (endpoint, status)


@pytest.mark.parametrize("role", ROLES)
def test_no_role_reaches_a_record_of_another_school(schools: Schools, role: Role) -> None:
    visitor = make_visitor_of(create_app(schools.second, testing=True), role)
    before = schools.second.status()["unsent_ops"]
    for endpoint, method, path in routes_of(visitor.app):
        name = schools.names[OWN[endpoint][0]]
        # A form of a person who is not here is refused as such before anything else.
        closed = (403, 404, 422) if endpoint == "stamped.put_aside" else (403, 404)
        assert ask(visitor, method, path.replace("RECORD", name)) in closed, endpoint
    for endpoint, (path, fields) in BY_FIELD.items():
        sent = {each: value.format(**schools.names) for each, value in fields.items()}
        answer = visitor.post(path.format(**schools.names), **sent)
        assert answer.status_code in (302, 400, 403, 404, 409, 422, 200), endpoint
        assert "Li Ming" not in answer.text or endpoint in ("entry.create", "accounts.give_codes")
    assert schools.second.status()["unsent_ops"] == before


def test_no_code_is_made_for_a_person_of_another_school(schools: Schools) -> None:
    app = create_app(schools.second, testing=True)
    registrar = make_visitor_of(app, "registrar")
    before = accounts_of(app).list_all()
    page = registrar.post("/accounts/codes", person=schools.names["person"]).text
    assert 'class="code"' not in page
    assert accounts_of(app).list_all() == before


def test_a_cookie_and_a_token_of_one_school_open_nothing_at_another(schools: Schools) -> None:
    first, second = (create_app(each, testing=True) for each in (schools.first, schools.second))
    at_first, at_second = make_visitor_of(first, "registrar"), make_visitor_of(second, "registrar")
    cookie = at_first.client.get_cookie(SESSION_COOKIE)
    assert cookie is not None
    stranger = make_visitor(second, None)
    stranger.client.set_cookie(SESSION_COOKIE, cookie.value)
    assert "/login" in stranger.get("/people/").headers["Location"]
    answer = at_second.client.post("/people/new", data={"csrf": at_first.token(), "name": "X"})
    assert answer.status_code == 403


def test_the_centre_reads_every_school_and_enters_hours_of_none(schools: Schools) -> None:
    visitor = make_visitor_of(create_app(schools.centre, testing=True), "admin")
    for kind, path in (("hour", "/hours/"), ("person", "/people/"), ("hour", "/records/hour/")):
        assert visitor.get(path + schools.names[kind]).status_code == 200
    assert visitor.get(f"/enter/correct/{schools.names['hour']}").status_code in (404, 422)


def test_a_school_writes_only_the_types_that_schools_write(tmp_path: Path) -> None:
    with make_county(tmp_path, "jiyuan") as county:
        desks = {
            node.role: make_visitor_of(create_app(node, testing=True), "admin")
            for node in (county.school, county.centre)
        }
        of_the_county = [each for each in county.pack.types.values() if each.place != "school"]
        assert of_the_county
        for declared in of_the_county:
            path = f"/records/{declared.id}/new"
            opened = {role for role, desk in desks.items() if desk.get(path).status_code == 200}
            assert opened == set(declared.writers) & set(desks), declared.id


# ---- one teacher against another of the same school


@dataclass
class Teachers:
    """A school whose teacher T1 is logged in; the names of T2's person and hour."""

    visitor: Visitor
    names: dict[str, str]
    own: dict[str, str]


@pytest.fixture
def teachers(school: Node, app: Flask) -> Teachers:
    keys: dict[str, tuple[RecordKey, RecordKey]] = {}
    for staff_no, name in (("T1", "Li Ming"), ("T2", "Wang Fang")):
        person = add_person(school, staff_no, name)
        keys[staff_no] = (person, add_hour(school, person, title=f"Hours of {name}"))
    named = {
        each: {
            "person": school.public_id(person),
            "hour": school.public_id(hour),
            "contribution": add_contribution(school, person, each),
            "objection": add_objection(school, hour, each),
        }
        for each, (person, hour) in keys.items()
    }
    account = add_account(app, "teacher", login="t1")
    accounts_of(app).set_rights(account, ["teacher"], named["T1"]["person"])
    visitor = make_visitor(app, None)
    visitor.client.set_cookie(SESSION_COOKIE, accounts_of(app).start_session(account))
    return Teachers(visitor, named["T2"], named["T1"])


def test_a_teacher_reaches_no_record_of_another_teacher(teachers: Teachers, school: Node) -> None:
    before = school.status()["unsent_ops"]
    for endpoint, method, path in routes_of(teachers.visitor.app):
        name = teachers.names[OWN[endpoint][0]]
        status = ask(teachers.visitor, method, path.replace("RECORD", name))
        # A teacher has a page of contributions, and theirs alone are on it.
        opens = endpoint in ("contributions.show", "contributions.file", "contributions.inside")
        assert status == (404 if opens else 403), endpoint
    for endpoint, (path, fields) in BY_FIELD.items():
        sent = {each: value.format(**teachers.names) for each, value in fields.items()}
        answer = teachers.visitor.post(path.format(**teachers.names), **sent)
        assert answer.status_code in (403, 404), endpoint
    assert school.status()["unsent_ops"] == before


def test_a_teachers_pages_tell_nothing_of_another_teacher(teachers: Teachers) -> None:
    page = teachers.visitor.text("/mine/")
    assert "Hours of Li Ming" in page
    assert "Wang Fang" not in page
    assert teachers.visitor.get("/mine/statement").status_code == 200


@pytest.mark.parametrize("query", ["person", "record", "name", "subject"])
def test_no_parameter_turns_a_teachers_page_into_anothers(teachers: Teachers, query: str) -> None:
    page = teachers.visitor.get("/mine/", **{query: teachers.names["person"]}).text
    assert "Wang Fang" not in page
