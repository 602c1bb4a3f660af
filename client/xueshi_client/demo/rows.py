"""Invented people and training hours for the demo, the same on every run.

A row has the fields that `xueshi import hour` reads. Names come from two lists put together at
random; any likeness to a real teacher is an accident.
"""

import datetime as dt
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

FIRST_DAY: Final = dt.date(2025, 9, 1)
DAYS: Final = 180


@dataclass(frozen=True, slots=True)
class School:
    """One school of the demo county; `carrier` is `http` or `file`."""

    code: str
    name: str
    teachers: int
    rows: int
    carrier: str


@cache
def load_county() -> dict[str, Any]:
    """The lists and names of the demo county."""
    text = resources.files(__package__).joinpath("county.json").read_text("utf-8")
    county: dict[str, Any] = json.loads(text)
    return county


def list_schools() -> list[School]:
    """The schools of the demo county."""
    return [School(**each) for each in load_county()["schools"]]


def make_rows(school: School, county: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The training hours of one school, oldest first."""
    rnd = random.Random(school.code)
    staff = _make_staff(school, county, rnd)
    rows = [
        _make_row(rnd.choice(staff), index, school, county, rnd) for index in range(school.rows)
    ]
    return sorted(rows, key=lambda row: str(row["date"]))


def _make_staff(
    school: School, county: Mapping[str, Any], rnd: random.Random
) -> list[tuple[str, str, str]]:
    names: set[str] = set()
    while len(names) < school.teachers:
        names.add(rnd.choice(county["surnames"]) + rnd.choice(county["given"]))
    return [
        (f"{school.code}-{number:03d}", name, rnd.choice(county["subjects"]))
        for number, name in enumerate(sorted(names), start=1)
    ]


def _make_row(
    teacher: tuple[str, str, str],
    index: int,
    school: School,
    county: Mapping[str, Any],
    rnd: random.Random,
) -> dict[str, Any]:
    teacher_id, name, subject = teacher
    day = FIRST_DAY + dt.timedelta(days=index * DAYS // school.rows)
    title = rnd.choice(county["titles"])
    return {
        "teacher_id": teacher_id,
        "teacher_name": name,
        "date": day.isoformat(),
        "form": rnd.choice(county["forms"]),
        "category": rnd.choice(county["categories"]),
        "title": subject + title if rnd.random() < 0.4 else title,
        "hours": rnd.choice(county["hours"]),
        "note": rnd.choice(county["notes"]),
        "recorded_by": county["clerk"],
    }
