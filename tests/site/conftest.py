"""The site built once for all tests that read it, and as its readers get it."""

import datetime as dt
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.browser import get_browser
from tests.server.nodes import make_world
from tests.server.test_quizzes import QUIZ
from tests.site.figures import county_figures
from tests.site.material import make_material
from xueshi_server.library import export_folder, publish_site
from xueshi_server.serving import url_of
from xueshi_server.site_build import BuiltSite, build_site
from xueshi_server.web import create_app
from xueshi_sync.http_listener import make_http_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Beside the pages that are written by hand.
GENERATED = 12


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> BuiltSite:
    """The site of an invented county, strictly built."""
    folder: Path = tmp_path_factory.mktemp("site") / "site"
    pages = {**make_material(GENERATED), "zh/training/steps.quiz.md": QUIZ}
    return build_site(folder, county_figures(dt.date(2026, 3, 20)), pages=pages)


@dataclass(frozen=True)
class Given:
    """The site as readers get it: from a node, and from a folder taken out of its library."""

    url: str
    folder: Path


@contextmanager
def give_site(site: BuiltSite, folder: Path) -> Iterator[Given]:
    """Publish a built site at a node that serves it, and take it out into a folder."""
    with make_world(folder / "county") as world:
        node = world.make("centre", "青石县教师发展中心", "QS")
        made = publish_site(node, site.folder, "培训网站", actor="admin")
        export_folder(node, made.content, folder / "stick")
        server = make_http_server(create_app(node), ("127.0.0.1", 0))
        server.prepare()
        thread = threading.Thread(target=server.serve, daemon=True)
        thread.start()
        try:
            yield Given(f"{url_of(server)}site/", folder / "stick")
        finally:
            server.stop()
            thread.join(10)


@pytest.fixture(scope="session")
def given_site(built: BuiltSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Given]:
    """The built site at a node and in a folder."""
    with give_site(built, tmp_path_factory.mktemp("given")) as given:
        yield given


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    with get_browser() as browser:
        yield browser
