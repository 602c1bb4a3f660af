"""Who may open what: a cell for every route, every role and both kinds of node."""

from typing import Any, Final

import pytest
from flask import Flask

from tests.server.conftest import County
from tests.server.nodes import add_hour, add_person
from tests.server.pages import Visitor, accounts_of, add_account, make_visitor
from xueshi_server.accounts import ROLES, Account, Role
from xueshi_server.errors import ForbiddenError, ForgedRequestError
from xueshi_server.web import create_app
from xueshi_server.web.access import BEFORE_PASSWORD, MAY, NEEDS, is_allowed
from xueshi_sync.node import Node

STAFF: Final = "viewer registrar principal reviewer admin"
EVERYBODY: Final = f"teacher {STAFF}"
ANYBODY: Final = f"anonymous {EVERYBODY}"

# Every endpoint and the roles that may use it. A new route fails until it has a row here.
WHO: Final[dict[str, str]] = {
    "static": ANYBODY,
    "health.show": ANYBODY,
    "training.show": ANYBODY,
    "training.index": ANYBODY,
    "library.index": ANYBODY,
    "library.show": ANYBODY,
    "library.file": ANYBODY,
    "library.chunks": ANYBODY,
    "library.inside": ANYBODY,
    "library.fetch": "registrar principal reviewer admin",
    "library.stick": "registrar principal reviewer admin",
    "library.add": "registrar principal reviewer admin",
    "library.withdraw": "registrar principal reviewer admin",
    "contributions.index": EVERYBODY,
    "contributions.show": EVERYBODY,
    "contributions.file": EVERYBODY,
    "contributions.inside": EVERYBODY,
    "contributions.new": "teacher registrar principal admin",
    "contributions.create": "teacher registrar principal admin",
    "contributions.publish_it": "principal reviewer admin",
    "contributions.give_back": "principal reviewer admin",
    "quizzes.show": ANYBODY,
    "quizzes.answer": "teacher",
    "reading.book": ANYBODY,
    "reading.part": ANYBODY,
    "reading.beat": "teacher",
    "reading.show": "teacher",
    "reading.fill_in": "teacher",
    "writing.edit": EVERYBODY,
    "writing.preview": EVERYBODY,
    "writing.send": EVERYBODY,
    "login.show": ANYBODY,
    "login.enter": ANYBODY,
    "login.leave": EVERYBODY,
    "login.password": EVERYBODY,
    "login.set_password": EVERYBODY,
    "login.set_pin": EVERYBODY,
    "login.switch": ANYBODY,
    "login.take_turn": ANYBODY,
    "undo.take_back": EVERYBODY,
    "left.keep": EVERYBODY,
    "left.forget": EVERYBODY,
    "lan.show": "registrar admin",
    "lan.open_door": "admin",
    "lan.shut_door": "admin",
    "today.show": EVERYBODY,
    "people.index": STAFF,
    "people.show": STAFF,
    "people.new": "registrar admin",
    "people.create": "registrar admin",
    "people.edit": "registrar admin",
    "people.update": "registrar admin",
    "people.move": "registrar admin",
    "people.undo_move": "registrar admin",
    "people.give_number": "registrar admin",
    "people.lead_on": "registrar admin",
    "people.order": "registrar admin",
    "people.set_order": "registrar admin",
    "duplicates.index": "registrar principal reviewer admin",
    "duplicates.decide": "registrar principal reviewer admin",
    "duplicates.undo": "registrar principal reviewer admin",
    "hours.index": STAFF,
    "hours.show": STAFF,
    "hours.accept": "registrar admin",
    "entry.new": "registrar admin",
    "entry.create": "registrar admin",
    "entry.correct": "registrar admin",
    "entry.create_correction": "registrar admin",
    "session.new": "registrar admin",
    "session.create": "registrar admin",
    "session.check": "registrar admin",
    "session.draft": "registrar admin",
    "session.discard": "registrar admin",
    "session.undo": "registrar admin",
    "session.show": STAFF,
    "session.claims": "registrar admin",
    "session.take_claims": "registrar admin",
    "files.index": "registrar admin",
    "files.take": "registrar admin",
    "files.give": STAFF,
    "forms.index": STAFF,
    "forms.choose": STAFF,
    "forms.show": STAFF,
    "form_pdf.one": STAFF,
    "printing.start": STAFF,
    "printing.show": STAFF,
    "printing.give": STAFF,
    "printing.stop": STAFF,
    "form_pdf.check": STAFF,
    "stamped.index": STAFF,
    "stamped.note_print": STAFF,
    "stamped.attach": "registrar principal reviewer admin",
    "stamped.take_back": "registrar principal reviewer admin",
    "stamped.put_aside": "registrar principal reviewer admin",
    "attachments.file": STAFF,
    "attachments.show": "registrar principal reviewer admin",
    "attachments.add": "registrar principal reviewer admin",
    "attachments.take_back": "registrar principal reviewer admin",
    "requirements.index": STAFF,
    "requirements.show": STAFF,
    "requirements.evidence": STAFF,
    "grants.index": STAFF,
    "grants.show": STAFF,
    "grants.duties": STAFF,
    "grants.budgets": STAFF,
    "grants.shelves": STAFF,
    "records.index": STAFF,
    "records.list_all": STAFF,
    "records.show": STAFF,
    "records.queue": "principal reviewer admin",
    "records.judge": "principal reviewer admin",
    "records.step": "registrar principal reviewer admin",
    "record_entry.new": "registrar admin",
    "record_entry.create": "registrar admin",
    "record_entry.edit": "registrar admin",
    "record_entry.update": "registrar admin",
    "record_entry.remove": "registrar admin",
    "review.index": "principal reviewer admin",
    "review.judge": "principal reviewer admin",
    "conflicts.index": STAFF,
    "conflicts.resolve": "registrar principal reviewer admin",
    "joining.show": "registrar admin",
    "joining.take": "registrar admin",
    "sync.index": STAFF,
    "sync.now": "registrar principal reviewer admin",
    "sync.call_address": "registrar principal reviewer admin",
    "sync.give_bundle": "registrar principal reviewer admin",
    "sync.take_bundle": "registrar principal reviewer admin",
    "schools.index": STAFF,
    "schools.invite": "admin",
    "schools.sheet": "admin",
    "schools.withdraw": "admin",
    "school.show": STAFF,
    "school.rename": "admin",
    "school.let_in": "admin",
    "school.let_go": "admin",
    "school.take_over": "admin",
    "school.close": "admin",
    "school.reopen": "admin",
    "school.replace": "admin",
    "school.revoke": "admin",
    "school.lift": "admin",
    "accounts.index": "admin",
    "accounts.create": "admin",
    "accounts.renew": "admin",
    "accounts.disable": "admin",
    "accounts.change": "admin",
    "accounts.lock": "admin",
    "accounts.notes": "admin",
    "accounts.codes": "registrar admin",
    "accounts.give_codes": "registrar admin",
    "personal.show": "admin",
    "personal.open_one": "admin",
    "mine.show": "teacher",
    "mine.claim": "teacher",
    "mine.draft": "teacher",
    "mine.discard": "teacher",
    "mine.again": "teacher",
    "mine.attach": "teacher",
    "mine.take_back": "teacher",
    "mine.photo": "teacher",
    "mine.object_to": "teacher",
    "mine.statement": "teacher",
    "principal.show": "registrar principal admin",
    "objections.index": "registrar principal reviewer admin",
    "objections.answer": "registrar principal reviewer admin",
}


@pytest.fixture
def places(county: County) -> dict[str, Any]:
    """A value for each variable part of an address."""
    person = add_person(county.school)
    hour = add_hour(county.school, person)
    names = {"hour": county.school.public_id(hour), "person": county.school.public_id(person)}
    return {
        "names": names,
        "account_id": 999,
        "move_name": "~1.1.1",
        "file": "0" * 64,
        "filename": "app.css",
        "path": "index.html",
    }


def make_address(app: Flask, endpoint: str, places: dict[str, Any]) -> tuple[str, str]:
    """(method, path) that reaches `endpoint`."""
    rule = max(app.url_map.iter_rules(endpoint), key=lambda rule: len(rule.arguments - set("path")))
    # A variable part that nobody names here means nothing that exists.
    values: dict[str, Any] = {name: places.get(name, "none") for name in rule.arguments}
    if "name" in rule.arguments:
        values["name"] = places["names"]["person" if endpoint.startswith("people") else "hour"]
    if "type_name" in rule.arguments:
        values |= {"type_name": "hour", "kind": "csv"}
    with app.test_request_context():
        path = app.url_for(endpoint, **values)
    return ("POST" if "POST" in (rule.methods or ()) else "GET"), path


def is_let_in(visitor: Visitor, method: str, path: str) -> bool:
    """Whether the guard let the request pass to its view."""
    response = visitor.post(path) if method == "POST" else visitor.get(path)
    refused = response.status_code == 403
    sent_away = response.status_code == 302 and "/login" in response.headers["Location"]
    return not (refused or sent_away)


def test_every_route_has_a_row_and_every_row_a_route(app: Flask) -> None:
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    for name, rows in (("NEEDS in web/access.py", set(NEEDS)), ("WHO in this file", set(WHO))):
        assert sorted(endpoints - rows) == [], f"these endpoints have no row in {name}"
        assert sorted(rows - endpoints) == [], f"{name} has rows for endpoints that are gone"


@pytest.mark.parametrize("role", [None, *ROLES], ids=lambda role: role or "anonymous")
def test_a_school_lets_the_same_roles_to_the_same_routes(
    app: Flask, places: dict[str, Any], role: Role | None
) -> None:
    cookie = accounts_of(app).start_session(add_account(app, role)) if role else "nobody"
    for endpoint, who in WHO.items():
        method, path = make_address(app, endpoint, places)
        headers = {"Cookie": f"xueshi_session={cookie}"}
        with app.test_request_context(path, method=method, headers=headers):
            try:
                # A form without its token comes so far only when its right was there.
                let_in = app.preprocess_request() is None
            except ForgedRequestError:
                let_in = True
            except ForbiddenError:
                let_in = False
        assert let_in is ((role or "anonymous") in who.split()), endpoint


@pytest.mark.parametrize("role", [None, *ROLES], ids=lambda role: role or "anonymous")
def test_every_route_opens_for_those_who_may_and_nobody_else(
    centre_app: Flask, county: County, places: dict[str, Any], role: Role | None
) -> None:
    county.carry_both_ways()
    for endpoint, who in WHO.items():
        if endpoint in ("login.leave", "login.set_password"):
            continue
        visitor = make_visitor_of(centre_app, role)
        method, path = make_address(centre_app, endpoint, places)
        assert is_let_in(visitor, method, path) is ((role or "anonymous") in who.split()), endpoint


def make_visitor_of(app: Flask, role: Role | None) -> Visitor:
    """A fresh browser of the one account with that role."""
    visitor = make_visitor(app, None)
    if role is None:
        return visitor
    accounts = accounts_of(app)
    known = next((each for each in accounts.list_all() if each.login == role), None)
    if known is None:
        return make_visitor(app, role)
    visitor.client.set_cookie("xueshi_session", accounts.start_session(known))
    return visitor


@pytest.mark.parametrize("role", ROLES)
def test_an_account_with_its_one_time_code_may_only_choose_a_password(role: Role) -> None:
    account = Account(1, "x", "x", (role,), must_change=True, enabled=True)
    opened = {endpoint for endpoint in NEEDS if is_allowed(endpoint, account)}
    still_open = {endpoint for endpoint, need in NEEDS.items() if need == "open"}
    assert opened == BEFORE_PASSWORD | still_open


def test_nothing_is_allowed_where_no_row_says_so() -> None:
    account = Account(1, "x", "x", ("admin",), must_change=False, enabled=True)
    assert not is_allowed("nowhere.show", account)


def test_roles_only_ever_add_rights_to_looking() -> None:
    staff = [rights for role, rights in MAY.items() if role != "teacher"]
    assert all(MAY["viewer"] <= rights <= MAY["admin"] for rights in staff)


def test_a_teacher_looks_at_nobody_elses_records() -> None:
    assert MAY["teacher"] == {"open", "self", "mine", "contribute"}


def test_a_person_with_two_roles_has_the_rights_of_both() -> None:
    account = Account(1, "x", "x", ("registrar", "teacher"), must_change=False, enabled=True)
    assert is_allowed("entry.new", account)
    assert is_allowed("mine.show", account)
    assert not is_allowed("review.index", account)


def test_a_school_gives_no_verdict(admin: Visitor, school: Node) -> None:
    hour = school.public_id(add_hour(school, add_person(school)))
    assert admin.post("/review/", record=[hour], verdict="approve").status_code == 400
    assert school.query("SELECT state FROM hour")[0]["state"] == "pending"


def test_a_centre_enters_no_hours(officer: Visitor) -> None:
    assert officer.get("/enter/").status_code == 422


def test_every_form_without_its_token_is_refused(
    centre_app: Flask, county: County, places: dict[str, Any]
) -> None:
    county.carry_both_ways()
    for endpoint, who in WHO.items():
        method, path = make_address(centre_app, endpoint, places)
        if method == "GET":
            continue
        role: Role = "teacher" if who == "teacher" else "admin"
        visitor = make_visitor_of(centre_app, role)
        answer = visitor.client.post(path, data={"csrf": "0" * 64})
        assert answer.status_code == 403, endpoint
        assert visitor.client.post(path).status_code == 403, endpoint


def test_a_school_corrects_and_claims_nothing_for_another(county: County) -> None:
    person = add_person(county.school)
    hour = county.school.public_id(add_hour(county.school, person))
    county.carry_both_ways()
    township = county.world.make("township", "Town Centre", "Z1")
    county.world.join(county.centre, township, "Town Centre", "Z1")
    registrar = make_visitor(create_app(township, testing=True), "registrar")
    assert registrar.get(f"/enter/correct/{hour}").status_code == 404
