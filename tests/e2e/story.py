"""What the story needs: two nodes that are really served, and people who each have a browser.

Everybody works through pages, as a person would; nothing is written past them.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.client.console_run import make_node, xueshi
from tests.client.test_serving import Served, start, stop
from tests.e2e.browser import open_browser, take_picture, wait_for_whole_pages
from tests.server.test_browser import is_wider_than_the_window

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PASSWORD: Final = "a long sentence of mine"
PIN: Final = "820164"
PHONE: Final = {"width": 390, "height": 844}
DESK: Final = {"width": 1280, "height": 900}
# What was given to read aloud or to print: four groups of four.
CODE: Final = re.compile(r"[a-z0-9]{4}(?:-[a-z0-9]{4}){3}")


@dataclass
class Person:
    """Somebody with a browser of their own, at one node."""

    page: "Page"
    url: str
    taken: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        """Open a page; it must be there and fit the window."""
        answer = self.page.goto(f"{self.url}{path}")
        assert answer is not None
        assert answer.status == 200, (path, answer.status)

    def look(self, name: str) -> None:
        """Nothing sticks out; a picture is kept for whoever asked."""
        assert not is_wider_than_the_window(self.page), name
        take_picture(self.page, f"story-{name}")

    def press(self, selector: str) -> None:
        """Press a button that leads to another page."""
        with self.page.expect_navigation():
            self.page.click(selector)

    def enter(self, selector: str) -> None:
        """Press Enter in a field of a form."""
        with self.page.expect_navigation():
            self.page.press(selector, "Enter")

    def text(self) -> str:
        return self.page.inner_text("main")

    def log_in(self, login: str, secret: str) -> None:
        self.go("login?lang=zh")
        self.page.fill("#f-login", login)
        self.page.fill("#f-secret", secret)
        self.press("main button.wide")

    def choose(self, secret: str) -> None:
        """Choose a password or PIN in place of the code on paper."""
        for each in self.page.locator("main input[type=password]").all():
            each.fill(secret)
        self.press("main form button:not([hidden])")


@dataclass
class Place:
    """A served node and the code for its first administrator."""

    served: Served
    code: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.served.port}/"

    @property
    def home(self) -> Path:
        return self.served.home


@dataclass
class Story:
    """A county centre and a school that joined it."""

    centre: Place
    school: Place
    browser: "Browser"
    outside: list[str]

    def person(self, place: Place, *, phone: bool = False) -> Person:
        """A browser without cookies, at the centre or at the school."""
        size = PHONE if phone else DESK
        context = self.browser.new_context(locale="zh-CN", viewport=size, has_touch=phone)  # type: ignore[arg-type]
        context.on("request", lambda request: self._note(request.url))
        page = context.new_page()
        wait_for_whole_pages(page)
        page.set_default_timeout(60_000)
        return Person(page, place.url)

    def _note(self, url: str) -> None:
        if not url.startswith(("http://127.0.0.1:", "data:", "blob:", "chrome")):
            self.outside.append(url)

    def sync(self) -> dict[str, Any]:
        """The school calls the centre, both being served."""
        done = xueshi(self.school.home, "sync", "--json")
        assert done.status == 0, done.err
        return done.data


@contextmanager
def told_in(folder: Path) -> Iterator[Story]:
    """Two nodes on this machine, each served by its own process."""
    with ExitStack() as stack:
        places = []
        for role, code in (("centre", "C1"), ("school", "S1")):
            made = make_node(folder / role, role, code)
            served = start(folder / role)
            stack.callback(stop, served)
            places.append(Place(served, str(made.data["one_time_code"])))
        page = stack.enter_context(open_browser())
        assert page.context.browser is not None
        outside: list[str] = []
        yield Story(places[0], places[1], page.context.browser, outside)
        assert outside == []
