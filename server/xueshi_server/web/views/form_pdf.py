"""Forms as PDF to download, one or one for everybody; and whether a paper still holds."""

from io import BytesIO
from typing import TYPE_CHECKING, Final

from flask import Blueprint, abort, render_template, request, send_file
from werkzeug.wrappers import Response

from xueshi_server.domain.fields import word_label
from xueshi_server.domain.rules.amounts import RuleError
from xueshi_server.errors import ServerError, UnknownRecordError
from xueshi_server.web.packs import active_pack, asked_day, listed_forms
from xueshi_server.web.site import language, this_node
from xueshi_server.web.views.forms import FormFaultyError

if TYPE_CHECKING:
    from xueshi_server.typeset.printing import Press

blueprint = Blueprint("form_pdf", __name__, url_prefix="/forms")
Page = str | tuple[str, int] | Response
# What is set while a page waits; more is printed from the command line, which shows how far it is.
TOGETHER_MAX: Final = 200
_DIGEST_MAX: Final = 40


class TooManyToPrintError(ServerError):
    """More sheets than a page waits for; fields `count`, `limit` and `form`."""

    code = "print.too_many"


@blueprint.get("/<form_id>/<name>/pdf")
def one(form_id: str, name: str) -> Page:
    """The form over one subject, as of today or the day of `?on=`."""
    press = _press(form_id)
    try:
        sheet = press.fill(name)
    except UnknownRecordError:
        abort(404)
    except RuleError as error:
        raise FormFaultyError(why=error.rule_code) from error
    from xueshi_server.typeset.setting import set_pdf

    label = f"{sheet.document.title}-{sheet.about}-{sheet.document.as_of}"
    return _give(set_pdf([sheet], language()), label)


@blueprint.get("/<form_id>/pdf")
def everybody(form_id: str) -> Page:
    """The form for everybody it can be about, in one file."""
    press = _press(form_id)
    names = press.everybody()
    if len(names) > TOGETHER_MAX:
        raise TooManyToPrintError(count=len(names), limit=TOGETHER_MAX, form=form_id)
    try:
        data = press.print_all(names)
    except RuleError as error:
        raise FormFaultyError(why=error.rule_code) from error
    return _give(data, f"{word_label(press.form.label, language())}-{press.as_of}")


@blueprint.get("/<form_id>/<name>/check")
def check(form_id: str, name: str) -> Page:
    """Whether the paper with the digest `?digest=` says what the records of its day say now."""
    press = _press(form_id)
    from xueshi_server.typeset.arrange import group_digest
    from xueshi_server.typeset.printing import check_paper

    digest = request.args.get("digest", "")[:_DIGEST_MAX]
    try:
        found = check_paper(press, name, digest) if digest else None
        about = press.fill(name).about
    except UnknownRecordError:
        abort(404)
    return render_template(
        "form_check.html",
        title=word_label(press.form.label, language()),
        form_id=form_id,
        name=name,
        about=about,
        on=press.as_of.isoformat(),
        digest=digest,
        found=found,
        digest_now=group_digest(found.digest) if found else "",
    )


def _press(form_id: str) -> "Press":
    """The form that is asked for; the setter is loaded when somebody prints, not before."""
    form = listed_forms().get(form_id)
    if form is None:
        abort(404)
    from xueshi_server.typeset.printing import Press

    return Press(this_node(), active_pack(), form, asked_day(), language())


def _give(data: bytes, label: str) -> Response:
    name = "".join(char for char in label if char.isalnum() or char in "-·")
    return send_file(
        BytesIO(data), "application/pdf", as_attachment=True, download_name=f"{name}.pdf"
    )
