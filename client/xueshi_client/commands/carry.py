"""Carrying records: one exchange by HTTP (sync) or by a file on any carrier (pack, unpack)."""

import dataclasses
from pathlib import Path
from typing import Any

import click

from xueshi_client.console import FilePath, Reply, WordedCommand, option
from xueshi_client.state import State


@click.command(cls=WordedCommand)
@option("--url", help="cli.opt.url")
@option("--deadline", "deadline_s", type=float, help="cli.opt.deadline")
@click.pass_obj
def sync(state: State, url: str | None, deadline_s: float | None) -> Reply:
    with state.open_node() as node:
        if state.agent is not None and url is None:
            # Never two at once: this joins the exchange under way, if there is one.
            report: Any = state.agent.sync_now()
        else:
            report = node.sync_once(url, deadline_s=deadline_s)
    data = dataclasses.asdict(report)
    return Reply(data, [state.word("cli.sync.done", **data)])


@click.command(cls=WordedCommand)
@click.argument("file", type=FilePath())
@option("--to", "recipient", help="cli.opt.to")
@click.pass_obj
def pack(state: State, file: Path, recipient: str | None) -> Reply:
    with state.open_node() as node:
        data = {"file": str(file), **dataclasses.asdict(node.pack(file, to=recipient))}
    return Reply(data, [state.word("cli.pack.done", **data)])


@click.command(cls=WordedCommand)
@click.argument("file", type=FilePath(must_exist=True))
@click.pass_obj
def unpack(state: State, file: Path) -> Reply:
    with state.open_node() as node:
        data = {"file": str(file), **dataclasses.asdict(node.unpack(file))}
    lines = [state.word("cli.unpack.done", **data)]
    if not data["complete"]:
        lines.append(state.word("cli.unpack.cut"))
    return Reply(data, lines)


COMMANDS = (sync, pack, unpack)
