"""Keeps a node that serves for days as small as it was in the morning.

A school's old PC has 1 GB for everything. Three things grow with use and none of them is needed
at night: what each of the server's threads keeps of the database (pages and statements, some 4 MB
a thread), heaps of the C library that are not given back, and garbage in cycles. So SQLite is held
to a limit, the C library to one heap, reading connections are given up after a few pages, and when
nobody has asked for a while everything free goes back to the system. Prints are set in a process
of their own (`typeset.apart`).
"""

import contextlib
import ctypes
import gc
import sys
from collections.abc import Iterable
from itertools import count
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from xueshi_sync.node import Node

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Beyond this SQLite uses the pages that it has anew (its own pragma, for the whole process).
_SQLITE_BYTES: Final = 12 << 20
# Nobody has asked for so long: then there is time to tidy up.
QUIET_S: Final = 20.0
# Of malloc.h of the GNU C library, see mallopt(3).
_M_ARENA_MAX: Final = -8
_M_MMAP_THRESHOLD: Final = -3
# Greater blocks go back as soon as they are free; unsaid, the C library raises this by itself.
_MMAP_BYTES: Final = 256 << 10
# Requests after which the threads' connections are opened anew: it takes a millisecond, and what a
# page read is of no use to the next one, which another thread answers.
REQUESTS_MAX: Final = 8


def hold_heap() -> None:
    """One heap for all threads: they wait for each other anyway. Before the first of them starts.

    Only the GNU C library has it; others keep fewer.
    """
    library = _library()
    if library is not None:
        library.mallopt(_M_ARENA_MAX, 1)
        library.mallopt(_M_MMAP_THRESHOLD, _MMAP_BYTES)


def give_back() -> None:
    """Give what is free back to the system."""
    gc.collect()
    library = _library()
    if library is not None:
        library.malloc_trim(0)


def _library() -> "ctypes.CDLL | None":
    if sys.platform != "linux":
        return None
    with contextlib.suppress(OSError):
        library = ctypes.CDLL("libc.so.6")
        if hasattr(library, "mallopt") and hasattr(library, "malloc_trim"):
            return library
    return None


class Keeper:
    """Tidies up after the pages of a node; `wrap` them, then `start`, and `stop` before its end."""

    def __init__(self, node: Node, *, quiet_s: float | None = None) -> None:
        self._node, self._quiet_s = node, QUIET_S if quiet_s is None else quiet_s
        self._used, self._ending = Event(), Event()
        self._requests = count(1)
        self._thread = Thread(target=self._keep, name="keeper", daemon=True)
        node.query(f"PRAGMA soft_heap_limit = {_SQLITE_BYTES}")

    def wrap(self, pages: "WSGIApplication") -> "WSGIApplication":
        """The pages, with each request noted."""

        def noted(environ: "WSGIEnvironment", start: "StartResponse") -> "Iterable[bytes]":
            if next(self._requests) % REQUESTS_MAX == 0:
                self._node.reset_readers()
            self._used.set()
            return pages(environ, start)

        return noted

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End it; nothing uses the node afterwards."""
        self._ending.set()
        self._used.set()
        if self._thread.is_alive():
            self._thread.join()

    def tidy(self) -> None:
        """Give up what can be had again."""
        self._node.reset_readers()
        for each in (self._node.feeds.db, self._node.view.db):
            each.execute("PRAGMA shrink_memory")
        give_back()

    def _keep(self) -> None:
        while not self._ending.is_set():
            self._used.wait()
            self._used.clear()
            # Anew with each request; the end of the quiet is told by nothing.
            while not self._ending.is_set() and self._used.wait(self._quiet_s):
                self._used.clear()
            if not self._ending.is_set():
                self.tidy()
