"""The port of a node: the same at every start, so that an address on the wall stays true.

- The first start takes 8080, or the next one that is free, and keeps it in the node's folder.
- `xueshi serve --port N` keeps N. Port 0 takes any free one for this time only.
- Where another program has the kept port this once, the next free one stands in; the kept one is
  not given up, and who starts the node is told.
"""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PORT_FILE: Final = "port"
FIRST_PORT: Final = 8080
# So many are tried after the kept one; then any free one.
NEXT_COUNT: Final = 20
PORT_MAX: Final = 65_535


def read_port(home: Path) -> int | None:
    """The kept port; None before the first start, or where the file says nothing useful."""
    try:
        port = int((home / PORT_FILE).read_text("ascii"))
    except (OSError, ValueError):
        return None
    return port if 0 < port <= PORT_MAX else None


def keep_port(home: Path, port: int) -> None:
    """Use this port from now on."""
    if read_port(home) == port:
        return
    part = home / f"{PORT_FILE}.part"
    with part.open("w", encoding="ascii") as file:
        file.write(f"{port}\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(home / PORT_FILE)


def list_ports(home: Path, host: str) -> Iterator[int]:
    """Ports to try in turn: the kept one, its successors, any free one."""
    first = read_port(home) or FIRST_PORT
    for port in range(first, min(first + NEXT_COUNT, PORT_MAX) + 1):
        if is_free(host, port):
            yield port
    yield 0


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now. A port of the whole PC is asked for as well: a
    program that has it would answer the phones at the other addresses."""
    return all(can_bind(each, port) for each in dict.fromkeys((host, "0.0.0.0")))


def can_bind(host: str, port: int) -> bool:
    """Whether nobody has this port of this address."""
    try:
        family, kind, number, _name, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, number) as probe:
            if os.name != "nt":
                # What the last run left half closed is no hindrance there.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError:
        return False
    return True
