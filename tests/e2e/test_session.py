"""A session in a real browser: how many keys it takes, what a killed node gives back.

`XUESHI_SCREENSHOTS=folder` keeps pictures for a person to look at.
"""

import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.client.console_run import command, environment, make_node, xueshi
from tests.e2e.browser import open_browser, take_picture
from tests.server.nodes import make_world
from tests.server.test_browser import is_wider_than_the_window, serve_pages
from tests.tools.ports import free_port
from xueshi_server.accounts import Accounts
from xueshi_server.web.security import SESSION_COOKIE
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

# Fourteen invented people; the last two stay away.
NAMES: Final = [
    "张志强",
    "王秀英",
    "李婷婷",
    "刘建国",
    "陈晓琳",
    "杨玉洁",
    "赵文斌",
    "黄雅静",
    "周海涛",
    "吴红霞",
    "徐世昌",
    "孙素梅",
    "单晓燕",
    "阿依古丽·买买提",
]
PRESENT: Final = 12
MOST: Final = 25
TITLE: Final = "校本研修：习作教学的支架"


@dataclass
class Hands:
    """Somebody at the keyboard and the mouse, whose every touch is counted."""

    page: "Page"
    touches: int = 0

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            self.touches += 1

    def click(self, selector: str) -> None:
        self.page.click(selector)
        self.touches += 1

    def tab_to(self, selector: str) -> None:
        for _ in range(20):
            self.press("Tab")
            if self.page.evaluate("at => document.activeElement.matches(at)", selector):
                return
        raise AssertionError(f"no way to {selector} by the tab key")


def add_people(school: Node) -> list[RecordKey]:
    with school.write(actor="admin") as action:
        return [
            action.insert("person", {"staff_no": f"T{n:03}", "name": name, "active": True})
            for n, name in enumerate(NAMES)
        ]


def add_session(school: Node, people: list[RecordKey], **changed: object) -> None:
    fields = {"title": TITLE, "date": "2026-02-25", "minutes": 120} | changed
    with school.write(actor="admin") as action:
        action.insert("session", {**fields, "starts": "14:00", "ends": "16:00"})
        for person in people:
            action.insert("hour", {**fields, "person": person.rec, "form": "校本研修"})


@pytest.fixture
def school(tmp_path: Path) -> Iterator[Node]:
    """A school's node on the second of March 2026."""
    with make_world(tmp_path) as world:
        yield world.make("school", "石板村小学", "S1")


@pytest.fixture
def people(school: Node) -> list[RecordKey]:
    """The roster."""
    return add_people(school)


@pytest.fixture
def page(school: Node, people: list[RecordKey]) -> Iterator["Page"]:
    """The page with its form, opened by a registrar."""
    with serve_pages(school) as (url, cookie), open_browser() as page:
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.context.add_cookies([{"name": SESSION_COOKIE, "value": cookie, "url": url}])
        page.goto(f"{url}session/")
        yield page
        # A form that is sent back comes with a status that browsers remark on.
        assert [said for said in complaints if "status of 422" not in said] == []


def hours(school: Node) -> list[tuple[int, int]]:
    rows = school.query("SELECT person, minutes FROM hour ORDER BY person")
    return [(row["person"], row["minutes"]) for row in rows]


def wait_until_saved(page: "Page") -> None:
    page.wait_for_url("**/session/*done=entered*")


# ---- keys and clicks


def test_twelve_people_take_few_keys(page: "Page", school: Node, people: list[RecordKey]) -> None:
    hands = Hands(page)
    page.keyboard.type(TITLE)
    hands.tab_to("#f-minutes")
    hands.press("2")
    hands.tab_to("[data-all=person]")
    hands.press("Space", "Tab")
    # Two stayed away: their initials, the surname as it is read.
    hands.press("s", "x", "y", "Enter", "a", "y", "Enter")
    hands.press("Enter")
    wait_until_saved(page)
    assert hours(school) == [(key.rec, 120) for key in people[:PRESENT]]
    assert hands.touches <= MOST, hands.touches


def test_twelve_people_take_few_clicks(page: "Page", school: Node) -> None:
    hands = Hands(page)
    page.keyboard.type(TITLE)
    hands.click('[data-hours="2"]')
    hands.click("[data-all=person]")
    for name in NAMES[PRESENT:]:
        hands.click(f"#roster li:has-text('{name}') .name")
    assert page.inner_text(".save") == "保存 12 人的学时"
    hands.click(".save")
    wait_until_saved(page)
    assert len(hours(school)) == PRESENT
    assert hands.touches <= 10, hands.touches


def test_the_same_as_last_week_takes_a_click_and_a_key(
    page: "Page", school: Node, people: list[RecordKey]
) -> None:
    add_session(school, people[:PRESENT])
    page.reload()
    hands = Hands(page)
    hands.click(f".copy a:has-text('{TITLE}')")
    page.wait_for_selector("[data-copied]")
    hands.press("Enter")
    wait_until_saved(page)
    assert len(hours(school)) == 2 * PRESENT
    assert hands.touches == 2


@pytest.mark.parametrize("field", ["#f-title", "#f-minutes", "#f-form", "#roster input", "#find"])
def test_enter_saves_from_any_field(page: "Page", school: Node, field: str) -> None:
    page.fill("#f-title", TITLE)
    page.fill("#f-minutes", "2")
    page.check("#roster input[name=person]")
    page.focus(field)
    page.keyboard.press("Enter")
    wait_until_saved(page)
    assert len(hours(school)) == 1


def test_the_roster_is_walked_by_arrows_and_digits(
    page: "Page", school: Node, people: list[RecordKey]
) -> None:
    page.fill("#f-title", TITLE)
    page.fill("#f-minutes", "4")
    page.focus("#roster input[name=person]")
    for key in ("a", "ArrowRight", "2", "ArrowRight", "0", "ArrowRight", "l"):
        page.keyboard.press(key)
    page.fill("#f-lecturer_hours", "6")
    assert page.inner_text(".sum") == "12 人，共 46 学时；主讲 1 人，6 学时"
    page.keyboard.press("Enter")
    wait_until_saved(page)
    assert hours(school)[:4] == [
        (people[0].rec, 240),
        (people[1].rec, 120),
        (people[3].rec, 360),
        (people[4].rec, 240),
    ]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("sxy", ["单晓燕"]),
        ("ayglmmt", ["阿依古丽·买买提"]),
        ("婷", ["李婷婷"]),
        ("t010", ["徐世昌"]),
        ("WXY", ["王秀英"]),
        ("s'x'y", ["单晓燕"]),
        ("qq", []),
    ],
)
def test_people_are_found_by_initials(page: "Page", typed: str, found: list[str]) -> None:
    page.fill("#find", typed)
    assert page.locator("#roster li:visible b").all_inner_texts() == found
    assert page.is_visible("#nobody") == (not found)


# ---- what is shown before saving


def test_findings_show_up_while_typing_and_are_come_past(
    page: "Page", school: Node, people: list[RecordKey]
) -> None:
    add_session(school, people[:2], title="集体备课", date="2026-03-02")
    page.fill("#f-title", TITLE)
    page.fill("#f-minutes", "2")
    page.fill("#f-session_starts", "1530")
    page.check("[data-all=person]")
    page.wait_for_selector("#findings [data-code=overlap]")
    assert page.locator("#roster li.flag").count() == 2
    page.focus("#f-title")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "findings"
    assert len(hours(school)) == 2
    page.click("button[name=without]")
    wait_until_saved(page)
    assert len(hours(school)) == 2 + len(people) - 2


def test_what_is_wrong_has_the_cursor(page: "Page", school: Node) -> None:
    page.fill("#f-title", TITLE)
    page.fill("#f-minutes", "2")
    page.check("[data-all=person]")
    page.locator("#roster .own > input").nth(2).fill("two")
    page.press("#f-title", "Enter")
    page.wait_for_selector("#roster li.wrong .fault")
    focused = page.evaluate("document.activeElement.closest('li').querySelector('b').textContent")
    assert focused == NAMES[2]
    assert hours(school) == []


def test_who_logs_in_again_goes_on_typing(page: "Page", school: Node) -> None:
    page.context.clear_cookies()
    page.fill("#f-title", TITLE)
    page.wait_for_selector("#kept:has-text('登录已过期')")
    accounts = Accounts(school.home)
    cookie = accounts.start_session(accounts.list_all()[0])
    accounts.close()
    root = page.url.split("session/")[0]
    page.context.add_cookies([{"name": SESSION_COOKIE, "value": cookie, "url": root}])
    page.wait_for_selector("#kept:has-text('已存')")
    page.fill("#f-minutes", "2")
    page.check("[data-all=person]")
    page.click(".save")
    wait_until_saved(page)
    assert len(hours(school)) == len(NAMES)


# ---- looks


@pytest.mark.parametrize(("width", "language"), [(1280, "zh"), (390, "zh"), (390, "en")])
def test_the_page_fits_and_is_small(
    page: "Page", school: Node, people: list[RecordKey], width: int, language: str
) -> None:
    add_session(school, people[:PRESENT])
    page.set_viewport_size({"width": width, "height": 844})
    own = school.public_id(RecordKey(*school.query("SELECT scope_no, rec FROM hour")[0]))
    places = {"new": "session/", "copy": f"session/?like={own}", "saved": f"session/{own}"}
    places["claims"] = "session/claims/"
    root = page.url.split("session/")[0]
    for name, path in places.items():
        mark = "&" if "?" in path else "?"
        answer = page.goto(f"{root}{path}{mark}lang={language}")
        assert answer is not None
        assert answer.status == 200
        assert len(answer.body()) < 100_000
        assert not is_wider_than_the_window(page), name
        take_picture(page, f"session-{name}-{width}-{language}")


def test_targets_are_large_enough_for_a_thumb(page: "Page") -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.check("[data-all=person]")
    for selector in (
        "#roster .name",
        ".pill span",
        ".own > input",
        ".save",
        "[data-hours]",
        "#find",
    ):
        box = page.locator(selector).first.bounding_box()
        assert box is not None
        assert min(box["height"], box["width"]) >= 40, selector


# ---- a node that is killed


@dataclass
class Served:
    """A node that is served by a process of its own, which can be killed."""

    home: Path
    port: int
    cookie: str = ""
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        self.process = subprocess.Popen(
            [*command(), "serve", "--port", str(self.port)],
            env=environment(self.home),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                urllib.request.urlopen(f"{self.url}login", timeout=5).close()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise AssertionError("the node does not answer")

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A school with its roster, served."""
    home = tmp_path / "school"
    make_node(home, "school", "S1")
    table = tmp_path / "people.csv"
    lines = [f"T{n:03},{name}" for n, name in enumerate(NAMES)]
    table.write_text("\n".join(["teacher_id,teacher_name", *lines]), encoding="utf-8")
    assert xueshi(home, "import", "person", str(table)).status == 0
    accounts = Accounts(home)
    account = accounts.list_all()[0]
    accounts.set_password(account, "a long sentence of mine")
    cookie = accounts.start_session(accounts.list_all()[0])
    accounts.close()
    node = Served(home, free_port(), cookie)
    node.start()
    try:
        yield node
    finally:
        node.kill()


@contextmanager
def page_of(served: Served) -> "Iterator[Page]":
    with open_browser() as page:
        page.context.add_cookies(
            [{"name": SESSION_COOKIE, "value": served.cookie, "url": served.url}]
        )
        page.goto(f"{served.url}session/")
        yield page


@pytest.mark.process
def test_the_draft_comes_back_after_the_node_was_killed(served: Served) -> None:
    with page_of(served) as page:
        page.fill("#f-title", TITLE)
        page.fill("#f-minutes", "2")
        page.check("[data-all=person]")
        page.uncheck("#roster li:last-child input[name=person]")
        page.wait_for_selector("#kept:has-text('已存')")
        served.kill()
        page.fill("#f-title", f"{TITLE}（二）")
        page.wait_for_selector("#kept.bad")
        served.start()
        # The open page goes on by itself.
        page.wait_for_selector("#kept:not(.bad)")
        served.kill()
        served.start()
    with page_of(served) as page:
        assert page.input_value("#f-title") == f"{TITLE}（二）"
        assert page.locator("#roster input[name=person]:checked").count() == len(NAMES) - 1
        assert "已经放回来了" in page.inner_text("main")
        page.click(".save")
        wait_until_saved(page)


def send_form(served: Served, headers: dict[str, str], fields: list[tuple[str, str]]) -> None:
    """Send a form and do not wait for what comes of it."""
    body = urllib.parse.urlencode(fields).encode()
    request = urllib.request.Request(f"{served.url}session/", body, headers)
    try:
        urllib.request.urlopen(request, timeout=20).close()
    except (urllib.error.URLError, OSError):
        return


@pytest.mark.process
@pytest.mark.parametrize("wait_ms", [0, 4, 10, 25, 60])
def test_a_session_is_saved_whole_or_not_at_all(served: Served, wait_ms: int) -> None:
    headers = {"Cookie": f"{SESSION_COOKIE}={served.cookie}"}
    asked = urllib.request.Request(f"{served.url}session/", headers=headers)
    text = urllib.request.urlopen(asked, timeout=20).read().decode()
    people = re.findall(r'name="person" value="(\d+)"', text)
    token = re.search(r'name="csrf" value="([^"]+)"', text)
    assert token is not None
    fields = [("csrf", token[1]), ("entry_id", "c" * 32), ("title", TITLE), ("minutes", "2")]
    fields += [("date", "2026-02-25"), *(("person", rec) for rec in people)]
    thread = threading.Thread(target=send_form, args=(served, headers, fields))
    thread.start()
    time.sleep(wait_ms / 1000)
    served.kill()
    thread.join(30)
    check = xueshi(
        served.home,
        "export",
        "hour",
        "--format",
        "jsonl",
    )
    served.start()
    assert check.status == 0, check.err
    assert check.out.count("\n") in (0, len(people))
