"""Hostile and broken files that somebody hands in: refused with a word on why, or harmless."""

import io
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from xueshi_server.domain.errors import BadValueError
from xueshi_server.upload_checks import (
    TAKEN,
    check_file,
    check_folder,
    clean_file_name,
    unpack_folder,
)

PDF: Final = b"%PDF-1.4 nothing"
MZ: Final = b"MZ\x90\x00\x03\x00\x00\x00"
Files = Mapping[str, bytes]


def packed(files: Files, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return made.getvalue()


OFFICE: Final = packed({"[Content_Types].xml": b"<Types/>"})
BOOK: Final = packed({"mimetype": b"application/epub+zip"})


def swollen(data: bytes) -> bytes:
    """The same, of which the list says that it unpacks to 768 MB."""
    made, at = bytearray(data), data.index(b"PK\x01\x02") + 24
    made[at : at + 4] = (0x30000000).to_bytes(4, "little")
    return bytes(made)


def locked() -> bytes:
    data = bytearray(packed({"a.txt": b"text"}))
    for head, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(head) + at] |= 1
    return bytes(data)


def overlapping() -> bytes:
    """Many names for the same packed bytes."""
    data = packed({"a.txt": bytes(range(256)) * 4})
    start = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    entry, count = data[start:end], 60
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(entry) * count, start, 0)
    return data[:start] + entry * count + tail


def long_list() -> bytes:
    return struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65535, 65535, 1 << 30, 0, 0)


BAD_FILES: Final[list[tuple[str, str, Callable[[], bytes], str]]] = [
    ("a program called PDF", "plan.pdf", lambda: MZ, "file.lies"),
    ("a program called picture", "photo.jpg", lambda: MZ, "file.lies"),
    ("a program called text", "notes.txt", lambda: MZ, "file.lies"),
    ("a program called film", "film.mp4", lambda: MZ, "file.lies"),
    ("a ZIP called Word", "plan.docx", lambda: packed({"a.txt": b"a"}), "file.lies"),
    ("a ZIP called book", "book.epub", lambda: packed({"a.txt": b"a"}), "file.lies"),
    ("an old Word file called new", "plan.docx", lambda: b"\xd0\xcf\x11\xe0", "file.lies"),
    ("a program", "tool.exe", lambda: MZ, "file.kind"),
    ("a shortcut", "lesson.lnk", lambda: b"L\0\0\0", "file.kind"),
    ("a script", "lesson.js", lambda: b"alert(1)", "file.kind"),
    ("a second ending", "plan.pdf.bat", lambda: b"del *", "file.kind"),
    ("no ending", "plan", lambda: PDF, "file.kind"),
    ("an empty file", "plan.pdf", lambda: b"", "file.empty"),
    ("a bomb in Word", "plan.docx", lambda: swollen(OFFICE), "file.bomb"),
    ("a bomb in Excel", "plan.xlsx", lambda: swollen(OFFICE), "file.bomb"),
    ("a bomb in slides", "plan.pptx", lambda: swollen(OFFICE), "file.bomb"),
    ("a bomb in a book", "book.epub", lambda: swollen(BOOK), "file.bomb"),
    ("a bomb in a ZIP", "all.zip", lambda: packed({"a.txt": bytes(40 << 20)}), "file.bomb"),
    ("parts that overlap", "all.zip", overlapping, "file.bomb"),
    ("a list without end", "all.zip", long_list, "file.bomb"),
    ("a locked ZIP", "all.zip", locked, "file.locked"),
    ("half a ZIP", "all.zip", lambda: packed({"a.txt": b"a"})[:30], "file.broken"),
    ("a ZIP with a wrong list", "all.zip", lambda: b"PK\x03\x04" + bytes(60), "file.broken"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "make", "said"), [each[1:] for each in BAD_FILES], ids=[each[0] for each in BAD_FILES]
)
def test_a_bad_file_is_refused(
    name: str, make: Callable[[], bytes], said: str, tmp_path: Path
) -> None:
    place = tmp_path / "given"
    place.write_bytes(make())
    with pytest.raises(BadValueError) as caught:
        check_file(place, name)
    assert caught.value.value_code == said


def test_a_sparse_file_of_twenty_gigabytes_is_refused_unread(tmp_path: Path) -> None:
    place = tmp_path / "film.mp4"
    with place.open("wb") as file:
        file.truncate(20 << 30)
    with pytest.raises(BadValueError) as caught:
        check_file(place, "film.mp4")
    assert caught.value.value_code == "file.too_large"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("plan.pdf", PDF),
        ("计划.docx", OFFICE),
        ("book.epub", BOOK),
        ("旧.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest"),
        ("notes.md", "# 磨课\n".encode()),
        ("old.txt", "磨课四步".encode("gb18030")),
        ("film.MP4", b"\0\0\0\x18ftypmp42"),
        ("voice.mp3", b"ID3\x03\0"),
        ("all.zip", packed({"a.txt": b"a"})),
        ("page.html", b"<script>alert(1)</script>"),
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>"),
    ],
)
def test_a_usual_file_is_taken(name: str, data: bytes, tmp_path: Path) -> None:
    place = tmp_path / "given"
    place.write_bytes(data)
    check_file(place, name)
    assert Path(name).suffix.lower() in TAKEN


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("x" * 300 + ".pdf", "file.name_long"),
        ("CON", "file.name_device"),
        ("aux.txt", "file.name_device"),
        ("Com1.pdf", "file.name_device"),
        ("what?.pdf", "file.name_signs"),
        ("line\nbreak.pdf", "file.name_signs"),
        ("\u202efdp.exe", "file.name_signs"),
        ("a\u200bb.pdf", "file.name_signs"),
        ("nul\0.pdf", "file.name_signs"),
        ("end.", "file.name_signs"),
        ("..", "file.name_place"),
        ("", "file.name_place"),
    ],
)
def test_a_name_that_cannot_be_kept_is_refused(given: str, said: str) -> None:
    with pytest.raises(BadValueError) as caught:
        clean_file_name(given)
    assert caught.value.value_code == said
    assert caught.value.details["name"].isprintable()


@pytest.mark.parametrize(
    "given", ["../../plan.pdf", "/etc/plan.pdf", "C:\\Users\\plan.pdf", "..\\plan.pdf"]
)
def test_a_name_with_a_path_is_its_last_part(given: str) -> None:
    assert clean_file_name(given) == "plan.pdf"


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        pytest.param(["A.md", "a.md"], "file.same_name", id="capitals"),
        pytest.param(["a.md", "a.md"], "file.same_name", id="twice"),
        pytest.param(["a", "A/b.md"], "file.same_name", id="file-and-folder"),
        pytest.param(["caf\u00e9.md", "cafe\u0301.md"], "file.same_name", id="composed"),
        pytest.param(["../a.md"], "file.name_place", id="up"),
        pytest.param(["/a.md"], "file.name_place", id="root"),
        pytest.param(["a/../../b.md"], "file.name_place", id="through"),
        pytest.param(["a/con/b.md"], "file.name_device", id="device"),
        pytest.param(["a\\b.md"], "file.name_signs", id="backslash"),
        pytest.param([], "file.no_files", id="nothing"),
        pytest.param([f"{n}.md" for n in range(2001)], "file.too_many", id="too-many"),
    ],
)
def test_a_folder_that_not_every_system_can_write_is_refused(paths: list[str], said: str) -> None:
    with pytest.raises(BadValueError) as caught:
        check_folder(paths)
    assert caught.value.value_code == said


def _unpack(data: bytes, tmp_path: Path) -> list[str]:
    source, target = tmp_path / "all.zip", tmp_path / "out" / "in"
    source.write_bytes(data)
    target.mkdir(parents=True)
    unpack_folder(source, "all.zip", target)
    return sorted(each.relative_to(target).as_posix() for each in target.rglob("*.*"))


@pytest.mark.parametrize(
    ("files", "said"),
    [
        pytest.param({"../up.md": b"x"}, "file.name_place", id="up"),
        pytest.param({"/etc/x.md": b"x"}, "file.name_place", id="root"),
        pytest.param({"a/../../../x.md": b"x"}, "file.name_place", id="through"),
        pytest.param({"..\\up.md": b"x"}, "file.name_signs", id="backslash"),
        pytest.param({"C:/x.md": b"x"}, "file.name_signs", id="drive"),
        pytest.param({"aux.md": b"x"}, "file.name_device", id="device"),
        pytest.param({"A.md": b"x", "a.md": b"y"}, "file.same_name", id="capitals"),
        pytest.param({"in/tool.exe": MZ}, "file.kind", id="program"),
        pytest.param({"in/plan.pdf": MZ}, "file.lies", id="lies"),
        pytest.param({"in/plan.docx": swollen(OFFICE)}, "file.bomb", id="bomb-inside"),
        pytest.param({"__MACOSX/._a.md": b"x"}, "file.no_files", id="junk-only"),
    ],
)
def test_a_zip_that_would_do_harm_leaves_nothing_outside(
    files: Files, said: str, tmp_path: Path
) -> None:
    with pytest.raises(BadValueError) as caught:
        _unpack(packed(files), tmp_path)
    assert caught.value.value_code == said
    assert sorted(each.name for each in tmp_path.iterdir()) == ["all.zip", "out"]
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["in"]


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        link = zipfile.ZipInfo("link.md")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(BadValueError):
        _unpack(made.getvalue(), tmp_path)


def test_a_zip_whose_bytes_are_not_what_it_says_is_refused(tmp_path: Path) -> None:
    data = bytearray(packed({"a.txt": b"text" * 100}, zipfile.ZIP_STORED))
    data[data.index(b"texttext")] ^= 1
    with pytest.raises(BadValueError) as caught:
        _unpack(bytes(data), tmp_path)
    assert caught.value.value_code == "file.broken"


def test_names_of_a_chinese_windows_are_read(tmp_path: Path) -> None:
    data = packed({"????.md": b"x"}).replace(b"????.md", "课例".encode("gb18030") + b".md")
    assert _unpack(data, tmp_path) == ["课例.md"]
