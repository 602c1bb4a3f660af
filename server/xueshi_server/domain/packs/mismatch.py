"""What a value has that its type does not allow, said by code: unknown keys, missing keys, ...

The messages of msgspec are turned into stable codes, and the types are walked along the path of
the message to name what would have been allowed there.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import inspect

from xueshi_server.domain.packs.nearest import nearest
from xueshi_server.domain.packs.pack import Spot

_PATH: Final = re.compile(r"^(?P<said>.*?)(?: - at `(?P<path>[^`]*)`)?$", re.DOTALL)
_PART: Final = re.compile(r"\.([A-Za-z_]\w*)|\[(\d+|\.\.\.)\]")
_SAID: Final = (
    ("unknown_key", re.compile(r"^Object contains unknown field `(?P<name>.*)`$")),
    ("key_missing", re.compile(r"^Object missing required field `(?P<name>.*)`$")),
    ("choice_unknown", re.compile(r"^Invalid (?:enum )?value (?P<value>.*)$")),
    ("shape_wrong", re.compile(r"matching regex (?P<wanted>.*)$")),
    ("text_length", re.compile(r"^Expected `str` of length (?P<wanted>.*)$")),
    (
        "count_wrong",
        re.compile(r"^Expected `array` of (?:at (?:least|most) )?length (?P<wanted>.*)$"),
    ),
    ("type_wrong", re.compile(r"^Expected `(?P<wanted>.*)`, got `(?P<got>.*)`$")),
)


def word_mismatch(message: str, value: object, wanted: Any) -> tuple[str, Spot, dict[str, str]]:
    """Code, path below the value, and what the words need to know."""
    match = _PATH.match(message)
    assert match is not None
    path = _split_path(match["path"] or "$")
    for code, pattern in _SAID:
        found = pattern.search(match["said"])
        if found:
            return _refine(code, path, found.groupdict(), (value, wanted))
    return "type_wrong", path, {"wanted": match["said"], "got": ""}


def _split_path(path: str) -> Spot:
    parts: list[str | int] = []
    for name, position in _PART.findall(path):
        if position == "...":
            break
        parts.append(name or int(position))
    return tuple(parts)


def _refine(
    code: str, path: Spot, values: dict[str, str], subject: tuple[object, Any]
) -> tuple[str, Spot, dict[str, str]]:
    value, wanted = subject
    if code == "key_missing":
        return ("label_missing" if values["name"] in ("label", "zh", "en") else code), path, values
    if code == "unknown_key":
        holder = _type_at(inspect.type_info(wanted), path, value)
        known = [each.encode_name for each in _fields_of(holder)]
        hint = nearest(values["name"], known)
        return code, (*path, values["name"]), {**values, "hint": hint, "known": ", ".join(known)}
    if code == "choice_unknown":
        return _refine_choice(path, subject)
    if values.get("got") == "float":
        return "binary_float", path, {"value": str(_value_at(value, path))}
    return code, path, values


def _refine_choice(path: Spot, subject: tuple[object, Any]) -> tuple[str, Spot, dict[str, str]]:
    value, wanted = subject
    said = str(_value_at(value, path))
    here = _type_at(inspect.type_info(wanted), path, value)
    if here is None and path[-1:] == ("kind",):
        holder = _type_at(inspect.type_info(wanted), path[:-1], value)
        kinds = sorted(str(each.tag) for each in _structs_of(holder) if each.tag)
        values = {"value": said, "hint": nearest(said, kinds), "known": ", ".join(kinds)}
        return "measure_unknown", path, values
    choices = sorted(str(each) for each in _choices_of(here))
    values = {"value": said, "hint": nearest(said, choices), "known": ", ".join(choices)}
    return "choice_unknown", path, values


def _value_at(value: object, path: Spot) -> object:
    for part in path:
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int):
            value = value[part] if part < len(value) else None
        else:
            return None
    return value


def _type_at(kind: Any, path: Spot, value: object) -> Any:
    """The type a path leads to; a union stays whole. None where the path leaves what is known."""
    for part in path:
        if isinstance(part, int):
            kind = _item_of(kind)
        else:
            fields = {each.encode_name: each.type for each in _fields_of(_pick(kind, value))}
            kind = fields.get(part)
        value = _value_at(value, (part,))
        if kind is None:
            return None
    return _pick(kind, value)


def _members(kind: Any) -> Iterable[Any]:
    return kind.types if isinstance(kind, inspect.UnionType) else (kind,)


def _structs_of(kind: Any) -> list[inspect.StructType]:
    return [each for each in _members(kind) if isinstance(each, inspect.StructType)]


def _item_of(kind: Any) -> Any:
    for each in _members(kind):
        if isinstance(each, inspect.ListType | inspect.VarTupleType):
            return each.item_type
        if isinstance(each, inspect.TupleType):
            return each.item_types[0]
    return None


def _pick(kind: Any, value: object) -> Any:
    """Of a union of tagged types, the one the value names; of others the only table type."""
    structs = _structs_of(kind)
    if isinstance(value, Mapping) and structs:
        tagged = [each for each in structs if each.tag and each.tag == value.get(each.tag_field)]
        plain = [each for each in structs if not each.tag]
        return (tagged or plain or [kind])[0]
    return kind


def _fields_of(kind: Any) -> Iterable[inspect.Field]:
    return [field for each in _structs_of(kind) for field in each.fields]


def _choices_of(kind: Any) -> list[object]:
    return [
        value
        for each in _members(kind)
        if isinstance(each, inspect.LiteralType)
        for value in each.values
    ]
