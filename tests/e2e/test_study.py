"""Reading and quizzes in a real browser, by a teacher at a school."""

from collections.abc import Iterator
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from tests.e2e.browser import open_browser, take_picture
from tests.e2e.test_library import PIXEL
from tests.server.books import make_book
from tests.server.pages import Visitor, make_visitor
from tests.server.studying import Study, Teacher, make_study
from tests.server.test_browser import is_wider_than_the_window
from tests.server.test_quizzes import QUIZ
from xueshi_server.domain.study import Allowance
from xueshi_server.serving import url_of
from xueshi_server.store.checking import read_checks
from xueshi_server.store.library import Resource
from xueshi_server.web.security import SESSION_COOKIE
from xueshi_server.web.views import quizzes, reading
from xueshi_sync.http_listener import make_http_server
from xueshi_sync.writer import RecordKey

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
EDIT = """() => {
  const form = document.querySelector("form.quiz");
  form.insertAdjacentHTML("beforeend", "<input name=passed value=1><input name=correct value=2>");
  for (const each of form.querySelectorAll("fieldset input")) { each.dataset.right = "1"; }
}"""
LONG = "把一节课反复打磨：先一起备课，再上课，再一起议。" * 6


@dataclass
class Classroom:
    """A teacher's browser before the pages of the school."""

    page: "Page"
    url: str
    study: Study
    teacher: Teacher

    def open(self, path: str, language: str = "zh") -> None:
        mark = "&" if "?" in path else "?"
        self.page.goto(f"{self.url}{path}{mark}lang={language}")

    def be(self, visitor: Visitor) -> None:
        """Go on as somebody else."""
        cookie = visitor.client.get_cookie(SESSION_COOKIE)
        assert cookie is not None
        self.page.context.add_cookies(
            [{"name": SESSION_COOKIE, "value": cookie.value, "url": self.url}]
        )

    def look(self, name: str) -> None:
        """Pictures of a page, wide and narrow; nothing is cut off on a phone."""
        for width, size in ((1280, "desk"), (390, "phone")):
            self.page.set_viewport_size({"width": width, "height": 844})
            take_picture(self.page, f"study-{name}-{size}")
            assert not is_wider_than_the_window(self.page)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classroom]:
    patch = pytest.MonkeyPatch()
    for view in (quizzes, reading):
        patch.setattr(view, "read_allowance", lambda _pack: Allowance(120, 60, ()))
    with make_study(tmp_path_factory.mktemp("study")) as study:
        server = make_http_server(study.app, ("127.0.0.1", 0))
        server.prepare()
        thread = Thread(target=server.serve, daemon=True)
        thread.start()
        teacher = study.make_teacher()
        try:
            with open_browser() as page:
                room = Classroom(page, url_of(server), study, teacher)
                room.be(teacher)
                yield room
        finally:
            server.stop()
            thread.join(10)
            patch.undo()


@pytest.fixture(scope="module")
def quiz(room: Classroom) -> Resource:
    return room.study.publish("四步.quiz.md", QUIZ.encode())


def test_a_quiz_is_not_won_by_editing_the_page(room: Classroom, quiz: Resource) -> None:
    room.open(f"library/{quiz.public_id}")
    room.look("quiz-in-library")
    room.page.click("main a.button")
    room.look("quiz")
    # Every answer made a right one on the page, and a field that claims a pass.
    room.page.evaluate(EDIT)
    room.page.click("label:has-text('直接上课')")
    room.page.click("label:has-text('考勤')")
    room.page.click("button:has-text('交卷')")
    assert "答对 0 / 2 题" in room.page.inner_text("#result")
    room.look("quiz-failed")
    assert room.study.hours_of(room.teacher.person) == []


def test_a_pass_shows_the_hours_that_wait(room: Classroom, quiz: Resource) -> None:
    room.open(f"quizzes/{quiz.public_id}")
    room.page.click("label:has-text('集体备课')")
    room.page.click("button:has-text('交卷')")
    assert room.page.locator(".fault").count() == 1
    room.look("quiz-unanswered")
    for option in ("教案", "反思"):
        room.page.click(f"label:has-text('{option}')")
    room.page.click("button:has-text('交卷')")
    assert "已提出 1 学时" in room.page.inner_text("#result")
    room.look("quiz-passed")
    pass_and_approve(room)


def pass_and_approve(room: Classroom) -> None:
    """The head of the school passes the hours that the quiz proposed, and the county approves."""
    county = room.study.county
    room.be(make_visitor(room.study.app, "principal"))
    room.open("review/")
    title = room.study.hours_of(room.teacher.person)[0]["title"]
    assert str(title) in room.page.inner_text("main")
    room.page.click("button[name=one][value^='pass:']")
    room.be(room.teacher)
    county.carry_both_ways()
    (hour,) = county.centre.query("SELECT scope_no, rec, state FROM hour")
    assert read_checks(county.centre, [hour])[hour["scope_no"], hour["rec"]].standing == "passed"
    with county.centre.write(actor="officer") as action:
        action.judge("hour", RecordKey(hour["scope_no"], hour["rec"]), "approve")
    county.carry_both_ways()
    room.open("mine/")
    assert "已认定" in room.page.inner_text(".mine-list")


def test_a_book_is_read_and_cannot_act(room: Classroom) -> None:
    made = make_book({"OEBPS/pictures/p.png": PIXEL})
    book = room.study.publish("手册.epub", made, "磨课手册")
    room.open(f"library/{book.public_id}")
    room.page.click("text=在网页里读")
    room.page.wait_for_load_state("networkidle")
    frame = room.page.frames[1]
    assert frame.locator("h1").inner_text() == "第一章 备课"
    assert frame.evaluate("document.images[0].naturalWidth") == 1
    assert room.page.title() != "acted"
    room.page.click("main summary")
    room.look("book")
    room.page.click("text=第二章 上课")
    assert "第 2 章，共 2 章" in room.page.inner_text(".turn >> nth=0")


def test_a_written_page_is_shown_in_the_page(room: Classroom) -> None:
    text = (
        f"---\ntitle: 怎样磨课\nauthors: 云顶小学\n---\n## 一、备课\n\n{LONG}\n\n- 教案\n- 反思\n"
    )
    made = room.study.publish("steps.md", text.encode())
    room.open(f"library/{made.public_id}")
    assert room.page.inner_text("article h3") == "一、备课"
    room.look("page")


def test_what_was_read_fills_a_claim_in(room: Classroom) -> None:
    for minute in range(50):
        room.teacher.reading.beat("2026-03-02", "r", "磨课手册", 1_000_000 + minute * 60)
    room.open("read/")
    room.look("reading")
    room.page.click("button:has-text('填进申报')")
    assert room.page.input_value("#f-title") == "自学资料库资料"
    room.look("claim")
