"""Files from several places at once: each gives what it has, and no byte comes twice."""

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask

from tests.process.county import serving
from tests.server.conftest import County
from tests.server.pages import make_visitor
from tests.server.test_contributions import move_files
from xueshi_server.delivering import Budget, deliver_files, fetch_near, read_budget, write_budget
from xueshi_server.library import add_file, add_folder
from xueshi_server.sources import fetch_from
from xueshi_server.store.library import About, Resource
from xueshi_server.web import create_app
from xueshi_sync.files.content import Content
from xueshi_sync.files.frames import join_chunks
from xueshi_sync.node import Node

SIZE = 1_500_000


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    path.write_bytes(random.Random(1).randbytes(SIZE))
    return path


@pytest.fixture
def made(county: County, film: Path) -> Resource:
    """Published, and known at the school by its record alone."""
    made = add_file(county.centre, film, About("Film"), actor="admin")
    county.carry_both_ways()
    return made


@pytest.fixture
def neighbour(county: County, made: Resource) -> Node:
    """A school that has all of it."""
    node = county.world.make("school", "River School", "S2")
    county.world.join(county.centre, node, "River School", "S2")
    move_files(county.centre, node)
    assert is_whole(node, made.content)
    return node


@contextmanager
def pages_of(node: Node) -> Iterator[str]:
    with serving(create_app(node).wsgi_app) as (host, port):
        yield f"http://{host}:{port}"


def is_whole(node: Node, content: Content) -> bool:
    state = node.files.state(content.sha256)
    return state is not None and state.is_whole


def half_of(film: Path, folder: Path) -> str:
    """A copy that broke off, under another name."""
    folder.mkdir()
    (folder / "copy.tmp").write_bytes(film.read_bytes()[: SIZE // 2])
    return str(folder)


def test_half_from_a_stick_and_the_rest_from_the_centre(
    county: County, made: Resource, film: Path, tmp_path: Path
) -> None:
    stick = half_of(film, tmp_path / "stick")
    with serving(county.centre.wsgi_app()) as (host, port):
        url = f"http://{host}:{port}"
        (near,) = fetch_near(county.school, [stick], url=url)
        reports = deliver_files(county.school, url=url, at_once=True)
    assert is_whole(county.school, made.content)
    line = sum(each.bytes_received for each in reports)
    # A chunk is at most 64 KB, and lists of chunks came before.
    assert near.bytes + line <= SIZE
    assert SIZE // 2 - 70_000 <= near.bytes <= SIZE // 2 + 70_000
    assert sum(each.bytes_down for each in reports) < SIZE // 2 + 100_000


def test_a_neighbour_gives_all_of_it_without_the_centre(
    county: County, made: Resource, neighbour: Node
) -> None:
    with pages_of(neighbour) as url:
        (near,) = fetch_from(county.school, [url])
    assert (is_whole(county.school, made.content), near.error) == (True, "")
    assert near.bytes == SIZE


def test_a_neighbour_with_a_part_gives_that_part(
    county: County, made: Resource, neighbour: Node, film: Path, tmp_path: Path
) -> None:
    # It lost the file, and found half of it on a stick.
    neighbour.files.forget(made.content.sha256)
    neighbour.files.want(made.content)
    with serving(county.centre.wsgi_app()) as (host, port):
        fetch_near(neighbour, [half_of(film, tmp_path / "stick")], url=f"http://{host}:{port}")
    with pages_of(neighbour) as url:
        (near,) = fetch_from(county.school, [url])
    assert SIZE // 2 - 70_000 <= near.bytes < SIZE
    assert not is_whole(county.school, made.content)


def test_a_folder_comes_from_a_neighbour_file_by_file(
    county: County, neighbour: Node, tmp_path: Path
) -> None:
    for number in range(40):
        (tmp_path / "disc").mkdir(exist_ok=True)
        (tmp_path / f"disc/{number}.md").write_text(f"page {number}")
    made = add_folder(county.centre, tmp_path / "disc", About("Disc"), actor="admin")
    county.carry_both_ways()
    county.world.carry(county.centre, neighbour, to="S2")
    move_files(county.centre, neighbour)
    with pages_of(neighbour) as url:
        fetch_from(county.school, [url])
    assert is_whole(county.school, made.content)
    assert county.school.files.wanted_count() == 0


def test_a_hostile_neighbour_changes_nothing(county: County, made: Resource) -> None:
    app = Flask("hostile")

    @app.get("/library/chunks")
    def chunks() -> bytes:
        body, raw_len = join_chunks([b"wrong" * 1000])
        return raw_len.to_bytes(4, "big") + body

    with serving(app.wsgi_app) as (host, port):
        (near,) = fetch_from(county.school, [f"http://{host}:{port}"])
    assert near.bytes == 0
    assert not is_whole(county.school, made.content)


@pytest.mark.parametrize("answer", [b"", b"\xff\xff\xff\xffx", b"<html>portal</html>"])
def test_an_answer_that_is_none_is_told_and_left(
    answer: bytes, county: County, made: Resource
) -> None:
    app = Flask("portal")
    app.add_url_rule("/library/chunks", view_func=lambda: answer)
    with serving(app.wsgi_app) as (host, port):
        (near,) = fetch_from(county.school, [f"http://{host}:{port}"])
    assert near.bytes == 0
    assert county.school.files.wanted_count() == 1


def test_a_source_that_is_not_there_is_passed_over(
    county: County, made: Resource, neighbour: Node, tmp_path: Path
) -> None:
    with pages_of(neighbour) as url:
        found = fetch_from(county.school, ["http://127.0.0.1:9", str(tmp_path / "nothing"), url])
    assert [bool(each.error) for each in found] == [True, True, False]
    assert is_whole(county.school, made.content)


def test_nobody_gets_chunks_of_what_is_not_published(county: County, made: Resource) -> None:
    photo = county.centre.home.parent / "photo"
    photo.write_bytes(b"a child's face")
    hidden = county.centre.files.add(photo)
    visitor = make_visitor(create_app(county.centre, testing=True), None)

    def ask(digest: bytes, name: bytes) -> int:
        from base64 import urlsafe_b64encode as coded

        fields = {"files": coded(digest).decode(), "ids": coded(name).decode()}
        return len(visitor.get("/library/chunks", **fields).data)

    assert ask(made.content.sha256, made.content.root) > 100
    assert ask(hidden.sha256, hidden.root) == 4
    assert ask(made.content.sha256, hidden.root) == 4


@pytest.mark.parametrize("query", [{"files": "x"}, {"ids": "!"}, {"ids": "A" * 9000}])
def test_a_question_that_is_none_is_refused(query: dict[str, str], county: County) -> None:
    visitor = make_visitor(create_app(county.centre, testing=True), None)
    assert visitor.get("/library/chunks", **query).status_code == 400


def test_sources_of_the_settings_are_asked_first(
    county: County, made: Resource, film: Path, tmp_path: Path
) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    shutil.copy(film, stick / "whole.bin")
    write_budget(county.school, Budget(sources=(str(stick),)))
    assert read_budget(county.school).sources == (str(stick),)
    with serving(county.centre.wsgi_app()) as (host, port):
        reports = deliver_files(county.school, url=f"http://{host}:{port}", at_once=True)
    assert is_whole(county.school, made.content)
    assert sum(each.bytes_received for each in reports) < 70_000
