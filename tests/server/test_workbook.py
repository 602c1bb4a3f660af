"""What the adapter around openpyxl promises beyond the library itself."""

import re
from pathlib import Path

import pytest

from tests.server import nasty
from xueshi_server import workbook
from xueshi_server.domain.cells import FailedCell, SheetRow, show_cell
from xueshi_server.table_errors import DamagedSheetError, TooManyCellsError
from xueshi_server.workbook import Workbook


def write(folder: Path, rows: str) -> Path:
    """A workbook with these rows as XML."""
    return nasty.change_sheet(
        nasty.titled(folder),
        lambda text: re.sub(
            "(?s)<sheetData>.*</sheetData>", f"<sheetData>{rows}</sheetData>", text
        ),
    )


def read(path: Path) -> list[SheetRow]:
    with Workbook(path) as book:
        return list(book.rows(book.sheets[0]))


@pytest.mark.parametrize(
    ("form", "number", "shown"),
    [
        (14, 45536, "2024-09-01"),
        (31, 45536, "2024-09-01"),
        (58, 45536, "2024-09-01"),
        ('m"月"d"日"', 45536, "2024-09-01"),
        ('m"月"', 45536, "2024-09-01"),
        ("YYYY/M/D", 45536, "2024-09-01"),
        (20, 0.5, "12:00"),
        ("[h]:mm", 0.5, "12:00"),
        ('上午/下午h"时"mm"分"', 0.5, "12:00"),
        ('0.0"days"', 45536, "45536"),
        ("[Red]0.00", 45536, "45536"),
        ("00000", 123, "00123"),
    ],
)
def test_a_number_is_shown_by_its_format(
    tmp_path: Path, form: str | int, number: float, shown: str
) -> None:
    with nasty.Book(tmp_path / "form.xlsx") as made:
        made.sheet.write_number(0, 0, number, made.book.add_format({"num_format": form}))
    assert show_cell(read(tmp_path / "form.xlsx")[0].cells[0]) == shown


def test_rows_far_apart_cost_nothing_between_them(tmp_path: Path) -> None:
    far = '<row r="1048576"><c r="B1048576"><v>2</v></c><c r="XFD1048576"><v>3</v></c></row>'
    found = read(write(tmp_path, f'<row r="5"><c r="A5"><v>1</v></c></row>{far}'))
    assert [(row.row_no, dict(row.cells)) for row in found] == [
        (5, {0: 1.0}),
        (1_048_576, {1: 2.0}),
    ]


@pytest.mark.parametrize(
    "rows", ['<row r="1">' + "<c/>" * 1000 + "</row>", '<row r="9000000"><c><v>1</v></c></row>']
)
def test_a_row_without_end_or_beyond_the_last_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: str
) -> None:
    monkeypatch.setattr(workbook, "ROW_BYTES_MAX", 4000)
    with pytest.raises(TooManyCellsError):
        read(write(tmp_path, rows))


def test_more_rows_than_a_spreadsheet_has_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "ROW_NO_MAX", 10)
    with pytest.raises(TooManyCellsError):
        read(write(tmp_path, "<row/>" * 20))


def test_escaped_characters_and_formulas_without_a_value_are_told(tmp_path: Path) -> None:
    cells = '<c t="str"><v>_x0041__xD83D__xDE00_</v></c><c><f>1</f></c><c t="e"><v>#REF!</v></c>'
    (row,) = read(write(tmp_path, f"<row>{cells}</row>"))
    assert list(row.cells.values()) == ["A\U0001f600", FailedCell(""), FailedCell("#REF!")]


@pytest.mark.parametrize("cell", ["<c><v>abc</v></c>", '<c t="s"><v>999</v></c>', '<c r="??"/>'])
def test_a_cell_that_makes_no_sense_names_the_row_before(tmp_path: Path, cell: str) -> None:
    with pytest.raises(DamagedSheetError) as refused:
        read(write(tmp_path, f'<row r="7"><c><v>1</v></c></row><row r="8">{cell}</row>'))
    assert refused.value.fields["row"] == "7"


def test_text_that_a_cell_has_itself_is_read_without_how_it_is_spoken(tmp_path: Path) -> None:
    rich = "<r><t>学</t></r><r><rPr/><t>时</t></r><rPh><t>xue shi</t></rPh>"
    cells = (
        f'<c t="inlineStr"><is><t>A<![CDATA[<b>]]></t></is></c><c t="inlineStr"><is>{rich}</is></c>'
    )
    (row,) = read(write(tmp_path, f"<row>{cells}</row>"))
    assert list(row.cells.values()) == ["A<b>", "学时"]


def test_an_entity_that_unfolds_is_refused(tmp_path: Path) -> None:
    path = nasty.change_sheet(
        nasty.titled(tmp_path),
        lambda text: re.sub(
            r"(<\?xml[^>]*\?>)", r'\1<!DOCTYPE w [<!ENTITY a "bbbb">]>', text, count=1
        ),
    )
    with pytest.raises(DamagedSheetError):
        read(path)


def test_rows_before_broken_xml_are_read_and_the_last_of_them_is_named(tmp_path: Path) -> None:
    path = nasty.change_sheet(nasty.titled(tmp_path), lambda text: text.replace("</sheetData>", ""))
    with pytest.raises(DamagedSheetError) as refused:
        read(path)
    assert refused.value.fields["row"] != "0"
