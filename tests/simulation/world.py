"""A seeded county: machines, a centre and its copies, virtual time, and a bad network.

`World(seed).run(events)` gives the same history every time. Each seed draws which kinds of fault it
has (swarm testing): a fault that is always there hides what happens without it.
"""

import heapq
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Final

import msgspec

from tests.simulation.fake_suite import FakeSuite
from tests.simulation.machine import (
    Clock,
    Disk,
    Machine,
    MachineEnv,
    MemoryDisk,
    found_disk,
    put_tickets,
)
from tests.simulation.workload import SCHEMA, Clerk
from xueshi_sync.errors import RefusedError
from xueshi_sync.exchange import (
    Request,
    Response,
    answer_request,
    make_bundle,
    make_request,
    take_bundle,
    take_response,
)
from xueshi_sync.identity import (
    Genesis,
    Identity,
    SignedGenesis,
    admin_scope,
    public_scope,
    sign_genesis,
)
from xueshi_sync.offering import scopes_for
from xueshi_sync.replica import Replica
from xueshi_sync.suite import Suite
from xueshi_sync.ticket import Ticket

START_MS: Final = 1_772_000_000_000
SWITCHES: Final = (
    "drop", "duplicate", "lag", "crash", "power_cut", "disk_full", "restore", "clone",
    "same_machine_clone", "centre_restore", "centre_copy", "bundle", "clock", "late", "revoke",
    "deny", "township", "rogue", "tamper", "usb_only", "small_batches", "move", "foreign",
)  # fmt: skip


class Violation(AssertionError):  # noqa: N818  # it is a finding, not a failure of the program
    """An invariant does not hold; the first word names it."""


@dataclass(frozen=True)
class Mail:
    """Something on its way between two machines."""

    kind: str
    source: Machine
    target: Machine
    request: Request
    response: Response | None
    boots: int
    complete: bool = True


class World:
    """All machines, everything in flight, and what must be remembered to judge the end."""

    def __init__(
        self,
        seed: int,
        *,
        suite: Suite | None = None,
        make_disk: Callable[[], Disk] = MemoryDisk,
        without: frozenset[str] = frozenset(),
    ) -> None:
        self.seed = seed
        self.rng = random.Random(seed)
        self.suite: Suite = suite or FakeSuite()
        self.make_disk = make_disk
        self.now_ms = START_MS
        self.counts: Counter[str] = Counter()
        self.clerk = Clerk(self.rng)
        self.mail: list[tuple[int, int, Mail]] = []
        self.serial = count()
        self.on = {name: self.rng.random() < 0.55 and name not in without for name in SWITCHES}
        self.drop = self.rng.choice((0.02, 0.2, 0.5)) * self.on["drop"]
        self.duplicate = 0.2 * self.on["duplicate"]
        self.lag_ms = self.rng.choice((1_000, 10_000, 60_000)) if self.on["lag"] else 200
        self.accepted: set[int] = set()
        self.taken: list[Request] = []
        self.forks_allowed: Counter[bytes] = Counter()
        self.epochs_allowed = 0
        # token -> the node whose own screen may show it
        self.forbidden: dict[str, bytes] = {}
        self.revoked: set[bytes] = set()
        self.machines: list[Machine] = []
        self._found_county()

    # Beginning

    def _found_county(self) -> None:
        rng, suite = self.rng, self.suite
        root, key = rng.randbytes(32), rng.randbytes(32)
        self.genesis = Genesis(
            1, 1, "510683", "county", rng.randbytes(16), suite.public_key(root),
            rng.randbytes(16), suite.public_key(key),
        )  # fmt: skip
        self.signed: SignedGenesis = sign_genesis(suite, root, self.genesis)
        self.admin, self.public = admin_scope(self.genesis.net), public_scope(self.genesis.net)
        identity = Identity(self.genesis.centre_node, "centre", self.admin, self.genesis)
        self.centre = self._machine("c0", key, identity)
        self.centre.is_centre = True
        self.centres = [self.centre]
        self.scopes = [rng.randbytes(16) for _ in range(rng.randrange(2, 5))]
        self.tickets: list[Ticket] = []
        for number in range(rng.randrange(2, 9)):
            self._add_member(number)
        put_tickets(self.centre.up, self.tickets)
        self.keys = {each.name: suite.public_key(each.seed) for each in self.machines}

    def _add_member(self, number: int) -> None:
        rng = self.rng
        tier = "township" if self.on["township"] and number == 0 else "school"
        scope = self.scopes[number % len(self.scopes)]
        ticket = Ticket(
            self.signed, rng.randbytes(16), scope, rng.randbytes(16), f"S{number}",
            f"school {number}", tier, [],
        )  # fmt: skip
        self.tickets.append(ticket)
        identity = Identity(rng.randbytes(16), tier, rng.randbytes(16), None)
        machine = self._machine(f"m{number}", rng.randbytes(32), identity)
        machine.ticket = ticket
        machine.usb_only = self.on["usb_only"] and self.on["bundle"] and number % 2 == 1
        if not self.on["late"] or rng.random() < 0.5:
            machine.join(ticket)

    def _machine(self, name: str, seed: bytes, identity: Identity) -> Machine:
        env = MachineEnv(self.rng, lambda: self.now_ms, Clock())
        disk = found_disk(self.make_disk(), env, identity)
        machine = Machine(
            name, disk, seed, self._fingerprint(), env, self.suite, SCHEMA, self.counts
        )
        machine.boot()
        self.machines.append(machine)
        return machine

    def _fingerprint(self) -> list[str]:
        return [self.rng.randbytes(4).hex() for _ in range(5)]

    # The network

    def post(self, mail: Mail) -> None:
        """Send: maybe lose, maybe repeat, always later."""
        if self.rng.random() < self.drop:
            self.counts["dropped"] += 1
            return
        copies = 1 + (self.rng.random() < self.duplicate)
        self.counts["duplicated"] += copies - 1
        for _ in range(copies):
            at = self.now_ms + int(self.rng.expovariate(1 / self.lag_ms))
            heapq.heappush(self.mail, (at, next(self.serial), mail))

    def deliver_due(self) -> None:
        """Hand over what has arrived by now, in order of arrival."""
        while self.mail and self.mail[0][0] <= self.now_ms:
            self.deliver(heapq.heappop(self.mail)[2])

    def deliver(self, mail: Mail) -> None:
        """Hand one piece of mail to its machine, if that is on."""
        if mail.target.replica is None:
            self.counts["arrived at a machine that is off"] += 1
            return
        if mail.kind == "request":
            mail.target.do(lambda: self._answer(mail))
        elif mail.kind == "response":
            mail.target.do(lambda: self._take(mail))
        else:
            mail.target.do(lambda: self._import(mail))

    def start_exchange(self, machine: Machine, centre: Machine | None = None) -> None:
        """Seal, publish, ask."""
        limit = self.rng.choice((600, 2_000, 16_384)) if self.on["small_batches"] else 1 << 20
        target = centre or self.rng.choice(self.centres)

        def begin() -> None:
            machine.publish()
            request = make_request(machine.up, limit)
            header = msgspec.structs.replace(request.header, limit_bytes=limit)
            machine.live = replace(request, header=header)
            self.post(Mail("request", machine, target, machine.live, None, machine.boots))

        machine.do(begin)

    def _answer(self, mail: Mail) -> None:
        centre = mail.target
        replica = centre.up
        response = answer_request(replica, mail.request, carrier="http")
        self.check_receipts(centre, response)
        # What the centre itself sealed while it answered leaves the machine now.
        centre.publish()
        self.post(Mail("response", centre, mail.source, mail.request, response, mail.boots))

    def check_receipts(self, centre: Machine, response: Response) -> None:
        """I3: whatever a receipt names is on the disk when it leaves, with all before it."""
        for receipt in response.header.receipts:
            self.counts["receipts sent"] += 1
            block = receipt.block
            place = centre.disk.feeds.place_of(block)
            if place is None or place[0] != receipt.feed:
                raise Violation("I3 receipt for a block that is not there")
            while place is not None and place[1]:
                block, place = place[2], centre.disk.feeds.place_of(place[2])
            if place is None:
                raise Violation("I3 receipt over a gap")

    def binds(self, mail: Mail) -> bool:
        """Whether this answer belongs to the exchange the machine is in (the envelope's task)."""
        return mail.target.live is mail.request and mail.target.boots == mail.boots

    def _take(self, mail: Mail) -> None:
        machine = mail.target
        if not self.binds(mail):
            self.counts["stale answer ignored"] += 1
            return
        machine.live = None
        if id(mail.request) in self.accepted:
            raise Violation("I10 second answer to one request accepted")
        self.accepted.add(id(mail.request))
        self.taken.append(mail.request)  # keeps the ids unique
        assert mail.response is not None, "a response carries one"
        try:
            outcome = take_response(machine.up, mail.request, mail.response)
        except RefusedError as error:
            self.counts[f"refused: {error}"] += 1
            return
        self.counts["exchanges"] += 1
        self.counts["revoked answer"] += outcome.refused == "revoked"
        if outcome.more:
            self.start_exchange(machine, mail.source)

    # Sticks

    def carry(self, source: Machine, target: Machine) -> None:
        """Write a bundle for another machine; it arrives cut, twice, late, or never."""

        def write() -> None:
            source.publish()
            target_key = self.suite.public_key(target.seed)
            node = self._node_of(target)
            bundle = make_bundle(source.up, node, target_key)
            cut = self.rng.random() < 0.3 and bool(bundle.blocks)
            kept = bundle.blocks[: self.rng.randrange(len(bundle.blocks))] if cut else bundle.blocks
            self.counts["bundle cut"] += cut
            if kept and self.on["tamper"] and self.rng.random() < 0.2:
                place = self.rng.randrange(len(kept))
                kept = [*kept[:place], flip_last(kept[place]), *kept[place + 1 :]]
                self.counts["bundle damaged"] += 1
            mail = Mail(
                "bundle", source, target, Request(bundle.header, kept, bundle.ops), None, 0, not cut
            )
            self.post(mail)

        source.do(write)

    def _node_of(self, machine: Machine) -> bytes:
        if machine.replica is not None:
            return machine.replica.identity.node
        return machine.ticket.node if machine.ticket else self.genesis.centre_node

    def _import(self, mail: Mail) -> None:
        if mail.target.joined:
            self.counts["bundle imported"] += 1
            take_bundle(mail.target.up, mail.request, complete=mail.complete)

    def violation(self, text: str) -> Violation:
        """A finding, to be raised."""
        return Violation(text)

    # Helpers for events

    def running(self) -> list[Machine]:
        """Machines that are on."""
        return [each for each in self.machines if each.replica is not None]

    def scope_nos(self, replica: Replica) -> list[int]:
        """Local numbers of the scopes a replica may write records in."""
        if replica.identity.genesis is None:
            return [replica.home_scope_no]
        own = {self.admin, self.public}
        held = [each for each in replica.feeds.scope_states() if each.scope not in own]
        if replica.is_centre:
            return [each.scope_no for each in held]
        mine = set(scopes_for(replica, replica.identity.node, replica.key))
        mine.add(replica.home_scope_no)
        return [each.scope_no for each in held if each.scope_no in mine]

    def allow_fork(self, machine: Machine) -> None:
        """Note an event that a machine cannot notice by itself: each of its feeds may fork once."""
        ticket = machine.ticket
        node = ticket.node if ticket else self.genesis.centre_node
        one_feed = ticket is not None and ticket.tier == "school"
        self.forks_allowed[node] += 1 if one_feed else len(self.scopes) + 2
        self.epochs_allowed += 2

    def clone(self, source: Machine, *, same_machine: bool, name: str) -> Machine:
        """Copy a whole machine: disk, key and sidecar."""
        env = replace(source.env, clock=replace(source.env.clock))
        copy: dict[str, Any] = {
            "name": name, "disk": source.disk.copy(), "env": env, "replica": None, "live": None,
            "boots": 1, "backups": [], "fault": None,
        }  # fmt: skip
        if not same_machine:
            copy["fingerprint"] = self._fingerprint()
        machine = replace(source, **copy)
        self.machines.append(machine)
        return machine


def flip_last(data: bytes) -> bytes:
    """What a relay makes of a block whose body it changes."""
    return data[:-1] + bytes([data[-1] ^ 1])
