"""Markdown as HTML fit for a page of the node's own: no markup of the author's gets through.

HTML in the text stays text, links lead to the web or to mail and nowhere else, pictures are named
and not loaded: on an offline page they would be missing, and from elsewhere nothing is asked.
"""

import re
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from markdown_it import MarkdownIt

_LINKS: Final = frozenset({"http", "https", "mailto"})
_TASK: Final = re.compile(r"<li>(<p>)?\[([ xX])\] ")
_BOXES: Final = {" ": "☐", "x": "☑", "X": "☑"}
_HEADING: Final = re.compile(r"<(/?)h([1-5])>")


def _leads_out(url: str) -> bool:
    try:
        return urlsplit(url).scheme.lower() in _LINKS
    except ValueError:
        return False


@lru_cache(maxsize=1)
def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    reader.validateLink = _leads_out  # type: ignore[method-assign]
    return reader


def render_markdown(text: str) -> str:
    """A whole text, safe to be put into a page; its headings stand below that of the page."""
    html: str = _reader().render(text)
    html = _TASK.sub(lambda found: f"<li>{found[1] or ''}{_BOXES[found[2]]} ", html)
    html = _HEADING.sub(lambda found: f"<{found[1]}h{int(found[2]) + 1}>", html)
    return html


def render_line(text: str) -> str:
    """One line, such as an option, without a paragraph around it."""
    return str(_reader().renderInline(text))
