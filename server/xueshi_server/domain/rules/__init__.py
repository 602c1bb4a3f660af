"""The rule engine: pure functions from a pack's rules and the facts of a day to results."""
