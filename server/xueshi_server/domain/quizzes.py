"""Short quizzes in Markdown: what is asked, which answers are right, and how answers are marked.

Pure. A quiz is a page that every Markdown renderer shows sensibly:

    ---
    title: 磨课四步小测
    type: quiz
    hours: 1          # proposed when it is passed
    pass: 80          # per cent of the questions; 80 where nothing is said
    attempts: 3       # 3 where nothing is said
    ---
    What is said before the questions.

    ## 磨课的第一步是什么?

    - [ ] 直接上课
    - [x] 集体备课

    > Why, shown when the quiz is over for whoever took it.

A question is a second-level heading with a task list; `[x]` marks what is right, several marks mean
that all of them have to be chosen. Nothing inside a code fence is read. What readers get is the
paper: the same page without marks and reasons. The key stays apart from it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
from msgspec import Struct

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.front_matter import join_front_matter, split_front_matter
from xueshi_server.domain.hours import parse_hours

# What a file of a quiz is called, and what its head says.
SUFFIX: Final = ".quiz.md"
TYPE: Final = "quiz"
TEXT_MOST: Final = 64 * 1024
QUESTIONS_MOST: Final = 50
OPTIONS_MOST: Final = 10
ATTEMPTS_MOST: Final = 10
PASS_PERCENT: Final = 80
ATTEMPTS: Final = 3
_QUESTION: Final = re.compile(r"##(?!#)\s*(.*?)\s*#*\s*$")
_OPTION: Final = re.compile(r" {0,3}[-*+] +\[([ xX])\] +(\S.*?)\s*$")
_FENCE: Final = re.compile(r" {0,3}(```|~~~)")


class Answers(Struct, frozen=True):
    """What is right in one question, by place, and why."""

    right: tuple[int, ...]
    why: str = ""


class Key(Struct, frozen=True):
    """What a node marks by: never shown, never in a file that readers get."""

    answers: tuple[Answers, ...]
    pass_percent: int = PASS_PERCENT
    attempts: int = ATTEMPTS
    minutes: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """One question as it is shown: Markdown, and the options in their order."""

    text: str
    options: tuple[str, ...]
    # Several options have to be chosen.
    is_many: bool = False


@dataclass(frozen=True, slots=True)
class Quiz:
    """A quiz as its author wrote it."""

    head: Mapping[str, str]
    intro: str
    questions: tuple[Question, ...]
    key: Key

    @property
    def title(self) -> str:
        """What the head calls it."""
        return self.head.get("title", "")


@dataclass(frozen=True, slots=True)
class Marked:
    """What an attempt came to; `wrong` are the places of questions not answered rightly."""

    right: int
    total: int
    passed: bool
    wrong: tuple[int, ...]


@dataclass
class _Part:
    """A question while its lines are read."""

    line_no: int
    text: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    why: list[str] = field(default_factory=list)


def is_quiz(name: str, text: str = "") -> bool:
    """Whether a file is a quiz: by its name, or by what its head says."""
    if name.lower().endswith(SUFFIX):
        return True
    is_page = name.lower().endswith(".md")
    return is_page and split_front_matter(text)[0].get("type", "").lower() == TYPE


def parse_quiz(text: str) -> Quiz:
    """Read a quiz; raises BadValueError with the line or the number of the question."""
    if len(text.encode("utf-8", "replace")) > TEXT_MOST:
        raise BadValueError("quiz.too_long", most=str(TEXT_MOST // 1024))
    head, body = split_front_matter(text)
    intro, parts = _split(body)
    if not parts:
        raise BadValueError("quiz.no_questions")
    if len(parts) > QUESTIONS_MOST:
        raise BadValueError("quiz.too_many", most=str(QUESTIONS_MOST))
    for number, part in enumerate(parts, 1):
        _check(number, part)
    questions = tuple(
        Question(_joined(part.text), tuple(part.options), len(part.right) > 1) for part in parts
    )
    answers = tuple(Answers(tuple(part.right), _joined(part.why)) for part in parts)
    hours = head.get("hours", "")
    key = Key(
        answers,
        _number(head, "pass", PASS_PERCENT, most=100),
        _number(head, "attempts", ATTEMPTS, most=ATTEMPTS_MOST),
        parse_hours(hours) if hours not in ("", "0") else 0,
    )
    return Quiz(head, intro, questions, key)


def _number(head: Mapping[str, str], name: str, default: int, *, most: int) -> int:
    said = head.get(name, "").removesuffix("%").strip()
    if not said:
        return default
    if not (said.isascii() and said.isdigit() and len(said) < 5 and 1 <= int(said) <= most):
        raise BadValueError("quiz.bad_number", name=name, most=str(most))
    return int(said)


def _check(number: int, part: _Part) -> None:
    if not _joined(part.text):
        raise BadValueError("quiz.no_text", n=str(number))
    if len(part.options) < 2:
        raise BadValueError("quiz.no_options", n=str(number))
    if len(part.options) > OPTIONS_MOST:
        raise BadValueError("quiz.too_many_options", n=str(number), most=str(OPTIONS_MOST))
    if not part.right:
        raise BadValueError("quiz.no_right", n=str(number))


def _split(body: str) -> tuple[str, list[_Part]]:
    intro: list[str] = []
    parts: list[_Part] = []
    for line_no, line, is_code in _lines(body):
        question = None if is_code else _QUESTION.match(line)
        if question:
            parts.append(_Part(line_no, [question[1]]))
        elif parts:
            _take(parts[-1], line, is_code=is_code)
        else:
            intro.append(line)
    return _joined(intro), parts


def _lines(body: str) -> Iterable[tuple[int, str, bool]]:
    """Each line with its number, and whether it is code."""
    fence = ""
    for line_no, line in enumerate(body.split("\n"), 1):
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
            yield line_no, line, True
        elif mark and mark[1] == fence:
            fence = ""
            yield line_no, line, True
        else:
            yield line_no, line, bool(fence)


def _take(part: _Part, line: str, *, is_code: bool) -> None:
    option = None if is_code else _OPTION.match(line)
    if option:
        if option[1] in "xX":
            part.right.append(len(part.options))
        part.options.append(option[2])
    elif not part.options:
        part.text.append(line)
    elif not is_code and line.lstrip().startswith(">"):
        part.why.append(line.lstrip().removeprefix(">").removeprefix(" "))
    elif not is_code and line.strip() and not part.why and line[0] == " ":
        part.options[-1] += f" {line.strip()}"
    elif line.strip():
        # Whatever else stands behind the options tells of the answer as well as not.
        part.why.append(line)


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(lines).strip()


def write_paper(quiz: Quiz) -> str:
    """The page that readers get: nothing in it tells what is right."""
    head = {name: value for name, value in quiz.head.items() if name not in ("pass", "attempts")}
    body = [quiz.intro] if quiz.intro else []
    for question in quiz.questions:
        options = "\n".join(f"- [ ] {option}" for option in question.options)
        first, _, rest = question.text.partition("\n")
        body.append(f"## {first}")
        body += [rest.strip()] if rest.strip() else []
        body.append(options)
    return join_front_matter(head, "\n\n".join(body))


def write_source(quiz: Quiz) -> str:
    """The page as its author writes it, with marks and reasons, to be written on."""
    body = [quiz.intro] if quiz.intro else []
    for question, answers in zip(quiz.questions, quiz.key.answers, strict=True):
        body.append(f"## {question.text}")
        body.append(
            "\n".join(
                f"- [{'x' if place in answers.right else ' '}] {option}"
                for place, option in enumerate(question.options)
            )
        )
        if answers.why:
            body.append("\n".join(f"> {line}".rstrip() for line in answers.why.split("\n")))
    said = {"pass": str(quiz.key.pass_percent), "attempts": str(quiz.key.attempts)}
    return join_front_matter({**quiz.head, **said}, "\n\n".join(body))


def read_paper(text: str, key: Key) -> Quiz | None:
    """The questions of a paper, to be answered; None where the key is that of another."""
    head, body = split_front_matter(text)
    intro, parts = _split(body)
    if len(parts) != len(key.answers):
        return None
    questions = tuple(
        Question(_joined(part.text), tuple(part.options), len(answers.right) > 1)
        for part, answers in zip(parts, key.answers, strict=True)
    )
    return Quiz(head, intro, questions, key)


def encode_key(key: Key) -> bytes:
    """The key as it is kept."""
    return msgspec.msgpack.encode(key)


def decode_key(data: bytes) -> Key | None:
    """A key that was kept; None for bytes that are none."""
    try:
        return msgspec.msgpack.decode(data, type=Key)
    except msgspec.DecodeError:
        return None


def mark(key: Key, chosen: Sequence[Iterable[int]]) -> Marked:
    """Mark an attempt: a question counts when exactly what is right was chosen."""
    given = [frozenset(each) for each in chosen]
    wrong = tuple(
        place
        for place, answers in enumerate(key.answers)
        if place >= len(given) or given[place] != frozenset(answers.right)
    )
    total = len(key.answers)
    right = total - len(wrong)
    return Marked(right, total, right * 100 >= key.pass_percent * total, wrong)
