"""From a filled form to what the setter reads: plain data, no markup.

Pure. Every text stays a text: the templates show it, they never read it as their own language, so
nothing that somebody typed can do anything on paper but stand there.
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from xueshi_server.domain.forms import Cell, Document, Opinion, Section
from xueshi_server.typeset.columns import plan_columns
from xueshi_server.typeset.periods import Period
from xueshi_server.words import LANGUAGES, word

Layout = Literal["sheet", "certificate", "labels", "signing"]
Data = dict[str, Any]

# A4 without the margins of the templates: binding on the left, of a turned sheet at the top.
WIDTH_MM: Final = {False: 162.0, True: 257.0}
# The column of labels at the left of boxes, opinions and fields.
LABEL_MM: Final = 26.0
_NUMBER_MM: Final = 11.0
# One written line by hand.
_LINE_MM: Final = 7.0
_BOX_MM_MAX: Final = 190.0
# A text of so many lines may run on to the next page; shorter ones stay together.
_TOGETHER_LINES: Final = 26
# Values longer than this have a line of their own.
_LONG: Final = 20
_PHOTO_ROWS: Final = 5
# How a label of signatures parts those who sign.
_PARTIES: Final = re.compile(r"\s{2,}|[;\uff1b]")
_PARTIES_MAX: Final = 4
_STAMP_WORDS: Final = "|".join(word("forms.stamp_words", each) for each in LANGUAGES)
_STAMPED: Final = re.compile(_STAMP_WORDS, re.IGNORECASE)
_STAMP: Final = re.compile(rf"[(\uff08]\s*(?:{_STAMP_WORDS})\s*[)\uff09]", re.IGNORECASE)
# Titles of boxes in which somebody decides: they end with a signature and a stamp.
_DECIDED: Final = re.compile(
    "|".join(word("print.opinion_words", each) for each in LANGUAGES), re.IGNORECASE
)
# Runs without a place to break, as long names of files; after so many a line may end.
_RUN: Final = re.compile(r"[^\s\u2e80-\U0003ffff]{18,}")
_RUN_BREAK: Final = 12
_DIGEST_GROUP: Final = 4
# Controls, marks that turn the direction of what follows, halves of characters. Characters that
# nobody knows yet stay: a name may be written with one.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs"})
# Formatting characters that belong to a text: joiners and the soft places to break.
_KEPT: Final = frozenset("\u200c\u200d\u200b\n")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A filled form with what stands around it on paper.

    `unit` is the school or office, `about` whom or what it is about, `period` the days that its
    tables cover and what they are called.
    """

    document: Document
    layout: Layout = "sheet"
    unit: str = ""
    about: str = ""
    period: Period | None = None


def arrange(sheet: Sheet, language: str) -> Data:
    """All that the templates show of a sheet, in order."""
    document = sheet.document
    spoken = _Words(language)
    width = WIDTH_MM[document.landscape]
    sections = [_section(each, spoken, width, sheet.layout) for each in document.sections]
    placed = _place_photos([each for each in sections if each is not None])
    as_of = dt.date.fromisoformat(document.as_of)
    return {
        "language": language,
        "layout": sheet.layout,
        "landscape": document.landscape,
        "title": clean(document.title),
        "about": clean(sheet.about),
        "unit": spoken("print.unit", name=clean(sheet.unit)) if sheet.unit else "",
        "unit_name": clean(sheet.unit),
        "period": _period(sheet, spoken),
        "as_of": spoken("print.as_of", day=spoken.day(as_of)),
        "day": spoken.day(as_of),
        "copies": spoken("forms.copies", n=document.copies) if document.copies > 1 else "",
        "foot": [
            spoken("print.number", number=document.number),
            spoken(
                "print.digest",
                version=document.version,
                digest=group_digest(document.digest),
            ),
        ],
        "page": re.split("[{}]", spoken("print.page", page="{}", pages="{}"))[::2],
        "words": spoken.all(),
        "write_in": _write_in(spoken) if sheet.layout == "signing" else [],
        "statement": _statement(sheet, spoken) if sheet.layout == "certificate" else "",
        "sections": placed,
    }  # fmt: skip


def group_digest(digest: str) -> str:
    """A digest in groups that can be read aloud."""
    return " ".join(digest[at : at + _DIGEST_GROUP] for at in range(0, len(digest), _DIGEST_GROUP))


def clean(text: str) -> str:
    """A text fit for paper: line ends kept, what cannot be seen left out, long runs breakable."""
    plain = text.replace("\r\n", "\n").replace("\t", " ")
    kept = "".join(
        char for char in plain if char in _KEPT or unicodedata.category(char) not in _UNSEEN
    )
    return _RUN.sub(_break_run, kept)


def _break_run(found: re.Match[str]) -> str:
    run = found.group()
    return "\u200b".join(run[at : at + _RUN_BREAK] for at in range(0, len(run), _RUN_BREAK))


class _Words:
    """Words of the catalogue in one language."""

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, key: str, **values: object) -> str:
        return word(key, self.language, **values)

    def day(self, day: dt.date) -> str:
        return self("print.day", year=day.year, month=day.month, day=day.day)

    def all(self) -> dict[str, str]:
        """The words that stand in every template."""
        names = ("no", "sign", "stamp", "date", "photo", "rule", "need", "value", "status")
        return {each: self(f"forms.{each}").strip("\n") for each in names} | {
            each: self(f"print.{each}") for each in ("sign_in", "sign_out", "remark")
        }


def _period(sheet: Sheet, spoken: _Words) -> str:
    if sheet.period is None:
        return ""
    days = {"first": spoken.day(sheet.period.first), "last": spoken.day(sheet.period.last)}
    if not sheet.period.name:
        return spoken("print.period", **days)
    return spoken("print.period_named", name=sheet.period.name, **days)


def _write_in(spoken: _Words) -> list[str]:
    """What somebody fills in at the head of a list that is signed by hand."""
    names = ("activity", "held_on", "place", "lecturer", "hours")
    return [spoken(f"print.{each}") for each in names]


def _statement(sheet: Sheet, spoken: _Words) -> str:
    """The sentence of a certificate after the name: details, what was done, when, how much."""
    sections = sheet.document.sections
    cells = [cell for each in sections for cell in each.cells][1:]
    details = [
        spoken("print.detail", label=each.label, text=each.text) for each in cells if each.text
    ]
    sums = [each.total for each in sections if each.total]
    named = {
        "details": spoken("print.comma").join(details),
        "what": " ".join(each.text for each in sections if each.text),
        "total": spoken("print.comma").join(
            spoken("print.sum", label=label, value=value) for label, value in sums
        ),
    }
    if sheet.period is None:
        return clean(spoken("print.certificate", **named))
    first, last = spoken.day(sheet.period.first), spoken.day(sheet.period.last)
    return clean(spoken("print.certificate_period", first=first, last=last, **named))


# ---- sections


def _section(section: Section, spoken: _Words, width: float, layout: Layout) -> Data | None:
    make = _MAKERS[section.kind]
    return make(section, spoken, width, layout)


def _fields(section: Section, spoken: _Words, width: float, layout: Layout) -> Data:
    cells = [Cell(clean(each.label), clean(each.text)) for each in section.cells]
    title = clean(section.title)
    if layout in ("certificate", "labels"):
        return {"kind": "pairs", "title": title, "cells": [asdict(each) for each in cells]}
    if len(cells) == 1 and section.lines:
        return _box(title or cells[0].label, cells[0].text, section.lines, width)
    if section.lines:
        lines = max(section.lines // len(cells), 3)
        boxes = [_box(each.label, each.text, lines, width) for each in cells]
        return {"kind": "boxes", "title": title, "boxes": boxes}
    return {"kind": "grid", "title": title, "rows": _pair_up(cells), "photo": False}


def _pair_up(cells: Sequence[Cell]) -> list[list[Data]]:
    """Two fields a line; a long text has a line of its own."""
    lines: list[list[Cell]] = []
    open_line = False
    for each in cells:
        long = len(each.text) > _LONG
        if open_line and not long:
            lines[-1].append(each)
            open_line = False
        else:
            lines.append([each])
            open_line = not long
    return [[asdict(cell) for cell in line] for line in lines]


def _box(label: str, text: str, lines: int, width: float) -> Data:
    """A labelled box with room for so many lines; a text that needs more has them."""
    per_line = (width - LABEL_MM) / 3.7
    needed = sum(1 + int(len(part) / per_line) for part in text.split("\n"))
    return {
        "kind": "box",
        "label": label,
        "text": text,
        "height": min(lines * _LINE_MM, _BOX_MM_MAX),
        "together": needed <= _TOGETHER_LINES,
        "decided": False,
    }


def _table(section: Section, spoken: _Words, width: float, layout: Layout) -> Data:
    head = [clean(each) for each in section.head]
    rows = [[clean(each) for each in row] for row in section.rows]
    blank: list[str] = []
    room = width - _NUMBER_MM
    if layout == "signing":
        blank = [spoken("print.sign_in"), spoken("print.sign_out"), spoken("print.remark")]
        room -= 2 * 34 + 24
    total = section.total
    return {
        "kind": "table",
        "title": clean(section.title) if layout != "signing" else "",
        "head": head,
        "blank": blank,
        "columns": [asdict(each) for each in plan_columns(head, rows, room)],
        "rows": rows,
        "empty": 0 if rows else section.lines,
        "none": "" if rows or section.lines else spoken("print.none"),
        "count": spoken("forms.rows", n=len(rows)),
        "total": spoken("forms.total", label=total[0], value=total[1]) if total else "",
        "sum": clean(total[1]) if total else "",
    }


def _rules(section: Section, spoken: _Words, _width: float, _layout: Layout) -> Data | None:
    if not section.rules:
        return None
    rows = [
        {
            "label": clean(line.label),
            "clause": clean(line.clause),
            "need": clean(line.need),
            "value": clean(line.value),
            "status": spoken(f"result.{line.status}"),
        }
        for line in section.rules
    ]
    return {"kind": "rules", "title": clean(section.title), "rows": rows}


def _steps(section: Section, spoken: _Words, _width: float, _layout: Layout) -> Data:
    title, opinions = clean(section.title), section.opinions
    if not opinions:
        # Nobody is named who would sign: one box for whoever does.
        opinions = (Opinion(title or spoken("forms.steps"), "", sign=True, stamp=True),)
        title = ""
    return {
        "kind": "steps",
        "title": title,
        "opinions": [_opinion(each, spoken) for each in opinions],
    }


def _opinion(opinion: Opinion, spoken: _Words) -> Data:
    on = ""
    if opinion.on:
        on = spoken.day(dt.date.fromisoformat(opinion.on))
    return {
        "label": clean(opinion.label),
        "role": clean(opinion.role),
        "text": clean(opinion.text),
        "sign": opinion.sign,
        "stamp": opinion.stamp,
        "on": on,
    }


def _signatures(section: Section, spoken: _Words, _width: float, _layout: Layout) -> Data:
    return {
        "kind": "signatures",
        "parties": [
            {"name": name, "stamp": stamp}
            for name, stamp in find_parties(section.title, section.lines, spoken.language)
        ],
    }


def find_parties(label: str, lines: int, language: str) -> list[tuple[str, bool]]:
    """Those who sign, and whether a stamp belongs there; where the form names nobody, those who
    usually sign: who filled it in, who checked it, who answers for it."""
    names = [each.strip() for each in _PARTIES.split(clean(label)) if each.strip()]
    if not names:
        usual = word("print.parties", language).split("|")
        count = max(1, min(lines, _PARTIES_MAX))
        names = {1: usual[2:3], 2: [usual[0], usual[2]], 3: usual[:3], 4: usual}[count]
    return [(_STAMP.sub("", each).strip(), bool(_STAMPED.search(each))) for each in names]


def _text(section: Section, spoken: _Words, width: float, layout: Layout) -> Data | None:
    title, text = clean(section.title), clean(section.text)
    if layout in ("certificate", "labels"):
        return {"kind": "note", "title": title, "text": text} if text or title else None
    if not section.lines:
        return {"kind": "note", "title": title, "text": text} if text or title else None
    if not title and len(text) <= _LONG:
        title, text = text, ""
    box = _box(title, text, section.lines, width)
    return {**box, "decided": bool(_DECIDED.search(title))}


def _photo(_section: Section, _spoken: _Words, _width: float, _layout: Layout) -> Data:
    return {"kind": "photo"}


_MAKERS: Final = {
    "fields": _fields,
    "table": _table,
    "rules": _rules,
    "steps": _steps,
    "text": _text,
    "signatures": _signatures,
    "photo": _photo,
}


def _place_photos(sections: Sequence[Data]) -> list[Data]:
    """A photo stands beside the fields before it, else beside those after it."""
    placed: list[Data] = []
    waiting = False
    for each in sections:
        if each["kind"] != "photo":
            beside = waiting and each["kind"] == "grid"
            placed.append(_beside(each) if beside else each)
            waiting = waiting and not beside
        elif placed and placed[-1]["kind"] == "grid" and not placed[-1]["photo"]:
            placed[-1] = _beside(placed[-1])
        else:
            waiting = True
    return placed


def _beside(grid: Data) -> Data:
    """The same grid with a photo: its first lines are narrower, enough of them for the picture."""
    rows = list(grid["rows"])
    rows += [[] for _ in range(_PHOTO_ROWS - len(rows))]
    return {**grid, "rows": rows, "photo": True}
