"""One node served on one port: pages, exchange, the local door, and the background agent."""

import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Final

from xueshi_client.bundled import choose_site
from xueshi_client.errors import BadHostError, PortTakenError
from xueshi_client.local_api import LocalDoor
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


@contextmanager
def serve_node(
    node: Node,
    *,
    host: str = LOOPBACK,
    port: int = 0,
    in_background: bool = True,
    lan: LanDoor | None = None,
) -> Iterator[ServedNode]:
    """Serve until the block ends; port 0 takes a free one. Raises PortTakenError.

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
        try:
            server = make_server(
                node,
                host,
                port,
                agent=agent,
                site_dir=choose_site(node.home / SITE_FOLDER),
                wrap=door.wrap,
                lan=lan,
                endings=open_things,
            )
        except OSError as error:
            if not _can_listen(host):
                raise BadHostError(host=host) from error
            raise PortTakenError(port=port) from error
        thread = threading.Thread(target=server.serve, name="xueshi-http", daemon=True)
        open_things.callback(thread.join, timeout=10)
        open_things.callback(server.stop)
        thread.start()
        url, taken = url_of(server).rstrip("/"), int(server.bind_addr[1])
        open_things.enter_context(announce(node.home, taken, door.token))
        yield ServedNode(node, url, taken, door)


def _can_listen(host: str) -> bool:
    """Whether the address itself is this machine's, whatever the port."""
    try:
        family, kind, number, _name, address = socket.getaddrinfo(
            host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, number) as probe:
            probe.bind(address)
    except OSError:
        return False
    return True


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
