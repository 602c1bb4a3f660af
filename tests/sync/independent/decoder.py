"""A second reader of blocks, written from sync/PROTOCOL.md alone (sections 2 to 5).

It shares no code with xueshi_sync; libsodium and zstd come from their own bindings.
"""

import hashlib
from dataclasses import dataclass
from itertools import pairwise

import nacl.exceptions
import nacl.signing
import zstandard

from tests.sync.independent.msgpack import (
    RefusedError,
    Value,
    pack,
    unpack_canonical,
)

# Section 3
STORED_MAX, RAW_MAX, RATIO, RATIO_FREE = 262_144, 1_048_576, 100, 65_536
WINDOW_MAX, OPS_MAX, REFS_MAX, GROUPS_MAX = 8_388_608, 4_096, 256, 1_024
NAMES_MAX, PREDS_MAX, ALL_PREDS_MAX = 256, 64, 65_536
CELLS_MAX, FIELD_MAX, EXTENSIONS_MAX = 262_144, 65_536, 512
HEADER_BYTES, SIGNATURE_BYTES = 116, 64

Dot = tuple[bytes, int]


def tagged(tag: str, *parts: bytes) -> bytes:
    """H of section 2."""
    return hashlib.sha256(b"xs1/" + tag.encode() + b"\0" + b"".join(parts)).digest()


def check_signature(key: bytes, message: bytes, signature: bytes) -> None:
    """Raise block.bad_signature unless it verifies."""
    try:
        nacl.signing.VerifyKey(key).verify(message, signature)
    except (nacl.exceptions.CryptoError, ValueError, TypeError) as error:
        raise RefusedError("block.bad_signature") from error


@dataclass(frozen=True)
class Genesis:
    """Section 2.1."""

    net: bytes
    centre_node: bytes
    centre_key: bytes


def read_genesis(value: Value) -> Genesis:
    """Read and verify a signed genesis."""
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], list):
        raise RefusedError("frame.malformed")
    genesis, signature = value
    assert isinstance(genesis, list)
    if len(genesis) != 8 or not isinstance(signature, bytes):
        raise RefusedError("frame.malformed")
    version, suite, _, _, _, root, node, key = genesis
    if version != 1 or suite != 1:
        raise RefusedError("frame.version")
    net = tagged("net", pack(genesis))[:16]
    assert isinstance(root, bytes)
    assert isinstance(node, bytes)
    assert isinstance(key, bytes)
    check_signature(root, b"xs1/genesis\0" + net, signature)
    return Genesis(net, node, key)


@dataclass(frozen=True)
class Block:
    """Section 4.1."""

    kind: int
    codec: int
    op_count: int
    feed: bytes
    prev: bytes
    seq: int
    raw_len: int
    body_hash: bytes
    bid: bytes
    signature: bytes
    stored: bytes

    @property
    def short(self) -> bytes:
        return self.bid[:16]


def _u(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")


def parse(data: bytes) -> Block:
    """Section 4.2, step 1."""
    if len(data) < HEADER_BYTES + SIGNATURE_BYTES or data[:4] != b"XSB1" or data[15]:
        raise RefusedError("block.malformed", "magic")
    kind, flags, codec, header_len = data[5], data[6], data[7], _u(data, 8, 2)
    if data[4] != 1 or kind > 5 or flags > 1 or codec > 1:
        raise RefusedError("frame.version")
    op_count, seq, prev = _u(data, 10, 2), _u(data, 64, 4), data[32:64]
    body_len, raw_len = _u(data, 76, 4), _u(data, 80, 4)
    if not HEADER_BYTES <= header_len <= HEADER_BYTES + EXTENSIONS_MAX:
        raise RefusedError("block.malformed", "header_len")
    if len(data) != header_len + SIGNATURE_BYTES + body_len:
        raise RefusedError("block.malformed", "length")
    if body_len > STORED_MAX or raw_len > RAW_MAX or op_count > OPS_MAX:
        raise RefusedError("block.limit")
    if not ((seq == 0) == (prev == bytes(32)) == (kind == 1)) or (kind and op_count):
        raise RefusedError("block.malformed", "first block")
    if codec == 0 and raw_len != body_len:
        raise RefusedError("block.malformed", "raw_len")
    _check_extensions(data[HEADER_BYTES:header_len])
    body_at = header_len + SIGNATURE_BYTES
    return Block(
        kind, codec, op_count, data[16:32], prev, seq, raw_len, data[84:116],
        tagged("block", data[:header_len]), data[header_len:body_at], data[body_at:],
    )  # fmt: skip


def _check_extensions(data: bytes) -> None:
    at = 0
    while at < len(data):
        if at + 4 > len(data):
            raise RefusedError("block.malformed", "extension")
        if data[at] not in (1, 2, 3) and data[at + 1] & 1:
            raise RefusedError("frame.version", "critical extension")
        at += 4 + _u(data, at + 2, 2)
    if at != len(data):
        raise RefusedError("block.malformed", "extension")


@dataclass(frozen=True)
class Feed:
    """What an epoch-open block says (4.3)."""

    feed: bytes
    node: bytes
    scope: bytes
    key: bytes


def open_feed(net: bytes, block: Block) -> Feed:
    """Read and verify an epoch-open block."""
    try:
        value = unpack_canonical(inflate(block))
    except RefusedError as error:
        raise RefusedError(
            error.code if error.code.startswith("block") else "block.malformed"
        ) from error
    match value:
        case [
            bytes(its_net),
            bytes(node),
            bytes(nonce),
            bytes(scope),
            bytes(key),
            str(),
            list(parents),
            bytes(),
            str(),
        ] if all(isinstance(each, bytes) for each in parents):
            pass
        case _:
            raise RefusedError("block.malformed", "epoch-open")
    if [len(each) for each in (its_net, node, nonce, scope, key)] != [16, 16, 16, 16, 32]:
        raise RefusedError("block.malformed", "epoch-open lengths")
    if its_net != net:
        raise RefusedError("block.wrong_net")
    epoch = tagged("epoch", key, nonce)[:16]
    if tagged("feed", net, node, epoch, scope)[:16] != block.feed:
        raise RefusedError("block.malformed", "feed")
    verify(Feed(block.feed, node, scope, key), block)
    return Feed(block.feed, node, scope, key)


def verify(feed: Feed, block: Block) -> None:
    """Section 4.2, steps 4 and 5."""
    if feed.feed != block.feed:
        raise RefusedError("block.malformed", "feed")
    check_signature(feed.key, b"xs1/sig\0" + block.bid, block.signature)
    if hashlib.sha256(block.stored).digest() != block.body_hash:
        raise RefusedError("block.bad_signature", "body_hash")


def inflate(block: Block) -> bytes:
    """Section 4.4."""
    if block.codec == 0:
        return block.stored
    if block.raw_len > RAW_MAX or block.raw_len > max(RATIO_FREE, RATIO * len(block.stored)):
        raise RefusedError("block.limit", "ratio")
    try:
        params = zstandard.get_frame_parameters(block.stored)
        if params.window_size > WINDOW_MAX:
            raise RefusedError("block.limit", "window")
        exact = params.content_size == block.raw_len > 0 and not params.dict_id
        if not exact or block.stored[:4] != b"\x28\xb5\x2f\xfd":
            raise RefusedError("block.malformed", "zstd frame")
        raw = zstandard.ZstdDecompressor().decompress(block.stored, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise RefusedError("block.malformed", "zstd") from error
    if len(raw) != block.raw_len:
        raise RefusedError("block.malformed", "raw_len")
    return raw


# Section 5


@dataclass(frozen=True)
class Op:
    """One op with public names."""

    dot: Dot
    kind: int
    flags: int
    table: str
    values: dict[str, Value]
    rec: Dot | None
    preds: dict[str, list[Dot]]
    actor: str
    time: int


def _need(condition: bool, why: str) -> None:
    if not condition:
        raise RefusedError("block.malformed", why)


def _limit(condition: bool, why: str) -> None:
    if not condition:
        raise RefusedError("block.limit", why)


def read_ops(block: Block) -> list[Op]:
    """Every op of a data block, in the order of k."""
    raw = inflate(block)
    try:
        body = unpack_canonical(raw)
    except RefusedError as error:
        raise RefusedError("block.malformed", str(error)) from error
    return _BodyReader(block.short, block.op_count).read(body)


def same(left: Value, right: Value) -> bool:
    """Section 5.2: equal only if type and value are."""
    return type(left) is type(right) and left == right


def read_column(coded: Value, count: int) -> list[Value]:
    """Section 5.2: all values, or refused where another coding was to be chosen."""
    _need(isinstance(coded, list) and len(coded) > 0 and type(coded[0]) is int, "column")
    assert isinstance(coded, list)
    values: list[Value] = []
    match coded:
        case [0, constant]:
            values = [constant] * count
        case [1, list(distinct), bytes(packed)]:
            places = _unplane(packed, count)
            _need(max(places) < len(distinct), "dictionary place")
            values = [distinct[place] for place in places]
            _need(list(dict.fromkeys(places)) == list(range(len(distinct))), "first use")
        case [2, int(first), bytes(packed)]:
            _need(type(first) is int, "delta")
            values = [first]
            for each in _unplane(packed, count - 1):
                last = values[-1]
                assert isinstance(last, int)
                values.append(last + (each // 2 if each % 2 == 0 else -(each + 1) // 2))
        case [3, list(plain)]:
            _need(len(plain) == count, "plain column length")
            values = plain
        case _:
            raise RefusedError("block.malformed", "column")
    for value in values:
        _need(value is None or type(value) in (bool, int, str, bytes), "column value")
        _need(type(value) is not int or -(2**63) <= value < 2**63, "integer")
    _need(pack(write_column(values)) == pack(coded), "column coded otherwise")
    return values


def write_column(values: list[Value]) -> list[Value]:
    """Section 5.2: the one coding of some values."""
    count = len(values)
    kinds = {type(each) for each in values}
    if len(kinds) > 1:
        return [3, values]
    distinct: list[Value] = list(dict.fromkeys(values))
    if len(distinct) == 1:
        return [0, values[0]]
    if kinds == {int}:
        differences = [right - left for left, right in pairwise(values)]  # type: ignore[operator]
        small = all(-(2**62) < each < 2**62 for each in differences)
        if small and len(set(differences)) < len(distinct):
            zigzag = [2 * each if each >= 0 else -2 * each - 1 for each in differences]
            return [2, values[0], _plane(zigzag)]
    if len(distinct) > 65_536 or 4 * len(distinct) > 3 * count:
        return [3, values]
    places = {each: place for place, each in enumerate(distinct)}
    return [1, distinct, _plane([places[each] for each in values])]


def _width(largest: int) -> int:
    return next(width for width in (1, 2, 4, 8) if largest < 1 << 8 * width)


def _plane(numbers: list[int]) -> bytes:
    width = _width(max(numbers))
    whole = [each.to_bytes(width, "little") for each in numbers]
    return bytes(each[place] for place in range(width) for each in whole)


def _unplane(packed: bytes, count: int) -> list[int]:
    _need(count > 0 and len(packed) in [width * count for width in (1, 2, 4, 8)], "packed")
    width = len(packed) // count
    numbers = [
        int.from_bytes(bytes(packed[plane * count + at] for plane in range(width)), "little")
        for at in range(count)
    ]
    _need(_width(max(numbers)) == width, "packed width")
    return numbers


class _BodyReader:
    def __init__(self, short: bytes, op_count: int) -> None:
        self.short = short
        self.op_count = op_count
        self.refs: list[bytes] = []
        self.pred_count = 0

    def read(self, body: Value) -> list[Op]:
        match body:
            case [list(refs), list(groups)]:
                pass
            case _:
                raise RefusedError("block.malformed", "body")
        _limit(len(refs) <= REFS_MAX and len(groups) <= GROUPS_MAX, "refs or groups")
        for ref in refs:
            _need(isinstance(ref, bytes) and len(ref) == 16, "ref")
        _need(len(set(refs)) == len(refs), "refs repeat")
        self.refs = refs  # type: ignore[assignment]
        _limit(sum(self._cells(each) for each in groups) <= CELLS_MAX, "cells")
        read = [self._group(each) for each in groups]
        ops = [op for group in read for op in group]
        _need(sorted(op.dot[1] for op in ops) == list(range(self.op_count)), "ks")
        keys = [(g[0].kind, g[0].flags, g[0].table, tuple(g[0].values)) for g in read]
        _need(len(set(keys)) == len(keys), "groups repeat")
        firsts = [group[0].dot[1] for group in read]
        _need(firsts == sorted(firsts), "order of groups")
        return sorted(ops, key=lambda op: op.dot[1])

    def _cells(self, group: Value) -> int:
        _need(isinstance(group, list) and len(group) == 11, "group")
        assert isinstance(group, list)
        names, count = group[3], group[4]
        _need(isinstance(names, list) and type(count) is int and 1 <= count <= OPS_MAX, "count")
        assert isinstance(names, list)
        assert isinstance(count, int)
        _limit(len(names) <= NAMES_MAX, "names")
        return count * max(1, len(names))

    def _group(self, group: Value) -> list[Op]:
        assert isinstance(group, list)
        kind, flags, table, names, count, ks, actors, times, recs, values, preds = group
        assert isinstance(count, int)
        _need(type(kind) is int and 1 <= kind <= 255, "kind")
        _need(type(flags) is int and 0 <= flags <= 255 and type(table) is str, "group")
        _need(isinstance(names, list) and isinstance(values, list), "names")
        assert isinstance(names, list)
        assert isinstance(values, list)
        _need(all(type(each) is str and each for each in names), "names")
        _need(len(set(map(str, names))) == len(names) == len(values), "names")
        insert = kind == 1
        _need((recs is None) == insert and (preds is None) == insert, "recs and preds")
        _need(insert or bool(names), "no names")
        k_list = self._ints(ks, count)
        _need(all(left < right for left, right in pairwise(k_list)), "ks ascend")
        columns = [self._values(each, count) for each in values]
        rec_list = [None] * count if insert else self._dots(self._ints(recs, count), k_list)
        pred_lists = [] if insert else self._preds(preds, len(names), k_list)
        actor_list, time_list = read_column(actors, count), self._ints(times, count)
        _need(all(type(each) is str for each in actor_list), "actors")
        return [
            Op(
                (self.short, k), kind, flags, table,  # type: ignore[arg-type]
                {str(name): column[at] for name, column in zip(names, columns, strict=True)},
                rec_list[at],
                {str(name): each[at] for name, each in zip(names, pred_lists, strict=not insert)},
                str(actor_list[at]), time_list[at],
            )
            for at, k in enumerate(k_list)
        ]  # fmt: skip

    def _ints(self, coded: Value, count: int) -> list[int]:
        values = read_column(coded, count)
        _need(all(type(each) is int for each in values), "integers")
        return values  # type: ignore[return-value]

    def _values(self, coded: Value, count: int) -> list[Value]:
        values = read_column(coded, count)
        for each in values:
            size = (
                len(each.encode() if isinstance(each, str) else each)
                if isinstance(each, str | bytes)
                else 0
            )
            _limit(size <= FIELD_MAX, "field")
        return values

    def _dots(self, wire: list[int], ks: list[int]) -> list[Dot | None]:
        return [self.dot(each, below=k) for each, k in zip(wire, ks, strict=True)]

    def _preds(self, coded: Value, name_count: int, ks: list[int]) -> list[list[list[Dot]]]:
        _need(isinstance(coded, list) and len(coded) == name_count, "preds")
        assert isinstance(coded, list)
        return [self._field_preds(each, ks) for each in coded]

    def _field_preds(self, coded: Value, ks: list[int]) -> list[list[Dot]]:
        _need(isinstance(coded, list) and len(coded) == 2, "preds")
        assert isinstance(coded, list)
        lengths = self._ints(coded[0], len(ks))
        total = sum(lengths)
        self.pred_count += total
        _limit(min(lengths) >= 0 and max(lengths) <= PREDS_MAX, "preds of a write")
        _limit(self.pred_count <= ALL_PREDS_MAX, "preds of a block")
        _need((coded[1] is None) == (total == 0), "preds")
        flat = iter(self._ints(coded[1], total) if total else [])
        return [
            [self.dot(next(flat), below=k) for _ in range(length)]
            for length, k in zip(lengths, ks, strict=True)
        ]

    def dot(self, wire: int, *, below: int) -> Dot:
        """Section 5.4: a dot in recs or preds."""
        ref, k = divmod(wire, 4096)
        _need(0 <= ref <= len(self.refs), "dot")
        _need(ref > 0 or k < below, "dot of a later op")
        return (self.refs[ref - 1] if ref else self.short, k)


def ref_value(block: Block, refs: list[bytes], value: Value) -> Dot | None:
    """Section 5.4: a dot as value of a field; empty beyond the refs."""
    if type(value) is not int or value < 0 or value // 4096 > len(refs):
        return None
    ref, k = divmod(value, 4096)
    return (refs[ref - 1] if ref else block.short, k)


def read_refs(block: Block) -> list[bytes]:
    """The refs of a body that decodes."""
    body = unpack_canonical(inflate(block))
    assert isinstance(body, list)
    refs = body[0]
    assert isinstance(refs, list)
    return refs  # type: ignore[return-value]
