"""A principal's page: who is behind, what came back and why, what is to be signed."""

from pathlib import Path

from flask import Flask

from tests.server.conftest import County
from tests.server.nodes import add_hour, add_person
from tests.server.pages import make_visitor
from tests.server.walks.shipped_county import make_county
from xueshi_server.web import create_app


def test_a_principal_reads_what_came_back_and_why(app: Flask, county: County) -> None:
    hour = add_hour(county.school, add_person(county.school), title="Reading circle")
    county.carry_both_ways()
    with county.centre.write(actor="officer") as action:
        name = county.school.public_id(hour)
        action.judge("hour", county.centre.find_record(name), "reject", reason="No certificate")
    county.carry_both_ways()
    text = make_visitor(app, "principal").text("/principal/")
    assert "Reading circle" in text
    assert "No certificate" in text


def test_an_empty_school_says_that_nothing_is_owed(app: Flask) -> None:
    text = make_visitor(app, "principal").text("/principal/")
    assert "Nothing was returned" in text
    assert "No objection waits" in text


def test_a_principal_enters_nothing(app: Flask) -> None:
    assert make_visitor(app, "principal").get("/session/new").status_code in (403, 404)


def test_the_page_is_worded_in_both_languages(app: Flask) -> None:
    visitor = make_visitor(app, "principal")
    assert "校长" in visitor.text("/principal/", lang="zh")
    assert "principal." not in visitor.text("/principal/", lang="en")


def test_who_is_behind_is_named_with_what_is_missing(tmp_path: Path) -> None:
    with make_county(tmp_path, "jiyuan") as county:
        county.enter(
            "person", staff_no="J1", name="卢建设", active=True, full_time=True,
            hired_on="2008-09-01", duty="head_teacher",
        )  # fmt: skip
        visitor = make_visitor(create_app(county.at_centre(), testing=True), "principal")
        text = visitor.text("/principal/", lang="zh", on="2020-12-20")
    assert "卢建设" in text.split("有要求未达到的教师", 2)[2].split("一个月内到期的事项")[0]
    assert "还差" in text
