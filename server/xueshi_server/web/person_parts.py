"""A person who stands in several rosters, as pages show them: one, with what each school holds."""

from collections.abc import Iterable, Mapping
from sqlite3 import Row
from typing import Any

from xueshi_server.domain.credit import HourTotals, total_hours
from xueshi_server.store.hours import find_hour
from xueshi_server.store.people import find_person, list_hours_of
from xueshi_server.store.person_links import list_links, read_people
from xueshi_server.web.pages import public_id
from xueshi_server.web.site import this_node
from xueshi_sync.writer import RecordKey


def sums_of(key: RecordKey, *, whole: bool = False) -> HourTotals:
    """What the hours of a record come to; `whole`: of all records that are this person, each hour
    once."""
    node, people = this_node(), read_people(this_node())
    group = people.of(key) if whole else ()
    without = [left for _, left in people.doubled_of.get(group[0], ())] if group else []
    hours = [each for one in group or (key,) for each in list_hours_of(node, *one, without=without)]
    return total_hours(hours)


def show_parts(key: RecordKey) -> dict[str, Any]:
    """The other records of a person, what was said of them and by whom, and the hours that two
    schools entered."""
    node, people = this_node(), read_people(this_node())
    group = people.of(key)
    pairs = people.doubled_of.get(group[0], ()) if group else ()
    doubled = [(find_hour(node, *kept), find_hour(node, *left)) for kept, left in pairs]
    others = [each for each in group if each != key]
    return {
        "leads": not group or group[0] == key,
        "others": [_other(each) for each in others],
        "links": [
            {"it": each, "person": _find(each.other if each.one == key else each.one)}
            for each in list_links(node, key)
        ],
        "doubled": [pair for pair in doubled if all(pair)],
    }


def _other(key: RecordKey) -> dict[str, Any]:
    return {"person": _find(key), "sums": sums_of(key), "id": public_id(*key)}


def _find(key: RecordKey | None) -> Row | None:
    return find_person(this_node(), *key) if key is not None else None


def join_lines(rows: Iterable[Row]) -> Mapping[tuple[int, int], dict[str, Any]]:
    """Of people in a list who stand in other rosters too: what all their records have, and where
    the one that leads is."""
    people = read_people(this_node())
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for row in rows:
        key = RecordKey(row["scope_no"], row["rec"])
        group = people.of(key)
        if not group:
            continue
        leader = _find(group[0])
        found[tuple(key)] = {  # type: ignore[index]
            "leads": group[0] == key,
            "leader": public_id(*group[0]),
            "school": leader["school"] if leader else "",
            "count": len(group),
            "sums": sums_of(key, whole=True),
        }
    return found
