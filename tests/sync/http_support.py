"""Both sides of the transport seam with fixed bytes instead of a node, over a real cheroot.

Envelope of these tests: magic, u32 length of the body, body, SHA-256 of all before it. Small
enough to reason about, and any flipped, missing or foreign byte is noticed, as in the real one.
"""

import hashlib
import struct
import threading
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cheroot.ssl import Adapter

from xueshi_sync.errors import IncompleteError, MalformedFrameError, RefusedError, TruncatedError
from xueshi_sync.http_listener import make_http_server
from xueshi_sync.http_server import ServerLimits, make_sync_app
from xueshi_sync.http_session import LineSettings, SyncSession

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

REQUEST_MAGIC = b"REQ1"
ANSWER_MAGIC = b"ANS1"
OVERHEAD = 4 + 4 + 32


def seal(magic: bytes, body: bytes) -> bytes:
    data = magic + struct.pack("<I", len(body)) + body
    return data + hashlib.sha256(data).digest()


def unseal(magic: bytes, data: bytes) -> bytes:
    if data[:4] != magic:
        raise MalformedFrameError("foreign bytes")
    size = struct.unpack_from("<I", data, 4)[0] if len(data) >= 8 else 1 << 30
    if len(data) < size + OVERHEAD:
        raise TruncatedError("short")
    if len(data) > size + OVERHEAD or hashlib.sha256(data[:-32]).digest() != data[-32:]:
        raise MalformedFrameError("damaged")
    return data[8:-32]


@dataclass
class FakeCentre:
    """Answers with `answer_size` bytes bound to the request; remembers what it was asked."""

    answer_size: int = 200
    limit_bytes: int = 2 * 1024 * 1024
    refuse: bool = False
    admitted: list[bytes] = field(default_factory=list)
    answered: list[bytes] = field(default_factory=list)
    prefixes: list[bytes] = field(default_factory=list)
    gate: threading.Event | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def admit(self, prefix: bytes) -> int:
        self.admitted.append(prefix)
        if self.refuse:
            raise RefusedError("not of this county")
        if len(prefix) < 8:
            raise IncompleteError("more")
        if prefix[:4] != REQUEST_MAGIC:
            raise MalformedFrameError("foreign bytes")
        return self.limit_bytes

    def answer(self, envelope: bytes) -> bytes:
        body = unseal(REQUEST_MAGIC, envelope)
        if self.gate is not None:
            self.gate.wait(30)
        with self.lock:
            self.answered.append(body)
        return seal(ANSWER_MAGIC, answer_body(envelope, self.answer_size))

    def take_prefix(self, prefix: bytes) -> int:
        self.prefixes.append(prefix)
        return 0


def answer_body(envelope: bytes, size: int) -> bytes:
    bound = hashlib.sha256(envelope).digest()
    return (bound * (size // 32 + 1))[:size] if size >= 32 else bound


@dataclass(frozen=True)
class FakePending:
    name: str
    request: bytes
    rounds_left: int


@dataclass(frozen=True)
class FakeOutcome:
    more: bool = False
    wait_s: int = 0
    blocks_sent: int = 1
    blocks_received: int = 1
    ops_sent: int = 2
    ops_received: int = 3


@dataclass
class FakeSchool:
    """Sends `body_size` bytes an exchange, never more than the limit; verifies the answer."""

    body_size: int = 200
    rounds: int = 1
    wait_s: int = 0
    seed: int = 0
    begun: list[int] = field(default_factory=list)
    finished: int = 0

    def begin_exchange(self, *, limit_bytes: int) -> FakePending:
        self.begun.append(limit_bytes)
        mark = hashlib.sha256(b"%d %d" % (self.seed, len(self.begun))).digest()
        size = min(self.body_size, limit_bytes)
        # A stream that does not repeat, so that a byte kept at the wrong place is noticed.
        body = hashlib.shake_256(mark).digest(size)
        name = urlsafe_b64encode(mark[:16]).decode().rstrip("=")
        return FakePending(name, seal(REQUEST_MAGIC, body), self.rounds - self.finished - 1)

    def finish_exchange(self, pending: FakePending, response: bytes) -> FakeOutcome:
        body = unseal(ANSWER_MAGIC, response)
        if body != answer_body(pending.request, len(body)):
            raise MalformedFrameError("an answer to another request")
        self.finished += 1
        return FakeOutcome(more=pending.rounds_left > 0, wait_s=self.wait_s)


@contextmanager
def serving(app: "WSGIApplication", tls: Adapter | None = None) -> Iterator[tuple[str, int]]:
    """Run an app on a free port of loopback."""
    server = make_http_server(app, ("127.0.0.1", 0), threads=12)
    server.ssl_adapter = tls
    server.shutdown_timeout = 0.2
    server.expiration_interval = 0.02
    server.prepare()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server.bind_addr
    finally:
        server.stop()
        thread.join(10)


@contextmanager
def centre(
    side: FakeCentre, stage_dir: Path, limits: ServerLimits | None = None
) -> Iterator[tuple[str, int]]:
    with serving(make_sync_app(side, stage_dir, limits=limits)) as address:
        yield address


def fast_session(settings: LineSettings | None = None) -> SyncSession:
    """A session that does not wait between attempts."""
    return SyncSession(settings, pause=lambda _: None, jitter=lambda: 0.0)


def url_of(address: tuple[str, int]) -> str:
    return f"http://{address[0]}:{address[1]}"
