"""The import page in a real browser, at desktop and phone width; and an import that is cut short.

`XUESHI_SCREENSHOTS=folder` keeps a picture of each page for a person to look at.
"""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.client.console_run import command, environment, make_node, xueshi
from tests.e2e.browser import open_browser, take_picture
from tests.server import nasty
from tests.server.conftest import school, world  # noqa: F401
from tests.server.nodes import add_person
from tests.server.test_browser import is_wider_than_the_window, serve_pages
from xueshi_server.web.security import SESSION_COOKIE
from xueshi_sync.node import Node

if TYPE_CHECKING:
    from playwright.sync_api import Page

WIDTHS: Final = pytest.mark.parametrize("width", [1280, 390])
# Long enough to be seen while it runs.
MANY: Final = 10_000


def many_rows(folder: Path) -> Path:
    """A school year of a cluster: people, days and titles repeat."""
    with nasty.Book(folder / "many.xlsx") as made:
        made.sheet.merge_range(0, 0, 0, 4, "学年度培训学时汇总表")
        made.row = 2
        made.add(nasty.HEAD)
        for number in range(MANY):
            staff_no, name = nasty.PEOPLE[number % 3]
            day = f"2025-{number % 9 + 1:02}-{number % 28 + 1:02}"
            made.add([staff_no, name, day, f"第{number}次教研", 1.5])
    return folder / "many.xlsx"


def open_page(page: "Page", url: str, cookie: str, width: int, language: str = "zh") -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.context.add_cookies([{"name": SESSION_COOKIE, "value": cookie, "url": url}])
    page.goto(f"{url}files/?lang={language}")


def check(page: "Page", path: Path) -> None:
    page.select_option("#f-type", "hour")
    page.set_input_files("#f-file", path)
    page.click("button[name=dry_run]")
    page.wait_for_selector(".note")


def look_at(page: "Page", name: str) -> None:
    """Keep a picture; the page must not be wider than the window."""
    assert not is_wider_than_the_window(page), name
    take_picture(page, f"import-{name}")


@pytest.fixture
def people(school: Node) -> Node:  # noqa: F811
    for staff_no, name in nasty.PEOPLE:
        add_person(school, staff_no, name)
    return school


@pytest.mark.browser
@WIDTHS
def test_a_file_is_looked_at_and_then_imported(people: Node, tmp_path: Path, width: int) -> None:
    with serve_pages(people) as (url, cookie), open_browser() as page:
        open_page(page, url, cookie, width)
        look_at(page, f"start-{width}")
        check(page, nasty.totals_and_footers(tmp_path))
        assert page.locator(".preview tr.is-new").count() == 3
        assert "合计" in page.inner_text(".notes")
        look_at(page, f"checked-{width}")
        assert people.query("SELECT count(*) AS n FROM hour")[0]["n"] == 0
        page.click(".confirm button")
        page.wait_for_selector("text=新增 3 条")
        look_at(page, f"imported-{width}")
        check(page, nasty.totals_and_footers(tmp_path))
        assert page.locator(".preview tr.is-known").count() == 3
        assert page.locator(".confirm").count() == 0
    assert people.query("SELECT count(*) AS n FROM hour")[0]["n"] == 3


@pytest.mark.browser
@WIDTHS
def test_bad_cells_stand_out_in_their_rows(people: Node, tmp_path: Path, width: int) -> None:
    with serve_pages(people) as (url, cookie), open_browser() as page:
        open_page(page, url, cookie, width)
        check(page, nasty.faulty(tmp_path))
        cells = page.locator(".preview td.wrong")
        assert cells.count() == 3
        assert "2026-02-30" in cells.first.inner_text()
        assert "C5" in page.inner_text("table.faults")
        look_at(page, f"faulty-{width}")
        page.click(".preview .tabs a >> nth=0")
        assert page.locator(".preview tr.is-new").count() == 3
        look_at(page, f"faulty-all-{width}")
    assert people.query("SELECT * FROM hour") == []


@pytest.mark.browser
def test_a_bad_file_is_worded_in_english_too(people: Node, tmp_path: Path) -> None:
    with serve_pages(people) as (url, cookie), open_browser() as page:
        open_page(page, url, cookie, 1280, "en")
        check(page, nasty.destroyed_ids(tmp_path))
        assert "set the column to the format Text" in page.inner_text("table.faults")
        look_at(page, "destroyed-en-1280")
        check(page, nasty.protected(tmp_path))
        assert "take the password off" in page.inner_text(".note.bad")
        look_at(page, "protected-en-1280")


@pytest.mark.browser
@WIDTHS
def test_one_of_several_sheets_is_chosen(people: Node, tmp_path: Path, width: int) -> None:
    with serve_pages(people) as (url, cookie), open_browser() as page:
        open_page(page, url, cookie, width)
        check(page, nasty.months(tmp_path))
        look_at(page, f"sheets-{width}")
        page.click("button[value=四月]")
        page.wait_for_selector(".preview")
        assert page.locator(".preview tr.is-new").count() == 3
        assert "months 四月" in page.inner_text(".preview")


@pytest.mark.browser
@WIDTHS
def test_a_large_file_says_how_far_it_is_and_is_paged(
    people: Node, tmp_path: Path, width: int
) -> None:
    path = many_rows(tmp_path)
    with serve_pages(people) as (url, cookie), open_browser() as page:
        open_page(page, url, cookie, width)
        page.select_option("#f-type", "hour")
        page.set_input_files("#f-file", path)
        page.click("button[name=dry_run]")
        page.wait_for_selector("progress")
        look_at(page, f"running-{width}")
        page.wait_for_selector(".preview", timeout=60_000)
        assert page.locator(".preview tbody tr").count() == 50
        assert len(page.content()) < 100_000
        page.click(".pager a[rel=next]")
        assert "第 2 页，共 200 页" in page.inner_text(".pager")
        look_at(page, f"paged-{width}")
        page.click(".confirm button")
        page.wait_for_selector("text=新增 10000 条", timeout=60_000)
    assert people.query("SELECT count(*) AS n FROM hour")[0]["n"] == MANY


@pytest.mark.process
@pytest.mark.parametrize("wait_s", [0.4, 1.2, 2.0, 3.0])
def test_an_import_that_is_killed_leaves_all_of_it_or_nothing(
    tmp_path: Path, wait_s: float
) -> None:
    home, path = tmp_path / "school", many_rows(tmp_path)
    make_node(home, "school", "S1")
    line = [*command(), "import", "hour", str(path)]
    with subprocess.Popen(line, env=environment(home), stdout=subprocess.DEVNULL) as running:
        time.sleep(wait_s)
        os.kill(running.pid, signal.SIGKILL)
    left = xueshi(
        home, "export", "hour", "--format", "jsonl", "-o", str(tmp_path / "a.jsonl"), "--json"
    )
    assert left.data["rows"] in (0, MANY)
    people_left = xueshi(home, "export", "person", "-o", str(tmp_path / "p.csv"), "--json").data[
        "rows"
    ]
    assert people_left == (3 if left.data["rows"] else 0)
    again = xueshi(home, "import", "hour", str(path), "--json")
    assert (again.status, again.data["added"]) == (0, MANY - left.data["rows"])
    assert xueshi(home, "check", "--json").status == 0
