"""Hooks of the site build: folders in the menu, one language at a time, files from outside.

Nothing here is needed to read the pages: without it (Zensical) both languages share one menu and
the protocol page says where the specification lies.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import Files
from mkdocs.structure.nav import Navigation, Section
from mkdocs.structure.pages import Page

LANGUAGES: Final = ("zh", "en")
# A page says `<!-- include PATH -->fallback<!-- /include -->`; PATH starts at mkdocs.yml.
_INCLUDE: Final = re.compile(r"<!-- include (\S+) -->.*?<!-- /include -->", re.DOTALL)
# A relative link of an included file points into the repository, not into the site.
_REPOSITORY_LINK: Final = re.compile(r"(?<!!)\[([^\]]+)\]\((?!#|[a-z]+:)[^)]*\)")

_ALTERNATE_LINK: Final = re.compile(r'\s*<link rel="alternate"[^>]*hreflang[^>]*>')


@event_priority(100)
def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Expand folders in the menu and find the word list wherever the build is started from."""
    root = Path(config.config_file_path).parent
    search: Any = config.plugins["material/search"].config
    search.jieba_dict_user = str(root / search.jieba_dict_user)
    config.nav = _expand(config.nav, Path(config.docs_dir))
    return config


def _expand(nav: Any, docs: Path) -> Any:
    """Replace every `name/` by the pages of that folder; drop it when there are none."""
    if isinstance(nav, str):
        return _pages_of(docs, nav) if nav.endswith("/") else nav
    if isinstance(nav, dict):
        expanded = {title: _expand(value, docs) for title, value in nav.items()}
        return {title: value for title, value in expanded.items() if value}
    return [item for item in (_expand(entry, docs) for entry in nav) if item]


def _pages_of(docs: Path, folder: str) -> list[str]:
    pages = sorted(docs.glob(f"{folder}*.md"), key=lambda page: (page.stem != "index", page.name))
    return [page.relative_to(docs).as_posix() for page in pages]


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put an included file in place of its marker, or leave the fallback between the markers."""
    root = Path(config.config_file_path).parent

    def read(found: re.Match[str]) -> str:
        source = root / found[1]
        if not source.is_file():
            return found[0]
        text = re.sub(r"\A# .*\n", "", source.read_text("utf-8"))
        return _REPOSITORY_LINK.sub(r"\1", text)

    return _INCLUDE.sub(read, markdown)


def on_nav(nav: Navigation, config: MkDocsConfig, files: Files) -> Navigation:
    """Let "next page" end where the language ends."""
    for page in nav.pages:
        for name in ("previous_page", "next_page"):
            neighbour = getattr(page, name)
            if neighbour is not None and _language(neighbour) != _language(page):
                setattr(page, name, None)
    return nav


def on_page_context(
    context: dict[str, Any], page: Page, config: MkDocsConfig, nav: Navigation
) -> dict[str, Any]:
    """Show the menu, the labels and the home link of the page's language; switch in place."""
    language = _language(page)
    config.theme["language"] = language
    config.extra["homepage"] = f"{language}/index.html"
    for entry in config.extra["alternate"]:
        entry["link"] = _counterpart(page, entry["lang"], nav)
    context["nav"] = _menu_of(nav, language)
    return context


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Drop the head's links to the other language: the theme looks for a site map at each."""
    return _ALTERNATE_LINK.sub("", output)


def _language(page: Page) -> str:
    first = page.file.src_uri.split("/", 1)[0]
    return first if first in LANGUAGES else LANGUAGES[0]


def _counterpart(page: Page, language: str, nav: Navigation) -> str:
    """The same page in the other language, else the first page of that language."""
    wanted = re.sub(r"^[a-z]+/", f"{language}/", page.file.src_uri)
    urls = {other.file.src_uri: other.url for other in nav.pages}
    return urls.get(wanted, f"{language}/index.html")


def _menu_of(nav: Navigation, language: str) -> Navigation:
    """The part of the menu whose pages are of `language`."""
    for item in nav.items:
        pages = list(_walk(item))
        if pages and _language(pages[0]) == language:
            return Navigation(item.children, pages)
    return nav


def _walk(item: Any) -> Iterator[Page]:
    if isinstance(item, Page):
        yield item
    elif isinstance(item, Section):
        for child in item.children:
            yield from _walk(child)
