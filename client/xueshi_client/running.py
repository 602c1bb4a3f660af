"""The local door of a serving process: `run.json` says where it is, a token opens it.

A node has one writer. While `xueshi serve` or the desktop holds it, the same command line is sent
to that process on the loopback interface, runs there on the open node, and its output comes back.
The file is readable by its owner only; whoever can read it could open the node itself.
"""

import http.client
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from xueshi_client.errors import NotAnsweringError

if TYPE_CHECKING:
    from xueshi_client.state import State

RUN_FILE: Final = "run.json"
LOCAL_PATH: Final = "/local/run"
TICKET_PATH: Final = "/local/ticket"
WINDOW_PATH: Final = "/local/window"
RAISE_PATH: Final = "/local/raise"
ENTER_PATH: Final = "/local/enter/"
TOKEN_HEADER: Final = "X-Xueshi-Token"
# Commands that start a server, end the process or replace the node under it.
NOT_FORWARDED: Final = frozenset(
    {"serve", "desktop", "demo", "bench", "init", "restore", "browse", "doctor"}
)
# Long enough for the largest import; the other side is this machine.
ANSWER_TIMEOUT_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Running:
    """Where the process that holds a node listens."""

    pid: int
    port: int
    token: str


def read_running(home: Path) -> Running | None:
    """What `run.json` says, or None when there is none or it cannot be read."""
    try:
        found = json.loads((home / RUN_FILE).read_text("utf-8"))
        return Running(int(found["pid"]), int(found["port"]), str(found["token"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextmanager
def announce(home: Path, port: int, token: str) -> Iterator[Running]:
    """Say that this process holds the node, until the block ends."""
    running = Running(os.getpid(), port, token)
    path = home / RUN_FILE
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        json.dump(asdict(running), file)
    part.replace(path)
    try:
        yield running
    finally:
        if read_running(home) == running:
            path.unlink(missing_ok=True)


def post_local(running: Running, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """One JSON exchange with the serving process; raises NotAnsweringError."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=ANSWER_TIMEOUT_S)
    headers = {"Content-Type": "application/json", TOKEN_HEADER: running.token}
    try:
        connection.request("POST", path, json.dumps(body).encode(), headers)
        response = connection.getresponse()
        answer = json.loads(response.read()) if response.status == 200 else None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotAnsweringError(pid=running.pid) from error
    finally:
        connection.close()
    if not isinstance(answer, dict):
        raise NotAnsweringError(pid=running.pid)
    return answer


def forward_command(state: "State", error: Exception) -> int:
    """Run this command line in the process that holds the node and print what it printed."""
    running = read_running(state.home)
    if running is None:
        raise error
    request = {
        "argv": state.argv,
        "cwd": str(state.cwd),
        "lang": state.language,
    }
    answer = post_local(running, LOCAL_PATH, request)
    state.out.write(str(answer["stdout"]))
    state.err.write(str(answer["stderr"]))
    state.out.flush()
    state.err.flush()
    return int(answer["exit"])
