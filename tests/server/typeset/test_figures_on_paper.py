"""The figures on paper are those that plain SQL finds in the tables: sums, counts, shares, and who
is listed, read back from the PDF. The rule engine and the filling of forms have no part in it."""

import io
import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Final

import pytest
from pypdf import PdfReader

from tests.server.walks.shipped_county import SCHOOL, TODAY, County, Record, make_county
from xueshi_server.typeset.printing import Press
from xueshi_sync.writer import RecordKey

# Day, minutes, verdict: the year before, the year itself with all states, the year after.
HOURS: Final = (
    ("2025-08-30", 600, "approve"),
    ("2025-09-01", 90, "approve"),
    ("2025-12-31", 45, ""),
    ("2026-01-12", 75, "reject"),
    ("2026-02-27", 150, "approve"),
    ("2026-03-01", 105, "void"),
    ("2026-09-01", 300, ""),
)
YEAR: Final = "date BETWEEN '2025-09-01' AND '2026-08-31'"
COUNTS: Final = """state IN ('approved', 'pending', 'disputed') AND NOT EXISTS (
    SELECT * FROM hour newer WHERE newer.scope_no = h.scope_no AND newer.corrects = h.rec
    AND newer.state IN ('approved', 'pending', 'disputed'))"""


@pytest.fixture(scope="module")
def counties(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, County]]:
    """A county under each pack, made when it is first asked for, with another school in it."""
    with ExitStack() as stack:

        class Made(dict[str, County]):
            def __missing__(self, pack_id: str) -> County:
                folder = tmp_path_factory.mktemp(pack_id)
                self[pack_id] = county = stack.enter_context(make_county(folder, pack_id))
                fill(county)
                return county

        yield Made()


def fill(county: County) -> None:
    """Three teachers of one school, one of another, hours in every state, and what the forms of the
    pack add up."""
    for number, name in (("T1", "卢建设"), ("T2", "范晓琳"), ("T3", "田玉洁")):
        person = county.enter(
            "person", staff_no=number, name=name, active=True, hired_on="2010-09-01"
        )
        rows = HOURS if number != "T3" else ()
        hours = [(county.enter("hour", person=person, **of_day(*each)), each[2]) for each in rows]
        if number == "T1":
            # What a correction takes the place of counts no more.
            mended = {**of_day("2025-09-02", 60), "corrects": hours[1][0]}
            hours.append((county.enter("hour", person=person, **mended), "approve"))
            # Nor what a correction waits to take the place of; one that came back takes none.
            waiting = {**of_day("2026-02-27", 135), "corrects": hours[4][0]}
            hours.append((county.enter("hour", person=person, **waiting), ""))
            hand_back(county, person, hours[2][0])
            ADDED.get(county.pack.id, lambda *_: None)(county, person)
        judge(county, hours)
    county.enter("person", staff_no="T4", name="苗素梅", active=False)
    add_other_school(county)


def hand_back(county: County, person: Record, older: Record) -> None:
    """A correction that the principal returned, and an entry that was withdrawn."""
    said: dict[Any, dict[str, Any]] = {"return": {"corrects": older}, "withdraw": {}}
    for value, more in said.items():
        back = county.enter("hour", person=person, **of_day("2026-01-09", 510), **more)
        with county.school.write(actor="walk") as action:
            action.check("hour", county.school.find_record(back.name), value, "日期不对")


def of_day(date: str, minutes: int, _verdict: str = "") -> dict[str, Any]:
    return {"date": date, "minutes": minutes, "title": f"{date}听评课"}


def judge(county: County, records: list[tuple[Record, str]]) -> None:
    centre = county.at_centre()
    with centre.write(actor="walk") as action:
        for each, verdict in records:
            if verdict:
                action.judge(each.of, centre.find_record(each.name), verdict)


def add_other_school(county: County) -> None:
    """A school whose people and hours belong on no paper of the first one."""
    other = county.world.make("school", "东山小学", "S2")
    county.world.join(county.centre, other, "东山小学", "S2")
    with other.write(actor="walk") as action:
        key = action.insert("person", {"staff_no": "T9", "name": "原志强", "active": True})
        action.insert("hour", {"person": key.rec, **of_day("2026-01-05", 480)})
    county.world.carry(other, county.centre, to=None)


def add_coaching(county: County, person: Record) -> None:
    """Coaching of a backbone teacher, in and out of the year; a class and its courses."""
    county.enter(
        "backbone", certificate_no="B1", person=person, level="county", standing="valid",
        cycle_from="2024-01-01",
    )  # fmt: skip
    for date, minutes in (("2026-01-20", 90), ("2026-02-10", 45), ("2025-11-03", 240)):
        county.enter("coaching", person=person, mentee="T2", date=date, minutes=minutes)
    days = {"starts_on": "2026-02-01", "ends_on": "2026-04-01"}
    found = [
        county.enter("training_class", no=no, title=no, run=1, level="national", **days)
        for no in ("C1", "C2")
    ]
    for no, (part, minutes) in enumerate(COURSES):
        of = found[no == len(COURSES) - 1]
        county.enter("course", no=f"K{no}", training_class=of, title="x", part=part,
                     minutes=minutes)  # fmt: skip


COURSES: Final = (
    ("theory", 2700), ("professional", 4500), ("enterprise", 7200), ("theory", 300),
    ("enterprise", 6000),
)  # fmt: skip


def add_project(county: County, person: Record) -> None:
    """A project with files, and another one with a file of its own."""
    for number, pages in (("P1", (3, 12, 7)), ("P2", (50,))):
        row = {"name": "整本书阅读", "line": "L1", "level": "school", "result": "running"}
        project = county.enter("project", number=number, head=person, **row)
        for no, count in enumerate(pages):
            row = {"date": f"2026-01-1{no}", "what": "record", "name": f"记录{no}"}
            county.enter("project_file", project=project, pages=count, **row)


ADDED: Final[dict[str, Any]] = {"chongqing": add_coaching, "qinggang": add_project}


def paper(county: County, form_id: str, name: str) -> str:
    """What stands on a printed form, without white space."""
    form = county.pack.forms[form_id]
    data = Press(county.at_centre(), county.pack, form, TODAY, "zh").print_one(name)
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(data)).pages]
    return "".join("".join(pages).split())


def ask(county: County, sql: str) -> list[Any]:
    """The first column of what plain SQL finds; S1 is the school, T1 the teacher."""
    return [row[0] for row in county.at_centre().query(sql)]


def name_of(county: County, of: str, where: str) -> str:
    """The name of a record in addresses."""
    (row,) = county.at_centre().query(f"SELECT scope_no, rec FROM {of} WHERE {where}")
    return county.at_centre().public_id(RecordKey(row["scope_no"], row["rec"]))


def number(value: float | None) -> str:
    """A figure as paper has it."""
    return f"{value or 0:.2f}".rstrip("0").rstrip(".")


TEACHER: Final = ("person", "staff_no = 'T1'")
SUM: Final = f"""
    SELECT sum(h.minutes) / 60.0 FROM hour h JOIN person p USING (scope_no)
    JOIN scope s USING (scope_no) WHERE s.code = 'S1' AND h.person = p.rec AND h.{YEAR}"""
OWN: Final = f"{SUM} AND p.staff_no = 'T1'"
OF_2026: Final = OWN.replace(f"h.{YEAR}", "h.date LIKE '2026-%'")
CYCLE: Final = OWN.replace(f"h.{YEAR}", "h.date BETWEEN '2026-01-01' AND '2030-12-31'")
TRAINED: Final = """
    SELECT (SELECT count(DISTINCT h.person) FROM hour h WHERE h.scope_no = p.scope_no
            AND h.date LIKE '2026-%' AND h.state = 'approved') || '/' || count(*)
    FROM person p JOIN scope s USING (scope_no) WHERE s.code = 'S1' AND p.active GROUP BY s.code"""
SHARES: Final = """
    SELECT sum(minutes) FILTER (WHERE part = '{}') * 100.0 / sum(minutes) FROM course c
    JOIN training_class t ON t.rec = c.training_class AND t.scope_no = c.scope_no
    WHERE t.no = 'C1'"""
COURSE_SUM: Final = SHARES.format("").replace(
    "sum(minutes) FILTER (WHERE part = '') * 100.0 / sum(minutes)", "sum(minutes) / 60.0"
)
TOTAL: Final = r"学时合计：([\d.]+)"
# Pack, form, whom it is about (None: the school), what is read from the paper, and the SQL of each.
FIGURES: Final = [
    # Every pack has them as the base does, but Mianzhu's statement.
    ("mianzhu", "personal_statement", TEACHER, TOTAL,
     [f"{OWN} AND h.state = 'approved'", f"{OWN} AND h.state = 'pending'"]),
    ("jiyuan", "personal_statement", TEACHER, TOTAL,
     [f"{OWN} AND h.state = 'approved'", f"{OWN} AND h.state = 'pending'"]),
    ("mianzhu", "hours_certificate", TEACHER, TOTAL.replace("：", ""),
     [f"{OWN} AND h.state = 'approved'"]),
    ("mianzhu", "hour_review", None, TOTAL, [f"{SUM} AND h.{COUNTS}"]),
    ("mianzhu", "hour_review", None, r"共(\d+)条学时",
     [f"{SUM} AND h.{COUNTS}".replace("sum(h.minutes) / 60.0", "count(*)")]),
    ("township-primary", "own_record", TEACHER, TOTAL, [f"{OWN} AND h.{COUNTS}"]),
    ("township-primary", "own_record", TEACHER, r"≥360学时([\d.]+)学时",
     [f"{CYCLE} AND h.state = 'approved'"]),
    ("jiyuan", "cycle_sheet", TEACHER, TOTAL, [f"{CYCLE} AND h.{COUNTS}"]),
    ("jiyuan", "cycle_sheet", TEACHER, r"≥360学时([\d.]+)学时",
     [f"{CYCLE} AND h.state = 'approved'"]),
    ("qinggang", "training_sheet", TEACHER, TOTAL, [f"{OF_2026} AND h.{COUNTS}"]),
    ("qinggang", "box_contents", ("project", "number = 'P1'"), r"页数合计：(\d+)",
     ["SELECT sum(f.pages) FROM project_file f JOIN project p ON p.rec = f.project"
      " AND p.scope_no = f.scope_no WHERE p.number = 'P1'"]),
    ("chongqing", "annual_form", TEACHER, TOTAL,
     ["SELECT sum(c.minutes) / 60.0 FROM coaching c JOIN person p ON p.rec = c.person"
      " WHERE p.staff_no = 'T1' AND c.date LIKE '2026-%'"]),
    ("chongqing", "class_schedule", ("training_class", "no = 'C1'"), r"总学时合计：([\d.]+)",
     [COURSE_SUM]),
    ("chongqing", "class_schedule", ("training_class", "no = 'C1'"), r"—\d+%）([\d.]+)%（",
     [SHARES.format(each) for each in ("theory", "professional", "enterprise")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("pack_id", "form_id", "about", "pattern", "asked"),
    FIGURES,
    ids=[f"{pack}-{form}-{len(pattern)}" for pack, form, _, pattern, _ in FIGURES],
)
def test_a_figure_on_paper_is_what_plain_sql_adds_up(
    counties: dict[str, County],
    pack_id: str,
    form_id: str,
    about: tuple[str, str] | None,
    pattern: str,
    asked: list[str],
) -> None:
    county = counties[pack_id]
    text = paper(county, form_id, SCHOOL if about is None else name_of(county, *about))
    wanted = [number(value) for sql in asked for value in ask(county, sql)]
    assert re.findall(pattern, text) == wanted
    assert all(each not in ("", "0") for each in wanted)


def test_the_share_of_those_trained_is_what_plain_sql_counts(counties: dict[str, County]) -> None:
    county = counties["township-primary"]
    text = paper(county, "supervision_form", SCHOOL)
    (wanted,) = ask(county, TRAINED)
    part, whole = map(int, wanted.split("/"))
    assert 0 < part < whole
    share = re.search(r"≥90%([\d.]+)%（(\d+/\d+)）", text)
    assert share is not None, text
    assert (share[2], share[1]) == (wanted, number(part / whole * 100))


def test_a_list_to_sign_and_the_labels_name_who_plain_sql_finds(
    counties: dict[str, County],
) -> None:
    county = counties["mianzhu"]
    found = ask(
        county,
        "SELECT p.staff_no || p.name FROM person p JOIN scope s USING (scope_no)"
        " WHERE s.code = 'S1' AND p.active ORDER BY p.staff_no",
    )
    text = paper(county, "signing_list", SCHOOL)
    assert re.findall(r"\d(T\d[\u4e00-\u9fff]{3})", text) == found
    assert f"共{len(found)}条" in text
    label = paper(county, "file_label", name_of(county, *TEACHER))
    (row,) = ask(county, "SELECT name || '教师编号' || staff_no FROM person WHERE staff_no = 'T1'")
    assert row in label
