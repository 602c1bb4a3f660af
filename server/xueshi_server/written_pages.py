"""Pages written in Markdown: what their head says of them, and the file made of a form.

The head is what the catalogue shows where nobody said otherwise beside the file.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.front_matter import join_front_matter, split_front_matter
from xueshi_server.domain.hours import parse_hours
from xueshi_server.domain.quizzes import ATTEMPTS_MOST, TYPE, parse_quiz
from xueshi_server.domain.quizzes import SUFFIX as QUIZ_SUFFIX
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


# ---- written in the browser

# What a form asks: the head of the page, and its text.
HEAD_FIELDS: Final = (*FIELDS, "hours", "pass", "attempts")
BODY_MOST: Final = 60_000
_NAME_MOST: Final = 60
_UNFIT: Final = re.compile(r'[<>:"|?*\\/\x00-\x1f\x7f]+')


def check_page(typed: Mapping[str, str], *, is_quiz: bool) -> dict[str, BadValueError]:
    """What is wrong with a page as it was typed, by field."""
    faults = {}
    if not typed["title"]:
        faults["title"] = BadValueError("value.missing")
    for name in FIELDS:
        most = {"title": 200, "summary": 1000}.get(name, 60)
        if len(typed[name]) > most:
            faults[name] = BadValueError("value.too_long", most=str(most))
    if not typed["body"].strip():
        faults["body"] = BadValueError("value.missing")
    elif len(typed["body"]) > BODY_MOST:
        faults["body"] = BadValueError("value.too_long", most=str(BODY_MOST))
    try:
        parse_hours(typed["hours"]) if typed["hours"] else 0
    except BadValueError as error:
        faults["hours"] = error
    if is_quiz and not {"body", "hours"} & set(faults):
        _check_quiz(typed, faults)
    return faults


def _check_quiz(typed: Mapping[str, str], faults: dict[str, BadValueError]) -> None:
    for name, most in (("pass", 100), ("attempts", ATTEMPTS_MOST)):
        said = typed[name].strip()
        if said and not (said.isascii() and said.isdigit() and 1 <= int(said) <= most):
            faults[name] = BadValueError("quiz.bad_number", name=said[:20], most=str(most))
    try:
        parse_quiz(write_page({**typed, "pass": "", "attempts": ""}, is_quiz=True))
    except BadValueError as error:
        faults["body"] = error


def write_page(typed: Mapping[str, str], *, is_quiz: bool) -> str:
    """The file of a page."""
    names = HEAD_FIELDS if is_quiz else (*FIELDS, "hours")
    head = {name: typed[name] for name in names}
    # Whoever writes `---` at the top of the text means a line.
    body = typed["body"].replace("\r\n", "\n")
    return join_front_matter({**head, "type": TYPE if is_quiz else ""}, body)


def read_page(text: str) -> dict[str, str]:
    """The fields of the form from a file."""
    head, body = split_front_matter(text)
    return {**{name: head.get(name, "") for name in HEAD_FIELDS}, "body": body}


def name_page(title: str, *, is_quiz: bool) -> str:
    """What the file of a page is called."""
    stem = _UNFIT.sub(" ", title).strip(" .")[:_NAME_MOST].strip(" .") or "page"
    return f"{stem}{QUIZ_SUFFIX if is_quiz else SUFFIX}"
