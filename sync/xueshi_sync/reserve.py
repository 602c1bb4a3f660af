"""Room kept back for the moment the disk is full (SYNC 3.12).

A file of real blocks beside the databases. Whoever finds no room for what a person entered here
gives it up and tries once more; it is filled again when there is room for it twice. What peers send
never costs it: they keep what they could not deliver, what is entered here is nowhere else yet.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Final, TypeVar

from xueshi_sync.errors import DiskFullError

# Two write-ahead logs grow to 4 MiB each before they are folded in, however small the data: in a
# reserve of 4 MiB 69 forms found room, in one of 16 MiB 1,900.
FLOOR_BYTES: Final = 16 << 20
_CHUNK_BYTES: Final = 1 << 20
T = TypeVar("T")


class Reserve:
    """The reserve of one node: as large as its data, at most `limit_bytes`, none at 0.

    `is_missing`: there is too little room to keep it; people should know.
    """

    def __init__(self, path: Path, limit_bytes: int) -> None:
        self.is_missing = False
        self._path = path
        self._limit_bytes = limit_bytes
        self._lock = Lock()

    def fill(self, data_bytes: int) -> None:
        """Keep room back, if that leaves as much again free. Never raises for the disk."""
        wanted = min(self._limit_bytes, max(FLOOR_BYTES, 1 << data_bytes.bit_length()))
        with self._lock:
            try:
                held = self._path.stat().st_size if self._path.exists() else 0
                if held < wanted and shutil.disk_usage(self._path.parent).free >= 2 * wanted:
                    held = _allocate(self._path, held, wanted)
            except OSError:
                held = 0
                self._path.unlink(missing_ok=True)
            self.is_missing = held < wanted

    def give_up(self) -> bool:
        """Free the room; returns whether there was any."""
        with self._lock:
            if not self._path.exists():
                return False
            self._path.unlink()
            self.is_missing = True
            return True

    def with_room(self, work: Callable[[], T]) -> T:
        """Do something that may be done twice; where the disk is full, once more with room."""
        try:
            return work()
        except DiskFullError:
            if not self.give_up():
                raise
        return work()


def _allocate(path: Path, held: int, wanted: int) -> int:
    """Make the file `wanted` bytes long, with blocks behind all of them."""
    with path.open("ab", buffering=0) as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, wanted)
        else:
            # Noise, so that no file system makes less of it.
            while held < wanted:
                held += file.write(os.urandom(min(_CHUNK_BYTES, wanted - held)))
    return wanted
