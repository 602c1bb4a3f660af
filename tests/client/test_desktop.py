"""The window under a virtual display: it opens the node, logged in, and closes again."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.console_run import Run, command, environment, make_node
from tests.client.test_serving import start, stop

pytestmark = [
    pytest.mark.desktop,
    pytest.mark.skipif(sys.platform != "linux", reason="a virtual display is a thing of X11"),
    pytest.mark.skipif(shutil.which("xvfb-run") is None, reason="xvfb-run is not installed"),
    pytest.mark.skipif(
        importlib.util.find_spec("webview") is None or importlib.util.find_spec("PySide6") is None,
        reason="the extra `desktop` is not installed",
    ),
]

WINDOW_TIMEOUT_S = 120


def open_window(home: Path) -> Run:
    """Open the window, read the title of its first page, close it."""
    display = ["xvfb-run", "-a", "-s", "-screen 0 1200x800x24"]
    done = subprocess.run(
        [*display, *command(), "desktop", "--title-only", "--json"],
        env=environment(home, XUESHI_LANG="en"),
        capture_output=True,
        encoding="utf-8",
        timeout=WINDOW_TIMEOUT_S,
        check=False,
    )
    # xvfb-run mixes both outputs; the one JSON object is the last line that is one.
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return Run(done.returncode, lines[-1] if lines else "", done.stdout)


def test_the_window_opens_a_node_that_nobody_serves(tmp_path: Path) -> None:
    make_node(tmp_path / "school", "school", "S1")
    done = open_window(tmp_path / "school")
    assert done.status == 0, done.err
    assert done.data["title"]


def test_the_window_opens_on_a_node_that_is_served(tmp_path: Path) -> None:
    make_node(tmp_path / "school", "school", "S1")
    served = start(tmp_path / "school")
    try:
        done = open_window(tmp_path / "school")
        assert done.status == 0, done.err
        assert done.data["title"]
    finally:
        stop(served)
