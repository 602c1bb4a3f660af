"""Forms of the pack, filled in from what is recorded, on A4 paper for signatures and stamps."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, abort, render_template, request, url_for
from werkzeug.wrappers import Response

from xueshi_server.domain.fields import word_label
from xueshi_server.domain.packs.model import Form
from xueshi_server.domain.rules.amounts import RuleError
from xueshi_server.domain.rules.catalogue import BUILT_IN
from xueshi_server.errors import ServerError, UnknownRecordError
from xueshi_server.store.material import COUNTY, type_of_form
from xueshi_server.store.people import PERSON
from xueshi_server.store.records import RecordFilter, list_records, name_row
from xueshi_server.store.schools import list_schools
from xueshi_server.typeset.arrange import Sheet, arrange
from xueshi_server.typeset.fonts import rare, texts_in
from xueshi_server.web.packs import active_pack, asked_day, find_type, listed_forms
from xueshi_server.web.pages import public_id, read_cursor
from xueshi_server.web.paper import list_awaited, list_prints, read_stamped
from xueshi_server.web.roster import mark_rows
from xueshi_server.web.site import language, this_node

if TYPE_CHECKING:
    from xueshi_server.typeset.printing import Press

blueprint = Blueprint("forms", __name__, url_prefix="/forms")
Page = str | tuple[str, int] | Response
_CHOICES: Final = 60


class FormFaultyError(ServerError):
    """The form of the pack cannot be filled in as declared; field `why`."""

    code = "forms.faulty"


@blueprint.get("/")
def index() -> Page:
    """The forms of the pack."""
    pack, spoken = active_pack(), language()
    lines = [
        (word_label(each.label, spoken), _about(each), _link(each), pack.quotes(each.source))
        for each in listed_forms().values()
    ]
    return render_template("forms.html", lines=lines, pack=pack, awaited=len(list_awaited()))


@blueprint.get("/<form_id>/")
def choose(form_id: str) -> Page:
    """Whom or what the form is about, to choose from."""
    form, pack, spoken = _find(form_id), active_pack(), language()
    if form.scope in BUILT_IN:
        places = [(each["name"] or each["code"], each["code"], "") for each in _schools()]
        more = None
    else:
        declared = find_type(type_of_form(pack, form))
        wanted = RecordFilter(
            text=request.args.get("q", "").strip()[:60],
            after=read_cursor(request.args.get("after", "")),
        )
        rows = list_records(this_node(), declared, wanted, limit=_CHOICES + 1)
        more = None
        if len(rows) > _CHOICES:
            last = rows[_CHOICES - 1]
            more = f"{last['sort_value']}~{last['scope_no']}~{last['rec']}"
        marks = mark_rows(rows) if declared.id == PERSON else {}
        places = [
            (
                name_row(pack, declared, each, spoken),
                public_id(each["scope_no"], each["rec"]),
                " · ".join(
                    str(part)
                    for part in (
                        marks.get((each["scope_no"], each["rec"])),
                        each["sort_value"],
                        each["school"],
                    )
                    if part
                ),
            )
            for each in rows[:_CHOICES]
        ]
    return render_template(
        "form_choose.html",
        form=form,
        title=word_label(form.label, spoken),
        of="" if form.scope in BUILT_IN else declared.id,
        of_label="" if form.scope in BUILT_IN else word_label(declared.label, spoken),
        places=places,
        more=more,
        text=request.args.get("q", ""),
        searchable=form.scope not in BUILT_IN,
    )


@blueprint.get("/<form_id>/<name>")
def show(form_id: str, name: str) -> Page:
    """One form, filled in as of today or the day of `?on=`."""
    # The setter of PDF comes with it: loaded when somebody prints, not before.
    from xueshi_server.typeset.printing import Press

    press = Press(this_node(), active_pack(), _find(form_id), asked_day(), language())
    try:
        sheet = press.fill(name)
    except UnknownRecordError:
        abort(404)
    except RuleError as error:
        raise FormFaultyError(why=error.rule_code) from error
    return show_sheet(sheet, paper=_read_paper(press, name))


def _read_paper(press: "Press", name: str) -> dict[str, Any]:
    """When it was printed last, and how its stamped page stands."""
    prints, stamped = list_prints(press.form, name), read_stamped(press, name)
    status = "none" if prints and prints[0].stamped else ""
    if stamped:
        compared = stamped[0].compared
        status = "pages" if compared is None else "holds" if compared.holds else "changed"
    return {"printed_at_s": prints[0].printed_at_s if prints else 0, "status": status}


def show_sheet(sheet: Sheet, paper: dict[str, Any] | None = None) -> str:
    """The page of a filled form: what the PDF of it shows, for the browser to print."""
    shown = arrange(sheet, language())
    shown["sections"] = keep_end_together(shown["sections"])
    return render_template(
        "form_print.html",
        document=sheet.document,
        sheet=shown,
        paper=paper,
        unprintable=_list_unprintable(shown),
    )


def _list_unprintable(shown: dict[str, Any]) -> list[str]:
    """Characters that come out of the printer as boxes; rare ones in names."""
    wanted = rare(texts_in(shown))
    if not wanted:
        return []
    # The setter is loaded only where it has to be asked.
    from xueshi_server.typeset.setting import unprintable_of

    # With the number of the character: this page may have no picture of it either.
    return [f"{each} U+{ord(each):04X}" for each in sorted(unprintable_of(wanted))]


def keep_end_together(sections: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The signatures, and notes above them, as the `closing` of the section that they follow."""
    place = len(sections) - 1
    if place < 1 or sections[place]["kind"] != "signatures":
        return list(sections)
    while place > 1 and sections[place - 1]["kind"] == "note":
        place -= 1
    host = {**sections[place - 1], "closing": list(sections[place:])}
    return [*sections[: place - 1], host]


def _find(form_id: str) -> Form:
    form = listed_forms().get(form_id)
    if form is None:
        abort(404)
    return form


def _about(form: Form) -> str:
    """What a form is about, in words."""
    pack, spoken = active_pack(), language()
    known = pack.subjects.get(form.scope) or pack.types.get(form.scope)
    return word_label(known.label, spoken) if known else ""


def _link(form: Form) -> str:
    if form.scope == COUNTY:
        return url_for("forms.show", form_id=form.id, name=COUNTY)
    schools = _schools()
    if form.scope == "school" and len(schools) == 1:
        return url_for("forms.show", form_id=form.id, name=schools[0]["code"])
    return url_for("forms.choose", form_id=form.id)


def _schools() -> list[dict[str, str]]:
    return [dict(each) for each in list_schools(this_node()) if each["code"]]
