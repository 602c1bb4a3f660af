"""Folders of packs: what lies beside one counts, and a parent's faults are the parent's."""

import shutil
from pathlib import Path
from typing import Final

import pytest

from tests.server.packs.drafts import LABEL, about, draft, parameter
from xueshi_server.domain.packs.inherit import resolve
from xueshi_server.domain.packs.pack import Fault
from xueshi_server.errors import UnknownPackError
from xueshi_server.pack_check import inspect_folder, open_pack
from xueshi_server.pack_files import list_shipped
from xueshi_server.pack_trial import try_rules

GOOD: Final = Path(__file__).parent / "good"


def write(folder: Path, *tables: str) -> Path:
    folder.mkdir()
    (folder / "pack.toml").write_text("\n".join(tables), "utf-8")
    return folder


def said(faults: tuple[Fault, ...]) -> list[tuple[str, str, int]]:
    return [(each.pack, each.code, each.line) for each in faults]


def test_a_parent_is_found_beside_the_folder(tmp_path: Path) -> None:
    write(tmp_path / "county", about("county"), parameter("a", "1"))
    folder = write(tmp_path / "town", about("town", extends='["county"]'), "[set]\na = 2")
    pack = inspect_folder(folder).pack
    assert pack is not None
    assert pack.parameters["a"].value == 2


def test_a_parent_that_is_shipped_is_found(tmp_path: Path) -> None:
    folder = write(tmp_path / "town", about("town", extends='["base"]'))
    pack = inspect_folder(folder).pack
    assert pack is not None
    assert "person" in pack.types


def test_a_fault_of_a_parent_is_said_to_be_its_own(tmp_path: Path) -> None:
    bad = parameter("a", "1") + "choices = [2]\n"
    write(tmp_path / "county", about("county"), bad)
    folder = write(tmp_path / "town", about("town", extends='["county"]'))
    assert said(inspect_folder(folder).faults) == [("county", "value_not_a_choice", 10)]


def test_dropping_what_others_need_is_the_fault_of_who_needs_it(tmp_path: Path) -> None:
    shutil.copytree(GOOD, tmp_path / "songxi")
    drop = 'drop = ["paper:certificate"]'
    folder = write(tmp_path / "town", drop, about("town", extends='["songxi"]'))
    found = {(pack, code) for pack, code, _ in said(inspect_folder(folder).faults)}
    assert found == {("songxi", "paper_unknown")}


def test_a_parent_that_cannot_be_read_is_not_there(tmp_path: Path) -> None:
    write(tmp_path / "county", "[pack")
    folder = write(tmp_path / "town", about("town", extends='["county"]'))
    assert [code for _, code, _ in said(inspect_folder(folder).faults)] == ["extends_unknown"]


def test_another_version_beside_that_holds_on_the_same_days_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "x-1", about("x"))
    folder = write(tmp_path / "x-2", about("x", version='"2"', valid_from="2026-01-01"))
    assert [code for _, code, _ in said(inspect_folder(folder).faults)] == ["versions_overlap"]


def test_another_version_beside_that_has_ended_is_none_of_its_business(tmp_path: Path) -> None:
    write(tmp_path / "x-1", about("x", valid_to="2025-12-31"))
    folder = write(tmp_path / "x-2", about("x", version='"2"', valid_from="2026-01-01"))
    assert inspect_folder(folder).faults == ()


def test_a_document_beside_the_pack_is_compared(tmp_path: Path) -> None:
    shutil.copytree(GOOD, tmp_path / "songxi")
    (tmp_path / "songxi/document.txt").write_text("五年", "utf-8")
    codes = {code for _, code, _ in said(inspect_folder(tmp_path / "songxi").faults)}
    assert codes == {"quote_not_found"}


def test_a_document_is_looked_for_in_the_folder_only(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("五年", "utf-8")
    shutil.copytree(GOOD, tmp_path / "songxi")
    path = tmp_path / "songxi/pack.toml"
    text = path.read_text("utf-8").replace('"document.txt"', '"../secret.txt"')
    path.write_text(text, "utf-8")
    assert inspect_folder(tmp_path / "songxi").faults == ()


def test_a_folder_without_toml_is_no_pack(tmp_path: Path) -> None:
    with pytest.raises(UnknownPackError):
        inspect_folder(tmp_path)


@pytest.mark.parametrize("pack_id", list_shipped())
def test_a_shipped_pack_is_opened_by_its_id(pack_id: str, tmp_path: Path) -> None:
    assert open_pack(pack_id, tmp_path).id == pack_id


def test_a_rule_the_engine_cannot_judge_is_said() -> None:
    text = f'[[rule]]\nid = "R"\n{LABEL}\nscope = "nobody"\nwindow = {{ kind = "year" }}\n'
    pack = resolve("x", [draft(about("x"), text)])
    assert [(each.code, each.spot) for each in try_rules(pack)] == [
        ("rule_not_judged", ("rule", "R"))
    ]
