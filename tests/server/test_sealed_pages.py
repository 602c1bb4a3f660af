"""Personal numbers on the pages: entered sealed, shown by their end, opened at the centre alone."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask

from tests.server.conftest import County
from tests.server.nodes import add_person
from tests.server.pages import Visitor, accounts_of, make_visitor
from xueshi_server.accounts import ROLES
from xueshi_server.browse import copy_records
from xueshi_server.browse_lists import plan_lists
from xueshi_server.record_types import BASE_PACK
from xueshi_server.sealing import Opener, ensure_seal_key
from xueshi_server.web import create_app
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

NUMBER = "51068319850108002X"
PHONE = "13812345678"
PERSON = {"staff_no": "T1", "name": "Li Ming", "active": "1", "entry_id": "f1"}


@pytest.fixture
def keyed(county: County) -> County:
    """A county whose school knows the key of the centre."""
    ensure_seal_key(county.centre)
    county.carry_both_ways()
    return county


@pytest.fixture
def registrar(keyed: County) -> Visitor:
    """Somebody who enters people at the school."""
    return make_visitor(create_app(keyed.school, testing=True), "registrar")


@pytest.fixture
def officer(keyed: County) -> Visitor:
    """An administrator of the centre."""
    return make_visitor(create_app(keyed.centre, testing=True), "admin")


def one_person(node: Node) -> dict[str, object]:
    """The one person at a node."""
    (row,) = node.query("SELECT * FROM person WHERE NOT deleted")
    return dict(row)


def name_of(node: Node) -> str:
    """The public name of the one person at a node."""
    row = node.query("SELECT scope_no, rec FROM person WHERE NOT deleted")[0]
    return node.public_id(RecordKey(row["scope_no"], row["rec"]))


def opened(keyed: County, field: str = "id_number") -> str:
    """What the centre reads in the one person's field."""
    keyed.carry_both_ways()
    value = one_person(keyed.centre)[field]
    assert isinstance(value, bytes)
    return Opener(keyed.centre.home)(value)


def test_a_number_is_sealed_as_it_is_entered(keyed: County, registrar: Visitor) -> None:
    answer = registrar.post("/people/new", **PERSON, id_number=NUMBER.lower(), phone=PHONE)
    assert answer.status_code in (302, 303)
    assert opened(keyed) == NUMBER
    assert opened(keyed, "phone") == PHONE


def test_what_the_number_says_is_filled_in(keyed: County, registrar: Visitor) -> None:
    registrar.post("/people/new", **PERSON, id_number=NUMBER)
    person = one_person(keyed.school)
    assert (person["born_on"], person["sex"]) == ("1985-01-08", "2")


def test_another_day_of_birth_is_told_beside_it_and_saved_when_confirmed(
    keyed: County, registrar: Visitor
) -> None:
    fields = {**PERSON, "id_number": NUMBER, "born_on": "1950-01-01"}
    answer = registrar.post("/people/new", **fields)
    assert answer.status_code == 422
    assert "another day of birth" in answer.text
    # Nothing typed is lost.
    assert NUMBER in answer.text
    registrar.post("/people/new", **fields, **{"born_on.anyway": "1"})
    assert one_person(keyed.school)["born_on"] == "1950-01-01"


def test_a_form_that_was_sent_twice_makes_one_person(keyed: County, registrar: Visitor) -> None:
    for _ in range(2):
        answer = registrar.post("/people/new", **PERSON, id_number=NUMBER)
        assert answer.status_code in (302, 303)
    assert one_person(keyed.school)["staff_no"] == "T1"


def test_an_empty_field_keeps_what_is_stored(keyed: County, registrar: Visitor) -> None:
    registrar.post("/people/new", **PERSON, id_number=NUMBER)
    before = one_person(keyed.school)
    path = f"/people/{name_of(keyed.school)}/edit"
    form = registrar.get(path).text
    assert "••••002X" in form
    assert NUMBER not in form
    registrar.post(path, **{**PERSON, "name": "Li Min", "id_number": ""})
    after = one_person(keyed.school)
    assert after["name"] == "Li Min"
    assert after["id_number"] == before["id_number"]


def test_a_stored_number_is_replaced_and_removed(keyed: County, registrar: Visitor) -> None:
    registrar.post("/people/new", **PERSON, phone=PHONE)
    path = f"/people/{name_of(keyed.school)}/edit"
    registrar.post(path, **PERSON, phone="0816 6221234")
    assert opened(keyed, "phone") == "08166221234"
    registrar.post(path, **PERSON, phone="", **{"phone.remove": "1"})
    assert one_person(keyed.school)["phone"] is None


def test_without_the_key_the_rest_of_the_form_is_kept(app: Flask, school: Node) -> None:
    visitor = make_visitor(app, "registrar")
    assert "key is not here yet" in visitor.get("/people/new").text
    answer = visitor.post("/people/new", **PERSON, id_number=NUMBER)
    assert answer.status_code == 422
    assert "after the first sync" in answer.text
    assert "Li Ming" in answer.text
    assert visitor.post("/people/new", **PERSON).status_code in (302, 303)
    assert one_person(school)["id_number"] is None


def test_no_number_is_taken_from_an_address(registrar: Visitor) -> None:
    text = registrar.get("/records/person/new", id_number=NUMBER).text
    assert f'value="{NUMBER}"' not in text


def test_pages_tables_and_prints_show_the_end_alone(keyed: County, registrar: Visitor) -> None:
    registrar.post("/people/new", **PERSON, id_number=NUMBER, phone=PHONE)
    name = name_of(keyed.school)
    for path in (f"/people/{name}", f"/records/person/{name}", "/files/person.csv"):
        text = registrar.get(path).text
        assert "••••002X" in text, path
        assert "••••5678" in text, path
        assert NUMBER not in text, path
        assert PHONE not in text, path


def test_both_numbers_of_a_conflict_show_their_ends(
    keyed: County, registrar: Visitor, officer: Visitor
) -> None:
    registrar.post("/people/new", **PERSON, phone=PHONE)
    keyed.carry_both_ways()
    officer.post(f"/people/{name_of(keyed.centre)}/edit", **PERSON, phone="13900001111")
    registrar.post(f"/people/{name_of(keyed.school)}/edit", **PERSON, phone=PHONE)
    keyed.carry_both_ways()
    text = registrar.text("/conflicts/")
    assert "••••1111" in text
    assert "••••5678" in text


def test_no_file_of_the_school_holds_a_number(
    keyed: County, registrar: Visitor, tmp_path: Path
) -> None:
    registrar.post("/people/new", **{**PERSON, "born_on": "1950-01-01"}, id_number=NUMBER)
    registrar.post("/people/new", **PERSON, id_number=NUMBER, phone=PHONE)
    keyed.carry_both_ways()
    keyed.school.backup(tmp_path / "school.backup")
    assert one_person(keyed.school)["id_number"] is not None
    for path in [each for each in tmp_path.rglob("*") if each.is_file()]:
        data = path.read_bytes()
        for text in (NUMBER, NUMBER[:14], PHONE):
            for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
                assert text.encode(encoding) not in data, path


def test_an_added_person_without_numbers_shows_none(keyed: County, registrar: Visitor) -> None:
    add_person(keyed.school)
    assert "••••" not in registrar.get(f"/people/{name_of(keyed.school)}").text


@pytest.fixture
def entered(keyed: County, registrar: Visitor) -> County:
    """The county with one person's numbers, at the centre too."""
    registrar.post("/people/new", **PERSON, id_number=NUMBER, phone=PHONE)
    keyed.carry_both_ways()
    return keyed


def test_the_administrator_of_the_centre_opens_one_number_once(
    entered: County, officer: Visitor
) -> None:
    path = f"/personal/person/{name_of(entered.centre)}"
    assert NUMBER not in officer.get(path).text
    answer = officer.post(path, field="id_number", reason="Report to the province")
    assert NUMBER in answer.text
    assert PHONE not in answer.text
    assert "no-store" in answer.headers["Cache-Control"]
    assert NUMBER not in officer.get(path).text


def test_who_opened_whose_number_and_why_is_noted_without_it(
    entered: County, officer: Visitor
) -> None:
    path = f"/personal/person/{name_of(entered.centre)}"
    officer.post(path, field="phone", reason="Report to the province")
    (note,) = [e for e in accounts_of(officer.app).list_notes() if e.what == "open_sealed"]
    assert (note.who, note.whom) == ("admin", "T1")
    assert note.detail == "Phone: Report to the province"
    assert "saw a number in full" in officer.text("/accounts/notes")


def test_without_a_proper_reason_nothing_is_opened(entered: County, officer: Visitor) -> None:
    path = f"/personal/person/{name_of(entered.centre)}"
    for reason in ("", "  ", f"for {NUMBER}", "5106 8319-8501 0800 2x", "x" * 121):
        answer = officer.post(path, field="id_number", reason=reason)
        assert answer.status_code == 422, reason
        assert "Shown this once" not in answer.text, reason
    assert [e.what for e in accounts_of(officer.app).list_notes()].count("open_sealed") == 0


def test_no_other_role_opens_a_number(entered: County, officer: Visitor) -> None:
    path = f"/personal/person/{name_of(entered.centre)}"
    for role in ROLES[1:]:
        visitor = make_visitor(officer.app, role)
        assert visitor.get(path).status_code == 403, role
        answer = visitor.post(path, field="id_number", reason="I want to know")
        assert answer.status_code == 403, role


def test_a_school_opens_nothing(entered: County) -> None:
    admin = make_visitor(create_app(entered.school, testing=True), "admin")
    name = name_of(entered.school)
    answer = admin.post(f"/personal/person/{name}", field="id_number", reason="I want to know")
    assert answer.status_code == 403
    assert NUMBER not in answer.text
    assert "/personal/" not in admin.get(f"/people/{name}").text


def test_the_centre_offers_to_open_what_is_sealed(entered: County, officer: Visitor) -> None:
    name = name_of(entered.centre)
    for path in (f"/people/{name}", f"/records/person/{name}"):
        assert f"/personal/person/{name}" in officer.get(path).text


def test_a_number_under_a_destroyed_key_says_so(entered: County, officer: Visitor) -> None:
    for path in (entered.centre.home / "key").glob("seal-*.key"):
        path.unlink()
    path_of = f"/personal/person/{name_of(entered.centre)}"
    answer = officer.post(path_of, field="id_number", reason="Report to the province")
    assert answer.status_code == 422
    assert "sealed to key 1" in answer.text
    assert "enter it again" in answer.text


def test_the_copy_for_datasette_has_the_end_alone(entered: County, tmp_path: Path) -> None:
    target = tmp_path / "county.db"
    source = entered.centre.home / "data" / "view.db"
    copy_records(source, target, "en", ["person"], plan_lists(BASE_PACK, ["person"], "en"))
    box = one_person(entered.centre)["id_number"]
    assert isinstance(box, bytes)
    with closing(sqlite3.connect(target)) as db:
        assert db.execute("SELECT id_number, phone FROM person").fetchone() == (
            "••••002X",
            "••••5678",
        )
        assert db.execute('SELECT "ID number" FROM list_person').fetchone() == ("••••002X",)
    assert box[5:] not in target.read_bytes()


def test_no_log_and_no_address_holds_a_number(
    keyed: County, registrar: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    answers = [
        registrar.post("/people/new", **PERSON, id_number=NUMBER[:-1]),
        registrar.post("/people/new", **{**PERSON, "born_on": "1950-01-01"}, id_number=NUMBER),
        registrar.post("/people/new", **PERSON, id_number=NUMBER, phone=PHONE),
    ]
    keyed.carry_both_ways()
    headers = " ".join(str(each.headers) for each in answers)
    for text in (NUMBER, NUMBER[:-1], PHONE):
        assert text not in caplog.text
        assert text not in headers
