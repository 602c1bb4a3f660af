"""What the background agent does is said on the pages, and what is saved wakes it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.server.conftest import County
from tests.server.nodes import add_hour, add_person
from tests.server.pages import Visitor, make_visitor, plain
from xueshi_server.web import create_app
from xueshi_sync.agent import AgentClocks, SyncAgent
from xueshi_sync.errors import NetworkError, RefusedError, SyncError
from xueshi_sync.http_errors import PortalError, SilentError


@dataclass(frozen=True)
class Report:
    """What a sync came to."""

    outcome: str = "level"
    wait_s: int = 0
    ops_sent: int = 3
    ops_received: int = 1


@dataclass
class Line:
    """A line to the centre that answers, or fails, as a test says."""

    answer: Report | SyncError = field(default_factory=Report)
    calls: int = 0

    def sync(self) -> Report:
        """One sync."""
        self.calls += 1
        if isinstance(self.answer, SyncError):
            raise self.answer
        return self.answer


def open_pages(county: County, line: Line) -> tuple[Visitor, SyncAgent]:
    """The school's pages beside an agent that was not started: nothing happens by itself."""
    agent = SyncAgent(line.sync, clocks=AgentClocks(jitter=lambda: 0.5))
    return make_visitor(create_app(county.school, testing=True, agent=agent), "admin"), agent


def test_the_button_syncs_through_the_agent_and_says_what_travelled(county: County) -> None:
    line = Line()
    visitor, _ = open_pages(county, line)
    text = plain(visitor.post("/sync-state/now").text)
    assert "Done: 3 changes sent, 1 received" in text
    assert line.calls == 1


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(NetworkError, "No line now", id="offline"),
        pytest.param(SilentError, "The line fell silent", id="silent"),
        pytest.param(PortalError, "its own log-in page", id="portal"),
        pytest.param(RefusedError, "The last try failed", id="refused"),
    ],
)
def test_a_failure_stays_on_the_page_in_plain_words(
    county: County, error: Callable[[], SyncError], said: str
) -> None:
    visitor, _ = open_pages(county, Line(error()))
    visitor.post("/sync-state/now")
    assert said in visitor.text("/")
    assert said in visitor.text("/sync-state/")


def test_a_wait_that_the_centre_asked_for_is_said(county: County) -> None:
    visitor, _ = open_pages(county, Line(Report(wait_s=600)))
    visitor.post("/sync-state/now")
    assert "The centre asked this computer to wait" in visitor.text("/")


def test_saving_wakes_the_agent(county: County) -> None:
    visitor, agent = open_pages(county, Line())
    visitor.post("/sync-state/now")
    before = agent.status().values["next_in_s"]
    visitor.post("/people/new", staff_no="T1", name="Li Ming", entry_id="one")
    after = agent.status().values["next_in_s"]
    assert isinstance(before, int)
    assert isinstance(after, int)
    assert after <= 5 < before


def test_a_week_of_silence_with_unsent_records_is_a_warning(county: County) -> None:
    add_hour(county.school, add_person(county.school))
    visitor = make_visitor(create_app(county.school, testing=True), "viewer")
    # The clock of this test stands months after the world's last contact.
    assert "You can carry a file instead" in visitor.text("/")


def test_a_township_enters_and_reviews(county: County) -> None:
    node = county.world.make("township", "Stone Town", "T1")
    county.world.join(county.centre, node, "Stone Town", "T1")
    visitor = make_visitor(create_app(node, testing=True), "admin")
    assert visitor.get("/enter/").status_code == 200
    assert visitor.get("/review/").status_code == 200
