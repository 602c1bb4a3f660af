"""What keeps a school's node usable on a small machine, without a clock: how much of its records a
page reads, how many bytes it has, and what the process has loaded by then.

The times themselves are measured by `xueshi bench --only node`.
"""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from xueshi_client.bench.addresses import Address, Index, list_addresses, roles_at
from xueshi_client.bench.county import make_county
from xueshi_client.bench.machine import PAGE_BYTES_AT_MOST, make_session
from xueshi_client.bench.school import School, make_school
from xueshi_server.web import create_app
from xueshi_server.web.security import SESSION_COOKIE
from xueshi_server.web.site import EXTENSION

pytestmark = pytest.mark.process

WORKLOAD: Final = Path(__file__).parents[1] / "bench" / "workload.py"
# Steps of SQLite's machine between two counts.
STEPS: Final = 20
# Whoever reads a record takes more steps than this.
STEPS_A_RECORD: Final = 2.5
FEW, MANY = 1200, 3000
# As many in each school: its head passes over them to what the registrar entered.
CLAIMS: Final = 120
# A search for a text reads every record of its type until a page is full.
SEARCHES: Final = ("records.list_all", "forms.choose")
# Pages that are made alike for every type, and the types that stand for all: those that grow here,
# one that moves by steps, one that is looked up by a key.
OF_TYPES: Final = ("records.list_all", "records.queue", "records.show", "record_entry.",
                   "attachments.", "personal.", "forms.choose")  # fmt: skip
FEW_TYPES: Final = frozenset(
    {"hour", "person", "session", "project", "unit", "personal_statement", "signing_list"}
)
# Sums of up to sixty people and the order of all; the sums of the forty people of twenty pairs; the
# claims and hours of the last half year; what lies on shelves is told record by record.
BOUNDED: Final = (
    "people.index",
    "duplicates.index",
    "requirements.index",
    "session.claims",
    "grants.shelves",
)
# The head of a school passes over what was looked at and waits for the county: some thousands at
# most, in the year in which they lie.
AT_A_SCHOOL: Final = (*BOUNDED, "review.index?after")
HEAVY: Final = ("typst", "openpyxl", "xlsxwriter", "PIL", "pypinyin", "segno", "sqlite_utils",
                "datasette", "webview")  # fmt: skip
USUAL: Final = ("/", "/hours/", "/people/", "/session/?new=1", "/records/", "/records/hour/",
                "/requirements/", "/principal/", "/sync-state/", "/grants/", "/forms/",
                "/enter/", "/files/", "/accounts/", "/library/", "/login")  # fmt: skip


@dataclass
class Asked:
    """The pages of one school: steps of the database and bytes, by address without its names."""

    steps: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)


class Counter:
    """Counts what SQLite does on every connection that is opened meanwhile."""

    def __init__(self) -> None:
        self.steps = 0

    def __call__(self) -> int:
        self.steps += STEPS
        return 0

    @contextmanager
    def on(self) -> Iterator[None]:
        """Count until the block ends."""
        connect = sqlite3.connect

        def counted(*args: Any, **options: Any) -> sqlite3.Connection:
            db: sqlite3.Connection = connect(*args, **options)
            db.set_progress_handler(self, STEPS)
            return db

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sqlite3, "connect", counted)
            yield


def ask_all(school: School, counter: Counter, *, everything: bool) -> Asked:
    """Open every page, once totals are known from the usual ones. Pages of which one record type is
    as good as another are opened for a few types, or with `everything` for all, by every role."""
    app, asked = create_app(school.node, testing=True), Asked()
    accounts, clients = app.extensions[EXTENSION].accounts, {}
    index = Index(school.node, school.pack, 1)
    for role in roles_at(school.node.role):
        clients[str(role)] = app.test_client()
        token = make_session(accounts, role, index.of("person")[-1])
        clients[str(role)].set_cookie(SESSION_COOKIE, token)
    for path in USUAL:
        clients["admin"].get(path, buffered=True)
    for address in list_addresses(app, index):
        is_sample = _is_sample(address)
        # What is narrowed is made as the whole list is.
        is_plain = everything and "?" not in address.path
        if address.is_file or not (is_sample or is_plain):
            continue
        counter.steps = 0
        answer = clients[address.role].get(address.path, buffered=True)
        if answer.status_code >= 500:
            asked.failed.append(address.path)
        if answer.status_code == 200:
            _note(asked, address, counter.steps, len(answer.data))
    return asked


def _is_sample(address: Address) -> bool:
    if address.role not in ("admin", "teacher"):
        return False
    if not address.endpoint.startswith(OF_TYPES):
        return True
    return not FEW_TYPES.isdisjoint(address.path.replace("?", "/").split("/"))


def _note(asked: Asked, address: Address, steps: int, size_bytes: int) -> None:
    query = address.path.partition("?")[2].partition("=")[0]
    name = f"{address.endpoint}?{query}" if query else address.endpoint
    if not (address.endpoint in SEARCHES and query == "q"):
        asked.steps[name] = max(asked.steps.get(name, 0), steps)
    asked.sizes[name] = max(asked.sizes.get(name, 0), size_bytes)


@pytest.fixture(scope="module")
def schools(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Asked]:
    """A small school, one with more records of the same people, and one with more people."""
    found, counter = {}, Counter()
    for name, records, teachers in (("small", FEW, 40), ("years", MANY, 40), ("people", MANY, 300)):
        folder = tmp_path_factory.mktemp(name)
        with (
            counter.on(),
            make_school(
                folder, WORKLOAD, records, teachers=teachers, claims=CLAIMS, resources=60
            ) as school,
        ):
            found[name] = ask_all(school, counter, everything=name == "people")
    return found


@pytest.fixture(scope="module")
def counties(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Asked]:
    """A county of two schools with few hours that wait, and with many."""
    found, counter = {}, Counter()
    for name, records in (("few", FEW), ("many", MANY)):
        folder = tmp_path_factory.mktemp(name)
        with (
            counter.on(),
            make_county(folder, WORKLOAD, records, schools=2, teachers=30) as county,
        ):
            found[name] = ask_all(county, counter, everything=False)
    return found


def test_no_page_reads_more_records_the_more_there_are(schools: dict[str, Asked]) -> None:
    """A page about one person may grow with that person's records, one about the roster with the
    people of the school; none with both, which would be with all records."""
    small, years, people = (schools[name].steps for name in ("small", "years", "people"))
    grown = {
        page: (small[page], years[page], people[page])
        for page in small.keys() & years.keys() & people.keys()
        if not page.startswith(AT_A_SCHOOL)
        and min(years[page], people[page]) - small[page] > STEPS_A_RECORD * (MANY - FEW)
    }
    assert grown == {}
    assert len(small) > 50


def test_no_page_of_a_county_reads_more_records_the_more_wait(counties: dict[str, Asked]) -> None:
    few, many = counties["few"].steps, counties["many"].steps
    grown = {
        page: (few[page], many[page])
        for page in few.keys() & many.keys()
        if not page.startswith(BOUNDED) and many[page] - few[page] > STEPS_A_RECORD * (MANY - FEW)
    }
    assert grown == {}
    assert counties["many"].failed == []


def test_every_page_of_a_school_of_three_hundred_is_within_100_kb(
    schools: dict[str, Asked],
) -> None:
    sizes = {name: size for asked in schools.values() for name, size in asked.sizes.items()}
    assert {name: size for name, size in sizes.items() if size > PAGE_BYTES_AT_MOST} == {}


def test_no_page_of_a_filled_school_fails(schools: dict[str, Asked]) -> None:
    assert [asked.failed for asked in schools.values()] == [[], [], []]


OPEN_PAGES: Final = """
import sys
from pathlib import Path
from xueshi_client.bench.machine import make_session
from xueshi_client.bench.world import open_node
import xueshi_client.commands.run_local
from xueshi_server.web import create_app
from xueshi_server.web.security import SESSION_COOKIE
from xueshi_server.web.site import EXTENSION

node = open_node(Path(sys.argv[1]))
app = create_app(node)
client = app.test_client()
token = make_session(app.extensions[EXTENSION].accounts, "admin", "")
client.set_cookie(SESSION_COOKIE, token)
for path in sys.argv[2].split():
    status = client.get(path, buffered=True).status_code
    assert status in (200, 302), (path, status)
node.close()
print(" ".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_the_usual_pages_load_no_setter_workbook_or_picture(tmp_path: Path) -> None:
    with make_school(tmp_path, WORKLOAD, 40, teachers=10):
        pass
    done = subprocess.run(
        [sys.executable, "-c", OPEN_PAGES, str(tmp_path / "school"), " ".join(USUAL)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) & set(HEAVY) == set()
