"""What a centre does not prove is not believed, and what a program does not know is not lost."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from tests.process.nodes import (
    SCHEMA,
    context_of,
    exchange,
    level,
    make_centre,
    make_county,
    open_at,
    save_form,
    scratch,
)
from xueshi_sync.errors import BadSignatureError
from xueshi_sync.exchange import answer_request, make_request, take_response
from xueshi_sync.frame import sign_receipt
from xueshi_sync.node import Node
from xueshi_sync.schema import Field
from xueshi_sync.writer import RecordKey


@pytest.fixture
def folder() -> Iterator[Path]:
    with scratch() as path:
        yield path


def test_a_centre_that_signs_for_nothing_has_received_nothing(folder: Path) -> None:
    """It takes the block and says that it has it; without a receipt the school shows it waiting."""
    centre, school = make_county(folder)
    with centre, school:
        save_form(school, "form")
        school.publish_barrier()
        request = make_request(school.replica)
        answer = answer_request(centre.replica, request, carrier="http")
        silent = replace(answer, header=msgspec.structs.replace(answer.header, receipts=[]))
        take_response(school.replica, request, silent)
        # The block that opens the feed, and the form's.
        assert school.status()["unsent_blocks"] == 2
        assert make_request(school.replica).header.wants
        exchange(school, centre)
        assert school.status()["unsent_blocks"] == 0


def test_another_centre_cannot_sign_for_ours(folder: Path) -> None:
    centre, school = make_county(folder)
    with centre, school, make_centre(folder / "other") as other:
        save_form(school, "form")
        school.publish_barrier()
        request = make_request(school.replica)
        answer = answer_request(centre.replica, request, carrier="http")
        signer = other.replica
        forged = [
            sign_receipt(signer.suite, signer.seed, school.replica.net, each)
            for each in answer.header.receipts
        ]
        header = msgspec.structs.replace(answer.header, receipts=forged)
        with pytest.raises(BadSignatureError):
            take_response(school.replica, request, replace(answer, header=header))
        assert school.status()["unsent_blocks"] == 2


def _newer(folder: Path) -> Node:
    """Open the school with a program that knows one more field of a person."""
    person, *others = SCHEMA.tables
    fields = (*person.fields, Field("school_year"))
    schema = replace(SCHEMA, version=2, tables=(replace(person, fields=fields), *others))
    return Node.open(folder / "home", schema=schema, context=context_of(folder / "state", "S1"))


def test_an_old_program_that_edits_a_record_keeps_the_fields_it_does_not_know(
    folder: Path,
) -> None:
    centre, school = make_county(folder)
    school.close()
    with centre:
        with _newer(folder / "S1") as newer:
            with newer.write(actor="registrar") as action:
                row = {"staff_no": "1", "name": "王英", "active": True, "school_year": "2026"}
                key = action.insert("person", row)
            level(newer, centre)
            name = newer.public_id(key)
        with open_at(folder / "S1", "S1") as older:
            with older.write(actor="registrar") as action:
                action.set("person", RecordKey(*older.find_record(name)), {"name": "王瑛"})
            level(older, centre)
        with _newer(folder / "S1") as newer:
            shown = newer.query("SELECT name, school_year, conflicts FROM person")
            assert [tuple(row) for row in shown] == [("王瑛", "2026", 0)]
