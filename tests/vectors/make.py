"""Write the golden vectors: `python -m tests.vectors.make`.

Every file but one is the same at every run, and a test holds it to that. `envelopes.json` is made
once: the stream header of an envelope is libsodium's own random, so only opening it is promised.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

from tests.sync.craft import SUITE, Author, seed_of
from tests.vectors import block_cases, merge_cases, pure_cases
from tests.vectors.pure_cases import COUNTY, SCOPE, Case
from xueshi_sync.bundle import MAGIC
from xueshi_sync.envelope import open_request, seal_request, seal_response, session_of
from xueshi_sync.errors import SyncError

FOLDER: Final = Path(__file__).parent
ENVELOPES: Final = "envelopes"

_ABOUT: Final = {
    "identities": "Names and signatures of PROTOCOL 2; bytes as hex.",
    "columns": "PROTOCOL 5.2: values and their column; `code`: the column must be refused.",
    "bodies": "PROTOCOL 5: bodies that decode, in the only form they have, and bodies that must be"
    " refused with `code`.",
    "blocks": "PROTOCOL 4: blocks that are stored; `open` is the first block of their feed.",
    "frames": "PROTOCOL 6.2: segment 0 of requests and responses, receipts, heads, block lists.",
    "tickets": "PROTOCOL 7.3: invitations and their proofs; `code`: must be refused.",
    "merge": "PROTOCOL 7 and 8: the blocks of a scope, and its tables and digests afterwards;"
    " the declarations are those of tests/sync/craft.py. Records are named short block id.k.",
}
_ABOUT_ENVELOPES: Final = (
    "PROTOCOL 6.1 and 10. Made once: stream headers are random, opening is promised. A case takes"
    " the bytes named by `of`, then cuts, flips one bit of a byte, or appends. A bundle file is"
    " `bundle_prefix` and `request`."
)


def stable_files() -> dict[str, Any]:
    """Every file that is the same at every run, by name."""
    cases: dict[str, list[Case]] = {
        "identities": pure_cases.identities(),
        "columns": pure_cases.columns(),
        "bodies": pure_cases.bodies(),
        "blocks": block_cases.blocks(),
        "frames": pure_cases.frames(),
        "tickets": pure_cases.tickets(),
        "merge": merge_cases.merges(),
    }
    files: dict[str, Any] = {
        name: {"about": _ABOUT[name], "cases": found} for name, found in cases.items()
    }
    return {**files, **block_cases.defects()}


def envelopes() -> dict[str, Any]:
    """Sealed anew with fixed keys; the stream headers are random."""
    recipient = COUNTY.genesis.centre_key
    header, body = b"header " * 5, bytes(range(256)) * 65
    sealed, session = seal_request(recipient, seed_of("ephemeral"), header, body)
    elsewhere = seal_request(SUITE.public_key(seed_of("another")), seed_of("e"), header, b"")[0]
    _, other = seal_request(recipient, seed_of("o"), b"", b"")
    node = Author(COUNTY, "vectors/school", SCOPE).node
    return {
        "about": _ABOUT_ENVELOPES,
        "recipient_seed": COUNTY.centre_seed.hex(),
        "ephemeral_seed": seed_of("ephemeral").hex(),
        "bundle_prefix": (MAGIC + node).hex(),
        "bundle_recipient": node.hex(),
        "request": sealed.hex(),
        "header": header.hex(),
        "body": body.hex(),
        "response": seal_response(session, b"answer", b"").hex(),
        "response_to_another": seal_response(other, b"answer", b"").hex(),
        "request_to_another": elsewhere.hex(),
        "cases": [
            {"name": "request", "origin": "Three segments.", "of": "request"},
            {"name": "request-cut", "origin": "Cut within its second segment: the first is whole.",
             "of": "request", "cut": 9000},
            {"name": "request-head-only", "origin": "Cut within what comes before the segments.",
             "of": "request", "cut": 40, "code": "frame.incomplete"},
            {"name": "request-altered", "origin": "One bit of the first segment is another.",
             "of": "request", "flip": 70, "code": "frame.wrong_recipient"},
            {"name": "request-altered-later", "origin": "One bit of the second segment.",
             "of": "request", "flip": 5000, "code": "frame.malformed"},
            {"name": "request-with-more", "origin": "A byte behind the final segment.",
             "of": "request", "append": "00", "code": "frame.malformed"},
            {"name": "request-no-magic", "origin": "Another magic.",
             "of": "request", "flip": 3, "code": "frame.malformed"},
            {"name": "request-for-another", "origin": "Sealed to another node's key.",
             "of": "request_to_another", "code": "frame.wrong_recipient"},
            {"name": "response", "origin": "The answer to `request`, a header alone.",
             "of": "response"},
            {"name": "response-to-another", "origin": "An answer under another session.",
             "of": "response_to_another", "code": "frame.wrong_recipient"},
            {"name": "response-cut", "origin": "The last byte is missing.",
             "of": "response", "cut": -1, "code": "frame.truncated"},
        ],
    }  # fmt: skip


def text_of(content: Any) -> str:
    """A file's text."""
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def main() -> int:
    """Write every file; the envelopes only where there are none that open."""
    for name, content in stable_files().items():
        (FOLDER / f"{name}.json").write_text(text_of(content), encoding="utf-8")
    path = FOLDER / f"{ENVELOPES}.json"
    if not path.exists() or not _opens(path):
        path.write_text(text_of(envelopes()), encoding="utf-8")
    return 0


def _opens(path: Path) -> bool:
    try:
        content = json.loads(path.read_text("utf-8"))
        envelope = bytes.fromhex(content["request"])
        opened = open_request(session_of(COUNTY.centre_seed, envelope), envelope)
    except (SyncError, KeyError, ValueError):
        return False
    return opened.complete and opened.segments[0].hex() == content["header"]


if __name__ == "__main__":
    sys.exit(main())
