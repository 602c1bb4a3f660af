"""Inheritance: order, overriding, dropping, setting, versions, and one digest for one meaning."""

from itertools import permutations

import pytest

from tests.server.packs.drafts import about, draft, parameter
from xueshi_server.domain.packs.inherit import (
    PackFaultsError,
    find_overlaps,
    in_range,
    resolve,
    version_key,
)
from xueshi_server.domain.packs.pack import Draft, Pack

BASE = draft(about("base"), parameter("a", "1"), parameter("b", '"x"'))


def child(*tables: str, **more: str) -> Draft:
    return draft(*tables, about("child", extends='["base"]', **more))


def codes_of(pack_id: str, *drafts: Draft) -> list[str]:
    with pytest.raises(PackFaultsError) as caught:
        resolve(pack_id, drafts)
    return [each.code for each in caught.value.faults]


def values(pack: Pack) -> dict[str, bool | int | str]:
    return {name: each.value for name, each in pack.parameters.items()}


def test_what_a_parent_declares_is_there() -> None:
    assert values(resolve("child", [BASE, child()])) == {"a": 1, "b": "x"}


def test_a_declaration_of_the_same_id_replaces_the_inherited_one() -> None:
    own = draft(about("child", extends='["base"]'), parameter("a", "2"))
    assert values(resolve("child", [BASE, own])) == {"a": 2, "b": "x"}


def test_origins_say_whose_a_declaration_is() -> None:
    own = draft(about("child", extends='["base"]'), parameter("a", "2"))
    origins = resolve("child", [BASE, own]).origins
    assert (origins["parameter:a"], origins["parameter:b"]) == ("child", "base")


def test_a_dropped_declaration_is_gone() -> None:
    assert values(resolve("child", [BASE, child('drop = ["parameter:a"]')])) == {"b": "x"}


def test_a_set_parameter_keeps_all_but_its_value() -> None:
    pack = resolve("child", [BASE, child("set.a = 5")])
    assert (pack.parameters["a"].value, pack.parameters["a"].label.en) == (5, "A")


def test_setting_reaches_only_the_pack_that_sets() -> None:
    drafts = [BASE, child("set.a = 5")]
    assert values(resolve("base", drafts))["a"] == 1


def test_yes_and_one_are_not_the_same_type() -> None:
    assert codes_of("child", BASE, child("set.a = true")) == ["parameter_kind"]


def test_a_later_parent_wins() -> None:
    one, two = draft(about("one"), parameter("a", "1")), draft(about("two"), parameter("a", "2"))
    own = draft(about("child", extends='["one", "two"]'))
    assert values(resolve("child", [own, one, two])) == {"a": 2}


def test_a_common_grandparent_counts_once() -> None:
    left = draft(about("left", extends='["base"]'), parameter("a", "7"))
    right = draft(about("right", extends='["base"]'))
    own = draft(about("child", extends='["left", "right"]'))
    pack = resolve("child", [BASE, left, right, own])
    assert [each.id for each in pack.lineage] == ["base", "left", "right"]
    assert values(pack)["a"] == 7


def test_the_order_in_which_packs_are_found_means_nothing() -> None:
    drafts = [BASE, draft(about("left", extends='["base"]')), child()]
    found = {resolve("child", each).digest for each in permutations(drafts)}
    assert len(found) == 1


def test_a_calendar_is_inherited_until_another_is_declared() -> None:
    own = draft(about("base"), "[calendar]\ncycle_years = 3\n")
    assert resolve("child", [own, child()]).calendar.cycle_years == 3
    assert resolve("child", [own, child("[calendar]\n")]).calendar.cycle_years == 5


@pytest.mark.parametrize(
    ("drafts", "code"),
    [
        pytest.param((child(),), "extends_unknown", id="parent-unknown"),
        pytest.param(
            (draft(about("base", extends='["child"]')), child()), "extends_cycle", id="cycle"
        ),
        pytest.param(
            (BASE, child(versions='{ base = "2-" }')), "extends_version", id="version-too-old"
        ),
        pytest.param((BASE, child('drop = ["rule:a"]')), "drop_unknown", id="drop-unknown"),
        pytest.param((BASE, child("set.c = 1")), "parameter_unknown", id="set-unknown"),
    ],
)
def test_bad_inheritance_is_refused(drafts: tuple[Draft, ...], code: str) -> None:
    assert codes_of("child", *drafts) == [code]


def test_the_highest_version_that_fits_is_taken() -> None:
    versions = [
        draft(about("base", version=f'"{each}"'), parameter("a", each)) for each in ("2", "10", "9")
    ]
    own = child(versions='{ base = "2-9" }')
    assert values(resolve("child", [*versions, own])) == {"a": 9}
    assert values(resolve("child", [*versions, child()])) == {"a": 10}


@pytest.mark.parametrize(
    ("version", "wanted", "fits"),
    [
        pytest.param("3", "", True, id="any"),
        pytest.param("3", "3", True, id="that-one"),
        pytest.param("3.1", "3", False, id="another"),
        pytest.param("10", "9-", True, id="numbers-not-text"),
        pytest.param("2017.2", "2017.1-2017.3", True, id="between"),
        pytest.param("2018", "-2017.9", False, id="too-new"),
        pytest.param("3", "from 3", False, id="no-range"),
    ],
)
def test_versions_lie_in_ranges(version: str, wanted: str, fits: bool) -> None:
    assert in_range(version, wanted) is fits


def test_versions_are_ordered_part_by_part() -> None:
    assert sorted(["1.10", "1.9", "2", "1"], key=version_key) == ["1", "1.9", "1.10", "2"]


def test_overlapping_versions_are_found() -> None:
    first = draft(about("x")).about
    second = draft(about("x", version='"2"', valid_from="2026-01-01")).about
    assert [each.code for each in find_overlaps([second, first])] == ["versions_overlap"]


def test_versions_that_follow_each_other_do_not_overlap() -> None:
    first = draft(about("x", valid_to="2025-12-31")).about
    second = draft(about("x", version='"2"', valid_from="2026-01-01")).about
    assert find_overlaps([first, second]) == []


def test_what_means_the_same_has_the_same_digest() -> None:
    one = draft(about("base"), parameter("b", '"x"'), parameter("a", "1"))
    assert resolve("base", [one]).digest == resolve("base", [BASE]).digest


def test_another_value_has_another_digest() -> None:
    one = draft(about("base"), parameter("a", "2"), parameter("b", '"x"'))
    assert resolve("base", [one]).digest != resolve("base", [BASE]).digest


LEVELS = """
[[codes]]
id = "level"
label = { zh = "级别", en = "Level" }
ordinal = true
value = [
  { id = "county", rank = 4, label = { zh = "县级", en = "County" } },
  { id = "province", rank = 6, label = { zh = "省级", en = "Province" } },
]
"""


def level(level_id: str, word: str, absolute: str) -> str:
    label = f'{{ zh = "{word}", en = "{level_id}" }}'
    return f'[[level]]\nid = "{level_id}"\nlabel = {label}\nabsolute = "{absolute}"\n'


def test_levels_are_shown_in_the_first_word_of_the_pack_itself() -> None:
    base = draft(about("base"), LEVELS, level("xian", "区县级", "county"))
    words = (level("shi", "市级", "county"), level("shipei", "市培", "county"))
    pack = resolve("child", [base, child(*words)])
    shown = {each.id: each.label.zh for each in pack.codes["level"].value}
    assert shown == {"county": "市级", "province": "省级"}


def test_an_inherited_word_for_a_level_stands_where_the_pack_has_none() -> None:
    base = draft(about("base"), LEVELS, level("xian", "区县级", "county"))
    shown = {
        each.id: each.label.zh for each in resolve("child", [base, child()]).codes["level"].value
    }
    assert shown == {"county": "区县级", "province": "省级"}
