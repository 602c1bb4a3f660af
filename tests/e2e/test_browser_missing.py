"""A test without its browser: skipped on a plain machine, failed where the browser must be."""

import pytest

from tests.e2e import browser


@pytest.fixture(autouse=True)
def _no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in browser.REQUIRED:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(browser, "BROWSERS", ())


def test_a_missing_browser_is_a_reason_to_skip() -> None:
    with pytest.raises(pytest.skip.Exception), browser.open_browser():
        raise AssertionError


@pytest.mark.parametrize("name", browser.REQUIRED)
def test_a_missing_browser_fails_where_it_is_required(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(pytest.fail.Exception), browser.open_browser():
        raise AssertionError


def test_a_variable_that_says_no_requires_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "false")
    with pytest.raises(pytest.skip.Exception), browser.open_browser():
        raise AssertionError
