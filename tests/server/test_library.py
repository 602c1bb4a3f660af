"""The library from the centre to a school: what is published arrives whole or is not shown."""

import hashlib
import random
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.process.county import serving
from tests.server.conftest import County
from tests.server.pages import make_visitor
from xueshi_server.delivering import (
    Budget,
    deliver_files,
    lacking_room,
    names_file,
    read_budget,
    write_budget,
)
from xueshi_server.errors import NoLibraryFolderError, NotCentreError, UnknownResourceError
from xueshi_server.library import (
    add_file,
    add_folder,
    copy_out,
    export_folder,
    publish_site,
)
from xueshi_server.shelf import Shelf
from xueshi_server.stick import export_stick, take_stick
from xueshi_server.store.library import (
    SITE,
    About,
    Resource,
    find_resource,
    list_resources,
    withdraw_resource,
)
from xueshi_server.web import create_app
from xueshi_sync.files.content import Content
from xueshi_sync.files.store import SPARE_BYTES
from xueshi_sync.node import Node

ABOUT = About("磨课指南", "语文", minutes=90)


def _file(folder: Path, name: str, data: bytes = b"pages") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def _publish(county: County, tmp_path: Path) -> Resource:
    return add_file(county.centre, _file(tmp_path, "guide.pdf"), ABOUT, actor="admin")


def _move_files(county: County) -> None:
    """Carry what the school wants from the centre, without a line."""
    shelf = Shelf(county.school)
    for _ in range(4):
        shelf.advance()
        for name in county.school.files.wants(1 << 20):
            chunk = county.centre.files.give(name)
            assert chunk is not None
            county.school.files.take([chunk])
    shelf.advance()


def _site(folder: Path, text: str) -> Path:
    _file(folder, "index.html", f"<h1>{text}</h1>".encode())
    _file(folder, "assets/app.css", b"h1 { color: red }")
    return folder


def _shown(node: Node, path: str) -> bytes:
    with Shelf(node).open(path) as file:
        return file.read()


def test_a_published_file_arrives_at_a_school(county: County, tmp_path: Path) -> None:
    made = _publish(county, tmp_path)
    county.carry_both_ways()
    _move_files(county)
    (there,) = list_resources(county.school)
    assert (there.about, there.content, there.media) == (ABOUT, made.content, "application/pdf")
    copy_out(county.school, there.content, tmp_path / "out.pdf")
    assert (tmp_path / "out.pdf").read_bytes() == b"pages"


def test_no_record_of_the_library_is_compared_with_every_other(
    county: County, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two thousand files made four million comparisons, for each page and each range of a video."""
    asked: list[str] = []
    query = Node.query

    def noted(node: Node, sql: str, values: Any = ()) -> list[Any]:
        if "FROM resource" in sql:
            asked.extend(str(row[3]) for row in query(node, f"EXPLAIN QUERY PLAN {sql}", values))
        return query(node, sql, values)

    made = _publish(county, tmp_path)
    monkeypatch.setattr(Node, "query", noted)
    assert find_resource(county.centre, made.public_id) == made
    assert list_resources(county.centre) == [made]
    assert Shelf(county.centre).find(made.content.sha256) == made.content
    assert asked
    assert [step for step in asked if "CORRELATED" in step] == []


def test_only_the_centre_publishes(county: County, tmp_path: Path) -> None:
    with pytest.raises(NotCentreError):
        add_file(county.school, _file(tmp_path, "guide.pdf"), ABOUT, actor="admin")


def test_the_same_file_under_the_same_words_is_published_once(
    county: County, tmp_path: Path
) -> None:
    assert _publish(county, tmp_path) == _publish(county, tmp_path)


def test_a_new_version_takes_the_place_of_the_old_one(county: County, tmp_path: Path) -> None:
    old = _publish(county, tmp_path)
    changed = _file(tmp_path, "guide.pdf", b"more pages")
    add_file(county.centre, changed, ABOUT, actor="admin", replaces=old)
    county.carry_both_ways()
    (there,) = list_resources(county.school)
    assert there.content.sha256 == hashlib.sha256(b"more pages").digest()


def test_what_is_withdrawn_is_listed_no_more(county: County, tmp_path: Path) -> None:
    made = _publish(county, tmp_path)
    withdraw_resource(county.centre, made, day="2026-03-02", actor="admin")
    county.carry_both_ways()
    assert list_resources(county.school) == []
    with pytest.raises(UnknownResourceError):
        find_resource(county.school, made.public_id)


def test_a_folder_keeps_its_paths(county: County, tmp_path: Path) -> None:
    _file(tmp_path / "disc", "lesson/one.txt", b"1")
    _file(tmp_path / "disc", "two.txt", b"2")
    made = add_folder(county.centre, tmp_path / "disc", About("disc"), actor="admin")
    county.carry_both_ways()
    _move_files(county)
    assert export_folder(county.school, made.content, tmp_path / "out") == 2
    assert (tmp_path / "out/lesson/one.txt").read_bytes() == b"1"


def test_a_folder_that_is_not_whole_cannot_be_taken_out(county: County, tmp_path: Path) -> None:
    _file(tmp_path / "disc", "one.txt")
    made = add_folder(county.centre, tmp_path / "disc", About("disc"), actor="admin")
    county.carry_both_ways()
    with pytest.raises(FileNotFoundError):
        export_folder(county.school, made.content, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_link_in_a_folder_is_not_followed(county: County, tmp_path: Path) -> None:
    secret = _file(tmp_path, "secret.key", b"private")
    _file(tmp_path / "disc", "one.txt")
    (tmp_path / "disc/link.txt").symlink_to(secret)
    (tmp_path / "disc/all").symlink_to(tmp_path)
    made = add_folder(county.centre, tmp_path / "disc", About("disc"), actor="admin")
    assert list(Shelf(county.centre).entries(made.content) or ()) == ["one.txt"]


@pytest.mark.parametrize("names", [[], ["page.html"]], ids=["no files", "no first page"])
def test_a_folder_that_is_no_site_is_not_published(
    names: list[str], county: County, tmp_path: Path
) -> None:
    (tmp_path / "site").mkdir()
    for name in names:
        _file(tmp_path / "site", name)
    with pytest.raises(NoLibraryFolderError):
        publish_site(county.centre, tmp_path / "site", "Site", actor="admin")


def test_a_school_shows_a_new_site_only_when_every_file_of_it_is_whole(
    county: County, tmp_path: Path
) -> None:
    publish_site(county.centre, _site(tmp_path / "site", "first"), "Site", actor="admin")
    county.carry_both_ways()
    _move_files(county)
    _file(tmp_path / "site", "big.bin", random.Random(1).randbytes(300_000))
    publish_site(county.centre, _site(tmp_path / "site", "second"), "Site", actor="admin")
    county.carry_both_ways()
    shelf = Shelf(county.school)
    seen = set()
    for _ in range(60):
        shelf.advance()
        seen.add(_shown(county.school, "index.html"))
        wants = county.school.files.wants(1)
        if not wants:
            break
        assert _shown(county.school, "index.html") == b"<h1>first</h1>"
        county.school.files.take([county.centre.files.give(wants[0]) or b""])
    assert seen == {b"<h1>first</h1>", b"<h1>second</h1>"}


def test_what_only_an_older_site_needed_may_go(county: County, tmp_path: Path) -> None:
    _file(tmp_path / "site", "old.bin", b"old" * 1000)
    publish_site(county.centre, _site(tmp_path / "site", "first"), "Site", actor="admin")
    county.carry_both_ways()
    _move_files(county)
    (tmp_path / "site/old.bin").unlink()
    publish_site(county.centre, _site(tmp_path / "site", "second"), "Site", actor="admin")
    county.carry_both_ways()
    _move_files(county)
    gone = county.school.files.evict(0)
    assert hashlib.sha256(b"old" * 1000).digest() in gone
    assert _shown(county.school, "index.html") == b"<h1>second</h1>"


def test_the_centre_shows_its_site_at_once(county: County, tmp_path: Path) -> None:
    made = publish_site(county.centre, _site(tmp_path / "site", "first"), "Site", actor="admin")
    assert Shelf(county.centre).shown() == made.content
    assert [each.kind for each in list_resources(county.centre)] == [SITE]


# The stick


def _stick(county: County, tmp_path: Path) -> Path:
    _publish(county, tmp_path)
    _file(tmp_path / "disc", "lesson/one.txt", b"1")
    add_folder(county.centre, tmp_path / "disc", About("disc"), actor="admin")
    publish_site(county.centre, _site(tmp_path / "site", "first"), "Site", actor="admin")
    export_stick(county.centre, tmp_path / "stick", "en")
    return tmp_path / "stick"


def test_a_stick_brings_records_library_and_site_to_a_school_without_a_line(
    county: County, tmp_path: Path
) -> None:
    report = take_stick(county.school, _stick(county, tmp_path))
    assert (report.wanted, report.ops > 0) == (0, True)
    assert _shown(county.school, "index.html") == b"<h1>first</h1>"
    assert len(list_resources(county.school)) == 3


def test_a_stick_can_be_read_without_a_program(county: County, tmp_path: Path) -> None:
    stick = _stick(county, tmp_path)
    page = (stick / "index.html").read_text("utf-8")
    assert 'href="site/index.html"' in page
    assert 'href="files/guide.pdf"' in page
    assert (stick / "files/guide.pdf").read_bytes() == b"pages"
    assert (stick / "files/disc/lesson/one.txt").is_file()


def test_a_stick_written_again_writes_what_changed(county: County, tmp_path: Path) -> None:
    stick = _stick(county, tmp_path)
    _file(tmp_path / "site", "index.html", b"<h1>second</h1>")
    publish_site(county.centre, tmp_path / "site", "Site", actor="admin")
    # The page, and the list of the site's files.
    assert export_stick(county.centre, stick, "en").written == 2


def test_a_file_altered_on_a_stick_is_left_and_stays_wanted(county: County, tmp_path: Path) -> None:
    stick = _stick(county, tmp_path)
    (stick / "files/guide.pdf").write_bytes(b"other")
    assert take_stick(county.school, stick).wanted == 1


@pytest.mark.parametrize("size", [None, 20 << 30], ids=["a link to elsewhere", "20 GB of nothing"])
def test_what_stands_for_a_file_on_a_stick_and_is_none_is_left(
    size: int | None, county: County, tmp_path: Path
) -> None:
    stick = _stick(county, tmp_path)
    place = stick / "files/guide.pdf"
    place.unlink()
    if size is None:
        secret = _file(tmp_path, "elsewhere", b"pages")
        place.symlink_to(secret)
    else:
        with place.open("wb") as file:
            file.truncate(size)
    assert take_stick(county.school, stick).wanted == 1


def test_two_files_of_one_name_both_have_a_place(county: County, tmp_path: Path) -> None:
    for number in range(2):
        path = _file(tmp_path / str(number), "guide.pdf", bytes([number]))
        add_file(county.centre, path, About(f"guide {number}"), actor="admin")
    export_stick(county.centre, tmp_path / "stick", "en")
    names = sorted(path.name for path in (tmp_path / "stick/files").iterdir())
    assert names == ["guide-2.pdf", "guide.pdf"]


# What files may cost


def test_settings_of_files_are_kept(county: County) -> None:
    assert read_budget(county.school) == Budget()
    budget = Budget(50_000_000, "22:00-06:00", None)
    write_budget(county.school, budget)
    assert read_budget(county.school) == budget


def test_nothing_is_fetched_that_the_disk_has_no_room_for(
    county: County, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = add_file(
        county.centre, _file(tmp_path, "film.mp4", bytes(300_000)), ABOUT, actor="admin"
    )
    county.carry_both_ways()
    Shelf(county.school).advance()
    room = SimpleNamespace(free=SPARE_BYTES + 200_000)
    with monkeypatch.context() as patched, serving(county.centre.wsgi_app()) as (host, port):
        patched.setattr(shutil, "disk_usage", lambda _: room)
        assert lacking_room(county.school) == 100_000
        assert deliver_files(county.school, url=f"http://{host}:{port}", at_once=True) == []
        page = make_visitor(create_app(county.school, testing=True), None).text("/library/")
        assert "The disk is full" in page
        patched.undo()
        deliver_files(county.school, url=f"http://{host}:{port}", at_once=True)
    state = county.school.files.state(made.content.sha256)
    assert state is not None
    assert state.is_whole


def test_a_file_is_taken_when_a_record_names_it(county: County) -> None:
    named = Content(hashlib.sha256(b"photo").digest(), 5, 0, bytes(16))
    with county.school.write(actor="admin") as action:
        action.insert("attachment", {"kind": "evidence", "file": named.sha256.hex()})
    county.carry_both_ways()
    assert names_file(county.centre, named)
    assert not names_file(county.centre, Content(bytes(32), 5, 0, bytes(16)))
