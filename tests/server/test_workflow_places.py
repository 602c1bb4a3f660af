"""Places and deadlines of a step look at the year of the record, and at the school that acts."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.server.walks.shipped_county import TODAY, County, Record, make_county
from xueshi_server.store.packs import level_schema
from xueshi_server.store.records import find_row
from xueshi_server.store.steps import OpenStep, list_open, read_moving

PLACES: Final = 3


@pytest.fixture(scope="module")
def qinggang(tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    with make_county(tmp_path_factory.mktemp("places"), "qinggang") as county:
        yield county


def propose(county: County, year: int, name: str) -> Record:
    """A teacher is proposed for an award."""
    person = county.enter("person", staff_no=f"P{year}-{name}", name=name, active=True)
    return county.enter(
        "award", person=person, date=f"{year}-11-05", what="reform_teacher", name=name
    )


def use_up(county: County, year: int) -> list[Record]:
    """Take all places of a year."""
    chosen = [propose(county, year, f"甲{number}") for number in range(PLACES)]
    for each in chosen:
        assert county.act(each, "choose", f"{year}-11-10") == []
    return chosen


def refusals_of_the_next(county: County, year: int) -> list[str]:
    """What stands against one more."""
    return county.act(propose(county, year, "乙"), "choose", f"{year}-11-12")


def test_the_places_of_a_year_are_used_up(qinggang: County) -> None:
    use_up(qinggang, 2001)
    assert refusals_of_the_next(qinggang, 2001) == ["quota_used_up"]


def test_each_year_has_places_of_its_own(qinggang: County) -> None:
    use_up(qinggang, 2002)
    assert refusals_of_the_next(qinggang, 2003) == []


def test_who_was_refused_leaves_the_place_to_another(qinggang: County) -> None:
    chosen = use_up(qinggang, 2004)
    assert qinggang.act(chosen[0], "refuse", "2004-11-11", opinion="材料不实") == []
    assert refusals_of_the_next(qinggang, 2004) == []


def test_a_voided_record_leaves_its_place(qinggang: County) -> None:
    chosen = use_up(qinggang, 2005)
    node = qinggang.at_centre()
    with node.write(actor="walk") as action:
        action.judge("award", node.find_record(chosen[0].name), "void", reason="重复")
    assert refusals_of_the_next(qinggang, 2005) == []


def test_a_record_of_which_nobody_has_taken_the_step_holds_no_place(qinggang: County) -> None:
    for number in range(PLACES):
        propose(qinggang, 2006, f"丙{number}")
    assert refusals_of_the_next(qinggang, 2006) == []


def test_the_places_of_a_school_are_not_those_of_another(qinggang: County) -> None:
    used_up = use_up(qinggang, 2007)[0]
    centre = qinggang.at_centre()
    other = propose_elsewhere(qinggang)
    choose = next(each for each in opened_at_centre(qinggang, other) if each.move.id == "choose")
    assert choose.refusals == ()
    assert centre.find_record(used_up.name).scope_no != centre.find_record(other.name).scope_no


def test_the_centre_counts_the_places_of_all_schools_in_a_year(tmp_path: Path) -> None:
    with make_county(tmp_path, "chongqing") as county:
        places = int(county.pack.parameters["nomination_places"].value)
        sent = [nominate(county, "2024-02-26", number) for number in range(places + 1)]
        found = [county.act(each, "review", "2024-03-11") for each in sent]
        assert found == [[]] * places + [["quota_used_up"]]
        assert county.act(sent[0], "return", "2024-03-12", opinion="缺学历证明") == []
        assert county.act(sent[-1], "review", "2024-03-13") == []
        later = nominate(county, "2025-02-24", places + 1)
        assert county.act(later, "review", "2025-03-10") == []


def nominate(county: County, date: str, number: int) -> Record:
    """A backbone teacher whom the school has recommended."""
    person = county.enter("person", staff_no=f"N{number}", name=f"骨干{number}", active=True)
    row = {"level": "province", "date": date, "reason": "区骨干八年"}
    record = county.enter("nomination", person=person, **row)
    assert county.act(record, "recommend", date) == []
    return record


def propose_elsewhere(county: County) -> Record:
    """The same in another school, as the centre has it."""
    world, centre = county.world, county.centre
    school = world.make("school", "柞岗小学", "S2")
    world.join(centre, school, "柞岗小学", "S2")
    level_schema(school, TODAY)
    with school.write(actor="walk") as action:
        person = action.insert("person", {"staff_no": "O1", "name": "丁", "active": True})
        row = {"person": person.rec, "date": "2007-11-05", "what": "reform_teacher", "name": "丁"}
        key = action.insert("award", row)
    world.carry(school, centre, to=None)
    return Record("award", school.public_id(key))


def opened_at_centre(county: County, record: Record) -> list[OpenStep]:
    """The steps that a record may take, as the centre shows them."""
    declared, centre = county.pack.types[record.of], county.centre
    row = find_row(centre, declared, *centre.find_record(record.name))
    assert row is not None
    moving = read_moving(centre, county.pack, declared, row)
    assert moving is not None
    return list_open(centre, moving, dt.date(2007, 11, 12))


@pytest.mark.parametrize(
    ("date", "on", "refused"),
    [
        pytest.param("2015-12-20", "2015-12-31", [], id="last-day"),
        pytest.param("2015-12-20", "2016-01-05", ["late_without_reason"], id="the-year-after"),
    ],
)
def test_papers_of_a_year_are_late_once_it_is_over(
    tmp_path: Path, date: str, on: str, refused: list[str]
) -> None:
    with make_county(tmp_path, "township-primary") as county:
        person = county.enter("person", staff_no="A1", name="葛明远", active=True)
        paper = county.enter("assessment", person=person, date=date, grade="good")
        assert county.act(paper, "hand_in", on) == refused


@pytest.mark.parametrize(
    ("date", "on", "refused"),
    [
        pytest.param("2019-09-10", "2019-09-30", [], id="last-day"),
        pytest.param("2019-09-10", "2019-10-01", ["late_without_reason"], id="a-day-after"),
        pytest.param("2020-03-02", "2020-03-05", ["late_without_reason"], id="second-term"),
    ],
)
def test_a_plan_of_a_school_year_is_due_at_its_begin(
    tmp_path: Path, date: str, on: str, refused: list[str]
) -> None:
    with make_county(tmp_path, "jiyuan") as county:
        plan = county.enter("plan", what="school_research", name="校本研修计划", date=date)
        assert county.act(plan, "submit", on) == refused
