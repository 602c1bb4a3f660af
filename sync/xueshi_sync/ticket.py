"""Invitations: how a school gets its identity, and how it proves that it was invited (PROTOCOL
7.3).

The centre prints a ticket; the school's first exchange or bundle carries a MAC over its key under
the
ticket's secret. The ticket is single-use because the node it names can be enrolled only once.
"""

import base64
import binascii
import hmac
from typing import Final

import msgspec

from xueshi_sync.errors import BadTicketError, SyncError
from xueshi_sync.identity import ID_BYTES, TIERS, Genesis, SignedGenesis, verify_genesis
from xueshi_sync.suite import Suite

PREFIX: Final = "XS1-"
SECRET_BYTES: Final = 16
_MAC_BYTES: Final = 16
_CHECK_BYTES: Final = 4


class Ticket(msgspec.Struct, array_like=True, frozen=True):
    """An invitation of one node into one scope."""

    genesis: SignedGenesis
    node: bytes
    scope: bytes
    secret: bytes
    code: str
    name: str
    tier: str
    urls: list[str]


def encode_ticket(ticket: Ticket) -> str:
    """Return the invitation as one word that survives chat programs and line breaks."""
    data = msgspec.msgpack.encode(ticket)
    check = hmac.digest(b"xs1/ticket-check", data, "sha256")[:_CHECK_BYTES]
    return PREFIX + base64.urlsafe_b64encode(data + check).decode().rstrip("=")


def decode_ticket(suite: Suite, text: str) -> tuple[Ticket, Genesis]:
    """Read and verify an invitation; raises BadTicketError, also when a character is missing."""
    word = "".join(text.split())
    if not word.startswith(PREFIX):
        raise BadTicketError("not an invitation")
    body = word.removeprefix(PREFIX)
    try:
        # Strict: the lenient decoder leaves foreign letters out, and any word would then do.
        data = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        data, check = data[:-_CHECK_BYTES], data[-_CHECK_BYTES:]
        if check != hmac.digest(b"xs1/ticket-check", data, "sha256")[:_CHECK_BYTES]:
            raise BadTicketError("damaged in transit")
        ticket = msgspec.msgpack.decode(data, type=Ticket)
        genesis = verify_genesis(suite, ticket.genesis)
    except (binascii.Error, msgspec.DecodeError, ValueError) as error:
        raise BadTicketError(str(error)) from error
    except BadTicketError:
        raise
    except SyncError as error:
        raise BadTicketError(str(error)) from error
    lengths = [len(ticket.node), len(ticket.scope), len(ticket.secret)]
    if lengths != [ID_BYTES, ID_BYTES, SECRET_BYTES] or ticket.tier not in TIERS:
        raise BadTicketError("of the wrong shape")
    return ticket, genesis


def ticket_proof(secret: bytes, node: bytes, key: bytes) -> bytes:
    """Prove possession of the invitation for this node and key."""
    return hmac.digest(secret, b"xs1/enrol\0" + node + key, "sha256")[:_MAC_BYTES]


def is_valid_proof(proof: bytes, secret: bytes, node: bytes, key: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(proof, ticket_proof(secret, node, key))
