"""A site of three hundred pages: built in time, and searched at a node and in a folder."""

import datetime as dt
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.e2e.browser import take_picture
from tests.site.conftest import Given, give_site
from tests.site.figures import county_figures
from tests.site.material import SEARCHES, make_material
from tests.site.test_site_browser import Watched, search
from xueshi_server.site_build import BuiltSite, build_site

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.soak, pytest.mark.browser]
PAGES = 300
BUILD_S_MOST = 30


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[BuiltSite, float]:
    """The site, and the seconds that it took."""
    pages = make_material(PAGES)
    began = time.monotonic()
    site = build_site(
        tmp_path_factory.mktemp("large") / "site", county_figures(dt.date(2026, 3, 20)), pages=pages
    )
    return site, time.monotonic() - began


@pytest.fixture(scope="module")
def given_large(
    large: tuple[BuiltSite, float], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Given]:
    with give_site(large[0], tmp_path_factory.mktemp("given-large")) as given:
        yield given


def test_three_hundred_pages_are_built_in_time(large: tuple[BuiltSite, float]) -> None:
    site, took_s = large
    assert site.page_count >= PAGES
    assert took_s <= BUILD_S_MOST


@pytest.mark.parametrize("way", ["http", "file"])
def test_words_are_found_among_three_hundred_pages(
    way: str, browser: "Browser", given_large: Given
) -> None:
    base = given_large.url if way == "http" else given_large.folder.as_uri() + "/"
    context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 800})
    watched = Watched(context.new_page(), base).watch()
    for word, title in SEARCHES:
        assert title in search(watched.page, base, word)
    take_picture(watched.page, f"site-large-{way}")
    assert (watched.outside, watched.errors) == ([], [])
    context.close()
