"""Results of rules in words: figures in their unit, windows, members, clauses."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from xueshi_server.domain.fields import word_label
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.facts import Key
from xueshi_server.domain.rules.results import Part, Result
from xueshi_server.result_words import Figures, ResultWords
from xueshi_server.words import word

# What somebody has to look at first.
STATUSES: Final = (
    "vetoed", "fail", "at_risk", "unknown", "on_track", "pass", "exempt", "not_set",
)  # fmt: skip
_FAR_YEAR: Final = 9999
# So many parts are read at a glance.
_PARTS_MAX: Final = 6
_ALL: Final = slice(None)
# While these hold, it matters until when something may be done.
_PENDING: Final = ("on_track", "at_risk", "unknown", "fail")


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
    # The status in words; a veto that does not strike is no requirement that is met.
    verdict: str
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

    @property
    def is_long(self) -> bool:
        """Whether there are more parts than one reads at a glance."""
        return len(self.parts) > _PARTS_MAX


def show_results(
    pack: Pack,
    results: Iterable[Result],
    language: str,
    *,
    of: Key | None = None,
    some: slice = _ALL,
) -> list[ShownResult]:
    """Results in words, the worst first, or `some` of them; `number` is the place among those of
    its rule. On a page about the subject `of` its name is not said again."""
    words = ResultWords(pack, language)
    counted: dict[str, int] = {}
    numbered = []
    for each in results:
        counted[each.rule] = counted.get(each.rule, -1) + 1
        numbered.append((each, counted[each.rule]))
    order = {status: place for place, status in enumerate(STATUSES)}
    numbered.sort(key=lambda pair: order.get(pair[0].status, len(order)))
    return [
        _show(words, each, number, is_own=each.subject == of) for each, number in numbered[some]
    ]


def _show(words: ResultWords, result: Result, number: int, *, is_own: bool) -> ShownResult:
    pack, language = words.pack, words.language
    rule = pack.rules[result.rule]
    behind = result.status in ("fail", "at_risk", "on_track")
    heard, expected = result.heard
    veto = pack.rules.get(result.vetoed_by)
    known = pack.subjects.get(result.kind)
    kind = word_label(known.label, language) if known else ""
    until, last = _last_days(result)
    return ShownResult(
        result.rule,
        word_label(rule.label, language),
        "" if is_own else " ".join(text for text in (kind, words.name(result)) if text),
        result.status,
        words.status(result),
        "" if result.severity == "must" else word(f"requirements.{result.severity}", language),
        words.window(result.span),
        words.figures(result),
        until,
        last,
        word_label(rule.fill, language) if rule.fill is not None and behind else "",
        word_label(veto.label, language) if veto else "",
        word("requirements.heard", language, heard=heard, expected=expected)
        if heard < expected else "",
        result.version,
        result.source,
        tuple(_part(words, result.rule, each) for each in result.parts),
        number,
    )  # fmt: skip


def _last_days(result: Result) -> tuple[str, str]:
    """The last day of the window while it matters, and the last day for the rest if it is another;
    where the need names a day, that is the one."""
    asked, span = None if result.need is None else result.need.by, result.span
    matters = result.status in _PENDING and span.last.year < _FAR_YEAR and not span.open_start
    until = span.last.isoformat() if matters and asked is None else ""
    rest = result.impossible_after
    return until, "" if rest is None or rest in (span.last, asked) else rest.isoformat()


def _part(words: ResultWords, rule_id: str, part: Part) -> ShownPart:
    window = "" if part.span is None else words.window(part.span)
    label = " ".join(text for text in (words.part_label(part), window) if text)
    return ShownPart(label, part.outcome.status, words.part(rule_id, part))
