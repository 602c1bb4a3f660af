"""A county of plain rows, to say what a rule of a shipped pack makes of them.

    results = evaluate_case("jiyuan", "JY-360", {"person": [...], "hour": [...]}, "2020-12-31")
    results["S1", 1].status

Rows may leave out `scope` (S1, or C1 for types that stand with the county), `rec` (1, 2, ... in
each type), and in ledgers `state` (approved) and `credited` (the whole amount once approved).
Every school of a row is expected and heard from, unless `heard` says until when: one day for all,
or a day or None for each school.
"""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from msgspec.structs import replace

import xueshi_server
from xueshi_server.domain.packs.model import RecordType
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.packs.reading import load_pack
from xueshi_server.domain.rules.evaluate import Evaluation, evaluate
from xueshi_server.domain.rules.facts import Heard, Key, Row, School
from xueshi_server.domain.rules.results import Result
from xueshi_server.domain.rules.row_facts import RowFacts

SHIPPED = Path(xueshi_server.__file__).parent / "packs"
SCHOOL = "S1"
COUNTY = "C1"

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
HeardUntil = str | Mapping[str, str | None] | None


@cache
def load(pack_id: str) -> Pack:
    """A shipped pack with all that it extends."""
    return load_pack(_folders(pack_id), pack_id)


@cache
def load_with(pack_id: str, settings: tuple[tuple[str, bool | int | str], ...]) -> Pack:
    """A shipped pack of a county that has set some parameters."""
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in settings]
    text = "\n".join(["[set]", *lines, ""])
    folders = _folders(pack_id)
    files = {**folders[pack_id], "county.toml": text.encode()}
    return load_pack({**folders, pack_id: files}, pack_id)


@cache
def _folders(pack_id: str) -> dict[str, dict[str, bytes]]:
    folders: dict[str, dict[str, bytes]] = {}
    wanted = [pack_id]
    while wanted:
        each = wanted.pop()
        files = {file.name: file.read_bytes() for file in sorted((SHIPPED / each).glob("*.toml"))}
        folders[each] = files
        wanted += [
            other.name
            for other in SHIPPED.iterdir()
            if other.name not in folders and f'"{other.name}"'.encode() in files["pack.toml"]
        ]
    return folders


def facts_of(
    pack: Pack, rows: Rows, heard: HeardUntil = None, kinds: Mapping[str, str] | None = None
) -> RowFacts:
    """The rows as facts, with what they leave out filled in. `kinds`: tiers of schools."""
    full = {
        of: [_complete(pack.types[of], number, row) for number, row in enumerate(some, 1)]
        for of, some in rows.items()
    }
    scopes = {str(row["scope"]) for some in full.values() for row in some} - {COUNTY}
    scopes |= set(kinds or ()) | (set(heard) if isinstance(heard, Mapping) else set())
    schools = {
        scope: School(scope, scope, (kinds or {}).get(scope, "school"), _heard(heard, scope))
        for scope in sorted(scopes or {SCHOOL})
    }
    return RowFacts(full, Heard(schools))


def set_parameters(pack: Pack, params: Mapping[str, bool | int | str]) -> Pack:
    """The pack with other values of some parameters."""
    changed = {name: replace(pack.parameters[name], value=params[name]) for name in params}
    return replace(pack, parameters={**pack.parameters, **changed})


def evaluate_rows(
    pack: Pack, rows: Rows, as_of: str, *, heard: HeardUntil = None, **options: Any
) -> Evaluation:
    """All rules of a pack over rows; `kinds`, `on`, `rules`, `subjects` as options."""
    facts = facts_of(pack, rows, heard, options.pop("kinds", None))
    on = options.pop("on", None)
    day = None if on is None else dt.date.fromisoformat(on)
    return evaluate(pack, facts, dt.date.fromisoformat(as_of), on=day, **options)


def evaluate_case(
    pack_id: str,
    rule_id: str,
    rows: Rows,
    as_of: str,
    *,
    params: Mapping[str, bool | int | str] | None = None,
    **options: Any,
) -> dict[Key, Result]:
    """What one rule says of each subject, by the subject's key."""
    pack = load_with(pack_id, tuple((params or {}).items()))
    evaluation = evaluate_rows(pack, rows, as_of, rules=[rule_id], **options)
    for _, fault in evaluation.faults:
        raise fault
    return {result.subject: result for result in evaluation.results}


def _complete(declared: RecordType, number: int, row: Mapping[str, Any]) -> Row:
    place = SCHOOL if declared.place == "school" else COUNTY
    full: dict[str, Any] = {"scope": place, "rec": number, **row}
    if declared.kind == "ledger":
        full.setdefault("state", "approved" if declared.judges else "pending")
        amount = full.get(declared.amount or "", 0) or 0
        full.setdefault("credited", amount if full["state"] == "approved" else 0)
    return full


def _heard(heard: HeardUntil, scope: str) -> dt.date | None:
    until = heard.get(scope, "9999-12-31") if isinstance(heard, Mapping) else heard
    if until is None:
        return None if isinstance(heard, Mapping) else dt.date.max
    return dt.date.fromisoformat(until)
