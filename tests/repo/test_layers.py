"""What import contracts cannot see: which modules ought to be listed, and who asks for the time."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.repo.tracked import ROOT, name_of, parsed, tracked

SYNC: Final = ROOT / "sync/xueshi_sync"
DOMAIN: Final = "server/xueshi_server/domain"
ASKS_FOR_NOW: Final = {"now", "today", "utcnow"}
SQL: Final = re.compile(
    r"\b(SELECT\s.+\sFROM|INSERT\s.*INTO|UPDATE\s\w+\sSET|DELETE\sFROM)\b", re.DOTALL
)


@cache
def _contract() -> dict[str, list[str]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    return next(each for each in contracts if each["name"] == "the sync core is pure")


def _imports(path: Path) -> set[str]:
    """Names of the imported modules: ours in full, others by their first part."""
    names: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name if name.startswith("xueshi_sync.") else name.split(".")[0] for name in names}


def _module_name(path: Path) -> str:
    return ".".join(path.relative_to(SYNC.parent).with_suffix("").parts)


def _pure_modules() -> set[str]:
    """Every module of the sync package that reaches no I/O, neither itself nor through others."""
    imports = {_module_name(path): _imports(path) for path in SYNC.rglob("*.py")}
    pure = {name for name in imports if not name.endswith("__init__")}
    forbidden = set(_contract()["forbidden_modules"])
    while True:
        ours_impure = set(imports) - pure
        left = {name for name in pure if not imports[name] & (forbidden | ours_impure)}
        if left == pure:
            return pure
        pure = left


def test_every_pure_module_of_sync_is_held_to_it() -> None:
    assert _pure_modules() - set(_contract()["source_modules"]) == set()


@pytest.mark.parametrize("module", _contract()["source_modules"])
def test_the_sync_core_never_asks_for_the_time(module: str) -> None:
    assert _asks_for_now(SYNC.parent / f"{module.replace('.', '/')}.py") == []


@pytest.mark.parametrize("path", tracked(".py", under=DOMAIN), ids=name_of)
def test_the_domain_never_asks_for_the_time(path: Path) -> None:
    assert _asks_for_now(path) == []


def _asks_for_now(path: Path) -> list[str]:
    return [
        f"{name_of(path)}:{node.lineno}"
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Attribute) and node.attr in ASKS_FOR_NOW
    ]


@pytest.mark.parametrize("folder", ["server/xueshi_server/web", DOMAIN])
def test_neither_views_nor_domain_write_sql(folder: str) -> None:
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path in tracked(".py", under=folder)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.search(node.value)
    ]
    assert found == []
