"""What parameters decide about the shape of a rule, settled once inheritance has given them values.

Amounts stay formulas and are looked up when a rule is judged. But which window a rule has, what it
divides by, which conditions and pauses hold, must stand before it can be planned: there the value
of the parameter takes the place of `{ param = "..." }`. A condition, a pause or an exemption that
is switched off is taken out.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from xueshi_server.domain.packs.measures import By, Condition, Coverage, Formula
from xueshi_server.domain.packs.model import Exemption, Parameter, Streak, Target, Window
from xueshi_server.domain.packs.nearest import nearest
from xueshi_server.domain.packs.pack import Declaration, Fault, Spot

# Kinds of declarations that hold such places.
KINDS: Final = ("subject", "rule", "conversion", "entitlement", "target", "statistic", "form")
_PLACES: Final[Mapping[type, tuple[str, ...]]] = {
    Window: ("kind", "months", "lead_months"),
    Formula: ("per", "round"),
    By: ("after_start",),
    Streak: ("pause_when",),
    Condition: ("when",),
    Coverage: ("weight",),
    Exemption: ("when",),
    Target: ("by",),
}
# What each place takes beside a formula.
_TAKES: Final[Mapping[tuple[type, str], Any]] = {
    (holder, name): _type
    for holder, names in _PLACES.items()
    for name in names
    for _type in [next(each.type for each in msgspec.structs.fields(holder) if each.name == name)]
}


class _Settler:
    """Settles one declaration; `faults` are what its parameters cannot be."""

    def __init__(self, parameters: Mapping[str, Declaration]) -> None:
        self.parameters = parameters
        self.faults: list[Fault] = []

    def settle(self, value: Any, spot: Spot) -> Any:
        """The value with every such place settled; the same object where there is none."""
        if isinstance(value, list):
            return self._settle_list(value, spot)
        if isinstance(value, tuple):
            return tuple(self._settle_list(list(value), spot))
        return self._settle_struct(value, spot) if isinstance(value, Struct) else value

    def _settle_list(self, values: list[Any], spot: Spot) -> list[Any]:
        found = [self.settle(each, (*spot, place)) for place, each in enumerate(values)]
        kept = [each for each in found if not _is_off(each)]
        same = len(kept) == len(values) and all(map(_is, kept, values))
        return values if same else kept

    def _settle_struct(self, value: Struct, spot: Spot) -> Struct:
        changed: dict[str, Any] = {}
        places = _PLACES.get(type(value), ())
        fields = zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
        for name, written in fields:
            old = getattr(value, name)
            if name in places and isinstance(old, Formula):
                changed[name] = self._read(old, _TAKES[type(value), name], (*spot, written))
            elif isinstance(old, Struct | list | tuple) and old:
                new = self.settle(old, (*spot, written))
                if new is not old or _is_off(new):
                    changed[name] = None if _is_off(new) else new
        if changed.get("pause_when") is False:
            changed["pause"] = None
        return replace(value, **changed) if changed else value

    def _read(self, formula: Formula, wanted: Any, spot: Spot) -> Any:
        parameter = self.parameters.get(formula.param or "")
        if not isinstance(parameter, Parameter) or formula.measure is not None:
            values = {
                "id": formula.param or "",
                "hint": nearest(formula.param or "", self.parameters),
            }
            self.faults.append(Fault("parameter_unknown", (*spot, "param"), values))
            return _fallback(wanted)
        try:
            return msgspec.convert(parameter.value, wanted)
        except msgspec.ValidationError:
            values = {"id": parameter.id, "value": repr(parameter.value)}
            self.faults.append(Fault("parameter_not_fitting", (*spot, "param"), values))
            return _fallback(wanted)


def settle(
    kind: str, declared: Declaration, parameters: Mapping[str, Declaration]
) -> tuple[Declaration, list[Fault]]:
    """A declaration with the values of its parameters in place."""
    settler = _Settler(parameters)
    settled: Declaration = settler.settle(declared, (kind, declared.id))
    return settled, settler.faults


def _is(one: object, other: object) -> bool:
    return one is other


def _is_off(value: object) -> bool:
    return isinstance(value, Condition | Exemption) and value.when is False


def _fallback(wanted: Any) -> Any:
    """Something that fits, so that the rest of the pack can be checked."""
    for value in (1, True, "year", "up", "heads", "2000-01-01"):
        try:
            return msgspec.convert(value, wanted)
        except msgspec.ValidationError:
            continue
    raise AssertionError(wanted)
