"""Which section of the guide explains a page: one table over all routes.

A route without a row of its own follows the part of the program it belongs to. Where no page
answered, the reader is led to what to do when something is wrong.
"""

from collections.abc import Mapping
from typing import Final

PAGES: Final = "guide/pages.html"
TROUBLE: Final = "guide/trouble.html"

# Parts whose routes are files, pieces of pages or the guide itself.
NO_PAGE: Final = frozenset({"static", "health", "training", "left", "undo"})

SECTIONS: Final[Mapping[str, str]] = {
    "accounts": "accounts",
    "accounts.codes": "codes",
    "accounts.give_codes": "codes",
    "attachments": "attachments",
    "conflicts": "conflicts",
    "contributions": "contributions",
    "duplicates": "duplicates",
    "entry": "hours",
    "entry.correct": "correct",
    "entry.create_correction": "correct",
    "files": "files",
    "form_pdf": "forms",
    "form_pdf.check": "stamped",
    "forms": "forms",
    "grants": "grants",
    "hours": "hours",
    "hours.show": "record",
    "joining": "joining",
    "lan": "lan",
    "library": "library",
    "login": "login",
    "login.password": "password",
    "login.set_password": "password",
    "login.set_pin": "password",
    "login.switch": "password",
    "mine": "mine",
    "objections": "objections",
    "people": "people",
    "people.show": "person",
    "personal": "personal",
    "principal": "principal",
    "printing": "forms",
    "quizzes": "quizzes",
    "reading": "reading",
    "reading.book": "library",
    "reading.part": "library",
    "record_entry": "records",
    "records": "records",
    "records.judge": "review",
    "records.queue": "review",
    "requirements": "requirements",
    "review": "review",
    "school": "school",
    "schools": "schools",
    "session": "session",
    "session.claims": "claims",
    "session.take_claims": "claims",
    "stamped": "stamped",
    "sync": "sync",
    "today": "today",
    "writing": "writing",
}


def find_section(endpoint: str | None) -> tuple[str, str | None]:
    """(page of the guide, its section) that explain what `endpoint` shows."""
    whole = endpoint or ""
    section = SECTIONS.get(whole) or SECTIONS.get(whole.partition(".")[0])
    return (PAGES, section) if section else (TROUBLE, None)
