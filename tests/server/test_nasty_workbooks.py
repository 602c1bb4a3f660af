"""Workbooks as they arrive by chat, through the real command and the real page.

Each is taken as a person means it, or refused with the row, the column and the cure; nothing is
written of a file that is refused.
"""

import json
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import pytest

from tests.client.console_run import make_node, xueshi
from tests.server import nasty
from tests.server.nodes import add_person
from tests.server.pages import Visitor, plain
from xueshi_sync.node import Node

# Maker, and how many records it holds.
TAKEN: Final = [
    (nasty.titled, 3),
    (nasty.two_row_header, 3),
    (nasty.merged_rows, 3),
    (nasty.dates, 14),
    (nasty.dates_1904, 2),
    (nasty.hours_as_text, 5),
    (nasty.zeros_in_front, 3),
    (nasty.several_sheets, 3),
    (nasty.hidden_rows, 3),
    (nasty.computed, 1),
    (nasty.totals_and_footers, 3),
    (nasty.csv_gbk, 2),
    (nasty.csv_bom, 1),
    (nasty.unicode_text, 1),
    (nasty.csv_called_xlsx, 2),
    (nasty.xlsx_called_csv, 3),
    (nasty.huge_dimension, 3),
    (nasty.spaced_names, 2),
    (nasty.names_only, 3),
]
# Maker, stable code, and words of the cure.
REFUSED: Final = [
    (nasty.months, "import.which_sheet", "三月, 四月"),
    (nasty.twice, "import.heading_twice", "E, F"),
    (nasty.no_header, "import.no_header", "缺少这些列：内容, 学时"),
    (nasty.old_format, "import.old_format", "另存为"),
    (nasty.protected, "import.protected", "去掉密码"),
    (nasty.html_called_xls, "import.web_page", "另存为"),
    (nasty.bomb, "import.too_large", "分成几个文件"),
    (nasty.entities, "import.damaged", "重新发送"),
    (nasty.cut_off, "import.unreadable", "另存为"),
    (nasty.broken_sheet, "import.damaged", "重新发送"),
]
# Maker, and the faults that name its bad cells: row, letter, code.
FAULTY: Final = [
    (
        nasty.destroyed_ids,
        [
            (2, "A", "cell.digits_lost"),
            (3, "A", "cell.digits_lost"),
            (4, "A", "cell.zeros_at_end"),
            (5, "A", "cell.digits_lost"),
        ],
    ),
    (nasty.strangers, [(3, "A", "ref.unknown")]),
    (nasty.formulas, [(3, "E", "cell.formula_failed"), (4, "E", "cell.not_computed")]),
    (
        nasty.faulty,
        [
            (5, "C", "date.impossible"),
            (6, "B", "person.name_differs"),
            (7, "E", "hours.unreadable"),
        ],
    ),
]


def name_of(value: object) -> str | None:
    return getattr(value, "__name__", None)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One school for every command: no two workbooks have a record in common."""
    folder = tmp_path_factory.mktemp("command") / "school"
    make_node(folder, "school", "S1")
    path = folder.with_name("people.csv")
    lines = ["教师编号,姓名", *(",".join(each) for each in nasty.PEOPLE)]
    path.write_text("\n".join(lines), "utf-8")
    assert xueshi(folder, "import", "person", str(path)).status == 0
    return folder


@pytest.fixture
def people(school: Node) -> Node:
    for staff_no, name in nasty.PEOPLE:
        add_person(school, staff_no, name)
    return school


def send(admin: Visitor, path: Path, **fields: str) -> tuple[int, str]:
    upload = (BytesIO(path.read_bytes()), path.name)
    answer = admin.client.post(
        "/files/?lang=zh",
        data={"csrf": admin.token(), "file": upload, "type": "hour", **fields},
        buffered=True,
    )
    return answer.status_code, plain(answer.text)


def hours_of(node: Node) -> list[tuple[Any, ...]]:
    return [
        tuple(row)
        for row in node.query(
            "SELECT staff_no, h.date, h.title, h.minutes FROM hour h"
            " JOIN person p ON p.scope_no = h.scope_no AND p.rec = h.person ORDER BY h.rec"
        )
    ]


@pytest.mark.parametrize(("make", "count"), TAKEN, ids=name_of)
def test_the_command_takes_it_once(
    home: Path, tmp_path: Path, make: nasty.Maker, count: int
) -> None:
    path = str(make(tmp_path))
    first = xueshi(home, "import", "hour", path, "--json")
    assert (first.status, first.data["added"]) == (0, count), first.out + first.err
    again = xueshi(home, "import", "hour", path, "--json")
    assert (again.data["added"], again.data["known"]) == (0, count)


@pytest.mark.parametrize(("make", "code", "cure"), REFUSED, ids=name_of)
def test_the_command_refuses_it_with_the_cure(
    home: Path, tmp_path: Path, make: nasty.Maker, code: str, cure: str
) -> None:
    done = xueshi(home, "import", "hour", str(make(tmp_path)), "--lang", "zh")
    assert (done.status, done.code) == (1, code), done.err
    assert cure in done.err


@pytest.mark.parametrize(("make", "faults"), FAULTY, ids=name_of)
def test_the_command_names_each_bad_cell(
    home: Path, tmp_path: Path, make: nasty.Maker, faults: list[tuple[int, str, str]]
) -> None:
    path = str(make(tmp_path))
    done = xueshi(home, "import", "hour", path, "--json")
    letters = done.data["columns"]
    found = [(f["row_no"], letters[f["field"]][0], f["code"]) for f in done.data["faults"]]
    assert (done.status, found) == (1, faults)
    said = xueshi(home, "import", "hour", path, "--lang", "zh").out
    assert all(f"  {letter}{row} 第 {row} 行 " in said for row, letter, _ in faults), said


@pytest.mark.parametrize(("make", "count"), TAKEN, ids=name_of)
def test_the_page_takes_it_once(
    admin: Visitor, people: Node, tmp_path: Path, make: nasty.Maker, count: int
) -> None:
    path = make(tmp_path)
    status, text = send(admin, path, dry_run="1")
    assert (status, f"检查通过：{count} 行可以导入" in text) == (200, True), text
    assert hours_of(people) == []
    assert f"新增 {count} 条" in send(admin, path)[1]
    assert f"新增 0 条，已有 {count} 条" in send(admin, path)[1]
    assert len(hours_of(people)) == count


@pytest.mark.parametrize(("make", "code", "cure"), REFUSED, ids=name_of)
def test_the_page_refuses_it_with_the_cure(
    admin: Visitor, people: Node, tmp_path: Path, make: nasty.Maker, code: str, cure: str
) -> None:
    path = make(tmp_path)
    status, text = send(admin, path)
    assert (status, cure in text, hours_of(people)) == (422, True, []), (code, text)


@pytest.mark.parametrize(("make", "faults"), FAULTY, ids=name_of)
def test_the_page_names_each_bad_cell(
    admin: Visitor,
    people: Node,
    tmp_path: Path,
    make: nasty.Maker,
    faults: list[tuple[int, str, str]],
) -> None:
    status, text = send(admin, make(tmp_path))
    assert (status, hours_of(people)) == (422, [])
    assert f"有 {len(faults)} 处要改" in text
    assert all(f" {letter}{row} " in text for row, letter, _ in faults), text


def test_every_way_to_write_a_date_is_the_same_day(
    admin: Visitor, people: Node, tmp_path: Path
) -> None:
    for make in (nasty.dates, nasty.dates_1904):
        send(admin, make(tmp_path))
    assert {day for _, day, _, _ in hours_of(people)} == {"2024-09-01"}


def test_hours_are_what_people_mean_by_them(admin: Visitor, people: Node, tmp_path: Path) -> None:
    for make in (nasty.hours_as_text, nasty.merged_rows):
        send(admin, make(tmp_path))
    assert {minutes for *_, minutes in hours_of(people)} == {90}


def test_a_staff_number_keeps_its_zeros(admin: Visitor, people: Node, tmp_path: Path) -> None:
    send(admin, nasty.zeros_in_front(tmp_path))
    assert {staff_no for staff_no, *_ in hours_of(people)} == {"00123"}


def test_a_merged_cell_counts_for_every_row_that_it_spans(
    admin: Visitor, people: Node, tmp_path: Path
) -> None:
    send(admin, nasty.merged_rows(tmp_path))
    expected = [(staff_no, "2026-03-01", "merged_rows", 90) for staff_no, _ in nasty.PEOPLE]
    assert hours_of(people) == expected


def test_a_hidden_sheet_is_not_read(admin: Visitor, people: Node, tmp_path: Path) -> None:
    assert "读的是工作表「三月」" in send(admin, nasty.several_sheets(tmp_path))[1]
    assert {title for _, _, title, _ in hours_of(people)} == {"several_sheets"}


def test_the_sheet_is_chosen_by_name(home: Path, tmp_path: Path) -> None:
    path = str(nasty.months(tmp_path))
    done = xueshi(home, "import", "hour", path, "--sheet", "四月", "--json")
    assert (done.data["added"], done.data["sheet"]) == (3, "四月")
    wrong = xueshi(home, "import", "hour", path, "--sheet", "五月")
    assert (wrong.status, wrong.code) == (1, "import.no_such_sheet")


def test_what_is_no_record_is_left_out_and_named(home: Path, tmp_path: Path) -> None:
    path = str(nasty.totals_and_footers(tmp_path))
    data = xueshi(home, "import", "hour", path, "--dry-run", "--json").data
    assert (data["rows"], data["left_out_count"]) == (3, 7)
    starts = [text for _, text in data["left_out"]]
    assert starts[0] == "小 计"
    assert starts[3:] == [
        "制表人：王登记",
        "注：1.本表一式两份。",
        "2.学校存一份，县里存一份。",
        "学校（盖章）",
    ]


def test_hidden_rows_are_taken_and_said(home: Path, tmp_path: Path) -> None:
    path = str(nasty.hidden_rows(tmp_path))
    done = xueshi(home, "import", "hour", path, "--dry-run", "--json")
    assert (done.data["rows"], done.data["hidden_rows"]) == (3, 1)
    assert "隐藏" in xueshi(home, "import", "hour", path, "--dry-run", "--lang", "zh").out


def test_json_names_the_columns_that_were_not_used(home: Path, tmp_path: Path) -> None:
    path = str(nasty.titled(tmp_path))
    data = json.loads(xueshi(home, "import", "hour", path, "--dry-run", "--json").out)
    assert (data["header_row"], data["not_taken"]) == (5, ["序号"])
