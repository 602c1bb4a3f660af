"""A teacher's phone and a principal's page in a real browser.

`XUESHI_SCREENSHOTS=folder` keeps pictures for a person to look at.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.e2e.browser import open_browser, take_picture
from tests.server.nodes import add_hour, add_objection, make_world
from tests.server.test_browser import is_wider_than_the_window, serve_pages
from xueshi_server.accounts import Accounts, Role
from xueshi_server.store.objections import list_objections
from xueshi_server.web.security import SESSION_COOKIE
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

SCRIPT: Final = "<img src=x onerror='window.ran=1'><script>window.ran=1</script>"
PIN: Final = "820164"


@dataclass
class Desk:
    """A school with a teacher whose every text is a script, served to a browser."""

    school: Node
    page: "Page"
    url: str
    person: RecordKey

    def be(self, *roles: Role) -> None:
        """Log in as somebody with these roles."""
        accounts = Accounts(self.school.home)
        login = "-".join(roles)
        name = self.school.public_id(self.person)
        if not any(each.login == login for each in accounts.list_all()):
            code = accounts.add(login, SCRIPT, *roles, person=name)
            account = accounts.check(login, code)
            accounts.set_password(account, PIN if account.has_pin else "a long sentence of mine")
        account = next(each for each in accounts.list_all() if each.login == login)
        cookie = accounts.start_session(account)
        accounts.close()
        self.page.context.add_cookies([{"name": SESSION_COOKIE, "value": cookie, "url": self.url}])

    def go(self, path: str) -> None:
        answer = self.page.goto(f"{self.url}{path}")
        assert answer is not None
        assert answer.status == 200, path


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with make_world(tmp_path) as world:
        school = world.make("school", "向阳小学", "S1")
        with school.write(actor="admin") as action:
            person = action.insert("person", {"staff_no": "T1", "name": "王秀英", "active": True})
        add_hour(school, person, title="校本研修：习作教学的支架", form="研讨", minutes=135)
        with serve_pages(school) as (url, _), open_browser() as page:
            yield Desk(school, page, url, person)


def test_a_teacher_claims_and_objects_on_a_phone(desk: Desk) -> None:
    desk.be("teacher")
    desk.page.set_viewport_size({"width": 390, "height": 844})
    desk.go("mine/?lang=zh")
    desk.page.fill("#f-title", "县级观摩课")
    desk.page.fill("#f-date", "2026-02-20")
    desk.page.fill("#f-minutes", "2")
    with desk.page.expect_navigation():
        desk.page.click("form[action$='/claim'] .actions button >> nth=0")
    assert "县级观摩课" in desk.page.inner_text("main")
    desk.page.click("details.act:has(input[name=reason]) > summary >> nth=0")
    desk.page.fill("details[open] input[name=reason]", "应为 3 学时")
    with desk.page.expect_navigation():
        desk.page.click("details[open] button")
    assert "应为 3 学时" in desk.page.inner_text("main")
    states = desk.school.query("SELECT state FROM hour ORDER BY date")
    assert [row["state"] for row in states] == ["pending", "pending"]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_pages_fit_their_window(desk: Desk, width: int, language: str) -> None:
    if not list_objections(desk.school):
        rec = int(desk.school.query("SELECT rec FROM hour")[0]["rec"])
        add_objection(desk.school, RecordKey(desk.person.scope_no, rec), "应为 3 学时")
    desk.page.set_viewport_size({"width": width, "height": 900})
    for roles, paths in PAGES.items():
        desk.be(*roles)
        for path in paths:
            desk.go(f"{path}?lang={language}")
            take_picture(
                desk.page, f"people-{path.strip('/').replace('/', '-')}-{width}-{language}"
            )
            assert not is_wider_than_the_window(desk.page), path


PAGES: Final[dict[tuple[Role, ...], tuple[str, ...]]] = {
    ("teacher",): ("mine/", "login"),
    ("principal",): ("principal/", "objections/"),
    ("admin",): ("accounts/", "accounts/codes", "accounts/notes"),
}
