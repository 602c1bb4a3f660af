"""Pages written in Markdown: what their head says of them, and the page made of a form.

The head is what the catalogue shows where nobody said otherwise beside the file.
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.front_matter import split_front_matter
from xueshi_server.domain.hours import parse_hours
from xueshi_server.store.library import About

SUFFIX: Final = ".md"
# Longer files are no pages that somebody wrote by hand.
PAGE_BYTES: Final = 1 << 20
FIELDS: Final = ("title", "subject", "category", "level", "authors", "summary")


def about_of_page(path: Path, about: About) -> About:
    """What is said of a file, filled up by its own head if it is a page."""
    if path.suffix.lower() != SUFFIX or path.stat().st_size > PAGE_BYTES:
        return about
    head, _ = split_front_matter(path.read_text("utf-8", "replace"))
    said = {name: head.get(name, "")[: 1000 if name == "summary" else 200] for name in FIELDS}
    # Without a title the file's own name was taken.
    own = {name: getattr(about, name) for name in FIELDS}
    if own["title"] == path.stem:
        own["title"] = ""
    filled = {name: own[name] or said[name] for name in FIELDS}
    filled["title"] = filled["title"] or about.title
    return replace(about, **filled, minutes=about.minutes or _minutes(head.get("hours", "")))


def _minutes(said: str) -> int:
    try:
        return parse_hours(said) if said else 0
    except BadValueError:
        return 0
