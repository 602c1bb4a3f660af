"""Opens the window of a node in this process and does with it what a person would.

    python -m tests.client.window_driver HOME DOWNLOAD PRINT

The node is made in the window of the first start, with the invitation that INVITATION holds; its
centre must be one that takes calls and never answers.

Dialogs are the real ones: a file name is typed into them by key events and Return is pressed. What
was seen is one JSON object on the last line of standard output.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.client.console_run import xueshi
from tests.e2e.browser import SCREENSHOTS
from xueshi_client.console import run

WAIT_S: Final = 30.0
SYNCING: Final = "正在同步"
FIRST: Final = "first"
CHOOSE_PASSWORD: Final = """
document.querySelectorAll("input[type=password]").forEach(function (each) {
  each.value = "a long sentence of mine";
});
document.querySelector("input[type=password]").form.requestSubmit();
"""


class Hand:
    """Works in the thread of the window, from another one."""

    def __init__(self, window: Any) -> None:
        from PySide6.QtCore import QObject, QThread, Signal

        class Bridge(QObject):
            called = Signal(object)

        self.window = window
        self._bridge = Bridge()
        self._bridge.moveToThread(window.native.thread())
        self._bridge.called.connect(lambda work: work())
        assert QThread.currentThread() is not window.native.thread()

    def wait(self, probe: Callable[[], Any], what: str) -> Any:
        """What `probe` finds, as soon as it finds something."""
        ends = time.monotonic() + WAIT_S
        while time.monotonic() < ends:
            found = self.do(probe)
            if found:
                return found
            time.sleep(0.05)
        raise TimeoutError(what)

    def do(self, work: Callable[[], Any]) -> Any:
        """Call `work` in the window's thread."""
        done = threading.Event()
        found: list[Any] = []

        def call() -> None:
            try:
                found.append(work())
            finally:
                done.set()

        self._bridge.called.emit(call)
        assert done.wait(WAIT_S)
        return found[0]

    def page(self, script: str) -> Any:
        return self.window.run_js(script)

    def wait_page(self, script: str) -> Any:
        ends = time.monotonic() + WAIT_S
        while time.monotonic() < ends:
            if found := self.page(script):
                return found
            time.sleep(0.05)
        raise TimeoutError(script)

    def type_file_name(self, path: Path) -> str:
        """Type a name into the open file dialog and press Return; return what it proposed."""
        from PySide6.QtCore import Qt
        from PySide6.QtTest import QTest
        from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit

        def dialog() -> Any:
            found = QApplication.activeModalWidget()
            return found if isinstance(found, QFileDialog) else None

        def type_it() -> str:
            asked = dialog()
            edit = asked.findChild(QLineEdit, "fileNameEdit")
            proposed = edit.text()
            edit.selectAll()
            QTest.keyClicks(edit, str(path))
            QTest.keyClick(edit, Qt.Key.Key_Return)
            return str(proposed)

        self.wait(dialog, "a file dialog")
        self.picture("desktop-dialog")
        return str(self.do(type_it))

    def close(self, button: str) -> str:
        """Close the window and press a button of the question that comes; return what it asks.

        As a person would, closes once more where nothing happens: the window asks one question at a
        time, and the answer to the last one may still be on its way.
        """
        from PySide6.QtWidgets import QApplication, QMessageBox

        def question() -> Any:
            found = QApplication.activeModalWidget()
            return found if isinstance(found, QMessageBox) else None

        def close_or_find() -> Any:
            found = question()
            if found is None:
                self.window.native.close()
            return found

        def press_it() -> str:
            asked = question()
            text = str(asked.text())
            asked.button(QMessageBox.StandardButton[button]).click()
            return text

        self.wait(close_or_find, "a question")
        return str(self.do(press_it))

    def picture(self, name: str, size: tuple[int, int] | None = None) -> None:
        """The screen, with the window at a size, if somebody asked for pictures."""
        from PySide6.QtGui import QGuiApplication

        folder = os.environ.get(SCREENSHOTS)
        if not folder:
            return
        if size is not None:
            self.do(lambda: self.window.native.resize(*size))
        time.sleep(1.0)
        path = str(Path(folder) / f"{name}.png")
        self.do(lambda: QGuiApplication.primaryScreen().grabWindow(0).save(path))


def use(hand: Hand, seen: dict[str, Any], home: Path, paths: list[Path]) -> None:
    """Pack on the page of sync, print it, start a second time, and close while a sync runs."""
    download, printed = paths
    window, native = hand.window, hand.window.native
    hand.wait_page("location.pathname == '/password' && document.readyState == 'complete'")
    hand.page(CHOOSE_PASSWORD)
    seen["path"] = hand.wait_page("location.pathname == '/' && location.pathname")
    window.load_url(f"{hand.page('location.origin')}/sync-state/")
    hand.wait_page("location.pathname == '/sync-state/' && document.readyState == 'complete'")
    hand.page("document.querySelector('form[data-download] button').click()")
    seen["proposed"] = hand.type_file_name(download)
    hand.wait(download.is_file, "the download")
    hand.picture("desktop-wide", (1140, 760))
    hand.picture("desktop-narrow", (420, 700))
    hand.page("setTimeout(function () { window.print(); }, 0)")
    seen["print_proposed"] = hand.type_file_name(printed)
    hand.wait(printed.is_file, "the PDF")
    hand.do(native.showMinimized)
    seen["second"] = xueshi(home, "desktop", "--json").data["opened"]
    hand.wait(lambda: not native.isMinimized(), "the front")
    hand.wait(lambda: SYNCING in native.windowTitle(), "a sync")
    seen["question"] = hand.close("Cancel")
    seen["title"] = hand.do(native.windowTitle)


def begin_first() -> None:
    """Fill in the first start, once wrongly, in the process that the client starts for it."""
    import webview

    from xueshi_client.main import cli
    from xueshi_client.state import State

    def fill_in() -> None:
        try:
            while not (webview.windows and webview.windows[0].events.loaded.wait(WAIT_S)):
                time.sleep(0.05)
            hand = Hand(webview.windows[0])
            hand.wait_page("window.pywebview && window.pywebview.api && 'make' in pywebview.api")
            hand.page("document.getElementById('go').click()")
            hand.wait_page("document.getElementById('name-fault').textContent")
            hand.picture("desktop-first")
            typed = {"name": "石桥村小学", "code": "S1", "invitation": os.environ["INVITATION"]}
            for field, text in typed.items():
                hand.page(f"document.getElementById('{field}').value = {json.dumps(text)}")
            hand.page("document.getElementById('go').click()")
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(1)

    threading.Thread(target=fill_in, daemon=True).start()
    sys.exit(run(cli, State.for_process(sys.argv[2:])))


def main() -> None:
    """Open, use, close; a failure ends the process."""
    from xueshi_client import first_start
    from xueshi_client.desktop import open_desktop
    from xueshi_client.state import State

    first_start.own_command = lambda: [sys.executable, "-m", "tests.client.window_driver", FIRST]
    home, *paths = map(Path, sys.argv[1:])
    seen: dict[str, Any] = {}

    def beside(window: Any) -> None:
        try:
            hand = Hand(window)
            use(hand, seen, home, paths)
            hand.close("Ok")
        except BaseException as error:
            print(json.dumps({**seen, "error": repr(error)}), flush=True)
            os._exit(1)

    state = State.for_process(["desktop"])
    state.home_option = str(home)
    seen["opened"], seen["first_title"] = open_desktop(state, beside=beside)
    print(json.dumps(seen, ensure_ascii=False))


if __name__ == "__main__":
    begin_first() if sys.argv[1] == FIRST else main()
