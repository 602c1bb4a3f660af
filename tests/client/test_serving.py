"""A served node: the command line still works on it, and its local door opens to nobody else."""

import http.client
import json
import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.client.console_run import TIMEOUT_S, command, environment, make_node, xueshi
from tests.client.test_commands import ROWS, joined, write_rows
from xueshi_client.running import (
    ENTER_PATH,
    LOCAL_PATH,
    RUN_FILE,
    TICKET_PATH,
    TOKEN_HEADER,
    post_local,
    read_running,
)

pytestmark = pytest.mark.process


@dataclass(frozen=True)
class Served:
    """A node under `xueshi serve`."""

    home: Path
    port: int
    process: "subprocess.Popen[str]"


def start(home: Path) -> Served:
    """`xueshi serve` on a free port, up to its ready line."""
    process = subprocess.Popen(
        [*command(), "serve", "--port", "0", "--json"],
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.communicate()[1]
    return Served(home, json.loads(line)["port"], process)


def stop(served: Served) -> tuple[str, str]:
    """Ctrl-C, and what came out afterwards."""
    served.process.send_signal(signal.SIGINT)
    out, err = served.process.communicate(timeout=TIMEOUT_S)
    return out, err


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    home = tmp_path / "school"
    make_node(home, "school", "S1")
    served = start(home)
    yield served
    if served.process.poll() is None:
        stop(served)


def request(served: Served, method: str, path: str, **headers: str) -> tuple[int, dict[str, str]]:
    """One request of a browser; status and headers."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    try:
        connection.request(method, path, "{}" if method == "POST" else None, headers)
        response = connection.getresponse()
        response.read()
        return response.status, dict(response.getheaders())
    finally:
        connection.close()


def test_a_served_node_answers_with_its_login_page(served: Served) -> None:
    status, headers = request(served, "GET", "/")
    assert (status, headers["Location"].split("?")[0]) == (302, "/login")


def test_ctrl_c_ends_it_quietly(served: Served) -> None:
    assert stop(served) == ("", "")
    assert served.process.returncode == 0
    assert not (served.home / RUN_FILE).exists()


def test_commands_run_in_the_serving_process(served: Served, tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", ROWS)
    assert xueshi(served.home, "import", "hour", str(rows), "--json").data["added"] == 5
    assert len(xueshi(served.home, "export", "hour", "--format", "jsonl").out.splitlines()) == 5


def test_relative_paths_are_those_of_the_caller(served: Served, tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", ROWS)
    done = subprocess.run(
        [*command(), "import", "hour", "rows.jsonl", "--json"],
        cwd=tmp_path,
        env=environment(served.home),
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_S,
        check=False,
    )
    assert json.loads(done.stdout)["added"] == 5


def test_a_forwarded_error_keeps_its_code_and_status(served: Served) -> None:
    done = xueshi(served.home, "join", "XS1-nonsense", "--json")
    assert (done.status, done.out, done.code) == (1, "", "ticket.invalid")


def test_a_forwarded_command_speaks_the_callers_language(served: Served) -> None:
    english = xueshi(served.home, "--lang", "en", "conflicts")
    chinese = xueshi(served.home, "--lang", "zh", "conflicts")
    assert english.out == "No conflicts.\n"
    assert chinese.out != english.out


def test_serving_twice_says_where_it_is_served(served: Served) -> None:
    done = xueshi(served.home, "serve", "--port", "0", "--lang", "en")
    assert (done.status, done.code) == (1, "client.already_serving")
    assert str(served.port) in done.err


def test_a_taken_port_is_said(served: Served, tmp_path: Path) -> None:
    other = tmp_path / "other"
    make_node(other, "school", "S2")
    done = xueshi(other, "serve", "--port", str(served.port))
    assert (done.status, done.out, done.code) == (1, "", "client.port_taken")


def test_a_node_killed_while_serving_opens_again(served: Served) -> None:
    served.process.kill()
    served.process.communicate()
    assert (served.home / RUN_FILE).exists()
    assert xueshi(served.home, "status", "--json").data["code"] == "S1"


def test_two_nodes_synchronise_over_http(served: Served, tmp_path: Path) -> None:
    stop(served)
    centre = tmp_path / "centre"
    make_node(centre, "centre", "C1")
    joined(served.home, centre)
    rows = write_rows(tmp_path / "rows.jsonl", ROWS)
    assert xueshi(served.home, "import", "hour", str(rows)).status == 0
    serving = start(centre)
    try:
        url = f"http://127.0.0.1:{serving.port}"
        done = xueshi(served.home, "sync", "--url", url, "--json")
        assert (done.status, done.data["requests"]) == (0, 1)
        assert len(xueshi(centre, "export", "hour", "--format", "jsonl").out.splitlines()) == 5
    finally:
        stop(serving)


def test_a_served_school_delivers_to_a_served_centre(served: Served, tmp_path: Path) -> None:
    centre = tmp_path / "centre"
    make_node(centre, "centre", "C1")
    serving = start(centre)
    try:
        url = f"http://127.0.0.1:{serving.port}"
        invited = xueshi(centre, "invite", "--code", "S1", "--name", "S1", "--url", url, "--json")
        done = xueshi(served.home, "join", invited.data["invitation"], "--json")
        assert (done.data["enrolled"], done.data["why"]) == (True, "")
        rows = write_rows(tmp_path / "rows.jsonl", ROWS)
        assert xueshi(served.home, "import", "hour", str(rows)).status == 0
        assert xueshi(served.home, "sync", "--json").data["outcome"] == "level"
        assert len(xueshi(centre, "export", "hour", "--format", "jsonl").out.splitlines()) == 5
    finally:
        stop(serving)


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps rights in another way")
def test_the_run_file_is_its_owners_alone(served: Served) -> None:
    assert stat.S_IMODE((served.home / RUN_FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("path", [LOCAL_PATH, TICKET_PATH])
@pytest.mark.parametrize("token", ["", "wrong"])
def test_the_local_door_needs_the_token(served: Served, path: str, token: str) -> None:
    assert request(served, "POST", path, **{TOKEN_HEADER: token})[0] == 403


def test_the_local_door_is_shut_to_what_another_server_passes_on(served: Served) -> None:
    running = read_running(served.home)
    assert running is not None
    headers = {TOKEN_HEADER: running.token, "X-Forwarded-For": "192.0.2.9"}
    assert request(served, "POST", TICKET_PATH, **headers)[0] in (403, 404)


def test_the_local_door_refuses_what_is_no_command_line(served: Served) -> None:
    running = read_running(served.home)
    assert running is not None
    assert request(served, "POST", LOCAL_PATH, **{TOKEN_HEADER: running.token})[0] == 400


def enter(served: Served, ticket: str) -> dict[str, str]:
    """What the desktop window does first."""
    status, headers = request(served, "GET", ENTER_PATH + ticket)
    assert status == 303
    return headers


def make_ticket(served: Served) -> str:
    running = read_running(served.home)
    assert running is not None
    answer: dict[str, Any] = post_local(running, TICKET_PATH, {})
    return str(answer["ticket"])


def test_a_ticket_logs_in_once(served: Served) -> None:
    ticket = make_ticket(served)
    first, second = enter(served, ticket), enter(served, ticket)
    assert "Set-Cookie" in first
    assert "Set-Cookie" not in second


def test_a_ticket_opens_the_pages(served: Served) -> None:
    cookie = enter(served, make_ticket(served))["Set-Cookie"].split(";")[0]
    status, headers = request(served, "GET", "/", Cookie=cookie)
    # The first log-in asks for a password of one's own.
    assert (status, headers.get("Location")) == (302, "/password")
    assert request(served, "GET", "/password", Cookie=cookie)[0] == 200


def test_an_invented_ticket_opens_nothing(served: Served) -> None:
    assert "Set-Cookie" not in enter(served, "invented")


def test_a_site_caught_between_two_renames_is_back_when_serving_starts(tmp_path: Path) -> None:
    home = tmp_path / "school"
    make_node(home, "school", "S1")
    old = home / ".site-build-cut" / "old"
    old.mkdir(parents=True)
    (old / "index.html").write_text("kept", "utf-8")
    stop(start(home))
    assert (home / "site" / "index.html").read_text("utf-8") == "kept"


def test_an_address_of_another_machine_is_no_taken_port(tmp_path: Path) -> None:
    home = tmp_path / "school"
    make_node(home, "school", "S1")
    done = xueshi(home, "serve", "--host", "203.0.113.7", "--port", "0")
    assert (done.status, done.code) == (1, "client.bad_host")


def test_the_data_browser_takes_no_other_program_for_itself(served: Served) -> None:
    done = xueshi(served.home, "browse", "--port", str(served.port))
    assert (done.status, done.code) == (1, "client.port_taken")
