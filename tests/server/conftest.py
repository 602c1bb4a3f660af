"""Fixtures: a school that belongs to a county, its pages, and somebody who is logged in."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from flask import Flask

from tests.server.nodes import World, make_world
from tests.server.pages import Visitor, make_visitor
from xueshi_server import accounts
from xueshi_server.web import create_app
from xueshi_sync.node import Node

REAL_HASHER = accounts._HASHER


@pytest.fixture(autouse=True)
def quick_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are hashed with next to no work, but by the same function."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(accounts, "_HASHER", cheap)


@dataclass(frozen=True)
class County:
    """A centre and a school that has joined it."""

    world: World
    centre: Node
    school: Node

    def carry_both_ways(self) -> None:
        """Take bundles to the centre and back."""
        self.world.carry(self.school, self.centre, to=None)
        self.world.carry(self.centre, self.school, to="S1")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A folder for nodes, which are closed at the end."""
    with make_world(tmp_path) as world:
        yield world


@pytest.fixture
def school(world: World) -> Node:
    """A school's node; it belongs to no county unless the test asks for `county`."""
    return world.make("school", "Hill School", "S1")


@pytest.fixture
def county(world: World, school: Node) -> County:
    """The school, and the centre that it has joined, level with each other."""
    centre = world.make("centre", "County Centre", "C1")
    world.join(centre, school, "Hill School", "S1")
    return County(world, centre, school)


@pytest.fixture
def app(school: Node) -> Flask:
    """The school's pages."""
    return create_app(school, testing=True)


@pytest.fixture
def admin(app: Flask) -> Visitor:
    """An administrator of the school, logged in."""
    return make_visitor(app, "admin")


@pytest.fixture
def centre_app(county: County) -> Flask:
    """The centre's pages."""
    return create_app(county.centre, testing=True)


@pytest.fixture
def officer(centre_app: Flask) -> Visitor:
    """An administrator of the centre, logged in."""
    return make_visitor(centre_app, "admin")
