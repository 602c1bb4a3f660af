"""A pack as a value: what one folder declares (`Draft`), and what holds after inheritance (`Pack`).

Kinds are named as their TOML tables; ids are unique within a kind. Order is the order of reading.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec import Struct

from xueshi_server.domain.packs.model import (
    About,
    Budget,
    Calendar,
    CodeList,
    Conversion,
    Entitlement,
    Form,
    Level,
    Paper,
    Parameter,
    Query,
    RecordType,
    Role,
    Rule,
    Sheet,
    Shelf,
    Source,
    Statement,
    Statistic,
    Subject,
    Target,
    Workflow,
)

Declaration = (
    Source | Statement | Parameter | CodeList | Level | RecordType | Subject | Rule | Conversion
    | Paper | Workflow | Entitlement | Budget | Target | Statistic | Form | Sheet | Query | Role
    | Shelf
)  # fmt: skip

# TOML table of a kind to the name it has in a `Pack`.
KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "document": "documents",
        "statement": "statements",
        "parameter": "parameters",
        "codes": "codes",
        "level": "levels",
        "type": "types",
        "subject": "subjects",
        "rule": "rules",
        "conversion": "conversions",
        "paper": "papers",
        "workflow": "workflows",
        "entitlement": "entitlements",
        "budget": "budgets",
        "target": "targets",
        "statistic": "statistics",
        "form": "forms",
        "sheet": "sheets",
        "query": "queries",
        "role": "roles",
        "shelf": "shelves",
    }
)

# Path in the TOML of a file: kind, then position or id, then keys and positions.
Spot = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a declaration stands: the file, and which one of its kind it is there."""

    file: str
    index: int


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a pack. The catalogue words `code`; `spot` leads to the line."""

    code: str
    spot: Spot = ()
    values: Mapping[str, str] = field(default_factory=dict)
    pack: str = ""
    file: str = ""
    line: int = 0


@dataclass(frozen=True)
class Draft:
    """What the files of one folder declare, before inheritance."""

    about: About
    tables: Mapping[str, Mapping[str, Declaration]]
    calendar: Calendar | None = None
    settings: Mapping[str, bool | int | str] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    # Of declarations by kind and id; of the tables `pack`, `calendar`, `set`, `drop` by "" as id.
    places: Mapping[tuple[str, str], Place] = field(default_factory=dict)


class Ancestor(Struct, frozen=True):
    """A pack that was taken over, in that version."""

    id: str
    version: str


class Pack(Struct, frozen=True, dict=True, kw_only=True):
    """A resolved pack: every declaration that holds, by id, parents' first.

    `origins` says which pack of `lineage` each came from, by "kind:id".
    """

    about: About
    calendar: Calendar
    lineage: tuple[Ancestor, ...] = ()
    origins: dict[str, str] = {}
    documents: dict[str, Source] = {}
    statements: dict[str, Statement] = {}
    parameters: dict[str, Parameter] = {}
    codes: dict[str, CodeList] = {}
    levels: dict[str, Level] = {}
    types: dict[str, RecordType] = {}
    subjects: dict[str, Subject] = {}
    rules: dict[str, Rule] = {}
    conversions: dict[str, Conversion] = {}
    papers: dict[str, Paper] = {}
    workflows: dict[str, Workflow] = {}
    entitlements: dict[str, Entitlement] = {}
    budgets: dict[str, Budget] = {}
    targets: dict[str, Target] = {}
    statistics: dict[str, Statistic] = {}
    forms: dict[str, Form] = {}
    sheets: dict[str, Sheet] = {}
    queries: dict[str, Query] = {}
    roles: dict[str, Role] = {}
    shelves: dict[str, Shelf] = {}

    @property
    def id(self) -> str:
        """Id of the pack."""
        return self.about.id

    @property
    def version(self) -> str:
        """Version of the pack."""
        return self.about.version

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the resolved pack in canonical JSON: equal where it means the same."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()

    def of_kind(self, kind: str) -> Mapping[str, Declaration]:
        """The declarations of a TOML table by id."""
        found: Mapping[str, Declaration] = getattr(self, KINDS[kind])
        return found

    def quotes(self, source: list[str]) -> list[tuple[str, str]]:
        """Statement ids with their exact quotations, unknown ids left out."""
        known = self.statements
        return [(each, known[each].quote) for each in source if each in known]
