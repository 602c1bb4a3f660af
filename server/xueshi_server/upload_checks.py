"""What somebody hands in for the library: whether it is what its name says, and harmless to keep.

A file is looked at by its first bytes; nothing of it is run or shown while it is looked at. What
is packed (Office files, EPUB, ZIP) must unpack to a sane size, by what it says of itself. A ZIP is
opened as a folder: its paths are checked before the first byte is written, and its files are what
was counted, or nothing is kept.
"""

import os
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Final

from xueshi_server.domain.errors import BadValueError
from xueshi_server.folders import BadPathError, check_path

# A lesson on video; a node that is asked for more says so before it takes the first byte.
UPLOAD_BYTES: Final = 512 << 20
UNPACKED_BYTES: Final = 1 << 30
# XML in Office files shrinks to a twentieth; a bomb to a thousandth.
_RATIO_MOST: Final = 200
_RATIO_FREE_BYTES: Final = 32 << 20
FILES_MOST: Final = 2_000
_DIRECTORY_MOST: Final = 4 << 20
_HEAD_BYTES: Final = 4096
_COPY_BYTES: Final = 1 << 20
# What systems leave in folders for themselves.
_JUNK: Final = frozenset({"__macosx", "thumbs.db", "desktop.ini"})

_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP: Final = b"PK\x03\x04"
_END: Final = b"PK\x05\x06"
_END64: Final = b"PK\x06\x07"


def _starts(*heads: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(heads)


def _has(mark: bytes, at: int) -> Callable[[bytes], bool]:
    return lambda head: head[at : at + len(mark)] == mark


def _is_text(head: bytes) -> bool:
    """Whether bytes can be text: no zeros but those of UTF-16 behind its mark, no control signs."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    return not any(byte < 32 and byte not in (9, 10, 12, 13) for byte in head)


def _is_mp3(head: bytes) -> bool:
    return head.startswith(b"ID3") or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0)


def _is_riff(kind: bytes) -> Callable[[bytes], bool]:
    return lambda head: head[:4] == b"RIFF" and head[8:12] == kind


# What the first bytes of a file of that ending look like.
_LOOKS: Final[Mapping[str, Callable[[bytes], bool]]] = {
    **dict.fromkeys((".txt", ".md", ".csv", ".html", ".htm", ".xhtml", ".svg"), _is_text),
    ".pdf": lambda head: b"%PDF-" in head[:1024],
    **dict.fromkeys((".jpg", ".jpeg"), _starts(b"\xff\xd8\xff")),
    ".png": _starts(b"\x89PNG\r\n\x1a\n"),
    ".gif": _starts(b"GIF87a", b"GIF89a"),
    ".webp": _is_riff(b"WEBP"),
    ".bmp": _starts(b"BM"),
    ".mp3": _is_mp3,
    ".wav": _is_riff(b"WAVE"),
    **dict.fromkeys((".ogg", ".oga", ".ogv"), _starts(b"OggS")),
    **dict.fromkeys((".mp4", ".m4v", ".m4a", ".mov", ".3gp"), _has(b"ftyp", 4)),
    **dict.fromkeys((".webm", ".mkv"), _starts(b"\x1a\x45\xdf\xa3")),
    ".flv": _starts(b"FLV"),
    ".avi": _is_riff(b"AVI "),
    **dict.fromkeys((".wmv", ".wma"), _starts(b"\x30\x26\xb2\x75")),
    **dict.fromkeys((".doc", ".xls", ".ppt", ".wps", ".et", ".dps"), _starts(_OLE)),
    **dict.fromkeys(
        (".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp", ".epub", ".zip"), _starts(_ZIP, _END)
    ),
}
# Only inside folders: what pages need beside them. None of it is run by a page of ours.
_BESIDE: Final[Mapping[str, Callable[[bytes], bool]]] = {
    **dict.fromkeys((".css", ".js", ".json", ".xml", ".vtt", ".srt", ".lrc", ".url"), _is_text),
    **dict.fromkeys((".woff", ".woff2", ".ttf", ".otf", ".ico", ".cur"), lambda _: True),
    ".swf": _starts(b"FWS", b"CWS", b"ZWS"),
}
# What a packed file of that ending must hold.
_HOLDS: Final[Mapping[str, str]] = {
    **dict.fromkeys((".docx", ".xlsx", ".pptx"), "[Content_Types].xml"),
    **dict.fromkeys((".odt", ".ods", ".odp", ".epub"), "mimetype"),
}
ZIP: Final = ".zip"
PACKED: Final = frozenset({*_HOLDS, ZIP})
TAKEN: Final = tuple(_LOOKS)


def clean_file_name(given: str) -> str:
    """The last part of a given name, as it is kept; raises BadValueError."""
    # Some browsers give a whole path.
    name = given.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1].strip()
    return _fit(name)


def _fit(path: str) -> str:
    try:
        return check_path(path)
    except BadPathError as error:
        raise BadValueError(f"file.name_{error.why}", name=shown_name(path)) from error


def shown_name(path: str) -> str:
    """A name as a message may hold it: visible signs, not too many."""
    return "".join(sign if sign.isprintable() else "?" for sign in path)[:60]


def check_file(path: Path, name: str, *, inside: bool = False) -> None:
    """Refuse a file that is not what its name says, or that unpacks to far more than it is.

    `inside`: it stands in a folder, beside pages that need it. Raises BadValueError.
    """
    size = path.stat().st_size
    if not size and not inside:
        raise BadValueError("file.empty", name=shown_name(name))
    if size > UPLOAD_BYTES:
        raise BadValueError("file.too_large", most=str(UPLOAD_BYTES >> 20))
    suffix = PurePosixPath(name).suffix.lower()
    looks = _LOOKS.get(suffix) or (_BESIDE.get(suffix) if inside else None)
    if looks is None:
        raise BadValueError("file.kind", name=shown_name(name))
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if size and not looks(head):
        raise BadValueError("file.lies", name=shown_name(name), kind=suffix.removeprefix("."))
    if size and suffix in PACKED:
        with open_archive(path, name) as archive:
            wanted = _HOLDS.get(suffix)
            if wanted is not None and wanted not in archive.NameToInfo:
                kind = suffix.removeprefix(".")
                raise BadValueError("file.lies", name=shown_name(name), kind=kind)


def open_archive(path: Path, name: str) -> zipfile.ZipFile:
    """A packed file whose list is sane; raises BadValueError."""
    size = path.stat().st_size
    _check_end(path, size, name)
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise BadValueError("file.broken", name=shown_name(name)) from error
    infos = archive.infolist()
    unpacked = sum(each.file_size for each in infos)
    try:
        if any(each.flag_bits & 1 for each in infos):
            raise BadValueError("file.locked", name=shown_name(name))
        # Parts that overlap are a few bytes that unpack to as many as one likes.
        overlap = sum(each.compress_size for each in infos) > size
        swells = unpacked > max(_RATIO_FREE_BYTES, size * _RATIO_MOST)
        if overlap or swells or unpacked > UNPACKED_BYTES:
            raise BadValueError("file.bomb", name=shown_name(name))
    except BadValueError:
        archive.close()
        raise
    return archive


def _check_end(path: Path, size: int, name: str) -> None:
    """A list of millions of entries would fill the memory before it could be counted."""
    with path.open("rb") as file:
        file.seek(max(0, size - 66_000))
        tail = file.read()
    at = tail.rfind(_END)
    if at < 0:
        raise BadValueError("file.broken", name=shown_name(name))
    listed = int.from_bytes(tail[at + 12 : at + 16], "little")
    # Sizes of 64 bits are for files that are not taken anyway.
    if listed > _DIRECTORY_MOST or tail[max(0, at - 20) : at].startswith(_END64):
        raise BadValueError("file.bomb", name=shown_name(name))


# Folders


def check_folder(paths: Iterable[str]) -> list[str]:
    """The paths of a folder as they are kept, in their order; raises BadValueError."""
    clean = [_fit(path) for path in paths]
    if not clean:
        raise BadValueError("file.no_files")
    if len(clean) > FILES_MOST:
        raise BadValueError("file.too_many", most=str(FILES_MOST))
    folders = {str(each).casefold() for path in clean for each in PurePosixPath(path).parents}
    seen: dict[str, str] = {}
    for path in clean:
        folded = path.casefold()
        # A file and a folder of one name cannot stand beside each other either.
        if folded in seen or folded in folders:
            names = {"name": shown_name(seen.get(folded, path)), "other": shown_name(path)}
            raise BadValueError("file.same_name", **names)
        seen[folded] = path
    return clean


def is_junk(path: str) -> bool:
    """Whether a system left a file in a folder for itself."""
    parts = path.casefold().split("/")
    return any(each in _JUNK or each.startswith("._") for each in parts) or (
        parts[-1].startswith(".") and not parts[-1].startswith("..")
    )


def unpack_folder(source: Path, name: str, target: Path) -> None:
    """Write the files of a ZIP into an empty folder, each checked; raises BadValueError."""
    with open_archive(source, name) as archive:
        given = {_name_of(each): each for each in archive.infolist() if not each.is_dir()}
        kept = [path for path in given if not is_junk(path)]
        for path, clean in zip(kept, check_folder(kept), strict=True):
            if (given[path].external_attr >> 16) & 0o170000 == 0o120000:
                raise BadValueError("file.name_place", name=shown_name(path))
            place = target / clean
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                with archive.open(given[path]) as packed, place.open("xb") as file:
                    _copy(packed, file, given[path].file_size)
            except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
                raise BadValueError("file.broken", name=shown_name(path)) from error
            check_file(place, clean, inside=True)


def _copy(packed: IO[bytes], file: IO[bytes], most: int) -> None:
    while block := packed.read(_COPY_BYTES):
        most -= len(block)
        if most < 0:
            raise zipfile.BadZipFile("longer than it says")
        file.write(block)


def _name_of(info: zipfile.ZipInfo) -> str:
    """Archives of a Chinese Windows name their files in its own code."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        raw = info.filename.encode("cp437")
    except UnicodeEncodeError:
        return info.filename
    for code in ("utf-8", "gb18030"):
        try:
            return raw.decode(code)
        except UnicodeDecodeError:
            continue
    return info.filename


def strip_top(folder: Path) -> Path:
    """The only folder inside a folder, where it holds nothing else."""
    inside = list(os.scandir(folder))
    return Path(inside[0].path) if len(inside) == 1 and inside[0].is_dir() else folder
