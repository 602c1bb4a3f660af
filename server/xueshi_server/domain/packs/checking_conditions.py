"""Checks of conditions and amounts: fields that exist, values that the field can have."""

from collections.abc import Collection, Sequence

from xueshi_server.domain.credit import STATES
from xueshi_server.domain.packs.amounts import is_day, read_fraction
from xueshi_server.domain.packs.checker import STATE_FIELD, WHOLE, Checker, Fields, fields_of
from xueshi_server.domain.packs.measures import Amount, Condition, Formula, Scalar
from xueshi_server.domain.packs.model import FieldDeclaration, RecordType
from xueshi_server.domain.packs.pack import Spot


def check_amount(checker: Checker, amount: Amount, spot: Spot, words: Collection[str] = ()) -> None:
    """Check an amount: readable, one of the `words` that have a rank, or a formula over a
    parameter that is one of these. An empty parameter is one the county has not set."""
    if not isinstance(amount, Formula):
        checker.amount(amount, spot, words)
        return
    if (amount.param is None) == (amount.measure is None):
        checker.fault("formula_alternatives", spot)
    if amount.per is not None and amount.per < 1:
        checker.fault("per_not_positive", (*spot, "per"))
    if amount.param is None or not check_parameter(checker, amount.param, (*spot, "param")):
        return
    value = checker.pack.parameters[amount.param].value
    if value in words or value == "":
        return
    if isinstance(value, bool) or (isinstance(value, str) and read_fraction(value) is None):
        values = {"id": amount.param, "value": repr(value)}
        checker.fault("parameter_not_amount", (*spot, "param"), **values)


def check_hours(checker: Checker, amount: Amount, spot: Spot) -> None:
    """Check that class hours say so: records keep them in sixtieths, so a bare number misleads."""
    if isinstance(amount, Formula):
        parameter = checker.pack.parameters.get(amount.param or "")
        if parameter is None or amount.per is not None:
            return
        written: bool | int | str = parameter.value
    else:
        written = amount
    if written not in (0, "0", "") and not str(written).endswith("h"):
        checker.fault("hours_without_unit", spot, value=str(written))


def check_parameter(checker: Checker, name: str, spot: Spot) -> bool:
    """Check that there is such a parameter."""
    return checker.known("parameter_unknown", name, checker.pack.parameters, spot)


def check_where(
    checker: Checker,
    where: Sequence[Condition],
    spot: Spot,
    declared: RecordType,
    subject: Fields | None = None,
) -> None:
    """Check conditions on records of a type, for a subject of those fields."""
    for position, condition in enumerate(where):
        here = (*spot, position)
        check_condition(checker, condition, here, (declared.id, fields_of(declared)))
        if condition.same_as is not None and subject is not None:
            _check_same_as(checker, condition.same_as, subject, here)


def _check_same_as(checker: Checker, name: str, subject: Fields, spot: Spot) -> None:
    if name != "scope":
        checker.field(subject, name, (*spot, "same_as"), "scope")


def check_who(checker: Checker, who: Sequence[Condition], spot: Spot, subject_id: str) -> None:
    """Check conditions on the fields of a subject."""
    fields = checker.who_fields(subject_id)
    if not fields:
        return
    for position, condition in enumerate(who):
        check_condition(checker, condition, (*spot, position), (subject_id, fields))


def check_condition(
    checker: Checker, condition: Condition, spot: Spot, of: tuple[str, Fields]
) -> None:
    """Check one condition on a record or subject `of` (name and fields)."""
    name, fields = of
    field = checker.field(fields, condition.field, (*spot, "field"), name)
    tests = _tests_of(condition)
    if field is not None and condition.begins and (field.type != "text" or field.many):
        values = {"field": condition.field, "type": field.type}
        checker.fault("begins_no_text", (*spot, "begins"), **values)
    if (
        not tests
        and not condition.begins
        and condition.present is None
        and condition.same_as is None
    ):
        checker.fault("condition_empty", spot, field=condition.field)
    if field is None:
        return
    for path, value in tests:
        _check_value(checker, field, value, (*spot, *path))
    for key in ("at_least", "at_most"):
        if getattr(condition, key) is not None:
            _check_order(checker, field, (*spot, key))


def _tests_of(condition: Condition) -> list[tuple[Spot, Scalar | Formula]]:
    """The values a condition compares with, each with its path."""
    single = [("is", condition.is_), ("is_not", condition.is_not)]
    single += [("at_least", condition.at_least), ("at_most", condition.at_most)]
    found: list[tuple[Spot, Scalar | Formula]] = [
        ((key,), value) for key, value in single if value is not None
    ]
    for key, values in (("in", condition.in_), ("not_in", condition.not_in)):
        found += [((key, position), value) for position, value in enumerate(values)]
    return found


def _check_value(
    checker: Checker, field: FieldDeclaration, value: Scalar | Formula, spot: Spot
) -> None:
    """Check that a field can have that value."""
    if isinstance(value, Formula):
        if value.param is None:
            checker.fault("condition_not_plain", spot)
            return
        if not check_parameter(checker, value.param, (*spot, "param")):
            return
        value = checker.pack.parameters[value.param].value
        if value == "":
            return
    if field is STATE_FIELD:
        checker.known("state_unknown", str(value), STATES, spot, of="state")
    elif field.type == "code":
        listed = checker.codes_of(field)
        if listed is not None:
            checker.code(listed, str(value), spot)
    elif not _fits(field, value):
        values = {"field": field.id, "type": field.type, "value": repr(value)}
        checker.fault("value_wrong_type", spot, **values)


def _fits(field: FieldDeclaration, value: Scalar) -> bool:
    if field.type == "bool":
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if field.type in WHOLE:
        return isinstance(value, int) or read_fraction(value) is not None
    if field.type == "date":
        return isinstance(value, str) and is_day(value)
    return isinstance(value, str)


def _check_order(checker: Checker, field: FieldDeclaration, spot: Spot) -> None:
    """Check that values of the field have an order."""
    if field.type == "code":
        listed = checker.codes_of(field)
        if listed is not None and not listed.ordinal:
            checker.fault("codes_not_ordinal", spot, field=field.id, codes=listed.id)
    elif field.type not in (*WHOLE, "date"):
        checker.fault("field_not_comparable", spot, field=field.id, type=field.type)
