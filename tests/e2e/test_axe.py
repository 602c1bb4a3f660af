"""axe-core over every page: no serious or critical violation, wide and narrow, light and dark.

The pages come from the routes: a new page is looked at without being listed here.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

import pytest
from flask import Flask

from tests.e2e.browser import give_up, open_browser
from tests.server.every_type import fill_county
from tests.server.nodes import add_objection
from tests.server.pages import accounts_of, add_account
from tests.server.test_browser import is_wider_than_the_window
from tests.server.test_quizzes import QUIZ
from tests.server.walks.shipped_county import County, make_county
from xueshi_server.accounts import Role
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.quizzes import is_quiz
from xueshi_server.lan import LanDoor
from xueshi_server.library import add_file
from xueshi_server.serving import url_of
from xueshi_server.store.library import About, list_resources
from xueshi_server.web import create_app
from xueshi_server.web.access import NEEDS
from xueshi_server.web.security import SESSION_COOKIE
from xueshi_sync.http_listener import make_http_server
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

# What is no page: files, pieces of pages, and the training site, which has a test of its own.
NO_PAGE: Final = frozenset(
    {
        "static", "health.show", "training.index", "training.show", "files.give",
        "form_pdf.one", "form_pdf.everybody", "mine.statement", "mine.photo", "attachments.file",
        "contributions.file", "contributions.inside",
    }
)  # fmt: skip
# Pages that need no account are looked at apart, but for these.
OPEN_PAGES: Final = ("login.switch", "library.index", "library.show", "quizzes.show")
# Routes about an hour; the others are about a person.
HOUR_PAGES: Final = ("hours.", "entry.", "session.", "attachments.", "records.queue")
# Pages that are looked at in English and in the dark as well.
KEY_PAGES: Final = ("today.show", "session.new", "lan.show", "login.switch")
RUN: Final = """() => axe.run(document, {
  resultTypes: ["violations"], preload: false,
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"],
}).then((found) => found.violations
  .filter((each) => ["serious", "critical"].includes(each.impact))
  .map((each) => `${each.id}: ${each.nodes.slice(0, 3).map((one) => one.html.slice(0, 160))}`))"""


@dataclass
class Office:
    """A node that is served to the browser, and what to open there."""

    node: Node
    app: Flask
    url: str
    values: dict[str, str]

    def cookie(self, role: Role) -> str:
        """The session of somebody with that role; a teacher is the person of the records."""
        accounts = accounts_of(self.app)
        account = next((each for each in accounts.list_all() if each.login == role), None)
        account = account or add_account(self.app, role)
        if role == "teacher" and not account.person:
            accounts.set_rights(account, ["teacher"], self.values["name"])
        return accounts.start_session(account)

    def pages(self, role: Role) -> dict[str, str]:
        """The address of every page that is meant for `role` here."""
        found = {}
        for rule in self.app.url_map.iter_rules():
            need = NEEDS[rule.endpoint]
            is_open = need == "open" and rule.endpoint not in OPEN_PAGES
            is_meant = need == "mine" if role == "teacher" else need != "mine" and not is_open
            if "GET" in (rule.methods or ()) and rule.endpoint not in NO_PAGE and is_meant:
                about_hour = rule.endpoint.startswith(HOUR_PAGES)
                values = self.values | ({"name": self.values["hour"]} if about_hour else {})
                if rule.endpoint.startswith("contributions."):
                    values["name"] = self.values["contribution"]
                if rule.endpoint.startswith("quizzes."):
                    values["resource_id"] = values.get("quiz", "none")
                values["type_name"] = "hour" if about_hour else "person"
                with self.app.test_request_context():
                    given: dict[str, Any] = {
                        each: values.get(each, "none") for each in rule.arguments
                    }
                    found[rule.endpoint] = self.app.url_for(rule.endpoint, **given)
        return found


@dataclass
class Look:
    """The browser with axe in its hand."""

    page: "Page"

    def open(self, office: Office, role: Role, path: str) -> bool:
        """Whether there is such a page at this node."""
        cookie = {"name": SESSION_COOKIE, "value": office.cookie(role), "url": office.url}
        self.page.context.add_cookies([cookie])  # type: ignore[list-item]
        answer = self.page.goto(office.url.rstrip("/") + path)
        assert answer is not None
        assert answer.status < 500, path
        return answer.status == 200

    def faults(self) -> list[str]:
        """The serious and critical violations of the page as it stands."""
        found: list[str] = self.page.evaluate(RUN)
        return found


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    with make_county(Path(tmp_path_factory.mktemp("axe")), "jiyuan") as county:
        fill_county(county, 2)
        centre = county.at_centre()
        for name, text in (("四步.quiz.md", QUIZ), ("文章.md", "# 磨课\n\n先备课，再上课。\n")):
            path = Path(tmp_path_factory.mktemp("library"), name)
            path.write_text(text, "utf-8")
            add_file(centre, path, About(name.partition(".")[0]), actor="admin")
        yield county


@pytest.fixture(scope="module")
def offices(county: County) -> Iterator[dict[str, Office]]:
    with ExitStack() as open_things:
        yield {
            node.role: open_things.enter_context(serve(node, county.pack))
            for node in (county.school, county.centre)
        }


def sample_values(node: Node, pack: Pack) -> dict[str, str]:
    """What stands in addresses: a person, an hour of somebody, a form, a rule, an entitlement."""
    names = {}
    for of in ("person", "hour", "contribution"):
        row = node.query(f"SELECT scope_no, rec FROM {of} ORDER BY rec LIMIT 1")[0]
        names[of] = node.public_id(RecordKey(row["scope_no"], row["rec"]))
    resources = {
        "quiz" if is_quiz(each.name, "") else "resource_id": each.public_id
        for each in list_resources(node)
    }
    return resources | {
        "name": names["person"],
        "hour": names["hour"],
        "contribution": names["contribution"],
        "form_id": "personal_statement",
        "rule_id": next(each for each, rule in pack.rules.items() if rule.scope == "teacher"),
        "entitlement_id": next(iter(pack.entitlements)),
        "scope_id": node.query("SELECT scope_id FROM scope WHERE kind = 'school'")[0][0],
    }


@contextmanager
def serve(node: Node, pack: Pack) -> Iterator[Office]:
    values = sample_values(node, pack)
    if node.role == "school":
        add_objection(node, node.find_record(values["hour"]), "应为 3 学时")
    lan = LanDoor(list_addresses=lambda: ["127.0.0.2"])
    app = create_app(node, lan=lan)
    server = make_http_server(app, ("127.0.0.1", 0))
    server.prepare()
    lan.attach(accounts_of(app), app, ("127.0.0.1", int(server.bind_addr[1])))
    lan.open()
    thread = Thread(target=server.serve, daemon=True)
    thread.start()
    yield Office(node, app, url_of(server), values)
    lan.stop()
    server.stop()
    thread.join(10)


@pytest.fixture(scope="module")
def look() -> Iterator[Look]:
    try:
        from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
    except ImportError:
        give_up("axe is not installed")
    with open_browser() as page:
        page.context.add_init_script(AXE_SCRIPT)
        yield Look(page)


def examine(look: Look, office: Office, role: Role, width: int, *, query: str = "") -> set[str]:
    """Look at every page in a window of that width; which pages this node has."""
    faults, there = dict[str, list[str]](), set[str]()
    look.page.set_viewport_size({"width": width, "height": 900})
    for endpoint, path in office.pages(role).items():
        if query and endpoint not in KEY_PAGES:
            continue
        if look.open(office, role, path + query):
            there.add(endpoint)
            faults[endpoint] = look.faults()
            assert not is_wider_than_the_window(look.page), (endpoint, width)
    assert {each: found for each, found in faults.items() if found} == {}
    return there


def test_no_page_has_a_serious_violation(offices: dict[str, Office], look: Look) -> None:
    """The centre's pages wide, the school's and a teacher's as on a phone."""
    at_centre = examine(look, offices["centre"], "admin", 1280)
    at_school = examine(look, offices["school"], "admin", 390)
    assert examine(look, offices["school"], "teacher", 390) == {"mine.show", "reading.show"}
    assert {"review.index", "records.queue", "personal.show"} <= at_centre
    assert {"contributions.index", "contributions.show"} <= at_centre & at_school
    assert {"library.show", "quizzes.show", "schools.index", "school.show"} <= at_centre
    assert {"session.new", "lan.show", "accounts.codes", "people.edit"} <= at_school
    assert len(at_centre | at_school) > 40


def test_in_english_and_in_the_dark_key_pages_are_as_good(
    offices: dict[str, Office], look: Look
) -> None:
    look.page.emulate_media(color_scheme="dark")
    for width in (1280, 390):
        seen = examine(look, offices["school"], "admin", width, query="?lang=en")
        assert seen == set(KEY_PAGES)


def test_the_log_in_page_and_the_menu_are_as_good(offices: dict[str, Office], look: Look) -> None:
    office, page = offices["school"], look.page
    page.emulate_media(color_scheme="light")
    look.open(office, "admin", "/hours/?lang=zh")
    page.click("#me summary")
    assert look.faults() == []
    page.context.clear_cookies(name=SESSION_COOKIE)
    page.goto(f"{office.url}login?lang=zh")
    assert look.faults() == []
    assert page.evaluate("document.activeElement.id") == "f-login"
