"""Ports for servers that are started and stopped again on the same one."""

import random
import socket
from typing import Final

# Below what systems hand out to whoever asks for any port (32768 on Linux, 49152 elsewhere):
# between two starts of a server no connection of another test takes it.
PORTS: Final = range(20_000, 32_000)


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on, and that nobody gets by chance."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
