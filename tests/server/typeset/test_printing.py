"""Statements of a node's teachers: their numbers, their digests, and whom they can be about."""

import datetime as dt
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from msgspec import structs
from pypdf import PdfReader

from tests.server.pages import Visitor, make_visitor
from tests.server.walks.shipped_county import SCHOOL, County, Record, make_county
from xueshi_server.errors import UnknownRecordError
from xueshi_server.store.material import COUNTY
from xueshi_server.typeset.periods import Period
from xueshi_server.typeset.printing import (
    AmbiguousSubjectError,
    NobodyToPrintError,
    Press,
    check_paper,
    write_whole,
)
from xueshi_server.web import create_app

DAY: Final = dt.date(2026, 3, 2)
FIRST, LAST = "2025-09-01", "2026-08-31"
PDF: Final = "application/pdf"


class Office:
    """A school's teachers with approved, waiting, rejected and older hours."""

    def __init__(self, county: County) -> None:
        self.county = county
        names = ("卢建设", "范晓琳", "范晓琳")
        self.people = [
            county.enter("person", staff_no=f"T{at}", name=name, active=True)
            for at, name in enumerate(names)
        ]
        self.hours = [self.hour(at, person) for person in self.people for at in range(9)]
        self.old = self.hour(0, self.people[0], date="2025-08-31")
        county.approve(*self.hours[::2], self.old)
        node = county.at_centre()
        with node.write(actor="officer") as action:
            action.judge("hour", node.find_record(self.hours[3].name), "reject", reason="无证明")

    def hour(self, at: int, person: Record, date: str = "") -> Record:
        day = date or f"2025-{9 + at % 4:02d}-{3 + at:02d}"
        return self.county.enter(
            "hour", person=person, date=day, title=f"第{at}次研修", minutes=30 + 15 * at
        )

    def press(self, form: str = "personal_statement", language: str = "zh") -> Press:
        pack = self.county.pack
        return Press(self.county.at_centre(), pack, pack.forms[form], DAY, language)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with make_county(tmp_path_factory.mktemp("print"), "mianzhu") as county:
        yield Office(county)


def text_of(data: bytes) -> str:
    pages = PdfReader(io.BytesIO(data)).pages
    return "".join("".join(page.extract_text().split()) for page in pages)


def test_the_totals_of_a_statement_are_those_of_the_records(office: Office) -> None:
    """Asked of the tables by other words than the code behind the form uses."""
    node = office.county.at_centre()
    for person in office.people:
        found = re.findall(
            r"共(\d+)条学时合计：([\d.]+)", text_of(office.press().print_one(person.name))
        )
        rec = node.find_record(person.name).rec
        wanted = []
        for state in ("approved", "pending"):
            rows = node.query(
                "SELECT minutes FROM hour WHERE person = ? AND state = ?"
                " AND date >= ? AND date <= ?",
                [rec, state, FIRST, LAST],
            )
            total = sum(row["minutes"] for row in rows)
            wanted.append((len(rows), total / 60))
        assert [int(count) for count, _ in found] == [count for count, _ in wanted]
        assert [float(value) for _, value in found] == pytest.approx(
            [value for _, value in wanted], abs=0.01
        )


def test_a_certificate_counts_only_what_was_approved_in_its_period(office: Office) -> None:
    node, person = office.county.at_centre(), office.people[0]
    [row] = node.query(
        "SELECT sum(minutes) AS total FROM hour h JOIN person p"
        " ON p.scope_no = h.scope_no AND p.rec = h.person"
        " WHERE p.staff_no = 'T0' AND h.state = 'approved' AND h.date BETWEEN ? AND ?",
        [FIRST, LAST],
    )
    text = text_of(office.press("hours_certificate").print_one(person.name))
    found = re.search(r"学时合计([\d.]+)。特此证明", text)
    assert found is not None
    assert float(found[1]) == pytest.approx(row["total"] / 60, abs=0.01)


def test_a_statement_names_school_person_and_period(office: Office) -> None:
    sheet = office.press().fill(office.people[0].name)
    assert (sheet.unit, sheet.about) == ("中心小学", "卢建设")
    assert sheet.period == Period(dt.date(2025, 9, 1), dt.date(2026, 8, 31), "2025—2026学年度")


def test_a_sheet_about_a_school_names_the_school(office: Office) -> None:
    sheet = office.press("signing_list").fill(SCHOOL)
    assert (sheet.unit, sheet.about) == ("中心小学", "中心小学")
    assert [row[1] for row in sheet.document.sections[0].rows] == ["卢建设", "范晓琳", "范晓琳"]


def test_everybody_is_printed_in_the_order_of_their_numbers(office: Office) -> None:
    press = office.press()
    assert press.everybody() == [each.name for each in office.people]
    assert office.press("signing_list").everybody() == [SCHOOL]
    assert office.press("institution_list").everybody() == [COUNTY]


def test_a_subject_is_found_by_number_and_by_a_name_that_only_one_has(office: Office) -> None:
    press = office.press()
    assert press.find("T1") == office.people[1].name
    assert press.find("卢建设") == office.people[0].name
    assert press.find(office.people[2].name) == office.people[2].name
    with pytest.raises(AmbiguousSubjectError):
        press.find("范晓琳")
    with pytest.raises(UnknownRecordError):
        press.find("无此人")


def test_nobody_to_print_for_is_said(office: Office) -> None:
    with pytest.raises(NobodyToPrintError):
        office.press().print_all([])


def test_the_same_records_give_the_same_bytes(office: Office) -> None:
    names = office.press().everybody()
    assert office.press().print_all(names) == office.press().print_all(names)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_paper_holds_as_long_as_its_records_do(office: Office, language: str) -> None:
    person = office.people[1]
    printed = office.press(language=language).fill(person.name).document.digest
    typed = f" {printed[:4].upper()}-{printed[4:]} "
    assert check_paper(office.press(), person.name, typed).holds
    office.hour(1, person)
    found = check_paper(office.press(), person.name, typed)
    assert not found.holds
    assert found.digest == office.press().fill(person.name).document.digest


def test_a_record_of_another_person_leaves_a_paper_alone(office: Office) -> None:
    before = office.press().digest(office.people[0].name, "zh")
    office.hour(2, office.people[2])
    assert office.press().digest(office.people[0].name, "zh") == before


def test_a_file_that_could_not_be_written_leaves_no_part(tmp_path: Path) -> None:
    target = tmp_path / "a.pdf"
    write_whole(target, b"%PDF")
    target.with_name("b.pdf").mkdir()
    with pytest.raises(OSError, match=r"b\.pdf"):
        write_whole(tmp_path / "b.pdf", b"%PDF")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pdf", "b.pdf"]


def test_a_part_that_a_killed_print_left_is_gone_after_the_next(tmp_path: Path) -> None:
    (tmp_path / "a.pdf.part").write_bytes(b"half of a longer file")
    write_whole(tmp_path / "a.pdf", b"%PDF")
    assert [path.name for path in tmp_path.iterdir()] == ["a.pdf"]
    assert (tmp_path / "a.pdf").read_bytes() == b"%PDF"


# ---- the pages


@pytest.fixture(scope="module")
def visitor(office: Office) -> Visitor:
    return make_visitor(create_app(office.county.at_centre(), testing=True), "admin")


def test_the_page_of_a_form_leads_to_its_pdf(office: Office, visitor: Visitor) -> None:
    page = visitor.get(f"/forms/personal_statement/{office.people[0].name}", on="2026-03-02")
    link = re.search(r'href="([^"]+/pdf[^"]*)"', page.text)
    assert link is not None
    answer = visitor.get(f"{link[1]}&lang=zh".replace("&amp;", "&"))
    assert (answer.status_code, answer.mimetype) == (200, PDF)
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.data == office.press().print_one(office.people[0].name)


def test_the_page_says_whether_a_paper_holds(office: Office, visitor: Visitor) -> None:
    name = office.people[0].name
    path, digest = f"/forms/personal_statement/{name}/check", office.press().digest(name, "zh")
    right = visitor.text(path, on="2026-03-02", digest=digest, lang="en")
    wrong = visitor.text(path, on="2026-03-02", digest="0000 0000", lang="en")
    assert "It says what the records say now." in right
    assert "It no longer says what the records say." in wrong
    new = office.press(language="en").digest(name, "en")
    assert f"{new[:4]} {new[4:]}" in wrong


@pytest.mark.parametrize(
    "path", ["none/x/pdf", "personal_statement/x/pdf", "none/pdf", "x/y/check"]
)
def test_unknown_forms_and_records_are_not_found(visitor: Visitor, path: str) -> None:
    assert visitor.get(f"/forms/{path}").status_code == 404


def test_a_statement_has_every_requirement_asked_of_the_teacher_with_its_clause(
    tmp_path: Path,
) -> None:
    with make_county(tmp_path, "township-primary") as county:
        person = county.enter("person", staff_no="T1", name="卢建设", active=True)
        county.enter("hour", person=person, date="2025-10-01", title="集体备课", minutes=90)
        node, pack = county.at_centre(), county.pack
        press = Press(node, pack, pack.forms["personal_statement"], DAY, "zh")
        document = press.fill(person.name).document
        [lines] = [each.rules for each in document.sections if each.kind == "rules"]
        asked = [each for each in pack.rules.values() if each.scope == "teacher"]
        assert [each.label for each in lines] == [each.label.zh for each in asked]
        assert all(each.clause and each.status != "not_asked" for each in lines)


def test_a_node_that_prints_nothing_does_not_load_the_setter() -> None:
    asked = "import sys, xueshi_server.web, xueshi_server.typeset.printing; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", asked],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert {"typst", "pypdf"}.isdisjoint(loaded)


def test_a_paper_of_an_older_version_of_the_pack_holds_on_its_own_day(tmp_path: Path) -> None:
    with make_county(tmp_path, "township-primary") as county:
        person = county.enter("person", staff_no="T1", name="卢建设", active=True)
        node, then = county.at_centre(), county.pack
        form = then.forms["personal_statement"]
        printed = Press(node, then, form, DAY, "zh").digest(person.name, "zh")
        about = structs.replace(then.about, version="9999")
        later = structs.replace(then, about=about)
        now = Press(node, later, form, DAY, "zh")
        assert now.digest(person.name, "zh") != printed
        assert check_paper(now, person.name, printed).holds
