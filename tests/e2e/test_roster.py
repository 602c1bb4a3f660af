"""The roster in a real browser: found by letters, in three orders, people who come and go.

`XUESHI_SCREENSHOTS=folder` keeps pictures for a person to look at.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from tests.e2e.browser import SCREENSHOTS, open_browser, take_picture
from tests.server.nodes import make_world
from tests.server.test_browser import is_wider_than_the_window, serve_pages
from xueshi_server.web.security import SESSION_COOKIE
from xueshi_sync.node import Node

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

# Invented people: number, name, sex, day of birth.
PEOPLE: Final = [
    ("5101001", "张三丰", "1", "1979-05-04"),
    ("5101002", "王芳", "2", "1985-03-12"),
    ("5101003", "单晓燕", "2", "1991-01-30"),
    ("5101004", "王芳", "2", "1990-11-02"),
    ("5101005", "丁一", "1", "1988-08-08"),
    ("5101006", "阿依古丽·买买提", "2", "1993-06-01"),
    ("5101007", "𠮷明远", "1", "1982-02-14"),
    ("5101008", "龙䶮", "1", "1976-12-25"),
    ("5101009", "李㛃", "2", "1996-09-09"),
    ("5101010", "穆罕默德·阿卜杜热西提·吐尔逊江·买合木提", "1", "1987-07-07"),
    ("5101011", "王明", "1", ""),
    ("5101012", "王明", "1", ""),
]
LOOKS: Final = [(1280, "en"), (390, "zh")]
# Further pictures for who wants to look at them.
MORE_LOOKS: Final = [(1280, "zh"), (390, "en")] if os.environ.get(SCREENSHOTS) else []


@dataclass
class Desk:
    """A registrar's browser at a school."""

    page: "Page"
    school: Node
    url: str

    def open(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}")

    def names(self) -> list[str]:
        return self.page.locator(".people-list .title > a").all_inner_texts()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One node and one browser for all claims here."""
    with make_world(tmp_path_factory.mktemp("roster")) as world:
        school = world.make("school", "石板村小学", "S1")
        with school.write(actor="admin") as action:
            for place, (number, name, sex, born_on) in enumerate(PEOPLE, start=1):
                fields = {"staff_no": number, "name": name, "sex": sex, "active": True}
                more = {"born_on": born_on or None, "roster_no": place}
                action.insert("person", fields | more)
        with serve_pages(school) as (url, cookie), open_browser() as page:
            complaints: list[str] = []
            page.on("console", lambda said: complaints.append(said.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.context.add_cookies([{"name": SESSION_COOKIE, "value": cookie, "url": url}])
            yield Desk(page, school, url)
            assert [said for said in complaints if "status of 422" not in said] == []


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("zsf", ["张三丰"]),
        ("shanxy", ["单晓燕"]),
        ("ayg", ["阿依古丽·买买提"]),
        ("阿依古丽•买买提", ["阿依古丽·买买提"]),
        ("𠮷", ["𠮷明远"]),
        ("01012", ["王明"]),
    ],
)
def test_people_are_found_as_they_are_typed(desk: Desk, typed: str, found: list[str]) -> None:
    desk.open("people/")
    desk.page.fill("#f-q", typed)
    desk.page.keyboard.press("Enter")
    desk.page.wait_for_url("**q=*")
    assert desk.names() == found


def test_the_order_that_is_chosen_stays_and_holds_in_the_session_too(desk: Desk) -> None:
    desk.open("people/")
    assert desk.names()[0] == "张三丰"
    desk.page.select_option("#f-order", "strokes")
    desk.page.click("form.filter button")
    desk.page.wait_for_url("**order=strokes*")
    assert desk.names()[:4] == ["丁一", "王芳", "王芳", "王明"]
    desk.open("session/")
    roster = desk.page.locator("#roster li b")
    assert roster.first.inner_text() == "丁一"
    desk.page.select_option("#order", "roster")
    assert roster.first.inner_text() == "张三丰"
    desk.open("people/")
    assert desk.names()[0] == "张三丰"


def test_letters_narrow_the_session_and_namesakes_are_told_apart(desk: Desk) -> None:
    desk.open("session/")
    desk.page.fill("#find", "wangf")
    shown = desk.page.locator("#roster li:visible .name span")
    told = shown.locator(".apart").all_inner_texts()
    assert told == ["女 1985-03", "女 1990-11"]
    desk.page.fill("#find", "")


def test_a_newcomer_gets_a_temporary_number_and_the_lifelong_one_once(desk: Desk) -> None:
    page = desk.page
    desk.open("people/new")
    page.fill("#f-name", "吐尔逊．阿不都")
    page.click(".person-form button")
    page.wait_for_url("**/people/*done=person*")
    assert "吐尔逊·阿不都" in page.inner_text("h1")
    assert re.search(r"T-S1-[A-Z2-7]{5}-1", page.inner_text("h1"))
    take_picture(page, "roster-temporary")
    page.fill("#f-staff_no", "5101002")
    page.click(".number-card button")
    assert "王芳" in page.inner_text("#e-staff_no")
    page.fill("#f-staff_no", "5101999")
    page.click(".number-card button")
    page.wait_for_url("**done=number*")
    assert page.locator(".number-card").count() == 0
    assert "T-S1-" in page.inner_text(".facts")


def test_who_leaves_stands_among_those_who_left_and_comes_back_by_undo(desk: Desk) -> None:
    page = desk.page
    desk.open("people/?q=5101005")
    page.click(".people-list .title > a")
    page.click(".moves summary")
    page.select_option("#f-kind", "transfer_out")
    page.fill("#f-date", "2026-03-01")
    page.fill("#f-place", "县第二小学")
    take_picture(page, "roster-move")
    page.click(".moves details button")
    page.wait_for_url("**done=move*")
    assert page.inner_text(".lead .state") == "已离岗"
    desk.open("people/?at=gone")
    assert desk.names() == ["丁一"]
    assert "县第二小学" in page.inner_text(".people-list")
    page.click(".people-list .title > a")
    page.click(".moves li button")
    page.wait_for_url("**done=moveundone*")
    assert page.inner_text(".lead .state") == "在岗"


@pytest.mark.parametrize(("width", "language"), [*LOOKS, *MORE_LOOKS])
def test_the_pages_fit_every_screen(desk: Desk, width: int, language: str) -> None:
    page = desk.page
    page.set_viewport_size({"width": width, "height": 900})
    for name, path in (
        ("list", "people/?"),
        ("found", "people/?q=wf&"),
        ("new", "people/new?"),
        ("order", "people/order?"),
        ("session", "session/?"),
        ("nobody", "people/?q=xyzx&"),
    ):
        desk.open(f"{path}lang={language}")
        assert not is_wider_than_the_window(page), name
        take_picture(page, f"roster-{name}-{width}-{language}")
    desk.open("people/?lang=zh")
