"""What the named queries of a shipped pack list, and what they leave out."""

from pathlib import Path

from tests.server.walks.shipped_county import make_county


def test_a_removed_form_is_not_listed_as_not_handed_in(tmp_path: Path) -> None:
    with make_county(tmp_path, "chongqing") as county:
        teacher = county.enter("person", staff_no="C1", name="向红梅", active=True)
        for year in (2023, 2024):
            form = county.enter("assessment", person=teacher, year_end=f"{year}-12-31")
        node = county.school
        with node.write(actor="registrar") as action:
            action.delete("assessment", node.find_record(form.name))
        rows = node.query(county.pack.queries["forms_not_handed_in"].sql)
    assert [row["year"] for row in rows] == ["2023"]
