"""Why a sealed value stays closed, or the county's key as it is."""

from xueshi_server.errors import ServerError


class SealKeyAbsentError(ServerError):
    """The private key of a generation is not in this folder: destroyed, or another centre's;
    field `generation`."""

    code = "seal.key_absent"


class SealBrokenError(ServerError):
    """A sealed value that was altered, or sealed to another key than it says."""

    code = "seal.broken"


class SealSpentError(ServerError):
    """The last generation there can be is in use."""

    code = "seal.spent"


class SealWaitingError(ServerError):
    """Values of living people would be lost with the old key; fields `fields` and `schools`."""

    code = "seal.waiting"


class OpenSealedRefusedError(ServerError):
    """Personal numbers are opened at the centre, with a reason."""

    code = "seal.not_here"
