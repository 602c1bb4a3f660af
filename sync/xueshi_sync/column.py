"""One column of values and its single canonical coding (PROTOCOL 5.2).

Training records are almost all alike, so a column is coded as a constant, as a dictionary in
order of first use, as differences of integers, or plainly. The rule that chooses looks only at
the values, so that equal columns have equal bytes; the decoder refuses any other choice.
"""

import struct
from collections.abc import Sequence
from itertools import accumulate, pairwise
from operator import itemgetter
from typing import Final

from xueshi_sync.errors import MalformedBlockError

Value = None | bool | int | str | bytes

CONSTANT: Final = 0
DICTIONARY: Final = 1
DELTA: Final = 2
PLAIN: Final = 3

_WIDTHS: Final = {1: "B", 2: "H", 4: "I", 8: "Q"}


def encode_column(values: Sequence[Value]) -> list[object]:
    """Code at least one value; values of mixed type are coded plainly."""
    kind = type(values[0])
    if any(type(each) is not kind for each in values):
        return [PLAIN, list(values)]
    distinct = list(dict.fromkeys(values))
    if len(distinct) == 1:
        return [CONSTANT, values[0]]
    if kind is int:
        deltas = [right - left for left, right in pairwise(values)]  # type: ignore[operator]
        if _by_difference(deltas, len(distinct)):
            return [DELTA, values[0], _pack([_zigzag(each) for each in deltas])]
    if len(distinct) > 65536 or 4 * len(distinct) > 3 * len(values):
        return [PLAIN, list(values)]
    place = {each: index for index, each in enumerate(distinct)}
    return [DICTIONARY, distinct, _pack([place[each] for each in values])]


class Column:
    """A decoded column: `values()` gives every value, `mapped(fn)` maps each distinct one once."""

    __slots__ = ("_distinct", "_index", "count")

    def __init__(self, count: int, distinct: list[Value], index: Sequence[int] | None) -> None:
        self.count = count
        self._distinct = distinct
        self._index = index

    def values(self) -> list[Value]:
        """All values in order."""
        return _spread(self.count, self._distinct, self._index)

    def distinct(self) -> list[Value]:
        """The values that occur, each at least once (plain columns may repeat)."""
        return self._distinct

    def replaced(self, distinct: list[Value]) -> list[Value]:
        """All values in order, with the distinct ones replaced by the given ones, place by
        place."""
        return _spread(self.count, distinct, self._index)


def decode_column(coded: object, count: int) -> Column:
    """Decode and check canonical form; raises MalformedBlockError."""
    if not isinstance(coded, list) or not coded or type(coded[0]) is not int:
        raise MalformedBlockError("column is no coded list")
    try:
        decoder, length = _DECODERS[coded[0]]
    except KeyError as error:
        raise MalformedBlockError(f"column coding {coded[0]}") from error
    if len(coded) != length:
        raise MalformedBlockError("column has the wrong number of parts")
    return decoder(coded, count)


def _decode_constant(coded: list[object], count: int) -> Column:
    return Column(count, [_checked(coded[1])], _ZERO * count if count != 1 else None)


def _decode_dictionary(coded: list[object], count: int) -> Column:
    distinct, packed = coded[1], coded[2]
    if not isinstance(distinct, list) or not isinstance(packed, bytes):
        raise MalformedBlockError("dictionary column has parts of the wrong type")
    index = _unpack(packed, count)
    size = len(distinct)
    if size < 2 or size > 65536 or 4 * size > 3 * count:
        raise MalformedBlockError("dictionary of a size that is coded otherwise")
    kind = type(distinct[0])
    for each in distinct:
        _checked(each)
    if any(type(each) is not kind for each in distinct) or len(set(distinct)) != size:
        raise MalformedBlockError("dictionary repeats or mixes values")
    if list(dict.fromkeys(index)) != list(range(size)):
        raise MalformedBlockError("dictionary is not in order of first use")
    column = Column(count, distinct, index)
    if kind is int:
        deltas = [right - left for left, right in pairwise(column.values())]  # type: ignore[operator]
        if _by_difference(deltas, size):
            raise MalformedBlockError("integers to be coded by difference")
    return column


def _decode_delta(coded: list[object], count: int) -> Column:
    first, packed = coded[1], coded[2]
    if type(first) is not int or not isinstance(packed, bytes):
        raise MalformedBlockError("delta column has parts of the wrong type")
    zigzagged = _unpack(packed, count - 1)
    deltas = [(each >> 1) ^ -(each & 1) for each in zigzagged]
    values: list[Value] = list(accumulate(deltas, initial=first))
    distinct = len(set(values))
    if distinct == 1 or not _by_difference(deltas, distinct):
        raise MalformedBlockError("integers to be coded otherwise")
    if min(values) < -(1 << 63) or max(values) >= 1 << 63:  # type: ignore[operator,type-var]
        raise MalformedBlockError("integer out of range")
    return Column(count, values, None)


def _decode_plain(coded: list[object], count: int) -> Column:
    values = coded[1]
    if not isinstance(values, list) or len(values) != count:
        raise MalformedBlockError("plain column of another length")
    for each in values:
        _checked(each)
    if encode_column(values)[0] != PLAIN:
        raise MalformedBlockError("plain column to be coded otherwise")
    return Column(count, values, None)


_DECODERS: Final = {
    CONSTANT: (_decode_constant, 2),
    DICTIONARY: (_decode_dictionary, 3),
    DELTA: (_decode_delta, 3),
    PLAIN: (_decode_plain, 2),
}
_ZERO: Final = b"\0"


def _checked(value: object) -> Value:
    """A value as PROTOCOL 5.2 allows it; checked before anything hashes or compares it."""
    if type(value) is int:
        if not -(1 << 63) <= value < 1 << 63:
            raise MalformedBlockError("integer out of range")
    elif value is not None and type(value) not in (bool, str, bytes):
        raise MalformedBlockError(f"value of type {type(value).__name__}")
    return value  # type: ignore[return-value]  # narrowed just above


def _by_difference(deltas: list[int], distinct_count: int) -> bool:
    """Days, times and counters have fewer differences than values; choices from a list do not."""
    if len(set(deltas)) >= distinct_count:
        return False
    return all(-(1 << 62) < each < 1 << 62 for each in deltas)


def _spread(count: int, distinct: list[Value], index: Sequence[int] | None) -> list[Value]:
    if index is None:
        return distinct
    if len(distinct) == 1:
        return distinct * count
    return list(itemgetter(*index)(distinct))


def _zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def _pack(numbers: list[int]) -> bytes:
    """Bytes of the smallest width 1, 2, 4 or 8 that holds all, split into planes, lowest first."""
    top = max(numbers)
    width = 1 if top < 1 << 8 else 2 if top < 1 << 16 else 4 if top < 1 << 32 else 8
    packed = struct.pack(f"<{len(numbers)}{_WIDTHS[width]}", *numbers)
    return packed if width == 1 else b"".join(packed[plane::width] for plane in range(width))


def _unpack(packed: bytes, count: int) -> Sequence[int]:
    width, rest = divmod(len(packed), count) if count > 0 else (0, 1)
    if rest or width not in _WIDTHS:
        raise MalformedBlockError("packed integers of the wrong length")
    if width == 1:
        return packed
    joined = bytearray(len(packed))
    for plane in range(width):
        joined[plane::width] = packed[plane * count : (plane + 1) * count]
    if not any(packed[(width // 2) * count :]):
        raise MalformedBlockError("packed integers wider than needed")
    return struct.unpack(f"<{count}{_WIDTHS[width]}", joined)
