"""Blocks that are foreign, forged, altered, replayed or cut: refused with the right code, noted in
the refusal table, and without effect on anything else."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.process.nodes import (
    check_forms,
    check_level,
    check_node,
    forms_of,
    level,
    make_centre,
    make_county,
    make_school,
    save_form,
    scratch,
)
from xueshi_sync.envelope import open_response, seal_request
from xueshi_sync.errors import SyncError
from xueshi_sync.exchange import make_request
from xueshi_sync.frame import decode_response, encode_request, join_blocks
from xueshi_sync.intake import Code
from xueshi_sync.node import Node
from xueshi_sync.suite import Ed25519Suite

pytestmark = pytest.mark.process


@pytest.fixture
def folder() -> Iterator[Path]:
    with scratch() as path:
        yield path


def _blocks_of(node: Node) -> list[bytes]:
    """The blocks that a node wrote, parents first."""
    node.publish_barrier()
    rows = node.feeds.db.execute(
        "SELECT b.data FROM block b JOIN feed f ON f.feed = b.feed WHERE f.node = ?"
        " ORDER BY b.feed, b.seq",
        (bytes.fromhex(node.node_id),),
    )
    return [row[0] for row in rows.fetchall()]


def _send(school: Node, centre: Node, blocks: list[bytes]) -> list[int]:
    """Offer the centre these blocks in the school's name; returns what became of each."""
    genesis = school.genesis
    assert genesis is not None
    frame = make_request(school.replica)
    header = encode_request(Ed25519Suite(), school.replica.seed, frame.header)
    sealed, session = seal_request(
        genesis.centre_key, school.context.random(32), header, join_blocks(blocks)
    )
    opened = open_response(session, centre.answer(sealed))
    codes = dict(decode_response(opened.segments[0]).results)
    return [codes.get(place, int(Code.STORED)) for place in range(len(blocks))]


def _refusals(node: Node) -> list[str]:
    with closing(sqlite3.connect(node.paths.feed)) as db:
        return sorted(row[0] for row in db.execute("SELECT code FROM refusal"))


def _next_block(school: Node, centre: Node) -> bytes:
    """A block whose parents the centre has."""
    level(school, centre)
    save_form(school, "two")
    return _blocks_of(school)[-1]


def _flip(data: bytes, place: int) -> bytes:
    place %= len(data)
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


@pytest.fixture
def county(folder: Path) -> Iterator[tuple[Node, Node]]:
    centre, school = make_county(folder)
    save_form(school, "one")
    with centre, school:
        yield centre, school
        level(school, centre)
        check_level(school, centre)
        check_forms(centre, {"one", *forms_of(school)})
        check_node(centre)


County = tuple[Node, Node]


def test_blocks_of_another_county_are_refused_with_its_code(county: County, folder: Path) -> None:
    centre, school = county
    with make_centre(folder / "other") as other, make_school(folder / "S9", "S9") as stranger:
        stranger.join(other.invite("S9", "九小"))
        save_form(stranger, "foreign")
        level(stranger, other)
        blocks = _blocks_of(stranger)
        assert _send(school, centre, blocks) == [Code.MALFORMED, Code.NEED_PARENT]
        assert _refusals(centre) == ["block.wrong_net"]
        with pytest.raises(SyncError):
            level(stranger, centre)


def test_blocks_of_another_school_are_taken_from_any_carrier(county: County, folder: Path) -> None:
    centre, school = county
    with make_school(folder / "S2", "S2") as second:
        second.join(centre.invite("S2", "二小"))
        level(second, centre)
        save_form(second, "of the second")
        assert _send(school, centre, _blocks_of(second)) == [Code.STORED, Code.STORED]
        level(second, centre)
        check_node(centre, {"of the second"})


def test_a_school_that_writes_in_another_ones_scope_is_refused(folder: Path) -> None:
    centre, school = make_county(folder)
    with centre, school, make_school(folder / "S2", "S2") as second:
        second.join(centre.invite("S2", "二小"))
        level(second, centre)
        scope_no = school.replica.hold_scope(second.replica.identity.scope)
        with school.write(actor="rogue") as action:
            action.insert("person", {"staff_no": "x", "name": "x"}, scope_no=scope_no)
        before = centre.digests()
        assert _send(school, centre, _blocks_of(school)) == [Code.REFUSED_SCOPE, Code.NEED_PARENT]
        assert _refusals(centre) == ["refused_scope"]
        assert centre.digests() == before


@pytest.mark.parametrize(
    ("spoil", "codes"),
    [
        pytest.param(lambda data: _flip(data, -1), {"block.bad_signature"}, id="last-byte"),
        pytest.param(
            lambda data: _flip(data, len(data) // 2), {"block.bad_signature"}, id="in-the-middle"
        ),
        pytest.param(lambda data: _flip(data, 0), {"block.malformed"}, id="magic"),
        pytest.param(lambda data: data[:-5], {"block.malformed"}, id="cut"),
        pytest.param(lambda data: data[:20], {"block.malformed"}, id="cut-in-the-header"),
        pytest.param(lambda data: data + b"\0", {"block.malformed"}, id="trailing-byte"),
    ],
)
def test_an_altered_block_is_refused_with_its_code(
    county: County, spoil: Callable[[bytes], bytes], codes: set[str]
) -> None:
    centre, school = county
    block = _next_block(school, centre)
    assert _send(school, centre, [spoil(block)]) == [Code.MALFORMED]
    assert set(_refusals(centre)) == codes


def test_a_block_forged_with_another_key_is_refused(county: County, folder: Path) -> None:
    """A thief who has the blocks and no key cannot add to the feed."""
    centre, school = county
    block = _next_block(school, centre)
    thief = Ed25519Suite()
    signature_bytes = 64
    forged = block[:-signature_bytes] + thief.sign(bytes(32), block[:-signature_bytes])
    spoiled = _send(school, centre, [forged])
    assert spoiled == [Code.MALFORMED]
    assert set(_refusals(centre)) <= {"block.bad_signature", "block.malformed"}
    assert _refusals(centre)


def test_a_block_played_again_is_had_and_leaves_no_refusal(county: County) -> None:
    centre, school = county
    level(school, centre)
    blocks = _blocks_of(school)
    assert set(_send(school, centre, blocks + blocks)) == {Code.HAD}
    assert _refusals(centre) == []


def test_a_whole_request_played_again_a_day_later_changes_nothing(county: County) -> None:
    centre, school = county
    pending = school.begin_exchange(limit_bytes=1 << 20)
    school.finish_exchange(pending, centre.answer(pending.request))
    before = centre.digests()
    save_form(school, "later")
    level(school, centre)
    late = centre.answer(pending.request)
    assert {name: value for name, value in centre.digests().items() if name in before} != before
    now = centre.digests()
    pending_now = school.begin_exchange(limit_bytes=1 << 20)
    with pytest.raises(SyncError):
        school.finish_exchange(pending_now, late)
    assert centre.digests() == now
