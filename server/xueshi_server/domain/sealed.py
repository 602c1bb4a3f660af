"""A sealed personal value as it is stored: what may be seen of it, and the box around the rest.

One value: generation of the county's key (1 byte), the last four characters (ASCII), the box. What
is shown and what is sealed cannot part. Nothing here opens a box.
"""

from typing import Final, NamedTuple

SHOWN: Final = 4
_HEAD: Final = 1 + SHOWN
# An ephemeral key and a tag stand before the text in a sealed box (X25519, XSalsa20-Poly1305).
BOX_LEAST: Final = 48 + SHOWN
GENERATION_MOST: Final = 255
# Stands for what is not shown.
MARK: Final = "••••"


class Sealed(NamedTuple):
    """The parts of a stored value."""

    generation: int
    last: str
    box: bytes


def join_sealed(generation: int, text: str, box: bytes) -> bytes:
    """The stored value of a text and its box."""
    assert 0 < generation <= GENERATION_MOST, generation
    assert len(text) >= SHOWN, "a checked text has more characters than are shown"
    return bytes([generation]) + text[-SHOWN:].encode("ascii") + box


def split_sealed(value: bytes) -> Sealed | None:
    """The parts of a stored value; None where it is none."""
    last = value[1:_HEAD].decode("ascii", "replace")
    if len(value) < _HEAD + BOX_LEAST or not value[0] or not (last.isascii() and last.isalnum()):
        return None
    return Sealed(value[0], last, value[_HEAD:])


def mask_sealed(value: bytes) -> str:
    """What everybody may see of a stored value."""
    parts = split_sealed(value)
    return MARK + (parts.last if parts else "")


def mask_text(text: str) -> str:
    """What may be seen of a text that was not taken: of a short one nothing."""
    plain = text.strip()
    return MARK + (plain[-SHOWN:] if len(plain) > 2 * SHOWN else "")


def is_mask(text: str) -> bool:
    """Whether a text is what everybody may see, come back from a table or a form."""
    return text.strip().startswith(MARK)
