"""A PDF beside an Office file, made by LibreOffice where there is one, so that phones can read it.

LibreOffice runs as a process of its own: with an empty profile that runs no macros and follows no
links, in a folder that is removed, for a limited time. Without it, or when it fails, there is no
PDF, and the file is offered as it is.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Final

# What LibreOffice reads; the formats of WPS among them.
OFFICE: Final = frozenset(
    {".doc", ".docx", ".rtf", ".odt", ".wps", ".xls", ".xlsx", ".ods", ".et"}
    | {".ppt", ".pptx", ".odp", ".dps"}
)
TIMEOUT_S: Final = 120
SOURCE_BYTES: Final = 64 << 20
PDF_BYTES: Final = 128 << 20
_NAMES: Final = ("soffice", "libreoffice")
_WINDOWS: Final = ("ProgramFiles", "ProgramFiles(x86)")
# No macros, no scripts, nothing fetched from a place that a document names.
_SETTINGS: Final = (
    ("org.openoffice.Office.Common/Security/Scripting", "MacroSecurityLevel", "3"),
    ("org.openoffice.Office.Common/Security/Scripting", "DisableMacrosExecution", "true"),
    ("org.openoffice.Office.Common/Security/Scripting", "DisableActiveContent", "true"),
    ("org.openoffice.Office.Common/Security/Scripting", "BlockUntrustedRefererLinks", "true"),
    ("org.openoffice.Office.Writer/Content/Update", "Link", "0"),
    ("org.openoffice.Office.Calc/Content/Update", "Link", "1"),
)


def is_office(name: str) -> bool:
    """Whether a file of that name is one that browsers do not show and LibreOffice does."""
    return PurePosixPath(name).suffix.lower() in OFFICE


def find_office() -> str | None:
    """LibreOffice on this computer."""
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    for variable in _WINDOWS:
        place = Path(os.environ.get(variable, ""), "LibreOffice", "program", "soffice.exe")
        if place.is_absolute() and place.is_file():
            return str(place)
    return None


def make_pdf(source: Path, target: Path, *, timeout_s: float = TIMEOUT_S) -> bool:
    """Write `source` as a PDF to `target`; False where there is no LibreOffice or it failed."""
    office = find_office()
    if office is None or not is_office(source.name) or source.stat().st_size > SOURCE_BYTES:
        return False
    with tempfile.TemporaryDirectory(prefix="xueshi-office-") as scratch:
        work = Path(scratch)
        # A name of our own: theirs could be read as an option.
        copy = work / f"source{source.suffix.lower()}"
        shutil.copyfile(source, copy)
        _write_profile(work / "profile")
        made = work / "out" / "source.pdf"
        is_made = _run([office, *_options(work), str(copy)], work, timeout_s)
        if not (is_made and made.is_file() and 0 < made.stat().st_size <= PDF_BYTES):
            return False
        with made.open("rb") as file:
            if file.read(5) != b"%PDF-":
                return False
        shutil.copyfile(made, target)
    return True


def _options(work: Path) -> list[str]:
    profile = (work / "profile").as_uri()
    return [
        f"-env:UserInstallation={profile}", "--headless", "--invisible", "--norestore",
        "--nolockcheck", "--nodefault", "--nofirststartwizard", "--convert-to", "pdf",
        "--outdir", str(work / "out"),
    ]  # fmt: skip


def _write_profile(folder: Path) -> None:
    items = "".join(
        f'<item oor:path="/{path}"><prop oor:name="{name}" oor:op="fuse">'
        f"<value>{value}</value></prop></item>"
        for path, name, value in _SETTINGS
    )
    (folder / "user").mkdir(parents=True)
    (folder / "user" / "registrymodifications.xcu").write_text(
        '<?xml version="1.0" encoding="UTF-8"?><oor:items'
        ' xmlns:oor="http://openoffice.org/2001/registry">'
        f"{items}</oor:items>",
        "utf-8",
    )


def _run(command: list[str], work: Path, timeout_s: float) -> bool:
    """Run it to its end, or end it with all that it started."""
    kept = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "LD_LIBRARY_PATH")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    environment |= {name: str(work) for name in ("HOME", "TMPDIR", "TEMP", "TMP")}
    is_posix = os.name == "posix"
    process = subprocess.Popen(
        command, cwd=work, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=is_posix,
    )  # fmt: skip
    try:
        return process.wait(timeout_s) == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        # What it started may outlive it.
        with suppress(OSError):
            if is_posix:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        process.wait()
