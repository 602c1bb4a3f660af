"""`xueshi print`: a PDF of one or of everybody, never half a file, and a paper that is checked."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.client.console_run import TIMEOUT_S, command
from tests.client.test_rules import Console
from xueshi_server.store.prints import Prints

FORM = "personal_statement"


@pytest.fixture
def school(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Console:
    """A school with two teachers and an hour of one."""
    monkeypatch.setenv("XUESHI_STATE_DIR", str(tmp_path / "state"))
    console = Console(tmp_path)
    console.ok("school", "init", "--role", "school", "--name", "中心小学", "--code", "S1")
    _import(console, "person", "staff_no,name\nT1,张晓琳\nT2,龚𬭎\n")
    _import(console, "hour", "person,date,title,minutes\nT1,2025-10-01,集体备课,90\n")
    return console


def _import(console: Console, of: str, table: str) -> None:
    path = console.folder / f"{of}.csv"
    path.write_text(table, "utf-8")
    console.ok("school", "import", of, str(path))


def test_everybody_is_printed_into_one_file(school: Console) -> None:
    found = school.ok("school", "print", FORM, "--out", "all.pdf", "--as-of", "2026-03-02")
    assert (found["sheets"], found["as_of"]) == (2, "2026-03-02")
    data = (school.folder / "all.pdf").read_bytes()
    assert data.startswith(b"%PDF")
    assert len(data) == found["bytes"]


def test_what_the_console_prints_waits_for_its_stamped_pages(school: Console) -> None:
    school.ok("school", "print", FORM, "--out", "all.pdf", "--as-of", "2026-03-02")
    awaited = Prints(school.folder / "school").list_awaited()
    assert [(each.about, each.as_of.isoformat()) for each in awaited] == [
        ("张晓琳", "2026-03-02"),
        ("龚𬭎", "2026-03-02"),
    ]


def test_those_named_are_printed(school: Console) -> None:
    found = school.ok("school", "print", FORM, "--subject", "T1", "--out", "one.pdf")
    assert found["sheets"] == 1


def test_a_paper_holds_until_a_record_changes(school: Console) -> None:
    check = ("print", FORM, "--subject", "T1", "--as-of", "2026-03-02", "--check")
    status, _, _ = school.run("school", *check, "0000 0000")
    assert status == 1
    status, out, _ = school.run("school", *check, "0", "--json")
    digest = json.loads(out)["digest"]
    assert school.ok("school", *check, f"{digest[:4]} {digest[4:]}")["holds"] is True
    _import(school, "hour", "person,date,title,minutes\nT1,2025-11-01,听评课,90\n")
    status, out, _ = school.run("school", *check, digest)
    assert status == 1
    assert "no longer says" in out


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        pytest.param(("nothing", "--out", "a.pdf"), "there is no form", id="form"),
        pytest.param((FORM,), "--out", id="neither"),
        pytest.param((FORM, "--out", "a.pdf", "--check", "1"), "--out", id="both"),
        pytest.param((FORM, "--check", "1"), "one --subject", id="whose"),
        pytest.param(
            (FORM, "--subject", "T1", "--subject", "T2", "--check", "1"), "one --subject", id="two"
        ),
    ],
)
def test_a_wrong_use_is_said_and_nothing_is_written(
    school: Console, argv: tuple[str, ...], said: str
) -> None:
    status, _, err = school.run("school", "print", *argv)
    assert status == 2
    assert said in err
    assert not (school.folder / "a.pdf").exists()


def test_nobody_of_that_name_is_refused(school: Console) -> None:
    status, _, err = school.run("school", "print", FORM, "--subject", "X", "--out", "a.pdf")
    assert status == 1
    assert "server.no_such_record" in err
    assert not (school.folder / "a.pdf").exists()


@pytest.mark.process
def test_a_killed_print_leaves_the_old_file_whole(school: Console) -> None:
    rows = "".join(f"P{at},教师{at}\n" for at in range(300))
    _import(school, "person", f"staff_no,name\n{rows}")
    target = school.folder / "all.pdf"
    target.write_bytes(b"the file of yesterday")
    argv = [
        *command(),
        "--home",
        str(school.folder / "school"),
        "print",
        FORM,
        "--out",
        str(target),
    ]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2)
        process.kill()
        process.wait(TIMEOUT_S)
    assert target.read_bytes() == b"the file of yesterday"
    school.ok("school", "print", FORM, "--subject", "T1", "--out", str(target))
    assert target.read_bytes().startswith(b"%PDF")
