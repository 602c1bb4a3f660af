"""How long the rules of one shipped pack take over a whole county, over one teacher, and again
after one exchange: that is measured in a county of a tenth of the records too, with schools of the
same size, as it must grow with what changed and not with the county.

The county's records are put into the centre's tables directly: this measures rules, not sync.
Seconds are of the clock; the processor's own seconds stand in the note, for a machine that is busy.
"""

import datetime as dt
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from xueshi_client.bench.report import Figure
from xueshi_client.bench.world import CENTRE_CODE, create_node, temporary_folder
from xueshi_client.errors import AmountDiffersError
from xueshi_server.domain.packs.model import FieldDeclaration
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.evaluate import Evaluation
from xueshi_server.domain.rules.facts import Heard, School
from xueshi_server.pack_files import read_shipped
from xueshi_server.record_types import schema_of
from xueshi_server.store.facts_cache import TallyCache
from xueshi_server.store.packs import load_files
from xueshi_server.store.requirements import Requirements
from xueshi_sync.node import Node

PACKS: Final = ("qinggang", "jiyuan")
RECORDS_OF_ONE: Final = 300
TEACHERS_OF_SCHOOL: Final = 20
# A cycle of the packs' calendars lies before this day.
AS_OF: Final = dt.date(2026, 6, 30)
YEARS: Final = 5
WHOLE_S_AT_MOST: Final = 2.0
ONE_S_AT_MOST: Final = 0.05
ROUNDS: Final = 3
# Single changes are short: the best of more of them is less by chance.
AGAIN_ROUNDS: Final = 7
SMALLER: Final = 10
AGAIN_GROWTH_AT_MOST: Final = 2.0
FIRST_SCOPE: Final = 1000
_SEED: Final = 20260630
# A part of what is entered still waits for review.
_APPROVED: Final = 0.9


def measure_rules(_workload: Path, count: int) -> Iterator[Figure]:
    """The rules of each pack over `count` records of hours, and over a tenth of them."""
    for pack_id in PACKS:
        pack = load_files(read_shipped(pack_id), pack_id)
        with _county(pack, count // SMALLER) as centre:
            less = _judge_changes(centre, pack)
        with _county(pack, count) as centre:
            yield from _measure_pack(centre, pack, count)
            yield from _compare_changes(pack, count, less, _judge_changes(centre, pack))


@contextmanager
def _county(pack: Pack, count: int) -> Iterator[Node]:
    with temporary_folder() as folder:
        centre = create_node(folder / "centre", "centre", CENTRE_CODE)
        try:
            centre.adopt_schema(schema_of(pack))
            fill_county(centre, pack, count)
            yield centre
        finally:
            centre.close()


def _measure_pack(centre: Node, pack: Pack, count: int) -> Iterator[Figure]:
    with _all_heard(centre) as requirements:
        whole = _timed(lambda: _afresh(requirements).judge(pack, AS_OF))
        found = whole.result
        note = f"{count} records, {len(pack.rules)} rules, {len(found.results)} results"
        yield Figure(
            f"rules.{pack.id}_s", whole.seconds, "s", at_most=WHOLE_S_AT_MOST, note=whole.note(note)
        )
        key = next(each.subject for each in found.results if each.kind == "teacher")
        scope, rec = key
        subjects = requirements.subjects_of(pack, (str(scope), int(str(rec))))
        one = _timed(lambda: _afresh(requirements).judge(pack, AS_OF, subjects=subjects))
        note = f"one teacher among {count // RECORDS_OF_ONE}, {len(one.result.results)} results"
        yield Figure(
            f"rules.{pack.id}_one_s", one.seconds, "s", at_most=ONE_S_AT_MOST, note=one.note(note)
        )
        _compare(found, one.result)


def _afresh(requirements: Requirements) -> Requirements:
    """The same facts with nothing kept from an earlier round."""
    requirements.facts.cache = TallyCache()
    return requirements


def _judge_changes(centre: Node, pack: Pack) -> "_Timed":
    """Everybody again after one school brought a record, with what is kept from before."""
    cache = TallyCache()
    with _all_heard(centre, cache) as requirements:
        requirements.judge(pack, AS_OF)
    took = []
    for round_no in range(AGAIN_ROUNDS):
        _add_record(centre, FIRST_SCOPE, round_no)
        began, busy = time.perf_counter(), time.process_time()
        with _all_heard(centre, cache) as requirements:
            again = requirements.judge(pack, AS_OF)
            took.append((time.perf_counter() - began, time.process_time() - busy))
    with _all_heard(centre) as requirements:
        _compare(_afresh(requirements).judge(pack, AS_OF), again)
    return _Timed(again, min(each for each, _ in took), min(busy for _, busy in took))


def _compare_changes(pack: Pack, count: int, less: "_Timed", more: "_Timed") -> Iterator[Figure]:
    judged, total = more.result.judged_count, len(more.result.results)
    note = (
        f"{count} records, one school brought one more: {judged} of {total} results judged again,"
        " those of that school and of the county"
    )
    yield Figure(f"rules.{pack.id}_again_s", more.seconds, "s", note=more.note(note))
    growth = round(more.busy_s / less.busy_s, 2)
    note = (
        f"{count} against {count // SMALLER} records, seconds of the processor"
        f" {more.busy_s:.4f} against {less.busy_s:.4f}; what grows with the county: comparing a"
        f" mark a school, adding up a share a school, the list of {total} results"
        f" ({len(less.result.results)})"
    )
    yield Figure(
        f"rules.{pack.id}_again_growth", growth, "ratio", at_most=AGAIN_GROWTH_AT_MOST, note=note
    )


def _add_record(centre: Node, scope_no: int, round_no: int) -> None:
    """One more record of one school, and the watermark that an exchange would move."""
    db = centre.view.db
    names = [*centre.schema.by_name["hour"].field_names, "author", "actor", "entered_at"]
    columns = ", ".join(f'"{name}"' for name in (*names, "state", "credited"))
    with centre.view.view_transaction():
        db.execute(
            f"INSERT INTO hour (scope_no, rec, {columns}) SELECT scope_no, ?, {columns}"
            " FROM hour WHERE scope_no = ? AND state = 'approved' LIMIT 1",
            (10_000_000 + round_no, scope_no),
        )
        centre.view.put_watermark(scope_no, 1 + round_no)


class _Timed:
    """The best of a few rounds, and what the last one gave."""

    def __init__(self, result: Evaluation, seconds: float, busy_s: float) -> None:
        self.result = result
        self.seconds = round(seconds, 4)
        self.busy_s = busy_s

    def note(self, text: str) -> str:
        return f"{text}; processor {self.busy_s:.3f} s"


def _timed(work: Callable[[], Evaluation]) -> _Timed:
    took = []
    for _ in range(ROUNDS):
        began, busy = time.perf_counter(), time.process_time()
        result = work()
        took.append((time.perf_counter() - began, time.process_time() - busy))
    return _Timed(result, min(took)[0], min(took)[1])


def _compare(whole: Evaluation, one: Evaluation) -> None:
    """One teacher alone must come to what it came to among all."""
    among = {(each.rule, each.kind, each.subject): each.outcome for each in whole.results}
    for each in one.results:
        if among[each.rule, each.kind, each.subject] != each.outcome:
            raise AmountDiffersError(what=f"{each.rule} of {each.name}")


@contextmanager
def _all_heard(centre: Node, cache: TallyCache | None = None) -> Iterator[Requirements]:
    """The facts of a county whose schools have all been heard from."""
    with Requirements.open(centre, cache) as requirements:
        facts = requirements.facts
        schools = {code: School(code, code, heard=dt.date.max) for code in facts.scopes.values()
                   if code.startswith("S")}  # fmt: skip
        facts.heard = Heard(schools)
        yield requirements


def fill_county(centre: Node, pack: Pack, count: int) -> None:
    """Put people and hours of a county into the tables."""
    chance = random.Random(_SEED)
    teachers = max(1, count // RECORDS_OF_ONE)
    db = centre.view.db
    with centre.view.view_transaction():
        for number in range(-(-teachers // TEACHERS_OF_SCHOOL)):
            scope_no = FIRST_SCOPE + number
            code = f"S{number:04}"
            db.execute("INSERT INTO scope_key VALUES (?, ?)", (scope_no, code.encode()))
            db.execute(
                "INSERT INTO _scope (scope_no, rec, code, name, kind, author, actor, entered_at)"
                " VALUES (?, 1, ?, ?, 'school', 1, '', 0)",
                (scope_no, code, code),
            )
            here = min(TEACHERS_OF_SCHOOL, teachers - number * TEACHERS_OF_SCHOOL)
            _fill_school(centre, pack, (scope_no, code), here, chance)


def _fill_school(
    centre: Node, pack: Pack, school: tuple[int, str], teachers: int, chance: random.Random
) -> None:
    scope_no, code = school
    people = [
        (scope_no, rec, *_draw(pack, "person", {"staff_no": f"{code}-{rec}", "active": 1}, chance),
         1, "", 0)
        for rec in range(1, teachers + 1)
    ]  # fmt: skip
    centre.view.insert_rows(centre.schema.by_name["person"], people)
    rows = []
    # As they are entered: session after session, everybody in turn.
    for session in range(RECORDS_OF_ONE):
        for rec in range(1, teachers + 1):
            number = 1000 + session * teachers + rec
            own = {
                "person": rec,
                "title": f"session {session}",
                "minutes": 45 * chance.randint(1, 4),
            }
            rows.append((scope_no, number, *_draw(pack, "hour", own, chance), 1, "clerk", 0))
    centre.view.insert_rows(centre.schema.by_name["hour"], rows)
    approved = [number for _, number, *_ in rows if chance.random() < _APPROVED]
    centre.view.db.executemany(
        "UPDATE hour SET state = 'approved', credited = minutes WHERE scope_no = ? AND rec = ?",
        ((scope_no, number) for number in approved),
    )


def _draw(pack: Pack, of: str, own: dict[str, object], chance: random.Random) -> Iterator[object]:
    for field in pack.types[of].field:
        yield own[field.id] if field.id in own else _value(pack, field, chance)


def _value(pack: Pack, field: FieldDeclaration, chance: random.Random) -> object:
    if field.type == "code" and field.codes in pack.codes:
        return chance.choice(pack.codes[field.codes].value).id
    if field.type == "date" and field.id == "date":
        return (AS_OF - dt.timedelta(days=chance.randrange(365 * YEARS))).isoformat()
    if field.type == "date" and field.id == "hired_on":
        return (AS_OF - dt.timedelta(days=chance.randrange(365 * 20))).isoformat()
    return chance.choice((0, 1)) if field.type == "bool" else None
