"""Headless Chromium for the tests.

Where it is missing a test says why and is skipped; where it must be there (CI) the test fails.
"""

import atexit
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# Where pictures of the pages are put for a person to look at; nowhere when it is not set.
SCREENSHOTS = "XUESHI_SCREENSHOTS"
# No sandbox: tests may run as root. No shared memory file: containers have little of it.
CHROMIUM_ARGS = ["--no-sandbox", "--disable-dev-shm-usage"]
# Set where a missing browser is a fault and not a reason to skip.
REQUIRED = ("XUESHI_REQUIRE_BROWSER", "CI")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


class Running:
    """The one Chromium of this process: to start it costs more than most tests do with it."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._browser: Browser | None = None

    def get(self) -> "Browser":
        """The browser, started if it does not run."""
        try:
            from playwright.sync_api import sync_playwright
        except ImportError:
            give_up("playwright is not installed")
        found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
        if found is None:
            give_up("no Chromium on this machine")
        if self._browser is None or not self._browser.is_connected():
            self.stop()
            chromium = self._stack.enter_context(sync_playwright()).chromium
            self._browser = chromium.launch(executable_path=found, args=CHROMIUM_ARGS)
            self._stack.callback(self._browser.close)
        return self._browser

    def stop(self) -> None:
        """End the browser; the next test that asks gets another one."""
        self._browser = None
        self._stack.close()


RUNNING: Final = Running()
atexit.register(RUNNING.stop)


@contextmanager
def get_browser() -> "Iterator[Browser]":
    """The browser; what is opened in it meanwhile is closed at the end."""
    browser = RUNNING.get()
    before = set(browser.contexts)
    try:
        yield browser
    finally:
        for context in browser.contexts:
            if context not in before:
                context.close()


@contextmanager
def open_browser() -> "Iterator[Page]":
    """One empty page, which fails the test when it asks any other machine for anything."""
    outside: list[str] = []
    with get_browser() as browser:
        page = browser.new_page(locale="zh-CN", viewport={"width": 1280, "height": 900})
        page.on("request", lambda request: _note_outside(request.url, outside))
        wait_for_whole_pages(page)
        yield page
    assert outside == []


def wait_for_whole_pages(page: "Page") -> None:
    """Let a click that leads to another page end when that page is there, not when it begins."""
    click = page.click

    def click_and_wait(*given: Any, **named: Any) -> None:
        click(*given, **named)
        page.wait_for_load_state()

    page.click = click_and_wait  # type: ignore[method-assign]


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
