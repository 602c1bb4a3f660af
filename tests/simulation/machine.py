"""One machine of the simulated county: disk, clock, sidecar, and the replica while it runs.

A crash may come before or after any commit and around the write of the sidecar. A machine keeps
its disk and its sidecar over it; a power cut also takes the newest part of the view, which is not
synced at each commit.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from tests.simulation.memory_store import MemoryFeeds
from tests.simulation.memory_view import MemoryView
from xueshi_sync.errors import StorageError
from xueshi_sync.exchange import Request
from xueshi_sync.identity import Genesis, Identity, admin_scope, public_scope
from xueshi_sync.replica import Replica
from xueshi_sync.schema import Schema
from xueshi_sync.sidecar import Sidecar, decide_epoch, is_same_machine
from xueshi_sync.store import FeedStore, ViewStore
from xueshi_sync.suite import Suite
from xueshi_sync.ticket import Ticket


class CrashError(BaseException):
    """The machine lost its power. Not an Exception: nothing in the core may catch it."""


class Disk(Protocol):
    """Two stores that survive a crash, and can be copied like a disk."""

    feeds: FeedStore
    view: ViewStore

    def copy(self) -> "Disk": ...

    def lose_view_tail(self) -> bool: ...

    def sync_view(self) -> None: ...

    def reopen(self, hook: Callable[[str], None]) -> None: ...

    def close(self) -> None: ...


class MemoryDisk:
    """A disk in memory; the last synced state of the view is kept beside it."""

    def __init__(self, feeds: MemoryFeeds | None = None, view: MemoryView | None = None) -> None:
        memory_feeds, memory_view = feeds or MemoryFeeds(), view or MemoryView()
        self.feeds: FeedStore = memory_feeds
        self.view: ViewStore = memory_view
        self._feeds, self._view = memory_feeds, memory_view
        self._synced: MemoryView | None = None

    def copy(self) -> Disk:
        """Return another disk with the same content."""
        return MemoryDisk(self._feeds.copy(), self._view.copy())

    def sync_view(self) -> None:
        """Remember the view as the operating system would have written it out now."""
        self._synced = self._view.copy()

    def lose_view_tail(self) -> bool:
        """Put the view back to what was written out last; False where nothing was."""
        if self._synced is None:
            return False
        self._view = self._synced.copy()
        self.view = self._view
        return True

    def close(self) -> None:
        """Nothing is open."""

    def reopen(self, hook: Callable[[str], None]) -> None:
        """Open after a start; commits report to `hook`."""
        for journal in (self._feeds.feed_transaction, self._view.view_transaction):
            journal.hook = hook


@dataclass
class Clock:
    """A machine's idea of the time: the world's plus an error, or stuck far away."""

    error_ms: int = 0
    fixed_ms: int | None = None


@dataclass
class MachineEnv:
    """The core's `Env`: the world's time as this machine sees it, and the world's chance."""

    rng: random.Random
    now: Callable[[], int]
    clock: Clock

    def now_ms(self) -> int:
        """The time this machine believes."""
        fixed = self.clock.fixed_ms
        return self.now() + self.clock.error_ms if fixed is None else fixed

    def random(self, count: int) -> bytes:
        """Bytes from the world's seed."""
        return self.rng.randbytes(count)


@dataclass
class Machine:
    """A computer with a data folder. `replica` is None while it is off."""

    name: str
    disk: Disk
    seed: bytes
    fingerprint: list[str]
    env: MachineEnv
    suite: Suite
    schema: Schema
    counts: Counter[str]
    is_centre: bool = False
    ticket: Ticket | None = None
    usb_only: bool = False
    sidecar: Sidecar | None = None
    replica: Replica | None = None
    boots: int = 0
    live: Request | None = None
    backups: list[tuple[Disk, Sidecar | None]] = field(default_factory=list)
    fault: tuple[int, str] | None = None

    @property
    def up(self) -> Replica:
        """The running replica."""
        assert self.replica is not None, "asked only of a machine that runs"
        return self.replica

    @property
    def joined(self) -> bool:
        """Whether it runs and belongs to a county."""
        return self.replica is not None and self.replica.identity.genesis is not None

    def arm(self, countdown: int, kind: str) -> None:
        """Let a fault happen at the `countdown`-th effect from now."""
        self.fault = (countdown, kind)

    def effect(self, place: str) -> None:
        """Something durable is about to happen or has just happened."""
        if self.fault is None:
            return
        countdown, kind = self.fault
        if countdown > 0:
            self.fault = (countdown - 1, kind)
            return
        if kind == "disk_full":
            if not place.endswith(".before"):
                return
            self.fault = None
            self.counts[f"disk full at {place}"] += 1
            raise StorageError("injected: no space")
        self.fault = None
        self.counts[f"{kind} at {place}"] += 1
        raise CrashError(kind)

    def do(self, action: Callable[[], object]) -> bool:
        """Run an action; a crash switches the machine off, a full disk does not."""
        try:
            action()
        except CrashError as error:
            self.off()
            if error.args[0] == "power_cut" and self.disk.lose_view_tail():
                self.counts["view tail lost"] += 1
            return False
        except StorageError:
            return False
        return True

    def off(self) -> None:
        """Stop without any farewell."""
        self.replica, self.live, self.fault = None, None, None

    def boot(self) -> bool:
        """Start; False where a fault stopped it on the way."""
        self.boots += 1
        return self.do(self._boot)

    def _boot(self) -> None:
        self.disk.reopen(self.effect)
        replica = Replica(
            self.disk.feeds, self.disk.view, self.suite, self.schema, self.seed, self.env,
            machine=repr(self.fingerprint).encode(),
        )  # fmt: skip
        reason = self.decide(replica)
        if reason is not None:
            self.counts[f"epoch: {reason}"] += 1
            replica.begin_epoch(reason)
            self.write_sidecar(replica, {})
        replica.open_view()
        genesis = replica.identity.genesis
        if genesis is not None:
            hold_county_scopes(replica, genesis)
        self.replica = replica

    def decide(self, replica: Replica) -> str | None:
        """Why a new epoch must begin at this start, if at all (SYNC 3.5)."""
        if self.sidecar is None and not self.boots > 1 and replica.epoch.reason == "founded":
            self.write_sidecar(replica, {})
            return None
        return decide_epoch(
            self.sidecar,
            replica.epoch_name,
            published_known=self.sidecar is not None and replica.holds(self.sidecar.blocks()),
            same_machine=self.sidecar is not None
            and is_same_machine(self.sidecar.machine, self.fingerprint),
        )

    def write_sidecar(self, replica: Replica, published: dict[str, str]) -> None:
        """Replace the sidecar; a crash leaves the old or the new one."""
        self.effect("sidecar.before")
        self.sidecar = Sidecar(replica.epoch_name, self.fingerprint, published)
        self.effect("sidecar.after")

    def publish(self) -> None:
        """The publish barrier: seal, then let the sidecar know, and only then may bytes leave."""
        replica = self.up
        replica.seal()
        published = {scope.hex(): short.hex() for scope, (_, short) in replica.published().items()}
        self.write_sidecar(replica, published)

    def join(self, ticket: Ticket) -> None:
        """Take the invitation (what the node does behind `join`)."""
        replica, genesis = self.up, ticket.genesis.genesis
        with replica.feeds.feed_transaction():
            replica.feeds.put_meta("ticket", ticket.secret)
        replica.join(Identity(ticket.node, ticket.tier, ticket.scope, genesis))
        hold_county_scopes(replica, genesis)


def hold_county_scopes(replica: Replica, genesis: Genesis) -> None:
    """Hold what every member of the county holds."""
    for scope in (admin_scope(genesis.net), public_scope(genesis.net)):
        replica.hold_scope(scope)


def found_disk(disk: Disk, env: MachineEnv, identity: Identity) -> Disk:
    """Write what a new node's data folder starts with."""
    Replica.found(disk.feeds, env, identity)
    return disk


def put_tickets(centre: Replica, tickets: Iterable[Ticket]) -> None:
    """Let the centre know invitations that it printed."""
    with centre.feeds.feed_transaction():
        for ticket in tickets:
            centre.feeds.put_meta(f"ticket/{ticket.node.hex()}", msgspec.msgpack.encode(ticket))
