"""The key that a county's personal numbers are sealed to: seal-key show, rotate, destroy."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

import click

from xueshi_client.console import Reply, WordedGroup, option
from xueshi_client.state import State
from xueshi_server.accounts import Accounts
from xueshi_server.resealing import Resealed, describe_keys, destroy_old, rotate
from xueshi_sync.node import Node


@contextmanager
def _noted(node: Node, what: str, actor: str) -> Iterator[list[str]]:
    """Write down who did it, with what was put into the list, when it is done."""
    details: list[str] = []
    yield details
    accounts = Accounts(node.home)
    try:
        accounts.note(what, actor, detail=", ".join(details))
    finally:
        accounts.close()


@click.group("seal-key", cls=WordedGroup)
def seal_key() -> None:
    pass


@seal_key.command("show")
@click.pass_obj
def _show(state: State) -> Reply:
    with state.open_node("centre") as node:
        found = describe_keys(node)
    lines = [
        state.word(
            "cli.seal_key.held" if each.is_held else "cli.seal_key.gone",
            **dataclasses.asdict(each),
        )
        for each in found
    ]
    data = {"keys": [dataclasses.asdict(each) for each in found]}
    return Reply(data, lines)


@seal_key.command("rotate")
@option("--actor", default="admin", show_default=True, help="cli.opt.actor")
@click.pass_obj
def _rotate(state: State, *, actor: str) -> Reply:
    with (
        state.open_node("centre") as node,
        state.progress("cli.seal_key.running") as step,
        _noted(node, "rotate_seal_key", actor) as details,
    ):
        done = rotate(node, actor=actor, progress=step)
        details.append(str(done.generation))
    state.tell_saved()
    return _reply(state, "cli.seal_key.rotated", done)


@seal_key.command("destroy")
@option("--anyway", is_flag=True, help="cli.opt.anyway")
@option("--actor", default="admin", show_default=True, help="cli.opt.actor")
@click.pass_obj
def _destroy(state: State, *, anyway: bool, actor: str) -> Reply:
    with (
        state.open_node("centre") as node,
        state.progress("cli.seal_key.running") as step,
        _noted(node, "destroy_seal_key", actor) as details,
    ):
        done = destroy_old(node, actor=actor, anyway=anyway, progress=step)
        details += [str(each) for each in done.destroyed]
    state.tell_saved()
    key = "cli.seal_key.destroyed" if done.destroyed else "cli.seal_key.none_older"
    return _reply(state, key, done)


def _reply(state: State, key: str, done: Resealed) -> Reply:
    data = dataclasses.asdict(done)
    values = data | {"destroyed": ", ".join(str(each) for each in done.destroyed)}
    lines = [state.word(key, **values)]
    if done.disputed:
        lines.append(state.word("cli.seal_key.disputed", **values))
    if done.closed:
        lines.append(state.word("cli.seal_key.closed", **values))
    return Reply(data, lines)


COMMANDS = (seal_key,)
