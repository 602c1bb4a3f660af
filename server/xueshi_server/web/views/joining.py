"""Join the county later: an invitation pasted or picked, for a school that began without one."""

from contextlib import suppress

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from xueshi_server.errors import ServerError
from xueshi_server.invitations import (
    FILE_BYTES,
    Invitation,
    NoInvitationError,
    WrongInvitationError,
    read_invitation,
    read_text,
)
from xueshi_server.node_home import level_types
from xueshi_server.web.pages import go
from xueshi_server.web.site import language, this_node, this_site
from xueshi_server.words import word, word_error
from xueshi_sync.errors import RefusedError, SyncError

blueprint = Blueprint("joining", __name__, url_prefix="/join")
Page = str | tuple[str, int] | Response
# A person waits in front of the page; the agent goes on in the background.
FIRST_EXCHANGE_S = 30.0


@blueprint.get("/")
def show() -> str:
    """How it stands, and where the invitation goes."""
    _refuse_centre()
    return _show()


@blueprint.post("/")
def take() -> Page:
    """Take an invitation; one for another school than this node's is shown first."""
    _refuse_centre()
    typed = request.form.get("invitation", "")
    try:
        invitation = read_invitation(_given())
        if invitation.role != this_node().role:
            raise WrongInvitationError(role=invitation.role, needed=this_node().role)
        if invitation.code != this_node().code and request.form.get("sure") != invitation.code:
            return _show(typed=invitation.text, other=invitation)
        this_node().join(invitation.text)
    except (SyncError, ServerError) as error:
        return _show(typed=typed, fault=_worded(error)), 422
    said = _call_centre()
    if said == "refused":
        return _show(fault=word("join.refused", language())), 422
    return go("joining.show", done=said)


def _given() -> str:
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        return request.form.get("invitation", "")
    text = read_text(upload.stream.read(FILE_BYTES + 1)[:FILE_BYTES])
    if not text:
        raise NoInvitationError
    return text


def _call_centre() -> str:
    """The first exchange enrols; the note that says how it went."""
    site = this_site()
    if not site.node.urls:
        return "joinfile"
    try:
        if site.agent is None:
            site.node.sync_once(deadline_s=FIRST_EXCHANGE_S)
        else:
            site.agent.sync_now()
    except RefusedError:
        return "refused"
    except SyncError:
        return "joinwaits"
    finally:
        level_types(site.node)
    return "joined" if site.node.enrolled else "joinwaits"


def _worded(error: SyncError | ServerError) -> str:
    return word_error(error.code, language(), error.fields)


def _refuse_centre() -> None:
    # A centre joins nobody; it invites.
    if this_node().role == "centre":
        abort(404)


def _show(typed: str = "", fault: str = "", other: Invitation | None = None) -> str:
    node = this_node()
    county = ""
    with suppress(SyncError):
        county = node.genesis.name if node.genesis else ""
    return render_template(
        "joining.html", county=county, typed=typed, fault=fault, other=other, urls=node.urls
    )
