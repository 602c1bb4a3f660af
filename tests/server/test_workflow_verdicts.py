"""A step that leads to a good or a bad end gives the verdict with it, where it may be given."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from tests.server.pages import Visitor, make_visitor, plain
from tests.server.walks.shipped_county import County, make_county
from xueshi_server.domain.packs.model import RecordType, Workflow
from xueshi_server.domain.workflow import list_unjudged_ends, verdict_of
from xueshi_server.pack_files import list_shipped, read_shipped
from xueshi_server.store.packs import load_files
from xueshi_server.store.records import STEP
from xueshi_server.web import create_app
from xueshi_sync.writer import RecordKey

LABEL: Final = {"zh": "甲", "en": "A"}
FLOW: Final = msgspec.convert(
    {
        "id": "flow",
        "label": LABEL,
        "of": "award",
        "state": [
            {"id": "draft", "label": LABEL},
            {"id": "listed", "label": LABEL, "good": True},
            {"id": "granted", "label": LABEL, "good": True, "final": True},
            {"id": "refused", "label": LABEL, "final": True},
        ],
        "step": [
            {"id": to, "label": LABEL, "from": ["draft"], "to": to, "role": "bureau"}
            for to in ("draft", "listed", "granted", "refused")
        ],
    },
    Workflow,
)


@pytest.mark.parametrize(
    ("kind", "judges", "wanted"),
    [
        pytest.param("ledger", ["centre"], ["", "approve", "approve", "reject"], id="judged"),
        pytest.param("ledger", [], [""] * 4, id="counts-at-once"),
        pytest.param("register", [], [""] * 4, id="register"),
    ],
)
def test_a_good_state_approves_and_a_bad_end_rejects(
    kind: str, judges: list[str], wanted: list[str]
) -> None:
    raw = {"id": "award", "label": LABEL, "kind": kind, "judges": judges, "field": []}
    declared = msgspec.convert({**raw, "writers": ["school"]}, RecordType)
    assert [verdict_of(FLOW, declared, move) for move in FLOW.step] == wanted


def test_ends_that_give_no_verdict_are_those_taken_where_nobody_judges() -> None:
    pack = load_files(read_shipped("township-primary"), "township-primary")
    found = [(workflow.id, move.id) for workflow, move in list_unjudged_ends(pack)]
    assert found == [("yearly_assessment", "conclude")]


@pytest.mark.parametrize("pack_id", [each for each in list_shipped() if each != "base"])
def test_ends_at_the_centre_of_shipped_packs_give_a_verdict(pack_id: str) -> None:
    pack = load_files(read_shipped(pack_id), pack_id)
    assert all(
        pack.roles[move.role].tier in ("school", "person") for _, move in list_unjudged_ends(pack)
    )


class Desk:
    """The centre's browser, and contributions that the schools passed on."""

    def __init__(self, county: County) -> None:
        self.county = county
        self.person = county.enter("person", staff_no="V1", name="段素云", active=True)

    def passed_on(self, **more: Any) -> str:
        row = {"date": "2019-12-01", "name": "古诗教学课例", "what": "lesson", **more}
        record = self.county.enter(
            "contribution", person=self.person, subject="chinese", batch="第一批", **row
        )
        self.county.walk(record, ("pass_on", "2019-12-02"))
        self.county.at_centre()
        return record.name

    def visit(self) -> Visitor:
        return make_visitor(create_app(self.county.centre, testing=True), "admin")

    def key(self, name: str) -> RecordKey:
        return self.county.centre.find_record(name)

    def state(self, name: str) -> str:
        sql = "SELECT state FROM contribution WHERE scope_no = ? AND rec = ?"
        return str(self.county.centre.query(sql, self.key(name))[0]["state"])

    def steps(self, name: str) -> list[str]:
        sql = f"SELECT step FROM {STEP} WHERE record = ? ORDER BY rec"
        return [row["step"] for row in self.county.centre.query(sql, [name])]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with make_county(tmp_path, "jiyuan") as county:
        yield Desk(county)


@pytest.mark.parametrize(("step", "state"), [("list", "approved"), ("decline", "rejected")])
def test_one_act_takes_the_step_and_gives_the_verdict(desk: Desk, step: str, state: str) -> None:
    name = desk.passed_on()
    answer = desk.visit().post(f"/records/contribution/{name}/step", step=step, opinion="Seen")
    assert answer.status_code == 303, plain(answer.text)
    assert (desk.state(name), desk.steps(name)[-1]) == (state, step)
    rows = desk.county.centre.query("SELECT verdict, reason, actor FROM judgement")
    assert [row["reason"] for row in rows] == ["Seen"]


def test_the_page_says_that_a_step_approves(desk: Desk) -> None:
    page = desk.visit().get(f"/records/contribution/{desk.passed_on()}", lang="en")
    assert "Taking this step also approves the record." in plain(page.text)


def test_a_refused_step_gives_no_verdict(desk: Desk) -> None:
    name = desk.passed_on()
    visitor, path = desk.visit(), f"/records/contribution/{name}/step"
    visitor.post(path, step="list", opinion="")
    assert visitor.post(path, step="decline", opinion="No").status_code == 422
    assert desk.state(name) == "approved"


def test_who_may_take_steps_but_not_judge_gives_no_verdict(desk: Desk) -> None:
    name = desk.passed_on()
    registrar = make_visitor(create_app(desk.county.centre, testing=True), "registrar")
    answer = registrar.post(f"/records/contribution/{name}/step", step="list", opinion="")
    assert answer.status_code == 303, plain(answer.text)
    assert (desk.state(name), desk.steps(name)[-1]) == ("pending", "list")


@pytest.mark.parametrize(
    ("verdict", "state", "step"),
    [("approve", "approved", "list"), ("reject", "rejected", "decline")],
)
def test_a_verdict_on_many_takes_the_steps_that_lead_to_it(
    desk: Desk, verdict: str, state: str, step: str
) -> None:
    names = [desk.passed_on(name=f"No. {number}") for number in range(3)]
    answer = desk.visit().post(
        "/records/contribution/review", record=names, verdict=verdict, reason="Seen"
    )
    assert answer.status_code == 303, plain(answer.text)
    assert [desk.state(name) for name in names] == [state] * 3
    assert [desk.steps(name) for name in names] == [["pass_on", step]] * 3
    centre = desk.county.centre
    assert len(centre.query("SELECT 1 FROM judgement")) == 3


def test_a_verdict_on_a_record_that_is_not_so_far_takes_no_step(desk: Desk) -> None:
    record = desk.county.enter(
        "contribution", person=desk.person, date="2019-12-01", name="N", what="lesson",
        subject="chinese", batch="第一批",
    )  # fmt: skip
    desk.county.at_centre()
    desk.visit().post("/records/contribution/review", record=[record.name], verdict="approve")
    assert (desk.state(record.name), desk.steps(record.name)) == ("approved", [])
