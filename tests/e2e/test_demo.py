"""The demo as it is run by whoever meets this program first."""

import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.client.console_run import Run, command, environment, xueshi
from tests.e2e.browser import open_browser, take_picture

pytestmark = pytest.mark.process

SCHOOLS = 3


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """`xueshi demo --once --json`, once for all tests of its figures."""
    return xueshi(tmp_path_factory.mktemp("demo"), "demo", "--once", "--json")


def test_the_demo_ends_well_and_prints_one_object(told: Run) -> None:
    assert (told.status, told.err) == (0, "")
    assert told.out.count("\n") == 1


def test_every_school_delivers_what_it_entered(told: Run) -> None:
    entered = sum(each["imported"] + each["typed"] for each in told.data["entered"])
    assert told.data["records_at_centre"] == entered > 1_000


def test_two_schools_come_by_line_and_one_by_file(told: Run) -> None:
    assert [each["carrier"] for each in told.data["costs"]] == ["http", "http", "file"]


def test_a_first_delivery_is_one_request_of_few_bytes_a_record(told: Run) -> None:
    for each in told.data["costs"][:2]:
        assert each["requests"] == 1
        assert (each["bytes_up"] + each["bytes_down"]) / each["records"] < 25


def test_nothing_new_is_one_small_request(told: Run) -> None:
    idle = told.data["idle"]
    assert idle["requests"] == 1
    assert idle["bytes"] <= 1_000


def test_edits_of_different_fields_are_both_kept(told: Run) -> None:
    assert told.data["edits"]["merged"] == {"name": "王秀英", "staff_no": "T-2026-001"}


def test_edits_of_the_same_field_show_one_and_keep_the_other(told: Run) -> None:
    conflict = told.data["edits"]["conflict"]
    assert {conflict["shown"], *conflict["others"]} == {"刘建国", "刘建华"}


def test_the_review_came_back_to_the_school(told: Run) -> None:
    review = told.data["review"]
    assert (review["approved"], review["rejected"]) == (11, 1)
    assert review["credited_minutes"] > 0


def test_tables_are_equal_on_both_sides(told: Run) -> None:
    assert told.data["tables_equal"] >= 2 * SCHOOLS


@dataclass(frozen=True)
class Shown:
    """A demo that stays open, and what it printed up to its last line."""

    text: str
    folder: Path
    process: "subprocess.Popen[str]"

    def address(self, number: int) -> str:
        """The first, second or third address."""
        found = re.findall(r"http://127\.0\.0\.1:\d+\S*", self.text)
        return str(found[number])


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    folder = tmp_path_factory.mktemp("shown")
    process = subprocess.Popen(
        [*command(), "demo"],
        env=environment(folder / "home", TMPDIR=str(folder), XUESHI_LANG="zh"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            break
    yield Shown("".join(lines), folder, process)
    # Politely, also where another worker runs the test of Ctrl-C: Datasette ends with the demo.
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)


def test_the_demo_is_told_in_five_steps(shown: Shown) -> None:
    assert re.findall(r"^(\d)  ", shown.text, re.MULTILINE) == ["1", "2", "3", "4", "5"]


@pytest.mark.browser
def test_the_nodes_page_opens_and_logs_in(shown: Shown) -> None:
    code = re.findall(r"([a-z0-9]{4}(?:-[a-z0-9]{4}){3})", shown.text)[0]
    with open_browser() as page:
        page.goto(shown.address(0))
        take_picture(page, "demo-login")
        page.fill("input[name=login]", "admin")
        page.fill("input[name=secret]", code)
        page.click("form.card button")
        page.fill("input[name=password]", "a long enough pass phrase")
        page.fill("input[name=again]", "a long enough pass phrase")
        page.click("form.card button")
        page.goto(shown.address(0))
        take_picture(page, "demo-node")
        assert "云岭县" in page.content()


@pytest.mark.browser
def test_the_training_site_opens(shown: Shown) -> None:
    with open_browser() as page:
        answer = page.goto(shown.address(1))
        assert answer is not None
        assert answer.status == 200
        take_picture(page, "demo-site")
        assert page.locator("html").get_attribute("lang") == "zh"


@pytest.mark.browser
def test_the_training_site_shows_the_countys_totals(shown: Shown) -> None:
    with open_browser() as page:
        page.goto(shown.address(1) + "zh/records.html")
        take_picture(page, "demo-records")
        text = page.inner_text("main")
        assert "石板村小学" in text
        assert "1,141" in text


@pytest.mark.browser
def test_datasette_opens_with_chinese_titles(shown: Shown) -> None:
    with open_browser() as page:
        answer = page.goto(shown.address(2))
        assert answer is not None
        assert answer.status == 200
        take_picture(page, "demo-browse")
        assert "学时" in page.content()


def test_ctrl_c_ends_the_demo_and_removes_its_folder(shown: Shown) -> None:
    shown.process.send_signal(signal.SIGINT)
    _, err = shown.process.communicate(timeout=60)
    assert (shown.process.returncode, err) == (0, "")
    assert list(shown.folder.glob("xueshi-demo-*")) == []
