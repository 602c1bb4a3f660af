"""Bodies have one encoding, and claims are checked before anything of their size is made."""

import random
import tracemalloc
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sync.craft import HERE, Wish, encode_wishes, id_of
from tests.sync.test_column import typed
from tests.vectors.pure_cases import edit, group
from xueshi_sync.body import DELETE, INSERT, JUDGE, RESOLVE, SET, Body, decode_body, encode_body
from xueshi_sync.errors import LimitExceededError, MalformedBlockError, SyncError

_NAMES: Final = st.lists(st.sampled_from(["a", "b", "名", "_deleted"]), unique=True, max_size=3)
_VALUES: Final = st.one_of(
    st.none(), st.booleans(), st.integers(-(1 << 63), (1 << 63) - 1), st.text(max_size=5),
    st.binary(max_size=5),
)  # fmt: skip


@st.composite
def wishes(draw: st.DrawFn) -> list[Wish]:
    """Ops that refer to earlier ops of their block and to other blocks."""
    made: list[Wish] = []
    blocks = [id_of(f"block {n}") for n in range(3)]
    for k in range(draw(st.integers(0, 12))):
        dots = st.tuples(st.sampled_from(blocks), st.integers(0, 4095))
        if k:
            dots = dots | st.tuples(st.just(HERE), st.integers(0, k - 1))
        kind = draw(st.sampled_from([INSERT, SET, DELETE, JUDGE, RESOLVE, 6, 255]))
        names = draw(_NAMES if kind == INSERT else _NAMES.filter(bool))
        made.append(
            Wish(
                kind,
                draw(st.sampled_from(["person", "hour"])),
                {name: draw(_VALUES) for name in names},
                None if kind == INSERT else draw(dots),
                {name: draw(st.lists(dots, max_size=4)) for name in names},
                draw(st.sampled_from(["a", "b"])),
                draw(st.integers(-(1 << 63), (1 << 63) - 1)),
            )
        )
    return made


def reencoded(body: Body) -> bytes:
    """A decoded body encoded again, op by op."""
    return encode_body(body.refs, [op for group in body.groups for op in group.ops()])


@settings(max_examples=300, deadline=None)
@given(ops=wishes())
def test_every_body_comes_back_and_has_one_form(ops: list[Wish]) -> None:
    raw = encode_wishes(ops)
    body = decode_body(raw, len(ops))
    read = sorted((op for group in body.groups for op in group.ops()), key=lambda op: op.k)
    assert [(op.kind, op.table, op.actor, op.entered_at) for op in read] == [
        (op.kind, op.table, op.actor, op.entered_at) for op in ops
    ]
    assert [typed(list(op.values)) for op in read] == [
        typed(list(op.values.values())) for op in ops
    ]
    assert reencoded(body) == raw


@settings(max_examples=400, deadline=None)
@given(ops=wishes(), seed=st.integers(0, 1 << 32))
def test_a_changed_body_is_refused_or_is_the_only_form_of_what_it_says(
    ops: list[Wish], seed: int
) -> None:
    rng = random.Random(seed)
    raw = bytearray(encode_wishes(ops))
    for _ in range(rng.randint(1, 3)):
        raw[rng.randrange(len(raw))] = rng.choice(
            [0, 1, 2, 0x90, 0xC0, 0xC2, 0xCC, rng.randrange(256)]
        )
    try:
        body = decode_body(bytes(raw), len(ops))
    except SyncError:
        return
    assert reencoded(body) == raw


def test_a_body_holds_4096_ops() -> None:
    ops = [Wish(INSERT, "person", {"name": f"n{k}"}) for k in range(4096)]
    body = decode_body(encode_wishes(ops), 4096)
    assert sum(group.count for group in body.groups) == 4096


def test_text_of_65536_bytes_fits_and_one_more_does_not() -> None:
    fits, too_long = ("名" * 21_845 + tail for tail in ("x", "xx"))
    decode_body(encode_wishes([Wish(INSERT, "person", {"name": fits})]), 1)
    with pytest.raises(LimitExceededError):
        decode_body(encode_wishes([Wish(INSERT, "person", {"name": too_long})]), 1)


def test_257_refs_are_too_many() -> None:
    refs = [n.to_bytes(16, "big") for n in range(257)]
    decode_body(msgspec.msgpack.encode([refs[:256], [group()]]), 1)
    with pytest.raises(LimitExceededError):
        decode_body(msgspec.msgpack.encode([refs, [group()]]), 1)


_KS: Final = [2, 0, b"\2" * 4095]
_MANY: Final = [f"n{n}" for n in range(60)]
_BOMBS: Final[dict[str, tuple[list[Any], int]]] = {
    "preds": (
        [edit(names=_MANY, values=[[0, "x"]] * 60, count=4096, ks=_KS,
              preds=[[[0, 64], [0, 4096]]] * 60)], 4096),
    "preds-of-one-field": (
        [edit(count=4096, ks=_KS, preds=[[[0, 64], [0, 4096]]])], 4096),
    "cells": ([group(names=[f"n{n}" for n in range(256)], values=[[0, "x"]] * 256, count=4096,
                     ks=_KS)], 4096),
    "groups-that-each-claim-all": (
        [group(count=4096, ks=_KS, table=f"t{n}") for n in range(200)], 4096),
    "lengths": ([edit(count=4096, ks=_KS, preds=[[[0, (1 << 63) - 1], [0, 4096]]])], 4096),
}  # fmt: skip


@pytest.mark.parametrize("name", _BOMBS)
def test_a_body_of_few_bytes_that_claims_much_costs_little(name: str) -> None:
    groups, op_count = _BOMBS[name]
    raw = msgspec.msgpack.encode([[id_of("another block")], groups])
    tracemalloc.start()
    try:
        with pytest.raises((LimitExceededError, MalformedBlockError)):
            decode_body(raw, op_count)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 8 * 1024 * 1024
