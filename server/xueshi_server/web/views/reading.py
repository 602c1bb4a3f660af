"""Reading in the page: books and Markdown pages, and what somebody read.

Time is counted while a page is open and in front, by the node's clock; it says nothing of what was
understood. Filling in a claim from it is the reader's own step, and so is sending it.
"""

import datetime as dt
import time
from dataclasses import dataclass
from typing import Any, Final

from flask import Blueprint, abort, jsonify, make_response, render_template, request
from werkzeug.wrappers import Response

from xueshi_server.domain.front_matter import split_front_matter
from xueshi_server.domain.hours import format_hours
from xueshi_server.domain.study import propose, read_allowance
from xueshi_server.epub import BadBookError, Book, read_book, read_part
from xueshi_server.errors import UnknownResourceError
from xueshi_server.markdown_pages import render_markdown
from xueshi_server.office_pdf import is_office
from xueshi_server.store.library import FILE, SITE, Resource, find_beside, find_resource
from xueshi_server.store.quizzes import is_quiz_resource, list_passed
from xueshi_server.store.reading import BEAT_S, KEPT_DAYS, Read, Reading
from xueshi_server.store.sessions import list_hours_between
from xueshi_server.web.claiming import find_draft, own_drafts
from xueshi_server.web.content_files import SANDBOX, framed
from xueshi_server.web.packs import active_pack, today
from xueshi_server.web.pages import go
from xueshi_server.web.site import this_node, whoami
from xueshi_server.web.studying import own_person
from xueshi_server.words import LANGUAGES, word
from xueshi_sync.writer import RecordKey

blueprint = Blueprint("reading", __name__, url_prefix="/read")
Page = str | tuple[str, int] | Response
BOOK: Final = ".epub"
PAGE: Final = ".md"
_PAGE_BYTES: Final = 1 << 20
_SHOWN_DAYS: Final = 31
_TITLES: Final = 3


@blueprint.app_context_processor
def _tools() -> dict[str, Any]:
    return {
        "way_of_reading": way_of_reading,
        "page_text": page_text,
        "beat_s": BEAT_S,
        "is_reader": lambda: own_person() is not None,
        "is_office": is_office,
        "pdf_of": pdf_of,
    }


@dataclass(frozen=True, slots=True)
class Pdf:
    """The PDF of an Office file, and how much of it is here."""

    resource: Resource
    percent: int

    @property
    def is_here(self) -> bool:
        return self.percent == 100


def pdf_of(resource: Resource) -> Pdf | None:
    """The PDF beside an Office file."""
    found = find_beside(this_node(), resource)
    if found is None:
        return None
    state = this_node().files.state(found.content.sha256)
    here = state.here_bytes if state else 0
    is_whole = state is not None and state.is_whole
    return Pdf(found, 100 if is_whole else min(99, here * 100 // max(found.content.size, 1)))


def way_of_reading(resource: Resource) -> str:
    """How the page of a resource shows it: `quiz`, `book`, `page`; empty: as a file."""
    name = resource.name.lower()
    if resource.kind != FILE:
        return ""
    if name.endswith(BOOK):
        return "book"
    if not name.endswith(PAGE) or resource.content.size > _PAGE_BYTES:
        return ""
    return "quiz" if is_quiz_resource(this_node(), resource) else "page"


def page_text(resource: Resource) -> Any:
    """A Markdown page as HTML; empty while it is not here."""
    try:
        with this_node().files.open(resource.content.sha256) as file:
            text = file.read(_PAGE_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    return render_markdown(split_front_matter(text)[1])


def _find(resource_id: str) -> Resource:
    try:
        resource = find_resource(this_node(), resource_id)
    except UnknownResourceError:
        abort(404)
    if resource.kind == SITE:
        abort(404)
    return resource


# ---- books


@blueprint.get("/<resource_id>/book")
def book(resource_id: str) -> Page:
    """A book, opened at the chapter that `?at=` names."""
    resource = _find(resource_id)
    found = _book(resource)
    if found is None:
        return render_template("book.html", resource=resource, book=None), 422
    at = min(max(request.args.get("at", 0, int), 0), len(found.pages) - 1)
    places = {path: place for place, path in enumerate(found.pages)}
    page = render_template(
        "book.html",
        resource=resource,
        book=found,
        at=at,
        path=found.pages[at],
        contents=[(each, places[each.path]) for each in found.contents],
    )
    return framed(page)


def _book(resource: Resource) -> Book | None:
    if not resource.name.lower().endswith(BOOK):
        abort(404)
    try:
        with this_node().files.open(resource.content.sha256) as file:
            return read_book(file)
    except FileNotFoundError:
        abort(404)
    except BadBookError:
        return None


@blueprint.get("/<resource_id>/part/<path:path>")
def part(resource_id: str, path: str) -> Response:
    """A chapter, a picture or a style of a book: a page of nobody, without scripts."""
    resource = _find(resource_id)
    if not resource.name.lower().endswith(BOOK):
        abort(404)
    try:
        with this_node().files.open(resource.content.sha256) as file:
            found = read_part(file, path)
    except (FileNotFoundError, KeyError, BadBookError):
        abort(404)
    response = make_response(found.data)
    response.headers["Content-Type"] = found.media
    response.headers["Content-Security-Policy"] = SANDBOX
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    # A page in a sandbox is of no origin, and may still load the pictures beside it.
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response


# ---- what I read


@blueprint.post("/<resource_id>/beat")
def beat(resource_id: str) -> Page:
    """The page is open and in front: the time since the last sign counts."""
    resource, reading = _find(resource_id), _own_reading()
    day = today().isoformat()
    seconds = reading.beat(day, resource.public_id, resource.about.title, int(time.time()))
    return jsonify({"minutes": seconds // 60})


def _own_reading() -> Reading:
    account = whoami()
    if account is None or own_person() is None:
        abort(404)
    return Reading(this_node().home, account.account_id)


@dataclass(frozen=True, slots=True)
class Day:
    """What was read on one day; `minutes` may still be proposed of it."""

    day: str
    reads: tuple[Read, ...]
    minutes: int
    is_claimed: bool

    @property
    def total(self) -> int:
        return sum(each.seconds for each in self.reads) // 60


@blueprint.get("/")
def show() -> Page:
    """What I read by day, what may be proposed of it, and the quizzes that I passed."""
    return _show()


def _show(*, has_draft: bool = False) -> str:
    reading, person = _own_reading(), own_person()
    assert person is not None
    reading.forget_before((today() - dt.timedelta(days=KEPT_DAYS)).isoformat())
    allowance = read_allowance(active_pack())
    return render_template(
        "reading.html",
        days=_days(reading, person),
        limit=allowance.reading_minutes,
        passed=list_passed(this_node(), person),
        has_draft=has_draft,
    )


def _days(reading: Reading, person: RecordKey, only: str = "") -> list[Day]:
    since = only or (today() - dt.timedelta(days=_SHOWN_DAYS)).isoformat()
    limit = read_allowance(active_pack()).reading_minutes
    by_day: dict[str, list[Read]] = {}
    for each in reading.list_since(since):
        by_day.setdefault(each.day, []).append(each)
    if not by_day:
        return []
    rows = list_hours_between(this_node(), person.scope_no, [person.rec], since, max(by_day))
    titles = {word("reading.title", each) for each in LANGUAGES}
    claimed = {row["date"] for row in rows if row["title"] in titles}
    found = []
    for day, reads in by_day.items():
        total = sum(each.seconds for each in reads) // 60
        minutes = propose(total, limit_minutes=limit, used_minutes=0)
        found.append(Day(day, tuple(reads), 0 if day in claimed else minutes, day in claimed))
    return found


@blueprint.post("/propose")
def fill_in() -> Page:
    """Fill the claim of the own page in from one day's reading; sending it stays with me."""
    reading, person = _own_reading(), own_person()
    assert person is not None
    wanted = request.form.get("day", "")[:10]
    day = next((each for each in _days(reading, person, wanted) if each.day == wanted), None)
    if day is None or not day.minutes:
        abort(404)
    draft = find_draft()
    if draft is not None and (draft.photos or draft.typed.get("title")):
        return _show(has_draft=True), 422
    own_drafts().save(f"reading-{day.day}", _claim(day), int(time.time()))
    return go("mine.show", done="filledin", _anchor="claim")


def _claim(day: Day) -> dict[str, str]:
    """The fields of a claim, as somebody would type them."""
    pack, spoken = active_pack(), LANGUAGES[0]
    # What was only opened is not named.
    reads = [each for each in day.reads if each.minutes] or list(day.reads)
    titles = "、".join(f"《{each.title}》" for each in reads[:_TITLES])
    said = {
        "date": day.day,
        "title": word("reading.title", spoken),
        "minutes": format_hours(day.minutes),
        "form": word("reading.form", spoken),
        "note": word("reading.note", spoken, titles=titles, n=len(reads), minutes=day.total),
        **dict(read_allowance(pack).marks),
    }
    known = {each.id for each in pack.types["hour"].field}
    return {name: value for name, value in said.items() if name in known}
