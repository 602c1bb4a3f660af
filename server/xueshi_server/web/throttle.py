"""Slow down guessing: token buckets on monotonic time, so that no clock change opens the door.

With a file behind them a restart opens it neither: a bucket goes on with what was left, and the
time in between, which only a wall clock could tell, gives nothing back.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Protocol

# Buckets kept; the oldest is dropped first. An attacker with more addresses than that still meets
# the bucket of the account.
KEYS_MAX: Final = 10_000


class TriesKept(Protocol):
    """Where buckets outlive the process."""

    def read(self, key: str) -> float | None:
        """What was left of a bucket; None for one that nobody used."""

    def write(self, key: str, left_over: float) -> None:
        """Keep what is left."""


class Throttle:
    """`capacity` tries at once for each key, then one every `refill_s` seconds."""

    def __init__(
        self,
        capacity: int,
        refill_s: float,
        monotonic: Callable[[], float],
        kept: TriesKept | None = None,
    ) -> None:
        self._capacity = capacity
        self._refill_s = refill_s
        self._monotonic = monotonic
        self._kept = kept
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> float:
        """Use up one try; return 0, or the seconds to wait when none is left."""
        now = self._monotonic()
        with self._lock:
            known = key in self._buckets
            left, at = self._buckets.pop(key) if known else (self._first(key), now)
            left = min(self._capacity, left + (now - at) / self._refill_s)
            allowed = left >= 1
            left = left - 1 if allowed else left
            self._buckets[key] = (left, now)
            if self._kept is not None and allowed:
                self._kept.write(key, left)
            if len(self._buckets) > KEYS_MAX:
                self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - left) * self._refill_s

    def _first(self, key: str) -> float:
        kept = self._kept.read(key) if self._kept is not None else None
        return float(self._capacity) if kept is None else kept
