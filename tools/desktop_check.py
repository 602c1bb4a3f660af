"""Check a folder that `make desktop` built: it is moved away and used with nothing else in reach.

    python tools/desktop_check.py dist/xueshi

A node is made and its roster imported, a PDF is printed, the first page is served, the window opens
and closes. One JSON line says how large the folder is and how long each took.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

TIMEOUT_S: Final = 120
# Nothing of a checkout, an environment or a user.
CLEAN: Final = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "XUESHI_LANG": "zh"}
REQUIRED: Final = ("XUESHI_REQUIRE_BROWSER", "CI")


def main() -> None:
    """Check the folder that is named on the command line."""
    built = Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="xueshi-desktop-") as scratch:
        folder = Path(scratch)
        moved = folder / "任何地方 (1)" / "xueshi"
        shutil.copytree(built, moved, symlinks=True)
        figures = check(moved / _name("xueshi"), folder)
    size = sum(each.lstat().st_size for each in built.rglob("*") if not each.is_dir())
    print(json.dumps({"megabytes": round(size / 1e6), **figures}))


def check(program: Path, folder: Path) -> dict[str, Any]:
    """Use the program; the seconds that each step took."""
    environ = {**CLEAN, "HOME": str(folder), "XUESHI_HOME": str(folder / "node")}
    if os.name == "nt":
        environ = {**os.environ, **environ}
    run([program, "init", "--role", "school", "--name", "中心小学", "--code", "S1"], environ)
    table = folder / "people.csv"
    table.write_text("staff_no,name\nT1,张晓琳\nT2,龚𬭎\n", "utf-8")
    run([program, "import", "person", table], environ)
    printed = folder / "statements.pdf"
    figures: dict[str, Any] = {
        "print_s": timed([program, "print", "personal_statement", "-o", printed], environ)
    }
    assert printed.read_bytes().startswith(b"%PDF"), "no PDF"
    with served(program, environ) as (url, seconds):
        figures["first_page_s"] = seconds
        with urllib.request.urlopen(f"{url}/site/", timeout=TIMEOUT_S) as page:
            assert page.status == 200
    figures["window_s"] = open_window(program, environ)
    return figures


def run(command: list[str | Path], environ: dict[str, str]) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run(
        command, env=environ, capture_output=True, encoding="utf-8", timeout=TIMEOUT_S
    )
    if done.returncode:
        sys.exit(f"{command[1]} failed: {done.stdout}{done.stderr}")
    return done.stdout


def timed(command: list[str | Path], environ: dict[str, str]) -> float:
    """Seconds that a command took."""
    began = time.monotonic()
    run(command, environ)
    return round(time.monotonic() - began, 2)


@contextmanager
def served(program: Path, environ: dict[str, str]) -> Iterator[tuple[str, float]]:
    """The served node and the seconds until its first page was there; ended by Ctrl-C."""
    began = time.monotonic()
    process = subprocess.Popen(
        [program, "serve", "--port", "0", "--json"],
        env=environ, stdout=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    try:
        assert process.stdout is not None
        url = str(json.loads(process.stdout.readline())["url"])
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as page:
            assert "学时" in page.read().decode("utf-8"), "the first page"
        yield url.rstrip("/"), round(time.monotonic() - began, 2)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT_S) == 0, "serve did not end well"


def open_window(program: Path, environ: dict[str, str]) -> float | None:
    """Seconds until the window had shown its first page and was closed; None: it was not tried."""
    display: list[str | Path] = []
    if sys.platform.startswith("linux"):
        if shutil.which("xvfb-run") is None:
            assert not any(os.environ.get(each) for each in REQUIRED), "xvfb-run is missing"
            print("the window was not opened: xvfb-run is not installed", file=sys.stderr)
            return None
        display = ["xvfb-run", "-a", "-s", "-screen 0 1200x800x24"]
    began = time.monotonic()
    said = run([*display, program, "desktop", "--title-only", "--json"], environ)
    seconds = round(time.monotonic() - began, 2)
    line = next(line for line in said.splitlines() if line.startswith("{"))
    found = json.loads(line)
    assert found["opened"] == "window", found
    assert found["title"], found
    return seconds


def _name(program: str) -> str:
    return f"{program}.exe" if os.name == "nt" else program


if __name__ == "__main__":
    main()
