"""Whose facts are here, and until which day: what the bounds of every figure rest on."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Final

from xueshi_server.domain.rules.facts import Heard, School, Scope
from xueshi_server.node_clock import day_of_ms, today_of
from xueshi_sync.block import parse_block
from xueshi_sync.node import Node
from xueshi_sync.plan import split_heads
from xueshi_sync.store import PeerState

SCHOOLS: Final = ("school", "township")
_BUNDLE: Final = "bundle"


def read_scopes(node: Node) -> dict[int, Scope]:
    """Local number of a scope to its code, each once; the county's own scopes have its code."""
    genesis = node.genesis
    county = "" if genesis is None else genesis.code
    home = node.replica.home_scope_no
    found: dict[int, Scope] = {}
    taken: set[Scope] = set()
    rows = node.query("SELECT scope_no, code FROM scope ORDER BY code IS NULL, code, scope_no")
    for row in rows:
        code = row["code"] or (node.code if row["scope_no"] == home else county)
        # Two scopes of one code: a school that was begun anew.
        found[row["scope_no"]] = f"{code}~{row['scope_no']}" if code in taken else code
        taken.add(found[row["scope_no"]])
    return found


def read_heard(node: Node, scopes: Mapping[int, Scope]) -> Heard:
    """The schools that are expected here, and until when everything of each is here."""
    home, today = node.replica.home_scope_no, today_of(node)
    is_centre = node.replica.is_centre
    peers = {peer.node: peer for peer in node.feeds.peers()}
    speakers = _speakers(node)
    schools: dict[Scope, School] = {}
    for row in node.query("SELECT scope_no, name, kind FROM scope"):
        scope_no, kind = row["scope_no"], row["kind"]
        own = scope_no == home and not is_centre
        if kind in SCHOOLS or own:
            code = scopes[scope_no]
            until = today if own else _until(node, scope_no, speakers.get(scope_no, ()), peers)
            schools[code] = School(code, row["name"] or node.name, kind or node.role, until)
    return Heard(schools, dt.date.max if is_centre else _county(node, peers), is_centre)


def _speakers(node: Node) -> dict[int, list[bytes]]:
    """Who may write into each scope."""
    found: dict[int, list[bytes]] = {}
    rows = node.query("SELECT scope_no, node FROM _node WHERE granted AND NOT deleted")
    for row in rows:
        found.setdefault(row["scope_no"], []).append(bytes(row["node"]))
    return found


def _until(
    node: Node, scope_no: int, speakers: Iterable[bytes], peers: Mapping[bytes, PeerState]
) -> dt.date | None:
    """The latest day until which everything of one of its nodes is here."""
    days = [_until_of(node, scope_no, each, peers.get(each)) for each in speakers]
    return max((day for day in days if day is not None), default=None)


def _until_of(node: Node, scope_no: int, speaker: bytes, peer: PeerState | None) -> dt.date | None:
    """On a line a node says what it has: the day of the contact, once all of that is here.

    A stick or a chat file may have lain about: then the day of its newest record."""
    if peer is not None and peer.contact_ms and peer.carrier != _BUNDLE:
        said = [block for blocks in split_heads(peer.heads).values() for block in blocks]
        if said and node.replica.holds(said):
            return day_of_ms(peer.contact_ms)
    newest = max(
        (
            parse_block(node.feeds.block_data(stored.scope_no, stored.no)).header.wall_ms
            for feed in node.feeds.feeds(scope_no)
            if feed.node == speaker
            for short, _ in node.feeds.heads_of(feed.feed)
            if (stored := node.feeds.block(short)) is not None
        ),
        default=None,
    )
    return None if newest is None else min(day_of_ms(newest), today_of(node))


def _county(node: Node, peers: Mapping[bytes, PeerState]) -> dt.date | None:
    """Until when the county's own records are here: the last word from the centre."""
    genesis = node.genesis
    peer = None if genesis is None else peers.get(genesis.centre_node)
    return None if peer is None or not peer.contact_ms else day_of_ms(peer.contact_ms)
