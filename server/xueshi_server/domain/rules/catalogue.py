"""A pack as the engine reads it: fields, ranks, parameters, conditions and links looked up once.

What a fact is. Of a ledger with judges only approved records count, with their credited amount;
of a ledger without judges pending ones count too; of a register every record. A condition on
`state` replaces this. Local words of levels ("市级") stand for their absolute level.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Final

from xueshi_server.domain.packs.measures import Amount, Condition, Formula
from xueshi_server.domain.packs.model import FieldDeclaration, RecordType, Rule
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.amounts import Number, RuleError, parse_number
from xueshi_server.domain.rules.facts import Column, Test, Tests, Value

# Pairs of a fact's column and the field of the subject that holds the same value.
Link = tuple[tuple[Column, str], ...]
BUILT_IN: Final = ("school", "county")
SCOPE: Final = Column("scope")
_STATE: Final = Column("state")
_APPROVED: Final = Test(_STATE, "in", ("approved",))
_STANDING: Final = Test(_STATE, "in", ("approved", "pending"))
PENDING: Final = Test(_STATE, "in", ("pending",))
# Columns that every record has.
_COMMON: Final[Mapping[str, FieldDeclaration | None]] = dict.fromkeys(
    ("scope", "rec", "state", "credited", "name", "kind")
)
DATE_KINDS: Final = ("date",)


class NotSetError(RuleError):
    """A parameter that the county has left empty."""


class Catalogue:
    """Look-ups in a resolved pack."""

    def __init__(self, pack: Pack) -> None:
        self.pack = pack

    def type_of(self, of: str) -> RecordType:
        """A record type."""
        found = self.pack.types.get(of)
        if found is None:
            raise RuleError("rule.unknown_type", type=of)
        return found

    def rule(self, rule_id: str) -> Rule:
        """A rule."""
        found = self.pack.rules.get(rule_id)
        if found is None:
            raise RuleError("rule.unknown_rule", rule=rule_id)
        return found

    def parameter(self, name: str) -> bool | int | str:
        """The value of a parameter; NotSetError where the county has left it empty."""
        found = self.pack.parameters.get(name)
        if found is None:
            raise RuleError("rule.unknown_parameter", parameter=name)
        if found.value == "":
            raise NotSetError("rule.parameter_not_set", parameter=name)
        return found.value

    def number(self, amount: bool | int | str) -> Number:
        """An exact amount that is written out."""
        found = amount if isinstance(amount, int) else parse_number(amount)
        if found is None:
            raise RuleError("rule.not_a_number", seen=str(amount))
        return found

    def plain(self, amount: Amount | bool) -> bool | int | str:
        """An amount without a measure: what is written, or the value of its parameter."""
        if not isinstance(amount, Formula):
            return amount
        if amount.measure is not None or amount.param is None:
            raise RuleError("rule.measure_in_condition")
        return self.parameter(amount.param)

    # ---- fields

    def field(self, of: str, path: str) -> FieldDeclaration | None:
        """The field at the end of a path; None for columns that every record has."""
        first, _, rest = path.partition(".")
        found = self._fields(of).get(first)
        if found is None:
            if first in _COMMON and not rest:
                return None
            raise RuleError("rule.unknown_field", type=of, field=path)
        if not rest:
            return found
        if found.to is None:
            raise RuleError("rule.not_a_reference", type=of, field=first)
        return self.field(found.to, rest)

    def column(self, of: str, path: str) -> Column:
        """The column of a path ("minutes", "person.subject")."""
        declared = self.field(of, path)
        many = declared is not None and declared.many
        first, _, rest = path.partition(".")
        if not rest:
            return Column(first, many=many)
        reference = self._fields(of)[first]
        assert reference.to is not None
        by = "rec" if reference.type == "ref" else self._key_of(reference.to)
        return Column(rest, first, reference.to, by, many)

    def ranks(self, of: str, path: str) -> dict[str, int]:
        """Code to rank of an ordinal field, empty for other fields."""
        declared = self.field(of, path)
        codes = None if declared is None else self.pack.codes.get(declared.codes or "")
        if codes is None or not codes.ordinal:
            return {}
        return {each.id: each.rank for each in codes.value if each.rank is not None}

    def amount_column(self, of: str, field: str | None, *, stated: bool) -> Column:
        """What `sum` adds up; `stated`: the conditions name a state, so the claim itself counts."""
        declared = self.type_of(of)
        name = field or declared.amount
        if name is None:
            raise RuleError("rule.no_amount", type=of)
        if name == declared.amount and declared.kind == "ledger" and declared.judges and not stated:
            return Column("credited")
        return self.column(of, name)

    def when(self, of: str) -> Column | None:
        """The date that windows look at."""
        name = self.type_of(of).when
        return None if name is None else Column(name)

    # ---- conditions

    def tests(self, of: str, where: Sequence[Condition]) -> Tests:
        """Conditions on a record itself."""
        return tuple(test for each in where for test in self._tests_of(of, each))

    def fact_tests(self, of: str, where: Sequence[Condition]) -> Tests:
        """Conditions on a fact, with the states that count."""
        tests = self.tests(of, where)
        declared = self.type_of(of)
        if declared.kind == "register" or names_state(where):
            return tests
        return (_APPROVED if declared.judges else _STANDING, *tests)

    def can_wait(self, of: str, where: Sequence[Condition]) -> bool:
        """Whether records of this kind wait for a review before they count."""
        declared = self.type_of(of)
        return declared.kind == "ledger" and bool(declared.judges) and not names_state(where)

    def same_as(self, of: str, where: Sequence[Condition]) -> Link:
        """Conditions that compare with a field of the subject."""
        return tuple((self.column(of, each.field), each.same_as) for each in where if each.same_as)

    def _tests_of(self, of: str, condition: Condition) -> list[Test]:
        column = self.column(of, condition.field)
        tests = []
        if condition.is_ is not None:
            tests.append(Test(column, "in", (self._code(of, condition, condition.is_),)))
        if condition.in_:
            codes = tuple(self._code(of, condition, each) for each in condition.in_)
            tests.append(Test(column, "in", codes))
        if condition.is_not is not None:
            tests.append(Test(column, "not_in", (self._code(of, condition, condition.is_not),)))
        if condition.not_in:
            codes = tuple(self._code(of, condition, each) for each in condition.not_in)
            tests.append(Test(column, "not_in", codes))
        if condition.begins:
            tests.append(Test(column, "begins", tuple(condition.begins)))
        if condition.at_least is not None:
            tests.append(self._bound(of, condition, condition.at_least, least=True))
        if condition.at_most is not None:
            tests.append(self._bound(of, condition, condition.at_most, least=False))
        if condition.present is not None:
            tests.append(Test(column, "present" if condition.present else "absent"))
        return tests

    def _code(self, of: str, condition: Condition, value: bool | int | str | Formula) -> Value:
        plain = self.plain(value)
        declared = self.field(of, condition.field)
        if isinstance(plain, str) and declared is not None and declared.codes is not None:
            return self._absolute(declared.codes, plain)
        return plain

    def _absolute(self, codes: str, value: str) -> str:
        """A code of the list; a local word for a level becomes its absolute level."""
        declared = self.pack.codes.get(codes)
        known = declared is not None and any(each.id == value for each in declared.value)
        level = self.pack.levels.get(value)
        return value if known or level is None else level.absolute

    def _bound(self, of: str, condition: Condition, amount: Amount, *, least: bool) -> Test:
        column = self.column(of, condition.field)
        plain = self.plain(amount)
        declared = self.field(of, condition.field)
        if declared is not None and declared.type == "code":
            limit = self.rank(of, condition.field, str(plain))
            ranks = self.ranks(of, condition.field)
            codes = [code for code, rank in ranks.items() if (rank >= limit) is least]
            codes += [code for code, rank in ranks.items() if not least and rank == limit]
            return Test(column, "in", tuple(codes))
        op: Final = "at_least" if least else "at_most"
        if declared is not None and declared.type in DATE_KINDS:
            return Test(column, op, (str(plain),))
        number = self.number(plain)
        return Test(column, op, (-(-number // 1) if least else number // 1,))

    def rank(self, of: str, path: str, code: str) -> int:
        """The rank of a code in an ordinal field."""
        declared = self.field(of, path)
        codes = "" if declared is None else declared.codes or ""
        found = self.ranks(of, path).get(self._absolute(codes, code))
        if found is None:
            raise RuleError("rule.no_rank", type=of, field=path, code=code)
        return found

    def own_field(self, kind: str, path: str) -> tuple[str, str] | None:
        """Record type and field behind a field of a subject's row; None for built-in ones."""
        declared = self.pack.subjects.get(kind)
        if declared is None:
            return ("school", path) if "school" in self.pack.types else None
        side, dot, rest = path.partition(".")
        if declared.across:
            sides = [side] if dot and side in declared.across else declared.across
            found = (self.own_field(each, rest if dot else path) for each in sides)
            return next((each for each in found if each and self._has(*each)), None)
        return None if declared.of is None else (declared.of, path)

    def _has(self, of: str, name: str) -> bool:
        return name in self._fields(of)

    # ---- whose facts

    def link(self, kind: str, of: str) -> Link:
        """How facts of a type belong to subjects of a kind."""
        declared = self.pack.subjects.get(kind)
        if declared is None:
            if kind not in BUILT_IN:
                raise RuleError("rule.unknown_subject", subject=kind)
            return () if kind == "county" else ((SCOPE, "scope"),)
        if of in declared.link:
            return self._explicit(of, declared.link[of])
        if declared.across:
            return tuple(
                (column, f"{side}.{name}")
                for side in declared.across
                for column, name in self.link(side, of)
            )
        assert declared.of is not None
        if of == declared.of:
            fields = declared.per or ["scope", "rec"]
            return tuple((self.column(of, each), each) for each in fields)
        if declared.per:
            return self._per_link(declared.of, declared.per, of)
        return self._reference(declared.of, of)

    def _explicit(self, of: str, pairs: Mapping[str, str]) -> Link:
        link = [(self.column(of, fact), own) for fact, own in pairs.items()]
        ends = [self.field(of, fact) for fact in pairs]
        if any(end is not None and end.type == "ref" for end in ends) and "scope" not in pairs:
            link.append((SCOPE, "scope"))
        return tuple(link)

    def _per_link(self, owner: str, per: Sequence[str], of: str) -> Link:
        fields = self._fields(of)
        if all(each in fields or each in _COMMON for each in per):
            return tuple((self.column(of, each), each) for each in per)
        path = self._path_to(owner, of)
        return tuple(
            (SCOPE if each == "scope" else self.column(of, f"{path}.{each}"), each) for each in per
        )

    def _reference(self, owner: str, of: str) -> Link:
        path = self._path_to(owner, of)
        declared = self.field(of, path)
        assert declared is not None
        column = self.column(of, path)
        if declared.type == "ref":
            return ((column, "rec"), (SCOPE, "scope"))
        return ((column, self._key_of(owner)),)

    def _path_to(self, owner: str, of: str) -> str:
        """The one way from a fact to a record of `owner`: a reference, or one reference on."""
        fields = self._fields(of).values()
        direct = [each.id for each in fields if each.to == owner]
        paths = direct or [
            f"{each.id}.{far.id}"
            for each in fields
            if each.to not in (None, of)
            for far in self._fields(each.to or "").values()
            if far.to == owner
        ]
        if len(paths) != 1:
            code = "rule.no_link" if not paths else "rule.many_links"
            raise RuleError(code, type=of, subject=owner)
        return paths[0]

    def _key_of(self, of: str) -> str:
        key = self.type_of(of).key
        if key is None:
            raise RuleError("rule.no_key", type=of)
        return key

    def _fields(self, of: str) -> Mapping[str, FieldDeclaration]:
        self.type_of(of)
        return self._by_type[of]

    @cached_property
    def _by_type(self) -> dict[str, dict[str, FieldDeclaration]]:
        types = self.pack.types.values()
        return {each.id: {field.id: field for field in each.field} for each in types}


def names_state(where: Sequence[Condition]) -> bool:
    """Whether conditions say themselves which states count."""
    return any(each.field == "state" for each in where)
