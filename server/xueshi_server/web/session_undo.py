"""Take back a session that was just saved: its hours are withdrawn, its form is open again.

What somebody judged meanwhile stays as it is; nothing is ever removed from the ledger.
"""

import secrets
from collections.abc import Callable

from xueshi_server.store.hours import find_hour
from xueshi_server.store.sessions import (
    SESSION,
    Draft,
    Drafts,
    find_session_of,
    list_attendance,
    list_roster_of_all,
)
from xueshi_server.web.session_form import HOUR
from xueshi_server.web.site import home_scope_no, language, saving, this_node
from xueshi_server.words import word
from xueshi_sync.writer import Action, RecordKey

# States that nobody who judges has decided on.
_OPEN_STATES = ("pending", "returned")


def name_hour(form_id: str, person: int) -> str:
    """What the hours of a person from a form are written once under."""
    return f"session-{form_id}-{person}"


def name_session(form_id: str) -> str:
    """What the session of a form is written once under."""
    return f"session-{form_id}"


def list_withdrawable(form_id: str) -> list[RecordKey]:
    """The hours of a form that nobody decided on yet."""
    node, found = this_node(), []
    for person in list_roster_of_all(node, home_scope_no()):
        key = node.feeds.entry(name_hour(form_id, person))
        row = find_hour(node, *key) if key is not None else None
        if key is not None and row is not None and row["state"] in _OPEN_STATES:
            found.append(RecordKey(*key))
    return found


def take_back(drafts: Drafts, draft: Draft, now_s: Callable[[], int]) -> tuple[int, str]:
    """Withdraw what a saved form wrote, and open it again under a new id.

    Returns how many hours were withdrawn, and the new id.
    """
    keys = list_withdrawable(draft.form_id)
    with saving() as action:
        for key in keys:
            action.check(HOUR, key, "withdraw", reason=word("session.undo_reason", language()))
        if keys:
            _delete_session(action, draft.form_id, keys)
    form_id = secrets.token_hex(16)
    drafts.save(form_id, draft.body, now_s())
    return len(keys), form_id


def _delete_session(action: Action, form_id: str, gone: list[RecordKey]) -> None:
    """The session goes too, unless it has hours of another form."""
    node = this_node()
    session = node.feeds.entry(name_session(form_id))
    row = find_hour(node, *gone[0])
    if session is None or row is None:
        return
    held = find_session_of(node, row["scope_no"], row["date"], row["title"])
    others = list_attendance(node, row["scope_no"], row["date"], row["title"])
    is_alone = {each["rec"] for each in others} <= {key.rec for key in gone}
    if held is not None and held["rec"] == session[1] and is_alone:
        action.delete(SESSION, RecordKey(*session))
