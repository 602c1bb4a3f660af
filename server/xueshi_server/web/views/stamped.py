"""Stamped pages of printed forms: attached to the very print that they are of, and the list of
prints that still wait for theirs."""

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.fields import word_label
from xueshi_server.domain.packs.model import Form
from xueshi_server.domain.printed import encode_paper, paper_of
from xueshi_server.domain.rules.amounts import RuleError
from xueshi_server.errors import UnknownRecordError
from xueshi_server.printed_forms import subject_key
from xueshi_server.store.attached_files import keep_file
from xueshi_server.store.attachments import (
    LINES,
    STAMPED,
    Paper,
    can_attach,
    withdraw,
    write_attachment,
)
from xueshi_server.store.prints import Prints
from xueshi_server.web.attaching import BadUpload, take_uploads
from xueshi_server.web.packs import active_pack, listed_forms, today
from xueshi_server.web.pages import go
from xueshi_server.web.paper import (
    DIGEST_CHARS,
    about_of,
    find_content,
    keep_prints,
    list_awaited,
    list_stamped,
    name_of_print,
    plain_digest,
)
from xueshi_server.web.site import language, saving, this_node
from xueshi_server.web.views.form_pdf import show_paper

if TYPE_CHECKING:
    from xueshi_server.typeset.printing import Press

blueprint = Blueprint("stamped", __name__, url_prefix="/forms")
Page = str | tuple[str, int] | Response
# A form of several sheets is photographed sheet by sheet.
PAGES_MAX: Final = 6
_LINES_MEDIA: Final = "application/json"


@blueprint.get("/unstamped")
def index() -> Page:
    """Prints whose stamped page has not come back."""
    forms, spoken = active_pack().forms, language()
    lines = [
        (
            each,
            word_label(forms[each.form].label, spoken),
            name_of_print(forms[each.form], each),
        )
        for each in list_awaited()
    ]
    return render_template("form_unstamped.html", lines=lines, can_attach=can_attach(this_node()))


@blueprint.post("/<form_id>/<name>/unstamped")
def put_aside(form_id: str, name: str) -> Page:
    """Wait no longer for a stamped page."""
    form = _find(form_id)
    Prints(this_node().home).put_aside(form.id, subject_key(this_node(), form, name))
    return go("stamped.index", done="putaside")


@blueprint.post("/<form_id>/<name>/printed")
def note_print(form_id: str, name: str) -> Page:
    """The browser printed the page of the form itself."""
    press = _press(_find(form_id), _asked_day())
    try:
        sheet = press.fill(name)
    except (RuleError, UnknownRecordError):
        abort(404)
    keep_prints(press, [(name, sheet.document, sheet.about)])
    return redirect(url_for("forms.show", form_id=form_id, name=name, on=press.as_of), 303)


@blueprint.post("/<form_id>/<name>/stamped")
def attach(form_id: str, name: str) -> Page:
    """Attach photos of a stamped page to the print with the digest on it."""
    form = _find(form_id)
    if not can_attach(this_node()):
        abort(404)
    press = _press(form, _asked_day())
    digest = plain_digest(request.form.get("digest", ""))
    try:
        content = _find_content(press, name, digest)
    except BadValueError as error:
        # What was photographed is asked for again with the digest: nothing else was typed.
        return show_paper(press, name, digest, digest_fault=error), 422
    except (RuleError, UnknownRecordError):
        abort(404)
    taken, bad = take_uploads(most=PAGES_MAX, pdf=True)
    if not taken and not bad:
        bad = [BadUpload("", BadValueError("photo.empty"))]
    files = [(STAMPED, each.fields) for each in taken]
    if taken and content is not None:
        fields = {"file": keep_file(this_node(), content), "bytes": len(content)}
        files.append((LINES, {**fields, "media": _LINES_MEDIA}))
    _write(form, name, Paper(form.id, digest, press.as_of), files)
    if bad:
        return show_paper(press, name, digest, bad=bad), 422
    return _to_paper(form_id, name, press, "attached", len(taken))


@blueprint.post("/<form_id>/<name>/stamped/withdraw")
def take_back(form_id: str, name: str) -> Page:
    """Say that a photo is not of the stamped page after all."""
    form, wanted = _find(form_id), request.form.get("attachment", "")
    found = next((each for each in list_stamped(form, name) if each.name == wanted), None)
    if found is None or not found.is_own:
        abort(404)
    with saving() as action:
        withdraw(this_node(), action, found, "")
    return _to_paper(form_id, name, _press(form, _asked_day()), "withdrawn", None)


def _write(form: Form, name: str, paper: Paper, files: list[tuple[str, dict[str, Any]]]) -> None:
    # A record that cannot be referred to is named by its lasting name.
    this_node().replica.seal()
    about = about_of(form, name)
    with saving() as action:
        for kind, fields in files:
            write_attachment(this_node(), action, about, fields, kind=kind, paper=paper)


def _find_content(press: "Press", name: str, digest: str) -> bytes | None:
    """The lines of the paper; None where nobody knows what stood on it, and the digest was said to
    be right all the same."""
    if len(digest) != DIGEST_CHARS:
        raise BadValueError("paper.no_digest", count=str(DIGEST_CHARS))
    document = press.fill(name).document
    content = find_content(press.form, name, digest)
    if content is None and document.digest == digest:
        content = encode_paper(paper_of(document, press.language))
    if content is None and request.form.get("sure") != "1":
        raise BadValueError("paper.unknown", seen=digest)
    return content


def _to_paper(form_id: str, name: str, press: "Press", done: str, n: int | None) -> Page:
    return go("form_pdf.check", done=done, n=n, form_id=form_id, name=name, on=press.as_of)


def _find(form_id: str) -> Form:
    form = listed_forms().get(form_id)
    if form is None:
        abort(404)
    return form


def _asked_day() -> dt.date:
    try:
        return dt.date.fromisoformat(request.form.get("on", ""))
    except ValueError:
        return today()


def _press(form: Form, on: dt.date) -> "Press":
    from xueshi_server.typeset.printing import Press

    return Press(this_node(), active_pack(), form, on, language())
