"""Inheritance: a pack takes over what the packs it extends declare, and changes it by id.

Parents come first, each once, in the order of `extends`; a later declaration of the same kind and
id replaces an earlier one whole. `drop` takes declarations away, `set` gives parameters another
value. The codes of the list `level` are shown in the pack's own words for levels, and what is
inherited leaves out what the pack's own types have not. The result is the same whatever the order
of the drafts given.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

import msgspec

from xueshi_server.domain.errors import DomainError
from xueshi_server.domain.packs.amounts import read_fraction
from xueshi_server.domain.packs.fitting import Fitting
from xueshi_server.domain.packs.model import About, Calendar, CodeList, Label, Level, Parameter
from xueshi_server.domain.packs.nearest import nearest
from xueshi_server.domain.packs.pack import KINDS, Ancestor, Declaration, Draft, Fault, Pack
from xueshi_server.domain.packs.settling import KINDS as SETTLED_KINDS
from xueshi_server.domain.packs.settling import settle

_RANGE: Final = re.compile(r"^(?P<low>[\w.]*)(?P<dash>-)?(?P<high>[\w.]*)$")


class PackFaultsError(DomainError):
    """A pack that cannot be used; `faults` says why."""

    code = "pack.faulty"

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        first = self.faults[0]
        super().__init__(f"{first.code} {dict(first.values)} ({len(self.faults)} faults)")
        self.fields = {"first": first.code, "count": len(self.faults)}


def resolve(pack_id: str, drafts: Iterable[Draft]) -> Pack:
    """The pack with all it inherits; raises PackFaultsError."""
    lineage, faults = order_parents(pack_id, drafts)
    if not faults:
        pack, faults = merge_lineage(lineage)
        if not faults:
            return pack
    raise PackFaultsError(faults)


def order_parents(pack_id: str, drafts: Iterable[Draft]) -> tuple[list[Draft], list[Fault]]:
    """The drafts a pack is made of, parents before children, itself last."""
    library: dict[str, list[Draft]] = {}
    for draft in drafts:
        library.setdefault(draft.about.id, []).append(draft)
    for versions in library.values():
        versions.sort(key=lambda each: version_key(each.about.version))
    if pack_id not in library:
        return [], [Fault("extends_unknown", ("pack", "id"), {"id": pack_id, "hint": ""})]
    ordered: list[Draft] = []
    faults: list[Fault] = []
    _visit(library[pack_id][-1], library, (), (ordered, faults))
    return ordered, faults


def _visit(
    draft: Draft,
    library: Mapping[str, list[Draft]],
    above: tuple[str, ...],
    found: tuple[list[Draft], list[Fault]],
) -> None:
    ordered, faults = found
    about = draft.about
    for position, parent_id in enumerate(about.extends):
        spot = ("pack", "extends", position)
        chain = (*above, about.id)
        if parent_id in chain:
            loop = " > ".join((*chain[chain.index(parent_id) :], parent_id))
            faults.append(Fault("extends_cycle", spot, {"loop": loop}, about.id))
            continue
        wanted = about.versions.get(parent_id, "")
        fitting = [
            each for each in library.get(parent_id, []) if in_range(each.about.version, wanted)
        ]
        if fitting:
            if all(each.about.id != parent_id for each in ordered):
                _visit(fitting[-1], library, chain, found)
        elif parent_id in library:
            have = ", ".join(each.about.version for each in library[parent_id])
            values = {"id": parent_id, "wanted": wanted, "have": have}
            faults.append(Fault("extends_version", spot, values, about.id))
        else:
            values = {"id": parent_id, "hint": nearest(parent_id, library)}
            faults.append(Fault("extends_unknown", spot, values, about.id))
    ordered.append(draft)


def version_key(version: str) -> tuple[tuple[int, int, str], ...]:
    """Orders versions part by part, numbers as numbers: 2 before 10."""
    parts = re.findall(r"\d+|[^\d.]+", version)
    return tuple((0, int(each), "") if each.isdigit() else (1, 0, each) for each in parts)


def in_range(version: str, wanted: str) -> bool:
    """Whether a version lies in "2" (that one), "2-4", "2-" or "-4"; everything lies in ""."""
    match = _RANGE.match(wanted)
    if match is None or not wanted:
        return not wanted
    low, dash, high = match["low"], match["dash"], match["high"]
    if not dash:
        return version == wanted
    key = version_key(version)
    return (not low or version_key(low) <= key) and (not high or key <= version_key(high))


def merge_lineage(lineage: list[Draft]) -> tuple[Pack, list[Fault]]:
    """Lay the drafts over each other, parents first."""
    assert lineage
    faults: list[Fault] = []
    merged: dict[str, dict[str, Declaration]] = {kind: {} for kind in KINDS}
    origins: dict[str, str] = {}
    calendar = Calendar()
    for draft in lineage:
        _drop(draft, merged, origins, faults)
        for kind, declared in draft.tables.items():
            merged[kind].update(declared)
            origins |= {f"{kind}:{each}": draft.about.id for each in declared}
        faults += _set(draft, merged["parameter"])
        if draft.calendar is not None:
            calendar = draft.calendar
            origins["calendar:"] = draft.about.id
    _word_levels(lineage, merged)
    faults += _settle(merged, origins)
    own = lineage[-1].about
    Fitting(merged, origins, own.id).fit()
    tables: dict[str, Any] = {KINDS[kind]: declared for kind, declared in merged.items()}
    ancestors = tuple(Ancestor(each.about.id, each.about.version) for each in lineage[:-1])
    pack = Pack(about=own, calendar=calendar, lineage=ancestors, origins=origins, **tables)
    return pack, faults


def _drop(
    draft: Draft,
    merged: dict[str, dict[str, Declaration]],
    origins: dict[str, str],
    faults: list[Fault],
) -> None:
    for position, name in enumerate(draft.drop):
        kind, _, declared_id = name.partition(":")
        if declared_id in merged.get(kind, {}):
            del merged[kind][declared_id]
            del origins[name]
            continue
        known = [f"{each}:{one}" for each, table in merged.items() for one in table]
        values = {"name": name, "hint": nearest(name, known)}
        faults.append(Fault("drop_unknown", ("drop", "", position), values, draft.about.id))


def _word_levels(lineage: list[Draft], merged: dict[str, dict[str, Declaration]]) -> None:
    """Show each absolute level in the first word for it, of the pack itself before its parents."""
    codes = merged["codes"].get("level")
    if not isinstance(codes, CodeList):
        return
    words: dict[str, Label] = {}
    for draft in reversed(lineage):
        for name in draft.tables["level"]:
            level = merged["level"].get(name)
            if isinstance(level, Level):
                words.setdefault(level.absolute, level.label)
    value = [
        msgspec.structs.replace(each, label=words.get(each.id, each.label)) for each in codes.value
    ]
    merged["codes"]["level"] = msgspec.structs.replace(codes, value=value)


def _settle(merged: dict[str, dict[str, Declaration]], origins: Mapping[str, str]) -> list[Fault]:
    """Put the values of parameters where they decide about the shape of a declaration."""
    faults: list[Fault] = []
    for kind in SETTLED_KINDS:
        for name, declared in merged[kind].items():
            merged[kind][name], found = settle(kind, declared, merged["parameter"])
            faults += [replace(each, pack=origins[f"{kind}:{name}"]) for each in found]
    return faults


def _set(draft: Draft, parameters: dict[str, Declaration]) -> list[Fault]:
    """Give parameters the values of `set`; what does not fit is a fault."""
    faults = []
    for name, value in draft.settings.items():
        parameter = parameters.get(name)
        spot = ("set", "", name)
        if not isinstance(parameter, Parameter):
            values = {"id": name, "hint": nearest(name, parameters)}
            faults.append(Fault("parameter_unknown", spot, values, draft.about.id))
        elif not _is_alike(value, parameter):
            values = {"id": name, "like": repr(parameter.value)}
            faults.append(Fault("parameter_kind", spot, values, draft.about.id))
        else:
            parameters[name] = msgspec.structs.replace(parameter, value=value)
    return faults


def _is_alike(value: bool | int | str, parameter: Parameter) -> bool:
    """Whether a value is of the parameter's kind, or an amount in text for a number; what is not
    set yet says no kind. (A bare number for class hours in text would be sixtieths.)"""
    like = parameter.value
    if type(value) is type(like) or value in parameter.choices:
        return True
    if isinstance(value, bool) or isinstance(like, bool):
        return False
    return like == "" or (isinstance(value, str) and read_fraction(value) is not None)


def find_overlaps(abouts: Iterable[About]) -> list[Fault]:
    """Versions of one pack that claim the same days."""
    by_id: dict[str, list[About]] = {}
    for about in abouts:
        by_id.setdefault(about.id, []).append(about)
    faults = []
    for versions in by_id.values():
        versions.sort(key=lambda each: (each.valid_from, version_key(each.version)))
        for earlier, later in pairwise(versions):
            if earlier.valid_to is None or earlier.valid_to >= later.valid_from:
                values = {
                    "id": earlier.id,
                    "earlier": earlier.version,
                    "later": later.version,
                    "day": later.valid_from.isoformat(),
                }
                faults.append(Fault("versions_overlap", ("pack", "valid_from"), values, earlier.id))
    return faults
