"""One envelope on its way over a bad line: how far up, how far down, how often in vain.

The steps are POST of what the peer lacks and GET of what is missing here; after anything odd
the next step is GET, whose answer says where to go on. Progress is a byte more on either side
than ever before. Three bounds end it: misses without progress, envelopes or answers lost
altogether, and the time of the session's meter.
"""

import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import requests
import urllib3.exceptions

from xueshi_sync.errors import NetworkError, SyncError
from xueshi_sync.http_errors import (
    BadAnswerError,
    BusyError,
    CutError,
    DeclinedError,
    PortalError,
    SilentError,
    TooLargeError,
    UnreachableError,
    UntrustedError,
)
from xueshi_sync.http_session import SyncSession

ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
# Requests in a row without one byte of progress; a time-out counts twice.
MISSES_MAX: Final = 4
# Times that bytes must be carried again because they were damaged or forgotten.
LOSSES_MAX: Final = 2
# After a cut: asked at once, a busy peer would not yet have read what it was sent, and get it
# again. The wait is never longer than sending it again takes at this rate.
SETTLE_S: Final = 0.1
SETTLE_MAX_S: Final = 1.0
SETTLE_BYTES_PER_S: Final = 64 * 1024
# A longer wait is the agent's to sit out, not an open exchange's.
BUSY_WAIT_MAX_S: Final = 60.0

Progress = Callable[[str, int, int], None]

_UNREACHABLE: Final = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.LocationValueError,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.ProxyError,
    socket.gaierror,
)
_LOGIN_STATUSES: Final = (401, 407, 511)
_BUSY_STATUSES: Final = (429, 502, 503, 504)


class ForgottenError(Exception):
    """The peer kept nothing of an exchange left over from before; never leaves the package."""


class DamagedError(BadAnswerError):
    """The peer could not read what arrived; it has thrown it away."""


class EnvelopeLine:
    """Carries one request envelope to `url` and its answer back."""

    def __init__(
        self,
        pending: Any,
        url: str,
        session: SyncSession,
        *,
        progress: Progress | None = None,
        left_over: bool = False,
    ) -> None:
        self.resumed = int(left_over)
        self._base_url = url
        self._url = f"{url.rstrip('/')}/sync/v1/{pending.name}"
        self._envelope: bytes = pending.request
        self._session = session
        self._progress = progress
        self.left_over = left_over
        self._sent = False
        self._asking = left_over
        self._have = 0
        self._post_began: int | None = None
        self._answer = bytearray()
        self._answer_size: int | None = None
        self._best = 0
        self._misses = 0
        self._losses = 0

    def fetch_answer(self) -> bytes:
        """Return an answer that is whole as far as HTTP can tell; call again to go on."""
        while True:
            try:
                done = self._step()
            except DamagedError as error:
                self._lost(error)
                self._have = 0
                self._asking = False
            except (CutError, SilentError, UnreachableError, BusyError) as error:
                self._sent = self._sent or not isinstance(error, UnreachableError)
                self._missed(error)
            else:
                if done:
                    return bytes(self._answer)

    def distrust(self, error: SyncError) -> None:
        """The answer does not verify: ask for a missing end, then for all of it again."""
        self._lost(BadAnswerError(str(error), reason=error.code))
        if self._answer_size is not None and len(self._answer) >= self._answer_size:
            self._answer.clear()
        self._answer_size = None
        self._asking = True

    def leave(self, pending: object) -> None:
        """Remember the envelope for the next exchange if the peer may hold any of it."""
        if self._sent or self.left_over:
            self._session.unfinished[self._base_url] = pending

    def _step(self) -> bool:
        """Do one request; true when its answer may be the one."""
        with _worded(self._url):
            response = self._request()
            try:
                if response.status_code not in (204, 409):
                    _judge(response)
                    self._take(response)
                    return True
                # Read to its end, which is here, so that the connection can be used again.
                response.raw.read1(64, decode_content=False)
            except BaseException:
                response.close()
                raise
        self._go_on_from(response.headers.get("X-Have", ""))
        return False

    def _request(self) -> requests.Response:
        if self._asking:
            return self._session.request("GET", self._url, start=len(self._answer))
        self._tell("send", self._have, len(self._envelope))
        self._post_began = self._session.meter.up_bytes
        part = self._envelope[self._have :]
        return self._session.request("POST", self._url, body=part, start=self._have)

    def _go_on_from(self, text: str) -> None:
        if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) > len(self._envelope):
            raise CutError("no sensible X-Have", have=text)
        have, pushed = int(text), not self._asking
        if self.left_over and not have:
            raise ForgottenError
        if have < self._have:
            self._lost(CutError("the peer has forgotten what it had", have=have))
            self._best = have
        self._have = have
        self._answer.clear()
        self._asking = False
        if not self._progressed() and pushed:
            self._missed(CutError("the peer does not take what it is sent", have=have))
            self._asking = False

    def _take(self, response: requests.Response) -> None:
        pushed = not self._asking
        self._asking = True
        self._have = len(self._envelope)
        # A POST is answered from the first byte on, a GET from where it asked.
        if pushed:
            self._answer.clear()
        size = response.headers.get("Content-Length" if pushed else "X-Total", "")
        self._answer_size = int(size) if re.fullmatch(r"[0-9]{1,9}", size) else None
        while data := response.raw.read1(1 << 16, decode_content=False):
            self._answer += data
            if len(self._answer) > ANSWER_BYTES_MAX:
                raise BadAnswerError("endless answer", limit=ANSWER_BYTES_MAX)
            self._tell("receive", len(self._answer), self._answer_size or len(self._answer))
        if self._answer_size is not None and len(self._answer) < self._answer_size:
            raise CutError("the answer ends early")

    def _progressed(self) -> bool:
        at = self._have + len(self._answer)
        if at <= self._best:
            return False
        self._best, self._misses = at, 0
        return True

    def _missed(self, error: NetworkError) -> None:
        """Wait a little and go on by asking; raise when it goes on in vain."""
        self._progressed()
        if isinstance(error, UnreachableError) and not self._best:
            raise error
        self._misses += 2 if isinstance(error, SilentError) else 1
        wait_s = self._settle_s()
        if self._misses > 1:
            wait_s = max(wait_s, self._session.jitter() * 0.25 * 4**self._misses)
        if isinstance(error, BusyError) and error.wait_s:
            wait_s = error.wait_s
        too_long = wait_s > BUSY_WAIT_MAX_S or wait_s >= self._session.meter.left_s
        if self._misses >= MISSES_MAX or too_long:
            raise error
        self.resumed += 1
        self._asking = True
        self._session.hang_up()
        self._session.pause(wait_s)

    def _settle_s(self) -> float:
        """How long to leave the peer with what it was just sent."""
        began, self._post_began = self._post_began, None
        at_stake = 0 if began is None else self._session.meter.up_bytes - began
        return min(SETTLE_MAX_S, SETTLE_S + at_stake / SETTLE_BYTES_PER_S)

    def _lost(self, error: NetworkError) -> None:
        self._losses += 1
        if self._losses > LOSSES_MAX or self._session.meter.left_s <= 0:
            raise error

    def _tell(self, phase: str, done: int, total: int) -> None:
        if self._progress:
            self._progress(phase, done, total)


def _judge(response: requests.Response) -> None:
    """Raise for an answer that cannot hold an envelope; the status is only a hint."""
    status = response.status_code
    page = "html" in response.headers.get("Content-Type", "").lower()
    if 300 <= status < 400 or status in _LOGIN_STATUSES or (page and status < 300):
        raise PortalError("the network wants a login", status=status)
    if status in _BUSY_STATUSES:
        text = response.headers.get("Retry-After", "")
        wait_s = float(text) if re.fullmatch(r"[0-9]{1,6}", text) else 0.0
        raise BusyError("busy", wait_s=wait_s, status=status)
    if status == 408:
        raise CutError("the peer waited in vain", status=status)
    if status == 413:
        raise TooLargeError("too large", status=status)
    if status in (400, 403) and not page:
        kind = DamagedError if status == 400 else DeclinedError
        raise kind("turned away", status=status, peer_code=_peer_code(response))
    if status != 200 or response.headers.get("Content-Encoding", "identity") != "identity":
        raise BadAnswerError("not an answer of the peer", status=status)


def _peer_code(response: requests.Response) -> str:
    text = response.raw.read1(64, decode_content=False).decode("ascii", "replace")
    return text if re.fullmatch(r"[a-z_.]{1,40}", text) else ""


@contextmanager
def _worded(url: str) -> Iterator[None]:
    """Turn whatever the libraries raise into one of `http_errors`."""
    try:
        yield
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        causes = list(_causes(error))
        raise _network_error(causes, url) from error


def _network_error(causes: list[BaseException], url: str) -> NetworkError:
    def any_of(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    text = str(causes[0])
    if any_of(ssl.SSLCertVerificationError):
        return UntrustedError(text, url=url)
    if any_of(*_UNREACHABLE):
        return UnreachableError(text, url=url)
    if any_of(TimeoutError, urllib3.exceptions.TimeoutError, requests.Timeout):
        return SilentError(text, url=url)
    if any_of(ssl.SSLError) and not any_of(ssl.SSLEOFError, ConnectionError):
        return BadAnswerError(text, url=url)
    return CutError(text, url=url)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk an exception and all it wraps: requests and urllib3 nest in every possible way."""
    seen: set[int] = set()
    queue: list[object] = [error]
    while queue:
        cause = queue.pop(0)
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        queue += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]
