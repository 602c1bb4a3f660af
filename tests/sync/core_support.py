"""Replicas over real SQLite with fixed keys, clocks and chance."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.sync.craft import SCHEMA, SUITE, County, id_of, seed_of
from xueshi_sync.digests import scope_digests
from xueshi_sync.identity import Identity, admin_scope, public_scope
from xueshi_sync.intake import Code
from xueshi_sync.replica import Replica
from xueshi_sync.sqlite_feeds import SqliteFeeds
from xueshi_sync.sqlite_view import SqliteView


class FixedEnv:
    """A clock that counts and chance that repeats."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.asked = 0
        self.time_ms = 1_700_000_000_000

    def now_ms(self) -> int:
        self.time_ms += 1
        return self.time_ms

    def random(self, count: int) -> bytes:
        self.asked += 1
        name = f"{self.label}/{self.asked}".encode()
        return hashlib.shake_256(name).digest(count)


def make_replica(folder: Path, label: str, identity: Identity, seed: bytes) -> Replica:
    """A founded node; with the county's scopes where it has joined one."""
    folder.mkdir(parents=True, exist_ok=True)
    feeds = SqliteFeeds(folder / "feed.db")
    view = SqliteView(folder / "view.db", {})
    env = FixedEnv(label)
    Replica.found(feeds, env, identity)
    replica = Replica(feeds, view, SUITE, SCHEMA, seed, env)
    replica.open_view()
    if identity.genesis is not None:
        replica.hold_scope(admin_scope(identity.genesis.net))
        replica.hold_scope(public_scope(identity.genesis.net))
    return replica


def make_observer(
    folder: Path, county: County, scopes: Iterable[bytes], label: str = "observer"
) -> Replica:
    """A node of the county that holds some scopes and has written nothing."""
    identity = Identity(id_of(f"{label}/node"), "school", id_of(f"{label}/home"), county.genesis)
    replica = make_replica(folder, label, identity, seed_of(label))
    for scope in scopes:
        replica.hold_scope(scope)
    return replica


def make_centre(folder: Path, county: County) -> Replica:
    """The county's centre."""
    genesis = county.genesis
    identity = Identity(genesis.centre_node, "centre", admin_scope(genesis.net), genesis)
    return make_replica(folder, "centre", identity, county.centre_seed)


def close(replica: Replica) -> None:
    """Close both files."""
    replica.view.close()  # type: ignore[attr-defined]
    replica.feeds.close()  # type: ignore[attr-defined]


def offer_until_settled(replica: Replica, blocks: Sequence[bytes]) -> dict[bytes, Code]:
    """Offer blocks again and again, as exchanges do, until nothing new is stored."""
    codes: dict[bytes, Code] = {}
    left = list(blocks)
    while left:
        intake = replica.accept(left, b"peer")
        codes.update(zip(left, intake.codes, strict=True))
        again = [
            data
            for data, code in zip(left, intake.codes, strict=True)
            if code not in (Code.STORED, Code.HAD)
        ]
        if len(again) == len(left):
            break
        left = again
    return codes


def digests_of(replica: Replica, scope: bytes) -> dict[str, str]:
    """Digests of all tables of one scope."""
    state = replica.feeds.scope_of(scope)
    assert state is not None
    return dict(scope_digests(replica.feeds, replica.view, replica.schema, state.scope_no))
