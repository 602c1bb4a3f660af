"""Packs on the command line: faults with file and line, quotations, and what two packs change."""

import shutil
from pathlib import Path

import pytest

from tests.client.console_run import xueshi

GOOD = Path(__file__).parent.parent / "server/packs/good"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(GOOD, tmp_path / "songxi")
    return tmp_path / "songxi"


def edit(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_a_sound_pack_exits_with_nought(folder: Path, tmp_path: Path) -> None:
    done = xueshi(tmp_path / "node", "pack-check", str(folder), "--json")
    assert (done.status, done.data["clean"], done.data["pack"]) == (0, True, "songxi")


def test_a_check_makes_no_node(folder: Path, tmp_path: Path) -> None:
    xueshi(tmp_path / "node", "pack-check", str(folder))
    assert not (tmp_path / "node").exists()


def test_a_fault_is_said_with_file_line_code_and_cure(folder: Path, tmp_path: Path) -> None:
    edit(folder, "rules.toml", "need = { at_least = 1 }", "need = { at_laest = 1 }")
    done = xueshi(tmp_path / "node", "pack-check", str(folder), "--lang", "en")
    line = done.out.splitlines()[0]
    assert done.status == 1
    assert line.startswith("rules.toml:18 pack.unknown_key There is no key at_laest here.")
    assert line.endswith("Did you mean at_least?")


def test_faults_are_worded_in_chinese_first(folder: Path, tmp_path: Path) -> None:
    edit(folder, "rules.toml", "need = { at_least = 1 }", "need = { at_laest = 1 }")
    done = xueshi(tmp_path / "node", "pack-check", str(folder), "--lang", "zh")
    assert "没有 at_laest 这个键" in done.out


def test_a_given_text_must_hold_every_quotation(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("别的文件", "utf-8")
    source = f"SX={tmp_path / 'other.txt'}"
    done = xueshi(tmp_path / "node", "pack-check", str(folder), "--source", source, "--json")
    assert done.status == 1
    assert {each["code"] for each in done.data["faults"]} == {"pack.quote_not_found"}


def test_a_source_that_is_not_there_is_wrong_usage(folder: Path, tmp_path: Path) -> None:
    done = xueshi(tmp_path / "node", "pack-check", str(folder), "--source", "SX=nowhere.txt")
    assert (done.status, done.code) == (2, "usage")


def test_a_folder_without_toml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = xueshi(tmp_path / "node", "pack-check", str(tmp_path / "empty"))
    assert (done.status, done.code) == (1, "client.not_a_pack")


def test_a_diff_names_what_came_went_and_changed(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "next")
    edit(tmp_path / "next", "pack.toml", 'value = "360h"', 'value = "400h"')
    edit(tmp_path / "next", "rules.toml", 'id = "SX-VETO"', 'id = "SX-ETHICS"')
    done = xueshi(tmp_path / "node", "pack-diff", str(folder), str(tmp_path / "next"), "--json")
    changes = [(each["what"], each["id"], each["path"]) for each in done.data["changes"]]
    assert changes == [
        ("changed", "cycle_hours", "value"),
        ("added", "SX-ETHICS", ""),
        ("removed", "SX-VETO", ""),
    ]


def test_a_diff_with_itself_is_empty(folder: Path, tmp_path: Path) -> None:
    done = xueshi(tmp_path / "node", "pack-diff", str(folder), str(folder), "--json")
    assert (done.status, done.data["same"], done.data["changes"]) == (0, True, [])


def test_shipped_packs_are_named_by_id(tmp_path: Path) -> None:
    done = xueshi(tmp_path / "node", "pack-diff", "base", "base", "--json")
    assert (done.status, done.data["same"]) == (0, True)


def test_a_pack_nobody_knows_is_refused(tmp_path: Path) -> None:
    done = xueshi(tmp_path / "node", "pack-diff", "base", "nowhere")
    assert (done.status, done.code) == (1, "pack.unknown")
