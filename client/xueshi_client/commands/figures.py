"""The figures of a pack: statistics with their parts, targets, and what reports claim."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import click
import msgspec

from xueshi_client.console import Reply, WordedCommand, option
from xueshi_client.rule_report import Worded, plain_result
from xueshi_client.state import State
from xueshi_server.domain.claims import examine_claim, list_silent
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.facts import Heard, School
from xueshi_server.domain.rules.figures import Figure, judge_targets, measure_statistics
from xueshi_server.domain.rules.results import Result
from xueshi_server.node_clock import today_of
from xueshi_server.result_words import ResultWords
from xueshi_server.store.facts import open_facts
from xueshi_server.store.packs import find_active, find_pack

# A clerk reads the longest silent schools first; all of them are in --json.
SILENT_MAX = 10


@click.command(cls=WordedCommand)
@option("--pack", "pack_name", metavar="ID[@VERSION]", help="cli.opt.pack")
@option("--as-of", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="cli.opt.as_of")
@click.pass_obj
def figures(state: State, *, pack_name: str | None, as_of: dt.datetime | None) -> Reply:
    with state.open_node() as node:
        day = as_of.date() if as_of else today_of(node)
        active = find_active(node, day).pack
        pack = active if pack_name in (None, active.id) else find_pack(node, pack_name or "")
        with open_facts(node) as facts:
            found = measure_statistics(pack, facts, day)
            targets = judge_targets(pack, facts, day)
            return _Report(state, pack, day, facts.heard).reply(found, targets)


class _Report:
    """The figures of one pack on one day, for programs and for people."""

    def __init__(self, state: State, pack: Pack, day: dt.date, heard: Heard) -> None:
        self.state = state
        self.pack = pack
        self.day = day
        self.heard = heard
        self.worded = Worded(state, pack)
        self.words = ResultWords(pack, state.language)

    def reply(self, found: Sequence[Figure], targets: Sequence[Result]) -> Reply:
        data = {
            "pack": self.pack.id,
            "version": self.pack.version,
            "as_of": self.day.isoformat(),
            "schools": [_plain_school(each) for each in self.heard.schools.values()],
            "statistics": [self._plain(each) for each in found],
            "targets": [plain_result(each) for each in targets],
        }
        lines = [self._title(found, targets), *self._silent()]
        for figure in found:
            lines += self._lines(figure)
        lines += [self._target(each) for each in targets]
        return Reply(data, lines)

    def _plain(self, figure: Figure) -> dict[str, Any]:
        """A figure for programs: exact fractions as text."""
        data: dict[str, Any] = msgspec.to_builtins(figure, enc_hook=str)
        data["label"] = msgspec.to_builtins(self.pack.statistics[figure.statistic].label)
        claim = examine_claim(figure)
        data["claim"] = None if claim is None else msgspec.to_builtins(claim)
        return data

    def _title(self, found: Sequence[Figure], targets: Sequence[Result]) -> str:
        schools = self.heard.schools
        return self.state.word(
            "cli.figures.title",
            pack=self.pack.id,
            version=self.pack.version,
            day=self.day,
            statistics=len({each.statistic for each in found}),
            targets=len({each.rule for each in targets}),
            heard=len(schools) - len(list_silent(self.heard, self.day)),
            expected=len(schools),
        )

    def _silent(self) -> list[str]:
        silent = list_silent(self.heard, self.day)
        never = self.state.word("cli.figures.never")
        lines = [
            self.state.word("cli.figures.silent", name=each.name, day=each.heard or never)
            for each in silent[:SILENT_MAX]
        ]
        if len(silent) > SILENT_MAX:
            lines.append(self.state.word("cli.figures.more", count=len(silent) - SILENT_MAX))
        return lines

    def _lines(self, figure: Figure) -> list[str]:
        word = self.state.word
        value = self._value(figure)
        if figure.group:
            return [f"  {word('cli.figures.group', group=self._group(figure), value=value)}"]
        label = self.worded.label(self.pack.statistics[figure.statistic].label)
        name = figure.name or word("cli.rules.county")
        lines = [word("cli.figures.line", label=label, name=name, value=value)]
        heard, expected = figure.heard
        if heard < expected:
            lines.append(f"  {word('cli.rules.heard', heard=heard, expected=expected)}")
        return lines + self._claim(figure)

    def _value(self, figure: Figure) -> str:
        value = "" if figure.value is None else self.words.interval(figure.value, figure.unit)
        if figure.figures is None:
            return value or "?"
        part, whole = (self.words.interval(each, "") or "?" for each in figure.figures)
        return self.state.word("cli.figures.ratio", value=value or "?", part=part, whole=whole)

    def _group(self, figure: Figure) -> str:
        names = self.pack.statistics[figure.statistic].group_by
        return " ".join(map(self._code, names, map(str, figure.group)))

    def _code(self, field: str, value: str) -> str:
        """A value of a field in words, where all types agree which list it comes from."""
        lists = {
            each.codes
            for declared in self.pack.types.values()
            for each in declared.field
            if each.id == field and each.codes is not None
        }
        if len(lists) != 1:
            return value
        codes = self.pack.codes[lists.pop()].value
        return next((self.worded.label(code.label) for code in codes if code.id == value), value)

    def _claim(self, figure: Figure) -> list[str]:
        claim = examine_claim(figure)
        if claim is None:
            return []
        verdict = {True: "right", False: "wrong", None: "open"}[claim.agrees]
        if claim.whole == 0:
            verdict = "nothing"
        lines = [self.state.word(f"cli.figures.claim.{verdict}", claimed=claim.claimed)]
        if claim.agrees is False and claim.whole_needed is not None:
            needed = msgspec.structs.asdict(claim)
            lines.append(self.state.word("cli.figures.claim.needed", **needed))
        return [f"  {line}" for line in lines]

    def _target(self, result: Result) -> str:
        said, declared = self.words.figures(result), self.pack.targets[result.rule]
        line = self.state.word(
            "cli.figures.target",
            status=self.worded.status(result.status),
            label=self.worded.label(declared.label),
            name=result.name or self.state.word("cli.rules.county"),
            value=said.value or "?",
            need=said.need,
            by=result.span.last,
        )
        if declared.baseline is None:
            return line
        return line + self.state.word("cli.figures.baseline", count=declared.baseline)


def _plain_school(school: School) -> dict[str, str | None]:
    last = None if school.heard is None else school.heard.isoformat()
    return {"code": school.scope, "name": school.name, "heard": last}


COMMANDS = (figures,)
