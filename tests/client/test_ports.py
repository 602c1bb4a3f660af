"""A node's port is the same at every start."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.nodes import make_world
from tests.tools.ports import free_port
from xueshi_client.errors import PortTakenError
from xueshi_client.ports import FIRST_PORT, PORT_FILE, keep_port, list_ports, read_port
from xueshi_client.serving import LOOPBACK, serve_node
from xueshi_server.lan import LanDoor
from xueshi_sync.node import Node


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with make_world(tmp_path_factory.mktemp("ports")) as world:
        yield world.make("school", "石桥村小学", "S1")


@pytest.fixture(autouse=True)
def nothing_kept(school: Node) -> None:
    (school.home / PORT_FILE).unlink(missing_ok=True)


def serve(school: Node, port: int | None, lan: LanDoor | None = None) -> tuple[int, int]:
    """The port that is served, and the one that is kept."""
    with serve_node(school, port=port, lan=lan, in_background=False) as served:
        return served.port, served.kept_port


def test_the_first_start_keeps_its_port_for_the_next(school: Node) -> None:
    first = serve(school, None)
    assert first[0] == first[1] == read_port(school.home)
    assert next(list_ports(school.home, LOOPBACK)) == first[0]


def test_a_port_that_was_asked_for_is_kept(school: Node) -> None:
    wanted = free_port()
    assert serve(school, wanted) == (wanted, wanted)
    assert next(list_ports(school.home, LOOPBACK)) == wanted


def test_any_free_port_is_not_kept(school: Node) -> None:
    assert serve(school, 0)[1] == 0
    assert read_port(school.home) is None


def test_a_kept_port_that_is_taken_is_stood_in_for_and_not_given_up(school: Node) -> None:
    with socket.create_server((LOOPBACK, 0)) as other:
        kept, lan = int(other.getsockname()[1]), LanDoor()
        keep_port(school.home, kept)
        port, said = serve(school, None, lan)
        assert port != kept
        assert (said, lan.usual_port, lan.port) == (kept, kept, port)
    assert serve(school, None) == (kept, kept)


def test_a_port_that_is_asked_for_and_taken_is_an_error(school: Node) -> None:
    with socket.create_server((LOOPBACK, 0)) as other, pytest.raises(PortTakenError):
        serve(school, int(other.getsockname()[1]))
    assert read_port(school.home) is None


@pytest.mark.parametrize("text", ["", "eighty", "0", "70000", "-1"])
def test_a_damaged_note_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / PORT_FILE).write_text(text)
    assert read_port(tmp_path) is None
    assert all(each == 0 or each >= FIRST_PORT for each in list_ports(tmp_path, LOOPBACK))
