"""One node served on one port: pages, exchange, the local door, and the background agent."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from xueshi_client.bundled import choose_site
from xueshi_client.errors import BadHostError, PortTakenError
from xueshi_client.local_api import LocalDoor
from xueshi_client.ports import FIRST_PORT, can_bind, keep_port, list_ports, read_port
from xueshi_client.running import announce
from xueshi_server.delivering import deliver_files
from xueshi_server.lan import LanDoor
from xueshi_server.node_home import level_types
from xueshi_server.serving import make_server, url_of
from xueshi_server.site_build import recover_site
from xueshi_sync.agent import SyncAgent
from xueshi_sync.errors import NetworkError, StorageError
from xueshi_sync.http_client import SyncReport
from xueshi_sync.http_session import SyncSession
from xueshi_sync.node import Node

if TYPE_CHECKING:
    from cheroot.wsgi import Server

LOOPBACK: Final = "127.0.0.1"
SITE_FOLDER: Final = "site"
# Short waits, so that Windows notices Ctrl-C between them.
TICK_S: Final = 0.2
# Records wait no longer than this for files that are under way.
FILES_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class ServedNode:
    """A node that answers at `url`; `door` opens the pages for the desktop window."""

    node: Node
    url: str
    port: int
    door: LocalDoor
    # What the node keeps; another one stands in for it this time if they differ. 0: none is kept.
    kept_port: int = 0


@contextmanager
def serve_node(
    node: Node,
    *,
    host: str = LOOPBACK,
    port: int | None = 0,
    in_background: bool = True,
    lan: LanDoor | None = None,
) -> Iterator[ServedNode]:
    """Serve until the block ends: on the port that the node keeps (None, see `ports`), on any free
    one (0), or on the one given, which is kept. Raises PortTakenError.

    A node below a centre also synchronises by itself, unless `in_background` is False. `lan` opens
    further addresses when its page says so.
    """
    # A power cut between the two renames of a build leaves no site, but the old one beside it.
    recover_site(node.home / SITE_FOLDER)
    with ExitStack() as open_things:
        agent = open_things.enter_context(_run_agent(node)) if in_background else None
        door = LocalDoor(node, agent, secrets.token_urlsafe(32))
        lan = lan or LanDoor()
        open_things.callback(lan.stop)
        server = _listen(_Wanted(node, host, agent, door, lan), port, open_things)
        thread = threading.Thread(target=server.serve, name="xueshi-http", daemon=True)
        open_things.callback(thread.join, timeout=10)
        open_things.callback(server.stop)
        thread.start()
        url, taken = url_of(server).rstrip("/"), int(server.bind_addr[1])
        kept = lan.usual_port = 0 if port == 0 else _kept(node.home, port, taken)
        open_things.enter_context(announce(node.home, taken, door.token))
        yield ServedNode(node, url, taken, door, kept)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is served, and where."""

    node: Node
    host: str
    agent: SyncAgent | None
    door: LocalDoor
    lan: LanDoor


def _listen(wanted: _Wanted, port: int | None, endings: ExitStack) -> "Server":
    """A server on the port, or on the first of those to be tried that nobody else took."""
    home, host = wanted.node.home, wanted.host
    if not can_bind(host, 0):
        raise BadHostError(host=host)
    given = (port,) if port is not None and can_bind(host, port) else ()
    for each in list_ports(home, host) if port is None else given:
        with suppress(OSError):
            return make_server(
                wanted.node,
                host,
                each,
                agent=wanted.agent,
                site_dir=choose_site(home / SITE_FOLDER),
                wrap=wanted.door.wrap,
                lan=wanted.lan,
                endings=endings,
            )
    raise PortTakenError(port=port or read_port(home) or FIRST_PORT)


def _kept(home: Path, port: int | None, taken: int) -> int:
    """The port that the node keeps: what was asked for, else the first that it ever had."""
    if port is not None or read_port(home) is None:
        with suppress(OSError):
            keep_port(home, taken)
    return read_port(home) or taken


@contextmanager
def _run_agent(node: Node) -> Iterator[SyncAgent | None]:
    """The agent of a node that has somebody to talk to; a centre is talked to."""
    if node.role == "centre":
        yield None
        return
    with SyncSession() as session:
        agent = SyncAgent(
            lambda: _sync_and_level(node, session),
            queue_fn=lambda: int(str(node.status()["unsent_ops"])),
            # Not `enrolled`: an invited node is enrolled by its first exchange.
            ready=lambda: node.genesis is not None and bool(node.urls),
            abort=session.abort,
        )
        agent.start()
        try:
            yield agent
        finally:
            agent.stop()


def _sync_and_level(node: Node, session: SyncSession) -> SyncReport:
    """One exchange, and files where they are due; a pack that came with it, or begins to count
    today, does so at once."""
    try:
        report = node.sync_once(session=session)
    finally:
        level_types(node)
    try:
        deliver_files(node, session=session, deadline_s=FILES_S)
    except (NetworkError, StorageError):
        # The records are over; files go on soon, from where they are.
        return replace(report, outcome="more")
    return report


def wait_for_stop(stopping: threading.Event) -> None:
    """Sleep until a signal or Ctrl-C."""
    while not stopping.wait(TICK_S):
        pass
