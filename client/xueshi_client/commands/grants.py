"""Who gets what by which clause, and what money went where: `grants` and `budgets`."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import Any

import click
import msgspec

from xueshi_client.console import Reply, WordedCommand, option
from xueshi_client.state import State
from xueshi_client.usage import WordedUsageError
from xueshi_server.domain.fields import word_label
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.budgets import Account, held_elsewhere, list_accounts
from xueshi_server.domain.rules.entitlements import STANDINGS, Grant
from xueshi_server.grant_words import GrantWords, ShownAccount
from xueshi_server.node_clock import today_of
from xueshi_server.store.budgets import year_of
from xueshi_server.store.facts import open_facts
from xueshi_server.store.grants import school_grants
from xueshi_server.store.packs import find_active, find_pack
from xueshi_server.store.schools import list_schools
from xueshi_sync.node import Node

# A clerk reads the first of each standing; all of them are in --json.
SHOWN_MAX = 20
YEARS = click.IntRange(1900, 9998)


def _choose(node: Node, name: str | None, day: dt.date) -> Pack:
    """The pack that is asked for: of one id, the version that counts on the day comes first."""
    active = find_active(node, day).pack
    return active if name in (None, active.id) else find_pack(node, name or "")


@click.command(cls=WordedCommand)
@option("--pack", "pack_name", metavar="ID[@VERSION]", help="cli.opt.pack")
@option("--as-of", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="cli.opt.as_of")
@option("--school", metavar="CODE", help="cli.opt.grants_school")
@click.pass_obj
def grants(
    state: State, *, pack_name: str | None, as_of: dt.datetime | None, school: str | None
) -> Reply:
    with state.open_node() as node:
        if school is not None and school not in {each["code"] for each in list_schools(node)}:
            raise WordedUsageError("no_such_school", school=school)
        day = as_of.date() if as_of else today_of(node)
        pack = _choose(node, pack_name, day)
        with open_facts(node) as facts:
            found = school_grants(pack, facts, day, school)
    words = GrantWords(pack, state.language)
    data = {
        **_head(pack, day),
        "entitlements": [_plain_entitlement(pack, each) for each in pack.entitlements],
        "grants": [_plain_grant(words, each) for each in found],
    }
    people = len({(each.scope, each.subject) for each in found})
    title = state.word(
        "cli.grants.title", pack=pack.id, version=pack.version, day=day, count=people
    )
    lines = [title]
    for entitlement in pack.entitlements:
        own = [each for each in found if each.entitlement == entitlement]
        lines += _grant_lines(state, words, entitlement, own)
    return Reply(data, lines)


def _head(pack: Pack, day: dt.date) -> dict[str, Any]:
    return {"pack": pack.id, "version": pack.version, "as_of": day.isoformat()}


def _plain_entitlement(pack: Pack, entitlement: str) -> dict[str, Any]:
    declared = pack.entitlements[entitlement]
    return {
        "id": entitlement,
        "label": msgspec.to_builtins(declared.label),
        "rule": declared.rule,
        "rank": declared.rank,
        "source": [{"id": each, "quote": quote} for each, quote in pack.quotes(declared.source)],
    }


def _plain_grant(words: GrantWords, grant: Grant) -> dict[str, Any]:
    """A grant for programs: exact fractions as text; the clause stands with the entitlement."""
    data: dict[str, Any] = msgspec.to_builtins(grant, enc_hook=str)
    del data["source"]
    return {**data, "why": words.why(grant)}


def _grant_lines(
    state: State, words: GrantWords, entitlement: str, own: Sequence[Grant]
) -> list[str]:
    declared = words.pack.entitlements[entitlement]
    counted = Counter(each.standing for each in own)
    counts = ", ".join(
        f"{words.standing(each)} {counted[each]}" for each in STANDINGS if counted[each]
    )
    label = word_label(declared.label, state.language)
    lines = [state.word("cli.grants.line", label=label, counts=counts or "0")]
    if own:
        amount = words.amount(own[0].amount, own[0].per)
        payers = [f"{name} {share}" for name, share in words.shares(declared.payers)]
        terms = "; ".join(each for each in (amount, ", ".join(payers)) if each)
        if terms:
            lines.append(f"  {state.word('cli.grants.terms', terms=terms)}")
    if declared.rank:
        lines.append(f"  {state.word('cli.grants.rank', rank=declared.rank)}")
    for statement, quote in words.pack.quotes(declared.source):
        lines.append(f"  {state.word('cli.rules.clause', id=statement, quote=quote)}")
    order = {standing: place for place, standing in enumerate(STANDINGS)}
    chosen = sorted(own, key=lambda each: order[each.standing])
    for each in chosen[:SHOWN_MAX]:
        said = words.grant(each)
        values = {"name": said.name or said.scope, "scope": said.scope, "why": said.why}
        lines.append(f"  {state.word('cli.grants.person', standing=said.word, **values)}")
    if len(chosen) > SHOWN_MAX:
        lines.append(f"  {state.word('cli.rules.more', count=len(chosen) - SHOWN_MAX)}")
    return lines


@click.command(cls=WordedCommand)
@option("--pack", "pack_name", metavar="ID[@VERSION]", help="cli.opt.pack")
@option("--year", type=YEARS, metavar="YEAR", help="cli.opt.budget_year")
@option("--as-of", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="cli.opt.as_of")
@click.pass_obj
def budgets(
    state: State, *, pack_name: str | None, year: int | None, as_of: dt.datetime | None
) -> Reply:
    with state.open_node() as node:
        day = as_of.date() if as_of else today_of(node)
        pack, role = _choose(node, pack_name, day), node.role
        on, day, shown = year_of(pack, day, year)
        with open_facts(node) as facts:
            found = list_accounts(pack, facts, day, on=on)
    words = GrantWords(pack, state.language)
    elsewhere = {
        each.id for each in pack.budgets.values() if held_elsewhere(pack, each, role)
    }  # fmt: skip
    data = {
        **_head(pack, day),
        "year": shown,
        "budgets": [_plain_account(pack, each, elsewhere) for each in found],
    }
    title = state.word(
        "cli.budgets.title", pack=pack.id, version=pack.version, year=shown, day=day,
        count=len(pack.budgets),
    )  # fmt: skip
    lines = [title]
    for account in found:
        lines += _account_lines(state, words, account, elsewhere)
    return Reply(data, lines)


def _plain_account(pack: Pack, account: Account, elsewhere: set[str]) -> dict[str, Any]:
    """A budget for programs: fen, exact fractions as text, each amount between its bounds."""
    data: dict[str, Any] = msgspec.to_builtins(account, enc_hook=str)
    result = account.result
    data["label"] = msgspec.to_builtins(pack.budgets[account.budget].label)
    data["only_at_centre"] = account.budget in elsewhere
    data["result"] = None if result is None else {
        "rule": result.rule,
        "status": result.status,
        "value": msgspec.to_builtins(result.value, enc_hook=str),
        "figures": msgspec.to_builtins(result.outcome.figures, enc_hook=str),
    }  # fmt: skip
    return data


def _account_lines(
    state: State, words: GrantWords, account: Account, elsewhere: set[str]
) -> list[str]:
    declared, said = words.pack.budgets[account.budget], words.account(account)
    label = word_label(declared.label, state.language)
    name = said.name or state.word("cli.rules.county")
    lines = [state.word("cli.budgets.line", label=label, name=name)]
    if account.budget in elsewhere:
        return [*lines, f"  {state.word('cli.budgets.elsewhere')}"]
    lines += [f"  {each}" for each in _money_lines(state, said)]
    for each in said.payers:
        values = {"payer": each.name, "share": each.share}
        money = each.spent or each.planned
        if money:
            lines.append(f"  {state.word('cli.budgets.payer', amount=money, **values)}")
    for giver, amount in said.groups:
        lines.append(f"  {state.word('cli.budgets.giver', giver=giver, amount=amount)}")
    for statement, quote in account.source:
        lines.append(f"  {state.word('cli.rules.clause', id=statement, quote=quote)}")
    return lines


def _money_lines(state: State, said: ShownAccount) -> list[str]:
    lines = [
        state.word(f"cli.budgets.{key}", amount=amount)
        for key, amount in (
            ("planned", said.planned), ("spent", said.spent), ("outside", said.outside),
        )
        if amount
    ]  # fmt: skip
    if said.asked:
        figures = " · ".join(
            each for each in (said.figures, said.needed, said.reason) if each
        )  # fmt: skip
        lines.append(
            state.word("cli.budgets.asked", status=said.standing, rule=said.asked, figures=figures)
        )
    return [*lines, said.heard] if said.heard else lines


COMMANDS = (grants, budgets)
