"""Which school has which version of the library: said by each, seen at the centre."""

from pathlib import Path

from tests.server.conftest import County
from tests.server.pages import make_visitor
from tests.server.test_contributions import move_files
from xueshi_server.library import add_file, add_folder
from xueshi_server.stick import export_stick, take_stick
from xueshi_server.store.holdings import HOLDING, count_holders, list_holders, tell_holdings
from xueshi_server.store.library import About, Resource, list_resources
from xueshi_server.web import create_app


def _publish(county: County, tmp_path: Path, data: bytes, old: Resource | None = None) -> Resource:
    path = tmp_path / "guide.txt"
    path.write_bytes(data)
    made = add_file(county.centre, path, About("Guide"), actor="admin", replaces=old)
    county.world.carry(county.centre, county.school, to="S1")
    return made


def _held(county: County, resource: Resource) -> int:
    county.world.carry(county.school, county.centre, to=None)
    return count_holders(county.centre, [resource.content])[resource.content.sha256]


def test_the_centre_sees_who_has_a_version_whole_and_since_when(
    county: County, tmp_path: Path
) -> None:
    made = _publish(county, tmp_path, b"one")
    tell_holdings(county.school)
    assert _held(county, made) == 0
    move_files(county.centre, county.school)
    assert tell_holdings(county.school) == 1
    assert _held(county, made) == 1
    (holder,) = list_holders(county.centre, made.content)
    assert (holder.code, holder.since) == ("S1", "2026-03-02")
    page = make_visitor(create_app(county.centre, testing=True), "reviewer")
    assert "1 of 1 schools" in page.text("/library/")
    assert "Whole since" in page.text(f"/library/{made.public_id}")


def test_nothing_changed_writes_nothing(county: County, tmp_path: Path) -> None:
    _publish(county, tmp_path, b"one")
    move_files(county.centre, county.school)
    assert [tell_holdings(county.school) for _ in range(3)] == [1, 0, 0]


def test_a_new_version_is_told_and_the_old_one_taken_back(county: County, tmp_path: Path) -> None:
    old = _publish(county, tmp_path, b"one")
    move_files(county.centre, county.school)
    tell_holdings(county.school)
    new = _publish(county, tmp_path, b"two", old)
    tell_holdings(county.school)
    assert (_held(county, old), _held(county, new)) == (0, 0)
    move_files(county.centre, county.school)
    tell_holdings(county.school)
    assert (_held(county, old), _held(county, new)) == (0, 1)


def test_what_was_dropped_for_room_is_no_longer_told(county: County, tmp_path: Path) -> None:
    made = _publish(county, tmp_path, b"one")
    move_files(county.centre, county.school)
    tell_holdings(county.school)
    county.school.files.evict(0)
    tell_holdings(county.school)
    assert _held(county, made) == 0


def test_a_folder_is_told_when_every_file_of_it_is_here(county: County, tmp_path: Path) -> None:
    for name in ("a.md", "b.md"):
        (tmp_path / "disc").mkdir(exist_ok=True)
        (tmp_path / "disc" / name).write_text(name)
    made = add_folder(county.centre, tmp_path / "disc", About("Disc"), actor="admin")
    county.world.carry(county.centre, county.school, to="S1")
    move_files(county.centre, county.school)
    (there,) = list_resources(county.school)
    assert tell_holdings(county.school) == 1
    county.school.files.forget(there.content.sha256)
    assert tell_holdings(county.school) == 1
    assert _held(county, made) == 0


def test_a_school_that_only_a_stick_reaches_is_known_too(county: County, tmp_path: Path) -> None:
    made = _publish(county, tmp_path, b"one")
    export_stick(county.centre, tmp_path / "stick", "en")
    take_stick(county.school, tmp_path / "stick")
    export_stick(county.school, tmp_path / "stick", "en")
    take_stick(county.centre, tmp_path / "stick")
    assert count_holders(county.centre, [made.content])[made.content.sha256] == 1


def test_what_a_school_tells_grows_with_the_change(county: County, tmp_path: Path) -> None:
    for number in range(20):
        path = tmp_path / f"{number}.txt"
        path.write_text(str(number))
        add_file(county.centre, path, About(f"Guide {number}"), actor="admin")
    county.world.carry(county.centre, county.school, to="S1")
    move_files(county.centre, county.school)
    assert tell_holdings(county.school) == 20
    _publish(county, tmp_path, b"one more")
    move_files(county.centre, county.school)
    assert tell_holdings(county.school) == 1
    rows = county.school.query(f"SELECT length(content) FROM {HOLDING}")
    assert {row[0] for row in rows} == {16}
