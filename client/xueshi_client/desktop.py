"""`xueshi desktop`: the node's own pages in a window of their own, logged in by a one-time ticket.

- If the node is served already the window opens on that process; otherwise the node is opened and
  served here for as long as the window is open, on the port that `xueshi serve` uses too.
- One window a node: a second start brings the first one to the front.
- Where there is no node yet the window asks for the school first.
- Where there is no web view, no screen, or the last start died before it showed anything, the
  pages open in the browser: the lighter way on a weak PC anyway (`--browser`).
"""

import importlib.util
import os
import sys
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from filelock import FileLock, Timeout

from xueshi_client.commands.run_local import stop_signals
from xueshi_client.errors import NotAnsweringError
from xueshi_client.first_start import ask_for_node
from xueshi_client.running import (
    ENTER_PATH,
    RAISE_PATH,
    TICKET_PATH,
    Running,
    post_local,
    read_running,
)
from xueshi_client.serving import ServedNode, serve_node, wait_for_stop
from xueshi_client.state import FEED_FILE, State
from xueshi_client.window import Engine, NodeWindow
from xueshi_sync.errors import NodeInUseError

LOCK_FILE: Final = "window.lock"
# Lies there from the start of a web view until it shows its first page.
TRYING_FILE: Final = "window.trying"
_SCREENS: Final = ("DISPLAY", "WAYLAND_DISPLAY")

Opened = Literal["window", "browser", "brought", "closed"]


@dataclass(frozen=True, slots=True)
class Pages:
    """Where the pages are: `url` has a fresh ticket; `served` when this process serves them."""

    url: str
    name: str
    running: Running
    served: ServedNode | None


def open_desktop(
    state: State,
    *,
    in_browser: bool = False,
    title_only: bool = False,
    beside: Callable[[Any], object] | None = None,
) -> tuple[Opened, str]:
    """Open the window and wait until it is closed: how it was opened, and its first page's title.

    With `title_only` the window closes when its first page is loaded; `beside` is called with the
    web view's window in a thread of its own.
    """
    if _is_first(state) and not ask_for_node(state):
        return "closed", ""
    lock = FileLock(state.require_home() / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        _bring_to_front(state.home)
        return "brought", ""
    try:
        with _find_pages(state) as pages:
            if in_browser or not can_show(state.home):
                _open_browser(state, pages)
                return "browser", ""
            trying = state.home / TRYING_FILE
            trying.touch()
            window = NodeWindow(state, pages.running, pages.served, on_shown=trying.unlink)
            title = window.run(
                pages.url, pages.name, engine=choose_engine(state.language),
                title_only=title_only, beside=beside,
            )  # fmt: skip
            trying.unlink(missing_ok=True)
            return "window", title
    finally:
        lock.release()


def _is_first(state: State) -> bool:
    """Whether there is no node yet and somebody can be asked for it."""
    return not (state.home / FEED_FILE).is_file() and can_show(state.home)


def can_show(home: Path) -> bool:
    """Whether a window can be tried; a web view that fails to start ends the whole process."""
    if importlib.util.find_spec("webview") is None:
        return False
    if sys.platform.startswith("linux"):
        if not any(os.environ.get(each) for each in _SCREENS):
            return False
        if importlib.util.find_spec("PySide6") is None and importlib.util.find_spec("gi") is None:
            return False
    failed = home / TRYING_FILE
    if failed.exists():
        # The next start tries again: it may have been a power cut.
        failed.unlink(missing_ok=True)
        return False
    return True


def _bring_to_front(home: Path) -> None:
    """Ask the window that is open to show itself; one that is just opening does so anyway."""
    running = read_running(home)
    if running is not None:
        try:
            post_local(running, RAISE_PATH, {})
        except NotAnsweringError:
            return


def _open_browser(state: State, pages: Pages) -> None:
    """Open the pages in the browser; serve them until Ctrl-C where nobody else does."""
    opened = webbrowser.open(pages.url)
    key = "cli.desktop.in_browser" if opened else "cli.desktop.no_browser"
    state.say(key, url=f"http://127.0.0.1:{pages.running.port}/" if opened else pages.url)
    if pages.served is not None:
        with stop_signals() as stopping:
            state.say("cli.desktop.until")
            wait_for_stop(stopping)


@contextmanager
def _find_pages(state: State) -> Iterator[Pages]:
    """Address with a fresh ticket, and the node's name."""
    spoken = f"?lang={state.language}"
    try:
        with state.open_node() as node, serve_node(node, port=None) as served:
            if served.kept_port != served.port:
                state.say("cli.serve.other_port", kept=served.kept_port, port=served.port)
            running = Running(os.getpid(), served.port, served.door.token)
            url = served.url + ENTER_PATH + served.door.make_ticket() + spoken
            yield Pages(url, node.name, running, served)
    except NodeInUseError:
        running_there = read_running(state.home)
        if running_there is None:
            raise
        given = post_local(running_there, TICKET_PATH, {})
        url = f"http://127.0.0.1:{running_there.port}{ENTER_PATH}{given['ticket']}{spoken}"
        yield Pages(url, str(given["name"]), running_there, None)


def choose_engine(language: str) -> Engine | None:
    """Qt on Linux, where its wheels bring a web engine; elsewhere the system's own."""
    if not sys.platform.startswith("linux") or importlib.util.find_spec("PySide6") is None:
        return None
    os.environ.setdefault("QT_API", "pyside6")
    # What the engine itself says (a field for a file, a date) is in the language of the pages.
    spoken = "--lang=zh-CN" if language == "zh" else "--lang=en-US"
    flags = os.environ.get("QTWEBENGINE_CHROMIUM_FLAGS", "")
    os.environ["QTWEBENGINE_CHROMIUM_FLAGS"] = f"{flags} {spoken}".strip()
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # Chromium's sandbox refuses to start for the superuser.
        os.environ.setdefault("QTWEBENGINE_DISABLE_SANDBOX", "1")
    return "qt"
