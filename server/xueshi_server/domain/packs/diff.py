"""What changes from one pack to another, declaration by declaration and key by key.

Things with an id inside a declaration (fields, codes, steps) are matched by it, others by
position. Texts of statements count like everything else.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from xueshi_server.domain.packs.pack import KINDS, Pack

What = Literal["added", "removed", "changed"]
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `path` is empty where a whole declaration came or went; values are JSON."""

    what: What
    kind: str
    id: str
    path: str = ""
    before: str = ""
    after: str = ""


def diff_packs(old: Pack, new: Pack) -> list[Change]:
    """Every difference, in the order of kinds, then of ids, then of keys."""
    changes = [
        Change("changed", "pack", new.id, path, before, after)
        for path, before, after in _differences(_plain(old.about), _plain(new.about), "")
    ]
    changes += [
        Change("changed", "calendar", new.id, path, before, after)
        for path, before, after in _differences(_plain(old.calendar), _plain(new.calendar), "")
    ]
    for kind in KINDS:
        before, after = old.of_kind(kind), new.of_kind(kind)
        for declared_id in sorted({*before, *after}):
            if declared_id not in after:
                changes.append(Change("removed", kind, declared_id))
            elif declared_id not in before:
                changes.append(Change("added", kind, declared_id))
            else:
                changes += [
                    Change("changed", kind, declared_id, *each)
                    for each in _differences(
                        _plain(before[declared_id]), _plain(after[declared_id]), ""
                    )
                ]
    return changes


def _plain(value: object) -> object:
    return msgspec.to_builtins(value)


def _differences(old: object, new: object, path: str) -> Iterator[tuple[str, str, str]]:
    """Path, before and after of each leaf that differs."""
    if old == new and type(old) is type(new):
        return
    parts = _parts(old), _parts(new)
    if parts[0] is None or parts[1] is None:
        yield path, _text(old), _text(new)
        return
    for key in {**parts[0], **parts[1]}:
        before, after = parts[0].get(key, _ABSENT), parts[1].get(key, _ABSENT)
        inner = f"{path}{key}" if key.startswith("[") or not path else f"{path}.{key}"
        if before is _ABSENT or after is _ABSENT:
            yield inner, _text(before), _text(after)
        else:
            yield from _differences(before, after, inner)


def _parts(value: object) -> Mapping[str, object] | None:
    if isinstance(value, dict):
        return {str(key): each for key, each in value.items()}
    if isinstance(value, list | tuple):
        named = all(isinstance(each, dict) and "id" in each for each in value)
        return {
            f"[{each['id'] if named else position}]": each for position, each in enumerate(value)
        }
    return None


def _text(value: object) -> str:
    return "" if value is _ABSENT else msgspec.json.encode(value).decode()
