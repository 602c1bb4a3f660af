"""Datasette beside a node: a process of its own on the loopback interface, ended with the block."""

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from xueshi_client.errors import BrowseFailedError, PortTakenError
from xueshi_server.browse import datasette_command

LOOPBACK: Final = "127.0.0.1"
# Python, Datasette and 100,000 rows to copy on an old PC.
START_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 10.0


@contextmanager
def serve_browse(home: Path, *, port: int = 0, language: str = "zh") -> Iterator[str]:
    """Serve a readable copy of the node's records; yields the address once it answers."""
    taken = port or _free_port()
    if not _is_free(taken):
        raise PortTakenError(port=taken)
    # Its own process group: Ctrl-C reaches it through us, after the pages have stopped.
    separate = {"start_new_session": True} if sys.platform != "win32" else {}
    process = subprocess.Popen(
        datasette_command(home, taken, language=language),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        **separate,  # type: ignore[call-overload]
    )
    try:
        _wait_until_it_answers(process, taken)
        yield f"http://{LOOPBACK}:{taken}/"
    finally:
        process.terminate()
        try:
            process.communicate(timeout=STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    """Asked by listening: what answers there already would pass for the browser itself."""
    try:
        with socket.create_server((LOOPBACK, port)):
            return True
    except OSError:
        return False


def _wait_until_it_answers(process: "subprocess.Popen[str]", port: int) -> None:
    end = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end:
        if process.poll() is not None:
            assert process.stderr is not None
            lines = process.stderr.read().strip().splitlines()
            raise BrowseFailedError(why=lines[-1] if lines else str(process.returncode))
        if _answers(port):
            return
        time.sleep(0.1)
    raise BrowseFailedError(why=f"no answer in {START_TIMEOUT_S:.0f} s")


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", "/-/versions.json")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True
