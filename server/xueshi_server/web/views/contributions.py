"""Contributions to the county's library: handing in at a school, the centre's queue, publishing."""

import secrets
from dataclasses import dataclass, field
from typing import Any, Final

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from xueshi_server.contributing import Handed, HandIns, keep_handed, publish, send_back
from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.hours import format_hours
from xueshi_server.domain.packs.model import FieldDeclaration, RecordType
from xueshi_server.domain.values import parse_text
from xueshi_server.errors import ForbiddenError
from xueshi_server.folders import BadFolderError, BadPathError, decode_folder
from xueshi_server.store.contributions import (
    CONTRIBUTION,
    OWN_FIELDS,
    PAGE_ROWS,
    Contribution,
    about_of,
    count_waiting,
    find_contribution,
    knows_contributions,
    list_contributions,
)
from xueshi_server.store.library import About
from xueshi_server.store.people import find_person
from xueshi_server.upload_checks import TAKEN, UPLOAD_BYTES
from xueshi_server.web.access import is_allowed
from xueshi_server.web.content_files import can_show, framed, looks_of, send_content
from xueshi_server.web.declared_form import (
    Faults,
    form_fields,
    read_values,
    show_input,
    values_of,
)
from xueshi_server.web.packs import active_pack, today
from xueshi_server.web.pages import find_key, go, may, typed
from xueshi_server.web.site import actor, saving, this_node, this_site, whoami
from xueshi_server.web.views.record_entry import entry_of
from xueshi_server.web.views.records import may_judge
from xueshi_server.written_pages import about_of_page
from xueshi_sync.errors import StorageError
from xueshi_sync.files.content import Content
from xueshi_sync.writer import RecordKey

blueprint = Blueprint("contributions", __name__, url_prefix="/contributions")
Page = str | tuple[str, int] | Response
_PERSON: Final = "person"
_SHOWN_FILES: Final = 500


@blueprint.app_context_processor
def _tools() -> dict[str, Any]:
    return {
        "may_contribute": may_contribute,
        "contributions_of": contributions_of,
        "contributions_waiting": lambda: count_waiting(this_node()),
    }


def may_contribute() -> bool:
    """Whether whoever is logged in may hand in at this node."""
    node = this_node()
    if not (may("contributions.new") and knows_contributions(node)):
        return False
    declared = active_pack().types.get(CONTRIBUTION)
    return declared is not None and node.role in declared.writers and _author() is not None


def contributions_of(person: RecordKey) -> list[Contribution]:
    """What a person handed in, for the own page."""
    return list_contributions(this_node(), person=person)


def _author() -> RecordKey | None:
    """Whose contributions an account hands in: a teacher the own; (0, 0): staff name somebody."""
    account = whoami()
    if account is None:
        return None
    if may("people.index"):
        return RecordKey(0, 0)
    key = find_key(account.person) if account.person else None
    row = find_person(this_node(), *key) if key else None
    is_own = row is not None and not row["deleted"] and key is not None
    return key if is_own and key and key.scope_no == this_node().replica.home_scope_no else None


def _own_only() -> RecordKey | None:
    """The author whose contributions whoever asks may see; None: everybody's."""
    if may("people.index"):
        return None
    account = whoami()
    if account is None or not account.person:
        abort(404)
    return find_key(account.person)


@blueprint.get("/")
def index() -> Page:
    """What was handed in; at the centre what waits for its word comes first."""
    node = this_node()
    if not knows_contributions(node):
        abort(404)
    start = max(request.args.get("from", 0, int), 0)
    own, waiting = _own_only(), request.args.get("state") == "waiting"
    found = list_contributions(
        node, person=own, waiting=True if waiting else None, start=start, limit=PAGE_ROWS + 1
    )
    return render_template(
        "contributions.html",
        found=found[:PAGE_ROWS],
        more=len(found) > PAGE_ROWS,
        start=start,
        page=PAGE_ROWS,
        waiting=waiting,
        waiting_count=0 if own is not None else count_waiting(node),
        judged=_may_publish(),
    )


def _may_publish() -> bool:
    declared = active_pack().types.get(CONTRIBUTION)
    return (
        declared is not None
        and this_node().role == "centre"
        and may_judge(declared)
        and is_allowed("contributions.publish_it", whoami())
    )


# ---- handing in


@dataclass(frozen=True, slots=True)
class _Form:
    """What stands in the form: `handed` are files that came already, `older` what is mended."""

    values: dict[str, str] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    handed: Handed | None = None
    older: Contribution | None = None
    entry: str = ""


@blueprint.get("/new")
def new() -> Page:
    """The form; `?mends=` a contribution that came back is filled in again."""
    declared = _writable()
    older = _own(request.args["mends"]) if request.args.get("mends") else None
    values = values_of(declared, older.row) if older is not None else {}
    # A page that was written here says of itself what it can.
    handed = _hand_ins().find(request.args.get("handed", ""))
    if handed is not None and not handed.is_folder:
        about = about_of_page(handed.place, About(handed.place.stem))
        told = {"name": about.title, "summary": about.summary, "category": about.category,
                "level": about.level, "minutes": format_hours(about.minutes)}  # fmt: skip
        values = {**{name: each for name, each in told.items() if each not in ("", "0")}, **values}
    return _show_form(_Form(values, handed=handed, older=older))


@blueprint.post("/new")
def create() -> Page:
    """Hand in: the bytes are kept here, the record says so, both go up by themselves."""
    declared, faults = _writable(), Faults()
    older = _own(request.form["mends"]) if request.form.get("mends") else None
    handed = _take(faults)
    asked = _asked(declared)
    values = read_values(asked, None, faults)
    own = _author()
    if own is None:
        abort(404)
    if own.rec:
        values[_PERSON] = own.rec
    keeps_old = handed is None and older is not None
    if handed is None and not keeps_old and "file" not in faults:
        faults["file"] = BadValueError("file.missing")
    fields = {} if faults else _keep(handed, older, faults)
    if faults:
        given = {each.id: request.form.get(each.id, "")[:4000] for each in asked}
        entry = request.form.get("entry_id", "")[:64]
        return _show_form(_Form(given, faults, handed, older, entry)), 422
    row = {**values, **fields, "date": today().isoformat()}
    if older is not None:
        row["follows"] = older.key.rec
    with saving() as action:
        made = action.insert(CONTRIBUTION, row, entry_id=entry_of(row))
    if handed is not None:
        _hand_ins().drop(handed.token)
    agent = this_site().agent
    if agent is not None:
        agent.wake()
    name = this_node().public_id(made)
    return go("contributions.show", done="handedin", name=name)


def _writable() -> RecordType:
    if not may_contribute():
        abort(404)
    return active_pack().types[CONTRIBUTION]


def _asked(declared: RecordType) -> list[FieldDeclaration]:
    own = _author()
    hidden = OWN_FIELDS | ({_PERSON} if own is not None and own.rec else set())
    return [each for each in form_fields(declared) if each.id not in hidden]


def _hand_ins() -> HandIns:
    account = whoami()
    assert account is not None, "the guard lets nobody else in"
    return HandIns(this_node().home, account.account_id)


def _take(faults: Faults) -> Handed | None:
    """The files of the form, or those that came with it before."""
    one = [each for each in request.files.getlist("file") if each.filename]
    many = [each for each in request.files.getlist("folder") if each.filename]
    kept = request.form.get("handed", "")
    if not one and not many:
        return _hand_ins().find(kept)
    token = secrets.token_hex(16)
    try:
        if one:
            taken = _hand_ins().take_file(token, one[0].filename or "", one[0].save)
        else:
            files = [(each.filename or "", each.save) for each in many]
            taken = _hand_ins().take_folder(token, files, typed("name"))
    except BadValueError as error:
        faults["file"] = error
        return _hand_ins().find(kept)
    except (OSError, StorageError):
        faults["file"] = BadValueError("file.no_room")
        return None
    if kept.isalnum():
        _hand_ins().drop(kept)
    return taken


def _keep(handed: Handed | None, older: Contribution | None, faults: Faults) -> dict[str, Any]:
    if handed is None:
        assert older is not None, "without a file something is mended"
        return {name: older.row[name] for name in ("file", "bytes", "media", "file_name")}
    try:
        return keep_handed(this_node(), handed)
    except BadValueError as error:
        faults["file"] = error
        return {}
    except (OSError, StorageError):
        faults["file"] = BadValueError("file.no_room")
        return {}


def _show_form(form: _Form) -> str:
    declared, scope_no = _writable(), this_node().replica.home_scope_no
    handed = form.handed
    name = handed.name if handed else str(form.older.row["file_name"] or "") if form.older else ""
    return render_template(
        "contribution_form.html",
        fields=[show_input(each, form.values.get(each.id, ""), scope_no)
                for each in _asked(declared)],
        faults=form.faults,
        handed=handed.token if handed else "",
        file_name=name,
        older=form.older,
        entry_id=form.entry or secrets.token_hex(16),
        accept=",".join(TAKEN),
        most=UPLOAD_BYTES >> 20,
    )  # fmt: skip


# ---- one contribution


@blueprint.get("/<name>")
def show(name: str) -> Page:
    """What was handed in, to be looked at, and what became of it."""
    return _show(_find(name))


@blueprint.get("/<name>/file")
def file(name: str) -> Response:
    """The bytes, in a box that nothing gets out of."""
    found = _find(name)
    content = _content(found)
    if content is None or found.is_folder:
        abort(404)
    download = request.args.get("download") == "1"
    return send_content(content, str(found.row["file_name"] or "file"), download=download)


@blueprint.get("/<name>/in/<path:path>")
def inside(name: str, path: str) -> Response:
    """A file of a folder that was handed in."""
    content = _entries(_find(name)).get(path)
    if content is None:
        abort(404)
    return send_content(content, path, download=request.args.get("download") == "1")


@blueprint.post("/<name>/publish")
def publish_it(name: str) -> Page:
    """Approve and publish to every school, with one button (centre)."""
    found = _judged(name)
    if found.percent < 100:
        return _refused(_show(found, not_here=True))
    try:
        made = publish(this_node(), active_pack(), found, on=today(), actor=actor())
    except BadValueError as error:
        return _refused(_show(found, bad_file=error))
    _poke()
    return go("library.show", resource_id=made.public_id, done="published")


@blueprint.post("/<name>/return")
def give_back(name: str) -> Page:
    """Return to the author with the reason (centre)."""
    found = _judged(name)
    try:
        reason = parse_text("note", request.form.get("reason", ""), required=True)
    except BadValueError as error:
        return _refused(_show(found, error=error))
    send_back(this_node(), active_pack(), found, reason, on=today(), actor=actor())
    _poke()
    return go("contributions.index", done="reject", n=1)


def _refused(page: Response) -> Response:
    page.status_code = 422
    return page


def _poke() -> None:
    agent = this_site().agent
    if agent is not None:
        agent.poke()


def _find(name: str) -> Contribution:
    found = find_contribution(this_node(), find_key(name))
    own = _own_only()
    if found is None or (own is not None and own != (found.key.scope_no, found.row["person"])):
        abort(404)
    return found


def _own(name: str) -> Contribution:
    """One that whoever asks may mend: it came back, and was written here."""
    found = _find(name)
    if not _can_mend(found):
        abort(404)
    return found


def _can_mend(found: Contribution) -> bool:
    is_ours = found.key.scope_no == this_node().replica.home_scope_no
    return is_ours and found.state not in ("pending", "disputed", "approved")


def _find_older(scope_no: int, rec: int) -> Contribution | None:
    return find_contribution(this_node(), RecordKey(scope_no, rec))


def _judged(name: str) -> Contribution:
    if not _may_publish():
        raise ForbiddenError
    found = _find(name)
    if not found.waits:
        abort(404)
    return found


def _content(found: Contribution) -> Content | None:
    known = this_node().files.rows.content(found.digest)
    return known.content if known is not None and known.is_whole else None


def _entries(found: Contribution) -> dict[str, Content]:
    if not found.is_folder:
        return {}
    try:
        with this_node().files.open(found.digest) as listing:
            return dict(decode_folder(listing.read()))
    except (FileNotFoundError, BadFolderError, BadPathError):
        return {}


def _show(
    found: Contribution,
    *,
    error: BadValueError | None = None,
    bad_file: BadValueError | None = None,
    not_here: bool = False,
) -> Response:
    """The page; `error` is what the reason lacks, `bad_file` why it cannot be published."""
    entries = _entries(found)
    older, name = found.row["follows"], str(found.row["file_name"] or "")
    page = render_template(
        "contribution.html",
        found=found,
        about=about_of(active_pack(), found),
        entries=[(path, each.size) for path, each in entries.items()][:_SHOWN_FILES],
        more=max(len(entries) - _SHOWN_FILES, 0),
        first=next((path for path in entries if path in ("index.html", "index.htm")), ""),
        looks="folder" if found.is_folder else looks_of(name),
        shows=can_show(name),
        older=_find_older(found.key.scope_no, older) if older else None,
        judged=_may_publish() and found.waits,
        can_mend=_can_mend(found) and may_contribute(),
        error=error,
        bad_file=bad_file,
        not_here=not_here,
        reason=typed("reason"),
    )
    return framed(page)
