"""What people type that no field can take, made from the declarations; and a form read back."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlencode

from xueshi_server.domain.fields import LONG_MOST, TEXT_MOST
from xueshi_server.domain.packs.model import FieldDeclaration

Pairs = Iterable[tuple[str, str]]

# Nothing that can be read stays of them: NUL, an escape, a new line of old, a mark that turns the
# direction, no character, signs of a broken file.
UNWRITABLE: Final = (
    "\x00",
    "校\x1b[31m本",
    "甲\x85乙",
    "甲\u202e乙",
    "\uffff",
    "\ufffd\ufffd课",
)
# Nothing typed, and spaces of two widths.
EMPTY: Final = ("", "  ", "\u3000")
FOREIGN: Final = ("no-such-thing", "🙂", "甲\u202e乙", "\x00", "９９９９９", "x" * 5000)
WRONG: Final[Mapping[str, tuple[str, ...]]] = {
    "bool": ("perhaps", "2", "🙂", "\x00"),
    "code": FOREIGN,
    "int": (
        "12abc", "-1", "1.5", "1e999", "NaN", "一百", "🙂", "1_000", "1,5", "\x00", "９" * 30,
        "9" * 400,
    ),
    "hours": (
        "25h", "-1", "0", "0.1", "241", "Infinity", "两", "1_5", "1:30", "🙂", "\x00", "１．３",
        "9" * 400,
    ),
    "money": ("12.345", "-1", "NaN", "十元", "1,5", "1e99", "🙂", "\x00", "9" * 400),
    "date": (
        "2025-02-30", "0000-00-00", "20225-01-01", "2025-13-01", "1.9.2024", "昨天", "99999",
        "２０２５－０２－３０", "🙂", "2025a01b01", "2025\x0001\x0001", "2" * 400,
    ),
    "ref": ("没有这个人", "S2-0001", "🙂", "\x00", "甲\u202e乙", "x" * 201),
    "key": ("\x00", "甲\u202e乙", "x" * 201),
    "sealed": ("12abc", "🙂", "\x00", "2025-02-30", "1" * 400, "11010119900230123X"),
    # Times of day, which are kept as text.
    "time": ("25:00", "9:99", "noon", "🙂", "\x00", "1" * 400),
}  # fmt: skip
_FREE: Final = ("text", "long")


def wrong_values(declared: FieldDeclaration, kind: str = "") -> list[str]:
    """What a field refuses; `kind` where a page reads it as something else than it is kept as."""
    kind = kind or declared.type
    if kind in _FREE:
        most = declared.max or (LONG_MOST if declared.type == "long" else TEXT_MOST)
        found = ["长" * (most + 1), *UNWRITABLE, "x" * (most + 9)]
    else:
        found = list(WRONG[kind])
    if declared.type == "int" and declared.max is not None:
        found.append(str(declared.max + 1))
    return [*EMPTY[: 3 if declared.required else 0], *found]


def body_of(pairs: Pairs) -> bytes:
    """A form as a browser sends it; halves of characters too, which no browser would."""
    return urlencode(
        [(name.encode(), value.encode("utf-8", "surrogatepass")) for name, value in pairs]
    ).encode()


@dataclass
class Control:
    """An input of a page: what it holds, and the notes that belong to it."""

    tag: str
    kind: str = ""
    values: list[str] = field(default_factory=list)
    notes: set[str] = field(default_factory=set)
    invalid: bool = False


class FormPage(HTMLParser):
    """The inputs of a page, or of its form from `only` on, by name; and its notes by id."""

    def __init__(self, html: str, only: str = "") -> None:
        super().__init__()
        self.controls: dict[str, Control] = {}
        self.texts: dict[str, str] = {}
        self._open: list[tuple[str, str]] = []
        self._groups: list[set[str]] = []
        self._select: Control | None = None
        self._area: Control | None = None
        start = html.index(only or '<main id="main"')
        end = html.index("</form>", start) if only else len(html)
        self.feed(html[start:end])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element, or take an input in."""
        known = {name: value or "" for name, value in attrs}
        notes = set(known.get("aria-describedby", "").split())
        if tag in ("fieldset", "section"):
            self._groups.append(notes)
        if tag == "p" and "id" in known:
            self._open.append((tag, known["id"]))
            self.texts.setdefault(known["id"], "")
        if tag in ("input", "select", "textarea") and "name" in known:
            self._take(tag, known, notes)
        if tag == "option" and self._select is not None and "selected" in known:
            self._select.values.append(known.get("value", ""))

    def _take(self, tag: str, known: Mapping[str, str], notes: set[str]) -> None:
        control = self.controls.setdefault(known["name"], Control(tag, known.get("type", "")))
        control.notes |= notes.union(*self._groups)
        control.invalid = control.invalid or known.get("aria-invalid") == "true"
        if tag == "select":
            self._select = control
        elif tag == "textarea":
            self._area = control
            control.values.append("")
        elif known.get("type") not in ("checkbox", "radio") or "checked" in known:
            control.values.append(known.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        """Close an element."""
        if tag in ("fieldset", "section") and self._groups:
            self._groups.pop()
        if self._open and self._open[-1][0] == tag:
            self._open.pop()
        if tag == "select":
            self._select = None
        if tag == "textarea":
            self._area = None

    def handle_data(self, data: str) -> None:
        """Text of a note or of a text box."""
        if self._open:
            self.texts[self._open[-1][1]] += data
        if self._area is not None:
            self._area.values[-1] += data

    def holds(self, name: str) -> list[str]:
        """What stands in an input, without empty ones."""
        return [each for each in self.controls[name].values if each]

    def loses(self, name: str) -> bool:
        """Whether a browser would not show what stands in an input: no date, no number."""
        kind, text = self.controls[name].kind, "".join(self.controls[name].values)
        patterns = {"date": r"(\d{4}-\d\d-\d\d)?", "number": r"(\d+(\.\d+)?)?"}
        return kind in patterns and re.fullmatch(patterns[kind], text) is None

    def fault(self, name: str) -> str:
        """The message beside an input that is bound to it; empty where there is none."""
        control = self.controls[name]
        bound = [each for each in control.notes if each.startswith("e-")]
        told = " ".join(self.texts.get(each, "").strip() for each in bound)
        grouped = control.kind == "checkbox"
        return told if grouped or control.invalid else ""
