"""Days as a node sees them: its clock, in its time zone."""

import datetime as dt

from xueshi_sync.node import Node


def today_of(node: Node) -> dt.date:
    """The day at this node."""
    return day_of_ms(node.context.now_ms())


def day_of_ms(at_ms: int) -> dt.date:
    """The day on which a moment lies; a clock that is out of its mind gives the first or last."""
    try:
        return dt.datetime.fromtimestamp(at_ms / 1000).date()
    except (ValueError, OverflowError, OSError):
        return dt.date.max if at_ms > 0 else dt.date.min
