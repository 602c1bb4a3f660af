"""A checked file is imported as it was checked, by whoever sent it, once; and equal records."""

import threading
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.server import nasty
from tests.server.nodes import add_hour, add_person
from tests.server.pages import Visitor, make_visitor, plain
from xueshi_server.importing import import_rows
from xueshi_server.sheet_forms import export_sheet
from xueshi_server.web import import_jobs
from xueshi_server.web.work import end_work
from xueshi_sync.node import Node

TABLE = "教师编号,姓名,日期,内容,学时\nT1,Li Ming,2026-03-01,Reading,1.5\n"


def upload(visitor: Visitor, text: str = TABLE, name: str = "a.csv", **more: str) -> Any:
    file = (BytesIO(text.encode()), name)
    return visitor.post("/files/", file=file, type="hour", follow="1", **more)


def job_of(answer: Any) -> str:
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"]).partition("job=")[2]


def count(node: Node) -> int:
    return int(node.query("SELECT count(*) AS n FROM hour")[0]["n"])


def test_what_was_checked_is_imported_without_choosing_it_again(
    admin: Visitor, school: Node
) -> None:
    job = job_of(upload(admin, dry_run="1"))
    assert "Import these 1" in admin.text("/files/", job=job)
    assert count(school) == 0
    for _ in range(2):
        assert job_of(admin.post("/files/", job=job, follow="1")) == job
        assert "Imported: 1 new" in admin.text("/files/", job=job)
    assert count(school) == 1


def test_nothing_of_an_imported_file_is_kept(admin: Visitor, school: Node) -> None:
    job = job_of(upload(admin, dry_run="1"))
    admin.post("/files/", job=job)
    assert list((school.home / "imports").iterdir()) == []


def test_a_file_that_somebody_else_checked_is_not_shown(admin: Visitor, app: Flask) -> None:
    job = job_of(upload(admin, dry_run="1"))
    other = make_visitor(app, "registrar")
    assert (
        other.get("/files/", job=job).status_code,
        "Li Ming" in other.get("/files/", job=job).text,
    ) == (422, False)
    assert other.post("/files/", job=job).status_code == 422


def test_only_the_last_files_are_kept(
    admin: Visitor, school: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_jobs, "_JOBS_MAX", 2)
    first = job_of(upload(admin, dry_run="1"))
    for number in range(3):
        admin.text(
            "/files/", job=job_of(upload(admin, TABLE + f"T{number + 2},W,2026-03-01,x,1\n"))
        )
    assert "no longer here" in plain(admin.get("/files/", job=first).text)
    assert len(list((school.home / "imports").glob("*.csv"))) <= 2


def test_markup_in_a_file_and_its_name_is_shown_and_never_run(admin: Visitor) -> None:
    evil = "<script>alert(1)</script>"
    text = TABLE.replace("Reading", evil).replace("1.5", evil).replace("内容", "内容,<b>x</b>")
    job = job_of(upload(admin, text.replace("Reading", evil), f"{evil}.csv", dry_run="1"))
    page = admin.get("/files/", job=job).text
    assert "<script>alert" not in page
    assert "<b>x</b>" not in page
    assert "&lt;script&gt;" in page


def test_a_form_that_is_exported_grown_and_imported_adds_what_was_added(
    school: Node, tmp_path: Path
) -> None:
    person = add_person(school, "00123", "卢建设")
    add_hour(school, person, title="一", minutes=90)
    add_hour(school, person, title="一", minutes=90)
    path = tmp_path / "grown.xlsx"
    with nasty.Book(path) as made:
        made.add(nasty.HEAD)
        for title in ("一", "一", "一", "二"):
            made.add(["00123", "卢建设", "2026-03-01", title, 1.5])
    assert import_rows(school, "hour", path, dry_run=True).would_add == 2
    report = import_rows(school, "hour", path, actor="admin")
    assert (report.added, report.known, report.twins) == (2, 2, 2)
    assert import_rows(school, "hour", path, actor="admin").added == 0


def test_an_exported_form_comes_back_without_a_second_record(school: Node, tmp_path: Path) -> None:
    add_hour(school, add_person(school, "T1", "Li Ming"))
    path = tmp_path / "form.xlsx"
    with path.open("wb") as output:
        export_sheet(school, "hour", output)
    report = import_rows(school, "hour", path, actor="admin")
    assert (report.faults, report.added, report.known) == ((), 0, 1)


def test_a_row_is_not_lost_to_a_record_that_says_more(school: Node, tmp_path: Path) -> None:
    add_person(school, "T1", "Li Ming")
    head = "教师编号,日期,内容,学时,备注\n"
    rows = ["T1,2026-03-01,Reading,1.5,\n", "T1,2026-03-01,Reading,1.5,online\n"]
    path = tmp_path / "a.csv"
    for text in (rows[1], rows[0] + rows[1]):
        path.write_text(head + text, "utf-8")
        assert import_rows(school, "hour", path, actor="admin").added == 1


def test_a_record_that_says_something_else_is_another_one(school: Node, tmp_path: Path) -> None:
    add_hour(school, add_person(school, "T1", "Li Ming"), note="at noon")
    path = tmp_path / "a.csv"
    path.write_text(
        "教师编号,日期,题目,学时,备注\nT1,2026-03-01,Reading,1.5,in the evening\n", "utf-8"
    )
    assert import_rows(school, "hour", path, actor="admin").added == 1


def test_an_import_ends_before_the_node_is_closed(
    app: Flask, admin: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    def import_for_ever(*_: Any, progress: Any, **__: Any) -> None:
        while True:
            begun.set()
            progress(1, None)
            time.sleep(0.01)

    monkeypatch.setattr(import_jobs, "import_rows", import_for_ever)
    upload(admin, dry_run="1")
    assert begun.wait(10)
    end_work(app)
    assert "import" not in [each.name for each in threading.enumerate()]
