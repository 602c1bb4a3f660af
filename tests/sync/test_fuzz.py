"""Hostile bytes: only SyncError comes out, nothing altered is accepted, nobody stalls anybody."""

import random
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.sync.core_support import close, digests_of, make_observer, offer_until_settled
from tests.sync.craft import SUITE, Author, County, Wish, encode_wishes, seed_of
from tests.sync.test_block import centre, grant, person
from tests.sync.test_independent import independent_digests
from tests.sync.worlds import COUNTY, SCOPE, World
from xueshi_sync.block import EPOCH_OPEN, Block, Feed, open_feed, parse_block, verify_block
from xueshi_sync.body import INSERT, JUDGE, SET, decode_body
from xueshi_sync.bundle import MAGIC, read_bundle
from xueshi_sync.column import decode_column
from xueshi_sync.compress import decompress
from xueshi_sync.envelope import open_request, open_response, seal_request, session_of
from xueshi_sync.errors import MalformedFrameError, SyncError
from xueshi_sync.frame import decode_request, decode_response, split_blocks
from xueshi_sync.intake import Code
from xueshi_sync.ticket import decode_ticket

SHORT_MUTATIONS: Final = 20_000
SOAK_MUTATIONS: Final = 100_000
CENTRE_SEED: Final = COUNTY.centre_seed


def _open_whole(data: bytes) -> object:
    return open_request(session_of(CENTRE_SEED, data), data)


def _answer(data: bytes) -> object:
    _, session = seal_request(COUNTY.genesis.centre_key, seed_of("e"), b"", b"")
    return open_response(session, data)


def _column(data: bytes) -> object:
    try:
        coded = msgspec.msgpack.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return decode_column(coded, 4)


DOORS: Final[dict[str, Callable[[bytes], object]]] = {
    "block": parse_block,
    "body": lambda data: decode_body(data, 1),
    "column": _column,
    "zstd": lambda data: decompress(data, 1000),
    "request": lambda data: decode_request(SUITE, data, COUNTY.net),
    "response": decode_response,
    "block-list": lambda data: split_blocks(data, whole=False),
    "envelope": _open_whole,
    "envelope-behind-magic": lambda data: _open_whole(b"XSE1" + data),
    "answer": _answer,
    "answer-behind-magic": lambda data: _answer(b"XSR1" + data),
    "ticket": lambda data: decode_ticket(SUITE, "XS1-" + data.decode("latin-1")),
}

# MessagePack that is nearly something.
_MSGPACK: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.floats()
    | st.text(max_size=8) | st.binary(max_size=20)
    | st.just(msgspec.msgpack.Ext(5, b"x")) | st.just(msgspec.msgpack.Ext(-1, bytes(4))),
    lambda inner: st.lists(inner, max_size=12)
    | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=40,
).map(msgspec.msgpack.encode)  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
@settings(max_examples=150, deadline=None)
@given(data=st.binary(max_size=300) | _MSGPACK)
@example(data=b"")
@example(data=b"\x91" * 5000)
@example(data=b"\xdd\xff\xff\xff\xff")
@example(data=b"XSB1" + bytes(400))
def test_any_bytes_raise_nothing_but_sync_errors(door: str, data: bytes) -> None:
    with suppress(SyncError):
        DOORS[door](data)


@settings(max_examples=50, deadline=None)
@given(data=st.binary(max_size=100))
def test_any_file_is_a_bundle_or_an_error(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "any.xueshi"
        for content in (data, MAGIC + data):
            path.write_bytes(content)
            with suppress(MalformedFrameError):
                assert read_bundle(path).envelope == content[24:]


def mutated(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """Another byte string: bits, bytes, cuts, repetitions, and pieces of other blocks."""
    made = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        place = rng.randrange(len(made) + 1)
        choice = rng.randrange(7)
        if choice == 0 and place < len(made):
            made[place] ^= 1 << rng.randrange(8)
        elif choice == 1 and place < len(made):
            made[place] = rng.choice([0, 1, 0x7F, 0x80, 0xFF])
        elif choice == 2:
            del made[place : place + rng.randint(1, 40)]
        elif choice == 3:
            made[place:place] = rng.randbytes(rng.randint(1, 8))
        elif choice == 4:
            made[place:place] = made[place : place + rng.randint(1, 40)]
        elif choice == 5:
            other = rng.choice(others)
            made[place : place + 40] = other[place : place + 40]
        else:
            field = rng.choice([4, 5, 6, 7, 8, 10, 12, 16, 32, 64, 68, 76, 80, 84, 116])
            made[field : field + 4] = rng.randbytes(4)
    return bytes(made)


def _accepted(data: bytes, feeds: dict[bytes, Feed]) -> Block | None:
    """The door as a node with all these feeds goes through it."""
    try:
        block = parse_block(data)
        if block.header.kind == EPOCH_OPEN:
            open_feed(SUITE, COUNTY.net, block)
        elif block.header.feed in feeds:
            verify_block(SUITE, feeds[block.header.feed], block)
        else:
            return None
    except SyncError:
        return None
    return block


def _check_mutations(seed: int, count: int) -> None:
    rng = random.Random(seed)
    blocks = World.grown(seed, 20).blocks
    originals = [block.data for block in blocks]
    feeds = {
        block.header.feed: open_feed(SUITE, COUNTY.net, block)
        for block in blocks
        if block.header.kind == EPOCH_OPEN
    }
    assert all(_accepted(data, feeds) for data in originals)
    known = set(originals)
    for _ in range(count):
        data = mutated(rng.choice(originals), rng, originals)
        assert data in known or _accepted(data, feeds) is None, data.hex()


def test_no_altered_block_is_accepted() -> None:
    _check_mutations(7, SHORT_MUTATIONS)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(5))
def test_of_100000_altered_blocks_none_is_accepted(seed: int) -> None:
    _check_mutations(seed, SOAK_MUTATIONS // 5)


def test_a_node_that_is_offered_altered_blocks_stores_the_others() -> None:
    rng = random.Random(11)
    originals = World.grown(11, 15).data
    offered = [mutated(data, rng, originals) for data in originals * 4] + originals
    with tempfile.TemporaryDirectory() as name:
        node = make_observer(Path(name) / "attacked", COUNTY, [SCOPE])
        calm = make_observer(Path(name) / "calm", COUNTY, [SCOPE])
        try:
            codes = offer_until_settled(node, offered)
            offer_until_settled(calm, originals)
            assert digests_of(node, SCOPE) == digests_of(calm, SCOPE)
            assert {data for data, code in codes.items() if code is Code.STORED} <= set(originals)
            assert node.feeds.db.execute("SELECT count(*) FROM refusal").fetchone()[0] > 0  # type: ignore[attr-defined]
        finally:
            close(node)
            close(calm)


def _nested(value: Any, rng: random.Random) -> Any:
    """The same structure with one part somewhere replaced."""
    odd: list[Any] = [None, True, False, 0, 1, -1, 63, 64, 65, 4096, 1 << 62, (1 << 63) - 1]
    odd += [1 << 63, "x", "", b"", b"\0" * 16, [], [0, "x"], [0, 0], 1.5, {}]
    odd.append(msgspec.msgpack.Ext(1, b""))
    if isinstance(value, list) and value and rng.random() < 0.9:
        place = rng.randrange(len(value))
        if rng.random() < 0.1:
            return value[:place] + value[place + 1 :]
        if rng.random() < 0.1:
            return [*value, value[place]]
        return [*value[:place], _nested(value[place], rng), *value[place + 1 :]]
    return rng.choice(odd)


def _hostile_blocks(seed: int, count: int) -> list[bytes]:
    """Validly signed blocks of an enrolled school, with bodies that are nearly right."""
    rng = random.Random(seed)
    school = Author(COUNTY, "school", SCOPE)
    ruler = centre()
    blocks = [ruler.open(), ruler.write(grant(school)), school.open()]
    made = school.write(person("first"), Wish(INSERT, "hour", {"minutes": 90, "date": 3}))
    blocks.append(made)
    rec, hour = (made.short, 0), (made.short, 1)
    body = [
        person("a"),
        Wish(SET, "person", {"name": "b", "active": True}, rec=rec, preds={"name": [rec]}),
        Wish(JUDGE, "hour", {"_judged": "approve", "_reason": ""}, rec=hour),
        Wish(INSERT, "hour", {"minutes": 45, "corrects": hour, "date": 19_782, "person": rec}),
        Wish(3, "person", {"_deleted": True}, rec=rec, preds={"_deleted": [rec]}),
    ]
    for _ in range(count):
        wishes = rng.sample(body, rng.randint(1, len(body)))
        value = msgspec.msgpack.decode(encode_wishes(wishes))
        for _ in range(rng.randint(1, 2)):
            value = _nested(value, rng)
        school.tip = school.sign(msgspec.msgpack.encode(value), op_count=len(wishes))
        blocks.append(school.tip)
    return [block.data for block in blocks]


def _check_hostile(seed: int, count: int) -> None:
    blocks = _hostile_blocks(seed, count)
    with tempfile.TemporaryDirectory() as name:
        node = make_observer(Path(name), COUNTY, [SCOPE])
        try:
            codes = offer_until_settled(node, blocks)
            assert set(codes.values()) == {Code.STORED}
            before = digests_of(node, SCOPE)
            node.viewer.project_all()
            assert digests_of(node, SCOPE) == before
        finally:
            close(node)
    assert independent_digests(blocks) == before


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_signed_bodies_that_are_nearly_right_neither_stall_nor_split_anybody(seed: int) -> None:
    _check_hostile(seed, 40)


@pytest.mark.soak
@settings(max_examples=1000, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_many_signed_bodies_that_are_nearly_right_neither_stall_nor_split_anybody(
    seed: int,
) -> None:
    _check_hostile(seed, 150)


def test_a_block_of_another_county_replayed_here_is_refused() -> None:
    blocks = World.grown(3, 5).data
    with tempfile.TemporaryDirectory() as name:
        node = make_observer(Path(name), County("elsewhere"), [SCOPE])
        try:
            codes = offer_until_settled(node, blocks)
            assert set(codes.values()) <= {Code.MALFORMED, Code.NEED_PARENT}
        finally:
            close(node)


def test_a_request_replayed_to_another_county_is_refused() -> None:
    sealed, _ = seal_request(COUNTY.genesis.centre_key, seed_of("e"), b"header", b"")
    other = County("elsewhere")
    with pytest.raises(SyncError):
        open_request(session_of(other.centre_seed, sealed), sealed)
