"""The schools of the county (centre): who was heard and when, and invitations."""

from ipaddress import ip_address
from math import inf
from typing import Final
from urllib.parse import urlsplit

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from xueshi_server.domain.errors import BadValueError
from xueshi_server.sources import is_url
from xueshi_server.store.members import School, list_members
from xueshi_server.web.declared_form import Faults
from xueshi_server.web.drawing import draw_code
from xueshi_server.web.pages import go, typed
from xueshi_server.web.site import actor, this_node, this_site
from xueshi_server.web.sync_state import LATE_S
from xueshi_server.web.views.school import read_line, refuse_school

blueprint = Blueprint("schools", __name__, url_prefix="/schools")
Page = str | tuple[str, int] | Response
TIERS: Final = ("school", "township")
# A month without a word; a week is late.
_SILENT_S: Final = 30 * 86400


@blueprint.get("/")
def index() -> Page:
    """Every school with its last contact, the silent ones first."""
    refuse_school()
    return _show({})


@blueprint.post("/")
def invite() -> Page:
    """Make an invitation; its sheet is shown next."""
    node, faults = refuse_school(), Faults()
    code, name = read_line("code", faults), read_line("name", faults)
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
        and any(each.code == code and each.heard for each in list_members(node))
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
    found = [each for each in refuse_school().open_invitations() if each.node_id == node_id]
    if not found:
        abort(404)
    return render_template("invitation.html", it=found[0], code=draw_code(found[0].text))


@blueprint.post("/invitations/<node_id>/withdraw")
def withdraw(node_id: str) -> Page:
    """Let an unused invitation be worth nothing."""
    if not refuse_school().withdraw_invitation(node_id):
        abort(404)
    this_site().accounts.note("withdraw", actor(), "", node_id)
    return go("schools.index", done="invitationgone")


def _show(faults: Faults) -> str:
    node = this_node()
    now_ms = node.context.now_ms()
    members = list_members(node)
    ages = {each.scope_id: _age_s(each, now_ms) for each in members}
    members.sort(key=lambda each: (each.is_closed, each.heard is None, -ages[each.scope_id]))
    at_work = [each for each in members if not each.is_closed]
    return render_template(
        "schools.html",
        members=members,
        ages=ages,
        how={each.scope_id: _how(each, ages[each.scope_id]) for each in members},
        missing={each.scope_id: each.missing(now_ms) for each in members},
        areas=_areas(members),
        fine=[each for each, age_s in ages.items() if age_s <= LATE_S],
        heard=sum(ages[each.scope_id] <= LATE_S for each in at_work),
        total=len(at_work),
        invited=node.open_invitations(),
        faults=faults,
        tiers=TIERS,
        values={name: typed(name) for name in ("code", "name", "url")},
        tier=request.form.get("tier", "school"),
        own_url=_own_url(),
    )


def _areas(members: list[School]) -> list[tuple[str, list[School]]]:
    """The schools of each central school, itself first, by code; those of none come last."""
    names = {each.scope_id: each.name for each in members if each.kind == "township"}
    areas: dict[str, list[School]] = {scope_id: [] for scope_id in names}
    for each in sorted(members, key=lambda each: each.code):
        acting = [guest.scope_id for guest in each.guests if guest.scope_id in areas]
        if not each.is_closed and each.scope_id not in areas:
            areas.setdefault(acting[0] if acting else "", []).append(each)
    own = {each.scope_id: each for each in members}
    return sorted(
        ((names.get(scope_id, ""), [*([own[scope_id]] if scope_id else []), *schools])
         for scope_id, schools in areas.items()),
        key=lambda area: (not area[0], area[0]),
    )  # fmt: skip


def _how(each: School, age_s: float) -> str:
    """In a word, how it stands with a school."""
    if each.is_closed:
        return "closed"
    if each.heard is None:
        return "cut"
    if age_s == inf:
        return "never"
    return "silent" if age_s > _SILENT_S else "late" if age_s > LATE_S else "fine"


def _age_s(each: School, now_ms: float) -> float:
    """How long ago it was heard; without end where never."""
    heard = each.heard
    if heard is None or heard.contact_ms is None:
        return inf
    return max(0.0, (now_ms - heard.contact_ms) / 1000)


def _own_url() -> str:
    """Where the browser found this page, if a school could find it there too."""
    host = urlsplit(request.url_root).hostname or ""
    try:
        is_here = ip_address(host).is_loopback
    except ValueError:
        is_here = host == "localhost"
    return "" if is_here else request.url_root.rstrip("/")
