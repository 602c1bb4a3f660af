"""The store contract holds alike for SQLite and for the stores in memory."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.simulation.memory_store import MemoryFeeds
from tests.simulation.memory_view import MemoryView
from tests.simulation.workload import SCHEMA
from xueshi_sync.block import DATA, EPOCH_OPEN, NO_BLOCK, Feed
from xueshi_sync.schema import NODE_TABLE
from xueshi_sync.sqlite_feeds import SqliteFeeds
from xueshi_sync.sqlite_view import SqliteView
from xueshi_sync.store import (
    FeedStore,
    LedgerRow,
    OpenOp,
    PeerState,
    ScopeState,
    StoredBlock,
    ViewStore,
    WriteRow,
)

SCOPE = b"s" * 16
FEED = Feed(b"f" * 16, b"n" * 16, b"e" * 16, SCOPE, b"k" * 32, "founded", b"m")
HOUR, PERSON = SCHEMA.by_name["hour"], SCHEMA.by_name["person"]


class Stores(NamedTuple):
    """A pair of empty stores of one kind."""

    feeds: FeedStore
    view: ViewStore


@pytest.fixture(params=["sqlite", "memory"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    if request.param == "memory":
        yield Stores(MemoryFeeds(), _prepared(MemoryView()))
        return
    feeds, view = SqliteFeeds(tmp_path / "feed.db"), SqliteView(tmp_path / "view.db", {})
    yield Stores(feeds, _prepared(view))
    feeds.close()
    view.close()


def _prepared(view: ViewStore) -> ViewStore:
    view.prepare(SCHEMA, b"mark")
    return view


def _bid(number: int) -> bytes:
    return bytes([number]) * 32


def _chain(feeds: FeedStore, *links: tuple[int, int, int]) -> ScopeState:
    """Store blocks given as (bid, parent bid or 0, seq) in one feed."""
    with feeds.feed_transaction():
        state = feeds.add_scope(SCOPE)
        feeds.add_feed(state.scope_no, FEED)
        for bid, parent, seq in links:
            number = feeds.reserve(state, _bid(bid)[:16])
            stored = StoredBlock(
                state.scope_no, number, _bid(bid), FEED.feed, seq,
                _bid(parent) if parent else NO_BLOCK, DATA if parent else EPOCH_OPEN, 1,
                state.next_pos, 0,
            )  # fmt: skip
            state.next_pos += 1
            feeds.add_block(stored, b"data%d" % bid)
        feeds.put_scope(state)
    return state


def test_a_transaction_that_raises_leaves_nothing(stores: Stores) -> None:
    with suppress(KeyError), stores.feeds.feed_transaction():
        stores.feeds.add_scope(SCOPE)
        stores.feeds.put_meta("a", b"1")
        raise KeyError
    assert (stores.feeds.scope_of(SCOPE), stores.feeds.meta("a")) == (None, None)


def test_a_nested_transaction_ends_with_the_outer_one(stores: Stores) -> None:
    with suppress(KeyError), stores.feeds.feed_transaction():
        with stores.feeds.feed_transaction():
            stores.feeds.put_meta("a", b"1")
        raise KeyError
    assert stores.feeds.meta("a") is None


def test_a_feed_of_an_undone_transaction_is_not_remembered(stores: Stores) -> None:
    with suppress(KeyError), stores.feeds.feed_transaction():
        stores.feeds.add_feed(1, FEED)
        assert stores.feeds.feed(FEED.feed) == FEED
        raise KeyError
    assert stores.feeds.feed(FEED.feed) is None


def test_a_scope_state_is_a_copy(stores: Stores) -> None:
    state = _chain(stores.feeds, (1, 0, 0))
    state.next_no = 99
    assert stores.feeds.scope_state(state.scope_no).next_no == 2


def test_a_scope_keeps_its_open_refs(stores: Stores) -> None:
    with stores.feeds.feed_transaction():
        state = stores.feeds.add_scope(SCOPE)
        state.open_refs = (3, 5)
        stores.feeds.put_scope(state)
    assert stores.feeds.scope_states()[0].open_refs == (3, 5)


def test_the_last_block_of_a_chain_is_the_head(stores: Stores) -> None:
    _chain(stores.feeds, (1, 0, 0), (2, 1, 1), (3, 2, 2))
    assert stores.feeds.heads_of(FEED.feed) == [(_bid(3)[:16], 2)]


def test_a_fork_has_two_heads(stores: Stores) -> None:
    _chain(stores.feeds, (1, 0, 0), (2, 1, 1), (3, 1, 1))
    assert sorted(stores.feeds.heads_of(FEED.feed)) == [(_bid(2)[:16], 1), (_bid(3)[:16], 1)]


def test_a_block_has_its_place(stores: Stores) -> None:
    _chain(stores.feeds, (1, 0, 0), (2, 1, 1))
    assert stores.feeds.place_of(_bid(2)[:16]) == (FEED.feed, 1, _bid(1)[:16])


def test_blocks_above_a_height_ascend(stores: Stores) -> None:
    _chain(stores.feeds, (1, 0, 0), (2, 1, 1), (3, 2, 2))
    assert stores.feeds.blocks_above(FEED.feed, 0) == [_bid(2)[:16], _bid(3)[:16]]


def test_a_mentioned_block_has_a_number_and_no_place(stores: Stores) -> None:
    state = _chain(stores.feeds, (1, 0, 0))
    with stores.feeds.feed_transaction():
        number = stores.feeds.reserve(state, _bid(9)[:16])
        assert stores.feeds.reserve(state, _bid(9)[:16]) == number
    assert stores.feeds.name_of(state.scope_no, number) == _bid(9)[:16]
    assert stores.feeds.block(_bid(9)[:16]) is None


def test_blocks_are_found_by_turn_and_by_number(stores: Stores) -> None:
    state = _chain(stores.feeds, (1, 0, 0), (2, 1, 1), (3, 2, 2))
    since = [row.bid for row in stores.feeds.blocks_since(state.scope_no, 1)]
    every = [row.no for row in stores.feeds.all_blocks(state.scope_no)]
    assert (since, every) == ([_bid(2), _bid(3)], [1, 2, 3])


def test_the_bytes_of_a_block_come_back(stores: Stores) -> None:
    state = _chain(stores.feeds, (1, 0, 0))
    assert stores.feeds.block_data(state.scope_no, 1) == b"data1"


def test_open_ops_come_in_order_and_go_by_block(stores: Stores) -> None:
    ops = [OpenOp(1, 2, 0, 3, b"c"), OpenOp(1, 1, 0, 1, b"a"), OpenOp(1, 1, 1, 2, b"b")]
    with stores.feeds.feed_transaction():
        stores.feeds.add_open_ops(ops)
    assert [op.data for op in stores.feeds.open_ops(1)] == [b"a", b"b", b"c"]
    with stores.feeds.feed_transaction():
        stores.feeds.drop_open_ops(1, 1)
    assert (stores.feeds.open_numbers(1), len(stores.feeds.open_ops(1, 2))) == ([2], 1)


def test_an_entry_is_known_by_its_id(stores: Stores) -> None:
    with stores.feeds.feed_transaction():
        stores.feeds.add_entries([("form", 1, 4096)])
    assert stores.feeds.entry("form") == (1, 4096)
    assert stores.feeds.entry("other") is None


def test_a_peer_and_its_refusals_are_replaced(stores: Stores) -> None:
    peer = PeerState(b"p" * 16, b"e", b"", 7, 8, "http")
    with stores.feeds.feed_transaction():
        stores.feeds.put_peer(peer)
        stores.feeds.put_refused_by(peer.node, [b"a" * 16])
        stores.feeds.put_refused_by(peer.node, [b"b" * 16])
    assert stores.feeds.peer(peer.node) == peer
    assert stores.feeds.refused_by(peer.node) == {b"b" * 16}


def test_a_receipt_is_replaced(stores: Stores) -> None:
    with stores.feeds.feed_transaction():
        stores.feeds.put_receipt(FEED.feed, b"1" * 16, b"old")
        stores.feeds.put_receipt(FEED.feed, b"2" * 16, b"new")
    assert stores.feeds.receipt(FEED.feed) == b"new"


def _person(view: ViewStore, rec: int, name: str) -> None:
    author = view.author(b"n" * 16, b"k" * 32)
    view.insert_rows(PERSON, [(1, rec, f"T{rec}", name, True, author, "a", 5)])


def _hour(view: ViewStore, rec: int, minutes: int, corrects: int | None = None) -> None:
    author = view.author(b"n" * 16, b"k" * 32)
    row = (1, rec, 4096, "2026-03-01", "t", minutes, corrects, author, "a", 5)
    view.insert_rows(HOUR, [row])


def _write(rec: int, name: str, dot: int, value: str, *preds: int) -> WriteRow:
    return WriteRow("person", rec, name, dot, value, preds, 0, 1, "a", 6)


def test_a_view_is_built_once_for_a_schema_and_an_identity(stores: Stores) -> None:
    again = stores.view.prepare(SCHEMA, b"mark")
    other = stores.view.prepare(SCHEMA, b"other")
    assert (again, other) == (False, True)


def test_a_view_for_another_identity_is_empty(stores: Stores) -> None:
    with stores.view.view_transaction():
        _person(stores.view, 4096, "A")
        stores.view.put_watermark(1, 4)
    stores.view.prepare(SCHEMA, b"other")
    assert list(stores.view.digest_rows(PERSON, 1, 0, 1 << 62)) == []
    assert stores.view.watermark(1) == 0


def test_a_row_that_is_there_is_not_replaced(stores: Stores) -> None:
    with stores.view.view_transaction():
        _person(stores.view, 4096, "A")
        _person(stores.view, 4096, "B")
    assert [row[2] for row in stores.view.digest_rows(PERSON, 1, 0, 1 << 62)] == ["A"]


def test_what_is_shown_and_in_conflict_stands_in_the_row(stores: Stores) -> None:
    with stores.view.view_transaction():
        _person(stores.view, 4096, "A")
        stores.view.show(PERSON, 1, 4096, {"name": "B", "deleted": True}, {"name": 2})
    row = next(iter(stores.view.digest_rows(PERSON, 1, 0, 1 << 62)))
    assert tuple(row)[:6] == (4096, "T4096", "B", 1, 1, 1)


def test_writes_are_kept_once_and_given_by_record(stores: Stores) -> None:
    one, two = _write(4096, "name", 8192, "B"), _write(4097, "name", 8193, "C", 8192, 4096)
    with stores.view.view_transaction():
        stores.view.add_writes(1, [one, two, _write(4096, "name", 8192, "other")])
    assert stores.view.writes_of(1, "person", [4096]) == [one]
    assert stores.view.writes_of(1, "person", [4097]) == [two]
    assert sorted(stores.view.written_recs(1, "person", 4096, 4096)) == [4096]


def test_an_integer_beyond_64_bits_is_refused(stores: Stores) -> None:
    row = WriteRow("person", 4096, "_deleted", 8192, 1 << 63, (), 0, 1, "a", 6)
    with pytest.raises(OverflowError), stores.view.view_transaction():
        stores.view.add_writes(1, [row])


def test_a_chain_of_corrections_is_found_from_both_ends(stores: Stores) -> None:
    with stores.view.view_transaction():
        _hour(stores.view, 5000, 90)
        _hour(stores.view, 5001, 60, 5000)
    rows = sorted(stores.view.ledger_rows(HOUR, 1, [5000]), key=lambda row: row.rec)
    assert rows == [LedgerRow(5000, None, 90), LedgerRow(5001, 5000, 60)]
    assert stores.view.correctors_of(HOUR, 1, 5000, 5000) == [5001]


def test_credit_stands_in_the_row(stores: Stores) -> None:
    with stores.view.view_transaction():
        _hour(stores.view, 5000, 90)
        stores.view.put_credit(HOUR, 1, [(5000, "approved", 90)])
    row = next(iter(stores.view.digest_rows(HOUR, 1, 0, 1 << 62)))
    assert tuple(row)[6:9] == ("approved", 90, 0)


def test_rows_of_rights_give_every_current_value(stores: Stores) -> None:
    author = 1
    values = (b"n" * 16, b"k" * 32, "school", "c", "name", True)
    with stores.view.view_transaction():
        stores.view.insert_rows(NODE_TABLE, [(1, 4096, *values, author, "a", 5)])
        tiers = [WriteRow("_node", 4096, "tier", dot, tier, (), 2, 1, "a", 6)
                 for dot, tier in ((8192, "school"), (8193, "township"))]  # fmt: skip
        stores.view.add_writes(1, tiers)
    (row,) = stores.view.own_rows(NODE_TABLE, 1)
    assert (sorted(row["tier"]), row["granted"]) == (["school", "township"], [True])  # type: ignore[type-var]
    assert stores.view.scopes_of(b"n" * 16) == [1]
    assert stores.view.is_named(1, b"n" * 16, b"k" * 32)


def test_a_cleared_scope_is_empty_and_without_watermark(stores: Stores) -> None:
    with stores.view.view_transaction():
        _person(stores.view, 4096, "A")
        stores.view.add_writes(1, [_write(4096, "name", 8192, "B")])
        stores.view.put_watermark(1, 3)
        stores.view.clear_scope(1)
    assert list(stores.view.digest_rows(PERSON, 1, 0, 1 << 62)) == []
    assert (stores.view.watermark(1), stores.view.writes_of(1, "person", [4096])) == (0, [])


def test_a_view_transaction_that_raises_leaves_nothing(stores: Stores) -> None:
    with suppress(KeyError), stores.view.view_transaction():
        _person(stores.view, 4096, "A")
        stores.view.put_watermark(1, 3)
        raise KeyError
    assert list(stores.view.digest_rows(PERSON, 1, 0, 1 << 62)) == []
    assert stores.view.watermark(1) == 0


def test_a_copy_in_memory_does_not_follow_the_original() -> None:
    feeds, view = MemoryFeeds(), MemoryView()
    view.prepare(SCHEMA, b"mark")
    feeds_copy, view_copy = feeds.copy(), view.copy()
    _chain(feeds, (1, 0, 0))
    with view.view_transaction():
        _person(view, 4096, "A")
    assert (feeds_copy.scope_states(), list(view_copy.digest_rows(PERSON, 1, 0, 1 << 62))) == (
        [],
        [],
    )
