"""Every command through the console script: exit status, purity of --json, errors, help."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.console_run import Run, make_node, xueshi

ROWS = [
    {
        "teacher_id": f"T{number:03d}",
        "teacher_name": f"Teacher {number}",
        "date": "2026-03-01",
        "form": "seminar",
        "category": "ethics",
        "title": f"lesson {number}",
        "hours": 1.25,
        "note": "",
        "recorded_by": "clerk",
    }
    for number in range(1, 6)
]


def write_rows(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@pytest.fixture
def school(tmp_path: Path) -> Path:
    make_node(tmp_path / "school", "school", "S1")
    return tmp_path / "school"


@pytest.fixture
def centre(tmp_path: Path) -> Path:
    make_node(tmp_path / "centre", "centre", "C1")
    return tmp_path / "centre"


@pytest.fixture
def filled(school: Path, tmp_path: Path) -> Path:
    done = xueshi(school, "import", "hour", str(write_rows(tmp_path / "rows.jsonl", ROWS)))
    assert done.status == 0, done.err
    return school


def by_file(source: Path, target: Path, *, to: str | None = None) -> Run:
    """Carry what `source` owes to `target` as a file."""
    bundle = source.parent / f"{source.name}-{target.name}.xueshi"
    packed = xueshi(source, "pack", str(bundle), *(["--to", to] if to else []), "--json")
    assert packed.status == 0, packed.err
    return xueshi(target, "unpack", str(bundle), "--json")


def joined(school: Path, centre: Path) -> None:
    """Enrol the school without a line."""
    invited = xueshi(centre, "invite", "--code", "S1", "--name", "node S1", "--json")
    assert invited.status == 0, invited.err
    assert xueshi(school, "join", invited.data["invitation"]).status == 0
    assert by_file(school, centre).status == 0
    assert by_file(centre, school, to="S1").status == 0


# Help, usage, errors


COMMANDS = [
    "demo",
    "init",
    "invite",
    "join",
    "serve",
    "import",
    "export",
    "sync",
    "pack",
    "unpack",
    "status",
    "conflicts",
    "check",
    "rebuild",
    "backup",
    "restore",
    "site",
    "browse",
    "desktop",
    "bench",
    "doctor",
    "revoke",
]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command_has_an_example(tmp_path: Path, name: str) -> None:
    done = xueshi(tmp_path, name, "--help", XUESHI_LANG="en")
    assert (done.status, done.err) == (0, "")
    assert f"xueshi {name}" in done.out.replace("--home ./centre ", "").replace(
        "--home ./school-new ", ""
    )


def test_help_lists_every_command_in_chinese(tmp_path: Path) -> None:
    done = xueshi(tmp_path, "--help", LANG="C.UTF-8", LC_ALL="", XUESHI_LANG="")
    assert [name for name in COMMANDS if f"  {name} " not in done.out] == []
    assert "\u79bb\u7ebf" in done.out


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(["nonsense"], id="unknown-command"),
        pytest.param(["status", "--nonsense"], id="unknown-option"),
        pytest.param(["init", "--role", "emperor", "--name", "x", "--code", "y"], id="bad-choice"),
        pytest.param(["join"], id="missing-argument"),
        pytest.param(["import", "hour", "no-such-file.csv"], id="missing-file"),
        pytest.param(["export", "hour", "--json"], id="json-needs-a-file"),
        pytest.param(["conflicts", "resolve", "r", "name"], id="no-value-chosen"),
    ],
)
def test_wrong_usage_exits_with_two(tmp_path: Path, args: list[str]) -> None:
    done = xueshi(tmp_path, *args)
    assert (done.status, done.out, done.code) == (2, "", "usage")


@pytest.mark.parametrize("args", [[], ["site"]])
def test_a_missing_command_shows_the_help(tmp_path: Path, args: list[str]) -> None:
    done = xueshi(tmp_path, *args)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("用法：xueshi")


@pytest.mark.parametrize("args", [["status"], ["sync"], ["check"], ["rebuild"], ["export", "hour"]])
def test_a_folder_without_a_node_is_refused(tmp_path: Path, args: list[str]) -> None:
    done = xueshi(tmp_path, *args)
    assert (done.status, done.out, done.code) == (1, "", "client.no_node")


def test_init_refuses_a_folder_that_holds_files(school: Path) -> None:
    done = xueshi(school, "init", "--role", "school", "--name", "x", "--code", "y", "--json")
    assert (done.status, done.out, done.code) == (1, "", "client.home_taken")


def test_a_centre_command_is_refused_at_a_school(school: Path) -> None:
    done = xueshi(school, "invite", "--code", "S2", "--name", "x")
    assert (done.status, done.code) == (1, "client.wrong_role")


def test_a_damaged_invitation_is_refused(school: Path) -> None:
    done = xueshi(school, "join", "XS1-nonsense")
    assert (done.status, done.code) == (1, "ticket.invalid")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_errors_speak_the_language_asked_for(tmp_path: Path, language: str) -> None:
    done = xueshi(tmp_path, "--lang", language, "status")
    assert ("no node" in done.err) == (language == "en")


# --json, --home


def test_json_stands_before_or_after_the_command(school: Path) -> None:
    before, after = xueshi(school, "--json", "status"), xueshi(school, "status", "--json")
    assert before.data["code"] == after.data["code"] == "S1"


def test_home_stands_before_or_after_the_command(school: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    before = xueshi(elsewhere, "--home", str(school), "status", "--json")
    after = xueshi(elsewhere, "status", "--home", str(school), "--json")
    assert before.data["code"] == after.data["code"] == "S1"


def test_init_gives_a_one_time_code(tmp_path: Path) -> None:
    done = make_node(tmp_path / "school", "school", "S1")
    assert done.data["login"] == "admin"
    assert len(done.data["one_time_code"].replace("-", "")) == 16


# Tables


def test_import_adds_once_however_often_it_runs(school: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", ROWS)
    first = xueshi(school, "import", "hour", str(rows), "--json")
    second = xueshi(school, "import", "hour", str(rows), "--json")
    assert (first.data["added"], second.data["added"]) == (5, 0)


def test_a_dry_run_writes_nothing(school: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", ROWS)
    assert xueshi(school, "import", "hour", str(rows), "--dry-run", "--json").status == 0
    assert xueshi(school, "import", "hour", str(rows), "--json").data["added"] == 5


def test_an_import_with_a_bad_row_names_it_and_writes_nothing(school: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", [*ROWS, {**ROWS[0], "hours": 0.3, "title": "bad"}])
    done = xueshi(school, "import", "hour", str(rows), "--json")
    assert (done.status, done.data["added"]) == (1, 0)
    assert [(fault["row_no"], fault["field"]) for fault in done.data["faults"]] == [(6, "hours")]


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.xlsx"])
def test_an_export_is_imported_again_by_another_school(
    filled: Path, tmp_path: Path, name: str
) -> None:
    assert xueshi(filled, "export", "hour", "-o", str(tmp_path / name), "--json").data["rows"] == 5
    other = tmp_path / "other"
    make_node(other, "school", "S2")
    assert xueshi(other, "import", "hour", str(tmp_path / name), "--json").data["added"] == 5


def test_an_export_to_the_screen_speaks_the_fields_of_the_import(filled: Path) -> None:
    done = xueshi(filled, "export", "hour", "--format", "jsonl")
    shown = sorted((json.loads(line) for line in done.out.splitlines()), key=lambda r: r["title"])
    assert [{name: row[name] for name in ROWS[0]} for row in shown] == ROWS


# Carrying by file


def test_a_school_joins_and_delivers_by_file_alone(filled: Path, centre: Path) -> None:
    joined(filled, centre)
    assert xueshi(filled, "status", "--json").data["enrolled"] is True
    done = xueshi(centre, "export", "hour", "--format", "jsonl")
    assert len(done.out.splitlines()) == 5


def test_unpacking_twice_changes_nothing(filled: Path, centre: Path) -> None:
    joined(filled, centre)
    again = by_file(filled, centre)
    before = xueshi(centre, "export", "hour", "--format", "jsonl").out
    assert (again.status, by_file(filled, centre).status) == (0, 0)
    assert xueshi(centre, "export", "hour", "--format", "jsonl").out == before


def test_unpacking_packs_the_receipt_for_the_way_back(
    filled: Path, centre: Path, tmp_path: Path
) -> None:
    joined(filled, centre)
    there, back = str(tmp_path / "there.xueshi"), str(tmp_path / "back.xueshi")
    assert xueshi(filled, "pack", there).status == 0
    assert (
        xueshi(centre, "unpack", there, "--reply", back, "--json").data["reply"]["size_bytes"] > 0
    )
    assert xueshi(filled, "unpack", back).status == 0
    assert xueshi(filled, "status", "--json").data["unsent_ops"] == 0


def test_unpacking_something_else_is_refused(centre: Path, tmp_path: Path) -> None:
    (tmp_path / "photo.xueshi").write_bytes(b"not a bundle" * 100)
    done = xueshi(centre, "unpack", str(tmp_path / "photo.xueshi"))
    assert (done.status, done.out) == (1, "")


def test_a_sync_without_a_line_fails_with_a_network_code(filled: Path, centre: Path) -> None:
    joined(filled, centre)
    done = xueshi(filled, "sync", "--url", "http://127.0.0.1:1", "--deadline", "5", "--json")
    assert (done.status, done.out) == (1, "")
    assert done.code.startswith("network.")


# Care


@pytest.mark.parametrize("args", [["check"], ["check", "--deep"]])
def test_a_sound_node_checks_clean(filled: Path, args: list[str]) -> None:
    assert xueshi(filled, *args, "--json").status == 0


def test_a_rebuild_is_identical(filled: Path) -> None:
    assert xueshi(filled, "rebuild", "--json").data["identical"] is True


def test_a_backup_is_restored_into_an_empty_folder(filled: Path, tmp_path: Path) -> None:
    backup = tmp_path / "school.backup"
    assert xueshi(filled, "backup", str(backup), "--json").data["bytes"] > 0
    restored = tmp_path / "restored"
    assert xueshi(restored, "restore", str(backup), "--json").data["code"] == "S1"
    assert len(xueshi(restored, "export", "hour", "--format", "jsonl").out.splitlines()) == 5


def test_a_restore_over_a_node_keeps_what_was_there_beside_it(filled: Path, tmp_path: Path) -> None:
    backup = tmp_path / "school.backup"
    assert xueshi(filled, "backup", str(backup)).status == 0
    assert xueshi(filled, "restore", str(backup)).status == 0
    assert list((filled / "data").glob("feed-before-*.db"))


def test_the_doctor_says_what_to_do(filled: Path) -> None:
    done = xueshi(filled, "doctor", "--port", "1", "--json")
    found = {each["code"] for each in done.data["findings"]}
    assert {"clock", "database", "port_free", "no_centre"} <= found


def test_no_conflicts_are_said_as_none(filled: Path) -> None:
    assert xueshi(filled, "conflicts", "--json").data == {"conflicts": [], "count": 0}
    assert xueshi(filled, "conflicts", "list", "--json").data["count"] == 0


def test_an_unknown_conflict_is_refused(filled: Path) -> None:
    assert xueshi(filled, "conflicts", "show", "nothing").code == "client.no_such_conflict"


ALONE = """
import importlib, os, sys
import click, flask, msgspec, nacl.bindings, zstandard
from xueshi_client.main import TOPICS
failed = []
for topic in sorted(set(TOPICS.values())):
    pid = os.fork()
    if pid == 0:
        importlib.import_module(f"xueshi_client.commands.{topic}")
        sys.stdout.flush()
        os._exit(0)
    if os.waitpid(pid, 0)[1]:
        failed.append(topic)
sys.exit(" ".join(failed) or 0)
"""


def test_every_topic_is_loaded_without_the_others() -> None:
    """As a command does; the tests above fork a process that has loaded all."""
    done = subprocess.run(
        [sys.executable, "-c", ALONE], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
