"""The window under a virtual display, used as a person would; and the browser in its place.

`XUESHI_SCREENSHOTS=folder` keeps pictures for a person to look at.
"""

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pypdf import PdfReader

from tests.client.console_run import TIMEOUT_S, Run, command, environment, make_node, xueshi
from tests.client.test_serving import start, stop
from tests.e2e.browser import give_up
from xueshi_client.desktop import TRYING_FILE, can_show
from xueshi_client.first_start import FirstStart
from xueshi_client.state import State

pytestmark = pytest.mark.desktop

WINDOW_TIMEOUT_S = 120


def on_display(*argv: str, home: Path, **extra: str) -> Run:
    """Run a program under a virtual display; out is the one JSON object that it prints."""
    if sys.platform != "linux":
        pytest.skip("a virtual display is a thing of X11")
    if shutil.which("xvfb-run") is None:
        give_up("xvfb-run is not installed")
    if any(importlib.util.find_spec(name) is None for name in ("webview", "PySide6")):
        give_up("the extra `desktop` is not installed")
    done = subprocess.run(
        ["xvfb-run", "-a", "-s", "-screen 0 1200x800x24", *argv],
        env=environment(home, **extra),
        capture_output=True,
        encoding="utf-8",
        timeout=WINDOW_TIMEOUT_S,
        check=False,
    )
    # xvfb-run mixes both outputs; the one JSON object is the last line that is one.
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return Run(done.returncode, lines[-1] if lines else "", done.stdout + done.stderr)


@dataclass(frozen=True)
class Used:
    """A window that was used and closed, and what it left."""

    home: Path
    seen: dict[str, Any]
    packed: Path
    printed: Path


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Used:
    """The window from its first start, at a school whose centre takes calls and never answers."""
    folder = tmp_path_factory.mktemp("window")
    school, centre = folder / "school", folder / "centre"
    make_node(centre, "centre", "C1")
    packed, printed = folder / "to county.xueshi", folder / "page.pdf"
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        invited = xueshi(centre, "invite", "--code", "S1", "--name", "一小", "--url", url, "--json")
        deaf.listen(8)
        invitation = invited.data["invitation"]
        argv = (sys.executable, "-m", "tests.client.window_driver", str(school))
        done = on_display(
            *argv, str(packed), str(printed), home=school, XUESHI_LANG="zh", INVITATION=invitation
        )
    assert done.status == 0, done.out + done.err
    return Used(school, done.data, packed, printed)


def test_the_first_start_makes_the_school_and_takes_its_invitation(used: Used) -> None:
    status = xueshi(used.home, "status", "--json").data
    assert (status["code"], status["role"]) == ("S1", "school")
    assert "notice.not_joined" not in status["notices"]


def test_the_window_shows_the_first_page_logged_in(used: Used) -> None:
    assert (used.seen["opened"], used.seen["path"]) == ("window", "/")
    assert "密码" in used.seen["first_title"]


def test_a_bundle_is_saved_where_the_dialog_says(used: Used) -> None:
    assert used.seen["proposed"] == "S1.xueshi"
    centre = used.home.with_name("centre")
    taken = xueshi(centre, "unpack", str(used.packed), "--json")
    assert taken.data["complete"] is True


def test_a_page_is_printed_into_the_file_of_the_dialog(used: Used) -> None:
    assert used.seen["print_proposed"].startswith("同步")
    assert used.seen["print_proposed"].endswith(".pdf")
    assert len(PdfReader(used.printed).pages) > 0


def test_a_second_start_brings_the_window_to_the_front(used: Used) -> None:
    assert used.seen["second"] == "brought"


def test_closing_while_a_sync_runs_is_asked_first(used: Used) -> None:
    assert "正在和县里同步" in used.seen["question"]
    # It was still open after "no", and says in its title what runs.
    assert "正在同步" in used.seen["title"]


def test_a_closed_window_leaves_nothing_behind(used: Used) -> None:
    assert not (used.home / "run.json").exists()
    assert not (used.home / TRYING_FILE).exists()


def test_the_window_opens_on_a_node_that_is_served(tmp_path: Path) -> None:
    make_node(tmp_path / "school", "school", "S1")
    served = start(tmp_path / "school")
    try:
        done = on_display(*command(), "desktop", "--title-only", "--json", home=served.home)
        assert done.status == 0, done.err
        assert done.data["title"]
    finally:
        stop(served)


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands for the browser")
def test_the_browser_takes_the_place_of_a_window_that_failed(tmp_path: Path) -> None:
    home, called = tmp_path / "school", tmp_path / "called"
    make_node(home, "school", "S1")
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {called}.part && mv {called}.part {called}\n')
    browser.chmod(0o700)
    (home / TRYING_FILE).touch()
    process = subprocess.Popen(
        [*command(), "desktop"],
        env=environment(home, BROWSER=str(browser), DISPLAY=":9"),
        stdout=subprocess.DEVNULL,
    )
    try:
        ends = time.monotonic() + TIMEOUT_S
        while not called.exists() and time.monotonic() < ends:
            time.sleep(0.05)
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with opener.open(called.read_text().strip(), timeout=10) as page:
            # A fresh node first asks the administrator for a password of its own.
            assert urlsplit(page.url).path == "/password"
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT_S) == 0
    assert json.loads(xueshi(home, "status", "--json").out)["code"] == "S1"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a screen")
def test_no_window_is_tried_without_a_screen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", "")
    assert not can_show(tmp_path)


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        pytest.param((" ", "S1", ""), ["name"], id="no-name"),
        pytest.param(("一小", "S 1", ""), ["code"], id="blank-in-code"),
        pytest.param(("", "", ""), ["code", "name"], id="nothing"),
        pytest.param(("一小", "S1", "xs1-nonsense"), ["invitation"], id="no-invitation"),
    ],
)
def test_what_is_wrong_at_the_first_start_is_said_by_its_field(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: tuple[str, str, str], wrong: list[str]
) -> None:
    monkeypatch.setenv("XUESHI_STATE_DIR", str(tmp_path / "state"))
    state = State.for_process([])
    state.home_option = str(tmp_path / "school")
    assert sorted(FirstStart(state).make(*typed)) == wrong
