"""The C library that records or harms what a child process does to its files (iotap.c)."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCE: Final = Path(__file__).with_name("iotap.c")
COMPILERS: Final = ("cc", "gcc", "clang")
CHILD_S: Final = 60


@cache
def library() -> Path | None:
    """Compile the library once; None where there is no compiler or no LD_PRELOAD."""
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None or not sys.platform.startswith("linux"):
        return None
    name = f"xueshi-iotap-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]}.so"
    path = Path(tempfile.gettempdir()) / name
    if not path.exists():
        part = path.with_suffix(f".{os.getpid()}")
        options = ["-O1", "-shared", "-fPIC", "-ldl", "-lpthread"]
        command = [compiler, str(SOURCE), "-o", str(part), *options]
        subprocess.run(command, check=True, timeout=CHILD_S)
        part.replace(path)
    return path


def needs_tap() -> None:
    """Skip the test where nothing can be recorded."""
    if library() is None:
        pytest.skip("no C compiler (or not Linux): file faults cannot be injected here")


def child_environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """The environment of a child that imports this repository."""
    paths = [str(ROOT), *(str(ROOT / each) for each in ("sync", "server", "client"))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **(extra or {})}


def tap_environment(root: Path, *, log: Path | None = None, fault: str = "") -> dict[str, str]:
    """What a child needs in its environment to be recorded or harmed below `root`."""
    path = library()
    assert path is not None, "asked for after needs_tap()"
    extra = {"LD_PRELOAD": str(path), "TAP_ROOT": str(root)}
    if log is not None:
        extra["TAP_LOG"] = str(log)
    if fault:
        extra["TAP_FAULT"] = fault
    return child_environment(extra)


def run_child(
    module: str, arguments: list[str], environment: dict[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Run a module of this folder to its end."""
    command = [sys.executable, "-m", f"tests.process.{module}", *arguments]
    return subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=CHILD_S
    )
