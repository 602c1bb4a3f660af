"""What a peer lacks, on forked feeds, against counting by hand (PROTOCOL 6.3)."""

import random
from dataclasses import dataclass, field
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from xueshi_sync.plan import is_within, join_heads, missing_blocks, split_heads

FEED: Final = b"feed".ljust(16)
NO_PARENT: Final = bytes(16)


@dataclass
class Holder:
    """Some blocks of one feed: id -> (seq, parent)."""

    blocks: dict[bytes, tuple[int, bytes]] = field(default_factory=dict)

    def heads_of(self, feed: bytes) -> list[tuple[bytes, int]]:
        parents = {parent for _, parent in self.blocks.values()}
        return [(each, seq) for each, (seq, _) in self.blocks.items() if each not in parents]

    def place_of(self, block: bytes) -> tuple[bytes, int, bytes] | None:
        if block not in self.blocks:
            return None
        seq, parent = self.blocks[block]
        return (FEED, seq, parent)

    def blocks_above(self, feed: bytes, seq: int) -> list[bytes]:
        found = [(at, each) for each, (at, _) in self.blocks.items() if at > seq]
        return [each for _, each in sorted(found)]

    def upto(self, heads: frozenset[bytes]) -> set[bytes]:
        """The heads and everything before them: the oracle."""
        covered: set[bytes] = set()
        for head in heads:
            at = head
            while at in self.blocks and at not in covered:
                covered.add(at)
                at = self.blocks[at][1]
        return covered


@st.composite
def trees(draw: st.DrawFn) -> Holder:
    """A feed that forks now and then."""
    holder = Holder()
    rng = random.Random(draw(st.integers(0, 1 << 32)))
    forks = draw(st.sampled_from([0.0, 0.1, 0.5]))
    ids: list[bytes] = []
    for _ in range(draw(st.integers(0, 30))):
        parent = NO_PARENT if not ids else rng.choice(ids) if rng.random() < forks else ids[-1]
        seq = 0 if parent == NO_PARENT else holder.blocks[parent][0] + 1
        ids.append(rng.randbytes(16))
        holder.blocks[ids[-1]] = (seq, parent)
    return holder


@settings(max_examples=400, deadline=None)
@given(ours=trees(), data=st.data())
def test_exactly_what_is_missing_is_sent_parents_first(ours: Holder, data: st.DataObject) -> None:
    known = frozenset(data.draw(st.lists(st.sampled_from(sorted(ours.blocks)), max_size=4))
                      if ours.blocks else [])  # fmt: skip
    missing = missing_blocks(ours, FEED, known)
    assert set(missing) == set(ours.blocks) - ours.upto(known)
    assert len(set(missing)) == len(missing)
    there = ours.upto(known)
    for each in missing:
        parent = ours.blocks[each][1]
        assert parent == NO_PARENT or parent in there
        there.add(each)


@settings(max_examples=200, deadline=None)
@given(ours=trees())
def test_a_peer_with_a_head_that_is_not_here_is_asked_first(ours: Holder) -> None:
    known = frozenset({b"elsewhere".ljust(16), *list(ours.blocks)[:1]})
    assert missing_blocks(ours, FEED, known) == []


@settings(max_examples=200, deadline=None)
@given(ours=trees())
def test_a_peer_that_is_level_is_sent_nothing(ours: Holder) -> None:
    heads = frozenset(head for head, _ in ours.heads_of(FEED))
    assert missing_blocks(ours, FEED, heads) == []


@settings(max_examples=400, deadline=None)
@given(ours=trees(), data=st.data())
def test_a_block_is_within_heads_exactly_if_it_is_at_or_before_one(
    ours: Holder, data: st.DataObject
) -> None:
    names = [*sorted(ours.blocks), b"elsewhere".ljust(16)]
    heads = data.draw(st.lists(st.sampled_from(names), max_size=3))
    covered = ours.upto(frozenset(heads))
    assert [is_within(ours, each, heads) for each in names] == [each in covered for each in names]


@settings(max_examples=200, deadline=None)
@given(
    heads=st.dictionaries(
        st.binary(min_size=16, max_size=16),
        st.frozensets(st.binary(min_size=16, max_size=16), min_size=1, max_size=3),
        max_size=5,
    )
)
def test_heads_come_back_and_are_sorted(heads: dict[bytes, frozenset[bytes]]) -> None:
    joined = join_heads(heads)
    pairs = [joined[at : at + 32] for at in range(0, len(joined), 32)]
    assert split_heads(joined) == heads
    assert pairs == sorted(pairs)
