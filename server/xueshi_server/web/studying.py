"""Whose studying it is: the person of an account, at the node of the own school."""

from xueshi_server.store.people import find_person
from xueshi_server.web.pages import find_key
from xueshi_server.web.site import this_node, this_site, whoami
from xueshi_sync.writer import RecordKey


def own_person() -> RecordKey | None:
    """The record of whoever asks; None for who has none here, or at another school's node."""
    account = whoami()
    if account is None or not account.person or account.must_change:
        return None
    if not this_site().can_enter:
        return None
    key = find_key(account.person)
    person = find_person(this_node(), *key)
    if person is None or person["deleted"]:
        return None
    return key if key.scope_no == this_node().replica.home_scope_no else None
