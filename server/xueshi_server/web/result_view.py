"""Results of rules in words: figures in their unit, windows, members, clauses."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from xueshi_server.domain.fields import word_label
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.amounts import Number
from xueshi_server.domain.rules.results import Part, Result
from xueshi_server.domain.rules.spans import Span
from xueshi_server.domain.showing import show_interval, show_need, show_number
from xueshi_server.words import word

# What somebody has to look at first.
STATUSES: Final = ("vetoed", "fail", "at_risk", "unknown", "on_track", "pass", "exempt")
# Units that a figure carries itself or that a date needs not.
_SELF_SAID: Final = ("", "percent", "date")
_FAR_YEAR: Final = 9999


@dataclass(frozen=True, slots=True)
class ShownPart:
    """A member of a result."""

    label: str
    status: str
    value: str


@dataclass(frozen=True, slots=True)
class ShownResult:
    """One result as the page says it; empty texts are left out."""

    rule: str
    label: str
    about: str
    status: str
    severity: str
    window: str
    value: str
    need: str
    missing: str
    pending: str
    until: str
    impossible_after: str
    fill: str
    reason: str
    vetoed_by: str
    heard: str
    version: str
    # A need that nobody should meet: meeting it is the veto.
    is_veto: bool
    clauses: tuple[tuple[str, str], ...]
    parts: tuple[ShownPart, ...]
    number: int


def show_results(pack: Pack, results: Iterable[Result], language: str) -> list[ShownResult]:
    """Results in words, the worst first; `number` is the place among those of its rule."""
    counted: dict[str, int] = {}
    shown = []
    for each in results:
        number = counted[each.rule] = counted.get(each.rule, -1) + 1
        shown.append(_show(pack, each, language, number))
    order = {status: place for place, status in enumerate(STATUSES)}
    return sorted(shown, key=lambda each: order.get(each.status, len(order)))


def _show(pack: Pack, result: Result, language: str, number: int) -> ShownResult:
    rule = pack.rules[result.rule]
    unit = result.unit
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
        _window(result.span),
        _amount(show_interval(result.value, unit) if result.value else "", unit, language),
        _amount(show_need(result.need, unit) if result.need else "", unit, language),
        "" if rule.veto is not None else _number(result.missing, unit, language),
        _number(result.pending or None, unit, language),
        "" if result.span.last.year >= _FAR_YEAR else result.span.last.isoformat(),
        result.impossible_after.isoformat() if result.impossible_after else "",
        word_label(rule.fill, language) if rule.fill is not None and behind else "",
        word(f"result.reason.{result.reason}", language) if result.reason else "",
        word_label(veto.label, language) if veto else "",
        word("requirements.heard", language, heard=heard, expected=expected)
        if heard < expected else "",
        result.version,
        rule.veto is not None,
        result.source,
        tuple(_part(pack, each, language) for each in result.parts),
        number,
    )  # fmt: skip


def _amount(text: str, unit: str, language: str) -> str:
    if not text or unit in _SELF_SAID:
        return text
    return f"{text} {word(f'result.unit.{unit}', language)}"


def _number(value: Number | None, unit: str, language: str) -> str:
    if value is None:
        return ""
    # How far from a day is counted in days.
    shown_in = "day" if unit == "date" else unit
    return _amount(show_number(value, shown_in), shown_in, language)


def _window(span: Span) -> str:
    if span.open_start:
        return ""
    return span.label or f"{span.first.isoformat()} – {span.last.isoformat()}"


def _part(pack: Pack, part: Part, language: str) -> ShownPart:
    known = pack.rules.get(part.rule)
    label = part.label[language == "en"] if part.label else ""
    if not label and known is not None:
        label = word_label(known.label, language)
    window = _window(part.span) if part.span is not None else ""
    unit = known.unit if known is not None else ""
    value = show_interval(part.outcome.value, unit) if part.outcome.value and known else ""
    return ShownPart(
        " ".join(text for text in (label, window) if text),
        part.outcome.status,
        _amount(value, unit, language),
    )
