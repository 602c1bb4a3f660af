"""The pages of people who stand in several rosters: looked at, decided, taken back."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.moving import TwoSchools, enter, hold, make_two_schools
from tests.server.pages import Visitor, make_visitor, plain
from xueshi_server.sealing import ensure_seal_key, find_sealer
from xueshi_server.store.duplicates import search_duplicates
from xueshi_server.web import create_app
from xueshi_server.web.views import duplicates as views

ID = "500101198002031234"


@pytest.fixture
def county(tmp_path: Path) -> Iterator[TwoSchools]:
    with make_two_schools(tmp_path) as county:
        here = enter(county.before, "T-S1-AAAAA-1", "Zhao Lan", born_on="1980-02-03")
        there = enter(county.after, "50010001", "Zhao Lan", born_on="1980-02-03")
        enter(county.after, "50010002", "Qian Hua", born_on="1990-05-06")
        hold(county.before, here, "Old", 90)
        hold(county.after, there, "New", 45)
        county.bring()
        yield county


@pytest.fixture
def officer(county: TwoSchools) -> Visitor:
    return make_visitor(create_app(county.centre, testing=True), "reviewer")


def decide(county: TwoSchools, officer: Visitor, kind: str, **more: str) -> str:
    (found,) = search_duplicates(county.centre)
    sent = {"one": found.one.key, "other": found.other.key, "kind": kind, **more}
    answer = officer.post("/people/duplicates/", **sent)
    return answer.headers.get("Location", str(answer.status_code))


def test_two_records_stand_side_by_side_with_what_speaks_for_it(officer: Visitor) -> None:
    text = officer.text("/people/duplicates/")
    for each in ("Zhao Lan", "Hill School", "Lake School", "Same name", "Same day of birth"):
        assert each in text
    assert "Qian Hua" not in text
    assert "Possible duplicates" in officer.text("/people/")


def test_one_person_is_counted_once_with_all_hours_and_separated_again(
    county: TwoSchools, officer: Visitor
) -> None:
    assert "done=sameperson" in decide(county, officer, "same", reason="moved in 2024")
    assert "No possible duplicates" in officer.text("/people/duplicates/")
    roster = officer.get("/people/").text
    assert "At work <b>2</b>" in re.sub(r"\s+", " ", roster)
    assert plain(roster).count("Zhao Lan") == 1
    assert "2 records counted together 50010001 Lake School 0 2.25" in plain(roster)
    name = re.search(r'/people/([^"?/]+)">Zhao Lan', roster)
    assert name is not None
    page = officer.get(f"/people/{name[1]}").text
    assert "moved in 2024" in page
    assert "2.25 Hours pending" in plain(page)
    undo = re.search(r'action="(/people/duplicates/[^"]+/undo)"', page)
    assert undo is not None
    assert officer.post(undo[1], person=name[1]).status_code == 303
    assert plain(officer.get("/people/").text).count("Zhao Lan") == 2
    assert officer.post(undo[1], person=name[1]).status_code == 404


def test_different_people_are_not_listed_again(county: TwoSchools, officer: Visitor) -> None:
    decide(county, officer, "different")
    assert search_duplicates(county.centre) == []
    assert "Different people" in officer.text("/people/duplicates/", at="said")
    assert plain(officer.get("/people/").text).count("Zhao Lan") == 2


def test_a_wrong_answer_keeps_what_was_typed(county: TwoSchools, officer: Visitor) -> None:
    (found,) = search_duplicates(county.centre)
    sent = {"one": found.one.key, "other": found.other.key}
    long = "x" * 1001
    answer = officer.post("/people/duplicates/", **sent, kind="same", reason=long)
    assert (answer.status_code, long in answer.text) == (422, True)
    assert officer.post("/people/duplicates/", **sent, kind="maybe").status_code == 404
    itself = {"one": found.one.key, "other": found.one.key}
    assert officer.post("/people/duplicates/", **itself, kind="same").status_code == 404


def test_a_school_decides_about_nobody(county: TwoSchools) -> None:
    registrar = make_visitor(create_app(county.before, testing=True), "registrar")
    assert registrar.get("/people/duplicates/").status_code == 404
    assert "Possible duplicates" not in registrar.text("/people/")


def test_pairs_stand_on_pages(
    county: TwoSchools, officer: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "PAGE_ROWS", 1)
    for node in (county.before, county.after):
        enter(node, f"T-{node.code}-BBBBB-1", "Sun Mei", born_on="1985-01-02")
    county.bring()
    first = officer.get("/people/duplicates/").text
    assert "from=1" in first
    assert officer.text("/people/duplicates/", **{"from": 1}) != plain(first)


def test_the_county_compares_numbers_that_nobody_else_can_open(county: TwoSchools) -> None:
    ensure_seal_key(county.centre)
    county.bring()
    for node, number in ((county.before, "T-S1-CCCCC-1"), (county.after, "T-S2-CCCCC-1")):
        sealer = find_sealer(node)
        assert sealer is not None
        enter(node, number, f"Name {number}", id_number=sealer(ID))
    county.bring()
    found = [each for each in search_duplicates(county.centre) if "id_same" in each.reasons]
    assert len(found) == 1
    officer = make_visitor(create_app(county.centre, testing=True), "reviewer")
    text = officer.get("/people/duplicates/").text
    assert ("Same ID number" in text, ID in text, f"••••{ID[-4:]}" in text) == (True, False, True)
