"""A TCP proxy on the loopback interface that counts, delays, cuts and falls silent.

Bytes are those of the TCP payload, both directions, as the socket carried them. A delay of d each
way costs a new connection one extra round trip, as TCP's own opening would. A cut resets every
open connection each time another `cut_every` bytes went over the line, however they are spread
over connections and directions: half a message may be lost, never reordered.
"""

import asyncio
import re
import socket
import struct
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Literal

READ_BYTES: Final = 4096
_REQUEST: Final = re.compile(rb"(?:GET|POST) /sync/v1/")
# Reads that may be under way at once, each way: 4 MiB.
FLYING_MAX: Final = 1024
# A request line may lie across two reads.
_OVERLAP_BYTES: Final = 16
# linger on, zero seconds: closing resets the connection at once, as a dead line does.
_RESET: Final = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Line:
    """How the line behaves; changed while it is in use."""

    delay_s: float = 0.0
    cut_every: int | None = None
    # After `ends_after` bytes the line dies (reset, later connections refused) or is silent.
    ends_after: int | None = None
    ends_as: Literal["dead", "silent"] = "dead"


@dataclass(slots=True)
class Tally:
    """What went over the line since the last `take`."""

    bytes_up: int = 0
    bytes_down: int = 0
    requests: int = 0
    connections: int = 0
    cuts: int = 0

    @property
    def bytes_both(self) -> int:
        """Bytes of both directions."""
        return self.bytes_up + self.bytes_down


class CountingProxy:
    """`with CountingProxy(port) as proxy:` then talk to `proxy.url`."""

    def __init__(self, target_port: int, line: Line | None = None) -> None:
        self.line = line or Line()
        self._target_port = target_port
        self._tally = Tally()
        self._since_cut = 0
        self._since_start = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.port = 0

    @property
    def url(self) -> str:
        """The address to talk to instead of the target's."""
        return f"http://127.0.0.1:{self.port}"

    def take(self) -> Tally:
        """The tally so far; counting starts again at zero."""
        taken, self._tally = self._tally, Tally()
        return taken

    def set_line(self, line: Line) -> None:
        """Let the line behave differently from now on; what is open on it ends."""
        asyncio.run_coroutine_threadsafe(self._change(line), self._loop).result(timeout=10)

    async def _change(self, line: Line) -> None:
        self._reset_all()
        self.line, self._since_cut, self._since_start = line, 0, 0

    def __enter__(self) -> "CountingProxy":
        self._thread.start()
        started = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop
        )
        self._server = started.result(timeout=10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        self._reset_all()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tally.connections += 1
        if self._has_ended() and self.line.ends_as == "dead":
            _reset(writer)
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        pair = (writer, far_writer)
        self._open.update(pair)
        opening_s = 2 * self.line.delay_s
        try:
            await asyncio.gather(
                self._carry(reader, far_writer, up=True, opening_s=opening_s),
                self._carry(far_reader, writer, up=False, opening_s=0.0),
            )
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._open.difference_update(pair)
            for each in pair:
                each.close()

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        up: bool,
        opening_s: float,
    ) -> None:
        """Carry one direction; what is on its way is kept in order with its time of arrival."""
        writer.transport.set_write_buffer_limits(0)
        # What waits in the kernel for a busy reader is lost by a reset, and is counted already.
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, READ_BYTES)
        flying: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(FLYING_MAX)
        landing = asyncio.create_task(self._land(flying, writer, up=up))
        try:
            while not landing.done():
                data = await reader.read(READ_BYTES)
                arrives = self._loop.time() + opening_s + self.line.delay_s
                await flying.put((arrives, data))
                if not data:
                    break
            await landing
        finally:
            landing.cancel()

    async def _land(
        self,
        flying: "asyncio.Queue[tuple[float, bytes]]",
        writer: asyncio.StreamWriter,
        *,
        up: bool,
    ) -> None:
        """Deliver what has travelled long enough; only what is delivered is counted."""
        tail = b""
        while True:
            arrives, data = await flying.get()
            if (wait_s := arrives - self._loop.time()) > 0:
                await asyncio.sleep(wait_s)
            if not data:
                if writer.can_write_eof() and writer in self._open:
                    writer.write_eof()
                return
            if up:
                self._tally.requests += _count_requests(tail, data)
                tail = data[-_OVERLAP_BYTES:]
            while data and writer in self._open:
                data = await self._pass(data, writer, up=up)

    async def _pass(self, data: bytes, writer: asyncio.StreamWriter, *, up: bool) -> bytes:
        """Deliver as much as the line carries before its next event; give back the rest."""
        line = self.line
        if self._has_ended():
            return b""
        room = min(
            len(data),
            len(data) if line.cut_every is None else line.cut_every - self._since_cut,
            len(data) if line.ends_after is None else line.ends_after - self._since_start,
        )
        # Counted first: whoever has read an answer finds it in the tally.
        if up:
            self._tally.bytes_up += room
        else:
            self._tally.bytes_down += room
        writer.write(data[:room])
        await writer.drain()
        self._since_cut += room
        self._since_start += room
        if line.cut_every is not None and self._since_cut >= line.cut_every:
            self._since_cut = 0
            self._tally.cuts += 1
            self._reset_all()
        elif self._has_ended() and line.ends_as == "dead":
            self._reset_all()
        return data[room:]

    def _has_ended(self) -> bool:
        return self.line.ends_after is not None and self._since_start >= self.line.ends_after

    def _reset_all(self) -> None:
        for writer in list(self._open):
            _reset(writer)
        self._open.clear()


def _count_requests(tail: bytes, data: bytes) -> int:
    return len(_REQUEST.findall(tail + data)) - len(_REQUEST.findall(tail))


def _reset(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
