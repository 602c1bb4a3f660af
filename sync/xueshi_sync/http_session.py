"""One peer's line: a requests session that counts every socket byte and never waits for ever.

`requests` sets its time-outs once per call and hands a whole body to one `sendall`, whose
time-out then covers everything; on a line of 1 KB/s that ends every large upload. So the sockets
below set the time-out before each operation: the idle time, or what is left of the total.
Bytes are counted where they enter and leave the socket (over TLS: before encryption).
"""

import contextlib
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import SKIP_HEADER

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

LIMIT_BYTES_MIN: Final = 16 * 1024
LIMIT_BYTES_MAX: Final = 1024 * 1024
# X509_V_FLAG_NO_CHECK_TIME: the ssl module has no name for it. Chain and host name still count.
NO_CHECK_TIME: Final = 0x200000
# What the kernel has taken is not yet sent. With its own choice of buffer it takes a megabyte at
# once, and on a line of 1 KB/s the wait for the answer would begin a quarter of an hour early.
SEND_BUFFER_BYTES: Final = 32 * 1024
# The library adds these unless told not to; they are a third of an idle exchange.
_NO_HEADERS: Final = {"User-Agent": SKIP_HEADER, "Accept-Encoding": SKIP_HEADER}


@dataclass(frozen=True)
class Timeouts:
    """Seconds by the monotonic clock: to connect, without a byte, and in all."""

    connect_s: float = 60.0
    idle_s: float = 60.0
    total_s: float = 600.0


@dataclass(frozen=True)
class LineSettings:
    """How the peer is reached; environment variables are never looked at."""

    ca_file: str | None = None
    clock_wrong: bool = False
    proxies: Mapping[str, str] | None = None


class Meter:
    """What went over the sockets of a session, and how long they may still wait."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.requests = 0
        self.up_bytes = 0
        self.down_bytes = 0
        self.aborted = False
        self._timeouts = Timeouts()
        self._deadline = float("inf")
        self._sockets: set[socket.socket] = set()

    def start(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self._deadline = self.clock() + timeouts.total_s

    @property
    def left_s(self) -> float:
        return 0.0 if self.aborted else self._deadline - self.clock()

    def patience_s(self, limit_s: float | None = None) -> float:
        """How long the next operation may wait; `TimeoutError` when the time is over."""
        left_s = min(limit_s or self._timeouts.idle_s, self.left_s)
        if left_s <= 0:
            raise TimeoutError("the time for this exchange is over")
        return left_s

    def connecting_s(self) -> float:
        return self.patience_s(self._timeouts.connect_s)

    def adopt(self, sock: socket.socket) -> None:
        self._sockets = {known for known in self._sockets if known.fileno() >= 0} | {sock}

    def abort(self) -> None:
        """Wake whoever waits on a socket of this session; from any thread."""
        self.aborted = True
        for sock in list(self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class _Metered(socket.socket):
    """Mixed into a socket class: counts, and asks the meter how long to wait."""

    meter: Meter

    def send(self, data: "ReadableBuffer", flags: int = 0, /) -> int:
        self.settimeout(self.meter.patience_s())
        sent = super().send(data, flags)
        self.meter.up_bytes += sent
        return sent

    def sendall(self, data: "ReadableBuffer", flags: int = 0, /) -> None:
        view = memoryview(data).cast("B")
        while view:
            view = view[self.send(view[:16384], flags) :]

    def recv_into(
        self, buffer: "WriteableBuffer", nbytes: int | None = None, flags: int = 0
    ) -> int:
        self.settimeout(self.meter.patience_s())
        size_bytes = super().recv_into(buffer, nbytes or 0, flags)
        self.meter.down_bytes += size_bytes
        return size_bytes


class _MeteredTls(_Metered, ssl.SSLSocket):
    """TLS on top of a plain socket; the plain one is not metered, or bytes would count twice."""


def _pools(meter: Meter) -> dict[str, type[HTTPConnectionPool]]:
    """Pool classes whose connections open metered sockets; urllib3 takes classes, not factories."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            self.timeout = meter.connecting_s()
            sock = super()._new_conn()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
            metered = _Metered(sock.family, sock.type, sock.proto, sock.detach())
            metered.meter = meter
            meter.adopt(metered)
            return metered

    class Tls(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            self.timeout = meter.connecting_s()
            sock = super()._new_conn()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
            return sock

        def connect(self) -> None:
            super().connect()
            if isinstance(self.sock, _MeteredTls):
                meter.adopt(self.sock)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls

    return {"http": PlainPool, "https": TlsPool}


def _tls_context(settings: LineSettings, meter: Meter) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.ca_file)
    if settings.clock_wrong:
        context.verify_flags |= NO_CHECK_TIME
    context.sslsocket_class = type("MeteredTls", (_MeteredTls,), {"meter": meter})
    return context


class _Adapter(HTTPAdapter):
    def __init__(self, settings: LineSettings, meter: Meter) -> None:
        self._meter = meter
        self._context = _tls_context(settings, meter)
        super().__init__(pool_connections=2, pool_maxsize=1, max_retries=0)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any
    ) -> None:
        self.poolmanager = PoolManager(
            num_pools=connections,
            maxsize=maxsize,
            block=block,
            ssl_context=self._context,
            **pool_kwargs,
        )
        self.poolmanager.pool_classes_by_scheme = _pools(self._meter)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, ssl_context=self._context, **proxy_kwargs)
        manager.pool_classes_by_scheme = _pools(self._meter)
        return manager

    def build_connection_pool_key_attributes(
        self, request: Any, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        # Left to requests, every authority that certifi knows would join the pinned one.
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """The context alone decides."""


def is_peer_address(text: str) -> bool:
    """Whether a node can be asked there: http or https, a host, perhaps a port."""
    try:
        parts = urlsplit(text)
        known = parts.scheme in ("http", "https") and bool(parts.hostname)
        return known and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


class SyncSession:
    """Connections to one peer, what they cost, and what an earlier exchange left unfinished."""

    def __init__(
        self,
        settings: LineSettings | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        settings = settings or LineSettings()
        self.meter = Meter(clock)
        self._over = threading.Event()
        self.pause = pause or self._over.wait
        self.jitter = jitter
        self.limit_bytes = LIMIT_BYTES_MAX
        self.unfinished: dict[str, Any] = {}
        self._proxies = dict(settings.proxies or {})
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.headers.clear()
        # A portal's cookie would travel with every request from then on.
        self._http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = _Adapter(settings, self.meter)
        self._http.mount("http://", adapter)
        self._http.mount("https://", adapter)

    def request(
        self, method: str, url: str, *, body: bytes | None = None, start: int = 0
    ) -> requests.Response:
        """Send one request and return with the headers of its answer; the body is not read."""
        headers: dict[str, str | bytes] = dict(_NO_HEADERS)
        if start:
            headers["X-From"] = str(start)
        self.meter.requests += 1
        return self._http.request(
            method,
            url,
            data=body,
            headers=headers,
            proxies=self._proxies,
            allow_redirects=False,
            stream=True,
        )

    def hang_up(self) -> None:
        """Close the connections; the next request opens a new one."""
        for adapter in set(self._http.adapters.values()):
            adapter.close()

    def abort(self) -> None:
        """End whatever is on the line at once; the session is of no more use."""
        self._over.set()
        self.meter.abort()

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> "SyncSession":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
