"""What a rule asks, in a sentence of one language, made from its declaration alone.

Every word comes from the catalogue (`site.say.*`) or from the labels of the pack.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import structs

from xueshi_server.domain.fields import word_label
from xueshi_server.domain.packs.measures import (
    Amount,
    By,
    Condition,
    Formula,
    Measure,
    Need,
    Scalar,
)
from xueshi_server.domain.packs.model import Clause, FieldDeclaration, Label, Rule, Step, Window
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.amounts import parse_number
from xueshi_server.domain.showing import show_number
from xueshi_server.words import load_catalogue, word

_SIGNS: Final = {
    "at_least": "≥", "more_than": ">", "at_most": "≤", "less_than": "<", "equals": "=",
    "about": "≈",
}  # fmt: skip
# Units that a figure carries itself.
_SELF_SAID: Final = ("", "percent", "date")


@dataclass(frozen=True)
class Teller:
    """One pack told in one language."""

    pack: Pack
    language: str

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
        for key, values in (("in", each.in_), ("not_in", each.not_in)):
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
            return self.amount(value, "", of)
        if isinstance(value, bool):
            return self.say("yes" if value else "no")
        found = self.field(of, path)
        if found is not None and found.codes is not None and found.codes in self.pack.codes:
            codes = self.pack.codes[found.codes].value
            label = next((each.label for each in codes if each.id == value), None)
            return str(value) if label is None else self.label(label)
        if path == "state":
            return word(f"state.{value}", self.language)
        if found is not None and found.type == "hours" and isinstance(value, int):
            return self.unit(show_number(value, "hour"), "hour")
        return str(value)

    def amount(self, amount: Amount, unit: str, of: str = "") -> str:
        """An amount: a figure in its unit, or where it comes from."""
        if isinstance(amount, Formula):
            return self._formula(amount, unit, of)
        number = parse_number(str(amount))
        return str(amount) if number is None else self.unit(show_number(number, unit), unit)

    def _formula(self, formula: Formula, unit: str, of: str) -> str:
        text = ""
        if formula.param is not None:
            declared = self.pack.parameters.get(formula.param)
            value = "" if declared is None else declared.value
            number = parse_number(str(value)) if not isinstance(value, bool) else None
            shown = str(value) if number is None else self.unit(show_number(number, unit), unit)
            name = formula.param if declared is None else self.label(declared.label)
            text = self.say("param" if shown else "param_open", name=name, value=shown)
        if formula.measure is not None:
            text = self.measure(formula.measure, of)
        return text if formula.per is None else self.say("per", value=text, per=formula.per)

    def unit(self, text: str, unit: str) -> str:
        """A figure with its unit."""
        return (
            text if unit in _SELF_SAID else f"{text} {word(f'result.unit.{unit}', self.language)}"
        )

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

    def need(self, need: Need, unit: str, subject: str = "") -> str:
        """The threshold, with what it may deviate."""
        parts = []
        for name, sign in _SIGNS.items():
            bound = getattr(need, name)
            if bound is not None:
                parts.append(f"{sign} {self.amount(bound, unit, subject)}")
        if need.between is not None:
            low, high = (self.amount(each, unit, subject) for each in need.between)
            parts.append(f"{low} – {high}")
        if need.tolerance is not None:
            parts.append(f"± {self.amount(need.tolerance, unit, subject)}")
        return " ".join(parts)

    def deadline(self, by: By | None, subject: str = "") -> str:
        """The last day, where it is not the window's."""
        if by is None:
            return ""
        if by.on is not None:
            month, day = by.on.split("-")
            return self.say("by.on", month=int(month), day=int(day))
        name = self.field_label(self._row_type(subject), by.field or "")
        return self.days_from(name, by.days)

    def days_from(self, name: str, days: int) -> str:
        """A number of days from a date field, or that day itself."""
        return self.say("by.field" if days else "by.before", field=name, days=days)

    def asked(self, rule: Rule) -> list[str]:
        """What a rule asks, a line for each part."""
        unit, subject = rule.unit, rule.scope
        if rule.measure is not None:
            return [self.measure(rule.measure, subject)]
        if rule.streak is not None:
            length = self.amount(rule.streak.length, "", subject)
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
                    *(f"- {self._clause(each, unit, subject)}" for each in members),
                ]
        if rule.some_of is not None:
            first = self.say("some_of", count=self.amount(rule.some_of.count, "", subject))
            return [first, *(f"- {self._clause(each, unit, subject)}" for each in rule.some_of.of)]
        return []

    def _step(self, step: Step) -> str:
        text = self.label(step.label)
        return text if step.months is None else self.say(
            "step_months", step=text, months=self.amount(step.months, "")
        )  # fmt: skip

    def _clause(self, clause: Clause, unit: str, subject: str) -> str:
        if clause.rule is not None:
            return self.name_of("rule", clause.rule)
        text = self.measure(clause.measure, subject) if clause.measure is not None else ""
        if clause.need is not None:
            text = f"{text} {self.need(clause.need, self._unit_of(clause, unit), subject)}"
            text = self.join([text, self.deadline(clause.need.by, subject)])
        window = self.window(clause.window)
        if window:
            text = self.join([window, text])
        label = self.label(clause.label)
        return self.say("labelled", label=label, text=text) if label else text

    def _unit_of(self, clause: Clause, unit: str) -> str:
        """The rule's unit is that of its members where they measure the same thing."""
        kind = str(clause.measure.__struct_config__.tag) if clause.measure is not None else ""
        if kind in ("coverage", "ratio"):
            return "percent"
        if kind == "sum" and unit == "":
            of = self.field(
                getattr(clause.measure, "of", ""), getattr(clause.measure, "field", "") or ""
            )
            return "hour" if of is not None and of.type == "hours" else unit
        return "" if unit in ("percent", "hour") and kind in ("count", "distinct") else unit
