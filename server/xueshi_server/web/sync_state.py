"""The state of sync in plain words: what the page says, and in which tone."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from xueshi_sync.agent import SyncAgent
from xueshi_sync.node import Node

# A school that has not been heard for a week should carry a file to the centre.
LATE_S: Final = 7 * 86400


class Synchronised(Protocol):
    """A node and its background agent, if it has one."""

    node: Node
    agent: SyncAgent | None


@dataclass(frozen=True, slots=True)
class PeerLine:
    """When a peer was last heard, and over what; `age_s` None: never."""

    name: str
    code: str
    age_s: float | None
    carrier: str


@dataclass(frozen=True, slots=True)
class SyncState:
    """What the sync card and the sync page show."""

    tone: str
    sentence: str
    values: Mapping[str, object]
    unsent: int
    last_contact_s: int | None
    since_contact_s: float
    peers: tuple[PeerLine, ...]
    heads: tuple[Mapping[str, Any], ...]
    notices: tuple[str, ...]
    version: str
    epoch: str
    db_bytes: int


def read_sync_state(site: Synchronised) -> SyncState:
    """Gather the node's and the agent's state."""
    status: dict[str, Any] = site.node.status()
    now_s = time.time()
    peers = tuple(_peer_line(peer, now_s) for peer in status["peers"])
    contacts = [peer["last_contact_ms"] for peer in status["peers"]]
    last_s = max((at // 1000 for at in contacts if at), default=None)
    since_s = max(0.0, now_s - last_s) if last_s else 0.0
    unsent = status["unsent_ops"]
    tone, sentence, values = _choose_words(site, unsent, last_s, since_s)
    return SyncState(
        tone=tone,
        sentence=sentence,
        values=values,
        unsent=unsent,
        last_contact_s=last_s,
        since_contact_s=since_s,
        peers=peers,
        heads=tuple(status["heads"]),
        notices=tuple(status["notices"]),
        version=str(status["software"]),
        epoch=status["epoch"],
        db_bytes=status["db_bytes"],
    )


def _peer_line(peer: Mapping[str, Any], now_s: float) -> PeerLine:
    at_ms = peer["last_contact_ms"]
    age_s = max(0.0, now_s - at_ms / 1000) if at_ms else None
    return PeerLine(str(peer["name"]), str(peer["code"]), age_s, str(peer.get("carrier") or ""))


def _choose_words(
    site: Synchronised, unsent: int, last_s: int | None, since_s: float
) -> tuple[str, str, Mapping[str, object]]:
    """The one sentence that a person should read first."""
    if site.node.role == "centre":
        return "good", "sync.is_centre", {}
    if not site.node.enrolled:
        return "warn", "sync.is_alone", {}
    if site.agent is not None:
        said = site.agent.status()
        if said.words != "idle":
            return said.tone, f"agent.{said.words}", said.values
    if last_s is None:
        return "warn", "sync.never", {}
    if unsent and since_s > LATE_S:
        return "bad", "sync.late", {"days": int(since_s // 86400)}
    return ("calm", "sync.waiting", {}) if unsent else ("good", "sync.level", {})
