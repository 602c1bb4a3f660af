"""Concurrent edits that a person has to settle: every value, who wrote it, when, and one click."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, cast

from flask import Blueprint, abort, render_template, request, url_for
from werkzeug.wrappers import Response

from xueshi_server.domain.fields import Value, show_field, word_label
from xueshi_server.store.hours import find_hour
from xueshi_server.store.people import find_person
from xueshi_server.store.records import fields_of, find_row
from xueshi_server.web.asked import row_number
from xueshi_server.web.packs import active_pack
from xueshi_server.web.pages import find_key, go, public_id
from xueshi_server.web.record_view import Viewer, link_to
from xueshi_server.web.site import language, saving, this_node
from xueshi_server.words import word
from xueshi_sync.body import DELETED_FIELD, JUDGED_FIELD
from xueshi_sync.reports import Conflict, ConflictValue

blueprint = Blueprint("conflicts", __name__, url_prefix="/conflicts")
Page = str | tuple[str, int] | Response


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the values somebody wrote."""

    value: Any
    text: str
    author: str
    actor: str
    at: int
    shown: bool


@dataclass(frozen=True, slots=True)
class ConflictLine:
    """One field of one record, with all its values; `seen` binds the buttons to what was shown."""

    table: str
    id: str
    field: str
    label: str
    record: str
    link: str
    choices: tuple[Choice, ...]
    seen: str


@blueprint.get("/")
def index() -> Page:
    """Every open conflict."""
    return render_template("conflicts.html", conflicts=_read_conflicts())


@blueprint.post("/")
def resolve() -> Page:
    """Settle one conflict; refused when the values changed since the page was shown."""
    given: Mapping[str, str] = request.form
    wanted = next(
        (
            each
            for each in _read_conflicts()
            if (each.table, each.id, each.field)
            == (given.get("table"), given.get("record"), given.get("field"))
        ),
        None,
    )
    place = request.form.get("choice", type=row_number)
    if wanted is None:
        return go("conflicts.index", done="settled")
    if wanted.seen != given.get("seen") or place is None or not 0 <= place < len(wanted.choices):
        abort(409)
    with saving() as action:
        action.resolve(wanted.table, find_key(wanted.id), wanted.field, wanted.choices[place].value)
    return go("conflicts.index", done="resolved")


def _read_conflicts() -> list[ConflictLine]:
    return [_line(each) for each in this_node().conflicts()]


def _line(conflict: Conflict) -> ConflictLine:
    scope_no, rec = conflict.key
    record, link = _name_record(conflict.table, scope_no, rec)
    choices = (
        _deletion_choices(conflict)
        if conflict.field == DELETED_FIELD
        else tuple(
            _choice(each, _text(conflict, each.value), each.value, place == 0)
            for place, each in enumerate((conflict.shown, *conflict.others))
        )
    )
    seen = sha256(repr([(each.text, each.author, each.at) for each in choices]).encode())
    return ConflictLine(
        conflict.table,
        public_id(scope_no, rec),
        conflict.field,
        _label(conflict.table, conflict.field),
        record,
        link,
        choices,
        seen.hexdigest()[:16],
    )


def _name_record(table: str, scope_no: int, rec: int) -> tuple[str, str]:
    if table == "person" and (person := find_person(this_node(), scope_no, rec)):
        return f"{person['name']} {person['staff_no']}", url_for(
            "people.show", name=public_id(scope_no, rec)
        )
    if table == "hour" and (row := find_hour(this_node(), scope_no, rec)):
        return f"{row['date']} {row['title']}", url_for("hours.show", name=public_id(scope_no, rec))
    declared = active_pack().types.get(table)
    row = find_row(this_node(), declared, scope_no, rec) if declared else None
    if declared is None or row is None:
        return public_id(scope_no, rec), ""
    viewer = Viewer(active_pack(), declared, language())
    viewer.read_names([row])
    return viewer.title(row), link_to(table, scope_no, rec)


def _label(table: str, field: str) -> str:
    """What a field is called: in the catalogue, else in the pack."""
    key, declared = f"field.{table}.{field}", active_pack().types.get(table)
    if word(key, language()) != key or declared is None:
        return word(key, language())
    known = fields_of(declared).get(field)
    if known is not None:
        return word_label(known.label, language())
    return word(f"field.{'hour' if field == JUDGED_FIELD else 'person'}.{field}", language())


def _choice(source: ConflictValue, text: str, value: Any, shown: bool) -> Choice:
    return Choice(value, text, source.author, source.actor, source.entered_at, shown)


def _deletion_choices(conflict: Conflict) -> tuple[Choice, ...]:
    """Somebody deleted what somebody else edited: keep it, as shown, or let it go."""
    spoken, other = language(), (*conflict.others, conflict.shown)[0]
    return (
        _choice(conflict.shown, word("conflicts.keep", spoken), False, True),
        _choice(other, word("conflicts.delete", spoken), True, False),
    )


def _text(conflict: Conflict, value: object) -> str:
    if conflict.field == JUDGED_FIELD:
        return word(f"verdict.{value}", language())
    declared = active_pack().types.get(conflict.table)
    known = fields_of(declared).get(conflict.field) if declared else None
    if known is not None and known.type in ("code", "hours", "money", "sealed"):
        codes = active_pack().codes.get(known.codes or "")
        return show_field(known, codes, cast("Value", value), language())
    if this_node().schema.by_name[conflict.table].field_types[conflict.field] == "bool":
        return word("value_word.yes" if value else "value_word.no", language())
    return "" if value is None else str(value)
