"""Datasette plugin: copies the node's records again while Datasette runs, when they changed."""

import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

from datasette import hookimpl
from datasette.app import Datasette

from xueshi_server.browse import REFRESH_S, copy_records


@hookimpl
def startup(datasette: Datasette) -> None:
    """Start the one thread that keeps the copy level."""
    settings: dict[str, Any] = datasette.plugin_config("xueshi_refresh") or {}
    if settings:
        threading.Thread(target=_keep_level, args=(settings,), daemon=True).start()


def _keep_level(settings: dict[str, Any]) -> None:
    source, target = Path(settings["source"]), Path(settings["target"])
    seen: object = None
    while True:
        try:
            now = _version(source)
            if seen is not None and now != seen:
                copy_records(source, target, settings["language"])
            seen = now
        except sqlite3.Error:
            # The node is busy or its view is being replaced: the old copy stays until next time.
            seen = 0
        time.sleep(REFRESH_S)


def _version(source: Path) -> tuple[int, int]:
    """A number that changes when the node writes: the write-ahead log and the file themselves."""
    log = source.with_name(f"{source.name}-wal")
    state = log.stat() if log.exists() else source.stat()
    return state.st_mtime_ns, state.st_size
