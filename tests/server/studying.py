"""A county for a whole module of tests: a school that reads, and a new teacher for each test."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from tests.server.conftest import County
from tests.server.nodes import add_person, make_world
from tests.server.pages import TEST_PIN, Visitor, accounts_of
from xueshi_server.library import add_file
from xueshi_server.shelf import Shelf
from xueshi_server.store.library import About, Resource, list_resources
from xueshi_server.store.reading import Reading
from xueshi_server.web import create_app
from xueshi_server.web.security import SESSION_COOKIE
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey


@dataclass(frozen=True)
class Teacher(Visitor):
    """A teacher at the school's pages."""

    person: RecordKey
    reading: Reading


@dataclass
class Study:
    """The county, and the school's pages."""

    county: County
    app: Flask
    folder: Path
    teachers: int = 0

    @property
    def school(self) -> Node:
        return self.county.school

    def make_teacher(self) -> Teacher:
        """A teacher whom no test has seen yet."""
        self.teachers += 1
        login = f"T{self.teachers}"
        person = add_person(self.school, login, f"Teacher {self.teachers}")
        accounts = accounts_of(self.app)
        code = accounts.add(login, login, "teacher", person=self.school.public_id(person))
        account = accounts.check(login, code)
        accounts.set_password(account, TEST_PIN)
        client = self.app.test_client()
        client.set_cookie("xueshi_lang", "en")
        client.set_cookie(SESSION_COOKIE, accounts.start_session(account))
        reading = Reading(self.school.home, account.account_id)
        return Teacher(self.app, client, person, reading)

    def publish(self, name: str, data: bytes, title: str = "") -> Resource:
        """A file of the library that has arrived at the school."""
        place = self.folder / name
        place.write_bytes(data)
        add_file(self.county.centre, place, About(title or place.stem), actor="admin")
        self.county.carry_both_ways()
        shelf = Shelf(self.school)
        shelf.advance()
        for each in self.school.files.wants(1 << 20):
            chunk = self.county.centre.files.give(each)
            assert chunk is not None
            self.school.files.take([chunk])
        return next(each for each in list_resources(self.school) if each.name == name)

    def hours_of(self, person: RecordKey) -> list[dict[str, object]]:
        """The hours of somebody here."""
        rows = self.school.query("SELECT * FROM hour WHERE person = ?", [person.rec])
        return [dict(row) for row in rows]


@contextmanager
def make_study(folder: Path) -> Iterator[Study]:
    """A centre and a school that has joined it."""
    with make_world(folder) as world:
        school = world.make("school", "Hill School", "S1")
        centre = world.make("centre", "County Centre", "C1")
        world.join(centre, school, "Hill School", "S1")
        files = folder / "files"
        files.mkdir()
        yield Study(County(world, centre, school), create_app(school, testing=True), files)
