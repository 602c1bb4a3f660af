"""Contributions: handed in at a school, judged at the centre, published to every school."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from flask import Flask

from tests.process.county import serving
from tests.server.conftest import County
from tests.server.nodes import add_person
from tests.server.pages import TEST_PIN, Visitor, accounts_of, make_visitor, plain
from tests.server.walks.shipped_county import County as PackCounty
from tests.server.walks.shipped_county import make_county
from xueshi_server.delivering import deliver_files, names_file, take_offers
from xueshi_server.shelf import Shelf
from xueshi_server.stick import export_stick, take_stick
from xueshi_server.store.contributions import Contribution, list_contributions
from xueshi_server.store.library import list_resources
from xueshi_server.upload_checks import UPLOAD_BYTES
from xueshi_server.web import create_app
from xueshi_server.web.security import SESSION_COOKIE
from xueshi_sync.files.content import Content
from xueshi_sync.node import Node

PDF: Final = b"%PDF-1.4 four steps"
BAD: Final = b"<script>document.title='acted'</script>"


def zipped(**files: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "/").replace("_md", ".md"), data)
    return made.getvalue()


def sent(name: str = "磨课.pdf", data: bytes = PDF) -> tuple[io.BytesIO, str]:
    return io.BytesIO(data), name


@pytest.fixture
def app(county: County) -> Flask:
    return create_app(county.school, testing=True)


@pytest.fixture
def registrar(county: County, app: Flask) -> Visitor:
    add_person(county.school)
    return make_visitor(app, "registrar")


@pytest.fixture
def officer(county: County) -> Visitor:
    return make_visitor(create_app(county.centre, testing=True), "reviewer")


def hand_in(visitor: Visitor, **more: Any) -> str:
    """The name of the contribution that was handed in."""
    fields = {"person": "T1", "name": "Four steps", "file": sent(), **more}
    answer = visitor.post("/contributions/new", **fields)
    assert answer.status_code == 303, plain(answer.text)
    return answer.location.split("/")[-1].split("?")[0]


def carry(county: County) -> None:
    """Records both ways, and the files that they name."""
    county.carry_both_ways()
    move_files(county.school, county.centre)
    move_files(county.centre, county.school)


def move_files(source: Node, target: Node) -> None:
    """What an exchange of files does, without a line."""
    shelf = Shelf(target)
    for _ in range(5):
        shelf.advance()
        if target.replica.is_centre:
            for each in source.files.to_offer(99):
                if names_file(target, each):
                    target.files.want(each)
        for name in target.files.wants(1 << 20):
            chunk = source.files.give(name)
            if chunk is not None:
                target.files.take([chunk])


def only(node: Node) -> Contribution:
    (found,) = list_contributions(node)
    return found


def test_a_contribution_travels_to_review_and_as_a_resource_to_every_school(
    county: County, registrar: Visitor, officer: Visitor
) -> None:
    name = hand_in(registrar, subject="chinese", minutes="1.5", summary="How we do it")
    assert only(county.school).state == "pending"
    carry(county)
    assert "Contributions to review: 1" in officer.text("/library/")
    page = officer.text(f"/contributions/{only(county.centre).name}")
    assert "Li Ming" in page
    answer = officer.post(f"/contributions/{only(county.centre).name}/publish")
    assert answer.status_code == 303, plain(answer.text)
    other = county.world.make("school", "River School", "S2")
    county.world.join(county.centre, other, "River School", "S2")
    move_files(county.centre, other)
    (there,) = list_resources(other)
    assert (there.origin, there.about.minutes) == (only(county.centre).name, 90)
    assert "Li Ming" in there.about.authors
    assert "Hill School" in there.about.authors
    with other.files.open(there.content.sha256) as file:
        assert file.read() == PDF
    carry(county)
    assert only(county.school).resource == there.public_id
    assert "See what was published" in registrar.text(f"/contributions/{name}")
    assert county.school.files.to_offer(9) == []


def test_a_contribution_that_is_returned_comes_back_with_the_reason_and_can_be_mended(
    county: County, registrar: Visitor, officer: Visitor
) -> None:
    hand_in(registrar)
    carry(county)
    name = only(county.centre).name
    assert officer.post(f"/contributions/{name}/return", reason="").status_code == 422
    officer.post(f"/contributions/{name}/return", reason="The last page is missing")
    carry(county)
    page = registrar.text(f"/contributions/{name}")
    assert "Returned because: The last page is missing" in page
    form = registrar.get("/contributions/new", mends=name)
    assert 'value="Four steps"' in form.text
    again = hand_in(registrar, mends=name, file=sent(data=b"%PDF-1.4 five steps"))
    carry(county)
    found = {each.name: each for each in list_contributions(county.centre)}
    assert len(found) == 2
    lasting = county.school.public_id(county.school.find_record(again))
    assert found[lasting].row["follows"] == found[name].key.rec
    assert list_resources(county.school) == []


def test_what_the_school_itself_returns_says_why_and_does_not_reach_the_queue(
    county: County, registrar: Visitor
) -> None:
    name = hand_in(registrar)
    with county.school.write(actor="principal") as action:
        key = county.school.find_record(name)
        action.check("contribution", key, "return", reason="Not ours to give")
    carry(county)
    assert "Returned because: Not ours to give" in registrar.text(f"/contributions/{name}")
    assert [each.waits for each in list_contributions(county.centre)] == [False]


def test_a_quiz_is_published_without_its_answers(
    county: County, registrar: Visitor, officer: Visitor
) -> None:
    text = "---\ntitle: Four steps\ntype: quiz\n---\n\n## How many?\n\n- [ ] three\n- [x] four\n"
    hand_in(registrar, file=sent("steps.quiz.md", text.encode()))
    carry(county)
    answer = officer.post(f"/contributions/{only(county.centre).name}/publish")
    assert answer.status_code == 303, plain(answer.text)
    (made,) = list_resources(county.centre)
    with county.centre.files.open(made.content.sha256) as file:
        assert b"[x]" not in file.read()


def test_publishing_twice_is_once(county: County, registrar: Visitor, officer: Visitor) -> None:
    hand_in(registrar)
    carry(county)
    name = only(county.centre).name
    officer.post(f"/contributions/{name}/publish")
    assert officer.post(f"/contributions/{name}/publish").status_code == 404
    assert len(list_resources(county.centre)) == 1


def test_nothing_is_published_before_its_bytes_are_there(
    county: County, registrar: Visitor, officer: Visitor
) -> None:
    hand_in(registrar)
    county.carry_both_ways()
    name = only(county.centre).name
    answer = officer.post(f"/contributions/{name}/publish")
    assert answer.status_code == 422
    assert "has not arrived whole" in plain(answer.text)
    assert (only(county.centre).state, list_resources(county.centre)) == ("pending", [])


def test_a_folder_of_markdown_travels_with_its_pictures(
    county: County, registrar: Visitor, officer: Visitor
) -> None:
    pages = zipped(course__index_md="# 磨课".encode(), course__two_md=b"two")
    hand_in(registrar, file=sent("course.zip", pages))
    carry(county)
    found = only(county.centre)
    assert (found.is_folder, found.percent, found.row["file_name"]) == (True, 100, "course")
    assert officer.get(f"/contributions/{found.name}/in/index.md").text == "# 磨课"
    officer.post(f"/contributions/{found.name}/publish")
    carry(county)
    (there,) = list_resources(county.school)
    assert sorted(Shelf(county.school).entries(there.content) or ()) == ["index.md", "two.md"]


def test_more_files_than_one_request_offers_go_up_over_a_line(
    county: County, registrar: Visitor
) -> None:
    pages = zipped(**{f"course__{number}_md": b"%d" % number for number in range(70)})
    hand_in(registrar, file=sent("course.zip", pages))
    take_offers(county.centre)
    county.carry_both_ways()
    with serving(county.centre.wsgi_app()) as (host, port):
        for _ in range(2):
            deliver_files(county.school, url=f"http://{host}:{port}", at_once=True)
    assert only(county.centre).percent == 100
    assert county.school.files.to_offer(9) == []


HARMFUL: Final = [
    ("plan.pdf", b"MZ\x90\0", "is no pdf file"),
    ("../../plan.exe", PDF, "are not taken"),
    ("\u202efdp.pdf", PDF, "cannot be used"),
]


def test_a_node_that_checks_nothing_gets_nothing_harmful_published(
    county: County, officer: Visitor, tmp_path: Path
) -> None:
    person = add_person(county.school)
    for number, (file_name, data, _) in enumerate(HARMFUL):
        (tmp_path / "given").write_bytes(data)
        content = county.school.files.add(tmp_path / "given")
        fields = {"person": person.rec, "date": "2026-03-02", "name": str(number)}
        with county.school.write(actor="admin") as action:
            named = {"file": content.sha256.hex(), "file_name": file_name}
            action.insert("contribution", fields | named)
    carry(county)
    for found in list_contributions(county.centre):
        answer = officer.post(f"/contributions/{found.name}/publish")
        said = HARMFUL[int(found.title)][2]
        assert (answer.status_code, said in plain(answer.text)) == (422, True), said
    assert list_resources(county.centre) == []


def test_a_file_larger_than_may_be_handed_in_is_not_taken(county: County) -> None:
    named = Content(bytes(32), UPLOAD_BYTES + 1, 1, bytes(16))
    with county.school.write(actor="admin") as action:
        action.insert("attachment", {"kind": "evidence", "file": named.sha256.hex()})
    county.carry_both_ways()
    assert not names_file(county.centre, named)


def test_a_folder_chosen_in_the_browser_keeps_its_paths(county: County, registrar: Visitor) -> None:
    files = [sent("disc/a.md", b"a"), sent("disc/in/b.md", b"b"), sent("disc/.DS_Store", b"x")]
    hand_in(registrar, file=sent("", b""), folder=files)
    found = only(county.school)
    with county.school.files.open(found.digest) as file:
        listing = file.read()
    assert (found.row["file_name"], found.row["bytes"]) == ("disc", 2)
    assert b"in/b.md" in listing
    assert b"DS_Store" not in listing


def test_a_stick_brings_a_contribution_to_the_centre(
    county: County, registrar: Visitor, tmp_path: Path
) -> None:
    hand_in(registrar, file=sent("course.zip", zipped(course__index_md=b"# one")))
    export_stick(county.school, tmp_path / "stick", "en")
    take_stick(county.centre, tmp_path / "stick")
    assert only(county.centre).percent == 100


def test_photos_of_evidence_do_not_lie_open_on_a_stick(
    county: County, registrar: Visitor, tmp_path: Path
) -> None:
    (tmp_path / "photo").write_bytes(b"evidence")
    photo = county.school.files.add(tmp_path / "photo")
    with county.school.write(actor="admin") as action:
        action.insert("attachment", {"kind": "evidence", "file": photo.sha256.hex()})
    hand_in(registrar)
    export_stick(county.school, tmp_path / "stick", "en")
    assert len(list((tmp_path / "stick/sent").iterdir())) == 1


NOT_TAKEN: Final = [
    ("plan.pdf", b"MZ\x90\0", "is no pdf file"),
    ("tool.exe", b"MZ\x90\0", "are not taken"),
    ("x" * 300 + ".pdf", PDF, "too long"),
    ("aux.pdf", PDF, "Windows keeps"),
    ("slip.zip", zipped(**{"../up_md": b"x"}), "leads out"),
    ("", b"", "No file was chosen"),
]


def test_a_file_that_is_not_taken_is_told_beside_it_and_nothing_typed_is_lost(
    county: County, registrar: Visitor
) -> None:
    fields = {"person": "T1", "name": "Four steps", "summary": "Typed at length"}
    for name, data, said in NOT_TAKEN:
        answer = registrar.post("/contributions/new", file=sent(name, data), **fields)
        assert (answer.status_code, said in plain(answer.text)) == (422, True), name
        assert "Typed at length" in answer.text
    assert list_contributions(county.school) == []
    assert list((county.school.home / "handing-in").iterdir()) == []
    assert county.school.files.to_offer(9) == []


def test_a_file_is_sent_once_though_the_form_was_wrong(county: County, registrar: Visitor) -> None:
    answer = registrar.post("/contributions/new", person="T1", name="", file=sent())
    assert answer.status_code == 422
    token = answer.text.split('name="handed" value="')[1].split('"')[0]
    assert "has arrived" in plain(answer.text)
    hand_in(registrar, file=sent("", b""), handed=token)
    assert only(county.school).percent == 100


def test_nobody_hands_in_what_waits_for_somebody_else(county: County, registrar: Visitor) -> None:
    for token in ("../../data", "0" * 32, "", "a/b"):
        fields = {"person": "T1", "name": "x", "file": sent("", b""), "handed": token}
        assert registrar.post("/contributions/new", **fields).status_code == 422, token
    assert list_contributions(county.school) == []


def test_what_was_handed_in_is_looked_at_in_a_box(registrar: Visitor) -> None:
    for name, boxed in (("a.html", True), ("a.svg", True), ("a.txt", False)):
        made = hand_in(registrar, name=name, file=sent(name, BAD))
        answer = registrar.get(f"/contributions/{made}/file")
        policy = answer.headers["Content-Security-Policy"]
        assert (answer.status_code, "sandbox" in policy) == (200, boxed), name
        assert "default-src 'none'" in policy
        assert "script-src" not in policy


def test_more_bytes_than_are_taken_are_not_read(registrar: Visitor) -> None:
    answer = registrar.client.post(
        "/contributions/new",
        content_type="multipart/form-data; boundary=x",
        environ_overrides={"CONTENT_LENGTH": str(20 << 30)},
    )
    assert answer.status_code == 413


# A teacher


@pytest.fixture
def teacher(county: County, app: Flask) -> Visitor:
    person = add_person(county.school, "T7", "Wang Fang")
    accounts = accounts_of(app)
    code = accounts.add("t7", "Wang Fang", "teacher", person=county.school.public_id(person))
    account = accounts.check("t7", code)
    accounts.set_password(account, TEST_PIN)
    visitor = Visitor(app, app.test_client())
    visitor.client.set_cookie("xueshi_lang", "en")
    visitor.client.set_cookie(SESSION_COOKIE, accounts.start_session(account))
    return visitor


def test_a_teacher_hands_in_under_the_own_name_and_sees_it_on_the_own_page(
    county: County, teacher: Visitor
) -> None:
    hand_in(teacher, person="T1")
    assert only(county.school).person == "Wang Fang"
    assert "Four steps" in teacher.text("/mine/")


def test_a_teacher_sees_nobody_elses_contribution(
    county: County, teacher: Visitor, registrar: Visitor
) -> None:
    name = hand_in(registrar)
    assert "Four steps" not in teacher.text("/contributions/")
    assert teacher.get(f"/contributions/{name}").status_code == 404
    assert teacher.get(f"/contributions/{name}/file").status_code == 404


def test_a_viewer_of_the_library_is_not_asked_to_contribute(app: Flask) -> None:
    assert "Contribute" not in make_visitor(app, None).text("/library/")


# Rule S3.33 of Jiyuan


@pytest.fixture
def jiyuan(tmp_path: Path) -> Iterator[PackCounty]:
    with make_county(tmp_path, "jiyuan") as county:
        yield county


def test_what_is_published_counts_in_the_yearly_registration_of_its_author(
    jiyuan: PackCounty,
) -> None:
    """S3.33: the step that lists it in the library is taken with the one button."""
    person = jiyuan.enter("person", staff_no="J1", name="翟红梅", active=True)
    jiyuan.enter(
        "title", number="G1", person=person, title="backbone", level="county",
        granted_on="2020-01-10", subject="chinese",
    )  # fmt: skip
    # A change of the roster, so that the school writes next.
    jiyuan.enter("person_move", person=person, kind="hired", date="2026-01-10")
    school = make_visitor(create_app(jiyuan.school, testing=True), "registrar")
    hand_in(school, person="J1", what="lesson", subject="chinese")
    centre = jiyuan.at_centre()
    move_files(jiyuan.school, centre)
    assert jiyuan.status("JY-RESOURCE", "2026-12-31", "G1") != "pass"
    officer = make_visitor(create_app(centre, testing=True), "reviewer")
    name = only(centre).name
    assert officer.post(f"/contributions/{name}/publish").status_code == 303
    steps = [row["step"] for row in centre.query("SELECT step FROM step ORDER BY rec")]
    assert (only(centre).state, steps) == ("approved", ["pass_on", "list"])
    assert jiyuan.status("JY-RESOURCE", "2026-12-31", "G1") == "pass"
    (made,) = list_resources(centre)
    assert (made.about.subject, made.about.authors) == ("语文", "翟红梅（中心小学）")
