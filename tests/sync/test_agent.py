"""The background agent: what it decides, and that it never does two things at once."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from xueshi_sync.agent import AgentClocks, SyncAgent, local_addresses, make_agent
from xueshi_sync.agent_plan import (
    AGENT_CODES,
    GATHER_S,
    IDLE_S,
    AgentState,
    Failed,
    LineAppeared,
    Succeeded,
    WokeUp,
    Written,
    next_delay,
    slept_s,
)
from xueshi_sync.errors import NetworkError, SyncError
from xueshi_sync.http_errors import NETWORK_CODES, BusyError, PortalError
from xueshi_sync.http_session import SyncSession

DOWN = Failed("network.unreachable")


def after(*events: Succeeded | Failed, jitter: float = 0.999) -> tuple[AgentState, float]:
    state, delay_s = AgentState(), 0.0
    for event in events:
        state, delay_s = next_delay(state, event, jitter=jitter)
    return state, delay_s


# Decisions


@pytest.mark.parametrize(
    ("failures", "ceiling_s"), [(1, 10), (2, 20), (5, 160), (10, 3600), (11, 10240), (12, 20480)]
)
def test_the_delay_grows_with_failures_up_to_its_cap(failures: int, ceiling_s: int) -> None:
    assert after(*[DOWN] * failures)[1] == pytest.approx(ceiling_s, rel=0.01)


@pytest.mark.parametrize("failures", [13, 30, 5000])
def test_no_number_of_failures_waits_longer_than_six_hours(failures: int) -> None:
    assert after(*[DOWN] * failures)[1] <= 6 * 3600


def test_jitter_is_full() -> None:
    assert after(DOWN, DOWN, DOWN, DOWN, jitter=0.0)[1] == 1.0
    assert after(DOWN, DOWN, DOWN, DOWN, jitter=0.5)[1] == 40.0


def test_a_success_forgets_all_failures() -> None:
    state, _ = after(DOWN, DOWN, Succeeded(), DOWN)
    assert state.failures == 1


@pytest.mark.parametrize("event", [Succeeded(wait_s=900), Failed("network.busy", wait_s=900)])
@pytest.mark.parametrize("jitter", [0.0, 0.999])
def test_a_wait_the_peer_asks_for_is_never_cut_short(
    event: Succeeded | Failed, jitter: float
) -> None:
    assert 900 <= after(event, jitter=jitter)[1] <= 950


def test_a_wait_the_peer_asks_for_is_at_most_six_hours() -> None:
    assert after(Succeeded(wait_s=10**9))[1] <= 6.3 * 3600


@pytest.mark.parametrize("event", [Written(), LineAppeared(), WokeUp(0.0)])
def test_nothing_shortens_a_wait_the_peer_asked_for(
    event: Written | LineAppeared | WokeUp,
) -> None:
    state, _ = after(Failed("network.busy", wait_s=900))
    assert next_delay(state, event, jitter=0.5, due_in_s=700.0) == (state, 700.0)


def test_a_wait_goes_on_while_the_machine_sleeps() -> None:
    state, _ = after(Failed("network.busy", wait_s=900))
    assert next_delay(state, WokeUp(600.0), jitter=0.5, due_in_s=700.0)[1] == 100.0


@pytest.mark.parametrize("event", [LineAppeared(), WokeUp(3600.0)])
def test_a_new_line_and_waking_up_mean_a_try_at_once(event: LineAppeared | WokeUp) -> None:
    state, delay_s = after(*[DOWN] * 12)
    assert next_delay(state, event, jitter=0.999, due_in_s=delay_s)[1] <= 2.0


def test_a_write_means_a_try_soon() -> None:
    state, delay_s = after(Succeeded())
    assert next_delay(state, Written(), jitter=0.5, due_in_s=delay_s)[1] == GATHER_S


def test_a_write_does_not_hurry_a_bad_line() -> None:
    state, _ = after(DOWN)
    assert next_delay(state, Written(), jitter=0.5, due_in_s=400.0)[1] == 400.0


def test_a_write_does_not_put_off_a_try_that_is_due() -> None:
    assert next_delay(AgentState(), Written(), jitter=0.5, due_in_s=1.0)[1] == 1.0


def test_a_quiet_line_is_asked_every_quarter_of_an_hour() -> None:
    assert IDLE_S * 0.75 <= after(Succeeded(), jitter=0.0)[1] <= IDLE_S * 1.25


def test_what_was_written_meanwhile_follows_at_once() -> None:
    assert after(Succeeded(queue=3))[1] == GATHER_S


def test_a_queue_that_three_syncs_do_not_shrink_is_called_stuck() -> None:
    rounds = [Succeeded(queue=7)] * 4
    assert after(*rounds[:3])[0].code == "agent.idle"
    assert after(*rounds)[0].code == "agent.stuck"


def test_a_stuck_queue_is_not_hammered() -> None:
    assert after(*[Succeeded(queue=7)] * 4, jitter=0.0)[1] >= IDLE_S * 0.75


def test_failures_between_do_not_hide_a_stuck_queue() -> None:
    rounds = (Succeeded(queue=7), DOWN)
    assert after(*rounds, *rounds, *rounds, Succeeded(queue=7))[0].code == "agent.stuck"


def test_a_queue_that_shrinks_is_not_stuck() -> None:
    assert after(*[Succeeded(queue=left) for left in (9, 8, 7, 6, 5)])[0].stuck_rounds == 0


@pytest.mark.parametrize("code", [*NETWORK_CODES, "node.storage", "sync.failed"])
def test_every_error_has_a_state_with_words(code: str) -> None:
    assert after(Failed(code))[0].code in AGENT_CODES


@pytest.mark.parametrize(
    ("wall_s", "monotonic_s", "slept"),
    [
        pytest.param(5.0, 5.0, 0.0, id="a-tick"),
        pytest.param(30.0, 30.0, 0.0, id="a-late-tick"),
        pytest.param(7205.0, 5.0, 7200.0, id="monotonic-stands-still"),
        pytest.param(7205.0, 7205.0, 7200.0, id="monotonic-runs-on"),
        pytest.param(-9000.0, 5.0, 0.0, id="clock-set-back"),
    ],
)
def test_sleep_is_told_from_a_late_tick(wall_s: float, monotonic_s: float, slept: float) -> None:
    assert slept_s(wall_s, monotonic_s, 5.0) == slept


# The thread


@dataclass(frozen=True)
class Report:
    outcome: str = "level"
    wait_s: int = 0


@dataclass
class Line:
    """What the agent calls: counts calls, and can hold or fail them."""

    error: Exception | None = None
    called: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    count: int = 0
    at_once: int = 0
    most_at_once: int = 0
    gate: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def sync(self) -> Report:
        with self.lock:
            self.count += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        self.called.release()
        self.gate.wait(30)
        with self.lock:
            self.at_once -= 1
        if self.error:
            raise self.error
        return Report()


@dataclass
class World:
    """Clocks and addresses a test can set."""

    wall: float = 1_000_000.0
    monotonic: float = 50.0
    at: tuple[str, ...] = ("198.51.100.7",)

    def clocks(self) -> AgentClocks:
        return AgentClocks(
            monotonic=lambda: self.monotonic,
            wall=lambda: self.wall,
            jitter=lambda: 0.0,
            tick_s=0.01,
        )


@pytest.fixture
def line() -> Line:
    held = Line()
    held.gate.set()
    return held


@pytest.fixture
def world() -> World:
    return World()


Starter = Callable[..., SyncAgent]


@pytest.fixture
def start(line: Line, world: World) -> Iterator[Starter]:
    agents: list[SyncAgent] = []

    def starter(**options: Callable[..., object]) -> SyncAgent:
        agent = SyncAgent(
            line.sync,
            addresses=lambda: world.at,
            clocks=world.clocks(),
            **options,  # type: ignore[arg-type]
        )
        agents.append(agent)
        agent.start()
        return agent

    yield starter
    line.gate.set()
    for agent in agents:
        agent.stop()


def tried(line: Line) -> bool:
    return line.called.acquire(timeout=30)


def test_the_agent_tries_after_its_start(start: Starter, line: Line) -> None:
    start()
    assert tried(line)


def test_the_agent_waits_until_it_is_due(start: Starter, line: Line, world: World) -> None:
    agent = start()
    assert tried(line)
    wait_for(lambda: agent.status().code == "agent.idle")
    world.monotonic += 40
    world.wall += 40
    assert not line.called.acquire(timeout=0.1)


def test_a_new_address_means_a_try(start: Starter, line: Line, world: World) -> None:
    agent = start()
    assert tried(line)
    wait_for(lambda: agent.status().code == "agent.idle")
    world.at = ("198.51.100.8",)
    assert tried(line)


def test_losing_the_line_means_no_try(start: Starter, line: Line, world: World) -> None:
    start()
    assert tried(line)
    world.at = ()
    assert not line.called.acquire(timeout=0.1)


def test_waking_up_means_a_try(start: Starter, line: Line, world: World) -> None:
    agent = start()
    assert tried(line)
    wait_for(lambda: agent.status().code == "agent.idle")
    world.wall += 7200
    assert tried(line)


def test_the_button_joins_the_sync_under_way(start: Starter, line: Line) -> None:
    line.gate.clear()
    agent = start()
    assert tried(line)
    reports: list[object] = []
    presses = [threading.Thread(target=lambda: reports.append(agent.sync_now())) for _ in range(5)]
    for press in presses:
        press.start()
    line.gate.set()
    for press in presses:
        press.join(30)
    assert len(reports) == 5
    assert line.most_at_once == 1


def test_the_button_raises_what_the_sync_raised(start: Starter, line: Line) -> None:
    line.error = PortalError("log in")
    with pytest.raises(PortalError):
        start().sync_now()


def test_the_state_names_the_failure_and_when_it_goes_on(start: Starter, line: Line) -> None:
    line.error = BusyError("later", wait_s=120.0)
    agent = start()
    with pytest.raises(NetworkError):
        agent.sync_now()
    status = agent.status()
    assert (status.code, status.words, status.tone) == ("agent.waiting", "waiting", "calm")
    assert (status.values["error"], status.values["next_in_s"]) == ("network.busy", 120)


def test_a_sync_under_way_shows(start: Starter, line: Line) -> None:
    line.gate.clear()
    agent = start()
    assert tried(line)
    assert agent.status().code == "agent.syncing"


def test_an_unexpected_error_does_not_end_the_agent(
    start: Starter, line: Line, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    line.error = ZeroDivisionError("a bug")
    agent = start()
    assert tried(line)
    wait_for(lambda: agent.status().code == "agent.failed")
    world.monotonic += 60
    assert tried(line)
    assert "unexpected" in caplog.text


def test_an_interrupted_button_leaves_the_agent_usable(world: World) -> None:
    answers: list[BaseException | None] = [KeyboardInterrupt(), None]

    def sync() -> Report:
        answer = answers.pop(0)
        if answer is not None:
            raise answer
        return Report()

    agent = SyncAgent(sync, clocks=world.clocks())
    with pytest.raises(KeyboardInterrupt):
        agent.sync_now()
    assert agent.sync_now() == Report()


def test_a_node_that_is_not_ready_is_left_alone(start: Starter, line: Line) -> None:
    ready = threading.Event()
    agent = start(ready=ready.is_set)
    assert not line.called.acquire(timeout=0.1)
    assert agent.status().code == "agent.resting"
    ready.set()
    assert tried(line)


def test_stopping_aborts_the_sync_under_way(line: Line, world: World) -> None:
    line.gate.clear()
    agent = SyncAgent(line.sync, abort=line.gate.set, clocks=world.clocks())
    agent.start()
    assert tried(line)
    agent.stop()
    assert line.at_once == 0


def test_status_is_never_kept_waiting_by_a_sync(start: Starter, line: Line) -> None:
    line.gate.clear()
    agent = start()
    assert tried(line)
    for press in (agent.poke, agent.wake, agent.status):
        done = threading.Thread(target=press)
        done.start()
        done.join(10)
        assert not done.is_alive()


def test_looking_for_a_line_asks_nobody() -> None:
    assert all(isinstance(address, str) for address in local_addresses())


def test_a_refused_node_counts_as_failed(start: Starter, line: Line) -> None:
    line.error = SyncError("revoked")
    agent = start()
    with pytest.raises(SyncError):
        agent.sync_now()
    assert agent.status().code == "agent.failed"


class AgentsNode:
    """A node as the agent sees it."""

    enrolled = True
    role = "school"

    def __init__(self) -> None:
        self.sessions: list[SyncSession] = []

    def status(self) -> dict[str, int]:
        return {"unsent_ops": 4}

    def sync_once(self, *, session: SyncSession) -> Report:
        self.sessions.append(session)
        return Report()


def test_a_node_s_agent_keeps_one_session_for_all_its_syncs() -> None:
    node = AgentsNode()
    agent = make_agent(node)
    assert (agent.sync_now(), agent.sync_now()) == (Report(), Report())
    assert node.sessions[0] is node.sessions[1]
    assert agent.status().values["queue"] == 4


def wait_for(true: Callable[[], bool]) -> None:
    """Wait for the agent's thread to get there."""
    ticking = threading.Event()
    for _ in range(800):
        if true():
            return
        ticking.wait(0.01)
    raise AssertionError("the agent does not get there")
