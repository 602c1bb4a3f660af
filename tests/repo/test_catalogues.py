"""Words for people: both languages complete and alike, none in the code."""

import ast
import json
import re
import string
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.repo.tracked import PACKAGES, ROOT, name_of, parsed, tracked

FOLDERS: Final = [ROOT / package / "translations" for package in PACKAGES[1:]]
CJK: Final = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")


def _flat(tree: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, str(value)


def _catalogue(folder: Path, language: str) -> dict[str, str]:
    return dict(_flat(json.loads((folder / f"{language}.json").read_text("utf-8"))))


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def _docstrings(tree: ast.Module) -> set[int]:
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, owners) and node.body and isinstance(node.body[0], ast.Expr)
    }


def _code_of(error: ast.ClassDef) -> str | None:
    """The text given to `code` in the body of an error class."""
    for line in error.body:
        if isinstance(line, ast.Assign):
            name: ast.expr = line.targets[0]
        elif isinstance(line, ast.AnnAssign):
            name = line.target
        else:
            continue
        if (
            isinstance(name, ast.Name)
            and name.id == "code"
            and isinstance(line.value, ast.Constant)
        ):
            return str(line.value.value)
    return None


def _error_codes() -> set[str]:
    """Every code that an error class of ours states."""
    codes = {
        _code_of(node)
        for package in PACKAGES
        for path in tracked(".py", under=package)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ClassDef) and node.name.endswith("Error")
    }
    return {code for code in codes if code}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_both_languages_word_the_same_keys(folder: Path) -> None:
    assert _catalogue(folder, "zh").keys() ^ _catalogue(folder, "en").keys() == set()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_both_languages_fill_the_same_places(folder: Path) -> None:
    chinese, english = _catalogue(folder, "zh"), _catalogue(folder, "en")
    assert [key for key in chinese if _places(chinese[key]) != _places(english[key])] == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_the_chinese_words_are_chinese_and_the_english_ones_are_not(folder: Path) -> None:
    chinese = "".join(_catalogue(folder, "zh").values())
    mixed = [key for key, text in _catalogue(folder, "en").items() if CJK.search(text)]
    assert CJK.search(chinese)
    # A language is named in itself.
    assert [key for key in mixed if "language" not in key] == []


def test_every_error_code_has_its_words() -> None:
    worded = {key for folder in FOLDERS for key in _catalogue(folder, "zh")}
    codes = _error_codes()
    assert codes
    assert sorted(code for code in codes if f"error.{code}" not in worded) == []


def test_no_word_for_people_stands_in_the_code() -> None:
    found = [
        f"{name_of(path)}:{node.lineno} {node.value[:20]}"
        for package in PACKAGES
        for path in tracked(".py", under=package)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and CJK.search(node.value)
        and id(node) not in _docstrings(parsed(path))
    ]
    assert found == []
