"""A form for everybody in one PDF: how far it is, the file when it is whole, stop and begin again.

The page says how far it is and refreshes itself; it needs no script.
"""

from typing import Final

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
from werkzeug.wrappers import Response

from xueshi_server.domain.fields import word_label
from xueshi_server.domain.rules.amounts import RuleError
from xueshi_server.web.packs import active_pack, day_of, listed_forms
from xueshi_server.web.pages import go
from xueshi_server.web.paper import keep_prints
from xueshi_server.web.print_jobs import PrintJob, PrintJobs
from xueshi_server.web.site import actor, language, this_node, whoami
from xueshi_server.web.views.forms import FormFaultyError

blueprint = Blueprint("printing", __name__, url_prefix="/printing")
Page = str | tuple[str, int] | Response
EXTENSION: Final = "xueshi_prints"
# A short file is whole before the page is drawn.
_PATIENCE_S: Final = 0.4
_REFRESH_S: Final = "1"


@blueprint.post("/")
def start() -> Page:
    """Begin; a second click finds the first one's."""
    form = listed_forms().get(request.form.get("form", ""))
    if form is None:
        abort(404)
    from xueshi_server.typeset.printing import Press

    press = Press(this_node(), active_pack(), form, day_of(request.form.get("on", "")), language())
    return redirect(url_for("printing.show", name=_jobs().start(press, actor()).name), 303)


@blueprint.get("/<name>")
def show(name: str) -> Page:
    """How far it is, or that it is whole."""
    job = _jobs().find(name, actor())
    over = job.is_over(_PATIENCE_S)
    if over:
        _say_fault(job)
    page = render_template(
        "printing.html",
        job=job,
        over=over,
        title=_title(job),
        size=job.path.stat().st_size if over else 0,
    )
    answer = make_response(page)
    if not over:
        answer.headers["Refresh"] = _REFRESH_S
    return answer


@blueprint.get("/<name>/pdf")
def give(name: str) -> Page:
    """The file; what it holds is noted as printed."""
    job = _jobs().find(name, actor())
    if not job.is_over():
        return redirect(url_for("printing.show", name=name))
    _say_fault(job)
    printed, job.printed = job.printed, []
    keep_prints(job.press, printed)
    label = "".join(char for char in _title(job) if char.isalnum() or char in "-·")
    return send_file(
        job.path,
        "application/pdf",
        as_attachment=True,
        download_name=f"{label}-{job.press.as_of}.pdf",
    )


@blueprint.post("/<name>/stop")
def stop(name: str) -> Page:
    """Leave it; nothing of it stays."""
    job = _jobs().find(name, actor())
    _jobs().stop(job)
    return go("forms.choose", done="stopped", form_id=job.press.form.id)


@blueprint.app_context_processor
def _own_prints() -> dict[str, object]:
    """For the page of a form: what was begun there and is still here."""

    def own_prints(form_id: str) -> list[PrintJob]:
        account = whoami()
        return _jobs().list_of(account.login, form_id) if account else []

    return {"own_prints": own_prints}


def _say_fault(job: PrintJob) -> None:
    if job.broke:
        abort(500)
    if isinstance(job.error, RuleError):
        raise FormFaultyError(why=job.error.rule_code) from job.error
    if job.error is not None:
        raise job.error


def _title(job: PrintJob) -> str:
    return word_label(job.press.form.label, language())


def _jobs() -> PrintJobs:
    jobs: PrintJobs = current_app.extensions[EXTENSION]
    return jobs
