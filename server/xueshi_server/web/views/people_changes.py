"""What changes about people: staff changes with their day, the lifelong number, the order of the
roster. The routes stand in `people`."""

from dataclasses import dataclass
from sqlite3 import Row
from typing import Any

from flask import abort, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from xueshi_server.domain.dates import parse_date
from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.fields import word_label
from xueshi_server.domain.people import (
    Change,
    add_former,
    changes_open_to,
    fields_after,
    fields_before,
    former_numbers,
    is_temporary,
    standing_of,
)
from xueshi_server.domain.values import parse_text
from xueshi_server.store.people import (
    MOVE,
    PERSON,
    find_person,
    list_moves,
    list_references,
    list_roster,
)
from xueshi_server.web.declared_form import Faults
from xueshi_server.web.packs import active_pack, find_type, listed_types, today
from xueshi_server.web.pages import find_key, go, public_id
from xueshi_server.web.person_form import (
    NUMBER,
    check_number,
    read_number,
    rename_account,
)
from xueshi_server.web.roster import mark_rows
from xueshi_server.web.site import home_scope_no, language, saving, this_node
from xueshi_server.web.views.records import may_write
from xueshi_sync.writer import Action, RecordKey

Page = str | tuple[str, int] | Response
_PLACE_MOST = 80
_ROSTER_MOST = 99999


@dataclass(frozen=True, slots=True)
class Moves:
    """The staff changes of a person as the page shows them."""

    standing: str
    rows: list[dict[str, Any]]
    # (code, label) of what can be recorded now; none where nobody may, or the pack has no changes.
    open: list[tuple[str, str]]


def read_moves(person: Row) -> Moves:
    """What was recorded of a person, and what can be."""
    rows, labels = list_moves(this_node(), person["scope_no"], person["rec"]), _labels()
    now = today().isoformat()
    last = next((str(row["kind"]) for row in rows if (row["date"] or "") <= now), "")
    standing = standing_of(dict(person), last, now)
    kinds = changes_open_to(standing, is_hired=bool(person["hired_on"])) if _may_move() else ()
    shown = [
        {
            "id": public_id(row["scope_no"], row["rec"]),
            "label": labels.get(row["kind"], row["kind"]),
            "kind": row["kind"],
            "date": row["date"],
            "place": row["place"],
            "note": row["note"],
            "is_last": place == 0,
        }
        for place, row in enumerate(rows)
    ]
    return Moves(standing, shown, [(each, labels[each]) for each in kinds if each in labels])


def _labels() -> dict[str, str]:
    codes = active_pack().codes.get(MOVE)
    return {each.id: word_label(each.label, language()) for each in codes.value} if codes else {}


def _may_move() -> bool:
    known = next((each for each in listed_types() if each.id == MOVE), None)
    return known is not None and may_write(known)


def find_writable(name: str) -> Row:
    """The person an address names, whom this node may change."""
    key = find_key(name)
    person = find_person(this_node(), key.scope_no, key.rec)
    if person is None or person["deleted"] or not may_write(find_type(PERSON)):
        abort(404)
    return person


def record_move(person: Row) -> Faults:
    """Write the staff change of the form, and what it makes of the person; or say what is wrong."""
    faults: Faults = {}
    kinds = dict(read_moves(person).open)
    kind = request.form.get("kind", "")
    if kind not in kinds:
        faults["kind"] = BadValueError("value.missing")
    date = _read_date(faults)
    values = {name: _read_text(name, faults) for name in ("place", "note")}
    if not faults and (fault := _too_early(person, kind, date)):
        faults["date"] = fault
    if faults:
        return faults
    key = RecordKey(person["scope_no"], person["rec"])
    fields = {"person": key.rec, "kind": kind, "date": date, **values, "since": person["left_on"]}
    entry = request.form.get("entry_id", "")[:64]
    with saving() as action:
        before = len(action.ops)
        action.insert(
            MOVE, fields, scope_no=key.scope_no, entry_id=f"move-{entry}" if entry else None
        )
        if len(action.ops) > before:
            action.set(PERSON, key, fields_after(Change(kind, date), today().isoformat()))
    return {}


def _read_date(faults: Faults) -> str:
    text = request.form.get("date", "").strip()
    try:
        if not text:
            raise BadValueError("value.missing")
        return str(parse_date(text))
    except BadValueError as error:
        faults["date"] = error
        return ""


def _read_text(name: str, faults: Faults) -> str | None:
    most = _PLACE_MOST if name == "place" else 300
    try:
        return parse_text(name, request.form.get(name, ""), most=most) or None
    except BadValueError as error:
        faults[name] = error
        return None


def _too_early(person: Row, kind: str, date: str) -> BadValueError | None:
    """Nobody leaves before having come, or comes back before having left."""
    earliest = person["left_on"] if person["left_on"] else person["hired_on"]
    if earliest and date < earliest:
        return BadValueError("person.move_too_early", day=str(earliest))
    return None


def undo_move(person: Row, name: str) -> bool:
    """Take back the last staff change of a person; False where another one came since."""
    rows = list_moves(this_node(), person["scope_no"], person["rec"])
    if not rows or public_id(rows[0]["scope_no"], rows[0]["rec"]) != name:
        return False
    last = rows[0]
    change = Change(last["kind"], last["date"], last["since"])
    with saving() as action:
        action.delete(MOVE, RecordKey(last["scope_no"], last["rec"]))
        key = RecordKey(person["scope_no"], person["rec"])
        action.set(PERSON, key, fields_before(change, today().isoformat()))
    return True


# ---- the lifelong number


def set_number(person: Row) -> Faults:
    """Put the county's number in place of a temporary one; hours stay with the person."""
    faults: Faults = {}
    if not is_temporary(str(person[NUMBER])):
        faults[NUMBER] = BadValueError("person.number_is_given", number=str(person[NUMBER]))
        return faults
    number = read_number(request.form.get(NUMBER, ""), faults)
    if number and is_temporary(number):
        faults[NUMBER] = BadValueError("person.number_is_temporary", number=number)
    values = {NUMBER: number, "name": person["name"]}
    check_number(values, person["scope_no"], faults, own=person["rec"])
    if faults:
        return faults
    old = str(person[NUMBER])
    key = RecordKey(person["scope_no"], person["rec"])
    with saving() as action:
        former = add_former(person["former_no"], old)
        action.set(PERSON, key, {NUMBER: number, "former_no": former})
        _lead_on(action, old, number)
    rename_account(key, old, number)
    return {}


def _lead_on(action: Action, old: str, number: str) -> None:
    """Let what names the person by the old number name the new one."""
    for row in _references(old):
        action.set(row["of"], RecordKey(row["scope_no"], row["rec"]), {row["field"]: number})


def _references(number: str) -> list[Row]:
    """The records that name a person by a number and that this node may change."""
    types = [
        (declared.id, each.id)
        for declared in listed_types()
        for each in declared.field
        if declared.kind == "register"
        and each.type == "key"
        and each.to == PERSON
        and this_node().role in declared.writers
    ]
    return list_references(this_node(), types, number)


def count_behind(person: Row) -> int:
    """How many records here still name a person by a former number: it was changed elsewhere."""
    return sum(len(_references(each)) for each in former_numbers(person["former_no"]))


def lead_on(person: Row) -> int:
    """Let them all name the number of today; how many there were."""
    count = count_behind(person)
    if count:
        with saving() as action:
            for each in former_numbers(person["former_no"]):
                _lead_on(action, each, str(person[NUMBER]))
    return count


# ---- the order of the roster


def show_order(given: MultiDict[str, str] | None = None, faults: Faults | None = None) -> str:
    """Everybody at work with the place in the roster to type."""
    rows = list_roster(this_node(), home_scope_no())
    lines = []
    for row in rows:
        known = "" if row["roster_no"] is None else str(row["roster_no"])
        typed = given.get(f"no-{row['rec']}", known) if given is not None else known
        lines.append({"row": row, "value": typed, "id": f"no-{row['rec']}"})
    marks = mark_rows(rows)
    return render_template("people_order.html", lines=lines, marks=marks, faults=faults or {})


def set_order() -> Page:
    """Keep the places that were typed, or number everybody in the order that they make."""
    form, faults, places = request.form, Faults(), dict[int, int | None]()
    rows = list_roster(this_node(), home_scope_no())
    for row in rows:
        name = f"no-{row['rec']}"
        try:
            places[row["rec"]] = _read_place(form.get(name, "").strip())
        except BadValueError as error:
            faults[name] = error
    if faults:
        return show_order(form, faults), 422
    if form.get("number"):
        places = _number(rows, places)
    changed = [row for row in rows if places[row["rec"]] != row["roster_no"]]
    if changed:
        with saving() as action:
            for row in changed:
                key = RecordKey(row["scope_no"], row["rec"])
                action.set(PERSON, key, {"roster_no": places[row["rec"]]})
    return go("people.order", done="roster")


def _read_place(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()):
        raise BadValueError("value.no_number", seen=text[:20])
    if not 0 < int(text[:9]) <= _ROSTER_MOST:
        raise BadValueError("value.out_of_range", seen=text[:20], most=str(_ROSTER_MOST))
    return int(text)


def _number(rows: list[Row], places: dict[int, int | None]) -> dict[int, int | None]:
    """1, 2, 3 ...: who was moved onto a taken place stands before the one who had it."""
    last = _ROSTER_MOST + 1

    def rank(row: Row) -> tuple[int, bool]:
        place = places[row["rec"]]
        return (last if place is None else place, place == row["roster_no"])

    ordered = sorted(rows, key=rank)
    return {row["rec"]: place for place, row in enumerate(ordered, start=1)}
