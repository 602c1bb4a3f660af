"""Reads of the register of people."""

import datetime as dt
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from sqlite3 import Row
from typing import Any, Final, Literal

from xueshi_server.domain.names import letters_of, plain_name
from xueshi_server.domain.people import former_numbers
from xueshi_server.node_clock import today_of
from xueshi_server.store.name_keys import open_view
from xueshi_sync.node import Node

PERSON: Final = "person"
MOVE: Final = "person_move"
PAGE_ROWS: Final = 60
_PARAMETERS_MAX: Final = 500
# Sums for the people of the page alone, out of the index over what rules ask of hours.
_OWN_HOURS: Final = (
    "coalesce((SELECT sum({}) FROM hour h WHERE h.scope_no = page.scope_no"
    " AND h.person = page.rec), 0)"
)

# By staff number; by school and place in the roster; by strokes; by pinyin.
Order = Literal["number", "roster", "strokes", "pinyin"]
ROSTER_ORDERS: Final[tuple[Order, ...]] = ("roster", "strokes", "pinyin")
# Fields that a pack may be without.
_FURTHER: Final = ("sex", "born_on", "hired_on", "left_on", "roster_no", "former_no")
_PLACE: Final = "printf('%06d', coalesce(p.roster_no, 999999)) || '/' || p.staff_no"
_SORTS: Final[dict[Order, str]] = {
    "number": "p.staff_no",
    "roster": f"coalesce(s.code, '') || '/' || {_PLACE}",
    "strokes": f"coalesce(k.strokes || '/' || k.pinyin, '') || '/' || {_PLACE}",
    "pinyin": f"coalesce(k.pinyin, '') || '/' || {_PLACE}",
}


@dataclass(frozen=True, slots=True)
class PersonFilter:
    """Which people to list, in which order. `after` is the (sort value, scope, record) of the last
    one seen; `standing` is for those at work or for those who are not."""

    scope_no: int | None = None
    text: str = ""
    after: tuple[str, int, int] | None = None
    order: Order = "number"
    standing: Literal["", "here", "gone"] = ""
    # Records that are somebody else's second one: counted and listed with the first.
    without: tuple[tuple[int, int], ...] = ()


def list_people(node: Node, wanted: PersonFilter, *, limit: int = PAGE_ROWS) -> list[Row]:
    """People with their school, credited and pending minutes, the latest change that took them
    away, and their `sort_value`."""
    where, values = _conditions(node, wanted)
    if wanted.after is not None:
        where.append(f"({_SORTS[wanted.order]}, p.scope_no, p.rec) > (:after, :scope_no_a, :rec_a)")
        values |= dict(zip(("after", "scope_no_a", "rec_a"), wanted.after, strict=True))
    names = _knows_names(wanted)
    sql = f"""
        WITH page AS MATERIALIZED (
          SELECT p.*, s.name AS school, {_SORTS[wanted.order]} AS sort_value
          FROM {_people(node)} p LEFT JOIN scope s ON s.scope_no = p.scope_no
          {"LEFT JOIN names.name_key k ON k.name = p.name" if names else ""}
          WHERE {" AND ".join(where)} ORDER BY sort_value, p.scope_no, p.rec LIMIT :limit
        )
        SELECT page.*, {_last_move(node)}, {_OWN_HOURS.format("h.credited")} AS credited,
          {_OWN_HOURS.format("iif(h.state = 'pending', h.minutes, 0)")} AS pending
        FROM page ORDER BY page.sort_value, page.scope_no, page.rec
        """
    return _read(node, sql, values | {"limit": limit}, names=names)


def count_people(node: Node, wanted: PersonFilter) -> tuple[int, int]:
    """How many are at work and how many are not, of all whom the filter finds."""
    where, values = _conditions(node, wanted, any_standing=True)
    names = bool(wanted.text)
    rows = _read(
        node,
        f"SELECT count(*) AS n, coalesce(sum({_GONE}), 0) AS gone FROM {_people(node)} p"
        f" {'LEFT JOIN names.name_key k ON k.name = p.name' if names else ''}"
        f" WHERE {' AND '.join(where)}",
        values,
        names=names,
    )
    return int(rows[0]["n"] - rows[0]["gone"]), int(rows[0]["gone"])


_GONE: Final = "iif(p.left_on <> '', p.left_on <= :today, coalesce(p.active, 1) = 0)"


def _conditions(
    node: Node, wanted: PersonFilter, *, any_standing: bool = False
) -> tuple[list[str], dict[str, Any]]:
    where, values = ["NOT p.deleted"], dict[str, Any](today=today_of(node).isoformat())
    if wanted.without:
        pairs = "SELECT value ->> 0, value ->> 1 FROM json_each(:without)"
        where.append(f"(p.scope_no, p.rec) NOT IN ({pairs})")
        values["without"] = json.dumps(wanted.without)
    if wanted.scope_no is not None:
        where.append("p.scope_no = :scope_no")
        values["scope_no"] = wanted.scope_no
    if wanted.standing and not any_standing:
        where.append(_GONE if wanted.standing == "gone" else f"NOT {_GONE}")
    if wanted.text:
        found = ["instr(lower(p.staff_no), lower(:text))", "instr(p.former_no, :text)"]
        values["text"] = wanted.text
        if plain := plain_name(wanted.text):
            found.append("instr(k.plain, :plain)")
            values["plain"] = plain
        if letters := letters_of(wanted.text):
            found.append("sounds_like(coalesce(k.reading, ''), :letters)")
            values["letters"] = letters
        where.append(f"({' OR '.join(found)})")
    return where, values


def _knows_names(wanted: PersonFilter) -> bool:
    """Whether the keys of names are asked for; lists by number do without."""
    return bool(wanted.text) or wanted.order in ("strokes", "pinyin")


def _read(node: Node, sql: str, values: dict[str, Any], *, names: bool) -> list[Row]:
    if not names:
        return node.query(sql, values)
    with open_view(node) as db:
        return db.execute(sql, values).fetchall()


def _people(node: Node) -> str:
    """The table of people, with nothing where the pack has no such field."""
    known = node.schema.by_name[PERSON].field_names
    missing = [f"NULL AS {name}" for name in _FURTHER if name not in known]
    return f"(SELECT {', '.join(['*', *missing])} FROM person)" if missing else "person"


def _last_move(node: Node) -> str:
    if MOVE not in node.schema.by_name:
        return "NULL AS move_kind, NULL AS move_place"
    return ", ".join(
        f"(SELECT m.{name} FROM {MOVE} m WHERE m.scope_no = page.scope_no AND m.person = page.rec"
        f" AND NOT m.deleted ORDER BY m.date DESC, m.rec DESC LIMIT 1) AS move_{name}"
        for name in ("kind", "place")
    )


def list_roster(node: Node, scope_no: int) -> list[Row]:
    """The people of one school who are there now, in the order of the roster; those without a
    place in it stand at the end by their number."""
    return node.query(
        "SELECT p.scope_no, p.rec, p.staff_no, p.name, p.roster_no, p.former_no"
        f" FROM {_people(node)} p WHERE p.scope_no = :scope_no AND NOT p.deleted AND NOT {_GONE}"
        f" ORDER BY {_PLACE}, p.rec",
        {"scope_no": scope_no, "today": today_of(node).isoformat()},
    )


def list_left(node: Node, scope_no: int, since: dt.date) -> list[Row]:
    """The people of one school who left since a day, the last one first."""
    return node.query(
        "SELECT p.scope_no, p.rec, p.staff_no, p.name, p.roster_no, p.former_no, p.left_on"
        f" FROM {_people(node)} p WHERE p.scope_no = :scope_no AND NOT p.deleted AND {_GONE}"
        " AND p.left_on >= :since ORDER BY p.left_on DESC, p.rec",
        {"scope_no": scope_no, "since": since.isoformat(), "today": today_of(node).isoformat()},
    )


def find_person(node: Node, scope_no: int, rec: int) -> Row | None:
    """One person, deleted or not."""
    rows = node.query(
        f"SELECT p.*, s.name AS school, s.code AS school_code, a.name AS node_name"
        f" FROM {_people(node)} p"
        " LEFT JOIN scope s USING (scope_no) LEFT JOIN author a USING (author)"
        " WHERE scope_no = ? AND rec = ?",
        [scope_no, rec],
    )
    return rows[0] if rows else None


def staff_numbers(node: Node) -> dict[tuple[int, int], str]:
    """(school, record) of everybody to the staff number."""
    rows = node.query("SELECT scope_no, rec, staff_no FROM person")
    return {(int(scope_no), int(rec)): str(number or "") for scope_no, rec, number in rows}


def load_people(node: Node, scope_no: int) -> dict[str, tuple[int, str]]:
    """Staff number to (record, name) for a whole school; a number that somebody had before still
    means the same person."""
    rows = node.query(
        f"SELECT p.staff_no, p.rec, p.name, p.former_no FROM {_people(node)} p"
        " WHERE p.scope_no = ? AND NOT p.deleted ORDER BY p.rec DESC",
        [scope_no],
    )
    found = {
        number: (int(row["rec"]), str(row["name"]))
        for row in rows
        for number in former_numbers(row["former_no"])
    }
    return found | {str(row["staff_no"]): (int(row["rec"]), str(row["name"])) for row in rows}


def list_hours_of(
    node: Node, scope_no: int, rec: int, *, without: Collection[tuple[int, int]] = ()
) -> list[tuple[str, int, int]]:
    """(state, minutes, credited) of every record of one person, but for some."""
    rows = node.query(
        "SELECT rec, state, minutes, credited FROM hour WHERE scope_no = ? AND person = ?",
        [scope_no, rec],
    )
    return [
        (row["state"], row["minutes"], row["credited"])
        for row in rows
        if (scope_no, row["rec"]) not in without
    ]


def list_moves(node: Node, scope_no: int, rec: int) -> list[Row]:
    """The staff changes of a person, the latest first."""
    if MOVE not in node.schema.by_name:
        return []
    return node.query(
        f"SELECT * FROM {MOVE} WHERE scope_no = ? AND person = ? AND NOT deleted"
        " ORDER BY date DESC, rec DESC",
        [scope_no, rec],
    )


def list_namesakes(node: Node, names: Iterable[str]) -> list[Row]:
    """Everybody who has one of these names where several people have it."""
    wanted = sorted(set(names))
    found: list[Row] = []
    for start in range(0, len(wanted), _PARAMETERS_MAX):
        some = wanted[start : start + _PARAMETERS_MAX]
        places = ", ".join("?" * len(some))
        found += node.query(
            "SELECT * FROM (SELECT p.scope_no, p.rec, p.name, p.staff_no, p.sex, p.born_on,"
            f" count(*) OVER (PARTITION BY p.name) AS n FROM {_people(node)} p"
            f" WHERE NOT p.deleted AND p.name IN ({places})) WHERE n > 1 ORDER BY scope_no, rec",
            some,
        )
    return found


def find_holders(node: Node, staff_no: str) -> list[Row]:
    """Everybody who has a number, or had it, in any school."""
    rows = node.query(
        f"SELECT p.scope_no, p.rec, p.name, p.staff_no, p.former_no, s.name AS school"
        f" FROM {_people(node)} p LEFT JOIN scope s USING (scope_no)"
        " WHERE NOT p.deleted AND (p.staff_no = :no OR instr(p.former_no, :no))"
        " ORDER BY p.scope_no, p.rec",
        {"no": staff_no},
    )
    return [row for row in rows if staff_no in (row["staff_no"], *former_numbers(row["former_no"]))]


def list_numbers(node: Node, scope_no: int) -> list[str]:
    """Every number that is or was somebody's in a school, of people taken out of it too."""
    rows = node.query(
        f"SELECT p.staff_no, p.former_no FROM {_people(node)} p WHERE p.scope_no = ?", [scope_no]
    )
    return [
        number
        for row in rows
        for number in (str(row["staff_no"]), *former_numbers(row["former_no"]))
    ]


def list_references(node: Node, types: Sequence[tuple[str, str]], staff_no: str) -> list[Row]:
    """(type, field, place) of the records of registers that name a person by a number."""
    found: list[Row] = []
    for of, name in types:
        found += node.query(
            f"SELECT '{of}' AS of, '{name}' AS field, scope_no, rec FROM \"{of}\""
            f' WHERE NOT deleted AND "{name}" = ?',
            [staff_no],
        )
    return found
