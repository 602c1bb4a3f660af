"""What the source documents get wrong: placeholders for what nobody knew, words that a program
swapped, and one text given twice."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from xlsxwriter import Workbook  # type: ignore[import-untyped]

from tests.server.rules.county import load
from tests.server.walks.shipped_county import County, make_county
from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.fields import parse_field
from xueshi_server.domain.packs.model import FieldDeclaration
from xueshi_server.importing import ImportReport, import_rows

HEADINGS: Final = ("教师编号", "姓名", "日期", "内容", "学时")
ROW: Final = ("M001", "向春梅", "2012-03-20", "新课标解读", "8")
COLUMN: Final = {"date": 2, "hours": 4}


@pytest.fixture
def county(tmp_path: Path) -> Iterator[County]:
    (tmp_path / "county").mkdir()
    with make_county(tmp_path / "county", "mianzhu") as found:
        yield found


def take(county: County, path: Path, *rows: tuple[str, ...]) -> ImportReport:
    """Import rows of hours at the school."""
    lines = [",".join(row) for row in (HEADINGS, *rows)]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return import_rows(county.school, "hour", path, actor="registrar")


def count_hours(county: County) -> int:
    return int(county.school.query("SELECT count(*) FROM hour")[0][0])


@pytest.mark.parametrize(
    ("field", "seen", "code"),
    [
        pytest.param("date", "20**", "date.unreadable", id="year-with-stars"),
        pytest.param("date", "20**年5月", "date.unreadable", id="month-of-no-year"),
        pytest.param("date", "xx年", "date.unreadable", id="some-year"),
        pytest.param("date", "z", "date.unreadable", id="z-for-a-date"),
        pytest.param("hours", "z", "hours.unreadable", id="z-for-hours"),
        pytest.param("hours", "**", "hours.unreadable", id="stars-for-hours"),
    ],
)
def test_a_placeholder_is_no_value_and_the_row_is_named(
    county: County, tmp_path: Path, field: str, seen: str, code: str
) -> None:
    cells = list(ROW)
    cells[COLUMN[field]] = seen
    report = take(county, tmp_path / "hours.csv", ROW, tuple(cells))
    assert [(each.row_no, each.field, each.code) for each in report.faults] == [(3, field, code)]
    assert report.faults[0].details["seen"] == seen
    assert count_hours(county) == 0, "nothing of a file with a fault"


def test_what_nobody_knew_may_be_left_empty() -> None:
    founded = FieldDeclaration(id="founded_on", label=load("base").types["hour"].label, type="date")
    assert parse_field(founded, None, "") is None
    with pytest.raises(BadValueError, match=r"date\.unreadable"):
        parse_field(founded, None, "20**")


@pytest.mark.parametrize(
    ("codes", "said", "code"),
    [
        pytest.param("degree", "讨论生", "master", id="研究生"),
        pytest.param("degree", "硕士研究生", "master", id="what-people-say"),
        pytest.param("degree", "大专", "college", id="what-people-say-for-college"),
        pytest.param("regulation_kind", "教师连续教育奖惩制度", "rewards", id="继续教育"),
        pytest.param("unit_type", "一般高中", "senior", id="普通高中"),
    ],
)
def test_swapped_words_are_read_as_what_they_stand_for(codes: str, said: str, code: str) -> None:
    pack = load("mianzhu")
    declared = FieldDeclaration(id="it", label=pack.codes[codes].label, type="code", codes=codes)
    assert parse_field(declared, pack.codes[codes], said) == code


def test_a_word_that_is_no_synonym_is_refused_with_the_choices() -> None:
    pack = load("mianzhu")
    label = pack.codes["degree"].label
    declared = FieldDeclaration(id="degree", label=label, type="code", codes="degree")
    with pytest.raises(BadValueError) as caught:
        parse_field(declared, pack.codes["degree"], "z")
    assert caught.value.value_code == "value.not_a_code"
    assert "研究生" in caught.value.details["choices"]


def test_no_synonym_means_two_values() -> None:
    for pack_id in ("base", "township-primary", "mianzhu", "chongqing", "jiyuan", "qinggang"):
        for codes in load(pack_id).codes.values():
            names = [
                name
                for each in codes.value
                for name in {each.id, each.label.zh, each.label.en, *each.synonyms}
                if each.synonyms
            ]
            assert len(names) == len(set(names)), (pack_id, codes.id)


def test_the_same_document_twice_adds_nothing(county: County, tmp_path: Path) -> None:
    other = (*ROW[:3], "教学诊断", "4")
    first = take(county, tmp_path / "篇2.csv", ROW, other)
    shutil.copy(tmp_path / "篇2.csv", tmp_path / "篇3.csv")
    again = import_rows(county.school, "hour", tmp_path / "篇3.csv", actor="registrar")
    assert (first.added, again.added, again.known, count_hours(county)) == (2, 0, 2, 2)


def test_nor_does_it_as_a_workbook_with_its_rows_in_another_order(
    county: County, tmp_path: Path
) -> None:
    other = (*ROW[:3], "教学诊断", "4")
    take(county, tmp_path / "篇2.csv", ROW, other)
    with Workbook(str(tmp_path / "篇3.xlsx")) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate((HEADINGS, other, ROW)):
            sheet.write_row(number, 0, row)
    again = import_rows(county.school, "hour", tmp_path / "篇3.xlsx", actor="registrar")
    assert (again.faults, again.added, count_hours(county)) == ((), 0, 2)
