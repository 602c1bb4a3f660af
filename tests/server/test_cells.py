"""What a cell of a spreadsheet means for a field; and no file at all breaks the reading of it."""

import datetime as dt
import random
from pathlib import Path

import pytest

from tests.server import nasty
from xueshi_server.domain.cells import (
    CELL_CODES,
    BadCellError,
    FailedCell,
    SheetNumber,
    is_id_number,
    read_cell,
    show_cell,
)
from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.packs.model import FieldDeclaration, FieldKind, Label
from xueshi_server.errors import ServerError
from xueshi_server.record_columns import columns_of
from xueshi_server.record_types import BASE_PACK
from xueshi_server.tabular import read_table
from xueshi_server.words import LANGUAGES, load_catalogue

DAY = dt.date(2024, 9, 1)
UNITS = frozenset({"学时", "课时", "h"})
HEADINGS = columns_of(BASE_PACK, BASE_PACK.types["hour"]).headings(says_school=False)


def field(kind: FieldKind) -> FieldDeclaration:
    return FieldDeclaration(id="x", label=Label(zh="格", en="Cell"), type=kind)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        pytest.param("date", SheetNumber("45536", "date"), DAY, id="date-cell"),
        pytest.param("date", SheetNumber("45536.7", "date"), DAY, id="date-and-time"),
        pytest.param("date", SheetNumber("45536"), DAY, id="serial"),
        pytest.param("date", SheetNumber("44074", late=True), DAY, id="serial-of-1904"),
        pytest.param("date", SheetNumber("20240901"), "20240901", id="day-as-number"),
        pytest.param("date", "2024-09-01 14:30:00", "2024-09-01", id="time-behind"),
        pytest.param("date", "２０２４／９／１（周日）", "2024/9/1", id="wide-with-weekday"),
        pytest.param("hours", SheetNumber("1.4999999999999998"), 1.5, id="binary-tail"),
        pytest.param("hours", "1.5 学时", "1.5", id="unit"),
        pytest.param("hours", "２课时", "2", id="wide-with-unit"),
        pytest.param("hours", "2天", "2天", id="another-unit-stays"),
        pytest.param("int", SheetNumber("30"), 30, id="whole"),
        pytest.param("text", SheetNumber("123", zeros=5), "00123", id="zeros-of-the-format"),
        pytest.param("text", SheetNumber("123456789012"), "123456789012", id="twelve-digits"),
        pytest.param("text", SheetNumber("45536", "date"), "2024-09-01", id="date-in-a-text"),
        pytest.param("ref", "Ｔ００１\u200b", "T001", id="wide-number"),
        pytest.param("text", "11010519491231002X", "11010519491231002X", id="id-number"),
        pytest.param("long", "a\tb\r\nc", "a b\nc", id="tabs-and-breaks"),
        pytest.param("code", True, True, id="boolean"),
    ],
)
def test_a_cell_is_read_as_its_field_needs_it(
    kind: FieldKind, value: object, expected: object
) -> None:
    assert read_cell(field(kind), value, UNITS) == expected


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        pytest.param("text", SheetNumber("1.23456789012346E+17"), "cell.digits_lost", id="number"),
        pytest.param("key", "1.23457e+17", "cell.digits_lost", id="power-as-text"),
        pytest.param("ref", "330102199001010000", "cell.zeros_at_end", id="zeros-at-the-end"),
        pytest.param("hours", FailedCell("#REF!"), "cell.formula_failed", id="failed"),
        pytest.param("hours", FailedCell(""), "cell.not_computed", id="not-computed"),
        pytest.param("date", SheetNumber("0.5", "time"), "cell.time_only", id="time"),
    ],
)
def test_what_a_spreadsheet_lost_is_refused(kind: FieldKind, value: object, code: str) -> None:
    with pytest.raises(BadCellError) as refused:
        read_cell(field(kind), value, UNITS)
    assert refused.value.value_code == code


def test_a_day_outside_the_calendar_is_no_date() -> None:
    with pytest.raises(BadValueError):
        read_cell(field("date"), SheetNumber("9e9", "date"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_of_a_cell_is_worded(language: str) -> None:
    known = load_catalogue(language)
    assert [code for code in CELL_CODES if f"value.{code}" not in known] == []


def test_a_cell_is_shown_as_the_spreadsheet_shows_it() -> None:
    shown = [show_cell(each) for each in (SheetNumber("0.1"), SheetNumber("0.75", "time"), 2.0)]
    assert shown == ["0.1", "18:00", "2"]


@pytest.mark.parametrize("text", ["11010519491231002X", "440524188001010014"])
def test_the_check_digit_tells_an_id_number(text: str) -> None:
    assert (is_id_number(text), is_id_number(text[:-1] + "7")) == (True, False)


@pytest.mark.parametrize("make", [nasty.titled, nasty.csv_gbk], ids=lambda make: make.__name__)
@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_file_is_refused_and_breaks_nothing(
    tmp_path: Path, make: nasty.Maker, seed: int
) -> None:
    whole, dice = make(tmp_path).read_bytes(), random.Random(seed)
    path = tmp_path / "damaged.xlsx"
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(dice.randrange(1, 6)):
            place = dice.randrange(len(data))
            data[place : place + dice.choice((1, 1, 40))] = dice.randbytes(dice.randrange(4))
        path.write_bytes(data)
        try:
            list(read_table(path, HEADINGS))
        except ServerError:
            continue
