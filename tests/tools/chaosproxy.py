"""A TCP proxy that counts and hurts: what bad lines, boxes in between and portals do.

    with ChaosProxy(("127.0.0.1", 8080), Faults(cut_each_connection=4096)) as proxy:
        ...  # talk to proxy.url
        proxy.faults = Faults()          # the line heals

    python -m tests.tools.chaosproxy --listen 9090 --target 127.0.0.1:8080 --delay-s 0.3

Counts are TCP payload bytes both ways, as accepted from either end. A new connection pays one
extra round trip of the delay, as TCP's handshake would.
"""

import argparse
import asyncio
import contextlib
import gzip
import os
import re
import socket
import struct
import threading
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Final

UP: Final = "up"
DOWN: Final = "down"
PAGE: Final = b"<html><body>Please log in</body></html>"
PORTALS: Final = {
    "200": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n",
    "302": b"HTTP/1.1 302 Found\r\nLocation: http://login.invalid/\r\n",
    "511": b"HTTP/1.1 511 Network Authentication Required\r\nContent-Type: text/html\r\n",
}


@dataclass(frozen=True)
class Faults:
    """What goes wrong; bytes are counted from 0.

    `cut_at` and `flip_at` happen once, at a byte of one direction. `cut_each_total` cuts all
    connections whenever so many more bytes, both ways, went over the link. `silence_after` keeps
    every connection open and passes nothing on once so many bytes went over the link.
    """

    cut_each_connection: int | None = None
    cut_each_total: int | None = None
    cut_at: tuple[str, int] | None = None
    reset: bool = True
    silence_after: int | None = None
    delay_s: float = 0.0
    bytes_per_s: float | None = None
    piece_bytes: int = 65536
    duplicate: bool = False
    replay: bytes | None = None
    flip_at: tuple[str, int] | None = None
    portal: str | None = None
    gzip: bool = False
    strip_length: bool = False


@dataclass
class _Link:
    """One client connection and the server connections behind it."""

    writers: list[asyncio.StreamWriter]
    bytes_both: int = 0
    response: bytearray = field(default_factory=bytearray)
    head: bytearray = field(default_factory=bytearray)

    def cut(self, *, reset: bool) -> None:
        for writer in self.writers:
            sock = writer.get_extra_info("socket")
            if reset and sock is not None:
                with contextlib.suppress(OSError):
                    linger = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                writer.transport.abort()
            else:
                writer.close()


class ChaosProxy:
    """Listens on loopback in a thread of its own; use as a context manager."""

    def __init__(
        self, target: tuple[str, int], faults: Faults | None = None, *, port: int = 0
    ) -> None:
        self.faults = faults or Faults()
        self.bytes = {UP: 0, DOWN: 0}
        self.connections = 0
        self.requests = 0
        self.cuts = 0
        self.responses: list[bytes] = []
        self.port = port
        self._target = target
        self._open: dict[int, _Link] = {}
        self._done: set[tuple[str, str, int]] = set()
        self._last_total_cut = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="chaosproxy", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def total_bytes(self) -> int:
        return self.bytes[UP] + self.bytes[DOWN]

    def __enter__(self) -> "ChaosProxy":
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the proxy does not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self) -> None:
        with contextlib.closing(self._loop):
            self._loop.run_until_complete(self._main())

    async def _main(self) -> None:
        listener = socket.create_server(("127.0.0.1", self.port))
        if self.faults.bytes_per_s:
            # A slow line does not take what it cannot carry.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        server = await asyncio.start_server(self._accept, sock=listener, limit=16384)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for link in list(self._open.values()):
            link.cut(reset=True)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await server.wait_closed()

    def _spawn(self, work: Coroutine[None, None, None]) -> "asyncio.Task[None]":
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._spawn(self._serve(reader, writer))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link([writer])
        self._open[id(link)] = link
        try:
            await asyncio.sleep(2 * self.faults.delay_s)
            if self.faults.portal or self.faults.replay is not None:
                await self._answer_ourselves(reader, writer)
            else:
                await self._forward(link, reader, writer)
        except OSError:
            pass
        finally:
            if link.response:
                self.responses.append(bytes(link.response))
            link.cut(reset=False)
            del self._open[id(link)]

    async def _answer_ourselves(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        request = _RequestCount()
        while not request.whole:
            data = await reader.read(65536)
            if not data:
                return
            self.bytes[UP] += len(data)
            request.feed(data)
        self.requests += 1
        reply = self.faults.replay
        if reply is None:
            length = b"Content-Length: %d\r\n\r\n" % len(PAGE)
            reply = PORTALS[self.faults.portal or "200"] + length + PAGE
        writer.write(reply)
        self.bytes[DOWN] += len(reply)
        await writer.drain()

    async def _forward(
        self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        down_reader, up_writer = await asyncio.open_connection(*self._target)
        link.writers.append(up_writer)
        for each in link.writers:
            # drain() then waits until the kernel has it all, and the kernel keeps little that a
            # reset could lose while the reader is busy.
            each.transport.set_write_buffer_limits(0)
            sock = each.get_extra_info("socket")
            if sock is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        pumps = [
            self._spawn(self._pump(link, UP, reader)),
            self._spawn(self._pump(link, DOWN, down_reader)),
        ]
        if self.faults.duplicate:
            twin_reader, twin_writer = await asyncio.open_connection(*self._target)
            link.writers.append(twin_writer)
            self._spawn(_swallow(twin_reader))
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        # The other direction may still have bytes under way, as after a half close.
        await asyncio.wait(pumps, timeout=0.2 + 2 * self.faults.delay_s)
        for pump in pumps:
            pump.cancel()

    async def _pump(self, link: _Link, way: str, reader: asyncio.StreamReader) -> None:
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        deliver = self._spawn(self._deliver(link, way, queue))
        counter = _RequestCount()
        try:
            while data := await reader.read(self.faults.piece_bytes):
                if way == UP:
                    self.requests += counter.feed(data)
                else:
                    link.response += data
                    data = self._rewrite(link, data)
                data, cut = self._harm(link, way, data)
                if data:
                    queue.put_nowait((time.monotonic() + self.faults.delay_s, data))
                if self.faults.bytes_per_s:
                    await queue.join()
                if cut:
                    await self._cut(link, queue)
                    return
            # An empty piece passes the end of the stream on, behind what is under way.
            queue.put_nowait((time.monotonic() + self.faults.delay_s, b""))
            await asyncio.wait([deliver])
        except OSError:
            pass
        finally:
            deliver.cancel()

    async def _deliver(
        self, link: _Link, way: str, queue: "asyncio.Queue[tuple[float, bytes]]"
    ) -> None:
        with contextlib.suppress(OSError):
            while True:
                due, data = await queue.get()
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                for writer in link.writers[1:] if way == UP else link.writers[:1]:
                    if data:
                        writer.write(data)
                        await writer.drain()
                    elif writer.can_write_eof():
                        writer.write_eof()
                if self.faults.bytes_per_s:
                    await asyncio.sleep(len(data) / self.faults.bytes_per_s)
                queue.task_done()
                if not data:
                    return

    def _harm(self, link: _Link, way: str, data: bytes) -> tuple[bytes, bool]:
        """Count, flip and shorten; true when the connection ends behind what is returned."""
        faults, before = self.faults, self.bytes[way]
        keep = len(data)
        for limit, at in (
            (faults.cut_each_connection, link.bytes_both),
            (faults.cut_each_total, self.total_bytes - self._last_total_cut),
        ):
            if limit is not None:
                keep = min(keep, max(0, limit - at))
        if faults.cut_at and self._once("cut", way, faults.cut_at, before + len(data)):
            keep = min(keep, faults.cut_at[1] - before)
        if faults.flip_at and self._once("flip", way, faults.flip_at, before + keep):
            at_byte = faults.flip_at[1] - before
            data = data[:at_byte] + bytes([data[at_byte] ^ 1]) + data[at_byte + 1 :]
        cut = keep < len(data)
        passed = self.total_bytes
        self.bytes[way] += keep
        link.bytes_both += keep
        if faults.silence_after is not None:
            keep = min(keep, max(0, faults.silence_after - passed))
        return data[:keep], cut

    def _once(self, kind: str, way: str, at: tuple[str, int], reached: int) -> bool:
        if at[0] != way or at[1] >= reached or (kind, *at) in self._done:
            return False
        self._done.add((kind, *at))
        return True

    async def _cut(self, link: _Link, queue: "asyncio.Queue[tuple[float, bytes]]") -> None:
        self.cuts += 1
        await queue.join()
        links = [link]
        if self.faults.cut_each_total is not None:
            self._last_total_cut = self.total_bytes
            links = list(self._open.values())
        for each in links:
            each.cut(reset=self.faults.reset)

    def _rewrite(self, link: _Link, data: bytes) -> bytes:
        """Do to a response what a box in between does: compress it, or forget its length."""
        if not (self.faults.gzip or self.faults.strip_length):
            return data
        link.head += data
        head, found, body = bytes(link.head).partition(b"\r\n\r\n")
        if not found:
            return b""
        length = int(_header(head, b"Content-Length") or 0)
        if len(body) < length:
            return b""
        link.head.clear()
        head = re.sub(rb"(?i)\r\nContent-Length:[^\r]*", b"", head)
        if self.faults.gzip:
            body = gzip.compress(body)
            head += b"\r\nContent-Encoding: gzip\r\nContent-Length: %d" % len(body)
        else:
            head += b"\r\nConnection: close"
            self._loop.call_later(0.05, link.writers[1].close)
        return head + b"\r\n\r\n" + body


class _RequestCount:
    """Counts HTTP requests in a stream, by Content-Length."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._body_left = 0
        self.whole = False

    def feed(self, data: bytes) -> int:
        count = 0
        while data:
            if self._body_left:
                taken = min(self._body_left, len(data))
                self._body_left -= taken
                data = data[taken:]
            else:
                self._head += data
                head, found, data = bytes(self._head).partition(b"\r\n\r\n")
                if not found:
                    return count
                self._head.clear()
                self._body_left = int(_header(head, b"Content-Length") or 0)
                count += 1
            self.whole = not self._body_left
        return count


def _header(head: bytes, name: bytes) -> bytes:
    match = re.search(rb"(?i)\r\n" + name + rb":\s*([0-9]+)", head)
    return match[1] if match else b""


async def _swallow(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(OSError):
        while await reader.read(65536):
            pass


def main() -> None:
    parser = argparse.ArgumentParser(description="A proxy for one TCP port that hurts the line.")
    parser.add_argument("--listen", type=int, default=0)
    parser.add_argument("--target", required=True, help="host:port")
    for name, kind in (
        ("cut-each-connection", int),
        ("cut-each-total", int),
        ("silence-after", int),
        ("delay-s", float),
        ("bytes-per-s", float),
        ("piece-bytes", int),
        ("portal", str),
    ):
        parser.add_argument(f"--{name}", type=kind)
    for name in ("duplicate", "gzip", "strip-length"):
        parser.add_argument(f"--{name}", action="store_const", const=True)
    values = {key: value for key, value in vars(parser.parse_args()).items() if value is not None}
    host, _, port = values.pop("target").rpartition(":")
    listen = values.pop("listen")
    with ChaosProxy((host, int(port)), Faults(**values), port=listen) as proxy:
        print(proxy.url, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
        print(proxy.bytes, proxy.connections, proxy.requests, proxy.cuts)


if __name__ == "__main__":
    main()
