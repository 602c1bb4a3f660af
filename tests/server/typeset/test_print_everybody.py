"""Everybody's sheets in one PDF from the pages: how far it is, stop, begin again, whose it is."""

import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from flask import Flask
from pypdf import PdfReader
from werkzeug.test import TestResponse

from tests.server.nodes import add_person, make_world
from tests.server.pages import Visitor, make_visitor
from xueshi_server.store.prints import Prints
from xueshi_server.typeset.arrange import Sheet
from xueshi_server.typeset.printing import Press
from xueshi_server.web import create_app, print_jobs
from xueshi_server.web.print_jobs import FOLDER
from xueshi_server.web.work import end_work
from xueshi_sync.node import Node

PEOPLE: Final = 3
FORM: Final = "personal_statement"
WAIT_S: Final = 20


@pytest.fixture
def school(tmp_path: Path) -> Iterator[Node]:
    with make_world(tmp_path) as world:
        node = world.make("school", "Central", "S1")
        for at in range(PEOPLE):
            add_person(node, f"T{at}", f"Teacher {at}")
        yield node


@pytest.fixture
def app(school: Node) -> Iterator[Flask]:
    app = create_app(school, testing=True)
    yield app
    end_work(app)


@pytest.fixture
def admin(app: Flask) -> Visitor:
    return make_visitor(app, "admin")


class Gate:
    """Every sheet waits here until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open = threading.Event()
        self.waiting = threading.Event()
        fill = Press.fill

        def wait(press: Press, name: str) -> Sheet:
            self.waiting.set()
            assert self.open.wait(WAIT_S)
            return fill(press, name)

        monkeypatch.setattr(Press, "fill", wait)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    made = Gate(monkeypatch)
    yield made
    made.open.set()


def begin(visitor: Visitor, form: str = FORM) -> str:
    """Press the button; the address of the page that follows."""
    answer = visitor.post("/printing/", form=form, on="2026-03-02")
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def wait_for(visitor: Visitor, place: str) -> TestResponse:
    """The page when the print is over."""
    for _ in range(WAIT_S * 2):
        page = visitor.get(place)
        if "Refresh" not in page.headers:
            return page
    raise AssertionError("it is never over")


def files_of(node: Node) -> list[str]:
    return [each.suffix for each in (node.home / FOLDER).glob("*")]


def test_the_page_of_a_form_begins_a_file_of_everybody(admin: Visitor) -> None:
    assert 'action="/printing/"' in admin.get(f"/forms/{FORM}/").text
    place = begin(admin)
    assert f"{PEOPLE} sheets in one PDF" in wait_for(admin, place).text
    answer = admin.get(f"{place}/pdf")
    assert (answer.mimetype, answer.status_code) == ("application/pdf", 200)
    assert "2026-03-02.pdf" in answer.headers["Content-Disposition"]
    assert len(PdfReader(io.BytesIO(answer.data)).outline) == PEOPLE


def test_it_says_how_far_it_is_and_refreshes_itself(admin: Visitor, gate: Gate) -> None:
    place = begin(admin)
    assert gate.waiting.wait(WAIT_S)
    page = admin.get(place)
    assert page.headers["Refresh"] == "1"
    assert f"0 of {PEOPLE} sheets are done." in page.text
    assert 'value="0" max="3">' in page.text


def test_a_file_that_is_not_whole_is_not_given(admin: Visitor, gate: Gate) -> None:
    place = begin(admin)
    assert admin.get(f"{place}/pdf").headers["Location"] == place


def test_a_second_click_finds_the_first_one(admin: Visitor, gate: Gate) -> None:
    assert begin(admin) == begin(admin)


def test_a_stopped_one_leaves_nothing(admin: Visitor, school: Node, gate: Gate) -> None:
    place = begin(admin)
    assert gate.waiting.wait(WAIT_S)
    threading.Timer(0.1, gate.open.set).start()
    assert admin.post(f"{place}/stop").headers["Location"].startswith(f"/forms/{FORM}/")
    assert admin.get(place).status_code == 404
    assert files_of(school) == []
    assert wait_for(admin, begin(admin)).status_code == 200


def test_the_form_leads_back_to_what_was_begun(admin: Visitor) -> None:
    place = begin(admin)
    wait_for(admin, place)
    assert f'href="{place}"' in admin.get(f"/forms/{FORM}/").text


def test_a_file_belongs_to_whoever_asked_for_it(app: Flask, admin: Visitor) -> None:
    place = begin(admin)
    other = make_visitor(app, "registrar")
    assert other.get(place).status_code == 404
    assert other.get(f"{place}/pdf").status_code == 404
    assert place not in other.get(f"/forms/{FORM}/").text


def test_prints_are_noted_when_the_file_is_taken(admin: Visitor, school: Node) -> None:
    place = begin(admin)
    wait_for(admin, place)
    assert not (school.home / "prints.db").exists()
    admin.get(f"{place}/pdf")
    admin.get(f"{place}/pdf")
    scopes = school.query("SELECT scope_no, rec FROM person")
    prints = [Prints(school.home).list_of(FORM, f"{row[0]}.{row[1]}") for row in scopes]
    assert [len(each) for each in prints] == [1] * PEOPLE


def test_a_fault_of_the_form_is_said(admin: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Press, "everybody", lambda _: [])
    assert wait_for(admin, begin(admin)).status_code == 422


def test_more_than_a_file_holds_is_left_to_the_command_line(
    admin: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(print_jobs, "SHEETS_MAX", PEOPLE - 1)
    answer = admin.post("/printing/", form=FORM)
    assert answer.status_code == 422
    assert "xueshi print" in answer.text


def test_a_node_that_starts_again_clears_what_was_left(school: Node) -> None:
    folder = school.home / FOLDER
    folder.mkdir()
    (folder / "a.pdf.part").write_bytes(b"half")
    create_app(school, testing=True)
    assert not folder.exists()


def test_a_node_that_is_closed_ends_what_is_being_set(
    app: Flask, admin: Visitor, school: Node, gate: Gate
) -> None:
    begin(admin)
    assert gate.waiting.wait(WAIT_S)
    threading.Timer(0.1, gate.open.set).start()
    end_work(app)
    assert [each.name for each in threading.enumerate() if each.name == "print"] == []
    assert files_of(school) == []


def test_a_form_that_the_pack_does_not_have_is_not_found(admin: Visitor) -> None:
    assert admin.post("/printing/", form="none").status_code == 404
