"""The window around the pages: title, menu, the question before closing, coming to the front.

It asks the node's local door once a second; so it is the same window whether this process serves
the node or another one. What may be done is decided by the pages and who is logged in there: the
menu only leads to them.
"""

import sys
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from xueshi_client.errors import NotAnsweringError
from xueshi_client.local_api import SYNCING
from xueshi_client.running import WINDOW_PATH, Running, post_local
from xueshi_client.serving import ServedNode
from xueshi_client.state import State

if TYPE_CHECKING:
    from webview.menu import Menu

Engine = Literal["qt"]
WIDTH: Final = 1100
HEIGHT: Final = 760
SMALLEST: Final = (360, 480)
LOADED_TIMEOUT_S: Final = 60
LOOK_S: Final = 1.0
# The state of sync is counted from the tables: not every second.
LOOKS_PER_COUNT: Final = 4
# (word, page)
_PLACES: Final = (("carry", "/sync-state/"), ("tables", "/files/"), ("forms", "/forms/"))
# What the web view's own dialogs say.
_DIALOG_WORDS: Final = {
    "global.ok": "ok",
    "global.cancel": "cancel",
    "global.saveFile": "save",
    "linux.openFile": "open",
    "linux.openFiles": "open",
}


class NodeWindow:
    """One window on one node."""

    def __init__(
        self,
        state: State,
        running: Running,
        served: ServedNode | None,
        *,
        on_shown: Callable[[], object],
    ) -> None:
        self._state = state
        self._running = running
        self._served = served
        self._on_shown = on_shown
        self._name = ""
        self._first_title = ""
        self._sure = False
        self._asking = False
        self._closed = threading.Event()
        self._window: Any = None

    def run(
        self,
        url: str,
        name: str,
        *,
        engine: Engine | None,
        title_only: bool = False,
        beside: Callable[[Any], object] | None = None,
    ) -> str:
        """Show the pages until the window is closed; return the title of the first one."""
        import webview

        # Qt's downloads are taken over (`window_qt`); other engines ask where to save.
        webview.settings["ALLOW_DOWNLOADS"] = engine != "qt"
        self._name = name
        self._window = window = webview.create_window(
            self._word("title", name=name),
            url,
            width=WIDTH,
            height=HEIGHT,
            min_size=SMALLEST,
            text_select=True,
            localization={key: self._word(each) for key, each in _DIALOG_WORDS.items()},
            menu=self._make_menu(),
        )
        assert window is not None
        if engine == "qt":
            window.events.before_show += self._take_over_qt
        window.events.closing += self._may_close
        window.events.closed += self._closed.set
        webview.start(self._watch, (title_only, beside), gui=engine)
        self._closed.set()
        return self._first_title

    def _word(self, key: str, **values: object) -> str:
        return self._state.word(f"cli.desktop.{key}", **values)

    def _take_over_qt(self) -> None:
        from xueshi_client.window_qt import take_over

        words = ("save", "saved", "not_saved", "loading", "pdf")
        take_over(self._window, self._state.language, {each: self._word(each) for each in words})

    # ---- beside the loop of the window

    def _watch(self, title_only: bool, beside: Callable[[Any], object] | None) -> None:
        if self._window.events.loaded.wait(LOADED_TIMEOUT_S):
            # Not evaluate_js, which wraps the code in eval(): our pages forbid that, rightly.
            self._first_title = str(self._window.run_js("document.title") or "")
            self._on_shown()
        if title_only:
            self._window.destroy()
            return
        if beside is not None:
            threading.Thread(target=beside, args=(self._window,), daemon=True).start()
        self._look()

    def _look(self) -> None:
        """Keep the title, and come to the front when another start asks for it."""
        raised: int | None = None
        title, looks = "", 0
        while not self._closed.wait(LOOK_S if looks else 0):
            count = looks % LOOKS_PER_COUNT == 0
            looks += 1
            try:
                told = post_local(self._running, WINDOW_PATH, {"count": count})
            except NotAnsweringError:
                told = {"raised": raised, "state": "gone"}
            if raised is not None and told["raised"] != raised:
                self._come_to_front()
            raised = told["raised"]
            wanted = self._title(told) if told.get("state") else title
            if wanted != title and not self._closed.is_set():
                title = wanted
                self._window.set_title(title)

    def _title(self, told: Mapping[str, Any]) -> str:
        state = self._word(f"state.{told['state']}", count=told.get("unsent", 0))
        return self._word("title_state", name=self._name, state=state)

    def _come_to_front(self) -> None:
        window = self._window
        window.show()
        window.restore()
        if sys.platform == "win32":
            # Windows lets no program take the front otherwise.
            window.on_top = True
            window.on_top = False

    # ---- closing

    def _may_close(self) -> bool:
        """Asked by the window in its own thread, where nothing may be waited for."""
        if self._sure or not self._is_syncing():
            return True
        if not self._asking:
            self._asking = True
            threading.Thread(target=self._ask, daemon=True).start()
        return False

    def _is_syncing(self) -> bool:
        """Whether closing would cut an exchange: one of this process only."""
        agent = self._served.door.agent if self._served else None
        return agent is not None and agent.status().code == SYNCING

    def _ask(self) -> None:
        try:
            self._sure = bool(
                self._window.create_confirmation_dialog(
                    self._word("close_title"), self._word("close_question")
                )
            )
        finally:
            self._asking = False
        if self._sure:
            self._window.destroy()

    # ---- menu

    def _make_menu(self) -> "list[Menu]":
        from webview.menu import Menu, MenuAction, MenuSeparator

        def go(key: str, function: Callable[[], object]) -> MenuAction:
            return MenuAction(self._word(f"menu.{key}"), function)

        file: list[Menu | MenuAction | MenuSeparator] = [
            *(go(key, self._opener(path)) for key, path in _PLACES),
            MenuSeparator(),
            go("print", self._runner("window.print()")),
            MenuSeparator(),
            go("close", lambda: self._window.destroy()),
        ]
        view: list[Menu | MenuAction | MenuSeparator] = [
            go("back", self._runner("history.back()")),
            go("reload", self._runner("location.reload()")),
        ]
        return [Menu(self._word("menu.file"), file), Menu(self._word("menu.view"), view)]

    def _opener(self, path: str) -> Callable[[], None]:
        return lambda: self._window.load_url(f"http://127.0.0.1:{self._running.port}{path}")

    def _runner(self, script: str) -> Callable[[], None]:
        return lambda: self._window.run_js(script)
