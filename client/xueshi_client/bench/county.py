"""A county's node under a shipped pack: schools with their people, all of whose hours wait.

Entered at the nodes of the schools as their pages do it, and carried to the centre.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from xueshi_client.bench.school import (
    PACK,
    School,
    carry_all,
    enrol,
    enter_claims,
    enter_objections,
    enter_others,
    fill,
    publish_pack,
    read_words,
)
from xueshi_client.bench.shelves import fill_library
from xueshi_client.bench.world import CENTRE_CODE, create_node
from xueshi_server.node_clock import today_of
from xueshi_server.store.packs import find_pack

SCHOOLS: Final = 10
TEACHERS_EACH: Final = 200
# Records of each type that the county writes itself.
_OWN: Final = 200
# So many hours of a school to one claim, and to one objection.
_HOURS_PER_CLAIM: Final = 20
_HOURS_PER_OBJECTION: Final = 150


@contextmanager
def make_county(
    folder: Path,
    workload: Path,
    count: int,
    *,
    schools: int = SCHOOLS,
    teachers: int = TEACHERS_EACH,
    resources: int = 0,
) -> Iterator[School]:
    """A centre in `folder/centre` with `count` records of hours that nobody judged; its node is
    open in the block. The nodes of the schools stay in the folder, closed."""
    centre = create_node(folder / "centre", "centre", CENTRE_CODE)
    try:
        publish_pack(centre)
        words = read_words(workload, teachers)
        for number in range(schools):
            node = create_node(folder / f"school-{number}", "school", f"S{number + 1:02}")
            try:
                school = enrol(centre, node, words)
                school.letter = f"T{number + 1:02}"
                fill(school, count // schools, teachers)
                enter_claims(school, count // schools // _HOURS_PER_CLAIM)
                enter_objections(school, max(30, count // schools // _HOURS_PER_OBJECTION))
                carry_all(centre, node)
            finally:
                node.close()
        county = School(centre, centre, find_pack(centre, PACK), today_of(centre), *words)
        enter_others(county, _OWN)
        fill_library(folder, centre, resources)
        yield county
    finally:
        centre.close()
