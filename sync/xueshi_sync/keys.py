"""Key files and the lock of a node's folder: never in a backup, never on a stick."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from xueshi_sync.errors import MissingKeyError, NodeInUseError, StorageError
from xueshi_sync.sidecar import sync_folder

SEED_BYTES: Final = 32


def write_key(path: Path, seed: bytes) -> None:
    """Write a private key that only its owner can read; never over an existing one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(seed.hex().encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def read_key(path: Path) -> bytes:
    """Read a private key; raises MissingKeyError where it is missing or damaged."""
    try:
        seed = bytes.fromhex(path.read_text().strip())
    except (OSError, ValueError) as error:
        raise MissingKeyError(f"key file {path.name} is missing or damaged") from error
    if len(seed) != SEED_BYTES:
        raise MissingKeyError(f"key file {path.name} is damaged")
    return seed


class FolderLock:
    """One writing process a folder; the process that holds it is named to the others."""

    def __init__(self, folder: Path) -> None:
        self._lock = FileLock(folder / "lock")
        self._pid = folder / "lock.pid"

    def acquire(self, wait_s: float) -> None:
        """Take the lock, waiting a moment for short commands; raises NodeInUseError."""
        try:
            self._lock.acquire(timeout=wait_s)
        except Timeout as error:
            raise NodeInUseError(
                "another process has this node open", pid=self._holder()
            ) from error
        except OSError as error:
            raise StorageError(f"{error.strerror}: {error.filename}") from error
        with suppress(OSError):  # a courtesy to the others; a full disk must not stop reading
            self._pid.write_text(str(os.getpid()))

    def release(self) -> None:
        """Give the lock back."""
        if self._lock.is_locked:
            self._pid.unlink(missing_ok=True)
            self._lock.release()

    def _holder(self) -> int | None:
        try:
            return int(self._pid.read_text())
        except (OSError, ValueError):
            return None
