"""Quizzes: read from Markdown, marked by a key that readers never get, bounded by the pack."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.front_matter import join_front_matter, split_front_matter
from xueshi_server.domain.packs.reading import load_pack
from xueshi_server.domain.quizzes import (
    Answers,
    Key,
    decode_key,
    encode_key,
    is_quiz,
    mark,
    parse_quiz,
    read_paper,
    write_paper,
)
from xueshi_server.domain.study import propose, read_allowance
from xueshi_server.pack_files import read_shipped, split_closure

pytestmark = pytest.mark.quick

QUIZ = """---
title: 磨课四步小测
type: quiz
hours: 1
pass: 50%
attempts: 2
---
看完再答。

## 磨课的第一步是什么?

- [ ] 直接上课
- [x] 集体备课

> 先一起备课，再上课。

## 磨课要留下什么（多选）

- [x] 教案
- [X] 反思
- [ ] 考勤
"""


def test_a_quiz_is_read_with_its_key() -> None:
    quiz = parse_quiz(QUIZ)
    assert [each.is_many for each in quiz.questions] == [False, True]
    assert quiz.key == Key((Answers((1,), "先一起备课，再上课。"), Answers((0, 1))), 50, 2, 60)


def test_the_paper_tells_nothing_of_what_is_right() -> None:
    paper = write_paper(parse_quiz(QUIZ))
    assert "[x]" not in paper.lower()
    assert "先一起备课" not in paper
    assert "集体备课" in paper


def test_the_paper_is_the_same_whatever_is_right() -> None:
    other = QUIZ.replace("[x]", "[ ]").replace("- [ ] 直接上课", "- [x] 直接上课")
    assert write_paper(parse_quiz(other)) == write_paper(parse_quiz(QUIZ))


def test_the_questions_of_a_paper_are_those_of_the_quiz() -> None:
    quiz = parse_quiz(QUIZ)
    paper = read_paper(write_paper(quiz), quiz.key)
    assert paper is not None
    assert paper.questions == quiz.questions


def test_a_key_of_another_paper_is_no_key() -> None:
    assert read_paper(write_paper(parse_quiz(QUIZ)), Key((Answers((0,)),))) is None


@pytest.mark.parametrize(
    ("chosen", "right", "passed"),
    [
        pytest.param([[1], [0, 1]], 2, True, id="all"),
        pytest.param([[1], [0]], 1, True, id="a-part-of-several-is-wrong"),
        pytest.param([[0], [0, 1, 2]], 0, False, id="everything-ticked-is-wrong"),
        pytest.param([], 0, False, id="nothing"),
        pytest.param([[1, 1], [1, 0], [0]], 2, True, id="twice-and-beyond"),
    ],
)
def test_a_question_counts_when_exactly_what_is_right_was_chosen(
    chosen: list[list[int]], right: int, passed: bool
) -> None:
    marked = mark(parse_quiz(QUIZ).key, chosen)
    assert (marked.right, marked.passed) == (right, passed)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        pytest.param("## ", "### ", "quiz.no_questions", id="no-questions"),
        pytest.param("[x] 集体", "[ ] 集体", "quiz.no_right", id="nothing-is-right"),
        pytest.param("- [ ] 直接上课\n", "", "quiz.no_options", id="one-option"),
        pytest.param("## 磨课的第一步是什么?", "##", "quiz.no_text", id="no-text"),
        pytest.param("pass: 50%", "pass: 101", "quiz.bad_number", id="more-than-all"),
        pytest.param("attempts: 2", "attempts: 二", "quiz.bad_number", id="no-number"),
        pytest.param("hours: 1", "hours: 1.1", "hours.not_quarter", id="hours"),
        pytest.param("看完", "看" * 30_000, "quiz.too_long", id="a-book"),
        pytest.param("- [ ] 考勤", "- [ ] 考勤\n" * 11, "quiz.too_many_options", id="options"),
        pytest.param("## ", "## a\n- [x] b\n- [ ] c\n" * 51 + "## ", "quiz.too_many", id="many"),
    ],
)
def test_what_is_no_quiz_says_what_is_wrong(old: str, new: str, code: str) -> None:
    with pytest.raises(BadValueError) as caught:
        parse_quiz(QUIZ.replace(old, new))
    assert caught.value.value_code == code


def test_what_stands_in_code_is_no_question() -> None:
    quiz = parse_quiz(QUIZ.replace("看完再答。", "```\n## 不是题\n- [x] 不是选项\n```"))
    assert len(quiz.questions) == 2
    assert "## 不是题" in quiz.intro


@given(st.text("abc-[]xX >#`~\n：选", max_size=60))
@settings(max_examples=60, deadline=None)
def test_no_paper_has_a_mark(body: str) -> None:
    try:
        quiz = parse_quiz(f"## 题\n- [x] 甲\n- [ ] 乙\n{body}")
    except BadValueError:
        return
    marks = [line for line in write_paper(quiz).lower().split("\n") if line.startswith("- [x]")]
    assert marks == []
    assert decode_key(encode_key(quiz.key)) == quiz.key


def test_bytes_that_are_no_key_are_none() -> None:
    assert decode_key(b"\xc1") is None


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.quiz.md", "", True), ("A.QUIZ.MD", "", True), ("a.md", QUIZ, True),
        ("a.md", "# 文章", False), ("a.txt", QUIZ, False),
    ],
)  # fmt: skip
def test_a_quiz_is_known_by_its_name_or_its_head(name: str, text: str, found: bool) -> None:
    assert is_quiz(name, text) is found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("---\na: 1\n---\nb", ({"a": "1"}, "b")),
        ("---\r\nA: 'x: y'  \r\n---\r\nb", ({"a": "x: y"}, "b")),
        ("---\nauthors: [甲, '乙']\n---\n", ({"authors": "甲、乙"}, "")),
        ("---\nhours: 1 # one\n---\nb", ({"hours": "1"}, "b")),
        ("---\na: 1\nb", ({}, "---\na: 1\nb")),
        ("no head", ({}, "no head")),
    ],
)
def test_the_head_of_a_page_is_read(text: str, said: tuple[dict[str, str], str]) -> None:
    assert split_front_matter(text) == said


def test_a_head_that_is_written_is_read_again() -> None:
    said = {"title": "怎么办: 一生一案", "subject": "[语文]", "level": ""}
    head, body = split_front_matter(join_front_matter(said, "正文"))
    assert (head["title"], body) == ("怎么办: 一生一案", "正文\n")
    assert "level" not in head


@pytest.mark.parametrize(
    ("minutes", "limit", "used", "found"),
    [(60, 120, 0, 60), (60, 120, 90, 30), (50, 60, 0, 45), (60, 60, 60, 0), (60, 0, 0, 0)],
)
def test_proposals_are_whole_quarters_within_the_day(
    minutes: int, limit: int, used: int, found: int
) -> None:
    assert propose(minutes, limit_minutes=limit, used_minutes=used) == found


@pytest.mark.parametrize(
    ("name", "quiz", "marks"),
    [
        ("base", 0, ()),
        ("jiyuan", 0, ()),
        ("mianzhu", 120, (("school_form", "self_study"),)),
        ("township-primary", 60, (("method", "self_study"),)),
    ],
)
def test_packs_say_what_studying_may_propose(
    name: str, quiz: int, marks: tuple[tuple[str, str], ...]
) -> None:
    allowance = read_allowance(load_pack(split_closure(read_shipped(name)), name))
    assert (allowance.quiz_minutes, allowance.marks) == (quiz, marks)
