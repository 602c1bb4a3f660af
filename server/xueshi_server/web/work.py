"""Work in threads beside the pages: it must have ended before the node is closed under it."""

from collections.abc import Callable
from typing import Final

from flask import Flask

_EXTENSION: Final = "xueshi_work"


class EndingError(Exception):
    """The node is about to be closed: raised inside work at its next step."""


def at_end(app: Flask, function: Callable[[], object]) -> None:
    """Have `function` called when the pages are no longer served."""
    app.extensions.setdefault(_EXTENSION, []).append(function)


def end_work(app: Flask) -> None:
    """End what was begun on the pages; it waits until nothing uses the node."""
    functions: list[Callable[[], object]] = app.extensions.get(_EXTENSION, [])
    while functions:
        functions.pop()()
