"""Where a record is, as the sync core proves it: here, packed, received, reviewed."""

from dataclasses import dataclass
from typing import Final, Literal

from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

Standing = Literal["done", "open"]
ORDER: Final = ("here", "packed", "received", "reviewed")


@dataclass(frozen=True, slots=True)
class Stage:
    """One stamp of the passport; `at` is in seconds, None when the time is not known."""

    name: str
    standing: Standing
    at: int | None


def read_stages(
    node: Node, key: RecordKey, entered_s: int, of: str = "hour"
) -> tuple[list[Stage], int | None]:
    """The stamps of a record in order, and when the centre received it."""
    passport = node.passport(of, key)
    sealed_s = None if passport.sealed_ms is None else passport.sealed_ms // 1000
    # At the centre a block's arrival is its receipt; when it was sealed is the school's affair.
    packed_s, received_s = (
        (None, sealed_s) if node.role == "centre" else (sealed_s, passport.received_s)
    )
    times = dict(zip(ORDER, (entered_s, packed_s, received_s, passport.reviewed_s), strict=True))
    reached = ORDER.index(passport.stage)
    stages = [
        Stage(name, "done" if place <= reached else "open", times[name])
        for place, name in enumerate(ORDER)
    ]
    return stages, received_s
