"""Which entry stands for a chain of corrections."""

import pytest

from xueshi_server.store.corrected import Entry, over_taken

# Entries as (number, what it corrects, state, credited); those over whom another one stands.
CASES = [
    pytest.param([(1, None, "approved", 90), (2, 1, "pending", 0)], {1}, id="a-correction-waits"),
    pytest.param([(1, None, "approved", 90), (2, 1, "returned", 0)], set(), id="it-came-back"),
    pytest.param([(1, None, "approved", 90), (2, 1, "withdrawn", 0)], set(), id="it-was-withdrawn"),
    pytest.param(
        [(1, None, "approved", 90), (2, 1, "rejected", 0), (3, 2, "pending", 0)], {1},
        id="the-next-try-stands-for-the-first",
    ),
    pytest.param(
        [(1, None, "pending", 0), (2, 1, "pending", 0), (3, 1, "pending", 0)], {1, 2},
        id="the-newest-of-two",
    ),
    pytest.param(
        [(1, None, "approved", 90), (2, 1, "disputed", 0), (3, 1, "disputed", 0)], {2, 3},
        id="rivals-leave-what-is-credited",
    ),
    pytest.param([(2, 1, "pending", 0), (3, 1, "pending", 0)], {2}, id="the-first-is-not-here"),
    pytest.param([(1, None, "void", 0), (2, 1, "rejected", 0)], set(), id="nothing-stands"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "over"), CASES)
def test_one_entry_stands_for_a_chain(
    given: list[tuple[int, int | None, str, int]], over: set[int]
) -> None:
    entries = [Entry(rec, older, state, paid, rec) for rec, older, state, paid in given]
    assert over_taken(entries) == over
