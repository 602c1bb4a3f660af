"""Values of declared fields: what is read, what is refused, what is shown."""

import datetime as dt
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.fields import number_of, parse_field, show_field
from xueshi_server.domain.packs.model import CodeList, FieldDeclaration

DUTY = msgspec.convert(
    {
        "id": "duty",
        "label": {"zh": "duty", "en": "Duty"},
        "value": [
            {"id": "teacher", "label": {"zh": "T", "en": "Teacher"}},
            {"id": "1", "label": {"zh": "H", "en": "Head teacher"}},
        ],
    },
    CodeList,
)


def _field(**more: Any) -> FieldDeclaration:
    return msgspec.convert(
        {"id": "x", "label": {"zh": "x", "en": "x"}, **more}, FieldDeclaration
    )  # fmt: skip


@pytest.mark.parametrize(
    ("declared", "value", "stored"),
    [
        ({}, "  a b ", "a b"),
        ({}, 7.0, "7"),
        ({"type": "int"}, "1,200", 1200),
        ({"type": "int"}, 3.0, 3),
        ({"type": "hours"}, "1.5", 90),
        ({"type": "money"}, "80.50", 8050),
        ({"type": "money"}, 80, 8000),
        ({"type": "money"}, "¥ 80.5 元", 8050),
        ({"type": "date"}, dt.date(2026, 9, 1), "2026-09-01"),
        ({"type": "date"}, "2026.9.1", "2026-09-01"),
        ({"type": "bool"}, "Y", True),
        ({"type": "bool"}, 0, False),
        ({"type": "code", "codes": "duty"}, "Head Teacher", "1"),
        ({"type": "code", "codes": "duty"}, 1.0, "1"),
        ({"type": "code", "codes": "duty", "many": True}, "T; H,T", "teacher|1"),
        ({"type": "key", "to": "person"}, 1234.0, "1234"),
        ({"type": "int"}, "  ", None),
    ],
)
def test_what_people_type_is_stored_as_declared(
    declared: dict[str, Any], value: object, stored: object
) -> None:
    assert parse_field(_field(**declared), DUTY, value) == stored


@pytest.mark.parametrize(
    ("declared", "value", "code"),
    [
        ({"required": True}, " ", "value.missing"),
        ({"max": 3}, "abcd", "value.too_long"),
        ({}, "a\x00b", "value.control"),
        ({"type": "int"}, "1.5", "value.not_whole"),
        ({"type": "int"}, "-1", "value.out_of_range"),
        ({"type": "int", "max": 9}, "10", "value.out_of_range"),
        ({"type": "int"}, "ten", "value.no_number"),
        ({"type": "int"}, True, "value.no_number"),
        ({"type": "int"}, "1e999", "value.out_of_range"),
        ({"type": "int"}, "NaN", "value.no_number"),
        ({"type": "money"}, "0.005", "value.not_fen"),
        ({"type": "hours"}, "0.1", "hours.not_quarter"),
        ({"type": "date"}, "20261301", "date.impossible"),
        ({"type": "bool"}, "perhaps", "value.not_yes_or_no"),
        ({"type": "code", "codes": "duty"}, "cook", "value.not_a_code"),
        ({"type": "code", "codes": "duty"}, "T;H", "value.not_a_code"),
        ({"type": "code", "codes": "duty", "many": True}, "T;cook", "value.not_a_code"),
        ({"type": "ref", "to": "person"}, 1.1e17, "person.id_as_number"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_reason(
    declared: dict[str, Any], value: object, code: str
) -> None:
    with pytest.raises(BadValueError) as caught:
        parse_field(_field(**declared), DUTY, value)
    assert caught.value.value_code == code


@pytest.mark.parametrize(
    ("declared", "value", "shown"),
    [
        ({"type": "code", "codes": "duty", "many": True}, "teacher|1", "Teacher, Head teacher"),
        ({"type": "code", "codes": "duty"}, "cook", "cook"),
        ({"type": "hours"}, 90, "1.5"),
        ({"type": "money"}, 123450, "1,234.50"),
        ({"type": "int"}, 0, "0"),
        ({}, None, ""),
    ],
)
def test_stored_values_are_shown_as_people_read_them(
    declared: dict[str, Any], value: Any, shown: str
) -> None:
    assert show_field(_field(**declared), DUTY, value, "en") == shown


@given(st.integers(0, 10**11))
def test_money_that_is_shown_is_read_back(fen: int) -> None:
    money = _field(type="money")
    assert parse_field(money, None, show_field(money, None, fen, "zh")) == fen
    assert round(float(str(number_of(money, fen))) * 100) == fen
