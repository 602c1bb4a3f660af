"""Whatever the engine says of a rule by code has its words."""

import re
from pathlib import Path

import xueshi_server
from xueshi_server.words import word

ENGINE = Path(xueshi_server.__file__).parent / "domain" / "rules"
SOURCE = "".join(path.read_text("utf-8") for path in ENGINE.glob("*.py"))


def test_every_reason_has_its_words() -> None:
    reasons = set(re.findall(r'reason="([a-z_]+)"', SOURCE))
    assert reasons
    assert [
        each for each in sorted(reasons) if word(key := f"result.reason.{each}", "zh") == key
    ] == []


def test_every_fault_of_a_rule_has_its_words() -> None:
    faults = set(re.findall(r'(?:RuleError|NotSetError)\(\s*"rule\.([a-z_]+)"', SOURCE))
    faults |= set(re.findall(r'"rule\.((?:no|many)_links?)"', SOURCE))
    assert faults
    assert [each for each in sorted(faults) if word(key := f"rule.fault.{each}", "zh") == key] == []
