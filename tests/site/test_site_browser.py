"""The site in headless Chromium: from a node and from a folder, on a desk and on a phone."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import pytest

from tests.e2e.browser import take_picture
from tests.site.conftest import Given
from tests.site.material import SEARCHES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

WORDS = ("备课", "登记", "登记员")
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


@pytest.fixture(params=["http", "file"])
def watched(
    request: pytest.FixtureRequest, browser: "Browser", given_site: Given
) -> Iterator[Watched]:
    """The same site from a node, and from a folder that was taken out of its library."""
    base = given_site.url if request.param == "http" else given_site.folder.as_uri() + "/"
    context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 800})
    yield Watched(context.new_page(), base).watch()
    context.close()


@pytest.fixture
def phone(browser: "Browser", given_site: Given) -> Iterator[Watched]:
    context = browser.new_context(locale="zh-CN", **PHONE)
    yield Watched(context.new_page(), given_site.url).watch()
    context.close()


def search(page: "Page", base: str, word: str) -> str:
    """What the search box finds; the theme listens to keys, typed Chinese sends none."""
    page.goto(f"{base}zh/index.html")
    page.locator("input.md-search__input").click()
    page.keyboard.insert_text(word)
    page.keyboard.press("End")
    page.locator(".md-search-result__item").first.wait_for()
    found = page.locator(".md-search-result__list").text_content() or ""
    return found.replace("\u200b", "")


def test_chinese_words_are_found_and_nothing_is_asked_of_outside(watched: Watched) -> None:
    for word in WORDS:
        assert word in search(watched.page, watched.base, word)
    for word, title in SEARCHES:
        assert title in search(watched.page, watched.base, word)
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_found_is_opened_on_a_phone(
    phone: Watched, scheme: Literal["light", "dark"]
) -> None:
    phone.page.emulate_media(color_scheme=scheme)
    word, title = SEARCHES[1]
    phone.page.goto(f"{phone.base}zh/index.html")
    phone.page.locator("label.md-header__button[for=__search]").click()
    phone.page.keyboard.insert_text(word)
    phone.page.keyboard.press("End")
    found = phone.page.locator(".md-search-result__link", has_text=title[-5:]).first
    found.wait_for()
    take_picture(phone.page, f"site-found-{scheme}")
    found.click()
    phone.page.wait_for_url("**/training/left-behind.html*")
    take_picture(phone.page, f"site-article-{scheme}")
    assert phone.page.locator("h1").inner_text().startswith(title)
    assert (phone.outside, phone.errors) == ([], [])


def test_the_records_page_fits_a_desk_and_shows_bars(watched: Watched) -> None:
    watched.page.goto(f"{watched.base}zh/records.html")
    take_picture(watched.page, "site-records")
    widths = watched.page.locator(".xs-bar").evaluate_all(
        "bars => bars.map(bar => bar.getBoundingClientRect().width)"
    )
    assert len(widths) == 9
    assert max(widths) > 100 > min(widths) > 0
