"""People who take turns at one PC, the lock, the phone's menu and the Wi-Fi page, in a browser.

`XUESHI_SCREENSHOTS=folder` keeps pictures for a person to look at.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Final

import pytest
from argon2 import PasswordHasher

from tests.e2e.browser import open_browser, take_picture
from tests.server.nodes import NOW_MS, add_person, make_world
from tests.server.pages import TEST_PIN, accounts_of
from tests.server.test_browser import is_wider_than_the_window
from xueshi_server import accounts as accounts_module
from xueshi_server.accounts import Accounts, Role
from xueshi_server.lan import LanDoor
from xueshi_server.serving import url_of
from xueshi_server.web import create_app
from xueshi_server.web.security import SESSION_COOKIE
from xueshi_sync.http_listener import make_http_server
from xueshi_sync.node import Node

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

PASSWORD: Final = "a long sentence of mine"
PEOPLE: Final[dict[str, tuple[str, Role]]] = {
    "wang": ("王秀英", "registrar"),
    "li": ("李建国", "principal"),
    "admin": ("管理员", "admin"),
}
WECHAT: Final = (
    "Mozilla/5.0 (Linux; Android 12) AppleWebKit/537.36 Chrome/107 MicroMessenger/8.0.30"
)


@dataclass
class Desk:
    """A served school with three people who have passwords and PINs."""

    school: Node
    accounts: Accounts
    page: "Page"
    url: str

    def log_in(self, login: str) -> None:
        """Type the password."""
        self.page.context.clear_cookies(name=SESSION_COOKIE)
        self.page.goto(f"{self.url}login?as={login}&by=password&lang=zh")
        self.page.fill("#f-secret", PASSWORD)
        with self.page.expect_navigation():
            self.page.click("main button.wide")

    def take_turn(self, name: str) -> None:
        """Choose the own name in the menu of any page, and type the PIN."""
        self.page.click("#me summary")
        self.page.click(f"#turn label >> text={name}")
        with self.page.expect_navigation():
            self.page.keyboard.type(TEST_PIN)
            self.page.keyboard.press("Enter")

    def end_sessions(self) -> None:
        """As when everybody has gone away for long enough."""
        self.accounts.file.run("DELETE FROM session")

    def who(self) -> str:
        return self.page.inner_text("#me .name")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with (
        pytest.MonkeyPatch.context() as patch,
        make_world(Path(tmp_path_factory.mktemp("turns"))) as world,
    ):
        patch.setattr(accounts_module, "_HASHER", cheap)
        school = world.make("school", "石板村小学", "S1")
        for place, name in enumerate(("周明", "孙丽", "赵强")):
            add_person(school, f"T{place}", name)
        lan = LanDoor(list_addresses=lambda: ["127.0.0.2", "127.0.0.3"])
        app = create_app(school, lan=lan)
        accounts = accounts_of(app)
        accounts.now_s = lambda: NOW_MS / 1000
        for login, (name, role) in PEOPLE.items():
            accounts.add(login, name, role)
            account = next(each for each in accounts.list_all() if each.login == login)
            accounts.set_password(account, PASSWORD)
            accounts.set_switch_pin(account, TEST_PIN)
        server = make_http_server(app, ("127.0.0.1", 0))
        server.prepare()
        lan.attach(accounts, app, ("127.0.0.1", int(server.bind_addr[1])))
        thread = Thread(target=server.serve, daemon=True)
        thread.start()
        with open_browser() as page:
            yield Desk(school, accounts, page, url_of(server))
        lan.stop()
        server.stop()
        thread.join(10)


@pytest.fixture(autouse=True)
def nothing_kept(desk: Desk) -> None:
    """Each test begins at a PC that nobody has used today."""
    for table in ("left_form", "device", "tries"):
        desk.accounts.file.run(f"DELETE FROM {table}")
    desk.page.context.clear_cookies()


def test_what_one_person_typed_waits_while_another_has_the_turn(desk: Desk) -> None:
    desk.log_in("li")
    desk.log_in("wang")
    desk.page.goto(f"{desk.url}people/new?lang=zh")
    desk.page.fill("#f-staff_no", "T77")
    desk.page.fill("#f-name", "没填完的人")
    desk.take_turn("李建国")
    assert desk.who() == "李建国"
    assert "没填完的人" not in desk.page.content()
    desk.take_turn("王秀英")
    assert desk.page.url.endswith("/people/new")
    assert desk.page.input_value("#f-name") == "没填完的人"
    assert desk.page.is_visible("#left")
    take_picture(desk.page, "turns-left")


def test_what_was_left_is_forgotten_when_it_is_saved(desk: Desk) -> None:
    desk.log_in("wang")
    desk.page.goto(f"{desk.url}people/new")
    desk.page.fill("#f-staff_no", "T78")
    desk.page.fill("#f-name", "吴敏")
    with desk.page.expect_navigation():
        desk.page.click("main form:not(#left) button.wide, main form:not(#left) .actions button")
    desk.page.goto(f"{desk.url}people/new")
    assert desk.page.input_value("#f-name") == ""
    assert not desk.page.is_visible("#left")


def test_a_draft_of_a_session_stays_with_who_typed_it(desk: Desk) -> None:
    desk.log_in("li")
    desk.log_in("wang")
    desk.page.goto(f"{desk.url}session/?lang=zh")
    desk.page.fill("#f-title", "没有登完的研修")
    desk.take_turn("李建国")
    assert desk.school.query("SELECT * FROM hour") == []
    desk.take_turn("王秀英")
    assert desk.page.input_value("#f-title") == "没有登完的研修"


def test_after_the_lock_the_page_is_there_with_what_was_typed(desk: Desk) -> None:
    desk.log_in("wang")
    desk.page.clock.install()
    desk.page.goto(f"{desk.url}people/new?lang=zh")
    desk.page.fill("#f-name", "锁屏前填的")
    with desk.page.expect_response("**/left/"):
        desk.page.clock.run_for(3000)
    desk.end_sessions()
    with desk.page.expect_navigation(url="**/login**"):
        desk.page.clock.fast_forward(4000_000)
    assert "锁屏前填的" not in desk.page.content()
    desk.page.click("nav.people >> text=王秀英")
    desk.page.fill("#f-pin", TEST_PIN)
    with desk.page.expect_navigation(url="**/people/new"):
        desk.page.keyboard.press("Enter")
    assert desk.page.input_value("#f-name") == "锁屏前填的"


def test_a_turn_is_taken_by_keyboard_alone(desk: Desk) -> None:
    desk.log_in("li")
    desk.log_in("wang")
    desk.page.goto(f"{desk.url}hours/?lang=zh")
    keys = desk.page.keyboard
    keys.press("Tab")
    assert desk.page.evaluate("document.activeElement.className") == "skip"
    for _ in range(6):
        if desk.page.evaluate("document.activeElement.matches('#me summary')"):
            break
        keys.press("Tab")
    keys.press("Enter")
    desk.page.wait_for_function("document.activeElement.id === 'turn-pin'")
    with desk.page.expect_navigation():
        keys.type(TEST_PIN)
        keys.press("Enter")
    assert desk.who() == "李建国"
    desk.page.focus("#me summary")
    keys.press("Enter")
    keys.press("Escape")
    assert desk.page.get_attribute("#me", "open") is None
    assert desk.page.evaluate("document.activeElement.matches('#me summary')")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_menu_of_a_phone_is_one_line_that_unfolds(desk: Desk, language: str) -> None:
    desk.log_in("admin")
    desk.page.set_viewport_size({"width": 390, "height": 844})
    for path in ("", "sync-state/", "forms/"):
        desk.page.goto(f"{desk.url}{path}?lang={language}")
        line = desk.page.locator("#menu").bounding_box()
        assert line is not None
        assert line["height"] < 56, path
        assert desk.page.is_visible("#menu [aria-current]"), path
        assert not is_wider_than_the_window(desk.page)
    desk.page.click("#menu .unfold")
    assert desk.page.locator("#menu a:visible").count() >= 10
    take_picture(desk.page, f"menu-unfolded-390-{language}")
    desk.page.click("#menu .refold")
    assert desk.page.locator("#menu a:visible").count() <= 7
    desk.page.set_viewport_size({"width": 1280, "height": 900})


@pytest.mark.parametrize("width", [1280, 390])
def test_the_wifi_is_opened_and_shut_from_its_page(desk: Desk, width: int) -> None:
    desk.log_in("admin")
    desk.page.set_viewport_size({"width": width, "height": 900})
    desk.page.goto(f"{desk.url}wifi/?lang=zh")
    with desk.page.expect_navigation():
        desk.page.click("form[action='/wifi/open'] button")
    port = desk.url.split(":")[2].strip("/")
    assert desk.page.inner_text(".address-line") == f"http://127.0.0.2:{port}"
    assert desk.page.locator(".code-square svg path").count() > 0
    assert desk.page.locator(".state.approved").count() == 3
    assert not is_wider_than_the_window(desk.page)
    take_picture(desk.page, f"wifi-open-{width}")
    with desk.page.expect_navigation():
        desk.page.click("form[action='/wifi/shut'] button")
    assert desk.page.locator(".code-square").count() == 0
    desk.page.set_viewport_size({"width": 1280, "height": 900})


def test_inside_a_chat_app_the_page_says_how_to_leave_it_and_works(desk: Desk) -> None:
    context = desk.page.context.browser.new_context(user_agent=WECHAT)  # type: ignore[union-attr]
    page = context.new_page()
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{desk.url}login?lang=zh")
    assert "在浏览器打开" in page.inner_text(".chat")
    assert not is_wider_than_the_window(page)
    take_picture(page, "login-chat-390")
    page.fill("#f-login", "wang")
    page.fill("#f-secret", PASSWORD)
    with page.expect_navigation():
        page.click("main button.wide")
    assert page.inner_text("#me .name") == "王秀英"
    context.close()
