"""A teacher's own page: hours against every requirement, claims, objections, the statement.

Everything is about the person of the account; no address names anybody else.
"""

import secrets
from collections import Counter
from dataclasses import dataclass, field
from sqlite3 import Row
from typing import Any, Final

from flask import Blueprint, abort, jsonify, render_template, request
from werkzeug.wrappers import Response

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.fields import word_label
from xueshi_server.domain.packs.model import FieldDeclaration
from xueshi_server.domain.values import parse_text
from xueshi_server.store.attachments import (
    About,
    Attachment,
    can_attach,
    list_attachments,
    withdraw,
    write_attachment,
)
from xueshi_server.store.claim_drafts import PHOTOS_MAX
from xueshi_server.store.hours import (
    HourFilter,
    find_hour,
    list_checkings,
    list_corrections,
    list_hours,
    list_judgements,
)
from xueshi_server.store.objections import can_object, list_objections
from xueshi_server.store.objections import object_to as write_objection
from xueshi_server.store.people import find_person, list_hours_of
from xueshi_server.store.requirements import Requirements
from xueshi_server.store.sessions import list_hours_between
from xueshi_server.web.attaching import BadUpload, give_file, take_uploads, told
from xueshi_server.web.claim_findings import Notice, like_session, look_over
from xueshi_server.web.claiming import (
    AGAIN_STATES,
    CORRECTS,
    FORM_ID_CHARS,
    OPEN_STATES,
    claim_again,
    discard_draft,
    find_draft,
    is_late,
    own_drafts,
    own_photo,
    photo_fields,
    show_draft,
    show_photos,
    take_draft,
)
from xueshi_server.web.declared_form import (
    Faults,
    form_fields,
    given_values,
    read_values,
    show_input,
    values_of,
)
from xueshi_server.web.packs import active_pack, find_type, listed_forms, today
from xueshi_server.web.pages import find_key, go, public_id, typed
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
from xueshi_server.web.versions import changes_of
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
    """My hours, what is required, what I said; a claim that I began goes on."""
    return _show(Shown())


@blueprint.post("/claim")
def claim() -> Page:
    """Write hours of my own with their photos; they wait for review like all others."""
    key, faults = _own_key(), Faults()
    if key.scope_no != home_scope_no():
        # A reference holds inside its school only: the own school's node takes the claim.
        abort(404)
    if like := like_session(key.scope_no):
        take_draft(_typed() | like)
        return go("mine.show", done="like", _anchor="claim")
    kept, bad = take_draft(_typed())
    values = read_values(_asked(), key.scope_no, faults)
    corrected = _corrected()
    if corrected is not None:
        values[CORRECTS] = corrected.rec
    entry = f"mine-{key.rec}-{record_entry.entry_of(values)}"
    # A claim that was sent twice comes to the same record.
    is_new = this_node().feeds.entry(entry) is None
    if is_new:
        _check_claim(key, values, faults)
    if faults or bad:
        return _show(Shown(faults=faults, bad=bad)), 422
    if is_new and (notices := look_over(key, values, corrected)):
        return _show(Shown(notices=notices)), 409
    row = {**values, "person": key.rec, "recorded_by": actor()}
    own_drafts().sending(entry)
    with saving() as action:
        hour = action.insert(_HOUR, row, entry_id=entry)
        for each in kept.photos if can_attach(this_node()) else ():
            write_attachment(this_node(), action, About(_HOUR, hour), photo_fields(each))
    own_drafts().clear(sent=True)
    return go("mine.show", done="claimed")


@blueprint.post("/draft")
def draft() -> Page:
    """Keep what is typed, add photos, take one away; for the page's script and without it."""
    _own_key()
    by_script = request.accept_mimetypes.best == "application/json"
    if by_script and is_late():
        return jsonify(show_draft(None, []))
    kept, bad = take_draft(_typed())
    if by_script:
        return jsonify(show_draft(kept, bad))
    if bad:
        return _show(Shown(bad=bad)), 422
    return go("mine.show", done="drafted", _anchor="claim")


@blueprint.post("/again")
def again() -> Page:
    """Begin a claim in place of one that came back, filled in as that was."""
    name = request.form.get("record", "")
    hour, row = _own_hour(name)
    if not _may_claim_again(row):
        abort(404)
    claim_again(
        name, values_of(find_type(_HOUR), row), _photos_of(hour) if can_attach(this_node()) else ()
    )
    return go("mine.show", done="again", _anchor="claim")


@blueprint.post("/discard")
def discard() -> Page:
    """Give a claim up that was not sent."""
    _own_key()
    discard_draft()
    return go("mine.show", done="discarded", _anchor="claim")


@blueprint.post("/attach")
def attach() -> Page:
    """Add photos to a record about me that is not approved yet."""
    name = request.form.get("record", "")
    hour, row = _own_hour(name)
    if row["state"] not in OPEN_STATES or not can_attach(this_node()):
        abort(404)
    about = About(_HOUR, hour)
    standing = [each for each in list_attachments(this_node(), about) if not each.withdrawn]
    taken, bad = take_uploads(most=max(PHOTOS_MAX - len(standing), 0))
    if not taken and not bad:
        bad = [BadUpload("", BadValueError("photo.empty"))]
    with saving() as action:
        for each in taken:
            write_attachment(this_node(), action, about, each.fields)
    if bad:
        return _show(Shown(bad=bad, bad_record=name)), 422
    return go("mine.show", done="attached", n=len(taken))


@blueprint.post("/take-back")
def take_back() -> Page:
    """Take back a photo of a record about me that is not approved yet."""
    hour, row = _own_hour(request.form.get("record", ""))
    wanted = request.form.get("attachment", "")
    found = next((each for each in _photos_of(hour) if each.name == wanted), None)
    if found is None or not found.is_own or row["state"] not in OPEN_STATES:
        abort(404)
    with saving() as action:
        withdraw(this_node(), action, found, "")
    return go("mine.show", done="withdrawn")


@blueprint.get("/photo/<file>")
def photo(file: str) -> Page:
    """A picture of my own draft or records."""
    found = own_photo(_own_key(), file) if can_attach(this_node()) else None
    if found is None:
        abort(404)
    media, name = found
    return give_file(file, media, name, small=request.args.get("small") == "1")


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
    name = request.form.get("record", "")
    _, row = _own_hour(name)
    if not can_object(this_node()):
        abort(404)
    try:
        reason = parse_text("note", request.form.get("reason", ""), required=True)
    except BadValueError as error:
        return _show(Shown(wrong=name, error=error)), 422
    with saving() as action:
        is_new = write_objection(this_node(), action, row, reason, today())
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


def _own_hour(name: str) -> tuple[RecordKey, Row]:
    """A record about whoever asks; "not found" for any other."""
    key, hour = _own_key(), find_key(name)
    row = find_hour(this_node(), *hour)
    if row is None or row["scope_no"] != key.scope_no or row["person"] != key.rec:
        abort(404)
    return hour, row


def _may_claim_again(row: Row) -> bool:
    newer = list_corrections(this_node(), row["scope_no"], row["rec"])
    waits = any(each["state"] not in AGAIN_STATES for each in newer)
    return row["state"] in AGAIN_STATES and not waits


def _corrected() -> RecordKey | None:
    """The record that the claim corrects, which must be one of the own that came back."""
    name = request.form.get(CORRECTS, "")
    if not name:
        return None
    hour, row = _own_hour(name)
    if row["state"] not in AGAIN_STATES:
        abort(404)
    return hour


def _typed() -> dict[str, str]:
    given = given_values(find_type(_HOUR))
    return {**given, CORRECTS: request.form.get(CORRECTS, "")[:FORM_ID_CHARS]}


def _photos_of(hour: RecordKey) -> list[Attachment]:
    found = list_attachments(this_node(), About(_HOUR, hour))
    return [each for each in found if each.withdrawn is None]


def _asked() -> list[FieldDeclaration]:
    """What a claim asks: no other records, and nothing that is the registrar's to say."""
    return [
        each
        for each in form_fields(find_type(_HOUR))
        if each.required or (each.id not in _NOT_ASKED and each.type not in ("ref", "key"))
        if each.id != "person"
    ]


@dataclass(frozen=True, slots=True)
class Shown:
    """What was wrong with what was sent: `faults` of the claim's fields; `error` is what an
    objection to the record `wrong` lacks; `bad` are the photos that could not be taken, of the
    record `bad_record` or (none) of the claim; `notices` deserve a second look."""

    faults: Faults = field(default_factory=Faults)
    wrong: str = ""
    error: BadValueError | None = None
    bad: list[BadUpload] = field(default_factory=list)
    bad_record: str = ""
    notices: list[Notice] = field(default_factory=list)


def _show(shown: Shown) -> str:
    node, key = this_node(), _own_key()
    draft = find_draft()
    values = draft.typed if draft else {"date": today().isoformat()}
    results = _judge(key)
    counts = Counter(each.status for each in results)
    sums = list_hours_of(node, *key)
    rows = list_hours(node, HourFilter(key.scope_no, key.rec), limit=_HOURS_MAX)
    return render_template(
        "mine.html",
        person=find_person(node, *key),
        results=results,
        counts=[(status, counts[status]) for status in STATUSES if counts[status]],
        pack_title=word_label(active_pack().about.label, language()),
        pack=active_pack(),
        credited=sum(credited or 0 for _, _, credited in sums),
        pending=sum(minutes or 0 for state, minutes, _ in sums if state == "pending"),
        rows=[
            (
                row,
                public_id(row["scope_no"], row["rec"]),
                _reason(row),
                _photos_of(RecordKey(row["scope_no"], row["rec"])),
                _may_claim_again(row),
            )
            for row in rows
        ],
        changes=changes_of(find_type(_HOUR), rows),
        corrects=values.get(CORRECTS, ""),
        objections=list_objections(node, person=key),
        can_object=can_object(node),
        fields=[show_input(each, values.get(each.id, ""), key.scope_no) for each in _asked()],
        entry_id=draft.form_id if draft else secrets.token_hex(16),
        draft=draft,
        photos=show_photos(draft),
        photos_most=PHOTOS_MAX,
        open_states=OPEN_STATES,
        can_attach=can_attach(node),
        faults=shown.faults,
        notices=shown.notices,
        wrong=shown.wrong,
        bad=told(shown.bad),
        bad_record=shown.bad_record,
        error=shown.error,
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
    """Why a record came back."""
    key = (row["scope_no"], row["rec"])
    if row["state"] in ("returned", "withdrawn"):
        said = list_checkings(this_node(), *key)
    elif row["state"] in ("rejected", "disputed"):
        said = list_judgements(this_node(), *key)
    else:
        return ""
    return str(said[-1]["reason"] or "") if said else ""
