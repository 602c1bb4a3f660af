"""A teacher's own page: hours against every requirement, claims, objections, the statement.

Everything is about the person of the account; no address names anybody else.
"""

import secrets
import time
from collections import Counter
from sqlite3 import Row
from typing import Any, Final

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.fields import word_label
from xueshi_server.domain.packs.model import FieldDeclaration
from xueshi_server.domain.values import parse_text
from xueshi_server.store.hours import HourFilter, find_hour, list_hours, list_judgements
from xueshi_server.store.objections import Objections
from xueshi_server.store.people import find_person, list_hours_of
from xueshi_server.store.requirements import Requirements
from xueshi_server.store.sessions import list_hours_between
from xueshi_server.web.declared_form import (
    Faults,
    form_fields,
    given_values,
    read_values,
    show_input,
)
from xueshi_server.web.packs import active_pack, find_type, listed_forms, today
from xueshi_server.web.pages import find_key, go, is_name_of, public_id, typed
from xueshi_server.web.result_view import STATUSES, ShownResult, show_results
from xueshi_server.web.site import (
    actor,
    home_scope_no,
    language,
    saving,
    this_node,
    this_site,
    whoami,
)
from xueshi_server.web.views import form_pdf, record_entry
from xueshi_sync.writer import RecordKey

blueprint = Blueprint("mine", __name__, url_prefix="/mine")
Page = str | tuple[str, int] | Response
STATEMENT: Final = "personal_statement"
_HOUR: Final = "hour"
# A year of records; the statement has all of them.
_HOURS_MAX: Final = 60
# What a claim leaves to the registrar, who knows the county's words for it.
_NOT_ASKED: Final = ("person", "recorded_by", "category", "method", "programme")


@blueprint.get("/")
def show() -> Page:
    """My hours, what is required, what I said."""
    return _show({}, {"date": today().isoformat()})


@blueprint.post("/claim")
def claim() -> Page:
    """Write hours of my own; they wait for review like all others."""
    key, faults = _own_key(), Faults()
    if key.scope_no != home_scope_no():
        # A reference holds inside its school only: the own school's node takes the claim.
        abort(404)
    values = read_values(_asked(), key.scope_no, faults)
    entry = f"mine-{key.rec}-{record_entry.entry_of(values)}"
    if this_node().feeds.entry(entry) is None:
        # A claim that was sent twice comes to the same record.
        _check_claim(key, values, faults)
    if faults:
        return _show(faults, given_values(find_type(_HOUR))), 422
    row = {**values, "person": key.rec, "recorded_by": actor()}
    with saving() as action:
        action.insert(_HOUR, row, entry_id=entry)
    return go("mine.show", done="claimed")


def _check_claim(key: RecordKey, values: dict[str, Any], faults: Faults) -> None:
    date, title = values.get("date"), values.get("title")
    if date and "date" not in faults and str(date) > today().isoformat():
        faults["date"] = BadValueError("claim.future")
    if faults or not date:
        return
    day = str(date)
    for row in list_hours_between(this_node(), key.scope_no, [key.rec], day, day):
        if row["title"] == title:
            faults["title"] = BadValueError("claim.double")


@blueprint.post("/objection")
def object_to() -> Page:
    """Say what is wrong with a record about me."""
    key, name = _own_key(), request.form.get("record", "")
    row = find_hour(this_node(), *find_key(name))
    if row is None or row["scope_no"] != key.scope_no or row["person"] != key.rec:
        abort(404)
    try:
        reason = parse_text("note", request.form.get("reason", ""), required=True)
    except BadValueError as error:
        return _show({}, {}, wrong=name, error=error), 422
    person = public_id(key.scope_no, key.rec)
    is_new = Objections(this_node().home).add(person, name, reason, int(time.time()))
    return go("mine.show", done="objected" if is_new else "twice")


@blueprint.get("/statement")
def statement() -> Page:
    """My statement of hours as PDF."""
    key = _own_key()
    return form_pdf.one(STATEMENT, public_id(key.scope_no, key.rec))


def _own_key() -> RecordKey:
    """The record of whoever asks; "not found" when it is gone."""
    account = whoami()
    if account is None or not account.person:
        abort(404)
    key = find_key(account.person)
    person = find_person(this_node(), key.scope_no, key.rec)
    if person is None or person["deleted"]:
        abort(404)
    return key


def _asked() -> list[FieldDeclaration]:
    """What a claim asks: no other records, and nothing that is the registrar's to say."""
    return [
        each
        for each in form_fields(find_type(_HOUR))
        if each.required or (each.id not in _NOT_ASKED and each.type not in ("ref", "key"))
        if each.id != "person"
    ]


def _show(
    faults: Faults, values: dict[str, str], wrong: str = "", error: BadValueError | None = None
) -> str:
    """The page; `error` is what an objection to the record `wrong` lacks."""
    node, key = this_node(), _own_key()
    results = _judge(key)
    counts = Counter(each.status for each in results)
    sums = list_hours_of(node, *key)
    rows = list_hours(node, HourFilter(key.scope_no, key.rec), limit=_HOURS_MAX)
    said = [each for each in Objections(node.home).list_all() if is_name_of(each.person, key)]
    return render_template(
        "mine.html",
        person=find_person(node, *key),
        results=results,
        counts=[(status, counts[status]) for status in STATUSES if counts[status]],
        pack_title=word_label(active_pack().about.label, language()),
        pack=active_pack(),
        credited=sum(credited or 0 for _, _, credited in sums),
        pending=sum(minutes or 0 for state, minutes, _ in sums if state == "pending"),
        rows=[(row, public_id(row["scope_no"], row["rec"]), _reason(row)) for row in rows],
        objections=[(each, find_key(each.record)) for each in said],
        fields=[show_input(each, values.get(each.id, ""), key.scope_no) for each in _asked()],
        entry_id=request.form.get("entry_id") or secrets.token_hex(16),
        faults=faults,
        wrong=wrong,
        error=error,
        reason=typed("reason"),
        can_claim=this_site().can_enter and key.scope_no == home_scope_no(),
        has_statement=STATEMENT in listed_forms(),
    )


def _judge(key: RecordKey) -> list[ShownResult]:
    pack = active_pack()
    with Requirements.open(this_node()) as requirements:
        own = (requirements.facts.scopes.get(key.scope_no, ""), key.rec)
        subjects = requirements.subjects_of(pack, own)
        found = requirements.judge(pack, today(), subjects=subjects)
    return show_results(pack, found.results, language(), of=own)


def _reason(row: Row) -> str:
    """Why a record was returned."""
    if row["state"] not in ("rejected", "disputed"):
        return ""
    said = list_judgements(this_node(), row["scope_no"], row["rec"])
    return str(said[-1]["reason"] or "") if said else ""
