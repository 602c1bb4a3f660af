"""The answering side of an exchange over HTTP: POST and GET /sync/v1/<name> as a WSGI app.

    app = make_sync_app(node, home / "stage")
    make_http_server(app, ("0.0.0.0", 8080)).safe_start()     # http_listener

Rules
- The body is kept as it arrives, so it needs a server that streams `wsgi.input` (cheroot does;
  waitress hands over whole bodies only and would lose every cut upload).
- The first bytes are admitted by the node before more are taken from anyone.
- A cut connection keeps what arrived; the same name goes on at that byte (`X-From`). The answer
  is computed once, kept, and can be fetched from any byte on.
- No header that does not earn its bytes: status, length, and one line against caches and
  transforming proxies. The HTTP status is a hint for logs; only the envelope is trusted.
"""

import random
import re
import time
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any, Final, Protocol

from xueshi_sync.errors import (
    IncompleteError,
    LimitExceededError,
    MediumError,
    NodeInUseError,
    NodeStateError,
    RefusedError,
    StorageError,
    SyncError,
    WrongNetError,
    WrongRecipientError,
)
from xueshi_sync.http_body import BodyReader, CutBodyError
from xueshi_sync.stage import (
    ADMIT_BYTES,
    NAME_PATTERN,
    UNADMITTED_BYTES_MAX,
    Stage,
    StageEntry,
    StageLimits,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed.wsgi import StartResponse, WSGIApplication

ROUTE: Final = re.compile(rf"(?:/.*)?/sync/v1/({NAME_PATTERN.pattern})")
# A refused body is read and thrown away up to here, so that the sender sees the refusal
# instead of a reset connection.
DRAIN_BYTES_MAX: Final = 256 * 1024
# A connection that was cut is noticed within this; only one that is half open is overruled.
READER_GRACE_S: Final = 0.25
_KEEP_UPLOAD: Final = (StorageError, NodeStateError, NodeInUseError, MediumError, OSError)
_DECLINE: Final = (RefusedError, WrongRecipientError, WrongNetError)


class ServerSide(Protocol):
    """What the transport needs of the node that answers."""

    def admit(self, prefix: bytes) -> int: ...
    def answer(self, envelope: bytes) -> bytes: ...
    def take_prefix(self, prefix: bytes) -> int: ...


@dataclass(frozen=True)
class ServerLimits:
    """How much work at once, and how long anybody may take."""

    stage: StageLimits = field(default_factory=StageLimits)
    uploads_max: int = 24
    answers_max: int = 4
    answer_wait_s: float = 20.0
    rate_floor_bps: float = 200.0
    rate_window_s: float = 30.0


@dataclass(frozen=True)
class Reply:
    status: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    close: bool = False


class _RefusedRequestError(Exception):
    """Ends a request with a reply; never leaves this module."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def make_sync_app(
    side: ServerSide,
    stage_dir: Path,
    *,
    clock: Callable[[], float] = time.monotonic,
    limits: ServerLimits | None = None,
    jitter: Callable[[], float] = random.random,
) -> "WSGIApplication":
    """Make the WSGI app; mount it anywhere, the path only has to end in /sync/v1/<name>."""
    return _SyncApp(side, stage_dir, limits=limits or ServerLimits(), clock=clock, jitter=jitter)


class _SyncApp:
    def __init__(
        self,
        side: ServerSide,
        stage_dir: Path,
        *,
        limits: ServerLimits,
        clock: Callable[[], float],
        jitter: Callable[[], float],
    ) -> None:
        self._side = side
        self._limits = limits
        self._clock = clock
        self._jitter = jitter
        self._stage = Stage(stage_dir, limits.stage, clock=clock)
        self._uploads = BoundedSemaphore(limits.uploads_max)
        self._answers = BoundedSemaphore(limits.answers_max)

    def __call__(self, environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        body = BodyReader(
            environ,
            clock=self._clock,
            floor_bps=self._limits.rate_floor_bps,
            window_s=self._limits.rate_window_s,
        )
        try:
            reply = self._route(environ, body)
        except _RefusedRequestError as refusal:
            reply = refusal.reply
        except CutBodyError:
            reply = Reply("408 Request Timeout", close=True)
        except _KEEP_UPLOAD as error:
            reply = self._busy(getattr(error, "code", StorageError.code))
        except LimitExceededError as error:
            reply = Reply("413 Content Too Large", error.code.encode())
        if body.remaining and not body.drain(DRAIN_BYTES_MAX):
            reply = Reply(reply.status, reply.body, reply.headers, close=True)
        headers = [*reply.headers, ("Cache-Control", "no-store, no-transform")]
        if reply.close:
            headers.append(("Connection", "close"))
        if not reply.status.startswith("204"):
            headers.append(("Content-Length", str(len(reply.body))))
        start_response(reply.status, headers)
        return [reply.body] if reply.body else []

    def _route(self, environ: dict[str, Any], body: BodyReader) -> Reply:
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        match = ROUTE.fullmatch(path)
        if match is None:
            return Reply("404 Not Found")
        start = _whole_number(environ.get("HTTP_X_FROM", "0"))
        if environ["REQUEST_METHOD"] == "GET":
            return self._get(match[1], start)
        if environ["REQUEST_METHOD"] != "POST":
            return Reply("405 Method Not Allowed")
        if "CONTENT_LENGTH" not in environ:
            return Reply("411 Length Required", close=True)
        total = start + body.remaining
        if total > self._limits.stage.name_bytes:
            return Reply("413 Content Too Large", close=True)
        entry = self._stage.open(match[1])
        try:
            return self._post(entry, body, start)
        finally:
            self._stage.release(entry)

    def _get(self, name: str, start: int) -> Reply:
        entry = self._stage.find(name)
        if entry is None:
            return _have(0)
        try:
            self._settle(entry)
            if entry.refusal is not None:
                return Reply("403 Forbidden", entry.refusal.encode())
            if entry.answer_size is not None:
                # Nothing beyond the end: an empty part still says how long the answer is.
                part = entry.read_answer(min(start, entry.answer_size))
                return Reply("200 OK", part, (("X-Total", str(entry.answer_size)),))
            return _have(entry.have)
        finally:
            self._stage.release(entry)

    def _post(self, entry: StageEntry, body: BodyReader, start: int) -> Reply:
        turn = self._settle(entry)
        if entry.answering:
            return self._busy("node.busy")
        if entry.answer_size is not None:
            return Reply("200 OK", entry.read_answer(0))
        if start != entry.have:
            return _have(entry.have, "409 Conflict")
        total = start + body.remaining
        if not self._uploads.acquire(blocking=False):
            return self._busy("node.busy")
        try:
            # Also while answering, so that nobody comes between the last byte and the answer.
            with entry.reading(turn):
                self._receive(entry, turn, body, total)
                return self._answer(entry, turn)
        except CutBodyError:
            self._take_prefix(entry)
            raise
        finally:
            self._uploads.release()

    def _receive(self, entry: StageEntry, turn: int, body: BodyReader, total: int) -> None:
        """Keep the body as it comes."""
        entry.refusal = None
        self._admit(entry, total)
        while body.remaining:
            room = 1 << 16
            if entry.limit is None:
                room = max(ADMIT_BYTES, 2 * entry.shown) - entry.have
            if not entry.append(turn, body.read_some(room)):
                raise _RefusedRequestError(_have(entry.have, "409 Conflict"))
            self._admit(entry, total)

    def _admit(self, entry: StageEntry, total: int) -> None:
        """Have the node look at the first bytes, again with twice as many if it needs more."""
        if entry.limit is None:
            enough = max(ADMIT_BYTES, 2 * entry.shown)
            if entry.have < min(enough, UNADMITTED_BYTES_MAX, total):
                return
            entry.shown = entry.have
            with self._judging(entry), self._bearing(entry, total):
                limit = self._side.admit(entry.prefix(UNADMITTED_BYTES_MAX))
                self._stage.admit(entry, limit, expected=total)
        if entry.limit is not None and total > entry.limit:
            self._stage.clear(entry)
            raise LimitExceededError("envelope", limit=entry.limit, actual=total)

    @contextmanager
    def _bearing(self, entry: StageEntry, total: int) -> "Iterator[None]":
        """Let the node ask for more of the envelope as long as there is more to come."""
        try:
            yield
        except IncompleteError:
            if entry.have >= min(UNADMITTED_BYTES_MAX, total):
                raise

    def _take_prefix(self, entry: StageEntry) -> None:
        """Hand the complete blocks of a cut upload to the node at once."""
        if entry.limit is None or entry.answer_size is not None:
            return
        try:
            self._side.take_prefix(entry.prefix())
        except IncompleteError:
            return
        except _KEEP_UPLOAD:
            # The node cannot store now; the bytes stay staged for the next connection.
            return
        except SyncError:
            self._stage.clear(entry)

    def _answer(self, entry: StageEntry, turn: int) -> Reply:
        """Compute the answer once; whoever comes meanwhile waits for it in `_settle`."""
        if not entry.begin_answer(turn):
            return _have(entry.have, "409 Conflict")
        try:
            if not self._answers.acquire(timeout=self._limits.answer_wait_s / 4):
                return self._busy("node.busy")
            try:
                with self._judging(entry):
                    answer = self._side.answer(entry.prefix())
                    self._stage.keep_answer(entry, answer)
            finally:
                self._answers.release()
        finally:
            entry.end_answer()
        return Reply("200 OK", answer)

    @contextmanager
    def _judging(self, entry: StageEntry) -> "Iterator[None]":
        """Turn what the node says against an envelope into a reply, and drop the envelope."""
        try:
            yield
        except (*_KEEP_UPLOAD, LimitExceededError):
            raise
        except _DECLINE as error:
            self._stage.clear(entry, refusal=error.code)
            raise _RefusedRequestError(Reply("403 Forbidden", error.code.encode())) from error
        except SyncError as error:
            self._stage.clear(entry)
            raise _RefusedRequestError(Reply("400 Bad Request", error.code.encode())) from error

    def _settle(self, entry: StageEntry) -> int:
        """Take an upload over from a connection that died, or wait for its answer."""
        turn = entry.take_turn(READER_GRACE_S)
        with entry.changed:
            entry.changed.wait_for(lambda: not entry.answering, self._limits.answer_wait_s)
        return turn

    def _busy(self, code: str) -> Reply:
        wait_s = 2 + int(self._jitter() * 28)
        headers = (("Retry-After", str(wait_s)),)
        return Reply("503 Service Unavailable", code.encode(), headers)


def _have(size_bytes: int, status: str = "204 No Content") -> Reply:
    return Reply(status, headers=(("X-Have", str(size_bytes)),))


def _whole_number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise _RefusedRequestError(Reply("400 Bad Request", close=True))
    return int(text)
