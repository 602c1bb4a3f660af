"""The merge is a function of sets: order, repetition and splitting do not show (PROTOCOL 8)."""

import random
import tempfile
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sync.core_support import close, digests_of, make_observer, offer_until_settled
from tests.sync.worlds import COUNTY, SCOPE, World
from xueshi_sync.merge import (
    APPROVED,
    DISPUTED,
    PENDING,
    REJECTED,
    REPLACED,
    RETURNED,
    VOID,
    WITHDRAWN,
    Credit,
    Entry,
    Standing,
    Write,
    credit_chain,
    current_writes,
    is_deleted,
    judge,
    unseen_by_deletion,
)


def write(dot: int, value: object = "x", *preds: int, rank: int = 0) -> Write:
    """A write with a public name in the order of its dot."""
    return Write(dot, value, preds, rank, (dot.to_bytes(16, "big"), 0))  # type: ignore[arg-type]


@st.composite
def histories(draw: st.DrawFn) -> list[Write]:
    """Writes of one field, each naming some earlier ones, and now and then one that is not here."""
    made: list[Write] = []
    for dot in range(1, draw(st.integers(1, 14))):
        preds = draw(st.lists(st.integers(1, max(dot - 1, 1)), max_size=3, unique=True))
        preds = [each for each in preds if each < dot]
        if draw(st.booleans()) and draw(st.booleans()):
            preds.append(1000 + dot)
        value = draw(st.sampled_from(["approve", "reject", "void", "x"]))
        made.append(write(dot, value, *preds, rank=draw(st.integers(0, 2))))
    return made


@settings(max_examples=200, deadline=None)
@given(history=histories(), seed=st.integers(0, 1 << 32))
def test_order_and_repetition_of_writes_do_not_show(history: list[Write], seed: int) -> None:
    mixed = history + history[: len(history) // 2]
    random.Random(seed).shuffle(mixed)
    assert current_writes(mixed) == current_writes(history)
    assert judge(mixed) == judge(history)


@settings(max_examples=200, deadline=None)
@given(history=histories())
def test_a_value_disappears_only_by_a_write_that_names_it(history: list[Write]) -> None:
    current = {each.dot for each in current_writes(history)}
    named = {pred for each in history for pred in each.preds}
    assert current == {each.dot for each in history} - named


@settings(max_examples=200, deadline=None)
@given(history=histories())
def test_there_is_always_something_to_show(history: list[Write]) -> None:
    assert bool(current_writes(history)) == bool(history)


@settings(max_examples=200, deadline=None)
@given(history=histories())
def test_a_resolution_that_names_all_is_the_only_value(history: list[Write]) -> None:
    everything = [each.dot for each in current_writes(history)]
    resolution = write(500, "settled", *everything)
    assert current_writes([*history, resolution]) == [resolution]


def test_rank_goes_before_depth_and_depth_before_name() -> None:
    first, deep, high = write(1), write(2, "deep", 1), write(3, "high", rank=1)
    assert [each.value for each in current_writes([first, deep, high, write(4, "late")])] == [
        "high", "deep", "late",
    ]  # fmt: skip


def test_a_pred_that_arrives_later_is_replaced_on_arrival() -> None:
    edit = write(2, "new", 1)
    assert current_writes([edit]) == current_writes([edit, write(1, "old")]) == [edit]


def test_a_deletion_that_saw_everything_deletes() -> None:
    fields = {"name": [write(1)], "staff_no": [write(2)]}
    assert is_deleted(fields, [write(3, True, 1, 2)])


def test_an_edit_that_a_deletion_did_not_see_keeps_the_record() -> None:
    fields = {"name": [write(1), write(2)]}
    deletions = [write(3, True, 1)]
    assert not is_deleted(fields, deletions)
    assert unseen_by_deletion(fields, deletions)


def test_a_deletion_that_was_undone_is_no_conflict() -> None:
    deletions = [write(1, True), write(2, False, 1)]
    assert not is_deleted({}, deletions)
    assert not unseen_by_deletion({}, deletions)


def test_two_deletions_together_may_have_seen_everything() -> None:
    fields = {"name": [write(1)], "staff_no": [write(2)]}
    assert is_deleted(fields, [write(3, True, 1), write(4, True, 2)])


@pytest.mark.parametrize(
    ("verdicts", "standing"),
    [
        pytest.param([], (PENDING, PENDING), id="none"),
        pytest.param([write(1, "approve")], (APPROVED, APPROVED), id="approved"),
        pytest.param([write(1, "maybe")], (PENDING, PENDING), id="unknown-word"),
        pytest.param([write(1, "approve"), write(2, "approve")], (APPROVED, APPROVED), id="twice"),
        pytest.param([write(1, "approve"), write(2, "void", 1)], (VOID, VOID), id="voided"),
        pytest.param([write(1, "approve"), write(2, "", 1)], (PENDING, PENDING), id="taken-back"),
        pytest.param([write(1, "approve"), write(2, "reject")], (DISPUTED, PENDING), id="at-once"),
        pytest.param(
            [write(1, "approve"), write(2, "void", 1), write(3, "reject", 1)],
            (DISPUTED, APPROVED), id="after-approval"),
        pytest.param(
            [write(1, "reject"), write(2, "approve", 1), write(3, "void", 1),
             write(4, "reject", 2)],
            (DISPUTED, REJECTED), id="common-ancestor-further-up"),
        pytest.param(
            [write(1, "approve"), write(2, "reject"), write(3, "approve", 1, 2)],
            (APPROVED, APPROVED), id="settled"),
    ],
)  # fmt: skip
def test_the_standing_of_an_entry(verdicts: list[Write], standing: tuple[str, str]) -> None:
    assert judge(verdicts) == Standing(*standing)


@pytest.mark.parametrize(
    ("checks", "state"),
    [
        pytest.param([], PENDING, id="none"),
        pytest.param([write(1, "pass")], PENDING, id="passed"),
        pytest.param([write(1, "return")], RETURNED, id="returned"),
        pytest.param([write(1, "return"), write(2, "pass", 1)], PENDING, id="returned-then-passed"),
        pytest.param([write(1, "withdraw"), write(2, "", 1)], PENDING, id="taken-back"),
        pytest.param([write(1, "return"), write(2, "pass")], RETURNED, id="at-once"),
        pytest.param([write(1, "return"), write(2, "withdraw")], WITHDRAWN, id="withdrawn-at-once"),
        pytest.param([write(1, "maybe"), write(2, None)], PENDING, id="unknown-words"),
    ],
)
def test_what_the_writers_say_shows_while_nobody_judged(checks: list[Write], state: str) -> None:
    assert judge([], checks) == Standing(state, PENDING)
    assert judge([write(9, "maybe")], checks) == Standing(state, PENDING)


@settings(max_examples=100, deadline=None)
@given(history=histories(), said=st.sampled_from(["pass", "return", "withdraw"]))
def test_what_the_writers_say_moves_no_verdict(history: list[Write], said: str) -> None:
    before, after = judge(history), judge(history, [write(99, said)])
    assert after.settled == before.settled
    assert after.state == before.state or before.state == PENDING


_STATES: Final = st.sampled_from([PENDING, APPROVED, REJECTED, VOID])


@st.composite
def chains(draw: st.DrawFn) -> list[Entry]:
    """An entry and what corrects it, some of it disputed."""
    made = []
    for rec in range(1, draw(st.integers(2, 9))):
        corrects = None if rec == 1 else draw(st.integers(1, rec - 1))
        settled = draw(_STATES)
        state = DISPUTED if draw(st.integers(0, 4)) == 0 else settled
        made.append(Entry(rec, corrects, draw(st.integers(-10, 300)), Standing(state, settled)))
    return made


@settings(max_examples=300, deadline=None)
@given(chain=chains(), seed=st.integers(0, 1 << 32))
def test_credit_never_exceeds_one_approved_entry_of_its_chain(
    chain: list[Entry], seed: int
) -> None:
    credits = credit_chain(chain)
    credited = [each for each in chain if credits[each.rec].credited]
    assert len(credited) <= 1
    assert all(each.standing.settled == APPROVED for each in credited)
    assert sum(each.credited for each in credits.values()) == sum(each.amount for each in credited)
    mixed = list(chain)
    random.Random(seed).shuffle(mixed)
    assert credit_chain(mixed) == credits


@settings(max_examples=300, deadline=None)
@given(chain=chains())
def test_an_unapproved_correction_changes_no_credit(chain: list[Entry]) -> None:
    late = Entry(99, chain[0].rec, 1000, Standing(PENDING, PENDING))
    assert credit_chain([*chain, late]) == {**credit_chain(chain), 99: Credit(PENDING, 0)}


def _approved(rec: int, corrects: int | None, amount: int) -> Entry:
    return Entry(rec, corrects, amount, Standing(APPROVED, APPROVED))


def test_an_approved_correction_is_credited_instead() -> None:
    credits = credit_chain([_approved(1, None, 90), _approved(2, 1, 135)])
    assert credits == {1: Credit(REPLACED, 0), 2: Credit(APPROVED, 135)}


def test_rival_corrections_leave_what_was_credited_before() -> None:
    credits = credit_chain([_approved(1, None, 90), _approved(2, 1, 135), _approved(3, 1, 180)])
    assert credits == {1: Credit(APPROVED, 90), 2: Credit(DISPUTED, 0), 3: Credit(DISPUTED, 0)}


def _parts(blocks: list[bytes], rng: random.Random) -> list[list[bytes]]:
    """The blocks as bundles that overlap, each in its own order."""
    parts = []
    for _ in range(rng.randint(2, 4)):
        part = rng.sample(blocks, rng.randint(1, len(blocks)))
        parts.append(part if rng.random() < 0.5 else sorted(part, key=blocks.index))
    return [*parts, blocks]


def _merged(folder: Path, parts: list[list[bytes]]) -> dict[str, str]:
    node = make_observer(folder, COUNTY, [SCOPE])
    try:
        for part in parts:
            node.accept(part, b"peer")
        offer_until_settled(node, parts[-1])
        return digests_of(node, SCOPE)
    finally:
        close(node)


def _check_splits(seed: int, steps: int) -> None:
    """Commutative, associative, idempotent: bundles in any order, cut anywhere, given again."""
    rng = random.Random(seed)
    blocks = World.grown(seed, steps).data
    parts = _parts(blocks, rng)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = _merged(folder / "whole", [blocks])
        assert _merged(folder / "parts", parts) == whole
        assert _merged(folder / "turned", [*reversed(parts[:-1]), blocks[::-1]]) == whole
        assert _merged(folder / "again", [blocks, *parts, blocks]) == whole


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1 << 32), steps=st.integers(1, 30))
def test_any_split_into_bundles_in_any_order_gives_the_same_tables(seed: int, steps: int) -> None:
    _check_splits(seed, steps)


@pytest.mark.soak
@settings(max_examples=4000, deadline=None)
@given(seed=st.integers(0, 1 << 32), steps=st.integers(1, 90))
def test_many_splits_into_bundles_give_the_same_tables(seed: int, steps: int) -> None:
    _check_splits(seed, steps)
