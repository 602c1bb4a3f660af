"""What people do on the pages, from the form to the record and back."""

import re
import sqlite3
from io import BytesIO
from typing import Any

import pytest
from flask import Flask

from tests.process.county import serving
from tests.server.conftest import County
from tests.server.nodes import add_hour, add_person
from tests.server.pages import Visitor, make_visitor, plain
from xueshi_server.web import create_app
from xueshi_sync.errors import NetworkError
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

SESSION = {
    "date": "2026-03-01",
    "minutes": "1.5",
    "title": "Reading together",
    "form": "seminar",
    "category": "ethics",
    "note": "",
    "recorded_by": "Registrar Wang",
    "entry_id": "form-one",
}


def hours_of(node: Node) -> list[tuple[str, int, str]]:
    rows = node.query("SELECT title, minutes, state FROM hour ORDER BY rec")
    return [(row["title"], row["minutes"], row["state"]) for row in rows]


def add_roster(node: Node, count: int) -> list[RecordKey]:
    return [add_person(node, f"T{number}", f"Teacher {number}") for number in range(count)]


def test_one_session_gives_hours_to_everyone_ticked(admin: Visitor, school: Node) -> None:
    people = add_roster(school, 3)
    response = admin.post("/enter/", **SESSION, person=[str(key.rec) for key in people[:2]])
    assert response.headers["Location"].startswith("/hours/?done=entered&n=2&undo=")
    assert hours_of(school) == [("Reading together", 90, "pending")] * 2


def test_sending_the_form_twice_adds_nothing(admin: Visitor, school: Node) -> None:
    (person,) = add_roster(school, 1)
    for _ in range(2):
        admin.post("/enter/", **SESSION, person=str(person.rec))
    assert len(hours_of(school)) == 1


def test_the_log_in_name_is_written_beside_the_record(admin: Visitor, school: Node) -> None:
    (person,) = add_roster(school, 1)
    admin.post("/enter/", **SESSION, person=str(person.rec))
    assert school.query("SELECT actor FROM hour")[0]["actor"] == "admin"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        pytest.param({"minutes": "0.3"}, "0.3 is not a multiple of 0.25", id="hours"),
        pytest.param({"date": "soon"}, "“soon” is no date", id="date"),
        pytest.param({"title": ""}, "Must not be empty", id="title"),
        pytest.param({"person": []}, "Please tick at least one person", id="nobody"),
    ],
)
def test_a_faulty_form_saves_nothing_and_says_what_to_mend(
    admin: Visitor, school: Node, change: dict[str, Any], text: str
) -> None:
    (person,) = add_roster(school, 1)
    response = admin.post("/enter/", **{**SESSION, "person": str(person.rec), **change})
    assert (response.status_code, hours_of(school)) == (422, [])
    assert text in plain(response.text)
    assert 'value="seminar"' in response.text


def test_a_person_of_nobody_knows_where_is_not_entered(admin: Visitor, school: Node) -> None:
    add_roster(school, 1)
    assert admin.post("/enter/", **SESSION, person="999999").status_code == 422


def test_a_correction_is_a_new_record_that_names_the_old(admin: Visitor, school: Node) -> None:
    old = add_hour(school, add_person(school))
    name = school.public_id(old)
    admin.post(f"/enter/correct/{name}", **SESSION, person="T1")
    row = school.query("SELECT corrects, title FROM hour ORDER BY rec DESC")[0]
    assert (row["corrects"], row["title"]) == (old.rec, "Reading together")
    assert "A correction of this record waits" in admin.text(f"/hours/{name}")


def test_people_are_added_once(admin: Visitor, school: Node) -> None:
    for _ in range(2):
        admin.post("/people/new", staff_no="T1", name="Li Ming", entry_id="one")
    assert len(school.query("SELECT * FROM person")) == 1


def test_a_staff_number_that_is_taken_is_refused_with_the_name(
    admin: Visitor, school: Node
) -> None:
    add_person(school, "T1", "Wang Fang")
    response = admin.post("/people/new", staff_no="T1", name="Li Ming", entry_id="one")
    assert response.status_code == 422
    assert "“Wang Fang”" in plain(response.text)


def test_mending_a_name_writes_only_what_changed(admin: Visitor, school: Node) -> None:
    name = school.public_id(add_person(school))
    fields = {"staff_no": "T1", "name": "Li Min", "active": "1"}
    admin.post(f"/people/{name}/edit", **fields)
    admin.post(f"/people/{name}/edit", **fields)
    writes = school.query("SELECT field, value FROM field_write WHERE tbl = 'person'")
    assert [(row["field"], row["value"]) for row in writes] == [("name", "Li Min")]


def test_the_list_pages_by_key_without_loss_or_repeat(admin: Visitor, school: Node) -> None:
    person = add_person(school)
    for number in range(120):
        add_hour(school, person, title=f"No. {number:03d}", date=f"2026-01-{1 + number % 7:02d}")
    seen: list[str] = []
    path: str | None = "/hours/"
    while path:
        html = admin.get(path).text
        seen += re.findall(r"No\. \d{3}(?=</a>)", html)
        link = re.search(r'class="button quiet" href="([^"]*after=[^"]*)"', html)
        path = link[1].replace("&amp;", "&") if link else None
    assert len(seen) == 120
    assert len(set(seen)) == 120


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param({"month": "2026-02"}, ["February"], id="month"),
        pytest.param({"state": "approved"}, [], id="state"),
        pytest.param({"month": "2026-13", "state": "x", "after": "y"}, None, id="nonsense"),
    ],
)
def test_the_list_is_narrowed_by_month_and_state(
    admin: Visitor, school: Node, query: dict[str, str], found: list[str] | None
) -> None:
    person = add_person(school)
    add_hour(school, person, title="January", date="2026-01-31")
    add_hour(school, person, title="February", date="2026-02-01")
    text = admin.text("/hours/", **query)
    expected = ["January", "February"] if found is None else found
    assert [each for each in ("January", "February") if each in text] == expected


def test_a_record_shows_how_far_it_got(county: County) -> None:
    visitor = make_visitor(create_app(county.school, testing=True), "admin")
    key = add_hour(county.school, add_person(county.school))
    name = county.school.public_id(key)
    assert plain(visitor.get(f"/hours/{name}").text).count("not yet") == 3
    county.carry_both_ways()
    assert plain(visitor.get(f"/hours/{name}").text).count("not yet") == 1


def test_a_date_after_the_entry_is_flagged(admin: Visitor, school: Node) -> None:
    key = add_hour(school, add_person(school), date="2026-05-01")
    text = admin.text(f"/hours/{school.public_id(key)}")
    assert "2026-05-01 is later than the day of entry" in text


def test_unknown_records_are_not_found(admin: Visitor) -> None:
    for name in ("nonsense", "~1.9.9", "00" * 16 + ".1"):
        assert admin.get(f"/hours/{name}").status_code == 404
        assert admin.get(f"/people/{name}").status_code == 404


class TestReview:
    """The centre's queue."""

    @pytest.fixture
    def names(self, county: County) -> list[str]:
        person = add_person(county.school)
        keys = [add_hour(county.school, person, title=f"No. {number}") for number in range(3)]
        county.carry_both_ways()
        return [county.school.public_id(key) for key in keys]

    def test_many_are_approved_at_once(
        self, county: County, officer: Visitor, names: list[str]
    ) -> None:
        officer.post("/review/", record=names, verdict="approve")
        assert [state for _, _, state in hours_of(county.centre)] == ["approved"] * 3

    def test_returning_needs_a_reason(
        self, county: County, officer: Visitor, names: list[str]
    ) -> None:
        response = officer.post("/review/", record=names[:1], verdict="reject", reason=" ")
        assert response.status_code == 422
        assert "Please give a reason" in plain(response.text)
        assert [state for _, _, state in hours_of(county.centre)] == ["pending"] * 3

    def test_nothing_ticked_is_said(self, officer: Visitor, names: list[str]) -> None:
        response = officer.post("/review/", verdict="approve")
        assert "Please tick the records" in plain(response.text)

    def test_the_school_reads_why_a_record_came_back(
        self, county: County, officer: Visitor, names: list[str]
    ) -> None:
        officer.post("/review/", record=names[:1], verdict="reject", reason="No list of names")
        county.carry_both_ways()
        visitor = make_visitor(create_app(county.school, testing=True), "viewer")
        assert "No list of names" in visitor.text(f"/hours/{names[0]}")

    def test_approving_a_correction_settles_the_record_it_replaces(
        self, county: County, officer: Visitor, names: list[str]
    ) -> None:
        old = county.school.find_record(names[0])
        person = RecordKey(*county.school.query("SELECT scope_no, rec FROM person")[0])
        new = add_hour(county.school, person, title="Right", corrects=old.rec)
        county.carry_both_ways()
        officer.post("/review/", record=[county.school.public_id(new)], verdict="approve")
        states = {title: state for title, _, state in hours_of(county.centre)}
        assert (states["No. 0"], states["Right"]) == ("void", "approved")


class TestConflicts:
    """Concurrent edits of one name."""

    @pytest.fixture
    def name(self, county: County) -> str:
        person = add_person(county.school)
        county.carry_both_ways()
        name = county.school.public_id(person)
        for node, value in ((county.school, "Li Ming A"), (county.centre, "Li Ming B")):
            with node.write(actor="admin") as action:
                action.set("person", node.find_record(name), {"name": value})
        county.carry_both_ways()
        return name

    def test_both_values_are_shown_with_who_wrote_them(self, admin: Visitor, name: str) -> None:
        text = admin.text("/conflicts/")
        assert "Li Ming A" in text
        assert "Li Ming B" in text
        assert "Hill School" in text

    def test_one_click_settles_it_everywhere(
        self, county: County, admin: Visitor, name: str
    ) -> None:
        html = admin.get("/conflicts/").text
        seen = re.search(r'name="seen" value="(\w+)"', html)
        assert seen is not None
        fields = {"table": "person", "record": name, "field": "name", "seen": seen[1]}
        admin.post("/conflicts/", **fields, choice="1")
        county.carry_both_ways()
        shown = [
            node.query("SELECT name, conflicts FROM person")[0]
            for node in (county.school, county.centre)
        ]
        assert [tuple(row) for row in shown] == [(shown[0]["name"], 0)] * 2

    def test_a_choice_among_other_values_than_shown_is_refused(
        self, admin: Visitor, name: str
    ) -> None:
        fields = {"table": "person", "record": name, "field": "name", "seen": "old"}
        assert admin.post("/conflicts/", **fields, choice="0").status_code == 409


class TestSync:
    """The state of sync and the files that carry it."""

    def test_a_file_travels_through_the_pages(
        self, county: County, admin: Visitor, officer: Visitor
    ) -> None:
        add_hour(county.school, add_person(county.school))
        bundle = admin.post("/sync-state/bundle")
        assert bundle.headers["Content-Disposition"] == "attachment; filename=S1.xueshi"
        response = officer.post("/sync-state/take", bundle=(BytesIO(bundle.data), "a.xueshi"))
        assert "File taken in: 2 new changes" in plain(response.text)
        assert len(hours_of(county.centre)) == 1

    def test_a_damaged_file_is_refused_in_words(self, officer: Visitor) -> None:
        response = officer.post("/sync-state/take", bundle=(BytesIO(b"junk"), "a.xueshi"))
        assert response.status_code == 422
        assert "error." not in plain(response.text)

    def test_the_address_of_a_centre_that_moved_is_taken_once_it_answered(
        self, county: County, admin: Visitor
    ) -> None:
        silent = admin.post("/sync-state/address", address="http://127.0.0.1:9")
        assert (silent.status_code, county.school.urls) == (422, [])
        wrong = admin.post("/sync-state/address", address="192.168.1.10")
        assert (wrong.status_code, county.school.urls) == (422, [])
        assert "192.168.1.10" in plain(wrong.text)
        add_hour(county.school, add_person(county.school))
        with serving(county.centre.wsgi_app()) as (host, port):
            moved = f"http://{host}:{port}"
            said = admin.post("/sync-state/address", address=f" {moved} ")
        assert "Done: 2 changes sent" in plain(said.text)
        assert county.school.urls == [moved]
        assert moved in admin.get("/sync-state/").text

    def test_a_line_that_fails_is_said_plainly(
        self, admin: Visitor, school: Node, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise NetworkError

        monkeypatch.setattr(type(school), "sync_once", fail)
        text = plain(admin.post("/sync-state/now").text)
        assert "The centre cannot be reached" in text

    def test_a_node_without_a_county_says_so(self, county: County) -> None:
        alone = county.world.make("school", "Alone", "S9")
        visitor = make_visitor(create_app(alone, testing=True), "admin")
        assert "Not part of a county yet" in visitor.text("/sync-state/")
        assert "Ask the centre for an invitation" in visitor.text("/sync-state/")


class TestFiles:
    """Import and export on the page."""

    TABLE = b"teacher_id,teacher_name,date,title,hours\nT1,Li Ming,2026-03-01,Reading,%s\n"

    def send(self, admin: Visitor, hours: bytes, **fields: str) -> str:
        upload = (BytesIO(self.TABLE % hours), "hours.csv")
        return plain(admin.post("/files/", file=upload, type="hour", **fields).text)

    def test_a_table_is_imported(self, admin: Visitor, school: Node) -> None:
        assert "Imported: 1 new, 0 already here, 1 new people" in self.send(admin, b"2")
        assert hours_of(school) == [("Reading", 120, "pending")]

    def test_checking_writes_nothing(self, admin: Visitor, school: Node) -> None:
        assert "All well: 1 rows" in self.send(admin, b"2", dry_run="1")
        assert hours_of(school) == []

    def test_a_bad_row_is_named(self, admin: Visitor) -> None:
        assert "2 Hours 0.3 is not a multiple of 0.25" in self.send(admin, b"0.3")

    @pytest.mark.parametrize("kind", ["xlsx", "csv", "jsonl"])
    def test_everything_is_exported(self, admin: Visitor, school: Node, kind: str) -> None:
        add_hour(school, add_person(school))
        response = admin.get(f"/files/hour.{kind}")
        assert response.headers["Content-Disposition"] == f"attachment; filename=hour.{kind}"
        assert len(response.data) > 100


def test_an_account_is_made_with_a_code_that_is_shown_once(app: Flask, admin: Visitor) -> None:
    response = admin.post("/accounts/", login="wang", name="Wang", role="registrar")
    code = re.search(r'class="code">([-\w]+)<', response.text)
    assert code is not None
    assert code[1] not in admin.get("/accounts/").text
    visitor = make_visitor(app, None)
    assert visitor.post("/login", login="wang", secret=code[1]).status_code == 303


def test_nobody_locks_themselves_out(admin: Visitor) -> None:
    assert admin.post("/accounts/1/disable").status_code == 404


@pytest.mark.parametrize(("lang", "word"), [("zh", "\u4eca\u5929"), ("en", "Today")])
def test_the_language_is_chosen_by_a_link_and_remembered(
    admin: Visitor, lang: str, word: str
) -> None:
    admin.get("/people/", lang=lang)
    assert word in admin.text("/")


def test_the_centre_sees_which_schools_were_heard_from(county: County, officer: Visitor) -> None:
    add_hour(county.school, add_person(county.school))
    county.carry_both_ways()
    text = officer.text("/")
    assert "1 of 1 heard from" in text
    assert "Hill School S1 1 0 1" in text


def test_a_disk_that_fails_is_said_on_a_whole_page(
    admin: Visitor, school: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(type(school), "query", fail)
    response = admin.get("/people/")
    assert response.status_code == 503
    assert "The disk cannot be written" in plain(response.text)


def test_a_fault_of_ours_is_said_on_a_whole_page(
    app: Flask, admin: Visitor, school: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    app.testing = False
    monkeypatch.setattr(type(school), "status", fail)
    response = admin.get("/sync-state/")
    assert response.status_code == 500
    assert "nothing of this step was saved" in plain(response.text)


def test_health_names_nobody(app: Flask) -> None:
    answer = make_visitor(app, None).get("/healthz").get_json()
    assert answer == {"ok": True, "role": "school"}


def test_every_page_stays_under_a_hundred_kilobytes(admin: Visitor, school: Node) -> None:
    person = add_person(school)
    for number in range(60):
        add_hour(school, person, title="x" * 200, note="y" * 500)
        add_person(school, f"T{number + 10}", "A rather long name of a teacher")
    for path in ("/", "/hours/", "/people/", "/enter/", "/sync-state/", "/files/"):
        assert len(admin.get(path).data) < 100_000, path
