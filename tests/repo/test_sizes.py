"""Ceilings: what is longer is hard to read in one go, so it fails here."""

import ast
from typing import Final

from tests.repo.tracked import functions, name_of, tracked

FILE_LINES: Final = 600
FUNCTION_LINES: Final = 70
TEST_LINES: Final = 60
PARAMETERS: Final = 8


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert function.end_lineno is not None
    return function.end_lineno - function.lineno + 1


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    given = function.args
    named = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len([name for name in named if name not in ("self", "cls")])


def test_no_python_file_is_longer_than_the_ceiling() -> None:
    lengths = {name_of(path): len(path.read_bytes().splitlines()) for path in tracked(".py")}
    assert {name: length for name, length in lengths.items() if length > FILE_LINES} == {}


def test_no_function_is_longer_than_its_ceiling() -> None:
    too_long = [
        f"{name_of(path)}:{function.lineno} {function.name} has {_lines(function)} lines"
        for path in tracked(".py")
        for function in functions(path)
        if _lines(function) > (TEST_LINES if function.name.startswith("test_") else FUNCTION_LINES)
    ]
    assert too_long == []


def test_no_function_takes_more_parameters_than_the_ceiling() -> None:
    too_many = [
        f"{name_of(path)}:{function.lineno} {function.name} takes {_parameters(function)}"
        for path in tracked(".py")
        for function in functions(path)
        if _parameters(function) > PARAMETERS
    ]
    assert too_many == []
