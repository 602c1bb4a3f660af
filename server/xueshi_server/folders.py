"""A folder as a file: its paths and what stands at each, so that one name stands for a whole site.

Written canonically: the same folder has the same bytes, two versions share most of them. Paths are
such that every system can write them, and none leads out of the folder.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from xueshi_server.errors import ServerError
from xueshi_sync.errors import LimitExceededError, MalformedContentError
from xueshi_sync.files.content import Content, check_content

PATH_MOST: Final = 240
PART_MOST: Final = 120
ENTRIES_MOST: Final = 50_000
# What Windows does not write, and names that mean devices there.
_WRONG: Final = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f]')
_DEVICE: Final = re.compile(r"^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?$", re.IGNORECASE)
# Letters that turn the direction of writing hide what a name ends in.
_HIDING: Final = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class BadPathError(ServerError):
    """A path that some system cannot write, or that leads elsewhere; field `path`."""

    code = "library.bad_path"

    def __init__(self, path: str) -> None:
        super().__init__(repr(path[:80]), path=path[:80])


class BadFolderError(ServerError):
    """Bytes that are no list of a folder."""

    code = "library.bad_folder"


class Entry(NamedTuple):
    """A file of a folder. `path` is relative, with "/" between its parts."""

    path: str
    content: Content


def check_path(path: str) -> str:
    """The path in the one form in which it is kept; raises BadPathError."""
    clean = unicodedata.normalize("NFC", path)
    parts = clean.split("/")
    if len(clean) > PATH_MOST or not all(_is_fit(part) for part in parts):
        raise BadPathError(path)
    return clean


def _is_fit(part: str) -> bool:
    return (
        0 < len(part.encode("utf-8", "replace")) <= PART_MOST
        and not _WRONG.search(part)
        and not _HIDING & set(part)
        and not any(0xD800 <= ord(letter) <= 0xDFFF for letter in part)
        and not _DEVICE.match(part)
        and part[-1] not in " ."
        and part[0] != " "
    )


def encode_folder(entries: Iterable[Entry]) -> bytes:
    """The bytes of a folder; raises BadPathError, also for two names that differ in case only."""
    clean = sorted((check_path(entry.path), entry.content) for entry in entries)
    folded: set[str] = set()
    for path, _ in clean:
        if path.casefold() in folded:
            raise BadPathError(path)
        folded.add(path.casefold())
    return msgspec.msgpack.encode([[path, content] for path, content in clean])


def decode_folder(data: bytes) -> tuple[Entry, ...]:
    """The entries of a folder; raises BadFolderError, BadPathError."""
    try:
        pairs = msgspec.msgpack.decode(data, type=list[tuple[str, Content]])
        for _, content in pairs:
            check_content(content)
    except (msgspec.DecodeError, ValueError, MalformedContentError, LimitExceededError) as error:
        raise BadFolderError(str(error)) from error
    if len(pairs) > ENTRIES_MOST or len({path.casefold() for path, _ in pairs}) != len(pairs):
        raise BadFolderError("too many entries, or two of one name")
    return tuple(Entry(check_path(path), content) for path, content in pairs)
