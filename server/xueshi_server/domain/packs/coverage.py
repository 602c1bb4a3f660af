"""Where every statement of the source documents lives in the packs, or why it does not."""

from collections.abc import Iterable
from dataclasses import dataclass

from xueshi_server.domain.packs.checking_sources import list_citations
from xueshi_server.domain.packs.model import Label, Statement
from xueshi_server.domain.packs.pack import Pack, Spot


@dataclass(frozen=True, slots=True)
class Traced:
    """A statement, and the declarations that rest on it: "rule JY-360", "codes level/county"."""

    statement: Statement
    document: Label
    carried_by: tuple[str, ...]

    @property
    def explained(self) -> bool:
        """Whether something carries it, or it says why nothing does."""
        return bool(self.carried_by) or self.statement.why_not is not None


def trace_statements(packs: Iterable[Pack]) -> list[Traced]:
    """Every statement of the packs once, in the order of documents and of their numbers."""
    carried: dict[str, dict[str, None]] = {}
    statements: dict[str, tuple[Statement, Label]] = {}
    for pack in packs:
        for statement_id, statement in pack.statements.items():
            document = pack.documents.get(statement_id.partition(".")[0])
            if document is not None:
                statements.setdefault(statement_id, (statement, document.label))
        for spot, cited in list_citations(pack):
            carried.setdefault(cited, {})[_name(pack, spot)] = None
    return [
        Traced(statement, label, tuple(carried.get(statement_id, ())))
        for statement_id, (statement, label) in sorted(
            statements.items(), key=lambda each: _order(each[0])
        )
    ]


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
