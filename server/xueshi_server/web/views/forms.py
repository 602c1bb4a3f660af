"""Forms of the pack, filled in from what is recorded, on A4 paper for signatures and stamps."""

import re
from collections.abc import Sequence
from typing import Final

from flask import Blueprint, abort, render_template, request, url_for
from werkzeug.wrappers import Response

from xueshi_server.domain.fields import word_label
from xueshi_server.domain.forms import Cell, Section, compose_form
from xueshi_server.domain.packs.model import Form
from xueshi_server.domain.rules.amounts import RuleError
from xueshi_server.domain.rules.catalogue import BUILT_IN
from xueshi_server.errors import ServerError, UnknownRecordError
from xueshi_server.store.material import COUNTY, gather_material, type_of_form
from xueshi_server.store.records import RecordFilter, list_records, name_row
from xueshi_server.store.schools import list_schools
from xueshi_server.web.packs import active_pack, asked_day, find_type, listed_forms
from xueshi_server.web.pages import public_id, read_cursor
from xueshi_server.web.site import language, this_node
from xueshi_server.words import LANGUAGES, word

blueprint = Blueprint("forms", __name__, url_prefix="/forms")
Page = str | tuple[str, int] | Response
# How a label of signatures parts those who sign.
_PARTIES: Final = re.compile(r"\s{2,}|[;\uff1b]")
# "(stamp)" behind who signs, in the words of both languages.
_STAMP_WORDS: Final = "|".join(word("forms.stamp_words", each) for each in LANGUAGES)
_STAMPED: Final = re.compile(_STAMP_WORDS, re.IGNORECASE)
_STAMP: Final = re.compile(rf"[(\uff08]\s*(?:{_STAMP_WORDS})\s*[)\uff09]", re.IGNORECASE)
_CHOICES: Final = 60
# Longer values have a line of their own; shorter ones stay in the middle of their column.
_LONG: Final = 24
_SHORT: Final = 10


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
    return render_template("forms.html", lines=lines, pack=pack)


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
        places = [
            (
                name_row(pack, declared, each, spoken),
                public_id(each["scope_no"], each["rec"]),
                " · ".join(str(part) for part in (each["sort_value"], each["school"]) if part),
            )
            for each in rows[:_CHOICES]
        ]
    return render_template(
        "form_choose.html",
        form=form,
        title=word_label(form.label, spoken),
        places=places,
        more=more,
        text=request.args.get("q", ""),
        searchable=form.scope not in BUILT_IN,
    )


@blueprint.get("/<form_id>/<name>")
def show(form_id: str, name: str) -> Page:
    """One form, filled in as of today or the day of `?on=`."""
    form, pack, spoken, day = _find(form_id), active_pack(), language(), asked_day()
    try:
        material = gather_material(this_node(), pack, form, name, day, spoken)
    except UnknownRecordError:
        abort(404)
    except RuleError as error:
        raise FormFaultyError(why=error.rule_code) from error
    document = compose_form(pack, form, material, spoken)
    return render_template(
        "form_print.html",
        document=document,
        rows=lay_out(document.sections),
        parties=_parties,
        pairs=_pair_up,
        short_columns=_short_columns,
    )


def lay_out(sections: Sequence[Section]) -> list[tuple[Section, bool]]:
    """The sections in order, each with whether the photo stands beside it.

    A photo stands beside the fields before it, else beside those after it.
    """
    rows: list[tuple[Section, bool]] = []
    waiting = False
    for each in sections:
        if each.kind != "photo":
            beside = waiting and each.kind == "fields"
            rows.append((each, beside))
            waiting = waiting and not beside
        elif rows and rows[-1][0].kind == "fields" and not rows[-1][1]:
            rows[-1] = (rows[-1][0], True)
        else:
            waiting = True
    return rows


def _parties(section: Section) -> list[tuple[str, bool]]:
    """Those who sign, and whether a stamp belongs there; without names as many as lines."""
    names = [each.strip() for each in _PARTIES.split(section.title) if each.strip()]
    if not names:
        return [("", True)] * max(1, min(section.lines, 4))
    return [(_STAMP.sub("", each).strip(), bool(_STAMPED.search(each))) for each in names]


def _pair_up(cells: Sequence[Cell]) -> list[tuple[Cell, ...]]:
    """Two fields a line; a long text has a line of its own."""
    lines: list[tuple[Cell, ...]] = []
    waiting: Cell | None = None
    for each in cells:
        if len(each.text) > _LONG:
            lines += [(waiting,)] if waiting else []
            lines.append((each,))
            waiting = None
        elif waiting is not None:
            lines.append((waiting, each))
            waiting = None
        else:
            waiting = each
    return lines + ([(waiting,)] if waiting else [])


def _short_columns(section: Section) -> list[bool]:
    """Which columns stay in the middle: those without a long value."""
    columns = zip(*section.rows, strict=True) if section.rows else [()] * len(section.head)
    return [all(len(text) <= _SHORT for text in column) for column in columns]


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
