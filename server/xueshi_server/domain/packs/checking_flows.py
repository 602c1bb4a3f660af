"""Checks of how things move and who pays: workflows, entitlements, budgets, printed forms."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from xueshi_server.domain.packs.checker import BUILT_IN_SUBJECTS, Checker, Fields, fields_of
from xueshi_server.domain.packs.checking_conditions import check_amount, check_where, check_who
from xueshi_server.domain.packs.checking_measures import MeasureCheck, check_month_day
from xueshi_server.domain.packs.checking_rules import percent
from xueshi_server.domain.packs.held import held_types, types_of_rule
from xueshi_server.domain.packs.measures import Amount, Formula
from xueshi_server.domain.packs.model import (
    Block,
    Deadline,
    Entitlement,
    Form,
    Payer,
    Transition,
    Workflow,
)
from xueshi_server.domain.packs.pack import Spot

# The key that a block is nothing without.
_NEEDED: Final = {"fields": "fields", "table": "of", "rules": "rules", "grants": "entitlements"}


def check_workflows(checker: Checker) -> None:
    """Check every workflow."""
    for workflow_id, workflow in checker.pack.workflows.items():
        spot = ("workflow", workflow_id)
        declared = checker.type_of(workflow.of, (*spot, "of"))
        fields = fields_of(declared) if declared else {}
        states = {each.id for each in workflow.state}
        _check_twice(checker, [each.id for each in workflow.state], (*spot, "state"))
        _check_twice(checker, [each.id for each in workflow.step], (*spot, "step"))
        for position, step in enumerate(workflow.step):
            _check_step(checker, step, (*spot, "step", position), (states, fields, workflow.of))
        _check_ways(checker, workflow, spot)


def _check_twice(checker: Checker, ids: Sequence[str], spot: Spot) -> None:
    for position, each in enumerate(ids):
        if each in ids[:position]:
            checker.fault("id_twice_inside", (*spot, position, "id"), id=each, kind=str(spot[-1]))


def _check_step(
    checker: Checker, step: Transition, spot: Spot, within: tuple[set[str], Fields, str]
) -> None:
    states, fields, of = within
    if not step.from_:
        checker.fault("step_from_nowhere", spot, id=step.id)
    for position, state in enumerate(step.from_):
        checker.known("state_unknown", state, states, (*spot, "from", position), of=step.id)
    checker.known("state_unknown", step.to, states, (*spot, "to"), of=step.id)
    checker.role(step.role, (*spot, "role"))
    for position, paper in enumerate(step.papers):
        checker.paper(paper, (*spot, "papers", position))
    for position, gate in enumerate(step.gate):
        checker.rule(gate, (*spot, "gate", position))
        _check_sight(checker, gate, (*spot, "gate", position), (step.role, of))
    if step.deadline is not None:
        _check_deadline(checker, step.deadline, (*spot, "deadline"), (fields, of))
    elif step.late != "accept":
        checker.fault("late_without_deadline", (*spot, "late"), id=step.id)
    if step.quota is not None:
        _check_quota(checker, step.quota, (*spot, "quota"), step.id)
    if step.publicity_days < 0:
        checker.fault("publicity_negative", (*spot, "publicity_days"), id=step.id)


def _check_quota(checker: Checker, quota: Amount, spot: Spot, step: str) -> None:
    check_amount(checker, quota, spot)
    places = checker.amount(quota, spot)
    if places is not None and places < 0:
        checker.fault("quota_negative", spot, id=step)
    if isinstance(quota, Formula) and quota.measure is not None:
        checker.fault("quota_measured", spot, id=step)


def _check_sight(checker: Checker, gate: str, spot: Spot, by: tuple[str, str]) -> None:
    """A school never knows what a gate asks of types that stand with the centre alone."""
    role, moved = (checker.pack.roles.get(by[0]), checker.pack.types.get(by[1]))
    at_centre = role is None or role.tier in ("centre", "above", "outside")
    if at_centre or moved is None or moved.place == "centre":
        return
    hidden = types_of_rule(checker.pack, gate) - held_types(checker.pack, "school").keys()
    if hidden:
        checker.fault("gate_out_of_sight", spot, id=gate, type=min(hidden))


def _check_deadline(
    checker: Checker, deadline: Deadline, spot: Spot, of: tuple[Fields, str]
) -> None:
    fields, name = of
    if (deadline.on is None) == (deadline.field is None):
        checker.fault("day_alternatives", spot)
    if deadline.on is not None:
        check_month_day(checker, deadline.on, (*spot, "on"))
    if deadline.field is not None and fields:
        checker.date_field(fields, deadline.field, (*spot, "field"), name)


def _check_ways(checker: Checker, workflow: Workflow, spot: Spot) -> None:
    """Every state can be reached from the first, and left unless it is final."""
    if not workflow.state:
        checker.fault("workflow_empty", spot, id=workflow.id)
        return
    reached, waiting = set[str](), [workflow.state[0].id]
    while waiting:
        state = waiting.pop()
        if state not in reached:
            reached.add(state)
            waiting += [step.to for step in workflow.step if state in step.from_]
    left = {state for step in workflow.step for state in step.from_}
    for position, declared in enumerate(workflow.state):
        here = (*spot, "state", position)
        if declared.id not in reached:
            checker.fault("state_unreachable", here, id=declared.id)
        if declared.final and declared.id in left:
            checker.fault("state_final_left", here, id=declared.id)
        if not declared.final and declared.id not in left:
            checker.fault("state_dead_end", here, id=declared.id)


def check_money(checker: Checker) -> None:
    """Check every entitlement and budget."""
    for each in checker.pack.entitlements.values():
        _check_entitlement(checker, each, ("entitlement", each.id))
    for budget in checker.pack.budgets.values():
        spot = ("budget", budget.id)
        checker.subject(budget.scope, (*spot, "scope"))
        if budget.rule is not None:
            checker.rule(budget.rule, (*spot, "rule"))
        _check_payers(checker, budget.payers, spot)


def _check_entitlement(checker: Checker, given: Entitlement, spot: Spot) -> None:
    if checker.subject(given.scope, (*spot, "scope")):
        check_who(checker, given.who, (*spot, "who"), given.scope)
    if given.rule is not None:
        checker.rule(given.rule, (*spot, "rule"))
    if given.amount is not None:
        MeasureCheck(checker, given.scope, None).amount(given.amount, (*spot, "amount"))
        if not given.payers:
            checker.fault("payer_missing", spot, id=given.id)
        if not given.per:
            checker.fault("per_missing", spot, id=given.id)
    _check_payers(checker, given.payers, spot)


def _check_payers(checker: Checker, payers: Sequence[Payer], spot: Spot) -> None:
    total: Fraction | None = Fraction()
    for position, payer in enumerate(payers):
        here = (*spot, "payers", position)
        checker.role(payer.payer, (*here, "payer"))
        check_amount(checker, payer.share, (*here, "share"))
        share = checker.amount(payer.share, (*here, "share"))
        total = None if total is None or share is None else total + share
    if payers and total is not None and total != 1:
        checker.fault("shares_sum", (*spot, "payers"), sum=percent(total))


def check_forms(checker: Checker) -> None:
    """Check every printed form."""
    for form_id, form in checker.pack.forms.items():
        spot = ("form", form_id)
        known = (*checker.pack.subjects, *BUILT_IN_SUBJECTS, *checker.pack.types)
        found = checker.known("form_scope_unknown", form.scope, known, (*spot, "scope"))
        if not form.block:
            checker.fault("form_empty", spot, id=form_id)
        if form.copies < 1:
            checker.fault("copies_not_positive", (*spot, "copies"), id=form_id)
        for position, block in enumerate(form.block):
            fields = _form_fields(checker, form) if found else {}
            _check_block(checker, block, (*spot, "block", position), (form.scope, fields))


def _form_fields(checker: Checker, form: Form) -> Fields:
    declared = checker.pack.types.get(form.scope)
    known = form.scope in (*checker.pack.subjects, *BUILT_IN_SUBJECTS)
    if known or declared is None:
        return checker.subject_fields(form.scope)
    return fields_of(declared)


def _check_block(checker: Checker, block: Block, spot: Spot, of: tuple[str, Fields]) -> None:
    name, fields = of
    if block.of is not None:
        declared = checker.type_of(block.of, (*spot, "of"))
        if declared is None:
            return
        name, fields = declared.id, fields_of(declared)
        check_where(checker, block.where, (*spot, "where"), declared)
    for position, field in enumerate(block.fields if fields else ()):
        checker.field(fields, field, (*spot, "fields", position), name, shown=True)
    if block.total is not None and fields:
        checker.whole_field(fields, block.total, (*spot, "total"), name)
    for position, rule in enumerate(block.rules):
        checker.rule(rule, (*spot, "rules", position))
    for position, each in enumerate(block.entitlements):
        here = (*spot, "entitlements", position)
        checker.known("entitlement_unknown", each, checker.pack.entitlements, here)
    needed = _NEEDED.get(block.kind)
    if needed and not getattr(block, needed) and not (needed == "rules" and block.every):
        checker.fault("block_incomplete", spot, kind=block.kind, name=needed)
    # Lines are room to write by hand.
    if block.kind == "text" and block.text is None and not block.lines:
        checker.fault("block_incomplete", spot, kind=block.kind, name="text")
