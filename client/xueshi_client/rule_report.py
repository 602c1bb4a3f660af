"""Results of rules as plain data and as lines for a person."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from xueshi_client.state import State
from xueshi_server.domain.packs.model import Label
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.amounts import RuleError
from xueshi_server.domain.rules.results import Part, Result
from xueshi_server.domain.rules.spans import Span
from xueshi_server.result_words import Figures, ResultWords
from xueshi_server.store.requirements import Change

# In the order in which a clerk wants to see them.
STATUSES: Final = (
    "vetoed", "fail", "at_risk", "unknown", "on_track", "pass", "exempt", "not_set",
)  # fmt: skip


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
        self._words = ResultWords(pack, state.language)

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
        # A veto that does not strike is no requirement that is met.
        is_clear = rule.veto is not None and result.status == "pass"
        values = {
            "status": self.status("clear" if is_clear else result.status),
            "name": self._words.name(result) or result.scope or word("cli.rules.county"),
            "rule": result.rule,
            "label": self.label(rule.label),
            "window": self._window(result.span),
        }
        found = [word("cli.rules.line", **values), *self._figures(result)]
        found += [
            f"  {word('cli.rules.part', text=self._part(result.rule, each))}"
            for each in result.parts
        ]
        if result.reason:
            why = self._words.figures(result).reason
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

    def change(self, change: Change, other: "Worded") -> str:
        """One subject whose result another pack changes, each side in the words of its pack."""
        shown = change.after or change.before
        assert shown is not None
        return self._state.word(
            "cli.rules.change",
            rule=shown.rule,
            name=self._words.name(shown) or shown.scope or self._state.word("cli.rules.county"),
            before=self._gist(change.before),
            after=other._gist(change.after),
        )

    def _gist(self, result: Result | None) -> str:
        if result is None:
            return self.status("none")
        return f"{self.status(result.status)} {self._words.figures(result).value}".strip()

    def _window(self, span: Span) -> str:
        if span.open_start:
            return f"–{span.last}" if span.last.year < 9999 else ""
        return self._words.window(span)

    def _figures(self, result: Result) -> list[str]:
        word = self._state.word
        parts = self._say(self._words.figures(result))
        if result.impossible_after is not None:
            parts.append(word("cli.rules.impossible_after", day=result.impossible_after))
        heard, expected = result.heard
        if heard < expected:
            parts.append(word("cli.rules.heard", heard=heard, expected=expected))
        return [f"  {word('cli.rules.joint').join(parts)}"] if parts else []

    def _say(self, figures: Figures) -> list[str]:
        """What is there, asked, missing, waiting."""
        said = [
            (figures.value_word, figures.value),
            (figures.need_word, figures.need),
            (figures.missing_word, figures.missing),
            ("pending", figures.pending),
        ]
        return [
            self._state.word(f"cli.rules.{key}", **{key: text, "amount": text})
            for key, text in said
            if text
        ]

    def _part(self, rule_id: str, part: Part) -> str:
        window = "" if part.span is None else self._window(part.span)
        label = self._words.part_label(part) or part.rule
        name = " ".join(each for each in (label, window) if each)
        figures = self._words.part(rule_id, part)
        said = self._say(figures) + ([figures.reason] if figures.reason else [])
        text = self._state.word("cli.rules.joint").join(said)
        return self._state.word(
            "cli.rules.member",
            status=self.status(part.outcome.status),
            name=name,
            said=self._state.word("cli.rules.colon") + text if text else "",
        )
