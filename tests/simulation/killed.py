"""How many seeds each mutant lived through, from seed 0, when the table was last made.

`python -m tests.simulation.run --mutants --seeds 60 --events 400` makes it anew; the test plays
only the seed that killed. A change of the events changes what a seed does: then it is remade.
"""

from typing import Final

MUTANT_EVENTS: Final = 400

# Mutant: (seeds until it showed, the invariant that spoke).
SEEDS_TO_KILL: Final = {
    "cuts_ignored": (5, "I5"),
    "cut_covers_whole_feed": (5, "I5"),
    "admission_ignored": (60, "I5"),
    "cut_head_settles_nothing": (5, "I1"),
    "new_rights_touch_nothing": (1, "I1"),
    "loosest_word_wins": (7, "I5"),
    "no_scope_check": (6, "I5"),
    "rights_at_the_door_only": (1, "I5"),
    "schools_judge": (9, "I5"),
    "anybody_governs": (3, "I4/I9"),
    "signatures_unchecked": (3, "I5"),
    "body_unchecked": (6, "I8"),
    "county_unchecked": (3, "I5"),
    "loser_dropped": (1, "I4/I9"),
    "preds_by_arrival": (1, "I1"),
    "local_number_breaks_ties": (1, "I4/I9"),
    "rank_ignored": (1, "I4/I9"),
    "clock_breaks_ties": (1, "I4/I9"),
    "deletion_wins": (1, "I4/I9"),
    "no_disputes": (5, "I4/I9"),
    "dispute_credits_the_larger": (2, "I4/I9"),
    "correction_adds": (1, "I4/I9"),
    "early_writes_forgotten": (1, "I1"),
    "half_transactions": (1, "I1"),
    "no_catching_up": (1, "I1"),
    "watermark_first": (1, "I1"),
    "sealed_takes_no_turn": (5, "I1"),
    "entry_id_ignored": (1, "I7"),
    "refs_of_the_sender": (1, "I1"),
    "place_instead_of_hash": (1, "I1"),
    "refuse_forks": (1, "I1"),
    "no_parent_rule": (5, "I3"),
    "children_first": (2, "liveness"),
    "no_epochs": (1, "I6"),
    "no_sidecar": (3, "I6"),
    "sidecar_without_epoch": (7, "I6"),
    "sidecar_without_published": (7, "I6"),
    "foreign_blocks_unnoticed": (1, "I6"),
    "sticks_do_not_detect": (20, "I6"),
    "own_feed_not_pulled": (1, "I1"),
    "own_memory_trusted": (1, "I2"),
    "receipt_before_commit": (1, "I3"),
    "orphans_are_refused": (7, "I2"),
    "stale_answer_taken": (4, "I10"),
}

KILLED_BY: Final = {name: seeds - 1 for name, (seeds, _) in SEEDS_TO_KILL.items()}
