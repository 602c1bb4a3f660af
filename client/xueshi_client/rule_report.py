"""Results of rules as plain data and as lines for a person."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, Final

import msgspec

from xueshi_client.state import State
from xueshi_server.domain.packs.model import Label
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.amounts import Interval, Number, RuleError
from xueshi_server.domain.rules.results import Needed, Part, Result
from xueshi_server.domain.rules.spans import Span
from xueshi_server.store.requirements import Change

# In the order in which a clerk wants to see them.
STATUSES: Final = ("vetoed", "fail", "at_risk", "unknown", "on_track", "pass", "exempt")
_SIGNS: Final = {
    "at_least": "≥",
    "more_than": ">",
    "at_most": "≤",
    "less_than": "<",
    "equals": "=",
    "between": "",
    "about": "≈",
}
# Shown units for one unit of the value: sixtieths as class hours, fractions as per cent, fen as
# yuan.
_SCALES: Final = {"hour": Fraction(1, 60), "percent": Fraction(100), "yuan": Fraction(1, 100)}


def plain_result(result: Result, evidence: Sequence[str] | None = None) -> dict[str, Any]:
    """A result for programs: exact fractions as text, days as ISO text."""
    data: dict[str, Any] = msgspec.to_builtins(result, enc_hook=str)
    # The clause stands once with the rule.
    del data["source"]
    data["status"] = result.status
    data["outcome"].pop("status")
    if evidence is not None:
        data["evidence"] = list(evidence)
    return data


def plain_rules(pack: Pack, results: Iterable[Result]) -> dict[str, Any]:
    """What every rule with results says: its label and the clauses it rests on."""
    return {
        rule_id: {
            "label": msgspec.to_builtins(pack.rules[rule_id].label),
            "scope": pack.rules[rule_id].scope,
            "source": [
                {"id": statement, "quote": quote}
                for statement, quote in pack.quotes(pack.rules[rule_id].source)
            ],
        }
        for rule_id in dict.fromkeys(each.rule for each in results)
    }


def count_statuses(results: Iterable[Result]) -> dict[str, int]:
    """How many results have each status, in the order of STATUSES."""
    counted = Counter(each.status for each in results)
    return {status: counted[status] for status in STATUSES if counted[status]}


class Worded:
    """Words of one pack's results in the language of a run."""

    def __init__(self, state: State, pack: Pack) -> None:
        self._state = state
        self._pack = pack

    def label(self, label: Label) -> str:
        """A text of the pack."""
        return label.en if self._state.language == "en" else label.zh

    def status(self, status: str) -> str:
        """A status in words."""
        return self._state.word(f"cli.rules.status.{status}")

    def summary(self, rule_id: str, counted: dict[str, int]) -> str:
        """One rule over all its subjects."""
        parts = [f"{self.status(status)} {count}" for status, count in counted.items()]
        label = self.label(self._pack.rules[rule_id].label)
        return self._state.word(
            "cli.rules.summary", rule=rule_id, label=label, counts=", ".join(parts)
        )

    def lines(self, result: Result, evidence: Sequence[str] | None = None) -> list[str]:
        """One result with its clause."""
        word = self._state.word
        rule = self._pack.rules[result.rule]
        values = {
            "status": self.status(result.status),
            "name": result.name or result.scope or word("cli.rules.county"),
            "rule": result.rule,
            "label": self.label(rule.label),
            "window": self._window(result.span),
        }
        found = [word("cli.rules.line", **values), *self._figures(result)]
        found += [f"  {word('cli.rules.part', text=self._part(each))}" for each in result.parts]
        if result.reason:
            why = word(f"rule.reason.{result.reason}")
            found.append(f"  {word('cli.rules.reason', why=why)}")
        if result.vetoed_by:
            found.append(f"  {word('cli.rules.vetoed_by', rule=result.vetoed_by)}")
        if result.status in ("fail", "at_risk", "on_track") and rule.fill is not None:
            found.append(f"  {word('cli.rules.fill', text=self.label(rule.fill))}")
        for statement, quote in result.source:
            found.append(f"  {word('cli.rules.clause', id=statement, quote=quote)}")
        if evidence is not None:
            records = " ".join(evidence)
            found.append(f"  {word('cli.rules.evidence', count=len(evidence), records=records)}")
        return found

    def fault(self, rule_id: str, fault: RuleError) -> str:
        """Why a rule cannot be evaluated as it is declared."""
        why = self._state.word(f"rule.fault.{fault.rule_code.removeprefix('rule.')}")
        details = " ".join(f"{name}={value}" for name, value in fault.details.items())
        return self._state.word("cli.rules.fault", rule=rule_id, why=f"{why} {details}".strip())

    def change(self, change: Change) -> str:
        """One subject whose result another pack changes."""
        shown = change.after or change.before
        assert shown is not None
        return self._state.word(
            "cli.rules.change",
            rule=shown.rule,
            name=shown.name or shown.scope or self._state.word("cli.rules.county"),
            before=self._gist(change.before),
            after=self._gist(change.after),
        )

    def _gist(self, result: Result | None) -> str:
        if result is None:
            return self.status("none")
        figure = self._interval(result.value, result.unit)
        return f"{self.status(result.status)} {figure}".strip()

    def _window(self, span: Span) -> str:
        if span.open_start:
            return f"–{span.last}" if span.last.year < 9999 else ""
        return span.label or f"{span.first}–{span.last}"

    def _figures(self, result: Result) -> list[str]:
        word = self._state.word
        parts = []
        if result.value is not None:
            parts.append(word("cli.rules.value", value=self._interval(result.value, result.unit)))
        if result.need is not None and result.need.op in _SIGNS:
            parts.append(word("cli.rules.need", need=self._need(result.need, result.unit)))
        if result.missing is not None:
            parts.append(
                word("cli.rules.missing", amount=self._amount(result.missing, result.unit))
            )
        if result.pending:
            parts.append(
                word("cli.rules.pending", amount=self._amount(result.pending, result.unit))
            )
        if result.impossible_after is not None:
            parts.append(word("cli.rules.impossible_after", day=result.impossible_after))
        heard, expected = result.heard
        if heard < expected:
            parts.append(word("cli.rules.heard", heard=heard, expected=expected))
        return [f"  {'; '.join(parts)}"] if parts else []

    def _part(self, part: Part) -> str:
        label = "" if part.label is None else part.label[self._state.language == "en"]
        window = "" if part.span is None else self._window(part.span)
        name = " ".join(each for each in (label or part.rule, window) if each)
        return f"{name} {self.status(part.outcome.status)}".strip()

    def _need(self, need: Needed, unit: str) -> str:
        low = "" if need.low is None else self._interval(need.low, unit)
        if need.op == "between" and need.high is not None:
            return f"{low}–{self._interval(need.high, unit)}"
        return f"{_SIGNS[need.op]} {low}".strip()

    def _interval(self, interval: Interval | None, unit: str) -> str:
        if interval is None:
            return ""
        low, high = interval
        if low is not None and low == high:
            return self._amount(low, unit)
        if high is None:
            return "?" if low is None else f"≥ {self._amount(low, unit)}"
        return f"{'?' if low is None else self._amount(low, unit)}–{self._amount(high, unit)}"

    def _amount(self, number: Number, unit: str) -> str:
        if unit == "date":
            return _day(number)
        scale = _SCALES.get(unit, Fraction(1))
        shown = _decimal(number * scale)
        return f"{shown} {self._state.word(f'cli.rules.unit.{unit}')}" if unit else shown


def _day(number: Number) -> str:
    ordinal = int(number)
    is_day = 1 <= ordinal <= dt.date.max.toordinal()
    return dt.date.fromordinal(ordinal).isoformat() if is_day else "?"


def _decimal(number: Number) -> str:
    """At most two places, without trailing noughts; never more than there is."""
    hundredths = number * 100 // 1
    whole, rest = divmod(abs(hundredths), 100)
    text = f"{whole}.{rest:02}".rstrip("0").rstrip(".")
    return f"-{text}" if hundredths < 0 else text
