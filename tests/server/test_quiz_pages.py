"""Quizzes at a school: answered on the page, marked on the node, hours proposed and bounded."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from tests.server.conftest import County
from tests.server.pages import Visitor, make_visitor
from tests.server.studying import Study, Teacher, make_study
from tests.server.test_quizzes import QUIZ
from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.study import Allowance
from xueshi_server.library import add_file, add_folder
from xueshi_server.store.library import About, Resource, list_resources
from xueshi_server.web import create_app
from xueshi_server.web.views import quizzes
from xueshi_sync.writer import RecordKey

RIGHT: dict[str, str | Sequence[str]] = {"q0": "1", "q1": ["0", "1"]}
WRONG: dict[str, str | Sequence[str]] = {"q0": "0", "q1": ["2"]}
ALLOWED = Allowance(60, 60, ())


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    with make_study(tmp_path_factory.mktemp("quizzes")) as made:
        yield made


@pytest.fixture(scope="module")
def quiz(study: Study) -> Resource:
    return study.publish("四步.quiz.md", QUIZ.encode())


@pytest.fixture
def allowance(monkeypatch: pytest.MonkeyPatch) -> list[Allowance]:
    said = [ALLOWED]
    monkeypatch.setattr(quizzes, "read_allowance", lambda _pack: said[0])
    return said


@pytest.fixture
def teacher(study: Study, allowance: list[Allowance]) -> Teacher:
    return study.make_teacher()


def _send(teacher: Visitor, quiz: Resource, number: object = 1, **sent: object) -> int:
    answer = teacher.post(f"/quizzes/{quiz.public_id}", number=str(number), **sent)
    return answer.status_code


def _results(study: Study, teacher: Teacher) -> list[tuple[int, int, int]]:
    rows = study.school.query(
        "SELECT attempt, correct, passed FROM quiz_result WHERE person = ? ORDER BY attempt, rec",
        [teacher.person.rec],
    )
    return [tuple(row) for row in rows]


def _text(teacher: Visitor, quiz: Resource) -> str:
    return teacher.text(f"/quizzes/{quiz.public_id}")


def test_a_quiz_takes_title_and_hours_from_its_head(quiz: Resource) -> None:
    assert (quiz.about.title, quiz.about.minutes) == ("磨课四步小测", 60)


def test_the_centre_keeps_no_file_with_answers(study: Study, quiz: Resource) -> None:
    raw = hashlib.sha256(QUIZ.encode()).digest()
    assert study.county.centre.files.state(raw) is None
    assert study.school.files.state(raw) is None


def test_nothing_that_a_reader_can_open_tells_what_is_right(
    study: Study, quiz: Resource, teacher: Teacher
) -> None:
    one = quiz.public_id
    seen = [
        visitor.get(path, **query).get_data(as_text=True)
        for visitor in (teacher, make_visitor(study.app, None), make_visitor(study.app, "viewer"))
        for path in (f"/library/{one}", f"/library/{one}/file", f"/quizzes/{one}")
        for query in ({}, {"download": "1"})
    ]
    assert all("先一起备课" not in text and "[x]" not in text.lower() for text in seen)
    assert any("集体备课" in text for text in seen)


def test_a_pass_proposes_hours_that_wait_for_review(
    study: Study, quiz: Resource, teacher: Teacher
) -> None:
    _send(teacher, quiz, **RIGHT)
    (hour,) = study.hours_of(teacher.person)
    assert (hour["minutes"], hour["state"], hour["credited"]) == (60, "pending", 0)
    assert (hour["title"], hour["form"]) == ("磨课四步小测", "资料小测")
    assert hour["note"] == "小测成绩 2/2，第 1 次通过（答对 50% 为通过）"


def test_the_county_sees_what_the_hours_rest_on(
    study: Study, quiz: Resource, teacher: Teacher
) -> None:
    _send(teacher, quiz, **RIGHT)
    (hour,) = study.hours_of(teacher.person)
    study.school.replica.seal()
    name = study.school.public_id(RecordKey(study.school.home_scope_no, int(str(hour["rec"]))))
    study.county.carry_both_ways()
    officer = make_visitor(create_app(study.county.centre, testing=True), "admin")
    assert "磨课四步小测" in officer.text(f"/hours/{name}")
    assert "Rests on: quiz" in officer.text(f"/hours/{name}")


def test_a_failed_try_proposes_nothing_and_says_how_many_are_left(
    study: Study, quiz: Resource, teacher: Teacher
) -> None:
    _send(teacher, quiz, **WRONG)
    assert study.hours_of(teacher.person) == []
    assert "Tries left: 1" in _text(teacher, quiz)
    assert "先一起备课" not in _text(teacher, quiz)


def test_reasons_are_told_when_no_try_is_left_and_no_further_one_is_taken(
    study: Study, quiz: Resource, teacher: Teacher
) -> None:
    for number, sent in ((1, WRONG), (2, WRONG), (3, RIGHT)):
        _send(teacher, quiz, number, **sent)
    assert _results(study, teacher) == [(1, 0, 0), (2, 0, 0)]
    assert "先一起备课" in _text(teacher, quiz)


@pytest.mark.parametrize("number", ["1", "3", "", "-1", "x"])
def test_a_form_sent_again_or_made_up_is_no_further_try(
    number: str, study: Study, quiz: Resource, teacher: Teacher
) -> None:
    _send(teacher, quiz, **WRONG)
    _send(teacher, quiz, number, **RIGHT)
    assert _results(study, teacher) == [(1, 0, 0)]


def test_who_passed_has_one_result(study: Study, quiz: Resource, teacher: Teacher) -> None:
    for number in (1, 2):
        _send(teacher, quiz, number, **RIGHT)
    assert _results(study, teacher) == [(1, 2, 1)]
    assert len(study.hours_of(teacher.person)) == 1


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"q0": "1"}, id="one-of-two"),
        pytest.param({"q0": "9", "q1": "0"}, id="no-such-option"),
        pytest.param({"q0": "x", "q1": "0"}, id="no-number"),
    ],
)
def test_an_unanswered_question_is_told_and_costs_no_try(
    sent: dict[str, str], study: Study, quiz: Resource, teacher: Teacher
) -> None:
    answer = teacher.post(f"/quizzes/{quiz.public_id}", number="1", passed="1", **sent)
    assert answer.status_code == 422
    assert "Nothing is chosen here yet" in answer.text
    assert _results(study, teacher) == []


def test_what_was_chosen_stays_when_something_is_missing(quiz: Resource, teacher: Teacher) -> None:
    answer = teacher.post(f"/quizzes/{quiz.public_id}", number="1", q0="1")
    assert 'name="q0" value="1" checked' in answer.text


@pytest.mark.parametrize(
    ("limit", "found"),
    [
        pytest.param(0, [], id="the-county-allows-none"),
        pytest.param(30, [30], id="the-day-allows-less"),
    ],
)
def test_the_county_bounds_what_is_proposed(
    limit: int, found: list[int], study: Study, quiz: Resource, teacher: Teacher,
    allowance: list[Allowance],
) -> None:  # fmt: skip
    allowance[0] = replace(ALLOWED, quiz_minutes=limit)
    _send(teacher, quiz, **RIGHT)
    assert [each["minutes"] for each in study.hours_of(teacher.person)] == found
    assert _results(study, teacher) == [(1, 2, 1)]


def test_two_quizzes_of_a_day_propose_no_more_than_the_day_allows(
    study: Study, quiz: Resource, teacher: Teacher
) -> None:
    other = study.publish("二.quiz.md", QUIZ.replace("看完再答", "再来一次").encode())
    for each in (quiz, other):
        _send(teacher, each, **RIGHT)
    assert [each["minutes"] for each in study.hours_of(teacher.person)] == [60]
    assert len(_results(study, teacher)) == 2


@pytest.mark.parametrize("role", ["admin", "principal", None])
def test_nobody_answers_without_a_record_of_the_own(
    role: str | None, study: Study, quiz: Resource
) -> None:
    visitor = make_visitor(study.app, role)  # type: ignore[arg-type]
    before = study.school.query("SELECT count(*) FROM quiz_result")[0][0]
    assert _send(visitor, quiz, **RIGHT) in (302, 403, 404)
    assert study.school.query("SELECT count(*) FROM quiz_result")[0][0] == before


def test_a_broken_quiz_is_not_published_and_says_why(officer: Visitor, county: County) -> None:
    wrong = QUIZ.replace("[x] 集体", "[ ] 集体").encode()
    answer = officer.post("/library/", file=(BytesIO(wrong), "a.quiz.md"), title="小测")
    assert answer.status_code == 422
    assert "Question 1 marks no right answer" in answer.text
    assert list_resources(county.centre) == []


@pytest.mark.parametrize("name", ["a.quiz.md", "deep/a.md"])
def test_a_quiz_in_a_folder_is_refused(name: str, county: County, tmp_path: Path) -> None:
    place = tmp_path / "disc" / name
    place.parent.mkdir(parents=True)
    place.write_text(QUIZ, "utf-8")
    with pytest.raises(BadValueError) as caught:
        add_folder(county.centre, tmp_path / "disc", About("disc"), actor="admin")
    assert caught.value.value_code == "quiz.in_folder"


def test_a_quiz_that_is_too_long_is_not_published_as_a_page(county: County, tmp_path: Path) -> None:
    place = tmp_path / "a.md"
    place.write_text(QUIZ + "a" * 70_000, "utf-8")
    with pytest.raises(BadValueError) as caught:
        add_file(county.centre, place, About("a"), actor="admin")
    assert caught.value.value_code == "quiz.too_long"
