"""The session page under every shipped pack, and under one that knows no sessions."""

import re
from pathlib import Path
from typing import Any, Final

import pytest

from tests.server.nodes import add_person
from tests.server.pages import Visitor, make_visitor
from tests.server.walks.shipped_county import County, make_county
from xueshi_server.pack_files import list_shipped, read_shipped
from xueshi_server.web import create_app
from xueshi_sync.node import Node

DAY: Final = "2026-02-26"


def visit(county: County) -> tuple[Visitor, list[int]]:
    """Somebody at the school, and the roster."""
    people = [add_person(county.school, f"T{n}", f"Teacher {n}").rec for n in range(3)]
    return make_visitor(create_app(county.school, testing=True), "admin"), people


def fields_of(county: County, people: list[int]) -> dict[str, Any]:
    """A form with the first value of every field that has codes."""
    hour = county.pack.types["hour"]
    coded = {
        each.id: county.pack.codes[each.codes].value[0].id
        for each in hour.field
        if each.codes and each.required
    }
    known = {"entry_id": "a" * 32, "title": "Teaching writing", "date": DAY, "minutes": "2"}
    return {**coded, **known, "session_starts": "14:00", "person": [str(rec) for rec in people]}


def hours(node: Node) -> list[tuple[int, int]]:
    rows = node.query("SELECT person, minutes FROM hour ORDER BY rec")
    return [(row["person"], row["minutes"]) for row in rows]


@pytest.mark.parametrize("pack_id", list_shipped())
def test_a_session_is_recorded_under_every_shipped_pack(tmp_path: Path, pack_id: str) -> None:
    with make_county(tmp_path, pack_id) as county:
        visitor, people = visit(county)
        assert visitor.get("/session/").status_code == 200
        sent = visitor.post("/session/", **fields_of(county, people))
        if sent.status_code == 409:
            seen = re.search(r'name="seen" value="([^"]+)"', sent.text)
            assert seen is not None
            sent = visitor.post("/session/", **fields_of(county, people), seen=seen[1])
        assert sent.status_code == 303
        assert visitor.get(sent.headers["Location"]).status_code == 200
        assert hours(county.school) == [(rec, 120) for rec in people]
        assert len(county.school.query("SELECT * FROM session")) == 1
        assert "Teaching writing" in visitor.text("/session/")


def older_files() -> dict[str, bytes]:
    """A release from before there were sessions."""
    files = dict(read_shipped("mianzhu"))
    name = next(each for each in files if each.endswith("base/types.toml"))
    text = files[name].decode()
    start = text.index('[[type]]\nid = "session"')
    files[name] = (text[:start] + text[text.index("[[type]]", start + 8) :]).encode()
    return files


def test_a_pack_from_before_has_hours_without_sessions(tmp_path: Path) -> None:
    with make_county(tmp_path, "mianzhu", older_files()) as county:
        assert "session" not in county.pack.types
        visitor, people = visit(county)
        page = visitor.get("/session/")
        assert page.status_code == 200
        assert "session_starts" not in page.text
        sent = visitor.post("/session/", **fields_of(county, people))
        assert sent.status_code == 303
        assert hours(county.school) == [(rec, 120) for rec in people]
        assert visitor.get(sent.headers["Location"]).status_code == 200
        assert "Teaching writing" in visitor.text("/session/")
        assert visitor.get("/session/claims/").status_code == 200
