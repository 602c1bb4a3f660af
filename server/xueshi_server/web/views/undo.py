"""Take back what was saved last, from the sentence that says it was done."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from xueshi_server.web import undoing

blueprint = Blueprint("undo", __name__, url_prefix="/undo")
_SAYS = {True: "takenback", False: "builtupon", None: "undolate"}


@blueprint.app_context_processor
def _offer() -> dict[str, Any]:
    return {"undo_offered": undoing.offered}


@blueprint.post("/")
def take_back() -> Response:
    """Put everything back as it was, if nobody built on it since; then the form again."""
    page, is_done = undoing.undo(request.form.get("saved", ""))
    path, _, query = page.partition("?")
    kept = [each for each in parse_qsl(query) if each[0] not in ("done", "n", "undo")]
    return redirect(f"{path}?{urlencode([*kept, ('done', _SAYS[is_done])])}", 303)
