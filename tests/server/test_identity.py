"""ID numbers and telephones as people type them and as spreadsheets spoil them."""

import pytest

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.fields import parse_field, seal_text, show_field
from xueshi_server.domain.identity import (
    compare_facts,
    facts_of,
    holds_id_number,
    parse_id_number,
    parse_phone,
)
from xueshi_server.domain.packs.model import FieldDeclaration, Label
from xueshi_server.domain.sealed import is_mask, join_sealed, mask_sealed, mask_text, split_sealed

LABEL = Label(zh="号", en="Number")
ID = FieldDeclaration(id="id_number", label=LABEL, type="sealed", check="id_number")
BORN = FieldDeclaration(id="born_on", label=LABEL, type="date")
SEX = FieldDeclaration(id="sex", label=LABEL, type="code", codes="sex")
PERSON = {"id_number": ID, "born_on": BORN, "sex": SEX}

GOOD = [
    pytest.param("11010519491231002X", "11010519491231002X", id="from the standard"),
    pytest.param("440524188001010014", "440524188001010014", id="the standard's old woman"),
    pytest.param("11010519491231002x", "11010519491231002X", id="small x"),
    pytest.param("１１０１０５１９４９１２３１００２Ｘ", "11010519491231002X", id="full-width"),
    pytest.param(" 110105 19491231 002X\u200b", "11010519491231002X", id="gaps and marks"),
    pytest.param("110105-19491231-002X", "11010519491231002X", id="hyphens"),
    pytest.param("110105491231002", "11010519491231002X", id="fifteen digits"),
    # The code of the district is younger than its owner.
    pytest.param("11011219800101001X", "11011219800101001X", id="district made later"),
]
BAD = [
    pytest.param("", "id.shape", id="empty"),
    pytest.param("1101051949123100", "id.shape", id="too short"),
    pytest.param("11010519491231002XX", "id.shape", id="too long"),
    pytest.param("1101051949123100X2", "id.shape", id="x inside"),
    pytest.param("110105194912310021", "id.check_digit", id="one digit off"),
    pytest.param("110105194912310002", "id.check_digit", id="two digits exchanged"),
    pytest.param("110105194913310025", "id.birth_date", id="thirteenth month"),
    pytest.param("110105194902310025", "id.birth_date", id="no such day"),
    pytest.param("190105194912310025", "id.region", id="no such province"),
    pytest.param("1.10105E+17", "id.digits_lost", id="power of ten"),
    pytest.param("5.1E+17", "id.digits_lost", id="shorter power"),
    pytest.param("110105194912310000", "id.digits_lost", id="noughts at the end"),
    pytest.param("٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠", "id.shape", id="other digits"),
]
PHONES = [
    pytest.param("13812345678", "13812345678", id="mobile"),
    pytest.param("138 1234 5678", "13812345678", id="spaces"),
    pytest.param("138-1234-5678", "13812345678", id="hyphens"),
    pytest.param("+86 138 1234 5678", "13812345678", id="country"),
    pytest.param("0086-13812345678", "13812345678", id="country by noughts"),
    pytest.param("8613812345678", "13812345678", id="country without sign"),
    pytest.param("０８１６－６２２１２３４", "08166221234", id="full-width landline"),
    pytest.param("(0816)6221234", "08166221234", id="brackets"),
    pytest.param("010-62345678", "01062345678", id="capital"),
    pytest.param("+86 816 6221234", "08166221234", id="country and area"),
    pytest.param("+86 0816 6221234", "08166221234", id="country and nought"),
]


def code_of(parse: object, text: str) -> str:
    with pytest.raises(BadValueError) as refused:
        parse(text)  # type: ignore[operator]
    # What is said of a number never holds it.
    assert not any(len(each) > 2 for each in refused.value.details.values())
    return refused.value.value_code


@pytest.mark.parametrize(("text", "number"), GOOD)
def test_a_good_number_is_kept_in_one_form(text: str, number: str) -> None:
    assert parse_id_number(text) == number


@pytest.mark.parametrize(("text", "code"), BAD)
def test_a_bad_number_is_refused_with_its_cure(text: str, code: str) -> None:
    assert code_of(parse_id_number, text) == code


@pytest.mark.parametrize(("text", "number"), PHONES)
def test_a_telephone_is_kept_as_its_digits(text: str, number: str) -> None:
    assert parse_phone(text) == number


@pytest.mark.parametrize("text", ["6221234", "12345678901", "1381234567", "1.38E+10x", "abc", ""])
def test_a_telephone_without_its_area_is_refused(text: str) -> None:
    assert code_of(parse_phone, text) == "phone.shape"


def test_a_telephone_that_became_a_power_is_refused() -> None:
    assert code_of(parse_phone, "1.38E+10") == "id.digits_lost"


def test_a_number_says_day_and_sex() -> None:
    assert facts_of("11010519491231002X") == ("1949-12-31", "2")
    assert facts_of("440524188001010014") == ("1880-01-01", "1")


def test_empty_day_and_sex_are_taken_from_the_number() -> None:
    assert compare_facts(PERSON, "51068319850108002X", {"sex": "", "born_on": None}) == (
        {"born_on": "1985-01-08", "sex": "2"},
        {},
    )


def test_a_day_that_its_own_field_refuses_is_not_put_there() -> None:
    assert compare_facts(PERSON, "11010519491231002X", {}) == ({"sex": "2"}, {})


def test_another_day_or_sex_is_told_beside_its_field() -> None:
    said = {"born_on": "1949-12-30", "sex": "1"}
    filled, differing = compare_facts(PERSON, "11010519491231002X", said)
    assert filled == {}
    assert {name: each.value_code for name, each in differing.items()} == {
        "born_on": "id.born_differs",
        "sex": "id.sex_differs",
    }


def test_an_unknown_sex_differs_from_nothing() -> None:
    said = {"born_on": "1949-12-31", "sex": "9"}
    assert compare_facts(PERSON, "11010519491231002X", said) == ({}, {})


def test_a_type_without_those_fields_is_compared_with_nothing() -> None:
    assert compare_facts({"id_number": ID}, "11010519491231002X", {}) == ({}, {})


def test_without_a_key_no_number_is_taken() -> None:
    assert code_of(lambda text: parse_field(ID, None, text), "11010519491231002X") == (
        "sealed.no_key"
    )


def test_a_sealed_field_shows_its_last_four_characters() -> None:
    value = parse_field(ID, None, "11010519491231002x", seal=lambda text: _box(text))
    assert show_field(ID, None, value, "zh") == "••••002X"


def test_what_a_table_shows_says_nothing_when_it_comes_back() -> None:
    assert parse_field(ID, None, "••••002X", seal=_box) is None
    required = FieldDeclaration(id="n", label=LABEL, type="sealed", check="phone", required=True)
    with pytest.raises(BadValueError, match="missing"):
        parse_field(required, None, "••••5678", seal=_box)
    with pytest.raises(BadValueError, match="no_key"):
        seal_text("13812345678", None)


@pytest.mark.parametrize(
    "value", [b"", b"\x01", b"\x00" + b"1234" + b"x" * 66, b"\x01<b>x" + b"x" * 66]
)
def test_what_is_no_sealed_value_shows_nothing(value: bytes) -> None:
    assert split_sealed(value) is None
    assert mask_sealed(value) == "••••"


def test_of_a_short_text_nothing_is_shown() -> None:
    assert mask_text("11010519491231002X") == "••••002X"
    assert mask_text("1234") == "••••"
    assert is_mask(mask_text("1234"))


def _box(text: str) -> bytes:
    return join_sealed(1, text, b"x" * 66)


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("11010519491231002X", True),
        ("110105194912310021", True),
        ("王秀英 110105 19491231 002x", True),
        ("１１０１０５１９４９１２３１００２Ｘ", True),
        ("130503670401001", True),
        ("4117230107001", False),
        ("12345678901234567890", False),
        ("王秀英", False),
        ("002X", False),
        ("", False),
    ],
)
def test_an_id_number_is_seen_in_a_text_also_with_a_slip(text: str, held: bool) -> None:
    assert holds_id_number(text) is held
