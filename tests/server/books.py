"""EPUB books for the tests: small, and wrong in one way each."""

import io
import zipfile
from collections.abc import Mapping

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
)
PACKAGE = (
    '<package xmlns="http://www.idpf.org/2007/opf"><metadata'
    ' xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>磨课手册</dc:title></metadata><manifest>'
    '<item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>'
    '<item id="a" href="one.xhtml"/><item id="b" href="two%20b.xhtml"/></manifest>'
    '<spine><itemref idref="a"/><itemref idref="b"/></spine></package>'
)
NAV = (
    '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><body>'
    '<nav epub:type="toc"><ol><li><a href="one.xhtml">第一章&nbsp;备课</a><ol><li>'
    '<a href="two%20b.xhtml#x">第二章 上课</a></li></ol></li>'
    '<li><a href="../../etc/passwd">出去</a></li></ol></nav></body></html>'
)
ONE = (
    '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>一</title></head><body>'
    "<h1>第一章 备课</h1><p>先一起备课。</p><img src='pictures/p.png' alt=''/>"
    "<script>document.title = 'acted'; parent.document.title = 'acted'</script></body></html>"
)
TWO = "<html><head></head><body><h1>第二章 上课</h1><p>没有关上<br>的标签</body>"
PARTS: Mapping[str, str | bytes] = {
    "mimetype": "application/epub+zip",
    "META-INF/container.xml": CONTAINER,
    "OEBPS/book.opf": PACKAGE,
    "OEBPS/nav.xhtml": NAV,
    "OEBPS/one.xhtml": ONE,
    "OEBPS/two b.xhtml": TWO,
}


def make_book(changed: Mapping[str, str | bytes | None] | None = None) -> bytes:
    """A book; `changed` replaces parts, None leaves one out."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {**PARTS, **(changed or {})}.items():
            if data is not None:
                archive.writestr(name, data)
    return file.getvalue()
