"""The first start on a PC: a window asks for the school's name and code, and its node is made.

An invitation of the county may be pasted at once. A county's or a central school's node is made on
the command line, where its keys are spoken of. The window has a process of its own: Qt's web engine
does not survive a second loop in one process.
"""

import subprocess
import sys
import threading
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any, Final, Literal

from xueshi_client.commands.nodes import create_node
from xueshi_client.errors import ClientError
from xueshi_client.state import FEED_FILE, State
from xueshi_client.usage import WordedValueError
from xueshi_client.values import CODE, ORGANISATION
from xueshi_client.words import word_error
from xueshi_sync.errors import SyncError

WIDTH: Final = 620
HEIGHT: Final = 680
# The answer reaches the page before the window goes.
GOODBYE_S: Final = 0.3
_WORDS: Final = (
    "title", "lead", "name", "code", "code_hint", "invitation", "invitation_hint", "go",
)  # fmt: skip


def ask_for_node(state: State) -> bool:
    """Ask in a window for the school and make its node; whether it was made."""
    words = ["--home", str(state.home), "--lang", state.language, "desktop", "--first"]
    # No black window of a command line beside it; the flag is known on Windows alone.
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    done = subprocess.run([*own_command(), *words], check=False, creationflags=flags)
    return done.returncode == 0


def own_command() -> list[str]:
    """How this program is started again."""
    if not getattr(sys, "frozen", False):
        return [sys.executable, "-m", "xueshi_client.main"]
    program = Path(sys.executable)
    return [str(program.with_name(f"xueshi{program.suffix}"))]


class FirstStart:
    """One window that makes the node of `state`."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._made = False
        self._window: Any = None

    def run(self, engine: Literal["qt"] | None) -> bool:
        """Ask until the node is made or the window is closed; whether it was made."""
        import webview

        self._window = webview.create_window(
            self._word("title"), html=self._page(), js_api=_Bridge(self), width=WIDTH, height=HEIGHT
        )
        webview.start(gui=engine)
        return self._made

    def make(self, name: str, code: str, invitation: str) -> dict[str, str]:
        """Make the node, and join where there is an invitation: what is wrong, by field."""
        faults: dict[str, str] = {}
        values = {"name": name, "code": code}
        for field, kind in (("name", ORGANISATION), ("code", CODE)):
            try:
                values[field] = kind.convert(values[field], None, None)
            except WordedValueError as error:
                faults[field] = self._state.word(f"cli.wrong.{error.key}", **error.values)
        if not faults:
            faults = self._try(values["name"], values["code"], "".join(invitation.split()))
        if not faults:
            self._made = True
            threading.Timer(GOODBYE_S, self._window.destroy).start()
        return faults

    def _try(self, name: str, code: str, invitation: str) -> dict[str, str]:
        field = "name"
        try:
            # It is there already when only the invitation was wrong.
            if not (self._state.home / FEED_FILE).is_file():
                create_node(self._state.home, "school", name, code)
            if invitation:
                field = "invitation"
                with self._state.open_node() as node:
                    node.join(invitation)
        except (ClientError, SyncError) as error:
            said = word_error(error.code, self._state.language, error.fields)
            return {field: said or error.code}
        return {}

    def _page(self) -> str:
        text = resources.files("xueshi_client").joinpath("first_start.html").read_text("utf-8")
        words = {each: escape(self._word(each)) for each in _WORDS}
        return Template(text).substitute(words, lang=self._state.language)

    def _word(self, key: str) -> str:
        return self._state.word(f"cli.desktop.first.{key}")


class _Bridge:
    """What the page may call."""

    def __init__(self, first: FirstStart) -> None:
        self._first = first

    def make(self, name: str, code: str, invitation: str) -> dict[str, str]:
        return self._first.make(str(name), str(code), str(invitation))
