"""Who gets what, by which clause, how much and who pays; and who answers for what.

A page is about one school, so that it is as quick in a county as in a school.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from xueshi_server.domain.fields import word_label
from xueshi_server.domain.packs.held import types_of_rule
from xueshi_server.domain.packs.measures import Amount, Formula
from xueshi_server.domain.packs.model import Budget, Conversion, ConversionRow, Entitlement, Role
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.amounts import RuleError
from xueshi_server.domain.rules.catalogue import Catalogue
from xueshi_server.domain.rules.entitlements import STANDINGS, Grant
from xueshi_server.grant_words import GrantWords
from xueshi_server.store.facts import open_facts
from xueshi_server.store.grants import grant_page, school_grants
from xueshi_server.store.schools import list_schools
from xueshi_server.web.asked import row_number
from xueshi_server.web.packs import active_pack, asked_day
from xueshi_server.web.site import language, this_node
from xueshi_server.web.views.budgets import show_budgets, show_shelves

blueprint = Blueprint("grants", __name__, url_prefix="/grants")
blueprint.add_url_rule("/budgets", "budgets", show_budgets)
blueprint.add_url_rule("/shelves", "shelves", show_shelves)
Page = str | tuple[str, int] | Response
# After every rank that a pack gives.
_LAST: Final = 1000


@blueprint.get("/")
def index() -> Page:
    """Every entitlement with how many of a school have it."""
    pack, day, school = active_pack(), asked_day(), _school()
    grants: list[Grant] = []
    if school is not None:
        with open_facts(this_node()) as facts:
            grants = school_grants(pack, facts, day, school)
    words = GrantWords(pack, language())
    ranked = sorted(pack.entitlements.values(), key=lambda each: each.rank or _LAST)
    return render_template(
        "grants.html",
        cards=[_card(words, each, grants) for each in ranked],
        **_frame(pack, school),
    )


@blueprint.get("/of/<entitlement_id>")
def show(entitlement_id: str) -> Page:
    """The people of a school whom one entitlement is meant for."""
    pack, day, school = active_pack(), asked_day(), _school()
    entitlement = pack.entitlements.get(entitlement_id)
    if entitlement is None or school is None:
        abort(404)
    start = max(request.args.get("start", 0, type=row_number), 0)
    with open_facts(this_node()) as facts:
        page = grant_page(pack, facts, day, school, entitlement=entitlement, start=start)
    words = GrantWords(pack, language())
    return render_template(
        "grants_of.html",
        card=_card(words, entitlement, page.grants),
        lines=[words.grant(each) for each in page.grants],
        page=page,
        **_frame(pack, school),
    )


@blueprint.get("/duties")
def duties() -> Page:
    """What every role answers for, takes, bears and may lift; which rights people have."""
    pack = active_pack()
    words = GrantWords(pack, language())
    return render_template(
        "duties.html",
        roles=[found for each in pack.roles.values() if (found := _role(words, each))],
        rights=[_card(words, each, ()) for each in pack.entitlements.values()],
        conversions=[_conversion(words, each) for each in pack.conversions.values()],
        **_frame(pack, None),
    )


def _school() -> str | None:
    """The code of the school that is asked for, else of the first one."""
    codes = [each["code"] for each in list_schools(this_node()) if each["code"]]
    wanted = request.args.get("school", "")
    return wanted if wanted in codes else next(iter(codes), None)


def _frame(pack: Pack, school: str | None) -> dict[str, Any]:
    node = this_node()
    schools = [each for each in list_schools(node) if each["code"]]
    return {
        "pack": pack,
        "title": word_label(pack.about.label, language()),
        "day": asked_day(),
        "school": school,
        "schools": schools,
        "centre_knows": node.role != "centre" and _vetoes_at_centre(pack),
    }


def _vetoes_at_centre(pack: Pack) -> bool:
    """Whether only the centre has the records that some vetoes rest on."""
    vetoes = [each for each in pack.rules if pack.rules[each].veto is not None]
    places = {pack.types[of].place for each in vetoes for of in types_of_rule(pack, each)}
    return "centre" in places


def _card(words: GrantWords, each: Entitlement, grants: Sequence[Grant]) -> dict[str, Any]:
    """What an entitlement is, and how many stand how."""
    own = [grant for grant in grants if grant.entitlement == each.id]
    counted = Counter(grant.standing for grant in own)
    catalogue, pack, spoken = Catalogue(words.pack), words.pack, language()
    try:
        amount = None if each.amount is None else catalogue.number(catalogue.plain(each.amount))
    except RuleError:
        amount = None
    subject = pack.subjects.get(each.scope)
    return {
        "id": each.id,
        "label": word_label(each.label, spoken),
        "of": "" if subject is None else word_label(subject.label, spoken),
        "amount": words.amount(amount, each.per),
        "payers": words.shares(each.payers),
        "rule": "" if each.rule is None else words.rule(each.rule),
        "rank": each.rank,
        "counts": [(standing, words.standing(standing), counted[standing])
                   for standing in STANDINGS if counted[standing]],
        "count": len(own),
        "clauses": pack.quotes(each.source),
    }  # fmt: skip


def _role(words: GrantWords, role: Role) -> dict[str, Any] | None:
    """A role with all that it has to do; None where the pack says nothing of it."""
    pack, spoken = words.pack, language()
    steps = [
        (word_label(flow.label, spoken), word_label(step.label, spoken))
        for flow in pack.workflows.values()
        for step in flow.step
        if step.role == role.id
    ]
    payers: list[Entitlement | Budget] = [*pack.entitlements.values(), *pack.budgets.values()]
    pays = [
        word_label(each.label, spoken)
        for each in payers
        if any(payer.payer == role.id for payer in each.payers)
    ]
    lifts = [
        word_label(rule.label, spoken)
        for rule in pack.rules.values()
        if rule.veto is not None and rule.veto.lift_by == role.id
    ]
    if not (role.duties or steps or pays or lifts):
        return None
    return {
        "label": word_label(role.label, spoken),
        "tier": role.tier,
        "duties": [word_label(each, spoken) for each in role.duties],
        "steps": _by_flow(steps),
        "pays": pays,
        "lifts": lifts,
        "clauses": pack.quotes(role.source),
    }


def _by_flow(steps: Sequence[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for flow, step in steps:
        found.setdefault(flow, []).append(step)
    return list(found.items())


def _conversion(words: GrantWords, table: Conversion) -> dict[str, Any]:
    """A conversion table: what counts for how much, up to where, and with which proof."""
    return {
        "label": word_label(table.label, language()),
        "cap": _hours(words, table.cap),
        "own": any(_is_own(words.pack, row.minutes) for row in table.row),
        "rows": [_conversion_row(words, each) for each in table.row],
        "clauses": words.pack.quotes(table.source),
    }


def _is_own(pack: Pack, amount: Amount) -> bool:
    """Whether the county chose an amount that no source names."""
    name = amount.param if isinstance(amount, Formula) else None
    return name is not None and name in pack.parameters and pack.parameters[name].own


def _conversion_row(words: GrantWords, row: ConversionRow) -> dict[str, str]:
    paper = words.pack.papers.get(row.proof or "")
    return {
        "label": word_label(row.label, language()),
        "worth": "" if row.per else _hours(words, row.minutes),
        "item_cap": _hours(words, row.item_cap),
        "window_cap": _hours(words, row.window_cap),
        "proof": "" if paper is None else word_label(paper.label, language()),
    }


def _hours(words: GrantWords, amount: Any) -> str:
    if amount is None:
        return ""
    catalogue = Catalogue(words.pack)
    try:
        return words.results.amount(catalogue.number(catalogue.plain(amount)), "hour")
    except RuleError:
        return ""
