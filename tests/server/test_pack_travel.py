"""Packs travel in the feeds: published at the centre, counting at a school that is offline."""

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path

import pytest

from tests.server.nodes import World, add_person, make_world
from tests.server.pages import make_visitor
from xueshi_server.errors import (
    NotCentreError,
    PackKindChangedError,
    PackUnreadableError,
    PackVersionTakenError,
)
from xueshi_server.node_home import open_node
from xueshi_server.pack_files import read_closure
from xueshi_server.store.packs import (
    Published,
    find_active,
    find_pack,
    level_schema,
    list_releases,
    load_release,
    publish_release,
)
from xueshi_server.web import create_app
from xueshi_server.words import word_error
from xueshi_sync.node import Node

TODAY = dt.date(2026, 3, 2)
PACK = """
[pack]
id = "valley"
version = "{version}"
label = {{ zh = "谷地", en = "Valley" }}
extends = ["base"]
valid_from = {valid_from}

[[type]]
id = "talk"
label = {{ zh = "讲座", en = "Talk" }}
kind = "ledger"
writers = ["school", "township"]
when = "date"
field = [
  {{ id = "person", type = "ref", to = "person", label = {{ zh = "教师", en = "Person" }} }},
  {{ id = "date", type = "date", label = {{ zh = "日期", en = "Date" }} }},
  {fields}
]
"""
TITLE = '{ id = "title", label = { zh = "题目", en = "Title" } },'
ROOM = '{ id = "room", label = { zh = "地点", en = "Room" } },'


def _files(
    folder: Path, version: str, fields: str = TITLE, valid_from: str = "2026-01-01"
) -> Mapping[str, bytes]:
    home = folder / f"pack-{version}"
    home.mkdir(exist_ok=True)
    text = PACK.format(version=version, fields=fields, valid_from=valid_from)
    (home / "pack.toml").write_text(text, "utf-8")
    return read_closure(home)


@pytest.fixture
def county(tmp_path: Path) -> Iterator[tuple[World, Node, Node]]:
    with make_world(tmp_path) as world:
        centre = world.make("centre", "county", "510683")
        school = world.make("school", "school", "S1")
        world.join(centre, school, "school", "S1")
        yield world, centre, school


def _publish(world: World, centre: Node, version: str, fields: str = TITLE) -> Published:
    return publish_release(centre, _files(world.folder, version, fields), "valley", activate=True)


def _take(world: World, centre: Node, school: Node) -> None:
    world.carry(centre, school, to="S1")
    level_schema(school, TODAY)


def _add_talk(node: Node, **fields: object) -> None:
    person = add_person(node)
    with node.write(actor="admin") as action:
        action.insert("talk", {"person": person.rec, "date": "2026-03-01", **fields})


def test_publishing_the_same_content_twice_adds_nothing(
    county: tuple[World, Node, Node],
) -> None:
    world, centre, _ = county
    first = _publish(world, centre, "1")
    again = _publish(world, centre, "1")
    assert first.added_files == 5
    assert first.activated
    assert (again.added_files, again.is_new, again.activated) == (0, False, False)
    assert centre.query("SELECT count(*) FROM pack_release")[0][0] == 1


def test_a_new_version_adds_only_the_files_that_changed(county: tuple[World, Node, Node]) -> None:
    world, centre, _ = county
    _publish(world, centre, "1")
    assert _publish(world, centre, "2").added_files == 1


def test_a_version_is_not_published_with_other_content(county: tuple[World, Node, Node]) -> None:
    world, centre, _ = county
    _publish(world, centre, "1")
    with pytest.raises(PackVersionTakenError):
        _publish(world, centre, "1", TITLE + ROOM)


def test_only_the_centre_publishes(county: tuple[World, Node, Node]) -> None:
    world, _, school = county
    with pytest.raises(NotCentreError):
        _publish(world, school, "1")


def test_a_bundle_brings_the_types_to_an_open_school(county: tuple[World, Node, Node]) -> None:
    world, centre, school = county
    _publish(world, centre, "1")
    _take(world, centre, school)
    _add_talk(school, title="Phonics")
    assert [row["title"] for row in school.query("SELECT title FROM talk")] == ["Phonics"]


def test_what_was_kept_before_the_types_came_is_shown_by_the_rebuild(
    county: tuple[World, Node, Node],
) -> None:
    world, centre, school = county
    _publish(world, centre, "1")
    _take(world, centre, school)
    _add_talk(school, title="Phonics")
    world.carry(school, centre, to=None)
    assert "talk" not in centre.schema.by_name
    level_schema(centre, TODAY)
    assert [row["title"] for row in centre.query("SELECT title FROM talk")] == ["Phonics"]


def test_a_school_opens_again_under_the_types_it_had(county: tuple[World, Node, Node]) -> None:
    world, centre, school = county
    _publish(world, centre, "1")
    _take(world, centre, school)
    _add_talk(school, title="Phonics")
    school.close()
    world.nodes.remove(school)
    again = open_node(school.home, context=school.context)
    world.nodes.append(again)
    assert [row["title"] for row in again.query("SELECT title FROM talk")] == ["Phonics"]
    assert again.check(deep=True).problems == []


def test_forms_that_were_open_when_a_field_went_away_still_reach_the_centre(
    county: tuple[World, Node, Node],
) -> None:
    world, centre, school = county
    _publish(world, centre, "1", TITLE + ROOM)
    _take(world, centre, school)
    level_schema(centre, TODAY)
    _add_talk(school, title="Phonics", room="2")
    _publish(world, centre, "2", TITLE)
    _take(world, centre, school)
    world.carry(school, centre, to=None)
    level_schema(centre, TODAY)
    assert "room" not in [each.id for each in find_active(school, TODAY).pack.types["talk"].field]
    assert [row["room"] for row in centre.query("SELECT room FROM talk")] == ["2"]


def test_the_newest_active_release_that_covers_the_day_counts(
    county: tuple[World, Node, Node],
) -> None:
    world, centre, _ = county
    _publish(world, centre, "1")
    later = _files(world.folder, "2", valid_from="2026-09-01")
    publish_release(centre, later, "valley", activate=True)
    assert find_active(centre, TODAY).pack.version == "1"
    assert find_active(centre, dt.date(2026, 9, 1)).pack.version == "2"
    assert find_active(centre, dt.date(2025, 9, 1)).pack.id == "base"


def test_an_old_version_can_be_made_to_count_again(county: tuple[World, Node, Node]) -> None:
    world, centre, _ = county
    _publish(world, centre, "1")
    _publish(world, centre, "2")
    assert find_active(centre, TODAY).pack.version == "2"
    assert _publish(world, centre, "1").activated
    assert find_active(centre, TODAY).pack.version == "1"


def test_a_published_version_without_activation_does_not_count(
    county: tuple[World, Node, Node],
) -> None:
    world, centre, _ = county
    publish_release(centre, _files(world.folder, "1"), "valley")
    assert find_active(centre, TODAY).pack.id == "base"
    assert find_pack(centre, "valley@1").version == "1"


def test_a_release_whose_files_are_missing_is_passed_over(
    county: tuple[World, Node, Node],
) -> None:
    world, centre, school = county
    _publish(world, centre, "1")
    _take(world, centre, school)
    release = list_releases(centre)[0]
    manifest = release.manifest + f"{'0' * 64} valley/more.toml\n"
    fields = {
        "pack": "valley",
        "version": "9",
        "digest": hashlib.sha256(manifest.encode()).hexdigest(),
        "manifest": manifest,
        "valid_from": "2026-01-01",
        "turn": 9,
    }
    with centre.write(actor="admin") as action:
        action.insert("pack_release", fields, scope_no=release.key.scope_no)
    _take(world, centre, school)
    active = find_active(school, TODAY)
    assert active.pack.version == "1"
    assert [each.version for each in active.skipped] == ["9"]


def test_a_manifest_that_is_not_what_was_published_is_refused(
    county: tuple[World, Node, Node],
) -> None:
    world, centre, _ = county
    _publish(world, centre, "1")
    release = list_releases(centre)[0]
    with centre.write(actor="admin") as action:
        action.set("pack_release", release.key, {"manifest": "", "digest": "0" * 64})
    with pytest.raises(PackUnreadableError):
        load_release(centre, list_releases(centre)[0])


def test_what_a_school_writes_into_the_public_scope_is_no_release(
    county: tuple[World, Node, Node],
) -> None:
    world, centre, school = county
    release = _publish(world, centre, "1").release
    scope_no = school.replica.home_scope_no
    with school.write(actor="admin") as action:
        action.insert(
            "pack_release",
            {"pack": "valley", "version": "2", "digest": release.digest, "turn": 99},
            scope_no=scope_no,
        )
    assert [each for each in list_releases(school) if each.version == "2"] == []


def test_a_file_taken_in_on_the_page_lets_its_pack_count_at_once(
    county: tuple[World, Node, Node],
) -> None:
    world, centre, school = county
    _publish(world, centre, "1")
    bundle = world.folder / "by-page.xueshi"
    centre.pack(bundle, to="S1")
    visitor = make_visitor(create_app(school), "admin")
    visitor.post("/sync-state/take", bundle=(BytesIO(bundle.read_bytes()), "a.xueshi"))
    assert "talk" in school.schema.by_name


def test_a_release_that_this_program_does_not_understand_is_passed_over(
    county: tuple[World, Node, Node],
) -> None:
    world, centre, school = county
    _publish(world, centre, "1")
    data = b'[pack]\nid = "valley"\nversion = "2"\nfrom_the_future = 1\n'
    manifest = f"{hashlib.sha256(data).hexdigest()} valley/pack.toml\n"
    digest = hashlib.sha256(manifest.encode()).hexdigest()
    scope_no = list_releases(centre)[0].key.scope_no
    fields = {"pack": "valley", "version": "2", "digest": digest, "manifest": manifest}
    with centre.write(actor="admin") as action:
        content = {"digest": hashlib.sha256(data).hexdigest(), "data": data}
        action.insert("pack_file", content, scope_no=scope_no)
        action.insert("pack_release", {**fields, "turn": 9}, scope_no=scope_no)
    _take(world, centre, school)
    for _ in range(2):
        active = find_active(school, TODAY)
        assert active.pack.version == "1"
        assert [each.version for each in active.skipped] == ["2"]


def _as_register(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {name: data.replace(b'"ledger"\nwriters', b'"register"\nwriters')
            for name, data in files.items()}  # fmt: skip


def test_a_pack_that_turns_a_ledger_into_a_register_is_refused_with_a_cure(
    county: tuple[World, Node, Node], tmp_path: Path
) -> None:
    _, centre, _ = county
    publish_release(centre, _files(tmp_path, "1"), "valley", activate=True)
    with pytest.raises(PackKindChangedError) as refused:
        publish_release(centre, _as_register(_files(tmp_path, "2")), "valley")
    error = refused.value
    assert (error.fields["type"], error.fields["was"], error.fields["now"]) == (
        "talk", "ledger", "register",
    )  # fmt: skip
    for language, cure in (("zh", 'kind = "ledger"'), ("en", "another id (talk_2)")):
        assert cure in word_error(error.code, language, error.fields)
    assert [each.version for each in list_releases(centre)] == ["1"]


def test_a_kind_that_never_counted_may_still_be_changed(
    county: tuple[World, Node, Node], tmp_path: Path
) -> None:
    _, centre, _ = county
    publish_release(centre, _files(tmp_path, "1"), "valley")
    publish_release(centre, _as_register(_files(tmp_path, "2")), "valley", activate=True)
    assert find_active(centre, TODAY).pack.types["talk"].kind == "register"
