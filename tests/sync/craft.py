"""Blocks made by hand: any op, any fork, any defect, signed with keys that tests know.

The product's own writer only makes what a well-behaved node makes; these authors make the rest.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from xueshi_sync.block import (
    CODEC_RAW,
    DATA,
    EPOCH_OPEN,
    HEADER,
    NO_BLOCK,
    Block,
    EpochOpen,
    parse_block,
)
from xueshi_sync.body import K_BITS, Op, encode_body
from xueshi_sync.column import Value
from xueshi_sync.identity import FeedName, Genesis, SignedGenesis, epoch_id, sign_genesis
from xueshi_sync.schema import Field, Schema, Table
from xueshi_sync.suite import Ed25519Suite, digest, sha256

SUITE: Final = Ed25519Suite()
ALL_TIERS: Final = ("school", "township", "centre")
SCHEMA: Final = Schema(
    1,
    (
        Table(
            "person",
            "register",
            (Field("staff_no"), Field("name"), Field("active", "bool"), Field("mentor", "ref")),
            ALL_TIERS,
        ),
        Table(
            "hour",
            "ledger",
            (
                Field("person", "ref"),
                Field("date", "date"),
                Field("title"),
                Field("minutes", "int"),
                Field("corrects", "ref"),
            ),
            ("school", "township"),
            ("centre", "township"),
            "minutes",
            "corrects",
        ),
    ),
)

Dot = tuple[bytes, int]
# As the block of a dot: the block that the op itself stands in.
HERE: Final = b""


def seed_of(label: str) -> bytes:
    """A fixed 32-byte seed for a label."""
    return hashlib.sha256(b"test seed " + label.encode()).digest()


def id_of(label: str) -> bytes:
    """A fixed 16-byte id for a label."""
    return seed_of(label)[:16]


@dataclass(frozen=True)
class County:
    """A county with known keys."""

    label: str = "county"

    @property
    def centre_seed(self) -> bytes:
        return seed_of(f"{self.label}/centre")

    @property
    def signed_genesis(self) -> SignedGenesis:
        """The genesis, signed by the root."""
        root = seed_of(f"{self.label}/root")
        genesis = Genesis(
            1,
            1,
            "510683",
            "绵竹",
            id_of(f"{self.label}/salt"),
            SUITE.public_key(root),
            id_of(f"{self.label}/centre-node"),
            SUITE.public_key(self.centre_seed),
        )
        return sign_genesis(SUITE, root, genesis)

    @property
    def genesis(self) -> Genesis:
        return self.signed_genesis.genesis

    @property
    def net(self) -> bytes:
        return self.genesis.net


@dataclass(frozen=True)
class Wish:
    """An op as a test wants it, with dots by public name; `HERE` as block means its own block."""

    kind: int
    table: str
    values: dict[str, Value | Dot]
    rec: Dot | None = None
    preds: dict[str, list[Dot]] = field(default_factory=dict)
    actor: str = "tester"
    entered_at: int = 1_700_000_000

    def dots(self) -> list[Dot]:
        """Every dot the op names."""
        named = [self.rec] if self.rec else []
        named += [each for each in self.values.values() if isinstance(each, tuple)]
        return named + [each for dots in self.preds.values() for each in dots]


@dataclass
class Author:
    """One feed: a node, an epoch and a scope, with the key that signs it."""

    county: County
    label: str
    scope: bytes
    seed: bytes = b""
    node: bytes = b""
    nonce: bytes = bytes(16)
    tip: Block | None = None

    def __post_init__(self) -> None:
        self.seed = self.seed or seed_of(self.label)
        self.node = self.node or id_of(f"{self.label}/node")

    @property
    def key(self) -> bytes:
        return SUITE.public_key(self.seed)

    @property
    def feed(self) -> bytes:
        """The feed's id."""
        epoch = epoch_id(self.key, self.nonce)
        return FeedName(self.county.net, self.node, epoch, self.scope).feed

    def open(self, reason: str = "founded") -> Block:
        """Make the epoch-open block."""
        opened = EpochOpen(
            self.county.net,
            self.node,
            self.nonce,
            self.scope,
            self.key,
            reason,
            [],
            b"",
            "xueshi/1",
        )
        self.tip = self.sign(msgspec.msgpack.encode(opened), kind=EPOCH_OPEN)
        return self.tip

    def write(self, *wishes: Wish, parent: Block | None = None) -> Block:
        """Seal ops into the next block, or into a fork behind `parent`."""
        self.tip = parent or self.tip or self.open()
        raw = encode_wishes(wishes)
        self.tip = self.sign(raw, op_count=len(wishes))
        return self.tip

    def sign(self, raw: bytes, *, kind: int = DATA, op_count: int = 0) -> Block:
        """Sign a raw body behind the tip, whatever it holds."""
        prev = NO_BLOCK if self.tip is None else self.tip.bid
        seq = 0 if self.tip is None else self.tip.header.seq + 1
        header = pack_header(raw, kind=kind, op_count=op_count, feed=self.feed, prev=prev, seq=seq)
        return parse_block(sign_header(self.seed, header) + raw)


def pack_header(raw: bytes, **changes: object) -> bytes:
    """A header over a raw body; any field can be given another value."""
    values: dict[str, object] = {
        "magic": b"XSB1", "suite": 1, "kind": DATA, "flags": 0, "codec": CODEC_RAW,
        "header_len": HEADER.size, "op_count": 0, "schema": 1, "clock_quality": 0, "zero": 0,
        "feed": bytes(16), "prev": NO_BLOCK, "seq": 0, "wall_ms": 1_700_000_000_000,
        "body_len": len(raw), "raw_len": len(raw), "body_hash": sha256(raw),
    }  # fmt: skip
    values.update(changes)
    return HEADER.pack(*values.values())


def sign_header(seed: bytes, header: bytes) -> bytes:
    """Header (with extensions) and signature."""
    return header + SUITE.sign(seed, b"xs1/sig\0" + digest("block", header))


def encode_wishes(wishes: Sequence[Wish]) -> bytes:
    """The canonical body of some ops."""
    refs = list(dict.fromkeys(block for wish in wishes for block, _ in wish.dots() if block))
    place = {HERE: 0, **{block: number for number, block in enumerate(refs, 1)}}

    def wire(dot: Dot) -> int:
        return place[dot[0]] << K_BITS | dot[1]

    ops = [
        Op(
            k,
            wish.kind,
            wish.table,
            tuple(wish.values),
            tuple(
                wire(value) if isinstance(value, tuple) else value for value in wish.values.values()
            ),
            None if wish.rec is None else wire(wish.rec),
            None
            if wish.rec is None
            else tuple(
                tuple(wire(dot) for dot in wish.preds.get(name, [])) for name in wish.values
            ),
            wish.actor,
            wish.entered_at,
        )
        for k, wish in enumerate(wishes)
    ]
    return encode_body(refs, ops)
