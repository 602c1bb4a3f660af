"""Open the node to the school's Wi-Fi, see whether it answers, hold the address up to phones."""

import sys
from dataclasses import dataclass

from flask import Blueprint, abort, render_template
from werkzeug.wrappers import Response

from xueshi_server.lan import LanDoor
from xueshi_server.web.drawing import draw_code
from xueshi_server.web.pages import go
from xueshi_server.web.site import this_site

blueprint = Blueprint("lan", __name__, url_prefix="/wifi")


@dataclass(frozen=True, slots=True)
class Visit:
    """Another machine that opened a page, and how long ago."""

    address: str
    age_s: int


@blueprint.get("/")
def show() -> str:
    """How it stands: each address of this PC, who came, what to do about the firewall."""
    site, lan = this_site(), this_site().lan
    doors = lan.list_doors() if lan else []
    open_doors = [each for each in doors if each.answers]
    visits = [Visit(each, int(site.clock() - at)) for each, at in reversed(site.visitors.items())]
    return render_template(
        "lan.html",
        lan=lan,
        doors=doors,
        best=open_doors[0] if lan and lan.is_open and open_doors else None,
        code=draw_code(open_doors[0].url) if lan and lan.is_open and open_doors else "",
        visits=visits,
        on_windows=sys.platform == "win32",
    )


@blueprint.post("/open")
def open_door() -> Response:
    """Let the phones of the school in, now and at every start."""
    _lan().open()
    return go("lan.show", done="wifi")


@blueprint.post("/shut")
def shut_door() -> Response:
    """Let nobody in but this PC."""
    _lan().shut()
    return go("lan.show", done="nowifi")


def _lan() -> LanDoor:
    """The door; the command line may hold it open for good, or there is none in this process."""
    lan = this_site().lan
    if lan is None or lan.is_wide:
        abort(409)
    return lan
