"""Serves a node: its pages and the exchange on one port, the background agent beside them.

Cheroot, because it hands request bodies to the application as they arrive: what came before a cut
is kept (waitress never calls the application for a truncated body).
"""

import logging
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final

from cheroot.wsgi import Server

from xueshi_server.web import create_app
from xueshi_server.web.site import Agent
from xueshi_sync.node import Node

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

# Pages are short; a few long exchanges must not keep a registrar waiting.
THREADS: Final = 12
# A silent line is given up; the exchange resumes at the byte.
SILENCE_S: Final = 60
# Larger than any envelope the node admits; pages have their own limit.
BODY_BYTES_MAX: Final = 128 << 20

log = logging.getLogger(__name__)


class NodeServer:
    """A listening server around a node's application; use it as a context or call `stop`."""

    def __init__(self, application: "WSGIApplication", host: str, port: int) -> None:
        self._server = Server(
            (host, port),
            application,
            numthreads=THREADS,
            timeout=SILENCE_S,
            server_name="xueshi",
            shutdown_timeout=5,
        )
        self._server.max_request_body_size = BODY_BYTES_MAX
        self._server.prepare()
        self.host, self.port = self._server.bind_addr[:2]

    @property
    def url(self) -> str:
        """Where a browser on this PC opens it."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "") else self.host
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self.port}/"

    def run(self) -> None:
        """Serve until `stop`, an interrupt or the end of the process."""
        try:
            self._server.serve()
        finally:
            self.stop()

    def stop(self) -> None:
        """Stop listening; requests under way get a few seconds."""
        self._server.stop()

    def __enter__(self) -> "NodeServer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def make_server(
    node: Node,
    host: str,
    port: int,
    *,
    agent: Agent | None = None,
    site_dir: Path | None = None,
    wrap: "Callable[[WSGIApplication], WSGIApplication] | None" = None,
) -> NodeServer:
    """Open the port (0: any free one) for the pages of `node`. Raises OSError when it is taken.

    `wrap` puts a layer of the caller's before the pages.
    """
    app: WSGIApplication = create_app(node, agent=agent, site_dir=site_dir)
    return NodeServer(app if wrap is None else wrap(app), host, port)


def serve(
    node: Node,
    host: str,
    port: int,
    *,
    agent: Agent | None = None,
    site_dir: Path | None = None,
    wrap: "Callable[[WSGIApplication], WSGIApplication] | None" = None,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve `node` until interrupted; `ready` is called once with the address.

    The node stays open: whoever opened it closes it.
    """
    server = make_server(node, host, port, agent=agent, site_dir=site_dir, wrap=wrap)
    if agent is not None:
        agent.start()
    try:
        if ready is not None:
            ready(server.url)
        server.run()
    except (KeyboardInterrupt, SystemExit):
        log.info("stopping")
    finally:
        server.stop()
        if agent is not None:
            agent.stop()
