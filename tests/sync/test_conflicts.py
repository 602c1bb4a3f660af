"""What two people changed at once is shown with the values that each of them gave."""

from collections.abc import Iterator

import pytest

from tests.process.nodes import level, make_county, scratch
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey


@pytest.fixture
def county() -> Iterator[tuple[Node, Node]]:
    with scratch() as folder:
        centre, school = make_county(folder)
        with centre, school:
            yield centre, school


def _change(node: Node, name: str, fields: dict[str, object]) -> None:
    with node.write(actor="admin") as action:
        action.set("person", node.find_record(name), fields)


def test_a_change_of_several_fields_at_once_shows_the_value_of_each(
    county: tuple[Node, Node],
) -> None:
    centre, school = county
    with school.write(actor="admin") as action:
        key: RecordKey = action.insert("person", {"staff_no": "T1", "name": "first"})
    level(school, centre)
    name = school.public_id(key)
    _change(school, name, {"staff_no": "T1-school", "name": "of the school"})
    _change(centre, name, {"staff_no": "T1-centre", "name": "of the centre"})
    level(school, centre)
    for node in county:
        found = {
            each.field: {each.shown.value, *(other.value for other in each.others)}
            for each in node.conflicts()
        }
        assert found == {
            "name": {"of the school", "of the centre"},
            "staff_no": {"T1-school", "T1-centre"},
        }
