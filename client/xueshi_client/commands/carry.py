"""Carrying records: one exchange by HTTP (sync) or by a file on any carrier (pack, unpack)."""

import dataclasses
from pathlib import Path
from typing import Any

import click

from xueshi_client.console import FilePath, Reply, WordedCommand, option
from xueshi_client.errors import (
    NoAddressError,
    NoRecipientError,
    NotJoinedError,
    UnknownNodeError,
    WrongRoleError,
)
from xueshi_client.state import State
from xueshi_client.values import SECONDS, URL
from xueshi_sync.errors import NodeStateError
from xueshi_sync.node import Node


@click.command(cls=WordedCommand)
@option("--url", type=URL, help="cli.opt.url")
@option("--deadline", "deadline_s", type=SECONDS, help="cli.opt.deadline")
@click.pass_obj
def sync(state: State, url: str | None, deadline_s: float | None) -> Reply:
    with state.open_node() as node, state.progress("cli.sync.running") as step:
        _require_address(node, url)
        if state.agent is not None and url is None:
            # Never two at once: this joins the exchange under way, if there is one.
            report: Any = state.agent.sync_now()
        else:
            shown = None if step is None else lambda _phase, done, total: step(done, total)
            report = node.sync_once(url, deadline_s=deadline_s, progress=shown)
    data = dataclasses.asdict(report)
    return Reply(data, [state.word("cli.sync.done", **data)])


@click.command(cls=WordedCommand)
@click.argument("file", type=FilePath(new=True))
@option("--to", "recipient", help="cli.opt.to")
@click.pass_obj
def pack(state: State, file: Path, recipient: str | None) -> Reply:
    with state.open_node() as node:
        _require_recipient(node, recipient)
        try:
            data = {"file": str(file), **dataclasses.asdict(node.pack(file, to=recipient))}
        except NodeStateError as error:
            raise UnknownNodeError(node=recipient) from error
    return Reply(data, [state.word("cli.pack.done", **data)])


@click.command(cls=WordedCommand)
@click.argument("file", type=FilePath(must_exist=True))
@option("--reply", type=FilePath(new=True), help="cli.opt.reply")
@click.pass_obj
def unpack(state: State, file: Path, reply: Path | None) -> Reply:
    with state.open_node() as node:
        report = node.unpack(file)
        state.tell_saved()
        name = _name_sender(node, report.sender)
        data = {"file": str(file), "sender_name": name, **dataclasses.asdict(report)}
        if reply is not None:
            data["reply"] = dataclasses.asdict(node.pack(reply, to=report.sender))
    lines = [state.word("cli.unpack.done", **data)]
    if not report.complete:
        lines.append(state.word("cli.unpack.cut"))
    if report.codes:
        lines.append(state.word("cli.unpack.held", count=sum(report.codes.values())))
    if reply is not None:
        lines.append(state.word("cli.unpack.reply", name=name, file=reply))
    return Reply(data, lines)


def _require_address(node: Node, url: str | None) -> None:
    """A centre is called and calls nobody; a school needs an invitation and an address."""
    if node.role == "centre":
        raise WrongRoleError(role=node.role, needed="school")
    if node.genesis is None:
        raise NotJoinedError
    if url is None and not node.urls:
        raise NoAddressError


def _require_recipient(node: Node, to: str | None) -> None:
    if node.genesis is None:
        raise NotJoinedError
    if node.role == "centre" and to in (None, node.code):
        raise NoRecipientError


def _name_sender(node: Node, sender: str) -> str:
    rows = node.query("SELECT name FROM author WHERE node_id = ?", (sender,))
    return str(rows[0]["name"] or sender) if rows else sender


COMMANDS = (sync, pack, unpack)
