"""Judges the rules of a pack on a day without facts: what the engine cannot do with them shows."""

import datetime as dt

from xueshi_server.domain.packs.pack import Fault, Pack
from xueshi_server.domain.rules.evaluate import evaluate
from xueshi_server.domain.rules.facts import Heard
from xueshi_server.domain.rules.row_facts import RowFacts

# A parameter the county leaves empty on purpose is no fault of the pack.
_ON_PURPOSE = "rule.parameter_not_set"


def try_rules(pack: Pack) -> list[Fault]:
    """The rules that cannot be judged as they are declared, on the first day of the pack."""
    day = pack.about.valid_from + dt.timedelta(days=1)
    tried = evaluate(pack, RowFacts({}, Heard()), day)
    return [
        Fault(
            "rule_not_judged",
            ("rule", rule_id),
            {"id": rule_id, "why": str(error)},
            pack.origins[f"rule:{rule_id}"],
        )
        for rule_id, error in tried.faults
        if error.rule_code != _ON_PURPOSE
    ]
