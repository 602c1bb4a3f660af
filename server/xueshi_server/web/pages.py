"""What templates can call: words, figures, links; and the few shapes that all views share."""

import sqlite3
from typing import Any, Final

from flask import Flask, abort, g, redirect, request, url_for
from werkzeug.wrappers import Response

from xueshi_server.accounts import Account
from xueshi_server.formats import format_age, format_bytes, format_count, format_sum, format_time
from xueshi_server.store.person_links import can_link
from xueshi_server.store.schools import count_conflicts
from xueshi_server.web.access import is_allowed
from xueshi_server.web.asked import row_number
from xueshi_server.web.help import find_section
from xueshi_server.web.left import this_page, what_was_left
from xueshi_server.web.roster import mark_rows
from xueshi_server.web.security import csrf_token, this_place
from xueshi_server.web.site import language, this_node, this_site, whoami
from xueshi_server.words import LANGUAGES, word, word_error
from xueshi_sync.errors import SyncError
from xueshi_sync.writer import RecordKey

# More than reasons, answers and names may have.
_TYPED_MOST: Final = 2000
# Entries of the menu that stand in one line of a phone, beside "more".
_ON_A_PHONE: Final = {"zh": 6, "en": 4}
# Pages of nodes that write hours.
_ENTERING: Final = (
    "entry.", "session.new", "session.claims", "files.index", "files.take", "people.order",
)  # fmt: skip


# Pages without an entry of their own in the menu, and the entry they are under.
MENU_SECTIONS: Final = {
    "attachments": "records",
    "contributions": "library",
    "duplicates": "people",
    "entry": "hours",
    "joining": "sync",
    "objections": "principal",
    "personal": "people",
    "quizzes": "library",
    "reading": "library",
    "record_entry": "records",
    "school": "schools",
    "stamped": "forms",
    "writing": "library",
}


def install_page_tools(app: Flask) -> None:
    """Give every template of `app` its words, figures and menu."""
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        hours=format_sum, time=format_time, bytes=format_bytes, count=format_count
    )
    app.context_processor(_page_values)


def _page_values() -> dict[str, Any]:
    spoken = language()
    site = this_site()
    return {
        "t": lambda key, **values: word(key, spoken, **values),
        "t_error": lambda code, **fields: word_error(code, spoken, fields),
        "ago": lambda seconds: format_age(seconds, spoken),
        "lang": spoken,
        "other_languages": [each for each in LANGUAGES if each != spoken],
        "language_link": _language_link,
        "account": whoami(),
        "node": site.node,
        "has_site": site.has_training_site,
        "help_address": help_address,
        "menu": _menu(),
        "csrf": csrf_token,
        "public_id": lambda row: public_id(row["scope_no"], row["rec"]),
        "person_id": lambda row: public_id(row["scope_no"], row["person"]),
        "may": may,
        "alike": mark_rows,
        "next_people": _next_people,
        "this_page": this_page,
        "is_here": _is_here,
        "what_was_left": what_was_left,
        "done": _done_message(spoken),
    }


def help_address() -> str:
    """Where the training site explains this page in the reader's language; empty: nowhere."""
    site = this_site()
    page, section = find_section(request.endpoint)
    path = f"{language()}/{page}"
    if not site.has_training_site:
        return ""
    if site.shelf.shown() is not None:
        is_there = path in site.shelf.paths()
    else:
        is_there = site.site_dir is not None and (site.site_dir / path).is_file()
    return url_for("training.show", path=path, _anchor=section) if is_there else ""


def may(endpoint: str) -> bool:
    """Whether to offer a link to `endpoint`: the account may, and the node's role has the page."""
    site = this_site()
    if endpoint.startswith("review.") and not (site.can_review or site.can_check):
        return False
    if endpoint.startswith("schools.") and site.node.role != "centre":
        return False
    if endpoint.startswith("duplicates.") and not can_link(site.node):
        return False
    if endpoint.startswith(_ENTERING) and not site.can_enter:
        return False
    return is_allowed(endpoint, whoami())


def _menu() -> list[tuple[str, str, int, bool]]:
    """(endpoint, key, badge, whether a phone folds it away) of the pages this account can open."""
    entries, most = _entries(), _ON_A_PHONE[language()]
    if len(entries) <= most:
        return [(*each, False) for each in entries]
    place = next((at for at, each in enumerate(entries) if _is_here(each[0])), 0)
    shown = {*range(most), place} if place < most else {*range(most - 1), place}
    return [(*each, at not in shown) for at, each in enumerate(entries)]


def _is_here(endpoint: str) -> bool:
    """Whether the page is under this entry of the menu."""
    here = request.blueprint or ""
    return MENU_SECTIONS.get(here, here) == endpoint.partition(".")[0]


def _entries() -> list[tuple[str, str, int]]:
    account = whoami()
    if account is None or account.must_change:
        return []
    entries = [
        ("mine.show", "menu.mine", 0),
        ("today.show", "menu.today", 0),
        ("principal.show", "menu.principal", 0),
        ("session.new", "menu.enter", 0),
        ("hours.index", "menu.hours", 0),
        ("people.index", "menu.people", 0),
        ("requirements.index", "menu.requirements", 0),
        ("records.index", "menu.records", 0),
        ("grants.index", "menu.grants", 0),
        ("forms.index", "menu.forms", 0),
        ("review.index", "menu.review", 0),
        ("library.index", "menu.library", 0),
        ("conflicts.index", "menu.conflicts", _open_conflicts()),
        ("schools.index", "menu.schools", 0),
        ("sync.index", "menu.sync", 0),
    ]
    if not may("hours.index"):
        # A teacher's first page is the own one.
        return [("mine.show", "menu.mine", 0), ("library.index", "menu.library", 0)]
    return [entry for entry in entries if may(entry[0])]


def _next_people() -> list[Account]:
    """Who else may take the next turn here by PIN."""
    account, here = whoami(), this_site().switch.list_here(this_place())
    return [each for each in here if account is None or each.account_id != account.account_id]


def _open_conflicts() -> int:
    try:
        return count_conflicts(this_node())
    except sqlite3.Error:
        # The page that says so needs its menu too.
        return 0


def _language_link(wanted: str) -> str:
    query = {**request.args.to_dict(), "lang": wanted}
    endpoint = request.endpoint if request.method == "GET" else None
    if endpoint is None or endpoint == "static":
        return url_for("today.show", lang=wanted)
    return url_for(endpoint, **{**(request.view_args or {}), **query})


def _done_message(spoken: str) -> str:
    key, count = request.args.get("done", ""), request.args.get("n", "")
    if not key.isalpha() or not (count.isdecimal() or not count):
        return ""
    text = word(f"done.{key}", spoken, n=count)
    return "" if text.startswith("done.") else text


def go(endpoint: str, *, done: str = "", n: int | None = None, **values: Any) -> Response:
    """Send the browser on after a change, with a sentence that says what was done."""
    saved = g.get("undo") if done else None
    return redirect(url_for(endpoint, done=done or None, n=n, undo=saved, **values), 303)


def typed(name: str) -> str:
    """What was typed into an input, to be shown again; of what is far too long the beginning."""
    return request.form.get(name, "")[:_TYPED_MOST]


def public_id(scope_no: int, rec: int) -> str:
    """The name of a record in links and files."""
    return this_node().public_id(RecordKey(scope_no, rec))


def find_key(name: str) -> RecordKey:
    """The record a link names; an unknown one is "not found"."""
    try:
        return this_node().find_record(name)
    except (SyncError, ValueError, LookupError):
        abort(404)


def is_name_of(name: str, key: RecordKey) -> bool:
    """Whether a kept name means that record; a new record's name changes when it travels."""
    try:
        return bool(name) and this_node().find_record(name) == key
    except (SyncError, ValueError, LookupError):
        return False


def read_cursor(text: str) -> tuple[str, int, int] | None:
    """The place in a list that a link to the next page names."""
    parts = text.rsplit("~", 2)
    if len(parts) != 3 or not (parts[1].isdecimal() and parts[2].isdecimal()):
        return None
    try:
        return parts[0], row_number(parts[1]), row_number(parts[2])
    except ValueError:
        return None


def write_cursor(first: str, row: Any) -> str:
    """The place of a row in its list."""
    return f"{row[first]}~{row['scope_no']}~{row['rec']}"
