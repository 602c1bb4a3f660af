"""A new key for the county's personal numbers, and the end of the old one (crypto-shredding).

What was once sealed stays in every feed, every backup and on every lost stick, and the key that it
was sealed to would open it for ever. So once a year the centre makes a new pair, seals what living
people's records say to it, and destroys the old private half: from then on all that is left of
people who were removed, and every copy that strayed, is closed for good.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from xueshi_server.errors import NotCentreError
from xueshi_server.seal_errors import SealBrokenError, SealKeyAbsentError, SealWaitingError
from xueshi_server.sealing import (
    Opener,
    Sealer,
    destroy_private,
    ensure_seal_key,
    find_sealer,
    held_generations,
    make_generation,
)
from xueshi_server.store.seal_keys import list_seal_keys
from xueshi_server.store.sealed_values import (
    Place,
    count_generations,
    disputed_fields,
    iterate_older,
    list_silent_schools,
)
from xueshi_sync.node import Node
from xueshi_sync.writer import Action

Progress = Callable[[int, int | None], None]


@dataclass
class Resealed:
    """What was sealed anew to `generation`; the rest was left as it is: fields with several values
    that somebody has to settle first, and values that nothing here opens."""

    generation: int
    count: int = 0
    disputed: int = 0
    closed: int = 0
    # Generations whose private half was destroyed.
    destroyed: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class KeyState:
    """A generation as the centre sees it: how many living values are sealed to it, and whether its
    private half is here."""

    generation: int
    valid_from: str
    values: int
    is_held: bool


def describe_keys(node: Node) -> list[KeyState]:
    """Every generation, the newest first."""
    counts, held = count_generations(node), held_generations(node.home)
    days = {each.generation: each.valid_from for each in list_seal_keys(node)}
    return [
        KeyState(each, days.get(each, ""), counts.get(each, 0), each in held)
        for each in sorted({*days, *counts, *held}, reverse=True)
    ]


def rotate(node: Node, *, actor: str, progress: Progress | None = None) -> Resealed:
    """Make the next generation and seal every living value to it; the old key stays for now.

    Raises NotCentreError, SealSpentError.
    """
    _require_centre(node)
    make_generation(node, actor=actor)
    return _reseal(node, actor, progress)


def destroy_old(
    node: Node, *, actor: str, anyway: bool = False, progress: Progress | None = None
) -> Resealed:
    """Seal anew what came since the rotation, then destroy every older private key.

    Raises NotCentreError; SealWaitingError, unless `anyway`, where values that only an old key
    opens are left, or schools have not been heard from since the new key was made and may still
    seal to the old one.
    """
    _require_centre(node)
    ensure_seal_key(node)
    newest = list_seal_keys(node)[0]
    done = _reseal(node, actor, progress)
    silent = list_silent_schools(node, newest.entered_at_s * 1000)
    older = [each for each in held_generations(node.home) if each < newest.generation]
    if older and (done.disputed or silent) and not anyway:
        raise SealWaitingError(fields=done.disputed, schools=", ".join(silent[:12]) or "-")
    for each in older:
        destroy_private(node.home, each)
    done.destroyed = older
    return done


def _require_centre(node: Node) -> None:
    if not node.replica.is_centre:
        raise NotCentreError


def _reseal(node: Node, actor: str, progress: Progress | None) -> Resealed:
    sealer, opener = find_sealer(node), Opener(node.home)
    assert sealer is not None, "a centre that seals anew has a key"
    done = Resealed(sealer.generation)
    total = sum(n for each, n in count_generations(node).items() if each < sealer.generation)
    disputed, seen = disputed_fields(node), 0
    for places in iterate_older(node, sealer.generation):
        with node.write(actor=actor) as action:
            _reseal_some(action, places, disputed, (opener, sealer), done)
        seen += len(places)
        if progress is not None:
            progress(seen, total)
    return done


def _reseal_some(
    action: Action,
    places: Iterable[Place],
    disputed: set[tuple[str, str, int, int]],
    keys: tuple[Opener, Sealer],
    done: Resealed,
) -> None:
    opener, sealer = keys
    for each in places:
        # A write names all values it saw: it would settle what only a person may settle.
        if (each.type_id, each.field, *each.key) in disputed:
            done.disputed += 1
            continue
        try:
            text = opener(each.value)
        except (SealKeyAbsentError, SealBrokenError):
            done.closed += 1
            continue
        action.set(each.type_id, each.key, {each.field: sealer(text)})
        done.count += 1
