"""What people type stands on paper as they typed it, and does nothing else there."""

import io
from typing import Final

import pytest
from pypdf import PdfReader

from tests.server.typeset.filling import sheet_of
from xueshi_server.typeset.arrange import clean
from xueshi_server.typeset.setting import missing_characters, set_pdf, unprintable_of

NASTY: Final = {
    "code": "#panic(1)",
    "read": '#read("/etc/hosts")',
    "math": "$ x^2 $ 元",
    "strong": "*甲* _乙_",
    "reference": "@张三 <end-0>",
    "escape": "\\u{41} \\",
    "quotes": "\"双\" '单' `反`",
    "json": '"}],"x":[{"',
    "comment": "甲 // 乙 /* 丙 */ 丁",
    "html": "<script>alert(1)</script>",
    "heading": "= 一\n- 二\n+ 三",
    "brackets": "[[(({{甲}}))]]",
    "place": "{page} {} %s",
    "middle-dot": "阿卜杜热西提·麦麦提",
    "rare": "𠮷田䶮",
    "rare-names": "龚𬭎 㛃 𫍽",
    "long-han": "甲" * 120,
    "long-latin": "Ab" * 60,
    "empty": "",
    "blank": "  　 ",
    "lines": "甲\n\n\n乙",
}


def text_of(data: bytes) -> str:
    pages = PdfReader(io.BytesIO(data)).pages
    return "".join("".join(page.extract_text().split()) for page in pages)


@pytest.mark.parametrize("form", ["personal_statement", "hours_certificate", "file_label"])
@pytest.mark.parametrize("name", NASTY.values(), ids=NASTY.keys())
def test_a_name_stands_on_paper_as_it_was_typed(form: str, name: str) -> None:
    sheet = sheet_of("base", form, name=name, staff_no=name)
    text = text_of(set_pdf([sheet], "zh")).replace("\u200b", "")
    assert "".join(name.split()) in text


def test_a_long_value_in_a_table_of_many_columns_stays_on_the_page() -> None:
    data = set_pdf([sheet_of("base", "signing_list", rows=3, name="甲" * 200)], "zh")
    assert len(PdfReader(io.BytesIO(data)).pages) == 1


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        pytest.param("甲\x00\x07乙", "甲乙", id="controls"),
        pytest.param("甲\u202e乙", "甲乙", id="direction"),
        pytest.param("甲\t乙", "甲 乙", id="tab"),
        pytest.param("甲\r\n乙", "甲\n乙", id="line-end"),
        pytest.param("\U000323b0\ue863", "\U000323b0\ue863", id="unknown-and-private-stay"),
        pytest.param("神\ufa19", "神\ufa19", id="forms-of-a-character-stay"),
        pytest.param("a" * 18, "a" * 12 + "\u200b" + "a" * 6, id="long-run-may-break"),
    ],
)
def test_what_cannot_be_seen_is_left_out_and_nothing_else(typed: str, shown: str) -> None:
    assert clean(typed) == shown


def test_a_character_that_no_font_has_is_reported_and_still_printed() -> None:
    sheet = sheet_of("base", "file_label", name="甲\U000323b0")
    assert missing_characters([sheet], "zh") == {"\U000323b0"}
    assert set_pdf([sheet], "zh").startswith(b"%PDF")


def test_it_is_told_which_characters_no_font_here_has() -> None:
    # The last one is assigned to nothing, so no font can have it; the shipped one has the first.
    assert unprintable_of({"\U000323b0", "王", "\U0003fff0"}) >= {"\U0003fff0"}
    assert unprintable_of({"王"}) == set()
