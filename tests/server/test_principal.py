"""A principal's page: who is behind, what came back and why, what is to be signed."""

from pathlib import Path

from flask import Flask

from tests.server.conftest import County
from tests.server.nodes import add_hour, add_person
from tests.server.pages import make_visitor, plain
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


def test_a_step_of_a_record_is_owed_by_its_day_and_then_overdue(tmp_path: Path) -> None:
    with make_county(tmp_path, "jiyuan") as county:
        plan = county.enter("plan", what="school_research", name="2020 plan", date="2020-09-05")
        visitor = make_visitor(create_app(county.school, testing=True), "principal")
        before = plain(visitor.get("/principal/?on=2020-09-10&lang=zh").text)
        after = plain(visitor.get("/principal/?on=2020-10-08&lang=zh").text)
        county.walk(plan, ("submit", "2020-09-29"))
        done = plain(visitor.get("/principal/?on=2020-09-30&lang=zh").text)
    assert "提交，2020-09-30 前 · 现在：学校拟定" in before
    assert "本月到期" in before
    assert "已逾期 1 项" in after
    assert "提交，2020-09-30 前" not in done


def test_the_page_counts_what_the_county_has_not_received(app: Flask, county: County) -> None:
    person = add_person(county.school)
    add_hour(county.school, person, title="First")
    county.carry_both_ways()
    late = add_hour(county.school, person, title="Second")
    add_hour(county.school, person, title="Third")
    visitor = make_visitor(app, "principal")
    text = visitor.get("/principal/").text
    assert "The county has received 1 records of hours. 2 not received yet" in plain(text)
    assert f"/hours/{county.school.public_id(late)}" in text
    county.carry_both_ways()
    assert "All received" in visitor.text("/principal/")


def test_a_long_list_is_cut_and_its_number_is_the_whole(app: Flask, county: County) -> None:
    person = add_person(county.school)
    keys = [add_hour(county.school, person, title=f"No. {number}") for number in range(32)]
    county.carry_both_ways()
    names = [county.school.public_id(key) for key in keys]
    with county.centre.write(actor="officer") as action:
        for name in names:
            action.judge("hour", county.centre.find_record(name), "reject", reason="No list")
    county.carry_both_ways()
    text = make_visitor(app, "principal").text("/principal/")
    assert text.count("No list") == 30
    assert "All 32" in text
