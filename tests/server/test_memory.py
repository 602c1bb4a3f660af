"""A node that serves gives up what it does not need, and is told so by nothing but quiet."""

from threading import Event

import pytest
from flask import Flask
from werkzeug.test import Client

from tests.server.typeset.filling import sheet_of
from xueshi_server import memory
from xueshi_server.memory import REQUESTS_MAX, Keeper, give_back, hold_heap
from xueshi_server.typeset import setting
from xueshi_server.typeset.apart import set_apart
from xueshi_server.typeset.setting import set_here, set_pdf
from xueshi_sync.node import Node

pytestmark = pytest.mark.quick


@pytest.fixture
def given_back(monkeypatch: pytest.MonkeyPatch) -> Event:
    """Set when memory is given back."""
    found = Event()
    monkeypatch.setattr(memory, "give_back", found.set)
    return found


def test_connections_are_given_up_after_a_few_pages(
    app: Flask, school: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    resets: list[int] = []
    monkeypatch.setattr(school, "reset_readers", lambda: resets.append(1))
    client = Client(Keeper(school).wrap(app))
    for _ in range(2 * REQUESTS_MAX):
        assert client.get("/healthz").status_code == 200
    assert len(resets) == 2


def test_after_a_page_and_some_quiet_memory_is_given_back(
    app: Flask, school: Node, given_back: Event
) -> None:
    keeper = Keeper(school, quiet_s=0.01)
    client = Client(keeper.wrap(app))
    keeper.start()
    try:
        assert not given_back.wait(0.05)
        client.get("/healthz")
        assert given_back.wait(20)
    finally:
        keeper.stop()


def test_a_node_answers_after_it_was_tidied(app: Flask, school: Node) -> None:
    hold_heap()
    Keeper(school).tidy()
    give_back()
    assert app.test_client().get("/healthz").status_code == 200


def test_a_form_that_is_set_apart_has_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    sheet = sheet_of("base", "signing_list", rows=3)
    here = set_pdf([sheet], "zh")
    monkeypatch.setattr(setting, "_ways", [set_here, set_apart])
    assert set_pdf([sheet], "zh") == here
