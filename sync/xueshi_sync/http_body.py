"""A request body read piece by piece, as it arrives, with a floor under its rate."""

import re
import time
from collections.abc import Callable
from typing import Any, Final

# Without `read1` a piece can be lost when the connection breaks inside it; so pieces are small.
PIECE_BYTES: Final = 512
# A sender that is turned away gets this long to stop sending and read why.
DRAIN_S: Final = 5.0


class CutBodyError(Exception):
    """The body ended early: closed, reset, timed out or slower than the floor."""


class BodyReader:
    """Reads `wsgi.input` up to Content-Length and keeps count of what is still to come."""

    def __init__(
        self,
        environ: dict[str, Any],
        *,
        clock: Callable[[], float] = time.monotonic,
        floor_bps: float = 0.0,
        window_s: float = 30.0,
    ) -> None:
        self._input: Any = environ["wsgi.input"]
        self._clock = clock
        self._floor_bytes = floor_bps * window_s
        self._window_s = window_s
        self._window_end = clock() + window_s
        self._window_bytes = 0
        self._broken = False
        length = environ.get("CONTENT_LENGTH") or "0"
        self.remaining = int(length) if re.fullmatch(r"[0-9]{1,18}", length) else 10**18

    def read_some(self, size_bytes: int) -> bytes:
        """Return at least one byte and what has arrived, at most `size_bytes`."""
        self._watch_rate()
        try:
            data = self._read(min(size_bytes, self.remaining))
        except (OSError, ValueError) as error:
            self._broken = True
            raise CutBodyError("the connection broke") from error
        if not data:
            self._broken = True
            raise CutBodyError("the connection ended early")
        self.remaining -= len(data)
        self._window_bytes += len(data)
        return data

    def drain(self, limit_bytes: int) -> bool:
        """Throw away the rest of a body; false when there is too much or it never comes."""
        if self._broken or self.remaining > limit_bytes:
            return False
        deadline = self._clock() + DRAIN_S
        try:
            while self.remaining:
                if self._clock() > deadline:
                    return False
                self.read_some(self.remaining)
        except CutBodyError:
            return False
        return True

    def _read(self, size_bytes: int) -> bytes:
        # cheroot's KnownLengthRFile has no read1, and its read() waits for all that was asked
        # and loses what came before a reset. The reader below it has one.
        below = getattr(self._input, "rfile", None)
        if below is not None and hasattr(below, "read1") and hasattr(self._input, "remaining"):
            data: bytes = below.read1(size_bytes)
            self._input.remaining -= len(data)
            return data
        data = self._input.read(min(size_bytes, PIECE_BYTES))
        return data

    def _watch_rate(self) -> None:
        now = self._clock()
        if now < self._window_end:
            return
        if self._window_bytes < self._floor_bytes:
            self._broken = True
            raise CutBodyError("slower than the floor")
        self._window_end = now + self._window_s
        self._window_bytes = 0
