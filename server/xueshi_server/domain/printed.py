"""What stood on a printed form, line by line, and which lines say something else now.

Pure. A document becomes labelled lines; two of them are compared by section, so that a moved or
added record shows as one line and not as a different page.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import msgspec

from xueshi_server.domain.forms import Document, Section
from xueshi_server.words import word

# Between the cells of a row of a table.
CELLS = " | "


class Line(msgspec.Struct, frozen=True, array_like=True):
    """One line on paper: the section it stands in, its label (may be empty), its text."""

    section: str
    label: str
    text: str


class Paper(msgspec.Struct, frozen=True, array_like=True):
    """What a print said: enough to compare it with the records of a later day."""

    title: str
    version: str
    language: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A line that differs: `old` on paper, `new` in the records; one of them may be missing."""

    section: str
    label: str
    old: str | None
    new: str | None


def paper_of(document: Document, language: str) -> Paper:
    """All lines of a document."""
    lines = tuple(line for each in document.sections for line in _lines_of(each, language))
    return Paper(document.title, document.version, language, lines)


def encode_paper(paper: Paper) -> bytes:
    """A paper as a file keeps it; the same paper gives the same bytes."""
    return msgspec.json.encode(paper)


def decode_paper(data: bytes) -> Paper | None:
    """The reverse; None for what is no paper."""
    try:
        return msgspec.json.decode(data, type=Paper)
    except msgspec.DecodeError:
        return None


def needs_stamp(document: Document) -> bool:
    """Whether a form is signed and stamped: it has a place for it."""
    return any(each.kind in ("signatures", "steps") for each in document.sections)


def compare_papers(old: Paper, new: Paper) -> list[Change]:
    """The lines that differ, in the order of the paper."""
    matcher = SequenceMatcher(a=old.lines, b=new.lines, autojunk=False)
    found: list[Change] = []
    for tag, first, last, start, end in matcher.get_opcodes():
        if tag != "equal":
            found += _pair_up(old.lines[first:last], new.lines[start:end])
    return found


def _pair_up(gone: Sequence[Line], come: Sequence[Line]) -> Iterator[Change]:
    """Lines of one label changed; what is alone went or came."""
    waiting = list(come)
    for line in gone:
        twin = next((each for each in waiting if _place(each) == _place(line)), None)
        if twin is None:
            yield Change(line.section, line.label, line.text, None)
            continue
        # What came before it belongs above it.
        while waiting[0] is not twin:
            new = waiting.pop(0)
            yield Change(new.section, new.label, None, new.text)
        waiting.remove(twin)
        yield Change(line.section, line.label, line.text, twin.text)
    for new in waiting:
        yield Change(new.section, new.label, None, new.text)


def _place(line: Line) -> tuple[str, str]:
    return line.section, line.label


def _lines_of(section: Section, language: str) -> Iterator[Line]:
    title = section.title
    for cell in section.cells:
        yield Line(title, cell.label, cell.text)
    for row in section.rows:
        yield Line(title, "", CELLS.join(cell for cell in row if cell))
    if section.total:
        yield Line(title, *section.total)
    for rule in section.rules:
        parts = (rule.value, rule.need, word(f"result.{rule.status}", language))
        yield Line(title, rule.label, CELLS.join(each for each in parts if each))
    for opinion in section.opinions:
        said = (opinion.role, opinion.text, opinion.on)
        yield Line(title, opinion.label, CELLS.join(each for each in said if each))
    if section.text:
        yield Line(title, "", section.text)
