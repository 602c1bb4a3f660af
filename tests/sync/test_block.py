"""Blocks: what is sealed verifies, and nothing else is stored (PROTOCOL 4)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sync.core_support import close, digests_of, make_observer
from tests.sync.craft import (
    SUITE,
    Author,
    County,
    Wish,
    encode_wishes,
    id_of,
    pack_header,
    sign_header,
)
from xueshi_sync.block import (
    CODEC_RAW,
    CODEC_ZSTD,
    DATA,
    EPOCH_OPEN,
    NO_BLOCK,
    Block,
    Feed,
    Place,
    decode_data,
    open_feed,
    parse_block,
    read_body,
    seal_block,
    verify_block,
)
from xueshi_sync.body import INSERT, SET
from xueshi_sync.errors import BadSignatureError, LimitExceededError
from xueshi_sync.intake import Code
from xueshi_sync.limits import BLOCK_STORED_BYTES
from xueshi_sync.replica import Replica

COUNTY: Final = County()
SCOPE: Final = id_of("scope")
# The order of the group that Ed25519 signs in.
_ORDER: Final = (1 << 252) + 27742317777372353535851937790883648493


def school(label: str = "school") -> Author:
    return Author(COUNTY, label, SCOPE)


def centre() -> Author:
    genesis = COUNTY.genesis
    return Author(COUNTY, "centre", SCOPE, COUNTY.centre_seed, genesis.centre_node)


def grant(author: Author) -> Wish:
    return Wish(
        INSERT,
        "_node",
        {"node": author.node, "key": author.key, "tier": "school", "granted": True},
    )


def person(name: str = "王英") -> Wish:
    return Wish(INSERT, "person", {"name": name})


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Replica]:
    """A node that holds the scope and knows one school in it."""
    replica = make_observer(tmp_path, COUNTY, [SCOPE])
    author = centre()
    opened = author.open()
    assert take(replica, opened, author.write(grant(school()))) == [Code.STORED, Code.STORED]
    yield replica
    close(replica)


def take(node: Replica, *blocks: Block) -> list[Code]:
    return node.accept([block.data for block in blocks], b"peer").codes


def names(node: Replica) -> set[str]:
    return {row[0] for row in node.view.db.execute("SELECT name FROM person")}  # type: ignore[attr-defined]


def refusals(node: Replica) -> set[str]:
    return {row[0] for row in node.feeds.db.execute("SELECT code FROM refusal")}  # type: ignore[attr-defined]


@settings(max_examples=100, deadline=None)
@given(raw=st.binary(max_size=3000), repeat=st.integers(1, 60), seq=st.integers(1, 1 << 31))
def test_what_is_sealed_verifies_and_comes_back(raw: bytes, repeat: int, seq: int) -> None:
    author = school()
    block = seal_block(
        SUITE, author.seed, kind=DATA, place=Place(author.feed, b"p" * 32, seq), wall_ms=0,
        raw=raw * repeat,
    )  # fmt: skip
    feed = Feed(author.feed, author.node, b"", SCOPE, author.key)
    verify_block(SUITE, feed, parse_block(block.data))
    assert read_body(block) == raw * repeat
    assert block.header.codec == CODEC_RAW or block.header.body_len < len(raw) * repeat


@pytest.mark.parametrize(
    ("raw", "codec"),
    [(b"", CODEC_RAW), (b"x", CODEC_RAW), (b"word " * 100, CODEC_ZSTD), (bytes(70_000), CODEC_RAW)],
    ids=["empty", "one-byte", "shrinks", "shrinks-beyond-the-ratio"],
)
def test_a_body_is_compressed_where_that_helps_and_is_allowed(raw: bytes, codec: int) -> None:
    author = school()
    block = seal_block(
        SUITE, author.seed, kind=DATA, place=Place(author.feed, b"p" * 32, 1), wall_ms=0, raw=raw
    )
    assert block.header.codec == codec
    assert read_body(block) == raw


def test_the_open_block_says_who_speaks() -> None:
    author = school()
    feed = open_feed(SUITE, COUNTY.net, author.open())
    assert (feed.feed, feed.node, feed.scope, feed.key) == (
        author.feed, author.node, SCOPE, author.key,
    )  # fmt: skip


def test_a_block_that_stores_more_than_the_limit_is_refused() -> None:
    body = bytes(BLOCK_STORED_BYTES + 1)
    header = pack_header(body, feed=school().feed, prev=b"p" * 32, seq=1)
    with pytest.raises(LimitExceededError):
        parse_block(sign_header(school().seed, header) + body)


def test_the_other_form_of_a_signature_is_none() -> None:
    """S + L is the same number to a careless verifier."""
    author = school()
    author.open()
    block = author.write(person())
    start = block.header.header_len + 32
    larger = int.from_bytes(block.data[start : start + 32], "little") + _ORDER
    data = block.data[:start] + larger.to_bytes(32, "little") + block.data[start + 32 :]
    feed = Feed(author.feed, author.node, b"", SCOPE, author.key)
    with pytest.raises(BadSignatureError):
        verify_block(SUITE, feed, parse_block(data))


def test_a_weak_key_signs_nothing() -> None:
    """With the neutral point as key, one signature fits every message in some libraries."""
    neutral = b"\1" + bytes(31)
    with pytest.raises(BadSignatureError):
        SUITE.verify(neutral, b"message", neutral + bytes(32))


def test_a_block_is_stored_once(node: Replica) -> None:
    author = school()
    blocks = (author.open(), author.write(person()))
    assert take(node, *blocks, *blocks) == [Code.STORED, Code.STORED, Code.HAD, Code.HAD]
    assert take(node, *blocks) == [Code.HAD, Code.HAD]


def test_a_child_waits_for_its_parent(node: Replica) -> None:
    author = school()
    opened, first, second = author.open(), author.write(person("a")), author.write(person("b"))
    assert take(node, second, opened) == [Code.NEED_PARENT, Code.STORED]
    assert take(node, second, first, second) == [Code.NEED_PARENT, Code.STORED, Code.STORED]
    assert names(node) == {"a", "b"}


def test_both_branches_of_a_fork_count(node: Replica) -> None:
    author = school()
    opened = author.open()
    branches = [author.write(person(name), parent=opened) for name in ("a", "b")]
    assert take(node, opened, *branches) == [Code.STORED] * 3
    assert names(node) == {"a", "b"}


def test_a_fork_at_the_first_block_counts_too(node: Replica) -> None:
    author, copy = school(), school()
    opened, other = author.open(), copy.open(reason="rollback")
    blocks = (author.write(person("a")), copy.write(person("b")))
    assert take(node, opened, other, *blocks) == [Code.STORED] * 4
    assert names(node) == {"a", "b"}


def _behind(author: Author, parent: Block, **changes: object) -> Block:
    raw = encode_wishes([person("never")])
    fields: dict[str, object] = {
        "feed": author.feed, "prev": parent.bid, "seq": parent.header.seq + 1, "op_count": 1,
    }  # fmt: skip
    return parse_block(sign_header(author.seed, pack_header(raw, **{**fields, **changes})) + raw)


def test_a_block_that_skips_a_height_is_refused(node: Replica) -> None:
    author = school()
    opened = author.open()
    assert take(node, opened, _behind(author, opened, seq=2)) == [Code.STORED, Code.MALFORMED]


def test_a_parent_is_named_in_full(node: Replica) -> None:
    author = school()
    opened = author.open()
    half = opened.bid[:16] + bytes(16)
    assert take(node, opened, _behind(author, opened, prev=half)) == [Code.STORED, Code.MALFORMED]


def test_a_parent_in_another_feed_is_none(node: Replica) -> None:
    author, second = school(), Author(COUNTY, "school", SCOPE, nonce=id_of("second epoch"))
    opened, other = author.open(), second.open()
    block = _behind(author, opened, prev=other.bid)
    assert take(node, opened, other, block) == [Code.STORED, Code.STORED, Code.MALFORMED]


def test_a_stranger_is_held_and_comes_in_once_the_centre_names_him(node: Replica) -> None:
    stranger = school("stranger")
    blocks = (stranger.open(), stranger.write(person("guest")))
    assert take(node, *blocks) == [Code.HELD, Code.NEED_PARENT]
    author = centre()
    author.open()
    author.write(grant(school()))
    assert take(node, author.write(grant(stranger))) == [Code.STORED]
    assert take(node, *blocks) == [Code.STORED, Code.STORED]
    assert names(node) == {"guest"}


def test_a_scope_that_is_not_held_here_is_refused(node: Replica) -> None:
    author = Author(COUNTY, "school", id_of("another scope"))
    assert take(node, author.open()) == [Code.REFUSED_SCOPE]


def test_a_block_moved_into_another_scope_is_refused(node: Replica) -> None:
    elsewhere = Author(COUNTY, "school", id_of("another scope"))
    elsewhere.open()
    block = elsewhere.write(person("moved"))
    node.hold_scope(elsewhere.scope)
    author = school()
    assert take(node, author.open(), block) == [Code.STORED, Code.NEED_PARENT]
    assert names(node) == set()


def test_another_county_is_refused(node: Replica) -> None:
    author = Author(County("elsewhere"), "school", SCOPE)
    assert take(node, author.open()) == [Code.MALFORMED]
    assert refusals(node) == {"block.wrong_net"}


def test_somebody_else_s_signature_is_refused(node: Replica) -> None:
    author = school()
    opened = author.open()
    forged = _behind(Author(COUNTY, "school", SCOPE, seed=b"t" * 32, node=author.node), opened,
                     feed=author.feed)  # fmt: skip
    assert take(node, opened, forged) == [Code.STORED, Code.MALFORMED]
    assert refusals(node) == {"block.bad_signature"}


def test_one_bad_block_stops_nothing(node: Replica) -> None:
    author = school()
    opened = author.open()
    good = author.write(person("good"))
    bad = good.data[:-1] + bytes([good.data[-1] ^ 1])
    offered = [opened.data, bad, b"", b"XSB1", good.data]
    codes = node.accept(offered, b"peer").codes
    assert [code in (Code.STORED, Code.HAD) for code in codes] == [True, False, False, False, True]
    assert names(node) == {"good"}


def test_a_body_that_does_not_decode_is_kept_and_not_applied(node: Replica) -> None:
    author = school()
    opened = author.open()
    author.tip = author.sign(b"\xc1", op_count=3)
    undecodable = author.tip
    after = author.write(person("after"))
    assert take(node, opened, undecodable, after) == [Code.STORED] * 3
    assert names(node) == {"after"}
    rows = node.view.db.execute("SELECT code, count FROM unapplied")  # type: ignore[attr-defined]
    assert ("malformed", 3) in [tuple(row) for row in rows.fetchall()]


def test_a_reserved_kind_is_kept_and_not_applied(node: Replica) -> None:
    author = school()
    opened = author.open()
    author.tip = author.sign(encode_wishes([]), kind=4)
    later = author.tip
    assert take(node, opened, later, author.write(person("after"))) == [Code.STORED] * 3
    assert names(node) == {"after"}


def test_a_second_open_block_is_held_to_the_same_rules(node: Replica) -> None:
    author = school()
    opened = author.open()
    author.tip = None
    other = author.sign(b"\xc1", kind=EPOCH_OPEN)
    assert other.header.prev == NO_BLOCK
    assert take(node, opened, other) == [Code.STORED, Code.MALFORMED]


def test_an_edit_of_a_record_in_another_scope_touches_nothing(
    node: Replica, tmp_path: Path
) -> None:
    other_scope = id_of("another scope")
    node.hold_scope(other_scope)
    ruler = Author(COUNTY, "centre", other_scope, COUNTY.centre_seed, COUNTY.genesis.centre_node)
    visitor = Author(COUNTY, "school", other_scope)
    author = school()
    opened, made = author.open(), author.write(person("safe"))
    take(node, ruler.open(), ruler.write(grant(visitor)), visitor.open(), opened, made)
    before = digests_of(node, SCOPE)
    edit = Wish(SET, "person", {"name": "changed"}, rec=(made.short, 0))
    assert take(node, visitor.write(edit)) == [Code.STORED]
    assert digests_of(node, SCOPE) == before
    assert names(node) == {"safe"}


def test_blocks_decode_to_the_ops_that_were_written() -> None:
    author = school()
    author.open()
    body = decode_data(author.write(person("a"), person("b")))
    assert [op.values for group in body.groups for op in group.ops()] == [("a",), ("b",)]
