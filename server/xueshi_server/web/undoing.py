"""The last thing that somebody saved, for a while: the sentence that says it was done offers to
take it back. It is kept in memory, by session; the next thing that is saved takes its place."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from flask import g, request

from xueshi_server.store.people import find_person
from xueshi_server.store.undoing import Saved, note_steps, take_back
from xueshi_server.web.person_form import NUMBER, PERSON, rename_account
from xueshi_server.web.security import SESSION_COOKIE, own_page_before
from xueshi_server.web.site import language, saving, this_node, this_site
from xueshi_server.words import word
from xueshi_sync.writer import Action, RecordKey

KEPT_S: Final = 600.0
_SESSIONS_MOST: Final = 100


@contextmanager
def saving_with_undo() -> Iterator[Action]:
    """As `saving`; what is written can be taken back from the page that says it was done."""
    with saving() as action:
        yield action
        steps = note_steps(this_node(), action)
    memory, token = this_site().saved, _token()
    memory.pop(token, None)
    if steps and token:
        name = g.undo = secrets.token_hex(8)
        memory[token] = Saved(name, this_site().clock(), own_page_before() or "/", steps)
        while len(memory) > _SESSIONS_MOST:
            memory.popitem(last=False)


def offered() -> str:
    """The name of what the page may offer to take back; empty for nothing."""
    saved = _find(request.args.get("undo", "")) if request.args.get("done") else None
    return saved.name if saved else ""


def undo(name: str) -> tuple[str, bool | None]:
    """Take back what was saved under a name. The page to go on from, and whether it was as it was
    left; None for what is not known any more."""
    saved = _find(name)
    if saved is None:
        return "/", None
    this_site().saved.pop(_token(), None)
    numbers = {
        each.key: str(each.before[NUMBER])
        for each in saved.steps
        if each.table == PERSON and each.before.get(NUMBER)
    }
    now = {key: _number_of(key) for key in numbers}
    with saving() as action:
        is_done = take_back(this_node(), action, saved.steps, word("undo.reason", language()))
    if is_done:
        for key, number in numbers.items():
            rename_account(key, now[key], number)
    return saved.page, is_done


def _number_of(key: RecordKey) -> str:
    row = find_person(this_node(), *key)
    return str(row[NUMBER] or "") if row is not None else ""


def _find(name: str) -> Saved | None:
    saved = this_site().saved.get(_token())
    if saved is None or saved.name != name or this_site().clock() - saved.at_s > KEPT_S:
        return None
    return saved


def _token() -> str:
    return request.cookies.get(SESSION_COOKIE, "")
