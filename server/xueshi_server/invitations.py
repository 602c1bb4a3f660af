"""Invitations as people hand them on: pasted from a chat with words around, or kept in a file."""

import re
from dataclasses import dataclass
from typing import Final

from xueshi_server.errors import ServerError
from xueshi_sync.errors import BadTicketError
from xueshi_sync.membership import SUITE
from xueshi_sync.ticket import PREFIX, decode_ticket

# An invitation has some hundred characters; a chat that was copied whole may have many more.
FILE_BYTES: Final = 64 * 1024
_WORD: Final = re.compile(rf"{re.escape(PREFIX)}[A-Za-z0-9_-]*", re.IGNORECASE)
_MARKS: Final = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))


class NoInvitationError(ServerError):
    """There is no invitation in the text or file."""

    code = "join.none_here"


class WrongInvitationError(ServerError):
    """The invitation is for another level than this node; fields `role`, `needed`."""

    code = "join.wrong_role"


@dataclass(frozen=True, slots=True)
class Invitation:
    """One that was read whole: for whom, by which county."""

    text: str
    name: str
    code: str
    role: str
    county: str


def read_invitation(text: str) -> Invitation:
    """The invitation in a text. Raises NoInvitationError, BadTicketError."""
    # Lines that a chat broke belong together; what follows in the same line may not.
    tried = [*_WORD.findall("".join(text.split())), *_WORD.findall(text)]
    if not tried:
        raise NoInvitationError
    for word in dict.fromkeys(tried):
        try:
            ticket, genesis = decode_ticket(SUITE, PREFIX + word[len(PREFIX) :])
        except BadTicketError:
            continue
        whole = PREFIX + word[len(PREFIX) :]
        return Invitation(whole, ticket.name, ticket.code, ticket.tier, genesis.name)
    raise BadTicketError("damaged in transit")


def read_text(data: bytes) -> str:
    """The text of a small file, as editors and chat programs write it."""
    named = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    for encoding in (named or "utf-8", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return ""
