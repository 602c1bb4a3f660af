"""People in tables: places in the roster, rare names both ways, former numbers, namesakes."""

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.server.conftest import County
from tests.server.nodes import add_hour
from xueshi_server.exporting import export_rows
from xueshi_server.importing import import_rows
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

LONG = "穆罕默德·阿卜杜热西提·吐尔逊江·买合木提"
RARE = ["𠮷明远", "龙䶮", "李㛃", "甲𪚥", LONG]


def write_table(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def add(node: Node, **fields: object) -> RecordKey:
    with node.write(actor="admin") as action:
        return action.insert("person", {"active": True, **fields})


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_rare_names_come_back_as_they_went(
    school: Node, county: County, tmp_path: Path, kind: str
) -> None:
    for place, name in enumerate(RARE):
        add(school, staff_no=f"T{place}", name=name, roster_no=place + 1)
    path = tmp_path / f"people.{kind}"
    with path.open("wb") as file:
        export_rows(school, "person", file, format=kind)
    other = county.world.make("school", "Other School", "S2")
    assert import_rows(other, "person", path).added == len(RARE)
    rows = other.query("SELECT name, roster_no FROM person ORDER BY roster_no")
    assert [tuple(row) for row in rows] == [(name, n) for n, name in enumerate(RARE, start=1)]


def test_a_name_is_written_one_way_and_its_place_read(school: Node, tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["序号", "教师编号", "姓名"],
        [1, "T1", "阿依古丽・买买提"],
        ["2、", "T2", "王  芳"],
        ["", "T3", "丁一"],
    ]
    assert import_rows(school, "person", write_table(tmp_path / "a.csv", rows)).added == 3
    found = school.query("SELECT name, roster_no FROM person ORDER BY staff_no")
    assert [tuple(row) for row in found] == [("阿依古丽·买买提", 1), ("王芳", None), ("丁一", None)]


def test_another_dot_in_a_name_is_no_other_person(school: Node, tmp_path: Path) -> None:
    add(school, staff_no="T1", name="阿依古丽·买买提")
    rows = [["教师编号", "姓名", "日期", "内容", "学时"]]
    rows.append(["T1", "阿依古丽•买买提", "2026-03-01", "校本研修", "2"])
    report = import_rows(school, "hour", write_table(tmp_path / "h.csv", rows))
    assert (report.faults, report.added, report.new_people) == ((), 1, ())


def test_a_former_number_still_means_the_person(school: Node, tmp_path: Path) -> None:
    person = add(school, staff_no="5101001", former_no="T-S1-ABCDE-1", name="丁一")
    people = write_table(tmp_path / "p.csv", [["教师编号", "姓名"], ["T-S1-ABCDE-1", "丁一"]])
    assert import_rows(school, "person", people).added == 0
    head = ["教师编号", "姓名", "日期", "内容", "学时"]
    line = ["T-S1-ABCDE-1", "丁一", "2026-03-01", "校本研修", "2"]
    report = import_rows(school, "hour", write_table(tmp_path / "h.csv", [head, line]))
    assert (report.added, report.new_people) == (1, ())
    assert [row["person"] for row in school.query("SELECT person FROM hour")] == [person.rec]


def test_a_table_that_came_under_the_temporary_number_adds_nothing_under_the_new_one(
    school: Node, tmp_path: Path
) -> None:
    person = add(school, staff_no="T-S1-ABCDE-1", name="丁一")
    rows = [["教师编号", "姓名", "日期", "内容", "学时"]]
    rows.append(["T-S1-ABCDE-1", "丁一", "2026-03-01", "校本研修", "2"])
    path = write_table(tmp_path / "h.csv", rows)
    assert import_rows(school, "hour", path).added == 1
    with school.write(actor="admin") as action:
        action.set("person", person, {"staff_no": "5101001", "former_no": "T-S1-ABCDE-1"})
    assert import_rows(school, "hour", path).added == 0


def test_a_name_of_several_people_is_refused_with_all_of_them(school: Node, tmp_path: Path) -> None:
    first = add(school, staff_no="5101002", name="王芳", born_on="1985-03-12")
    add(school, staff_no="5101004", name="王芳")
    add_hour(school, first)
    rows = [["姓名", "日期", "内容", "学时"], ["王芳", "2026-03-01", "校本研修", "2"]]
    report = import_rows(school, "hour", write_table(tmp_path / "h.csv", rows))
    assert [fault.code for fault in report.faults] == ["person.several"]
    assert report.faults[0].details["known"] == "5101002 (1985-03), 5101004 (?)"
