"""The schools of the county: who was heard, invitations that are made and used, a PC shut out."""

import re

import pytest
from flask import Flask

from tests.server.conftest import County
from tests.server.nodes import World, add_hour, add_person
from tests.server.pages import Visitor, make_visitor
from xueshi_sync.node import Node

INVITED = {"code": "S2", "name": "Valley School", "tier": "school", "url": ""}


@pytest.fixture
def officer(centre_app: Flask) -> Visitor:
    visitor = make_visitor(centre_app, "admin")
    visitor.client.set_cookie("xueshi_lang", "en")
    return visitor


def open_sheet(officer: Visitor, **changed: str) -> str:
    """Make an invitation on the page; the text on its sheet."""
    answer = officer.post("/schools/", **INVITED | changed)
    assert answer.status_code == 303, answer.text
    page = officer.get(answer.headers["Location"]).text
    found = re.search(r"XS1-[A-Za-z0-9_-]+", page)
    assert found is not None
    assert "<svg" in page
    return found[0]


def test_a_school_joins_by_an_invitation_made_on_the_page(
    officer: Visitor, county: County, world: World
) -> None:
    text = open_sheet(officer)
    assert "Valley School" in officer.text("/schools/")
    node = world.make("school", "Valley School", "S2")
    node.join(text)
    add_hour(node, add_person(node))
    node.replica.seal()
    world.carry(node, county.centre, to=None)
    world.carry(county.centre, node, to="S2")
    assert node.enrolled
    page = officer.text("/schools/")
    assert "Invitations that nobody used" not in page
    assert re.search(r"Valley School S2 .*? heard .*? 1 1 0", page)


def test_a_withdrawn_invitation_admits_nobody(
    officer: Visitor, county: County, world: World
) -> None:
    text = open_sheet(officer)
    (invited,) = county.centre.open_invitations()
    assert officer.post(f"/schools/invitations/{invited.node_id}/withdraw").status_code == 303
    assert officer.post(f"/schools/invitations/{invited.node_id}/withdraw").status_code == 404
    assert officer.get(f"/schools/invitations/{invited.node_id}").status_code == 404
    node = world.make("school", "Valley School", "S2")
    node.join(text)
    world.carry(node, county.centre, to=None)
    rows = county.centre.query("SELECT name FROM _node WHERE name = 'Valley School'")
    assert rows == []


def test_a_second_computer_of_a_school_is_asked_about(officer: Visitor) -> None:
    answer = officer.post("/schools/", **INVITED | {"code": "S1"})
    assert answer.status_code == 422
    assert "This code has a computer in use" in answer.text
    assert open_sheet(officer, code="S1", again="1")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"code": ""}, "Must not be empty"),
        ({"name": " "}, "Must not be empty"),
        ({"code": "S 2"}, "No blanks"),
        ({"tier": "centre"}, "Must not be empty"),
        ({"url": "ftp://x"}, "begins with http"),
    ],
)
def test_what_is_wrong_with_an_invitation_is_said_and_none_is_made(
    officer: Visitor, county: County, wrong: dict[str, str], told: str
) -> None:
    answer = officer.post("/schools/", **INVITED | wrong)
    assert (answer.status_code, told in answer.text) == (422, True)
    assert county.centre.open_invitations() == []


def test_what_a_computer_writes_after_it_was_shut_out_does_not_count(
    officer: Visitor, county: County
) -> None:
    person = add_person(county.school)
    add_hour(county.school, person, title="before")
    county.carry_both_ways()
    path = f"/schools/computers/{county.school.node_id}/revoke"
    assert officer.post(path, reason=" ").status_code == 422
    assert officer.post(path, reason="stolen").status_code == 303
    add_hour(county.school, person, title="after")
    county.world.carry(county.school, county.centre, to=None)
    titles = [row["title"] for row in county.centre.query("SELECT title FROM hour")]
    assert titles == ["before"]
    assert "shut out" in officer.text("/schools/")
    assert officer.post(path, reason="again").status_code == 404
    assert officer.post(f"/schools/computers/{county.school.node_id}/lift").status_code == 303
    county.world.carry(county.school, county.centre, to=None)
    titles = [row["title"] for row in county.centre.query("SELECT title FROM hour")]
    assert sorted(titles) == ["after", "before"]


def test_a_school_has_no_such_page(app: Flask, school: Node) -> None:
    admin = make_visitor(app, "admin")
    assert admin.get("/schools/").status_code == 404
    assert admin.post("/schools/", **INVITED).status_code == 404
    assert "/schools/" not in admin.get("/").text


def test_a_viewer_reads_and_invites_nobody(centre_app: Flask, county: County) -> None:
    viewer = make_visitor(centre_app, "viewer")
    page = viewer.get("/schools/")
    assert page.status_code == 200
    assert 'id="invite"' not in page.text
    assert viewer.post("/schools/", **INVITED).status_code == 403
