"""Personal numbers sealed to the county's key: what is kept, who opens it, and when nobody can."""

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.public import PrivateKey
from stdnum.cn import ric

from tests.server.conftest import County
from tests.server.nodes import NOW_MS, World, add_person
from xueshi_server.domain.identity import parse_id_number
from xueshi_server.domain.sealed import mask_sealed, split_sealed
from xueshi_server.errors import NotCentreError
from xueshi_server.node_home import open_node
from xueshi_server.record_types import SCHEMA
from xueshi_server.resealing import describe_keys, destroy_old, rotate
from xueshi_server.seal_errors import SealBrokenError, SealKeyAbsentError, SealWaitingError
from xueshi_server.sealing import (
    Opener,
    Sealer,
    ensure_seal_key,
    find_sealer,
    held_generations,
    make_generation,
)
from xueshi_server.store.seal_keys import list_seal_keys
from xueshi_sync.context import Context
from xueshi_sync.keys import write_key
from xueshi_sync.node import Node
from xueshi_sync.schema import Schema
from xueshi_sync.writer import RecordKey

NUMBER = "11010519491231002X"


def seal_at(node: Node, key: RecordKey, text: str = NUMBER) -> bytes:
    """Write a sealed number into a person's record."""
    sealer = find_sealer(node)
    assert sealer is not None
    value = sealer(text)
    with node.write(actor="admin") as action:
        action.set("person", key, {"id_number": value})
    return value


def stored(node: Node) -> bytes:
    """The one sealed number at a node."""
    rows = node.query("SELECT id_number FROM person WHERE id_number IS NOT NULL")
    assert len(rows) == 1
    return bytes(rows[0]["id_number"])


@pytest.fixture
def sealed_county(county: County) -> County:
    """A county whose centre has a key that the school knows."""
    ensure_seal_key(county.centre)
    county.carry_both_ways()
    return county


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Opener, Sealer]:
    """A private key in a folder, and what seals to it."""
    home = tmp_path_factory.mktemp("home")
    private = PrivateKey.generate()
    write_key(home / "key" / "seal-3.key", bytes(private))
    return Opener(home), Sealer(3, bytes(private.public_key))


@st.composite
def id_numbers(draw: st.DrawFn) -> str:
    """Any valid number of 18 characters."""
    day = draw(st.dates(dt.date(1900, 1, 1), dt.date(2026, 12, 31)))
    region = draw(st.sampled_from(["110105", "510683", "500112", "830000", "911156"]))
    serial = draw(st.integers(0, 999))
    body = f"{region}{day:%Y%m%d}{serial:03d}"
    return body + ric.calc_check_digit(body + "0")


@settings(max_examples=40, deadline=None)
@given(number=id_numbers())
def test_any_valid_number_survives_sealing_and_opening(
    keyed: tuple[Opener, Sealer], number: str
) -> None:
    opener, sealer = keyed
    value = sealer(parse_id_number(number))
    assert opener(value) == number
    assert mask_sealed(value) == f"••••{number[-4:]}"
    assert number.encode() not in value


@settings(max_examples=40, deadline=None)
@given(place=st.integers(0, 70), bit=st.integers(0, 7))
def test_an_altered_value_is_refused(keyed: tuple[Opener, Sealer], place: int, bit: int) -> None:
    opener, sealer = keyed
    value = bytearray(sealer(NUMBER))
    value[place % len(value)] ^= 1 << bit
    with pytest.raises((SealBrokenError, SealKeyAbsentError)):
        opener(bytes(value))


def test_a_value_takes_some_seventy_bytes(keyed: tuple[Opener, Sealer]) -> None:
    value = keyed[1](NUMBER)
    parts = split_sealed(value)
    assert len(value) == 71
    assert parts is not None
    assert parts[:2] == (3, "002X")


def test_the_same_number_is_never_sealed_alike(keyed: tuple[Opener, Sealer]) -> None:
    assert keyed[1](NUMBER) != keyed[1](NUMBER)


def test_a_school_without_the_key_has_nothing_to_seal_with(school: Node) -> None:
    ensure_seal_key(school)
    assert find_sealer(school) is None


def test_the_private_key_is_for_its_owner_alone(sealed_county: County) -> None:
    path = sealed_county.centre.home / "key" / "seal-1.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert not list((sealed_county.school.home / "key").glob("seal-*"))


def test_a_centre_makes_its_first_key_once(sealed_county: County) -> None:
    ensure_seal_key(sealed_county.centre)
    assert [each.generation for each in list_seal_keys(sealed_county.centre)] == [1]


def test_what_a_school_seals_the_centre_opens_and_the_school_cannot(sealed_county: County) -> None:
    centre, school = sealed_county.centre, sealed_county.school
    seal_at(school, add_person(school))
    sealed_county.carry_both_ways()
    assert Opener(centre.home)(stored(centre)) == NUMBER
    with pytest.raises(SealKeyAbsentError):
        Opener(school.home)(stored(school))


def test_a_rotation_seals_anew_and_the_school_uses_the_new_key(sealed_county: County) -> None:
    centre, school = sealed_county.centre, sealed_county.school
    seal_at(school, add_person(school))
    sealed_county.carry_both_ways()
    done = rotate(centre, actor="admin")
    sealed_county.carry_both_ways()
    assert (done.generation, done.count, done.closed, done.disputed) == (2, 1, 0, 0)
    assert stored(school)[0] == 2
    assert Opener(centre.home)(stored(centre)) == NUMBER
    sealer = find_sealer(school)
    assert sealer is not None
    assert sealer.generation == 2


def test_after_the_old_key_is_destroyed_old_values_stay_closed(sealed_county: County) -> None:
    centre, school = sealed_county.centre, sealed_county.school
    old = seal_at(school, add_person(school))
    sealed_county.carry_both_ways()
    rotate(centre, actor="admin")
    sealed_county.carry_both_ways()
    assert destroy_old(centre, actor="admin").destroyed == [1]
    assert held_generations(centre.home) == [2]
    assert Opener(centre.home)(stored(centre)) == NUMBER
    with pytest.raises(SealKeyAbsentError) as refused:
        Opener(centre.home)(old)
    assert refused.value.fields == {"generation": 1}


def test_the_old_key_stays_while_a_school_may_still_seal_to_it(sealed_county: County) -> None:
    centre = sealed_county.centre
    # A day later: the school was heard from before the new key, not after it.
    object.__setattr__(centre.context, "now_ms", lambda: NOW_MS + 86_400_000)
    rotate(centre, actor="admin")
    with pytest.raises(SealWaitingError) as refused:
        destroy_old(centre, actor="admin")
    assert refused.value.fields["schools"] == "S1"
    assert held_generations(centre.home) == [2, 1]
    assert destroy_old(centre, actor="admin", anyway=True).destroyed == [1]


def test_what_comes_late_is_sealed_anew_before_the_key_goes(sealed_county: County) -> None:
    centre, school = sealed_county.centre, sealed_county.school
    person = add_person(school)
    rotate(centre, actor="admin")
    seal_at(school, person)
    sealed_county.carry_both_ways()
    assert stored(centre)[0] == 1
    assert destroy_old(centre, actor="admin").count == 1
    assert Opener(centre.home)(stored(centre)) == NUMBER


def test_a_disputed_number_is_left_for_a_person(sealed_county: County) -> None:
    centre, school = sealed_county.centre, sealed_county.school
    key = add_person(school)
    seal_at(school, key)
    sealed_county.carry_both_ways()
    seal_at(centre, centre.find_record(school.public_id(key)), "440524188001010014")
    seal_at(school, key)
    sealed_county.carry_both_ways()
    assert rotate(centre, actor="admin").disputed == 1
    assert len(centre.conflicts()) == 1
    sealed_county.carry_both_ways()
    with pytest.raises(SealWaitingError):
        destroy_old(centre, actor="admin")


def test_a_removed_person_is_not_sealed_anew(sealed_county: County) -> None:
    centre, school = sealed_county.centre, sealed_county.school
    key = add_person(school)
    seal_at(school, key)
    with school.write(actor="admin") as action:
        action.delete("person", key)
    sealed_county.carry_both_ways()
    assert rotate(centre, actor="admin").count == 0
    assert [(each.generation, each.values) for each in describe_keys(centre)] == [(2, 0), (1, 0)]


def test_only_a_centre_rotates(sealed_county: County) -> None:
    with pytest.raises(NotCentreError):
        rotate(sealed_county.school, actor="admin")


def test_a_backup_holds_no_private_key(sealed_county: County, tmp_path: Path) -> None:
    path = tmp_path / "centre.backup"
    sealed_county.centre.backup(path)
    private = (sealed_county.centre.home / "key" / "seal-1.key").read_bytes().strip()
    data = path.read_bytes()
    assert private not in data
    assert bytes.fromhex(private.decode()) not in data


def test_a_key_whose_file_is_left_over_is_not_used_again(sealed_county: County) -> None:
    centre = sealed_county.centre
    make_generation(centre, actor="admin")
    assert held_generations(centre.home) == [2, 1]


@pytest.mark.parametrize("remembered", [False, True], ids=["as-created", "remembered"])
def test_a_centre_of_an_older_program_gets_its_key_at_its_next_start(
    world: World, *, remembered: bool
) -> None:
    old = Schema(1, tuple(each for each in SCHEMA.tables if each.name != "seal_key"))
    first = Schema(1, tuple(each for each in old.tables if each.name != "session"))
    home = world.folder / "C1"
    context = Context(world.folder / "state", now_ms=lambda: NOW_MS, fingerprint=lambda: ["x"] * 4)
    schema = first if remembered else old
    with Node.create(
        home, role="centre", name="C", code="C1", schema=schema, context=context
    ) as node:
        add_person(node)
        node.adopt_schema(old)
    with open_node(home, context=context) as node:
        assert [each.generation for each in list_seal_keys(node)] == [1]
        assert [row["name"] for row in node.query("SELECT name FROM person")] == ["Li Ming"]
        assert node.check(deep=True).problems == []
