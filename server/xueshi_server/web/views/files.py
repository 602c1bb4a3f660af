"""Tables in and out: import with a dry run first, export of everything."""

import tempfile
from io import BytesIO
from pathlib import Path

from flask import Blueprint, abort, render_template, request, send_file
from werkzeug.wrappers import Response

from xueshi_server.domain.fields import word_label
from xueshi_server.errors import ServerError
from xueshi_server.exporting import FORMATS, export_rows
from xueshi_server.importing import ImportReport, import_rows
from xueshi_server.record_columns import columns_of
from xueshi_server.tabular import ROWS_MAX
from xueshi_server.web.packs import active_pack, find_type, listed_types
from xueshi_server.web.site import actor, language, this_node

blueprint = Blueprint("files", __name__, url_prefix="/files")
Page = str | tuple[str, int] | Response
_SUFFIXES = (".xlsx", ".xls", ".ods", ".csv", ".jsonl")


@blueprint.get("/")
def index() -> Page:
    """Choose a file to import, or a format to export."""
    return _show()


@blueprint.post("/")
def take() -> Page:
    """Check the uploaded table, or import it; faults are listed by row."""
    upload = request.files.get("file")
    # Only the end of the sender's name is used, to tell the kind of file.
    suffix = Path(upload.filename or "").suffix.lower() if upload else ""
    type_name = request.form.get("type", "")
    if upload is None or suffix not in _SUFFIXES or type_name not in _types():
        return _show(no_file=True), 422
    with tempfile.TemporaryDirectory(prefix="xueshi-import-") as folder:
        path = Path(folder, f"table{suffix}")
        upload.save(path)
        try:
            report = import_rows(
                this_node(),
                type_name,
                path,
                dry_run=bool(request.form.get("dry_run")),
                actor=actor(),
            )
        except ServerError as error:
            return _show(error=error), 422
    return _show(report=report), 422 if report.refused else 200


@blueprint.get("/<type_name>.<kind>")
def give(type_name: str, kind: str) -> Page:
    """Every record of a type as one file."""
    if type_name not in _types() or kind not in FORMATS:
        abort(404)
    output = BytesIO()
    export_rows(this_node(), type_name, output, format=kind, language=language())
    output.seek(0)
    return send_file(output, download_name=f"{type_name}.{kind}", as_attachment=True)


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
    report: ImportReport | None = None, error: ServerError | None = None, no_file: bool = False
) -> str:
    return render_template(
        "files.html",
        report=report,
        error=error,
        no_file=no_file,
        chosen=request.form.get("type") or request.args.get("type", ""),
        rows_max=ROWS_MAX,
        formats=FORMATS,
        types=_types(),
        columns=_columns(report.type) if report else {},
        writable=_writable(),
        suffixes=",".join(_SUFFIXES),
    )
