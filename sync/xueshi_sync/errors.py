"""Errors of the sync package: one root, a stable code each, typed fields.

A code names who is at fault by its first word: `block`, `frame`, `bundle` and `ticket` are the
peer's data, `network` and `medium` the carrier, `node` this machine, `write` the caller.
User text lives in the catalogues of the server, by code; `str(error)` is English for the log.
"""

from typing import ClassVar


class SyncError(Exception):
    """Root of everything this package raises for data, carriers and misuse."""

    code: ClassVar[str] = "sync.failed"

    def __init__(self, message: str = "", **fields: object) -> None:
        super().__init__(message or self.code)
        self.fields = fields


class MalformedBlockError(SyncError):
    """Bytes that are no block of PROTOCOL 4, or a body that is not canonical (PROTOCOL 5)."""

    code = "block.malformed"


class BadSignatureError(SyncError):
    """The signature of a block, frame, receipt or genesis does not verify."""

    code = "block.bad_signature"


class WrongNetError(SyncError):
    """The data belongs to another county."""

    code = "block.wrong_net"


class LimitExceededError(SyncError):
    """A stated limit of PROTOCOL 3 is exceeded; fields `limit` and `actual`."""

    code = "block.limit"


class MalformedFrameError(SyncError):
    """An envelope, request, response or bundle that cannot be read."""

    code = "frame.malformed"


class TruncatedError(MalformedFrameError):
    """An envelope that ends before its final segment."""

    code = "frame.truncated"


class IncompleteError(SyncError):
    """More bytes are needed before anything can be said."""

    code = "frame.incomplete"


class WrongRecipientError(SyncError):
    """The envelope was sealed for another node."""

    code = "frame.wrong_recipient"


class RefusedError(SyncError):
    """The peer answered, and refused the sender."""

    code = "frame.refused"


class MalformedContentError(SyncError):
    """A tree of chunks that is no tree, or bytes that are not what their file's digest says."""

    code = "file.malformed"


class UnsupportedVersionError(SyncError):
    """A newer format than this program reads."""

    code = "frame.version"


class NetworkError(SyncError):
    """No verified answer came: cut, silent, portal, proxy or busy line."""

    code = "network.unreachable"


class MediumError(SyncError):
    """A stick or file that cannot be read or written."""

    code = "medium.failed"


class UnsoundBackupError(MediumError):
    """A file that is no backup of a node, or a damaged one; nothing was put in place."""

    code = "medium.unsound_backup"


class BadTicketError(SyncError):
    """An invitation that is damaged, used, withdrawn or for another county."""

    code = "ticket.invalid"


class NodeInUseError(SyncError):
    """Another process has this node open; field `pid`."""

    code = "node.in_use"


class NodeStateError(SyncError):
    """This node cannot do that in its present state (not joined, not a centre, read-only)."""

    code = "node.state"


class NotJoinedError(NodeStateError):
    """This node has taken no invitation yet."""

    code = "node.not_joined"


class AlreadyJoinedError(NodeStateError):
    """This node belongs to a county already."""

    code = "node.already_joined"


class WrongTierError(NodeStateError):
    """A centre was asked to do what only members do, or the other way about."""

    code = "node.wrong_tier"


class UnknownNodeError(NodeStateError):
    """The county has no such node, or none was named where one must be; field `node`."""

    code = "node.unknown"


class MissingKeyError(NodeStateError):
    """The node's key file is missing, damaged or of another node."""

    code = "node.key"


class SchemaUnfitError(NodeStateError):
    """What stands under the present record types would have no place under the new ones."""

    code = "node.schema_unfit"


class StorageError(SyncError):
    """The disk is full, failing or read-only; nothing of the action was kept."""

    code = "node.storage"


class DiskFullError(StorageError):
    """There is no room left on the disk; nothing of the action was kept."""


class InvalidWriteError(SyncError):
    """The caller's values do not fit the declaration; fields `table` and `field`."""

    code = "write.invalid"
