"""The end of a seed: faults stop, everything is exchanged until nothing moves, within a bound.

Machines that are on are not restarted and keep what they remember of their peers: a restart here
would hide what such memory does wrong.
"""

from typing import Final

from tests.simulation.dump import held_blocks
from tests.simulation.events import reissue_tickets
from tests.simulation.machine import Machine
from tests.simulation.oracle import Held
from tests.simulation.world import Violation, World
from xueshi_sync.errors import RefusedError
from xueshi_sync.exchange import (
    Outcome,
    answer_request,
    make_bundle,
    make_request,
    take_bundle,
    take_response,
)

ROUNDS_MAX: Final = 25
# A level county needs two or three; a fork and a restored centre a few more.
EXCHANGES_MAX: Final = 8


def heal(world: World) -> dict[bytes, Held]:
    """Bring the county to rest; returns every block that any disk held when the faults stopped."""
    world.drop = world.duplicate = 0.0
    world.mail.clear()
    for machine in world.machines:
        machine.fault = None
        if machine.replica is None and not machine.boot():
            raise Violation(f"liveness: {machine.name} does not start")
        if not machine.joined and machine.ticket is not None:
            machine.join(machine.ticket)
        # What a timer does on a machine whose view could not be written for a while.
        machine.up.level_view()
        machine.publish()
    reissue_tickets(world)
    survivors = {
        each.bid: each
        for machine in world.machines
        for state in machine.up.feeds.scope_states()
        for each in held_blocks(machine.up.feeds, state.scope_no)
    }
    for number in range(ROUNDS_MAX):
        before = _signature(world)
        _exchange_all(world)
        for machine in world.machines:
            if machine.up.is_behind:  # as reading a page does
                machine.up.level_view()
        if _signature(world) == before:
            world.counts["rounds to rest"] += number
            return survivors
    raise Violation("liveness: the county does not come to rest")


def _signature(world: World) -> list[tuple[bytes, int]]:
    return [
        (
            each.up.epoch_name,
            sum(state.next_no + state.next_pos for state in each.up.feeds.scope_states()),
        )
        for each in world.machines
    ]


def _exchange_all(world: World) -> None:
    for machine in world.machines:
        for centre in world.centres:
            if centre is machine:
                continue
            if machine.usb_only:
                _by_stick(world, machine, centre)
            else:
                _until_level(machine, centre)


def _until_level(machine: Machine, centre: Machine) -> None:
    machine.live = None
    for _ in range(EXCHANGES_MAX):
        outcome = exchange_once(machine, centre)
        if outcome is None or not outcome.more:
            return
    raise Violation(f"liveness: {machine.name} always has more to say")


def exchange_once(machine: Machine, centre: Machine) -> Outcome | None:
    """One exchange over a perfect line; None where the centre refused the node."""
    machine.publish()
    request = make_request(machine.up)
    response = answer_request(centre.up, request, carrier="http")
    centre.publish()
    try:
        return take_response(machine.up, request, response)
    except RefusedError:
        return None


def _by_stick(world: World, machine: Machine, centre: Machine) -> None:
    machine.publish()
    key = world.suite.public_key
    bundle = make_bundle(machine.up, world.genesis.centre_node, key(centre.seed))
    take_bundle(centre.up, bundle)
    centre.publish()
    back = make_bundle(centre.up, machine.up.identity.node, key(machine.seed))
    take_bundle(machine.up, back)
