"""Several things at once on one node, and nodes that are not what they were: two syncs, a stick in
the middle of a sync, a revoked node, a program of another version killed while it builds tables."""

import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from tests.process.county import serving, sync
from tests.process.nodes import (
    SCHEMA,
    check_forms,
    check_level,
    check_node,
    context_of,
    fork_count,
    forms_of,
    level,
    make_county,
    open_at,
    save_form,
    scratch,
)
from tests.process.worker import FAST, PATIENT
from tests.process.zygote import Zygote
from xueshi_sync.errors import NetworkError
from xueshi_sync.node import Node
from xueshi_sync.schema import Field

pytestmark = pytest.mark.process
ROUNDS: Final = 6


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as running:
        yield running


@pytest.fixture
def folder() -> Iterator[Path]:
    with scratch() as path:
        yield path


def _at_once(*works: Callable[[], object]) -> None:
    errors: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []


def _save(node: Node, form: str, saved: set[str]) -> None:
    saved.add(save_form(node, form))


def test_two_syncs_and_a_registrar_at_once_do_the_work_of_one(folder: Path) -> None:
    centre, school = make_county(folder)
    with centre, school, serving(centre.wsgi_app()) as (host, port):
        url = f"http://{host}:{port}"
        saved: set[str] = set()
        for number in range(ROUNDS):
            _at_once(
                lambda: sync(school, url, PATIENT),
                lambda: sync(school, url, PATIENT),
                partial(_save, school, f"form{number}", saved),
            )
        sync(school, url, PATIENT)
        check_level(school, centre)
        check_node(centre, saved)
        assert fork_count(centre) == 0


def test_a_centre_that_moved_is_called_at_its_new_address_from_then_on(folder: Path) -> None:
    centre, school = make_county(folder)
    with centre, school:
        with serving(centre.wsgi_app()) as (host, port):
            old = f"http://{host}:{port}"
            sync(school, old, PATIENT)
            assert school.urls[0] == old
        with serving(centre.wsgi_app()) as (host, port):
            new = f"http://{host}:{port}"
            saved = {save_form(school, "form")}
            with pytest.raises(NetworkError):
                school.sync_once("http://127.0.0.1:9", timeouts=FAST)
            assert school.urls[0] == old
            sync(school, new, PATIENT)
            assert school.urls[:2] == [new, old]
            saved.add(save_form(school, "later"))
            school.sync_once(timeouts=PATIENT)
        check_forms(centre, saved)
    with open_at(folder / "S1", "S1") as school:
        assert school.urls[:2] == [new, old]


def test_a_stick_in_the_middle_of_a_sync_gives_the_same(folder: Path) -> None:
    centre, school = make_county(folder)
    with centre, school, serving(centre.wsgi_app()) as (host, port):
        url = f"http://{host}:{port}"
        saved: set[str] = set()
        for number in range(ROUNDS):
            saved.add(save_form(school, f"form{number}"))
            _add_person(centre, f"news {number}")
            school.pack(folder / "up.xueshi")
            centre.pack(folder / "down.xueshi", to="S1")
            _at_once(
                lambda: sync(school, url, PATIENT),
                lambda: centre.unpack(folder / "up.xueshi"),
                lambda: school.unpack(folder / "down.xueshi"),
            )
        sync(school, url, PATIENT)
        check_level(school, centre)
        check_node(centre, saved)
        check_node(school, saved)
        assert fork_count(centre) == 0


def _add_person(node: Node, name: str) -> None:
    with node.write(actor="officer") as action:
        action.insert("person", {"staff_no": name, "name": name, "active": True})


def test_what_a_revoked_node_writes_afterwards_counts_nowhere(folder: Path) -> None:
    centre, school = make_county(folder)
    with centre, school:
        saved = {save_form(school, "before")}
        level(school, centre)
        centre.revoke(school.node_id, "the computer was stolen")
        save_form(school, "after")
        level(school, centre)
        assert set(forms_of(centre)) == saved
        check_node(centre, saved)
        check_node(school, saved)


def _newer(folder: Path, machine: str) -> Node:
    """Open a node with a program that knows one more field and one more table."""
    person, hour = SCHEMA.tables
    later = replace(
        SCHEMA,
        version=2,
        tables=(
            replace(person, fields=(*person.fields, Field("school_year"))),
            hour,
            replace(person, name="award"),
        ),
    )
    context = context_of(folder / "state", machine)
    return Node.open(folder / "home", schema=later, context=context)


def test_a_newer_program_and_back_again_loses_nothing(folder: Path) -> None:
    centre, school = make_county(folder)
    saved = {save_form(school, "old program")}
    level(school, centre)
    school.close()
    with centre:
        with _newer(folder / "S1", "S1") as newer:
            saved.add(save_form(newer, "new program"))
            with newer.write(actor="registrar") as action:
                action.insert("award", {"staff_no": "a1", "name": "an award"})
            level(newer, centre)
            check_node(newer, saved)
        with open_at(folder / "S1", "S1") as older:
            level(older, centre)
            check_node(older, saved)
            check_forms(centre, saved)
        with _newer(folder / "S1", "S1") as newer:
            assert newer.query("SELECT name FROM award")[0][0] == "an award"
            check_node(newer, saved)


@pytest.mark.parametrize("point", ["view.inside:1", "view.inside:2", "rebuild.dropped:1"])
def test_killed_while_the_tables_are_built_builds_them_again(
    point: str, zygote: Zygote, folder: Path
) -> None:
    centre, school = make_county(folder)
    saved = {save_form(school, f"form{number}") for number in range(3)}
    level(school, centre)
    school.close()
    for log in (folder / "S1" / "home" / "data").glob("view.db*"):
        log.write_bytes(b"damaged" * 100)
    arguments = [str(folder / "S1"), "S1", str(folder / "acks")]
    died = zygote.spawn("holder", arguments, {"XUESHI_FAULT": point}).wait()
    assert died == -signal.SIGKILL
    with centre, open_at(folder / "S1", "S1") as school:
        check_node(school, saved)
        check_level(school, centre)
