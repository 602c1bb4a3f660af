"""What every check of a pack needs: the resolved pack, the list of faults, and look-ups by name."""

from collections.abc import Collection, Iterable, Mapping
from fractions import Fraction
from typing import Final

from xueshi_server.domain.packs.amounts import read_fraction
from xueshi_server.domain.packs.measures import Amount, Formula
from xueshi_server.domain.packs.model import Code, CodeList, FieldDeclaration, Label, RecordType
from xueshi_server.domain.packs.nearest import nearest
from xueshi_server.domain.packs.pack import Fault, Pack, Spot

SCHOOL: Final = "school"
COUNTY: Final = "county"
BUILT_IN_SUBJECTS: Final = (SCHOOL, COUNTY)
_NO_LABEL: Final = Label(zh="-", en="-")
# What every record has beside the fields it declares.
_EVERY_RECORD: Final = {
    "scope": FieldDeclaration(id="scope", label=_NO_LABEL),
    "rec": FieldDeclaration(id="rec", label=_NO_LABEL),
}
# The list of states is the core's; it is no list of the pack.
STATE_FIELD: Final = FieldDeclaration(id="state", label=_NO_LABEL)
_EVERY_LEDGER: Final = {
    **_EVERY_RECORD,
    "state": STATE_FIELD,
    "credited": FieldDeclaration(id="credited", label=_NO_LABEL, type="int"),
}
_SCHOOL_FIELDS: Final = {
    name: FieldDeclaration(id=name, label=_NO_LABEL) for name in ("scope", "name", "kind")
}

Fields = Mapping[str, FieldDeclaration]
WHOLE: Final = ("int", "hours", "money")


class Checker:
    """Gathers the faults of one resolved pack."""

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self.faults: list[Fault] = []

    def fault(self, code: str, spot: Spot, **values: str) -> None:
        """Note a fault at a path of a declaration (kind, id, keys and positions)."""
        origin = self.pack.origins.get(f"{spot[0]}:{spot[1]}") if len(spot) > 1 else None
        self.faults.append(Fault(code, spot, values, origin or self.pack.id))

    def known(self, code: str, name: str, among: Iterable[str], spot: Spot, **values: str) -> bool:
        """Whether a name is known; else a fault with the name that was probably meant."""
        names = set(among)
        if name in names:
            return True
        listed = ", ".join(sorted(names)[:12]) + (" ..." if len(names) > 12 else "")
        self.fault(code, spot, id=name, hint=nearest(name, names), known=listed, **values)
        return False

    def type_of(self, type_id: str, spot: Spot) -> RecordType | None:
        """The record type, or None and a fault."""
        found = self.pack.types.get(type_id)
        if found is None:
            self.known("type_unknown", type_id, self.pack.types, spot)
        return found

    def codes_of(self, field: FieldDeclaration) -> CodeList | None:
        """The code list of a field, where it has a known one."""
        return self.pack.codes.get(field.codes) if field.codes else None

    def code(self, listed: CodeList, value: str, spot: Spot) -> Code | None:
        """The code of that value (or of the level it is a local word for), or None and a fault."""
        codes = {each.id: each for each in listed.value}
        level = self.pack.levels.get(value)
        if value not in codes and level is not None and level.absolute in codes:
            return codes[level.absolute]
        self.known("code_unknown", value, codes, spot, codes=listed.id)
        return codes.get(value)

    def rule(self, rule_id: str, spot: Spot) -> bool:
        """Whether a rule of that id holds."""
        return self.known("rule_unknown", rule_id, self.pack.rules, spot)

    def subject(self, subject_id: str, spot: Spot) -> bool:
        """Whether there is such a kind of subject."""
        known = (*self.pack.subjects, *BUILT_IN_SUBJECTS)
        return self.known("subject_unknown", subject_id, known, spot)

    def role(self, role_id: str, spot: Spot) -> bool:
        """Whether there is such a role."""
        return self.known("role_unknown", role_id, self.pack.roles, spot)

    def paper(self, paper_id: str, spot: Spot) -> bool:
        """Whether there is such a paper."""
        return self.known("paper_unknown", paper_id, self.pack.papers, spot)

    def field(
        self, fields: Fields, name: str, spot: Spot, of: str, *, shown: bool = False
    ) -> FieldDeclaration | None:
        """The field of that name, one reference on if it is dotted; or None and a fault.

        What is sealed may only be `shown`, as the end of it that everybody sees.
        """
        if name in fields:
            if fields[name].type == "sealed" and not shown:
                self.fault("field_sealed", spot, field=name, of=of)
                return None
            return fields[name]
        first, _, second = name.partition(".")
        if not self.known("field_unknown", first, fields, spot, of=of):
            return None
        target = fields[first].to
        if fields[first].type not in ("ref", "key") or target is None:
            self.fault("field_not_reference", spot, field=first, of=of)
            return None
        declared = self.pack.types.get(target)
        if declared is None:
            return None
        return self.field(fields_of(declared), second, spot, target, shown=shown)

    def date_field(self, fields: Fields, name: str, spot: Spot, of: str) -> None:
        """A fault unless the name is one of a date field."""
        found = self.field(fields, name, spot, of)
        if found is not None and found.type != "date":
            self.fault("field_not_date", spot, field=name, of=of)

    def whole_field(self, fields: Fields, name: str, spot: Spot, of: str) -> None:
        """A fault unless the name is one of a whole-number field."""
        found = self.field(fields, name, spot, of)
        if found is not None and found.type not in WHOLE:
            self.fault("field_not_whole", spot, field=name, of=of, type=found.type)

    def subject_fields(self, subject_id: str) -> Fields:
        """The fields that subjects of a kind have; none where the kind is not known.

        A school has those of the record of type `school` that stands in it; a pair has those of
        both sides, and each once more under its side ("course.starts_on").
        """
        if subject_id == SCHOOL:
            more = self.pack.types.get(SCHOOL)
            return {**(fields_of(more) if more else {}), **_SCHOOL_FIELDS}
        subject = self.pack.subjects.get(subject_id)
        if subject is None:
            return {}
        if subject.across:
            return self._pair_fields([each for each in subject.across if each != subject_id])
        declared = self.pack.types.get(subject.of or "")
        fields = {} if declared is None else fields_of(declared)
        return {name: fields[name] for name in subject.per if name in fields} or fields

    def who_fields(self, subject_id: str) -> Fields:
        """The fields that conditions on subjects may look at: of a set, those of its records."""
        subject = self.pack.subjects.get(subject_id)
        declared = self.pack.types.get(subject.of or "") if subject else None
        return fields_of(declared) if declared else self.subject_fields(subject_id)

    def _pair_fields(self, sides: list[str]) -> Fields:
        merged: dict[str, FieldDeclaration] = {}
        for side in sides:
            fields = self.subject_fields(side)
            merged |= {f"{side}.{name}": field for name, field in fields.items()} | dict(fields)
        return merged

    def amount(self, amount: Amount, spot: Spot, words: Collection[str] = ()) -> Fraction | None:
        """The exact value of an amount that is written down; None for formulas, for the words
        that may stand in its place, and for faults."""
        if isinstance(amount, Formula) or amount in words:
            return None
        if isinstance(amount, int):
            return Fraction(amount)
        found = read_fraction(amount)
        if found is None:
            self.fault("amount_unreadable", spot, value=amount)
        return found


def fields_of(declared: RecordType) -> Fields:
    """The fields of a record type with those that every record has."""
    built_in = _EVERY_LEDGER if declared.kind == "ledger" else _EVERY_RECORD
    return {**built_in, **{each.id: each for each in declared.field}}
