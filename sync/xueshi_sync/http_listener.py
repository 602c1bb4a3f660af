"""cheroot, set up for bad lines and few bytes.

What it changes: headers must be complete within 10 s however slowly they drip; a reply and its
headers leave in one write; no Date (a node's clock is not to be trusted, RFC 9110 6.6.1) and no
Server header; "Connection: close" means that the rest of a body is not waited for.
"""

import socket
import time
from typing import TYPE_CHECKING, Any, Final

from cheroot.makefile import StreamReader, StreamWriter
from cheroot.server import HTTPConnection, HTTPRequest
from cheroot.wsgi import Server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

HEADER_S: Final = 10.0
# A stalled line of 20 % loss comes back within this; then the body is cut and resumed later.
IDLE_S: Final = 30
# A third of it must drain within IDLE_S, also at 1 KB/s, or a slow download counts as hung; much
# smaller, and the peer's delayed acknowledgements hold up a fast one.
SEND_BUFFER_BYTES: Final = 48 * 1024
HEADER_BYTES_MAX: Final = 16 * 1024
_NEVER_SENT: Final = frozenset({b"date", b"server"})


class _Headers(list[tuple[bytes, bytes]]):
    """Response headers; cheroot appends Date and Server whenever they are missing."""

    def append(self, header: tuple[bytes, bytes]) -> None:
        if header[0].lower() not in _NEVER_SENT:
            super().append(header)


class _TimedSocket(socket.SocketIO):
    """Reads with a deadline while headers are due, else with the idle time-out."""

    deadline: float | None = None

    def __init__(self, sock: socket.socket, mode: Any) -> None:
        super().__init__(sock, mode)
        self._timed = sock

    def readinto(self, buffer: Any) -> int | None:
        if self.deadline is not None:
            left_s = self.deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError("timed out")
            self._timed.settimeout(left_s)
        try:
            return super().readinto(buffer)
        finally:
            if self.deadline is not None:
                self._timed.settimeout(IDLE_S)


class _Reader(StreamReader):
    def __init__(self, sock: socket.socket, mode: str, bufsize: int) -> None:
        self.timed = _TimedSocket(sock, mode)
        # Past StreamReader, which would make a reader of its own without the deadline.
        super(StreamReader, self).__init__(self.timed, bufsize)
        self.bytes_read = 0


class _Writer(StreamWriter):
    """Holds headers back until the body is written behind them."""

    holding = False

    def _flush_unlocked(self) -> None:
        if not self.holding:
            super()._flush_unlocked()  # type: ignore[misc]


def _make_file(sock: socket.socket, mode: str = "rb", bufsize: int = 8192) -> Any:
    return _Reader(sock, mode, bufsize) if "r" in mode else _Writer(sock, mode, bufsize)


class _Request(HTTPRequest):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.outheaders = _Headers()

    def parse_request(self) -> None:
        self.conn.rfile.timed.deadline = time.monotonic() + HEADER_S
        try:
            super().parse_request()
        finally:
            self.conn.rfile.timed.deadline = None

    def send_headers(self) -> None:
        if (b"Connection", b"close") in self.outheaders:
            self.close_connection = True
        self.conn.wfile.holding = True
        try:
            super().send_headers()
        finally:
            self.conn.wfile.holding = False

    def respond(self) -> None:
        super().respond()
        self.conn.wfile.flush()


class _Connection(HTTPConnection):
    RequestHandlerClass = _Request

    def __init__(self, server: Any, sock: socket.socket, makefile: Any = None) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        super().__init__(server, sock, _make_file)


def make_http_server(app: "WSGIApplication", bind: tuple[str, int], *, threads: int = 32) -> Server:
    """Make a server for `app`; `prepare()` and `serve()`, or `safe_start()`, then `stop()`.

    `threads` bounds the connections served at once; keep it above `ServerLimits.uploads_max`, so
    that pages are still served while every upload slot crawls.
    """
    server = Server(bind, app, numthreads=threads, request_queue_size=128, timeout=IDLE_S)
    server.ConnectionClass = _Connection
    server.max_request_header_size = HEADER_BYTES_MAX
    return server
