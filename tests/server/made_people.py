"""A made-up county of people, some of whom stand in it twice: for the search for duplicates.

Names are drawn so that a few are common and most are rare, as names are; no character or person is
anybody's.
"""

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from xueshi_server.domain.duplicates import Known

Slip = Callable[[random.Random, Known], Known]
_SURNAMES = [chr(0x4E00 + 37 * each) for each in range(120)]
_GIVEN = [chr(0x5200 + 11 * each) for each in range(400)]
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


@dataclass(frozen=True)
class MadeCounty:
    """Everybody, and the pairs of keys that are one person."""

    people: list[Known]
    twice: dict[frozenset[str], str]


def make_county(seed: int, count: int, doubles: int) -> MadeCounty:
    """`count` people in 73 schools, `doubles` of them once more in another record."""
    draw = random.Random(seed)
    people = [make_person(draw, number) for number in range(count)]
    twice: dict[frozenset[str], str] = {}
    kinds = list(SLIPS)
    for number, each in enumerate(draw.sample(people, doubles)):
        kind = kinds[number % len(kinds)]
        copy = SLIPS[kind](draw, each)._replace(key=f"z{number:06d}")
        people.append(copy)
        twice[frozenset((each.key, copy.key))] = kind
    draw.shuffle(people)
    return MadeCounty(people, twice)


def make_person(draw: random.Random, number: int) -> Known:
    """Somebody of whom most, though not all, is known."""
    born = dt.date(1963, 1, 1) + dt.timedelta(days=draw.randrange(14_000))
    school = draw.randrange(73)
    man = draw.random() < 0.35
    serial = draw.randrange(100, 1000) // 2 * 2 + man
    hired = dt.date(born.year + 22, 9, 1)
    person = Known(
        key=f"p{number:06d}",
        school=f"S{school:02d}",
        name=draw_name(draw),
        staff_no=f"5001{number:08d}",
        sex="12"[not man],
        born_on=born.isoformat() if draw.random() < 0.9 else "",
        hired_on=hired.isoformat(),
        id_number=with_check(f"{draw.randrange(500101, 500140)}{born:%Y%m%d}{serial}"),
        school_name=f"School {school}",
    )
    return sounded(person if draw.random() < 0.8 else person._replace(id_number=""))


def draw_name(draw: random.Random) -> str:
    """A surname, and one or two characters more; the first ones of each list often."""
    given = [_GIVEN[int(len(_GIVEN) * draw.random() ** 2.2)] for _ in range(draw.choice((1, 2, 2)))]
    return _SURNAMES[int(len(_SURNAMES) * draw.random() ** 3)] + "".join(given)


def sounded(each: Known) -> Known:
    """With how the name sounds and how many strokes it has, by signs that stand for it."""
    sound = " ".join(f"s{ord(sign) % 200}" for sign in each.name)
    return each._replace(sound=sound, strokes=tuple(3 + ord(sign) % 13 for sign in each.name))


def with_check(digits: str) -> str:
    """An ID number with the sign that belongs to it."""
    total = sum(int(sign) * weight for sign, weight in zip(digits, _WEIGHTS, strict=True))
    return digits + "10X98765432"[total % 11]


# ---- how one person comes to stand there twice


def _elsewhere(draw: random.Random, each: Known, **more: Any) -> Known:
    number = draw.randrange(73)
    other = each._replace(school=f"S{number:02d}", school_name=f"School {number}")
    return other._replace(staff_no=f"T-{other.school}-QQQQQ-{draw.randrange(999)}", **more)


def _transferred(draw: random.Random, each: Known) -> Known:
    """Came from another school, which took the name, the day of birth and the day from there."""
    began = dt.date.fromisoformat(each.hired_on) + dt.timedelta(days=3000)
    return _elsewhere(draw, each, hired_on=began.isoformat(), id_number="")


def _same_id(draw: random.Random, each: Known) -> Known:
    if not each.id_number:
        return _transferred(draw, each)
    return sounded(_elsewhere(draw, each, name=draw_name(draw), born_on=""))


def _slipped_id(draw: random.Random, each: Known) -> Known:
    if not each.id_number:
        return _transferred(draw, each)
    at = draw.randrange(14, 16)
    digits = each.id_number[:17]
    changed = str((int(digits[at]) + draw.randrange(1, 10)) % 10)
    number = with_check(digits[:at] + changed + digits[at + 1 :])
    return _elsewhere(draw, each, id_number=number, born_on="")


def _same_sound(draw: random.Random, each: Known) -> Known:
    heard = each.name[:-1] + chr(ord(each.name[-1]) + 200)
    return sounded(_elsewhere(draw, each, name=heard, id_number=""))


def _same_shape(draw: random.Random, each: Known) -> Known:
    seen = each.name[:-1] + chr(ord(each.name[-1]) + 13 * 7)
    number = each.staff_no[:-2] + each.staff_no[-1] + each.staff_no[-2]
    copy = each._replace(name=seen, staff_no=number, id_number="")
    return sounded(copy)


def _entered_twice(draw: random.Random, each: Known) -> Known:
    return each._replace(staff_no=f"T-{each.school}-QQQQQ-1", born_on="", id_number="")


def _renumbered(draw: random.Random, each: Known) -> Known:
    return _elsewhere(draw, each, born_on="")._replace(former=(each.staff_no,))


SLIPS: dict[str, Slip] = {
    "transferred": _transferred,
    "same_id": _same_id,
    "slipped_id": _slipped_id,
    "same_sound": _same_sound,
    "same_shape": _same_shape,
    "entered_twice": _entered_twice,
    "renumbered": _renumbered,
}
