"""What somebody typed and left: kept while typing, put back on the same page."""

from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Flask, Response, current_app, request, url_for
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from xueshi_server.accounts import Account
from xueshi_server.left_forms import FRESH_S, LeftForms
from xueshi_server.store.sessions import Drafts
from xueshi_server.web.access import is_allowed
from xueshi_server.web.site import left_forms, this_node, this_site, whoami

# The field by which a form says of which page it is.
PAGE_FIELD: Final = "_page"
# What of an address says nothing about which form is on the page.
_PASSING: Final = ("lang", "done", "n", "new", "dropped")
_PAGE_CHARS_MAX: Final = 500


def forget_what_was_sent(app: Flask) -> None:
    """Forget a left form when it has been taken."""
    app.after_request(_forget)


def _forget(response: Response) -> Response:
    forms = left_forms() if request.method == "POST" else None
    if forms is not None and response.status_code < 400 and request.blueprint != "left":
        page = read_page(request.form.get(PAGE_FIELD, ""))
        if page:
            forms.forget(page)
    return response


def read_page(given: str) -> str:
    """The address of a page of ours, without what says nothing about it; else empty."""
    if not given.startswith("/") or given.startswith("//") or len(given) > _PAGE_CHARS_MAX:
        return ""
    parts = urlsplit(given)
    pairs = [(name, value) for name, value in parse_qsl(parts.query) if name not in _PASSING]
    return f"{parts.path}?{urlencode(pairs)}" if pairs else parts.path


def this_page() -> str:
    """The page that is shown: asked for, or that of the form which was sent and comes back."""
    if request.method == "POST":
        try:
            return read_page(request.form.get(PAGE_FIELD, ""))
        except RequestEntityTooLarge:
            # The page that says so needs its frame too.
            return ""
    return read_page(request.full_path.rstrip("?"))


def what_was_left() -> str:
    """What whoever asks had typed on this page; empty when nothing waits."""
    forms = left_forms() if request.method == "GET" else None
    return forms.find(this_page()) if forms is not None and whoami() is not None else ""


def where_left(account: Account) -> str | None:
    """The page on which somebody was interrupted lately: a form, or a session's draft."""
    found = LeftForms(this_site().accounts, account.account_id).latest()
    drafts = Drafts(this_node().home, account.account_id).list_open()
    draft_s = drafts[0].saved_at_s if drafts else 0
    is_draft_fresh = abs(this_site().accounts.now_s() - draft_s) <= FRESH_S
    if is_draft_fresh and (found is None or draft_s >= found[1]):
        page = url_for("session.new")
    elif found is not None:
        page = found[0]
    else:
        return None
    return page if _may_open(page, account) else None


def _may_open(page: str, account: Account) -> bool:
    """Rights may have changed since."""
    adapter = current_app.create_url_adapter(request)
    assert adapter is not None
    try:
        endpoint, _ = adapter.match(urlsplit(page).path, method="GET")
    except HTTPException:
        return False
    return is_allowed(str(endpoint), account)
