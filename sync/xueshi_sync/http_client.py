"""The asking side of an exchange over HTTP: one envelope, sent and answered across any cuts.

    with SyncSession() as session:
        report = sync(node, ["http://192.0.2.7:8080"], session=session)

Rules
- Only `finish_exchange` accepting the bytes means that anything happened. Every other end is a
  `NetworkError` with a code of `http_errors`, and changes nothing.
- A cut never starts the envelope again: GET tells how far the peer got, or brings the rest of
  the answer. Attempts are counted only while no byte of progress is made.
- What a failed exchange leaves is gone on with by the next one over the same session.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, Protocol, TypeVar

from xueshi_sync.errors import (
    MediumError,
    NetworkError,
    NodeInUseError,
    NodeStateError,
    RefusedError,
    StorageError,
    SyncError,
)
from xueshi_sync.http_errors import (
    BadAnswerError,
    BusyError,
    CutError,
    PortalError,
    SilentError,
    TooLargeError,
    UnreachableError,
)
from xueshi_sync.http_line import EnvelopeLine, ForgottenError, Progress
from xueshi_sync.http_session import LIMIT_BYTES_MAX, LIMIT_BYTES_MIN, SyncSession, Timeouts

WAIT_MAX_S: Final = 6 * 3600
ROUNDS_MAX: Final = 64
# An exchange slower than this does not make the next one larger (SYNC 3.7.5).
FAST_S: Final = 20.0
# Wrong bytes with a whole exchange behind them: a second, smaller try, then it is the peer.
BAD_ANSWERS_MAX: Final = 2
# What the node says of itself or of a verified answer; another attempt would say the same.
_FINAL: Final = (StorageError, MediumError, NodeStateError, NodeInUseError, RefusedError)
# How telling an error is when several addresses failed, most telling last.
_TELLING: Final = (
    "network.unreachable",
    "network.silent",
    "network.cut",
    "network.bad_answer",
    "network.portal",
    "network.untrusted",
    "network.declined",
    "network.busy",
)


class PendingExchange(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def request(self) -> bytes: ...


class ExchangeOutcome(Protocol):
    @property
    def more(self) -> bool: ...
    @property
    def wait_s(self) -> int: ...
    @property
    def blocks_sent(self) -> int: ...
    @property
    def blocks_received(self) -> int: ...
    @property
    def ops_sent(self) -> int: ...
    @property
    def ops_received(self) -> int: ...


PendingT = TypeVar("PendingT", bound=PendingExchange)
OutcomeT = TypeVar("OutcomeT", bound=ExchangeOutcome)
OutcomeT_co = TypeVar("OutcomeT_co", bound=ExchangeOutcome, covariant=True)


class ClientSide(Protocol[PendingT, OutcomeT_co]):
    """What the transport needs of the node that asks."""

    def begin_exchange(self, *, limit_bytes: int) -> PendingT: ...
    def finish_exchange(self, pending: PendingT, response: bytes) -> OutcomeT_co: ...


@dataclass(frozen=True)
class TransportReport(Generic[OutcomeT_co]):
    """What one exchange brought and cost; bytes as counted on the socket, headers included."""

    outcome: OutcomeT_co
    requests: int
    bytes_up: int
    bytes_down: int
    seconds: float
    resumed: int
    left_over: bool


@dataclass(frozen=True)
class SyncReport:
    """The sum over the exchanges of one sync. `outcome` is "level" or, at a bound, "more"."""

    url: str
    outcome: str = "more"
    exchanges: int = 0
    requests: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    seconds: float = 0.0
    resumed: int = 0
    wait_s: int = 0
    ops_sent: int = 0
    ops_received: int = 0
    blocks_sent: int = 0
    blocks_received: int = 0

    def add(self, one: TransportReport[Any]) -> "SyncReport":
        outcome: ExchangeOutcome = one.outcome
        return replace(
            self,
            outcome="more" if outcome.more else "level",
            exchanges=self.exchanges + 1,
            requests=self.requests + one.requests,
            bytes_up=self.bytes_up + one.bytes_up,
            bytes_down=self.bytes_down + one.bytes_down,
            seconds=self.seconds + one.seconds,
            resumed=self.resumed + one.resumed,
            wait_s=max(0, min(WAIT_MAX_S, outcome.wait_s)),
            ops_sent=self.ops_sent + outcome.ops_sent,
            ops_received=self.ops_received + outcome.ops_received,
            blocks_sent=self.blocks_sent + outcome.blocks_sent,
            blocks_received=self.blocks_received + outcome.blocks_received,
        )


def exchange_once(
    side: ClientSide[PendingT, OutcomeT],
    url: str,
    *,
    limit_bytes: int = LIMIT_BYTES_MAX,
    timeouts: Timeouts | None = None,
    session: SyncSession | None = None,
    progress: Progress | None = None,
) -> TransportReport[OutcomeT]:
    """Do one exchange, or go on with the one this session left unfinished at `url`.

    Raises a `NetworkError` when no verified answer came, and what the node itself raises.
    `progress(phase, done, total)` is called with phase "send" and "receive", in bytes.
    """
    if session is None:
        with SyncSession() as own:
            return exchange_once(
                side,
                url,
                limit_bytes=limit_bytes,
                timeouts=timeouts,
                session=own,
                progress=progress,
            )
    meter = session.meter
    meter.start(timeouts or Timeouts())
    began = (meter.requests, meter.up_bytes, meter.down_bytes, meter.clock())
    outcome: OutcomeT | None = None
    left_over = session.unfinished.pop(url, None)
    if left_over is not None:
        line = EnvelopeLine(left_over, url, session, progress=progress, left_over=True)
        outcome = _carry(side, left_over, line)
    if outcome is None:
        pending = side.begin_exchange(limit_bytes=limit_bytes)
        line = EnvelopeLine(pending, url, session, progress=progress)
        outcome = _carry(side, pending, line)
    assert outcome is not None
    return TransportReport(
        outcome=outcome,
        requests=meter.requests - began[0],
        bytes_up=meter.up_bytes - began[1],
        bytes_down=meter.down_bytes - began[2],
        seconds=meter.clock() - began[3],
        resumed=line.resumed,
        left_over=line.left_over,
    )


def sync(
    side: ClientSide[PendingT, OutcomeT],
    urls: Sequence[str],
    *,
    session: SyncSession | None = None,
    timeouts: Timeouts | None = None,
    deadline_s: float | None = None,
    progress: Progress | None = None,
) -> SyncReport:
    """Exchange until both sides are level, with the first address that answers.

    The request size is kept in the session: halved when the line breaks, doubled when it is
    fast. Raises the most telling `NetworkError` when no address gave a verified answer.
    """
    if session is None:
        with SyncSession() as own:
            return sync(
                side,
                urls,
                session=own,
                timeouts=timeouts,
                deadline_s=deadline_s,
                progress=progress,
            )
    errors: list[NetworkError] = [UnreachableError("no address to try")]
    run = _Run(side, session, timeouts or Timeouts(), progress)
    run.ends_at = session.meter.clock() + deadline_s if deadline_s is not None else None
    for url in urls:
        try:
            return run.level_with(url)
        except NetworkError as error:
            errors.append(error)
        finally:
            # A line that is left open for minutes is a dead one when it is needed.
            session.hang_up()
    raise max(errors[1:] or errors, key=_telling)


class _Run(Generic[PendingT, OutcomeT]):
    def __init__(
        self,
        side: ClientSide[PendingT, OutcomeT],
        session: SyncSession,
        timeouts: Timeouts,
        progress: Progress | None,
    ) -> None:
        self._side = side
        self._session = session
        self._timeouts = timeouts
        self._progress = progress
        self.ends_at: float | None = None

    def level_with(self, url: str) -> SyncReport:
        report = SyncReport(url)
        for _ in range(ROUNDS_MAX):
            timeouts = self._time_left()
            if report.exchanges and timeouts.total_s <= 0:
                break
            one = self._exchange(url, timeouts)
            report = report.add(one)
            # What was left over knows nothing of what was written since.
            if (report.outcome == "level" and not one.left_over) or report.wait_s:
                break
            if one.seconds < FAST_S:
                doubled = self._session.limit_bytes * 2
                self._session.limit_bytes = min(LIMIT_BYTES_MAX, doubled)
        return report

    def _exchange(self, url: str, timeouts: Timeouts) -> TransportReport[OutcomeT]:
        bad_answers = 0
        while True:
            limit_bytes = self._session.limit_bytes
            try:
                return exchange_once(
                    self._side,
                    url,
                    limit_bytes=limit_bytes,
                    timeouts=timeouts,
                    session=self._session,
                    progress=self._progress,
                )
            except (CutError, SilentError, BadAnswerError, TooLargeError) as error:
                self._session.limit_bytes = max(LIMIT_BYTES_MIN, limit_bytes // 2)
                bad_answers += isinstance(error, BadAnswerError)
                smaller = isinstance(error, TooLargeError) and limit_bytes > LIMIT_BYTES_MIN
                if not smaller and not 0 < bad_answers < BAD_ANSWERS_MAX:
                    raise

    def _time_left(self) -> Timeouts:
        if self.ends_at is None:
            return self._timeouts
        left_s = self.ends_at - self._session.meter.clock()
        return replace(self._timeouts, total_s=min(self._timeouts.total_s, left_s))


def _carry(
    side: ClientSide[PendingT, OutcomeT], pending: PendingT, line: EnvelopeLine
) -> OutcomeT | None:
    """Bring the envelope over and its verified answer back; None if the peer forgot it."""
    try:
        while True:
            answer = line.fetch_answer()
            try:
                return side.finish_exchange(pending, answer)
            except _FINAL:
                raise
            except SyncError as error:
                line.distrust(error)
    except ForgottenError:
        return None
    except (CutError, SilentError, UnreachableError, BusyError, PortalError):
        line.leave(pending)
        raise


def _telling(error: NetworkError) -> int:
    return _TELLING.index(error.code) if error.code in _TELLING else -1
