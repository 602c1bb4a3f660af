"""What a rule asks, in a sentence of one language, made from its declaration alone.

Every word comes from the catalogue (`site.say.*`) or from the labels of the pack.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from msgspec import structs

from xueshi_server.domain.fields import word_label
from xueshi_server.domain.packs.measures import (
    Amount,
    By,
    Condition,
    Formula,
    Lag,
    Measure,
    Moment,
    Need,
    Scalar,
    Trend,
)
from xueshi_server.domain.packs.model import Clause, FieldDeclaration, Label, Rule, Step, Window
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.amounts import Number, exactly, parse_number
from xueshi_server.domain.rules.results import Needed, Op
from xueshi_server.domain.rules.units import RANK, unit_of_clause, unit_of_rule
from xueshi_server.result_words import SIGNS, ResultWords
from xueshi_server.words import load_catalogue, word

_OPS: Final[tuple[Op, ...]] = ("at_least", "more_than", "at_most", "less_than", "equals")


@dataclass(frozen=True)
class Teller:
    """One pack told in one language."""

    pack: Pack
    language: str

    @cached_property
    def words(self) -> ResultWords:
        """Figures in words."""
        return ResultWords(self.pack, self.language)

    def say(self, key: str, **values: object) -> str:
        """A text of the catalogue."""
        return word(f"site.say.{key}", self.language, **values)

    def label(self, label: Label | None) -> str:
        """A label of the pack."""
        return "" if label is None else word_label(label, self.language)

    def join(self, texts: Sequence[str]) -> str:
        """Texts in a row, empty ones left out."""
        return self.say("comma").join(text for text in texts if text)

    def name_of(self, kind: str, name: str) -> str:
        """The label of a declaration by kind and id; the id where there is none."""
        declared = self.pack.of_kind(kind).get(name)
        label = getattr(declared, "label", None)
        return name if label is None else self.label(label)

    def subject(self, name: str) -> str:
        """A kind of subject."""
        if name in ("school", "county") and name not in self.pack.subjects:
            return self.say(f"subject.{name}")
        return self.name_of("subject", name)

    def field(self, of: str, path: str) -> FieldDeclaration | None:
        """The field of a type, also one reference on."""
        first, _, rest = path.partition(".")
        declared = self.pack.types.get(of)
        found = (
            next((each for each in declared.field if each.id == first), None) if declared else None
        )
        if rest and found is not None and found.to is not None:
            return self.field(found.to, rest)
        return found

    def field_label(self, of: str, path: str) -> str:
        """What the field is called."""
        found = self.field(of, path)
        if found is not None:
            return self.label(found.label)
        key = f"site.say.own.{path}"
        return word(key, self.language) if key in load_catalogue(self.language) else path

    def window(self, window: Window | None) -> str:
        """The time that is looked at."""
        if window is None:
            return ""
        kind = window.kind if window.kind != "holiday" else f"holiday_{window.season or 'any'}"
        if window.kind == "cycle":
            years = window.years or self.pack.calendar.cycle_years
            text = self.say("window.cycle", years=years)
        elif window.kind == "since" and window.months is not None:
            text = self.say("window.since_months", months=window.months)
        else:
            text = self.say(f"window.{kind}")
        return self.say("window.each", window=text) if window.each else text

    def conditions(self, of: str, conditions: Sequence[Condition]) -> str:
        """All conditions of a list."""
        return self.join([self._condition(of, each) for each in conditions])

    def _condition(self, of: str, each: Condition) -> str:
        name = self.field_label(of, each.field)
        parts = []
        if each.is_ is not None:
            parts.append(
                self.say("cond.is", field=name, value=self._value(of, each.field, each.is_))
            )
        for key, values in (("in", each.in_), ("not_in", each.not_in), ("begins", each.begins)):
            if values:
                shown = self.say("or").join(self._value(of, each.field, one) for one in values)
                parts.append(self.say(f"cond.{key}", field=name, value=shown))
        for key, bound in (("is_not", each.is_not), ("at_least", each.at_least),
                           ("at_most", each.at_most)):  # fmt: skip
            if bound is not None:
                shown = self._value(of, each.field, bound)
                parts.append(self.say(f"cond.{key}", field=name, value=shown))
        if each.present is not None:
            parts.append(self.say("cond.present" if each.present else "cond.absent", field=name))
        if each.same_as is not None:
            parts.append(self.say("cond.same_as", field=name))
        return self.join(parts)

    def _value(self, of: str, path: str, value: Scalar | Formula) -> str:
        if isinstance(value, Formula):
            return self._formula(value, "", of, path)
        if isinstance(value, bool):
            return self.say("yes" if value else "no")
        found = self.field(of, path)
        if found is not None and found.codes is not None:
            return self.words.code(of, path, str(value))
        if path == "state":
            return word(f"state.{value}", self.language)
        if found is not None and found.type == "hours" and isinstance(value, int):
            return self.words.amount(value, "hour")
        return str(value)

    def amount(self, amount: Amount, unit: str, of: str = "") -> str:
        """An amount: a figure in its unit, or where it comes from."""
        if isinstance(amount, Formula):
            return self._formula(amount, unit, of)
        return self._plain(amount, unit)

    def _plain(self, value: Scalar, unit: str, path: tuple[str, str] | None = None) -> str:
        """A value that is written out: a number in its unit, or a code of its list."""
        number = None if isinstance(value, bool) else parse_number(str(value))
        if number is not None:
            return self.words.exactly(number, unit)
        if unit.startswith(RANK):
            of, _, name = unit.removeprefix(RANK).partition(".")
            path = (of, name)
        return str(value) if path is None else self.words.code(*path, str(value))

    def _formula(self, formula: Formula, unit: str, of: str, path: str = "") -> str:
        text = ""
        if formula.param is not None:
            declared = self.pack.parameters.get(formula.param)
            value = "" if declared is None else declared.value
            shown = "" if value == "" else self._plain(value, unit, (of, path) if path else None)
            name = formula.param if declared is None else self.label(declared.label)
            text = self.say("param" if shown else "param_open", name=name, value=shown)
        if formula.measure is not None:
            text = self.measure(formula.measure, of)
        return text if formula.per is None else self.say("per", value=text, per=formula.per)

    def measure(self, measure: Measure, subject: str = "") -> str:
        """What is counted."""
        kind = str(measure.__struct_config__.tag)
        values: dict[str, str] = {}
        row = self._row_type(subject)
        for name, value in structs.asdict(measure).items():
            if name in ("part", "whole", "before", "after", "measure"):
                values[name] = self.measure(value, subject)
            elif name == "parts":
                values[name] = self.say("plus").join(self.measure(one, subject) for one in value)
        fact = getattr(measure, "of", "")
        if kind in ("headcount", "coverage", "spread"):
            behind = self._row_type(fact)
            values["of"] = self.subject(fact)
            values["where"] = self._brackets(self.conditions(behind, getattr(measure, "who", [])))
            values["rule"] = self.name_of("rule", getattr(measure, "rule", ""))
        elif fact:
            values["of"] = self.name_of("type", fact)
            values["where"] = self._brackets(self.conditions(fact, getattr(measure, "where", [])))
        field = getattr(measure, "field", None) or getattr(measure, "starts", None)
        declared = self.pack.types.get(fact)
        field = field or (declared.amount or declared.when if declared is not None else None)
        values["field"] = self.field_label(fact or row, field) if field else ""
        convert = getattr(measure, "convert", None)
        if convert:
            values["field"] = self.name_of("conversion", convert)
        return self.say(f"measure.{kind}", **values)

    def _row_type(self, subject: str) -> str:
        declared = self.pack.subjects.get(subject)
        return (declared.of or "") if declared is not None else ""

    def _brackets(self, text: str) -> str:
        return self.say("brackets", text=text) if text else ""

    def threshold(self, rule: Rule) -> str:
        """What a rule needs of its measure."""
        need, measure = rule.need, rule.measure
        if need is None:
            return ""
        if rule.veto is not None and not self.has_limit(rule):
            return word("result.no_such", self.language)
        return self.need(need, measure, unit_of_rule(self.words.catalogue, rule), rule.scope)

    def has_limit(self, rule: Rule) -> bool:
        """Whether a veto strikes from some amount on."""
        if rule.veto is None or rule.need is None or isinstance(rule.measure, Lag | Moment):
            return False
        return not strikes_at_one(rule.need)

    def need(self, need: Need, measure: Measure | None, unit: str, subject: str = "") -> str:
        """The threshold, with what it may deviate."""
        if isinstance(measure, Trend) and need.at_least == 0:
            return word("result.trend.not_below", self.language)
        for op in _OPS:
            bound = getattr(need, op)
            if bound is not None and self._is_open(bound, op):
                return self.say("param_open", name=self._names([bound]), value="")
            if bound is not None:
                return f"{SIGNS[op]} {self.amount(bound, unit, subject)}"
        if need.between is not None:
            low, high = (self.amount(each, unit, subject) for each in need.between)
            return word("result.range", self.language, low=low, high=high)
        if need.about is None:
            return ""
        middle, around = self._number(need.about), self._number(need.tolerance or 0)
        if middle is None or around is None:
            return f"≈ {self.amount(need.about, unit, subject)}"
        bounds = Needed("about", exactly(middle - around), exactly(middle + around))
        names = self._names([need.about, need.tolerance or 0])
        return self.words.need(bounds, unit) + self._brackets(names)

    def _number(self, amount: Amount) -> Number | None:
        """The number behind an amount; None where it is left open or worked out."""
        if isinstance(amount, Formula):
            declared = self.pack.parameters.get(amount.param or "")
            if declared is None or amount.measure is not None or amount.per is not None:
                return None
            return None if isinstance(declared.value, bool) else parse_number(str(declared.value))
        return parse_number(str(amount))

    def _is_open(self, amount: Amount, op: str) -> bool:
        """Whether the parameter is left empty, or at nought so that nothing is asked."""
        if not isinstance(amount, Formula) or amount.param not in self.pack.parameters:
            return False
        left_empty = self.pack.parameters[amount.param].value == ""
        return left_empty or (op == "at_least" and self._number(amount) == 0)

    def _names(self, amounts: Sequence[Amount]) -> str:
        """The parameters that amounts come from."""
        names = [each.param for each in amounts if isinstance(each, Formula) and each.param]
        return self.join([self.name_of("parameter", each) for each in names])

    def deadline(self, by: By | None, subject: str = "") -> str:
        """The last day, where it is not the window's."""
        if by is None:
            return ""
        if by.on is not None:
            month, day = by.on.split("-")
            return self.say("by.on", month=int(month), day=int(day))
        if by.after_start is not None:
            return self.say("by.after_start", days=by.after_start)
        name = self.field_label(self._row_type(subject), by.field or "")
        return self.days_from(name, by.days)

    def days_from(self, name: str, days: int) -> str:
        """A number of days from a date field, or that day itself."""
        return self.say("by.field" if days else "by.before", field=name, days=days)

    def asked(self, rule: Rule) -> list[str]:
        """What a rule asks, a line for each part."""
        subject = rule.scope
        if rule.measure is not None:
            return [self.measure(rule.measure, subject)]
        if rule.streak is not None:
            window = self.pack.rules[rule.streak.rule].window.kind
            length = self.amount(rule.streak.length, f"window.{window}", subject)
            name = self.name_of("rule", rule.streak.rule)
            return [self.say("streak", rule=name, length=length)]
        if rule.sequence:
            steps = [self._step(each) for each in rule.sequence]
            return [self.say("sequence"), *(f"- {each}" for each in steps)]
        for key, members in (("all_of", rule.all_of), ("any_of", rule.any_of),
                             ("none_of", rule.none_of)):  # fmt: skip
            if members:
                return [
                    self.say(key),
                    *(f"- {self._clause(rule, each)}" for each in members),
                ]
        if rule.some_of is not None:
            first = self.say("some_of", count=self.amount(rule.some_of.count, "", subject))
            return [first, *(f"- {self._clause(rule, each)}" for each in rule.some_of.of)]
        return []

    def _step(self, step: Step) -> str:
        text = self.label(step.label)
        return text if step.months is None else self.say(
            "step_months", step=text, months=self.amount(step.months, "month")
        )  # fmt: skip

    def _clause(self, rule: Rule, clause: Clause) -> str:
        if clause.rule is not None:
            return self.name_of("rule", clause.rule)
        subject = rule.scope
        text = self.measure(clause.measure, subject) if clause.measure is not None else ""
        if clause.need is not None:
            unit = unit_of_clause(self.words.catalogue, rule, clause)
            need = self.need(clause.need, clause.measure, unit, subject)
            # Signs continue the measure, words do not.
            parts = [f"{text} {need}"] if need.startswith(tuple(SIGNS.values())) else [text, need]
            text = self.join([*parts, self.deadline(clause.need.by, subject)])
        window = self.window(clause.window)
        if window:
            text = self.join([window, text])
        label = self.label(clause.label)
        return self.say("labelled", label=label, text=text) if label else text


def strikes_at_one(need: Need) -> bool:
    """Whether a veto strikes as soon as there is any such fact."""
    return need.at_least == 1 or need.more_than == 0
