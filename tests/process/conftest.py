"""Figures of these tests (images, kills, longest save) go into the summary of the run."""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

Figure = Callable[[str, object], None]


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Figure:
    """Note a figure of this test for the summary."""
    return record_property


@contextmanager
def small_file_system(folder: Path, size_mb: int) -> Iterator[Path]:
    """A real file system of some megabytes, where this user may mount one; else skip."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "xueshi-test", str(folder)]
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small file system here")
    if subprocess.run(command, capture_output=True, timeout=10).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        yield folder
    finally:
        ctypes.CDLL(None).umount2(str(folder).encode(), 2)


def fill_disk(ballast: Path, left_bytes: int = 0) -> None:
    """Take all the room of a disk but some, as a download does."""
    with ballast.open("wb", buffering=0) as file:
        try:
            while free := shutil.disk_usage(ballast.parent).free - left_bytes:
                file.write(bytes(min(free, 1 << 16)))
        except OSError:
            pass


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of four megabytes."""
    with small_file_system(tmp_path, 4) as folder:
        yield folder


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = [
        f"{report.nodeid.rpartition('::')[2]}: "
        + ", ".join(f"{name} {value}" for name, value in report.user_properties)
        for report in terminalreporter.getreports("passed")
        if report.user_properties and "tests/process" in report.nodeid
    ]
    if lines:
        terminalreporter.section("figures of the process tests")
        for line in sorted(lines):
            terminalreporter.write_line(line)
