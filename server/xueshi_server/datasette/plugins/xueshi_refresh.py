"""Datasette plugin: copies the node's records again while Datasette runs, when they changed."""

import sqlite3
import threading
from pathlib import Path
from typing import Any

from datasette import hookimpl  # type: ignore[import-untyped]
from datasette.app import Datasette  # type: ignore[import-untyped]

from xueshi_server.browse import REFRESH_S, copy_records

_stopping = threading.Event()


@hookimpl  # type: ignore[untyped-decorator]
def startup(datasette: Datasette) -> None:
    """Start the one thread that keeps the copy level."""
    settings: dict[str, Any] = datasette.plugin_config("xueshi_refresh") or {}
    if settings:
        start(settings)


def start(settings: dict[str, Any]) -> threading.Thread:
    """Begin to follow the node; `stop` ends it."""
    _stopping.clear()
    thread = threading.Thread(target=_keep_level, args=(settings,), daemon=True)
    thread.start()
    return thread


def stop() -> None:
    """End every thread that follows a node."""
    _stopping.set()


def _keep_level(settings: dict[str, Any]) -> None:
    source, target = Path(settings["source"]), Path(settings["target"])
    copied: object = None
    while not _stopping.wait(REFRESH_S):
        try:
            now = _version(source)
            if now != copied:
                asked = (settings.get("types", ()), settings.get("lists"))
                copy_records(source, target, settings["language"], *asked)
                copied = now
        except (sqlite3.Error, OSError):
            # The node is busy or its view is being replaced: the old copy stays until next time.
            continue


def _version(source: Path) -> tuple[tuple[int, int], ...]:
    """Something that changes when the node writes: times and sizes of its file and its log."""
    files = (source, source.with_name(f"{source.name}-wal"))
    states = [path.stat() for path in files if path.exists()]
    return tuple((state.st_mtime_ns, state.st_size) for state in states)
