"""Where there is nothing yet, a page says what would stand there and where to go."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

import pytest

from tests.server.pages import Visitor, make_visitor, plain
from tests.server.walks.shipped_county import County, make_county
from xueshi_server.accounts import Role
from xueshi_server.web import create_app

# Pages with lists, at whichever node they are.
PAGES: Final = (
    "/", "/people/", "/people/order", "/hours/", "/requirements/", "/conflicts/",
    "/session/claims/", "/review/", "/forms/unstamped",
)  # fmt: skip
# The school's registrar, the centre's officer, and somebody at the school who only looks.
WHO: Final[tuple[tuple[int, Role], ...]] = ((0, "admin"), (1, "admin"), (0, "viewer"))
EMPTY: Final = re.compile(r'<div class="empty">(.*?)</div>', re.DOTALL)


@pytest.fixture(scope="module", params=["chongqing", "jiyuan"])
def places(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[County, list[Visitor]]]:
    """A county where nobody has entered anything, its centre and a school."""
    with make_county(tmp_path_factory.mktemp("empty"), request.param) as county:
        apps = [create_app(node, testing=True) for node in (county.school, county.centre)]
        yield county, [make_visitor(apps[at], role) for at, role in WHO]


def check(visitor: Visitor, path: str) -> bool:
    """Whether a page is there; then what it says leads somewhere that may be opened."""
    answer = visitor.get(path)
    if answer.status_code in (403, 404, 422):
        return False
    assert answer.status_code == 200, path
    said = EMPTY.search(answer.text)
    assert said is not None, path
    text = plain(re.sub(r"<a .*?</a>", "", said[1]))
    assert len(text) > 10, (path, text)
    links = [each.replace("&amp;", "&") for each in re.findall(r'href="([^"]+)"', said[1])]
    assert links, path
    for link in links:
        assert leads_somewhere(visitor, link), (path, link)
    return True


@cache
def leads_somewhere(visitor: Visitor, link: str) -> bool:
    return visitor.get(link).status_code in (200, 302)


def test_every_list_of_a_type_says_where_its_records_come_from(
    places: tuple[County, list[Visitor]],
) -> None:
    county, visitors = places
    for visitor in visitors:
        shown = [of for of in county.pack.types if check(visitor, f"/records/{of}/")]
        assert len(shown) > 10


def test_every_queue_and_form_says_what_has_to_come_first(
    places: tuple[County, list[Visitor]],
) -> None:
    county, visitors = places
    queues = [of for of, each in county.pack.types.items() if each.judges]
    officer = visitors[1]
    assert [of for of in queues if not check(officer, f"/records/{of}/review")] == []
    forms = [
        name for name, each in county.pack.forms.items() if each.scope not in ("school", "county")
    ]
    assert len([name for name in forms if check(officer, f"/forms/{name}/")]) > 3


def test_every_other_list_says_what_would_stand_there(
    places: tuple[County, list[Visitor]],
) -> None:
    _, visitors = places
    for visitor in visitors:
        assert sum(check(visitor, path) for path in PAGES) > 4
