"""The state of sync, one exchange now, and the same exchange carried as a file."""

import tempfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from flask import Blueprint, render_template, request, send_file
from werkzeug.wrappers import Response

from xueshi_server.node_home import level_types
from xueshi_server.store.schools import count_unapplied, list_open_schools
from xueshi_server.web.site import this_node, this_site
from xueshi_server.web.sync_state import read_sync_state
from xueshi_sync.errors import SyncError
from xueshi_sync.http_session import is_peer_address

blueprint = Blueprint("sync", __name__, url_prefix="/sync-state")
Page = str | tuple[str, int] | Response
# A person is waiting in front of the page; the agent goes on in the background.
_DEADLINE_S = 45.0
BUNDLE_SUFFIX = ".xueshi"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a button did, as one sentence."""

    tone: str
    sentence: str
    values: dict[str, Any]


@blueprint.get("/")
def index() -> Page:
    """Where the records are, who was heard when, and how to carry a file."""
    return _show(None)


@blueprint.post("/now")
def now() -> Page:
    """Exchange with the centre while the person waits."""
    site = this_site()
    try:
        report = (
            site.node.sync_once(deadline_s=_DEADLINE_S)
            if site.agent is None
            else site.agent.sync_now()
        )
    except SyncError as error:
        return _show(_failed(error))
    return _did(getattr(report, "ops_sent", 0), getattr(report, "ops_received", 0))


@blueprint.post("/address")
def call_address() -> Page:
    """Exchange with the centre at another address; one that answers is called first from then."""
    address = request.form.get("address", "").strip()
    if not is_peer_address(address):
        return _show(Outcome("bad", "sync.bad_address", {"seen": address})), 422
    try:
        report = this_node().sync_once(address, deadline_s=_DEADLINE_S)
    except SyncError as error:
        return _show(_failed(error)), 422
    return _did(report.ops_sent, report.ops_received)


@blueprint.post("/bundle")
def give_bundle() -> Page:
    """Pack what the centre lacks into a file, to carry on a stick or send by chat."""
    node = this_node()
    with tempfile.TemporaryDirectory(prefix="xueshi-pack-") as folder:
        path = Path(folder, "bundle")
        try:
            node.pack(path, to=request.form.get("to") or None)
        except SyncError as error:
            return _show(_failed(error)), 422
        data = BytesIO(path.read_bytes())
    return send_file(
        data,
        mimetype="application/octet-stream",
        download_name=f"{node.code}{BUNDLE_SUFFIX}",
        as_attachment=True,
    )


@blueprint.post("/take")
def take_bundle() -> Page:
    """Take in a file that somebody brought; twice changes nothing the second time."""
    upload = request.files.get("bundle")
    if upload is None or not upload.filename:
        return _show(Outcome("bad", "sync.no_file", {})), 422
    with tempfile.TemporaryDirectory(prefix="xueshi-unpack-") as folder:
        path = Path(folder, "bundle")
        upload.save(path)
        try:
            report = this_node().unpack(path)
        except SyncError as error:
            return _show(_failed(error)), 422
    # A pack may have come with it; it counts at once.
    level_types(this_node())
    return _show(Outcome("good", "sync.took", {"received": report.new_ops}))


def _did(sent: int, received: int) -> str:
    level_types(this_node())
    return _show(Outcome("good", "sync.did", {"sent": sent, "received": received}))


def _failed(error: SyncError) -> Outcome:
    return Outcome("bad", f"error.{error.code}", dict(error.fields))


def _show(outcome: Outcome | None) -> str:
    node = this_node()
    return render_template(
        "sync.html",
        sync=read_sync_state(this_site()),
        outcome=outcome,
        receivers=list_open_schools(node) if node.role == "centre" else [],
        unapplied=count_unapplied(node),
    )
