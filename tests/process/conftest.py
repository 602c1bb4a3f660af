"""Figures of these tests (images, kills, longest save) go into the summary of the run."""

from collections.abc import Callable

import pytest

Figure = Callable[[str, object], None]


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Figure:
    """Note a figure of this test for the summary."""
    return record_property


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
