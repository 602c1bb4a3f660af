"""Sealed fields of a form: what is typed is sealed at once, what stands there is kept or removed.

An empty field keeps what is stored, which nobody at a school could type again; a box removes it.
What an ID number says otherwise than the person's own fields is told beside them; it is saved as it
is when somebody says so, since the day of birth in old papers is not always that of the card.
"""

from collections.abc import Mapping
from sqlite3 import Row
from typing import Any, Final

from flask import request

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.fields import Value, parse_sealed, seal_text
from xueshi_server.domain.identity import compare_facts
from xueshi_server.domain.packs.model import FieldDeclaration
from xueshi_server.domain.sealed import mask_sealed
from xueshi_server.sealing import ensure_seal_key, find_sealer
from xueshi_server.web.site import this_node

# Behind the name of a field: take the stored value away; save what differs all the same.
REMOVE: Final = ".remove"
ANYWAY: Final = ".anyway"


def read_sealed(
    fields: Mapping[str, FieldDeclaration],
    values: dict[str, Value],
    faults: dict[str, BadValueError],
    row: Row | None,
) -> None:
    """Put the sealed fields into `values`; `row` is the record that is changed."""
    for name, each in fields.items():
        if each.type != "sealed":
            continue
        kept = None if row is None or request.form.get(name + REMOVE) else row[name]
        try:
            given = request.form.get(name, "")
            text = None if kept and not given.strip() else parse_sealed(each, given)
            values[name] = kept if text is None else seal_text(text, _find_sealer())
        except BadValueError as error:
            faults[name] = error
            continue
        if text is not None and each.check == "id_number":
            _compare(fields, text, values, faults)


def _find_sealer() -> Any:
    ensure_seal_key(this_node())
    return find_sealer(this_node())


def _compare(
    fields: Mapping[str, FieldDeclaration],
    number: str,
    values: dict[str, Value],
    faults: dict[str, BadValueError],
) -> None:
    empty, differing = compare_facts(fields, number, values)
    values.update(empty)
    for name, error in differing.items():
        if not request.form.get(name + ANYWAY):
            faults.setdefault(name, error)


def show_sealed(each: FieldDeclaration, value: str, row: Row | None) -> dict[str, Any]:
    """What the form shows of a sealed field: what was just typed, never what an address says; the
    end of what is stored; and whether there is a key to seal with."""
    stored = row[each.id] if row is not None else None
    return {
        "value": value if request.method == "POST" else "",
        "stored": mask_sealed(stored) if stored else "",
        "removing": bool(request.form.get(each.id + REMOVE)),
        "can_seal": this_node().role == "centre" or find_sealer(this_node()) is not None,
    }
