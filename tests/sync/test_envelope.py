"""Envelopes: nothing of a message shows, changes or goes missing unnoticed (PROTOCOL 6.1)."""

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sync.craft import SUITE, seed_of
from xueshi_sync.envelope import (
    REQUEST_PREFIX,
    open_request,
    open_response,
    seal_request,
    seal_response,
    session_of,
)
from xueshi_sync.errors import (
    IncompleteError,
    LimitExceededError,
    MalformedFrameError,
    SyncError,
    TruncatedError,
    WrongRecipientError,
)
from xueshi_sync.limits import HEADER_SEGMENT_BYTES, SEGMENT_BYTES

SEED: Final = seed_of("centre")
KEY: Final = SUITE.public_key(SEED)
BODY: Final = bytes(range(256)) * 100
SEALED, SESSION = seal_request(KEY, seed_of("ephemeral"), b"header", BODY)


def _opened(sealed: bytes, seed: bytes = SEED) -> tuple[list[bytes], bool]:
    opened = open_request(session_of(seed, sealed), sealed)
    return opened.segments, opened.complete


@settings(max_examples=60, deadline=None)
@given(header=st.binary(max_size=3000), size=st.integers(0, 3 * SEGMENT_BYTES))
def test_a_request_comes_back(header: bytes, size: int) -> None:
    body = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    sealed, _ = seal_request(KEY, seed_of("e"), header, body)
    (first, *rest), complete = _opened(sealed)
    assert (first, b"".join(rest), complete) == (header, body, True)
    assert len(sealed) == 60 + 19 * (1 + -(-size // SEGMENT_BYTES)) + len(header) + size


@settings(max_examples=150, deadline=None)
@given(cut=st.integers(REQUEST_PREFIX, len(SEALED) - 1))
def test_a_cut_request_gives_its_whole_segments_and_says_so(cut: int) -> None:
    segments, complete = _opened(SEALED[:cut])
    assert not complete
    assert b"header".startswith(segments[0] if segments else b"")
    assert BODY.startswith(b"".join(segments[1:]))


@pytest.mark.parametrize("cut", [0, 4, 36, REQUEST_PREFIX - 1])
def test_before_the_first_segment_nothing_can_be_said(cut: int) -> None:
    with pytest.raises(IncompleteError):
        session_of(SEED, SEALED[:cut])


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, len(SEALED) - 1), bit=st.integers(0, 7))
def test_a_changed_request_never_opens_whole(place: int, bit: int) -> None:
    changed = bytearray(SEALED)
    changed[place] ^= 1 << bit
    try:
        segments, complete = _opened(bytes(changed))
    except SyncError:
        return
    # A longer length of the last segment reads as a cut.
    assert not complete
    assert BODY.startswith(b"".join(segments[1:]))


def test_segments_do_not_open_in_another_order() -> None:
    size = SEGMENT_BYTES + 19
    first = REQUEST_PREFIX + 2 + 17 + len(b"header")
    sealed, _ = seal_request(KEY, seed_of("e"), b"header", bytes(3 * SEGMENT_BYTES))
    one, two = sealed[first : first + size], sealed[first + size : first + 2 * size]
    turned = sealed[:first] + two + one + sealed[first + 2 * size :]
    with pytest.raises(MalformedFrameError):
        _opened(turned)


def test_a_request_for_another_node_does_not_open() -> None:
    with pytest.raises(WrongRecipientError):
        _opened(SEALED, seed_of("another"))


@pytest.mark.parametrize("ephemeral", [bytes(32), b"\1" + bytes(31)], ids=["zero", "one"])
def test_a_low_order_ephemeral_key_is_refused(ephemeral: bytes) -> None:
    with pytest.raises(WrongRecipientError):
        _opened(SEALED[:4] + ephemeral + SEALED[36:])


@pytest.mark.parametrize("key", [b"", bytes(31), b"\xff" * 32], ids=["none", "short", "no-point"])
def test_nothing_is_sealed_to_a_key_that_is_none(key: bytes) -> None:
    with pytest.raises(WrongRecipientError):
        seal_request(key, seed_of("e"), b"header", b"")


def test_a_header_larger_than_its_segment_is_not_sealed() -> None:
    with pytest.raises(LimitExceededError):
        seal_request(KEY, seed_of("e"), bytes(HEADER_SEGMENT_BYTES + 1), b"")


def test_the_answer_opens_for_the_asker_alone() -> None:
    answer = seal_response(session_of(SEED, SEALED), b"answer", BODY)
    assert b"".join(open_response(SESSION, answer).segments) == b"answer" + BODY
    _, other = seal_request(KEY, seed_of("other"), b"header", b"")
    with pytest.raises(WrongRecipientError):
        open_response(other, answer)


@settings(max_examples=100, deadline=None)
@given(cut=st.integers(0, 400))
def test_a_cut_answer_is_none(cut: int) -> None:
    answer = seal_response(session_of(SEED, SEALED), b"answer", bytes(400))
    with pytest.raises((TruncatedError, MalformedFrameError)):
        open_response(SESSION, answer[:cut])


def test_a_request_is_no_answer_to_itself() -> None:
    with pytest.raises(MalformedFrameError):
        open_response(SESSION, SEALED)
    with pytest.raises(SyncError):
        open_response(SESSION, b"XSR1" + SEALED[36:])
