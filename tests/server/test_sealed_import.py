"""Personal numbers that come in tables: sealed on the way in, and on no disk in the clear."""

import json
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter  # type: ignore[import-untyped]

from tests.server.conftest import County
from tests.server.nodes import make_world
from tests.server.pages import Visitor, make_visitor
from xueshi_server.importing import import_rows
from xueshi_server.locked_file import LockedFile
from xueshi_server.sealing import Opener, ensure_seal_key
from xueshi_server.web import create_app
from xueshi_sync.node import Node

NUMBER = "51068319850108002X"
PHONE = "13812345678"
HEADS = ["教师编号", "姓名", "身份证号码", "联系电话", "性别", "出生日期"]
ROW = ["T1", "李明", NUMBER, PHONE, "", ""]


@pytest.fixture
def keyed(county: County) -> County:
    """A county whose school knows the key of the centre."""
    ensure_seal_key(county.centre)
    county.carry_both_ways()
    return county


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A school that knows the key, for files that are refused: nothing is written."""
    with make_world(tmp_path_factory.mktemp("reading")) as world:
        centre, school = world.make("centre", "County", "C1"), world.make("school", "Hill", "S1")
        ensure_seal_key(centre)
        world.join(centre, school, "Hill", "S1")
        yield school


def workbook(*rows: list[Any], heads: list[str] = HEADS) -> bytes:
    """A roster as schools send it: a title, headings, people."""
    data = BytesIO()
    book = xlsxwriter.Workbook(data)
    sheet = book.add_worksheet("花名册")
    sheet.merge_range(0, 0, 0, 5, "2026年教师花名册")
    for place, row in enumerate([heads, *rows], start=1):
        sheet.write_row(place, 0, row)
    book.close()
    return data.getvalue()


def put(folder: Path, *rows: list[Any], heads: list[str] = HEADS) -> Path:
    """The workbook as a file."""
    path = folder / "roster.xlsx"
    path.write_bytes(workbook(*rows, heads=heads))
    return path


def opened(node: Node, home: Path, field: str) -> str:
    """What the keys of a folder read in the one person's field."""
    (row,) = node.query("SELECT * FROM person WHERE NOT deleted")
    return Opener(home)(bytes(row[field]))


def every_byte(home: Path) -> Iterator[tuple[Path, bytes]]:
    """What is in the files of a folder, and in the parts of those that are zipped."""
    for path in (each for each in home.rglob("*") if each.is_file()):
        yield path, path.read_bytes()
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                yield from ((path, archive.read(name)) for name in archive.namelist())


def assert_nowhere(home: Path, *texts: str) -> None:
    """No file of a node holds one of the texts in any encoding."""
    for path, data in every_byte(home):
        for text in texts:
            for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
                assert text.encode(encoding) not in data, path


@pytest.mark.parametrize(
    ("heading", "phone"),
    [("身份证号", "手机"), ("公民身份号码", "手机号"), ("ID number", "联系电话")],
)
def test_a_roster_is_sealed_under_any_of_its_headings(
    keyed: County, tmp_path: Path, heading: str, phone: str
) -> None:
    heads = [*HEADS[:2], heading, phone, *HEADS[4:]]
    report = import_rows(keyed.school, "person", put(tmp_path, ROW, heads=heads), actor="admin")
    assert (report.added, report.faults) == (1, ())
    assert opened(keyed.school, keyed.centre.home, "id_number") == NUMBER
    assert opened(keyed.school, keyed.centre.home, "phone") == PHONE


def test_day_and_sex_are_taken_from_the_number(keyed: County, tmp_path: Path) -> None:
    import_rows(keyed.school, "person", put(tmp_path, ROW), actor="admin")
    (row,) = keyed.school.query("SELECT born_on, sex FROM person")
    assert tuple(row) == ("1985-01-08", "2")


@pytest.mark.parametrize(
    ("cells", "column", "code"),
    [
        pytest.param({2: "510683198501080021"}, "id_number", "id.check_digit", id="slip"),
        pytest.param({2: "5.10683E+17"}, "id_number", "id.digits_lost", id="power as text"),
        pytest.param({2: 5.1068319850108e17}, "id_number", "cell.digits_lost", id="figure"),
        pytest.param({2: "510683198501080000"}, "id_number", "id.digits_lost", id="noughts"),
        pytest.param({3: "6221234"}, "phone", "phone.shape", id="no area"),
        pytest.param({5: "1950.1.1"}, "born_on", "id.born_differs", id="another day"),
        pytest.param({4: "男"}, "sex", "id.sex_differs", id="another sex"),
    ],
)
def test_a_spoilt_number_is_refused_with_its_row(
    reading: Node, tmp_path: Path, cells: dict[int, Any], column: str, code: str
) -> None:
    row = [cells.get(place, cell) for place, cell in enumerate(ROW)]
    report = import_rows(reading, "person", put(tmp_path, row), actor="admin")
    assert [(each.row_no, each.field, each.code) for each in report.faults] == [(3, column, code)]
    told = json.dumps([dict(each.details) for each in report.faults])
    assert not any(part in told for part in (NUMBER[6:14], "6221234", "1985"))


def test_a_number_that_a_sheet_holds_as_a_figure_is_a_phone(keyed: County, tmp_path: Path) -> None:
    row = [*ROW[:3], int(PHONE), "", ""]
    assert import_rows(keyed.school, "person", put(tmp_path, row), actor="admin").added == 1
    assert opened(keyed.school, keyed.centre.home, "phone") == PHONE


def test_without_the_key_the_row_says_what_to_do(school: Node, tmp_path: Path) -> None:
    report = import_rows(school, "person", put(tmp_path, ROW), actor="admin")
    assert {each.code for each in report.faults} == {"sealed.no_key"}


def test_a_second_import_adds_nothing(keyed: County, tmp_path: Path) -> None:
    path = put(tmp_path, ROW)
    for added in (1, 0):
        assert import_rows(keyed.school, "person", path, actor="admin").added == added


def test_an_exported_roster_comes_back(keyed: County, tmp_path: Path) -> None:
    import_rows(keyed.school, "person", put(tmp_path, ROW), actor="admin")
    masked = ["T2", "王芳", "••••002X", "••••5678", "", ""]
    assert import_rows(keyed.school, "person", put(tmp_path, masked), actor="admin").added == 1
    rows = keyed.school.query("SELECT id_number FROM person WHERE staff_no = 'T2'")
    assert rows[0]["id_number"] is None


@pytest.mark.parametrize(
    ("kind", "spoilt"), [("xlsx", False), ("xlsx", True), ("csv", True), ("utf-16", False)]
)
def test_while_a_file_waits_no_disk_holds_a_number(
    keyed: County, kind: str, *, spoilt: bool
) -> None:
    registrar = make_visitor(create_app(keyed.school, testing=True), "registrar")
    row = [*ROW[:4], "男", ""] if spoilt else ROW
    text = "\n".join("\t".join(each) for each in (HEADS, row))
    data = {
        "xlsx": workbook(row),
        "csv": text.replace("\t", ",").encode(),
        "utf-16": text.encode("utf-16"),
    }[kind]
    name = "roster.xlsx" if kind == "xlsx" else "roster.txt"
    job = upload(registrar, data, name)
    page = registrar.get("/files/", job=job).text
    assert "••••002X" in page
    assert NUMBER not in page
    assert list((keyed.school.home / "imports").glob("*.preview"))
    assert_nowhere(keyed.school.home, NUMBER, NUMBER[:14], PHONE)
    if not spoilt:
        registrar.post("/files/", job=job, follow="1")
        assert "1 new" in registrar.text("/files/", job=job)
        assert opened(keyed.school, keyed.centre.home, "id_number") == NUMBER
        assert_nowhere(keyed.school.home, NUMBER, NUMBER[:14], PHONE)


def upload(visitor: Visitor, data: bytes, name: str) -> str:
    """Have a roster checked; the job's name."""
    file = (BytesIO(data), name)
    answer = visitor.post("/files/", file=file, type="person", follow="1", dry_run="1")
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"]).partition("job=")[2]


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 200_000])
def test_a_locked_file_reads_as_what_was_put_in(tmp_path: Path, size: int) -> None:
    data = bytes(place % 251 for place in range(size))
    file = LockedFile(tmp_path / "a.bin")
    file.save(BytesIO(data))
    with file.open("rb") as plain:
        assert plain.read() == data
        assert plain.seek(-min(size, 70_000), 2) == max(0, size - 70_000)
        assert plain.read() == data[-70_000:]
        assert plain.read() == b""
    assert data[:200] not in file.path.read_bytes() or size < 200


def test_a_locked_file_that_was_altered_is_not_read(tmp_path: Path) -> None:
    file = LockedFile(tmp_path / "a.csv")
    file.save(BytesIO(b"a,b\n1,2\n" * 100))
    data = bytearray(file.path.read_bytes())
    data[7] ^= 1
    file.path.write_bytes(bytes(data))
    with file.open("r", encoding="utf-8") as text, pytest.raises(Exception, match="Decryption"):
        text.read()
