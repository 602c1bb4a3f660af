"""Real nodes for the tests of this folder: one record type pair, forms of known shape, and what
must hold of a node after anything that was done to it."""

import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Set
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from xueshi_sync.context import Context
from xueshi_sync.exchange import Outcome
from xueshi_sync.node import Node
from xueshi_sync.schema import Field, Schema, Table

SOAK: Final = os.environ.get("SOAK") == "1"
SCHEMA: Final = Schema(
    1,
    (
        Table(
            "person",
            "register",
            (Field("staff_no"), Field("name"), Field("active", "bool")),
            writers=("school", "township", "centre"),
        ),
        Table(
            "hour",
            "ledger",
            (
                Field("person", "ref"),
                Field("date", "date"),
                Field("title"),
                Field("minutes", "int"),
                Field("note"),
                Field("corrects", "ref"),
            ),
            writers=("school", "township"),
            judges=("centre", "township"),
            amount="minutes",
            corrects="corrects",
            indexes=(("person", "date"),),
        ),
    ),
)
# One form is one user action: a person and two hours of 10 and 20 minutes, all or nothing.
HOURS_PER_FORM: Final = 2
MINUTES_PER_FORM: Final = 30
# Begins the names of forms, so that other records are not taken for half a form.
MARK: Final = "#"
ROUNDS_MAX: Final = 40


def scratch_folder() -> Path:
    """A folder in memory where there is one: thousands of syncs would wear a disk for nothing."""
    shared = Path("/dev/shm")
    parent = shared if shared.is_dir() and os.access(shared, os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix="xueshi-", dir=parent))


@contextmanager
def scratch() -> Iterator[Path]:
    """`scratch_folder`, removed afterwards."""
    folder = scratch_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def context_of(state_dir: Path, machine: str, now_ms: Callable[[], int] | None = None) -> Context:
    """A machine of its own: its state folder, its hardware and, where given, its clock."""
    parts = [f"{kind}-{machine}" for kind in ("board", "disk", "id", "card")]
    if now_ms is None:
        return Context(state_dir, fingerprint=lambda: parts)
    return Context(state_dir, now_ms=now_ms, fingerprint=lambda: parts)


def make_centre(folder: Path) -> Node:
    """A new centre in `folder`/home with its machine's state beside it."""
    return Node.create(
        folder / "home", role="centre", name="绵竹", code="510683", schema=SCHEMA,
        context=context_of(folder / "state", "centre"),
    )  # fmt: skip


def make_school(folder: Path, code: str = "S1") -> Node:
    """A new school that has not joined yet."""
    return Node.create(
        folder / "home", role="school", name=f"school {code}", code=code, schema=SCHEMA,
        context=context_of(folder / "state", code),
    )  # fmt: skip


def open_at(
    folder: Path, machine: str, now_ms: Callable[[], int] | None = None, *, wait_s: float = 5.0
) -> Node:
    """Open the node that `make_centre` or `make_school` made."""
    context = context_of(folder / "state", machine, now_ms)
    return Node.open(folder / "home", schema=SCHEMA, context=context, wait_s=wait_s)


def make_county(folder: Path, code: str = "S1") -> tuple[Node, Node]:
    """A centre and one school that has joined it and is level with it."""
    centre = make_centre(folder / "centre")
    school = make_school(folder / code, code)
    school.join(centre.invite(code, f"school {code}"))
    level(school, centre)
    return centre, school


def save_form(node: Node, form: str, note: str = "") -> str:
    """Save one form; what it returns may be acknowledged."""
    with node.write(actor="registrar") as action:
        person = action.insert(
            "person",
            {"staff_no": MARK + form, "name": f"teacher {form}", "active": True},
            entry_id=f"{form}/person",
        )
        for part in range(HOURS_PER_FORM):
            action.insert(
                "hour",
                {
                    "person": person,
                    "date": "2026-03-01",
                    "title": MARK + form,
                    "minutes": 10 * (part + 1),
                    "note": note,
                },
                entry_id=f"{form}/hour{part}",
            )
    return form


def forms_of(node: Node) -> dict[str, tuple[int, int]]:
    """Every form by name: how many hours, how many minutes."""
    rows = node.query(
        "SELECT title, count(*), sum(minutes) FROM hour WHERE title LIKE ? GROUP BY title",
        (f"{MARK}%",),
    )
    return {row[0].removeprefix(MARK): (row[1], row[2]) for row in rows}


def check_forms(node: Node, acknowledged: Set[str]) -> None:
    """Whole forms only, each once, and all that were acknowledged."""
    forms = forms_of(node)
    broken = {
        name: found for name, found in forms.items() if found != (HOURS_PER_FORM, MINUTES_PER_FORM)
    }
    assert not broken, f"half or doubled forms: {broken}"
    lost = acknowledged - set(forms)
    assert not lost, f"acknowledged and gone: {sorted(lost)}"
    people = [
        row[0].removeprefix(MARK)
        for row in node.query("SELECT staff_no FROM person WHERE staff_no LIKE ?", (f"{MARK}%",))
    ]
    assert sorted(forms) == sorted(people)


def check_node(node: Node, acknowledged: Set[str] = frozenset()) -> None:
    """The invariants of a node at rest."""
    report = node.check(deep=True)
    assert not report.problems, report.problems
    rebuilt = node.rebuild()
    assert rebuilt.identical, rebuilt.different
    check_forms(node, acknowledged)


def exchange(school: Node, centre: Node) -> Outcome:
    """One exchange without a line in between."""
    pending = school.begin_exchange(limit_bytes=1 << 20)
    return school.finish_exchange(pending, centre.answer(pending.request))


def level(school: Node, centre: Node) -> None:
    """Exchange until nothing more is offered, and say so if that never happens."""
    for _ in range(ROUNDS_MAX):
        if not exchange(school, centre).more:
            return
    raise AssertionError("the two never get level")


def check_level(school: Node, centre: Node) -> None:
    """Both ends hold the same: equal digests of every table that the school holds."""
    ours, theirs = school.digests(), centre.digests()
    different = {name for name in ours if ours[name] != theirs.get(name)}
    assert not different, different


def fork_count(node: Node) -> int:
    """How many feeds have more than one head."""
    rows = node.feeds.db.execute("SELECT feed FROM head GROUP BY feed HAVING count(*) > 1")
    return len(rows.fetchall())


def epochs_of(node: Node, speaker: str) -> set[bytes]:
    """The epochs in which a node has written, as `node` knows them."""
    rows = node.feeds.db.execute(
        "SELECT DISTINCT epoch FROM feed WHERE node = ?", (bytes.fromhex(speaker),)
    )
    return {row[0] for row in rows.fetchall()}


def copy_node(source: Path, target: Path) -> None:
    """Copy the folder of a node (open or not, at rest), without what only lives in memory."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*-shm", "lock*", "stage"))


def integrity_of(path: Path) -> str:
    """SQLite's own full check of one file."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
        return str(db.execute("PRAGMA integrity_check").fetchone()[0])


class Acks:
    """The file in which a process tells what it has promised, one JSON value a line."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def say(self, kind: str, value: str) -> None:
        os.write(self._handle, json.dumps([kind, value]).encode() + b"\n")


def acks_in(data: bytes) -> list[tuple[str, str]]:
    """What a file of `Acks` holds; a last line that is cut was never said."""
    lines = data.split(b"\n")[:-1]
    return [(kind, value) for kind, value in map(json.loads, lines)]


def saved_in(path: Path) -> set[str]:
    """The forms acknowledged in a file."""
    if not path.exists():
        return set()
    return {value for kind, value in acks_in(path.read_bytes()) if kind == "saved"}
