"""Slow down guessing: token buckets on monotonic time, so that no clock change opens the door."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

# Buckets kept; the oldest is dropped first. An attacker with more addresses than that still meets
# the bucket of the account.
KEYS_MAX: Final = 10_000


class Throttle:
    """`capacity` tries at once for each key, then one every `refill_s` seconds."""

    def __init__(self, capacity: int, refill_s: float, monotonic: Callable[[], float]) -> None:
        self._capacity = capacity
        self._refill_s = refill_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> float:
        """Use up one try; return 0, or the seconds to wait when none is left."""
        now = self._monotonic()
        with self._lock:
            left, at = self._buckets.pop(key, (float(self._capacity), now))
            left = min(self._capacity, left + (now - at) / self._refill_s)
            allowed = left >= 1
            self._buckets[key] = (left - 1 if allowed else left, now)
            if len(self._buckets) > KEYS_MAX:
                self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - left) * self._refill_s
