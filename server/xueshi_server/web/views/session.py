"""Record a session: what was held, and everybody on the roster who was there, in one action.

What deserves a second look is shown before anything is saved, by the page's script as one types
or, without it, by a page that asks. What is being typed is kept on the node every few seconds.
"""

import secrets
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from xueshi_server.domain.sessions import mark_finding
from xueshi_server.store.hours import find_hour
from xueshi_server.store.people import ROSTER_ORDERS, list_roster
from xueshi_server.store.sessions import SESSION, Drafts, find_session_of, list_recent
from xueshi_server.web.declared_form import Faults, show_input
from xueshi_server.web.packs import active_pack, find_type, today
from xueshi_server.web.pages import find_key, go, may, public_id
from xueshi_server.web.roster import chosen_order
from xueshi_server.web.security import CSRF_FIELD
from xueshi_server.web.session_form import (
    HOUR,
    SHOWN,
    SessionForm,
    hour_fields,
    hour_values,
    is_enterable,
    knows_roles,
    list_lately_left,
    own_fields,
    own_name,
    read_form,
    session_values,
)
from xueshi_server.web.session_page import (
    Form,
    empty_form,
    form_like,
    list_present,
    seats,
    word_findings,
)
from xueshi_server.web.session_undo import (
    list_withdrawable,
    name_hour,
    name_session,
    take_back,
)
from xueshi_server.web.site import home_scope_no, saving, this_node, whoami
from xueshi_server.web.views import session_claims

blueprint = Blueprint("session", __name__, url_prefix="/session")
blueprint.add_url_rule("/claims/", view_func=session_claims.claims)
blueprint.add_url_rule("/claims/", view_func=session_claims.take_claims, methods=["POST"])
Page = str | tuple[str, int] | Response
# Whom "save the others" leaves out.
_AVOIDABLE: Final = ("overlap", "double", "day_impossible")
# No field takes so many characters; a page that shows them again stays a page.
_SHOWN_MOST: Final = 20_000
# What a form carries beside what was typed.
_NOT_TYPED: Final = (CSRF_FIELD, "seen", "without", "keep", "by_hand")


@blueprint.get("/")
def new() -> Page:
    """A form: a draft that was not finished, a session like another (`?like=`), or a new one."""
    if not is_enterable():
        return redirect(url_for("entry.new"))
    if request.args.get("like"):
        return _show(_Shown(_form_like(request.args["like"]), copied=True))
    drafts = _drafts()
    if request.args.get("draft"):
        drafts.mark(request.args["draft"][:64], "open")
    waiting = [] if "new" in request.args else drafts.list_open()
    if not waiting:
        return _show(_Shown(empty_form()))
    wanted = request.args.get("draft", "")
    draft = next((each for each in waiting if each.form_id == wanted), waiting[0])
    return _show(_Shown(_parse(draft.body), draft_s=draft.saved_at_s))


@blueprint.post("/")
def create() -> Page:
    """Write the session and the hours of everybody ticked, in one action."""
    form_id, body = _form_id(), _typed()
    known = _drafts().find(form_id)
    if known is not None and known.state == "done":
        if known.body == body:
            # The same form once more: a second click, a page that was loaded again.
            return go("session.new", done="entered", n=len(request.form.getlist("person")), new=1)
        form_id = secrets.token_hex(16)
    form = read_form()
    if form.faults:
        return _show(_Shown(_sent(), faults=form.faults)), 422
    if request.form.get("without"):
        form.leave_out(_AVOIDABLE)
    if not {mark_finding(each) for each in form.findings} <= _seen():
        return _show(_Shown(_sent(), checked=form)), 409
    first = _save(form, form_id)
    _drafts().mark(form_id, "done", body, _now_s())
    if first is None:
        return go("session.new")
    name = public_id(*first)
    return go("session.show", done="entered", n=len(form.parts), name=name, saved=form_id)


def _save(form: SessionForm, form_id: str) -> tuple[int, int] | None:
    assert form.session is not None
    first, session = None, form.session
    has_type = SESSION in this_node().schema.by_name and SESSION in active_pack().types
    held = find_session_of(
        this_node(), form.scope_no, session.date.isoformat(), session.title
    )  # fmt: skip
    with saving() as action:
        if has_type and held is None and form.parts:
            action.insert(SESSION, session_values(form), entry_id=name_session(form_id))
        for part in form.parts:
            values: dict[str, Any] = dict(hour_values(form, part))
            claim = form.claim_of(part.person)
            corrects = find_type(HOUR).corrects
            if claim is not None and corrects and not request.form.get("keep"):
                values[corrects] = claim
            key = action.insert(HOUR, values, entry_id=name_hour(form_id, part.person))
            first = first or key
    return first


@blueprint.post("/check")
def check() -> Page:
    """What deserves a second look in a form as it stands: a piece of the page, for its script."""
    form = read_form()
    return render_template("session_findings.html", **_looked_over(form))


@blueprint.post("/draft")
def draft() -> Page:
    """Keep the form as it stands, durably, before this answers."""
    saved = _drafts().save(_form_id(), _typed(), _now_s())
    if request.form.get("by_hand"):
        return go("session.new", done="drafted")
    return Response(status=204 if saved else 409)


@blueprint.post("/undo")
def undo() -> Page:
    """Take back what was just saved; the form is there again, as it was."""
    drafts, form_id = _drafts(), _form_id()
    draft = drafts.find(form_id)
    if draft is None or draft.state != "done":
        abort(404)
    if not list_withdrawable(form_id):
        # Pressed twice, or everything was judged meanwhile.
        return go("session.new", new=1, done="nothing")
    count, opened = take_back(drafts, draft, _now_s)
    return go("session.new", done="undone", n=count, draft=opened)


@blueprint.post("/discard")
def discard() -> Page:
    """Give a draft up; it can be taken back."""
    form_id = _form_id()
    _drafts().mark(form_id, "dropped")
    return redirect(url_for("session.new", new=1, dropped=form_id), 303)


@blueprint.get("/<name>")
def show(name: str) -> Page:
    """A session by one of its hours: who has hours of it, who is missing."""
    key = find_key(name)
    hour = find_hour(this_node(), key.scope_no, key.rec)
    if hour is None or not hour["date"]:
        abort(404)
    held = find_session_of(this_node(), key.scope_no, hour["date"], hour["title"])
    present, absent = list_present(hour)
    return render_template(
        "session_show.html",
        hour=hour,
        held=held,
        present=present,
        absent=absent,
        taught=sum(row["minutes"] for row in present if not row["given"]),
        given=sum(row["minutes"] for row in present if row["given"]),
        lecturers=sum(row["given"] for row in present),
        undo=_undo(request.args.get("saved", "")),
    )


# ---- the page


@dataclass
class _Shown:
    """What the form page shows."""

    form: Form
    faults: Faults | None = None
    checked: SessionForm | None = None
    draft_s: int = 0
    copied: bool = False


def _show(shown: _Shown) -> str:
    scope_no, node = home_scope_no(), this_node()
    roster = list_roster(node, scope_no)
    faults, left = shown.faults or {}, list_lately_left(scope_no)
    people = [int(row["rec"]) for row in roster]
    fields = {each.id: _input(each, shown.form) for each in hour_fields()}
    own = {each.id: _input(each, shown.form, own_name(each.id)) for each in own_fields()}
    more = [
        each for name, each in fields.items() if name not in (*SHOWN, "title", "date", "minutes")
    ]
    return render_template(
        "session.html",
        form=shown.form,
        fields=fields,
        shown=[fields[name] for name in SHOWN if name in fields],
        own=own,
        more=more,
        faults=faults,
        open_more=any(each["id"] in faults for each in (*more, *own.values())),
        seats=seats(shown.form, roster, faults),
        left=left,
        left_ticked={str(row["rec"]) for row in left} & set(shown.form.getlist("person")),
        orders=ROSTER_ORDERS,
        order=chosen_order(),
        roles=knows_roles(find_type(HOUR)),
        recent=list_recent(node, scope_no, people, today()),
        draft_s=shown.draft_s,
        others=[each for each in _described(shown) if each["id"] != shown.form.get("entry_id")],
        dropped=request.args.get("dropped", "")[:64],
        copied=shown.copied,
        is_other_day=shown.copied and shown.form.get("date") != today().isoformat(),
        **(_looked_over(shown.checked) if shown.checked else _nothing()),
    )


def _input(declared: Any, form: Form, name: str | None = None) -> dict[str, Any]:
    value = "|".join(each for each in form.getlist(name or declared.id) if each)
    shown = show_input(declared, value, home_scope_no())
    return {**shown, "id": name or declared.id}


def _looked_over(form: SessionForm) -> dict[str, Any]:
    """The findings for the template."""
    avoidable = {each.person for each in form.findings if each.code in _AVOIDABLE}
    return {
        "findings": word_findings(form),
        "seen": " ".join(mark_finding(each) for each in form.findings),
        "others_count": len(form.parts) - len(avoidable) if avoidable else 0,
        "claims": sum(each.code == "claim" for each in form.findings),
        "problems": form.faults,
    }


def _nothing() -> dict[str, Any]:
    return {"findings": [], "seen": "", "others_count": 0, "claims": 0, "problems": {}}


def _described(shown: _Shown) -> list[dict[str, Any]]:
    """Drafts that wait, as links."""
    found = []
    for each in _drafts().list_open():
        form = _parse(each.body)
        people = len(form.getlist("person"))
        title = form.get("title", "")[:40]
        found.append({"id": each.form_id, "title": title, "people": people, "s": each.saved_at_s})
    return found


def _form_like(name: str) -> Form:
    key = find_key(name)
    hour = find_hour(this_node(), key.scope_no, key.rec)
    if hour is None or key.scope_no != home_scope_no() or not hour["date"]:
        abort(404)
    return form_like(hour)


# ---- drafts


def _undo(form_id: str) -> str:
    """The form that was just saved here, where it can be taken back."""
    draft = _drafts().find(form_id) if may("session.undo") and form_id.isalnum() else None
    return form_id if draft and draft.state == "done" and list_withdrawable(form_id) else ""


def _drafts() -> Drafts:
    account = whoami()
    assert account is not None, "the guard lets nobody in who is not logged in"
    return Drafts(this_node().home, account.account_id)


def _form_id() -> str:
    given = request.form.get("entry_id", "")[:64]
    return given if given.isalnum() else secrets.token_hex(16)


def _seen() -> set[str]:
    """The findings that were on the page that sent the form."""
    return set(request.form.get("seen", "").split())


def _sent() -> Form:
    """The form as it was sent; of what is far too long the beginning."""
    pairs = request.form.items(multi=True)
    return MultiDict((name, value[:_SHOWN_MOST]) for name, value in pairs)


def _typed() -> str:
    """What was typed, as a browser would send it."""
    pairs = request.form.items(multi=True)
    return urlencode([(name, value) for name, value in pairs if name not in _NOT_TYPED and value])


def _parse(body: str) -> Form:
    return MultiDict(parse_qsl(body))


def _now_s() -> int:
    return this_node().context.now_ms() // 1000
