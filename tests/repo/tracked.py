"""What the rules of this repository are checked on: its tracked files, read once."""

import ast
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = ("sync/xueshi_sync", "server/xueshi_server", "client/xueshi_client")

# Where an unpacked source archive (no git) may hold files that nobody wrote.
_MADE: Final = {".venv", "build", "dist", "__pycache__", ".git", ".mypy_cache", ".ruff_cache"}


@cache
def tracked_files() -> tuple[Path, ...]:
    """Tracked files that exist; in an unpacked source archive, all that look written by hand."""
    if shutil.which("git") and (ROOT / ".git").exists():
        command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
        return tuple(
            path for name in listed.split("\0") if name and (path := ROOT / name).is_file()
        )
    return tuple(
        path
        for path in ROOT.rglob("*")
        if path.is_file() and not _MADE.intersection(path.relative_to(ROOT).parts)
    )


def tracked(*suffixes: str, under: str = "") -> list[Path]:
    """Tracked files with one of the suffixes, below a folder."""
    folder = ROOT / under
    return [path for path in tracked_files() if path.suffix in suffixes and folder in path.parents]


def name_of(path: Path) -> str:
    """The path as the repository knows it."""
    return path.relative_to(ROOT).as_posix()


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a Python file."""
    return ast.parse(path.read_text("utf-8"), filename=name_of(path))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a Python file, methods and nested ones too."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
