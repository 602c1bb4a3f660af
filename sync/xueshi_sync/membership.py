"""Founding, inviting, joining, revoking, and what a node says of itself."""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from xueshi_sync.body import K_BITS
from xueshi_sync.context import Context
from xueshi_sync.errors import (
    AlreadyJoinedError,
    BadTicketError,
    InvalidWriteError,
    MissingKeyError,
    NodeStateError,
    NotJoinedError,
    UnknownNodeError,
    WrongTierError,
)
from xueshi_sync.holdings import SOFTWARE
from xueshi_sync.identity import (
    TIERS,
    Genesis,
    Identity,
    SignedGenesis,
    admin_scope,
    centre_scope,
    public_scope,
    sign_genesis,
)
from xueshi_sync.keys import read_key, write_key
from xueshi_sync.paths import Paths
from xueshi_sync.receipts import stored_receipt
from xueshi_sync.replica import Replica
from xueshi_sync.reports import Invited, Passport
from xueshi_sync.sqlite_feeds import SqliteFeeds
from xueshi_sync.store import PeerState
from xueshi_sync.suite import Ed25519Suite
from xueshi_sync.ticket import SECRET_BYTES, Ticket, decode_ticket, encode_ticket
from xueshi_sync.writer import CENTRE_SCOPE, Action, RecordKey

if TYPE_CHECKING:
    from xueshi_sync.node import Node

SUITE: Final = Ed25519Suite()
CENTRE: Final = "centre"
URLS_MAX: Final = 4


def found_node(paths: Paths, *, role: str, name: str, code: str, context: Context) -> None:
    """Write keys and an empty store; raises NodeStateError where a node is already."""
    if role not in TIERS:
        raise InvalidWriteError(f"role {role}", field="role")
    if paths.feed.exists() or paths.key.exists():
        raise NodeStateError("this folder already holds a node", path=str(paths.home))
    paths.feed.parent.mkdir(parents=True, exist_ok=True)
    seed = context.random(32)
    write_key(paths.key, seed)
    feeds = SqliteFeeds(paths.feed)
    try:
        if role == CENTRE:
            _found_centre(paths, feeds, seed, name, code, context)
        else:
            identity = Identity(context.random(16), role, context.random(16))
            Replica.found(feeds, context, identity)
        with feeds.feed_transaction():
            feeds.put_meta("name", name.encode())
            feeds.put_meta("code", code.encode())
            feeds.put_meta("key_check", key_check(seed))
    finally:
        feeds.close()


def _found_centre(
    paths: Paths, feeds: SqliteFeeds, seed: bytes, name: str, code: str, context: Context
) -> None:
    root = context.random(32)
    write_key(paths.root_key, root)
    genesis = Genesis(
        1, 1, code, name, context.random(16), SUITE.public_key(root), context.random(16),
        SUITE.public_key(seed),
    )  # fmt: skip
    identity = Identity(genesis.centre_node, CENTRE, admin_scope(genesis.net), genesis)
    Replica.found(feeds, context, identity)
    with feeds.feed_transaction():
        feeds.add_scope(public_scope(genesis.net))
        feeds.put_meta("genesis", msgspec.msgpack.encode(sign_genesis(SUITE, root, genesis)))


def hold_centre_scope(replica: Replica) -> None:
    """Give a centre the scope that only it holds, and that it grants to nobody (PROTOCOL 7.4)."""
    if not replica.is_centre:
        return
    scope = centre_scope(replica.seed, replica.net)
    replica.hold_scope(scope)
    if replica.feeds.meta(CENTRE_SCOPE) != scope:
        with replica.lock, replica.feeds.feed_transaction():
            replica.feeds.put_meta(CENTRE_SCOPE, scope)


def known_names(feeds: SqliteFeeds) -> Mapping[bytes, tuple[str, str, str]]:
    """(code, name, tier) of nodes that stand in no table: this one, and the county's centre."""
    identity = msgspec.msgpack.decode(feeds.meta("identity") or b"", type=Identity)
    own = (
        (feeds.meta("code") or b"").decode(),
        (feeds.meta("name") or b"").decode(),
        identity.tier,
    )
    names = {identity.node: own}
    if identity.genesis is not None:
        genesis = identity.genesis
        names[genesis.centre_node] = (genesis.code, genesis.name, CENTRE)
    return names


def invite(node: "Node", code: str, name: str, role: str, urls: list[str]) -> str:
    """Issue a ticket and keep its secret until it is used."""
    if not node.replica.is_centre:
        raise WrongTierError("only the centre invites")
    if role not in TIERS or role == CENTRE:
        raise InvalidWriteError(f"role {role}", field="role")
    signed = msgspec.msgpack.decode(node.feeds.meta("genesis") or b"", type=SignedGenesis)
    random = node.context.random
    ticket = Ticket(
        signed, random(16), _scope_for(node, code) or random(16), random(SECRET_BYTES), code, name,
        role, urls,
    )  # fmt: skip
    with node.replica.lock, node.feeds.feed_transaction():
        node.feeds.put_meta(f"ticket/{ticket.node.hex()}", msgspec.msgpack.encode(ticket))
        node.feeds.put_meta(f"scope/{code}", ticket.scope)
    return encode_ticket(ticket)


def open_invitations(node: "Node") -> list[Invited]:
    """The invitations that nobody used yet, by code."""
    joined = {bytes(row["node"]) for row in node.query("SELECT node FROM _node")}
    with node.replica.lock:
        kept = node.feeds.metas("ticket/")
    tickets = [msgspec.msgpack.decode(value, type=Ticket) for value in kept.values()]
    found = [
        Invited(each.node.hex(), each.code, each.name, each.tier, encode_ticket(each))
        for each in tickets
        if each.node not in joined
    ]
    return sorted(found, key=lambda each: (each.code, each.node_id))


def withdraw_invitation(node: "Node", node_id: str) -> bool:
    """Let an invitation that nobody used be worth nothing; False where there is none."""
    if all(each.node_id != node_id for each in open_invitations(node)):
        return False
    with node.replica.lock, node.feeds.feed_transaction():
        node.feeds.drop_meta(f"ticket/{node_id}")
    return True


def _scope_for(node: "Node", code: str) -> bytes | None:
    """The scope a code already has, so that a replaced PC gets its school's data back."""
    rows = node.query("SELECT scope_id FROM scope WHERE code = ? ORDER BY scope_no", (code,))
    if rows:
        return bytes.fromhex(rows[0]["scope_id"])
    return node.feeds.meta(f"scope/{code}")


def join(node: "Node", invitation: str, url: str | None) -> None:
    """Take the ticket's node id and scope. Raises BadTicketError, NodeStateError."""
    if node.replica.is_centre:
        raise WrongTierError("a centre joins nobody")
    if node.enrolled:
        raise AlreadyJoinedError
    ticket, genesis = decode_ticket(SUITE, invitation)
    before = node.genesis
    if before is not None and before.net != genesis.net:
        raise BadTicketError("invitation of another county")
    node.view.know(genesis.centre_node, genesis.code, genesis.name, CENTRE)
    node.view.know(ticket.node, ticket.code, ticket.name, ticket.tier)
    node.replica.join(Identity(ticket.node, ticket.tier, ticket.scope, genesis))
    urls = [*([url] if url else []), *ticket.urls][:URLS_MAX]
    with node.replica.lock, node.feeds.feed_transaction():
        node.feeds.put_meta("ticket", ticket.secret)
        node.feeds.put_meta("genesis", msgspec.msgpack.encode(ticket.genesis))
        node.feeds.put_meta("urls", msgspec.msgpack.encode(urls))
        node.feeds.put_meta("name", ticket.name.encode())
        node.feeds.put_meta("code", ticket.code.encode())
    node.replica.hold_scope(admin_scope(genesis.net))
    node.replica.hold_scope(public_scope(genesis.net))
    node.write_sidecar_file()


def remember_url(node: "Node", url: str) -> None:
    """Try this address of the centre first from now on; the oldest beyond `URLS_MAX` goes."""
    if node.urls[:1] == [url]:
        return
    urls = [url, *(known for known in node.urls if known != url)][:URLS_MAX]
    with node.replica.lock, node.feeds.feed_transaction():
        node.feeds.put_meta("urls", msgspec.msgpack.encode(urls))


def revoke(node: "Node", node_id: str, reason: str) -> int:
    """Write a cut at the heads that are here, in every scope the node may write."""
    if not node.replica.is_centre:
        raise WrongTierError("only the centre revokes")
    target = bytes.fromhex(node_id)
    scope_nos = node.view.scopes_of(target)
    if not scope_nos:
        raise UnknownNodeError(node=node_id)
    with node.write(CENTRE) as action:
        cut(node, action, target, reason)
    return len(scope_nos)


def cut(node: "Node", action: Action, target: bytes, reason: str) -> None:
    """Of a node, let only what is here now count, wherever it may write."""
    for scope_no in node.view.scopes_of(target):
        heads = b"".join(sorted(_full_heads(node, scope_no, target)))
        action.insert(
            "_cut",
            {"node": target, "heads": heads, "reason": reason, "lifted": False},
            scope_no=scope_no,
        )


def _full_heads(node: "Node", scope_no: int, target: bytes) -> list[bytes]:
    heads = [
        node.feeds.block(short)
        for feed in node.feeds.feeds(scope_no)
        if feed.node == target
        for short, _ in node.feeds.heads_of(feed.feed)
    ]
    return [block.bid for block in heads if block is not None]


def recipient(node: "Node", to: str | None) -> tuple[bytes, bytes, str]:
    """(node id, key, name) of whom a bundle is for: the centre, or a node by id, code or name."""
    genesis = node.genesis
    if genesis is None:
        raise NotJoinedError
    if to is None or to in (genesis.code, genesis.centre_node.hex()):
        if node.replica.is_centre:
            raise UnknownNodeError("say for which node", node="")
        return genesis.centre_node, genesis.centre_key, genesis.name
    rows = node.query(
        "SELECT node, key, name FROM _node WHERE (lower(hex(node)) = ?1 OR code = ?1 OR name = ?1)"
        " AND granted AND NOT deleted ORDER BY scope_no, rec DESC LIMIT 1",
        (to,),
    )
    if not rows:
        raise UnknownNodeError(node=to)
    return rows[0]["node"], rows[0]["key"], rows[0]["name"] or to


def passport(node: "Node", table: str, key: RecordKey) -> Passport:
    """Stage of a record: here, packed, received, reviewed."""
    name = node.feeds.name_of(key.scope_no, key.rec >> K_BITS)
    block = node.feeds.block(name) if name else None
    if block is None:
        return Passport("here")
    received = _receipt_time(node, block.feed, block.seq)
    reviewed = node.query(
        "SELECT max(entered_at) FROM judgement"
        " WHERE scope_no = ? AND tbl = ? AND rec = ? AND current",
        (key.scope_no, table, key.rec),
    )[0][0]
    if reviewed is not None:
        return Passport("reviewed", block.arrived_ms, received, reviewed)
    return Passport("packed" if received is None else "received", block.arrived_ms, received)


def _receipt_time(node: "Node", feed: bytes, seq: int) -> int | None:
    """When the county received a block, as far as this node can prove it; at the centre: it is
    here."""
    if node.replica.is_centre:
        return node.context.now_ms() // 1000
    receipt = stored_receipt(node.replica, feed)
    return receipt.time_s if receipt is not None and receipt.seq >= seq else None


def status(node: "Node") -> dict[str, object]:
    """What `xueshi status` shows."""
    replica, feeds = node.replica, node.feeds
    states = feeds.scope_states()
    unsent_ops = feeds.count_open_ops()
    return {
        "role": node.role,
        "name": node.name,
        "code": node.code,
        "node": node.node_id,
        "enrolled": node.enrolled,
        "epoch": replica.epoch_name.hex(),
        "epoch_reason": replica.epoch.reason,
        "words": list(node.key_words),
        "heads": [head for state in states for head in _heads(node, state.scope_no)],
        "unsent_ops": unsent_ops + _unreceived_ops(node),
        "unsent_blocks": _unreceived_blocks(node),
        "peers": [_peer(node, peer.node.hex(), peer) for peer in feeds.peers()],
        "conflicts": node.query("SELECT count(*) FROM conflict")[0][0],
        "unapplied": node.query("SELECT coalesce(sum(count), 0) FROM unapplied")[0][0],
        "refusals": feeds.db.execute("SELECT count(*) FROM refusal").fetchone()[0],
        "software": SOFTWARE,
        "schema": node.schema.version,
        "db_bytes": sum(path.stat().st_size for path in (node.paths.feed, node.paths.view)),
        "notices": _notices(node),
    }


def _heads(node: "Node", scope_no: int) -> list[dict[str, object]]:
    found = []
    for feed in node.feeds.feeds(scope_no):
        receipt = stored_receipt(node.replica, feed.feed)
        for short, seq in node.feeds.heads_of(feed.feed):
            found.append({
                "scope": feed.scope.hex(), "feed": feed.feed.hex(), "node": feed.node.hex(),
                "seq": seq, "block": short.hex(), "receipt": receipt.seq if receipt else None,
            })  # fmt: skip
    return found


def _own_unreceived(node: "Node") -> list[tuple[int, int]]:
    """(feed's blocks, ops) beyond the newest receipt, per own feed."""
    if node.replica.is_centre:
        return []
    found = []
    for state in node.feeds.scope_states():
        for feed in node.feeds.feeds(state.scope_no):
            if feed.node != node.replica.identity.node:
                continue
            receipt = stored_receipt(node.replica, feed.feed)
            row = node.feeds.db.execute(
                "SELECT count(*), coalesce(sum(op_count), 0) FROM block WHERE feed = ? AND seq > ?",
                (feed.feed, receipt.seq if receipt else -1),
            ).fetchone()
            found.append((row[0], row[1]))
    return found


def _unreceived_ops(node: "Node") -> int:
    return sum(ops for _, ops in _own_unreceived(node))


def _unreceived_blocks(node: "Node") -> int:
    return sum(blocks for blocks, _ in _own_unreceived(node))


def _peer(node: "Node", node_id: str, peer: PeerState) -> dict[str, object]:
    rows = node.query("SELECT name, code FROM _node WHERE lower(hex(node)) = ? LIMIT 1", (node_id,))
    genesis = node.genesis
    is_centre = genesis is not None and peer.node == genesis.centre_node
    name = genesis.name if genesis and is_centre else rows[0]["name"] if rows else ""
    code = genesis.code if genesis and is_centre else rows[0]["code"] if rows else ""
    return {
        "node": node_id, "name": name, "code": code, "last_contact_ms": peer.contact_ms,
        "carrier": peer.carrier, "software": peer.software,
    }  # fmt: skip


def _notices(node: "Node") -> list[str]:
    notices = []
    if node.genesis is None:
        notices.append("notice.not_joined")
    elif not node.enrolled:
        notices.append("notice.not_enrolled")
    if node.replica.epoch.reason not in ("founded", "no_sidecar"):
        notices.append(f"notice.epoch.{node.replica.epoch.reason}")
    if node.paths.root_key.exists():
        notices.append("notice.root_key_here")
    if node.reserve.is_missing:
        notices.append("notice.disk_full")
    return notices


def replace_identity(feeds: SqliteFeeds, paths: Paths, context: Context) -> None:
    """Give restored data to a machine without the old key: a new node id, to be invited again."""
    if paths.key.exists() and _is_key_of(feeds, read_key(paths.key)):
        return
    identity = msgspec.msgpack.decode(feeds.meta("identity") or b"", type=Identity)
    if identity.tier == CENTRE:
        raise MissingKeyError("a centre's backup needs the centre's key file beside it")
    if not paths.key.exists():
        write_key(paths.key, context.random(32))
    fresh = Identity(context.random(16), identity.tier, identity.scope, identity.genesis)
    with feeds.feed_transaction():
        feeds.put_meta("identity", msgspec.msgpack.encode(fresh))
        feeds.put_meta("key_check", key_check(read_key(paths.key)))


def _is_key_of(feeds: SqliteFeeds, seed: bytes) -> bool:
    check = feeds.meta("key_check")
    return check is None or check == key_check(seed)


def key_check(seed: bytes) -> bytes:
    """A public mark of a key, kept in the data to notice a key file of another node."""
    return hashlib.sha256(SUITE.public_key(seed)).digest()[:8]
