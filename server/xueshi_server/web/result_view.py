"""Results of rules in words: figures in their unit, windows, members, clauses."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from xueshi_server.domain.fields import word_label
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.results import Part, Result
from xueshi_server.domain.rules.spans import Span
from xueshi_server.result_words import Figures, ResultWords
from xueshi_server.words import word

# What somebody has to look at first.
STATUSES: Final = (
    "vetoed", "fail", "at_risk", "unknown", "on_track", "pass", "exempt", "not_set",
)  # fmt: skip
_FAR_YEAR: Final = 9999


@dataclass(frozen=True, slots=True)
class ShownPart:
    """A member of a result."""

    label: str
    status: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class ShownResult:
    """One result as the page says it; empty texts are left out."""

    rule: str
    label: str
    about: str
    status: str
    severity: str
    window: str
    figures: Figures
    until: str
    impossible_after: str
    fill: str
    vetoed_by: str
    heard: str
    version: str
    clauses: tuple[tuple[str, str], ...]
    parts: tuple[ShownPart, ...]
    number: int


def show_results(pack: Pack, results: Iterable[Result], language: str) -> list[ShownResult]:
    """Results in words, the worst first; `number` is the place among those of its rule."""
    words = ResultWords(pack, language)
    counted: dict[str, int] = {}
    shown = []
    for each in results:
        number = counted[each.rule] = counted.get(each.rule, -1) + 1
        shown.append(_show(words, each, number))
    order = {status: place for place, status in enumerate(STATUSES)}
    return sorted(shown, key=lambda each: order.get(each.status, len(order)))


def _show(words: ResultWords, result: Result, number: int) -> ShownResult:
    pack, language = words.pack, words.language
    rule = pack.rules[result.rule]
    behind = result.status in ("fail", "at_risk", "on_track")
    heard, expected = result.heard
    veto = pack.rules.get(result.vetoed_by)
    known = pack.subjects.get(result.kind)
    return ShownResult(
        result.rule,
        word_label(rule.label, language),
        " ".join(
            text for text in (word_label(known.label, language) if known else "", result.name)
            if text
        ),
        result.status,
        result.severity,
        show_window(result.span),
        words.figures(result),
        "" if result.span.last.year >= _FAR_YEAR else result.span.last.isoformat(),
        result.impossible_after.isoformat() if result.impossible_after else "",
        word_label(rule.fill, language) if rule.fill is not None and behind else "",
        word_label(veto.label, language) if veto else "",
        word("requirements.heard", language, heard=heard, expected=expected)
        if heard < expected else "",
        result.version,
        result.source,
        tuple(_part(words, result.rule, each) for each in result.parts),
        number,
    )  # fmt: skip


def show_window(span: Span) -> str:
    """The time that is judged; empty where it is everything until now."""
    if span.open_start:
        return ""
    return span.label or f"{span.first.isoformat()} – {span.last.isoformat()}"


def _part(words: ResultWords, rule_id: str, part: Part) -> ShownPart:
    window = show_window(part.span) if part.span is not None else ""
    label = " ".join(text for text in (words.part_label(part), window) if text)
    return ShownPart(label, part.outcome.status, words.part(rule_id, part))
