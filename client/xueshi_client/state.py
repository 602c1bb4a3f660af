"""What one run of a command carries: folder, language, output, and how it reaches the node.

The same command runs in two places: in its own process on its own node, or inside the process
that serves the node (`local_api`), on the node that is open there. `State` hides the difference.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from platformdirs import user_data_path

from xueshi_client.errors import NoNodeError, WrongRoleError
from xueshi_client.running import read_running
from xueshi_client.words import choose_language, word

if TYPE_CHECKING:
    from rich.progress import Progress

    from xueshi_sync.agent import SyncAgent
    from xueshi_sync.node import Node

FEED_FILE = "data/feed.db"
# What lies in a node's folder and belongs to the program alone.
OWN_FILES = (
    "data", "key", "stage", "browse", "local.db", "lock", "run.json", "window.lock", "printing",
)  # fmt: skip
# A served node is asked at once; otherwise another command may just be ending.
SERVED_WAIT_S = 0.0
LOCK_WAIT_S = 5.0


@dataclass
class State:
    """One run of a command; `node` and `agent` are set only inside a serving process."""

    argv: list[str]
    cwd: Path
    out: TextIO
    err: TextIO
    home_option: str | None = None
    language_option: str | None = None
    as_json: bool = False
    node: "Node | None" = None
    agent: "SyncAgent | None" = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    @classmethod
    def for_process(cls, argv: list[str]) -> "State":
        """The state of a run in a process of its own."""
        return cls(argv=argv, cwd=Path.cwd(), out=sys.stdout, err=sys.stderr)

    @property
    def home(self) -> Path:
        """The node's folder: --home, else XUESHI_HOME, else the user's data folder."""
        if self.node is not None:
            return self.node.home
        named = self.home_option or self.environ.get("XUESHI_HOME")
        return self.cwd / named if named else user_data_path("xueshi", appauthor=False)

    def is_own(self, path: Path) -> bool:
        """Whether the path lies among the node's own files, which no command may write over."""
        home, wanted = self.home.resolve(), path.resolve()
        if not (home / FEED_FILE).is_file() or not wanted.is_relative_to(home):
            return False
        return wanted.relative_to(home).parts[:1] in {(each,) for each in OWN_FILES}

    @property
    def language(self) -> str:
        """`zh` or `en`."""
        return choose_language(self.language_option or _asked_language(self.argv), self.environ)

    @property
    def on_terminal(self) -> bool:
        """Whether a person watches: progress is drawn only then."""
        return self.node is None and not self.as_json and self.err.isatty()

    def word(self, key: str, **values: object) -> str:
        """A text of the catalogue in the language of this run."""
        return word(key, self.language, **values)

    def say(self, key: str, **values: object) -> None:
        """Print a line of the catalogue for a person; nothing when a program listens."""
        self.print(self.word(key, **values))

    def print(self, line: str = "") -> None:
        """Print a line for a person; nothing when a program listens."""
        if not self.as_json:
            self.out.write(line + "\n")
            self.out.flush()

    def require_home(self) -> Path:
        """The folder, which must hold a node."""
        if not (self.home / FEED_FILE).is_file():
            raise NoNodeError(home=str(self.home))
        return self.home

    @contextmanager
    def open_node(self, role: str | None = None) -> "Iterator[Node]":
        """The node, open for writing; raises NodeInUseError when another process has it.

        What a command brings may make another pack count: the tables follow when it is done.
        """
        from xueshi_server.node_home import level_types, open_node
        from xueshi_sync.context import Context

        if self.node is not None:
            _check_role(self.node, role)
            level_types(self.node)
            yield self.node
            level_types(self.node)
            return
        home = self.require_home()
        wait_s = SERVED_WAIT_S if read_running(home) else LOCK_WAIT_S
        node = open_node(home, context=Context.system(), wait_s=wait_s)
        try:
            _check_role(node, role)
            yield node
            level_types(node)
        finally:
            node.close()

    def tell_saved(self) -> None:
        """Let the background agent of a serving process send soon what was just saved."""
        if self.agent is not None:
            self.agent.poke()

    @contextmanager
    def progress(self, key: str) -> Iterator["Step | None"]:
        """A progress bar on a terminal (a callable `(done, total)`), else None."""
        if not self.on_terminal:
            yield None
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(file=self.err)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True) as bar:
            yield Step(bar, self.word(key))


def _asked_language(argv: Sequence[str]) -> str | None:
    """The value of --lang before the line is parsed: help and usage errors come earlier."""
    for at, each in enumerate(argv):
        name, sign, value = each.partition("=")
        if name == "--lang":
            return value if sign else next(iter(argv[at + 1 :]), None)
    return None


class Step:
    """Feeds one rich bar from plain `(done, total)` calls; total None while unknown."""

    def __init__(self, bar: "Progress", label: str) -> None:
        self._bar = bar
        self._task = bar.add_task(label, total=None)

    def __call__(self, done: int, total: int | None = None) -> None:
        self._bar.update(self._task, completed=done, total=total)


def _check_role(node: "Node", role: str | None) -> None:
    if role is not None and node.role != role:
        raise WrongRoleError(role=node.role, needed=role)
