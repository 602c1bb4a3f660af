"""What the form of a person has beyond that of every record: a number may wait for the county's,
former numbers are kept, names are written one way."""

from collections.abc import Mapping
from sqlite3 import Row
from typing import Any, Final

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.fields import Value
from xueshi_server.domain.names import plain_name, tidy_name
from xueshi_server.domain.people import add_former, next_temporary, tag_of
from xueshi_server.domain.values import parse_text
from xueshi_server.store.people import find_holders, list_numbers
from xueshi_server.store.records import default_scope
from xueshi_server.store.schools import list_schools
from xueshi_server.web.declared_form import Faults
from xueshi_server.web.packs import active_pack
from xueshi_server.web.pages import is_name_of
from xueshi_server.web.site import actor, this_node, this_site
from xueshi_sync.writer import RecordKey

PERSON: Final = "person"
NUMBER: Final = "staff_no"
# What a registrar knows of a new colleague; the rest is folded up.
_FIRST: Final = ("name", NUMBER, "sex", "born_on", "hired_on", "roster_no", "id_number", "phone")
_TAKEN: Final = "record.key_taken"


def arrange(
    fields: list[dict[str, Any]], *, is_new: bool
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(what is asked for first, what is folded up) of the fields as the form shows them."""
    known = {each["id"]: each for each in fields}
    first = [known.pop(name) for name in _FIRST if name in known]
    for each in first:
        # Without a number a new person gets a temporary one.
        each["required"] = each["required"] and not (is_new and each["id"] == NUMBER)
    return first, list(known.values())


def tidy(values: dict[str, Value], faults: Faults, row: Row | None) -> None:
    """Write the name one way; let a new person wait for a number; keep a number that is changed."""
    if isinstance(name := values.get("name"), str):
        values["name"] = tidy_name(name)
        if not values["name"]:
            faults["name"] = BadValueError("value.missing")
    if row is None:
        if values.get("active") is None and "active" not in faults:
            values["active"] = True
        if faults.get(NUMBER) is not None and faults[NUMBER].value_code == "value.missing":
            del faults[NUMBER]
        return
    changed = values.get(NUMBER)
    if "former_no" in values and changed and changed != row[NUMBER]:
        values["former_no"] = add_former(str(values["former_no"] or ""), str(row[NUMBER]))


def check_number(
    values: Mapping[str, Value], scope_no: int | None, faults: Faults, *, own: int | None = None
) -> None:
    """Refuse a number that somebody else has or had; the same person in another school may."""
    number = str(values.get(NUMBER) or "")
    if not number or NUMBER in faults:
        return
    node = this_node()
    place = node.home_scope_no if scope_no is None else scope_no
    same = plain_name(str(values.get("name") or ""))
    for other in find_holders(node, number):
        at_home = other["scope_no"] == place
        if (at_home and other["rec"] == own) or (
            not at_home and plain_name(str(other["name"])) == same
        ):
            continue
        known = " · ".join(each for each in (other["name"], other["school"]) if each)
        faults[NUMBER] = BadValueError(_TAKEN, seen=number, known=known)
        return


def complete(values: dict[str, Value], scope_no: int | None) -> None:
    """Give a person without a number a temporary one; inside the action that adds them, so that
    nobody else gets it."""
    if values.get(NUMBER):
        return
    node = this_node()
    place = default_scope(node, active_pack().types[PERSON], scope_no)
    schools = {each["scope_no"]: each["code"] for each in list_schools(node)}
    code = str(schools.get(place) or "")
    tag = tag_of(node.node_id, node.replica.epoch_name)
    values[NUMBER] = next_temporary(code or node.code, tag, list_numbers(node, place))


def rename_account(key: RecordKey, old: str, number: str) -> None:
    """Let the teacher who logged in here by an old number log in by the new one."""
    accounts = this_site().accounts
    for each in accounts.list_all():
        known = each.login == old.lower() and is_name_of(each.person, key)
        if known and accounts.rename(each, number):
            accounts.note("login", actor(), each.login, number)


def read_number(text: str, faults: Faults) -> str:
    """A number that somebody typed; what cannot be one goes into `faults`."""
    try:
        return parse_text("teacher_id", text, required=True)
    except BadValueError as error:
        faults[NUMBER] = error
        return ""
