"""Pages and quizzes written in the browser: published at the centre, handed in at a school."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.server.pages import Visitor, make_visitor
from tests.server.studying import Study, Teacher, make_study
from tests.server.test_quizzes import QUIZ
from xueshi_server.domain.front_matter import split_front_matter
from xueshi_server.domain.quizzes import parse_quiz, write_source
from xueshi_server.store.library import list_resources
from xueshi_server.store.quizzes import find_key
from xueshi_server.web import create_app
from xueshi_server.written_pages import name_page

PAGE = {
    "title": "怎样磨课",
    "subject": "语文",
    "hours": "1.5",
    "body": "## 一\n\n<script>x</script>",
}
QUESTIONS = split_front_matter(QUIZ)[1]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    with make_study(tmp_path_factory.mktemp("writing")) as made:
        yield made


@pytest.fixture(scope="module")
def centre_pages(study: Study) -> Flask:
    return create_app(study.county.centre, testing=True)


@pytest.fixture(scope="module")
def office(centre_pages: Flask) -> Visitor:
    return make_visitor(centre_pages, "admin")


@pytest.fixture
def teacher(study: Study) -> Teacher:
    return study.make_teacher()


def test_a_page_is_published_with_what_its_form_says(study: Study, office: Visitor) -> None:
    answer = office.post("/write/", **PAGE)
    assert answer.status_code == 303
    made = next(each for each in list_resources(study.county.centre) if each.about.minutes == 90)
    assert (made.name, made.about.title, made.about.subject) == ("怎样磨课.md", "怎样磨课", "语文")
    page = office.get(f"/library/{made.public_id}").text
    assert "<h3>一</h3>" in page
    assert "&lt;script&gt;" in page


def test_a_published_page_is_written_on_and_takes_the_place_of_the_old_one(
    study: Study, office: Visitor
) -> None:
    office.post("/write/", **{**PAGE, "title": "第一版"})
    old = next(each for each in list_resources(study.county.centre) if each.about.title == "第一版")
    form = office.get("/write/", of=old.public_id).text
    assert 'value="第一版"' in form
    assert "## 一" in form
    office.post("/write/", **{**PAGE, "title": "第二版", "of": old.public_id})
    titles = [each.about.title for each in list_resources(study.county.centre)]
    assert "第二版" in titles
    assert "第一版" not in titles


def test_a_quiz_is_published_without_its_answers_and_edited_with_them(
    study: Study, office: Visitor
) -> None:
    typed = {"title": "小测", "quiz": "1", "pass": "50", "attempts": "2", "body": QUESTIONS}
    assert office.post("/write/", **typed).status_code == 303
    made = next(each for each in list_resources(study.county.centre) if each.about.title == "小测")
    key = find_key(study.county.centre, made.content)
    assert key is not None
    assert (key.pass_percent, key.attempts) == (50, 2)
    file = office.get(f"/library/{made.public_id}/file", download="1")
    assert "[x]" not in file.get_data(as_text=True)
    form = office.get("/write/", of=made.public_id).text
    assert "- [x] 集体备课" in form
    assert "&gt; 先一起备课" in form


def test_a_quiz_that_is_written_again_is_the_same() -> None:
    quiz = parse_quiz(QUIZ)
    again = parse_quiz(write_source(quiz))
    assert (again.questions, again.key) == (quiz.questions, quiz.key.__class__(
        quiz.key.answers, 50, 2, 60))  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({"title": ""}, "e-title", id="no-title"),
        pytest.param({"body": "  "}, "e-body", id="no-text"),
        pytest.param({"hours": "two"}, "e-hours", id="hours"),
        pytest.param({"subject": "s" * 61}, "e-subject", id="too-long"),
        pytest.param({"body": "b" * 60_001}, "e-body", id="a-book"),
        pytest.param({"quiz": "1"}, "e-body", id="no-questions"),
        pytest.param({"quiz": "1", "body": QUESTIONS, "pass": "0"}, "e-pass", id="pass"),
        pytest.param({"quiz": "1", "body": QUESTIONS, "attempts": "x"}, "e-attempts", id="tries"),
    ],
)
def test_what_is_wrong_is_told_beside_it_and_nothing_is_lost(
    changed: dict[str, str], said: str, office: Visitor
) -> None:
    answer = office.post("/write/", **{**PAGE, "authors": "云顶小学", **changed})
    assert answer.status_code == 422
    assert f'id="{said}"' in answer.text
    assert 'value="云顶小学"' in answer.text


def test_a_look_at_the_text_publishes_nothing(study: Study, office: Visitor) -> None:
    before = len(list_resources(study.county.centre))
    answer = office.post("/write/preview", **{**PAGE, "title": "草稿"})
    assert "<h3>一</h3>" in answer.text
    assert 'value="草稿"' in answer.text
    assert len(list_resources(study.county.centre)) == before


def test_a_teachers_page_goes_on_to_handing_in(study: Study, teacher: Teacher) -> None:
    answer = teacher.post("/write/", **PAGE)
    assert answer.status_code == 303
    form = teacher.get(answer.headers["Location"]).text
    assert "/contributions/new?handed=" in answer.headers["Location"]
    assert 'value="怎样磨课"' in form
    assert "怎样磨课.md" in form
    assert list_resources(study.school) == []


@pytest.mark.parametrize("role", ["viewer", "reviewer"])
def test_who_may_neither_publish_nor_hand_in_writes_nothing(role: str, study: Study) -> None:
    visitor = make_visitor(study.app, role)  # type: ignore[arg-type]
    for answer in (visitor.get("/write/"), visitor.post("/write/", **PAGE)):
        assert answer.status_code == 404


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("磨课", "磨课.md"), ("a/b\\c:d", "a b c d.md"), ("...", "page.md"), ("?", "page.md"),
        ("长" * 90, "长" * 60 + ".md"), (" x. ", "x.md"),
    ],
)  # fmt: skip
def test_a_page_is_called_so_that_every_system_can_write_it(title: str, name: str) -> None:
    assert name_page(title, is_quiz=False) == name
