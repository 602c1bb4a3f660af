"""Forms that were begun and left: kept while they are typed, given up by hand."""

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from xueshi_server.web.left import PAGE_FIELD, read_page
from xueshi_server.web.site import left_forms

blueprint = Blueprint("left", __name__, url_prefix="/left")


@blueprint.post("/")
def keep() -> Response:
    """Keep what was typed, durably, before this answers; 409 when it is too much."""
    forms, page = left_forms(), read_page(request.form.get(PAGE_FIELD, ""))
    assert forms is not None, "the guard lets nobody in who is not logged in"
    kept = bool(page) and forms.keep(page, request.form.get("typed", ""))
    return Response(status=204 if kept else 409)


@blueprint.post("/forget")
def forget() -> Response:
    """Give the form up: its page comes back as it is without it."""
    forms, page = left_forms(), read_page(request.form.get(PAGE_FIELD, ""))
    assert forms is not None, "the guard lets nobody in who is not logged in"
    forms.forget(page)
    return redirect(page or "/", 303)
