"""Forms that were begun and left: whose they are, how long, how much."""

import time
from collections.abc import Iterator
from typing import Final

import pytest
from flask import Flask

from tests.server.nodes import make_world
from tests.server.pages import Visitor, accounts_of, add_account, make_visitor
from xueshi_server.left_forms import BODY_CHARS_MAX, FORMS_MAX, FRESH_S, KEPT_S, LeftForms
from xueshi_server.web import create_app
from xueshi_server.web.left import read_page
from xueshi_server.web.security import SESSION_COOKIE
from xueshi_server.web.site import EXTENSION, Site
from xueshi_sync.node import Node

TYPED: Final = '{"0 ":[["name 0","<b>Li</b>"]]}'


class Desk:
    """A registrar with a clock that can be turned."""

    def __init__(self, app: Flask) -> None:
        self.visitor = make_visitor(app, "registrar")
        self.accounts = accounts_of(app)
        self.now_s = self.accounts.now_s()
        self.accounts.now_s = lambda: self.now_s
        self.account = self.accounts.list_all()[0]

    @property
    def forms(self) -> LeftForms:
        return LeftForms(self.accounts, self.account.account_id)

    def keep(self, page: str = "/people/new", typed: str = TYPED) -> int:
        return self.visitor.post("/left/", _page=page, typed=typed).status_code


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """One node for all of these tests; each begins without accounts."""
    with make_world(tmp_path_factory.mktemp("school")) as world:
        yield world.make("school", "Hill School", "S1")


@pytest.fixture(scope="module")
def app(school: Node) -> Flask:
    """Its pages, whose templates are read once."""
    return create_app(school, testing=True)


@pytest.fixture(autouse=True)
def nobody_yet(app: Flask) -> None:
    site: Site = app.extensions[EXTENSION]
    for table in ("account", "note", "tries"):
        site.accounts.file.run(f"DELETE FROM {table}")
    site.__post_init__()
    site.accounts.now_s = time.time


@pytest.fixture
def desk(app: Flask) -> Desk:
    return Desk(app)


def test_what_was_typed_is_on_the_page_again_and_only_as_text(desk: Desk) -> None:
    assert desk.keep() == 204
    page = desk.visitor.get("/people/new?lang=en").text
    assert 'id="left"' in page
    assert "<b>Li" not in page
    assert "&lt;b&gt;Li" in page


def test_nobody_else_sees_it(desk: Desk, app: Flask) -> None:
    desk.keep()
    other = make_visitor(app, "admin")
    assert 'id="left"' not in other.get("/people/new").text


def test_it_is_forgotten_when_the_form_was_taken(desk: Desk) -> None:
    desk.keep()
    answer = desk.visitor.post("/people/new", _page="/people/new", staff_no="T1", name="Li Ming")
    assert answer.status_code == 303
    assert desk.forms.find("/people/new") == ""


def test_it_stays_when_the_form_came_back_with_faults(desk: Desk) -> None:
    desk.keep()
    answer = desk.visitor.post("/people/new", _page="/people/new", staff_no="T1", name="")
    assert answer.status_code == 422
    assert desk.forms.find("/people/new") == TYPED
    assert 'data-page="/people/new"' in answer.text


def test_it_is_given_up_by_hand(desk: Desk) -> None:
    desk.keep()
    answer = desk.visitor.post("/left/forget", _page="/people/new")
    assert answer.headers["Location"] == "/people/new"
    assert desk.forms.find("/people/new") == ""


def test_too_much_is_not_kept(desk: Desk) -> None:
    assert desk.keep(typed="x" * (BODY_CHARS_MAX + 1)) == 409


def test_of_many_pages_the_oldest_is_dropped(desk: Desk) -> None:
    for place in range(FORMS_MAX + 1):
        desk.now_s += 1
        desk.keep(f"/people/{place}/edit")
    assert desk.forms.find("/people/0/edit") == ""
    assert desk.forms.find("/people/1/edit") == TYPED


def test_what_nobody_came_back_for_is_forgotten(desk: Desk) -> None:
    desk.keep("/people/old/edit")
    desk.now_s += KEPT_S + 1
    desk.forms.keep("/people/new", TYPED)
    assert desk.forms.find("/people/old/edit") == ""


@pytest.mark.parametrize(
    ("passed_s", "where"),
    [
        pytest.param(60, "/people/new", id="a-minute-ago"),
        pytest.param(FRESH_S + 60, "/", id="yesterday"),
    ],
)
def test_who_comes_back_soon_is_taken_to_the_page(desk: Desk, passed_s: int, where: str) -> None:
    desk.keep()
    desk.now_s += passed_s
    desk.visitor.client.delete_cookie(SESSION_COOKIE)
    secret = "a long sentence of mine"
    answer = desk.visitor.post("/login", login="registrar", secret=secret)
    assert answer.headers["Location"] == where


@pytest.mark.parametrize("page", ["/accounts/", "/left/", "/nowhere"])
def test_nobody_is_taken_to_a_page_that_is_closed_to_them(desk: Desk, page: str) -> None:
    desk.forms.keep(page, TYPED)
    desk.visitor.client.delete_cookie(SESSION_COOKIE)
    secret = "a long sentence of mine"
    answer = desk.visitor.post("/login", login="registrar", secret=secret)
    assert answer.headers["Location"] == "/"


def test_keeping_a_form_counts_as_being_there(desk: Desk) -> None:
    for _ in range(4):
        desk.now_s += desk.account.idle_s - 60
        assert desk.keep() == 204


@pytest.mark.parametrize(
    ("given", "page"),
    [
        ("/people/new", "/people/new"),
        ("/people/new?lang=en&done=saved", "/people/new"),
        ("/records/hour/new?like=a&lang=zh", "/records/hour/new?like=a"),
        ("//evil.example/x", ""),
        ("http://evil.example/", ""),
        ("/" + "x" * 600, ""),
        ("", ""),
    ],
)
def test_only_pages_of_ours_are_kept(given: str, page: str) -> None:
    assert read_page(given) == page


def test_whoever_has_no_account_keeps_nothing(app: Flask) -> None:
    stranger: Visitor = make_visitor(app, None)
    add_account(app, "registrar")
    answer = stranger.post("/left/", _page="/people/new", typed=TYPED)
    assert "/login" in answer.headers["Location"]
