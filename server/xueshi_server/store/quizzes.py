"""Quizzes at a node: the keys that the centre published, and what people's attempts came to.

The file that readers get has no answers in it. The key is a record of the public scope that names
the file by its digest; it is asked for here, by the node that marks, and shown by nothing. Each
attempt is a record of the person's school; a passed one names the hours it proposed.
"""

from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Row
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, Final

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.quizzes import (
    TEXT_MOST,
    Key,
    Marked,
    Quiz,
    decode_key,
    encode_key,
    is_quiz,
    parse_quiz,
    read_paper,
    write_paper,
)
from xueshi_server.store.library import FILE, Resource
from xueshi_server.store.packs import public_scope_no
from xueshi_sync.files.content import Content
from xueshi_sync.node import Node
from xueshi_sync.writer import Action, RecordKey

QUIZ_KEY: Final = "quiz_key"
QUIZ_RESULT: Final = "quiz_result"
_PAGE: Final = ".md"
# Verdicts after which hours are proposed no more.
_GONE: Final = "('rejected', 'void', 'replaced', 'returned', 'withdrawn')"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is recorded of one try."""

    person: RecordKey
    paper: str
    title: str
    day: str
    number: int


def knows_quizzes(node: Node) -> bool:
    """Whether the county's pack has room for results."""
    return QUIZ_RESULT in node.schema.by_name


def strip_answers(node: Node, content: Content, name: str, *, actor: str) -> Content:
    """What is published of a file that is here: of a quiz the paper, else itself.

    Raises BadValueError for a quiz that is none.
    """
    if not name.lower().endswith(_PAGE):
        return content
    with node.files.open(content.sha256) as file:
        return keep_paper(node, name, _read(file), actor=actor) or content


def add_readable(node: Node, path: Path, name: str, *, actor: str) -> Content:
    """Keep a file as readers may have it: of a quiz the paper alone. Raises as `strip_answers`."""
    paper = None
    if name.lower().endswith(_PAGE):
        with path.open("rb") as file:
            paper = keep_paper(node, name, _read(file), actor=actor)
    return paper or node.files.add(path)


def refuse_quiz_inside(path: Path) -> None:
    """Raise BadValueError for a quiz in a folder: there it would be read with its answers."""
    if path.name.lower().endswith(_PAGE):
        with path.open("rb") as file:
            if is_quiz(path.name, _read(file)):
                raise BadValueError("quiz.in_folder", name=path.name[:60])


def _read(file: BinaryIO) -> str:
    """As much as tells a quiz that is too long from one that is not."""
    return file.read(TEXT_MOST + 1).decode("utf-8", "replace")


def keep_paper(node: Node, name: str, text: str, *, actor: str) -> Content | None:
    """Keep the paper of a quiz, and its key apart from it; None for what is no quiz."""
    if not is_quiz(name, text):
        return None
    quiz = parse_quiz(text)
    with TemporaryDirectory(dir=node.home) as folder:
        place = Path(folder) / "paper"
        place.write_text(write_paper(quiz), "utf-8", newline="\n")
        paper = node.files.add(place)
    scope_no = public_scope_no(node)
    if scope_no is not None and find_key(node, paper) != quiz.key:
        with node.write(actor=actor) as action:
            fields = {"paper": paper.sha256.hex(), "key": encode_key(quiz.key)}
            action.insert(QUIZ_KEY, fields, scope_no=scope_no)
    return paper


def find_key(node: Node, paper: Content) -> Key | None:
    """The key of a paper: the one published last."""
    rows = node.query(
        "SELECT key FROM quiz_key WHERE scope_no = ? AND paper = ? ORDER BY rec DESC LIMIT 1",
        [public_scope_no(node), paper.sha256.hex()],
    )
    return decode_key(rows[0]["key"]) if rows else None


def is_quiz_resource(node: Node, resource: Resource) -> bool:
    """Whether a resource is answered and not only read."""
    return (
        resource.kind == FILE
        and resource.name.lower().endswith(".md")
        and find_key(node, resource.content) is not None
    )


def read_quiz(node: Node, resource: Resource) -> Quiz | None:
    """A quiz that is here, to be answered; None where it is none, or not here yet."""
    key = find_key(node, resource.content)
    if key is None or resource.content.size > TEXT_MOST * 2:
        return None
    try:
        with node.files.open(resource.content.sha256) as file:
            return read_paper(file.read().decode("utf-8", "replace"), key)
    except FileNotFoundError:
        return None


# ---- results


def list_attempts(node: Node, person: RecordKey, paper: str) -> list[Row]:
    """A person's tries at one paper, first to last."""
    if not knows_quizzes(node):
        return []
    return node.query(
        "SELECT * FROM quiz_result WHERE scope_no = ? AND person = ? AND paper = ?"
        " ORDER BY attempt, rec",
        [*person, paper],
    )


def list_results_of_hour(node: Node, hour: RecordKey) -> list[Row]:
    """The results that hours rest on."""
    if not knows_quizzes(node):
        return []
    return node.query("SELECT * FROM quiz_result WHERE scope_no = ? AND hour = ?", list(hour))


def list_passed(node: Node, person: RecordKey) -> list[Row]:
    """What a person passed, newest first, with the state of the hours."""
    if not knows_quizzes(node):
        return []
    return node.query(
        "SELECT r.*, h.minutes, h.state AS hour_state FROM quiz_result r"
        " LEFT JOIN hour h ON h.scope_no = r.scope_no AND h.rec = r.hour"
        " WHERE r.scope_no = ? AND r.person = ? AND r.passed = 1 ORDER BY r.date DESC, r.rec DESC",
        list(person),
    )


def minutes_proposed(node: Node, person: RecordKey, day: str) -> int:
    """Minutes that results of one day have proposed already."""
    rows = node.query(
        "SELECT coalesce(sum(h.minutes), 0) FROM quiz_result r"
        " JOIN hour h ON h.scope_no = r.scope_no AND h.rec = r.hour"
        f" WHERE r.scope_no = ? AND r.person = ? AND r.date = ? AND h.state NOT IN {_GONE}",
        [*person, day],
    )
    return int(rows[0][0])


def write_attempt(
    action: Action, attempt: Attempt, marked: Marked, hour: dict[str, Any] | None
) -> RecordKey:
    """Write a try, and the hours it proposes; sent twice it is one."""
    mark = f"quiz-{attempt.person.rec}-{attempt.paper[:24]}-{attempt.number}"
    fields: dict[str, Any] = {
        "person": attempt.person.rec,
        "date": attempt.day,
        "paper": attempt.paper,
        "title": attempt.title,
        "attempt": attempt.number,
        "correct": marked.right,
        "questions": marked.total,
        "passed": marked.passed,
    }
    if hour is not None:
        fields["hour"] = action.insert("hour", hour, entry_id=f"{mark}-hour").rec
    return action.insert(QUIZ_RESULT, fields, entry_id=mark)
