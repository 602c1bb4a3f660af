"""The county's own spreadsheets: filled cell by cell, and empty to be filled in."""

import datetime as dt
import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from python_calamine import CalamineWorkbook

from tests.client.console_run import make_node, xueshi
from tests.server.nodes import add_person
from tests.server.pages import make_visitor
from tests.server.walks.shipped_county import County, make_county
from xueshi_server import sheet_forms
from xueshi_server.domain.packs.model import Sheet
from xueshi_server.importing import import_rows
from xueshi_server.record_tables import find_declared
from xueshi_server.sheet_forms import EMPTY_ROWS, export_sheet
from xueshi_server.table_errors import UnknownSheetFormError
from xueshi_server.web import create_app
from xueshi_sync.node import Node

TABLE = """教师编号,姓名,日期,方式,内容,学时
00123,卢建设,2026-03-01,FORM,=1+1,1.5
00124,秦小禾,2026-03-02,FORM,读书,2
"""


@pytest.fixture
def county(tmp_path: Path) -> Iterator[County]:
    with make_county(tmp_path, "mianzhu") as found:
        yield found


@pytest.fixture
def school(county: County, tmp_path: Path) -> Node:
    for number, name in (("00123", "卢建设"), ("00124", "秦小禾")):
        add_person(county.school, number, name)
    path = tmp_path / "hours.csv"
    form = county.pack.codes[form_codes(county)].value[0].label.zh
    path.write_text(TABLE.replace("FORM", form), "utf-8")
    report = import_rows(county.school, "hour", path, actor="registrar")
    assert report.added == 2, report.faults
    return county.school


def form_codes(county: County) -> str:
    field = next(each for each in county.pack.types["hour"].field if each.id == "form")
    return field.codes or ""


def written(node: Node, of: str = "hour", **settings: Any) -> BytesIO:
    output = BytesIO()
    export_sheet(node, of, output, **settings)
    output.seek(0)
    return output


def cells_of(output: BytesIO) -> list[list[Any]]:
    return (
        CalamineWorkbook.from_filelike(output)
        .get_sheet_by_index(0)
        .to_python(skip_empty_area=False)
    )


def xml_of(output: BytesIO) -> str:
    with zipfile.ZipFile(output) as archive:
        return archive.read("xl/worksheets/sheet1.xml").decode()


def declare(monkeypatch: pytest.MonkeyPatch, node: Node, **changed: Any) -> None:
    """Let the pack declare more of its form of hours."""
    pack, declared = find_declared(node, "hour")
    sheet: Sheet = replace(pack.sheets["hour_sheet"], **changed)
    pack = replace(pack, sheets={**pack.sheets, "hour_sheet": sheet})
    monkeypatch.setattr(sheet_forms, "find_declared", lambda *_: (pack, declared))


def test_a_form_has_title_headings_records_and_footer(school: Node) -> None:
    rows = cells_of(written(school, sheet="hour_sheet"))
    assert rows[0][0] == "绵竹市教师教育学时登记表"
    assert rows[1] == ["教师编号", "日期", "方式", "内容", "学时", "备注"]
    day = dt.date(2026, 3, 1)
    assert (rows[2][0], rows[2][1], rows[2][3], rows[2][4]) == ("00123", day, "=1+1", 1.5)
    assert [text for text in rows[5] if text] == ["登记员:", "学校(盖章):"]


def test_the_title_spans_the_columns_and_the_head_is_repeated(school: Node) -> None:
    output = written(school, sheet="hour_sheet")
    assert '<mergeCell ref="A1:F1"/>' in xml_of(output)
    with zipfile.ZipFile(output) as archive:
        assert "Print_Titles" in archive.read("xl/workbook.xml").decode()


def test_a_form_comes_back_on_another_node(school: Node, tmp_path: Path, world: Any) -> None:
    path = tmp_path / "form.xlsx"
    path.write_bytes(written(school, sheet="hour_sheet").getvalue())
    with make_county(tmp_path / "other", "mianzhu") as other:
        for number, name in (("00123", "卢建设"), ("00124", "秦小禾")):
            add_person(other.school, number, name)
        report = import_rows(other.school, "hour", path, actor="registrar")
        assert (report.faults, report.added, report.left_out_count) == ((), 2, 1)
        assert import_rows(other.school, "hour", path, actor="registrar").added == 0


def test_cells_above_the_headings_stand_where_the_county_has_them(
    school: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = [("A2", "学校：{school}（{code}）"), ("E2", "{date}")]
    merged, widths = ["A1:G1", "A2:D2"], [5, 12, 20]
    more = {"cells": cells, "merged": merged, "widths": widths}
    declare(monkeypatch, school, header_row=4, serial="序号", **more)
    output = written(school, sheet="hour_sheet")
    rows, xml = cells_of(output), xml_of(output)
    assert rows[1][0] == f"学校：{school.status()['name']}（{school.status()['code']}）"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", rows[1][4])
    assert (rows[3][:2], rows[4][:2], rows[5][0]) == (["序号", "教师编号"], [1, "00123"], 2)
    assert '<mergeCell ref="A2:D2"/>' in xml
    found = re.findall(r'<col min="\d" max="\d" width="([\d.]+)"', xml)
    assert [int(float(width)) for width in found][:3] == widths


def test_a_column_may_say_what_the_person_is(school: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = [("教师编号", "person"), ("姓名", "person.name"), ("在岗", "person.active")]
    declare(monkeypatch, school, columns=[*columns, ("日期", "date")])
    rows = cells_of(written(school, sheet="hour_sheet"))
    assert rows[2][:4] == ["00123", "卢建设", "是", dt.date(2026, 3, 1)]


def test_every_text_of_a_form_is_a_text_cell(school: Node) -> None:
    output = written(school, sheet="hour_sheet")
    with zipfile.ZipFile(output) as archive:
        assert 'numFmtId="49"' in archive.read("xl/styles.xml").decode()
    assert not re.search(r"<f>", xml_of(output))


@pytest.mark.parametrize("sheet", ["hour_sheet", ""])
def test_an_empty_form_that_was_filled_in_is_imported(
    county: County, tmp_path: Path, sheet: str
) -> None:
    rows = cells_of(written(county.school, sheet=sheet, empty=True))
    path = tmp_path / "empty.xlsx"
    path.write_bytes(written(county.school, sheet=sheet, empty=True).getvalue())
    report = import_rows(county.school, "hour", path, actor="registrar")
    assert (report.rows, report.faults) == (0, ())
    assert len(rows) <= EMPTY_ROWS + 5


def test_an_empty_form_offers_the_codes_and_marks_what_is_needed(school: Node) -> None:
    output = written(school, empty=True)
    heads = cells_of(output)[0]
    assert any(str(head).endswith("*") for head in heads)
    assert "<dataValidation " in xml_of(output)


def test_an_unknown_form_is_refused_with_those_there_are(school: Node) -> None:
    with pytest.raises(UnknownSheetFormError) as refused:
        export_sheet(school, "hour", BytesIO(), sheet="nothing")
    assert "hour_sheet" in str(refused.value.fields["known"])


def test_the_page_offers_every_form_filled_and_empty(school: Node) -> None:
    visitor = make_visitor(create_app(school, testing=True), "admin")
    page = visitor.get("/files/").text
    for query in ("sheet=hour_sheet", "sheet=hour_sheet&amp;empty=1", "empty=1"):
        assert f"/files/hour.xlsx?{query}" in page
        answer = visitor.get("/files/hour.xlsx?" + query.replace("&amp;", "&"))
        assert (answer.status_code, answer.data[:2]) == (200, b"PK")
    assert visitor.get("/files/hour.csv?sheet=hour_sheet").status_code == 404
    assert visitor.get("/files/hour.xlsx?sheet=nothing").status_code == 422


def test_the_command_writes_an_empty_form(tmp_path: Path) -> None:
    home, path = tmp_path / "school", tmp_path / "form.xlsx"
    make_node(home, "school", "S1")
    done = xueshi(home, "export", "hour", "--empty", "-o", str(path), "--json")
    assert (done.status, done.data["rows"], path.read_bytes()[:2]) == (0, 0, b"PK")
    wrong = xueshi(home, "export", "hour", "--form", "nothing", "-o", str(path))
    assert (wrong.status, wrong.code) == (1, "export.unknown_sheet")
