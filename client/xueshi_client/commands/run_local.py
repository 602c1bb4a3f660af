"""Keeping a node open for people: serve and desktop."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from xueshi_client.address import find_lan_address
from xueshi_client.console import Reply, WordedCommand, option, show
from xueshi_client.errors import AlreadyServingError
from xueshi_client.running import read_running
from xueshi_client.serving import LOOPBACK, serve_node, wait_for_stop
from xueshi_client.state import State
from xueshi_sync.errors import NodeInUseError

DEFAULT_PORT = 8080
EVERYWHERE = "0.0.0.0"


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C and a polite kill set; the handlers are put back afterwards."""
    stopping = threading.Event()
    names = [name for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)]
    before = {
        getattr(signal, name): signal.signal(
            getattr(signal, name), lambda _number, _frame: stopping.set()
        )
        for name in names
    }
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def polite_kill() -> Iterator[None]:
    """A polite kill ends the block as Ctrl-C does, so that what it opened is closed."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@click.command(cls=WordedCommand)
@option("--host", default=LOOPBACK, show_default=True, help="cli.opt.host")
@option("--port", type=int, default=DEFAULT_PORT, show_default=True, help="cli.opt.port")
@click.pass_obj
def serve(state: State, host: str, port: int) -> None:
    with (
        stop_signals() as stopping,
        _open_for_serving(state) as node,
        serve_node(node, host=host, port=port) as served,
    ):
        data = {"url": served.url, "port": served.port, "name": node.name, "role": node.role}
        lines = [state.word("cli.serve.serving", **data)]
        if host == EVERYWHERE and (lan := find_lan_address()) is not None:
            data["lan"] = f"http://{lan}:{served.port}"
            lines.append(state.word("cli.serve.lan", **data))
        show(state, Reply(data, lines))
        wait_for_stop(stopping)
    state.say("cli.serve.stopped")


@contextmanager
def _open_for_serving(state: State) -> Iterator[Any]:
    """The node, unless it is served already: then the error says where."""
    try:
        with state.open_node() as node:
            yield node
    except NodeInUseError as error:
        running = read_running(state.home)
        if running is None:
            raise
        raise AlreadyServingError(url=f"http://{LOOPBACK}:{running.port}") from error


@click.command(cls=WordedCommand)
@option("--title-only", is_flag=True, help="cli.opt.title_only")
@click.pass_obj
def desktop(state: State, title_only: bool) -> Reply:
    from xueshi_client.desktop import open_window

    state.say("cli.desktop.opening")
    title = open_window(state, title_only=title_only)
    return Reply({"title": title}, [state.word("cli.desktop.closed")])


COMMANDS = (serve, desktop)
