"""A village line: 1.2 KB a second, three seconds there and back, every fifth connection lost."""

from collections.abc import Iterator

import pytest

from tests.process.conftest import Figure
from tests.process.county import serving
from tests.process.nodes import check_level, level, make_county, scratch
from tests.process.worker import PATIENT, fast_session
from tests.tools.chaosproxy import UP, ChaosProxy, Faults
from xueshi_sync.node import Node

pytestmark = pytest.mark.process
# The line is played so many times faster, so that nobody waits for the test.
FASTER = 10
VILLAGE = Faults(
    delay_s=1.5 / FASTER, bytes_per_s=1_200 * FASTER, piece_bytes=256, cut_at=(UP, 400)
)
TEACHERS = 20


@pytest.fixture
def county() -> Iterator[tuple[Node, Node]]:
    """A school whose roster is at the centre, and a session of all teachers that is not."""
    with scratch() as folder:
        centre, school = make_county(folder)
        with centre, school:
            with school.write(actor="registrar") as action:
                people = [
                    action.insert("person", {"staff_no": f"{number:04}", "name": "王英"})
                    for number in range(TEACHERS)
                ]
            level(school, centre)
            session = {"date": "2026-03-01", "title": "县级集中培训", "minutes": 360}
            with school.write(actor="registrar") as action:
                for person in people:
                    action.insert("hour", {"person": person, **session})
            yield centre, school


def test_twenty_hours_are_at_the_centre_within_a_minute(
    county: tuple[Node, Node], figure: Figure
) -> None:
    centre, school = county
    with (
        serving(centre.wsgi_app()) as address,
        ChaosProxy(address, VILLAGE) as proxy,
        fast_session() as session,
    ):
        report = school.sync_once(proxy.url, session=session, timeouts=PATIENT)
    figure("seconds on the real line", f"{report.seconds * FASTER:.0f}")
    assert report.seconds * FASTER < 60
    check_level(school, centre)


def test_twenty_hours_are_less_than_a_kilobyte(county: tuple[Node, Node], figure: Figure) -> None:
    centre, school = county
    pending = school.begin_exchange(limit_bytes=1 << 20)
    figure("bytes", len(pending.request))
    assert len(pending.request) < 1_000
    school.finish_exchange(pending, centre.answer(pending.request))
    level(school, centre)
