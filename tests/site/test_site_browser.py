"""The site in headless Chromium: from a server and from a folder, on a desk and on a phone."""

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.browser import BROWSERS, CHROMIUM_ARGS, take_picture
from xueshi_server.site_build import BuiltSite

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

WORDS = ("学时", "备课", "登记", "登记员", "集体备课", "断电")
PAGES = (
    "zh/index",
    "zh/records",
    "zh/sync",
    "zh/glossary",
    "zh/commands",
    "zh/guide/registrar",
    "zh/guide/officer",
    "zh/training/01-filling-in-hours",
    "zh/training/03-power-and-backup",
    "zh/protocol",
    "en/index",
    "en/records",
)
PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@dataclass
class Watched:
    """A page, what it asked of other hosts and what it complained about."""

    page: "Page"
    base: str
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def watch(self) -> "Watched":
        """Begin to note requests and errors."""
        self.page.on("request", lambda request: self._note(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on(
            "console",
            lambda line: self.errors.append(line.text) if line.type == "error" else None,
        )
        return self

    def _note(self, url: str) -> None:
        if not url.startswith((self.base, "data:", "blob:", "about:")):
            self.outside.append(url)


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=CHROMIUM_ARGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def served(built: BuiltSite) -> Iterator[str]:
    handler = functools.partial(_Quiet, directory=str(built.folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(params=["http", "file"])
def watched(
    request: pytest.FixtureRequest, browser: "Browser", served: str, built: BuiltSite
) -> Iterator[Watched]:
    """The same site over HTTP and from the folder itself."""
    base = served if request.param == "http" else built.folder.as_uri() + "/"
    context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 800})
    yield Watched(context.new_page(), base).watch()
    context.close()


@pytest.fixture
def phone(browser: "Browser", served: str) -> Iterator[Watched]:
    context = browser.new_context(locale="zh-CN", **PHONE)
    yield Watched(context.new_page(), served).watch()
    context.close()


def _search(page: "Page", base: str, word: str) -> str:
    """What the search box finds; the theme listens to keys, typed Chinese sends none."""
    page.goto(f"{base}zh/index.html")
    page.locator("input.md-search__input").click()
    page.keyboard.insert_text(word)
    page.keyboard.press("End")
    page.locator(".md-search-result__item").first.wait_for(timeout=15_000)
    found = page.locator(".md-search-result__list").text_content() or ""
    return found.replace("\u200b", "")


def test_chinese_words_are_found_and_nothing_is_asked_of_outside(watched: Watched) -> None:
    for word in WORDS:
        assert word in _search(watched.page, watched.base, word)
    take_picture(watched.page, "site-search")
    assert (watched.outside, watched.errors) == ([], [])


def test_no_page_asks_anything_of_outside_or_complains(watched: Watched) -> None:
    for page in PAGES:
        watched.page.goto(f"{watched.base}{page}.html")
        watched.page.wait_for_timeout(150)
    assert (watched.outside, watched.errors) == ([], [])


def test_the_first_page_is_the_chinese_one(watched: Watched) -> None:
    watched.page.goto(f"{watched.base}index.html")
    watched.page.wait_for_url("**/zh/index.html")
    assert watched.page.locator("html").get_attribute("lang") == "zh"


def test_the_language_is_switched_on_the_same_page(watched: Watched) -> None:
    watched.page.goto(f"{watched.base}zh/guide/teacher.html")
    watched.page.locator(".md-select button").hover()
    watched.page.locator(".md-select__link[hreflang=en]").click()
    watched.page.wait_for_url("**/en/guide/teacher.html")
    assert watched.page.locator("h1").inner_text().startswith("Teacher")


@pytest.mark.parametrize("page", PAGES)
def test_no_page_scrolls_sideways_on_a_phone(phone: Watched, page: str) -> None:
    phone.page.goto(f"{phone.base}{page}.html")
    take_picture(phone.page, f"site-phone-{page.replace('/', '-')}")
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_records_page_fits_a_desk_and_shows_bars(watched: Watched) -> None:
    watched.page.goto(f"{watched.base}zh/records.html")
    take_picture(watched.page, "site-records")
    widths = watched.page.locator(".xs-bar").evaluate_all(
        "bars => bars.map(bar => bar.getBoundingClientRect().width)"
    )
    assert len(widths) == 9
    assert max(widths) > 100 > min(widths) > 0
