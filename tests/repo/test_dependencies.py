"""What our packages import is what the project asks for."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions
from typing import Final

from tests.repo.tracked import PACKAGES, ROOT, parsed, tracked

# Come with a declared package and are part of its interface.
BROUGHT: Final = {"werkzeug": "flask", "jinja2": "flask"}
# Exist for type checkers only.
TYPES: Final = {"_typeshed"}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _imported() -> Iterator[str]:
    """First parts of the names of all modules from outside that our packages import."""
    for package in PACKAGES:
        for path in tracked(".py", under=package):
            for node in ast.walk(parsed(path)):
                if isinstance(node, ast.Import):
                    yield from (each.name.split(".")[0] for each in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    yield node.module.split(".")[0]


def _declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras: Mapping[str, list[str]] = project["optional-dependencies"]
    lines = [*project["dependencies"], *extras["centre"], *extras["desktop"], *extras["postgres"]]
    return {_normal(re.split(r"[\s\[<>=!;~]", line)[0]) for line in lines}


def test_every_import_from_outside_is_a_declared_dependency() -> None:
    given, declared = packages_distributions(), _declared()
    outside = {
        name
        for name in set(_imported()) - sys.stdlib_module_names - TYPES
        if not name.startswith("xueshi_")
    }
    undeclared = {
        name
        for name in outside
        if not declared & {_normal(each) for each in given.get(BROUGHT.get(name, name), [])}
    }
    assert undeclared == set()
