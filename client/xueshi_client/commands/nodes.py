"""Making and joining nodes: init, invite, join, revoke, status."""

import datetime as dt
from pathlib import Path
from typing import Any

import click
from xueshi_server.accounts import FIRST_LOGIN, create_first_admin
from xueshi_server.record_types import SCHEMA
from xueshi_sync.context import Context
from xueshi_sync.node import Node

from xueshi_client.console import Reply, WordedCommand, option
from xueshi_client.errors import HomeTakenError
from xueshi_client.state import State

ROLES = ("school", "township", "centre")


def _prepare_home(home: Path) -> Path:
    if home.exists() and any(home.iterdir()):
        raise HomeTakenError(home=str(home))
    home.mkdir(parents=True, exist_ok=True)
    return home


@click.command(cls=WordedCommand)
@option("--role", type=click.Choice(ROLES), required=True, help="cli.opt.role")
@option("--name", required=True, help="cli.opt.name")
@option("--code", required=True, help="cli.opt.code")
@click.pass_obj
def init(state: State, role: str, name: str, code: str) -> Reply:
    home = _prepare_home(state.home)
    node = Node.create(
        home, role=role, name=name, code=code, schema=SCHEMA, context=Context.system()
    )
    try:
        data = {
            "home": str(home),
            "node_id": node.node_id.hex(),
            "role": role,
            "name": name,
            "code": code,
            "login": FIRST_LOGIN,
            "one_time_code": create_first_admin(home),
        }
    finally:
        node.close()
    lines = [state.word("cli.init.done", **data), state.word("cli.init.admin", **data)]
    return Reply(data, lines)


@click.command(cls=WordedCommand)
@option("--code", required=True, help="cli.opt.code")
@option("--name", required=True, help="cli.opt.name")
@option(
    "--role",
    type=click.Choice(("school", "township")),
    default="school",
    show_default=True,
    help="cli.opt.role",
)
@option("--url", "urls", multiple=True, help="cli.opt.invite_url")
@click.pass_obj
def invite(state: State, code: str, name: str, role: str, urls: tuple[str, ...]) -> Reply:
    with state.open_node("centre") as node:
        invitation = node.invite(code, name, role=role, urls=urls)
    data = {"invitation": invitation, "code": code, "name": name}
    return Reply(data, [state.word("cli.invite.done", **data), invitation])


@click.command(cls=WordedCommand)
@click.argument("invitation")
@option("--url", help="cli.opt.url")
@click.pass_obj
def join(state: State, invitation: str, url: str | None) -> Reply:
    with state.open_node() as node:
        node.join(invitation, url=url)
        data = {"enrolled": node.enrolled, "name": node.name, "code": node.code}
    key = "cli.join.done" if data["enrolled"] else "cli.join.waiting"
    return Reply(data, [state.word(key, **data)])


@click.command(cls=WordedCommand)
@click.argument("node_id")
@option("--reason", default="", help="cli.opt.reason")
@click.pass_obj
def revoke(state: State, node_id: str, reason: str) -> Reply:
    try:
        wanted = bytes.fromhex(node_id)
    except ValueError as error:
        raise click.BadParameter("NODE is a hexadecimal id") from error
    with state.open_node("centre") as node:
        node.revoke(wanted, reason)
    data = {"node_id": node_id, "reason": reason, "revoked": True}
    return Reply(data, [state.word("cli.revoke.done", **data)])


def _describe_peer(state: State, peer: dict[str, Any]) -> str:
    when = peer.get("last_contact_ms")
    if not when:
        return state.word("cli.status.peer_never", name=peer["name"])
    text = dt.datetime.fromtimestamp(when / 1000).strftime("%Y-%m-%d %H:%M")
    return state.word("cli.status.peer", name=peer["name"], when=text)


@click.command(cls=WordedCommand)
@click.pass_obj
def status(state: State) -> Reply:
    with state.open_node() as node:
        data = node.status()
    lines = [
        state.word("cli.status.head", **data),
        state.word(f"cli.status.{'joined' if data['enrolled'] else 'alone'}"),
        state.word("cli.status.unsent", **data),
        state.word("cli.status.heads", count=len(data["heads"])),
        *(_describe_peer(state, peer) for peer in data["peers"]),
        *(state.word(f"notice.{code}") for code in data["notices"]),
        state.word("cli.status.size", mb=data["db_bytes"] / 1e6, version=data["version"]),
    ]
    return Reply(data, lines)


COMMANDS = (init, invite, join, revoke, status)
