"""One personal number in full: at the centre, for its administrator, for a reason that is noted.

The number stands on the answer to the form alone, which no browser keeps; who opened whose, and
why, is written down, the number is not.
"""

from sqlite3 import Row
from typing import Final

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.fields import word_label
from xueshi_server.domain.packs.model import FieldDeclaration, RecordType
from xueshi_server.domain.sealed import mask_sealed
from xueshi_server.domain.values import parse_text
from xueshi_server.errors import ServerError
from xueshi_server.seal_errors import OpenSealedRefusedError
from xueshi_server.sealing import Opener
from xueshi_server.store.records import find_row
from xueshi_server.web.packs import active_pack, find_type
from xueshi_server.web.pages import find_key, public_id
from xueshi_server.web.record_view import Viewer
from xueshi_server.web.site import actor, language, this_node, this_site

blueprint = Blueprint("personal", __name__, url_prefix="/personal")
Page = str | tuple[str, int] | Response
# What the audit notes call it.
NOTE: Final = "open_sealed"
_REASON_MOST: Final = 120


@blueprint.get("/<type_name>/<name>")
def show(type_name: str, name: str) -> Page:
    """Which numbers are sealed in a record, and the form to open one."""
    declared, row = _find(type_name, name)
    return _show(declared, row)


@blueprint.post("/<type_name>/<name>")
def open_one(type_name: str, name: str) -> Page:
    """Open one number and note who did, whose it is and why."""
    declared, row = _find(type_name, name)
    chosen = next((e for e in _sealed(declared, row) if e.id == request.form.get("field")), None)
    if chosen is None:
        return _show(declared, row, {"field": BadValueError("value.missing")}), 422
    try:
        reason = parse_text(
            "reason", request.form.get("reason", ""), required=True, most=_REASON_MOST
        )
        text = Opener(this_node().home)(bytes(row[chosen.id]))
        if text in "".join(each for each in reason.upper() if each.isalnum()):
            raise BadValueError("sealed.in_reason")
    except BadValueError as error:
        return _show(declared, row, {"reason": error}), 422
    except ServerError as error:
        return _show(declared, row, closed=error), 422
    label = word_label(chosen.label, language())
    whom = str(row[declared.key] or "") if declared.key else ""
    this_site().accounts.note(NOTE, actor(), whom or public_id(row["scope_no"], row["rec"]),
                              f"{label}: {reason}")  # fmt: skip
    return _show(declared, row, opened=(label, text))


def _find(type_name: str, name: str) -> tuple[RecordType, Row]:
    if this_node().role != "centre":
        raise OpenSealedRefusedError
    declared, key = find_type(type_name), find_key(name)
    row = find_row(this_node(), declared, key.scope_no, key.rec)
    if row is None:
        abort(404)
    return declared, row


def _sealed(declared: RecordType, row: Row) -> list[FieldDeclaration]:
    """The fields of a record that hold a sealed value."""
    return [each for each in declared.field if each.type == "sealed" and row[each.id]]


def _show(
    declared: RecordType,
    row: Row,
    faults: dict[str, BadValueError] | None = None,
    *,
    opened: tuple[str, str] | None = None,
    closed: ServerError | None = None,
) -> str:
    spoken = language()
    viewer = Viewer(active_pack(), declared, spoken)
    viewer.read_names([row])
    sealed = _sealed(declared, row)
    return render_template(
        "personal.html",
        title=viewer.title(row),
        type_title=word_label(declared.label, spoken),
        type_name=declared.id,
        id=public_id(row["scope_no"], row["rec"]),
        school=row["school"] or row["school_code"] or "",
        fields=[
            (each.id, word_label(each.label, spoken), mask_sealed(bytes(row[each.id])))
            for each in sealed
        ],
        chosen=request.form.get("field") or (sealed[0].id if sealed else ""),
        reason="" if opened else request.form.get("reason", "")[:_REASON_MOST],
        most=_REASON_MOST,
        faults=faults or {},
        opened=opened,
        closed=closed,
    )
