"""The difference of two packs, by id and key."""

from tests.server.packs.drafts import LABEL, about, draft, parameter
from xueshi_server.domain.packs.diff import Change, diff_packs
from xueshi_server.domain.packs.inherit import resolve
from xueshi_server.domain.packs.pack import Pack


def pack(*tables: str) -> Pack:
    return resolve("x", [draft(about("x"), *tables)])


def codes(*ids: str) -> str:
    values = ", ".join(f'{{ id = "{each}", {LABEL} }}' for each in ids)
    return f'[[codes]]\nid = "kind"\n{LABEL}\nvalue = [{values}]\n'


def test_a_pack_does_not_differ_from_itself() -> None:
    assert diff_packs(pack(parameter("a", "1")), pack(parameter("a", "1"))) == []


def test_what_came_and_what_went_is_named() -> None:
    changes = diff_packs(pack(parameter("a", "1")), pack(parameter("b", "1")))
    assert changes == [Change("removed", "parameter", "a"), Change("added", "parameter", "b")]


def test_a_changed_key_has_its_values() -> None:
    changes = diff_packs(pack(parameter("a", "1")), pack(parameter("a", '"1"')))
    assert changes == [Change("changed", "parameter", "a", "value", "1", '"1"')]


def test_things_with_an_id_are_matched_by_it() -> None:
    changes = diff_packs(pack(codes("p", "q")), pack(codes("o", "p", "q")))
    assert [(each.path, each.before) for each in changes] == [("value[o]", "")]


def test_another_version_is_a_change_of_the_pack() -> None:
    old, new = draft(about("x")), draft(about("x", version='"2"'))
    changes = diff_packs(resolve("x", [old]), resolve("x", [new]))
    assert changes == [Change("changed", "pack", "x", "version", '"1"', '"2"')]


def test_a_calendar_is_compared() -> None:
    changes = diff_packs(pack(), pack("[calendar]\ncycle_years = 3\n"))
    assert [(each.kind, each.path, each.after) for each in changes] == [
        ("calendar", "cycle_years", "3")
    ]
