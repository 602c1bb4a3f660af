"""SQL facts answer what the reference over rows answers, whatever the rows and the question."""

import itertools
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xueshi_server.domain.rules import facts as asked
from xueshi_server.domain.rules.facts import Aggregate, Column, Days, Heard, Key, Row, Tally, Tests
from xueshi_server.domain.rules.row_facts import RowFacts
from xueshi_server.store.facts import SqlFacts
from xueshi_server.store.facts_cache import TallyCache
from xueshi_sync.schema import Field, Schema, Table
from xueshi_sync.sqlite_view import SqliteView

PERSON: Final = Table(
    "person",
    "register",
    (
        Field("staff"),
        Field("duty"),
        Field("subject"),
        Field("grade", "int"),
        Field("hired", "date"),
        Field("active", "bool"),
    ),
    writers=("school",),
)
HOUR: Final = Table(
    "hour",
    "ledger",
    (
        Field("person", "ref"),
        Field("staff"),
        Field("date", "date"),
        Field("ends", "date"),
        Field("form"),
        Field("tags"),
        Field("minutes", "int"),
    ),
    writers=("school",),
    indexes=(("person", "date"),),
)
SCHEMA: Final = Schema(1, (PERSON, HOUR))
# Codes in another order than the numbers.
SCOPES: Final = {1: "S3", 2: "S1", 3: "S2"}
NUMBERS: Final = {code: number for number, code in SCOPES.items()}
TEXTS: Final = (None, "", "a", "b", "c")
GRADES: Final = ("a1", "a1班", "a10", "a12")
MANY: Final = (None, "", "a", "a|b", "b|c", "c|a|b")
DAYS: Final = (None, "", "2024-12-31", "2025-01-01", "2025-06-30", "2025-07-01", "2026-02-28")
NUMBERS_SEEN: Final = (None, 0, 1, 45, 90, 400)
FLAGS: Final = (None, 0, 1)
STATES: Final = ("approved", "pending", "rejected")
POOLS: Final[Mapping[str, Mapping[str, Sequence[Any]]]] = {
    "person": {
        "staff": TEXTS,
        "duty": MANY,
        "subject": TEXTS,
        "grade": NUMBERS_SEEN,
        "hired": DAYS,
        "active": FLAGS,
        "deleted": (0, 0, 1),
    },
    "hour": {
        "person": (None, 1, 2, 3, 9),
        "staff": TEXTS,
        "date": DAYS,
        "ends": DAYS,
        "form": (*TEXTS, *GRADES),
        "tags": MANY,
        "minutes": NUMBERS_SEEN,
        "state": STATES,
        "credited": (0, 45, 90),
    },
}


def _of_person(name: str, *, by_key: bool = False, many: bool = False) -> Column:
    """A field of the person that an hour names, by record or by staff number."""
    if by_key:
        return Column(name, via="staff", to="person", by="staff", many=many)
    return Column(name, via="person", to="person", many=many)


TEXT_COLUMNS: Final = (
    Column("form"),
    Column("tags", many=True),
    Column("state"),
    Column("scope"),
    _of_person("subject"),
    _of_person("duty", many=True),
    _of_person("subject", by_key=True),
    Column("nowhere"),
)
NUMBER_COLUMNS: Final = (
    Column("minutes"),
    Column("credited"),
    Column("rec"),
    _of_person("grade"),
    _of_person("active"),
    _of_person("grade", by_key=True),
)
DATE_COLUMNS: Final = (Column("date"), Column("ends"), _of_person("hired"))
LINKS: Final = (
    (),
    (Column("scope"),),
    (Column("scope"), Column("person")),
    (Column("staff"),),
    (Column("form"),),
    (_of_person("subject"),),
    (Column("scope"), _of_person("subject", by_key=True)),
    (_of_person("grade"), Column("form")),
)


def _rows(of: str) -> st.SearchStrategy[list[Row]]:
    places = list(itertools.product(sorted(NUMBERS), (1, 2, 3, 4, 5)))
    values = st.fixed_dictionaries(
        {name: st.sampled_from(pool) for name, pool in POOLS[of].items()}
    )
    made = st.dictionaries(st.sampled_from(places), values, max_size=10)
    return made.map(
        lambda found: [{"scope": scope, "rec": rec, **row} for (scope, rec), row in found.items()]
    )


def _tests() -> st.SearchStrategy[asked.Test]:
    text = st.sampled_from(TEXT_COLUMNS)
    number = st.sampled_from(NUMBER_COLUMNS)
    day = st.sampled_from(DATE_COLUMNS)
    words = ("a", "b", "approved", "S1", "a|b")
    return st.one_of(
        st.builds(
            asked.Test, text, st.sampled_from(["in", "not_in"]), st.sampled_from([words[:1], words])
        ),
        st.builds(
            asked.Test,
            text.filter(lambda column: column.field != "scope"),
            st.just("begins"),
            st.sampled_from([("a",), ("a|", "c"), ("a1",)]),
        ),
        st.builds(asked.Test, number, st.sampled_from(["in", "not_in"]), st.just((0, 45, "a"))),
        st.builds(
            asked.Test,
            number,
            st.sampled_from(["at_least", "at_most"]),
            st.sampled_from([(1,), (45,)]),
        ),
        st.builds(
            asked.Test, day, st.sampled_from(["at_least", "at_most"]), st.just(("2025-06-30",))
        ),
        st.builds(
            asked.Test,
            st.sampled_from([*TEXT_COLUMNS, *NUMBER_COLUMNS, *DATE_COLUMNS]),
            st.sampled_from(["present", "absent"]),
        ),
    )


SPANS: Final = (
    ("2025-01-01", "2025-12-31"),
    ("2025-06-30", "2025-07-01"),
    ("", "2025-06-30"),
    ("2025-01-01", "9999-12-31"),
    ("2030-01-01", "2030-12-31"),
)
KEYS: Final[Mapping[int, Sequence[Key]]] = {
    0: [()],
    1: [("S1",), ("S3",), ("a",), ("S9",)],
    2: [("S1", 1), ("S3", 2), ("S2", 3), (1, "a"), (45, "b"), ("S1", "a")],
}


@st.composite
def _tallies(draw: st.DrawFn) -> Tally:
    link = draw(st.sampled_from(LINKS))
    aggregate = draw(st.sampled_from(get_args(Aggregate)))
    spans = tuple(draw(st.lists(st.sampled_from(SPANS), min_size=1, max_size=3)))
    positions = st.lists(st.integers(0, len(spans) - 1), max_size=3).map(tuple)
    keys = draw(
        st.none()
        | st.lists(
            st.tuples(st.sampled_from(KEYS[len(link)]), positions),
            max_size=3,
            unique_by=lambda pair: pair[0],
        ).map(tuple)
    )
    scopes = None
    if Column("scope") in link:
        some = draw(st.none() | st.sets(st.sampled_from(["S1", "S3", "S9"])))
        scopes = None if some is None else frozenset(some)
    if scopes is not None and keys is not None:
        keys = tuple(each for each in keys if each[0][0] in scopes)
    return Tally(
        of="hour",
        link=link,
        aggregate=aggregate,
        spans=spans,
        when=draw(st.none() | st.sampled_from(DATE_COLUMNS)),
        tests=tuple(draw(st.lists(_tests(), max_size=2))),
        unless=tuple(
            tuple(each)
            for each in draw(st.lists(st.lists(_tests(), min_size=1, max_size=2), max_size=2))
        ),
        keys=keys,
        scopes=scopes,
        **_measured(draw, aggregate),
    )


def _measured(draw: st.DrawFn, aggregate: str) -> dict[str, Any]:
    """Which column an aggregate reads, and how."""
    if aggregate == "count":
        return {}
    if aggregate == "sum":
        return {
            "column": draw(st.sampled_from(NUMBER_COLUMNS)),
            "times": draw(st.sampled_from([1, 2])),
            "cap": draw(st.sampled_from([None, 60])),
        }
    if aggregate == "distinct":
        return {"column": draw(st.sampled_from([*TEXT_COLUMNS, *NUMBER_COLUMNS, *DATE_COLUMNS]))}
    if aggregate == "greatest":
        if draw(st.booleans()):
            return {"column": draw(st.sampled_from(NUMBER_COLUMNS))}
        ranks = (("a", 1), ("b", 2), ("S1", 3))
        return {"column": draw(st.sampled_from(TEXT_COLUMNS)), "ranks": ranks}
    column = draw(st.sampled_from(DATE_COLUMNS))
    if aggregate == "periods":
        return {"column": column, "ends": draw(st.none() | st.sampled_from(DATE_COLUMNS))}
    return {"column": column}


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteView]:
    made = SqliteView(tmp_path_factory.mktemp("facts") / "view.db", {})
    made.prepare(SCHEMA, b"")
    yield made
    made.close()


def _facts(
    view: SqliteView, rows: Mapping[str, Sequence[Row]], cache: TallyCache | None = None
) -> SqlFacts:
    view.db.execute("BEGIN")
    for of, some in rows.items():
        view.db.execute(f"DELETE FROM {of}")
        names = ["scope_no", "rec", *POOLS[of], "author", "actor", "entered_at"]
        marks = ", ".join("?" * len(names))
        view.db.executemany(
            f"INSERT INTO {of} ({', '.join(names)}) VALUES ({marks})",
            [
                (
                    NUMBERS[str(row["scope"])],
                    row["rec"],
                    *(row[name] for name in POOLS[of]),
                    1,
                    "",
                    1,
                )
                for row in some
            ],
        )
    view.db.execute("COMMIT")
    db = sqlite3.connect(view.path, isolation_level=None)
    return SqlFacts(db, SCHEMA, SCOPES, Heard(), cache or TallyCache())


ROWS: Final = st.fixed_dictionaries({"person": _rows("person"), "hour": _rows("hour")})
slow = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@slow
@given(rows=ROWS, tallies=st.lists(_tallies(), min_size=1, max_size=4))
def test_every_tally_has_the_answer_of_the_reference(
    view: SqliteView, rows: dict[str, list[Row]], tallies: list[Tally]
) -> None:
    expected = [
        [dict(each) for each in answers] for answers in RowFacts(rows, Heard()).tally(tallies)
    ]
    with _facts(view, rows) as facts:
        assert [list(each) for each in facts.tally(tallies)] == expected


@slow
@given(rows=ROWS, tally=_tallies(), span=st.integers(0, 2))
def test_every_answer_has_the_evidence_of_the_reference(
    view: SqliteView, rows: dict[str, list[Row]], tally: Tally, span: int
) -> None:
    reference = RowFacts(rows, Heard())
    span = min(span, len(tally.spans) - 1)
    keys = [*KEYS[len(tally.link)], *reference.tally([tally])[0][span]]
    with _facts(view, rows) as facts:
        found = [facts.evidence(tally, key, span) for key in keys]
    assert found == [_wanted_evidence(reference, tally, key, span) for key in keys]


def _wanted_evidence(reference: RowFacts, tally: Tally, key: Key, span: int) -> object:
    """What the reference gives for a key that the tally asks about or not."""
    free = Tally(
        tally.of, tally.link, tally.aggregate, tally.spans, tally.when, tally.tests, tally.unless
    )
    return reference.evidence(free, key, span)


@slow
@given(
    rows=ROWS,
    of=st.sampled_from(["person", "hour"]),
    tests=st.lists(_tests(), max_size=2).map(tuple),
    only=st.none() | st.lists(st.tuples(st.sampled_from(["S1", "S2", "S9"]), st.integers(1, 3))),
)
def test_rows_are_those_of_the_reference(
    view: SqliteView,
    rows: dict[str, list[Row]],
    of: str,
    tests: Tests,
    only: list[tuple[str, int | str]] | None,
) -> None:
    if of == "person":
        tests = tuple(test for test in tests if test.column.via is None)
    expected = [_given(row, of) for row in RowFacts(rows, Heard()).rows(of, tests, only)]
    with _facts(view, rows) as facts:
        assert [_given(row, of) for row in facts.rows(of, tests, only)] == expected


def _given(row: Row, of: str) -> dict[str, object]:
    return {name: row[name] for name in ("scope", "rec", *POOLS[of]) if name != "deleted"}


def test_a_type_that_no_table_holds_has_no_facts(view: SqliteView) -> None:
    days: Days = ("2025-01-01", "2025-12-31")
    with _facts(view, {"person": [], "hour": []}) as facts:
        assert facts.tally([Tally("talk", (), "count", (days,))]) == [[{}]]
        assert facts.rows("talk") == []


def test_an_open_snapshot_does_not_see_later_records(view: SqliteView, tmp_path: Path) -> None:
    hour: Row = {**{name: None for name in POOLS["hour"]}, "state": "approved", "credited": 0}
    rows = {"person": [], "hour": [{"scope": "S1", "rec": 1, **hour}]}
    count = Tally("hour", (), "count", (("", "9999-12-31"),))
    with _facts(view, rows) as facts:
        assert facts.tally([count]) == [[{(): 1}]]
        view.db.execute("DELETE FROM hour")
        assert facts.tally([count]) == [[{(): 1}]]


@slow
@given(
    before=ROWS,
    after=ROWS,
    changed=st.sets(st.sampled_from(sorted(NUMBERS))),
    tallies=st.lists(_tallies(), min_size=1, max_size=3),
)
def test_kept_parts_and_changed_schools_give_what_a_fresh_look_gives(
    view: SqliteView,
    before: dict[str, list[Row]],
    after: dict[str, list[Row]],
    changed: set[str],
    tallies: list[Tally],
) -> None:
    """Only schools whose watermark moved differ; the parts of the others are kept."""
    mixed = {
        of: [row for row in before[of] if row["scope"] not in changed]
        + [row for row in after[of] if row["scope"] in changed]
        for of in before
    }
    cache = TallyCache()
    with _facts(view, before, cache) as facts:
        facts.tally(tallies)
    for code in changed:
        view.put_watermark(NUMBERS[code], view.watermark(NUMBERS[code]) + 1)
    with _facts(view, mixed, cache) as facts:
        found = [list(each) for each in facts.tally(tallies)]
    assert found == [
        [dict(each) for each in some] for some in RowFacts(mixed, Heard()).tally(tallies)
    ]
