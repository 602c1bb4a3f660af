"""The background thread that syncs when there is a line, and the "sync now" button beside it.

    agent = make_agent(node)
    agent.start(); agent.poke(); agent.sync_now(); agent.stop()

Rules
- One sync at a time: the button joins the one under way and gets its result.
- Nothing of the node is locked or held while the network is waited for; the lock here guards
  this object's few fields, and is never held during a call out.
- The thread ends only by `stop`: whatever a sync raises becomes a state and a later try.
Decisions are in `agent_plan`, which knows no clock and no thread.
"""

import logging
import random
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from xueshi_sync.agent_plan import (
    AgentState,
    Event,
    Failed,
    LineAppeared,
    Succeeded,
    WokeUp,
    Written,
    next_delay,
    slept_s,
)
from xueshi_sync.errors import NetworkError, SyncError
from xueshi_sync.http_session import LineSettings, SyncSession

# The first try, shortly after the start, so that the page has something to say.
GRACE_S: Final = 5.0
# How soon a new line, a sleep or the end of a delay is noticed at the latest.
TICK_S: Final = 5.0
# Documentation addresses (RFC 5737, RFC 3849): connecting a datagram socket sends nothing.
_ANYWHERE: Final = (
    (socket.AF_INET, ("192.0.2.1", 9)),
    (socket.AF_INET6, ("2001:db8::1", 9)),
)
_TONES: Final[Mapping[str, str]] = {
    "agent.idle": "good",
    "agent.syncing": "calm",
    "agent.waiting": "calm",
    "agent.resting": "calm",
    "agent.offline": "calm",
    "agent.stuck": "bad",
    "agent.untrusted": "bad",
    "agent.declined": "bad",
}

log = logging.getLogger(__name__)


class AgentNode(Protocol):
    """What `make_agent` needs of a node."""

    @property
    def enrolled(self) -> bool: ...
    @property
    def role(self) -> str: ...
    def status(self) -> Mapping[str, Any]: ...
    def sync_once(self, *, session: SyncSession) -> "SyncResult": ...


class SyncResult(Protocol):
    """What the agent needs of a report; `http_client.SyncReport` is one."""

    @property
    def outcome(self) -> str: ...
    @property
    def wait_s(self) -> int: ...


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """A code for the catalogue and its values; times in whole seconds."""

    code: str
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def words(self) -> str:
        return self.code.removeprefix("agent.")

    @property
    def tone(self) -> str:
        return _TONES.get(self.code, "warn")


@dataclass(frozen=True, slots=True)
class AgentClocks:
    """Where time and chance come from."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    jitter: Callable[[], float] = random.random
    tick_s: float = TICK_S


def local_addresses() -> tuple[str, ...]:
    """Return the addresses this machine would send from; empty without any network."""
    found = []
    for family, target in _ANYWHERE:
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(target)
            found.append(str(probe.getsockname()[0]))
    return tuple(found)


class SyncAgent:
    """Calls `sync_fn` when it is time. Thread-safe; start and stop once each."""

    def __init__(
        self,
        sync_fn: Callable[[], SyncResult],
        *,
        queue_fn: Callable[[], int] = lambda: 0,
        ready: Callable[[], bool] = lambda: True,
        abort: Callable[[], None] = lambda: None,
        addresses: Callable[[], tuple[str, ...]] = local_addresses,
        clocks: AgentClocks | None = None,
    ) -> None:
        self._sync_fn = sync_fn
        self._queue_fn = queue_fn
        self._ready = ready
        self._abort = abort
        self._addresses = addresses
        self._clocks = clocks or AgentClocks()
        self._changed = threading.Condition()
        self._state = AgentState()
        self._due = self._clocks.monotonic() + GRACE_S * self._clocks.jitter()
        self._flying = False
        self._flights = 0
        self._landed: SyncResult | Exception | None = None
        self._resting = False
        self._stopping = False
        self._last_good: float | None = None
        self._thread = threading.Thread(target=self._run, name="sync-agent", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the thread; a sync under way is aborted where `abort` can."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._abort()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    def poke(self) -> None:
        """Something was saved: try soon, unless the line is known to be bad."""
        self._happened(Written())

    def wake(self) -> None:
        """Try now, in the background; only a wait the peer asked for is respected."""
        self._happened(LineAppeared())

    def sync_now(self) -> SyncResult:
        """Sync while the caller waits, or join the sync under way. Raises what it raises."""
        landed = self._fly()
        if isinstance(landed, Exception):
            raise landed
        return landed

    def status(self) -> AgentStatus:
        """What the agent is doing, for people."""
        now = self._clocks.monotonic()
        with self._changed:
            state = self._state
            if self._flying:
                state = replace(state, code="agent.syncing")
            elif self._resting:
                state = replace(state, code="agent.resting")
            values: dict[str, object] = {
                "error": state.error,
                "failures": state.failures,
                "queue": state.queue or 0,
                "next_in_s": max(0, round(self._due - now)),
            }
            if self._last_good is not None:
                values["since_s"] = round(now - self._last_good)
        return AgentStatus(state.code, values)

    def _happened(self, event: Event) -> None:
        now = self._clocks.monotonic()
        with self._changed:
            left_s = max(0.0, self._due - now)
            self._state, delay_s = next_delay(
                self._state, event, jitter=self._clocks.jitter(), due_in_s=left_s
            )
            self._due = now + delay_s
            self._changed.notify_all()

    def _fly(self) -> SyncResult | Exception:
        """Do the one sync there may be, or wait for the end of the one under way."""
        with self._changed:
            if self._flying:
                flight = self._flights
                self._changed.wait_for(lambda: self._flights != flight)
                assert self._landed is not None
                return self._landed
            self._flying = True
        landed: SyncResult | Exception
        try:
            landed = self._sync_fn()
            event: Event = Succeeded(self._queue_fn(), landed.wait_s, landed.outcome == "more")
        except Exception as error:
            # The one place that must outlive any bug: a dead agent would be silent for months.
            if not isinstance(error, SyncError):
                log.exception("sync failed in an unexpected way")
            landed, event = error, _failure(error)
        except BaseException:
            # Ctrl-C of a caller of `sync_now`: the next one must not wait for ever.
            stopped = NetworkError("interrupted")
            self._land(stopped, _failure(stopped))
            raise
        self._land(landed, event)
        return landed

    def _land(self, landed: SyncResult | Exception, event: Event) -> None:
        self._happened(event)
        with self._changed:
            if isinstance(event, Succeeded):
                self._last_good = self._clocks.monotonic()
            self._landed = landed
            self._flying = False
            self._flights += 1
            self._changed.notify_all()

    def _run(self) -> None:
        addresses = self._addresses()
        while True:
            ready = self._ready()
            before = (self._clocks.wall(), self._clocks.monotonic())
            with self._changed:
                if self._stopping:
                    return
                self._resting = not ready
                left_s = self._due - before[1]
                due = ready and left_s <= 0 and not self._flying
                if not due:
                    idle = self._flying or not ready
                    wait_s = self._clocks.tick_s if idle else min(left_s, self._clocks.tick_s)
                    self._changed.wait(wait_s)
            if due:
                self._fly()
                continue
            addresses = self._look_around(before, addresses)

    def _look_around(
        self, before: tuple[float, float], addresses: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Notice that the machine slept or that it has another line than before."""
        wall_s = self._clocks.wall() - before[0]
        monotonic_s = self._clocks.monotonic() - before[1]
        gap_s = slept_s(wall_s, monotonic_s, self._clocks.tick_s)
        if gap_s:
            self._happened(WokeUp(gap_s))
        now_at = self._addresses()
        if now_at and now_at != addresses:
            self._happened(LineAppeared())
        return now_at


def make_agent(node: AgentNode, settings: LineSettings | None = None) -> SyncAgent:
    """Make the agent of a node, not started; its session keeps what a broken line left."""
    session = SyncSession(settings)
    return SyncAgent(
        lambda: node.sync_once(session=session),
        queue_fn=lambda: int(node.status()["unsent_ops"]),
        ready=lambda: node.enrolled and node.role != "centre",
        abort=session.abort,
    )


def _failure(error: Exception) -> Failed:
    if not isinstance(error, SyncError):
        return Failed("sync.failed")
    wait_s = error.fields.get("wait_s", 0.0) if isinstance(error, NetworkError) else 0.0
    return Failed(error.code, float(wait_s) if isinstance(wait_s, int | float) else 0.0)
