"""Something wrong in the forms that no pack declares: accounts, passwords, verdicts, steps, claims
of a stamp; a book in a field; and any text anywhere, which never breaks a page."""

import itertools
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.server.conftest import County
from tests.server.every_type import fill_county
from tests.server.nodes import add_hour, add_person
from tests.server.pages import Visitor, accounts_of, make_visitor
from tests.server.walks.shipped_county import make_county
from tests.server.wrong_things import UNWRITABLE, WRONG, FormPage, body_of
from xueshi_server.store.objections import list_objections
from xueshi_server.web import create_app
from xueshi_server.web.security import SESSION_COOKIE
from xueshi_sync.node import Node

ROLES: Final = ("registrar", "viewer")
LONG: Final = "长" * 1001


def send(visitor: Visitor, path: str, pairs: list[tuple[str, str]]) -> TestResponse:
    """Send a form with its token."""
    return visitor.client.post(
        path,
        data=body_of([("csrf", visitor.token()), *pairs]),
        content_type="application/x-www-form-urlencoded",
        buffered=True,
    )


# ---- accounts

ACCOUNT: Final = {"name": "卢建设", "login": "lu.js", "role": "registrar", "staff_no": "T9"}
NEW: Final = 'class="card narrow"'


WRONG_ACCOUNTS: Final = [
    *(("name", each) for each in ("", "  ", "长" * 61, *UNWRITABLE)),
    *(("login", each) for each in ("", "x", "a b", "卢", "a" * 41, "a\x00b", "🙂", "admin")),
    *(("role", each) for each in ("", "king", "\x00")),
]


def test_a_wrong_new_account_is_told_beside_its_field(admin: Visitor) -> None:
    before = len(accounts_of(admin.app).list_all())
    for name, typed in WRONG_ACCOUNTS:
        answer = send(admin, "/accounts/", list((ACCOUNT | {name: typed}).items()))
        page = FormPage(answer.text, NEW)
        assert (answer.status_code, bool(page.fault(name))) == (422, True), (name, typed)
        for other in ACCOUNT.keys() - {name}:
            assert (page.fault(other), page.holds(other)) == ("", [ACCOUNT[other]])
    assert len(accounts_of(admin.app).list_all()) == before


def test_a_teachers_account_for_nobody_is_told_beside_the_staff_number(admin: Visitor) -> None:
    answer = send(admin, "/accounts/", list((ACCOUNT | {"role": "teacher"}).items()))
    page = FormPage(answer.text, NEW)
    assert "T9" in page.fault("staff_no")
    assert (page.holds("role"), page.holds("name")) == (["teacher"], ["卢建设"])


def test_rights_that_cannot_be_given_are_told_in_the_form_of_that_account(
    app: Flask, admin: Visitor
) -> None:
    make_visitor(app, "viewer")
    other = next(each for each in accounts_of(app).list_all() if each.role == "viewer")
    path = f"/accounts/{other.account_id}/rights"
    answer = send(admin, path, [("role", "teacher"), ("staff_no", "nobody")])
    page = FormPage(answer.text, f'action="{path}"')
    assert (answer.status_code, "nobody" in page.fault("staff_no")) == (422, True)
    assert page.holds("staff_no") == ["nobody"]
    assert FormPage(answer.text, NEW).fault("staff_no") == ""


OWN: Final = "a long sentence of mine"
WRONG_PASSWORDS: Final = (
    (OWN, "", "", "password"),
    (OWN, "short", "short", "password"),
    (OWN, "a\x00" * 5, "a\x00" * 5, "password"),
    (OWN, "x" * 5000, "x" * 5000, "password"),
    (OWN, "another sentence of mine", "a third one", "again"),
    ("not mine", "another sentence of mine", "another sentence of mine", "current"),
)


def test_a_wrong_password_is_told_beside_its_field_and_never_shown(admin: Visitor) -> None:
    for current, password, again, wrong in WRONG_PASSWORDS:
        pairs = [("current", current), ("password", password), ("again", again)]
        answer = send(admin, "/password", pairs)
        page = FormPage(answer.text, 'action="/password"')
        assert answer.status_code in (401, 422), password[:20]
        assert page.fault(wrong), wrong
        assert [page.holds(name) for name, _ in pairs] == [[], [], []]


# ---- verdicts, objections, answers


@pytest.mark.parametrize("typed", ["", LONG, UNWRITABLE[0]])
def test_a_wrong_reason_of_a_verdict_is_told_beside_it_and_the_ticks_stay(
    county: County, school: Node, officer: Visitor, typed: str
) -> None:
    hour = add_hour(school, add_person(school))
    county.carry_both_ways()
    name = school.public_id(hour)
    pairs = [("record", name), ("verdict", "reject"), ("reason", typed)]
    for more, mark in (
        ([], ""),
        ([("from", "record")], 'action="/review/#judge"'),
    ):
        answer = send(officer, "/review/", pairs + more)
        page = FormPage(answer.text, mark)
        assert (answer.status_code, bool(page.fault("reason"))) == (422, True)
        assert (page.holds("record"), page.holds("reason")) == ([name], [typed] if typed else [])
    assert school.query("SELECT * FROM judgement") == []


OBJECTION: Final = 'action="/mine/objection"'


@pytest.fixture
def teacher(app: Flask, school: Node) -> Visitor:
    """A teacher with one record."""
    person = add_person(school)
    add_hour(school, person)
    visitor, accounts = make_visitor(app, "teacher"), accounts_of(app)
    account = next(each for each in accounts.list_all() if each.role == "teacher")
    accounts.set_rights(account, ["teacher"], school.public_id(person))
    visitor.client.set_cookie(SESSION_COOKIE, accounts.start_session(account))
    return visitor


@pytest.mark.parametrize("typed", ["", LONG])
def test_a_wrong_objection_and_a_wrong_answer_are_told_beside_them(
    app: Flask, teacher: Visitor, school: Node, typed: str
) -> None:
    row = school.query("SELECT scope_no, rec FROM hour")[0]
    (name,) = FormPage(teacher.get("/mine/").text, OBJECTION).holds("record")
    assert school.find_record(name).rec == row["rec"]
    answer = send(teacher, "/mine/objection", [("record", name), ("reason", typed)])
    page = FormPage(answer.text, OBJECTION)
    assert (answer.status_code, bool(page.fault("reason"))) == (422, True)
    assert page.holds("reason") == ([typed] if typed else [])
    teacher.post("/mine/objection", record=name, reason="the wrong day")
    principal = make_visitor(app, "principal")
    (objection,) = list_objections(school)
    path = f"/objections/{objection.name}"
    answer = send(principal, path, [("outcome", "upheld"), ("answer", typed)])
    page = FormPage(answer.text)
    assert (answer.status_code, bool(page.fault("answer"))) == (422, True)
    assert page.holds("answer") == ([typed] if typed else [])


# ---- what was typed is never dropped


def test_a_book_in_a_field_is_told_beside_it_and_the_rest_is_kept(admin: Visitor) -> None:
    pairs = [("staff_no", "T1"), ("name", "x" * 10_000_000), ("grade", "三年级")]
    answer = send(admin, "/people/new", pairs)
    page = FormPage(answer.text)
    assert (answer.status_code, "60" in page.fault("name")) == (422, True)
    assert (page.holds("staff_no"), page.holds("grade")) == (["T1"], ["三年级"])
    assert len(answer.data) < 100_000


def test_a_form_changed_after_going_back_is_written_too(admin: Visitor, school: Node) -> None:
    person = str(add_person(school).rec)
    for path in ("/enter/", "/records/session/new"):
        for title in ("识字", "识字", "写作"):
            pairs = [("entry_id", "one"), ("date", "2026-03-01"), ("minutes", "1"),
                     ("title", title), ("person", person)]  # fmt: skip
            assert send(admin, path, pairs).status_code == 303
    for of in ("hour", "session"):
        titles = [row["title"] for row in school.query(f"SELECT title FROM {of} ORDER BY rec")]
        assert titles == ["识字", "写作"]


def test_numbers_and_dates_may_be_typed_in_wide_signs(admin: Visitor, school: Node) -> None:
    pairs = [("date", "２０２６－０３－０１"), ("minutes", "１．５"), ("title", "识字\u200b")]
    person = str(add_person(school, "001").rec)
    assert send(admin, "/enter/", [*pairs, ("person", person)]).status_code == 303
    (row,) = school.query("SELECT * FROM hour")
    assert (row["date"], row["minutes"], row["title"]) == ("2026-03-01", 90, "识字")
    same = send(admin, "/people/new", [("staff_no", "００１"), ("name", "范晓琳")])
    assert FormPage(same.text).fault("staff_no")


TOGETHER: Final[list[tuple[str, dict[str, str]]]] = [
    ("minutes", {"minutes": "25"}),
    ("session_until", {"session_until": "2026-02-28"}),
    ("session_until", {"session_until": "2027-03-01"}),
    ("session_ends", {"session_starts": "14:00", "session_ends": "9:00"}),
    ("person", {"person": ""}),
]


def test_what_cannot_be_together_is_told_beside_the_field_that_is_wrong(
    admin: Visitor, school: Node
) -> None:
    person = str(add_person(school).rec)
    fields = {"date": "2026-03-01", "minutes": "2", "title": "识字", "person": person}
    for wrong, changed in TOGETHER:
        answer = send(admin, "/session/", list((fields | changed).items()))
        page = FormPage(answer.text, '<form method="post" action="/session/"')
        assert (answer.status_code, bool(page.fault(wrong))) == (422, True), changed
        assert page.holds("title") == ["识字"]
    assert school.query("SELECT * FROM hour") == []


# ---- any text anywhere

TEXTS: Final = st.text(max_size=20) | st.sampled_from(
    [each for some in WRONG.values() for each in some]
    + [*UNWRITABLE, "研\ud800修", "9" * 25, "-1", "1~2~3", f"1~{9**30}~{9**30}", "%", "=1+1", "../"]
)
QUERIES: Final = (
    "school", "q", "after", "start", "on", "year", "page", "job", "show", "like", "draft",
    "state", "month", "person", "lang", "done", "n", "as", "next", "of", "sheet", "empty", "f.form",
    "dropped", "type", "new", "format",
)  # fmt: skip

FIELDS: Final = (
    "title", "date", "minutes", "name", "staff_no", "entry_id", "scope", "role", "login",
    "reason", "verdict", "opinion", "paper", "step", "record", "choice", "field", "table", "seen",
    "to", "answer", "follow", "dry_run", "session_until", "session_starts", "lecturer_hours",
    "keep", "without", "from", "method", "assessor", "year_of", "kind", "amount",
)  # fmt: skip
# Types that move by steps in the county of the fixture below.
MOVING: Final = ("school_paper", "need", "assessment", "nomination", "objection")
PARTS: Final = ("name", "type_name", "account_id")
TYPES: Final = ("hour", "person", "assessment", "nomination", "session", "money")
# They end the session, call other machines, or answer with files of their own.
LEFT_OUT: Final = (
    "static", "training.show", "training.index", "login.leave", "login.enter",
    "login.set_password", "sync.now", "sync.call_address",
)  # fmt: skip


class Place(NamedTuple):
    """Somebody at a node, and a record of every type by its name in addresses."""

    visitor: Visitor
    names: dict[str, str]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Place]]:
    """Everybody who can be asked for a page under a pack, with names of records."""
    with make_county(tmp_path_factory.mktemp("any"), "township-primary") as county:
        keys = fill_county(county, 1)
        names = {of: county.at_centre().public_id(some[0]) for of, some in keys.items()}
        county._turn(True)
        yield [
            Place(make_visitor(create_app(node, testing=True), "admin"), names)
            for node in (county.school, county.centre)
        ]


# What each of the queries is asked with; a value for all of them is named "".
NASTY: Final = (
    {"": "9" * 25, "on": "9999-12-31", "after": f"~{9**30}~{9**30}"},
    {"": "-1", "on": "0001-01-01", "after": "x~-1~-1"},
    {"": "\x00🙂"},
)


def addresses(visitor: Visitor, method: str, **names: str) -> list[str]:
    """Every address of the pages, with the given names in its places."""
    known = {"type_name": "person", "form_id": "own_record", "kind": "xlsx"} | names
    return [
        re.sub(r"<(?:\w+:)?(\w+)>", lambda found: known.get(found[1], names["name"]), rule.rule)
        for rule in visitor.app.url_map.iter_rules()
        if rule.endpoint not in LEFT_OUT and method in (rule.methods or ())
    ]


def test_a_wrong_opinion_on_a_step_is_told_beside_it_and_the_papers_stay(
    places: list[Place],
) -> None:
    tried = set()
    for (visitor, names), of in itertools.product(places, MOVING):
        path = f"/records/{of}/{names[of]}"
        html = visitor.get(path).text
        for step in re.findall(r'name="step" value="(\w+)"', html)[:1]:
            papers = re.findall(r'name="paper" value="(\w+)"', html)[:1]
            pairs = [("step", step), ("opinion", "同\x00意"), *(("paper", each) for each in papers)]
            answer = send(visitor, f"{path}/step", pairs)
            page = FormPage(answer.text, f'name="step" value="{step}"')
            assert (answer.status_code, bool(page.fault("opinion"))) == (422, True)
            assert page.holds("opinion") == ["同\x00意"]
            assert not papers or page.holds("paper") == papers
            tried.add(of)
    assert len(tried) > 1


@pytest.mark.parametrize("nasty", NASTY, ids=("too-large", "too-small", "no-text"))
def test_no_query_breaks_a_page(places: list[Place], nasty: dict[str, str]) -> None:
    asked = {query: nasty.get(query, nasty[""]) for query in QUERIES}
    # The centre's pages are the school's with other records: once is enough.
    for visitor, names in places if nasty is NASTY[0] else places[:1]:
        for path in addresses(visitor, "GET", name=names["person"]):
            answer = visitor.client.get(path, query_string=asked, buffered=True)
            assert answer.status_code < 500, path


def test_no_name_in_an_address_breaks_a_page(places: list[Place]) -> None:
    visitor, _ = places[0]
    for name in (nasty[""] for nasty in NASTY[::2]):
        for path in addresses(visitor, "GET", name=name):
            assert visitor.get(path).status_code < 500, path


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_text_in_any_field_or_address_breaks_a_page(
    places: list[Place], data: st.DataObject
) -> None:
    visitor, names = data.draw(st.sampled_from(places))
    method = data.draw(st.sampled_from(("GET", "POST", "POST")))
    part = {name: data.draw(st.sampled_from((*names.values(), *TYPES, "1", "x"))) for name in PARTS}
    path = data.draw(st.sampled_from(addresses(visitor, method, **part)))
    if method == "POST":
        fields = sorted({*FIELDS, *QUERIES})
        some = data.draw(st.lists(st.tuples(st.sampled_from(fields), TEXTS), max_size=8))
        answer = send(visitor, path, [("record", names["hour"]), *some])
    else:
        asked = data.draw(st.dictionaries(st.sampled_from(QUERIES), TEXTS, max_size=3))
        answer = visitor.client.get(f"{path}?{body_of(asked.items()).decode()}", buffered=True)
    assert answer.status_code < 500, path
