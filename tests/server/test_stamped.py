"""Stamped pages belong to one print; the paper is held against the records as they change."""

import io
import re
from dataclasses import replace
from typing import Any, Final

import pytest
from flask import Flask

from tests.server.conftest import County
from tests.server.nodes import add_hour, add_person
from tests.server.pages import Visitor, make_visitor, plain
from tests.server.test_attachments import photo, teacher_of
from xueshi_server.store.attached_files import has_file
from xueshi_server.store.attachments import LINES, STAMPED, About, Attachment, list_attachments
from xueshi_server.store.prints import PRINTS_MAX, Prints
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

FORM: Final = "personal_statement"
DAY: Final = "2026-03-02"


@pytest.fixture
def person(school: Node) -> RecordKey:
    return add_person(school)


def path_of(node: Node, person: RecordKey, last: str = "") -> str:
    return f"/forms/{FORM}/{node.public_id(person)}{last}"


def print_form(visitor: Visitor, node: Node, person: RecordKey) -> str:
    """Print the statement; the digest on it."""
    assert visitor.get(path_of(node, person, "/pdf"), on=DAY).mimetype == "application/pdf"
    return Prints(node.home).list_awaited()[-1].digest


def attach(visitor: Visitor, node: Node, person: RecordKey, **fields: Any) -> Any:
    sent = {"on": DAY, "photo": photo(), **fields}
    return visitor.post(path_of(node, person, "/stamped"), **sent)


def pages(node: Node, person: RecordKey, kind: str = STAMPED) -> list[Attachment]:
    found = list_attachments(node, About("person", person))
    return [each for each in found if each.kind == kind]


def rename(node: Node, person: RecordKey, name: str) -> None:
    with node.write(actor="admin") as action:
        action.set("person", person, {"name": name})


def test_a_print_waits_for_its_stamped_page(
    admin: Visitor, school: Node, person: RecordKey
) -> None:
    assert "No stamped page is waited for" in admin.text("/forms/unstamped")
    digest = print_form(admin, school, person)
    page = admin.text("/forms/unstamped")
    assert f"{digest[:4]} {digest[4:]}" in page
    assert "Li Ming" in page
    assert attach(admin, school, person, digest=digest).status_code == 303
    assert "No stamped page is waited for" in admin.text("/forms/unstamped")


def test_the_digest_is_read_as_it_stands_in_groups_on_paper(
    admin: Visitor, school: Node, person: RecordKey
) -> None:
    digest = print_form(admin, school, person)
    typed = f" {digest[:4].upper()} {digest[4:]} "
    assert attach(admin, school, person, digest=typed).status_code == 303
    (found,) = pages(school, person)
    assert (found.form, found.printed, found.as_of) == (FORM, digest, DAY)
    (lines,) = pages(school, person, LINES)
    assert (lines.printed, has_file(school, lines.file)) == (digest, True)


def test_a_paper_that_still_holds_says_so(admin: Visitor, school: Node, person: RecordKey) -> None:
    attach(admin, school, person, digest=print_form(admin, school, person))
    assert "The paper says what the records say now" in admin.text(
        path_of(school, person, "/check"), on=DAY
    )
    assert "matches the records" in admin.text(path_of(school, person), on=DAY)


def test_a_record_changed_later_shows_which_lines_of_the_paper_no_longer_match(
    admin: Visitor, school: Node, person: RecordKey
) -> None:
    attach(admin, school, person, digest=print_form(admin, school, person))
    rename(school, person, "Li Mingzhu")
    add_hour(school, person, date="2026-02-01", title="Phonics")
    page = admin.get(path_of(school, person, "/check"), on=DAY).text
    assert "The paper no longer matches the records" in plain(page)
    assert "<del>Li Ming</del>" in page
    assert "<ins>Li Mingzhu</ins>" in page
    assert re.search(r"\(not on the paper\).*?<ins>[^<]*Phonics", page, re.S)
    assert "no longer matches" in admin.text(path_of(school, person), on=DAY)


def test_the_lines_of_a_paper_are_compared_in_its_own_language(
    admin: Visitor, school: Node, person: RecordKey
) -> None:
    admin.client.set_cookie("xueshi_lang", "zh")
    attach(admin, school, person, digest=print_form(admin, school, person))
    rename(school, person, "Wang Fang")
    admin.client.set_cookie("xueshi_lang", "en")
    page = admin.get(path_of(school, person, "/check"), on=DAY).text
    assert page.count("<del>") == 1
    assert "姓名" in page


def test_the_paper_of_a_digest_that_nobody_printed_is_asked_about_once(
    admin: Visitor, school: Node, person: RecordKey
) -> None:
    answer = attach(admin, school, person, digest="0123abcd")
    assert answer.status_code == 422
    assert "printed no such form" in answer.text
    assert pages(school, person) == []
    assert attach(admin, school, person, digest="0123abcd", sure="1").status_code == 303
    page = admin.text(path_of(school, person, "/check"), on=DAY)
    assert "not known which line" in page


def test_a_digest_has_eight_signs(admin: Visitor, school: Node, person: RecordKey) -> None:
    for digest in ("", "12", "zz" * 30):
        answer = attach(admin, school, person, digest=digest, sure="1")
        assert answer.status_code == 422
        assert "8 letters and figures" in answer.text


def test_a_bad_photo_of_a_stamped_page_is_named(
    admin: Visitor, school: Node, person: RecordKey
) -> None:
    digest = print_form(admin, school, person)
    answer = attach(admin, school, person, digest=digest, photo=(io.BytesIO(b"<svg>"), "stamp.svg"))
    assert answer.status_code == 422
    assert "stamp.svg" in answer.text
    assert pages(school, person) == []


def test_a_page_taken_back_is_waited_for_again(
    admin: Visitor, school: Node, person: RecordKey
) -> None:
    attach(admin, school, person, digest=print_form(admin, school, person))
    (found,) = pages(school, person)
    admin.post(path_of(school, person, "/stamped/withdraw"), on=DAY, attachment=found.name)
    assert "Li Ming" in admin.text("/forms/unstamped")


def test_a_print_that_is_not_needed_is_waited_for_no_longer(
    admin: Visitor, school: Node, person: RecordKey
) -> None:
    print_form(admin, school, person)
    admin.post(path_of(school, person, "/unstamped"))
    assert Prints(school.home).list_awaited() == []
    print_form(admin, school, person)
    assert len(Prints(school.home).list_awaited()) == 1


def test_a_page_printed_by_the_browser_is_noted_too(
    admin: Visitor, school: Node, person: RecordKey
) -> None:
    admin.post(path_of(school, person, "/printed"), on=DAY)
    (found,) = Prints(school.home).list_awaited()
    assert (found.form, found.about, found.as_of.isoformat()) == (FORM, "Li Ming", DAY)


def test_forms_without_a_stamp_and_a_teachers_own_statement_wait_for_nothing(
    app: Flask, admin: Visitor, school: Node, person: RecordKey
) -> None:
    admin.get(f"/forms/file_label/{school.public_id(person)}/pdf")
    teacher_of(app, school, person).get("/mine/statement")
    assert Prints(school.home).list_awaited() == []


def test_a_school_form_is_compared_like_any_other(admin: Visitor, county: County) -> None:
    add_person(county.school)
    admin.get("/forms/signing_list/S1/pdf", on=DAY)
    (found,) = Prints(county.school.home).list_awaited()
    fields = {"digest": found.digest, "on": DAY, "photo": photo()}
    assert admin.post("/forms/signing_list/S1/stamped", **fields).status_code == 303
    add_person(county.school, "T2", "Wang Fang")
    assert "Wang Fang" in admin.text("/forms/signing_list/S1/check", on=DAY)


def test_the_centre_sees_the_stamped_page_and_whether_it_holds(
    admin: Visitor, officer: Visitor, county: County
) -> None:
    person = add_person(county.school)
    attach(admin, county.school, person, digest=print_form(admin, county.school, person))
    county.carry_both_ways()
    there = county.centre.find_record(county.school.public_id(person))
    page = officer.text(path_of(county.centre, there, "/check"), on=DAY)
    assert "The photo is at Hill School, not here yet" in page
    assert "The paper says what the records say now" in page


def test_only_so_many_prints_of_a_subject_are_kept(
    admin: Visitor, school: Node, person: RecordKey
) -> None:
    print_form(admin, school, person)
    (first,) = Prints(school.home).list_awaited()
    Prints(school.home).keep(
        replace(first, digest=f"{number:08x}", printed_at_s=first.printed_at_s + number + 1)
        for number in range(PRINTS_MAX + 5)
    )
    kept = Prints(school.home).list_of(first.form, first.subject)
    assert len(kept) == PRINTS_MAX
    assert kept[0].digest == f"{PRINTS_MAX + 4:08x}"


def test_whoever_only_looks_attaches_nothing(app: Flask, school: Node, person: RecordKey) -> None:
    viewer = make_visitor(app, "viewer")
    assert 'id="attach"' not in viewer.get(path_of(school, person, "/check")).text
    assert attach(viewer, school, person, digest="0" * 8).status_code == 403
