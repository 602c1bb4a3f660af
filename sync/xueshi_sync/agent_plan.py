"""When the background agent tries next: a function of what happened, without clock or thread.

Rules (SYNC 3.7.7)
- After a failure: full jitter, base 10 s, at most an hour, at most six after ten failures.
- A wait that the peer asked for is never cut short, by nothing; at most six hours.
- A line that appears, and a PC that wakes up, mean a try at once; a write means one soon,
  unless the line is known to be bad.
- Three successful syncs that leave the queue as long as it was: something is stuck; say so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

BASE_S: Final = 10.0
CAP_S: Final = 3600.0
LATE_CAP_S: Final = 6 * 3600.0
LATE_FAILURES: Final = 10
WAIT_MAX_S: Final = 6 * 3600.0
# Without news either way; what the centre has for a school is seldom urgent.
IDLE_S: Final = 15 * 60.0
# Several saves in a row travel together.
GATHER_S: Final = 5.0
LINE_UP_S: Final = 2.0
STUCK_ROUNDS: Final = 3
# Clocks drift and ticks come late by seconds; a sleeping PC is away for longer.
SLEEP_GAP_S: Final = 60.0

_WORDS: Final[Mapping[str, str]] = {
    "network.unreachable": "agent.offline",
    "network.silent": "agent.silent",
    "network.cut": "agent.cut",
    "network.portal": "agent.portal",
    "network.busy": "agent.waiting",
    "network.bad_answer": "agent.bad_answer",
    "network.declined": "agent.declined",
    "network.untrusted": "agent.untrusted",
}
AGENT_CODES: Final = (
    "agent.idle",
    "agent.syncing",
    "agent.waiting",
    "agent.resting",
    "agent.stuck",
    "agent.failed",
    *sorted(set(_WORDS.values()) - {"agent.waiting"}),
)


@dataclass(frozen=True, slots=True)
class AgentState:
    """What the next decision needs. `held`: the peer asked to wait. `code`: for people."""

    code: str = "agent.idle"
    error: str = ""
    failures: int = 0
    held: bool = False
    queue: int | None = None
    stuck_rounds: int = 0


@dataclass(frozen=True, slots=True)
class Succeeded:
    """A sync ended well; `queue` ops wait here still, and the peer asked for `wait_s`."""

    queue: int = 0
    wait_s: float = 0.0
    more: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """A sync ended with an error of this code; `wait_s` if the peer said when to come back."""

    error: str
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Written:
    """Something was saved here."""


@dataclass(frozen=True, slots=True)
class LineAppeared:
    """This machine has another address than before."""


@dataclass(frozen=True, slots=True)
class WokeUp:
    """The machine was asleep for about `gap_s` that the monotonic clock may not know of."""

    gap_s: float


Event = Succeeded | Failed | Written | LineAppeared | WokeUp


def next_delay(
    state: AgentState, event: Event, *, jitter: float, due_in_s: float = 0.0
) -> tuple[AgentState, float]:
    """Return the state after `event` and the seconds until the next try.

    `jitter` is a random number in [0, 1); `due_in_s` is what was left of the present delay.
    """
    match event:
        case Succeeded():
            return _after_success(state, event, jitter)
        case Failed():
            return _after_failure(state, event, jitter)
        case Written():
            soon_s = due_in_s if state.failures else GATHER_S
        case LineAppeared():
            soon_s = LINE_UP_S * jitter
        case WokeUp(gap_s):
            due_in_s = max(0.0, due_in_s - gap_s)
            soon_s = LINE_UP_S * jitter
    return state, due_in_s if state.held else min(due_in_s, soon_s)


def _after_success(state: AgentState, event: Succeeded, jitter: float) -> tuple[AgentState, float]:
    shrunk = state.queue is None or event.queue < state.queue
    stuck_rounds = state.stuck_rounds + 1 if event.queue and not shrunk else 0
    stuck = stuck_rounds >= STUCK_ROUNDS
    held = event.wait_s > 0
    code = "agent.stuck" if stuck else "agent.waiting" if held else "agent.idle"
    after = AgentState(code=code, held=held, queue=event.queue, stuck_rounds=stuck_rounds)
    if held:
        return after, _obey(event.wait_s, jitter)
    if (event.queue or event.more) and not stuck:
        return after, GATHER_S * 4**stuck_rounds
    return after, IDLE_S * (0.75 + 0.5 * jitter)


def _after_failure(state: AgentState, event: Failed, jitter: float) -> tuple[AgentState, float]:
    failures = state.failures + 1
    held = event.wait_s > 0
    after = AgentState(
        code=_WORDS.get(event.error, "agent.failed"),
        error=event.error,
        failures=failures,
        held=held,
        queue=state.queue,
        stuck_rounds=state.stuck_rounds,
    )
    if held:
        return after, _obey(event.wait_s, jitter)
    cap_s = LATE_CAP_S if failures > LATE_FAILURES else CAP_S
    # The exponent is bounded before it is used: nobody needs 2 to the 10,000.
    ceiling_s = min(cap_s, BASE_S * 2 ** min(failures - 1, 20))
    return after, max(1.0, jitter * ceiling_s)


def _obey(wait_s: float, jitter: float) -> float:
    """Never earlier than asked; a little later, so that slots do not fill at one instant."""
    return min(WAIT_MAX_S, wait_s) * (1 + 0.05 * jitter)


def slept_s(wall_s: float, monotonic_s: float, tick_s: float) -> float:
    """How long the machine was away during one tick; 0 if it was not.

    Where the monotonic clock stands still in sleep, the wall clock runs ahead of it; where it
    does not, the tick took far too long. A wall clock that is set back is no sleep.
    """
    gap_s = max(wall_s - monotonic_s, monotonic_s - tick_s)
    return gap_s if gap_s > SLEEP_GAP_S else 0.0
