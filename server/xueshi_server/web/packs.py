"""The pack that counts today, for the pages: found once a request."""

import datetime as dt

from flask import abort, g, request

from xueshi_server.domain.dates import FIRST_YEAR, LAST_YEAR
from xueshi_server.domain.packs.held import held_forms, held_types
from xueshi_server.domain.packs.model import Form, RecordType
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.node_clock import today_of
from xueshi_server.store.packs import find_active
from xueshi_server.store.records import BESIDE
from xueshi_server.web.site import this_node


def today() -> dt.date:
    """The day at this node."""
    return today_of(this_node())


def asked_day() -> dt.date:
    """The day that `?on=` names, in years that have a year after them; else today."""
    return day_of(request.args.get("on", ""))


def day_of(text: str) -> dt.date:
    """The day that is written there, in years that have a year after them; else today."""
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        return today()
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else today()


def active_pack() -> Pack:
    """The pack that counts today."""
    if "pack" not in g:
        g.pack = find_active(this_node(), today()).pack
    pack: Pack = g.pack
    return pack


def listed_types() -> list[RecordType]:
    """The record types that have pages: those of the pack that this node holds."""
    node = this_node()
    held = held_types(active_pack(), node.role)
    return [each for of, each in held.items() if of in node.schema.by_name and of not in BESIDE]


def listed_forms() -> dict[str, Form]:
    """The forms that this node can fill in."""
    return held_forms(active_pack(), this_node().role)


def find_type(name: str) -> RecordType:
    """The record type an address names; an unknown one is "not found"."""
    found = next((each for each in listed_types() if each.id == name), None)
    if found is None:
        abort(404)
    return found
