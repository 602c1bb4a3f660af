"""kill -9 while a node goes on under another schema: it opens, under the old one or the new, and
its tables are those of a build from nothing."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process import points
from tests.process.nodes import (
    SCHEMA,
    check_level,
    check_node,
    level,
    make_county,
    open_at,
    saved_in,
    scratch,
)
from tests.process.worker import WITH_TALK
from tests.process.zygote import Zygote

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as running:
        yield running


@pytest.fixture
def folder() -> Iterator[Path]:
    with scratch() as path:
        yield path


@pytest.mark.parametrize("name", points.ADOPTION)
def test_killed_while_adopting_opens_under_one_schema_or_the_other(
    name: str, zygote: Zygote, folder: Path
) -> None:
    acks = folder / "acks"
    centre, school = make_county(folder)
    school.adopt_schema(WITH_TALK)
    with school.write("somebody") as action:
        action.insert("talk", {"title": "Phonics"})
    school.adopt_schema(SCHEMA)
    level(school, centre)
    school.close()
    arguments = [str(folder / "S1"), "S1", str(acks)]
    # The folder is synced once before: for the sidecar, when the form is sealed.
    passage = 2 if name == "adopt.dropped" else 1
    fault = {"XUESHI_FAULT": f"{name}:{passage}"}
    assert zygote.spawn("adopter", arguments, fault).wait() == -signal.SIGKILL
    with centre, open_at(folder / "S1", "S1") as again:
        check_node(again, saved_in(acks))
        assert again.check(deep=True).problems == []
        again.adopt_schema(WITH_TALK)
        assert [row["title"] for row in again.query("SELECT title FROM talk")] == ["Phonics"]
        centre.adopt_schema(WITH_TALK)
        level(again, centre)
        check_level(again, centre)
