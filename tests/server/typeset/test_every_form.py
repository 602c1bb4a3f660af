"""Every form of every pack becomes a PDF on A4, in both languages, the same each time."""

import io
from typing import Final

import pytest
from pypdf import PageObject, PdfReader

from tests.server.rules.county import load
from tests.server.typeset.filling import sheet_of
from xueshi_server.pack_files import list_shipped
from xueshi_server.typeset.setting import missing_characters, set_pdf

FORMS: Final = [(pack, form) for pack in list_shipped() for form in load(pack).forms]
# Points of A4.
LONG, SHORT = 842, 595


def pages_of(data: bytes) -> list[str]:
    """What stands on each page, without white space."""
    return ["".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(data)).pages]


def size_of(page: PageObject) -> tuple[int, int]:
    """Width and height of a page in whole points."""
    return round(page.mediabox.width), round(page.mediabox.height)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("pack_id", "form"), FORMS)
def test_a_form_is_on_a4_and_has_its_marks_on_every_page(
    pack_id: str, form: str, language: str
) -> None:
    sheet = sheet_of(pack_id, form, language)
    data = set_pdf([sheet], language)
    pages = pages_of(data)
    assert {size_of(page) for page in PdfReader(io.BytesIO(data)).pages} == {
        (LONG, SHORT) if sheet.document.landscape else (SHORT, LONG)
    }
    digest = sheet.document.digest
    count = len(pages)
    for no, text in enumerate(pages, 1):
        assert sheet.document.number in text
        assert digest in text
        assert (f"第{no}页共{count}页" if language == "zh" else f"Page{no}of{count}") in text
    assert sheet.document.version in pages[0]
    assert data == set_pdf([sheet], language)


def test_the_shipped_font_has_every_character_of_every_form() -> None:
    found = {
        char
        for pack, form in FORMS
        for language in ("zh", "en")
        for char in missing_characters([sheet_of(pack, form, language)], language)
    }
    assert found == set()
