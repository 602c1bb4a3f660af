"""The head of a Markdown page: `key: value` lines between two lines of `---`, and nothing more.

Pure. What MkDocs reads as YAML is read here as far as people write it: one line a key, quotes and
`[a, b]` lists allowed. A page without a head is all body.
"""

from collections.abc import Mapping
from typing import Final

HEAD_LINES_MOST: Final = 60
_FENCE: Final = "---"


def split_front_matter(text: str) -> tuple[dict[str, str], str]:
    """(what the head says, the body); keys in lower case, values as text."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    if lines[0].strip() != _FENCE:
        return {}, "\n".join(lines)
    ends = [at for at, line in enumerate(lines[1:HEAD_LINES_MOST], 1) if line.strip() == _FENCE]
    if not ends:
        return {}, "\n".join(lines)
    said = {}
    for line in lines[1 : ends[0]]:
        key, colon, value = line.partition(":")
        if colon and key.strip() and not line[0].isspace():
            said[key.strip().lower()] = _plain(value.strip())
    return said, "\n".join(lines[ends[0] + 1 :]).lstrip("\n")


def _plain(value: str) -> str:
    if value[:1] not in ("'", '"'):
        value = value.split(" #", 1)[0].strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    if value.startswith("[") and value.endswith("]"):
        return "、".join(_plain(each.strip()) for each in value[1:-1].split(",") if each.strip())
    return value


def join_front_matter(said: Mapping[str, str], body: str) -> str:
    """The page with its head; a key without a value is left out."""
    lines = [f"{key}: {_quoted(value)}" for key, value in said.items() if value]
    head = [_FENCE, *lines, _FENCE, ""] if lines else []
    return "\n".join([*head, body.strip("\n"), ""])


def _quoted(value: str) -> str:
    one = " ".join(value.split())
    # Signs that YAML reads as its own; JSON's quotes are YAML's too.
    if one[:1] in "[]{}&*#?|-<>=!%@`'\"" or ": " in one or one.endswith(":") or " #" in one:
        return "'" + one.replace("'", "’") + "'"
    return one
