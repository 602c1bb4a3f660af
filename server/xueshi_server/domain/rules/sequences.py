"""Rules over time: passed in several windows in a row, and steps that follow each other."""

import datetime as dt
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from msgspec.structs import replace

from xueshi_server.domain.packs.measures import Count
from xueshi_server.domain.packs.model import Rule, Step, Streak
from xueshi_server.domain.rules.amounts import Interval, Number, RuleError, exactly, tidy
from xueshi_server.domain.rules.cases import Cases
from xueshi_server.domain.rules.combine import may_be_good
from xueshi_server.domain.rules.facts import LAST_DAY, Answer, Tally
from xueshi_server.domain.rules.quantities import plain, source_of
from xueshi_server.domain.rules.results import Needed, Outcome, Part, Status, shown_unit
from xueshi_server.domain.rules.spans import Span, add_days, add_months, length_months
from xueshi_server.domain.rules.study import Judge, Study
from xueshi_server.domain.rules.subjects import Subject
from xueshi_server.domain.rules.units import unit_of_rule

# So many windows more than the streak is long are looked at: the most that leave may take up.
_MORE_WINDOWS: Final = 10
# What leave does not pass over: what was passed all the same, or still can be.
_COUNTS_ON_LEAVE: Final = ("pass", "on_track", "at_risk")


def plan_streak(study: Study, streak: Streak, rule: Rule, cases: Cases) -> Judge:
    """A rule passed in so many windows in a row, counted back from the current one.

    A window that was neither passed nor judged but has leave in it is passed over. The current
    window counts once it is passed; before, it neither counts nor breaks.
    """
    length = study.catalogue.number(study.catalogue.plain(streak.length))
    inner, ranges = _windows_back(study, rule, cases, int(length) + _MORE_WINDOWS)
    judge = study.plan_over(study, streak.rule, inner)
    pauses = _plan_pauses(study, streak, inner)
    needed = Needed("streak", exactly(length))
    unit = unit_of_rule(study.catalogue, rule)

    def read(case: int) -> Outcome:
        outcome = _judge_streak(study, needed, inner, ranges[case], judge, pauses)
        parts = [replace(each, unit=shown_unit(each.outcome, unit)) for each in outcome.parts]
        return replace(outcome, parts=tuple(parts))

    return read


def _plan_pauses(study: Study, streak: Streak, inner: Cases) -> Callable[[int], bool]:
    """Whether leave passes over a window."""
    if streak.pause is None:
        return lambda position: False
    judged = None
    if streak.judged_by is not None:
        judged = source_of(study, inner, Count(of=streak.judged_by)).ask(plain("count"))
    # Leave that began in a window before may last into this one.
    spans = {each: Span(dt.date.min, each.last, each.label, True) for each in set(inner.spans)}
    cases = inner.with_spans([spans[each] for each in inner.spans])
    source = source_of(study, cases, Count(of=streak.pause, where=streak.pause_where))
    when = study.catalogue.when(streak.pause)
    if when is None:
        raise RuleError("rule.no_date", type=streak.pause)
    until = streak.pause_ends and study.catalogue.column(streak.pause, streak.pause_ends)
    asked = source.ask(Tally("", (), "periods", (), column=when, ends=until or None))

    def pauses(position: int) -> bool:
        if judged is not None and judged.get(position):
            return False
        leaves = asked.get(position)
        first = inner.spans[position].first.isoformat()
        return isinstance(leaves, tuple) and any(last >= first for _, last in leaves)

    return pauses


def _windows_back(study: Study, rule: Rule, cases: Cases, count: int) -> tuple[Cases, list[range]]:
    """The last windows of a rule for each case, latest first."""
    subjects: list[Subject] = []
    spans: list[Span] = []
    ranges = []
    for subject, outer in zip(cases.subjects, cases.spans, strict=True):
        first = len(spans)
        on = min(outer.last, study.on)
        span = study.calendar.current(rule.window, on, subject.row)
        while span is not None and len(spans) - first < count:
            spans.append(span)
            span = study.calendar.before(rule.window, span)
        subjects += [subject] * (len(spans) - first)
        ranges.append(range(first, len(spans)))
    return Cases(cases.kind, subjects, spans), ranges


def _judge_streak(
    study: Study,
    needed: Needed,
    inner: Cases,
    windows: range,
    judge: Judge,
    pauses: Callable[[int], bool],
) -> Outcome:
    goal = needed.low.low if needed.low is not None and needed.low.low is not None else 0
    count, most, sure = 0, 0, True
    running: dt.date | None = None
    parts = []
    for position in windows:
        outcome = judge(position)
        span = inner.spans[position]
        status = None if outcome is None else outcome.status
        if status not in _COUNTS_ON_LEAVE and pauses(position):
            parts.append(Part(Outcome("exempt", reason="paused"), span=span))
            # What has not arrived may still make a passed window of it.
            most += outcome is not None and may_be_good(outcome)
            continue
        if outcome is None:
            break
        if status == "not_set":
            return outcome
        parts.append(Part(outcome, span=span))
        if status in ("on_track", "at_risk"):
            # The current window can be passed until then.
            running = outcome.impossible_after or span.last
            most += may_be_good(outcome)
            continue
        if status not in ("pass", "exempt", "unknown"):
            break
        # What is unknown may have been passed: it ends what is sure, not what is possible.
        sure = sure and status != "unknown"
        count += sure
        most += 1
        if count >= goal or (most >= goal and not sure):
            break
    return _streak_outcome(needed, Interval(count, most), goal, running, parts)


def _streak_outcome(
    needed: Needed, value: Interval, goal: Number, running: dt.date | None, parts: list[Part]
) -> Outcome:
    count, most = value.low or 0, value.high or 0
    if count >= goal:
        return Outcome("pass", True, value, needed, parts=tuple(parts))
    missing = goal - count
    # One more window can be passed while the current one runs.
    if running is not None and count + 1 >= goal:
        return Outcome(
            "on_track", False, value, needed, missing,
            impossible_after=running, parts=tuple(parts),
        )  # fmt: skip
    if most + (running is not None) >= goal:
        return Outcome("unknown", None, value, needed, missing, parts=tuple(parts))
    return Outcome("fail", False, value, needed, missing, parts=tuple(parts))


def plan_sequence(study: Study, steps: Sequence[Step], cases: Cases) -> Judge:
    """Steps that follow each other: each begins not before the one before it has ended.

    A step with `months` is done when its records, added up, have covered so many; what lies after
    the day of judgement does not count yet.
    """
    asked = []
    unheard = []
    needs: list[Number | None] = []
    for step in steps:
        declared = study.catalogue.type_of(step.of)
        source = source_of(study, cases, Count(of=step.of, where=step.where))
        starts = study.catalogue.column(step.of, step.starts or declared.when or "")
        ends = study.catalogue.column(step.of, step.ends) if step.ends else None
        asked.append(source.ask(Tally("", (), "periods", (), column=starts, ends=ends)))
        unheard.append(source.unheard)
        plain_months = None if step.months is None else study.catalogue.plain(step.months)
        needs.append(None if plain_months is None else study.catalogue.number(plain_months))
    labels = [(step.label.zh, step.label.en) for step in steps]
    needed = Needed("sequence", exactly(len(steps)))

    def read(case: int) -> Outcome:
        after = ""
        parts: list[Part] = []
        for ask, months, label in zip(asked, needs, labels, strict=True):
            outcome, after = _judge_step(ask.get(case), months, after, study.as_of)
            parts.append(Part(outcome, label, unit="item" if months is None else "month"))
            if outcome.status != "pass":
                break
        waiting = any(late(case) for late in unheard)
        span = cases.spans[case]
        lacking = parts[-1].outcome.missing if needs[len(parts) - 1] is not None else None
        left = sum((months or 0 for months in needs[len(parts) :]), start=lacking or 0)
        for months, label in list(zip(needs, labels, strict=True))[len(parts) :]:
            outcome, _ = _judge_step(None, months, "", study.as_of)
            parts.append(Part(outcome, label, unit="item" if months is None else "month"))
        return _sequence_outcome(study, needed, parts, span, waiting, left)

    return read


def _judge_step(
    found: Answer | None, months: Number | None, after: str, as_of: dt.date
) -> tuple[Outcome, str]:
    """The outcome of one step, and the day on which it ended."""
    today = as_of.isoformat()
    done: Number = 0
    need = Needed("at_least", exactly(1 if months is None else months))
    goal = 1 if months is None else months
    ended = ""
    for first, last in found if isinstance(found, tuple) else ():
        if first < after or first > today:
            continue
        if months is None and (last > today or last == LAST_DAY):
            continue
        if months is None:
            ended = min(ended, last) if ended else last
            done = 1
        elif done < months:
            end = min(last, today)
            done = tidy(
                done + length_months(dt.date.fromisoformat(first), dt.date.fromisoformat(end))
            )
            ended = max(ended, last)
    if done >= goal:
        return Outcome("pass", True, exactly(done), need), ended
    return Outcome("fail", False, exactly(done), need, tidy(goal - done)), ended


def _sequence_outcome(
    study: Study,
    needed: Needed,
    parts: list[Part],
    span: Span,
    waiting: bool,
    months_left: Number,
) -> Outcome:
    done, total = sum(part.outcome.status == "pass" for part in parts), len(parts)
    value = Interval(done, total if waiting else done)
    if done == total:
        return Outcome("pass", True, value, needed, parts=tuple(parts))
    if waiting:
        return Outcome("unknown", None, value, needed, total - done, parts=_left(parts, "unknown"))
    last = last_begin(span.last, months_left)
    still = study.is_open(span) and study.as_of <= last
    status: Status = "on_track" if still else "fail"
    return Outcome(
        status, False, value, needed, total - done,
        impossible_after=last if study.is_open(span) else None, parts=_left(parts, status),
    )  # fmt: skip


def _left(parts: list[Part], status: Status) -> tuple[Part, ...]:
    """The steps, those that are not done with the status of the whole."""
    return tuple(
        each
        if each.outcome.status == "pass"
        else replace(each, outcome=replace(each.outcome, status=status))
        for each in parts
    )


@lru_cache(maxsize=65536)
def last_begin(end: dt.date, months: Number) -> dt.date:
    """The last day after which so many months still fit in until `end`."""
    day = add_months(end, -int(-(-months // 1)) - 1)
    while day < end and length_months(add_days(day, 2), end) >= months:
        day = add_days(day, 1)
    return day
