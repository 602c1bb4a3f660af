"""The columns of the tables of a record type: their names, their headings, their titles.

A column is called as its field, but for the names that tables of people and hours have always had
(`teacher_id`, `teacher_name`, `hours`). Where one field of a type names a person, the person's name
stands beside it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from xueshi_server.domain.fields import word_label
from xueshi_server.domain.packs.model import FieldDeclaration, RecordType
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.table_header import Headings, plain_heading
from xueshi_server.tabular import load_headings
from xueshi_server.words import LANGUAGES, word

PERSON: Final = "person"
# Columns beside the declared fields: the name of the person, the school that a record stands in,
# and the record's own name.
PERSON_NAME: Final = "teacher_name"
SCHOOL: Final = "school_code"
OWN_ID: Final = "id"
_EXTRAS: Final = (PERSON_NAME, SCHOOL, OWN_ID)
_OUTWARD: Final[Mapping[tuple[str, str], str]] = {
    (PERSON, "staff_no"): "teacher_id",
    (PERSON, "name"): PERSON_NAME,
    ("hour", "person"): "teacher_id",
    ("hour", "minutes"): "hours",
}


@dataclass(frozen=True, slots=True)
class Columns:
    """`fields` stand in the order of the declaration; `person` is the field that names the one
    person of a record."""

    pack: Pack
    declared: RecordType
    fields: Mapping[str, FieldDeclaration]
    person: FieldDeclaration | None

    @property
    def is_people(self) -> bool:
        """Whether these are the columns of people themselves."""
        return self.declared.id == PERSON and PERSON_NAME in self.fields

    @property
    def brings_people(self) -> bool:
        """Whether a table brings the people who are not here yet: one of what counts for them."""
        return self.person is not None and self.declared.amount is not None

    def names(self) -> tuple[str, ...]:
        """Every column of an exported table."""
        found: list[str] = []
        for column, each in self.fields.items():
            found += [column, PERSON_NAME] if each is self.person else [column]
        return (*found, SCHOOL, OWN_ID)

    def labels(self, language: str) -> dict[str, str]:
        """Column to what people call it."""
        labels = {name: word_label(each.label, language) for name, each in self.fields.items()}
        extras = {name: word(f"column.{name}", language) for name in _EXTRAS}
        return {name: labels.get(name) or extras[name] for name in (*labels, *extras)}

    def titles(self, language: str) -> dict[str, str]:
        """Column to heading; what two columns are called stays the name of the column."""
        labels = self.labels(language)
        titles = {name: labels[name] for name in self.names()}
        counts = Counter(titles.values())
        return {name: title if counts[title] == 1 else name for name, title in titles.items()}

    def headings(self, *, says_school: bool) -> Headings:
        """Every heading under which a column may stand, and the columns a table must have."""
        known: dict[str, str] = {}
        for heading, column in self._spoken():
            known.setdefault(plain_heading(heading), column)
        footers: set[str] = set()
        for sheet in self.pack.sheets.values():
            if sheet.of == self.declared.id:
                footers |= {plain_heading(each) for each in sheet.footer}
                named = {plain_heading(head): self.column_of(name) for head, name in sheet.columns}
                known |= {head: column for head, column in named.items() if column is not None}
        required = [column for column, each in self.fields.items() if each.required]
        wanted = (*required, *([SCHOOL] if says_school else ()))
        person = next((c for c, each in self.fields.items() if each is self.person), None)
        stand_in = {} if person is None else {person: PERSON_NAME}
        return Headings(known, wanted, frozenset(footers), stand_in)

    def column_of(self, name: str) -> str | None:
        """The column of a field as a spreadsheet of a pack names it: `title`, `person.name`."""
        if self.person is not None and name == f"{self.person.id}.name":
            return PERSON_NAME
        return next((column for column, each in self.fields.items() if each.id == name), None)

    def _spoken(self) -> Iterator[tuple[str, str]]:
        """Headings with their columns; of equal ones the first counts."""
        for column, each in self.fields.items():
            names = (each.id, column, each.label.zh, each.label.en, *each.synonyms)
            yield from ((name, column) for name in names)
        usual = load_headings()
        yield from (pair for pair in usual.get(self.declared.id, {}).items() if pair[1] in self)
        people = list(usual[PERSON].items())
        for column, each in self.fields.items():
            if each.to == PERSON:
                yield from ((heading, column) for heading, of in people if of == "teacher_id")
        if self.person is not None:
            yield from (pair for pair in people if pair[1] == PERSON_NAME)
        for extra in (SCHOOL, OWN_ID):
            yield extra, extra
            yield from ((word(f"column.{extra}", each), extra) for each in LANGUAGES)

    def __contains__(self, column: object) -> bool:
        return column in self.fields or column in (SCHOOL, OWN_ID)


def columns_of(pack: Pack, declared: RecordType) -> Columns:
    """The columns of a type under a pack."""
    plain = [each for each in declared.field if each.id != declared.corrects]
    taken = {each.id for each in plain}
    fields = {_column(declared, each, taken): each for each in plain}
    people = [each for each in plain if each.type == "ref" and each.to == PERSON]
    named = len(people) == 1 and PERSON_NAME not in fields and _is_usual(pack)
    return Columns(pack, declared, fields, people[0] if named else None)


def _column(declared: RecordType, each: FieldDeclaration, taken: set[str]) -> str:
    outward = _OUTWARD.get((declared.id, each.id), each.id)
    if outward == each.id:
        return f"{outward}_field" if outward in _EXTRAS else outward
    return each.id if outward in taken else outward


def _is_usual(pack: Pack) -> bool:
    """Whether people go by number and name."""
    person = pack.types.get(PERSON)
    return (
        person is not None
        and person.key == "staff_no"
        and any(each.id == "name" for each in person.field)
    )
