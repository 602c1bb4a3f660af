"""Errors of the server: a stable code and typed fields each; the catalogue words them by code."""

from typing import ClassVar


class ServerError(Exception):
    """Root of what the server itself refuses; never raised for a bug of ours."""

    code: ClassVar[str] = "server.failed"

    def __init__(self, message: str = "", **fields: object) -> None:
        super().__init__(message or self.code)
        self.fields = fields


class UnknownTypeError(ServerError):
    """No record type of that name can be imported or exported; field `type`."""

    code = "import.unknown_type"


class UnreadableFileError(ServerError):
    """The file is no table that can be read; field `file`."""

    code = "import.unreadable"


class MissingHeaderError(ServerError):
    """No row of the file names the columns that are needed; field `missing`."""

    code = "import.no_header"


class FileTooLargeError(ServerError):
    """More rows or bytes than one import takes; fields `limit` and `actual`."""

    code = "import.too_large"


class UnknownFormatError(ServerError):
    """No such file format; field `format`."""

    code = "export.unknown_format"


class NoScopeError(ServerError):
    """This node has no records of its own to write to (a centre, or not joined yet)."""

    code = "server.no_scope"


class UnknownRecordError(ServerError):
    """No record carries that id here; field `record`."""

    code = "server.no_such_record"


class LoginRefusedError(ServerError):
    """Name and password do not belong together."""

    code = "login.refused"


class PinRefusedError(ServerError):
    """Not the PIN; field `left`: the tries before the password is asked."""

    code = "login.pin_refused"


class PinGoneError(ServerError):
    """A PIN is not enough here: the password has to be typed."""

    code = "login.pin_gone"


class TooManyTriesError(ServerError):
    """Too many log-in attempts; field `wait_s`."""

    code = "login.too_many"


class WeakPasswordError(ServerError):
    """A password that is too short or too easy to guess; field `least`."""

    code = "login.weak_password"


class WeakPinError(WeakPasswordError):
    """A PIN that is too short or too easy to guess; field `least`."""

    code = "login.weak_pin"


class LoginTakenError(ServerError):
    """Another account has that log-in name; field `login`."""

    code = "login.taken"


class ForgedRequestError(ServerError):
    """A form that did not come from our own page, or from one that is too old."""

    code = "web.forged"


class UnknownHostError(ServerError):
    """The address in the request is none of this node's; field `host`."""

    code = "web.unknown_host"


class ForbiddenError(ServerError):
    """The account may not do that."""

    code = "web.forbidden"


class MissingPartError(ServerError):
    """An optional part is not installed; fields `part` and `extra`."""

    code = "server.missing_part"


class UnknownPackError(ServerError):
    """No pack of that name here, neither published nor shipped; field `pack`."""

    code = "pack.unknown"


class PackUnreadableError(ServerError):
    """A pack that cannot be read or kept; fields `pack` and `why`."""

    code = "pack.unreadable"


class PackVersionTakenError(ServerError):
    """That version was published with other content; fields `pack` and `version`."""

    code = "pack.version_taken"


class PackKindChangedError(ServerError):
    """A pack that turns a ledger into a register or back; fields `pack`, `type`, `was`, `now`."""

    code = "pack.kind_changed"


class NotCentreError(ServerError):
    """Only the county's centre may do that."""

    code = "server.not_centre"


class UnknownPersonError(ServerError):
    """No person, or several, of that number or name; fields `person` and `count`."""

    code = "rules.no_such_person"


class UnknownResourceError(ServerError):
    """Nothing of that name is published in the library; field `resource`."""

    code = "library.no_such_resource"


class UnfitFileError(ServerError):
    """A file that the library does not take as it is; field `why`, in words."""

    code = "library.unfit"


class NoLibraryFolderError(ServerError):
    """A folder without files, or one that is no built site; field `folder`."""

    code = "library.no_folder"


class FileNotHereError(ServerError):
    """A published file that has not arrived at this node yet; field `resource`."""

    code = "library.not_here"


class NoStickError(ServerError):
    """A folder that no library was written to; field `folder`."""

    code = "library.no_stick"
