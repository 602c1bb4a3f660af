"""Workbooks as they arrive by chat: each has what a spreadsheet, a system or a person did to it.

Every maker writes one file; all people are invented. The kind of damage is its name.
"""

import re
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import xlsxwriter  # type: ignore[import-untyped]

Maker = Callable[[Path], Path]
HEAD: Final = ["教师编号", "姓名", "日期", "内容", "学时"]
PEOPLE: Final = (("00123", "卢建设"), ("00124", "秦小禾"), ("00125", "阿依古丽·热合曼"))
# How an old binary workbook begins, and the name that one with a password has in its directory.
OLD_OFFICE: Final = bytes.fromhex("d0cf11e0a1b11ae1")


class Book:
    """A workbook in the making: rows go where the next free row is."""

    def __init__(self, path: Path, **settings: Any) -> None:
        self.path = path
        self.book = xlsxwriter.Workbook(path, settings)
        self.sheet = self.book.add_worksheet()
        self.row = 0

    def __enter__(self) -> "Book":
        return self

    def __exit__(self, *_: object) -> None:
        self.book.close()

    def format(self, number: str) -> Any:
        return self.book.add_format({"num_format": number})

    def add(self, cells: Sequence[object], form: Any = None) -> int:
        """Write one row; None is an empty cell."""
        for place, value in enumerate(cells):
            if value is not None:
                self.sheet.write(self.row, place, value, form)
        self.row += 1
        return self.row - 1

    def records(self, title: str, count: int = 3) -> None:
        for number in range(count):
            staff_no, name = PEOPLE[number % len(PEOPLE)]
            self.add([staff_no, name, f"2026-03-0{number + 1}", title, 2])


def titled(folder: Path, title: str = "titled") -> Path:
    """Title, subtitle, notes and a blank row above; headings with marks, hints and line breaks."""
    with Book(folder / "titled.xlsx") as made:
        made.sheet.merge_range(0, 0, 0, 6, "2025—2026学年度教师培训学时登记表")
        made.sheet.merge_range(1, 0, 1, 6, "学校：山村小学    填报时间：2026年3月")
        made.sheet.write(2, 0, "说明：带*的必填，日期写成 2026-03-01")
        made.row = 4
        made.add(
            ["序号", "教师\n编号*", "姓 名", "日期（必填）", " 培训内容 ", "＊学时(节)", "ＮＯＴＥ"]
        )
        for number, (staff_no, name) in enumerate(PEOPLE, start=1):
            made.add([number, staff_no, name, "2026.3.1", title, 2, ""])
    return folder / "titled.xlsx"


def two_row_header(folder: Path) -> Path:
    """A group of columns under one heading, the others merged over both rows."""
    with Book(folder / "two_row_header.xlsx") as made:
        for place, text in enumerate(("教师编号", "姓名")):
            made.sheet.merge_range(0, place, 1, place, text)
        made.sheet.merge_range(0, 2, 0, 4, "培训情况")
        made.sheet.write_row(1, 2, ("日期", "内容", "学时"))
        made.row = 2
        made.records("two_row_header")
    return folder / "two_row_header.xlsx"


def merged_rows(folder: Path) -> Path:
    """One date, title and number of hours merged over everybody who was there."""
    with Book(folder / "merged_rows.xlsx") as made:
        made.add(HEAD)
        for place, value in ((2, "2026年3月1日"), (3, "merged_rows"), (4, "1.5学时")):
            made.sheet.merge_range(1, place, 3, place, value)
        for number, person in enumerate(PEOPLE, start=1):
            made.sheet.write_row(number, 0, person)
    return folder / "merged_rows.xlsx"


def dates(folder: Path) -> Path:
    """Every way in which a date is typed, and real ones."""
    with Book(folder / "dates.xlsx") as made:
        made.add(HEAD)
        written = ["2024.9.1", "2024年9月1日", "20240901", 20240901, "2024/9/1", 45536, "45536"]
        written += ["2024-09-01 14:30", "２０２４．９．１", "2024年9月1日(星期日)"]
        for number, day in enumerate(written):
            made.add(["00123", "卢建设", day, f"dates {number}", 1])
        for form in ("yyyy-mm-dd", 'yyyy"年"m"月"d"日"', "[$-804]yyyy/m/d", "m/d/yy"):
            row = made.add(["00123", "卢建设", None, f"dates {form}", 1])
            made.sheet.write_number(row, 2, 45536.5, made.format(form))
    return folder / "dates.xlsx"


def dates_1904(folder: Path) -> Path:
    """The calendar of old Macintoshes: the same number is another day."""
    with Book(folder / "dates_1904.xlsx", date_1904=True) as made:
        made.add(HEAD)
        row = made.add(["00123", "卢建设", None, "dates_1904 cell", 1])
        made.sheet.write_number(row, 2, 44074, made.format("yyyy-mm-dd"))
        made.add(["00123", "卢建设", 44074, "dates_1904 number", 1])
    return folder / "dates_1904.xlsx"


def hours_as_text(folder: Path) -> Path:
    """Hours with units, in wide signs, as text, and with a binary tail."""
    with Book(folder / "hours_as_text.xlsx") as made:
        made.add(HEAD)
        for number, hours in enumerate(("1.5", "1.5学时", "1.5 课时", "１.５", 1.4999999999999998)):
            made.add(["00123", "卢建设", "2026-03-01", f"hours_as_text {number}", hours])
    return folder / "hours_as_text.xlsx"


def zeros_in_front(folder: Path) -> Path:
    """Staff numbers as text, as a number that shows its zeros, and as a number that lost them."""
    with Book(folder / "zeros_in_front.xlsx") as made:
        made.add(HEAD)
        made.add(["00123", "卢建设", "2026-03-01", "zeros text", 1])
        row = made.add([None, "卢建设", "2026-03-01", "zeros format", 1])
        made.sheet.write_number(row, 0, 123, made.format("00000"))
        made.add([123, "卢建设", "2026-03-01", "zeros lost", 1])
    return folder / "zeros_in_front.xlsx"


def destroyed_ids(folder: Path) -> Path:
    """Long numbers that a spreadsheet has made numbers of, in four stages."""
    with Book(folder / "destroyed_ids.xlsx", strings_to_numbers=False) as made:
        made.add(HEAD)
        for number in ("1.23457E+17", 123456789012345678, "330102199001010000", "1.1E+18"):
            made.add([number, "卢建设", "2026-03-01", "destroyed_ids", 1])
        made.add(["11010519491231002X", "秦小禾", "2026-03-01", "destroyed_ids", 1])
    return folder / "destroyed_ids.xlsx"


def several_sheets(folder: Path) -> Path:
    """How to fill it in, the table, and an old copy that somebody has hidden."""
    with Book(folder / "several_sheets.xlsx") as made:
        made.sheet.write(0, 0, "填写说明：每人每次一行")
        made.sheet = made.book.add_worksheet("三月")
        made.add(HEAD)
        made.records("several_sheets")
        made.sheet, made.row = made.book.add_worksheet("旧表"), 0
        made.sheet.hide()
        made.add(HEAD)
        made.records("hidden sheet")
    return folder / "several_sheets.xlsx"


def months(folder: Path) -> Path:
    """A sheet a month: nobody can tell which one is meant."""
    with Book(folder / "months.xlsx") as made:
        for name in ("三月", "四月"):
            made.sheet, made.row = made.book.add_worksheet(name), 0
            made.add(HEAD)
            made.records(f"months {name}")
    return folder / "months.xlsx"


def hidden_rows(folder: Path) -> Path:
    """A filter hides a row."""
    with Book(folder / "hidden_rows.xlsx") as made:
        made.add(HEAD)
        made.records("hidden_rows")
        made.sheet.set_row(2, None, None, {"hidden": True})
    return folder / "hidden_rows.xlsx"


def formulas(folder: Path) -> Path:
    """Values that formulas left: taken; one that failed, one never computed: refused."""
    with Book(folder / "formulas.xlsx") as made:
        made.add(HEAD)
        for row, value in enumerate((2, "#VALUE!", ""), start=1):
            made.add(["00123", "卢建设", "2026-03-01", "formulas"])
            made.sheet.write_formula(row, 4, "=1+1", None, value)
    return folder / "formulas.xlsx"


def computed(folder: Path) -> Path:
    """Names and hours by formula, as a lookup in another sheet leaves them."""
    with Book(folder / "computed.xlsx") as made:
        made.add(HEAD)
        made.add(["00123", None, "2026-03-01", "computed"])
        made.sheet.write_formula(1, 1, "=VLOOKUP(A2,人员!A:B,2,0)", None, "卢建设")
        made.sheet.write_formula(1, 4, "=3/2", None, 1.5)
    return folder / "computed.xlsx"


def totals_and_footers(folder: Path) -> Path:
    """Empty rows between, a subtotal, a total, the header again, and who has made it."""
    with Book(folder / "totals_and_footers.xlsx") as made:
        made.add(HEAD)
        made.records("totals 1", 2)
        made.add(["小 计", None, None, None, 4])
        made.row += 3
        made.add(HEAD)
        made.records("totals 2", 1)
        made.add([None, "合计", None, "3人次", 6])
        made.row += 1
        made.add(["制表人：王登记", None, "审核人：", None, "2026年3月31日"])
        made.add(["注：1.本表一式两份。"])
        made.add(["2.学校存一份，县里存一份。"])
        made.add(["学校（盖章）"])
    return folder / "totals_and_footers.xlsx"


def twice(folder: Path) -> Path:
    """Two columns of one name."""
    with Book(folder / "twice.xlsx") as made:
        made.add([*HEAD, "学时"])
        made.add(["00123", "卢建设", "2026-03-01", "twice", 1, 2])
    return folder / "twice.xlsx"


def names_only(folder: Path) -> Path:
    """No staff numbers, as in most lists that schools keep: names that everybody knows."""
    with Book(folder / "names_only.xlsx") as made:
        made.add(["序号", *HEAD[1:]])
        for number, (_, name) in enumerate(PEOPLE, start=1):
            made.add([number, name, "2026-03-01", "names_only", 1])
    return folder / "names_only.xlsx"


def strangers(folder: Path) -> Path:
    """A name that nobody has: whose hours these are cannot be told."""
    with Book(folder / "strangers.xlsx") as made:
        made.add(HEAD[1:])
        made.add(["卢建设", "2026-03-01", "strangers", 1])
        made.add(["莫相识", "2026-03-01", "strangers", 1])
    return folder / "strangers.xlsx"


def no_header(folder: Path) -> Path:
    """The columns that are needed are not there."""
    with Book(folder / "no_header.xlsx") as made:
        made.add(["姓名", "日期", "备注"])
        made.add(["卢建设", "2026-03-01", ""])
    return folder / "no_header.xlsx"


def faulty(folder: Path) -> Path:
    """Three bad cells, and good rows that must stay out with them."""
    with Book(folder / "faulty.xlsx") as made:
        made.add(HEAD)
        made.records("faulty")
        made.add(["00123", "卢建设", "2026-02-30", "faulty", 1])
        made.add(["00124", "秦大禾", "2026-03-01", "faulty", 1])
        made.add(["00125", "阿依古丽·热合曼", "2026-03-01", "faulty", "一个半"])
    return folder / "faulty.xlsx"


def old_format(folder: Path) -> Path:
    """An .xls of before 2007."""
    path = folder / "old_format.xls"
    path.write_bytes(OLD_OFFICE + b"\x00" * 504 + "Workbook".encode("utf-16-le") + b"\x00" * 2048)
    return path


def protected(folder: Path) -> Path:
    """A workbook with a password: a box of the old kind around it."""
    path = folder / "protected.xlsx"
    name = "EncryptedPackage".encode("utf-16-le")
    path.write_bytes(OLD_OFFICE + b"\x00" * 504 + name + b"\x00" * 2048)
    return path


def csv_gbk(folder: Path, title: str = "csv_gbk") -> Path:
    """What a spreadsheet on Chinese Windows saves as csv, with a name beyond GBK."""
    path = folder / "csv_gbk.csv"
    rows = [
        ",".join(HEAD),
        *(f"{each},2026/3/1,{title},1.5" for each in ("00123,卢建设", "00126,李𬬭")),
    ]
    path.write_bytes("\r\n".join(rows).encode("gb18030"))
    return path


def csv_bom(folder: Path) -> Path:
    """UTF-8 with a mark at the start, quoted fields and a line break within one."""
    path = folder / "csv_bom.csv"
    text = f'{",".join(HEAD)}\r\n00123,卢建设,2026-03-01,"csv_bom,\n含换行",1.5\r\n'
    path.write_bytes(text.encode("utf-8-sig"))
    return path


def unicode_text(folder: Path) -> Path:
    """What a spreadsheet saves as Unicode text: UTF-16, tabs."""
    path = folder / "unicode_text.txt"
    lines = ["\t".join(HEAD), "00123\t卢建设\t2026/3/1\tunicode_text\t1.5"]
    path.write_bytes("\r\n".join(lines).encode("utf-16"))
    return path


def csv_called_xlsx(folder: Path) -> Path:
    """Somebody has renamed a csv."""
    return csv_gbk(folder, "renamed csv").rename(folder / "csv_called_xlsx.xlsx")


def xlsx_called_csv(folder: Path) -> Path:
    """And the other way round."""
    return titled(folder, "renamed xlsx").rename(folder / "xlsx_called_csv.csv")


def html_called_xls(folder: Path) -> Path:
    """What many systems give out as Excel."""
    path = folder / "html_called_xls.xls"
    cells = "".join(f"<td>{each}</td>" for each in HEAD)
    path.write_text(f"<html><table><tr>{cells}</tr></table></html>", "utf-8")
    return path


def change_sheet(path: Path, change: Callable[[str], str]) -> Path:
    """Rewrite the XML of the first sheet."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    part = "xl/worksheets/sheet1.xml"
    parts[part] = change(parts[part].decode()).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


def huge_dimension(folder: Path) -> Path:
    """A sheet that says it has 17 thousand million cells, and one cell in its far corner."""
    with Book(folder / "huge_dimension.xlsx") as made:
        made.add(HEAD)
        made.records("huge_dimension")
        made.sheet.write_blank(1_048_575, 16_383, None, made.format("@"))
        made.sheet.write_string(1_048_575, 16_382, " ")
    return change_sheet(
        folder / "huge_dimension.xlsx",
        lambda text: re.sub(r'<dimension ref="[^"]*"', '<dimension ref="A1:XFD1048576"', text),
    )


def bomb(folder: Path) -> Path:
    """A few bytes that say they unpack to a gigabyte."""
    path = titled(folder).rename(folder / "bomb.xlsx")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/image1.bin", b"\x00" * 1000)
        archive.infolist()[-1].file_size = 1 << 30
    return path


def entities(folder: Path) -> Path:
    """XML that unfolds: ten entities of ten entities."""
    path = titled(folder).rename(folder / "entities.xlsx")
    kinds = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    start = f'<!DOCTYPE x [<!ENTITY e0 "x">{kinds}]>'
    return change_sheet(path, lambda text: text.replace("<worksheet", f"{start}<worksheet", 1))


def cut_off(folder: Path) -> Path:
    """A file that was not sent to its end."""
    path = titled(folder).rename(folder / "cut_off.xlsx")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


def broken_sheet(folder: Path) -> Path:
    """A whole archive around a sheet that breaks off in a row."""
    path = titled(folder).rename(folder / "broken_sheet.xlsx")
    return change_sheet(path, lambda text: text[: text.rindex("<row")])


def spaced_names(folder: Path) -> Path:
    """Names of two characters set wide, invisible marks, tabs from a copy."""
    with Book(folder / "spaced_names.xlsx") as made:
        made.add(HEAD)
        made.add(["\u200b00123", "卢 建设", "2026-03-01", "spaced_names\t(一)", 1])
        made.add(["００１２４ ", "秦　小 禾", "2026-03-01", "spaced_names", 1])
    return folder / "spaced_names.xlsx"
