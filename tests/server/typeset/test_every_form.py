"""Every form of every pack becomes a PDF and pictures, in both languages, the same each time."""

import io
from typing import Final

import pytest
from pypdf import PdfReader

from tests.server.rules.county import load
from tests.server.typeset.filling import sheet_of
from xueshi_server.pack_files import list_shipped
from xueshi_server.typeset.setting import missing_characters, set_pdf, set_pictures

FORMS: Final = [(pack, form) for pack in list_shipped() for form in load(pack).forms]
# Points of A4.
LONG, SHORT = 841.89, 595.28


def pages_of(data: bytes) -> list[str]:
    """What stands on each page, without white space."""
    return ["".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(data)).pages]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("pack_id", "form"), FORMS)
def test_a_form_has_its_marks_on_every_page(pack_id: str, form: str, language: str) -> None:
    sheet = sheet_of(pack_id, form, language)
    data = set_pdf([sheet], language)
    pages = pages_of(data)
    digest = sheet.document.digest
    count = len(pages)
    for no, text in enumerate(pages, 1):
        assert sheet.document.number in text
        assert digest in text
        assert (f"第{no}页共{count}页" if language == "zh" else f"Page{no}of{count}") in text
    assert sheet.document.version in pages[0]
    assert data == set_pdf([sheet], language)


@pytest.mark.parametrize(("pack_id", "form"), FORMS)
def test_a_form_has_a_picture_of_every_page_on_a4(pack_id: str, form: str) -> None:
    sheet = sheet_of(pack_id, form)
    pictures = set_pictures([sheet], "zh", 20)
    reader = PdfReader(io.BytesIO(set_pdf([sheet], "zh")))
    assert len(pictures) == len(reader.pages)
    for page in reader.pages:
        size = (float(page.mediabox.width), float(page.mediabox.height))
        wide = sheet.document.landscape
        assert size == pytest.approx((LONG, SHORT) if wide else (SHORT, LONG), abs=0.1)


def test_the_shipped_font_has_every_character_of_every_form() -> None:
    found = {
        char
        for pack, form in FORMS
        for language in ("zh", "en")
        for char in missing_characters([sheet_of(pack, form, language)], language)
    }
    assert found == set()
