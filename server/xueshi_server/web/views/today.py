"""The first page: what is owed, what came back, where the records are."""

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from xueshi_server.store.checking import read_unchecked
from xueshi_server.store.hours import count_states, list_latest, sum_all
from xueshi_server.store.schools import count_conflicts, count_people, list_school_figures
from xueshi_server.web.pages import may
from xueshi_server.web.site import this_node, this_site
from xueshi_server.web.sync_state import read_sync_state

blueprint = Blueprint("today", __name__)
_LATEST = 8


@blueprint.get("/")
def show() -> str | Response:
    """What there is to do here today; who may only see what is their own goes there."""
    if not may("hours.index"):
        return redirect(url_for("mine.show"))
    node = this_node()
    credited, pending = sum_all(node)
    sync = read_sync_state(this_site())
    return render_template(
        "today.html",
        states=count_states(node),
        conflicts=count_conflicts(node),
        people=count_people(node),
        credited=credited,
        pending=pending,
        to_check=_count_to_check(),
        latest=list_latest(node, _LATEST),
        schools=list_school_figures(node) if this_site().can_review else [],
        heard={peer.code: peer.age_s for peer in sync.peers if peer.age_s is not None},
        sync=sync,
    )


def _count_to_check() -> int:
    """What the head of a school has yet to look at; a node that judges looks at all that waits."""
    if not this_site().can_check or not may("review.index"):
        return 0
    found = read_unchecked(this_node())
    return len(found.claims) + found.entries
