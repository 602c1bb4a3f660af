"""Every address of a node that is read: each route of its pages, with real records in its place.

Routes come from the application itself, so that a new page is measured without being listed here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any, Final
from urllib.parse import quote

from flask import Flask

from xueshi_server.domain.packs.pack import Pack
from xueshi_server.store.material import type_of_form
from xueshi_server.web.access import NEEDS
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

# Of no records, and the answers of work that is under way.
_LEFT_OUT: Final = frozenset(
    {"quizzes.show", "reading.book", "reading.part"}
    | {"static", "health.show", "training.index", "training.show", "mine.photo", "login.show"}
    | {"printing.show", "printing.give", "attachments.file", "library.show", "library.file"}
    | {"library.inside", "personal.show"}
)
# Whole tables and papers: no pages, nobody waits for them between two clicks.
FILES: Final = frozenset({"files.give", "form_pdf.one", "mine.statement", "accounts.codes"})
# Routes that are about an hour; others with a name are about a person.
_OF_HOURS: Final = ("hours.", "entry.", "session.")
# What lists are narrowed by.
_QUERIES: Final[Mapping[str, Sequence[str]]] = {
    "hours.index": ("?month={month}", "?state=pending", "?state=void", "?person={person}",
                    "?after={month}-15~{scope}~999999999", "?month={month}&state=pending"),
    "people.index": ("?q={surname}", "?q=zzzz", "?at=gone", "?order=strokes", "?order=pinyin"),
    "requirements.index": ("?q={surname}", "?of=project"),
    "review.index": ("?state=approved",),
    "session.new": ("?new=1", "?like={hour}"),
    "entry.new": ("?like={hour}",),
    "records.list_all": ("?q=zzzz", "?q={surname}", "?state=pending", "?state=void",
                         "?after={month}-15~{scope}~999999999"),
    "forms.choose": ("?q={surname}", "?q=zzzz"),
    "grants.show": ("?start=50", "?start=250"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Address:
    """One page or file, and by whom it is opened: `admin`, or `teacher` for a teacher's own."""

    endpoint: str
    path: str
    role: str

    @property
    def is_file(self) -> bool:
        """Whether it is a file to keep, and no page."""
        return self.endpoint in FILES


@dataclass
class Index:
    """The names that addresses are filled with: `count` of each sort, spread over all records."""

    node: Node
    pack: Pack
    count: int
    names: dict[str, list[str]] = field(default_factory=dict)

    def of(self, of: str) -> list[str]:
        """Public names of records of a type."""
        if of not in self.names:
            self.names[of] = self._read(of) if of in self.node.schema.by_name else []
        return self.names[of]

    def _read(self, of: str) -> list[str]:
        total = int(self.node.query(f'SELECT count(*) FROM "{of}"')[0][0])
        step = max(1, total // self.count)
        rows = self.node.query(
            f'SELECT scope_no, rec FROM (SELECT *, row_number() OVER () AS n FROM "{of}")'
            f" WHERE (n - 1) % {step} = 0 LIMIT {self.count}"
        )
        return [self.node.public_id(RecordKey(row["scope_no"], row["rec"])) for row in rows]


def list_addresses(app: Flask, index: Index) -> list[Address]:
    """All addresses, each once."""
    found: dict[str, Address] = {}
    month = str(index.node.query("SELECT max(date) FROM hour")[0][0])[:7]
    words = {"month": month, "scope": index.node.home_scope_no}
    name = str(index.node.query("SELECT name FROM person LIMIT 1")[0][0])
    words["surname"] = quote(name[:1])
    words |= {"person": index.of("person")[0], "hour": index.of("hour")[-1]}
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.endpoint in _LEFT_OUT:
            continue
        role = "teacher" if NEEDS[rule.endpoint] == "mine" else "admin"
        for values in _fillings(index, rule.endpoint, set(rule.arguments)):
            with app.test_request_context():
                path = app.url_for(rule.endpoint, **values)
            queries = _QUERIES.get(rule.endpoint, ())
            for query in ("", *queries):
                whole = path + query.format_map(words)
                found[whole] = Address(rule.endpoint, whole, role)
    return list(found.values())


def _fillings(index: Index, endpoint: str, wanted: set[str]) -> Iterator[dict[str, Any]]:
    """What stands in the places of a route."""
    pack, people = index.pack, index.of("person")
    if not wanted:
        yield {}
    elif wanted == {"name"}:
        names = index.of("hour") if endpoint.startswith(_OF_HOURS) else people
        if endpoint == "requirements.show":
            names = [*names, index.node.code, "county", *index.of("project")]
        yield from ({"name": each} for each in names)
    elif "rule_id" in wanted:
        for rule_id, rule in pack.rules.items():
            subject = pack.subjects.get(rule.scope)
            of = (subject.of if subject is not None else None) or rule.scope
            names = index.of(of) or [index.node.code]
            yield from ({"name": each, "rule_id": rule_id} for each in islice(names, 2))
    elif "form_id" in wanted:
        yield from _fill_forms(index, wanted)
    elif "entitlement_id" in wanted:
        yield from ({"entitlement_id": each} for each in pack.entitlements)
    elif wanted <= {"type_name", "name", "kind"}:
        # What else a route may name, a book or a file in it, is not here.
        yield from _fill_types(index, endpoint, wanted)


def _fill_forms(index: Index, wanted: set[str]) -> Iterator[dict[str, Any]]:
    for form_id, form in index.pack.forms.items():
        if "name" not in wanted:
            yield {"form_id": form_id}
            continue
        of = type_of_form(index.pack, form)
        names = index.of(of) or [index.node.code]
        yield from ({"form_id": form_id, "name": each} for each in islice(names, 3))


def _fill_types(index: Index, endpoint: str, wanted: set[str]) -> Iterator[dict[str, Any]]:
    types = [of for of in index.pack.types if of in index.node.schema.by_name]
    if endpoint == "files.give":
        kinds = cycle(("csv", "xlsx", "jsonl"))
        yield {"type_name": "hour", "kind": "csv"}
        yield from ({"type_name": of, "kind": kind} for of, kind in zip(types, kinds, strict=False))
        return
    for of in types:
        if "name" not in wanted:
            yield {"type_name": of}
        else:
            most = index.count if of == "hour" else 3
            yield from ({"type_name": of, "name": each} for each in index.of(of)[:most])
