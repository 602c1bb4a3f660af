"""Ways to break the core that a county under Hypothesis must notice, by name.

Each is one small change of the product, made for one test.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest

from xueshi_sync import exchange, merge, projection
from xueshi_sync.authority import may
from xueshi_sync.body import DELETE, DELETED_FIELD, JUDGE
from xueshi_sync.exchange import Request
from xueshi_sync.replica import Replica
from xueshi_sync.sqlite_view import SqliteView
from xueshi_sync.viewer import Viewer
from xueshi_sync.writer import Action

Change = Callable[[pytest.MonkeyPatch], None]
MUTANTS: Final[dict[str, Change]] = {}


def mutant(make: Change) -> Change:
    """Register a change under its name."""
    MUTANTS[make.__name__] = make
    return make


# What is shown


@mutant
def local_number_breaks_ties(patch: pytest.MonkeyPatch) -> None:
    """Among equals the write with the largest local number is shown, not that with the largest
    public name."""
    by_field = projection.Projector._by_field

    def local(self: projection.Projector, rows: Any) -> Any:
        return {
            name: [replace(each, name=(each.dot.to_bytes(16, "big"), 0)) for each in writes]
            for name, writes in by_field(self, rows).items()
        }

    patch.setattr(projection.Projector, "_by_field", local)


@mutant
def rank_is_ignored(patch: pytest.MonkeyPatch) -> None:
    """A school's word is worth as much as the centre's."""
    by_field = projection.Projector._by_field

    def level(self: projection.Projector, rows: Any) -> Any:
        return {
            name: [replace(each, rank=0) for each in writes]
            for name, writes in by_field(self, rows).items()
        }

    patch.setattr(projection.Projector, "_by_field", level)


@mutant
def shown_value_alone_is_current(patch: pytest.MonkeyPatch) -> None:
    """A value that lost is forgotten instead of listed."""
    current = merge.current_writes
    patch.setattr(projection, "current_writes", lambda writes: current(writes)[:1])


@mutant
def edit_of_a_missing_record_is_dropped(patch: pytest.MonkeyPatch) -> None:
    """An edit that came before its record does not show when the record comes."""
    patch.setattr(SqliteView, "written_recs", lambda self, scope_no, table, low, high: [])


@mutant
def deletion_beats_an_unseen_edit(patch: pytest.MonkeyPatch) -> None:
    """A deletion removes also what it did not know of."""

    def marked(fields: Any, deletions: Any) -> bool:
        current = merge.current_writes(deletions)
        return bool(current) and all(each.value for each in current)

    patch.setattr(projection, "is_deleted", marked)


# What authors name


@mutant
def resolution_names_one_value(patch: pytest.MonkeyPatch) -> None:
    """Whoever settles a conflict replaces only the value that was shown."""
    current = Action._current
    patch.setattr(Action, "_current", lambda *given: current(*given)[:1])


@mutant
def deletion_names_no_edits(patch: pytest.MonkeyPatch) -> None:
    """A deletion says only which deletions it saw."""

    def bare(self: Action, table: str, key: Any) -> None:
        self._write(DELETE, self._table(table), key, {DELETED_FIELD: True})

    patch.setattr(Action, "delete", bare)


# Verdicts and credit


@mutant
def replaced_entry_is_credited_too(patch: pytest.MonkeyPatch) -> None:
    """What an approved correction replaced goes on counting."""
    credit = merge.credit_chain

    def both(entries: Any) -> Any:
        amounts = {each.rec: max(each.amount, 0) for each in entries}
        return {
            rec: replace(each, credited=amounts[rec]) if each.state == merge.REPLACED else each
            for rec, each in credit(entries).items()
        }

    patch.setattr(projection, "credit_chain", both)


@mutant
def rivals_credit_the_larger(patch: pytest.MonkeyPatch) -> None:
    """Of two approved corrections of one entry the larger counts."""

    def larger(rivals: Any, approved: Any, above: Any) -> int | None:
        return max(rivals, key=lambda each: each.amount).rec if rivals else None

    patch.setattr(merge, "_nearest_common", larger)


@mutant
def dispute_follows_the_first_verdict(patch: pytest.MonkeyPatch) -> None:
    """Of two concurrent verdicts the one of the higher tier counts."""

    def first(verdicts: Any, checks: Any) -> merge.Standing:
        shown = merge.current_writes(verdicts)[:1]
        state = merge.VERDICTS[str(shown[0].value)] if shown else merge.PENDING
        return merge.Standing(state, state)

    patch.setattr(projection, "judge", first)


@mutant
def dispute_credits_nothing(patch: pytest.MonkeyPatch) -> None:
    """What was approved before two judges parted is no longer credited."""
    judge = merge.judge

    def strict(verdicts: Any, checks: Any) -> merge.Standing:
        standing = judge(verdicts, checks)
        disputed = standing.state == merge.DISPUTED
        return merge.Standing(merge.DISPUTED, merge.PENDING) if disputed else standing

    patch.setattr(projection, "judge", strict)


@mutant
def school_judges_itself(patch: pytest.MonkeyPatch) -> None:
    """A school's verdict counts."""
    patch.setattr(
        projection, "may", lambda table, kind, tier: kind == JUDGE or may(table, kind, tier)
    )


@mutant
def withdrawal_beats_a_verdict(patch: pytest.MonkeyPatch) -> None:
    """Whoever wrote an entry can take it from the judges."""
    judge = merge.judge

    def weak(verdicts: Any, checks: Any) -> merge.Standing:
        said = merge.judge([], checks)
        return judge(verdicts) if said.state == merge.PENDING else said

    patch.setattr(projection, "judge", weak)


@mutant
def taken_right_leaves_its_verdicts(patch: pytest.MonkeyPatch) -> None:
    """A change of rights does not reach what is already here."""
    patch.setattr(Viewer, "_effect", lambda self, scope_no, authority: None)


# What is kept and sent


@mutant
def sent_once_is_enough(patch: pytest.MonkeyPatch) -> None:
    """What a request carried is not sent again, whether it arrived or not."""
    make = exchange._make_request
    sent: set[bytes] = set()

    def once(replica: Replica, limit_bytes: int) -> Request:
        request = make(replica, limit_bytes)
        blocks = [each for each in request.blocks if each not in sent]
        sent.update(blocks)
        return replace(request, blocks=blocks)

    patch.setattr(exchange, "_make_request", once)


@mutant
def new_epoch_drops_open_work(patch: pytest.MonkeyPatch) -> None:
    """What no block holds yet is gone with the epoch."""
    begin = Replica.begin_epoch

    def clean(self: Replica, reason: str) -> None:
        begin(self, reason)
        with self.feeds.feed_transaction():
            for state in self.feeds.scope_states():
                for number in self.feeds.open_numbers(state.scope_no):
                    self.feeds.drop_open_ops(state.scope_no, number)

    patch.setattr(Replica, "begin_epoch", clean)


@mutant
def sealed_block_takes_no_turn(patch: pytest.MonkeyPatch) -> None:
    """What was sealed here keeps the place it had before it had a name."""

    def skip(self: Viewer, scope_no: int, stored: Any, **_: Any) -> None:
        with self.view.view_transaction():
            self.view.put_watermark(scope_no, stored.pos)

    patch.setattr(Viewer, "show_sealed", skip)


@mutant
def view_built_anew_forgets_open_work(patch: pytest.MonkeyPatch) -> None:
    """A view that is built anew holds only what was sealed."""
    again = Viewer._project_again

    def sealed_only(self: Viewer, scope_no: int, progress: Any = None) -> None:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(type(self.feeds), "open_ops", lambda *_: [])
            again(self, scope_no, progress)

    patch.setattr(Viewer, "_project_again", sealed_only)
