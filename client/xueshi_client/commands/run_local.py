"""Keeping a node open for people: serve and desktop."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import click

from xueshi_client.address import find_lan_address
from xueshi_client.console import EXIT_OK, EXIT_REFUSED, Reply, WordedCommand, option, show
from xueshi_client.errors import AlreadyServingError
from xueshi_client.running import read_running
from xueshi_client.serving import LOOPBACK, serve_node, wait_for_stop
from xueshi_client.state import State
from xueshi_client.values import PORT
from xueshi_server.lan import LanDoor
from xueshi_sync.errors import NodeInUseError

EVERYWHERE = "0.0.0.0"
# Ctrl-C, a polite kill, a closed terminal; the last is what Windows sends for Ctrl-Break.
_STOPPING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C and a polite kill set; the handlers are put back afterwards."""
    stopping = threading.Event()
    with _handling(lambda _number, _frame: stopping.set()):
        yield stopping


@contextmanager
def _handling(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Use `handler` for everything that ends a program; what was there is put back."""
    numbers = [getattr(signal, name) for name in _STOPPING if hasattr(signal, name)]
    # Under nohup a closed terminal is to change nothing.
    heard = [each for each in numbers if signal.getsignal(each) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in heard}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def polite_kill() -> Iterator[None]:
    """A polite kill ends the block as Ctrl-C does, so that what it opened is closed."""
    with _handling(signal.default_int_handler):
        yield


@click.command(cls=WordedCommand)
@option("--host", default=LOOPBACK, show_default=True, help="cli.opt.host")
@option("--port", type=PORT, help="cli.opt.kept_port")
@option("--lan", is_flag=True, help="cli.opt.lan")
@click.pass_obj
def serve(state: State, host: str, port: int | None, lan: bool) -> None:
    with (
        stop_signals() as stopping,
        _open_for_serving(state) as node,
        serve_node(node, host=host, port=port, lan=LanDoor(wanted=lan)) as served,
    ):
        data = {"url": served.url, "port": served.port, "name": node.name, "role": node.role}
        lines = [state.word("cli.serve.serving", **data)]
        if (lan or host == EVERYWHERE) and (seen := find_lan_address()) is not None:
            data["lan"] = f"http://{seen}:{served.port}"
            lines.append(state.word("cli.serve.lan", **data))
        if served.kept_port not in (0, served.port):
            lines.append(state.word("cli.serve.other_port", kept=served.kept_port, **data))
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
@option("--browser", "in_browser", is_flag=True, help="cli.opt.in_browser")
@option("--title-only", is_flag=True, help="cli.opt.title_only")
@click.option("--first", is_flag=True, hidden=True)
@click.pass_obj
def desktop(state: State, in_browser: bool, title_only: bool, first: bool) -> Reply:
    from xueshi_client.desktop import choose_engine, open_desktop

    if first:
        from xueshi_client.first_start import FirstStart

        made = FirstStart(state).run(choose_engine(state.language))
        return Reply({"made": made}, [], EXIT_OK if made else EXIT_REFUSED)
    state.say("cli.desktop.opening")
    opened, title = open_desktop(state, in_browser=in_browser, title_only=title_only)
    word = "brought" if opened == "brought" else "closed"
    return Reply({"opened": opened, "title": title}, [state.word(f"cli.desktop.{word}")])


COMMANDS = (serve, desktop)
