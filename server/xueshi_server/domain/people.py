"""Where people stand: at work, away or gone; and numbers that count until the county gives one.

Pure: today is passed in, rows are mappings of the fields of a person or of a staff change.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, NamedTuple

Standing = Literal["here", "coming", "away", "left"]

# Changes after which somebody is not there: for a while, or for good; and those by which they are.
AWAY: Final = ("leave", "second")
GONE: Final = ("transfer_out", "retire", "resign")
CAME: Final = ("hired", "transfer_in")
BACK: Final = "return"

_TEMPORARY: Final = re.compile(r"T-.+-[A-Z2-7]{5}-[1-9]\d*")
_PARTS: Final = "|"
# How many characters of former numbers are kept (the field takes 200).
_FORMER_MOST: Final = 200


class Change(NamedTuple):
    """A staff change as it is recorded."""

    kind: str
    date: str
    since: str | None = None


def standing_of(person: Mapping[str, Any], last_kind: str, today: str) -> Standing:
    """Where a person stands on a day; `last_kind` is the latest change by then, if any."""
    left_on = person.get("left_on")
    if left_on and left_on <= today:
        return "away" if last_kind in AWAY else "left"
    if not left_on and person.get("active") == 0:
        return "away" if last_kind in AWAY else "left"
    hired_on = person.get("hired_on")
    return "coming" if hired_on and hired_on > today else "here"


def changes_open_to(standing: Standing, *, is_hired: bool) -> tuple[str, ...]:
    """The changes that can be recorded of somebody; who came is said once."""
    if standing == "left":
        return (BACK,)
    if standing == "away":
        return (BACK, *GONE)
    return (*AWAY, *GONE, *(() if is_hired else CAME))


def fields_after(change: Change, today: str) -> dict[str, Any]:
    """What a change sets in the person's own record."""
    if change.kind in CAME:
        return {"hired_on": change.date}
    if change.kind == BACK:
        return {"left_on": None, "active": True}
    # Who will go is here until then.
    return {"left_on": change.date, **({"active": False} if change.date <= today else {})}


def fields_before(change: Change, today: str) -> dict[str, Any]:
    """What the person's record was before the last change, which is taken back."""
    if change.kind in CAME:
        return {"hired_on": None}
    if change.since is None:
        # Who came back without a day of leaving had been marked as gone.
        return {"left_on": None, "active": change.kind != BACK}
    return {"left_on": change.since, **({"active": False} if change.since <= today else {})}


# ---- numbers


def tag_of(node_id: str, epoch: bytes) -> str:
    """Five signs that stand for a node since it was set up or restored: two nodes of one school
    give different numbers, and a restored one does not give a number twice."""
    digest = hashlib.sha256(node_id.encode() + epoch).digest()
    return base64.b32encode(digest).decode()[:5]


def next_temporary(school_code: str, tag: str, known: Iterable[str]) -> str:
    """A temporary number that nobody has: T, school, node, and the next count of that node."""
    head = f"T-{school_code[:20]}-{tag}-"
    counts = [each.removeprefix(head) for each in known if each.startswith(head)]
    return f"{head}{max((int(each) for each in counts if each.isdecimal()), default=0) + 1}"


def is_temporary(staff_no: str) -> bool:
    """Whether a number counts only until the county gives the lifelong one."""
    return _TEMPORARY.fullmatch(staff_no) is not None


def former_numbers(text: str | None) -> list[str]:
    """The numbers somebody had before, oldest first."""
    return [each for each in (text or "").split(_PARTS) if each]


def add_former(text: str | None, staff_no: str) -> str:
    """The former numbers with one more; the oldest make room."""
    numbers = [each for each in former_numbers(text) if each != staff_no] + [staff_no]
    while len(_PARTS.join(numbers)) > _FORMER_MOST:
        numbers.pop(0)
    return _PARTS.join(numbers)
