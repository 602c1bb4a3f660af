"""Files that people uploaded, kept under a key that only the running program holds.

A workbook of a roster is full of personal numbers, and it waits on the disk until it is imported.
Whoever takes the PC away, or finds what a power cut left behind, finds nothing to read: the key was
never written down. Chunks are sealed one by one, so that a zip can be read in any order and memory
does not grow with the file.
"""

import io
import secrets
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Protocol

from nacl.secret import SecretBox

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CHUNK: Final = 64 * 1024
_SEALED: Final = _CHUNK + SecretBox.MACBYTES


class TableFile(Protocol):
    """What a table is read from: a path, or a locked file."""

    @property
    def name(self) -> str: ...

    @property
    def suffix(self) -> str: ...

    def open(
        self, mode: str, *, encoding: str | None = None, newline: str | None = None
    ) -> IO[Any]: ...


class LockedFile:
    """One uploaded file; `path` is where its sealed chunks are."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._box = SecretBox(secrets.token_bytes(SecretBox.KEY_SIZE))
        self._size = 0

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def suffix(self) -> str:
        return self.path.suffix

    def save(self, source: IO[bytes]) -> None:
        """Take in what was uploaded; nothing of it reaches the disk unsealed."""
        self._size = 0
        with self.path.open("wb") as file:
            for number in range(1 << 62):
                chunk = source.read(_CHUNK)
                if not chunk:
                    return
                file.write(self._box.encrypt(chunk, _nonce(number)).ciphertext)
                self._size += len(chunk)

    def open(
        self, mode: str, *, encoding: str | None = None, newline: str | None = None
    ) -> IO[Any]:
        """Read it as a file in the clear."""
        plain = io.BufferedReader(_Unlocked(self.path.open("rb"), self._box, self._size), _CHUNK)
        return plain if "b" in mode else io.TextIOWrapper(plain, encoding, newline=newline)


class _Unlocked(io.RawIOBase):
    """The clear bytes of a locked file, from any place on."""

    def __init__(self, file: IO[bytes], box: SecretBox, size: int) -> None:
        self._file, self._box, self._size = file, box, size
        self._at, self._number, self._chunk = 0, -1, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError("before the beginning")
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: "WriteableBuffer") -> int:
        if self._at >= self._size:
            return 0
        number, start = divmod(self._at, _CHUNK)
        if number != self._number:
            self._file.seek(number * _SEALED)
            self._chunk = self._box.decrypt(self._file.read(_SEALED), _nonce(number))
            self._number = number
        into = memoryview(buffer)
        part = self._chunk[start : start + len(into)]
        into[: len(part)] = part
        self._at += len(part)
        return len(part)

    def close(self) -> None:
        self._file.close()
        super().close()


def _nonce(number: int) -> bytes:
    """Each key seals one file, each number one chunk of it."""
    return number.to_bytes(SecretBox.NONCE_SIZE, "big")
