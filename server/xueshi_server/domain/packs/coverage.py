"""Where every statement of the source documents lives in the packs, or why it does not.

A declaration carries a statement when something is entered, worked out, checked or printed by it.
What is only told on a page (a role with duties but no step, a document that is named) is said to
be told, and a value that the county chose where the statement names none is said to be chosen.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from xueshi_server.domain.packs.checking_sources import list_citations
from xueshi_server.domain.packs.model import Budget, Entitlement, Label, Statement
from xueshi_server.domain.packs.pack import Pack, Spot

# What reads declarations of a kind, as pages, commands and files are called. A test looks each up.
READ_BY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "document": "the training site, beside what it quotes; `xueshi pack-check`",
        "parameter": "the rule or table that names it, when a pack is loaded",
        "codes": "fields of record types: entry, lists, import, export",
        "level": "the code list of levels, in words of the county",
        "type": "records: tables, entry, import, export, review, queries",
        "subject": "rules, entitlements and figures",
        "rule": "the page of requirements, `xueshi rules`, gates of workflows, forms",
        "conversion": "rules in hours; the page of duties",
        "paper": "reviews and steps of workflows",
        "workflow": "the steps on a record's page",
        "entitlement": "the page of grants, `xueshi grants`, forms",
        "budget": "the page of budgets, `xueshi budgets`",
        "target": "`xueshi figures`, the training site",
        "statistic": "`xueshi figures`, the training site",
        "form": "the page of forms, `xueshi print`",
        "sheet": "spreadsheets in and out",
        "query": "`xueshi browse`",
        "role": "steps of workflows; the page of duties",
        "shelf": "the page of resources",
    }
)
_TOLD: Final = ("document", "role", "shelf")


@dataclass(frozen=True, slots=True)
class Traced:
    """A statement, and the declarations that rest on it: "rule JY-360", "codes level/county".

    `told`: those that only tell it on a page. `chosen`: values that it leaves to the county.
    """

    statement: Statement
    document: Label
    carried_by: tuple[str, ...]
    told: tuple[str, ...] = ()
    chosen: tuple[str, ...] = ()

    @property
    def explained(self) -> bool:
        """Whether something carries or tells it, or it says why nothing does."""
        return bool(self.carried_by or self.told) or self.statement.why_not is not None


def trace_statements(packs: Iterable[Pack]) -> list[Traced]:
    """Every statement of the packs once, in the order of documents and of their numbers."""
    found: dict[str, dict[str, str]] = {}
    statements: dict[str, tuple[Statement, Label]] = {}
    for pack in packs:
        for statement_id, statement in pack.statements.items():
            document = pack.documents.get(statement_id.partition(".")[0])
            if document is not None:
                statements.setdefault(statement_id, (statement, document.label))
        for spot, cited in list_citations(pack):
            _note(found.setdefault(cited, {}), _name(pack, spot), _weight(pack, spot))
    return [
        Traced(statement, label, *_by_weight(found.get(statement_id, {})))
        for statement_id, (statement, label) in sorted(
            statements.items(), key=lambda each: _order(each[0])
        )
    ]


def _note(known: dict[str, str], name: str, weight: str) -> None:
    """What carries it under one pack carries it, whatever it is under another."""
    if known.get(name) != "carried":
        known[name] = weight


def _by_weight(found: Mapping[str, str]) -> list[tuple[str, ...]]:
    return [
        tuple(name for name, weight in found.items() if weight == wanted)
        for wanted in ("carried", "told", "chosen")
    ]


def _weight(pack: Pack, spot: Spot) -> str:
    """Whether a declaration carries what it cites, tells it, or chooses where it says nothing."""
    kind, declared_id = str(spot[0]), str(spot[1])
    if kind == "parameter" and pack.parameters[declared_id].own:
        return "chosen"
    if kind not in _TOLD:
        return "carried"
    acts = kind == "shelf" and pack.shelves[declared_id].of is not None
    return "carried" if acts or declared_id in _acting(pack, kind) else "told"


def _acting(pack: Pack, kind: str) -> set[str]:
    """The roles that take a step, pay, or lift a veto."""
    if kind != "role":
        return set()
    steps = {step.role for flow in pack.workflows.values() for step in flow.step}
    money: list[Entitlement | Budget] = [*pack.entitlements.values(), *pack.budgets.values()]
    payers = {payer.payer for each in money for payer in each.payers}
    vetoes = [each.veto for each in pack.rules.values() if each.veto is not None]
    return steps | payers | {each.lift_by for each in vetoes if each.lift_by is not None}


def _order(statement_id: str) -> tuple[str, int]:
    document, _, number = statement_id.partition(".")
    return document, int(number)


def _name(pack: Pack, spot: Spot) -> str:
    """Kind and id of a declaration, with the part of it that cites."""
    kind, declared_id = str(spot[0]), str(spot[1])
    if spot[2] == "source":
        return f"{kind} {declared_id}"
    part = getattr(pack.of_kind(kind)[declared_id], str(spot[2]))[spot[3]]
    return f"{kind} {declared_id}/{part.id}"
