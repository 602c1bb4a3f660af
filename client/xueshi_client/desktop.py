"""The window: the node's own pages in the web view of the system, logged in by a one-time ticket.

If the node is served already the window opens on that process; otherwise the node is opened and
served here for as long as the window is open. The plain browser stays the lighter way.
"""

import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from xueshi_client.errors import MissingPartError
from xueshi_client.running import ENTER_PATH, TICKET_PATH, post_local, read_running
from xueshi_client.serving import serve_node
from xueshi_client.state import State
from xueshi_sync.errors import NodeInUseError

WIDTH: Final = 1100
HEIGHT: Final = 760
LOADED_TIMEOUT_S: Final = 60


def open_window(state: State, *, title_only: bool = False) -> str:
    """Open the window and wait until it is closed; return the title of the page it showed.

    With `title_only` the window closes by itself when its first page is loaded.
    """
    webview = _load_webview()
    with _find_pages(state) as (url, name):
        window = webview.create_window(f"{state.word('cli.desktop.title')} · {name}", url,
                                       width=WIDTH, height=HEIGHT, text_select=True)  # fmt: skip
        seen: list[str] = []
        webview.start(_watch, (window, seen, title_only), gui=_choose_engine())
    return seen[0] if seen else ""


def _watch(window: Any, seen: list[str], title_only: bool) -> None:
    """Runs beside the window's loop: notes the title of the first page."""
    if window.events.loaded.wait(LOADED_TIMEOUT_S):
        # Not evaluate_js, which wraps the code in eval(): our pages forbid that, rightly.
        seen.append(str(window.run_js("document.title") or ""))
    if title_only:
        window.destroy()


@contextmanager
def _find_pages(state: State) -> Iterator[tuple[str, str]]:
    """Address with a fresh ticket, and the node's name."""
    try:
        with state.open_node() as node, serve_node(node) as served:
            yield served.url + ENTER_PATH + served.door.make_ticket(), node.name
    except NodeInUseError:
        running = read_running(state.home)
        if running is None:
            raise
        ticket = post_local(running, TICKET_PATH, {})["ticket"]
        yield f"http://127.0.0.1:{running.port}{ENTER_PATH}{ticket}", str(state.home.name)


def _load_webview() -> Any:
    if importlib.util.find_spec("webview") is None:
        raise MissingPartError(part="pywebview", extra="desktop")
    import webview

    return webview


def _choose_engine() -> str | None:
    """Qt on Linux, where its wheels bring a web engine; elsewhere the system's own."""
    if not sys.platform.startswith("linux"):
        return None
    os.environ.setdefault("QT_API", "pyside6")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # Chromium's sandbox refuses to start for the superuser.
        os.environ.setdefault("QTWEBENGINE_DISABLE_SANDBOX", "1")
    return "qt"
