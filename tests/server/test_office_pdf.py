"""A PDF beside Office files: made apart, in time, and told of where it cannot be made."""

import os
import socket
import sys
import time
import zipfile
from pathlib import Path

import pytest

from tests.server.conftest import County
from tests.server.pages import Visitor
from xueshi_server import library, office_pdf
from xueshi_server.library import add_file, publish_pdf_of
from xueshi_server.office_pdf import find_office, is_office, make_pdf
from xueshi_server.store.library import About, find_beside, list_resources, withdraw_resource

FAKE = """#!{python}
import os, sys, time
from pathlib import Path
out = Path(sys.argv[sys.argv.index("--outdir") + 1])
out.mkdir()
source = Path(sys.argv[-1])
profile = next(each for each in sys.argv if each.startswith("-env:UserInstallation=file://"))
settings = Path(profile.split("file://")[1], "user/registrymodifications.xcu").read_text()
assert "DisableMacrosExecution" in settings and "SECRET" not in os.environ
{act}
"""
ODF = "application/vnd.oasis.opendocument."
URN = "urn:oasis:names:tc:opendocument:xmlns:"
MANIFEST = (
    f'<m:manifest xmlns:m="{URN}manifest:1.0"><m:file-entry m:full-path="/"'
    f' m:media-type="{ODF}text"/>'
    '<m:file-entry m:full-path="content.xml" m:media-type="text/xml"/></m:manifest>'
)
CONTENT = (
    f'<o:document-content xmlns:o="{URN}office:1.0" xmlns:text="{URN}text:1.0"'
    f' xmlns:draw="{URN}drawing:1.0" xmlns:x="http://www.w3.org/1999/xlink"'
    f' xmlns:svg="{URN}svg-compatible:1.0" o:version="1.2"><o:body><o:text><text:p>'
    '<draw:frame text:anchor-type="as-char" svg:width="3cm" svg:height="3cm">'
    '<draw:image x:href="{picture}" x:type="simple" x:show="embed" x:actuate="onLoad"/>'
    "</draw:frame></text:p></o:text></o:body></o:document-content>"
)
WRITES = "(out / 'source.pdf').write_bytes(b'%PDF-1.7 ' + source.read_bytes())"


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the place of LibreOffice; what it does is written into it."""
    if os.name != "posix":
        pytest.skip("needs a script that can be started")
    place = tmp_path / "bin" / "soffice"
    place.parent.mkdir()
    place.write_text(FAKE.format(python=sys.executable, act=WRITES))
    place.chmod(0o755)
    monkeypatch.setenv("PATH", f"{place.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SECRET", "1")
    return place


def _source(folder: Path, name: str = "磨课.docx", data: bytes = b"PK words") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_a_pdf_is_made_of_an_office_file(fake: Path, tmp_path: Path) -> None:
    assert make_pdf(_source(tmp_path), tmp_path / "out.pdf")
    assert (tmp_path / "out.pdf").read_bytes() == b"%PDF-1.7 PK words"


@pytest.mark.parametrize(
    "act",
    [
        pytest.param("sys.exit(1)", id="fails"),
        pytest.param("pass", id="writes-nothing"),
        pytest.param("(out / 'source.pdf').write_bytes(b'<html>')", id="no-pdf"),
        pytest.param("(out / 'source.pdf').write_bytes(b'')", id="empty"),
        pytest.param("os._exit(139)", id="dies"),
    ],
)
def test_a_conversion_that_fails_leaves_no_pdf(act: str, fake: Path, tmp_path: Path) -> None:
    fake.write_text(FAKE.format(python=sys.executable, act=act))
    assert not make_pdf(_source(tmp_path), tmp_path / "out.pdf")
    assert not (tmp_path / "out.pdf").exists()


def test_a_conversion_that_hangs_is_ended_with_what_it_started(fake: Path, tmp_path: Path) -> None:
    act = (
        "import subprocess; child = subprocess.Popen(['sleep', '60']);"
        f" Path({str(tmp_path / 'pid')!r}).write_text(str(child.pid)); time.sleep(60)"
    )
    fake.write_text(FAKE.format(python=sys.executable, act=act))
    assert not make_pdf(_source(tmp_path), tmp_path / "out.pdf", timeout_s=1)
    pid = int((tmp_path / "pid").read_text())
    for _ in range(100):
        state = Path(f"/proc/{pid}/stat")
        if not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] in "ZX":
            break
        time.sleep(0.02)
    else:
        pytest.fail("the child still runs")


@pytest.mark.parametrize("name", ["a.pdf", "a.txt", "a", "a.docx.exe"])
def test_other_files_are_left_alone(name: str, fake: Path, tmp_path: Path) -> None:
    assert not is_office(name)
    assert not make_pdf(_source(tmp_path, name), tmp_path / "out.pdf")


def test_a_pdf_travels_beside_its_file_and_is_no_line_of_its_own(
    fake: Path, county: County, officer: Visitor, tmp_path: Path
) -> None:
    made = add_file(county.centre, _source(tmp_path), About("磨课"), actor="admin")
    county.carry_both_ways()
    (there,) = [each for each in list_resources(county.school) if each.name == made.name]
    beside = find_beside(county.school, there)
    assert beside is not None
    assert (beside.name, beside.media) == ("磨课.pdf", "application/pdf")
    assert "(PDF)" not in officer.text("/library/")
    page = officer.get(f"/library/{made.public_id}").text
    assert f'src="/library/{find_beside(county.centre, made).public_id}/file"' in page  # type: ignore[union-attr]


def test_a_file_that_goes_takes_its_pdf_along(fake: Path, county: County, tmp_path: Path) -> None:
    made = add_file(county.centre, _source(tmp_path), About("磨课"), actor="admin")
    withdraw_resource(county.centre, made, day="2026-03-02", actor="admin")
    assert list_resources(county.centre) == []


def test_a_new_version_has_a_pdf_of_its_own(
    fake: Path, county: County, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = add_file(county.centre, _source(tmp_path), About("磨课"), actor="admin")
    path = _source(tmp_path, data=b"PK more")
    new = add_file(county.centre, path, About("磨课"), actor="admin", replaces=old)
    assert find_beside(county.centre, new) is not None
    assert len(list_resources(county.centre)) == 2
    monkeypatch.setattr(library, "make_pdf", lambda *_: False)
    path = _source(tmp_path, data=b"PK last")
    last = add_file(county.centre, path, About("磨课"), actor="admin", replaces=new)
    assert list_resources(county.centre) == [last]


def test_a_file_that_is_in_the_library_already_gets_its_pdf_once(
    fake: Path, county: County, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as without:
        without.setattr(library, "make_pdf", lambda *_: False)
        made = add_file(county.centre, _source(tmp_path), About("磨课"), actor="admin")
    first = publish_pdf_of(county.centre, made, actor="admin")
    assert first is not None
    assert publish_pdf_of(county.centre, made, actor="admin") == first


def test_without_libreoffice_the_page_says_so_and_offers_the_file(
    county: County, officer: Visitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office_pdf, "find_office", lambda: None)
    made = add_file(county.centre, _source(tmp_path), About("磨课"), actor="admin")
    page = officer.get(f"/library/{made.public_id}").text
    assert "This is an Office file" in page
    assert "download=1" in page


@pytest.fixture
def real() -> None:
    if find_office() is None:
        pytest.skip("LibreOffice is not installed here")


def test_the_real_libreoffice_makes_a_pdf(real: None, tmp_path: Path) -> None:
    rtf = r"{\rtf1\ansi{\fonttbl{\f0 Times;}}\f0 Lesson polishing, four steps.}"
    assert make_pdf(_source(tmp_path, "a.rtf", rtf.encode()), tmp_path / "out.pdf")
    assert (tmp_path / "out.pdf").read_bytes().startswith(b"%PDF-")


def test_a_document_that_names_a_picture_elsewhere_asks_nobody(real: None, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        picture = f"http://127.0.0.1:{server.getsockname()[1]}/x.png"
        with zipfile.ZipFile(tmp_path / "a.odt", "w") as archive:
            archive.writestr("mimetype", f"{ODF}text")
            archive.writestr("META-INF/manifest.xml", MANIFEST)
            archive.writestr("content.xml", CONTENT.format(picture=picture))
        assert make_pdf(tmp_path / "a.odt", tmp_path / "out.pdf")
        with pytest.raises(TimeoutError):
            server.accept()
