"""A small writing node, from sync/PROTOCOL.md alone: enrols, seals, asks, takes the answer.

It keeps its blocks in memory and writes raw bodies; that is all the format asks for.
"""

import hashlib
from dataclasses import dataclass, field

import nacl.signing
from nacl import bindings as sodium

from tests.sync.independent import carrier
from tests.sync.independent.decoder import (
    Block,
    Dot,
    Feed,
    open_feed,
    parse,
    read_ops,
    tagged,
    verify,
    write_column,
)
from tests.sync.independent.msgpack import Value, pack

SEGMENT = 16_384


def _u(number: int, size: int) -> bytes:
    return number.to_bytes(size, "little")


def insert_body(table: str, values: dict[str, Value]) -> bytes:
    """Sections 5.1 to 5.3: the body of one insert."""
    columns = [write_column([value]) for value in values.values()]
    stamps = [write_column([each]) for each in (0, "second", 1_700_000_000)]
    return pack([[], [[1, 0, table, list(values), 1, *stamps, None, columns, None]]])


def edit_body(table: str, rec: Dot, name: str, value: Value) -> bytes:
    """The body of one edit that names no other write."""
    stamps = [write_column([each]) for each in (0, "second", 1_700_000_001)]
    group = [2, 0, table, [name], 1, *stamps, write_column([4096 + rec[1]])]
    return pack([[rec[0]], [[*group, [write_column([value])], [[write_column([0]), None]]]]])


@dataclass
class School:
    """A node that was invited."""

    ticket: carrier.Ticket
    seed: bytes
    nonce: bytes = bytes(16)
    blocks: dict[bytes, Block] = field(default_factory=dict)
    data: dict[bytes, bytes] = field(default_factory=dict)
    feeds: dict[bytes, Feed] = field(default_factory=dict)
    centre_heads: dict[bytes, set[bytes]] = field(default_factory=dict)
    centre_epoch: bytes = b""
    scopes: list[bytes] = field(default_factory=list)
    receipts: list[dict[str, Value]] = field(default_factory=list)
    counter: int = 0

    @property
    def key(self) -> bytes:
        return bytes(nacl.signing.SigningKey(self.seed).verify_key)

    @property
    def feed(self) -> bytes:
        """The id of the one feed it writes."""
        epoch = tagged("epoch", self.key, self.nonce)[:16]
        parts = (self.ticket.genesis.net, self.ticket.node, epoch, self.ticket.scope)
        return tagged("feed", *parts)[:16]

    def heads(self) -> dict[bytes, set[bytes]]:
        """Heads of every feed it holds."""
        parents = {block.prev[:16] for block in self.blocks.values()}
        found: dict[bytes, set[bytes]] = {}
        for short, block in self.blocks.items():
            if short not in parents:
                found.setdefault(block.feed, set()).add(short)
        return found

    # Section 4

    def seal(self, raw: bytes, *, kind: int = 0, op_count: int = 0) -> Block:
        """Make the next block of its feed."""
        tip = next(iter(self.heads().get(self.feed, ())), None)
        parent = self.blocks[tip] if tip else None
        prev, seq = (parent.bid, parent.seq + 1) if parent else (bytes(32), 0)
        header = b"".join((
            b"XSB1", bytes([1, kind, 0, 0]), _u(116, 2), _u(op_count, 2), _u(1, 2), bytes(2),
            self.feed, prev, _u(seq, 4), _u(1_700_000_000_000, 8), _u(len(raw), 4),
            _u(len(raw), 4), hashlib.sha256(raw).digest(),
        ))  # fmt: skip
        signature = self._sign(b"xs1/sig\0" + tagged("block", header))
        return self.take(header + signature + raw)

    def open(self) -> Block:
        """Make the first block of its feed."""
        ticket = self.ticket
        value: list[Value] = [
            ticket.genesis.net, ticket.node, self.nonce, ticket.scope, self.key, "founded", [], b"",
            "second/1",
        ]  # fmt: skip
        return self.seal(pack(value), kind=1)

    def insert(self, table: str, values: dict[str, Value]) -> Dot:
        """Write a record; returns its name."""
        return (self.seal(insert_body(table, values), op_count=1).short, 0)

    def edit(self, table: str, rec: Dot, name: str, value: Value) -> None:
        """Write one field of a record."""
        self.seal(edit_body(table, rec, name, value), op_count=1)

    def take(self, data: bytes) -> Block:
        """Verify a block and keep it."""
        block = parse(data)
        if block.kind == 1:
            self.feeds[block.feed] = open_feed(self.ticket.genesis.net, block)
        verify(self.feeds[block.feed], block)
        if block.seq:
            assert self.blocks[block.prev[:16]].seq == block.seq - 1
        if block.kind == 0:
            read_ops(block)
        self.blocks[block.short] = block
        self.data[block.short] = data
        return block

    def _sign(self, message: bytes) -> bytes:
        return nacl.signing.SigningKey(self.seed).sign(message).signature

    # Section 6

    def missing(self) -> list[bytes]:
        """Blocks of its feed that the centre did not say it has, parents first (6.3)."""
        known: set[bytes] = set()
        for head in self.centre_heads.get(self.feed, set()):
            at = head
            while at in self.blocks:
                known.add(at)
                at = self.blocks[at].prev[:16]
        own = [each for each in self.blocks.values() if each.feed == self.feed]
        own.sort(key=lambda each: each.seq)
        return [self.data[each.short] for each in own if each.short not in known]

    def request(self, ephemeral_seed: bytes) -> tuple[bytes, bytes, bytes]:
        """(envelope, key of the answer, root) of its next request."""
        joined = b"".join(
            sorted(feed + head for feed, heads in self.heads().items() for head in heads)
        )
        root = carrier.root_of(joined)
        self.counter += 1
        wants: list[Value] = (
            []
            if any(each["block"] in self.heads()[self.feed] for each in self.receipts)
            else [self.feed]
        )
        held = tagged("scopes", *sorted(self.scopes))[:8]
        header: list[Value] = [
            1, self.ticket.genesis.net, self.ticket.node, self.key, self.counter,
            self.centre_epoch, root, joined, held, 1 << 20, wants,
            carrier.ticket_proof(self.ticket, self.key), [], "second/1",
        ]  # fmt: skip
        encoded = pack(header)
        signed = self._sign(tagged("req", encoded)) + encoded
        body = b"".join(_u(len(each), 4) + each for each in self.missing())
        envelope, key = seal_request(self.ticket.genesis.centre_key, ephemeral_seed, signed, body)
        return envelope, key, root

    def answer(self, key: bytes, envelope: bytes) -> dict[str, Value]:
        """Take the answer to a request: blocks, receipts, and what the centre has."""
        first, *rest = carrier.open_response(key, envelope).segments
        header = carrier.read_response(first)
        for data in carrier.read_blocks(b"".join(rest), whole=True):
            self.take(data)
        genesis = self.ticket.genesis
        for value in _list(header["receipts"]):
            self.receipts.append(carrier.read_receipt(value, genesis.net, genesis.centre_key))
        heads, epoch = header["heads"], header["centre_epoch"]
        assert isinstance(heads, bytes)
        assert isinstance(epoch, bytes)
        self.centre_heads = carrier.read_heads(heads) if heads else self.heads()
        self.centre_epoch = epoch
        self.scopes = [each for each in _list(header["scopes"]) if isinstance(each, bytes)] or (
            self.scopes
        )
        return header


def _list(value: Value) -> list[Value]:
    assert isinstance(value, list)
    return value


def seal_request(
    recipient: bytes, ephemeral_seed: bytes, header: bytes, body: bytes
) -> tuple[bytes, bytes]:
    """Section 6.1: (envelope, key of the answer)."""
    public, secret = sodium.crypto_kx_seed_keypair(ephemeral_seed)
    theirs = sodium.crypto_sign_ed25519_pk_to_curve25519(recipient)
    receive, transmit = sodium.crypto_kx_client_session_keys(public, secret, theirs)
    state = sodium.crypto_secretstream_xchacha20poly1305_state()
    sealed = [sodium.crypto_secretstream_xchacha20poly1305_init_push(state, transmit)]
    parts = [header, *(body[at : at + SEGMENT] for at in range(0, len(body), SEGMENT))]
    for place, part in enumerate(parts, 1):
        tag = carrier.TAG_FINAL if place == len(parts) else 0
        segment = sodium.crypto_secretstream_xchacha20poly1305_push(state, part, None, tag)
        sealed += [_u(len(segment), 2), segment]
    return b"XSE1" + public + b"".join(sealed), receive
