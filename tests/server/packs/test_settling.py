"""What a parameter decides about the shape of a rule is settled when the pack is put together."""

import pytest

from tests.server.rules.engine_pack import BASE, make_pack, rule
from xueshi_server.domain.packs.inherit import PackFaultsError
from xueshi_server.domain.packs.measures import Formula
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.packs.reading import load_pack


def parameter(name: str, value: str) -> str:
    return f"\n[[parameter]]\nid = '{name}'\nlabel = {{ zh = '参', en = 'P' }}\nvalue = {value}\n"


def county(text: str, settings: str) -> Pack:
    """The pack of a county that extends one and sets its parameters."""
    about = BASE.partition("[[parameter]]")[0].replace('"toy"', '"own"')
    own = f"{settings}\n" + about.replace("[pack]", '[pack]\nextends = ["toy"]')
    labelled = text.replace("[[rule]]", "[[rule]]\nlabel = { zh = '则', en = 'Rule' }")
    files = {"toy": {"p.toml": (BASE + labelled).encode()}, "own": {"p.toml": own.encode()}}
    return load_pack(files, "own")


def fault_of(text: str) -> tuple[str, object]:
    with pytest.raises(PackFaultsError) as caught:
        make_pack(text)
    return caught.value.faults[0].code, caught.value.faults[0].spot


YEARLY = rule("at_least = 1", window='kind = { param = "period" }') + parameter("period", "'year'")


def test_the_kind_of_a_window_is_the_value_of_its_parameter() -> None:
    assert make_pack(YEARLY).rules["R"].window.kind == "year"


def test_a_county_counts_by_another_year() -> None:
    pack = county(YEARLY, "set.period = 'school_year'")
    assert pack.rules["R"].window.kind == "school_year"


def test_a_window_of_no_kind_is_a_fault_at_its_place() -> None:
    text = YEARLY.replace("value = 'year'", "value = 'moon'")
    assert fault_of(text) == ("parameter_not_fitting", ("rule", "R", "window", "kind", "param"))


def test_a_place_of_an_unknown_parameter_is_a_fault() -> None:
    text = rule("at_least = 1", window='kind = { param = "perod" }')
    assert fault_of(text) == ("parameter_unknown", ("rule", "R", "window", "kind", "param"))


DIVIDED = rule(
    "at_least = { measure = { kind = 'headcount', of = 'teacher' }, per = { param = 'heads' },"
    " round = { param = 'rounding' } }"
)


def test_a_quotient_is_by_the_value_of_its_parameters() -> None:
    text = DIVIDED + parameter("heads", "300") + parameter("rounding", "'down'")
    need = make_pack(text).rules["R"].need
    assert need is not None
    assert isinstance(need.at_least, Formula)
    assert (need.at_least.per, need.at_least.round) == (300, "down")


SWITCHED = rule(
    "at_least = 1",
    measure="kind = 'count', of = 'hour', where = [{ field = 'kind', is = 'a' },"
    " { field = 'level', is = 'county', when = { param = 'strict' } }]",
)


@pytest.mark.parametrize(("value", "fields"), [("true", ["kind", "level"]), ("false", ["kind"])])
def test_a_condition_that_is_switched_off_is_taken_out(value: str, fields: list[str]) -> None:
    measure = make_pack(SWITCHED + parameter("strict", value)).rules["R"].measure
    assert [each.field for each in getattr(measure, "where")] == fields  # noqa: B009


def test_a_switch_is_on_or_off() -> None:
    assert fault_of(SWITCHED + parameter("strict", "1"))[0] == "parameter_not_fitting"


def test_what_names_no_parameter_stays_as_it_is() -> None:
    text = rule("at_least = { param = 'goal' }")
    need = make_pack(text).rules["R"].need
    assert need is not None
    assert need.at_least == Formula(param="goal")


@pytest.mark.parametrize(
    ("written", "settings", "fits"),
    [
        ("0", "'10h'", True),
        ("''", "4", True),
        ("'360h'", "360", False),
        ("1", "true", False),
        ("1", "'often'", False),
    ],
)
def test_a_number_may_be_set_as_an_amount(written: str, settings: str, fits: bool) -> None:
    text = parameter("floor", written)
    if fits:
        assert county(text, f"set.floor = {settings}").parameters["floor"].value != written
    else:
        with pytest.raises(PackFaultsError):
            county(text, f"set.floor = {settings}")
