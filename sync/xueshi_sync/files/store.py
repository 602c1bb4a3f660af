"""The files of a node: whole ones to read, parts of wanted ones, and every chunk by its id.

    store = FileStore(home / "files")
    content = store.add(path)                 # a file of this node
    store.want(content)                       # a file that a record names
    for wanted in store.wants(1 << 20): ...   # ask some peer for these ids
    store.take(chunks)                        # what came; whole files appear by themselves
    with store.open(content.sha256) as file: ...

A chunk stands where its file needs it: in a part under `part/`, later in the whole file under
`whole/`. Files of one chunk stay in the database. A chunk counts as here when its bytes are synced;
whole files are compared with their digest before anybody sees them. One process, any threads.
"""

import hashlib
import io
import os
import shutil
import threading
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from xueshi_sync.errors import DiskFullError, LimitExceededError, MalformedContentError
from xueshi_sync.files.chunker import cut_file
from xueshi_sync.files.content import Content, Entry, check_content, chunk_id, read_node
from xueshi_sync.files.store_rows import FileRows, Kept, Piece
from xueshi_sync.limits import CHUNK_BYTES, CHUNK_LEAST_BYTES, CHUNKS_WANTED, FILE_BYTES
from xueshi_sync.sqlite_db import storage_errors

# Room that files never take: records and their copies come first.
SPARE_BYTES: Final = 64 << 20
_COPY_BYTES: Final = 1 << 20
# What is wrong with a tree of chunks, whoever gave it.
_UNFIT: Final = (MalformedContentError, LimitExceededError)


class FileState(NamedTuple):
    """How much of a file is here. `is_whole`: it can be read; `is_refused`: its chunks are not
    what its author says, so nobody asks for it again."""

    size: int
    here_bytes: int
    is_whole: bool
    is_pinned: bool
    is_refused: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """What a call of `take` did: new chunks, their bytes, and the digests of files now whole."""

    chunks: int
    size_bytes: int
    whole: list[bytes]


class FileStore:
    """See the module. Raises StorageError and DiskFullError where the disk does."""

    def __init__(self, folder: Path, *, spare_bytes: int = SPARE_BYTES) -> None:
        self._whole, self._parts = folder / "whole", folder / "part"
        self._spare_bytes = spare_bytes
        self._lock = threading.RLock()
        with storage_errors():
            self._whole.mkdir(parents=True, exist_ok=True)
            self._parts.mkdir(exist_ok=True)
            self.rows = FileRows(folder / "files.db")
            self._drop_strays()

    def close(self) -> None:
        self.rows.close()

    # What stands here

    def add(self, source: Path, *, pinned: bool = True) -> Content:
        """Keep a copy of a file of this node; idempotent. The caller's file is not changed.

        Raises LimitExceededError above 4 GiB.
        """
        with storage_errors():
            size = source.stat().st_size
            if size > FILE_BYTES:
                raise LimitExceededError("file too large", limit=FILE_BYTES, actual=size)
            self._check_room(size)
            copy = self._parts / f"add-{os.getpid()}-{threading.get_ident()}"
            try:
                _copy(source, copy)
                # Of the copy: the caller's file may change meanwhile.
                return self._keep(copy, pinned=pinned, local=True)
            finally:
                copy.unlink(missing_ok=True)

    def adopt(self, source: Path, content: Content) -> bool:
        """Take a wanted file from a stick; whether it was wanted and is what it should be."""
        state = self.state(content.sha256)
        if state is None or state.is_whole or state.is_refused:
            return False
        with storage_errors():
            self._check_room(content.size)
            copy = self._parts / f"add-{os.getpid()}-{threading.get_ident()}"
            try:
                _copy(source, copy)
                if _digest_of(copy) != content.sha256:
                    return False
                self._keep(copy, pinned=False, local=False)
            finally:
                copy.unlink(missing_ok=True)
        return True

    def put_back(self, kept: Kept, parts: Iterable[bytes]) -> None:
        """Take a file out of a backup, with what its node knew of it.

        Raises MalformedContentError where it is not what its digest says.
        """
        with storage_errors():
            self._check_room(kept.size)
            copy = self._parts / f"add-{os.getpid()}-{threading.get_ident()}"
            try:
                with copy.open("wb") as file:
                    file.writelines(parts)
                if _digest_of(copy) != kept.sha256:
                    raise MalformedContentError("a file under another name")
                self._keep(copy, pinned=kept.is_pinned, local=kept.is_local)
            finally:
                copy.unlink(missing_ok=True)
        if kept.is_confirmed:
            self.confirm(kept.sha256)

    def kept(self, *, here_only: bool) -> list[Kept]:
        """Whole files; `here_only`: of this node alone, as far as it knows."""
        return self.rows.kept(here_only=here_only)

    def _keep(self, copy: Path, *, pinned: bool, local: bool) -> Content:
        tree = cut_file(copy)
        content = tree.content
        with self._lock, self.rows.transaction():
            number = self.rows.put_content(content, pinned=pinned, local=local)
            if self.rows.is_whole(number):
                return content
            self.rows.drop_pieces(number)
            self.rows.put_blobs(tree.nodes)
            self._grow(number, content, ours=True)
            if content.depth == 0:
                self.rows.put_blobs({content.root: copy.read_bytes()})
            else:
                self._move_in(copy, content)
            # The author may have cut it elsewhere: what is kept is cut as it is here.
            self.rows.set_tree(number, content)
            self.rows.set_whole(number)
            self._part(number).unlink(missing_ok=True)
        return content

    def state(self, sha256: bytes) -> FileState | None:
        """How much of a file is here; None for one that is neither here nor wanted."""
        found = self.rows.content(sha256)
        if found is None:
            return None
        missing = 0 if found.is_whole else self._missing_bytes(found.number, found.content)
        return FileState(
            found.content.size, found.content.size - missing, found.is_whole, found.is_pinned,
            found.is_refused,
        )  # fmt: skip

    def _missing_bytes(self, number: int, content: Content) -> int:
        missing = self.rows.missing_bytes(number)
        return content.size if missing is None else missing

    @contextmanager
    def open(self, sha256: bytes) -> Iterator[BinaryIO]:
        """A whole file to read and seek in; raises FileNotFoundError when it is not here."""
        found = self.rows.content(sha256)
        if found is None or not found.is_whole:
            raise FileNotFoundError(sha256.hex())
        self.rows.touch(found.number)
        if found.content.depth == 0:
            yield io.BytesIO(self.rows.blob(found.content.root) or b"")
            return
        with self._path(found.content).open("rb") as file:
            yield file

    def note_use(self, sha256: bytes) -> None:
        """Somebody read a file at its path: it goes last when room is needed."""
        found = self.rows.content(sha256)
        if found is not None:
            self.rows.touch(found.number)

    def path(self, sha256: bytes) -> Path | None:
        """Where a whole file of several chunks stands; None for all others."""
        found = self.rows.content(sha256)
        whole = found is not None and found.is_whole and found.content.depth > 0
        return self._path(found.content) if found and whole else None

    def missing(self, digests: Iterable[bytes]) -> list[bytes]:
        """Which of some files are not whole here."""
        return self.rows.not_whole(digests)

    def pinned(self) -> list[bytes]:
        """Digests of files that are never dropped for room."""
        return self.rows.pinned()

    def unpin(self, sha256: bytes) -> None:
        """Let a file go when there is need for room; one that is still wanted is forgotten."""
        state = self.state(sha256)
        if state is not None and not state.is_whole:
            self.forget(sha256)
            return
        with self._lock, storage_errors(), self.rows.transaction():
            self.rows.unpin(sha256)

    # What is wanted

    def want(self, content: Content, *, priority: int = 0, pinned: bool = False) -> None:
        """Name a file to be fetched; parts that other files hold are taken from them at once.

        Raises MalformedContentError or LimitExceededError for what no file can be.
        """
        check_content(content)
        with self._lock, storage_errors(), self.rows.transaction():
            number = self.rows.put_content(content, pinned=pinned, priority=priority)
            if self.rows.is_wanted(number) and not self.rows.has_pieces(number):
                self._grow_or_refuse(number, content)
        self._finish([number])

    def forget(self, sha256: bytes) -> None:
        """Neither keep nor want a file any more; its chunks go with it."""
        with self._lock, storage_errors():
            found = self.rows.content(sha256)
            if found is None:
                return
            with self.rows.transaction():
                self.rows.drop_content(found.number)
            for place in (self._path(found.content), self._part(found.number)):
                place.unlink(missing_ok=True)

    def wants(
        self, limit_bytes: int, *, of: Collection[bytes] = (), without: Collection[bytes] = ()
    ) -> list[bytes]:
        """Ids to ask a peer for: lists of chunks first, then pinned and small files first.

        `of` limits them to some files, `without` names ids that this peer does not have.
        """
        ids: dict[bytes, None] = {}
        size = 0
        for piece in self.rows.wanted(of):
            if piece.id in without or piece.id in ids:
                continue
            size += piece.size if piece.level == 0 else CHUNK_BYTES // 8
            if ids and size > limit_bytes:
                break
            ids[piece.id] = None
            if len(ids) == CHUNKS_WANTED:
                break
        return list(ids)

    def wanted_count(self) -> int:
        """How many files are still to come."""
        return self.rows.wanted_count()

    def wanted_bytes(self) -> int:
        """Bytes of chunks that are known to be missing; lists still to come may name more."""
        return self.rows.wanted_bytes()

    def give(self, name: bytes) -> bytes | None:
        """A chunk or node by its id; None when it is not here, or no longer what it was."""
        data = self.rows.blob(name)
        if data is None:
            data = self._read_piece(name)
        return data if data is not None and chunk_id(data) == name else None

    def _read_piece(self, name: bytes) -> bytes | None:
        for piece, content in self.rows.held(name):
            path = self._path(content) if piece.is_whole else self._part(piece.number)
            with suppress(OSError), path.open("rb") as file:
                file.seek(piece.offset)
                return file.read(piece.size)
        return None

    def take(self, chunks: Iterable[bytes]) -> Taken:
        """Keep chunks that are wanted; others are ignored. Durable when it returns.

        Raises DiskFullError before the disk is full: records need room too.
        """
        touched: set[int] = set()
        count = size = 0
        with self._lock, storage_errors():
            parts: dict[int, io.FileIO] = {}
            try:
                with self.rows.transaction():
                    for data in chunks:
                        places = self.rows.missing(chunk_id(data))
                        for piece in places:
                            self._place_or_refuse(piece, data, parts)
                        count, size = count + bool(places), size + len(data) * bool(places)
                        touched |= {piece.number for piece in places}
                    # Bytes before the rows that say they are here.
                    for part in parts.values():
                        os.fsync(part.fileno())
            finally:
                for part in parts.values():
                    part.close()
        return Taken(count, size, self._finish(touched))

    def _place_or_refuse(self, piece: Piece, data: bytes, parts: dict[int, io.FileIO]) -> None:
        """Its author's fault must not hold up the files of others."""
        if not self.rows.is_wanted(piece.number):
            return
        try:
            self._place(piece, data, parts)
        except _UNFIT:
            self.rows.set_refused(piece.number)

    def _grow_or_refuse(self, number: int, content: Content) -> None:
        try:
            self._grow(number, content, ours=False)
        except _UNFIT:
            self.rows.set_refused(number)

    def _place(self, piece: Piece, data: bytes, parts: dict[int, io.FileIO]) -> None:
        if piece.level:
            self.rows.put_blobs({piece.id: data})
            self.rows.set_here(piece)
            self._unfold(piece, data, parts, ours=False)
            return
        if len(data) != piece.size:
            raise MalformedContentError("a chunk is not as long as its node says")
        if self.rows.is_single(piece.number):
            self.rows.put_blobs({piece.id: data})
        else:
            part = self._open_part(piece.number, parts)
            part.seek(piece.offset)
            part.write(data)
        self.rows.set_here(piece)

    def _open_part(self, number: int, parts: dict[int, io.FileIO]) -> BinaryIO:
        if number not in parts:
            path = self._part(number)
            if not path.exists():
                self._check_room(self.rows.size_of(number))
                path.touch()
            # Unbuffered: the same bytes may be read for another place at once.
            parts[number] = path.open("r+b", buffering=0)
        return parts[number]

    def _grow(self, number: int, content: Content, *, ours: bool) -> None:
        """Note the root, and everything under it that is known here; `ours`: all of it is."""
        root = Piece(number, 0, content.depth, content.root, content.size)
        parts: dict[int, io.FileIO] = {}
        try:
            self._note([root], parts, ours=ours)
            for part in parts.values():
                os.fsync(part.fileno())
        finally:
            for part in parts.values():
                part.close()

    def _note(self, pieces: list[Piece], parts: dict[int, io.FileIO], *, ours: bool) -> None:
        """Write pieces down: as here where their bytes are, else as missing."""
        for piece in pieces:
            data = self.give(piece.id) if piece.level or not ours else None
            self.rows.put_piece(piece, here=ours or (piece.level > 0 and data is not None))
            if data is None:
                continue
            if piece.level:
                self._unfold(piece, data, parts, ours=ours)
            else:
                self._place(piece, data, parts)

    def _unfold(
        self,
        piece: Piece,
        data: bytes,
        parts: dict[int, io.FileIO],
        *,
        ours: bool,
    ) -> None:
        offset = piece.offset
        below = []
        for entry in read_node(data, piece.size):
            if piece.level == 1:
                _check_chunk(entry, is_last=offset + entry.size == self.rows.size_of(piece.number))
            below.append(Piece(piece.number, offset, piece.level - 1, entry.id, entry.size))
            offset += entry.size
        self._note(below, parts, ours=ours)

    # What may go, and what is known of the centre

    def to_offer(self, limit: int) -> list[Content]:
        """Files of this node of which the centre has not said that it has them."""
        return self.rows.to_offer(limit)

    def confirm(self, sha256: bytes) -> None:
        """The centre has this file: it is no longer here alone."""
        with self._lock, storage_errors(), self.rows.transaction():
            self.rows.confirm(sha256)

    def evict(self, quota_bytes: int) -> list[bytes]:
        """Remove files until the rest fits into the quota, longest unused first.

        Never what is pinned, wanted, or known to be here only; returns the digests removed.
        """
        removed = []
        with self._lock:
            over = self.rows.total_bytes() - quota_bytes
            for sha256, size in list(self.rows.droppable()) if over > 0 else ():
                self.forget(sha256)
                removed.append(sha256)
                over -= size
                if over <= 0:
                    break
        return removed

    # Whole files

    def _finish(self, numbers: Iterable[int]) -> list[bytes]:
        """Put files in place of which nothing is missing any more."""
        whole = []
        with self._lock, storage_errors():
            for number in sorted(numbers):
                if self.rows.is_refused(number):
                    self._part(number).unlink(missing_ok=True)
                content = self.rows.complete(number)
                if content is not None and self._verify(number, content):
                    whole.append(content.sha256)
        return whole

    def _verify(self, number: int, content: Content) -> bool:
        part = self._part(number)
        if content.depth == 0:
            digest = hashlib.sha256(self.rows.blob(content.root) or b"").digest()
        else:
            digest = _digest_of(part)
        if digest != content.sha256:
            # Its author named chunks of another file: to ask again would bring the same.
            with self.rows.transaction():
                self.rows.set_refused(number)
            part.unlink(missing_ok=True)
            return False
        with self.rows.transaction():
            if content.depth:
                self._move_in(part, content)
            self.rows.set_whole(number)
        return True

    def _move_in(self, source: Path, content: Content) -> None:
        target = self._path(content)
        target.parent.mkdir(exist_ok=True)
        _sync(source)
        source.replace(target)
        _sync(target.parent)

    def _path(self, content: Content) -> Path:
        name = content.sha256.hex()
        return self._whole / name[:2] / name[2:]

    def _part(self, number: int) -> Path:
        return self._parts / str(number)

    def _check_room(self, size: int) -> None:
        if shutil.disk_usage(self._parts).free < size + self._spare_bytes:
            raise DiskFullError("no room for a file of this size")

    def _drop_strays(self) -> None:
        """Remove copies that a process left when it died."""
        for stray in self._parts.glob("add-*"):
            stray.unlink(missing_ok=True)


def _check_chunk(entry: Entry, *, is_last: bool) -> None:
    """A node that is named many times could otherwise stand for billions of chunks."""
    if entry.size > CHUNK_BYTES or (entry.size < CHUNK_LEAST_BYTES and not is_last):
        raise LimitExceededError("size of a chunk", limit=CHUNK_BYTES, actual=entry.size)


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as read, target.open("wb") as write:
        shutil.copyfileobj(read, write, _COPY_BYTES)


def _digest_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
