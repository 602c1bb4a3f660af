"""The sealed envelope around every exchange and bundle (PROTOCOL 6.1).

libsodium's own constructions only: `crypto_kx` between an ephemeral key and the receiver's key,
then `secretstream` over segments, the last one tagged final, so that truncation shows. A node's box
key is its signing key in Curve25519 form, so a node has one key.

    request  = "XSE1" ‖ ephemeral public 32 ‖ stream header 24 ‖ segments
    response = "XSR1" ‖ stream header 24 ‖ segments, under the other key of the same agreement
    segment  = u16 length ‖ sealed bytes (17 more than what they hold)

Segment 0 holds the frame's header alone, so that the sender is checked before the rest is read.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from nacl import bindings as sodium
from nacl.exceptions import CryptoError

from xueshi_sync.errors import (
    IncompleteError,
    LimitExceededError,
    MalformedFrameError,
    TruncatedError,
    WrongRecipientError,
)
from xueshi_sync.limits import HEADER_SEGMENT_BYTES, SEGMENT_BYTES

REQUEST_MAGIC: Final = b"XSE1"
RESPONSE_MAGIC: Final = b"XSR1"
_LENGTH: Final = struct.Struct("<H")
_STREAM_HEADER: Final = sodium.crypto_secretstream_xchacha20poly1305_HEADERBYTES
_OVERHEAD: Final = sodium.crypto_secretstream_xchacha20poly1305_ABYTES
_FINAL: Final = sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL
_MESSAGE: Final = sodium.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
REQUEST_PREFIX: Final = len(REQUEST_MAGIC) + 32 + _STREAM_HEADER
RESPONSE_PREFIX: Final = len(RESPONSE_MAGIC) + _STREAM_HEADER
HEAD_BYTES_MAX: Final = REQUEST_PREFIX + _LENGTH.size + HEADER_SEGMENT_BYTES + _OVERHEAD


@dataclass(frozen=True, slots=True)
class Session:
    """Keys of one exchange: what the asking side sends with, and what the answer comes with."""

    request_key: bytes
    response_key: bytes


@dataclass(frozen=True, slots=True)
class Opened:
    """What could be read of an envelope: whole segments, and whether the final one was among
    them."""

    segments: list[bytes]
    complete: bool


def box_keys(seed: bytes) -> tuple[bytes, bytes]:
    """Return (public, secret) Curve25519 keys of a signing seed."""
    public, secret = sodium.crypto_sign_seed_keypair(seed)
    return (
        sodium.crypto_sign_ed25519_pk_to_curve25519(public),
        sodium.crypto_sign_ed25519_sk_to_curve25519(secret),
    )


def seal_request(
    recipient: bytes, ephemeral_seed: bytes, header: bytes, body: bytes
) -> tuple[bytes, Session]:
    """Seal to a recipient's signing key; `ephemeral_seed` is 32 fresh random bytes."""
    try:
        theirs = sodium.crypto_sign_ed25519_pk_to_curve25519(recipient)
        public, secret = sodium.crypto_kx_seed_keypair(ephemeral_seed)
        response_key, request_key = sodium.crypto_kx_client_session_keys(public, secret, theirs)
    except (CryptoError, RuntimeError) as error:
        raise WrongRecipientError("recipient key is not usable") from error
    sealed = REQUEST_MAGIC + public + _seal_stream(request_key, header, body)
    return sealed, Session(request_key, response_key)


def seal_response(session: Session, header: bytes, body: bytes) -> bytes:
    """Seal an answer under the session of the request it answers."""
    return RESPONSE_MAGIC + _seal_stream(session.response_key, header, body)


def session_of(seed: bytes, sealed: bytes) -> Session:
    """Agree on the session of a request envelope sealed to `seed`'s key."""
    if len(sealed) < REQUEST_PREFIX:
        raise IncompleteError("envelope head")
    if sealed[:4] != REQUEST_MAGIC:
        raise MalformedFrameError("no request envelope")
    public, secret = box_keys(seed)
    try:
        request_key, response_key = sodium.crypto_kx_server_session_keys(
            public, secret, sealed[4:36]
        )
    except (CryptoError, RuntimeError) as error:
        raise WrongRecipientError("ephemeral key is not usable") from error
    return Session(request_key, response_key)


def open_request(session: Session, sealed: bytes) -> Opened:
    """Read the segments of a request envelope, as far as they arrived whole."""
    return _open_stream(session.request_key, sealed, REQUEST_PREFIX)


def open_response(session: Session, sealed: bytes) -> Opened:
    """Read a response envelope; raises unless it is the whole answer of this session."""
    if sealed[:4] != RESPONSE_MAGIC or len(sealed) < RESPONSE_PREFIX:
        raise MalformedFrameError("no response envelope")
    opened = _open_stream(session.response_key, sealed, RESPONSE_PREFIX)
    if not opened.complete or not opened.segments:
        raise TruncatedError("response is cut")
    return opened


def _seal_stream(key: bytes, header: bytes, body: bytes) -> bytes:
    if len(header) > HEADER_SEGMENT_BYTES:
        raise LimitExceededError("frame header", limit=HEADER_SEGMENT_BYTES, actual=len(header))
    state = sodium.crypto_secretstream_xchacha20poly1305_state()
    parts = [sodium.crypto_secretstream_xchacha20poly1305_init_push(state, key)]
    chunks = [header, *(body[at : at + SEGMENT_BYTES] for at in range(0, len(body), SEGMENT_BYTES))]
    for place, chunk in enumerate(chunks, 1):
        tag = _FINAL if place == len(chunks) else _MESSAGE
        sealed = sodium.crypto_secretstream_xchacha20poly1305_push(state, chunk, None, tag)
        parts += [_LENGTH.pack(len(sealed)), sealed]
    return b"".join(parts)


def _open_stream(key: bytes, sealed: bytes, start: int) -> Opened:
    state = sodium.crypto_secretstream_xchacha20poly1305_state()
    segments: list[bytes] = []
    try:
        head = sealed[start - _STREAM_HEADER : start]
        sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, head, key)
        for chunk in _chunks(sealed, start):
            plain, tag = sodium.crypto_secretstream_xchacha20poly1305_pull(state, chunk, None)
            segments.append(plain)
            if tag == _FINAL:
                return _finished(sealed, start, segments)
    except (CryptoError, RuntimeError, ValueError, TypeError) as error:
        if not segments:
            raise WrongRecipientError("not sealed for this node, or damaged") from error
        raise MalformedFrameError(f"segment {len(segments)} is damaged") from error
    return Opened(segments, complete=False)


def _finished(sealed: bytes, start: int, segments: list[bytes]) -> Opened:
    used = start + sum(_LENGTH.size + _OVERHEAD + len(each) for each in segments)
    if used != len(sealed):
        raise MalformedFrameError("bytes after the final segment")
    return Opened(segments, complete=True)


def _chunks(sealed: bytes, start: int) -> Iterator[bytes]:
    at = start
    while at + _LENGTH.size <= len(sealed):
        (length,) = _LENGTH.unpack_from(sealed, at)
        at += _LENGTH.size
        if length < _OVERHEAD or length > max(SEGMENT_BYTES, HEADER_SEGMENT_BYTES) + _OVERHEAD:
            raise MalformedFrameError("segment length")
        if at + length > len(sealed):
            return
        yield sealed[at : at + length]
        at += length
