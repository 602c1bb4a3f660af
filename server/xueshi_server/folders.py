"""A folder as a file: its paths and what stands at each, so that one name stands for a whole site.

Written canonically: the same folder has the same bytes, two versions share most of them. Paths are
such that every system can write them, and none leads out of the folder.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

import msgspec

from xueshi_server.errors import ServerError
from xueshi_sync.errors import LimitExceededError, MalformedContentError
from xueshi_sync.files.content import Content, check_content

PATH_MOST: Final = 240
# Bytes of one name, as disks count them: 80 Chinese characters, with room for an ending of ours.
PART_MOST: Final = 240
ENTRIES_MOST: Final = 50_000
# What Windows does not write, and names that mean devices there.
_WRONG: Final = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f-\x9f\u2028\u2029]')
_DEVICE: Final = re.compile(
    r"^(con|conin\$|conout\$|clock\$|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]) *(\..*)?$", re.IGNORECASE
)
# Letters that turn the direction of writing hide what a name ends in; those nobody sees make two
# names look like one.
_HIDING: Final = frozenset(
    "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c\u200b\u2060\ufeff\u00ad"
)
Why = Literal["long", "signs", "device", "place"]


class BadPathError(ServerError):
    """A path that some system cannot write, or that leads elsewhere; field `path`. `why`: too
    long, signs that no name may have, a device of Windows, or a place outside."""

    code = "library.bad_path"

    def __init__(self, path: str, why: Why = "signs") -> None:
        super().__init__(repr(path[:80]), path=path[:80])
        self.why: Why = why


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
    if len(clean) > PATH_MOST:
        raise BadPathError(path, "long")
    for part in clean.split("/"):
        why = _unfit(part)
        if why is not None:
            raise BadPathError(path, why)
    return clean


def _unfit(part: str) -> Why | None:
    if not part.strip("."):
        return "place"
    if len(part.encode("utf-8", "replace")) > PART_MOST:
        return "long"
    if _DEVICE.match(part):
        return "device"
    bad = (
        _WRONG.search(part)
        or _HIDING & set(part)
        or any(0xD800 <= ord(letter) <= 0xDFFF for letter in part)
        or part[-1] in " ."
        or part[0] == " "
    )
    return "signs" if bad else None


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
