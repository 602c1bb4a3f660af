"""Bytes of unfinished exchanges on the answering side: cut uploads and answers not yet fetched.

Rules
- A file name is the hex of a validated name, nothing else from the peer (and two names that
  differ in case stay two files on Windows).
- Bytes the node has not admitted stay in memory, bounded a name and in all: only an
  authenticated sender can put anything on the disk.
- Who opens a name last owns it. A half-dead connection of the same exchange loses its `turn`
  and can add nothing more, so a peer that reconnects never waits for a time-out.
- Bounded: bytes a name, names, bytes in all, age. What goes first is what was idle longest.
Files are not synced to the disk: an envelope is verified as a whole before anything is stored.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from xueshi_sync.errors import StorageError
from xueshi_sync.limits import HEADER_SEGMENT_BYTES

NAME_PATTERN: Final = re.compile(r"[A-Za-z0-9_-]{22}")
# What a node needs to see to know the sender: a usual first segment fits into the one, the
# largest (many feeds, their heads listed) into the other.
ADMIT_BYTES: Final = 8 * 1024
UNADMITTED_BYTES_MAX: Final = HEADER_SEGMENT_BYTES + 16 * 1024
UNADMITTED_TOTAL_BYTES: Final = 32 * 1024 * 1024
SWEEP_EVERY_S: Final = 60.0


@dataclass(frozen=True)
class StageLimits:
    """How much may wait on the answering side, and for how long."""

    name_bytes: int = 2 * 1024 * 1024
    total_bytes: int = 256 * 1024 * 1024
    entry_count: int = 8192
    keep_s: float = 24 * 3600.0


class StageEntry:
    """One named exchange: the upload so far, then its answer. Guarded by `changed`."""

    def __init__(self, name: str, folder: Path) -> None:
        stem = name.encode("ascii").hex()
        self.name = name
        self.upload_path = folder / f"{stem}.up"
        self.answer_path = folder / f"{stem}.ans"
        self.changed = threading.Condition()
        self.head = bytearray()
        self.file_size = 0
        self.limit: int | None = None
        self.expected = 0
        self.shown = 0
        self.turn = 0
        self.reader: int | None = None
        self.answering = False
        self.answer_size: int | None = None
        self.refusal: str | None = None
        self.users = 0
        self.touched = 0.0

    @property
    def have(self) -> int:
        """Bytes of the upload kept so far."""
        return self.file_size or len(self.head)

    @property
    def disk_bytes(self) -> int:
        return max(self.file_size, self.expected) + (self.answer_size or 0)

    def take_turn(self, grace_s: float = 0.0) -> int:
        """Make the caller the only one who may add bytes.

        Whoever reads an upload now gets `grace_s` to take what has arrived and to notice that
        its connection is gone.
        """
        with self.changed:
            self.changed.wait_for(lambda: self.reader is None, grace_s)
            self.turn += 1
            return self.turn

    @contextmanager
    def reading(self, turn: int) -> Iterator[None]:
        """Mark the caller as the one that reads the upload."""
        with self.changed:
            self.reader = turn
        try:
            yield
        finally:
            with self.changed:
                if self.reader == turn:
                    self.reader = None
                    self.changed.notify_all()

    def begin_answer(self, turn: int) -> bool:
        """Make the caller the only one who computes the answer."""
        with self.changed:
            if self.turn != turn or self.answering:
                return False
            self.answering = True
            return True

    def end_answer(self) -> None:
        with self.changed:
            self.answering = False
            self.changed.notify_all()

    def append(self, turn: int, data: bytes) -> bool:
        """Keep bytes; false when another connection has taken the turn."""
        with self.changed:
            if self.turn != turn or self.answering or self.answer_size is not None:
                return False
            if self.limit is None:
                self.head += data
                return True
            pending = bytes(self.head) + data if not self.file_size else data
            with self.upload_path.open("ab" if self.file_size else "wb") as file:
                file.write(pending)
            self.file_size += len(pending)
            self.head.clear()
            return True

    def prefix(self, size_bytes: int | None = None) -> bytes:
        """The upload so far, or its first bytes."""
        if not self.file_size:
            return bytes(self.head[:size_bytes])
        with self.upload_path.open("rb") as file:
            return file.read(self.file_size if size_bytes is None else size_bytes)

    def read_answer(self, start: int) -> bytes:
        with self.answer_path.open("rb") as file:
            file.seek(start)
            return file.read()


class Stage:
    """The folder of entries. Thread-safe; one process owns the folder."""

    def __init__(
        self,
        folder: Path,
        limits: StageLimits | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits or StageLimits()
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: dict[str, StageEntry] = {}
        self._swept_at = clock()
        folder.mkdir(parents=True, exist_ok=True)
        self._adopt()

    @property
    def disk_bytes(self) -> int:
        with self._lock:
            return sum(entry.disk_bytes for entry in self._entries.values())

    def find(self, name: str) -> StageEntry | None:
        """Borrow a known entry; give it back with `release`."""
        with self._lock:
            entry = self._entries.get(name)
            return self._borrow(entry) if entry else None

    def open(self, name: str) -> StageEntry:
        """Borrow the entry of a validated name, new or known; give it back with `release`."""
        if not NAME_PATTERN.fullmatch(name):
            raise AssertionError("the caller validates names")
        with self._lock:
            self._sweep()
            entry = self._entries.get(name)
            if entry is None:
                self._make_room(0, count=1)
                self._bound_memory()
                entry = self._entries[name] = StageEntry(name, self._folder)
            return self._borrow(entry)

    def release(self, entry: StageEntry) -> None:
        """Give a borrowed entry back; one that holds nothing is forgotten."""
        with self._lock:
            entry.users -= 1
            entry.touched = self._clock()
            entry.expected = entry.expected if entry.users else 0
            empty = not entry.have and entry.answer_size is None and entry.refusal is None
            if empty and not entry.users and self._entries.get(entry.name) is entry:
                del self._entries[entry.name]

    def admit(self, entry: StageEntry, limit_bytes: int, *, expected: int) -> None:
        """Let an authenticated upload go to the disk; `StorageError` when there is no room."""
        with self._lock:
            self._make_room(max(0, expected - entry.disk_bytes))
            entry.expected = expected
            entry.limit = limit_bytes

    def clear(self, entry: StageEntry, *, refusal: str | None = None) -> None:
        """Drop the bytes of an entry, and remember why if it was refused."""
        with entry.changed:
            entry.turn += 1
            entry.refusal = refusal
            self._wipe(entry)

    def keep_answer(self, entry: StageEntry, answer: bytes) -> None:
        """Keep the answer beside the upload, then let the upload go."""
        with self._lock:
            self._make_room(len(answer))
        part = entry.answer_path.with_suffix(".part")
        part.write_bytes(answer)
        part.replace(entry.answer_path)
        with entry.changed:
            entry.answer_size = len(answer)
            entry.upload_path.unlink(missing_ok=True)
            entry.file_size = 0
            entry.head.clear()

    def _borrow(self, entry: StageEntry) -> StageEntry:
        entry.users += 1
        entry.touched = self._clock()
        return entry

    def _wipe(self, entry: StageEntry) -> None:
        for path in (entry.upload_path, entry.answer_path):
            # On Windows a file that another thread still reads cannot be removed: next sweep.
            with suppress(OSError):
                path.unlink(missing_ok=True)
        entry.head.clear()
        entry.file_size = 0
        entry.shown = 0
        entry.limit = None
        entry.answer_size = None

    def _adopt(self) -> None:
        """Take over the files of the process before this one; their day starts again."""
        for path in sorted(self._folder.iterdir()):
            name = _name_of(path)
            if name is None:
                if path.suffix == ".part":
                    path.unlink(missing_ok=True)
                continue
            entry = self._entries.setdefault(name, StageEntry(name, self._folder))
            entry.touched = self._clock()
            size_bytes = path.stat().st_size
            if path == entry.answer_path:
                entry.answer_size = size_bytes
            elif size_bytes > UNADMITTED_BYTES_MAX:
                entry.file_size = size_bytes
            else:
                entry.head += path.read_bytes()
                path.unlink()
        with self._lock:
            self._make_room(0)

    def _sweep(self) -> None:
        now = self._clock()
        if now - self._swept_at < SWEEP_EVERY_S:
            return
        self._swept_at = now
        for entry in list(self._entries.values()):
            if not entry.users and now - entry.touched > self.limits.keep_s:
                self._evict(entry)

    def _make_room(self, size_bytes: int, *, count: int = 0) -> None:
        total = sum(entry.disk_bytes for entry in self._entries.values()) + size_bytes
        if total <= self.limits.total_bytes and (
            len(self._entries) + count <= self.limits.entry_count
        ):
            return
        idle = sorted(
            (entry for entry in self._entries.values() if not entry.users),
            key=lambda entry: entry.touched,
        )
        for entry in idle:
            over_count = len(self._entries) + count > self.limits.entry_count
            if total <= self.limits.total_bytes and not over_count:
                return
            total -= entry.disk_bytes
            self._evict(entry)
        if total > self.limits.total_bytes:
            raise StorageError("no room for staged exchanges", needed=size_bytes)
        if len(self._entries) + count > self.limits.entry_count:
            raise StorageError("too many exchanges at once", actual=len(self._entries))

    def _bound_memory(self) -> None:
        """Forget the longest idle of those whom the node has not admitted."""
        held = [entry for entry in self._entries.values() if entry.head and not entry.users]
        excess = sum(len(entry.head) for entry in held) - UNADMITTED_TOTAL_BYTES
        for entry in sorted(held, key=lambda entry: entry.touched):
            if excess <= 0:
                return
            excess -= len(entry.head)
            self._evict(entry)

    def _evict(self, entry: StageEntry) -> None:
        self._wipe(entry)
        del self._entries[entry.name]


def _name_of(path: Path) -> str | None:
    if path.suffix not in {".up", ".ans"}:
        return None
    with suppress(ValueError):
        name = bytes.fromhex(path.stem).decode("ascii")
        if NAME_PATTERN.fullmatch(name):
            return name
    return None
