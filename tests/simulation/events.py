"""The random events of a county and how often each comes; the end of each seed is in `healing`."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from tests.simulation.machine import Machine, put_tickets
from tests.simulation.rogue import Rogue
from tests.simulation.world import World
from xueshi_sync.body import K_BITS, K_MASK
from xueshi_sync.schema import NODE_TABLE
from xueshi_sync.writer import RecordKey

YEAR_MS: Final = 31_556_952_000
Event = Callable[[], None]


class Events:
    """Draws and runs one event after the other on a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rng = world.rng
        self.rogue = Rogue(world)
        on = world.on
        table: list[tuple[float, bool, Event]] = [
            (40, True, self.save),
            (24, True, self.exchange),
            (6, True, self.judge),
            (5, on["bundle"], self.carry),
            (1.5, True, self.backup),
            (1.5, True, self.sync_views),
            (2, on["crash"], partial(self.fault, "crash")),
            (1, on["power_cut"], partial(self.fault, "power_cut")),
            (1, on["disk_full"], partial(self.fault, "disk_full")),
            (1, on["restore"], self.restore),
            (0.6, on["clone"], self.clone),
            (0.3, on["centre_restore"], self.restore_centre),
            (0.4, on["centre_copy"], self.copy_centre),
            (0.5, on["clock"], self.set_clock),
            (1, on["late"], self.join),
            (0.7, on["revoke"], self.revoke),
            (0.4, on["revoke"], self.admit),
            (1, on["deny"], self.deny),
            (0.5, on["township"], self.grant),
            (1.5, on["rogue"], self.misbehave),
            (3, on["tamper"], self.rogue.tamper),
            (0.5, on["rogue"], self.impersonate),
            (0.8, True, self.repost),
            (0.2, on["move"], self.move),
        ]
        chosen = [(weight, event) for weight, enabled, event in table if enabled]
        self.weights = [weight for weight, _ in chosen]
        self.events = [event for _, event in chosen]

    def run(self, count: int) -> None:
        """Run `count` events, handing over mail between them."""
        world = self.world
        for event in self.rng.choices(self.events, self.weights, k=count):
            world.now_ms += int(self.rng.expovariate(1 / 2_000))
            world.deliver_due()
            self._start_some()
            event()

    def _start_some(self) -> None:
        for machine in self.world.machines:
            if machine.replica is None and self.rng.random() < 0.3 and machine.boot():
                self.world.counts["restarted"] += 1

    def _any(self, *, joined: bool = False, centre: bool = True) -> Machine | None:
        fit = [
            each
            for each in self.world.machines
            if each.replica is not None
            and (not joined or each.joined)
            and (centre or not each.is_centre)
        ]
        return self.rng.choice(fit) if fit else None

    def _centre(self) -> Machine | None:
        fit = [each for each in self.world.centres if each.replica is not None]
        return self.rng.choice(fit) if fit else None

    # People

    def save(self) -> None:
        """Somebody at a school or township saves a form."""
        machine = self._any(centre=False)
        if machine is None:
            return
        replica = machine.up
        scope_no = self.rng.choice(self.world.scope_nos(replica) or [replica.home_scope_no])
        tier = replica.identity.tier
        machine.do(lambda: self.world.clerk.save(replica, scope_no, tier))
        self.world.counts["saved"] += 1

    def judge(self) -> None:
        """An officer at the centre gives verdicts and edits people."""
        machine = self._centre()
        scopes = self.world.scope_nos(machine.up) if machine else []
        if machine is None or not scopes:
            return
        replica, scope_no = machine.up, self.rng.choice(scopes)
        machine.do(lambda: self.world.clerk.save(replica, scope_no, "centre"))
        self.world.counts["judged"] += 1

    def repost(self) -> None:
        """A form is sent again: same entry id, nothing new."""
        machine = self._any()
        entries = self.world.clerk.entries
        if machine is None or not entries:
            return
        replica, entry_id = machine.up, self.rng.choice(entries[-20:])
        known = replica.feeds.entry(entry_id)
        if known is None:
            return

        def again() -> None:
            with replica.write("again") as action:
                key = action.insert("person", {"name": "twice"}, entry_id=entry_id)
                if tuple(key) != known or action.ops:
                    raise self.world.violation("I7 a form posted twice made a second record")

        machine.do(again)
        self.world.counts["posted twice"] += 1

    def exchange(self) -> None:
        """A timer or a button starts an exchange; a copy of the centre talks to the centre."""
        machine = self._any(joined=True)
        if machine is None or machine.usb_only:
            return
        others = [each for each in self.world.centres if each is not machine]
        if others:
            self.world.start_exchange(machine, self.rng.choice(others))

    def carry(self) -> None:
        """Somebody carries a stick from one machine to another."""
        source, target = self._any(joined=True), self.rng.choice(self.world.machines)
        if source is not None and source is not target:
            self.world.carry(source, target)

    def set_clock(self) -> None:
        """A clock battery dies, or somebody sets the year."""
        clock = self.rng.choice(self.world.machines).env.clock
        choice = self.rng.choice(("2001", "2099", "error", "right"))
        clock.fixed_ms = {"2001": 978_307_200_000, "2099": 4_070_908_800_000}.get(choice)
        clock.error_ms = self.rng.randrange(-YEAR_MS, YEAR_MS) if choice == "error" else 0
        self.world.counts[f"clock {choice}"] += 1

    # Accidents

    def fault(self, kind: str) -> None:
        """Something will break at one of the next effects of a machine."""
        machine = self._any()
        if machine is not None:
            machine.arm(self.rng.randrange(6), kind)

    def sync_views(self) -> None:
        """The operating system writes out what was not synced."""
        for machine in self.world.machines:
            machine.disk.sync_view()

    def backup(self) -> None:
        """Somebody copies a data folder away."""
        machine = self.rng.choice(self.world.machines)
        if machine.replica is not None:
            machine.backups = [*machine.backups[-2:], (machine.disk.copy(), machine.sidecar)]
            self.world.counts["backup"] += 1

    def restore(self) -> None:
        """An old copy of a data folder comes back, with or without the sidecar of its time."""
        machine = self.rng.choice(self.world.machines)
        if not machine.is_centre:
            self._restore(machine)

    def restore_centre(self) -> None:
        """The centre comes back from an old copy."""
        self._restore(self.rng.choice(self.world.centres))

    def _restore(self, machine: Machine) -> None:
        if not machine.backups:
            return
        disk, old = self.rng.choice(machine.backups)
        sidecar = self.rng.choice(("new", "old", "gone"))
        machine.off()
        machine.disk = disk.copy()
        if sidecar == "old":
            machine.sidecar = old
            self.world.allow_fork(machine)
        elif sidecar == "gone":
            machine.sidecar = None
        self.world.epochs_allowed += 1
        role = "centre " if machine.is_centre else ""
        self.world.counts[f"{role}restore, sidecar {sidecar}"] += 1
        started = machine.boot()
        if started and self.rng.random() < 0.5:
            # Nobody trusts the first attempt: the same copy once more, over a fresh epoch.
            machine.off()
            machine.disk = disk.copy()
            self.world.epochs_allowed += 1
            self.world.counts["restored again"] += 1
            machine.boot()

    def clone(self) -> None:
        """A disk is copied to a second computer, or a virtual machine is copied whole."""
        machine = self._any(centre=False)
        if machine is None or len(self.world.machines) > 11:
            return
        same = self.world.on["same_machine_clone"] and self.rng.random() < 0.7
        if same:
            self.world.allow_fork(machine)
        self.world.epochs_allowed += 2
        if machine.joined and self.rng.random() < 0.3:
            machine.do(machine.publish)
            if machine.replica is None:
                return
        name = f"{machine.name}'{len(self.world.machines)}"
        self.world.clone(machine, same_machine=same, name=name).boot()
        self.world.counts["clone, same hardware" if same else "clone, other hardware"] += 1

    def copy_centre(self) -> None:
        """A whole image of the centre is started beside it."""
        source = self._centre()
        if source is None or len(self.world.centres) > 2:
            return
        same = self.rng.random() < 0.5
        if same:
            self.world.allow_fork(source)
        self.world.epochs_allowed += 2
        name = f"c{len(self.world.centres)}"
        copy = self.world.clone(source, same_machine=same, name=name)
        copy.boot()
        self.world.centres.append(copy)
        self.world.counts["centre copied"] += 1

    def move(self) -> None:
        """A disk is put into another computer."""
        machine = self.rng.choice(self.world.machines)
        machine.off()
        machine.fingerprint = self.world._fingerprint()
        self.world.epochs_allowed += 1
        self.world.counts["moved to other hardware"] += 1
        machine.boot()

    # The county

    def join(self) -> None:
        """A school that worked alone takes its invitation."""
        machine = self._any(centre=False)
        if machine is None or machine.joined or machine.ticket is None:
            return
        ticket = machine.ticket
        machine.do(lambda: machine.join(ticket))
        self.world.counts["joined late"] += 1

    def revoke(self) -> None:
        """The centre cuts a node off at the heads it has now, or lifts a cut."""
        centre = self._centre()
        victim = self.rng.choice(self.world.tickets)
        if centre is None:
            return
        replica, node = centre.up, victim.node
        for scope_no in self.world.scope_nos(replica):
            if centre.replica is None:
                return
            feeds = [each for each in replica.feeds.feeds(scope_no) if each.node == node]
            heads = [head for each in feeds for head, _ in replica.feeds.heads_of(each.feed)]
            rows = [replica.feeds.block(head) for head in heads]
            cuts = self._records(centre, scope_no, "_cut")
            bids = b"".join(sorted(row.bid for row in rows if row is not None))
            if cuts and self.rng.random() < 0.5:
                key = RecordKey(scope_no, self.rng.choice(cuts))
                change = self.rng.choice(({"lifted": True}, {"lifted": False}, {"heads": bids}))
                self._duel(centre, "_cut", key, change)
                centre.do(partial(self._set, centre, "_cut", key, change))
                self.world.counts["cut changed"] += 1
            elif feeds:
                cut = {"node": node, "heads": bids, "reason": "r", "lifted": False}
                centre.do(partial(self._insert, centre, "_cut", scope_no, cut))
                self.world.counts["revoked"] += 1

    def admit(self) -> None:
        """The centre lets some blocks count that came after a cut."""
        centre = self._centre()
        scopes = self.world.scope_nos(centre.up) if centre else []
        if centre is None or not scopes:
            return
        scope_no = self.rng.choice(scopes)
        bids = [each.bid for each in centre.up.feeds.all_blocks(scope_no)][-6:]
        chosen = [each for each in bids if self.rng.random() < 0.4]
        if chosen:
            row = {"blocks": b"".join(chosen)}
            centre.do(partial(self._insert, centre, "_admit", scope_no, row))
            self.world.counts["admitted"] += 1

    def deny(self) -> None:
        """The centre takes a node's right to speak away, or gives it back, or changes its tier."""
        centre = self._centre()
        scopes = self.world.scope_nos(centre.up) if centre else []
        if centre is None or not scopes:
            return
        scope_no = self.rng.choice(scopes)
        rows = self._records(centre, scope_no, NODE_TABLE.name)
        if rows:
            change = self.rng.choice(({"granted": False}, {"granted": True}, {"tier": "township"},
                                      {"tier": "school"}))  # fmt: skip
            key = RecordKey(scope_no, self.rng.choice(rows))
            self._duel(centre, NODE_TABLE.name, key, change)
            centre.do(partial(self._set, centre, NODE_TABLE.name, key, change))
            self.world.counts["rights changed"] += 1

    def _duel(
        self, centre: Machine, table: str, key: RecordKey, change: Mapping[str, object]
    ) -> None:
        """At the same time a copy of the centre says the opposite of the same row."""
        ours = centre.up.feeds
        name = ours.name_of(key.scope_no, key.rec >> K_BITS)
        others = [each for each in self.world.centres if each.replica is not None]
        other = self.rng.choice(others)
        state = other.up.feeds.scope_of(ours.scope_state(key.scope_no).scope)
        if name is None or state is None or other is centre:
            return
        number = other.up.feeds.number_of(state.scope_no, name)
        known = self._records(other, state.scope_no, table)
        rec = (number or 0) << K_BITS | key.rec & K_MASK
        if rec in known:
            against = {field: not value if value.__class__ is bool else value
                       for field, value in change.items()}  # fmt: skip
            there = RecordKey(state.scope_no, rec)
            other.do(partial(self._set, other, table, there, against))
            self.world.counts["two centres disagree"] += 1

    def grant(self) -> None:
        """The centre lets the township speak and read in a village's scope."""
        centre = self._centre()
        scopes = self.world.scope_nos(centre.up) if centre else []
        if centre is None or not scopes:
            return
        ticket = self.world.tickets[0]
        rows = [
            row
            for scope_no in scopes
            for row in centre.up.view.own_rows(NODE_TABLE, scope_no)
            if ticket.node in row["node"] and len(row["key"]) == 1
        ]
        scope_no = self.rng.choice(scopes)
        held = centre.up.view.own_rows(NODE_TABLE, scope_no)
        if rows and not any(ticket.node in row["node"] for row in held):
            row = {"node": ticket.node, "key": rows[0]["key"][0], "tier": "township",
                   "code": "T", "name": "township", "granted": True}  # fmt: skip
            centre.do(partial(self._insert, centre, NODE_TABLE.name, scope_no, row))
            self.world.counts["granted"] += 1

    def _records(self, centre: Machine, scope_no: int, table: str) -> list[int]:
        declared = centre.schema.by_name[table]
        rows = centre.up.view.digest_rows(declared, scope_no, 0, 1 << 62)
        return [rec for rec in (row[0] for row in rows) if isinstance(rec, int)]

    def _insert(
        self, centre: Machine, table: str, scope_no: int, row: Mapping[str, object]
    ) -> None:
        with centre.up.write("county") as action:
            action.insert(table, row, scope_no=scope_no)

    def _set(
        self, centre: Machine, table: str, key: RecordKey, change: Mapping[str, object]
    ) -> None:
        with centre.up.write("county") as action:
            action.set(table, key, change)

    # Malice

    def misbehave(self) -> None:
        """A member's program was changed."""
        machine = self._any(joined=True, centre=False)
        if machine is not None:
            machine.do(lambda: self.rogue.attack(machine))

    def impersonate(self) -> None:
        """Somebody speaks in another's name."""
        machine = self._any(joined=True, centre=False)
        if machine is not None:
            self.world.counts["rogue: impostor"] += self.rogue.impostor(machine)


def reissue_tickets(world: World) -> None:
    """The county prints invitations again that a restored centre has forgotten."""
    for centre in world.centres:
        put_tickets(centre.up, world.tickets)
