"""Carrying records: one exchange by HTTP (sync) or by a file on any carrier (pack, unpack)."""

import dataclasses
from pathlib import Path
from typing import Any

import click

from xueshi_client.console import FilePath, Reply, WordedCommand, option
from xueshi_client.state import State


def _as_dict(report: Any) -> dict[str, Any]:
    if dataclasses.is_dataclass(report) and not isinstance(report, type):
        return dataclasses.asdict(report)
    return {name: getattr(report, name) for name in report.__struct_fields__}


@click.command(cls=WordedCommand)
@option("--url", help="cli.opt.url")
@option("--deadline", "deadline_s", type=float, default=600.0, help="cli.opt.deadline")
@click.pass_obj
def sync(state: State, url: str | None, deadline_s: float) -> Reply:
    with state.open_node() as node:
        data = _as_dict(node.sync_once(url, deadline_s=deadline_s))
    return Reply(data, [state.word("cli.sync.done", **data)])


@click.command(cls=WordedCommand)
@click.argument("file", type=FilePath())
@option("--to", "recipient", help="cli.opt.to")
@click.pass_obj
def pack(state: State, file: Path, recipient: str | None) -> Reply:
    with state.open_node() as node:
        data = {"file": str(file), **_as_dict(node.pack(file, to=recipient))}
    return Reply(data, [state.word("cli.pack.done", **data)])


@click.command(cls=WordedCommand)
@click.argument("file", type=FilePath(must_exist=True))
@click.pass_obj
def unpack(state: State, file: Path) -> Reply:
    with state.open_node() as node:
        data = {"file": str(file), **_as_dict(node.unpack(file))}
    return Reply(data, [state.word("cli.unpack.done", **data)])


COMMANDS = (sync, pack, unpack)
