"""What is generated from the packs is fresh, and no statement of the documents is lost."""

from typing import Final

import pytest

from tests.server.packs.documents import (
    COVERAGE,
    SCHEMA,
    make_coverage,
    make_schema,
    shipped_packs,
    traced,
)
from xueshi_server.domain.packs.checking import check_pack
from xueshi_server.domain.packs.pack import KINDS, Pack

DOCUMENTS: Final = {"S0": 50, "S1": 35, "S2": 78, "S3": 51, "S4": 56}
# Budgets that are formulas and so have to be judged like rules.
FORMULAS: Final = frozenset({"S0.31", "S3.43", "S3.44"})


def test_the_schema_is_fresh() -> None:
    assert SCHEMA.read_text("utf-8") == make_schema()


def test_the_coverage_is_fresh() -> None:
    assert COVERAGE.read_text("utf-8") == make_coverage()


def test_the_schema_knows_every_table() -> None:
    text = make_schema()
    assert [kind for kind in KINDS if f'"{kind}": {{' not in text] == []


@pytest.mark.parametrize(("document", "count"), DOCUMENTS.items(), ids=DOCUMENTS)
def test_every_statement_is_inventoried(document: str, count: int) -> None:
    ids = {each.statement.id for each in traced()}
    assert {f"{document}.{number}" for number in range(1, count + 1)} - ids == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_no_statement_is_unexplained(document: str) -> None:
    rows = [each for each in traced() if each.statement.id.startswith(f"{document}.")]
    assert [each.statement.id for each in rows if not each.explained] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_rule_of_the_documents_is_a_rule_here(document: str) -> None:
    wanted = [
        each
        for each in traced()
        if each.statement.id.startswith(f"{document}.")
        and (each.statement.cls == "R" or each.statement.id in FORMULAS)
    ]
    assert wanted
    lost = [each for each in wanted if not any(name[:5] == "rule " for name in each.carried_by)]
    assert [each.statement.id for each in lost] == []


def test_there_are_seventy_one_rules_in_the_documents() -> None:
    rules = [each for each in traced() if each.statement.cls == "R"]
    assert len({each.statement.id for each in rules} | FORMULAS) == 71


@pytest.mark.parametrize("pack", shipped_packs(), ids=lambda pack: pack.id)
def test_a_shipped_pack_is_sound(pack: Pack) -> None:
    assert check_pack(pack) == []
