"""Evidence beside records: claimed with photos, seen by who may, withdrawn but never erased."""

import io
import json
import os
from pathlib import Path
from typing import Any, Final

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.process.county import serving
from tests.server.conftest import County
from tests.server.nodes import add_hour, add_person
from tests.server.pages import TEST_PIN, Visitor, accounts_of, make_visitor
from tests.server.test_photos import SCRIPT, bomb, noise, picture
from xueshi_server.delivering import deliver_files, take_offers
from xueshi_server.store.attached_files import (
    NotHereError,
    forget_file,
    has_file,
    keep_file,
    keep_small,
    read_file,
    read_small,
)
from xueshi_server.store.attachments import About, Attachment, list_attachments
from xueshi_server.store.claim_drafts import PHOTOS_MAX, ClaimDrafts
from xueshi_server.web.security import SESSION_COOKIE
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

CLAIM: Final = {"date": "2026-02-20", "title": "Reading circle", "minutes": "2", "entry_id": "one"}


def photo(data: bytes = b"", name: str = "IMG_0001.jpg") -> tuple[io.BytesIO, str]:
    """A file of a form."""
    return io.BytesIO(data or picture()), name


def photos(count: int) -> list[tuple[io.BytesIO, str]]:
    return [photo(picture(60 + place), f"{place}.jpg") for place in range(count)]


def teacher_of(app: Flask, node: Node, person: RecordKey, login: str = "T1") -> Visitor:
    accounts = accounts_of(app)
    code = accounts.add(login, login, "teacher", person=node.public_id(person))
    account = accounts.check(login, code)
    accounts.set_password(account, TEST_PIN)
    visitor = Visitor(app, app.test_client())
    visitor.client.set_cookie("xueshi_lang", "en")
    visitor.client.set_cookie(SESSION_COOKIE, accounts.start_session(account))
    return visitor


@pytest.fixture
def person(school: Node) -> RecordKey:
    return add_person(school)


@pytest.fixture
def teacher(app: Flask, school: Node, person: RecordKey) -> Visitor:
    return teacher_of(app, school, person)


def hours(node: Node) -> list[RecordKey]:
    rows = node.query("SELECT scope_no, rec FROM hour ORDER BY rec")
    return [RecordKey(row["scope_no"], row["rec"]) for row in rows]


def evidence(node: Node, key: RecordKey | None = None) -> list[Attachment]:
    return list_attachments(node, About("hour", key or hours(node)[0]))


def save_draft(visitor: Visitor, **fields: Any) -> dict[str, Any]:
    """What the script of the page is answered."""
    answer = visitor.client.post(
        "/mine/draft",
        data={"csrf": visitor.token(), **CLAIM, **fields},
        headers={"Accept": "application/json"},
    )
    assert answer.status_code == 200
    found: dict[str, Any] = json.loads(answer.data)
    return found


def stored(node: Node) -> list[Path]:
    """Files and small pictures here, and what is left of others."""
    places = [node.home / "files" / "whole", node.home / "attached-small"]
    found = [path for place in places for path in place.rglob("*") if path.is_file()]
    return [*found, *node.home.glob("*.part")]


# ---- a claim with photos


def test_a_claim_brings_its_photos(teacher: Visitor, school: Node) -> None:
    assert teacher.post("/mine/claim", photo=photos(2), **CLAIM).status_code == 303
    found = evidence(school)
    assert [(each.kind, each.media, each.is_here) for each in found] == [
        ("evidence", "image/jpeg", True)
    ] * 2
    page = teacher.get("/mine/").text
    assert page.count("small=1") == 2


def test_one_bad_photo_loses_neither_the_claim_nor_the_other_photo(
    teacher: Visitor, school: Node
) -> None:
    sent = [photo(b"<html>", "page.jpg"), photo()]
    answer = teacher.post("/mine/claim", photo=sent, **CLAIM)
    assert answer.status_code == 422
    assert "page.jpg" in answer.text
    assert "This is no photo" in answer.text
    assert 'value="Reading circle"' in answer.text
    assert hours(school) == []
    assert teacher.post("/mine/claim", **CLAIM).status_code == 303
    assert len(evidence(school)) == 1


def test_a_photo_taken_for_a_wrong_claim_waits_for_the_right_one(
    teacher: Visitor, school: Node
) -> None:
    assert teacher.post("/mine/claim", **{**CLAIM, "title": ""}, photo=photo()).status_code == 422
    teacher.post("/mine/claim", **CLAIM)
    assert len(evidence(school)) == 1


def test_a_claim_takes_no_more_photos_than_it_may(teacher: Visitor, school: Node) -> None:
    answer = teacher.post("/mine/claim", photo=photos(PHOTOS_MAX + 1), **CLAIM)
    assert answer.status_code == 422
    assert f"{PHOTOS_MAX} photos at most" in answer.text
    teacher.post("/mine/claim", **CLAIM)
    assert len(evidence(school)) == PHOTOS_MAX


def test_a_claim_sent_twice_has_its_photos_once(teacher: Visitor, school: Node) -> None:
    teacher.post("/mine/claim", photo=photo(), **CLAIM)
    teacher.post("/mine/claim", photo=photo(), **CLAIM)
    assert len(hours(school)) == len(evidence(school)) == 1


# ---- the draft


def test_a_closed_page_comes_back_with_text_and_photos(teacher: Visitor) -> None:
    save_draft(teacher, title="Half a tit", photo=photo())
    page = teacher.get("/mine/").text
    assert 'value="Half a tit"' in page
    assert "The claim that you did not send is still here" in page
    assert page.count("small=1") == 1


def test_the_script_is_told_of_photos_and_faults(teacher: Visitor) -> None:
    answer = save_draft(teacher, photo=[photo(), photo(b"x", "no.jpg")])
    assert [each["name"] for each in answer["photos"]] == ["IMG_0001.jpg"]
    assert [each["name"] for each in answer["faults"]] == ["no.jpg"]
    assert teacher.get(answer["photos"][0]["small"]).mimetype == "image/jpeg"


def test_a_photo_taken_out_of_a_draft_leaves_no_bytes(teacher: Visitor, school: Node) -> None:
    file = save_draft(teacher, photo=photo())["photos"][0]["file"]
    assert save_draft(teacher, drop=file)["photos"] == []
    assert stored(school) == []


def test_a_photo_that_a_record_names_stays_when_a_draft_drops_it(
    teacher: Visitor, school: Node
) -> None:
    teacher.post("/mine/claim", photo=photo(), **CLAIM)
    file = save_draft(teacher, photo=photo())["photos"][0]["file"]
    teacher.post("/mine/discard")
    assert has_file(school, file)


def test_a_draft_given_up_is_gone(teacher: Visitor, school: Node) -> None:
    save_draft(teacher, photo=photo())
    teacher.post("/mine/discard")
    page = teacher.get("/mine/").text
    assert "Reading circle" not in page
    assert stored(school) == []


def test_a_claim_whose_answer_was_lost_is_no_draft_any_more(
    teacher: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(ClaimDrafts, "clear", lambda self, sent: None)
        teacher.post("/mine/claim", photo=photo(), **CLAIM)
    assert "The claim that you did not send" not in teacher.text("/mine/")


def test_a_draft_that_arrives_after_its_claim_does_not_come_back(teacher: Visitor) -> None:
    save_draft(teacher)
    teacher.post("/mine/claim", **CLAIM)
    assert save_draft(teacher)["photos"] == []
    assert "The claim that you did not send" not in teacher.text("/mine/")
    save_draft(teacher, entry_id="two")
    assert "The claim that you did not send" in teacher.text("/mine/")


# ---- who sees what


def test_nobody_sees_the_photos_of_a_colleague(app: Flask, teacher: Visitor, school: Node) -> None:
    teacher.post("/mine/claim", photo=photo(), **CLAIM)
    file = evidence(school)[0].file
    other = teacher_of(app, school, add_person(school, "T2", "Wang Fang"), "T2")
    assert other.get(f"/mine/photo/{file}").status_code == 404
    assert other.get(f"/attachments/{evidence(school)[0].name}/file").status_code == 403
    assert teacher.get(f"/mine/photo/{file}").status_code == 200


def test_a_draft_is_seen_by_its_writer_alone(app: Flask, teacher: Visitor, school: Node) -> None:
    url = save_draft(teacher, photo=photo())["photos"][0]["url"]
    other = teacher_of(app, school, add_person(school, "T2", "Wang Fang"), "T2")
    assert other.get(url).status_code == 404


def test_evidence_stands_beside_the_record_for_staff(
    app: Flask, teacher: Visitor, school: Node
) -> None:
    teacher.post("/mine/claim", photo=photos(2), **CLAIM)
    principal = make_visitor(app, "principal")
    name = school.public_id(hours(school)[0])
    for path in (f"/hours/{name}", f"/records/hour/{name}"):
        assert principal.get(path).text.count("small=1") == 2, path


def test_a_picture_leaves_as_a_picture_that_cannot_act(
    teacher: Visitor, school: Node, admin: Visitor
) -> None:
    teacher.post("/mine/claim", photo=photo(picture() + SCRIPT), **CLAIM)
    answer = admin.get(f"/attachments/{evidence(school)[0].name}/file")
    assert answer.mimetype == "image/jpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Content-Disposition"].startswith("inline")
    assert SCRIPT not in answer.data


def test_a_pdf_is_a_download(admin: Visitor, school: Node, person: RecordKey) -> None:
    name = school.public_id(add_hour(school, person))
    answer = attach(admin, f"/attachments/of/hour/{name}", photo(b"%PDF-1.7 scan", "证书.pdf"))
    assert answer.status_code == 303
    given = admin.get(f"/attachments/{evidence(school)[0].name}/file")
    assert given.mimetype == "application/pdf"
    assert given.headers["Content-Disposition"].startswith("attachment")


# ---- staff


def attach(visitor: Visitor, path: str, *files: Any, **fields: Any) -> TestResponse:
    return visitor.post(path, photo=list(files), **fields)


HOSTILE: Final = {
    "empty": (b"", "a.jpg", "No photo is chosen"),
    "svg": (b"<svg onload=alert(1)>", "a.svg", "This is no photo"),
    "html-named-jpg": (b"<html>" + SCRIPT, "a.jpg", "This is no photo"),
    "bomb": (bomb(20_000), "a.png", "24 million pixels"),
    "cut, with a path in its name": (noise(200)[:900], "../../a.jpg", "is damaged"),
    "a name of 300 characters": (b"PK\x03\x04", "x" * 300 + ".jpg", "This is no photo"),
}


def test_a_hostile_upload_writes_nothing_and_keeps_the_note(
    admin: Visitor, school: Node, person: RecordKey
) -> None:
    path = f"/attachments/of/hour/{school.public_id(add_hour(school, person))}"
    for case, (data, name, said) in HOSTILE.items():
        answer = attach(admin, path, (io.BytesIO(data), name), note="mine")
        assert answer.status_code == 422, case
        assert said in answer.text, case
        assert 'value="mine"' in answer.text, case
    assert stored(school) == []
    assert evidence(school) == []


def test_a_person_and_any_other_record_may_have_evidence(
    admin: Visitor, school: Node, person: RecordKey, county: County
) -> None:
    with school.write(actor="admin") as action:
        key = action.insert("session", {"title": "Reading", "date": "2026-03-01"})
    for of, about in (("person", person), ("session", key)):
        name = school.public_id(about)
        assert (
            attach(admin, f"/attachments/of/{of}/{name}", photo(), note="list").status_code == 303
        )
    county.carry_both_ways()
    for of, about in (("person", person), ("session", key)):
        assert [each.note for each in list_attachments(school, About(of, about))] == ["list"]
        there = county.centre.find_record(school.public_id(about))
        assert len(list_attachments(county.centre, About(of, there))) == 1


def test_what_was_attached_before_the_county_was_joined_is_still_there(
    app: Flask, world: Any, school: Node
) -> None:
    admin = make_visitor(app, "admin")
    with school.write(actor="admin") as action:
        key = action.insert("session", {"title": "Reading", "date": "2026-03-01"})
    attach(admin, f"/attachments/of/session/{school.public_id(key)}", photo())
    world.join(world.make("centre", "County Centre", "C1"), school, "Hill School", "S1")
    school.replica.seal()
    assert not school.public_id(key).startswith("~")
    assert len(list_attachments(school, About("session", key))) == 1


def test_the_record_travels_before_its_bytes(
    teacher: Visitor, county: County, officer: Visitor
) -> None:
    teacher.post("/mine/claim", photo=photo(), **CLAIM)
    county.carry_both_ways()
    key = hours(county.centre)[0]
    (found,) = evidence(county.centre, key)
    assert not found.is_here
    page = officer.get(f"/hours/{county.centre.public_id(key)}").text
    assert "The photo is at Hill School, not here yet" in page
    assert officer.get(f"/attachments/{found.name}/file").status_code == 404
    keep_file(county.centre, read_file(county.school, found.file))
    assert officer.get(f"/attachments/{found.name}/file").mimetype == "image/jpeg"


def test_the_review_queue_shows_evidence(
    teacher: Visitor, county: County, officer: Visitor
) -> None:
    teacher.post("/mine/claim", photo=photo(), **CLAIM)
    county.carry_both_ways()
    for path in ("/review/", "/records/hour/review"):
        assert "not here yet" in officer.text(path), path


def test_the_centre_attaches_beside_the_schools_record(
    officer: Visitor, county: County, person: RecordKey
) -> None:
    key = add_hour(county.school, person)
    county.carry_both_ways()
    path = f"/attachments/of/hour/{county.school.public_id(key)}"
    assert attach(officer, path, photo(), note="seen").status_code == 303
    county.carry_both_ways()
    assert [(each.note, each.is_own) for each in evidence(county.school)] == [("seen", False)]


# ---- taking back


def test_what_is_withdrawn_stays_with_its_reason(
    admin: Visitor, school: Node, person: RecordKey
) -> None:
    name = school.public_id(add_hour(school, person))
    attach(admin, f"/attachments/of/hour/{name}", photo())
    (found,) = evidence(school)
    path = f"/attachments/{found.name}/withdraw"
    assert admin.post(path, of="hour", record=name, reason=" ").status_code == 422
    assert admin.post(path, of="hour", record=name, reason="of another day").status_code == 303
    (found,) = evidence(school)
    assert found.withdrawn is not None
    assert (found.withdrawn.reason, found.withdrawn.by) == ("of another day", "admin")
    assert has_file(school, found.file)
    assert "of another day" in admin.text(f"/hours/{name}")


def test_what_was_withdrawn_can_be_attached_again(
    admin: Visitor, school: Node, person: RecordKey
) -> None:
    name = school.public_id(add_hour(school, person))
    attach(admin, f"/attachments/of/hour/{name}", photo())
    path = f"/attachments/{evidence(school)[0].name}/withdraw"
    admin.post(path, of="hour", record=name, reason="wrong")
    attach(admin, f"/attachments/of/hour/{name}", photo())
    assert [each.withdrawn is None for each in evidence(school)] == [False, True]


def test_only_whoever_attached_withdraws(
    officer: Visitor, county: County, admin: Visitor, person: RecordKey
) -> None:
    name = county.school.public_id(add_hour(county.school, person))
    attach(admin, f"/attachments/of/hour/{name}", photo())
    county.carry_both_ways()
    (found,) = evidence(county.centre)
    record = county.centre.public_id(hours(county.centre)[0])
    path = f"/attachments/{found.name}/withdraw"
    assert officer.post(path, of="hour", record=record, reason="no").status_code == 404


def test_a_teacher_takes_back_a_photo_until_the_record_is_approved(
    teacher: Visitor, county: County
) -> None:
    teacher.post("/mine/claim", photo=photos(2), **CLAIM)
    county.carry_both_ways()
    first, second = evidence(county.school)
    record = county.school.public_id(hours(county.school)[0])
    fields = {"record": record, "attachment": first.name}
    assert teacher.post("/mine/take-back", **fields).status_code == 303
    with county.centre.write(actor="officer") as action:
        action.judge("hour", hours(county.centre)[0], "approve")
    county.carry_both_ways()
    fields["attachment"] = second.name
    assert teacher.post("/mine/take-back", **fields).status_code == 404
    assert attach(teacher, "/mine/attach", photo(), record=record).status_code == 404


def test_a_teacher_adds_a_photo_to_a_returned_record(teacher: Visitor, county: County) -> None:
    teacher.post("/mine/claim", **CLAIM)
    county.carry_both_ways()
    with county.centre.write(actor="officer") as action:
        action.judge("hour", hours(county.centre)[0], "reject", reason="no proof")
    county.carry_both_ways()
    record = county.school.public_id(hours(county.school)[0])
    assert attach(teacher, "/mine/attach", photo(), record=record).status_code == 303
    assert attach(teacher, "/mine/attach", record=record).status_code == 422
    assert len(evidence(county.school)) == 1


def test_nobody_adds_photos_to_a_record_of_somebody_else(teacher: Visitor, school: Node) -> None:
    name = school.public_id(add_hour(school, add_person(school, "T2", "Wang Fang")))
    assert attach(teacher, "/mine/attach", photo(), record=name).status_code == 404


def test_attachments_are_found_without_reading_all_of_them(
    school: Node, person: RecordKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, Any]] = []
    query = school.query

    def listen(sql: str, values: Any = ()) -> Any:
        asked.append((sql, values))
        return query(sql, values)

    key = add_hour(school, person)
    monkeypatch.setattr(school, "query", listen)
    list_attachments(school, About("hour", key))
    plans = [
        str(row["detail"])
        for sql, values in list(asked)
        if "attachment" in sql
        for row in query(f"EXPLAIN QUERY PLAN {sql}", values)
    ]
    assert sum("INDEX attachment_" in each for each in plans) == 2
    assert not [each for each in plans if each.startswith(("SCAN t", "SCAN attachment"))]


# ---- the bytes


@pytest.mark.parametrize("name", ["../../node.db", "", "A" * 64, "0" * 63, f"{'0' * 64}/x"])
def test_what_is_no_digest_names_no_file(school: Node, name: str) -> None:
    assert not has_file(school, name)
    assert read_small(school, name) is None
    with pytest.raises(NotHereError):
        read_file(school, name)
    forget_file(school, name)


def test_a_file_that_was_damaged_is_not_given(school: Node) -> None:
    digest = keep_file(school, noise(700))
    (path,) = stored(school)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(NotHereError):
        read_file(school, digest)


def test_what_a_killed_upload_left_is_cleared_later(school: Node) -> None:
    old, young = (school.home / f"{name}.photo.part" for name in ("old", "young"))
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    keep_file(school, b"next")
    assert (old.exists(), young.exists()) == (False, True)


def test_a_forgotten_file_takes_its_small_picture_along(school: Node) -> None:
    digest = keep_file(school, noise(700))
    keep_small(school, digest, b"small")
    assert read_small(school, digest) == b"small"
    forget_file(school, digest)
    assert stored(school) == []
    assert not has_file(school, digest)


def test_a_full_disk_loses_the_photo_and_nothing_else(
    teacher: Visitor, school: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(school.files, "add", full)
    answer = teacher.post("/mine/claim", photo=photo(), **CLAIM)
    assert answer.status_code == 422
    assert "disk is full" in answer.text
    assert 'value="Reading circle"' in answer.text
    assert teacher.post("/mine/claim", **CLAIM).status_code == 303


def test_the_bytes_follow_the_record_to_the_centre(
    teacher: Visitor, county: County, officer: Visitor
) -> None:
    teacher.post("/mine/claim", photo=photo(noise(450)), **CLAIM)
    save_draft(teacher, photo=photo(noise(300)))
    county.carry_both_ways()
    (found,) = evidence(county.centre)
    take_offers(county.centre)
    with serving(county.centre.wsgi_app()) as (host, port):
        deliver_files(county.school, url=f"http://{host}:{port}", at_once=True)
    (found,) = evidence(county.centre)
    assert found.is_here
    sizes = [
        len(officer.get(f"/attachments/{found.name}/file", **query).data)
        for query in ({}, {"small": 1}, {"small": 1})
    ]
    assert sizes[0] > 3 * sizes[1] == 3 * sizes[2]
    # A draft is nobody's business but its writer's.
    drafted = ClaimDrafts(county.school.home, 1).find()
    assert drafted is not None
    assert not has_file(county.centre, drafted.photos[0].file)
