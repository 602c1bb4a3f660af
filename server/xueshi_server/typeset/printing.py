"""Forms of a node on paper: one, or one for everybody, and whether a paper still holds.

The setter is loaded by the first print: a node that prints nothing does not carry it in memory.
"""

import datetime as dt
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from xueshi_server.domain.forms import Material, compose_form
from xueshi_server.domain.packs.model import Form
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.catalogue import BUILT_IN, Catalogue
from xueshi_server.domain.rules.subjects import Populations
from xueshi_server.errors import ServerError, UnknownRecordError
from xueshi_server.store.facts import SqlFacts, open_facts
from xueshi_server.store.material import COUNTY, gather_material, type_of_form
from xueshi_server.store.packs import find_active
from xueshi_server.store.records import find_named, name_row
from xueshi_server.store.schools import list_schools
from xueshi_server.typeset.arrange import Sheet
from xueshi_server.typeset.periods import Period, find_period
from xueshi_server.words import LANGUAGES
from xueshi_sync.errors import SyncError
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

if TYPE_CHECKING:
    from xueshi_server.typeset.stack import Progress

_PERSON = "person"


class NobodyToPrintError(ServerError):
    """There is nobody whom the form could be about; field `form`."""

    code = "print.nobody"


class AmbiguousSubjectError(ServerError):
    """Several records are called that; field `subject`."""

    code = "print.ambiguous"


@dataclass(frozen=True, slots=True)
class Check:
    """Whether a paper says what the records say now; `digest` is that of a new print."""

    holds: bool
    digest: str


@dataclass(frozen=True)
class Press:
    """Prints one form of a pack from a node, as of a day."""

    node: Node
    pack: Pack
    form: Form
    as_of: dt.date
    language: str
    schools: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        schools = {each["code"]: each["name"] for each in list_schools(self.node) if each["code"]}
        object.__setattr__(self, "schools", schools)

    def fill(self, name: str) -> Sheet:
        """The form over one subject, named by its public id (a school by its code).

        Raises UnknownRecordError.
        """
        material = self._gather(name, self.language)
        document = compose_form(self.pack, self.form, material, self.language)
        unit = self._unit(material, name)
        about = unit if self.form.scope in BUILT_IN else self._about(material)
        return Sheet(document, self.form.layout, unit, about, self._period(material))

    def print_one(self, name: str) -> bytes:
        """The PDF of one."""
        from xueshi_server.typeset.setting import set_pdf

        return set_pdf([self.fill(name)], self.language)

    def print_all(
        self,
        names: Sequence[str],
        progress: "Progress | None" = None,
        *,
        fill: Callable[[str], Sheet] | None = None,
    ) -> bytes:
        """One PDF of all these, in order; `fill` fills them in for who wants to see each."""
        if not names:
            raise NobodyToPrintError(form=self.form.id)
        from xueshi_server.typeset.stack import set_stack

        return set_stack(fill or self.fill, names, self.language, progress)

    def digest(self, name: str, language: str) -> str:
        """The digest that a print in a language has now."""
        material = self._gather(name, language)
        return compose_form(self.pack, self.form, material, language).digest

    def _gather(self, name: str, language: str) -> Material:
        return gather_material(self.node, self.pack, self.form, name, self.as_of, language)

    # ---- what stands around the form

    def _unit(self, material: Material, name: str) -> str:
        code = name if self.form.scope == "school" else str(material.subject.get("scope") or "")
        return self.schools.get(code) or self.node.name

    def _about(self, material: Material) -> str:
        """The person of a record, else what the record is called."""
        declared = self.pack.types.get(material.of)
        for each in declared.field if declared else ():
            value = material.subject.get(each.id)
            if each.to == _PERSON and value not in (None, ""):
                return material.names.get((_PERSON, value), "")
        return name_row(self.pack, declared, material.subject, self.language) if declared else ""

    def _period(self, material: Material) -> Period | None:
        return find_period(
            self.pack.calendar, self.form.window, self.as_of, material.subject,
            language=self.language,
        )  # fmt: skip

    # ---- whom it can be about

    def everybody(self) -> list[str]:
        """All subjects of the form, in the order of their schools and keys."""
        if self.form.scope == COUNTY:
            return [COUNTY]
        if self.form.scope in BUILT_IN:
            return sorted(self.schools)
        with open_facts(self.node) as facts:
            return self._records(facts)

    def _records(self, facts: SqlFacts) -> list[str]:
        of = type_of_form(self.pack, self.form)
        declared = self.pack.types[of]
        if self.form.scope in self.pack.subjects:
            found = Populations(Catalogue(self.pack), facts).of(self.form.scope)
            rows = [each.row for each in found]
        else:
            rows = list(facts.rows(of))
        order = declared.key or "rec"
        rows.sort(key=lambda row: (str(row["scope"]), str(row.get(order) or ""), row["rec"]))
        return [self._public_id(facts, str(row["scope"]), int(row["rec"] or 0)) for row in rows]

    def _public_id(self, facts: SqlFacts, scope: str, rec: int) -> str:
        return self.node.public_id(RecordKey(facts.scope_nos[scope], rec))

    def find(self, text: str) -> str:
        """The subject that somebody names: by public id, number or name; a school by code or name.

        Raises UnknownRecordError and AmbiguousSubjectError.
        """
        if self.form.scope == COUNTY:
            return COUNTY
        if self.form.scope in BUILT_IN:
            found = [code for code, name in self.schools.items() if text in (code, name)]
            return _only(found, text)
        try:
            self.node.find_record(text)
            return text
        except (SyncError, ValueError):
            declared = self.pack.types[type_of_form(self.pack, self.form)]
            rows = find_named(self.node, declared, None, text)
            keys = [RecordKey(row["scope_no"], int(row["rec"] or 0)) for row in rows]
            return _only([self.node.public_id(key) for key in keys], text)


def _only(found: Sequence[str], text: str) -> str:
    if not found:
        raise UnknownRecordError(record=text)
    if len(found) > 1:
        raise AmbiguousSubjectError(subject=text)
    return found[0]


def check_paper(press: Press, name: str, digest: str) -> Check:
    """Whether a digest on paper is that of the same form printed now, in either language, by the
    pack that counts today or the one that counted on the paper's day.

    Raises UnknownRecordError.
    """
    wanted = "".join(char for char in digest.lower() if char.isalnum())
    now = press.digest(name, press.language)
    for each in _presses(press):
        for language in LANGUAGES:
            if each.digest(name, language) == wanted:
                return Check(True, wanted)
    return Check(False, now)


def _presses(press: Press) -> list[Press]:
    then = find_active(press.node, press.as_of).pack
    form = then.forms.get(press.form.id)
    if form is None or then.digest == press.pack.digest:
        return [press]
    return [press, Press(press.node, then, form, press.as_of, press.language)]


def write_whole(path: Path, data: bytes) -> None:
    """Write a file beside its name and rename it, so that no half file carries the name."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
