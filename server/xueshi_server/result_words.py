"""What rules came to in words: figures in their unit, what is asked, why there is no answer.

Pages, printed forms and the command line say it alike. What is composed is said as a number of
members, windows or steps; each of these says its own figures.
"""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Final

from xueshi_server.domain.fields import word_label
from xueshi_server.domain.packs.measures import Coverage, Lag, Measure, Moment, Ratio, Trend
from xueshi_server.domain.packs.model import Clause, Rule
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.amounts import Interval, Number, tidy
from xueshi_server.domain.rules.catalogue import Catalogue
from xueshi_server.domain.rules.results import COUNTED, Lacking, Needed, Outcome, Part, Result
from xueshi_server.domain.rules.spans import Span, add_days, add_months
from xueshi_server.domain.rules.units import RANK, unit_of_measure
from xueshi_server.domain.showing import show_number
from xueshi_server.words import load_catalogue, word

SIGNS: Final = {
    "at_least": "≥", "more_than": ">", "at_most": "≤", "less_than": "<", "equals": "=",
}  # fmt: skip
# Units that a figure carries itself or that need no word.
_SELF_SAID: Final = ("", "percent", "date")
# Terms, holidays and weeks; calendar, school and budget years, and cycles.
_SEASON: Final = re.compile(r"(\d{4})-(spring|autumn|summer|winter)(?:-w(\d+))?")
_YEARS: Final = re.compile(r"(\d{4})(?:-(\d{4}))?")
_MEMBERS: Final = ("all_of", "any_of", "some_of", "none_of")


@dataclass(frozen=True, slots=True)
class Figures:
    """An outcome in figures; empty texts say nothing. The words name what a figure is: what there
    is or when it was done; what is asked or where a veto strikes; what is missing, too much or too
    late."""

    value: str = ""
    need: str = ""
    missing: str = ""
    pending: str = ""
    reason: str = ""
    value_word: str = "value"
    need_word: str = "need"
    missing_word: str = "missing"


@dataclass(frozen=True, slots=True)
class _Said:
    """What words depend on of a rule or a clause: whom it asks about, what it measures, which
    windows it counts, whether meeting it is a veto."""

    scope: str
    measure: Measure | None = None
    window: str = ""
    veto: bool = False


class ResultWords:
    """One pack's results in one language."""

    def __init__(self, pack: Pack, language: str) -> None:
        self.pack = pack
        self.language = language

    def figures(self, result: Result) -> Figures:
        """A result in figures."""
        rule = self.pack.rules.get(result.rule)
        target = self.pack.targets.get(result.rule)
        if rule is not None:
            said = self._said_of(rule)
        else:
            said = _Said(result.kind, None if target is None else target.measure)
        return self._figures(result.outcome, result.unit, said)

    def name(self, result: Result) -> str:
        """What the subject of a result is called, codes in words."""
        declared = self.pack.subjects.get(result.kind)
        if declared is None or declared.of is None or not declared.per:
            return result.name
        known = dict(zip(declared.per, map(str, result.subject), strict=True))
        names = declared.name or declared.per
        if not all(each in known for each in names):
            return result.name
        fields = {each: self.catalogue.field(declared.of, each) for each in names}
        if any(field is not None and field.type == "ref" for field in fields.values()):
            return result.name
        return " ".join(self.code(declared.of, each, known[each]) for each in names)

    def status(self, result: Result) -> str:
        """The status in words: a veto that does not strike is no requirement that is met."""
        rule = self.pack.rules.get(result.rule)
        is_clear = rule is not None and rule.veto is not None and result.status == "pass"
        return word(f"result.{'clear' if is_clear else result.status}", self.language)

    def part(self, rule_id: str, part: Part) -> Figures:
        """A member of a rule's result in figures."""
        return self._figures(part.outcome, part.unit, self._said_of_part(rule_id, part))

    def part_label(self, part: Part) -> str:
        """What a member is called, without its window."""
        if part.label is not None:
            return part.label[self.language == "en"]
        known = self.pack.rules.get(part.rule)
        return "" if known is None else word_label(known.label, self.language)

    def window(self, span: Span) -> str:
        """The time that is judged; empty where it is everything until some day."""
        if span.open_start:
            return ""
        if match := _SEASON.fullmatch(span.label):
            year, season, week = match.groups()
            text = self._say(f"in.{season}", year=year)
            return self._say("in.week", term=text, week=int(week)) if week else text
        if match := _YEARS.fullmatch(span.label):
            first, last = match.groups()
            if last is None:
                return self._say("in.year", year=first)
            begins = self.pack.calendar.school_year_from
            one = span.last < add_months(span.first, 12) and f"{span.first:%m-%d}" == begins
            return self._say("in.school_year" if one else "in.years", first=first, last=last)
        if span.last == dt.date.max:
            return self._say("in.since", day=span.first.isoformat())
        is_month = span.first.day == 1 and add_months(span.first, 1) == add_days(span.last, 1)
        if is_month:
            return self._say("in.month", year=span.first.year, month=span.first.month)
        days = self._range(span.first.isoformat(), span.last.isoformat())
        return days if span.label in ("", span.first.isoformat()) else span.label

    def interval(self, value: Interval, unit: str) -> str:
        """A value between its bounds; empty where nothing is known."""
        low, high = value
        if low is not None and low == high:
            return self.amount(low, unit)
        if low is None:
            return "" if high is None else f"≤ {self.amount(high, unit)}"
        if high is None:
            return f"≥ {self.amount(low, unit)}"
        return self.with_unit(self._range(self._plain(low, unit), self._plain(high, unit)), unit)

    def amount(self, number: Number, unit: str) -> str:
        """One exact value with its unit."""
        return self.with_unit(self._plain(number, unit), unit)

    def exactly(self, number: Number, unit: str) -> str:
        """An amount that is asked: a share that no two places say, as documents write it."""
        if unit == "percent" and (Fraction(number) * 10000).denominator != 1:
            return str(Fraction(number))
        return self.amount(number, unit)

    def need(self, need: Needed, unit: str) -> str:
        """What is asked of a value."""
        low, high = need.low, need.high
        asked = ""
        if need.op == "between" and low is not None and high is not None:
            asked = self._span(low, high, unit)
        elif need.op == "about" and low is not None and high is not None:
            asked = self._about(low, high, unit)
        elif need.op in SIGNS and (bound := low or high) is not None:
            known = bound.exact
            text = self.interval(bound, unit) if known is None else self.exactly(known, unit)
            asked = f"{SIGNS[need.op]} {text}"
        if need.by is None:
            return asked
        day = self._say("by", day=need.by.isoformat())
        return self._say("asked_by", asked=asked, by=day) if asked else day

    # ---- figures

    def _figures(self, outcome: Outcome, unit: str, said: _Said) -> Figures:
        reason = self._reason(outcome)
        if outcome.need is not None and outcome.need.op in COUNTED:
            return self._counted(outcome, outcome.need, said, reason)
        value = "" if outcome.value is None else self.interval(outcome.value, unit)
        need = "" if outcome.need is None else self.need(outcome.need, unit)
        need_word = "need"
        if said.veto and outcome.need is not None:
            need_word = "veto_at"
            if _strikes_at_one(outcome.need) or isinstance(said.measure, Lag | Moment):
                need, need_word = self._say("no_such"), "need"
                if outcome.met is not None and unit not in ("item", "person"):
                    value = self._say("some" if outcome.met else "none")
                value = self._say("none") if outcome.value == (0, 0) and not outcome.met else value
            # What a veto looks for and is not there is nothing left undone.
            reason = "" if outcome.reason == "not_done" else reason
        if isinstance(said.measure, Trend):
            value, need = self._trend(outcome, unit, value, need)
        elif value and (basis := self._basis(outcome, said)):
            value = self._say("basis", value=value, basis=basis)
        missing_word = "missing" if outcome.need is None else _missing_word(outcome, outcome.need)
        missing = ""
        if outcome.missing and not said.veto:
            missing = self._difference(outcome.missing, unit)
        pending = self.amount(outcome.pending, unit) if outcome.pending else ""
        value_word = "done_on" if unit == "date" else "value"
        return Figures(value, need, missing, pending, reason, value_word, need_word, missing_word)

    def _counted(self, outcome: Outcome, need: Needed, said: _Said, reason: str) -> Figures:
        """Figures of what counts members, windows or steps."""
        if outcome.status == "exempt":
            return Figures(reason=reason)
        found = Interval(0, 0) if outcome.value is None else outcome.value
        done = self.interval(found, "")
        goal = "" if need.low is None else self.interval(need.low, "")
        total, missing = str(len(outcome.parts)), str(outcome.missing or "")
        if need.op == "all_of":
            total = goal
        if need.op in _MEMBERS:
            name = "none_of" if need.op == "none_of" else "members"
            value = self._say(f"{name}.value", done=done, total=total)
            asked = self._say(f"{need.op}.need", goal=goal, total=total)
            short = self.with_unit(missing, "item")
        elif need.op == "sequence":
            value = self._say("sequence.value", done=done, total=goal)
            asked = self._say("sequence.need", goal=goal)
            short = self.with_unit(missing, "step")
        else:
            window = said.window or "other"
            asked = self._say(f"{need.op}.need", goal=self._windows(goal, window))
            values = {"done": self._windows(done, window), "total": self._windows(total, window)}
            value = self._say(f"{need.op}.value", count=done, **values)
            short = self._windows(missing, window)
        return Figures(
            value, asked, short if missing and not said.veto else "", "", reason,
            missing_word="too_much" if need.op == "none_of" else "missing",
        )  # fmt: skip

    def _trend(self, outcome: Outcome, unit: str, value: str, need: str) -> tuple[str, str]:
        """A value compared with the one before, and what is asked of it."""
        asked = outcome.need
        if asked is not None and asked.op == "at_least" and asked.low == (0, 0):
            need = self._say("trend.not_below")
        elif asked is not None and asked.op == "more_than" and asked.low == (0, 0):
            need = self._say("trend.above")
        if outcome.figures is None or not value:
            return value, need
        now, before = (self.interval(each, unit) for each in outcome.figures)
        return (self._say("trend.value", now=now, before=before) if now and before else value), need

    def _basis(self, outcome: Outcome, said: _Said) -> str:
        """What a share is worked out from."""
        if outcome.figures is None:
            return ""
        units = ["", ""]
        if isinstance(said.measure, Ratio):
            parts = (said.measure.part, said.measure.whole)
            units = [unit_of_measure(self.catalogue, each, said.scope) for each in parts]
        elif not isinstance(said.measure, Coverage):
            return ""
        part, whole = (
            self.interval(value, unit) for value, unit in zip(outcome.figures, units, strict=True)
        )
        return f"{part} / {whole}" if part and whole else ""

    def _reason(self, outcome: Outcome) -> str:
        if not outcome.reason:
            return ""
        if outcome.lacking:
            fields = [each for each in outcome.lacking if each.field]
            key = "no_base_field" if fields else "no_base_of"
            what = self._joined([self._lacking(each) for each in fields or outcome.lacking])
            return word(f"result.reason.{key}", self.language, what=what)
        return word(f"result.reason.{outcome.reason}", self.language)

    def _lacking(self, lacking: Lacking) -> str:
        """Records that are missing, by their type and the codes that they should have."""
        declared = self.pack.types.get(lacking.type)
        name = lacking.type if declared is None else word_label(declared.label, self.language)
        if lacking.field and declared is not None:
            label = next(each.label for each in declared.field if each.id == lacking.field)
            return self._say("field_of", field=word_label(label, self.language), of=name)
        codes = [self.code(lacking.type, field, code) for field, code in lacking.where]
        return self._say("codes_of", codes=self._joined(codes), of=name) if codes else name

    # ---- amounts

    def _plain(self, number: Number, unit: str) -> str:
        if unit.startswith(RANK):
            return self._ranks(unit).get(int(number), str(number))
        return show_number(number, unit).removesuffix(".00")

    def _difference(self, number: Number, unit: str) -> str:
        """How far from a day is counted in days, how far from a share in points; levels have no
        distance."""
        if unit.startswith(RANK):
            return ""
        if unit == "percent":
            return self.with_unit(show_number(number, unit).removesuffix("%"), "point")
        return self.amount(number, "day" if unit == "date" else unit)

    def with_unit(self, text: str, unit: str) -> str:
        """A figure that is written already, with its unit."""
        if not text or unit in _SELF_SAID or unit.startswith(RANK):
            return text
        one = f"result.unit.{unit}.one"
        key = one if text == "1" and one in load_catalogue(self.language) else f"result.unit.{unit}"
        return f"{text} {word(key, self.language)}"

    def _windows(self, text: str, window: str) -> str:
        return self.with_unit(text, f"window.{window}") if text else ""

    def _range(self, low: str, high: str) -> str:
        return self._say("range", low=low, high=high)

    def _span(self, low: Interval, high: Interval, unit: str) -> str:
        if low.exact is None or high.exact is None:
            return self._range(self.interval(low, unit), self.interval(high, unit))
        texts = (self._plain(low.exact, unit), self._plain(high.exact, unit))
        return self.with_unit(self._range(*texts), unit)

    def _about(self, low: Interval, high: Interval, unit: str) -> str:
        """The middle, how far from it, and the bounds."""
        least, most = low.exact, high.exact
        if least is None or most is None:
            return self._span(low, high, unit)
        if least == most:
            return f"= {self.amount(least, unit)}"
        half = tidy(Fraction(most - least) / 2)
        texts = (self.amount(least + half, unit), self.amount(half, unit))
        return self._say(
            "about", middle=texts[0], tolerance=texts[1], range=self._span(low, high, unit)
        )

    def _say(self, key: str, **values: object) -> str:
        return word(f"result.{key}", self.language, **values)

    def _joined(self, texts: Sequence[str]) -> str:
        return self._say("and").join(texts)

    # ---- the pack

    @cached_property
    def catalogue(self) -> Catalogue:
        """Look-ups in the pack."""
        return Catalogue(self.pack)

    def _ranks(self, unit: str) -> dict[int, str]:
        of, _, name = unit.removeprefix(RANK).partition(".")
        return {
            rank: self.code(of, name, code) for code, rank in self.catalogue.ranks(of, name).items()
        }

    def code(self, of: str, path: str, code: str) -> str:
        """A code in the words of its list, a local level in its own."""
        declared = self.catalogue.field(of, path)
        known = None if declared is None else self.pack.codes.get(declared.codes or "")
        values = [] if known is None else known.value
        label = next((each.label for each in values if each.id == code), None)
        if label is None and code in self.pack.levels:
            label = self.pack.levels[code].label
        return code if label is None else word_label(label, self.language)

    def _said_of(self, rule: Rule) -> _Said:
        window = rule.window.kind if rule.window.each else ""
        if rule.streak is not None and rule.streak.rule in self.pack.rules:
            window = self.pack.rules[rule.streak.rule].window.kind
        return _Said(rule.scope, rule.measure, window, rule.veto is not None)

    def _said_of_part(self, rule_id: str, part: Part) -> _Said:
        rule, named = self.pack.rules.get(rule_id), self.pack.rules.get(part.rule)
        if named is not None:
            return self._said_of(named)
        if rule is None:
            return _Said("county")
        clause = next((each for each in _clauses(rule) if _is_labelled(each, part)), None)
        if clause is not None:
            own = clause.window
            window = own.kind if own is not None and own.each else ""
            return _Said(rule.scope, clause.measure, window, rule.veto is not None)
        if rule.streak is not None and rule.streak.rule in self.pack.rules:
            return self._said_of(self.pack.rules[rule.streak.rule])
        return _Said(rule.scope, rule.measure if part.span is not None else None)


def _clauses(rule: Rule) -> list[Clause]:
    some = [] if rule.some_of is None else rule.some_of.of
    return [*rule.all_of, *rule.any_of, *rule.none_of, *some]


def _is_labelled(clause: Clause, part: Part) -> bool:
    return clause.label is not None and (clause.label.zh, clause.label.en) == part.label


def _strikes_at_one(need: Needed) -> bool:
    """Whether a veto strikes as soon as there is any such fact."""
    if need.op == "more_than":
        return need.low == (0, 0)
    return need.op in ("at_least", "present") and need.low == (1, 1)


def _missing_word(outcome: Outcome, need: Needed) -> str:
    if outcome.reason == "late":
        return "late"
    if need.low is None:
        return "too_much"
    value, high = outcome.value, need.high
    above = value is not None and value.low is not None and high is not None
    if above and need.op in ("equals", "between", "about"):
        assert value is not None
        assert high is not None
        return "too_much" if (value.low or 0) > (high.low or 0) else "missing"
    return "missing"
