"""What every test process begins with."""

import signal
from pathlib import Path

import pytest

# A shell that starts a job in the background has it ignore Ctrl-C, and the programs that tests
# start would inherit that: they could not be stopped as a person stops them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

HERE = Path(__file__).parent
QUICK_FOLDERS = tuple(HERE / name for name in ("sync", "server", "repo"))
SLOW_MARKS = {"soak", "process", "browser", "desktop"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as quick what needs no simulator, real process, browser, window, console or site."""
    for item in items:
        inside = any(item.path.is_relative_to(folder) for folder in QUICK_FOLDERS)
        if inside and not any(mark.name in SLOW_MARKS for mark in item.iter_markers()):
            item.add_marker(pytest.mark.quick)
