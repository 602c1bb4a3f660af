"""One school at the centre: its computers, who acts for it, another name, taking over, closing."""

from typing import Final, NoReturn

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.values import parse_text
from xueshi_server.store.members import Computer, School, list_members
from xueshi_server.web.declared_form import Faults
from xueshi_server.web.pages import go, typed
from xueshi_server.web.site import actor, this_node, this_site
from xueshi_sync.errors import InvalidWriteError
from xueshi_sync.node import Node

blueprint = Blueprint("school", __name__, url_prefix="/schools")
Page = str | tuple[str, int] | Response
STOLEN: Final = "stolen"
_HOW: Final = ("broken", STOLEN)
_ACTS: Final = "township"


@blueprint.get("/<scope_id>")
def show(scope_id: str) -> Page:
    """The school with all that can be done for it."""
    return _show(_find(scope_id), {})


@blueprint.post("/<scope_id>/name")
def rename(scope_id: str) -> Page:
    """Give it another name or code; what it recorded stays."""
    school, faults = _find(scope_id), Faults()
    code, name = read_line("code", faults), read_line("name", faults)
    if not faults and any(each.isspace() for each in code):
        faults["code"] = BadValueError("code.blank")
    if not faults:
        try:
            this_node().rename(school.scope_no, code, name)
        except InvalidWriteError:
            faults["code"] = BadValueError("code.taken")
    if faults:
        return _show(school, faults, "name"), 422
    return _done(school, "renamed", f"{code} {name}")


@blueprint.post("/<scope_id>/guests")
def let_in(scope_id: str) -> Page:
    """Let a central school act for this one: read it, enter for it, pass what it records."""
    school, faults = _find(scope_id), Faults()
    acting = _read_other(school, "township", faults)
    if acting is None:
        return _show(school, faults, "guests"), 422
    _grant(school, acting, _ACTS)
    return _done(school, "letin", acting.name)


@blueprint.post("/<scope_id>/guests/<guest_id>/end")
def let_go(scope_id: str, guest_id: str) -> Page:
    """Let another school act here no longer."""
    school = _find(scope_id)
    found = [each for each in school.guests if each.scope_id == guest_id]
    if not found:
        abort(404)
    for each in found[0].nodes:
        this_node().deny(each, school.scope_no)
    return _done(school, "letgo", found[0].name)


@blueprint.post("/<scope_id>/over")
def take_over(scope_id: str) -> Page:
    """Let another school go on with this one's records, and close it."""
    school, faults = _find(scope_id), Faults()
    into = _read_other(school, "into", faults)
    if into is None or school.is_closed:
        return _show(school, faults, "over"), 422
    _grant(school, into, "school")
    this_node().close_school(school.scope_no, into.name)
    return _done(school, "takenover", into.name)


@blueprint.post("/<scope_id>/close")
def close(scope_id: str) -> Page:
    """End a school."""
    school, faults = _find(scope_id), Faults()
    reason = read_line("reason", faults)
    if faults or school.is_closed:
        return _show(school, faults, "close"), 422
    this_node().close_school(school.scope_no, reason)
    return _done(school, "closed", reason)


@blueprint.post("/<scope_id>/open")
def reopen(scope_id: str) -> Page:
    """Wait to hear from a closed school again."""
    school = _find(scope_id)
    if not school.is_closed:
        abort(404)
    kind = school.computers[0].tier if school.computers else "school"
    this_node().reopen_school(school.scope_no, kind)
    return _done(school, "reopened", "")


@blueprint.post("/computers/<node_id>/replace")
def replace(node_id: str) -> Page:
    """Make the invitation of a computer that takes the place of this one."""
    school, computer = find_computer(node_id)
    faults = Faults()
    how = request.form.get("how", "")
    if how not in _HOW:
        faults["how"] = BadValueError("value.missing")
        return _show(school, faults, f"replace-{node_id}"), 422
    node = this_node()
    if how == STOLEN and not computer.is_cut:
        node.revoke(node_id, how)
    before = {each.node_id for each in node.open_invitations()}
    node.invite(school.code, school.name, role=computer.tier)
    (made,) = (each for each in node.open_invitations() if each.node_id not in before)
    this_site().accounts.note("replace", actor(), school.name, how)
    return go("schools.sheet", done="invited", node_id=made.node_id)


@blueprint.post("/computers/<node_id>/revoke")
def revoke(node_id: str) -> Page:
    """Shut out a PC that was stolen or is broken: what it wrote until now counts, nothing after."""
    school, computer = find_computer(node_id)
    if computer.is_cut:
        abort(404)
    faults = Faults()
    reason = read_line("reason", faults)
    if faults:
        return _show(school, faults, f"revoke-{node_id}"), 422
    this_node().revoke(node_id, reason)
    return _done(school, "revoked", reason)


@blueprint.post("/computers/<node_id>/lift")
def lift(node_id: str) -> Page:
    """Let everything count again of a computer that was shut out by mistake."""
    school, computer = find_computer(node_id)
    if not computer.is_cut:
        abort(404)
    this_node().lift(node_id)
    return _done(school, "lifted", "")


def read_line(name: str, faults: Faults) -> str:
    """A field of one line that must be filled in."""
    try:
        return parse_text("note", request.form.get(name, ""), required=True)[:200]
    except BadValueError as error:
        faults[name] = error
        return ""


def refuse_school() -> Node:
    """The node, which is a centre's; others have no such pages."""
    node = this_node()
    if node.role != "centre":
        abort(404)
    return node


def find_computer(node_id: str) -> tuple[School, Computer]:
    """A computer and its school; 404 where there is none."""
    for school in list_members(refuse_school()):
        for each in school.computers:
            if each.node_id == node_id:
                return school, each
    _missing()


def _missing() -> NoReturn:
    abort(404)


def _find(scope_id: str) -> School:
    for each in list_members(refuse_school()):
        if each.scope_id == scope_id:
            return each
    _missing()


def _read_other(school: School, name: str, faults: Faults) -> School | None:
    """The other school that was chosen."""
    wanted = request.form.get(name, "")
    for each in list_members(this_node()):
        if each.scope_id == wanted and wanted != school.scope_id and not each.is_closed:
            return each
    faults[name] = BadValueError("value.missing")
    return None


def _grant(school: School, guest: School, tier: str) -> None:
    """Let all computers of a school speak in this one's place."""
    for each in guest.computers:
        if not each.is_cut:
            this_node().grant(each.node_id, school.scope_no, tier)


def _done(school: School, what: str, said: str) -> Response:
    this_site().accounts.note(what, actor(), school.name, said)
    return go("school.show", done=what, scope_id=school.scope_id)


def _show(school: School, faults: Faults, at: str = "") -> str:
    node = this_node()
    now_ms = node.context.now_ms()
    others = [
        each
        for each in list_members(node)
        if each.scope_no != school.scope_no and not each.is_closed
    ]
    acting = {each.scope_id for each in school.guests}
    return render_template(
        "school.html",
        it=school,
        others=others,
        townships=[each for each in others if each.kind == _ACTS and each.scope_id not in acting],
        now_ms=now_ms,
        missing=school.missing(now_ms),
        faults=faults,
        at=at,
        hows=_HOW,
        values={name: typed(name) for name in ("code", "name", "reason")},
    )
