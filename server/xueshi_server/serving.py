"""A node on one port: its pages and the exchange, on a server that streams request bodies."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from xueshi_server.delivering import take_offers
from xueshi_server.lan import LanDoor
from xueshi_server.memory import Keeper, hold_heap
from xueshi_server.typeset.setting import set_apart_from_now, set_here_again
from xueshi_server.web import create_app
from xueshi_server.web.site import EXTENSION
from xueshi_server.web.work import at_end, end_work
from xueshi_sync.agent import SyncAgent
from xueshi_sync.http_listener import make_http_server
from xueshi_sync.node import Node

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from cheroot.wsgi import Server


def make_server(
    node: Node,
    host: str,
    port: int,
    *,
    agent: SyncAgent | None = None,
    site_dir: Path | None = None,
    wrap: "Callable[[WSGIApplication], WSGIApplication] | None" = None,
    lan: LanDoor | None = None,
    endings: ExitStack | None = None,
) -> "Server":
    """Open the port (0: any free one) for the pages of `node`. Raises OSError when it is taken.

    `wrap` puts a layer of the caller's before the pages. `serve()` it, or `safe_start()`. Through
    `lan` its page opens further addresses; the caller stops it. `endings`, closed after the server
    has stopped and before the node is, ends what was begun on the pages.
    """
    hold_heap()
    take_offers(node)
    app = create_app(node, agent=agent, site_dir=site_dir, lan=lan)
    keeper = Keeper(node)
    served: WSGIApplication = keeper.wrap(app if wrap is None else wrap(app))
    server = make_http_server(served, (host, port))
    server.prepare()
    if endings is not None:
        # Else the caller ends with the process, and its threads with it.
        set_apart_from_now()
        endings.callback(set_here_again)
        keeper.start()
        at_end(app, keeper.stop)
        endings.callback(end_work, app)
    if lan is not None:
        accounts = app.extensions[EXTENSION].accounts
        lan.attach(accounts, served, (host, int(server.bind_addr[1])))
    return server


def url_of(server: "Server") -> str:
    """Where a browser on this PC opens the pages."""
    host, port = server.bind_addr[:2]
    shown = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{shown}]:{port}/" if ":" in shown else f"http://{shown}:{port}/"
