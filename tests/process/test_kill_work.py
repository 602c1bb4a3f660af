"""kill -9 of a node in the middle of what a registrar waits for: an import and a print.

What was typed and not yet saved comes back too: tests/e2e/test_session.py.
"""

import http.cookiejar
import random
import re
import signal
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from openpyxl import Workbook
from pypdf import PdfReader

from tests.client.console_run import TIMEOUT_S, command, environment, make_node, xueshi
from tests.client.test_serving import Served, start
from tests.process.conftest import Figure
from tests.process.nodes import SOAK
from xueshi_client.running import ENTER_PATH, TICKET_PATH, post_local, read_running
from xueshi_server.accounts import Accounts
from xueshi_server.node_home import open_node
from xueshi_sync.context import Context

pytestmark = pytest.mark.process
ROWS: Final = 20_000 if SOAK else 1_500
# Killed when the log of the database has grown so far: the first is before anything is written.
GROWN_BYTES: Final = (None, 50_000) * (10 if SOAK else 1)
PEOPLE: Final = 40
FORM: Final = "personal_statement"


def write_people(home: Path, count: int) -> None:
    rows = "".join(f"P{at:05d},教师{at}\n" for at in range(count))
    path = home.with_name("people.csv")
    path.write_text(f"staff_no,name\n{rows}", "utf-8")
    assert xueshi(home, "import", "person", str(path), "--json").data["added"] == count


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "school"
    monkeypatch.setenv("XUESHI_STATE_DIR", environment(made)["XUESHI_STATE_DIR"])
    make_node(made, "school", "S1")
    return made


# ---- import


def write_hours(path: Path) -> None:
    """A workbook of hours, a hundred for each of some people."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("学时")
    sheet.append(["person", "date", "title", "minutes"])
    for at in range(ROWS):
        day = f"2026-{1 + at % 12:02d}-{1 + at // 12 % 28:02d}"
        sheet.append([f"P{at % 40:05d}", day, f"校本研修 {at}", 45])
    book.save(path)


def count_hours(home: Path) -> int:
    with closing(open_node(home, context=Context.system(), wait_s=5)) as node:
        return int(node.query("SELECT count(*) AS n FROM hour")[0]["n"])


def grown_bytes(home: Path) -> int:
    return sum(each.stat().st_size for each in (home / "data").glob("*.db-wal"))


def import_and_kill(home: Path, path: Path, grown: int | None, rng: random.Random) -> bool:
    """Whether the import was killed before it ended by itself."""
    process = subprocess.Popen(
        [*command(), "import", "hour", str(path)],
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    if grown is None:
        time.sleep(0.4 + rng.random())
    while process.poll() is None:
        if grown is None or grown_bytes(home) >= grown:
            process.kill()
        time.sleep(0.0005)
    return process.wait(TIMEOUT_S) == -signal.SIGKILL


def test_an_import_that_was_killed_left_all_or_nothing_and_is_done_again(
    home: Path, figure: Figure
) -> None:
    write_people(home, 40)
    path = home.with_name("hours.xlsx")
    write_hours(path)
    rng, killed = random.Random(4), 0
    for grown in GROWN_BYTES:
        killed += import_and_kill(home, path, grown, rng)
        assert count_hours(home) in (0, ROWS)
    before = count_hours(home)
    assert xueshi(home, "import", "hour", str(path), "--json").data["added"] == ROWS - before
    assert xueshi(home, "import", "hour", str(path), "--json").data["added"] == 0
    assert count_hours(home) == ROWS
    assert xueshi(home, "check", "--json").status == 0
    assert killed > 0
    figure("imports killed", killed)


# ---- print


class Browser:
    """Somebody at the pages of a served node."""

    def __init__(self, served: Served) -> None:
        running = read_running(served.home)
        assert running is not None
        self._base = f"http://127.0.0.1:{served.port}"
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        )
        self.open(ENTER_PATH + str(post_local(running, TICKET_PATH, {})["ticket"]))

    def open(self, path: str, **fields: str) -> tuple[str, str]:
        """The path of the page that came, and its text."""
        data = urllib.parse.urlencode(fields).encode() if fields else None
        with self._opener.open(self._base + path, data, timeout=TIMEOUT_S) as page:
            return urllib.parse.urlsplit(page.url).path, page.read().decode("utf-8", "replace")

    def send(self, path: str, of: str, **fields: str) -> tuple[str, str]:
        """Send a form of the page `of`."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.open(of)[1])
        assert found is not None
        return self.open(path, csrf=found[1], **fields)


def test_a_print_for_everybody_that_was_killed_leaves_no_half_file(home: Path) -> None:
    write_people(home, PEOPLE)
    accounts = Accounts(home)
    accounts.set_password(accounts.list_all()[0], "a long sentence of mine")
    accounts.close()
    served = start(home)
    try:
        browser = Browser(served)
        place, page = browser.send("/printing/", f"/forms/{FORM}/", form=FORM)
        while not re.search(r'<progress[^>]* value="[1-9]', page):
            assert "<progress" in page, page
            page = browser.open(place)[1]
    finally:
        served.process.kill()
        served.process.communicate()
    for done in (home / "printing").glob("*.pdf"):
        # The last sheet came between the look and the kill: then the file is whole.
        assert len(PdfReader(done).pages) >= PEOPLE

    served = start(home)
    try:
        assert not (home / "printing").exists()
        browser = Browser(served)
        with pytest.raises(urllib.error.HTTPError) as gone:
            browser.open(place)
        assert gone.value.code == 404
        gone.value.close()
        again, _ = browser.send("/printing/", f"/forms/{FORM}/", form=FORM)
        assert again != place
    finally:
        # Ctrl-C while it is being set: it ends by itself.
        served.process.send_signal(signal.SIGINT)
        assert served.process.wait(TIMEOUT_S) == 0
        served.process.communicate()
    assert xueshi(home, "check", "--json").status == 0
