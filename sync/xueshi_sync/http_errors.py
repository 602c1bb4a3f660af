"""What an HTTP exchange can come to when no verified answer arrived: one code each.

A status code, a redirect or a page proves nothing about the peer, so every one of these is a
`NetworkError`: nothing was sent, nothing changes. The catalogue words them by `code`.
"""

from typing import ClassVar, Final

from xueshi_sync.errors import NetworkError


class UnreachableError(NetworkError):
    """No connection: no route, no name, refused, or the port is blocked."""

    code: ClassVar[str] = "network.unreachable"


class SilentError(NetworkError):
    """The line is open and nothing comes: half-open TCP, or the total time is over."""

    code: ClassVar[str] = "network.silent"


class CutError(NetworkError):
    """The line broke again and again without a byte of progress."""

    code: ClassVar[str] = "network.cut"


class PortalError(NetworkError):
    """The network wants a login: a page, a redirect or 511 instead of an answer."""

    code: ClassVar[str] = "network.portal"


class BadAnswerError(NetworkError):
    """Something answered that is not the peer, or damaged what the peer said."""

    code: ClassVar[str] = "network.bad_answer"


class BusyError(NetworkError):
    """The peer asks to come back later; field `wait_s`."""

    code: ClassVar[str] = "network.busy"

    def __init__(self, message: str = "", *, wait_s: float = 0.0, **fields: object) -> None:
        super().__init__(message, wait_s=wait_s, **fields)
        self.wait_s = wait_s


class TooLargeError(NetworkError):
    """The peer takes less in one request than was offered."""

    code: ClassVar[str] = "network.too_large"


class DeclinedError(NetworkError):
    """An unsigned "no" to this machine; field `peer_code`. A hint for people, not a fact."""

    code: ClassVar[str] = "network.declined"


class UntrustedError(NetworkError):
    """The TLS certificate is not from the pinned authority or names another host."""

    code: ClassVar[str] = "network.untrusted"


NETWORK_CODES: Final = tuple(
    kind.code
    for kind in (
        UnreachableError,
        SilentError,
        CutError,
        PortalError,
        BadAnswerError,
        BusyError,
        TooLargeError,
        DeclinedError,
        UntrustedError,
    )
)
