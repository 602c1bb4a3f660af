"""One school at the centre: another computer, who acts for it, another name, merging, closing."""

import re
from dataclasses import dataclass

import pytest
from flask import Flask

from tests.server.conftest import County
from tests.server.nodes import World, add_hour, add_person
from tests.server.pages import Visitor, make_visitor
from xueshi_server.store.facts_heard import read_heard, read_scopes
from xueshi_server.store.members import list_members
from xueshi_server.store.schools import list_open_schools, list_schools
from xueshi_sync.node import Node


@dataclass(frozen=True)
class Office:
    """The centre's officer, its county with a school, and a central school."""

    officer: Visitor
    county: County
    township: Node

    def path(self, code: str, rest: str = "") -> str:
        """The address of a school's page."""
        rows = self.county.centre.query("SELECT scope_id FROM scope WHERE code = ?", [code])
        return f"/schools/{rows[0]['scope_id']}{rest}"

    def scope_id(self, code: str) -> str:
        return self.path(code).rpartition("/")[2]

    def post(self, code: str, rest: str, /, **fields: str) -> int:
        """Send a form of a school's page; the status."""
        return self.officer.post(self.path(code, rest), **fields).status_code

    def carry(self) -> None:
        """Everybody brings and takes a stick, twice."""
        world, centre = self.county.world, self.county.centre
        for _ in range(2):
            for node in (self.county.school, self.township):
                world.carry(node, centre, to=None)
                world.carry(centre, node, to=node.node_id)


@pytest.fixture
def office(centre_app: Flask, county: County, world: World) -> Office:
    visitor = make_visitor(centre_app, "admin")
    visitor.client.set_cookie("xueshi_lang", "en")
    township = world.make("township", "River Central School", "T1")
    world.join(county.centre, township, "River Central School", "T1")
    return Office(visitor, county, township)


def titles(node: Node) -> list[str]:
    return sorted(row[0] for row in node.query("SELECT title FROM hour"))


@pytest.mark.parametrize("how", ["broken", "stolen"])
def test_a_new_computer_and_one_file_bring_a_school_back(
    office: Office, world: World, how: str
) -> None:
    old, centre = office.county.school, office.county.centre
    add_hour(old, add_person(old), title="before")
    office.carry()
    path = f"/schools/computers/{old.node_id}/replace"
    assert office.officer.post(path).status_code == 422
    answer = office.officer.post(path, how=how)
    found = re.search(r"XS1-[A-Za-z0-9_-]+", office.officer.get(answer.headers["Location"]).text)
    assert found
    new = world.make("school", "new computer", "S1-new")
    new.join(found[0])
    world.carry(new, centre, to=None)
    world.carry(centre, new, to=new.node_id)
    assert (new.code, new.name, titles(new)) == ("S1", "Hill School", ["before"])
    home = centre.query("SELECT scope_id FROM scope WHERE code = 'S1'")[0][0]
    ours, theirs = centre.digests(), new.digests()
    shared = [key for key in theirs if key[0] == home]
    assert shared
    assert {key: ours[key] for key in shared} == {key: theirs[key] for key in shared}
    add_hour(old, old.find_record(old.public_id(add_person(old, "T9"))), title="of the old one")
    world.carry(old, centre, to=None)
    assert ("of the old one" in titles(centre)) == (how == "broken")


def test_a_central_school_acts_for_a_village_until_it_is_told_otherwise(office: Office) -> None:
    add_hour(office.county.school, add_person(office.county.school), title="of the village")
    assert office.post("S1", "/guests") == 422
    assert office.post("S1", "/guests", township=office.scope_id("S1")) == 422
    assert office.post("S1", "/guests", township=office.scope_id("T1")) == 303
    office.carry()
    assert titles(office.township) == ["of the village"]
    assert "River Central School acts for it" in office.officer.text("/schools/")
    page = office.officer.get(office.path("S1")).text
    assert 'action="{}"'.format(office.path("S1", "/guests")) not in page
    assert office.post("S1", f"/guests/{office.scope_id('T1')}/end") == 303
    assert office.post("S1", f"/guests/{office.scope_id('T1')}/end") == 404
    assert "acts for it" not in office.officer.text("/schools/")


def test_another_name_is_shown_at_the_school_itself(office: Office) -> None:
    assert office.post("S1", "/name", code="T1", name="Hill School") == 422
    assert office.post("S1", "/name", code="S 1", name="Hill School") == 422
    assert office.post("S1", "/name", code="S2", name="") == 422
    assert office.post("S1", "/name", code="S2", name="Valley School") == 303
    office.carry()
    assert (office.county.school.code, office.county.school.name) == ("S2", "Valley School")
    assert "Valley School S2" in office.officer.text(office.path("S2"))


def test_a_merged_school_is_read_and_gone_on_with_by_the_other(office: Office) -> None:
    centre = office.county.centre
    add_hour(office.county.school, add_person(office.county.school), title="of the village")
    office.carry()
    assert office.post("S1", "/over", into="") == 422
    assert office.post("S1", "/over", into=office.scope_id("T1")) == 303
    assert office.post("S1", "/over", into=office.scope_id("T1")) == 422
    office.carry()
    assert titles(office.township) == ["of the village"]
    assert "closed" in office.officer.text("/schools/")
    scopes = read_scopes(centre)
    assert sorted(read_heard(centre, scopes).schools) == ["T1"]
    members = {each.code: each for each in list_members(centre)}
    assert (members["S1"].records, members["S1"].missing(9e15)) == (1, 0)
    assert [each["code"] for each in list_schools(centre)] == ["S1", "T1"]
    assert [each["code"] for each in list_open_schools(centre)] == ["T1"]


def test_a_closed_school_is_not_waited_for_until_it_is_opened_again(office: Office) -> None:
    centre = office.county.centre
    assert office.post("S1", "/close", reason="") == 422
    assert office.post("S1", "/open") == 404
    assert office.post("S1", "/close", reason="no pupils") == 303
    assert office.post("S1", "/close", reason="again") == 422
    assert sorted(read_heard(centre, read_scopes(centre)).schools) == ["T1"]
    assert "no pupils" in office.officer.text(office.path("S1"))
    assert office.post("S1", "/open") == 303
    assert sorted(read_heard(centre, read_scopes(centre)).schools) == ["S1", "T1"]


def test_how_much_of_a_silent_school_may_be_missing_follows_its_rhythm(office: Office) -> None:
    school, centre = office.county.school, office.county.centre
    person = add_person(school)
    for number in range(182):
        add_hour(school, person, title=f"hour {number}")
    office.carry()
    heard = next(each for each in list_members(centre) if each.code == "S1")
    assert heard.heard is not None
    assert heard.heard.contact_ms is not None
    week = heard.heard.contact_ms + 7 * 86_400_000
    assert (heard.rhythm, heard.missing(week), heard.missing(0)) == (1.0, 7, 0)


def test_a_clock_that_is_ahead_is_told(office: Office, world: World) -> None:
    hasty = world.make("school", "Hasty School", "H1", ahead_ms=90 * 60_000)
    world.join(office.county.centre, hasty, "Hasty School", "H1")
    add_hour(hasty, add_person(hasty))
    world.carry(hasty, office.county.centre, to=None)
    assert "clock 90 minutes ahead" in office.officer.text("/schools/")
    assert "90 minutes ahead" in office.officer.text(office.path("H1"))
    assert "ahead" not in office.officer.text(office.path("S1"))


def test_there_is_no_page_of_what_is_no_school(office: Office, school: Node, app: Flask) -> None:
    assert office.officer.get("/schools/" + "0" * 32).status_code == 404
    assert office.officer.post(f"/schools/computers/{'0' * 32}/lift").status_code == 404
    path = f"/schools/computers/{office.county.school.node_id}/lift"
    assert office.officer.post(path).status_code == 404
    assert make_visitor(app, "admin").get(office.path("S1")).status_code == 404


def test_the_page_of_a_school_is_under_the_schools(office: Office) -> None:
    for path in (office.path("S1"), "/people/duplicates/"):
        marked = re.findall(
            r'<a href="([^"]*)"[^>]* aria-current="page">', office.officer.get(path).text
        )
        assert marked[0] == ("/schools/" if "schools" in path else "/people/")
