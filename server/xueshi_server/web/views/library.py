"""The library: catalogue with search, reading in the page, fetching, publishing, the stick."""

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from flask import Blueprint, abort, render_template, request
from flask import Response as FlaskResponse
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from xueshi_server.delivering import lacking_room
from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.hours import parse_hours
from xueshi_server.errors import NoStickError, UnknownResourceError
from xueshi_server.folders import BadPathError
from xueshi_server.library import add_file
from xueshi_server.node_clock import today_of
from xueshi_server.shelf import Shelf
from xueshi_server.sources import give_chunks
from xueshi_server.stick import export_stick, take_stick
from xueshi_server.store.holdings import Holder, count_holders, list_holders
from xueshi_server.store.library import (
    FILE,
    SITE,
    About,
    Resource,
    find_resource,
    is_beside,
    list_resources,
    withdraw_resource,
)
from xueshi_server.store.schools import list_open_schools
from xueshi_server.upload_checks import check_file, clean_file_name
from xueshi_server.web.content_files import can_show, framed, looks_of, send_content
from xueshi_server.web.pages import go
from xueshi_server.web.site import actor, language, this_node, this_site, whoami
from xueshi_sync.files.content import Content

blueprint = Blueprint("library", __name__, url_prefix="/library")
Page = str | tuple[str, int] | Response
PAGE: Final = 50
FIELDS: Final = ("title", "subject", "category", "level", "authors", "summary")
_MOST: Final = {"title": 200, "summary": 1000}
# Asked for by a person: before everything else.
_URGENT: Final = -2


@dataclass(frozen=True, slots=True)
class Line:
    """A resource as the catalogue shows it."""

    resource: Resource
    percent: int
    is_here: bool
    size: int
    looks: str
    # At the centre: how many schools have it whole.
    held: int = 0


@blueprint.get("/")
def index() -> str:
    """The catalogue: everything whose words hold what is searched for."""
    return _index()


def _index(**more: Any) -> str:
    searched, subject = request.args.get("q", "").strip(), request.args.get("subject", "")
    everything = [
        each for each in list_resources(this_node()) if each.kind != SITE and not is_beside(each)
    ]
    subjects = sorted({each.about.subject for each in everything if each.about.subject})
    found = [
        each
        for each in everything
        if _matches(each, searched) and subject in ("", each.about.subject)
    ]
    start = max(request.args.get("from", 0, int), 0)
    shown = found[start : start + PAGE]
    held = _count_holders(shown)
    return render_template(
        "library.html",
        lines=[replace(_line(each), held=held.get(each.content.sha256, 0)) for each in shown],
        schools=len(list_open_schools(this_node())) if this_node().role == "centre" else 0,
        count=len(found),
        start=start,
        page=PAGE,
        searched=searched,
        subject=subject,
        subjects=subjects,
        waiting=this_node().files.wanted_count(),
        short=lacking_room(this_node()),
        **{"typed": {}, "faults": {}, "stick_fault": "", "stick": ""} | more,
    )


def _count_holders(shown: list[Resource]) -> dict[bytes, int]:
    node = this_node()
    return count_holders(node, (each.content for each in shown)) if node.role == "centre" else {}


def _matches(resource: Resource, searched: str) -> bool:
    about = resource.about
    words = (about.title, about.subject, about.category, about.authors, about.summary,
             resource.name)  # fmt: skip
    text = "\n".join(words).casefold()
    return all(each in text for each in searched.casefold().split())


def _line(resource: Resource) -> Line:
    files = this_node().files
    content = resource.content
    if resource.kind != FILE:
        parts = list((Shelf(this_node()).entries(content) or {}).values())
        size = sum(each.size for each in parts)
        missing = set(files.missing(each.sha256 for each in parts))
        here = sum(each.size for each in parts if each.sha256 not in missing)
        whole = bool(parts) and not missing
    else:
        state = files.state(content.sha256)
        size, here = content.size, state.here_bytes if state else 0
        whole = state is not None and state.is_whole
    percent = 100 if whole else min(99, here * 100 // max(size, 1))
    return Line(resource, percent, whole, size, _looks(resource))


def _looks(resource: Resource) -> str:
    """Which word and sign stand for its kind."""
    return "folder" if resource.kind != FILE else looks_of(resource.name, resource.media)


def _find(resource_id: str) -> Resource:
    try:
        return find_resource(this_node(), resource_id)
    except UnknownResourceError:
        abort(404)


@blueprint.get("/chunks")
def chunks() -> Response:
    """Chunks of published files for a neighbour's node, by their ids."""
    asked = request.args
    data = give_chunks(
        this_site().shelf, this_node().files, asked.get("files", ""), asked.get("ids", "")
    )
    if data is None:
        abort(400)
    return FlaskResponse(data, mimetype="application/octet-stream")


@blueprint.get("/<resource_id>")
def show(resource_id: str) -> Response:
    """A resource, read in the page where a browser can."""
    resource = _find(resource_id)
    line = _line(resource)
    entries = []
    if resource.kind != FILE:
        missing: set[bytes] = set()
        inside = Shelf(this_node()).entries(resource.content) or {}
        missing.update(this_node().files.missing(each.sha256 for each in inside.values()))
        entries = [
            (path, content.size, content.sha256 not in missing) for path, content in inside.items()
        ]
    first = next((path for path, _, _ in entries if path in ("index.html", "index.htm")), "")
    page = render_template(
        "library_show.html", line=line, entries=entries, first=first,
        shows=can_show(resource.name), holders=_holders(resource),
    )  # fmt: skip
    return framed(page)


def _holders(resource: Resource) -> list[Holder]:
    """Who has this version: shown to the staff of the centre."""
    node = this_node()
    return list_holders(node, resource.content) if node.role == "centre" and whoami() else []


@blueprint.get("/<resource_id>/file")
def file(resource_id: str) -> Response:
    """The bytes of a resource."""
    resource = _find(resource_id)
    if resource.kind != FILE:
        abort(404)
    return send_content(
        resource.content, resource.name, download=request.args.get("download") == "1"
    )


@blueprint.get("/<resource_id>/in/<path:path>")
def inside(resource_id: str, path: str) -> Response:
    """A file of a folder."""
    resource = _find(resource_id)
    content = _entry(resource, path)
    if content is None:
        abort(404)
    return send_content(content, path, download=request.args.get("download") == "1")


def _entry(resource: Resource, path: str) -> Content | None:
    if resource.kind == FILE:
        return None
    return (Shelf(this_node()).entries(resource.content) or {}).get(path)


@blueprint.post("/<resource_id>/fetch")
def fetch(resource_id: str) -> Response:
    """Fetch a resource before all others, and keep it."""
    resource, node = _find(resource_id), this_node()
    node.files.want(resource.content, priority=_URGENT, pinned=True)
    for content in (Shelf(node).entries(resource.content) or {}).values():
        node.files.want(content, priority=_URGENT, pinned=True)
    agent = this_site().agent
    if agent is not None:
        agent.wake()
    return go("library.show", resource_id=resource_id, done="fetching")


@blueprint.post("/<resource_id>/withdraw")
def withdraw(resource_id: str) -> Response:
    """Take a resource back (centre)."""
    day = today_of(this_node()).isoformat()
    withdraw_resource(this_node(), _find(resource_id), day=day, actor=actor())
    return go("library.index", done="withdrawn")


@blueprint.post("/")
def add() -> Page:
    """Publish a file (centre)."""
    typed = {name: request.form.get(name, "")[:2000].strip() for name in (*FIELDS, "hours")}
    faults: dict[str, BadValueError] = {}
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        faults["file"] = BadValueError("file.missing")
    for name in FIELDS:
        most = _MOST.get(name, 60)
        if len(typed[name]) > most:
            faults[name] = BadValueError("value.too_long", most=str(most))
    minutes = 0
    try:
        minutes = parse_hours(typed["hours"]) if typed["hours"] else 0
    except BadValueError as error:
        faults["hours"] = error
    if faults or upload is None:
        return _index(typed=typed, faults=faults), 422
    try:
        made = _publish(upload, typed, minutes)
    except BadPathError:
        return _index(typed=typed, faults={"file": BadValueError("value.control")}), 422
    except BadValueError as error:
        return _index(typed=typed, faults={"file": error}), 422
    return go("library.show", resource_id=made.public_id, done="published")


def _publish(upload: FileStorage, typed: dict[str, str], minutes: int) -> Resource:
    name = clean_file_name(upload.filename or "")
    about = About(
        typed["title"] or Path(name).stem, typed["subject"], typed["category"], typed["level"],
        typed["authors"], typed["summary"], minutes,
    )  # fmt: skip
    with TemporaryDirectory(dir=this_node().home) as folder:
        place = Path(folder) / name
        upload.save(place)
        check_file(place, name)
        return add_file(this_node(), place, about, actor=actor())


@blueprint.post("/stick")
def stick() -> Page:
    """Write the library to a stick, or take it in from one."""
    typed = request.form.get("folder", "").strip()
    folder = Path(typed)
    if not typed or not folder.is_absolute() or not folder.parent.is_dir():
        return _index(stick_fault="library.stick_no_folder", stick=typed), 422
    if request.form.get("way") == "take":
        try:
            taken = take_stick(this_node(), folder)
        except NoStickError:
            return _index(stick_fault="library.stick_no_list", stick=typed), 422
        return go("library.index", done="taken", n=taken.files)
    report = export_stick(this_node(), folder, language())
    return go("library.index", done="written", n=report.files)
