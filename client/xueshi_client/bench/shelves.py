"""A library of many files and pages for a measurement, and its way to a school without a line."""

import random
from pathlib import Path
from typing import Final

from xueshi_client.bench.world import exchange_in_memory
from xueshi_client.errors import FigureFailedError
from xueshi_server.node_clock import today_of
from xueshi_server.shelf import Shelf
from xueshi_server.store.packs import public_scope_no
from xueshi_sync.files.content import encode_content
from xueshi_sync.node import Node

_SUBJECTS: Final = ("Chinese", "Mathematics", "English", "Science", "Music", "Sports")
_KINDS: Final = (("txt", "text/plain"), ("md", "text/markdown"), ("pdf", "application/pdf"))
_ACTION_ROWS: Final = 500
_SEED: Final = 7


def fill_library(folder: Path, centre: Node, count: int) -> None:
    """Publish so many small files at the centre, as its page does, many in one action."""
    chance, day = random.Random(_SEED), today_of(centre).isoformat()
    scope_no = public_scope_no(centre)
    path = folder / "shelf.bin"
    for start in range(0, count, _ACTION_ROWS):
        rows = []
        for number in range(start, min(start + _ACTION_ROWS, count)):
            ending, media = _KINDS[number % len(_KINDS)]
            path.write_text(f"Lesson {number}, {chance.random()}\n" * 40, "utf-8")
            rows.append(
                {
                    "title": f"{_SUBJECTS[number % len(_SUBJECTS)]}, plan of lesson {number}",
                    "subject": _SUBJECTS[number % len(_SUBJECTS)],
                    "category": "Plans of lessons",
                    "authors": f"Author {number % 50}",
                    "summary": "To prepare, to teach and to talk it over. " * 3,
                    "minutes": 45,
                    "kind": "file",
                    "name": f"lesson-{number}.{ending}",
                    "media": media,
                    "added": day,
                    "content": encode_content(centre.files.add(path)),
                }
            )
        with centre.write(actor="centre") as action:
            for row in rows:
                action.insert("resource", row, scope_no=scope_no)
    path.unlink(missing_ok=True)


def carry_library(centre: Node, school: Node) -> None:
    """Records and files, without a line."""
    while exchange_in_memory(centre, school)[1]:
        pass
    shelf = Shelf(school)
    for _ in range(3):
        shelf.advance()
        while wanted := school.files.wants(1 << 20):
            for name in wanted:
                chunk = centre.files.give(name)
                if chunk is None:
                    raise FigureFailedError(figure="library", why="a file is missing")
                school.files.take([chunk])
    shelf.advance()
