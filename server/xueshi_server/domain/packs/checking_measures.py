"""Checks of what rules measure and need, and of the time they look at."""

import datetime as dt
from collections.abc import Collection, Sequence
from fractions import Fraction
from typing import Final

from xueshi_server.domain.packs import measures as m
from xueshi_server.domain.packs.checker import COUNTY, WHOLE, Checker, fields_of
from xueshi_server.domain.packs.checking_conditions import (
    check_amount,
    check_hours,
    check_where,
    check_who,
)
from xueshi_server.domain.packs.model import RecordType, Window
from xueshi_server.domain.packs.pack import Spot

# Measures over records of a type.
FactMeasure = m.Count | m.Sum | m.Distinct | m.Greatest | m.Length | m.Moment
_NEEDS: Final = (
    "at_least",
    "more_than",
    "at_most",
    "less_than",
    "equals",
    "between",
    "about",
    "by",
)
# Here records without a date belong to the window all the same.
_UNDATED: Final = ("any", "as_of", "run")
# Longer windows hold shorter ones, in this order.
_LENGTHS: Final = ("week", "month", "term", "year", "cycle")


# Keys a kind of window cannot do without; of alternatives one is enough.
_NEEDED_KEYS: Final = {
    "run": (("starts",), ("ends",)),
    "since": (("starts", "anchor"), ("months", "years")),
    "cycle_year": (("within",),),
}
# Keys that mean something in these kinds only.
_KEYS_ONLY: Final = {
    "years": ("cycle", "since"),
    "anchor": ("cycle", "since"),
    "season": ("holiday",),
    "months": ("since",),
    "ends": ("run",),
    "starts": ("run", "since"),
}


class MeasureCheck:
    """Checks the measures of one rule, target or statistic, judged of one kind of subject."""

    def __init__(self, checker: Checker, scope: str, window: Window | None) -> None:
        self.checker = checker
        self.scope = scope
        self.window = window
        self.fields = checker.subject_fields(scope)

    def check(self, measure: m.Measure, spot: Spot) -> None:
        """Check a measure with all its parts."""
        if isinstance(measure, FactMeasure):
            self._check_fact(measure, spot)
        elif isinstance(measure, m.Attribute):
            self.subject_field(measure.field, (*spot, "field"))
        elif isinstance(measure, m.Total):
            if len(measure.parts) < 2:
                self.checker.fault("total_too_small", (*spot, "parts"))
            for position, part in enumerate(measure.parts):
                self.check(part, (*spot, "parts", position))
        elif isinstance(measure, m.Ratio):
            self.check(measure.part, (*spot, "part"))
            self.check(measure.whole, (*spot, "whole"))
        elif isinstance(measure, m.Trend):
            self._check_trend(measure, spot)
        elif isinstance(measure, m.Lag):
            self._check_lag(measure, spot)
        else:
            self._check_crowd(measure, spot)

    def subject_field(self, name: str, spot: Spot, *, date: bool = False) -> None:
        """Check that subjects have that field (and that it is a date)."""
        if not self.fields:
            if self.scope == COUNTY:
                self.checker.fault("county_has_no_fields", spot, field=name)
        elif date:
            self.checker.date_field(self.fields, name, spot, self.scope)
        else:
            self.checker.field(self.fields, name, spot, self.scope)

    def amount(self, amount: m.Amount, spot: Spot, words: Collection[str] = ()) -> Fraction | None:
        """Check an amount and the measure in it; its value where it is written down."""
        check_amount(self.checker, amount, spot, words)
        if isinstance(amount, m.Formula):
            if amount.measure is not None:
                self.check(amount.measure, (*spot, "measure"))
            return None
        return self.checker.amount(amount, spot, words)

    def _check_fact(self, measure: FactMeasure, spot: Spot) -> None:
        declared = self.checker.type_of(measure.of, (*spot, "of"))
        if declared is None:
            return
        check_where(self.checker, measure.where, (*spot, "where"), declared, self.fields)
        self.check_belonging(declared, (*spot, "of"))
        if self.window and self.window.kind not in _UNDATED and declared.when is None:
            values = {"of": declared.id, "window": self.window.kind}
            self.checker.fault("when_missing", (*spot, "of"), **values)
        self._check_aggregate(measure, spot, declared)

    def _check_aggregate(self, measure: FactMeasure, spot: Spot, declared: RecordType) -> None:
        fields, of = fields_of(declared), declared.id
        if isinstance(measure, m.Sum):
            self._check_sum(measure, spot, declared)
        elif isinstance(measure, m.Distinct):
            self.checker.field(fields, measure.field, (*spot, "field"), of)
        elif isinstance(measure, m.Greatest):
            self._check_greatest(measure, spot, declared)
        elif isinstance(measure, m.Length):
            for key in ("starts", "ends"):
                self.checker.date_field(fields, getattr(measure, key), (*spot, key), of)
        elif isinstance(measure, m.Moment):
            if measure.field is not None:
                self.checker.date_field(fields, measure.field, (*spot, "field"), of)
            elif declared.when is None:
                self.checker.fault("moment_without_date", spot, of=of)

    def _check_sum(self, measure: m.Sum, spot: Spot, declared: RecordType) -> None:
        if measure.field is not None and measure.convert is not None:
            self.checker.fault("sum_alternatives", spot)
        if measure.field is None and measure.convert is None and declared.amount is None:
            self.checker.fault("sum_of_nothing", spot, of=declared.id)
        if measure.field is not None:
            here = (*spot, "field")
            self.checker.whole_field(fields_of(declared), measure.field, here, declared.id)
        if measure.convert is not None:
            self._check_convert(measure.convert, (*spot, "convert"), declared)
            if measure.caps:
                self.checker.fault("caps_with_convert", (*spot, "caps"), id=measure.convert)
        for position, cap in enumerate(measure.caps):
            here = (*spot, "caps", position)
            check_where(self.checker, cap.where, (*here, "where"), declared, self.fields)
            self.amount(cap.at_most, (*here, "at_most"))

    def _check_convert(self, name: str, spot: Spot, declared: RecordType) -> None:
        tables = self.checker.pack.conversions
        if self.checker.known("conversion_unknown", name, tables, spot):
            of = tables[name].of
            if of != declared.id:
                self.checker.fault("conversion_of_other", spot, id=name, of=of, here=declared.id)

    def _check_greatest(self, measure: m.Greatest, spot: Spot, declared: RecordType) -> None:
        here = (*spot, "field")
        field = self.checker.field(fields_of(declared), measure.field, here, declared.id)
        if field is None:
            return
        listed = self.checker.codes_of(field)
        if listed is not None and not listed.ordinal:
            self.checker.fault("codes_not_ordinal", here, field=field.id, codes=listed.id)
        elif field.type not in ("code", *WHOLE):
            self.checker.fault("field_not_comparable", here, field=field.id, type=field.type)

    def check_belonging(self, declared: RecordType, spot: Spot) -> None:
        """Check that it is plain which records of a type belong to a subject."""
        for kind in self._sides():
            subject = self.checker.pack.subjects.get(kind)
            if subject is None or subject.of in (None, declared.id):
                continue
            per_there = bool(subject.per) and {*subject.per} <= fields_of(declared).keys()
            if declared.id in subject.link or per_there:
                continue
            found = self._paths(declared, subject.of or "")
            values = {"of": declared.id, "subject": kind, "to": subject.of or ""}
            if not found:
                self.checker.fault("link_missing", spot, **values)
            elif len(found) > 1:
                self.checker.fault("link_ambiguous", spot, fields=", ".join(found), **values)

    def _sides(self) -> Sequence[str]:
        """The kinds of subject that a fact has to belong to: both of a pair."""
        subject = self.checker.pack.subjects.get(self.scope)
        return subject.across if subject and subject.across else (self.scope,)

    def _paths(self, declared: RecordType, owner: str) -> list[str]:
        """The references from a record to one of the type `owner`: direct, else one further."""
        direct = [each.id for each in declared.field if each.to == owner]
        types = self.checker.pack.types
        return direct or [
            f"{each.id}.{far.id}"
            for each in declared.field
            if each.to in types and each.to != declared.id
            for far in types[each.to or ""].field
            if far.to == owner
        ]

    def _check_trend(self, measure: m.Trend, spot: Spot) -> None:
        self.check(measure.measure, (*spot, "measure"))
        if measure.series is not None:
            self.subject_field(measure.series, (*spot, "series"))
        elif self.window and self.window.kind in ("run", "since", "any"):
            self.checker.fault("trend_without_series", spot, window=self.window.kind)

    def _check_lag(self, measure: m.Lag, spot: Spot) -> None:
        for key, each in (("before", measure.before), ("after", measure.after)):
            if isinstance(each, m.Attribute):
                self.subject_field(each.field, (*spot, key, "field"), date=True)
            else:
                self.check(each, (*spot, key))

    def _check_crowd(self, measure: m.Headcount | m.Coverage | m.Spread, spot: Spot) -> None:
        """Measures over the subjects of another kind that belong to this one."""
        checker = self.checker
        if not checker.subject(measure.of, (*spot, "of")):
            return
        check_who(checker, measure.who, (*spot, "who"), measure.of)
        if measure.of == self.scope:
            checker.fault("crowd_of_itself", (*spot, "of"), of=measure.of)
        if isinstance(measure, m.Spread):
            MeasureCheck(checker, measure.of, self.window).check(
                measure.measure, (*spot, "measure")
            )
        if isinstance(measure, m.Coverage) and checker.rule(measure.rule, (*spot, "rule")):
            scope = checker.pack.rules[measure.rule].scope
            if scope != measure.of:
                values = {"rule": measure.rule, "scope": scope, "of": measure.of}
                checker.fault("coverage_of_other", (*spot, "rule"), **values)

    def _words(self, measure: m.Measure | None) -> Collection[str]:
        """What may stand for an amount: the codes of an ordinal list that is measured by rank."""
        field = None
        if isinstance(measure, m.Attribute):
            field = self.fields.get(measure.field)
        elif isinstance(measure, m.Greatest) and measure.of in self.checker.pack.types:
            field = fields_of(self.checker.pack.types[measure.of]).get(measure.field)
        listed = self.checker.codes_of(field) if field is not None else None
        if listed is None:
            return ()
        return {*(each.id for each in listed.value), *self.checker.pack.levels}

    def _in_hours(self, measure: m.Measure | None) -> bool:
        """Whether a measure comes in class hours."""
        if isinstance(measure, m.Total):
            return any(self._in_hours(part) for part in measure.parts)
        if isinstance(measure, m.Trend | m.Spread):
            return self._in_hours(measure.measure)
        field = None
        if isinstance(measure, m.Attribute):
            field = self.fields.get(measure.field)
        elif isinstance(measure, m.Sum | m.Greatest) and measure.of in self.checker.pack.types:
            declared = self.checker.pack.types[measure.of]
            field = fields_of(declared).get(measure.field or declared.amount or "")
            if isinstance(measure, m.Sum) and measure.convert is not None:
                return False
        return field is not None and field.type == "hours"

    def check_need(self, need: m.Need, spot: Spot, measure: m.Measure | None = None) -> None:
        """Check a need: one key, readable amounts, a tolerance where it is about."""
        words = self._words(measure)
        keys = [key for key in _NEEDS if getattr(need, key) is not None]
        if len(keys) != 1:
            code = "need_crowded" if keys else "need_empty"
            self.checker.fault(code, spot, keys=", ".join(keys))
        for key in keys:
            value = getattr(need, key)
            if key == "between":
                self._check_between(value, (*spot, key))
            elif key == "by":
                self._check_by(value, (*spot, key))
            else:
                self.amount(value, (*spot, key), words)
            if key != "by" and self._in_hours(measure):
                for no, each in enumerate(value if key == "between" else (value,)):
                    check_hours(
                        self.checker, each, (*spot, key, no) if key == "between" else (*spot, key)
                    )
        if need.tolerance is not None:
            self.amount(need.tolerance, (*spot, "tolerance"))
        if (need.about is None) != (need.tolerance is None):
            code = "tolerance_missing" if need.about is not None else "tolerance_unused"
            self.checker.fault(code, spot)

    def _check_between(self, ends: Sequence[m.Amount], spot: Spot) -> None:
        low, high = (self.amount(each, (*spot, no)) for no, each in enumerate(ends))
        if low is not None and high is not None and low > high:
            self.checker.fault("between_reversed", spot, low=str(low), high=str(high))

    def _check_by(self, by: m.By, spot: Spot) -> None:
        if sum(each is not None for each in (by.on, by.field, by.after_start)) != 1:
            self.checker.fault("day_alternatives", spot)
        if by.on is not None:
            check_month_day(self.checker, by.on, (*spot, "on"))
        if by.field is not None:
            self.subject_field(by.field, (*spot, "field"), date=True)
        if by.after_start is not None:
            if by.after_start < 1:
                self.checker.fault(
                    "window_not_positive", (*spot, "after_start"), name="after_start"
                )
            if self.window is not None and self.window.kind in ("any", "as_of"):
                values = {"name": "after_start", "kind": self.window.kind}
                self.checker.fault("no_first_day", (*spot, "after_start"), **values)

    def check_window(self, window: Window, spot: Spot) -> None:
        """Check that a window has the keys its kind needs, and none that mean nothing there."""
        for alternatives in _NEEDED_KEYS.get(window.kind, ()):
            if all(getattr(window, key) is None for key in alternatives):
                values = {"kind": window.kind, "name": alternatives[0]}
                self.checker.fault("window_incomplete", spot, **values)
        for key in ("starts", "ends", "anchor"):
            name = getattr(window, key)
            if name is not None:
                self.subject_field(name, (*spot, key), date=True)
        self._check_each(window, spot)
        self._check_modifiers(window, spot)

    def _check_each(self, window: Window, spot: Spot) -> None:
        if window.each and window.within is None:
            self.checker.fault("each_without_within", spot, kind=window.kind)
        if window.within is not None:
            length = _LENGTHS.index(window.within.removeprefix("school_"))
            kind = window.kind.rpartition("_")[2]
            if not window.each:
                self.checker.fault("within_without_each", (*spot, "within"))
            elif kind in _LENGTHS and _LENGTHS.index(kind) >= length:
                values = {"kind": window.kind, "within": window.within}
                self.checker.fault("each_not_shorter", (*spot, "within"), **values)
        if window.allow_miss != 0:
            self.amount(window.allow_miss, (*spot, "allow_miss"))
            if not window.each:
                self.checker.fault("miss_without_each", (*spot, "allow_miss"))

    def _check_modifiers(self, window: Window, spot: Spot) -> None:
        if window.prorate != "none" and window.on_roll is None:
            self.checker.fault("prorate_without_roll", (*spot, "prorate"))
        for position, name in enumerate(window.on_roll or ()):
            self.subject_field(name, (*spot, "on_roll", position), date=True)
        if window.carry_over is not None:
            self.amount(window.carry_over, (*spot, "carry_over"))
        here = {window.kind, window.within}
        for key, kinds in _KEYS_ONLY.items():
            if getattr(window, key) is not None and here.isdisjoint(kinds):
                values = {"name": key, "kind": window.kind, "kinds": ", ".join(kinds)}
                self.checker.fault("window_key_unused", (*spot, key), **values)
        if window.lead_months != 0 and window.kind != "since":
            values = {"name": "lead_months", "kind": window.kind, "kinds": "since"}
            self.checker.fault("window_key_unused", (*spot, "lead_months"), **values)
        if window.lead_months < 0:
            self.checker.fault("window_not_positive", (*spot, "lead_months"), name="lead_months")
        for key in ("years", "months"):
            if getattr(window, key) is not None and getattr(window, key) < 1:
                self.checker.fault("window_not_positive", (*spot, key), name=key)


def check_month_day(checker: Checker, text: str, spot: Spot) -> None:
    """Check that a month and day exists in every year."""
    month, _, day = text.partition("-")
    try:
        dt.date(2001, int(month), int(day))
    except ValueError:
        checker.fault("day_impossible", spot, day=text)
