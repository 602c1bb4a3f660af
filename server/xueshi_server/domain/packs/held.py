"""What of a pack is for the centre alone: its types, and the forms and queries that need them."""

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import fields

from xueshi_server.domain.packs.model import Form, Query, RecordType
from xueshi_server.domain.packs.pack import Pack


def is_held(declared: RecordType, role: str) -> bool:
    """Whether a node of a role holds records of a type; others show nothing of it."""
    return role == "centre" or declared.place != "centre"


def held_types(pack: Pack, role: str) -> dict[str, RecordType]:
    """The record types that a node of a role holds."""
    return {of: each for of, each in pack.types.items() if is_held(each, role)}


def held_forms(pack: Pack, role: str) -> dict[str, Form]:
    """The forms that a node of a role can fill in: half a form is none."""
    missing = pack.types.keys() - held_types(pack, role).keys()
    return {
        form_id: form
        for form_id, form in pack.forms.items()
        if missing.isdisjoint(_types_of(pack, form))
    }


def held_queries(pack: Pack, role: str) -> Mapping[str, Query]:
    """The named queries that a node of a role has all tables for."""
    missing = "|".join(map(re.escape, pack.types.keys() - held_types(pack, role).keys()))
    if not missing:
        return pack.queries
    asks = re.compile(rf"\b(?:{missing})\b")
    return {name: each for name, each in pack.queries.items() if not asks.search(each.sql)}


def types_of_rule(pack: Pack, rule_id: str) -> set[str]:
    """The record types that a rule looks at, with those of the rules it rests on."""
    seen, waiting = set[str](), [rule_id]
    while waiting:
        each = waiting.pop()
        if each in seen:
            continue
        seen.add(each)
        if each in pack.rules:
            waiting += [pack.rules[each].scope, *_names_in(pack.rules[each])]
        if each in pack.subjects:
            waiting += [pack.subjects[each].of or "", *pack.subjects[each].across]
    return seen & pack.types.keys()


def types_in(*parts: object) -> set[str]:
    """What the parts of a declaration name: types among subjects and rules."""
    return {name for part in parts for name in _names_in(part)}


def _names_in(part: object) -> Iterator[str]:
    """What the parts of a rule name: types (`of`, `pause`), subjects and rules."""
    if isinstance(part, Struct):
        for field in fields(part):
            value = getattr(part, field.name)
            if isinstance(value, str) and field.name in ("of", "rule", "fallback", "pause"):
                yield value
            yield from _names_in(value)
    elif isinstance(part, list | tuple):
        for each in part:
            yield from _names_in(each)


def _types_of(pack: Pack, form: Form) -> set[str]:
    subject = pack.subjects.get(form.scope)
    own = form.scope if subject is None or subject.of is None else subject.of
    return {own, *(block.of for block in form.block if block.of is not None)}
