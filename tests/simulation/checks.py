"""The invariants of a healed county: each raises a Violation that begins with its name."""

import random
from collections import Counter
from typing import Any

from tests.simulation.dump import Dump, differences, dump_view, held_blocks
from tests.simulation.machine import Machine
from tests.simulation.memory_store import MemoryFeeds
from tests.simulation.memory_view import MemoryView
from tests.simulation.oracle import Held, Meaning, meaning_of
from tests.simulation.world import Violation, World
from xueshi_sync.block import Feed, parse_block
from xueshi_sync.errors import BadSignatureError
from xueshi_sync.intake import Code
from xueshi_sync.limits import BLOCK_OPS, BLOCK_STORED_BYTES, HEADER_TLV_BYTES
from xueshi_sync.receipts import stored_receipt
from xueshi_sync.replica import Replica
from xueshi_sync.schema import CUT_TABLE, NODE_TABLE
from xueshi_sync.suite import sha256

Meanings = dict[Any, Meaning]
HEADER_MOST = 116 + HEADER_TLV_BYTES + 64


def check_all(world: World, survivors: dict[bytes, Held]) -> None:
    """Check a county at rest."""
    dumps = {machine.name: dump_view(machine.up) for machine in world.machines}
    known: Meanings = {}
    for machine in world.machines:
        check_scratch(machine, dumps[machine.name])
        check_forbidden(world, machine)
        check_meaning(world, machine, dumps[machine.name], known)
        check_limits(machine)
        check_receipts_kept(world, machine)
    check_sets(world)
    check_nothing_lost(world, survivors)
    check_forks(world)
    for machine in (world.centre, world.rng.choice(world.machines)):
        check_shuffled(world, machine, dumps[machine.name])
        check_redelivery(machine, dumps[machine.name])


def check_scratch(machine: Machine, shown: Dump | None = None) -> None:
    """I1: what grew step by step is what a build from nothing gives."""
    replica = machine.up
    view = MemoryView()
    replica.project_into(view)
    shown, built = shown or dump_view(replica), dump_view(replica, view)
    if not isinstance(replica.view, MemoryView):
        built = {scope: _comparable(rows) for scope, rows in built.items()}
    if shown != built:
        raise Violation(f"I1 {machine.name} view / rebuilt: {differences(shown, built)}")


def is_level(machine: Machine) -> bool:
    """Whether the view has taken all turns; a full disk may keep it behind for a while."""
    replica = machine.up
    if machine.up.is_behind:
        return False
    return all(
        replica.view.watermark(state.scope_no) == state.next_pos - 1
        for state in replica.feeds.scope_states()
    )


def _comparable(rows: dict[Any, Any]) -> dict[Any, Any]:
    return {key: row for key, row in rows.items() if key[0] in ("row", "write")}


def check_shuffled(world: World, machine: Machine, shown: Dump) -> None:
    """I1: the same blocks in another order give the same view."""
    replica = machine.up
    feeds, view = MemoryFeeds(), MemoryView()
    rng = random.Random(world.seed)
    Replica.found(feeds, machine.env, replica.identity)
    other = Replica(feeds, view, replica.suite, replica.schema, replica.seed, machine.env)
    other.open_view()
    waiting = []
    for state in replica.feeds.scope_states():
        other.hold_scope(state.scope)
        waiting += [each.data for each in held_blocks(replica.feeds, state.scope_no)]
    rng.shuffle(waiting)
    while waiting:
        codes = other.accept(waiting, machine.name.encode()).codes
        rest = [data for data, code in zip(waiting, codes, strict=True) if code > Code.HAD]
        if len(rest) == len(waiting):
            raise Violation(f"I1 {machine.name}: {Counter(codes)} cannot be stored again")
        waiting = rest
    built = dump_view(other)
    if not isinstance(replica.view, MemoryView):
        built = {scope: _comparable(rows) for scope, rows in built.items()}
    if shown != built:
        raise Violation(f"I1 {machine.name} view / shuffled: {differences(shown, built)}")


def check_redelivery(machine: Machine, before: Dump) -> None:
    """I7: everything once more changes nothing."""
    replica = machine.up
    epoch = replica.epoch_name
    for state in replica.feeds.scope_states():
        blocks = [each.data for each in held_blocks(replica.feeds, state.scope_no)]
        codes = set(replica.accept(blocks, replica.identity.node).codes)
        if codes - {Code.HAD}:
            raise Violation(f"I7 {machine.name}: again gives {codes}")
    if dump_view(replica) != before or replica.epoch_name != epoch:
        raise Violation(f"I7 {machine.name}: blocks that were there changed something")


def check_forbidden(world: World, machine: Machine) -> None:
    """I5: nothing that nobody had the right to write shows anywhere, at any time."""
    view, node = machine.up.view, machine.up.identity.node
    if not isinstance(view, MemoryView):
        return
    forbidden = {token for token, author in world.forbidden.items() if author != node}
    for (table, _), rows in view.tables.items():
        for row in rows.values():
            if not forbidden.isdisjoint(each for each in row.values() if each.__class__ is str):
                raise Violation(f"I5 {machine.name} shows a forbidden {table}: {row}")
    for (_, table), recs in view.writes.items():
        for writes in recs.values():
            for write, _ in writes.values():
                if not forbidden.isdisjoint((write.value, write.note, write.actor)):
                    raise Violation(f"I5 {machine.name} applied a forbidden {table}: {write}")


def check_meaning(world: World, machine: Machine, shown: Dump, known: Meanings) -> None:
    """I4, I5, I9: rights, current values and credit as an independent reading has them.

    Machines with the same blocks share one reading, unless the centre has not spoken of them yet.
    """
    replica = machine.up
    node = replica.identity.node
    for state in replica.feeds.scope_states():
        blocks = held_blocks(replica.feeds, state.scope_no)
        spoken = any(
            node in row["node"] for row in replica.view.own_rows(NODE_TABLE, state.scope_no)
        )
        me = None if spoken else ((node, replica.key), replica.identity.tier)
        key = (frozenset(each.bid for each in blocks), me)
        if key not in known:
            known[key] = meaning_of(blocks, world.genesis, replica.schema, me)
        _compare(machine, replica, known[key], shown[state.scope])


def _compare(machine: Machine, replica: Replica, meant: Meaning, shown: dict[Any, Any]) -> None:
    facts = {
        ("write", table, rec, name, dot): (fact.value, tuple(sorted(fact.preds | {dot})))
        for (table, rec, name), group in meant.facts.items()
        for dot, fact in group.items()
    }
    writes = {
        key: (row[0], tuple(sorted({*row[1], key[4]})))
        for key, row in shown.items()
        if key[0] == "write"
    }
    if facts != writes:
        found = differences({b"": facts}, {b"": writes})
        raise Violation(f"I5 {machine.name} meant / applied writes: {found}")
    rows = {}
    for key, row in shown.items():
        if key[0] == "row":
            table = replica.schema.by_name[key[1]]
            names = table.field_names
            last = ("state", "credited") if table.kind == "ledger" else ("deleted",)
            rows[key] = dict(zip((*names, *last), row, strict=False))
            rows[key].pop("state", None)
    expected = {("row", table, rec): row for (table, rec), row in meant.rows.items()}
    if rows != expected:
        found = differences({b"": expected}, {b"": rows})
        raise Violation(f"I4/I9 {machine.name} meant / shown: {found}")


def check_limits(machine: Machine) -> None:
    """I8: nothing stored is larger than it may be, or other than what its author signed."""
    feeds = machine.up.feeds
    for state in feeds.scope_states():
        for row in feeds.all_blocks(state.scope_no):
            data, feed = feeds.block_data(row.scope_no, row.no), feeds.feed(row.feed)
            if len(data) > BLOCK_STORED_BYTES + HEADER_MOST or row.op_count > BLOCK_OPS:
                raise Violation(f"I8 {machine.name}: {len(data)} bytes, {row.op_count} ops")
            block = parse_block(data)
            if sha256(block.stored_body) != block.header.body_hash or block.bid != row.bid:
                raise Violation(f"I8 {machine.name} holds a damaged block")
            try:
                assert feed is not None, "a block's feed is stored with it"
                machine.suite.verify(feed.key, b"xs1/sig\0" + block.bid, block.signature)
            except BadSignatureError as error:
                raise Violation(f"I8 {machine.name} holds a block that nobody signed") from error


def check_receipts_kept(world: World, machine: Machine) -> None:
    """I2: whatever a kept receipt names is at the centre, since some disk here still holds it."""
    for feed in _feeds_of(machine):
        receipt = stored_receipt(machine.up, feed.feed)
        if receipt is not None and machine.up.holds([receipt.block]) and is_rightful(world, feed):
            for centre in world.centres:
                if not centre.up.holds([receipt.block]):
                    raise Violation(f"I2 {machine.name}: receipted block is not at {centre.name}")


def _feeds_of(machine: Machine) -> list[Feed]:
    feeds = machine.up.feeds
    return [each for state in feeds.scope_states() for each in feeds.feeds(state.scope_no)]


def is_rightful(world: World, feed: Feed) -> bool:
    """Whether the speaker may speak in that scope at the end, revoked or not.

    A denial, unlike a revocation, leaves unsent work on the node (PROTOCOL 7).
    """
    state = world.centre.up.feeds.scope_of(feed.scope)
    if state is None:
        return False
    return world.centre.up.viewer.authority(state.scope_no).tier(feed.node, feed.key) is not None


def _bids(machine: Machine, scope: bytes) -> set[bytes]:
    state = machine.up.feeds.scope_of(scope)
    return {each.bid for each in machine.up.feeds.all_blocks(state.scope_no)} if state else set()


def entitled(world: World, machine: Machine) -> list[bytes]:
    """The scopes a machine may read at the end, as the centre sees it; none once it was cut off."""
    replica, centre = machine.up, world.centre.up
    own = [each.scope for each in centre.feeds.scope_states()]
    if machine.is_centre:
        return own
    node, key = replica.identity.node, replica.key
    for state in centre.feeds.scope_states():
        for row in centre.view.own_rows(CUT_TABLE, state.scope_no):
            if node in row["node"] and not all(each is True for each in row["lifted"]):
                return []
    spoken = [
        state.scope
        for state in centre.feeds.scope_states()
        if centre.viewer.authority(state.scope_no).tier(node, key) is not None
    ]
    return [*spoken, world.admin, world.public] if spoken else []


def check_sets(world: World) -> None:
    """I1: whoever may read a scope has what the centre has of it, and every centre the same."""
    for machine in world.machines:
        for scope in entitled(world, machine):
            missing = _bids(world.centre, scope) - _bids(machine, scope)
            if missing:
                name = f"{len(missing)} blocks of {scope.hex()[:6]}"
                raise Violation(f"I1 {machine.name} lacks {name} that the centre has")


def check_nothing_lost(world: World, survivors: dict[bytes, Held]) -> None:
    """I2: what a rightful node wrote and some disk kept is at every centre."""
    rightful = [each for each in survivors.values() if is_rightful(world, each.feed)]
    for centre in world.centres:
        for each in rightful:
            if each.bid not in _bids(centre, each.feed.scope):
                raise Violation(
                    f"I2 a block of {_name_of(world, each.feed.node)} in"
                    f" {each.feed.scope.hex()[:6]} is not at {centre.name}"
                )


def _name_of(world: World, node: bytes) -> str:
    names = [each.name for each in world.machines if each.up.identity.node == node]
    return " ".join(names) or node.hex()[:6]


def check_forks(world: World) -> None:
    """I6: forks and epochs are no more than what nobody could notice in time.

    And whoever holds a fork of the epoch it is in has seen a block that it never wrote.
    """
    for machine in world.machines:
        for feed in _feeds_of(machine):
            own = (feed.node, feed.epoch) == (machine.up.identity.node, machine.up.epoch_name)
            if own and len(machine.up.feeds.heads_of(feed.feed)) > 1:
                raise Violation(f"I6 {machine.name} goes on in an epoch that another copy writes")
    children: Counter[tuple[bytes, bytes, bytes]] = Counter()
    epochs = set()
    for state in world.centre.up.feeds.scope_states():
        for each in held_blocks(world.centre.up.feeds, state.scope_no):
            children[each.feed.node, each.feed.feed, each.prev] += 1
            epochs.add((each.feed.node, each.feed.epoch))
    forks: Counter[bytes] = Counter()
    for (node, _, _), number in children.items():
        forks[node] += number - 1
    world.counts["forks"] += forks.total()
    world.counts["epochs"] += len(epochs)
    for node, number in forks.items():
        if number > world.forks_allowed[node]:
            explained = world.forks_allowed[node]
            raise Violation(f"I6 {_name_of(world, node)}: {number} forks, {explained} explained")
    crashes = sum(number for name, number in world.counts.items() if " at " in name)
    allowed = len(world.machines) + 1 + world.epochs_allowed + crashes
    if len(epochs) > allowed:
        raise Violation(f"I6 {len(epochs)} epochs, {allowed} explained")
