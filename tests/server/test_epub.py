"""EPUB books: contents, chapters, and books that nobody should open."""

import io
import zipfile

import pytest

from tests.server.books import PACKAGE, make_book
from xueshi_server import epub
from xueshi_server.epub import BadBookError, read_book, read_part

NCX = (
    '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint><navLabel><text>旧目录'
    '</text></navLabel><content src="one.xhtml"/></navPoint></navMap></ncx>'
)
ENTITIES = (
    '<!DOCTYPE p [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><p>&b;&b;</p>'
)


def test_a_book_has_its_chapters_and_its_contents() -> None:
    book = read_book(io.BytesIO(make_book()))
    assert book.title == "磨课手册"
    assert book.pages == ("OEBPS/one.xhtml", "OEBPS/two b.xhtml")
    assert [(each.title, each.depth) for each in book.contents] == [
        ("第一章 备课", 0),
        ("第二章 上课", 1),
    ]


def test_the_contents_of_an_old_book_are_read_too() -> None:
    package = PACKAGE.replace(
        'href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"',
        'href="toc.ncx" media-type="application/x-dtbncx+xml"',
    )
    made = make_book({"OEBPS/book.opf": package, "OEBPS/toc.ncx": NCX})
    assert [each.title for each in read_book(io.BytesIO(made)).contents] == ["旧目录"]


@pytest.mark.parametrize("nav", [None, "<nav", "<nav><ol/></nav>"])
def test_a_book_without_contents_lists_its_pages(nav: str | None) -> None:
    book = read_book(io.BytesIO(make_book({"OEBPS/nav.xhtml": nav})))
    assert [each.path for each in book.contents] == list(book.pages)


def test_a_chapter_gets_lines_that_fit_a_phone() -> None:
    part = read_part(io.BytesIO(make_book()), "OEBPS/one.xhtml")
    assert part.media == "application/xhtml+xml"
    assert b"max-width:100%" in part.data


def test_a_chapter_that_is_no_xml_is_given_as_plain_html() -> None:
    assert read_part(io.BytesIO(make_book()), "OEBPS/two b.xhtml").media == "text/html"


@pytest.mark.parametrize(
    "name", ["OEBPS/gone.xhtml", "../one.xhtml", "OEBPS/book.opf", "mimetype", "a.js", ""]
)
def test_only_parts_that_are_shown_are_given(name: str) -> None:
    with pytest.raises(KeyError):
        read_part(io.BytesIO(make_book()), name)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        pytest.param({"META-INF/container.xml": None}, "xml", id="no-container"),
        pytest.param({"META-INF/container.xml": "<a>"}, "xml", id="broken-container"),
        pytest.param({"OEBPS/book.opf": ENTITIES}, "xml", id="entities"),
        pytest.param({"OEBPS/book.opf": "<package/>"}, "empty", id="no-pages"),
        pytest.param({"OEBPS/book.opf": " " * (3 << 20)}, "size", id="bomb"),
    ],
)
def test_a_book_that_is_none_says_why(changed: dict[str, str | None], why: str) -> None:
    with pytest.raises(BadBookError) as caught:
        read_book(io.BytesIO(make_book(changed)))
    assert caught.value.fields == {"why": why}


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"x" * 100, make_book()[:-30]])
def test_bytes_that_are_no_book_are_refused(data: bytes) -> None:
    with pytest.raises(BadBookError):
        read_book(io.BytesIO(data))


def test_a_list_of_millions_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(make_book())
    monkeypatch.setattr(zipfile, "ZipFile", lambda _: pytest.fail("the list was read"))
    at = data.rfind(b"PK\x05\x06")
    data[at + 12 : at + 16] = (1 << 30).to_bytes(4, "little")
    with pytest.raises(BadBookError):
        read_book(io.BytesIO(bytes(data)))


def test_a_part_that_swells_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epub, "PART_BYTES", 1 << 20)
    made = make_book({"OEBPS/one.xhtml": "<p>" + "a" * (2 << 20)})
    with pytest.raises(BadBookError) as caught:
        read_part(io.BytesIO(made), "OEBPS/one.xhtml")
    assert caught.value.fields == {"why": "size"}
