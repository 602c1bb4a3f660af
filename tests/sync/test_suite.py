"""Signatures at the edge: points of small order, and the one rule by which all nodes decide.

Points are computed here, with the arithmetic of RFC 8032, so that every encoding of every point of
small order is tried and not only those that somebody thought of.
"""

import ast
import hashlib
from itertools import product
from pathlib import Path
from typing import Final

import pytest

import xueshi_sync
from xueshi_sync.errors import BadSignatureError
from xueshi_sync.suite import Ed25519Suite

SUITE: Final = Ed25519Suite()
P: Final = 2**255 - 19
ORDER: Final = 2**252 + 27742317777372353535851937790883648493
D: Final = -121665 * pow(121666, -1, P) % P
SQRT_MINUS_1: Final = pow(2, (P - 1) // 4, P)
Point = tuple[int, int]
NEUTRAL: Final = (0, 1)
SEED: Final = bytes(range(32))


def _add(a: Point, b: Point) -> Point:
    crossed = D * a[0] * b[0] * a[1] * b[1] % P
    x = (a[0] * b[1] + b[0] * a[1]) * pow(1 + crossed, -1, P)
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - crossed, -1, P)
    return x % P, y % P


def _times(factor: int, point: Point) -> Point:
    found = NEUTRAL
    for bit in f"{factor:b}":
        found = _add(found, found)
        if bit == "1":
            found = _add(found, point)
    return found


def _on_curve(y: int) -> Point | None:
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    root = pow(square, (P + 3) // 8, P)
    for x in (root, root * SQRT_MINUS_1 % P):
        if x * x % P == square:
            return x, y
    return None


def _small_points() -> list[Point]:
    """The eight points whose eightfold is neutral."""
    for y in range(2, 100):
        point = _on_curve(y)
        if point is not None:
            generator = _times(ORDER, point)
            if _times(4, generator) != NEUTRAL:
                return [_times(factor, generator) for factor in range(8)]
    raise AssertionError("one point in two has a component of order eight")


def _encode(x: int, y: int) -> bytes:
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _decode(data: bytes) -> Point:
    number = int.from_bytes(data, "little")
    point = _on_curve(number & ~(1 << 255))
    assert point is not None
    return point if point[0] & 1 == number >> 255 else (P - point[0], point[1])


SMALL: Final = _small_points()
# Both signs, and y beyond the prime where it has a second form: nobody canonical writes those.
WEAK: Final = sorted({
    (y | sign << 255).to_bytes(32, "little")
    for _, small in SMALL for y in (small, small + P) if y < 2**255 for sign in (0, 1)
})  # fmt: skip


def _secret() -> int:
    digest = bytearray(hashlib.sha512(SEED).digest()[:32])
    digest[0] &= 248
    digest[31] = digest[31] & 127 | 64
    return int.from_bytes(digest, "little")


def _challenge(point: bytes, key: bytes, message: bytes) -> int:
    return int.from_bytes(hashlib.sha512(point + key + message).digest(), "little") % ORDER


def _is_valid(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        SUITE.verify(key, message, signature)
    except BadSignatureError:
        return False
    return True


def test_there_are_fourteen_ways_to_write_a_point_of_small_order_and_its_sign() -> None:
    assert (len(set(SMALL)), len(WEAK)) == (8, 14)


@pytest.mark.parametrize("key", WEAK, ids=bytes.hex)
def test_a_key_of_small_order_signs_nothing(key: bytes) -> None:
    pairs = product(WEAK, (b"message", b"another", b"third"))
    assert not any(_is_valid(key, message, point + bytes(32)) for point, message in pairs)


@pytest.mark.parametrize("point", WEAK, ids=bytes.hex)
def test_a_commitment_of_small_order_is_refused(point: bytes) -> None:
    """With S chosen by the owner of the key, the equation holds."""
    key = SUITE.public_key(SEED)
    answer = _challenge(point, key, b"message") * _secret() % ORDER
    assert not _is_valid(key, b"message", point + answer.to_bytes(32, "little"))


@pytest.mark.parametrize("which", range(8))
def test_what_only_holds_eightfold_is_refused(which: int) -> None:
    """Libraries that multiply by the cofactor take all eight; here, and on every node, one."""
    key, message = SUITE.public_key(SEED), b"message"
    signed = SUITE.sign(SEED, message)
    nonce = (
        int.from_bytes(signed[32:], "little") - _challenge(signed[:32], key, message) * _secret()
    )
    moved = _encode(*_add(_decode(signed[:32]), SMALL[which]))
    answer = (nonce + _challenge(moved, key, message) * _secret()) % ORDER
    signature = moved + answer.to_bytes(32, "little")
    assert _is_valid(key, message, signature) == (which == 0)


def test_one_library_decides_about_signatures() -> None:
    """Two libraries may differ at these edges, and then two nodes would."""
    foreign = {"cryptography", "Crypto", "ecdsa", "ed25519", "pysodium", "OpenSSL", "fastecdsa"}
    imported = {
        (node.module or "" if isinstance(node, ast.ImportFrom) else name.name).split(".")[0]
        for path in Path(xueshi_sync.__file__).parent.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    assert ("nacl" in imported, imported & foreign) == (True, set())
