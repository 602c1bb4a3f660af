"""`xueshi import` and `xueshi export` take every record type of the pack that counts."""

from pathlib import Path

import pytest

from tests.client.test_rules import Console
from xueshi_server.pack_files import read_shipped
from xueshi_server.store.packs import load_files
from xueshi_server.store.records import BESIDE

PACK = "qinggang"


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Console:
    """A centre under a shipped pack, and a school without one."""
    found = Console(tmp_path_factory.mktemp("county"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XUESHI_STATE_DIR", str(found.folder / "state"))
        found.ok("centre", "init", "--role", "centre", "--name", "县进修校", "--code", "231223")
        found.ok("centre", "pack-publish", PACK, "--activate")
        found.ok("school", "init", "--role", "school", "--name", "一小", "--code", "S1")
    return found


@pytest.fixture(autouse=True)
def beside(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stays outside the nodes' folders lies beside them."""
    monkeypatch.setenv("XUESHI_STATE_DIR", str(console.folder / "state"))


def test_every_type_of_the_pack_is_exported(console: Console, tmp_path: Path) -> None:
    types = [of for of in load_files(read_shipped(PACK), PACK).types if of not in BESIDE]
    assert len(types) > 10
    for of in types:
        path = tmp_path / f"{of}.xlsx"
        assert console.ok("centre", "export", of, "-o", str(path))["type"] == of
        assert path.stat().st_size > 1000


def test_a_type_of_the_pack_is_imported_once(console: Console, tmp_path: Path) -> None:
    path = tmp_path / "cohorts.csv"
    declared = load_files(read_shipped(PACK), PACK).types["cohort"]
    values = {"text": "C1", "date": "2026-03-01", "int": "3", "long": "x"}
    fields = [each for each in declared.field if each.type in values]
    lines = [",".join(each.label.zh for each in fields), ",".join(values[f.type] for f in fields)]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    reports = [console.ok("centre", "import", "cohort", str(path)) for _ in range(2)]
    assert [(each["added"], each["known"]) for each in reports] == [(1, 0), (0, 1)]


@pytest.mark.parametrize("command", ["import", "export"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_unknown_type_is_answered_with_the_types_and_their_pack(
    console: Console, tmp_path: Path, command: str, language: str
) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n", "utf-8")
    args = [str(tmp_path / "a.csv")] if command == "import" else ["--format", "csv"]
    status, out, err = console.run("centre", command, "hours", *args, "--lang", language)
    assert (status, out) == (2, "")
    assert [
        part for part in ("hours", f"{PACK}@", "hour (", "person (教师)") if part not in err
    ] == []


def test_a_school_without_a_pack_has_the_types_of_the_base(console: Console) -> None:
    status, _, err = console.run("school", "export", "cohort", "--format", "csv")
    named = all(each in err for each in ("base@3", "person (教师)", "hour (学时)"))
    assert (status, named) == (2, True)


def test_a_bad_row_is_named_by_its_labels(console: Console, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("教师编号,姓名,出生日期\nT1,卢建设,1988-02-30\n", "utf-8")
    status, out, _ = console.run("school", "import", "person", str(path), "--lang", "zh")
    assert (status, "第 2 行 出生日期 (born_on)" in out) == (1, True)


@pytest.mark.parametrize("command", ["import", "export"])
def test_help_needs_no_node(
    console: Console, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    status, _, err = console.run("nowhere", command, "--help")
    assert (status, err, "TYPE" in capsys.readouterr().out) == (0, "", True)
