"""EPUB books: chapters in order, the table of contents, and single parts in bounded memory.

A book is a ZIP of XHTML pages. Nothing is unpacked to the disk: a part is found by its exact name
in the list of the ZIP and read up to a limit, so that neither names nor sizes that a book claims
lead anywhere. XML is read without entities of its own.
"""

import html.entities
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, Final
from urllib.parse import unquote
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from xueshi_server.errors import ServerError

# What a chapter or a picture may unpack to; the whole is never in memory.
PART_BYTES: Final = 32 << 20
_LIST_BYTES: Final = 2 << 20
_DIRECTORY_BYTES: Final = 4 << 20
ENTRIES_MOST: Final = 20_000
CHAPTERS_MOST: Final = 2_000
_TITLE_MOST: Final = 200
_DEPTH_MOST: Final = 8
_END: Final = b"PK\x05\x06"
_CONTAINER: Final = "META-INF/container.xml"
_TYPE: Final = "{http://www.idpf.org/2007/ops}type"
_PAGES: Final = (".xhtml", ".html", ".htm", ".xml")
# What parts are given as; everything else stays in the book.
MEDIA: Final = {
    **dict.fromkeys(_PAGES, "application/xhtml+xml"),
    ".css": "text/css",
    **dict.fromkeys((".jpg", ".jpeg"), "image/jpeg"),
    ".png": "image/png",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".mp4": "video/mp4",
}
# Set in front of the book's own style: lines that fit a phone, pictures that fit the line.
_STYLE: Final = (
    '<meta name="viewport" content="width=device-width, initial-scale=1"/><style>'
    "html{color-scheme:light;background:#fff;color:#20262b}"
    "body{max-width:40rem;margin:1rem auto;padding:0 1rem;line-height:1.8;overflow-wrap:anywhere;"
    'font-family:system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif}'
    "img,svg,video,table{max-width:100%}img,video{height:auto}pre{white-space:pre-wrap}</style>"
)
_HEAD: Final = re.compile(rb"<head(?:\s[^>]*)?>", re.IGNORECASE)
_ENTITY: Final = re.compile(rb"&([A-Za-z][A-Za-z0-9]{1,30});")
_XML_ENTITIES: Final = frozenset({b"amp", b"lt", b"gt", b"quot", b"apos"})


class BadBookError(ServerError):
    """Bytes that are no book, or one that nobody should open; field `why`."""

    code = "library.bad_book"


@dataclass(frozen=True, slots=True)
class Chapter:
    """A page of the book in the order of reading; `depth` is its place in the contents."""

    path: str
    title: str
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Book:
    """What a reader needs to turn pages: `pages` are all in order, `contents` those with titles."""

    title: str
    pages: tuple[str, ...]
    contents: tuple[Chapter, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a book, fit to be sent to a browser."""

    data: bytes
    media: str


@contextmanager
def _opened(file: BinaryIO) -> Iterator[zipfile.ZipFile]:
    try:
        _check_directory(file)
        with zipfile.ZipFile(file) as archive:
            if len(archive.infolist()) > ENTRIES_MOST:
                raise BadBookError(why="entries")
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise BadBookError(why="zip") from error
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise BadBookError(why="xml") from error


def _check_directory(file: BinaryIO) -> None:
    """A list of millions of entries would fill the memory before it could be counted."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 66_000))
    tail = file.read(66_000)
    at = tail.rfind(_END)
    if at < 0 or int.from_bytes(tail[at + 12 : at + 16], "little") > _DIRECTORY_BYTES:
        raise BadBookError(why="zip")
    file.seek(0)


def _read(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    info = archive.NameToInfo.get(name)
    if info is None:
        raise KeyError(name)
    with archive.open(info) as part:
        # Sizes that a ZIP claims are not believed.
        data = part.read(limit + 1)
    if len(data) > limit:
        raise BadBookError(why="size")
    return data


def _parse(archive: zipfile.ZipFile, name: str) -> Element:
    data = _name_entities(_read(archive, name, _LIST_BYTES))
    root: Element = ElementTree.fromstring(data)
    return root


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _all(root: Element, name: str) -> Iterator[Element]:
    return (each for each in root.iter() if _local(each) == name)


def _text(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())[:_TITLE_MOST]


def _join(base: str, href: str) -> str:
    """The name in the ZIP of what a page at `base` calls `href`."""
    plain = unquote(href.partition("#")[0])
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), plain)) if plain else ""


def read_book(file: BinaryIO) -> Book:
    """The contents of a book; raises BadBookError."""
    with _opened(file) as archive:
        container = _parse(archive, _CONTAINER)
        place = next((each.get("full-path", "") for each in _all(container, "rootfile")), "")
        package = _parse(archive, place)
        title = next((_text(each) for each in _all(package, "title")), "")
        items = {each.get("id", ""): each for each in _all(package, "item")}
        pages = []
        for each in _all(package, "itemref"):
            item = items.get(each.get("idref", ""))
            path = _join(place, item.get("href", "")) if item is not None else ""
            if path in archive.NameToInfo and path.lower().endswith(_PAGES):
                pages.append(path)
        pages = list(dict.fromkeys(pages))[:CHAPTERS_MOST]
        if not pages:
            raise BadBookError(why="empty")
        contents = _contents(archive, place, list(items.values()), set(pages))
    if not contents:
        contents = [Chapter(path, "") for path in pages]
    return Book(title, tuple(pages), tuple(contents))


def _contents(
    archive: zipfile.ZipFile, place: str, items: list[Element], pages: set[str]
) -> list[Chapter]:
    """From the page of contents (EPUB 3), else from the NCX (EPUB 2); broken ones are none."""
    for item in items:
        is_nav = "nav" in item.get("properties", "").split()
        is_ncx = item.get("media-type") == "application/x-dtbncx+xml"
        if not (is_nav or is_ncx):
            continue
        path = _join(place, item.get("href", ""))
        try:
            root = _parse(archive, path)
        except (ParseError, KeyError, ValueError, DefusedXmlException, BadBookError):
            continue
        found = _of_nav(root, path) if is_nav else _of_ncx(root, path)
        known = [each for each in found if each.path in pages and each.title][:CHAPTERS_MOST]
        if known:
            return known
    return []


def _of_nav(root: Element, base: str) -> list[Chapter]:
    navs = list(_all(root, "nav"))
    tocs = [each for each in navs if each.get(_TYPE) == "toc"] or navs[:1]
    return [chapter for nav in tocs[:1] for chapter in _walk_list(nav, base, -1)]


def _walk_list(element: Element, base: str, depth: int) -> Iterator[Chapter]:
    if depth > _DEPTH_MOST:
        return
    for child in element:
        if _local(child) == "a":
            yield Chapter(_join(base, child.get("href", "")), _text(child), max(depth, 0))
        else:
            yield from _walk_list(child, base, depth + (_local(child) == "ol"))


def _of_ncx(root: Element, base: str) -> list[Chapter]:
    maps = list(_all(root, "navMap"))
    return [chapter for each in maps[:1] for chapter in _walk_points(each, base, 0)]


def _walk_points(element: Element, base: str, depth: int) -> Iterator[Chapter]:
    if depth > _DEPTH_MOST:
        return
    for point in element:
        if _local(point) != "navPoint":
            continue
        label = next((_text(each) for each in point if _local(each) == "navLabel"), "")
        source = next((each.get("src", "") for each in point if _local(each) == "content"), "")
        yield Chapter(_join(base, source), label, depth)
        yield from _walk_points(point, base, depth + 1)


def read_part(file: BinaryIO, name: str) -> Part:
    """One file of a book; raises KeyError for what is not shown, BadBookError."""
    media = MEDIA.get(posixpath.splitext(name)[1].lower())
    if media is None:
        raise KeyError(name)
    with _opened(file) as archive:
        if name not in archive.NameToInfo:
            media = ""
        else:
            data = _read(archive, name, PART_BYTES)
    if not media:
        raise KeyError(name)
    return _page(data) if media == MEDIA[".xhtml"] else Part(data, media)


def _page(data: bytes) -> Part:
    """A chapter with a style that fits a phone; one that is no XML is given as plain HTML."""
    data = _name_entities(data)
    try:
        ElementTree.fromstring(data)
        media = MEDIA[".xhtml"]
    except (ParseError, ValueError, DefusedXmlException):
        media = "text/html"
    return Part(_HEAD.sub(lambda found: found[0] + _STYLE.encode(), data, count=1), media)


def _name_entities(data: bytes) -> bytes:
    """Names such as `&nbsp;` as numbers: XML knows five of them."""

    def number(found: re.Match[bytes]) -> bytes:
        text = html.entities.html5.get(f"{found[1].decode()};", "")
        if found[1] in _XML_ENTITIES or not text:
            return found[0]
        return "".join(f"&#{ord(sign)};" for sign in text).encode()

    return _ENTITY.sub(number, data)
