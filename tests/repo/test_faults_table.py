"""`tests/FAULTS.md` names a test for each fault, and only tests that are there."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.repo.tracked import ROOT, parsed

TESTS: Final = ROOT / "tests"
TABLE: Final = (TESTS / "FAULTS.md").read_text("utf-8")
ROWS: Final = 132
ROW: Final = re.compile(r"^\| (\d+) \| ([^|]+) \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)
NAMED: Final = sorted(set(re.findall(r"`([a-z]+/test_\w+\.py)::(test_\w+)`", TABLE)))
# Where no test can be: later work, a place in the format that nobody uses yet, or people.
REASONS: Final = ("issue ", "reserved ", "by hand")


@cache
def _tests_in(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


@pytest.mark.parametrize(("file", "name"), NAMED, ids=[name for _, name in NAMED])
def test_a_test_that_is_named_exists(file: str, name: str) -> None:
    assert (TESTS / file).is_file()
    assert name in _tests_in(TESTS / file)


def test_every_fault_has_its_row_in_order() -> None:
    assert [int(row[0]) for row in ROW.findall(TABLE)] == list(range(1, ROWS + 1))


def test_a_row_names_a_test_or_says_why_not() -> None:
    silent = [
        number
        for number, _, tests, otherwise in ROW.findall(TABLE)
        if not ("::" in tests or "simulator" in tests)
        and not any(reason in otherwise for reason in REASONS)
    ]
    assert silent == []


def test_everything_between_quotes_is_a_test() -> None:
    quoted = re.findall(r"`([^`]+)`", "\n".join(row[2] for row in ROW.findall(TABLE)))
    assert [each for each in quoted if tuple(each.split("::")) not in NAMED] == []
