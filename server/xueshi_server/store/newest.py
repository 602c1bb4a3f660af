"""A page of a ledger by date, the newest first, by its index: the rest is not read.

The index stands by school, state and date (`record_types`). So the first records of each state of
each school are looked up, and the page is made of those.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from xueshi_server.domain.credit import STATES
from xueshi_sync.node import Node

_STATES: Final = ", ".join(f"('{each}')" for each in STATES)


@dataclass(frozen=True, slots=True)
class Newest:
    """Which records: of a school, of a state, of some days, after one that was seen."""

    of: str
    when: str
    scope_no: int | None = None
    state: str = ""
    days: tuple[str, str] | None = None
    after: tuple[str, int, int] | None = None
    # One more condition on a record `x`.
    also: str = "1"

    def query(self, limit: int) -> tuple[str, dict[str, Any]]:
        """The statement of a common table `page` (scope_no, rec, sort_value), and its values."""
        values: dict[str, Any] = {"limit": limit}
        lanes, where = ["1"], ["x.scope_no = lane.scope_no", "x.state = lane.state", self.also]
        if self.scope_no is not None:
            lanes.append("s.scope_no = :scope_no")
            values["scope_no"] = self.scope_no
        if self.state:
            lanes.append("v.column1 = :state")
            values["state"] = self.state
        if self.days is not None:
            where.append(f'x."{self.when}" BETWEEN :first AND :last')
            values |= dict(zip(("first", "last"), self.days, strict=True))
        if self.after is not None:
            where += [
                f'x."{self.when}" <= :day',
                f'(x."{self.when}", x.scope_no, x.rec) < (:day, :day_scope, :day_rec)',
            ]
            values |= dict(zip(("day", "day_scope", "day_rec"), self.after, strict=True))
        return (
            f"""lane AS MATERIALIZED (
          SELECT s.scope_no, v.column1 AS state FROM scope s CROSS JOIN (VALUES {_STATES}) v
          WHERE {" AND ".join(lanes)}
        ), page AS (
          SELECT r.scope_no, r.rec, coalesce(r."{self.when}", '') AS sort_value
          FROM lane CROSS JOIN "{self.of}" r ON r.scope_no = lane.scope_no AND r.rec IN (
            SELECT x.rec FROM "{self.of}" x WHERE {" AND ".join(where)}
            ORDER BY x."{self.when}" DESC, x.rec DESC LIMIT :limit
          )
          ORDER BY 3 DESC, r.scope_no DESC, r.rec DESC LIMIT :limit
        )""",
            values,
        )


def is_indexed(node: Node, of: str, when: str | None) -> bool:
    """Whether a type has the index; a node under types of before it has not."""
    known: Mapping[str, Any] = node.schema.by_name
    return when is not None and of in known and ("state", when) in known[of].indexes
