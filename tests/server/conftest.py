"""Fixtures: a school that belongs to a county, its pages, and somebody who is logged in."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask

from tests.server.nodes import World, make_world
from tests.server.pages import Visitor, make_visitor
from xueshi_server.web import create_app
from xueshi_sync.node import Node


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
def county(tmp_path: Path) -> Iterator[County]:
    """A centre and a school, level with each other."""
    with make_world(tmp_path) as world:
        centre = world.make("centre", "County Centre", "C1")
        school = world.make("school", "Hill School", "S1")
        world.join(centre, school, "Hill School", "S1")
        yield County(world, centre, school)


@pytest.fixture
def school(county: County) -> Node:
    """The school's node."""
    return county.school


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
