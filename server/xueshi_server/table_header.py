"""Where a table begins and what in it is no record.

County templates have a title, notes and merged cells above the header, a header in one row or two,
and totals and signatures below. A row is left out only when it says what it is and does not fill
what a record needs; each one that is left out is named in the report.
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from itertools import chain, islice
from typing import Final

from xueshi_server.domain.cells import SheetRow, is_blank, show_cell
from xueshi_server.errors import MissingHeaderError
from xueshi_server.table_errors import HeadingTwiceError

# Title, subtitle, school, period and how to fill it in stand above the header.
HEADER_SEARCH_ROWS: Final = 40
_NOISE: Final = re.compile(
    "[\\s*()\\[\\]:\u200b-\u200f\u2060\ufeff\u3010\u3011\u3014\u3015\u2605\u2606\u203b\u25cf\u2022]"
)
_BRACKETED: Final = re.compile("[(\\[\u3010\u3014][^)\\]\u3011\u3015]*[)\\]\u3011\u3015]")
# Hints in a heading are longer than a name of a column ever is.
_HEADING_MOST: Final = 200


@cache
def load_table_words() -> dict[str, frozenset[str]]:
    """Words of totals, examples, footers and units, plain."""
    text = resources.files("xueshi_server").joinpath("table_words.json").read_text("utf-8")
    return {name: frozenset(map(plain_heading, words)) for name, words in json.loads(text).items()}


def plain_heading(heading: object) -> str:
    """A heading in narrow signs and small letters, without spaces, brackets and marks."""
    text = unicodedata.normalize("NFKC", str(heading)[:_HEADING_MOST])
    return _NOISE.sub("", text).lower()


@dataclass(frozen=True, slots=True)
class Headings:
    """How the columns of a table are found: plain heading to field, and the fields it must have.

    Of two headings of one field the first counts. `footers` start rows below the table. Where the
    column of a field is missing, the one of `stand_in` may take its place: a name for a number.
    """

    fields: Mapping[str, str]
    required: tuple[str, ...]
    footers: frozenset[str] = frozenset()
    stand_in: Mapping[str, str] = field(default_factory=dict)

    def key_of(self, heading: object) -> str | None:
        """The plain heading under which a heading is known; without its hint, if need be."""
        plain = plain_heading(heading)
        if plain in self.fields:
            return plain
        text = unicodedata.normalize("NFKC", str(heading)[:_HEADING_MOST])
        bare = plain_heading(_BRACKETED.sub("", text))
        return bare if bare in self.fields else None

    def field_of(self, heading: object) -> str | None:
        """The field under a heading."""
        key = self.key_of(heading)
        return None if key is None else self.fields[key]


@dataclass
class Header:
    """The header of a table: the place of each field, the heading over it, what is not taken."""

    row_no: int
    places: Mapping[str, int]
    headings: Mapping[int, str]
    not_taken: tuple[str, ...] = ()

    def letters(self) -> dict[str, str]:
        """Field to the letter of its column."""
        return {name: letters_of_column(place) for name, place in self.places.items()}


@dataclass
class _Guess:
    """What a row would be as a header."""

    row: SheetRow
    cells: Mapping[int, str]
    places: dict[str, int] = field(default_factory=dict)


def letters_of_column(place: int) -> str:
    """What a spreadsheet calls a column counted from 0: A to Z, AA, AB, ..."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def find_header(
    rows: Iterator[SheetRow], headings: Headings, sheet: str = ""
) -> tuple[Header, Iterator[SheetRow]]:
    """The header and the rows below it; raises MissingHeaderError, HeadingTwiceError."""
    best: _Guess | None = None
    above: SheetRow | None = None
    for row in islice(rows, HEADER_SEARCH_ROWS):
        for guess in _guesses(row, above, headings):
            if all(name in guess.places for name in headings.required):
                return _finish(guess, rows, headings, sheet)
            if best is None or len(guess.places) > len(best.places):
                best = guess
        above = row
    found = best.places if best else {}
    raise MissingHeaderError(
        missing=", ".join(name for name in headings.required if name not in found),
        row=str(best.row.row_no if best else 1),
        seen=", ".join(best.cells.values())[:200] if best else "",
        sheet=sheet,
    )


def _guesses(row: SheetRow, above: SheetRow | None, headings: Headings) -> Iterator[_Guess]:
    """A row alone, and together with the row above where its own cells are empty."""
    own = _texts(row)
    yield _guess(row, own, headings)
    if above is not None and above.own > 1:
        yield _guess(row, {**_texts(above), **own}, headings)


def _texts(row: SheetRow) -> dict[int, str]:
    return {place: show_cell(value) for place, value in row.cells.items() if not is_blank(value)}


def _guess(row: SheetRow, cells: Mapping[int, str], headings: Headings) -> _Guess:
    guess = _Guess(row, dict(sorted(cells.items())))
    ranks = {name: rank for rank, name in enumerate(headings.fields)}
    best: dict[str, int] = {}
    for place, text in guess.cells.items():
        key = headings.key_of(text)
        if key is not None and ranks[key] < best.get(headings.fields[key], len(ranks)):
            best[headings.fields[key]] = ranks[key]
            guess.places[headings.fields[key]] = place
    for name, other in headings.stand_in.items():
        if name not in guess.places and other in guess.places:
            guess.places[name] = guess.places.pop(other)
    return guess


def _finish(
    guess: _Guess, rows: Iterator[SheetRow], headings: Headings, sheet: str
) -> tuple[Header, Iterator[SheetRow]]:
    """Take the rows that go on with the header: a second row of headings."""
    ahead = None
    for ahead in rows:
        texts = _texts(ahead)
        if not all(
            headings.key_of(text) or text == guess.cells.get(place) for place, text in texts.items()
        ):
            break
        guess = _guess(guess.row, {**guess.cells, **texts}, headings)
        guess.row = ahead
        ahead = None
    _refuse_twins(guess, headings, sheet)
    taken = set(guess.places.values())
    header = Header(
        guess.row.row_no,
        guess.places,
        {place: " ".join(text.split()) for place, text in guess.cells.items()},
        tuple(" ".join(text.split()) for place, text in guess.cells.items() if place not in taken),
    )
    return header, rows if ahead is None else chain([ahead], rows)


def _refuse_twins(guess: _Guess, headings: Headings, sheet: str) -> None:
    seen: dict[str, int] = {}
    for place, text in guess.cells.items():
        key = headings.key_of(text)
        if key is None:
            continue
        if key in seen and guess.places.get(headings.fields[key]) in (place, seen[key]):
            columns = f"{letters_of_column(seen[key])}, {letters_of_column(place)}"
            raise HeadingTwiceError(
                heading=" ".join(text.split()), columns=columns, row=guess.row.row_no, sheet=sheet
            )
        seen[key] = place


def is_record(row: SheetRow, header: Header, headings: Headings) -> bool:
    """Whether a row below the header is one; else it is a total, an example or a footer."""
    if _repeats(row, header):
        return False
    if not any(is_blank(row.cells.get(header.places[name])) for name in headings.required):
        return True
    own = {place: value for place, value in row.cells.items() if not is_blank(value)}
    words = load_table_words()
    texts = [plain_heading(value) for value in own.values() if isinstance(value, str)]
    if any(text in words["totals"] for text in texts):
        return False
    first = own[min(own)] if own else ""
    return not (isinstance(first, str) and _is_footer(first, headings))


def _repeats(row: SheetRow, header: Header) -> bool:
    """Whether the header stands there again, as on each printed page."""
    count = 0
    for place, value in row.cells.items():
        if is_blank(value):
            continue
        if plain_heading(show_cell(value)) != plain_heading(header.headings.get(place, "")):
            return False
        count += 1
    return count > 1


def _is_footer(text: str, headings: Headings) -> bool:
    words = load_table_words()
    narrow = unicodedata.normalize("NFKC", text).strip()
    start = plain_heading(re.split(r"[:(\d]", narrow, maxsplit=1)[0])
    if not start:
        # A note: "(1) ..." or a bracket around it all.
        start = plain_heading(narrow)
    if start in words["examples"]:
        return True
    said = words["footers"] | headings.footers
    return plain_heading(narrow) in said or (start in said and bool(re.search("[:(]", narrow)))
