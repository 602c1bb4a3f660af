"""Writing a page or a quiz in the browser: Markdown in a plain field, looked at before it goes out.

At the centre it is published as a resource; at a school it goes on to the form of contributions,
filled in as far as the page says it itself. What is typed is kept like every other form.
"""

import secrets
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from xueshi_server.contributing import HandIns
from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.quizzes import write_source
from xueshi_server.errors import UnknownResourceError
from xueshi_server.library import add_file
from xueshi_server.markdown_pages import render_markdown
from xueshi_server.store.library import FILE, About, Resource, find_resource
from xueshi_server.store.quizzes import is_quiz_resource, read_quiz
from xueshi_server.web.pages import go, may
from xueshi_server.web.site import actor, this_node, this_site, whoami
from xueshi_server.web.views.contributions import may_contribute
from xueshi_server.written_pages import (
    BODY_MOST,
    HEAD_FIELDS,
    PAGE_BYTES,
    SUFFIX,
    check_page,
    name_page,
    read_page,
    write_page,
)

blueprint = Blueprint("writing", __name__, url_prefix="/write")
Page = str | tuple[str, int] | Response
_TYPED_MOST: Final = 2000


@blueprint.app_context_processor
def _tools() -> dict[str, Any]:
    return {"may_write": may_write, "may_edit": may_edit}


def may_publish() -> bool:
    """Whether whoever is logged in publishes here."""
    return this_node().role == "centre" and may("library.add")


def may_write() -> bool:
    """Whether whoever is logged in may write a page here: to publish it, or to hand it in."""
    return may_publish() or may_contribute()


def may_edit(resource: Resource) -> bool:
    """Whether a resource is a page that may be written on here."""
    is_page = resource.kind == FILE and resource.name.lower().endswith(SUFFIX)
    return is_page and resource.content.size <= PAGE_BYTES and may_publish()


@blueprint.get("/")
def edit() -> Page:
    """The form: empty, or with a published page (`?of=`) to be written on."""
    if not may_write():
        abort(404)
    old = _old(request.args.get("of", ""))
    if old is None:
        return _show({}, is_quiz=request.args.get("quiz") == "1")
    is_quiz = is_quiz_resource(this_node(), old)
    return _show(read_page(_source(old, is_quiz=is_quiz)), is_quiz=is_quiz, old=old)


def _old(resource_id: str) -> Resource | None:
    if not resource_id:
        return None
    try:
        found = find_resource(this_node(), resource_id)
    except UnknownResourceError:
        abort(404)
    if not may_edit(found):
        abort(404)
    return found


def _source(resource: Resource, *, is_quiz: bool) -> str:
    """What its author wrote; of a quiz with the marks that readers do not get."""
    quiz = read_quiz(this_node(), resource) if is_quiz else None
    if quiz is not None:
        return write_source(quiz)
    try:
        with this_node().files.open(resource.content.sha256) as file:
            return file.read(PAGE_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        abort(404)


@blueprint.post("/preview")
def preview() -> Page:
    """The text as readers will see it; for the page's script the text alone."""
    if not may_write():
        abort(404)
    typed = _typed()
    if request.accept_mimetypes.best == "application/json":
        return {"html": str(render_markdown(typed["body"]))}  # type: ignore[return-value]
    old, is_quiz = _old(request.form.get("of", "")), request.form.get("quiz") == "1"
    return _show(typed, is_quiz=is_quiz, old=old, seen=render_markdown(typed["body"]))


@blueprint.post("/")
def send() -> Page:
    """Publish at the centre; at a school go on to handing in."""
    if not may_write():
        abort(404)
    typed, is_quiz = _typed(), request.form.get("quiz") == "1"
    old = _old(request.form.get("of", ""))
    faults = check_page(typed, is_quiz=is_quiz)
    if faults:
        return _show(typed, is_quiz=is_quiz, old=old, faults=faults), 422
    name, text = name_page(typed["title"], is_quiz=is_quiz), write_page(typed, is_quiz=is_quiz)
    if not may_publish():
        return _hand_in(name, text)
    with TemporaryDirectory(dir=this_node().home) as folder:
        place = Path(folder) / name
        place.write_text(text, "utf-8", newline="\n")
        made = add_file(this_node(), place, About(typed["title"]), actor=actor(), replaces=old)
    agent = this_site().agent
    if agent is not None:
        agent.poke()
    return go("library.show", resource_id=made.public_id, done="published")


def _hand_in(name: str, text: str) -> Response:
    account = whoami()
    assert account is not None, "the guard lets nobody else in"
    token = secrets.token_hex(16)

    def save(place: Path) -> None:
        place.write_text(text, "utf-8", newline="\n")

    HandIns(this_node().home, account.account_id).take_file(token, name, save)
    return go("contributions.new", handed=token)


def _typed() -> dict[str, str]:
    found = {name: request.form.get(name, "")[:_TYPED_MOST].strip() for name in HEAD_FIELDS}
    # A little more than fits, so that what is too long is told and not cut off.
    return {**found, "body": request.form.get("body", "")[: BODY_MOST * 2]}


def _show(
    typed: dict[str, str], *, is_quiz: bool, old: Resource | None = None,
    faults: dict[str, BadValueError] | None = None, seen: Any = None,
) -> str:  # fmt: skip
    return render_template(
        "write.html",
        typed={name: typed.get(name, "") for name in (*HEAD_FIELDS, "body")},
        is_quiz=is_quiz,
        old=old,
        faults=faults or {},
        seen=seen,
        publishes=may_publish(),
        most=BODY_MOST,
    )
