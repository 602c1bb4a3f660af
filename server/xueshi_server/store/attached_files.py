"""The bytes of attachments: in the node's files by their digest, which travel beside the records;
and small pictures of them, which stay here.

A file is named by its SHA-256 in hexadecimal, as records name it. What has its name is whole,
whatever was killed while it was written. A centre takes the files that its records name; it has
the records first, and until the bytes are there the file is not here.
"""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Final

from xueshi_server.errors import ServerError
from xueshi_sync.node import Node

_DIGEST_SIGNS: Final = frozenset("0123456789abcdef")
_SMALL: Final = "attached-small"
_PART: Final = ".photo.part"
# A part of that age belongs to nobody who still writes.
_PART_OLD_S: Final = 3600


class NotHereError(ServerError):
    """A file that is not at this node, or not whole any more; field `file`."""

    code = "attach.not_here"


def keep_file(node: Node, data: bytes) -> str:
    """Put bytes into the node's files and return their digest; on the disk when this returns.

    Raises OSError, StorageError and DiskFullError.
    """
    _clear_old_parts(node.home)
    with _part(node.home) as part:
        part.write(data)
        part.close()
        return node.files.add(Path(part.name), pinned=True).sha256.hex()


def has_file(node: Node, digest: str) -> bool:
    """Whether a whole file is here."""
    if not _is_digest(digest):
        return False
    state = node.files.state(bytes.fromhex(digest))
    return state is not None and state.is_whole


def read_file(node: Node, digest: str) -> bytes:
    """The bytes of a file, compared with their digest; raises NotHereError."""
    if not _is_digest(digest):
        raise NotHereError(file=digest[:64])
    try:
        with node.files.open(bytes.fromhex(digest)) as file:
            data = file.read()
    except FileNotFoundError as error:
        raise NotHereError(file=digest) from error
    if hashlib.sha256(data).hexdigest() != digest:
        raise NotHereError(file=digest)
    return data


def forget_file(node: Node, digest: str) -> None:
    """Drop a file that nothing names any more, and its small picture."""
    if _is_digest(digest):
        node.files.forget(bytes.fromhex(digest))
        _small(node, digest).unlink(missing_ok=True)


def keep_small(node: Node, digest: str, data: bytes) -> None:
    """Keep the small picture of a file; it can be made again, and needs no sync to the disk."""
    target = _small(node, digest)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _part(target.parent) as part:
        part.write(data)
        part.close()
        Path(part.name).replace(target)


def read_small(node: Node, digest: str) -> bytes | None:
    """The small picture of a file, if it was kept."""
    try:
        return _small(node, digest).read_bytes() if _is_digest(digest) else None
    except FileNotFoundError:
        return None


def _small(node: Node, digest: str) -> Path:
    return node.home / _SMALL / digest[:2] / digest


def _is_digest(text: str) -> bool:
    return len(text) == 64 and _DIGEST_SIGNS.issuperset(text)


@contextmanager
def _part(folder: Path) -> Iterator[IO[bytes]]:
    with NamedTemporaryFile(dir=folder, suffix=_PART, delete=False) as file:
        try:
            yield file
        finally:
            file.close()
            Path(file.name).unlink(missing_ok=True)


def _clear_old_parts(folder: Path) -> None:
    """Remove what a killed process left."""
    now_s = time.time()
    for path in folder.glob(f"*{_PART}"):
        with suppress(OSError):
            if now_s - os.stat(path).st_mtime > _PART_OLD_S:
                path.unlink()
