"""Fewer hours than were claimed. A county writes no hours (PROTOCOL 7.2), so it returns the claim
with the figure it would grant; the school takes the figure over by a correction, which is then
approved like any other. Claimed and granted both stay on record.
"""

import re
from sqlite3 import Row
from typing import Any

from flask import request

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.hours import QUARTER_MINUTES, format_hours, parse_hours
from xueshi_server.domain.packs.model import RecordType
from xueshi_server.store.hours import list_corrections, list_judgements
from xueshi_server.web.site import language, this_node
from xueshi_server.words import LANGUAGES, word

# The input of the hours that a reviewer would grant.
FIELD = "granted"
_KEY = "review.granted_reason"


def read_granted(row: Row) -> int:
    """The minutes of this request; raises BadValueError where they are none or not fewer."""
    text = request.form.get(FIELD, "").strip()
    minutes, most = parse_hours(text), int(row["minutes"]) - QUARTER_MINUTES
    if minutes > most:
        raise BadValueError("hours.out_of_range", seen=text[:20], most=format_hours(most))
    return minutes


def word_grant(row: Row, minutes: int, why: str) -> str:
    """The reason that a claim is returned with."""
    claimed, granted = format_hours(int(row["minutes"])), format_hours(minutes)
    return word(_KEY, language(), claimed=claimed, granted=granted, why=why)


def find_offer(row: Row) -> tuple[int, str] | None:
    """(minutes, why) that the county would grant of a returned entry; None where it named none, or
    where a correction is under way."""
    if row["state"] != "rejected" or list_corrections(this_node(), row["scope_no"], row["rec"]):
        return None
    said = list_judgements(this_node(), row["scope_no"], row["rec"])
    current = [each for each in said if each["current"] and each["verdict"] == "reject"]
    return _read(str(current[-1]["reason"] or "")) if current else None


def taken_over(declared: RecordType, row: Row, minutes: int, why: str) -> dict[str, Any]:
    """The correction that says what the county would grant."""
    values = {each.id: row[each.id] for each in declared.field}
    values |= {"minutes": minutes, "corrects": row["rec"]}
    return values | {"note": why} if "note" in values else values


def _read(reason: str) -> tuple[int, str] | None:
    """A reason that `word_grant` made, in whatever language the reviewer read."""
    parts = {"\ue000": "[0-9.]+", "\ue001": "(?P<granted>[0-9.]+)", "\ue002": "(?P<why>.+)"}
    claimed, granted, why = parts
    for spoken in LANGUAGES:
        pattern = re.escape(word(_KEY, spoken, claimed=claimed, granted=granted, why=why))
        for mark, part in parts.items():
            pattern = pattern.replace(mark, part)
        found = re.fullmatch(pattern, reason, re.DOTALL)
        if found is not None:
            try:
                return parse_hours(found["granted"]), found["why"]
            except BadValueError:
                return None
    return None
