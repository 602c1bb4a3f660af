"""Wrong uses of the command line: what is wrong is said in words, and nothing is written."""

from pathlib import Path

import pytest

from tests.client.console_run import make_node, xueshi

HEADER = "teacher_id,teacher_name,date,form,category,title,hours,note,recorded_by\n"


@pytest.fixture
def school(tmp_path: Path) -> Path:
    make_node(tmp_path / "school", "school", "S1")
    return tmp_path / "school"


@pytest.fixture
def centre(tmp_path: Path) -> Path:
    make_node(tmp_path / "centre", "centre", "C")
    return tmp_path / "centre"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        pytest.param(["init", "--role", "boss"], "--role：只能是", id="choice"),
        pytest.param(["init", "--role", "school"], "缺少 --name", id="missing-option"),
        pytest.param(["import", "hour", "nix.csv"], "没有这个文件", id="missing-file"),
        pytest.param(["serve", "--port", "70000"], "0 到 65535", id="port-out-of-range"),
        pytest.param(["serve", "--port", "x"], "0 到 65535", id="port-no-number"),
        pytest.param(["sync", "--url", "nix"], "http://", id="no-address"),
        pytest.param(["sync", "--url"], "--url 后面", id="option-without-value"),
        pytest.param(["frob"], "没有 frob", id="no-such-command"),
        pytest.param(["--frob"], "没有 --frob", id="no-such-option"),
        pytest.param(["status", "--hom", "x"], "--home", id="nearly-an-option"),
        pytest.param(["check", "extra"], "extra", id="too-much"),
        pytest.param(["rules", "--as-of", "2026-13-01"], "2026-03-01", id="no-date"),
    ],
)
def test_a_wrong_use_is_said_in_the_words_of_the_reader(
    tmp_path: Path, args: list[str], said: str
) -> None:
    done = xueshi(tmp_path / "none", *args, XUESHI_LANG="zh")
    assert done.status == 2
    assert said in done.err


def test_help_speaks_the_language_named_after_it(tmp_path: Path) -> None:
    assert "Usage: " in xueshi(tmp_path, "init", "--help", "--lang", "en").out
    assert "Show this message" not in xueshi(tmp_path, "init", "--help", "--lang", "zh").out


@pytest.mark.parametrize(
    ("name", "code"),
    [
        pytest.param("", "A", id="no-name"),
        pytest.param("A\nB", "A", id="name-of-two-lines"),
        pytest.param("N" * 61, "A", id="long-name"),
        pytest.param("A", "", id="no-code"),
        pytest.param("A", "a b", id="code-with-a-blank"),
    ],
)
def test_a_node_needs_a_name_and_a_code(tmp_path: Path, name: str, code: str) -> None:
    home = tmp_path / "new"
    done = xueshi(home, "init", "--role", "school", "--name", name, "--code", code)
    assert done.status == 2
    assert not home.exists()


def test_a_bad_row_is_said_with_its_column_and_value(school: Path, tmp_path: Path) -> None:
    rows = tmp_path / "bad.csv"
    rows.write_text(HEADER + "T1,王小红,2026-02-30,集中培训,学科教学,备课,2,,甲\n", "utf-8")
    done = xueshi(school, "import", "hour", str(rows), XUESHI_LANG="zh")
    assert done.status == 1
    assert "第 2 行 日期 (date)：「2026-02-30」" in done.out


@pytest.mark.parametrize("command", ["backup", "pack"])
def test_the_files_of_the_node_are_not_written_over(school: Path, command: str) -> None:
    log = school / "data" / "feed.db"
    before = log.read_bytes()
    assert xueshi(school, command, str(log)).status == 2
    assert log.read_bytes() == before


def test_an_export_to_an_unknown_kind_of_file_asks_for_the_format(
    school: Path, tmp_path: Path
) -> None:
    target = tmp_path / "hours.pdf"
    assert xueshi(school, "export", "hour", "-o", str(target)).status == 2
    assert not target.exists()


def test_a_site_takes_no_folder_that_holds_something_else(school: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    kept = tmp_path / "mine" / "letter.txt"
    kept.write_text("kept", "utf-8")
    done = xueshi(school, "site", "build", "-o", str(kept.parent))
    assert (done.status, done.code) == (1, "client.folder_taken")
    assert kept.read_text("utf-8") == "kept"


def test_a_file_that_is_no_backup_is_not_restored(school: Path, tmp_path: Path) -> None:
    other = tmp_path / "photo.jpg"
    other.write_bytes(b"not a backup" * 100)
    done = xueshi(tmp_path / "new", "restore", str(other))
    assert (done.status, done.code) == (1, "client.not_a_backup")
    assert not (tmp_path / "new").exists()


def test_a_backup_in_an_empty_folder_brings_an_administrator(school: Path, tmp_path: Path) -> None:
    copy = tmp_path / "school.backup"
    assert xueshi(school, "backup", str(copy)).status == 0
    done = xueshi(tmp_path / "new", "restore", str(copy), "--json")
    assert done.data["login"] == "admin"
    assert done.data["one_time_code"]


def test_a_restore_over_a_node_leaves_its_accounts(school: Path, tmp_path: Path) -> None:
    copy = tmp_path / "school.backup"
    assert xueshi(school, "backup", str(copy)).status == 0
    assert "login" not in xueshi(school, "restore", str(copy), "--json").data


@pytest.mark.parametrize("args", [["sync"], ["pack", "x.xueshi"]])
def test_a_school_without_invitation_is_told_so(school: Path, args: list[str]) -> None:
    assert xueshi(school, *args).code == "client.not_joined"


@pytest.mark.parametrize(
    ("args", "code"),
    [
        pytest.param(["sync"], "client.wrong_role", id="a-centre-calls-nobody"),
        pytest.param(["join", "x"], "client.wrong_role", id="a-centre-joins-nobody"),
        pytest.param(["pack", "x.xueshi"], "client.no_recipient", id="for-whom"),
        pytest.param(["pack", "x.xueshi", "--to", "Q"], "client.no_such_node", id="unknown-school"),
        pytest.param(["revoke", "0" * 32], "client.no_such_node", id="unknown-node"),
    ],
)
def test_a_centre_is_told_what_is_wrong(centre: Path, args: list[str], code: str) -> None:
    done = xueshi(centre, *args)
    assert (done.status, done.code) == (1, code)


def test_an_invitation_without_address_says_so(school: Path, centre: Path) -> None:
    invited = xueshi(centre, "invite", "--code", "S1", "--name", "S", "--json")
    assert xueshi(school, "join", invited.data["invitation"]).status == 0
    assert xueshi(school, "sync").code == "client.no_address"
