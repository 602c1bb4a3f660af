"""Personal numbers through real processes: sealed by the school, opened by the centre, shredded."""

import json
import sqlite3
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest

from tests.client.console_run import Run, xueshi
from xueshi_client.console import run
from xueshi_client.doctor import check_seal_key
from xueshi_client.main import cli
from xueshi_client.state import State

NUMBER = "51068319850108002X"
PHONE = "13812345678"
PERSON = {"staff_no": "T1", "name": "Li Ming", "id_number": NUMBER, "phone": PHONE}


def here(home: Path, *args: str) -> Run:
    """Run one command in this process: many of them would take half a second each."""
    out, err = StringIO(), StringIO()
    state = State(list(args), Path.cwd(), out, err, environ={"XUESHI_HOME": str(home)})
    return Run(run(cli, state), out.getvalue(), err.getvalue())


def carry(source: Path, target: Path, *more: str) -> None:
    """Take a bundle from one node to the other."""
    bundle = source.with_name("carried.xueshi")
    assert here(source, "pack", str(bundle), *more).status == 0
    assert here(target, "unpack", str(bundle)).status == 0


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """A school that imported one person's numbers and delivered them to its centre."""
    folder = tmp_path_factory.mktemp("sealed")
    school, centre = folder / "school", folder / "centre"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XUESHI_STATE_DIR", str(folder / "state"))
        here(school, "init", "--role", "school", "--name", "Hill School", "--code", "S1")
        here(centre, "init", "--role", "centre", "--name", "Centre", "--code", "C1")
        invited = here(centre, "invite", "--code", "S1", "--name", "Hill School", "--json")
        here(school, "join", str(invited.data["invitation"]))
        carry(school, centre)
        carry(centre, school, "--to", "S1")
        rows = folder / "people.jsonl"
        rows.write_text(json.dumps(PERSON), "utf-8")
        done = xueshi(
            school, "import", "person", str(rows), "--json", XUESHI_STATE_DIR=str(folder / "state")
        )
        assert done.status == 0, done.err
        assert NUMBER not in done.out + done.err
        carry(school, centre)
        yield school, centre


def export(home: Path, *more: str) -> tuple[Run, str]:
    """What `xueshi export person` wrote."""
    path = home.with_name("out.csv")
    path.unlink(missing_ok=True)
    done = here(home, "export", "person", "-o", str(path), *more)
    return done, path.read_text("utf-8") if path.exists() else ""


def every_byte(home: Path) -> Iterator[bytes]:
    """What is in the files of a node, and in the parts of those that are zipped."""
    for path in (each for each in home.rglob("*") if each.is_file()):
        yield path.read_bytes()
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                yield from (archive.read(name) for name in archive.namelist())


def test_exports_show_the_end_of_a_number(pair: tuple[Path, Path]) -> None:
    for home in pair:
        _, text = export(home)
        assert "••••002X" in text
        assert NUMBER not in text


def test_the_centre_exports_numbers_for_a_reason_that_is_noted(pair: tuple[Path, Path]) -> None:
    done, text = export(pair[1], "--open-sealed", "report to the province")
    assert done.status == 0, done.err
    assert NUMBER in text
    assert PHONE in text
    with closing(sqlite3.connect(pair[1] / "local.db")) as db:
        notes = db.execute("SELECT what, who, whom, detail FROM note").fetchall()
    assert ("export_sealed", "admin", "person", "report to the province") in notes
    assert NUMBER not in repr(notes)


def test_a_school_exports_no_number_in_full(pair: tuple[Path, Path]) -> None:
    done, text = export(pair[0], "--open-sealed", "curious")
    assert (done.status, done.code, text) == (1, "client.wrong_role", "")


def test_a_reason_and_a_file_are_needed(pair: tuple[Path, Path]) -> None:
    assert export(pair[1], "--open-sealed", " ")[0].status == 2
    assert here(pair[1], "export", "person", "--open-sealed", "why").status == 2


def test_no_file_of_the_school_holds_a_number(pair: tuple[Path, Path]) -> None:
    for data in every_byte(pair[0]):
        for text in (NUMBER, PHONE):
            assert all(text.encode(each) not in data for each in ("utf-8", "utf-16-le"))


def test_after_a_rotation_the_old_key_is_destroyed(pair: tuple[Path, Path]) -> None:
    school, centre = pair
    state = str(centre.with_name("state"))
    # A key notes the second it was made in: a school heard in that one would count as heard since.
    time.sleep(1.05 - time.time() % 1)
    done = xueshi(centre, "seal-key", "rotate", "--json", XUESHI_STATE_DIR=state)
    assert (done.data["generation"], done.data["count"]) == (2, 2)
    refused = here(centre, "seal-key", "destroy")
    assert (refused.status, refused.code) == (1, "seal.waiting")
    carry(school, centre)
    gone = here(centre, "seal-key", "destroy", "--json")
    assert gone.data["destroyed"] == [1], gone.err
    keys = here(centre, "seal-key", "show", "--json").data["keys"]
    assert [(each["generation"], each["values"], each["is_held"]) for each in keys] == [
        (2, 2, True),
        (1, 0, False),
    ]
    assert NUMBER in export(centre, "--open-sealed", "report to the province")[1]


def test_a_school_has_no_seal_key(pair: tuple[Path, Path]) -> None:
    assert here(pair[0], "seal-key", "show").code == "client.wrong_role"


def test_the_doctor_misses_a_seal_key(pair: tuple[Path, Path]) -> None:
    school, centre = pair
    assert [each.code for each in check_seal_key(school)] == []
    assert [each.code for each in check_seal_key(centre)] == ["seal_key"]
    newest = max((centre / "key").glob("seal-*.key"))
    kept = newest.rename(newest.with_suffix(".kept"))
    (found,) = check_seal_key(centre)
    kept.rename(newest)
    assert (found.level, found.code) == ("bad", "seal_key_missing")
    assert f"seal-{found.values['generation']}.key" == newest.name
