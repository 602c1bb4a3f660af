"""The second step after loopback: pages for the phones of the school's own Wi-Fi.

A node listens on this PC alone until its administrator opens it. Then it listens at each private
address of the PC by itself, not at "all": an address of the Internet is never opened by a click,
and the page can say of each address whether it answers. A new address (another Wi-Fi, a new lease)
is followed within seconds. The choice is kept in the node's folder.
"""

import contextlib
import http.client
import ipaddress
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from xueshi_server.accounts import Accounts
from xueshi_sync.http_listener import make_http_server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from cheroot.wsgi import Server

SETTING: Final = "lan"
# So often the addresses of the PC are looked up while it is open.
FOLLOW_S: Final = 10.0
ANSWER_S: Final = 1.5
# A school's phones; the exchange with the centre goes through the first listener.
THREADS: Final = 16
# RFC 1918, and what machines give themselves on a cable without a server (RFC 3927).
_LOCAL: Final = tuple(
    ipaddress.IPv4Network(each)
    for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16")
)
_EVERYWHERE: Final = ("0.0.0.0", "::", "")
# Linux: the request that asks an interface for its address.
_SIOCGIFADDR: Final = 0x8915


@dataclass(frozen=True, slots=True)
class Door:
    """One address of this PC: the link to type, and whether it answers."""

    address: str
    url: str
    answers: bool


class LanDoor:
    """Listeners at the private addresses of this PC, opened and shut while the node is served."""

    def __init__(
        self, *, wanted: bool = False, list_addresses: "Callable[[], list[str]] | None" = None
    ) -> None:
        self._wanted = wanted
        self._list_addresses = list_addresses or list_private_addresses
        self._lock = threading.Lock()
        self._servers: dict[str, tuple[Server, threading.Thread]] = {}
        self._stopping = threading.Event()
        self._follower: threading.Thread | None = None
        self._accounts: Accounts | None = None
        self._app: WSGIApplication | None = None
        self._host = ""
        self.port = 0
        # The port of other days, if it is another: what hangs on the wall is not true today.
        self.usual_port = 0

    def attach(self, accounts: Accounts, app: "WSGIApplication", bound: tuple[str, int]) -> None:
        """Say what is served, and where the first listener is; open what was open before."""
        self._accounts, self._app = accounts, app
        self._host, self.port = bound
        if not self.is_wide and (self._wanted or accounts.is_on(SETTING)):
            self._start()

    @property
    def is_wide(self) -> bool:
        """Whether the command line opened every address: then no page shuts them."""
        return self._host in _EVERYWHERE

    @property
    def is_open(self) -> bool:
        """Whether other machines are let in."""
        return self.is_wide or self._follower is not None

    def open(self) -> None:
        """Open now and whenever the node is served."""
        assert self._accounts is not None, "attached before it is used"
        self._accounts.turn(SETTING, True)
        if not self.is_open:
            self._start()

    def shut(self) -> None:
        """Shut now and for good."""
        assert self._accounts is not None, "attached before it is used"
        self._accounts.turn(SETTING, False)
        self.stop()

    def stop(self) -> None:
        """End the listeners; what was chosen stays chosen."""
        self._stopping.set()
        if self._follower is not None:
            self._follower.join(timeout=10)
            self._follower = None
        with self._lock:
            gone, self._servers = self._servers, {}
        _end(gone.values())

    def list_doors(self) -> list[Door]:
        """Every private address of this PC with whether it answers right now."""
        return [
            Door(address, f"http://{address}:{self.port}/", answers(address, self.port))
            for address in self._list_addresses()
        ]

    def first_url(self) -> str:
        """The likeliest address for phones; empty while it is shut or on no network."""
        here = self._list_addresses() if self.is_open else []
        return f"http://{here[0]}:{self.port}/" if here else ""

    def _start(self) -> None:
        self._stopping.clear()
        self._follow()
        self._follower = threading.Thread(target=self._keep_up, name="xueshi-lan", daemon=True)
        self._follower.start()

    def _keep_up(self) -> None:
        while not self._stopping.wait(FOLLOW_S):
            self._follow()

    def _follow(self) -> None:
        """Listen at addresses that are new; let go of those that went."""
        here = self._list_addresses()
        with self._lock:
            gone = [self._servers.pop(each) for each in list(self._servers) if each not in here]
            for address in here:
                if address not in self._servers:
                    # An address that another program has on this port answers by that program;
                    # the page says that it is not ours.
                    with contextlib.suppress(OSError):
                        self._servers[address] = self._listen(address)
        _end(gone)

    def _listen(self, address: str) -> "tuple[Server, threading.Thread]":
        assert self._app is not None, "attached before it is used"
        server = make_http_server(self._app, (address, self.port), threads=THREADS)
        server.prepare()
        thread = threading.Thread(target=server.serve, name=f"xueshi-lan-{address}", daemon=True)
        thread.start()
        return server, thread


def _end(listeners: "Iterable[tuple[Server, threading.Thread]]") -> None:
    for server, thread in listeners:
        server.stop()
        thread.join(timeout=10)


def answers(address: str, port: int) -> bool:
    """Whether a node answers there, as seen from this PC (its firewall is not asked)."""
    with contextlib.closing(http.client.HTTPConnection(address, port, timeout=ANSWER_S)) as line:
        try:
            line.request("GET", "/healthz")
            return line.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False


def list_private_addresses() -> list[str]:
    """The IPv4 addresses of this PC that only a local network reaches, the likeliest first."""
    found = [*_routed(), *_named(), *_of_interfaces()]
    return [each for each in dict.fromkeys(found) if is_private(each)]


def is_private(address: str) -> bool:
    """Whether only a local network reaches it, and another machine does."""
    try:
        known = ipaddress.IPv4Address(address)
    except ValueError:
        return False
    return any(known in each for each in _LOCAL)


def _routed() -> list[str]:
    """The address that packets would leave from; a datagram socket sends none to find it."""
    found = []
    for there in ("192.0.2.1", "192.168.255.254", "10.255.255.254", "172.31.255.254"):
        with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
            try:
                probe.connect((there, 9))
            except OSError:
                continue
            found.append(str(probe.getsockname()[0]))
    return found


def _named() -> list[str]:
    """What the name of this PC stands for: on Windows all of its addresses."""
    try:
        return socket.gethostbyname_ex(socket.gethostname())[2]
    except OSError:
        return []


def _of_interfaces() -> list[str]:
    """Each interface's own word, where the system gives it."""
    if sys.platform != "linux":
        return []
    import fcntl

    found = []
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as asked:
        for _, name in socket.if_nameindex():
            request = name.encode()[:15].ljust(256, b"\0")
            try:
                given = fcntl.ioctl(asked.fileno(), _SIOCGIFADDR, request)
            except OSError:
                continue
            found.append(socket.inet_ntoa(given[20:24]))
    return found
