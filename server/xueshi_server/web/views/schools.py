"""The schools of the county (centre): who was heard and when, invitations, shutting a PC out."""

from ipaddress import ip_address
from math import inf
from typing import Final
from urllib.parse import urlsplit

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.values import parse_text
from xueshi_server.sources import is_url
from xueshi_server.store.members import Member, list_members
from xueshi_server.web.declared_form import Faults
from xueshi_server.web.drawing import draw_code
from xueshi_server.web.pages import go, typed
from xueshi_server.web.site import actor, this_node, this_site
from xueshi_server.web.sync_state import LATE_S
from xueshi_sync.node import Node

blueprint = Blueprint("schools", __name__, url_prefix="/schools")
Page = str | tuple[str, int] | Response
TIERS: Final = ("school", "township")
# A month without a word; a week is late.
_SILENT_S: Final = 30 * 86400


@blueprint.get("/")
def index() -> Page:
    """Every school with its last contact, the silent ones first."""
    _refuse_school()
    return _show({})


@blueprint.post("/")
def invite() -> Page:
    """Make an invitation; its sheet is shown next."""
    node, faults = _refuse_school(), Faults()
    code, name = _read("code", faults), _read("name", faults)
    if not faults and any(each.isspace() for each in code):
        faults["code"] = BadValueError("code.blank")
    tier = request.form.get("tier", "")
    if tier not in TIERS:
        faults["tier"] = BadValueError("value.missing")
    url = request.form.get("url", "").strip()
    if url and not is_url(url):
        faults["url"] = BadValueError("url.unreadable")
    if (
        not faults
        and not request.form.get("again")
        and any(each.code == code and not each.is_cut for each in list_members(node))
    ):
        # A second PC of one school: two would write in its name.
        faults["again"] = BadValueError("code.has_node")
    if faults:
        return _show(faults), 422
    node.invite(code, name, role=tier, urls=[url] if url else [])
    node_id = next(
        each.node_id
        for each in reversed(node.open_invitations())
        if (each.code, each.name) == (code, name)
    )
    return go("schools.sheet", done="invited", node_id=node_id)


@blueprint.get("/invitations/<node_id>")
def sheet(node_id: str) -> Page:
    """The invitation to print, to copy into a chat, or to scan."""
    found = [each for each in _refuse_school().open_invitations() if each.node_id == node_id]
    if not found:
        abort(404)
    return render_template("invitation.html", it=found[0], code=draw_code(found[0].text))


@blueprint.post("/invitations/<node_id>/withdraw")
def withdraw(node_id: str) -> Page:
    """Let an unused invitation be worth nothing."""
    if not _refuse_school().withdraw_invitation(node_id):
        abort(404)
    this_site().accounts.note("withdraw", actor(), "", node_id)
    return go("schools.index", done="invitationgone")


@blueprint.post("/<node_id>/revoke")
def revoke(node_id: str) -> Page:
    """Shut out a PC that was stolen or is broken: what it wrote until now counts, nothing after."""
    node, faults = _refuse_school(), Faults()
    found = [each for each in list_members(node) if each.node_id == node_id and not each.is_cut]
    if not found:
        abort(404)
    reason = _read("reason", faults)
    if faults:
        return _show(faults, at=node_id), 422
    node.revoke(node_id, reason)
    this_site().accounts.note("revoke", actor(), found[0].name, reason)
    return go("schools.index", done="revoked")


def _show(faults: Faults, at: str = "") -> str:
    node = this_node()
    now_ms = node.context.now_ms()
    members = list_members(node)
    ages = {each.node_id: _age_s(each, now_ms) for each in members}
    members.sort(key=lambda each: (each.is_cut, -ages[each.node_id]))
    heard = [each for each in members if not each.is_cut]
    return render_template(
        "schools.html",
        members=members,
        ages=ages,
        late_s=LATE_S,
        silent_s=_SILENT_S,
        heard=sum(ages[each.node_id] <= LATE_S for each in heard),
        total=len(heard),
        invited=node.open_invitations(),
        faults=faults,
        at=at,
        tiers=TIERS,
        values={name: typed(name) for name in ("code", "name", "url", "reason")},
        tier=request.form.get("tier", "school"),
        own_url=_own_url(),
    )


def _age_s(each: Member, now_ms: float) -> float:
    """How long ago it was heard; without end where never."""
    return inf if each.contact_ms is None else max(0.0, (now_ms - each.contact_ms) / 1000)


def _own_url() -> str:
    """Where the browser found this page, if a school could find it there too."""
    host = urlsplit(request.url_root).hostname or ""
    try:
        is_here = ip_address(host).is_loopback
    except ValueError:
        is_here = host == "localhost"
    return "" if is_here else request.url_root.rstrip("/")


def _read(name: str, faults: Faults) -> str:
    try:
        return parse_text("note", request.form.get(name, ""), required=True)[:200]
    except BadValueError as error:
        faults[name] = error
        return ""


def _refuse_school() -> Node:
    node = this_node()
    if node.role != "centre":
        abort(404)
    return node
