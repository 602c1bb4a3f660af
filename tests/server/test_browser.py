"""Every page in a real browser: both widths, both languages, light and dark; and with the keyboard.

`XUESHI_SCREENSHOTS=folder` keeps a picture of each page for a person to look at.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Final

import pytest

from tests.e2e.browser import open_browser, take_picture
from tests.server.conftest import County
from tests.server.nodes import add_hour, add_person
from tests.server.pages import accounts_of, add_account
from xueshi_server.serving import make_server, url_of
from xueshi_server.web import create_app
from xueshi_server.web.security import SESSION_COOKIE
from xueshi_sync.http_listener import make_http_server
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

PAGES: Final = {
    "school": (
        "",
        "enter/",
        "hours/",
        "hours/{hour}",
        "enter/correct/{hour}",
        "people/",
        "people/{person}",
        "people/{person}/edit",
        "conflicts/",
        "sync-state/",
        "files/",
        "accounts/",
    ),
    "centre": ("", "review/", "hours/", "hours/{hour}", "people/", "sync-state/"),
}
LOOKS: Final = [
    pytest.param(1200, "light", "zh", id="desktop-light-zh"),
    pytest.param(360, "light", "zh", id="phone-light-zh"),
    pytest.param(1200, "dark", "en", id="desktop-dark-en"),
    pytest.param(360, "dark", "en", id="phone-dark-en"),
]


@contextmanager
def serve_pages(node: Node) -> Iterator[tuple[str, str]]:
    """(address, session cookie of an administrator) of a node that is served."""
    app = create_app(node)
    cookie = accounts_of(app).start_session(add_account(app, "admin"))
    server = make_http_server(app, ("127.0.0.1", 0))
    server.prepare()
    thread = Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield url_of(server), cookie
    finally:
        server.stop()
        thread.join(10)


def fill(county: County) -> dict[str, str]:
    """Records in every state, a conflict, and the names of one person and one record."""
    names = [(f"T{number:03d}", f"Teacher {number}") for number in range(9)]
    people = [add_person(county.school, *name) for name in names]
    hours = [
        add_hour(county.school, people[number % 9], title=f"Reading {number}", note="n" * 60)
        for number in range(12)
    ]
    county.carry_both_ways()
    ids = [county.school.public_id(key) for key in hours]
    with county.centre.write(actor="officer") as action:
        for place, verdict in enumerate(("approve", "reject", "void")):
            key = county.centre.find_record(ids[place])
            action.judge("hour", key, verdict, reason="No list of names")
    rename_on_both_sides(county, people[0])
    return {"hour": ids[1], "person": county.school.public_id(people[0])}


def rename_on_both_sides(county: County, person: RecordKey) -> None:
    """Edit one name at the school and at the centre, then exchange."""
    name = county.school.public_id(person)
    for node, value in ((county.school, "Li Ming A"), (county.centre, "Li Ming B")):
        with node.write(actor="admin") as action:
            action.set("person", node.find_record(name), {"name": value})
    county.carry_both_ways()


def is_wider_than_the_window(page: "Page") -> bool:
    return bool(
        page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    )


@pytest.mark.parametrize(("width", "scheme", "language"), LOOKS)
@pytest.mark.parametrize("role", ["school", "centre"])
def test_every_page_opens_without_a_word_from_the_console(
    county: County, role: str, width: int, scheme: str, language: str
) -> None:
    names = fill(county)
    complaints: list[str] = []
    with serve_pages(getattr(county, role)) as (url, cookie), open_browser() as page:
        page.set_viewport_size({"width": width, "height": 780})
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.on("console", lambda said: complaints.append(f"{page.url} {said.text}"))
        page.on("pageerror", lambda error: complaints.append(f"{page.url} {error}"))
        page.goto(f"{url}login?lang={language}")
        take_picture(page, f"{role}-login-{width}-{language}")
        page.context.add_cookies([{"name": SESSION_COOKIE, "value": cookie, "url": url}])
        for path in PAGES[role]:
            answer = page.goto(url + path.format(**names))
            assert answer is not None
            assert answer.status == 200, path
            assert not is_wider_than_the_window(page), path
            name = path.format(hour="hour", person="person").strip("/").replace("/", "-")
            take_picture(page, f"{role}-{name or 'today'}-{width}-{language}")
    assert complaints == []


def test_a_session_is_entered_with_the_keyboard_alone(county: County) -> None:
    for number in range(3):
        add_person(county.school, f"T{number}", f"Teacher {number}")
    with serve_pages(county.school) as (url, cookie), open_browser() as page:
        page.context.add_cookies([{"name": SESSION_COOKIE, "value": cookie, "url": url}])
        page.goto(f"{url}enter/?lang=en")
        page.fill("#f-date", "2026-03-01")
        page.focus("#f-title")
        page.keyboard.type("Reading")
        page.keyboard.press("Tab")
        page.keyboard.type("1.5")
        for _ in range(40):
            if page.evaluate("document.activeElement.matches('[data-all=person]')"):
                break
            page.keyboard.press("Tab")
        page.keyboard.press("Space")
        assert page.inner_text("[data-count=person]") == "3 selected"
        page.keyboard.press("Enter")
        page.wait_for_url("**/hours/?done=entered*")
    assert len(county.school.query("SELECT * FROM hour")) == 3


def test_the_roster_is_narrowed_while_typing(county: County) -> None:
    for name in ("Li Ming", "Wang Fang", "Li Na"):
        add_person(county.school, name, name)
    with serve_pages(county.school) as (url, cookie), open_browser() as page:
        page.context.add_cookies([{"name": SESSION_COOKIE, "value": cookie, "url": url}])
        page.goto(f"{url}enter/")
        page.fill("[data-filter]", "li")
        assert page.locator("#roster li:visible").count() == 2
        page.check("[data-all=person]")
        page.fill("[data-filter]", "")
        assert page.locator("#roster input:checked").count() == 2


def test_a_stopped_server_ends_its_thread(school: Node) -> None:
    server = make_server(school, "127.0.0.1", 0)
    thread = Thread(target=server.serve, daemon=True)
    thread.start()
    assert url_of(server).startswith("http://127.0.0.1:")
    server.stop()
    thread.join(10)
    assert not thread.is_alive()
