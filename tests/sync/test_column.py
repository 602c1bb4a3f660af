"""Columns have one coding each, and the decoder takes no other (PROTOCOL 5.2)."""

from contextlib import suppress
from itertools import pairwise
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xueshi_sync.column import CONSTANT, DELTA, DICTIONARY, PLAIN, decode_column, encode_column
from xueshi_sync.errors import MalformedBlockError

_INTS: Final = st.one_of(
    st.integers(0, 3), st.integers(-300, 300), st.integers(-(1 << 63), (1 << 63) - 1)
)
_KINDS: Final = (_INTS, st.text(max_size=4), st.binary(max_size=4), st.booleans(), st.none())
VALUES: Final = st.one_of(
    *(st.lists(kind, min_size=1, max_size=60) for kind in _KINDS),
    st.lists(st.one_of(*_KINDS), min_size=1, max_size=12),
    st.lists(st.sampled_from(["集中培训", "网络研修", "校本研修"]), min_size=1, max_size=200),
    st.integers(1, 200).map(lambda count: list(range(count))),
    st.integers(257, 700).map(lambda count: [f"t{n}" for n in range(count)] * 2),
)


def typed(values: list[Any]) -> list[tuple[type, Any]]:
    """Values with their types, since True == 1."""
    return [(type(each), each) for each in values]


@settings(max_examples=300, deadline=None)
@given(values=VALUES)
def test_every_column_comes_back(values: list[Any]) -> None:
    coded = msgspec.msgpack.decode(msgspec.msgpack.encode(encode_column(values)))
    column = decode_column(coded, len(values))
    assert typed(column.values()) == typed(values)
    assert typed(column.replaced(column.distinct())) == typed(values)


def _planes(numbers: list[int], width: int) -> bytes:
    whole = [number.to_bytes(width, "little") for number in numbers]
    return bytes(each[plane] for plane in range(width) for each in whole)


def _every_coding(values: list[Any]) -> list[list[Any]]:
    """Every way in which the format could say these values, allowed or not."""
    codings: list[list[Any]] = [[PLAIN, values]]
    distinct: list[Any] = []
    for each in values:
        if typed([each])[0] not in typed(distinct):
            distinct.append(each)
    places = [typed(distinct).index(each) for each in typed(values)]
    if len(distinct) == 1:
        codings.append([CONSTANT, values[0]])
    for width in (1, 2, 4, 8):
        if len(distinct) <= 1 << 8 * width:
            codings.append([DICTIONARY, distinct, _planes(places, width)])
            codings.append([DICTIONARY, [*distinct, "unused"], _planes(places, width)])
            backwards = [len(distinct) - 1 - place for place in places]
            codings.append([DICTIONARY, distinct[::-1], _planes(backwards, width)])
    if all(type(each) is int for each in values):
        deltas = [right - left for left, right in pairwise(values)]
        zigzag = [each << 1 if each >= 0 else (-each << 1) - 1 for each in deltas]
        codings += [
            [DELTA, values[0], _planes(zigzag, width)]
            for width in (1, 2, 4, 8)
            if max(zigzag, default=0) < 1 << 8 * width
        ]
    return codings


@settings(max_examples=300, deadline=None)
@given(values=VALUES)
def test_of_all_codings_of_a_column_one_is_accepted(values: list[Any]) -> None:
    accepted = []
    for coded in _every_coding(values):
        try:
            column = decode_column(coded, len(values))
        except MalformedBlockError:
            continue
        assert typed(column.values()) == typed(values)
        accepted.append(coded)
    kept = {msgspec.msgpack.encode(each) for each in accepted}
    assert kept == {msgspec.msgpack.encode(encode_column(values))}


@settings(max_examples=300, deadline=None)
@given(values=VALUES, count=st.integers(1, 400))
def test_a_column_read_at_another_length_is_refused_or_the_only_coding_of_what_it_says(
    values: list[Any], count: int
) -> None:
    coded = encode_column(values)
    with suppress(MalformedBlockError):
        read = decode_column(coded, count).values()
        assert len(read) == count
        assert encode_column(read) == coded


@pytest.mark.parametrize(
    "value", [1.5, {}, [], msgspec.msgpack.Ext(5, b"x"), 1 << 63, -(1 << 63) - 1],
    ids=["float", "map", "array", "ext", "above-int64", "below-int64"],
)  # fmt: skip
@pytest.mark.parametrize("coding", [CONSTANT, PLAIN, DICTIONARY])
def test_a_value_of_no_allowed_type_is_refused(value: Any, coding: int) -> None:
    coded = {
        CONSTANT: [CONSTANT, value],
        PLAIN: [PLAIN, [value, "x"]],
        DICTIONARY: [DICTIONARY, [value, value], b"\0\1\0\1"],
    }
    with pytest.raises(MalformedBlockError):
        decode_column(coded[coding], {CONSTANT: 1, PLAIN: 2, DICTIONARY: 4}[coding])
