"""Tables in and out: check a file, look at what it would do, import it; export of everything.

An upload is checked or imported in a thread of its own (see `import_jobs`). A browser is sent on
to a page that shows how far it is; a program that does not ask for that gets the outcome at once.
"""

from io import BytesIO
from pathlib import Path
from typing import Any, Final

from flask import (
    Blueprint,
    abort,
    current_app,
    make_response,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from xueshi_server.domain.fields import word_label
from xueshi_server.errors import MissingHeaderError, ServerError
from xueshi_server.exporting import FORMATS, export_rows
from xueshi_server.import_preview import STANDINGS
from xueshi_server.importing import name_missing, word_notes
from xueshi_server.record_columns import columns_of
from xueshi_server.sheet_forms import export_sheet, list_sheets
from xueshi_server.tabular import ROWS_MAX
from xueshi_server.web.asked import row_number
from xueshi_server.web.import_jobs import ImportJob, ImportJobs, Upload, fields_of
from xueshi_server.web.packs import active_pack, find_type, listed_types
from xueshi_server.web.site import actor, language, this_node, this_site
from xueshi_server.web.work import at_end
from xueshi_server.words import word

blueprint = Blueprint("files", __name__, url_prefix="/files")
Page = str | tuple[str, int] | Response
_SUFFIXES: Final = (".xlsx", ".xls", ".csv", ".jsonl", ".txt")
_EXTENSION: Final = "xueshi_imports"
# A small file is through before the page is drawn; a large one shows how far it is.
_PATIENCE_S: Final = 0.4
_REFRESH_S: Final = "1"


@blueprint.get("/")
def index() -> Page:
    """Choose a file to import, or a format to export; or how far a file is."""
    name = request.args.get("job", "")
    if not name:
        return _show()
    job = _jobs().find(name, actor())
    if not job.is_over(_PATIENCE_S):
        answer = make_response(render_template("files_running.html", job=job))
        answer.headers["Refresh"] = _REFRESH_S
        return answer
    return _show_job(job)


@blueprint.post("/")
def take() -> Page:
    """Check the uploaded table, or import it; faults are listed by row."""
    try:
        job = _go_on() if request.form.get("job") else _start()
    except ServerError as error:
        return _show(error=error), 422
    if job is None:
        return _show(no_file=True), 422
    if request.form.get("follow"):
        return redirect(url_for("files.index", job=job.name), 303)
    job.is_over(None)
    return _show_job(job)


@blueprint.get("/<type_name>.<kind>")
def give(type_name: str, kind: str) -> Page:
    """Every record of a type as one file, plain or as the county's form; or an empty form."""
    if type_name not in _types() or kind not in FORMATS:
        abort(404)
    output, name = BytesIO(), f"{type_name}.{kind}"
    sheet, empty = request.args.get("sheet", ""), bool(request.args.get("empty"))
    if sheet or empty:
        if kind != "xlsx":
            abort(404)
        export_sheet(this_node(), type_name, output, sheet=sheet, empty=empty, language=language())
        name = f"{type_name}-{sheet or 'form'}{'-empty' if empty and sheet else ''}.xlsx"
    else:
        export_rows(this_node(), type_name, output, format=kind, language=language())
    output.seek(0)
    return send_file(output, download_name=name, as_attachment=True)


def _jobs() -> ImportJobs:
    jobs: ImportJobs | None = current_app.extensions.get(_EXTENSION)
    if jobs is None:
        jobs = current_app.extensions.setdefault(_EXTENSION, ImportJobs(this_node()))
        at_end(current_app, jobs.close)
    return jobs


def _start() -> ImportJob | None:
    """Keep what was uploaded and begin; None where no table was chosen."""
    upload, type_name = request.files.get("file"), request.form.get("type", "")
    # Only the end of the sender's name is used, and the name shown to the sender alone.
    suffix = Path(upload.filename or "").suffix.lower() if upload else ""
    if upload is None or not upload.filename or type_name not in _types():
        return None
    file = _jobs().new_file(suffix if suffix in _SUFFIXES else ".xlsx")
    file.save(upload.stream)
    kept = Upload(actor(), type_name, _shown_name(upload), file, language())
    return _jobs().start(kept, dry_run=bool(request.form.get("dry_run")))


def _shown_name(upload: FileStorage) -> str:
    return Path(str(upload.filename).replace("\\", "/")).name[-120:]


def _go_on() -> ImportJob:
    """Import what was checked, or check another sheet of it."""
    job = _jobs().find(request.form["job"], actor())
    sheet = request.form.get("sheet", job.sheet)
    return _jobs().again(job, dry_run=bool(request.form.get("dry_run")), sheet=sheet)


def _show_job(job: ImportJob) -> Page:
    if job.broke:
        abort(500)
    labels = _columns(job.upload.type_name)
    if job.error is not None:
        if isinstance(job.error, MissingHeaderError):
            name_missing(job.error, labels)
        if not isinstance(job.error, ServerError):
            raise job.error
        return _show(job=job, error=job.error), 422
    report = job.report
    assert report is not None, "a job that is over has a report or an error"
    if report.refused:
        return _show(job=job), 422
    agent = this_site().agent
    if report.added and agent is not None:
        agent.poke()
    return _show(job=job)


def _types() -> dict[str, str]:
    """Every type that leaves and enters as a table, with its label."""
    return {each.id: word_label(each.label, language()) for each in listed_types()}


def _writable() -> set[str]:
    """The types that this node may import."""
    return {each.id for each in listed_types() if this_node().role in each.writers}


def _columns(type_name: str) -> dict[str, str]:
    """What the columns of a type are called in its faults."""
    return columns_of(active_pack(), find_type(type_name)).labels(language())


def _show(
    job: ImportJob | None = None, error: ServerError | None = None, no_file: bool = False
) -> str:
    report = job.report if job else None
    type_name = job.upload.type_name if job else ""
    fields = fields_of(job) if job else error.fields if error else {}
    return render_template(
        "files.html",
        job=job,
        report=report,
        error=error,
        error_fields=fields,
        sheets=fields.get("names", ()) if error else (),
        no_file=no_file,
        notes=word_notes(report, _say) if report else (),
        preview=_preview(job) if job else None,
        standings=STANDINGS,
        chosen=type_name or request.form.get("type") or request.args.get("type", ""),
        rows_max=ROWS_MAX,
        formats=FORMATS,
        types=_types(),
        forms=list_sheets(active_pack(), language()),
        columns=_columns(type_name) if type_name else {},
        writable=_writable(),
        suffixes=",".join(_SUFFIXES),
    )


def _preview(job: ImportJob) -> Any:
    """The page of the preview that was asked for; of a refused file first what is wrong."""
    if job.report is None or not (job.dry_run or job.report.refused):
        return None
    asked = request.args.get("show")
    standing = ("faulty" if job.report.refused else "") if asked is None else asked
    page = job.page(request.args.get("page", 1, type=row_number), standing)
    return None if page is None else {"page": page, "standing": standing}


def _say(key: str, **values: object) -> str:
    return word(key, language(), **values)
