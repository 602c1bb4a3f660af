"""What somebody read: counted by the node, proposed within the day, and pages that are read."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.books import make_book
from tests.server.nodes import add_hour
from tests.server.pages import make_visitor
from tests.server.studying import Study, Teacher, make_study
from xueshi_server.domain.study import Allowance
from xueshi_server.markdown_pages import render_line, render_markdown
from xueshi_server.store.library import Resource
from xueshi_server.store.reading import Reading
from xueshi_server.web.views import reading as reading_view

DAY = "2026-03-02"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    with make_study(tmp_path_factory.mktemp("reading")) as made:
        yield made


@pytest.fixture
def teacher(study: Study) -> Teacher:
    return study.make_teacher()


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_view, "read_allowance", lambda _pack: Allowance(0, 60, ()))


@pytest.mark.parametrize(
    ("signs", "seconds"),
    [
        pytest.param([0], 0, id="opened"),
        pytest.param([0, 60, 120], 120, id="each-minute"),
        pytest.param([0, 1, 2, 3], 3, id="a-hurried-page-gains-nothing"),
        pytest.param([0, 110], 60, id="late"),
        pytest.param([0, 3600], 0, id="asleep-meanwhile"),
        pytest.param([100, 40], 0, id="the-clock-went-back"),
    ],
)
def test_time_counts_by_the_clock_of_the_node(
    tmp_path: Path, signs: list[int], seconds: int
) -> None:
    reading = Reading(tmp_path, 1)
    found = [reading.beat(DAY, "r", "Title", 1_000_000 + at) for at in signs]
    assert found[-1] == seconds


def test_two_open_pages_count_once(tmp_path: Path) -> None:
    reading = Reading(tmp_path, 1)
    for at in range(0, 601, 30):
        reading.beat(DAY, "ab"[at // 30 % 2], "Title", 1_000_000 + at)
    assert sum(each.seconds for each in reading.list_since(DAY)) == 600


def test_nobody_sees_the_reading_of_another(tmp_path: Path) -> None:
    for at in (0, 60):
        Reading(tmp_path, 1).beat(DAY, "r", "Title", at)
    assert Reading(tmp_path, 2).list_since("") == []


def test_reading_of_long_ago_is_forgotten(tmp_path: Path) -> None:
    reading = Reading(tmp_path, 1)
    for at in (0, 60):
        reading.beat(DAY, "r", "Title", at)
    reading.forget_before("2026-03-03")
    assert reading.list_since("") == []


def _read(teacher: Teacher, minutes: int, resource: str = "r", start: int = 0) -> None:
    """Reading as the pages would have told."""
    for minute in range(minutes + 1):
        teacher.reading.beat(DAY, resource, "磨课指南", 1_000_000 + (start + minute) * 60)


def test_a_page_tells_its_minutes(study: Study, teacher: Teacher) -> None:
    made = study.publish("guide.txt", b"pages")
    assert teacher.post(f"/read/{made.public_id}/beat").json == {"minutes": 0}


@pytest.mark.parametrize("role", ["admin", None])
def test_only_a_teachers_own_time_counts(role: str | None, study: Study) -> None:
    made = study.publish("guide.txt", b"pages")
    visitor = make_visitor(study.app, role)  # type: ignore[arg-type]
    assert visitor.post(f"/read/{made.public_id}/beat").status_code in (302, 403, 404)


def test_reading_fills_a_claim_in_and_sends_nothing(
    study: Study, teacher: Teacher, allowed: None
) -> None:
    _read(teacher, 50)
    assert "Fill in a claim: 0.75 hours" in teacher.text("/read/")
    teacher.post("/read/propose", day=DAY)
    page = teacher.get("/mine/").text
    assert 'value="自学资料库资料"' in page
    assert "《磨课指南》" in page
    assert study.hours_of(teacher.person) == []


def test_a_day_proposes_no_more_than_the_county_allows(teacher: Teacher, allowed: None) -> None:
    _read(teacher, 32)
    _read(teacher, 32, "s", 60)
    assert "Fill in a claim: 1 hours" in teacher.text("/read/")


def test_a_day_is_claimed_once(study: Study, teacher: Teacher, allowed: None) -> None:
    _read(teacher, 16)
    add_hour(study.school, teacher.person, date=DAY, title="自学资料库资料")
    assert "This day has been claimed" in teacher.text("/read/")
    assert teacher.post("/read/propose", day=DAY).status_code == 404


def test_a_claim_that_waits_is_not_written_over(teacher: Teacher, allowed: None) -> None:
    _read(teacher, 16)
    teacher.post("/mine/draft", title="Reading circle", entry_id="one")
    assert teacher.post("/read/propose", day=DAY).status_code == 422
    assert "Reading circle" in teacher.get("/mine/").text


def test_where_the_county_allows_nothing_nothing_is_offered(teacher: Teacher) -> None:
    _read(teacher, 16)
    assert "lets reading propose no hours" in teacher.text("/read/")
    assert teacher.post("/read/propose", day=DAY).status_code == 404


# ---- pages


@pytest.fixture(scope="module")
def book(study: Study) -> Resource:
    return study.publish("book.epub", make_book())


def test_a_book_opens_at_a_chapter(book: Resource, teacher: Teacher) -> None:
    page = teacher.get(f"/read/{book.public_id}/book", at=1).text
    assert "Part 2 of 2" in page
    assert f"/read/{book.public_id}/part/OEBPS/two%20b.xhtml" in page


def test_a_chapter_is_a_page_of_nobody(book: Resource, teacher: Teacher) -> None:
    answer = teacher.get(f"/read/{book.public_id}/part/OEBPS/one.xhtml")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "script-src" not in policy


def test_a_book_that_is_none_can_still_be_downloaded(study: Study, teacher: Teacher) -> None:
    made = study.publish("broken.epub", make_book({"OEBPS/book.opf": "<package/>"}))
    answer = teacher.get(f"/read/{made.public_id}/book")
    assert answer.status_code == 422
    assert "download=1" in answer.text


def test_a_written_page_is_read_in_the_page(study: Study, teacher: Teacher) -> None:
    text = "---\ntitle: 磨课四步\n---\n# 一、备课\n\n<script>alert(1)</script> **一起**"
    made = study.publish("steps.md", text.encode())
    page = teacher.get(f"/library/{made.public_id}").text
    assert made.about.title == "磨课四步"
    assert "<h2>一、备课</h2>" in page
    assert "&lt;script&gt;alert(1)" in page
    assert "title: 磨课四步" not in page


@pytest.mark.parametrize(
    "text",
    [
        "<img src=x onerror=alert(1)>", "[a](javascript:alert(1))", "![a](http://a.example/b.png)",
        "<javascript:alert(1)>", "[a](data:text/html,x)", "[a]( \x01javascript:x)", "[a](/logout)",
        '[a](http://a.example "><script>")', "[x]: javascript:a\n\n[x]", "&lt;script&gt;",
    ],
)  # fmt: skip
def test_no_markup_of_an_author_gets_through(text: str) -> None:
    for html in (render_markdown(text), render_line(text)):
        assert "<img" not in html
        assert "<script" not in html
        assert 'href="javascript' not in html
        assert 'href="data' not in html
        assert 'href="/' not in html


def test_what_people_write_is_shown() -> None:
    html = render_markdown(
        "# 一\n\n- [x] 好\n- [ ] 未\n\n|a|b|\n|-|-|\n|1|2|\n\n[学](https://a.example/)"
    )
    for part in ("<h2>一</h2>", "☑ 好", "☐ 未", "<td>1</td>", 'href="https://a.example/"'):
        assert part in html
