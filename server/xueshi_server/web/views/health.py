"""Whether this node answers: for the desktop window, scripts and a waiting browser."""

from flask import Blueprint, Response, jsonify

from xueshi_server.web.site import this_node

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def show() -> Response:
    """The node's role and whether its tables can be read; nothing that names a person."""
    this_node().query("SELECT 1")
    return jsonify(ok=True, role=this_node().role)
