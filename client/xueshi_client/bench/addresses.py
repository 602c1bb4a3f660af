"""Every address of a node that is read: each route of its pages, with real records in its place.

Routes come from the application itself, so that a new page is measured without being listed here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any, Final
from urllib.parse import quote

from flask import Flask

from xueshi_server.accounts import Role
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.store.material import type_of_form
from xueshi_server.web.access import MAY, NEEDS
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

# Answers of work that is under way, what is inside a book or a folder, and what needs a file that
# is not here: a photo, a quiz, a site. Their pages are measured by `lesson`.
_LEFT_OUT: Final = frozenset(
    {"static", "health.show", "printing.show", "printing.give", "attachments.file", "mine.photo"}
    | {"quizzes.show", "reading.book", "reading.part", "library.inside", "library.chunks"}
    | {"training.index", "training.show", "contributions.file", "contributions.inside"}
)
# Whole tables and papers: no pages, nobody waits for them between two clicks.
FILES: Final = frozenset({"files.give", "form_pdf.one", "mine.statement", "library.file"})
# Routes that are about an hour, or a contribution; others with a name are about a person.
_OF_HOURS: Final = ("hours.", "entry.", "session.")
_OF_CONTRIBUTIONS: Final = "contributions."
_FAR: Final = "?after={month}-15~{scope}~999999999"
# What lists are narrowed by, and pages far down.
_QUERIES: Final[Mapping[str, Sequence[str]]] = {
    "hours.index": ("?month={month}", "?state=pending", "?state=void", "?person={person}", _FAR,
                    "?month={month}&state=pending", "?school={school}",
                    "?school={school}&state=approved"),
    "people.index": ("?q={surname}", "?q=zzzz", "?at=gone", "?order=strokes", "?order=pinyin",
                     "?school={school}&order=roster", "?after={last_no}~{scope}~1"),
    "requirements.index": ("?q={surname}", "?of=project", "?school={school}",
                           "?after={last_no}~{scope}~1"),
    "review.index": ("?state=approved", "?state=passed", "?state=claim", "?state=entry",
                     "?state=sent", "?state=returned", "?state=disputed", "?school={school}",
                     "?after={claim}", _FAR + "&part=1"),
    "session.new": ("?new=1", "?like={hour}"),
    "entry.new": ("?like={hour}",),
    "records.list_all": ("?q=zzzz", "?q={surname}", "?state=pending", "?state=void", _FAR,
                         "?school={school}"),
    "records.queue": ("?state=disputed", _FAR),
    "forms.choose": ("?q={surname}", "?q=zzzz"),
    "grants.show": ("?start=50", "?start=250"),
    "library.index": ("?q=zzzz", "?q={subject}", "?subject={subject}", "?from=1950"),
    "contributions.index": ("?state=waiting", "?from=450"),
    "objections.index": ("?from=200",),
    "accounts.index": ("?from=200",),
    "accounts.codes": ("?from=200",),
    "writing.edit": ("?quiz=1", "?of={resource}"),
    "login.show": ("?by=password",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Address:
    """One page or file, and the role of who opens it."""

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
    """All addresses, each once a role: what names no record is opened by everybody who may, the
    rest by the administrator, or the teacher whose own it is."""
    found: dict[Address, None] = {}
    words = _words(index)
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.endpoint in _LEFT_OUT:
            continue
        for values in _fillings(index, rule.endpoint, set(rule.arguments)):
            with app.test_request_context():
                path = app.url_for(rule.endpoint, **values)
            for query in ("", *_QUERIES.get(rule.endpoint, ())):
                whole = path + query.format_map(words)
                for role in _roles_of(index, rule.endpoint, is_single=not values):
                    found[Address(rule.endpoint, whole, role)] = None
    return list(found)


def roles_at(role: str) -> tuple[Role, ...]:
    """Who works at a node of a role."""
    if role == "centre":
        return ("admin", "reviewer", "viewer")
    return ("admin", "registrar", "principal", "viewer", "teacher")


def _roles_of(index: Index, endpoint: str, *, is_single: bool) -> tuple[str, ...]:
    able = [role for role in roles_at(index.node.role) if NEEDS[endpoint] in MAY[role]]
    if is_single or not able:
        return tuple(able)
    return ("admin",) if "admin" in able else ("teacher",)


def _words(index: Index) -> dict[str, Any]:
    """What stands in the places of queries."""
    node = index.node
    day = str(node.query("SELECT max(date) FROM hour")[0][0])
    person = node.query("SELECT name, scope_no FROM person LIMIT 1")[0]
    claims = "FROM hour WHERE state = 'pending' AND actor <> 'registrar'"
    claim = node.query(
        f"SELECT date, scope_no, rec {claims} ORDER BY date DESC, rec DESC LIMIT 1"
        f" OFFSET (SELECT count(*) / 2 {claims})"
    )
    last_no = str(node.query("SELECT max(staff_no) FROM person")[0][0])
    return {
        "month": day[:7],
        "scope": node.home_scope_no or 0,
        "school": person["scope_no"],
        "surname": quote(str(person["name"])[:1]),
        "person": index.of("person")[0],
        "hour": index.of("hour")[-1],
        "claim": "~".join(map(str, claim[0])) if claim else "",
        "last_no": last_no[:-1],
        "subject": "Chinese",
        "resource": next(iter(index.of("resource")), ""),
    }


def _fillings(index: Index, endpoint: str, wanted: set[str]) -> Iterator[dict[str, Any]]:
    """What stands in the places of a route."""
    pack = index.pack
    if not wanted:
        yield {}
    elif wanted == {"name"}:
        yield from ({"name": each} for each in _names(index, endpoint))
    elif wanted == {"resource_id"}:
        yield from ({"resource_id": each} for each in index.of("resource"))
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


def _names(index: Index, endpoint: str) -> list[str]:
    if endpoint.startswith(_OF_CONTRIBUTIONS):
        return index.of("contribution")
    if endpoint.startswith(_OF_HOURS):
        return index.of("hour")
    people = index.of("person")
    if endpoint == "requirements.show":
        return [*people, index.node.code, "county", *index.of("project")]
    return people


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
