"""Headless Chromium for the tests.

Where it is missing a test says why and is skipped; where it must be there (CI) the test fails.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

# Where pictures of the pages are put for a person to look at; nowhere when it is not set.
SCREENSHOTS = "XUESHI_SCREENSHOTS"
# No sandbox: tests may run as root. No shared memory file: containers have little of it.
CHROMIUM_ARGS = ["--no-sandbox", "--disable-dev-shm-usage"]
# Set where a missing browser is a fault and not a reason to skip.
REQUIRED = ("XUESHI_REQUIRE_BROWSER", "CI")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def open_browser() -> "Iterator[Page]":
    """One empty page, which fails the test when it asks any other machine for anything."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        give_up("playwright is not installed")
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        give_up("no Chromium on this machine")
    outside: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=CHROMIUM_ARGS)
        page = browser.new_page(locale="zh-CN", viewport={"width": 1280, "height": 900})
        page.on("request", lambda request: _note_outside(request.url, outside))
        yield page
        browser.close()
    assert outside == []


def give_up(reason: str) -> NoReturn:
    """End the test: failed where a browser is required, else skipped."""
    if any(os.environ.get(each, "") not in ("", "0", "false") for each in REQUIRED):
        pytest.fail(reason)
    pytest.skip(reason)


def _note_outside(url: str, outside: list[str]) -> None:
    # The viewer of PDFs is a part of the browser with addresses of its own.
    if not url.startswith(("http://127.0.0.1:", "data:", "blob:", "chrome-extension:", "chrome:")):
        outside.append(url)


def take_picture(page: "Page", name: str) -> None:
    """Keep a picture of the page if somebody asked for pictures."""
    folder = os.environ.get(SCREENSHOTS)
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"))
