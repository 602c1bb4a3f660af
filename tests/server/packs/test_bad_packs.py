"""A good pack spoiled in one place is refused with the right code, at the right line."""

import shutil
from pathlib import Path
from typing import Final

import pytest

from tests.server.packs.bad_cases import CASES, Case
from xueshi_server.pack_check import Inspection, inspect_folder

GOOD: Final = Path(__file__).parent / "good"
PARAMS: Final = [
    pytest.param(case, id=f"{group}-{case.id}") for group, cases in CASES.items() for case in cases
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(GOOD, tmp_path / "songxi")
    return tmp_path / "songxi"


def spoil(folder: Path, case: Case) -> Inspection:
    path = folder / case.file
    text = path.read_text("utf-8")
    assert case.old in text, "the good pack has nothing to spoil here"
    if case.id == "link-ambiguous":
        rules = folder / "rules.toml"
        more = rules.read_text("utf-8").replace('of = "hour" }]', 'of = "link", starts = "x" }]')
        rules.write_text(more, "utf-8")
    path.write_text(text.replace(case.old, case.new, 1), "utf-8")
    return inspect_folder(folder)


def line_of(folder: Path, case: Case) -> tuple[str, int]:
    file = case.at_file or case.file
    before, found, _ = (folder / file).read_text("utf-8").partition(case.at)
    assert found, "the spoiled pack does not hold what the line is looked for by"
    return file, before.count("\n") + 1


def test_the_good_pack_is_good() -> None:
    assert inspect_folder(GOOD).faults == ()


@pytest.mark.parametrize("case", PARAMS)
def test_a_spoiled_pack_is_refused_at_the_line(folder: Path, case: Case) -> None:
    faults = spoil(folder, case).faults
    found = {(each.code, (each.file, each.line)) for each in faults}
    assert (case.code, line_of(folder, case)) in found


def test_at_least_forty_kinds_are_shown() -> None:
    assert len({case.code for cases in CASES.values() for case in cases}) >= 40
