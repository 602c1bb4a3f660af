"""Tables in and out: whatever a spreadsheet makes of them, the records stay what they were."""

import csv
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter  # type: ignore[import-untyped]
from python_calamine import CalamineWorkbook

from tests.server.nodes import add_hour, add_person
from xueshi_server import tabular, workbook
from xueshi_server.errors import (
    FileTooLargeError,
    MissingHeaderError,
    NoScopeError,
    ServerError,
    UnknownFormatError,
    UnknownTypeError,
    UnreadableFileError,
)
from xueshi_server.exporting import export_rows
from xueshi_server.importing import import_rows
from xueshi_server.record_columns import columns_of
from xueshi_server.record_types import BASE_PACK
from xueshi_server.tabular import quote_formula, read_table
from xueshi_sync.node import Node

ROW = {
    "teacher_id": "T1",
    "teacher_name": "Li Ming",
    "date": "2026-03-01",
    "form": "seminar",
    "category": "ethics",
    "title": "Reading",
    "hours": 1.5,
    "note": "",
    "recorded_by": "R1",
}

COLUMNS = columns_of(BASE_PACK, BASE_PACK.types["hour"])
HEADINGS = COLUMNS.headings(says_school=False)


def write_jsonl(folder: Path, *changes: Mapping[str, Any]) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("\n".join(json.dumps(ROW | dict(change)) for change in changes), "utf-8")
    return path


def write_sheet(folder: Path, rows: list[list[object]]) -> Path:
    path = folder / "rows.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    for number, row in enumerate(rows):
        sheet.write_row(number, 0, row)
    book.close()
    return path


def export_records(node: Node, type_name: str = "hour") -> list[dict[str, Any]]:
    output = io.BytesIO()
    export_rows(node, type_name, output, format="jsonl")
    return [json.loads(line) for line in output.getvalue().splitlines()]


def as_row(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: record[name] for name in ROW}


def test_an_imported_row_comes_out_as_it_went_in(school: Node, tmp_path: Path) -> None:
    import_rows(school, "hour", write_jsonl(tmp_path, {}), actor="admin")
    assert [as_row(record) for record in export_records(school)] == [ROW]


def test_the_same_file_twice_adds_nothing(school: Node, tmp_path: Path) -> None:
    path = write_jsonl(tmp_path, {}, {}, {"id": "a"})
    first = import_rows(school, "hour", path, actor="admin")
    second = import_rows(school, "hour", path, actor="admin")
    assert ((first.added, first.known), (second.added, second.known)) == ((3, 0), (0, 3))


def test_a_dry_run_writes_nothing_and_names_the_new_people(school: Node, tmp_path: Path) -> None:
    report = import_rows(school, "hour", write_jsonl(tmp_path, {}), dry_run=True)
    assert (report.new_people, export_records(school)) == ((("T1", "Li Ming"),), [])


def test_one_bad_row_keeps_all_others_out(school: Node, tmp_path: Path) -> None:
    report = import_rows(school, "hour", write_jsonl(tmp_path, {}, {"hours": "0.3"}), actor="admin")
    assert report.refused
    assert (report.added, export_records(school, "person")) == (0, [])


def test_people_known_under_another_name_are_refused_with_both_names(
    school: Node, tmp_path: Path
) -> None:
    add_person(school, "T1", "Wang Fang")
    report = import_rows(school, "hour", write_jsonl(tmp_path, {}), actor="admin")
    assert report.faults[0].details["known"] == "Wang Fang"


def test_an_export_imported_again_adds_nothing(county: Any, tmp_path: Path) -> None:
    node = county.school
    import_rows(node, "hour", write_jsonl(tmp_path, {}, {"title": "Other"}), actor="admin")
    county.carry_both_ways()
    path = tmp_path / "export.csv"
    with path.open("wb") as output:
        export_rows(node, "hour", output, format="csv")
    report = import_rows(node, "hour", path, actor="admin")
    assert (report.added, report.known) == (0, 2)


def test_people_are_imported_with_whether_they_are_there(school: Node, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("teacher_id,teacher_name,active\nT1,Li Ming,1\nT2,Wang Fang,0\n", "utf-8")
    import_rows(school, "person", path, actor="admin")
    found = {record["teacher_id"]: record["active"] for record in export_records(school, "person")}
    assert found == {"T1": 1, "T2": 0}


def test_people_are_there_where_a_table_does_not_say(school: Node, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("工号,姓名\nT1,卢建设\n", "utf-8")
    import_rows(school, "person", path, actor="admin")
    assert [record["active"] for record in export_records(school, "person")] == [1]


def test_progress_is_told_while_rows_are_read_and_written(school: Node, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    path = write_jsonl(tmp_path, *[{"title": f"No {number}"} for number in range(2000)])
    import_rows(school, "hour", path, actor="a", progress=lambda *at: told.append(at))
    assert told == [(1000, None), (2000, None), (1000, 2000), (2000, 2000)]


def test_a_centre_imports_nothing(county: Any, tmp_path: Path) -> None:
    with pytest.raises(NoScopeError):
        import_rows(county.centre, "hour", write_jsonl(tmp_path, {}))


def test_title_rows_and_columns_in_any_order_are_understood(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["Hours of the school year 2025"],
        [],
        ["No", "hours", "\u59d3 \u540d", "\u5de5\u53f7", "\u65e5\u671f", "\u5185\u5bb9"],
        [1, 1.5, "Li Ming", "T1", "2026.3.1", "Reading"],
    ]
    (row,) = read_table(write_sheet(tmp_path, rows), HEADINGS)
    assert (row.row_no, row.values["teacher_id"], row.values["hours"]) == (4, "T1", 1.5)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_csv_is_read_in_the_encodings_that_spreadsheets_write(
    tmp_path: Path, encoding: str
) -> None:
    path = tmp_path / "rows.csv"
    heading = "\u6559\u5e08\u7f16\u53f7,\u65e5\u671f,\u5185\u5bb9,\u5b66\u65f6"
    text = f"{heading}\nT1,2026-03-01,\u8bfb\u4e66,2\n"
    path.write_bytes(text.encode(encoding))
    (row,) = read_table(path, HEADINGS)
    assert (row.row_no, row.values["title"]) == (2, "\u8bfb\u4e66")


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        pytest.param("a.xlsx", b"no sheet at all", UnreadableFileError, id="no-sheet"),
        pytest.param("a.jsonl", b'{"teacher_id": ', UnreadableFileError, id="cut-json"),
        pytest.param("a.jsonl", b"[1, 2]", UnreadableFileError, id="no-object"),
        pytest.param("a.jsonl", b'{"hours": 1}', MissingHeaderError, id="fields-missing"),
        pytest.param("a.csv", b"a,b\n1,2\n", MissingHeaderError, id="no-header"),
        pytest.param("a.csv", b"\xff\xff\xff\xff", UnreadableFileError, id="no-text"),
        pytest.param("a.csv", b'teacher_id,"' + b"x" * 200_000, ServerError, id="endless-cell"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_a_code(
    tmp_path: Path, name: str, content: bytes, error: type[ServerError]
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(error):
        list(read_table(path, HEADINGS))


def test_a_sheet_that_unpacks_to_gigabytes_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "UNPACKED_BYTES_MAX", 1 << 20)
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * (2 << 20))
    with pytest.raises(FileTooLargeError):
        list(read_table(path, HEADINGS))


def test_more_rows_than_the_limit_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tabular, "ROWS_MAX", 2)
    with pytest.raises(FileTooLargeError):
        list(read_table(write_jsonl(tmp_path, {}, {}, {}), HEADINGS))


def test_an_unknown_type_is_refused(tmp_path: Path, school: Node) -> None:
    with pytest.raises(UnknownTypeError) as refused:
        import_rows(school, "nothing", write_jsonl(tmp_path, {}))
    assert (refused.value.fields["pack"], "hour (学时)" in str(refused.value.fields["known"])) == (
        "base@3",
        True,
    )
    with pytest.raises(UnknownTypeError):
        export_rows(school, "nothing", io.BytesIO())
    with pytest.raises(UnknownFormatError):
        export_rows(school, "hour", io.BytesIO(), format="pdf")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "'=1", "''+1", "plain", "'quoted'", ""])
def test_csv_runs_no_formula_and_gives_the_text_back(
    school: Node, tmp_path: Path, text: str
) -> None:
    assert quote_formula(text)[:1] not in ("=", "+", "-", "@")
    add_hour(school, add_person(school), note=text)
    path = tmp_path / "out.csv"
    with path.open("wb") as output:
        export_rows(school, "hour", output, format="csv")
    (row,) = read_table(path, HEADINGS)
    assert row.values["note"] == text


def test_a_sheet_holds_staff_numbers_and_formulas_as_text(school: Node) -> None:
    add_hour(school, add_person(school, "440524188001010014"), title="=1+1")
    output = io.BytesIO()
    export_rows(school, "hour", output, format="xlsx")
    output.seek(0)
    head, row = CalamineWorkbook.from_filelike(output).get_sheet_by_index(0).to_python()
    assert head == list(COLUMNS.names())
    assert (row[0], row[5], row[6]) == ("440524188001010014", "=1+1", 1.5)


def test_csv_starts_with_the_mark_that_spreadsheets_need(school: Node) -> None:
    output = io.BytesIO()
    export_rows(school, "hour", output, format="csv")
    text = output.getvalue()
    assert text.startswith(b"\xef\xbb\xbf")
    assert next(csv.reader([text.decode("utf-8-sig")])) == list(COLUMNS.names())


def test_a_record_that_an_approved_one_replaced_is_not_exported(county: Any) -> None:
    person = add_person(county.school)
    old = add_hour(county.school, person)
    new = add_hour(county.school, person, title="Corrected", corrects=old.rec)
    county.carry_both_ways()
    with county.centre.write(actor="officer") as action:
        for record in (old, new):
            key = county.centre.find_record(county.school.public_id(record))
            action.judge("hour", key, "approve")
    assert [record["title"] for record in export_records(county.centre)] == ["Corrected"]
