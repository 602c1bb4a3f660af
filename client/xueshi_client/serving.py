"""One node served on one port: pages, exchange, the local door, and the background agent."""

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from xueshi_server.web import create_app
from xueshi_sync.http_listener import make_http_server
from xueshi_sync.node import Node

from xueshi_client.errors import PortTakenError
from xueshi_client.local_api import LocalDoor
from xueshi_client.running import announce

LOOPBACK: Final = "127.0.0.1"
SITE_FOLDER: Final = "site"


@dataclass(frozen=True, slots=True)
class ServedNode:
    """A node that answers at `url`; `door` opens the pages for the desktop window."""

    node: Node
    url: str
    port: int
    door: LocalDoor


@contextmanager
def serve_node(
    node: Node, *, host: str = LOOPBACK, port: int = 0, site_dir: Path | None = None
) -> Iterator[ServedNode]:
    """Serve until the block ends; port 0 takes a free one. Raises PortTakenError."""
    app = create_app(node, site_dir=site_dir or node.home / SITE_FOLDER)
    door = LocalDoor(app, node, secrets.token_urlsafe(32))
    try:
        server = make_http_server(door, (host, port))
        server.prepare()
    except OSError as error:
        raise PortTakenError(port=port) from error
    thread = threading.Thread(target=server.serve, name="xueshi-http", daemon=True)
    thread.start()
    taken = server.bind_addr[1]
    shown = LOOPBACK if host in ("0.0.0.0", "::", "") else host
    try:
        with announce(node.home, taken, door.token):
            yield ServedNode(node, f"http://{shown}:{taken}", taken, door)
    finally:
        server.stop()
        thread.join(timeout=10)


def wait_for_stop(stopping: threading.Event) -> None:
    """Sleep until a signal or Ctrl-C; short waits so that Windows notices Ctrl-C."""
    while not stopping.is_set():
        time.sleep(0.2)
