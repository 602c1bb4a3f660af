"""Who may stand in the rosters of a county twice.

Pure and near-linear: only people who share a key are looked at together, never all with all. A key
is something that a slip leaves alone: the name, how it sounds, all of it but one character, a
number, parts of the ID number. Keys that too many share are passed over, as they say nothing.

Each pair gets points for what speaks for it and against it, with the reasons. The points were
chosen so that two reasons which do not follow from each other are enough, and that no number of
the weak ones is: the tests state what that finds in a made-up county, and what it finds wrongly.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

Reason = Literal[
    "id_same", "id_slip", "id_differs", "staff_same", "staff_slip", "former",
    "name", "sound", "shape", "born", "born_slip", "born_differs", "sex_differs",
    "school", "follows", "overlaps", "move",
]  # fmt: skip
# What is shown, the best first; pairs below are not worth anybody's time.
LEAST: Final = 60
# More people than this under one key: the key tells nothing of them.
BLOCK_MOST: Final = 24
# Numbers this long are given once in a county; shorter ones each school counts for itself.
LONG_NUMBER: Final = 8
# Between leaving one school and beginning at the next: one summer, or a year of study.
GAP_DAYS_MOST: Final = 400
# Characters whose strokes differ by more are not taken for each other.
STROKES_APART_MOST: Final = 2

POINTS: Final[dict[Reason, int]] = {
    "id_same": 100,
    # Neighbours in the register of births differ by one digit as well: never enough by itself.
    "id_slip": 35,
    "id_differs": -60,
    "staff_same": 40,
    "staff_slip": 15,
    "former": 60,
    "name": 30,
    "sound": 20,
    "shape": 15,
    "born": 30,
    "born_slip": 15,
    "born_differs": -45,
    "sex_differs": -30,
    "school": 20,
    "follows": 20,
    "overlaps": 5,
    "move": 25,
}
# Of a short number, which another school may have given to somebody else.
SHORT_POINTS: Final = 10
# More for a name the fewer people have it (or one that sounds so): up to so many, so many points.
_RARE: Final = ((3, 15), (10, 10), (30, 5))
_NAMED: Final = frozenset({"name", "sound", "shape"})
_PROVED: Final = frozenset({"id_same", "staff_same", "former"})


class Known(NamedTuple):
    """What is known of somebody in a roster. Empty where it is not.

    `sound` is the sound of each character without tones, `strokes` the strokes of each. `id_number`
    has 18 characters and is known where the county's key is. `places` are the schools that staff
    changes name.
    """

    key: str
    school: str
    name: str
    sound: str = ""
    strokes: tuple[int, ...] = ()
    staff_no: str = ""
    former: tuple[str, ...] = ()
    sex: str = ""
    born_on: str = ""
    hired_on: str = ""
    left_on: str = ""
    id_number: str = ""
    school_name: str = ""
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """Two records that may be of one person; `one` stands before `other` by key."""

    one: Known
    other: Known
    score: int
    reasons: tuple[Reason, ...]


def find_duplicates(
    people: Sequence[Known], decided: Collection[frozenset[str]] = ()
) -> list[Candidate]:
    """The pairs worth looking at, the likeliest first; without those that were decided about."""
    names = Counter(each.name for each in people)
    sounds = Counter(each.sound for each in people)
    found = []
    for one, other in pair_up(people):
        if frozenset((one.key, other.key)) in decided:
            continue
        reasons = compare(one, other)
        score = _score(reasons, one, names[one.name], sounds[one.sound])
        if score >= LEAST and not (_NAMED | _PROVED).isdisjoint(reasons):
            found.append(Candidate(one, other, score, reasons))
    return sorted(found, key=lambda each: (-each.score, each.one.key, each.other.key))


def _score(reasons: Iterable[Reason], one: Known, named: int, sounding: int) -> int:
    score = 0
    for each in reasons:
        score += POINTS[each]
        if each == "name":
            score += _rarity(named)
        elif each == "sound":
            score += _rarity(sounding)
        elif each in ("staff_same", "former") and not is_long(one.staff_no):
            score += SHORT_POINTS - POINTS[each]
    return score


def _rarity(count: int) -> int:
    return next((points for most, points in _RARE if count <= most), 0)


def is_long(number: str) -> bool:
    """Whether a staff number is one that a county gives once."""
    return len(number) >= LONG_NUMBER


# ---- who is looked at together


def pair_up(people: Sequence[Known]) -> Iterator[tuple[Known, Known]]:
    """Every two who share a key, once, each the one with the lesser key first."""
    blocks: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, each in enumerate(people):
        for key in set(_keys(each)):
            blocks[key].append(place)
    seen: set[tuple[int, int]] = set()
    for block in blocks.values():
        if not 1 < len(block) <= BLOCK_MOST:
            continue
        for at, first in enumerate(block):
            for second in block[at + 1 :]:
                if (first, second) not in seen:
                    seen.add((first, second))
                    one, other = people[first], people[second]
                    yield (one, other) if one.key <= other.key else (other, one)


def _keys(each: Known) -> Iterator[tuple[str, ...]]:
    """What two records of one person have in common, whichever slip was made."""
    name, born = each.name, each.born_on
    if name:
        yield ("name", name)
        yield ("name", name, each.school)
        if born:
            # The month and day survive a wrong year, the year a wrong day.
            yield from (("name", name, part) for part in (born, born[5:], born[:4]))
    if each.sound and born:
        yield ("sound", each.sound, born)
    if born and len(name) > 1:
        for at in range(len(name)):
            yield ("shape", f"{name[:at]}?{name[at + 1 :]}", born)
    for number in (each.staff_no, *each.former):
        if number:
            yield ("number", number)
            yield ("number", number, name)
    if len(each.id_number) == 18:
        yield from _id_keys(each.id_number[:17])


def _id_keys(digits: str) -> Iterator[tuple[str, ...]]:
    """Parts of an ID number of which one slip, or two digits in the wrong order, leaves one."""
    region, year, day, serial = digits[:6], digits[6:10], digits[10:14], digits[14:]
    yield ("id", digits)
    yield ("id-region", year, day, serial)
    yield ("id-year", region, day, serial)
    yield ("id-day", region, year, serial)
    yield ("id-serial", region, year, day)
    for border in (6, 10, 14):
        swapped = "".join(sorted(digits[border - 1 : border + 1]))
        yield ("id-border", str(border), digits[: border - 1], swapped, digits[border + 1 :])


# ---- what speaks for it, and against


def compare(one: Known, other: Known) -> tuple[Reason, ...]:
    """What two records have in common, and where they differ."""
    return tuple(
        each
        for each in (
            _compare_ids(one.id_number, other.id_number),
            _compare_numbers(one, other),
            _compare_names(one, other),
            _compare_births(one.born_on, other.born_on),
            "sex_differs" if one.sex and other.sex and one.sex != other.sex else None,
            "school" if one.school == other.school else _compare_places(one, other),
            "move" if one.school != other.school and _names_school(one, other) else None,
        )
        if each is not None
    )


def _compare_ids(one: str, other: str) -> Reason | None:
    if not (one and other):
        return None
    # The last sign follows from the others: a slip before it was checked changes it as well.
    if one[:17] == other[:17]:
        return "id_same"
    return "id_slip" if is_slip(one[:17], other[:17]) else "id_differs"


def _compare_numbers(one: Known, other: Known) -> Reason | None:
    if one.staff_no and one.staff_no == other.staff_no:
        return "staff_same" if one.school != other.school else None
    if one.staff_no in other.former or other.staff_no in one.former:
        return "former"
    if is_long(one.staff_no) and is_slip(one.staff_no, other.staff_no):
        return "staff_slip"
    return None


def _compare_names(one: Known, other: Known) -> Reason | None:
    if one.name == other.name:
        return "name" if one.name else None
    if one.sound and one.sound == other.sound:
        return "sound"
    return "shape" if _looks_alike(one, other) else None


def _looks_alike(one: Known, other: Known) -> bool:
    """Whether one character of a name was taken for another with about as many strokes."""
    if len(one.name) != len(other.name) or len(one.name) < 2:
        return False
    apart = [at for at, (a, b) in enumerate(zip(one.name, other.name, strict=True)) if a != b]
    if len(apart) != 1 or not len(one.strokes) == len(other.strokes) == len(one.name):
        return False
    return abs(one.strokes[apart[0]] - other.strokes[apart[0]]) <= STROKES_APART_MOST


def _compare_births(one: str, other: str) -> Reason | None:
    if not (one and other):
        return None
    if one == other:
        return "born"
    is_turned = one[:4] == other[:4] and one[5:7] == other[8:] and one[8:] == other[5:7]
    return "born_slip" if is_turned or is_slip(one, other) else "born_differs"


def _compare_places(one: Known, other: Known) -> Reason | None:
    """Whether one began at a school soon after the other left one, or both are there at once."""
    gaps = [_days_between(a.left_on, b.hired_on) for a, b in ((one, other), (other, one))]
    if any(gap is not None and 0 <= gap <= GAP_DAYS_MOST for gap in gaps):
        return "follows"
    if not (one.hired_on and other.hired_on):
        return None
    begins = max(one.hired_on, other.hired_on)
    return "overlaps" if all(begins < (each.left_on or "9") for each in (one, other)) else None


def _days_between(left_on: str, hired_on: str) -> int | None:
    if not (left_on and hired_on):
        return None
    return (dt.date.fromisoformat(hired_on) - dt.date.fromisoformat(left_on)).days


def _names_school(one: Known, other: Known) -> bool:
    """Whether a staff change of one names the school of the other."""
    return (bool(other.school_name) and other.school_name in one.places) or (
        bool(one.school_name) and one.school_name in other.places
    )


def is_slip(one: str, other: str) -> bool:
    """Whether two texts differ by one sign, or by two neighbours that changed places."""
    if one == other or len(one) != len(other):
        return False
    apart = [at for at, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
    if len(apart) == 1:
        return True
    if len(apart) != 2 or apart[1] != apart[0] + 1:
        return False
    return one[apart[0]] == other[apart[1]] and one[apart[1]] == other[apart[0]]
