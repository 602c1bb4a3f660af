"""A form on paper as the browser prints it: its pages, and how high each text stands on them."""

import io
import unicodedata
from dataclasses import dataclass, field
from typing import Any, Final

from pypdf import PdfReader

# The margin at the bottom, and how much of the page above it is kept for the foot, in points.
MARGIN: Final = 39.7
ROOM: Final = 25.5


@dataclass
class Paper:
    """One printed page. `lines` has the height of each text's baseline above the lower edge."""

    width: float
    height: float
    text: str = ""
    lines: list[tuple[float, str]] = field(default_factory=list)

    @property
    def foot(self) -> str:
        """What stands where the foot is."""
        return squeeze("".join(text for up, text in self.lines if 0 < up - MARGIN < ROOM))

    @property
    def body(self) -> str:
        """What stands above the foot."""
        return squeeze("".join(text for up, text in self.lines if up - MARGIN >= ROOM))


def squeeze(text: str) -> str:
    """Without white space and soft places to break; fonts call some characters their radicals."""
    return "".join(unicodedata.normalize("NFKC", text).replace("\u200b", "").split())


def read_papers(pdf: bytes) -> list[Paper]:
    """The pages of a PDF."""
    papers = []
    for page in PdfReader(io.BytesIO(pdf)).pages:
        paper = Paper(float(page.mediabox.width), float(page.mediabox.height))

        def note(text: str, cm: Any, tm: Any, *_: Any, lines: Any = paper.lines) -> None:
            if text.strip():
                lines.append((tm[4] * cm[1] + tm[5] * cm[3] + cm[5], text))

        paper.text = squeeze(page.extract_text(visitor_text=note))
        papers.append(paper)
    return papers
