"""Totals of hours: exact sums of minutes, and what each state of a record means for them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

# States of an hour record in the order in which a page lists them.
STATES: Final = (
    "pending", "approved", "rejected", "returned", "withdrawn", "disputed", "void", "replaced",
)  # fmt: skip
# States of records that say nothing any more about what somebody did.
GONE_STATES: Final = ("rejected", "returned", "withdrawn", "void", "replaced")


@dataclass(frozen=True, slots=True)
class HourTotals:
    """Minutes of one person or school: what counts now, what waits, what came back."""

    credited: int = 0
    pending: int = 0
    returned: int = 0
    disputed: int = 0


def total_hours(rows: Iterable[tuple[str, int, int]]) -> HourTotals:
    """Sum (state, minutes, credited minutes); what was replaced, voided or withdrawn counts
    nowhere."""
    sums = {"credited": 0, "pending": 0, "returned": 0, "disputed": 0}
    for state, minutes, credited in rows:
        sums["credited"] += credited
        if state == "pending":
            sums["pending"] += minutes
        elif state in ("rejected", "returned"):
            sums["returned"] += minutes
        elif state == "disputed":
            sums["disputed"] += minutes - credited
    return HourTotals(**sums)
