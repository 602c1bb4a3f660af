"""A form as PDF to download; and whether a paper still holds."""

from io import BytesIO
from typing import TYPE_CHECKING

from flask import Blueprint, abort, render_template, request, send_file
from werkzeug.wrappers import Response

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.fields import word_label
from xueshi_server.domain.printed import needs_stamp
from xueshi_server.domain.rules.amounts import RuleError
from xueshi_server.errors import UnknownRecordError
from xueshi_server.store.attachments import can_attach
from xueshi_server.web.attaching import FIELD, BadUpload, told
from xueshi_server.web.packs import active_pack, asked_day, listed_forms
from xueshi_server.web.pages import may
from xueshi_server.web.paper import (
    compare_paper,
    find_content,
    keep_prints,
    list_prints,
    plain_digest,
    read_stamped,
)
from xueshi_server.web.site import language, this_node
from xueshi_server.web.views.forms import FormFaultyError

if TYPE_CHECKING:
    from xueshi_server.typeset.arrange import Sheet
    from xueshi_server.typeset.printing import Press

blueprint = Blueprint("form_pdf", __name__, url_prefix="/forms")
Page = str | tuple[str, int] | Response


@blueprint.get("/<form_id>/<name>/pdf")
def one(form_id: str, name: str) -> Page:
    """The form over one subject, as of today or the day of `?on=`."""
    press = _press(form_id)
    sheet = _fill(press, name)
    from xueshi_server.typeset.setting import set_pdf

    label = f"{sheet.document.title}-{sheet.about}-{sheet.document.as_of}"
    data = set_pdf([sheet], language())
    keep_prints(press, [(name, sheet.document, sheet.about)])
    return _give(data, label)


@blueprint.get("/<form_id>/<name>/check")
def check(form_id: str, name: str) -> Page:
    """Whether the paper with the digest `?digest=` says what the records of its day say now."""
    return show_paper(_press(form_id), name, plain_digest(request.args.get("digest", "")))


def show_paper(
    press: "Press",
    name: str,
    digest: str,
    *,
    digest_fault: BadValueError | None = None,
    bad: list[BadUpload] | None = None,
) -> str:
    """What was printed, which stamped page came back, and whether a digest still holds."""
    from xueshi_server.typeset.arrange import group_digest

    sheet, form = _fill(press, name), press.form
    found = None
    if digest and digest_fault is None and not bad:
        found = compare_paper(press, name, digest, find_content(form, name, digest))
    prints = list_prints(form, name)
    last = prints[0] if prints else None
    return render_template(
        "form_check.html",
        title=word_label(form.label, language()),
        form_id=form.id,
        name=name,
        about=sheet.about,
        on=press.as_of.isoformat(),
        digest=digest,
        found=found,
        prints=prints,
        stamped=read_stamped(press, name),
        group=group_digest,
        attachable=can_attach(this_node()) and may("stamped.attach"),
        stampable=needs_stamp(sheet.document),
        given=digest or (last.digest if last else sheet.document.digest),
        given_on=(last.as_of if last and not digest else press.as_of).isoformat(),
        faults={"digest": digest_fault} if digest_fault else {},
        bad=told(bad or []),
        field=FIELD,
    )


def _fill(press: "Press", name: str) -> "Sheet":
    try:
        return press.fill(name)
    except UnknownRecordError:
        abort(404)
    except RuleError as error:
        raise FormFaultyError(why=error.rule_code) from error


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
