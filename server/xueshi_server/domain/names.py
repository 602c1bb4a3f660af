"""Names of people: how they are written, sorted, found by letters, and told apart.

Pure: what a character sounds like and how many strokes it has is passed in. Names are sorted by
strokes as rosters are (first by the surname: number of strokes, then the kind of the first ones)
or by pinyin; they are found by initials, by letters of the whole sound, or by a mixture of both.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

MIDDLE_DOT: Final = "\u00b7"
# What keyboards and other programs write for it; a full stop only between two characters.
_DOTS: Final = re.compile("\\s*[\u00b7\u2022\u2027\u2219\u22c5\u30fb\uff0e\uff65\u16eb\u0387]\\s*")
_CJK: Final = r"\u2e80-\u2fdf\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_STOP_IN_NAME: Final = re.compile(rf"(?<=[{_CJK}])\s*[.\u3002]\s*(?=[{_CJK}])")
_GAP_IN_NAME: Final = re.compile(rf"(?<=[{_CJK}])\s+(?=[{_CJK}])")
_HAN: Final = re.compile(f"[{_CJK}]")
_WORDS: Final = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+")
# An input method parts the letters that it still composes by apostrophes.
_UNSAID: Final = re.compile(rf"['\u2018\u2019\u02bc\s.{MIDDLE_DOT}-]+")
_LETTERS: Final = re.compile(r"[a-z]+")
# Every reading of a name is tried; a name where each character has many is no name.
_READINGS_MAX: Final = 6

_NO_RANK: Final = 999

# Readings of a character with a digit for the tone, the usual one first; and its strokes.
Readings = Callable[[str], Sequence[str]]
Strokes = Callable[[str], int]


class Surnames(NamedTuple):
    """How surnames are read where the character is mostly read otherwise, those of two characters,
    and each one's place among all of them by strokes."""

    readings: Mapping[str, str]
    double: Mapping[str, Sequence[str]]
    places: Mapping[str, int]


class Signs(NamedTuple):
    """What is known of characters and of surnames."""

    readings: Readings
    strokes: Strokes
    surnames: Surnames


class NameKeys(NamedTuple):
    """What a name is found and sorted by; `reading` has `/` between readings of a character."""

    plain: str
    reading: str
    pinyin: str
    strokes: str


def tidy_name(name: str) -> str:
    """A name as it is kept: one kind of middle dot, no gaps between Chinese characters."""
    text = _STOP_IN_NAME.sub(MIDDLE_DOT, _DOTS.sub(MIDDLE_DOT, name.strip()))
    return _GAP_IN_NAME.sub("", text).strip(MIDDLE_DOT)


def plain_name(text: str) -> str:
    """A name, or what is searched for, without all that people leave out."""
    return _UNSAID.sub("", tidy_name(text)).lower()


def key_name(name: str, signs: Signs) -> NameKeys:
    """Work out what a name is found and sorted by."""
    words = _WORDS.findall(name.lower())
    sounds = list(_sounds(words, signs))
    spoken = [[_bare(each) for each in some] for some in sounds]
    pairs = list(zip(sounds, words, strict=True))
    return NameKeys(
        plain_name(name),
        " ".join("/".join(dict.fromkeys(_with_u(some))) for some in spoken),
        " ".join(f"{some[0]}{signs.strokes(word):02d}{word}" for some, word in pairs),
        " ".join(_stroke_part(word, signs) for word in words),
    )


def _stroke_part(word: str, signs: Signs) -> str:
    count = signs.strokes(word) if _HAN.fullmatch(word) else 0
    return f"{count:02d}{signs.surnames.places.get(word, _NO_RANK):03d}"


def _sounds(words: Sequence[str], signs: Signs) -> Iterator[list[str]]:
    double = signs.surnames.double.get("".join(words[:2]), ()) if len(words) > 2 else ()
    for place, word in enumerate(words):
        usual = list(signs.readings(word)) if _HAN.fullmatch(word) else []
        first = double[place] if place < len(double) else ""
        if not first and place == 0:
            first = signs.surnames.readings.get(word, "")
        found = dict.fromkeys([first, *usual] if first else usual)
        yield list(found)[:_READINGS_MAX] or [word]


def _bare(sound: str) -> str:
    return sound[:-1] if sound[-1:].isdigit() and sound[:-1].isalpha() else sound


def _with_u(spoken: Sequence[str]) -> Iterator[str]:
    """Readings, and those with the letter that many people type for ü."""
    for each in spoken:
        yield each
        if "v" in each and each.isascii():
            yield each.replace("v", "u")


def letters_of(text: str) -> str:
    """The letters by which somebody may be searched for; empty when there are other signs."""
    bare = plain_name(text)
    return bare if _LETTERS.fullmatch(bare) else ""


def sounds_like(reading: str, letters: str) -> bool:
    """Whether letters are initials or whole sounds of characters that stand together: `zsf`,
    `zhangsanf`, `sanfeng` of 张三丰."""
    parts = [each.split("/") for each in reading.split(" ")] if reading else []
    return bool(letters) and any(_fits(parts, at, letters) for at in range(len(parts)))


def _fits(parts: Sequence[Sequence[str]], at: int, letters: str) -> bool:
    if not letters:
        return True
    if at == len(parts):
        return False
    for each in parts[at]:
        if each.startswith(letters):
            return True
        lengths = {1, len(each), 2} if each[1:2] == "h" else {1, len(each)}
        for length in lengths:
            if letters.startswith(each[:length]) and _fits(parts, at + 1, letters[length:]):
                return True
    return False


# ---- people of one name


class Likeness(NamedTuple):
    """What tells people of one name apart: the word for the sex, the date of birth, the number."""

    sex: str
    born_on: str
    staff_no: str


def tell_apart(people: Sequence[Likeness]) -> list[str]:
    """What stands behind the name of each of them: sex and month of birth; where these are not
    known, or are the same, the last digits of the number."""
    marks = [" ".join(filter(None, (each.sex, each.born_on[:7]))) for each in people]
    counts = Counter(marks)
    tails = _tails([each.staff_no for each in people])
    return [
        mark if mark and each.born_on and counts[mark] == 1 else f"{mark} …{tail}".strip()
        for each, mark, tail in zip(people, marks, tails, strict=True)
    ]


def _tails(numbers: Iterable[str]) -> list[str]:
    """The ends of numbers, as long as they have to be to differ: at least four signs."""
    wanted = list(numbers)
    longest = max((len(each) for each in wanted), default=0)
    for length in range(4, longest + 1):
        tails = [each[-length:] for each in wanted]
        if len(set(tails)) == len(set(wanted)):
            return tails
    return wanted
