"""A verdict is about what the reviewer saw: what changed meanwhile is refused, and shown."""

import pytest
from flask import Flask

from tests.server.conftest import County
from tests.server.nodes import add_hour, add_person
from tests.server.pages import Visitor, make_visitor, plain
from xueshi_server.record_types import BASE_PACK
from xueshi_server.store.versions import read_mark
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

HOUR = BASE_PACK.types["hour"]


@pytest.fixture
def claim(county: County) -> RecordKey:
    """An hour of 84 h that waits at the county."""
    key = add_hour(county.school, add_person(county.school), title="Study", minutes=84 * 60)
    county.carry_both_ways()
    return key


def hours_of(node: Node) -> list[tuple[str, int, str]]:
    rows = node.query("SELECT title, minutes, state FROM hour ORDER BY rec")
    return [(row["title"], row["minutes"], row["state"]) for row in rows]


def _correct(county: County, claim: RecordKey) -> str:
    person = RecordKey(*county.school.query("SELECT scope_no, rec FROM person")[0])
    key = add_hour(
        county.school, person, title="Study", minutes=78 * 60, note="Two days fell out",
        corrects=claim.rec,
    )  # fmt: skip
    county.carry_both_ways()
    return county.school.public_id(key)


def _seen(county: County, name: str) -> str:
    return f"{name}:{read_mark(county.centre, HOUR, county.centre.find_record(name))}"


def test_an_approval_of_what_changed_meanwhile_is_refused_with_both_versions(
    county: County, officer: Visitor, claim: RecordKey
) -> None:
    name = county.school.public_id(claim)
    seen = _seen(county, name)
    assert seen in officer.get("/review/").text
    _correct(county, claim)
    response = officer.post("/review/", record=[name], seen=[seen], verdict="approve")
    assert response.status_code == 409
    assert "84 → 78 · because: Two days fell out" in " ".join(plain(response.text).split())
    assert {state for _, _, state in hours_of(county.centre)} == {"pending"}


def test_a_second_look_at_the_new_page_may_approve(
    county: County, officer: Visitor, claim: RecordKey
) -> None:
    name = county.school.public_id(claim)
    newer = _correct(county, claim)
    response = officer.post(
        "/review/", record=[newer], seen=[_seen(county, name), _seen(county, newer)],
        verdict="approve",
    )  # fmt: skip
    assert response.status_code == 303
    assert sorted(state for _, _, state in hours_of(county.centre)) == ["approved", "void"]


def test_a_verdict_of_somebody_else_makes_the_page_old(
    county: County, officer: Visitor, claim: RecordKey
) -> None:
    name = county.school.public_id(claim)
    seen = _seen(county, name)
    with county.centre.write(actor="other") as action:
        action.judge("hour", county.centre.find_record(name), "reject", reason="No list")
    given = {"record": [name], "seen": [seen], "verdict": "approve"}
    assert officer.post("/review/", **given).status_code == 409
    assert officer.post("/records/hour/review", **given).status_code == 409
    on_page = officer.post("/review/", **given, **{"from": "record"})
    assert "changed after you opened" in plain(on_page.text)


def test_the_record_and_the_queue_show_both_versions(
    app: Flask, county: County, officer: Visitor, claim: RecordKey
) -> None:
    newer = _correct(county, claim)
    for page in ("/review/", f"/hours/{newer}", f"/records/hour/{newer}", "/records/hour/review"):
        assert "84 → 78" in " ".join(plain(officer.text(page)).split()), page
    at_school = make_visitor(app, "viewer").text(f"/hours/{county.school.public_id(claim)}")
    assert "Two days fell out" in at_school


@pytest.mark.parametrize("page", ["/review/", "/records/hour/review"])
def test_a_verdict_on_a_record_that_is_not_here_writes_nothing(
    county: County, officer: Visitor, page: str
) -> None:
    assert officer.post(page, record=["~1.77.3"], verdict="approve").status_code == 404
    county.carry_both_ways()
    assert county.centre.query("SELECT * FROM judgement") == []
