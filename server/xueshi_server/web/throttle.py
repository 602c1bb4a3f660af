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
        with self._lock:
            left = self._left(key)
            allowed = left >= 1
            self._put(key, left - 1 if allowed else left)
        return 0.0 if allowed else (1 - left) * self._refill_s

    def give_back(self, key: str) -> None:
        """The try was right: it was no guess, and people who take turns all day do not wait."""
        with self._lock:
            self._put(key, min(self._capacity, self._left(key) + 1))

    def _left(self, key: str) -> float:
        now = self._monotonic()
        if key in self._buckets:
            left, at = self._buckets[key]
            return min(self._capacity, left + (now - at) / self._refill_s)
        kept = self._kept.read(key) if self._kept is not None else None
        return float(self._capacity) if kept is None else kept

    def _put(self, key: str, left: float) -> None:
        self._buckets[key] = (left, self._monotonic())
        self._buckets.move_to_end(key)
        if self._kept is not None:
            self._kept.write(key, left)
        if len(self._buckets) > KEYS_MAX:
            self._buckets.popitem(last=False)
