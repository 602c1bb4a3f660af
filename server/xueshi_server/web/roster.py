"""The roster on pages: in which order, by which letters it is searched, who has the same name."""

from collections.abc import Iterable, Mapping
from sqlite3 import Row
from typing import Any, Final

from flask import request

from xueshi_server.domain.fields import word_label
from xueshi_server.domain.names import Likeness, tell_apart
from xueshi_server.domain.people import standing_of
from xueshi_server.store.people import ROSTER_ORDERS, Order, list_namesakes
from xueshi_server.web.packs import active_pack, today
from xueshi_server.web.site import language, this_node

ORDER_COOKIE: Final = "xueshi_order"
_SEX: Final = "sex"
# Codes that say nothing about the sex.
_UNSAID: Final = ("", "0", "9")
# (school, record) of a person.
Place = tuple[int, int]


def chosen_order() -> Order:
    """The order asked for, else the one chosen last on this computer, else that of the roster."""
    for wanted in (request.args.get("order"), request.cookies.get(ORDER_COOKIE)):
        if wanted in ROSTER_ORDERS:
            return wanted
    return ROSTER_ORDERS[0]


def mark_namesakes(names: Iterable[str | None]) -> dict[Place, str]:
    """What stands behind the names of people who are not the only ones of that name."""
    found: dict[str, list[Row]] = {}
    for row in list_namesakes(this_node(), (each for each in names if each)):
        found.setdefault(str(row["name"]), []).append(row)
    marks: dict[Place, str] = {}
    for rows in found.values():
        told = tell_apart(
            [Likeness(_sex(row), row["born_on"] or "", row["staff_no"]) for row in rows]
        )
        marks |= {
            (int(row["scope_no"]), int(row["rec"])): mark
            for row, mark in zip(rows, told, strict=True)
        }
    return marks


def call_person(row: Mapping[str, Any] | Row, marks: Mapping[Place, str]) -> str:
    """A person's name in a sentence, with what tells namesakes apart."""
    mark = marks.get((int(row["scope_no"]), int(row["rec"])))
    return f"{row['name']}({mark})" if mark else str(row["name"] or "?")


def mark_rows(rows: Iterable[Mapping[str, Any] | Row]) -> dict[Place, str]:
    """The same for rows of a list: people, or records about people (`person`, `person_name`)."""
    return mark_namesakes(_name_of(row) for row in rows)


def _name_of(row: Mapping[str, Any] | Row) -> str | None:
    names = row.keys()
    name = row["person_name"] if "person_name" in names else row["name"]
    return None if name is None else str(name)


def _sex(row: Row) -> str:
    value = str(row["sex"] or "")
    codes = active_pack().codes.get(_SEX)
    if value in _UNSAID or codes is None:
        return ""
    labels = {each.id: each.label for each in codes.value}
    return word_label(labels[value], language()) if value in labels else ""


def standing(row: Mapping[str, Any] | Row) -> str:
    """Where a person of a list stands today."""
    names = row.keys()
    last = row["move_kind"] if "move_kind" in names else None
    return standing_of(dict(row), str(last or ""), today().isoformat())
