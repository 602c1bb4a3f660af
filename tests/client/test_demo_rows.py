"""The demo's invented people and hours."""

import pytest

from xueshi_client.demo.rows import School, list_schools, load_county, make_rows

SCHOOLS = list_schools()


@pytest.mark.parametrize("school", SCHOOLS, ids=lambda school: school.code)
def test_rows_are_the_same_on_every_run(school: School) -> None:
    assert make_rows(school, load_county()) == make_rows(school, load_county())


@pytest.mark.parametrize("school", SCHOOLS, ids=lambda school: school.code)
def test_a_school_has_as_many_rows_and_teachers_as_it_says(school: School) -> None:
    rows = make_rows(school, load_county())
    assert len(rows) == school.rows
    assert len({row["teacher_id"] for row in rows}) == school.teachers


def test_a_staff_number_always_has_the_same_name() -> None:
    rows = [row for school in SCHOOLS for row in make_rows(school, load_county())]
    names = {(row["teacher_id"], row["teacher_name"]) for row in rows}
    assert len(names) == len({staff_no for staff_no, _ in names})


def test_hours_are_quarters_and_days_are_in_order() -> None:
    rows = make_rows(SCHOOLS[0], load_county())
    assert all(row["hours"] * 4 == int(row["hours"] * 4) for row in rows)
    assert [row["date"] for row in rows] == sorted(row["date"] for row in rows)
