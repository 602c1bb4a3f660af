"""A node written from PROTOCOL.md alone works with a real centre: it enrols, sends, is reviewed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from tests.sync.craft import SCHEMA, seed_of
from tests.sync.independent import carrier, decoder
from tests.sync.independent.msgpack import Value
from tests.sync.independent.school import School
from xueshi_sync.context import Context
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

PERSON: Final[dict[str, Value]] = {"staff_no": "T1", "name": "王英"}


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Node]:
    """A county's centre on disk."""
    context = Context(tmp_path / "state", fingerprint=lambda: ["board", "disk", "id", "card"])
    node = Node.create(
        tmp_path / "centre", role="centre", name="绵竹", code="510683", schema=SCHEMA,
        context=context,
    )  # fmt: skip
    yield node
    node.close()


@pytest.fixture
def school(centre: Node) -> School:
    """An invited school that has entered one person and one hour."""
    ticket = carrier.read_ticket(centre.invite("S1", "汉旺小学"))
    made = School(ticket, seed_of("second implementation"))
    made.open()
    made.insert("person", PERSON)
    made.insert("hour", {"date": 19_782, "title": "集中培训", "minutes": 90})
    return made


def exchange(school: School, centre: Node) -> dict[str, Value]:
    """One request and its answer."""
    envelope, key, _ = school.request(seed_of(f"ephemeral {school.counter}"))
    assert centre.admit(envelope) > 0
    return school.answer(key, centre.answer(envelope))


def test_its_first_request_enrols_it_and_delivers_its_records(school: School, centre: Node) -> None:
    answer = exchange(school, centre)
    assert (answer["refused"], answer["results"]) == ("", [])
    rows = centre.query("SELECT name, staff_no FROM person")
    assert [tuple(row) for row in rows] == [("王英", "T1")]
    rows = centre.query("SELECT date, title, minutes, state FROM hour")
    assert [tuple(row) for row in rows] == [("2024-02-29", "集中培训", 90, "pending")]


def test_it_gets_a_receipt_for_its_newest_block(school: School, centre: Node) -> None:
    exchange(school, centre)
    assert [each["block"] for each in school.receipts] == list(school.heads()[school.feed])


def test_it_reads_what_the_centre_wrote_about_it(school: School, centre: Node) -> None:
    exchange(school, centre)
    theirs = [block for block in school.blocks.values() if block.feed != school.feed]
    ops = [op for block in theirs if block.kind == 0 for op in decoder.read_ops(block)]
    named = [op.values for op in ops if op.table == "_node"]
    assert [(each["node"], each["key"], each["tier"]) for each in named] == [
        (school.ticket.node, school.key, "school")
    ]


def test_the_second_exchange_moves_nothing(school: School, centre: Node) -> None:
    exchange(school, centre)
    blocks = dict(school.blocks)
    answer = exchange(school, centre)
    _, _, root = school.request(bytes(32))
    assert school.missing() == []
    assert (answer["root"], answer["heads"], school.blocks) == (root, b"", blocks)


def test_a_review_comes_back_to_it(school: School, centre: Node) -> None:
    exchange(school, centre)
    row = centre.query("SELECT scope_no, rec FROM hour")[0]
    with centre.write("officer") as action:
        action.judge("hour", RecordKey(row["scope_no"], row["rec"]), "approve", reason="ok")
    exchange(school, centre)
    verdicts = [
        op.values
        for block in school.blocks.values()
        if block.kind == 0
        for op in decoder.read_ops(block)
        if op.kind == 4
    ]
    assert verdicts == [{"_judged": "approve", "_reason": "ok"}]


def test_its_concurrent_edit_is_kept_beside_the_centre_s(school: School, centre: Node) -> None:
    exchange(school, centre)
    row = centre.query("SELECT scope_no, rec FROM person")[0]
    with centre.write("officer") as action:
        action.set("person", RecordKey(row["scope_no"], row["rec"]), {"name": "王莹"})
    rec = next(
        op.dot
        for block in school.blocks.values()
        if block.kind == 0
        for op in decoder.read_ops(block)
        if op.table == "person"
    )
    school.edit("person", rec, "name", "王瑛")
    exchange(school, centre)
    (conflict,) = centre.conflicts()
    assert conflict.shown.value == "王莹"
    assert [each.value for each in conflict.others] == ["王瑛"]


def test_without_the_secret_of_its_invitation_it_stays_a_stranger(
    school: School, centre: Node
) -> None:
    thief = School(replace(school.ticket, secret=bytes(16)), seed_of("thief"))
    thief.open()
    answer = exchange(thief, centre)
    assert answer["refused"] == "unknown_node"
    assert centre.query("SELECT count(*) FROM _node")[0][0] == 0
