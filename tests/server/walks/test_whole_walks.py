"""All walks together leave nothing out: systems, types, states, steps, printed forms, queries."""

from typing import Final

import pytest

# Importing them makes them known, whichever file is run alone.
from tests.server.rules.county import load
from tests.server.walks import (
    test_chongqing_walks_backbone,
    test_chongqing_walks_class,
    test_jiyuan_walks,
    test_mianzhu_walks,
    test_qinggang_walks,
    test_township_walks,
)
from tests.server.walks.walked import WALKS, Walked

FILES: Final = (
    test_township_walks,
    test_mianzhu_walks,
    test_chongqing_walks_backbone,
    test_chongqing_walks_class,
    test_jiyuan_walks,
    test_qinggang_walks,
)
# The 29 systems of the sources, each with one walk that goes all the way through it.
SYSTEMS: Final = {
    "Y1": "test_three_hundred_and_sixty_hours_open_the_career",
    "Y2": "test_titles_grow_towards_the_targets_of_five_years",
    "Y3": "test_hours_are_registered_and_the_three_papers_reviewed",
    "Y4": "test_four_services_reach_four_forms_of_work_at_school",
    "Y5": "test_a_donated_class_runs_from_notice_to_certificates",
    "Y6": "test_the_roster_says_how_many_schools_and_degrees",
    "Y7": "test_selection_goes_from_school_to_district_to_the_experts_of_the_city",
    "Y8": "test_a_national_trainee_is_appointed_by_the_ministry",
    "Y9": "test_committee_groups_and_mentors_are_judged_by_what_they_did",
    "Y10": "test_the_duties_of_a_year_are_met_once_they_are_approved",
    "Y11": "test_an_assessment_passes_school_district_and_committee",
    "Y12": "test_money_and_continuing_education_follow_the_assessment",
    "Y13": "test_a_plan_starts_only_after_the_experts_and_may_be_improved",
    "Y14": "test_a_class_is_opened_inspected_and_archived",
    "Y15": "test_grades_pass_fail_and_resit",
    "Y16": "test_the_cycle_of_360_hours_and_its_projects",
    "Y17": "test_the_ethics_file_stands_before_every_award",
    "Y18": "test_the_ladder_of_backbone_teachers_and_their_teams",
    "Y19": "test_trainers_come_and_go_and_new_teachers_stay_a_year",
    "Y20": "test_school_research_is_approved_managed_and_evaluated",
    "Y21": "test_the_library_feeds_the_registration_of_backbone_teachers",
    "Y22": "test_money_plans_and_inspections_of_the_city",
    "Y23": "test_a_project_goes_from_level_to_level_with_its_files",
    "Y24": "test_the_bulletin_gets_two_contributions_an_issue",
    "Y25": "test_lessons_are_polished_from_school_to_city",
    "Y26": "test_the_four_duties_of_a_term",
    "Y27": "test_researchers_visit_and_clusters_work_together",
    "Y28": "test_the_year_has_a_programme_for_each_audience",
    "Y29": "test_degree_students_are_followed_to_their_graduation",
}
PACKS: Final = ("township-primary", "mianzhu", "chongqing", "jiyuan", "qinggang")
QUERIES: Final = [(pack, each) for pack in PACKS for each in load(pack).queries]


def test_each_of_the_29_systems_has_a_walk() -> None:
    assert list(SYSTEMS) == [f"Y{number}" for number in range(1, 30)]
    assert [each for each, name in SYSTEMS.items() if each not in WALKS[name].systems] == []


def test_every_walk_goes_through_a_system_and_is_a_test() -> None:
    tests = {name for file in FILES for name in vars(file) if name.startswith("test_")}
    assert {name for name, each in WALKS.items() if each.systems} <= tests


@pytest.mark.parametrize("pack_id", PACKS)
def test_every_type_is_entered_in_a_walk(walked: Walked, pack_id: str) -> None:
    entered = walked.diary_of(pack_id).types
    assert [each for each in load(pack_id).types if each not in entered] == []


@pytest.mark.parametrize("pack_id", PACKS)
def test_every_state_is_reached_and_every_step_taken_in_a_walk(
    walked: Walked, pack_id: str
) -> None:
    diary, flows = walked.diary_of(pack_id), load(pack_id).workflows.values()
    states = {(flow.id, each.id) for flow in flows for each in flow.state}
    steps = {(flow.id, each.id) for flow in flows for each in flow.step}
    assert sorted(states - diary.states) == []
    assert sorted(steps - diary.steps) == []


@pytest.mark.parametrize("pack_id", PACKS)
def test_every_form_is_printed_in_a_walk(walked: Walked, pack_id: str) -> None:
    printed = walked.diary_of(pack_id).forms
    assert [each for each in load(pack_id).forms if each not in printed] == []


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("pack_id", PACKS)
def test_every_printed_form_has_its_headings_and_clauses(
    walked: Walked, pack_id: str, language: str
) -> None:
    for county in walked.all_of(pack_id):
        for form_id in county.diary.forms:
            paper = county.print_again(form_id, language)
            assert len(paper.sections) == len(county.pack.forms[form_id].block), form_id
            for section in paper.sections:
                assert all(cell.label for cell in section.cells), form_id
                assert all(section.head), form_id
                assert all(line.label and line.clause for line in section.rules), form_id
                assert section.opinions or section.kind != "steps", form_id


def test_the_digest_tells_one_sheet_from_another(walked: Walked) -> None:
    sheets = [
        county.print_again(form_id, "zh")
        for county in walked.all_of("jiyuan")
        for form_id in county.diary.forms
    ]
    assert len({each.digest for each in sheets}) == len(sheets)


@pytest.mark.parametrize(("pack_id", "query"), QUERIES)
def test_a_named_query_finds_something_after_the_walks(
    walked: Walked, pack_id: str, query: str
) -> None:
    sql = load(pack_id).queries[query].sql
    assert any(county.at_centre().query(sql) for county in walked.all_of(pack_id))
