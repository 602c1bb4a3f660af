"""Checks of what a pack rests on: documents, exact quotations, statements that exist."""

import hashlib
from collections.abc import Iterator, Mapping

from xueshi_server.domain.packs.checker import Checker
from xueshi_server.domain.packs.pack import KINDS, Declaration, Pack, Spot


def check_sources(checker: Checker) -> None:
    """Check that statements belong to declared documents, and that what is cited exists."""
    pack = checker.pack
    for statement_id, statement in pack.statements.items():
        spot: Spot = ("statement", statement_id)
        document = statement_id.partition(".")[0]
        checker.known("document_unknown", document, pack.documents, (*spot, "id"))
        if statement.cls == "Q" and statement.why_not is None:
            checker.fault("why_missing", spot, id=statement_id)
    for spot, cited in list_citations(pack):
        checker.known("statement_unknown", cited, pack.statements, spot)


def list_citations(pack: Pack) -> Iterator[tuple[Spot, str]]:
    """Every statement id that a declaration rests on, with its path."""
    for kind in KINDS:
        for declared_id, declared in pack.of_kind(kind).items():
            yield from _cited_by(declared, (kind, declared_id))


def _cited_by(declared: Declaration, spot: Spot) -> Iterator[tuple[Spot, str]]:
    for position, cited in enumerate(getattr(declared, "source", ())):
        yield (*spot, "source", position), cited
    for key in ("value", "field", "state", "step"):
        inside = getattr(declared, key, ())
        for index, part in enumerate(inside if isinstance(inside, list) else ()):
            for position, cited in enumerate(getattr(part, "source", ())):
                yield (*spot, key, index, "source", position), cited


def check_quotes(checker: Checker, texts: Mapping[str, str]) -> None:
    """Check quotations against the texts of documents, by document id."""
    for document, text in texts.items():
        declared = checker.pack.documents.get(document)
        if declared is None:
            checker.known("document_unknown", document, checker.pack.documents, ("pack", ""))
        elif declared.sha256 and hashlib.sha256(text.encode()).hexdigest() != declared.sha256:
            checker.fault("text_differs", ("document", document, "sha256"), id=document)
    for statement_id, statement in checker.pack.statements.items():
        text = texts.get(statement_id.partition(".")[0], statement.quote)
        if statement.quote not in text:
            spot = ("statement", statement_id, "quote")
            checker.fault("quote_not_found", spot, id=statement_id, quote=statement.quote[:40])
