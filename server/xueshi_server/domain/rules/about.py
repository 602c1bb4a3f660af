"""Which subjects a page is about: those of one record, of a school, of the county.

What somebody is judged by is found with them: of a person the titles, the courses attended, the
pairs made of these; of a school its units and what it owes as one of several.
"""

from collections.abc import Iterable, Sequence

from xueshi_server.domain.packs.model import RecordType
from xueshi_server.domain.packs.model import Subject as Declared
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.catalogue import SCOPE, Catalogue
from xueshi_server.domain.rules.evaluate import find_subjects
from xueshi_server.domain.rules.facts import Facts, Key, RecordKey, Row, Test, Tests, Value
from xueshi_server.domain.rules.row_facts import clean
from xueshi_server.domain.rules.subjects import Populations

Wanted = dict[str, list[Key]]
# More records of a school than that are not judged on its page.
_MOST = 100


def subjects_about(pack: Pack, facts: Facts, of: str, key: RecordKey, person: str) -> Wanted:
    """What one record is, and the sets and pairs that it is part of; of a person also what refers
    to them (titles, places in a class), and the sets that these are part of."""
    catalogue = Catalogue(pack)
    if not facts.rows(of, (), [key]):
        return {}
    found = find_subjects(pack, facts, of, key)
    if of != person:
        found = {kind: keys for kind, keys in found.items() if pack.subjects[kind].of == of}
    named: dict[str, set[RecordKey]] = {of: {key}}
    for kind, keys in found.items():
        named.setdefault(pack.subjects[kind].of or "", set()).update(map(_record, keys))
    for kind, declared in pack.subjects.items():
        if not declared.per or declared.of in (None, of):
            continue
        by = [
            tests
            for each, records in named.items()
            for row in facts.rows(each, (), sorted(records, key=str))
            for tests in _naming(catalogue, declared, each, row)
        ]
        some = _sets_of(catalogue, facts, declared, by)
        if some:
            found[kind] = some
    return found | _pairs_of(catalogue, facts, found)


def _record(key: Key) -> RecordKey:
    scope, rec = key
    return (str(scope), rec if isinstance(rec, str) else int(rec or 0))


def subjects_in(pack: Pack, facts: Facts, scope: str, person: str) -> Wanted:
    """A school, the records in it that are nobody's, and the pairs it is part of."""
    catalogue = Catalogue(pack)
    found: Wanted = {"school": [(scope,)]}
    here = Test(SCOPE, "in", (scope,))
    for kind, declared in pack.subjects.items():
        if declared.of is None or not _is_of_school(catalogue, declared, person):
            continue
        if declared.per:
            some = _sets_of(catalogue, facts, declared, [(here,)])
        else:
            tests = (here, *catalogue.fact_tests(declared.of, declared.where))
            some = [(row["scope"], row["rec"]) for row in facts.rows(declared.of, tests)]
        if some:
            found[kind] = some[:_MOST]
    return found | _pairs_of(catalogue, facts, {"school": found["school"]})


def subjects_of_county(pack: Pack, facts: Facts) -> Wanted:
    """The county, and the sets of plain values (a subject of teaching) that are of no school."""
    catalogue = Catalogue(pack)
    found: Wanted = {"county": [()]}
    for kind, declared in pack.subjects.items():
        if declared.per and declared.of is not None and "scope" not in declared.per:
            fields = catalogue.type_of(declared.of).field
            if any(each.to is not None for each in fields if each.id in declared.per):
                continue
            some = _sets_of(catalogue, facts, declared, [()])
            if some:
                found[kind] = some[:_MOST]
    return found


def _is_of_school(catalogue: Catalogue, declared: Declared, person: str) -> bool:
    """Whether the subjects of a kind are a school's own and no person's."""
    assert declared.of is not None
    of = catalogue.type_of(declared.of)
    if declared.per:
        return "scope" in declared.per and not _names(of, declared.per, person)
    names = [each.id for each in of.field]
    return of.place == "school" and of.id != person and not _names(of, names, person)


def _names(of: RecordType, fields: Sequence[str], person: str) -> bool:
    return any(each.to == person for each in of.field if each.id in fields)


def _naming(catalogue: Catalogue, declared: Declared, of: str, row: Row) -> list[Tests]:
    """How the records of a kind that name another record in what makes them are found."""
    assert declared.of is not None
    found: list[Tests] = []
    for each in catalogue.type_of(declared.of).field:
        if each.to != of or each.id not in declared.per:
            continue
        column = catalogue.column(declared.of, each.id)
        if each.type == "ref":
            values: tuple[Value, ...] = (row["rec"],)
            found.append((Test(column, "in", values), Test(SCOPE, "in", (row["scope"],))))
        else:
            key = catalogue.type_of(of).key or "rec"
            found.append((Test(column, "in", (row.get(key),)),))
    return found


def _sets_of(
    catalogue: Catalogue, facts: Facts, declared: Declared, found_by: Iterable[Tests]
) -> list[Key]:
    """The sets of values that make the subjects of a kind, from some of its records."""
    assert declared.of is not None
    tests = catalogue.fact_tests(declared.of, declared.where)
    keys: dict[Key, None] = {}
    for more in found_by:
        for row in facts.rows(declared.of, (*tests, *more)):
            key = tuple(clean(row.get(name)) for name in declared.per)
            if None not in key:
                keys.setdefault(key)
    return list(keys)


def _pairs_of(catalogue: Catalogue, facts: Facts, found: Wanted) -> Wanted:
    """The pairs with a side among some subjects."""
    populations = Populations(catalogue, facts)
    pairs: Wanted = {}
    for kind, declared in catalogue.pack.subjects.items():
        given = {side: found[side] for side in declared.across if side in found}
        if given:
            some = [each.key for each in populations.joined(kind, given)]
            if some:
                pairs[kind] = some[:_MOST]
    return pairs
