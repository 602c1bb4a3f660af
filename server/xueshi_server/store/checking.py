"""What a school said of its hours before anybody judged them (PROTOCOL 8.4), and what it has yet to
look at.

A claim stands under the teacher's own number; everything else was entered by the registrar. Neither
credits anything before it is judged: to check is to say that the school stands behind it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from sqlite3 import Row
from typing import Final, Literal

from xueshi_server.domain.credit import GONE_STATES
from xueshi_server.store.totals import by_school
from xueshi_sync.node import Node

# Checked by the school; a claim not checked; an entry of the registrar not checked.
Standing = Literal["passed", "claim", "entry"]
STANDINGS: Final[tuple[Standing, ...]] = ("passed", "entry", "claim")
# What of a queue is listed: one standing, everything but claims nobody checked, or what of the
# registrar's entries the school has yet to look at.
Wanted = Literal["", "passed", "claim", "entry", "not_claim", "to_check"]

# Of an hour `x`: the school stands behind it.
_PASSED: Final = (
    "EXISTS (SELECT 1 FROM checking c WHERE c.scope_no = x.scope_no AND c.tbl = 'hour'"
    " AND c.rec = x.rec AND c.current AND c.value = 'pass')"
)
# A newer version that waits or counts is looked at in its place. The inner query is answered by the
# index over what is corrected, which holds few.
CORRECTED: Final = (
    "EXISTS (SELECT 1 FROM hour n WHERE n.scope_no = x.scope_no AND n.rec IN (SELECT o.rec"
    " FROM hour o WHERE o.scope_no = x.scope_no AND o.corrects = x.rec)"
    f" AND n.state NOT IN {GONE_STATES!r})"
)


@dataclass(frozen=True, slots=True)
class Unchecked:
    """What waits at a school: the claims, newest first; how many of the registrar's entries; how
    many were passed and wait for the county; how many came back to their authors."""

    claims: tuple[int, ...] = ()
    entries: int = 0
    passed: int = 0
    returned: int = 0


@dataclass(frozen=True, slots=True)
class Check:
    """How a record stands with its school: what was said of it last, by whom, when, and why."""

    standing: Standing
    said: str = ""
    by: str = ""
    at_s: int = 0
    reason: str = ""


def condition(node: Node, wanted: Wanted) -> str:
    """What an hour `x` must be."""
    own = _own(node)
    return {
        "": "1",
        "passed": _PASSED,
        "claim": f"NOT {_PASSED} AND {own}",
        "entry": f"NOT {_PASSED} AND NOT {own}",
        "not_claim": f"({_PASSED} OR NOT {own})",
        "to_check": f"NOT {_PASSED} AND NOT {CORRECTED} AND NOT {own}",
    }[wanted]


def read_unchecked(node: Node) -> Unchecked:
    """What waits at the school of this node; counted anew only where something changed."""
    own = _own(node)

    def count(scope_no: int) -> Unchecked:
        waiting = "FROM hour x WHERE x.scope_no = ? AND x.state = 'pending'"
        total, passed = node.query(
            f"SELECT count(*), coalesce(sum({_PASSED}), 0) {waiting}", [scope_no]
        )[0]
        claims = node.query(
            f"SELECT x.rec, {CORRECTED} AS is_corrected {waiting} AND {own} AND NOT {_PASSED}"
            " ORDER BY x.date DESC, x.rec DESC",
            [scope_no],
        )
        corrected = node.query(
            f"SELECT count(*) {waiting} AND {CORRECTED} AND NOT {own} AND NOT {_PASSED}",
            [scope_no],
        )[0][0]
        returned = node.query(
            "SELECT count(*) FROM hour WHERE scope_no = ? AND state = 'returned'", [scope_no]
        )[0][0]
        return Unchecked(
            tuple(int(row["rec"]) for row in claims if not row["is_corrected"]),
            total - passed - len(claims) - corrected,
            passed,
            returned,
        )

    return by_school(node, "hour", "unchecked", count).get(node.home_scope_no, Unchecked())


def read_checks(node: Node, rows: Iterable[Row]) -> dict[tuple[int, int], Check]:
    """How each of some hours stands with its school: what was said last, else who entered it."""
    keys = [(int(row["scope_no"]), int(row["rec"])) for row in rows]
    if not keys:
        return {}
    places = ", ".join(["(?, ?)"] * len(keys))
    values = [value for key in keys for value in key]
    claims = node.query(
        f"SELECT x.scope_no, x.rec FROM (VALUES {places}) k CROSS JOIN hour x"
        f" ON x.scope_no = k.column1 AND x.rec = k.column2 WHERE {_own(node)}",
        values,
    )
    own = {(int(row["scope_no"]), int(row["rec"])) for row in claims}
    return {key: _read_check(node, key, is_own=key in own) for key in keys}


def _read_check(node: Node, key: tuple[int, int], *, is_own: bool) -> Check:
    said = node.query(
        "SELECT value, actor, entered_at, reason FROM checking WHERE scope_no = ?"
        " AND tbl = 'hour' AND rec = ? AND current ORDER BY value = 'pass', entered_at DESC",
        key,
    )
    unsaid: Standing = "claim" if is_own else "entry"
    for row in said:
        if row["value"]:
            standing: Standing = "passed" if row["value"] == "pass" else unsaid
            return Check(
                standing, row["value"], row["actor"], row["entered_at"], row["reason"] or ""
            )
    return Check(unsaid)


def _own(node: Node) -> str:
    """Whether an hour `x` was claimed by the person it is about: accounts of teachers are called by
    their number, or by one they had before."""
    former = ""
    if "former_no" in node.schema.by_name["person"].field_names:
        former = " OR instr('|' || lower(p.former_no) || '|', '|' || lower(x.actor) || '|')"
    return (
        "EXISTS (SELECT 1 FROM person p WHERE p.scope_no = x.scope_no AND p.rec = x.person"
        f" AND (lower(p.staff_no) = lower(x.actor){former}))"
    )
