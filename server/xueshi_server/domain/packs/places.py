"""The line of a path in a TOML file, found only when a fault has to be shown.

The value at the path is replaced by a mark in a parsed copy that keeps every blank and comment;
the line of the mark in its text is the line of the value.
"""

import dataclasses
from collections.abc import Iterable, Mapping, MutableMapping, MutableSequence
from typing import Any, Final

import tomlkit
from tomlkit.exceptions import TOMLKitError

from xueshi_server.domain.packs.pack import KINDS, Draft, Fault, Place, Spot

_MARK: Final = "here-it-is-7f3a9c"


class Finder:
    """Finds lines in the files of one folder; each file is parsed once."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files
        self._trees: dict[str, Any] = {}

    def line_of(self, file: str, spot: Spot) -> int:
        """The line of a path in a file, or of the nearest thing above it; 1 where it is lost."""
        if file not in self._files:
            return 1
        try:
            tree = self._trees.setdefault(file, tomlkit.parse(self._files[file]))
        except TOMLKitError:
            return 1
        for length in range(len(spot), 0, -1):
            line = _mark_line(tree, spot[:length])
            if line:
                return line
        return 1


def place_faults(
    faults: Iterable[Fault], drafts: Mapping[str, Draft], files: Mapping[str, Mapping[str, str]]
) -> list[Fault]:
    """Give every fault its file and line, and put them in that order.

    `drafts` and `files` are by pack id; faults say with `pack` whose they are.
    """
    finders = {pack: Finder(texts) for pack, texts in files.items()}
    placed = []
    for fault in faults:
        if fault.line == 0 and fault.pack in finders:
            fault = _place(fault, drafts.get(fault.pack), finders[fault.pack])
        placed.append(fault)
    return sorted(placed, key=lambda each: (each.pack, each.file, each.line, each.code))


def _place(fault: Fault, draft: Draft | None, finder: Finder) -> Fault:
    spot = fault.spot
    file = fault.file
    if not file and draft is not None:
        kind = str(spot[0]) if spot else "pack"
        declared = str(spot[1]) if kind in KINDS and len(spot) > 1 else ""
        name = str(spot[2]) if kind == "set" and len(spot) > 2 else declared
        place = draft.places.get((kind, name)) or draft.places["pack", ""]
        file = place.file
        spot = _own_path(spot, place)
    return dataclasses.replace(fault, file=file, line=finder.line_of(file, spot))


def _own_path(spot: Spot, place: Place) -> Spot:
    """A path by id as one by position in its file."""
    if spot and spot[0] in KINDS:
        return (spot[0], place.index, *spot[2:])
    return (*spot[:1], *spot[2:]) if spot[1:2] == ("",) else spot


def _mark_line(tree: Any, spot: Spot) -> int:
    """The line of a path; 0 where the tree has no such path."""
    holder, last = tree, spot[-1]
    for part in spot[:-1]:
        holder = _child(holder, part)
    value = _child(holder, last)
    if value is None:
        return 0
    if isinstance(value, tomlkit.items.AoT):
        return _mark_line(tree, (*spot, 0))
    if isinstance(value, MutableMapping) and _is_block(value):
        first = "id" if "id" in value else next(iter(value), None)
        return _mark_line(tree, (*spot, first)) if first is not None else 0
    return _replaced_line(tree, holder, last)


def _child(holder: Any, part: str | int) -> Any:
    if isinstance(holder, MutableMapping) and part in holder:
        return holder[part]
    if isinstance(holder, MutableSequence) and isinstance(part, int) and part < len(holder):
        return holder[part]
    return None


def _is_block(value: Any) -> bool:
    """Whether a table has lines of its own, and so cannot be replaced by one value."""
    return not isinstance(value, tomlkit.items.InlineTable)


def _replaced_line(tree: Any, holder: Any, last: str | int) -> int:
    value = holder[last]
    try:
        holder[last] = _MARK
        text = tomlkit.dumps(tree)
    except (TOMLKitError, TypeError, ValueError):
        return 0
    finally:
        holder[last] = value
    before, found, _ = text.partition(_MARK)
    return before.count("\n") + 1 if found else 0
