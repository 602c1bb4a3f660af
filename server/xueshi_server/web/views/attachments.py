"""Evidence beside a record: shown to whoever may see the record, added and taken back by staff."""

from sqlite3 import Row
from typing import Any, Final

from flask import Blueprint, abort, render_template, request, url_for
from werkzeug.wrappers import Response

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.fields import word_label
from xueshi_server.domain.values import parse_text
from xueshi_server.store.attachments import (
    LINES,
    About,
    Attachment,
    can_attach,
    find_attachment,
    list_attachments,
    withdraw,
    write_attachment,
)
from xueshi_server.store.records import find_row
from xueshi_server.web.attaching import FIELD, BadUpload, give_file, take_uploads, thumb_size, told
from xueshi_server.web.packs import active_pack, find_type
from xueshi_server.web.pages import find_key, go, may, public_id
from xueshi_server.web.record_view import Viewer
from xueshi_server.web.site import language, saving, this_node
from xueshi_sync.writer import RecordKey

blueprint = Blueprint("attachments", __name__, url_prefix="/attachments")
Page = str | tuple[str, int] | Response
# Files of one form, and beside one record.
TOGETHER_MAX: Final = 6
BESIDE_MAX: Final = 30
_HOUR: Final = "hour"


@blueprint.app_context_processor
def _tools() -> dict[str, Any]:
    return {
        "evidence_of": evidence_of,
        "thumb_size": thumb_size,
        "may_attach": may_attach,
        "form_title": _form_title,
    }


def evidence_of(of: str, row: Row) -> list[Attachment]:
    """What is attached to a record, oldest first; an entry that corrects another has also what
    belongs to that."""
    node, key = this_node(), RecordKey(row["scope_no"], row["rec"])
    if not can_attach(node):
        return []
    found = _shown(About(of, key))
    declared = active_pack().types.get(of)
    older = declared.corrects if declared is not None else None
    if older and older in row.keys() and row[older]:  # noqa: SIM118
        found = [*_shown(About(of, RecordKey(key.scope_no, row[older]))), *found]
    return found


def _shown(about: About) -> list[Attachment]:
    """What a person can look at: not the lines that go with a stamped page."""
    return [each for each in list_attachments(this_node(), about) if each.kind != LINES]


def may_attach() -> bool:
    """Whether whoever is logged in may attach here."""
    return can_attach(this_node()) and may("attachments.add")


def _form_title(form_id: str) -> str:
    form = active_pack().forms.get(form_id)
    return word_label(form.label, language()) if form else form_id


@blueprint.get("/of/<type_name>/<name>")
def show(type_name: str, name: str) -> Page:
    """What is attached to a record, with a form to add and to take back."""
    return _show(type_name, _find(type_name, name))


@blueprint.post("/of/<type_name>/<name>")
def add(type_name: str, name: str) -> Page:
    """Attach photos or a PDF to a record."""
    row = _find(type_name, name)
    node, about = this_node(), About(type_name, RecordKey(row["scope_no"], row["rec"]))
    try:
        note = parse_text("note", request.form.get("note", ""))
    except BadValueError as error:
        return _show(type_name, row, note_fault=error), 422
    room = BESIDE_MAX - len(list_attachments(node, about))
    taken, bad = take_uploads(most=max(min(TOGETHER_MAX, room), 0), pdf=True)
    if not taken and not bad:
        bad = [BadUpload("", BadValueError("photo.empty"))]
    _seal_first(type_name)
    with saving() as action:
        for each in taken:
            write_attachment(node, action, about, {**each.fields, "note": note or None})
    if bad:
        return _show(type_name, row, bad=bad), 422
    return go(
        "attachments.show", done="attached", n=len(taken), type_name=type_name, name=_name(row)
    )


@blueprint.post("/<name>/withdraw")
def take_back(name: str) -> Page:
    """Say that an attachment no longer counts, and why; it stays to be read."""
    attachment = _find_attachment(name)
    type_name, row = _record_of(attachment)
    try:
        reason = parse_text("note", request.form.get("reason", ""), required=True)
    except BadValueError:
        return _show(type_name, row, wrong=name), 422
    if not attachment.is_own or attachment.withdrawn is not None:
        abort(404)
    with saving() as action:
        withdraw(this_node(), action, attachment, reason)
    return go("attachments.show", done="withdrawn", type_name=type_name, name=_name(row))


@blueprint.get("/<name>/file")
def file(name: str) -> Page:
    """The bytes of an attachment."""
    found = _find_attachment(name)
    small = request.args.get("small") == "1"
    return give_file(found.file, found.media, found.file_name, small=small)


def _seal_first(type_name: str) -> None:
    """A record is named by its lasting name where it cannot be referred to."""
    if type_name not in (_HOUR, "person"):
        this_node().replica.seal()


def _find(type_name: str, name: str) -> Row:
    declared, key = find_type(type_name), find_key(name)
    row = find_row(this_node(), declared, key.scope_no, key.rec)
    if row is None or not can_attach(this_node()):
        abort(404)
    return row


def _find_attachment(name: str) -> Attachment:
    found = find_attachment(this_node(), find_key(name))
    if found is None:
        abort(404)
    return found


def _record_of(attachment: Attachment) -> tuple[str, Row]:
    """The record that an attachment belongs to; the form says which type it is of."""
    type_name, name = request.form.get("of", ""), request.form.get("record", "")
    row = _find(type_name, name)
    about = About(type_name, RecordKey(row["scope_no"], row["rec"]))
    if all(each.key != attachment.key for each in list_attachments(this_node(), about)):
        abort(404)
    return type_name, row


def _name(row: Row) -> str:
    return public_id(row["scope_no"], row["rec"])


def _show(
    type_name: str,
    row: Row,
    *,
    bad: list[BadUpload] | None = None,
    note_fault: BadValueError | None = None,
    wrong: str = "",
) -> str:
    declared = find_type(type_name)
    viewer = Viewer(active_pack(), declared, language())
    viewer.read_names([row])
    about = About(type_name, RecordKey(row["scope_no"], row["rec"]))
    back = url_for("hours.show", name=_name(row))
    if type_name != _HOUR:
        back = url_for("records.show", type_name=type_name, name=_name(row))
    return render_template(
        "attachments.html",
        title=viewer.title(row),
        type_title=word_label(declared.label, language()),
        type_name=type_name,
        name=_name(row),
        back=back,
        found=_shown(about),
        field=FIELD,
        together=TOGETHER_MAX,
        bad=told(bad or []),
        faults={"note": note_fault} if note_fault else {},
        note=request.form.get("note", "") if bad or note_fault else "",
        reason=request.form.get("reason", ""),
        wrong=wrong,
    )
