"""The 71 statements that a machine can judge: rules carry each, and tables try every rule with a
subject that passes, one that does not, and one on the border."""

from collections.abc import Iterable, Sequence
from typing import Final

import pytest

from tests.server.rules import (
    test_chongqing_rules_assessment,
    test_chongqing_rules_backbone,
    test_chongqing_rules_class,
    test_jiyuan_rules,
    test_mianzhu_rules,
    test_qinggang_rules,
    test_township_rules,
)
from tests.server.rules.county import load
from tests.server.rules.plain_cases import Tried, untried

CASES: Final[dict[str, Sequence[Tried]]] = {
    "township-primary": test_township_rules.CASES,
    "mianzhu": test_mianzhu_rules.CASES,
    "chongqing": [
        *test_chongqing_rules_backbone.TRAINING,
        *test_chongqing_rules_backbone.GUIDANCE,
        *test_chongqing_rules_backbone.DUTIES,
        *test_chongqing_rules_assessment.ASSESSMENT,
        *test_chongqing_rules_assessment.STREAK,
        *test_chongqing_rules_assessment.NEXT_CYCLE,
        *test_chongqing_rules_assessment.REVOCATION,
        *test_chongqing_rules_assessment.MONEY,
        *test_chongqing_rules_class.PLAN,
        *test_chongqing_rules_class.OPERATION,
        *test_chongqing_rules_class.ATTENDANCE,
    ],
    "jiyuan": test_jiyuan_rules.ALL,
    "qinggang": test_qinggang_rules.ALL,
}
# Formulas of a budget count as rules: 5 % of running costs, 1.5 to 2.5 % of salaries, 5 % again.
FORMULAS: Final = {"S0.31", "S3.43", "S3.44"}


def rows_of(pack_id: str) -> list[str]:
    """The statements of a pack that a rule has to carry."""
    statements = load(pack_id).statements.values()
    return [each.id for each in statements if each.cls == "R" or each.id in FORMULAS]


def test_there_are_71_rows() -> None:
    assert sum(len(rows_of(pack_id)) for pack_id in CASES) == 71


def test_every_rule_of_chongqing_is_tried_three_times() -> None:
    assert untried("chongqing", CASES["chongqing"]) == []


@pytest.mark.parametrize("pack_id", CASES)
def test_every_row_is_tried_three_times(pack_id: str) -> None:
    rules = load(pack_id).rules.values()
    carried = {row: [each.id for each in rules if row in each.source] for row in rows_of(pack_id)}
    short = {
        row: sorted(statuses(pack_id, by))
        for row, by in carried.items()
        if "pass" not in statuses(pack_id, by) or len(statuses(pack_id, by)) < 3
    }
    assert short == {}


def statuses(pack_id: str, rules: Iterable[str]) -> list[str]:
    """What the cases of some rules expect."""
    wanted = set(rules)
    return [case.status for case in CASES[pack_id] if case.rule in wanted]
