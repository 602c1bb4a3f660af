"""What somebody sends as a file: what it is by its first bytes, and a name fit to keep.

Pure. Neither the name nor what the browser says of a file is believed.
"""

import unicodedata
from typing import Final, Literal

Kind = Literal["jpeg", "png", "webp", "heic", "pdf", ""]

NAME_MOST: Final = 80
# Bytes that tell every kind.
HEAD_BYTES: Final = 16
_HEIC: Final = frozenset({b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif"})
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# What no file may be called on Windows, and what shells and headers read as their own.
_RESERVED: Final = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{name}{n}" for name in ("com", "lpt") for n in range(10)}
)
_UNFIT: Final = frozenset('<>:"|?*;%')


def sniff(head: bytes) -> Kind:
    """The kind of a file by its first bytes; empty for what is not taken."""
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC:
        return "heic"
    if head.startswith(b"%PDF-"):
        return "pdf"
    return ""


def clean_name(given: str, suffix: str) -> str:
    """The last part of a given name as a file of kind `suffix` may be called; may be empty."""
    last = given.replace("\\", "/").rsplit("/", 1)[-1]
    plain = unicodedata.normalize("NFC", last)
    kept = "".join(
        char for char in plain if unicodedata.category(char) not in _UNSEEN and char not in _UNFIT
    )
    stem = kept.rsplit(".", 1)[0] if "." in kept else kept
    stem = stem.strip(" .")[: NAME_MOST - len(suffix)].rstrip(" .")
    if not stem or stem.split(".")[0].strip().lower() in _RESERVED:
        return ""
    return f"{stem}{suffix}"
