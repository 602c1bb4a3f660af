"""Tables of any declared type: in by label, id or synonym, all or nothing; out and back again."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.every_type import fill_county
from tests.server.nodes import add_person
from tests.server.walks.shipped_county import County, make_county
from xueshi_server.errors import MissingHeaderError, NoScopeError, UnknownTypeError
from xueshi_server.exporting import export_rows
from xueshi_server.importing import ImportReport, import_rows
from xueshi_server.store.records import BESIDE
from xueshi_sync.node import Node


@pytest.fixture
def county(tmp_path: Path) -> Iterator[County]:
    with make_county(tmp_path, "jiyuan") as found:
        yield found


@pytest.fixture
def school(county: County) -> Node:
    add_person(county.school, "T1", "卢建设")
    return county.school


def take(node: Node, folder: Path, text: str, of: str = "ethics", **more: Any) -> ImportReport:
    path = folder / "table.csv"
    path.write_text(text, "utf-8")
    return import_rows(node, of, path, **more)


def rows_of(node: Node, of: str) -> list[tuple[Any, ...]]:
    fields = ", ".join(f'"{each.name}"' for each in node.schema.by_name[of].fields)
    return [tuple(row) for row in node.query(f'SELECT {fields} FROM "{of}" ORDER BY rec')]


@pytest.mark.parametrize(
    "head",
    [
        pytest.param("教师,日期,等次,考核人", id="labels"),
        pytest.param("person,date,grade,assessor", id="ids"),
        pytest.param("工号,Assessed on,Grade,Assessed by", id="english-and-synonym"),
    ],
)
def test_columns_are_found_by_label_id_or_synonym(
    school: Node, tmp_path: Path, county: County, head: str
) -> None:
    names = {each.id: each.label.zh for each in county.pack.types["ethics"].field}
    head = head.replace("日期", names["date"]).replace("等次", names["grade"])
    head = head.replace("考核人", names["assessor"])
    report = take(school, tmp_path, f"{head}\nT1,2026-02-01,合格,师德考核小组\n")
    assert (report.refused, report.added) == (False, 1), report.faults
    (row,) = school.query("SELECT * FROM ethics")
    assert (row["date"], row["assessor"]) == ("2026-02-01", "师德考核小组")


def test_the_same_file_twice_adds_nothing(school: Node, tmp_path: Path) -> None:
    text = "person,date,grade\nT1,2026-02-01,合格\nT1,2026-02-01,合格\n"
    reports = [take(school, tmp_path, text) for _ in range(2)]
    assert [(each.added, each.known) for each in reports] == [(2, 0), (0, 2)]


def test_a_dry_run_writes_nothing(school: Node, tmp_path: Path) -> None:
    report = take(school, tmp_path, "person,date,grade\nT1,2026-02-01,合格\n", dry_run=True)
    assert (report.rows, report.added, rows_of(school, "ethics")) == (1, 0, [])


def test_one_bad_row_keeps_all_out_and_is_named(school: Node, tmp_path: Path) -> None:
    text = "person,date,grade\nT1,2026-02-01,合格\nT9,soon,superb\n"
    report = take(school, tmp_path, text)
    assert rows_of(school, "ethics") == []
    assert [(each.row_no, each.field, each.code) for each in report.faults] == [
        (3, "person", "ref.unknown"),
        (3, "date", "date.unreadable"),
        (3, "grade", "value.not_a_code"),
    ]


def test_people_are_found_by_name_where_only_one_has_it(school: Node, tmp_path: Path) -> None:
    add_person(school, "T2", "范晓琳")
    add_person(school, "T3", "范晓琳")
    report = take(school, tmp_path, "person,date,grade\n卢建设,2026-02-01,合格\n", dry_run=True)
    assert not report.refused
    report = take(school, tmp_path, "person,date,grade\n范晓琳,2026-02-01,合格\n", dry_run=True)
    assert [each.code for each in report.faults] == ["person.several"]


def test_a_missing_column_is_named(school: Node, tmp_path: Path) -> None:
    with pytest.raises(MissingHeaderError):
        take(school, tmp_path, "person,grade\nT1,合格\n")


def test_types_that_the_pack_does_not_have_are_refused(school: Node, tmp_path: Path) -> None:
    for of in ("nonsense", "step", "attachment", "pack_file"):
        with pytest.raises(UnknownTypeError):
            take(school, tmp_path, "a\n1\n", of)


def test_a_school_does_not_import_what_only_the_centre_writes(school: Node, tmp_path: Path) -> None:
    with pytest.raises(NoScopeError):
        take(school, tmp_path, "number\n1\n", "title")


@pytest.mark.parametrize("language", ["", "zh", "en"])
@pytest.mark.parametrize("kind", ["xlsx", "csv", "jsonl"])
def test_what_leaves_comes_back_without_a_change(
    county: County, tmp_path: Path, kind: str, language: str
) -> None:
    fill_county(county)
    node = county.at_centre()
    for of, declared in county.pack.types.items():
        if of in (*BESIDE, "hour", "person") or "centre" not in declared.writers:
            continue
        output, before = io.BytesIO(), rows_of(node, of)
        assert export_rows(node, of, output, format=kind, language=language) == 3
        path = tmp_path / f"table.{kind}"
        path.write_bytes(output.getvalue())
        report = import_rows(node, of, path)
        assert (report.faults, report.added, report.known) == ((), 0, 3), of
        assert rows_of(node, of) == before


def test_the_centre_says_the_school_in_a_column(county: County, tmp_path: Path) -> None:
    add_person(county.school, "T1", "卢建设")
    county.world.carry(county.school, county.centre, to=None)
    fields = {each.id: each for each in county.pack.types["title"].field}
    assert fields["person"].required
    head = "school_code,number,person,title,level,stage,subject,granted_on"
    text = f"{head}\nS1,G1,T1,backbone,county,primary,chinese,2026-01-01\n"
    assert take(county.centre, tmp_path, text, "title").added == 1
    bad = text.replace("S1,G1", "S9,G2")
    faults = take(county.centre, tmp_path, bad, "title").faults
    assert [(each.row_no, each.field) for each in faults] == [(2, "school_code")]
