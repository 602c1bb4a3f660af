"""What a dishonest node or a damaged line does: blocks made by hand, with a key that is valid.

Every text such a block carries is noted in `world.forbidden`: none of it may ever show in a view.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from tests.simulation.machine import Machine
from tests.simulation.workload import records
from tests.simulation.world import World
from xueshi_sync.block import (
    DATA,
    EPOCH_OPEN,
    HEADER,
    NO_BLOCK,
    EpochOpen,
    Place,
    seal_block,
)
from xueshi_sync.body import DELETE, INSERT, JUDGE, K_BITS, K_MASK, SET, Op, encode_body
from xueshi_sync.column import Value
from xueshi_sync.identity import FeedName, epoch_id
from xueshi_sync.intake import Code
from xueshi_sync.replica import Replica
from xueshi_sync.sealing import Content, add_own, own_feed

NOBODY: Final = bytes(16)
# Where the author's clock stands in a header: changed, it is still a block in its place.
CLOCK_AT: Final = 68


def seal_by_hand(
    replica: Replica, scope: bytes, raw: bytes, op_count: int, refs: Sequence[bytes] = ()
) -> bytes | None:
    """Put a body of any content into the node's own feed of a scope, as a changed program would."""
    state = replica.feeds.scope_of(scope)
    if state is None:
        return None
    with replica.feeds.feed_transaction():
        feed = own_feed(replica, state)
        for ref in refs:
            replica.feeds.reserve(state, ref)
        number, state.next_no = state.next_no, state.next_no + 1
        add_own(replica, state, feed, number, Content(DATA, raw, 0, op_count))
        replica.feeds.put_scope(state)
    replica.viewer.catch_up()
    short = replica.feeds.name_of(state.scope_no, number)
    assert short is not None, "just stored"
    return short


class Rogue:
    """Attacks, each a method; `attack` picks one."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rng = world.rng
        self.attacks = (
            self.wrong_scope, self.school_verdict, self.own_tables, self.strange_preds, self.cycle,
            self.malformed, self.huge_number, self.equivocate, self.foreign_county,
            self.correction_cycle,
        )  # fmt: skip

    def attack(self, machine: Machine) -> None:
        """Let one machine misbehave once."""
        attack = self.rng.choice(self.attacks)
        if attack(machine):
            self.world.counts[f"rogue: {attack.__name__}"] += 1

    def _token(self, author: bytes = b"") -> str:
        token = "x" + self.world.clerk.token()
        self.world.forbidden[token] = author
        return token

    def _person(self, name: str) -> Op:
        return Op(0, INSERT, "person", ("staff_no", "name"), (name, name), actor=name)

    def wrong_scope(self, machine: Machine) -> bool:
        """Write where there is no grant: the county's own scopes, or another school's."""
        replica = machine.up
        scope = self.rng.choice([self.world.admin, self.world.public, *self.world.scopes])
        if any(
            replica.feeds.scope_state(each).scope == scope for each in self.world.scope_nos(replica)
        ):
            return False
        replica.hold_scope(scope)
        # A township may be given this scope later; then only the oracle judges.
        rightful = replica.identity.tier == "township" and self.world.on["township"]
        author = replica.identity.node
        token = self.world.clerk.token() if rightful else self._token(author)
        raw = encode_body([], [self._person(token)])
        return seal_by_hand(replica, scope, raw, 1) is not None

    def _target(self, machine: Machine, table: str) -> tuple[Replica, int, bytes, int] | None:
        """A sealed record of the home scope: (replica, scope, block, k)."""
        replica = machine.up
        scope_no = replica.home_scope_no
        known = []
        for rec in records(replica, scope_no, table):
            name = replica.feeds.name_of(scope_no, rec >> K_BITS)
            if name is not None:
                known.append((name, rec & K_MASK))
        return (replica, scope_no, *self.rng.choice(known[-5:])) if known else None

    def _seal_ops(self, replica: Replica, refs: Sequence[bytes], ops: Sequence[Op]) -> bool:
        raw = encode_body(refs, ops)
        return seal_by_hand(replica, replica.identity.scope, raw, len(ops), refs) is not None

    def school_verdict(self, machine: Machine) -> bool:
        """Approve one's own hours."""
        target = self._target(machine, "hour")
        if target is None or machine.up.identity.tier != "school":
            return False
        replica, _, block, k = target
        # Where tiers change, a school may be a township at the end: then only the oracle judges.
        token = self.world.clerk.token() if self.world.on["deny"] else self._token()
        values = ("approve", token)
        op = Op(0, JUDGE, "hour", ("_judged", "_reason"), values, 1 << K_BITS | k, ((), ()))
        return self._seal_ops(replica, [block], [op])

    def own_tables(self, machine: Machine) -> bool:
        """Give oneself rights in one's own scope."""
        replica = machine.up
        if replica.is_centre:
            return False
        node: dict[str, Value] = {
            "node": self.rng.randbytes(16), "key": replica.key, "tier": "centre",
            "code": self._token(), "name": "x", "granted": True,
        }  # fmt: skip
        admit: dict[str, Value] = {"blocks": b"".join(self._all_bids(replica))[: 32 * 100]}
        table, fields = self.rng.choice((("_node", node), ("_admit", admit)))
        op = Op(0, INSERT, table, tuple(fields), tuple(fields.values()))
        return self._seal_ops(replica, [], [op])

    def _all_bids(self, replica: Replica) -> list[bytes]:
        return [each.bid for each in replica.feeds.all_blocks(replica.home_scope_no)]

    def strange_preds(self, machine: Machine) -> bool:
        """A rightful edit that names what is not there, or writes of other records."""
        target = self._target(machine, "person")
        if target is None:
            return False
        replica, _, block, k = target
        preds = (1 << K_BITS | k, 1 << K_BITS | self.rng.randrange(1 << K_BITS), 2 << K_BITS | 7)
        op = Op(0, SET, "person", ("name",), (self.world.clerk.token(),), 1 << K_BITS | k, (preds,))
        return self._seal_ops(replica, [block, self.rng.randbytes(16)], [op])

    def cycle(self, machine: Machine) -> bool:
        """Two ops of one block that name each other."""
        target = self._target(machine, "person")
        if target is None:
            return False
        replica, _, block, k = target
        rec, name = 1 << K_BITS | k, ("name",)
        ops = [
            Op(0, SET, "person", name, (self._token(),), rec, ((1,),)),
            Op(1, SET, "person", name, (self._token(),), rec, ((0,),)),
        ]
        return self._seal_ops(replica, [block], ops)

    def correction_cycle(self, machine: Machine) -> bool:
        """Hours that correct each other; the first correction of each is what counts at most."""
        token = self.world.clerk.token()
        names = ("title", "minutes", "corrects")
        ops = [
            Op(0, INSERT, "hour", names, (token, 1000, 1)),
            Op(1, INSERT, "hour", names, (token, 2000, 0)),
        ]
        return self._seal_ops(machine.up, [], ops)

    def malformed(self, machine: Machine) -> bool:
        """Bytes that are no body."""
        good = encode_body([], [self._person(self._token())])
        raw = self.rng.choice(
            (
                b"",
                b"\xc1",
                good[:-1],
                good + b"\0",
                self.rng.randbytes(40),
                msgspec.msgpack.encode([[], []]),
            )
        )
        replica = machine.up
        return seal_by_hand(replica, replica.identity.scope, raw, self.rng.randrange(3)) is not None

    def huge_number(self, machine: Machine) -> bool:
        """Numbers that no table can hold."""
        target = self._target(machine, "person")
        if target is None:
            return False
        replica, _, block, k = target
        big = self.rng.choice(((1 << 64) - 1, 1 << 63))
        value, at = self.rng.choice(((big, 5), (True, big)))
        op = Op(
            0, DELETE, "person", ("_deleted",), (value,), 1 << K_BITS | k, ((),), self._token(), at
        )
        return self._seal_ops(replica, [block], [op])

    def equivocate(self, machine: Machine) -> bool:
        """Two histories of one feed: one stays here, the other goes straight to the centre."""
        world, replica = self.world, machine.up
        centre = self.rng.choice(world.centres)
        if centre.replica is None or not machine.joined:
            return False
        replica.seal()
        world.allow_fork(machine)
        other = world.clone(machine, same_machine=True, name="shadow")
        world.machines.remove(other)
        if not other.boot():
            return False
        for each in (machine, other):
            token = world.clerk.token()
            self._seal_ops(each.up, [], [self._person(token)])
        shadow = other.up
        blocks = [
            shadow.feeds.block_data(row.scope_no, row.no)
            for row in shadow.feeds.all_blocks(shadow.home_scope_no)
        ]
        other.off()
        sender = replica.identity.node
        centre.do(lambda: centre.up.accept(blocks, sender))
        return True

    def foreign_county(self, machine: Machine) -> bool:
        """The same key and scope in another county: its blocks must not be taken here."""
        replica = machine.up
        net, nonce = self.rng.randbytes(16), self.rng.randbytes(16)
        name = FeedName(
            net, replica.identity.node, epoch_id(replica.key, nonce), replica.identity.scope
        )
        opened = EpochOpen(
            net, name.node, nonce, name.scope, replica.key, self._token(), [], b"", "x"
        )
        first = seal_block(
            replica.suite, replica.seed, kind=EPOCH_OPEN, place=Place(name.feed, NO_BLOCK, 0),
            wall_ms=0, raw=msgspec.msgpack.encode(opened),
        )  # fmt: skip
        second = seal_block(
            replica.suite, replica.seed, kind=DATA, place=Place(name.feed, first.bid, 1),
            wall_ms=0, raw=encode_body([], [self._person(self._token())]), op_count=1,
        )  # fmt: skip
        return self._offer([first.data, second.data], {Code.MALFORMED, Code.NEED_PARENT})

    def impostor(self, machine: Machine) -> bool:
        """Blocks in the name of a node whose key the author does not hold."""
        replica, key = machine.up, self.rng.randbytes(32)
        public = self.world.suite.public_key(key)
        victim = self.rng.choice(self.world.tickets)
        nonce, net = self.rng.randbytes(16), self.world.genesis.net
        name = FeedName(net, victim.node, epoch_id(public, nonce), victim.scope)
        opened = EpochOpen(net, name.node, nonce, name.scope, public, "founded", [], b"", "x")
        first = seal_block(
            replica.suite, key, kind=EPOCH_OPEN, place=Place(name.feed, NO_BLOCK, 0),
            wall_ms=0, raw=msgspec.msgpack.encode(opened),
        )  # fmt: skip
        second = seal_block(
            replica.suite, key, kind=DATA, place=Place(name.feed, first.bid, 1),
            wall_ms=0, raw=encode_body([], [self._person(self._token())]), op_count=1,
        )  # fmt: skip
        refusals = {Code.HELD, Code.REFUSED_SCOPE, Code.NEED_PARENT}
        return self._offer([first.data, second.data], refusals)

    def tamper(self) -> None:
        """Offer a damaged, cut, lengthened or replayed block to some machine."""
        world, rng = self.world, self.rng
        source = rng.choice(world.machines)
        state = rng.choice(source.disk.feeds.scope_states())
        rows = list(source.disk.feeds.all_blocks(state.scope_no))
        if not rows:
            return
        row = rng.choice(rows[-3:] if rng.random() < 0.7 else rows)
        data = source.disk.feeds.block_data(row.scope_no, row.no)
        kind = rng.choice(("flip", "cut", "longer", "header", "replay", "clock", "body"))
        world.counts[f"tampered: {kind}"] += 1
        if kind == "replay":
            known = [each for each in world.running() if each.disk.feeds.block(row.bid[:16])]
            if known:
                known[0].do(lambda: known[0].up.accept([data], NOBODY))
            return
        damaged = damaged_block(data, kind, rng.randrange(len(data)), rng.randrange(8))
        # Whoever still lacks the block but holds its scope looks at every byte of it.
        lacking = [
            each
            for each in world.running()
            if each.joined
            and each.disk.feeds.scope_of(state.scope) is not None
            and each.disk.feeds.block(row.bid[:16]) is None
        ]
        self._offer([damaged], None, lacking)

    def _offer(
        self, blocks: list[bytes], allowed: set[Code] | None, targets: Sequence[Machine] = ()
    ) -> bool:
        """Give blocks to one of some machines, or of all; none may be stored."""
        targets = targets or [each for each in self.world.running() if each.joined]
        if not targets:
            return False
        target = self.rng.choice(targets)

        def offer() -> None:
            intake = target.up.accept(blocks, NOBODY)
            # A known header with a damaged body is a block that is had; the bytes are dropped.
            refused = (allowed or set(Code) - {Code.STORED}) | {Code.BUSY}
            if set(intake.codes) - refused:
                raise self.world.violation(f"I5 forged block taken: {intake.codes}")

        target.do(offer)
        return True


def damaged_block(data: bytes, kind: str, place: int, bit: int) -> bytes:
    """Return bytes of a block after an accident or a small change by somebody who relayed it."""
    if kind == "cut":
        return data[:place]
    if kind == "longer":
        return data + b"\0"
    if kind == "header":
        place %= HEADER.size
    if kind == "clock":
        place = CLOCK_AT + place % 8
    if kind == "body":
        place = len(data) - 1
    changed = bytearray(data)
    changed[place] ^= 1 << bit
    return bytes(changed)
