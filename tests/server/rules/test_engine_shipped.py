"""Every rule of the shipped packs can be judged, whatever there is and is not."""

import pytest

from tests.server.rules.county import SHIPPED, evaluate_rows, load

PACKS = sorted(folder.name for folder in SHIPPED.iterdir() if (folder / "pack.toml").exists())
TEACHER = {"staff_no": "1", "name": "安宁", "duty": "teacher|principal", "full_time": True}


@pytest.mark.parametrize("as_of", ["2010-01-10", "2020-12-31", "2026-02-15"])
@pytest.mark.parametrize("pack_id", PACKS)
def test_no_rule_of_a_shipped_pack_is_a_fault(pack_id: str, as_of: str) -> None:
    evaluation = evaluate_rows(load(pack_id), {"person": [TEACHER]}, as_of)
    assert [(rule_id, str(fault)) for rule_id, fault in evaluation.faults] == []


@pytest.mark.parametrize("pack_id", PACKS)
def test_every_result_of_a_shipped_pack_quotes_its_clause(pack_id: str) -> None:
    evaluation = evaluate_rows(load(pack_id), {"person": [TEACHER]}, "2020-12-31")
    unquoted = [each.rule for each in evaluation.results if not each.source]
    assert unquoted == []


@pytest.mark.parametrize("pack_id", PACKS)
def test_nothing_is_settled_for_a_county_never_heard_from(pack_id: str) -> None:
    """With no word from any school a rule that asks for something can at best be open."""
    pack = load(pack_id)
    evaluation = evaluate_rows(pack, {"person": [TEACHER]}, "2026-06-30", heard={"S1": None})
    settled = [
        each.rule
        for each in evaluation.results
        if each.need is not None
        and each.need.op == "at_least"
        and each.value is not None
        and each.value.high is None
        and each.status == "fail"
    ]
    assert settled == []
