"""Reading matter for a site of any size: articles, and the clauses that the shipped packs quote."""

import random
from collections.abc import Iterator
from typing import Final

from xueshi_server.domain.packs.reading import load_pack
from xueshi_server.pack_files import list_shipped, read_shipped, split_closure
from xueshi_server.site_build import escape_markdown

# What people look for, and the page that is about it.
ARTICLES: Final = {
    "moke": ("磨课四步", "一节课反复打磨：备课、上课、议课、再上。磨课记录当天写完。"),
    "left-behind": (
        "留守儿童家访记录怎么写",
        "家访以后写三件事：孩子和谁生活，最近有什么变化，下一步做什么。留守儿童一生一案。",
    ),
}
# The word that is typed, and the title that must stand among what is found.
SEARCHES: Final = (
    ("磨课", "磨课四步"),
    ("留守儿童", "留守儿童家访记录怎么写"),
    ("sync", "How synchronising works"),
)


def make_material(count: int) -> dict[str, str]:
    """`count` pages or a few more, Markdown by path below `docs`."""
    pages = {
        f"zh/training/{name}.md": f"# {title}\n\n{text}\n"
        for name, (title, text) in ARTICLES.items()
    }
    quotes = list(_quotes())
    rng = random.Random(7)
    for number in range(count - len(pages)):
        parts = [f"# 第 {number + 1} 讲：{rng.choice(quotes)[:16]}"]
        for section in ("要求", "做法", "留下什么"):
            parts += [f"## {section}", *rng.sample(quotes, 3)]
        pages[f"zh/training/lesson-{number + 1:03d}.md"] = "\n\n".join(parts) + "\n"
    return pages


def _quotes() -> Iterator[str]:
    """Sentences of the documents that the packs follow; those about polished lessons left out."""
    for name in list_shipped():
        pack = load_pack(split_closure(read_shipped(name)), name)
        for each in pack.statements.values():
            if "磨课" not in each.quote:
                yield escape_markdown(each.quote)
