"""Quizzes of the library: answered on the page, marked on the node, recorded with the person.

The page knows the questions and nothing of what is right. A try is recorded before its outcome is
shown; how many there may be, and whether it was passed, is read from what is recorded.
"""

from dataclasses import dataclass, field
from sqlite3 import Row
from typing import Any, Final

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.quizzes import Key, Marked, Quiz, mark
from xueshi_server.domain.study import propose, read_allowance
from xueshi_server.errors import UnknownResourceError
from xueshi_server.markdown_pages import render_line, render_markdown
from xueshi_server.store.hours import find_hour
from xueshi_server.store.library import Resource, find_resource
from xueshi_server.store.quizzes import (
    Attempt,
    is_quiz_resource,
    knows_quizzes,
    list_attempts,
    list_results_of_hour,
    minutes_proposed,
    read_quiz,
    write_attempt,
)
from xueshi_server.web.packs import active_pack, today
from xueshi_server.web.pages import go, public_id
from xueshi_server.web.site import actor, saving, this_node, this_site
from xueshi_server.web.studying import own_person
from xueshi_server.words import LANGUAGES, word
from xueshi_sync.writer import RecordKey

blueprint = Blueprint("quizzes", __name__, url_prefix="/quizzes")
Page = str | tuple[str, int] | Response
_TITLE_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Taken:
    """What a person did so far with a quiz."""

    rows: list[Row] = field(default_factory=list)
    attempts_most: int = 0

    @property
    def passed(self) -> Row | None:
        return next((each for each in self.rows if each["passed"]), None)

    @property
    def left(self) -> int:
        """Tries that are left; none once it was passed."""
        return 0 if self.passed else max(0, self.attempts_most - len(self.rows))


@blueprint.app_context_processor
def _tools() -> dict[str, Any]:
    return {
        "is_quiz_resource": lambda resource: is_quiz_resource(this_node(), resource),
        "quiz_results_of": lambda row: list_results_of_hour(
            this_node(), RecordKey(row["scope_no"], row["rec"])
        ),
    }


@blueprint.get("/<resource_id>")
def show(resource_id: str) -> Page:
    """The questions, and what my tries came to."""
    resource, quiz = _find(resource_id)
    return _show(resource, quiz, {}, {})


@blueprint.post("/<resource_id>")
def answer(resource_id: str) -> Page:
    """Mark a try and record it; what was sent twice is one try."""
    resource, quiz = _find(resource_id)
    person = own_person()
    if person is None or not knows_quizzes(this_node()):
        abort(404)
    taken = _taken(person, resource, quiz.key)
    number = request.form.get("number", "0", str)
    if not taken.left or number != str(len(taken.rows) + 1):
        # Sent before, or a page from before: what is recorded counts.
        return go("quizzes.show", resource_id=resource_id, _anchor="result")
    chosen = _chosen(quiz)
    faults = {
        place: BadValueError("quiz.unanswered") for place, each in enumerate(chosen) if not each
    }
    if faults:
        return _show(resource, quiz, dict(enumerate(chosen)), faults), 422
    marked = mark(quiz.key, chosen)
    attempt = Attempt(
        person, resource.content.sha256.hex(), resource.about.title[:_TITLE_MOST],
        today().isoformat(), len(taken.rows) + 1,
    )  # fmt: skip
    hour = _proposal(attempt, quiz.key, marked) if marked.passed else None
    with saving() as action:
        write_attempt(action, attempt, marked, hour)
    return go("quizzes.show", resource_id=resource_id, _anchor="result")


def _find(resource_id: str) -> tuple[Resource, Quiz]:
    try:
        resource = find_resource(this_node(), resource_id)
    except UnknownResourceError:
        abort(404)
    quiz = read_quiz(this_node(), resource)
    if quiz is None:
        abort(404)
    return resource, quiz


def _chosen(quiz: Quiz) -> list[list[int]]:
    """The places chosen in each question; what no option has is nothing."""
    found = []
    for place, question in enumerate(quiz.questions):
        given = request.form.getlist(f"q{place}")
        places = [int(each) for each in given if each.isdecimal() and len(each) < 3]
        found.append([each for each in places if each < len(question.options)])
    return found


def _taken(person: RecordKey, resource: Resource, key: Key) -> Taken:
    rows = list_attempts(this_node(), person, resource.content.sha256.hex())
    return Taken(rows, key.attempts)


def _proposal(attempt: Attempt, key: Key, marked: Marked) -> dict[str, Any] | None:
    """The hours that a passed try proposes; None where the county allows none, or no more today."""
    pack = active_pack()
    allowance = read_allowance(pack)
    used = minutes_proposed(this_node(), attempt.person, attempt.day)
    minutes = propose(key.minutes, limit_minutes=allowance.quiz_minutes, used_minutes=used)
    if not minutes:
        return None
    known = {each.id for each in pack.types["hour"].field}
    spoken = LANGUAGES[0]
    said = {
        "form": word("quiz.form", spoken),
        "note": word(
            "quiz.evidence", spoken, right=marked.right, total=marked.total, n=attempt.number,
            percent=key.pass_percent,
        ),
        "recorded_by": actor(),
        **dict(allowance.marks),
    }  # fmt: skip
    return {
        "person": attempt.person.rec,
        "date": attempt.day,
        "title": attempt.title,
        "minutes": minutes,
        **{name: value for name, value in said.items() if name in known},
    }


def _show(
    resource: Resource,
    quiz: Quiz,
    chosen: dict[int, list[int]],
    faults: dict[int, BadValueError],
) -> str:
    person = own_person()
    taken = Taken()
    if person is not None and knows_quizzes(this_node()):
        taken = _taken(person, resource, quiz.key)
    key, allowance = quiz.key, read_allowance(active_pack())
    is_over = bool(taken.rows) and not taken.left
    return render_template(
        "quiz.html",
        resource=resource,
        intro=render_markdown(quiz.intro),
        questions=[
            (place, *_shown(each.text), [render_line(one) for one in each.options], each.is_many)
            for place, each in enumerate(quiz.questions)
        ],
        chosen=chosen,
        faults=faults,
        taken=taken,
        person=person,
        hours=_hours_of(taken),
        # The reasons, and nothing else of the key, once nothing can be won by them.
        reasons=[
            (place + 1, render_markdown(each.why)) for place, each in enumerate(key.answers)
            if each.why
        ] if is_over else [],
        pass_percent=key.pass_percent,
        minutes=min(key.minutes, allowance.quiz_minutes),
        is_allowed=bool(allowance.quiz_minutes and key.minutes),
        can_enter=this_site().can_enter,
    )  # fmt: skip


def _shown(text: str) -> tuple[Any, Any]:
    """The first line of a question, and what follows it."""
    first, _, rest = text.partition("\n")
    return render_line(first), render_markdown(rest.strip()) if rest.strip() else ""


def _hours_of(taken: Taken) -> dict[str, Any] | None:
    """The hours that the result proposed, with what became of them."""
    row = taken.passed
    if row is None or not row["hour"]:
        return None
    found = find_hour(this_node(), row["scope_no"], row["hour"])
    return {"row": found, "name": public_id(row["scope_no"], row["hour"])} if found else None
