"""Files by their content: a digest names each, and a folder of the node holds them.

    folder = ContentFolder(home / "attached")
    held = folder.put(stream)                  # Held(digest, size_bytes)
    with folder.open(held.digest) as file: ...

A file is written beside its place, synced, and renamed: what has its name is whole, whatever was
killed meanwhile. Nothing is overwritten, so the same bytes twice are one file. What nobody refers
to is dropped by whoever knows the references; a file that a record names is never dropped.
"""

import hashlib
import io
import os
import shutil
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, BinaryIO, Final, NamedTuple

from xueshi_server.errors import ServerError

# 20,000 pictures and more; a school's year brings some hundreds.
QUOTA_BYTES: Final = 8 << 30
# Records and their copies come first.
SPARE_BYTES: Final = 64 << 20
_COPY_BYTES: Final = 1 << 16
_PART: Final = ".part"
# A part of that age belongs to nobody who still writes.
_PART_OLD_S: Final = 3600
_DIGEST_SIGNS: Final = frozenset("0123456789abcdef")


class NoRoomError(ServerError):
    """The disk or the room for files is full; field `free`, in bytes."""

    code = "attach.no_room"


class NotHereError(ServerError):
    """A file that is not at this node, or not whole any more; field `file`."""

    code = "attach.not_here"


class TooManyBytesError(ServerError):
    """More bytes than a file may have; field `most`."""

    code = "attach.too_large"


class Held(NamedTuple):
    """A file that is here: its SHA-256 in hexadecimal, and its size."""

    digest: str
    size_bytes: int


class Usage(NamedTuple):
    """What a folder holds."""

    file_count: int
    size_bytes: int


class ContentFolder:
    """See the module. One process, any threads; a folder is made by the first file."""

    def __init__(
        self, root: Path, *, quota_bytes: int = QUOTA_BYTES, spare_bytes: int = SPARE_BYTES
    ) -> None:
        self._root = root
        self._quota, self._spare = quota_bytes, spare_bytes
        self._lock = threading.Lock()
        self._usage: Usage | None = None

    # ---- writing

    def put(self, source: BinaryIO, *, most_bytes: int = QUOTA_BYTES) -> Held:
        """Keep what a stream still has; it is on the disk when this returns.

        Raises TooManyBytesError, NoRoomError and OSError.
        """
        self._prepare()
        with self._part() as part:
            held = self._copy(source, part, most_bytes)
            self._keep(Path(part.name), held)
        return held

    def put_bytes(self, data: bytes) -> Held:
        """Keep some bytes."""
        return self.put(io.BytesIO(data))

    def put_named(self, digest: str, data: bytes) -> None:
        """Keep what was made from the file of a digest, a small picture say, under its name."""
        self._prepare()
        with self._part() as part:
            held = self._copy(io.BytesIO(data), part, QUOTA_BYTES)
            self._keep(Path(part.name), Held(digest, held.size_bytes))

    def drop(self, digest: str) -> None:
        """Remove a file; nothing happens where it is not here."""
        with self._lock, suppress(FileNotFoundError):
            self.path(digest).unlink()
            self._usage = None

    def _prepare(self) -> None:
        if not self._root.is_dir():
            self._root.mkdir(parents=True, exist_ok=True)
            _sync_folder(self._root.parent)
        now_s = time.time()
        for path in self._root.glob(f"*{_PART}"):
            with suppress(OSError):
                if now_s - path.stat().st_mtime > _PART_OLD_S:
                    path.unlink()

    @contextmanager
    def _part(self) -> Iterator[IO[bytes]]:
        with NamedTemporaryFile(dir=self._root, suffix=_PART, delete=False) as file:
            try:
                yield file
            finally:
                file.close()
                Path(file.name).unlink(missing_ok=True)

    def _copy(self, source: BinaryIO, part: IO[bytes], most_bytes: int) -> Held:
        whole, size = hashlib.sha256(), 0
        while data := source.read(_COPY_BYTES):
            size += len(data)
            if size > most_bytes:
                raise TooManyBytesError(most=most_bytes)
            self._check_room(size)
            whole.update(data)
            part.write(data)
        part.flush()
        os.fsync(part.fileno())
        # Windows renames no file that is open.
        part.close()
        return Held(whole.hexdigest(), size)

    def _check_room(self, size_bytes: int) -> None:
        free = min(
            shutil.disk_usage(self._root).free - self._spare,
            self._quota - self.usage().size_bytes,
        )
        if size_bytes > free:
            raise NoRoomError(free=max(free, 0))

    def _keep(self, part: Path, held: Held) -> None:
        target = self.path(held.digest)
        with self._lock:
            if target.is_file() and target.stat().st_size == held.size_bytes:
                return
            if not target.parent.is_dir():
                target.parent.mkdir(exist_ok=True)
                _sync_folder(self._root)
            part.replace(target)
            _sync_folder(target.parent)
            if self._usage is not None:
                count, size = self._usage
                self._usage = Usage(count + 1, size + held.size_bytes)

    # ---- reading

    def path(self, digest: str) -> Path:
        """Where a file stands, or would stand. Raises NotHereError for what is no digest."""
        if len(digest) != 64 or not _DIGEST_SIGNS.issuperset(digest):
            raise NotHereError(file=digest[:64])
        return self._root / digest[:2] / digest

    def has(self, digest: str) -> bool:
        """Whether a file is here."""
        try:
            return self.path(digest).is_file()
        except NotHereError:
            return False

    def open(self, digest: str) -> BinaryIO:
        """A file to read; raises NotHereError."""
        try:
            return self.path(digest).open("rb")
        except FileNotFoundError as error:
            raise NotHereError(file=digest) from error

    def read(self, digest: str) -> bytes:
        """The bytes of a small file, compared with their digest; raises NotHereError."""
        with self.open(digest) as file:
            data = file.read()
        if hashlib.sha256(data).hexdigest() != digest:
            raise NotHereError(file=digest)
        return data

    def digests(self) -> Iterator[str]:
        """Every file that is here."""
        for folder in sorted(self._root.glob("[0-9a-f][0-9a-f]")):
            yield from sorted(each.name for each in folder.iterdir())

    def list_unreferenced(self, referenced: Collection[str]) -> list[str]:
        """The files here that nothing of `referenced` names."""
        return [each for each in self.digests() if each not in referenced]

    def usage(self) -> Usage:
        """How many files and bytes are here; counted once, kept up to date then."""
        if self._usage is None:
            sizes = [self.path(each).stat().st_size for each in self.digests()]
            self._usage = Usage(len(sizes), sum(sizes))
        return self._usage


def _sync_folder(folder: Path) -> None:
    """Make new names durable; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
