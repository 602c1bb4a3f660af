"""Errors of the client: a stable code and typed fields each; the catalogue words them by code."""

from typing import ClassVar


class ClientError(Exception):
    """Root of what the client itself refuses."""

    code: ClassVar[str] = "client.failed"

    def __init__(self, message: str = "", **fields: object) -> None:
        super().__init__(message or self.code)
        self.fields = fields


class NoNodeError(ClientError):
    """The folder holds no node; field `home`."""

    code = "client.no_node"


class HomeTakenError(ClientError):
    """The folder already holds a node or other files; field `home`."""

    code = "client.home_taken"


class NotAnsweringError(ClientError):
    """The process that holds the node does not answer on its local door; field `pid`."""

    code = "client.not_answering"


class NotForwardableError(ClientError):
    """A command that cannot run inside the serving process; field `command`."""

    code = "client.stop_serving_first"


class WrongRoleError(ClientError):
    """The command belongs to another role; fields `role` and `needed`."""

    code = "client.wrong_role"


class MissingPartError(ClientError):
    """An optional part is not installed; fields `part` and `extra`."""

    code = "client.missing_part"


class UnknownConflictError(ClientError):
    """No open conflict on that record and field; fields `record` and `field`."""

    code = "client.no_such_conflict"


class UnknownFigureError(ClientError):
    """The benchmark has no such figure; field `figure`."""

    code = "client.no_such_figure"


class NoWorkloadError(ClientError):
    """The script of the workload is not there; field `path`."""

    code = "client.no_workload"


class FigureFailedError(ClientError):
    """A group of figures could not be measured; fields `figure` and `why`."""

    code = "client.figure_failed"


class AlreadyServingError(ClientError):
    """This node is served by another process; field `url`."""

    code = "client.already_serving"


class AmountDiffersError(ClientError):
    """A demo or benchmark run ended with unequal data; field `what`."""

    code = "client.unequal"


class PortTakenError(ClientError):
    """Another program listens on the port; field `port`."""

    code = "client.port_taken"


class BadHostError(ClientError):
    """The address to serve at is not one of this machine; field `host`."""

    code = "client.bad_host"


class FolderTakenError(ClientError):
    """The folder for the site holds something else; field `folder`."""

    code = "client.folder_taken"


class AlreadyJoinedError(ClientError):
    """The node belongs to a county; field `county`."""

    code = "client.already_joined"


class NotJoinedError(ClientError):
    """The node has taken no invitation yet."""

    code = "client.not_joined"


class InvitationRefusedError(ClientError):
    """The centre answered, and does not accept the invitation."""

    code = "client.invitation_refused"


class NoAddressError(ClientError):
    """Neither the invitation nor the command says where the centre is."""

    code = "client.no_address"


class NoRecipientError(ClientError):
    """A centre packs for one node, and none was named."""

    code = "client.no_recipient"


class UnknownNodeError(ClientError):
    """The county has no such node; field `node`."""

    code = "client.no_such_node"


class NotABackupError(ClientError):
    """The file is no backup of a node; field `file`."""

    code = "client.not_a_backup"


class NotAPackError(ClientError):
    """The folder holds no declarations; field `folder`."""

    code = "client.not_a_pack"


class BrowseFailedError(ClientError):
    """Datasette did not start; field `why`."""

    code = "client.browse_failed"
