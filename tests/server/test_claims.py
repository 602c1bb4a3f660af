"""Claims of reports: what is true, what would have to be, and who is still silent."""

import datetime as dt
from fractions import Fraction

import pytest

from xueshi_server.domain.claims import Claim, examine_claim, list_silent
from xueshi_server.domain.rules.amounts import Interval, exactly
from xueshi_server.domain.rules.facts import Heard, School
from xueshi_server.domain.rules.figures import Figure, agrees
from xueshi_server.domain.rules.spans import Span

SPAN = Span(dt.date(2012, 1, 1), dt.date(2012, 12, 31))


def figure(claimed: str | None, part: Interval, whole: Interval) -> Figure:
    value = None
    if part.exact is not None and whole.exact:
        value = exactly(Fraction(part.exact) / Fraction(whole.exact))
    found = None if claimed is None else agrees(value, claimed)
    return Figure(
        "sent_times", "1", (), "", SPAN, value, figures=(part, whole), claimed=claimed, agrees=found
    )


def test_the_124_per_cent_of_the_sources_would_need_a_whole_of_3188() -> None:
    """S1.29: 3953 person-times of 3707 teachers are 106.6 %."""
    claim = examine_claim(figure("124%", exactly(3953), exactly(3707)))
    assert claim == Claim("124%", False, 3953, 3707, 4597, 3188)


@pytest.mark.parametrize(
    ("claimed", "found"),
    [
        pytest.param("106.6%", Claim("106.6%", True, 3953, 3707, 3952, 3708), id="rounded"),
        pytest.param("0%", Claim("0%", False, 3953, 3707, 0, None), id="no whole for nought"),
        pytest.param("many", Claim("many", None), id="no number"),
    ],
)
def test_claims_are_examined_as_written(claimed: str, found: Claim) -> None:
    assert examine_claim(figure(claimed, exactly(3953), exactly(3707))) == found


def test_no_whole_would_make_a_share_of_nothing() -> None:
    claim = examine_claim(figure("124%", exactly(0), exactly(8)))
    assert claim == Claim("124%", False, 0, 8, 10, None)


def test_an_open_figure_leaves_the_claim_open() -> None:
    assert examine_claim(figure("98%", Interval(40, None), exactly(50))) == Claim("98%", None)


def test_where_nothing_is_claimed_there_is_no_claim() -> None:
    assert examine_claim(figure(None, exactly(1), exactly(2))) is None


def test_schools_that_are_silent_longest_come_first() -> None:
    days = {"S1": dt.date(2012, 6, 30), "S2": None, "S3": dt.date(2012, 3, 1), "S4": SPAN.last}
    heard = Heard({code: School(code, code, heard=last) for code, last in days.items()})
    assert [each.scope for each in list_silent(heard, SPAN.last)] == ["S2", "S3", "S1"]
