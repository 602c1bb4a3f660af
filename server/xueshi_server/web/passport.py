"""Where a record is, as the sync core proves it: here, packed, received, reviewed."""

from dataclasses import dataclass
from typing import Final, Literal

from xueshi_sync.node import Node, RecordKey

Standing = Literal["done", "open"]
ORDER: Final = ("here", "packed", "received", "reviewed")


@dataclass(frozen=True, slots=True)
class Stage:
    """One stamp of the passport; `at` is in seconds, None when the time is not known."""

    name: str
    standing: Standing
    at: int | None


def read_stages(node: Node, key: RecordKey) -> tuple[list[Stage], int | None]:
    """The stamps of an hour record in order, and when the centre received it."""
    passport = node.passport("hour", key)
    times = {
        "here": passport.entered_at_ms,
        "packed": passport.packed_at_ms,
        "received": passport.received_at_ms,
        "reviewed": passport.reviewed_at_ms,
    }
    reached = ORDER.index(passport.stage)
    stages = [
        Stage(name, "done" if place <= reached else "open", _seconds(times[name]))
        for place, name in enumerate(ORDER)
    ]
    return stages, _seconds(times["received"])


def _seconds(at_ms: int | None) -> int | None:
    return None if not at_ms else at_ms // 1000
