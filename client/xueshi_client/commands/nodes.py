"""Making and joining nodes: init, invite, join, revoke, status."""

import datetime as dt
import re
from pathlib import Path
from typing import Any

import click

from xueshi_client.console import Reply, WordedCommand, option
from xueshi_client.errors import (
    AlreadyJoinedError,
    HomeTakenError,
    InvitationRefusedError,
    UnknownNodeError,
    WrongRoleError,
)
from xueshi_client.state import State
from xueshi_client.usage import WordedValueError
from xueshi_client.values import CODE, ORGANISATION, URL
from xueshi_server.accounts import FIRST_LOGIN, create_first_admin
from xueshi_server.record_types import SCHEMA
from xueshi_server.sealing import ensure_seal_key
from xueshi_sync.context import Context
from xueshi_sync.errors import NetworkError, RefusedError
from xueshi_sync.node import Node

# The line on joining says it.
_SAID_ALREADY = ("notice.not_joined", "notice.not_enrolled")
# A person waits; the background agent tries again later.
FIRST_EXCHANGE_S = 60.0
ROLES = ("school", "township", "centre")


def _prepare_home(home: Path) -> Path:
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise HomeTakenError(home=str(home))
    home.mkdir(parents=True, exist_ok=True)
    return home


def create_node(home: Path, role: str, name: str, code: str) -> dict[str, Any]:
    """Make a node and its first administrator; what there is to say about them.

    Raises HomeTakenError.
    """
    home = _prepare_home(home)
    node = Node.create(
        home, role=role, name=name, code=code, schema=SCHEMA, context=Context.system()
    )
    try:
        ensure_seal_key(node)
        return {
            "home": str(home),
            "node_id": node.node_id,
            "role": role,
            "name": name,
            "code": code,
            "login": FIRST_LOGIN,
            "one_time_code": create_first_admin(home),
        }
    finally:
        node.close()


@click.command(cls=WordedCommand)
@option("--role", type=click.Choice(ROLES), required=True, help="cli.opt.role")
@option("--name", type=ORGANISATION, required=True, help="cli.opt.name")
@option("--code", type=CODE, required=True, help="cli.opt.code")
@click.pass_obj
def init(state: State, role: str, name: str, code: str) -> Reply:
    data = create_node(state.home, role, name, code)
    lines = [state.word("cli.init.done", **data), state.word("cli.init.admin", **data)]
    return Reply(data, lines)


@click.command(cls=WordedCommand)
@option("--code", type=CODE, required=True, help="cli.opt.code")
@option("--name", type=ORGANISATION, required=True, help="cli.opt.name")
@option(
    "--role",
    type=click.Choice(("school", "township")),
    default="school",
    show_default=True,
    help="cli.opt.invite_role",
)
@option("--url", "urls", type=URL, multiple=True, help="cli.opt.invite_url")
@click.pass_obj
def invite(state: State, code: str, name: str, role: str, urls: tuple[str, ...]) -> Reply:
    with state.open_node("centre") as node:
        invitation = node.invite(code, name, role=role, urls=urls)
    data = {"invitation": invitation, "code": code, "name": name}
    return Reply(data, [state.word("cli.invite.done", **data), invitation])


@click.command(cls=WordedCommand)
@click.argument("invitation")
@option("--url", type=URL, help="cli.opt.url")
@click.pass_obj
def join(state: State, invitation: str, url: str | None) -> Reply:
    with state.open_node() as node:
        _require_joinable(node)
        node.join(invitation, url=url)
        why = _try_first_exchange(node)
        data = {"enrolled": node.enrolled, "name": node.name, "code": node.code, "why": why}
    key = "cli.join.done" if data["enrolled"] else "cli.join.waiting"
    return Reply(data, [state.word(key, **data)])


def _require_joinable(node: Node) -> None:
    if node.role == "centre":
        raise WrongRoleError(role=node.role, needed="school")
    if node.enrolled:
        genesis = node.genesis
        raise AlreadyJoinedError(county=genesis.name if genesis else "")


def _try_first_exchange(node: Node) -> str:
    """The first exchange enrols; without a line a later one does. Returns why not, or nothing."""
    if not node.urls:
        return "client.no_address"
    try:
        node.sync_once(deadline_s=FIRST_EXCHANGE_S)
    except NetworkError as error:
        return error.code
    except RefusedError as error:
        raise InvitationRefusedError from error
    return ""


@click.command(cls=WordedCommand)
@click.argument("node_id")
@option("--reason", default="", help="cli.opt.reason")
@click.pass_obj
def revoke(state: State, node_id: str, reason: str) -> Reply:
    if not re.fullmatch("[0-9a-f]{32}", node_id):
        raise WordedValueError("node_id")
    with state.open_node("centre") as node:
        if not node.query("SELECT 1 FROM _node WHERE node = ?", (bytes.fromhex(node_id),)):
            raise UnknownNodeError(node=node_id)
        scopes = node.revoke(node_id, reason)
    data = {"node_id": node_id, "reason": reason, "scopes": scopes}
    return Reply(data, [state.word("cli.revoke.done", **data)])


def _describe_peer(state: State, peer: dict[str, Any]) -> str:
    when = peer.get("last_contact_ms")
    if not when:
        return state.word("cli.status.peer_never", name=peer["name"])
    text = dt.datetime.fromtimestamp(when / 1000).strftime("%Y-%m-%d %H:%M")
    return state.word("cli.status.peer", name=peer["name"], when=text)


def _standing(data: dict[str, Any]) -> str:
    if data["role"] == "centre":
        return "centre"
    return "joined" if data["enrolled"] else "alone"


def _name_nodes(state: State, peers: list[dict[str, Any]]) -> list[str]:
    """The ids that `revoke` asks for."""
    return [state.word("cli.status.node", **each) for each in peers]


@click.command(cls=WordedCommand)
@click.pass_obj
def status(state: State) -> Reply:
    with state.open_node() as node:
        data: dict[str, Any] = dict(node.status())
    lines = [
        state.word("cli.status.head", **data),
        state.word(f"cli.status.{_standing(data)}"),
        state.word("cli.status.unsent", **data),
        *([state.word("cli.status.conflicts", **data)] if data["conflicts"] else []),
        *(_describe_peer(state, peer) for peer in data["peers"]),
        *(_name_nodes(state, data["peers"]) if data["role"] == "centre" else []),
        *(state.word(code) for code in data["notices"] if code not in _SAID_ALREADY),
        state.word("cli.status.size", mb=data["db_bytes"] / 1e6, **data),
    ]
    return Reply(data, lines)


COMMANDS = (init, invite, join, revoke, status)
