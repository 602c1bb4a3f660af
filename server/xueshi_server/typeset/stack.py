"""Many sheets in one PDF: set some at a time, put together at the end.

All at once 200 sheets take near a gigabyte; twenty at a time 150 MB, no longer, and there is
something to tell between.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from pypdf import PdfWriter

from xueshi_server.typeset.arrange import Sheet
from xueshi_server.typeset.setting import forget_layouts, set_pdf

# Sheets that are set together.
TOGETHER: Final = 20
Progress = Callable[[int, int], object]


def set_stack(
    fill: Callable[[str], Sheet],
    names: Sequence[str],
    language: str,
    progress: Progress | None = None,
) -> bytes:
    """The sheets that `fill` makes of `names`, in order, as one PDF.

    `progress` hears how much is done of how much: filling and setting a sheet count alike.
    """
    tell = _Teller(2 * len(names), progress)
    parts: list[bytes] = []
    for some in _chunks(names):
        sheets = []
        for name in some:
            sheets.append(fill(name))
            tell(1)
        if sheets[0].layout == "labels" and len(names) > len(some):
            # Labels share pages, so they are counted over all of them.
            return _set_labels(sheets, fill, names, language, tell)
        parts.append(set_pdf(sheets, language, tagged=len(names) <= TOGETHER))
        tell(len(sheets))
        if len(names) > len(some):
            forget_layouts()
    return parts[0] if len(parts) == 1 else merge(parts)


def _set_labels(
    sheets: list[Sheet],
    fill: Callable[[str], Sheet],
    names: Sequence[str],
    language: str,
    tell: "_Teller",
) -> bytes:
    for name in names[len(sheets) :]:
        sheets.append(fill(name))
        tell(1)
    found = set_pdf(sheets, language, tagged=False)
    tell(len(sheets))
    return found


def merge(parts: Sequence[bytes]) -> bytes:
    """PDFs one behind the other, with their bookmarks; the same parts give the same bytes."""
    writer = PdfWriter()
    for part in parts:
        writer.append(io.BytesIO(part))
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()


def _chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), TOGETHER):
        yield names[start : start + TOGETHER]


class _Teller:
    """Adds up what was done."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total = total
        self._done = 0
        self._progress = progress

    def __call__(self, count: int) -> None:
        self._done += count
        if self._progress is not None:
            self._progress(self._done, self._total)
