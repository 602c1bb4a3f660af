"""Rights combine restrictively, whatever the order (PROTOCOL 7)."""

import random
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sync.craft import County
from xueshi_sync.authority import RANK, Authority, CurrentRow, may, scope_authority
from xueshi_sync.body import DELETE, INSERT, JUDGE, LINK_FILE, RESOLVE, SET
from xueshi_sync.schema import OWN_TABLES, Table

GENESIS: Final = County().genesis
NODES: Final = (b"a".ljust(16), b"b".ljust(16))
KEYS: Final = (b"k".ljust(32), b"l".ljust(32))
CENTRE: Final = (GENESIS.centre_node, GENESIS.centre_key)


def node_row(
    node: bytes = NODES[0],
    key: bytes = KEYS[0],
    tiers: tuple[Any, ...] = ("school",),
    granted: tuple[Any, ...] = (True,),
) -> CurrentRow:
    """All current values of one `_node` record."""
    return {"node": [node], "key": [key], "tier": list(tiers), "granted": list(granted)}


def cut_row(*heads: bytes, node: bytes = NODES[0], lifted: tuple[Any, ...] = (None,)) -> CurrentRow:
    """All current values of one `_cut` record."""
    return {"node": [node], "heads": list(heads), "lifted": list(lifted)}


def authority(*nodes: CurrentRow, cuts: tuple[CurrentRow, ...] = ()) -> Authority:
    return scope_authority(GENESIS, nodes, cuts, [])


NODE_ROWS: Final = st.builds(
    node_row,
    st.sampled_from(NODES),
    st.sampled_from(KEYS),
    st.lists(st.sampled_from([*RANK, "province", None, 7]), min_size=1, max_size=3).map(tuple),
    st.lists(st.sampled_from([True, False, None, 1]), min_size=1, max_size=2).map(tuple),
)


@settings(max_examples=300, deadline=None)
@given(rows=st.lists(NODE_ROWS, max_size=6), extra=NODE_ROWS, seed=st.integers(0, 1 << 32))
def test_order_does_not_show_and_another_record_never_gives_a_known_speaker_more(
    rows: list[CurrentRow], extra: CurrentRow, seed: int
) -> None:
    mixed = list(rows)
    random.Random(seed).shuffle(mixed)
    before = authority(*rows).tiers
    assert authority(*mixed, *rows).tiers == before
    named = {(row["node"][0], row["key"][0]) for row in rows}
    for speaker, tier in authority(*rows, extra).tiers.items():
        if speaker in named and speaker != CENTRE:
            assert speaker in before
            assert RANK[tier] <= RANK[before[speaker]]


def test_a_grant_gives_a_tier_to_this_node_with_this_key_only() -> None:
    granted = authority(node_row())
    assert granted.tier(NODES[0], KEYS[0]) == "school"
    assert granted.tier(NODES[0], KEYS[1]) is None
    assert granted.tier(NODES[1], KEYS[0]) is None


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(node_row(granted=(True, False)), id="granted-and-denied-at-once"),
        pytest.param(node_row(granted=(None,)), id="grant-empty"),
        pytest.param(node_row(granted=(1,)), id="one-is-not-true"),
        pytest.param(node_row(tiers=("province",)), id="tier-unknown"),
        pytest.param({**node_row(), "key": [KEYS[0], KEYS[1]]}, id="two-keys"),
        pytest.param({**node_row(), "node": ["text"]}, id="node-not-bytes"),
    ],
)
def test_a_doubtful_record_grants_nothing(row: CurrentRow) -> None:
    assert set(authority(row).tiers) == {CENTRE}


def test_a_denial_beats_a_grant_in_another_record() -> None:
    assert authority(node_row(), node_row(granted=(False,))).tier(NODES[0], KEYS[0]) is None


def test_of_two_tiers_the_lower_counts() -> None:
    both = authority(node_row(tiers=("township", "school")))
    assert both.tier(NODES[0], KEYS[0]) == "school"


def test_the_centre_keeps_its_rights_whatever_the_tables_say() -> None:
    row = node_row(GENESIS.centre_node, GENESIS.centre_key, granted=(False,))
    cut = cut_row(b"", node=GENESIS.centre_node)
    found = authority(row, cuts=(cut,))
    assert found.tier(*CENTRE) == "centre"
    assert GENESIS.centre_node not in found.cuts


def test_cuts_of_two_records_must_both_cover() -> None:
    heads = (b"1" * 32, b"2" * 32 + b"3" * 32)
    found = authority(cuts=(cut_row(heads[0]), cut_row(heads[1])))
    assert found.cuts[NODES[0]] == (
        frozenset({b"1" * 32}),
        frozenset({b"2" * 32, b"3" * 32}),
    )
    assert found.is_cut_head(b"3" * 32)
    assert not found.is_cut_head(b"4" * 32)


@pytest.mark.parametrize(
    ("lifted", "is_cut"),
    [((None,), True), ((False,), True), ((True, False), True), ((1,), True), ((True,), False)],
)
def test_a_cut_is_lifted_only_where_all_say_so(lifted: tuple[Any, ...], is_cut: bool) -> None:
    assert (NODES[0] in authority(cuts=(cut_row(b"", lifted=lifted),)).cuts) == is_cut


def test_a_cut_without_heads_covers_nothing() -> None:
    assert authority(cuts=(cut_row(b""),)).cuts[NODES[0]] == (frozenset(),)


_REGISTER: Final = Table("r", "register", (), ("school",))
_LEDGER: Final = Table("l", "ledger", (), ("school",), ("township",))


@pytest.mark.parametrize(
    ("table", "kind", "tiers"),
    [
        (_REGISTER, INSERT, {"school"}),
        (_REGISTER, SET, {"school"}),
        (_REGISTER, DELETE, {"school"}),
        (_REGISTER, RESOLVE, {"school"}),
        (_REGISTER, JUDGE, set()),
        (_LEDGER, INSERT, {"school"}),
        (_LEDGER, SET, set()),
        (_LEDGER, DELETE, set()),
        (_LEDGER, JUDGE, {"township"}),
        (_LEDGER, RESOLVE, {"township"}),
        (_REGISTER, LINK_FILE, set()),
        (_LEDGER, 200, set()),
    ],
)
def test_who_may_do_what(table: Table, kind: int, tiers: set[str]) -> None:
    assert {tier for tier in RANK if may(table, kind, tier)} == tiers


@pytest.mark.parametrize("table", OWN_TABLES, ids=lambda each: each.name)
def test_only_the_centre_writes_what_governs(table: Table) -> None:
    assert {tier for tier in RANK if may(table, INSERT, tier)} == {"centre"}
