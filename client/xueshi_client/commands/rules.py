"""Rules over the records that are here, and packs published to the county."""

import datetime as dt
from typing import Any

import click

from xueshi_client.console import Reply, WordedCommand, option
from xueshi_client.rule_report import Worded, count_statuses, plain_result, plain_rules
from xueshi_client.state import State
from xueshi_server.domain.packs.inherit import PackFaultsError
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.evaluate import Evaluation
from xueshi_server.domain.rules.results import Result
from xueshi_server.node_clock import today_of
from xueshi_server.pack_check import inspect_folder, open_pack
from xueshi_server.pack_files import find_folder, list_shipped, read_closure
from xueshi_server.store.packs import (
    ActivePack,
    find_active,
    find_pack,
    list_releases,
    publish_release,
)
from xueshi_server.store.requirements import Requirements, compare
from xueshi_sync.node import Node

SCOPES = ("teacher", "school", "county")
# A clerk reads the worst first; all of them are in --json.
SHOWN_MAX = 20
_BAD = ("vetoed", "fail", "at_risk")


@click.command(cls=WordedCommand)
@option("--pack", "pack_name", metavar="ID[@VERSION]", help="cli.opt.pack")
@option("--scope", type=click.Choice(SCOPES), help="cli.opt.rules_scope")
@option("--as-of", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="cli.opt.as_of")
@option("--person", metavar="N", help="cli.opt.person")
@option("--what-if", metavar="FOLDER|ID[@VERSION]", help="cli.opt.what_if")
@click.pass_obj
def rules(
    state: State,
    *,
    pack_name: str | None,
    scope: str | None,
    as_of: dt.datetime | None,
    person: str | None,
    what_if: str | None,
) -> Reply:
    with state.open_node() as node:
        day = as_of.date() if as_of else today_of(node)
        active = _choose(node, pack_name, day)
        with Requirements.open(node) as requirements:
            run = _Run(state, requirements, active.pack, day, scope, person)
            if what_if is not None:
                is_folder = (state.cwd / what_if).is_dir()
                return run.compare(
                    open_pack(what_if, state.cwd) if is_folder else find_pack(node, what_if)
                )
            return run.report(active)


def _choose(node: Node, name: str | None, day: dt.date) -> ActivePack:
    """The pack that is asked for: of one id, the version that counts on the day comes first."""
    active = find_active(node, day)
    if name is None or name == active.pack.id:
        return active
    return ActivePack(find_pack(node, name), None)


class _Run:
    """One evaluation for one command."""

    def __init__(
        self,
        state: State,
        requirements: Requirements,
        pack: Pack,
        day: dt.date,
        scope: str | None,
        person: str | None,
    ) -> None:
        self.state = state
        self.requirements = requirements
        self.pack = pack
        self.day = day
        self.scope = scope
        self.person = None if person is None else requirements.find_person(person)

    def judge(self, pack: Pack) -> Evaluation:
        chosen = None
        if self.scope is not None:
            chosen = [each.id for each in pack.rules.values() if _tier(each.scope) == self.scope]
        subjects = None
        if self.person is not None:
            subjects = self.requirements.subjects_of(pack, self.person)
        return self.requirements.judge(pack, self.day, rules=chosen, subjects=subjects)

    def report(self, active: ActivePack) -> Reply:
        evaluation = self.judge(self.pack)
        results = evaluation.results
        evidence = [
            None if self.person is None else self.requirements.evidence(evaluation, each)
            for each in results
        ]
        data = {
            **self._head(self.pack),
            "skipped": [each.name for each in active.skipped],
            "rules": plain_rules(self.pack, results),
            "results": list(map(plain_result, results, evidence)),
            "faults": [{"rule": rule, "code": fault.rule_code, **fault.details}
                       for rule, fault in evaluation.faults],
        }  # fmt: skip
        worded = Worded(self.state, self.pack)
        lines = [self._title(results)]
        lines += [self.state.word("cli.rules.skipped", pack=each.name) for each in active.skipped]
        if self.person is None:
            lines += self._summary(worded, results)
        else:
            for each, found in zip(results, evidence, strict=True):
                lines += worded.lines(each, found)
        lines += [worded.fault(rule, fault) for rule, fault in evaluation.faults]
        return Reply(data, lines)

    def compare(self, other: Pack) -> Reply:
        """What would be different under another pack; nothing is stored."""
        changes = compare(self.judge(self.pack), self.judge(other))
        data = {
            **self._head(self.pack),
            "what_if": {"pack": other.id, "version": other.version},
            "changes": [
                {
                    "before": None if each.before is None else plain_result(each.before),
                    "after": None if each.after is None else plain_result(each.after),
                }
                for each in changes
            ],
        }
        worded, others = Worded(self.state, self.pack), Worded(self.state, other)
        title = self.state.word(
            "cli.rules.what_if",
            before=f"{self.pack.id}@{self.pack.version}",
            after=f"{other.id}@{other.version}",
            day=self.day,
            count=len(changes),
        )
        return Reply(data, [title, *(worded.change(each, others) for each in changes)])

    def _head(self, pack: Pack) -> dict[str, Any]:
        schools = self.requirements.facts.heard.schools.values()
        return {
            "pack": pack.id,
            "version": pack.version,
            "digest": pack.digest,
            "as_of": self.day.isoformat(),
            "schools": [
                {"code": each.scope, "name": each.name,
                 "heard": None if each.heard is None else each.heard.isoformat()}
                for each in schools
            ],
        }  # fmt: skip

    def _title(self, results: list[Result]) -> str:
        schools = self.requirements.facts.heard.schools.values()
        return self.state.word(
            "cli.rules.title",
            pack=self.pack.id,
            version=self.pack.version,
            day=self.day,
            count=len(results),
            heard=sum(each.heard is not None and each.heard >= self.day for each in schools),
            expected=len(schools),
        )

    def _summary(self, worded: Worded, results: list[Result]) -> list[str]:
        by_rule: dict[str, list[Result]] = {}
        for each in results:
            by_rule.setdefault(each.rule, []).append(each)
        lines = [worded.summary(rule, count_statuses(some)) for rule, some in by_rule.items()]
        bad = [each for each in results if each.status in _BAD]
        for each in bad[:SHOWN_MAX]:
            lines += worded.lines(each)
        if len(bad) > SHOWN_MAX:
            lines.append(self.state.word("cli.rules.more", count=len(bad) - SHOWN_MAX))
        return lines


def _tier(kind: str) -> str:
    """Which option a kind of subject comes under: what is neither school nor county is people's."""
    return kind if kind in ("school", "county") else "teacher"


@click.command("pack-publish", cls=WordedCommand)
@click.argument("folder", metavar="FOLDER|ID")
@option("--activate", is_flag=True, help="cli.opt.activate")
@option("--actor", default="admin", show_default=True, help="cli.opt.actor")
@click.pass_obj
def pack_publish(state: State, folder: str, *, activate: bool, actor: str) -> Reply:
    place = find_folder(folder, state.cwd)
    inspection = inspect_folder(place)
    # Of published versions the one activated last counts, so their days may overlap.
    faults = [each for each in inspection.faults if each.code != "versions_overlap"]
    if faults or inspection.pack is None:
        raise PackFaultsError(faults)
    pack = inspection.pack
    with state.open_node("centre") as node:
        done = publish_release(node, read_closure(place), pack.id, activate=activate, actor=actor)
    state.tell_saved()
    data = {
        "pack": pack.id,
        "version": pack.version,
        "digest": done.release.digest,
        "new": done.is_new,
        "activated": done.activated,
        "active": done.release.turn > 0,
        "added_files": done.added_files,
        "added_bytes": done.added_bytes,
    }
    key = "added" if done.is_new else "activated" if done.activated else "known"
    lines = [state.word(f"cli.pack_publish.{key}", **data)]
    if not data["active"]:
        lines.append(state.word("cli.pack_publish.not_active", **data))
    return Reply(data, lines)


@click.command("pack-list", cls=WordedCommand)
@click.pass_obj
def pack_list(state: State) -> Reply:
    with state.open_node() as node:
        releases = list_releases(node)
        active = find_active(node, today_of(node))
    data = {
        "active": f"{active.pack.id}@{active.pack.version}",
        "skipped": [each.name for each in active.skipped],
        "published": [
            {
                "pack": each.pack,
                "version": each.version,
                "digest": each.digest,
                "valid_from": each.valid_from.isoformat(),
                "valid_to": None if each.valid_to is None else each.valid_to.isoformat(),
                "turn": each.turn,
            }
            for each in releases
        ],
        "shipped": list_shipped(),
    }
    lines = [state.word("cli.pack_list.active", pack=data["active"])]
    for each in releases:
        key = "cli.pack_list.activated" if each.turn else "cli.pack_list.published"
        until = each.valid_to or ""
        lines.append(state.word(key, pack=each.name, since=each.valid_from, until=until))
    lines.append(state.word("cli.pack_list.shipped", packs=" ".join(list_shipped())))
    return Reply(data, lines)


COMMANDS = (rules, pack_list, pack_publish)
