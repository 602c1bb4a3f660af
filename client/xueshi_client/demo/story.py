"""The demo told in five steps; each returns what it found, for the summary and for tests.

Nothing is staged: records are imported and typed through the functions that the pages use, travel
by the county's own HTTP or as a file, and every figure printed was measured in this run.
"""

import csv
import time
from pathlib import Path
from typing import Any, Final

from xueshi_client.demo.county import Cost, DemoCounty
from xueshi_client.demo.rows import School, make_rows
from xueshi_client.errors import AmountDiffersError
from xueshi_server.importing import import_rows
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

SCHOOL_ACTOR: Final = "admin"
CENTRE_ACTOR: Final = "admin"
# How many of a school's records the centre reviews in front of the reader.
REVIEWED: Final = 12


def enter_offline(county: DemoCounty) -> list[dict[str, Any]]:
    """Step 1: three schools without a line import their tables; one types a record by hand."""
    entered = []
    for school in county.schools:
        node = county.create("school", school.name, school.code)
        table = write_table(school, county)
        report = import_rows(node, "hour", table, actor=SCHOOL_ACTOR)
        typed = _type_one(county, node) if school is county.schools[0] else 0
        entered.append(
            {
                "school": school.name,
                "imported": report.added,
                "people": len(report.new_people),
                "typed": typed,
            }
        )
    return entered


def write_table(school: School, county: DemoCounty) -> Path:
    """The school's own table, as a spreadsheet program saves it, with Chinese headings."""
    headings: dict[str, str] = county.facts["headings"]
    path = county.folder / f"{school.code}.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(headings.values())
        for row in make_rows(school, county.facts):
            writer.writerow([row[name] for name in headings])
    return path


def _type_one(county: DemoCounty, node: Node) -> int:
    """One record as a registrar enters it on the page."""
    person = node.query("SELECT rec FROM person ORDER BY staff_no LIMIT 1")[0]["rec"]
    facts = {**county.facts["hand"], "person": person, "date": "2026-03-02", "note": ""}
    with node.write(actor=SCHOOL_ACTOR) as action:
        action.insert("hour", {**facts, "recorded_by": county.facts["clerk"]})
    return 1


def join_all(county: DemoCounty) -> None:
    """The centre hands every school its invitation; the one without a line joins by file."""
    for school in county.schools:
        node = county.nodes[school.code]
        invitation = county.centre.invite(school.code, school.name, urls=(county.centre_url,))
        if school.carrier == "http":
            node.join(invitation, url=county.centre_url)
        else:
            node.join(invitation)


def carry_all(county: DemoCounty) -> list[Cost]:
    """Step 2: two schools exchange by HTTP, the third by a file there and a file back."""
    for school in county.schools:
        carry = carry_by_http if school.carrier == "http" else carry_by_file
        county.costs.append(carry(county, school))
    return county.costs


def carry_by_http(county: DemoCounty, school: School) -> Cost:
    """One exchange over the line."""
    node = county.nodes[school.code]
    report = node.sync_once(county.centre_url)
    return Cost(
        school.name,
        "http",
        count_hours(node),
        report.bytes_up,
        report.bytes_down,
        report.requests,
        report.seconds,
    )


def carry_by_file(county: DemoCounty, school: School) -> Cost:
    """A file to the centre, unpacked twice because people do that, and the answer back."""
    began = time.monotonic()
    node = county.nodes[school.code]
    there = county.folder / f"{school.code}-up.xueshi"
    back = county.folder / f"{school.code}-down.xueshi"
    node.pack(there)
    county.centre.unpack(there)
    county.centre.unpack(there)
    county.centre.pack(back, to=school.code)
    node.unpack(back)
    return Cost(
        school.name,
        "file",
        count_hours(node),
        there.stat().st_size,
        back.stat().st_size,
        0,
        time.monotonic() - began,
    )


def sync_idle(county: DemoCounty) -> dict[str, int]:
    """What it costs to find out that nothing is new."""
    report = county.nodes[county.schools[0].code].sync_once(county.centre_url)
    return {"requests": report.requests, "bytes": report.bytes_up + report.bytes_down}


def edit_both_sides(county: DemoCounty) -> dict[str, Any]:
    """Step 3: school and centre edit the same two people without a line between them."""
    school, edits = county.schools[0], county.facts["edits"]
    node, centre = county.nodes[school.code], county.centre
    first, second = f"{school.code}-001", f"{school.code}-002"
    keys = {
        (side.home, who): county.person(side, who)
        for side in (node, centre)
        for who in (first, second)
    }
    county.edit(node, keys[node.home, first], {"name": edits["merged_name"]}, SCHOOL_ACTOR)
    county.edit(
        centre, keys[centre.home, first], {"staff_no": edits["merged_staff_no"]}, CENTRE_ACTOR
    )
    county.edit(node, keys[node.home, second], {"name": edits["school_name"]}, SCHOOL_ACTOR)
    county.edit(centre, keys[centre.home, second], {"name": edits["centre_name"]}, CENTRE_ACTOR)
    node.sync_once(county.centre_url)
    merged = [_read_person(side, keys[side.home, first]) for side in (node, centre)]
    if merged[0] != merged[1]:
        raise AmountDiffersError(what="person")
    return {"merged": merged[0], "conflict": _read_conflict(node, centre)}


def _read_person(node: Node, key: RecordKey) -> dict[str, str]:
    sql = "SELECT name, staff_no FROM person WHERE scope_no = ? AND rec = ?"
    return dict(node.query(sql, tuple(key))[0])


def _read_conflict(node: Node, centre: Node) -> dict[str, Any]:
    """The one kept conflict, which must be the same on both sides."""
    seen = []
    for side in (node, centre):
        found = side.conflicts()[0]
        others = sorted(str(other.value) for other in found.others)
        seen.append({"field": found.field, "shown": found.shown.value, "others": others})
    if seen[0] != seen[1]:
        raise AmountDiffersError(what="conflict")
    return seen[0]


def review(county: DemoCounty) -> dict[str, Any]:
    """Step 4: the centre approves some records, returns one, and the school hears of it."""
    school = county.schools[0]
    node, centre = county.nodes[school.code], county.centre
    sql = (
        "SELECT h.scope_no, h.rec FROM hour h JOIN scope s USING (scope_no)"
        " WHERE s.code = ? ORDER BY h.date DESC, h.rec LIMIT ?"
    )
    rows = centre.query(sql, (school.code, REVIEWED))
    reason = county.facts["reject_reason"]
    with centre.write(actor=CENTRE_ACTOR) as action:
        for row in rows[1:]:
            action.judge("hour", RecordKey(row["scope_no"], row["rec"]), "approve")
        action.judge("hour", RecordKey(rows[0]["scope_no"], rows[0]["rec"]), "reject", reason)
    node.sync_once(county.centre_url)
    counts = {
        row["state"]: row["count"]
        for row in node.query("SELECT state, count(*) AS count FROM hour GROUP BY state")
    }
    credited = node.query("SELECT sum(credited) AS minutes FROM hour")[0]["minutes"]
    if counts.get("approved") != len(rows) - 1 or counts.get("rejected") != 1:
        raise AmountDiffersError(what="review")
    return {
        "school": school.name,
        "approved": len(rows) - 1,
        "rejected": 1,
        "reason": reason,
        "credited_minutes": credited,
    }


def compare_digests(county: DemoCounty) -> int:
    """Step 5: every table of every school has the same digest at the school and at the centre."""
    theirs, compared = county.centre.digests(), 0
    for school in county.schools:
        node = county.nodes[school.code]
        if school.carrier == "http":
            node.sync_once(county.centre_url)
        else:
            carry_by_file(county, school)
            theirs = county.centre.digests()
        for place, digest in node.digests().items():
            if theirs.get(place) != digest:
                raise AmountDiffersError(what=f"{school.name} {place[1]}")
            compared += 1
    return compared


def count_hours(node: Node) -> int:
    """Hour records a node shows."""
    return int(node.query("SELECT count(*) AS count FROM hour")[0]["count"])
