"""Budgets of one year by payer, and the resources on the shelves of the library.

These pages are among those of `grants`, which gives them their addresses.
"""

from collections.abc import Sequence
from typing import Any, Final

from flask import render_template, request
from werkzeug.wrappers import Response

from xueshi_server.domain.fields import word_label
from xueshi_server.domain.packs.model import Budget, Shelf
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.budgets import Account, held_elsewhere, list_accounts
from xueshi_server.grant_words import GrantWords
from xueshi_server.store.budgets import list_shelf, year_of
from xueshi_server.store.facts import SqlFacts, open_facts
from xueshi_server.store.records import find_row
from xueshi_server.web.asked import row_number
from xueshi_server.web.packs import active_pack, asked_day
from xueshi_server.web.record_view import Viewer
from xueshi_server.web.site import language, this_node

Page = str | tuple[str, int] | Response
# So many schools of one budget on a page; the rest is a page further.
ROWS: Final = 50


def show_budgets() -> Page:
    """Every budget of a year: set apart, spent, by payer."""
    pack, day, node = active_pack(), asked_day(), this_node()
    year = request.args.get("year", 0, type=row_number)
    on, as_of, shown = year_of(pack, day, year if 1900 <= year < 9999 else None)
    with open_facts(node) as facts:
        accounts = list_accounts(pack, facts, as_of, on=on)
    words = GrantWords(pack, language())
    start = max(request.args.get("start", 0, type=row_number), 0)
    cards = [
        _card(words, each, [one for one in accounts if one.budget == each.id], start)
        for each in pack.budgets.values()
    ]
    return render_template(
        "budgets.html",
        cards=cards,
        year=shown,
        start=start,
        rows=ROWS,
        pack=pack,
        title=word_label(pack.about.label, language()),
        day=as_of,
    )


def show_shelves() -> Page:
    """The resources of the pack with the records there are."""
    pack = active_pack()
    with open_facts(this_node()) as facts:
        cards = [_shelf(pack, facts, each) for each in pack.shelves.values()]
    return render_template(
        "shelves.html", cards=cards, pack=pack, title=word_label(pack.about.label, language())
    )


def _card(
    words: GrantWords, budget: Budget, accounts: Sequence[Account], start: int
) -> dict[str, Any]:
    is_many = budget.scope != "county"
    return {
        "id": budget.id,
        "label": word_label(budget.label, language()),
        "purposes": words.purposes(budget),
        "earmarked": budget.earmarked,
        "funders": words.funders(budget),
        "held": held_elsewhere(words.pack, budget, this_node().role),
        "by_school": is_many,
        "payers": words.shares(budget.payers),
        "accounts": [words.account(each) for each in accounts[start : start + ROWS]],
        "count": len(accounts),
        "more": len(accounts) > start + ROWS,
        "clauses": words.pack.quotes(budget.source),
    }


def _shelf(pack: Pack, facts: SqlFacts, shelf: Shelf) -> dict[str, Any]:
    spoken, declared = language(), pack.types.get(shelf.of or "")
    card: dict[str, Any] = {
        "id": shelf.id,
        "label": word_label(shelf.label, spoken),
        "kind": shelf.kind,
        "clauses": pack.quotes(shelf.source),
        "of": None,
        "elsewhere": declared is not None
        and declared.place == "centre"
        and this_node().role != "centre",
    }
    if declared is None or card["elsewhere"] or declared.id not in this_node().schema.by_name:
        return card
    keys, count = list_shelf(pack, facts, shelf)
    rows = [
        row for key in keys if (row := find_row(this_node(), declared, *key)) is not None
    ]  # fmt: skip
    viewer = Viewer(pack, declared, spoken)
    viewer.read_names(rows)
    names = shelf.fields or viewer.columns()
    return {
        **card,
        "of": declared.id,
        "type_label": word_label(declared.label, spoken),
        "heads": [viewer.label(name) for name in names],
        "lines": [(row, [viewer.cell(name, row) for name in names]) for row in rows],
        "count": count,
    }
