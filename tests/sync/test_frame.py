"""Headers, receipts and block lists: signed, and read as far as they arrived (PROTOCOL 6.2)."""

from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sync.craft import SUITE, County, id_of, seed_of
from xueshi_sync.errors import BadSignatureError, MalformedFrameError, SyncError
from xueshi_sync.frame import (
    Receipt,
    RequestHeader,
    ResponseHeader,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
    join_blocks,
    sign_receipt,
    split_blocks,
    verify_receipt,
)
from xueshi_sync.suite import digest

NET: Final = County().net
SEED: Final = seed_of("school")
KEY: Final = SUITE.public_key(SEED)
HEADER: Final = RequestHeader(
    1, NET, id_of("node"), KEY, 7, b"", bytes(16), bytes(32), bytes(8), 1 << 20, [id_of("feed")],
)  # fmt: skip
SIGNED: Final = encode_request(SUITE, SEED, HEADER)
RECEIPT: Final = sign_receipt(
    SUITE, SEED, NET, Receipt(id_of("feed"), id_of("block"), 3, 4, 1_700_000_000, 0)
)


def _rewritten(**changes: Any) -> bytes:
    return encode_request(SUITE, SEED, msgspec.structs.replace(HEADER, **changes))


def test_a_request_comes_back() -> None:
    assert decode_request(SUITE, SIGNED, NET) == HEADER


@pytest.mark.parametrize("place", range(len(SIGNED)))
def test_a_request_with_one_bit_changed_is_refused(place: int) -> None:
    changed = SIGNED[:place] + bytes([SIGNED[place] ^ 1]) + SIGNED[place + 1 :]
    with pytest.raises(SyncError):
        decode_request(SUITE, changed, NET)


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2}, {"net": id_of("elsewhere")}, {"node": b"short"}, {"key": b"short"},
        {"root": b""}, {"heads": bytes(31)}, {"scopes": bytes(33)},
    ],
    ids=lambda each: next(iter(each)),
)  # fmt: skip
def test_a_signed_request_of_another_shape_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(SyncError):
        decode_request(SUITE, _rewritten(**changes), NET)


def test_a_request_of_a_later_program_with_more_elements_is_read() -> None:
    longer = msgspec.msgpack.encode([*msgspec.msgpack.decode(SIGNED[64:]), "later", [1]])
    segment = SUITE.sign(SEED, digest("req", longer)) + longer
    assert decode_request(SUITE, segment, NET) == HEADER


def test_a_response_comes_back() -> None:
    header = ResponseHeader(
        1, b"", bytes(16), b"", [(0, 1)], [RECEIPT], [id_of("scope")], more=True, wait_s=5
    )
    assert decode_response(encode_response(header)) == header


def test_a_response_with_half_a_head_is_refused() -> None:
    header = ResponseHeader(1, b"", bytes(16), bytes(31), [], [], [], more=False, wait_s=0)
    with pytest.raises(MalformedFrameError):
        decode_response(encode_response(header))


def test_a_receipt_verifies_for_its_county_and_centre() -> None:
    verify_receipt(SUITE, KEY, NET, RECEIPT)
    for key, net in ((SUITE.public_key(seed_of("x")), NET), (KEY, County("elsewhere").net)):
        with pytest.raises(BadSignatureError):
            verify_receipt(SUITE, key, net, RECEIPT)


@pytest.mark.parametrize(
    "name", [name for name in Receipt.__struct_fields__ if name != "signature"]
)
def test_a_receipt_says_nothing_else(name: str) -> None:
    value = getattr(RECEIPT, name)
    other = value + 1 if isinstance(value, int) else id_of("other")
    with pytest.raises(BadSignatureError):
        verify_receipt(SUITE, KEY, NET, msgspec.structs.replace(RECEIPT, **{name: other}))


def test_an_unsigned_receipt_is_refused() -> None:
    with pytest.raises(BadSignatureError):
        verify_receipt(SUITE, KEY, NET, msgspec.structs.replace(RECEIPT, signature=b""))


_BLOCKS: Final = st.lists(st.binary(max_size=40), max_size=8)


@settings(max_examples=200, deadline=None)
@given(blocks=_BLOCKS, data=st.data())
def test_a_cut_list_of_blocks_gives_its_whole_beginning(
    blocks: list[bytes], data: st.DataObject
) -> None:
    joined = join_blocks(blocks)
    assert split_blocks(joined, whole=True) == blocks
    cut = data.draw(st.integers(0, len(joined)))
    found = split_blocks(joined[:cut], whole=False)
    assert found == blocks[: len(found)]
    assert len(join_blocks(blocks[: len(found) + 1])) > cut or found == blocks


def test_a_cut_list_is_refused_where_it_must_be_whole() -> None:
    with pytest.raises(MalformedFrameError):
        split_blocks(join_blocks([b"abc"])[:-1], whole=True)


def test_a_block_longer_than_any_may_be_is_refused_before_it_arrives() -> None:
    with pytest.raises(MalformedFrameError):
        split_blocks(b"\xff\xff\xff\xff", whole=False)
