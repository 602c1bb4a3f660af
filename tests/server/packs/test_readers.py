"""No dead declarations: what may carry a statement is read by a page, a command or a form."""

import re
from functools import cache
from pathlib import Path
from typing import Final

import msgspec
import pytest

import xueshi_client
import xueshi_server
from tests.server.packs.documents import shipped_packs, traced
from xueshi_server.domain.packs import model
from xueshi_server.domain.packs.coverage import READ_BY, trace_statements
from xueshi_server.domain.packs.pack import KINDS, Pack
from xueshi_server.pack_files import read_shipped

# Reading and checking a pack is no use of what it declares.
_PACKS: Final = "domain/packs/"
# Kinds that people meet on a page and at the console, with what shows them.
SHOWN: Final = {
    "entitlement": ("server/web/views/grants.py", "client/commands/grants.py"),
    "budget": ("server/domain/rules/budgets.py", "client/commands/grants.py"),
    "shelf": ("server/web/views/budgets.py",),
    "role": ("server/web/views/grants.py",),
    "conversion": ("server/domain/rules/quantities.py", "server/web/views/grants.py"),
    "target": ("client/commands/figures.py",),
}
# Words that a person writes for people who read the pack itself.
_FOR_READERS: Final = {"sha256", "system"}


@cache
def sources() -> dict[str, str]:
    """The code that uses packs, by file."""
    found = {}
    for name, package in (("server", xueshi_server), ("client", xueshi_client)):
        root = Path(package.__file__ or "").parent
        for file in sorted(root.rglob("*.py")):
            place = f"{name}/{file.relative_to(root).as_posix()}"
            if _PACKS not in place:
                found[place] = file.read_text("utf-8")
    return found


def reads(name: str, *files: str) -> bool:
    """Whether some code looks at an attribute of that name."""
    asks = re.compile(rf"(?:\.|\"){re.escape(name)}\b")
    texts = [text for file, text in sources().items() if not files or file in files]
    return any(asks.search(text) for text in texts)


def test_whatever_carries_a_statement_is_said_to_be_read_by_something() -> None:
    kinds = {
        name.split()[0]
        for each in traced()
        for name in (*each.carried_by, *each.told, *each.chosen)
    }
    assert kinds - READ_BY.keys() == set()
    assert READ_BY.keys() <= KINDS.keys()


@pytest.mark.parametrize("kind", READ_BY)
def test_every_kind_that_may_carry_a_statement_is_read(kind: str) -> None:
    assert reads(KINDS[kind])


@pytest.mark.parametrize(("kind", "file"), [(k, f) for k, some in SHOWN.items() for f in some])
def test_what_people_meet_is_shown_where_it_is_said_to_be(kind: str, file: str) -> None:
    assert reads(KINDS[kind], file)


STRUCTS: Final = (
    model.Entitlement, model.Budget, model.Payer, model.Shelf, model.Role, model.Veto,
    model.ConversionRow, model.Conversion, model.Target, model.Statistic,
)  # fmt: skip


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_every_key_of_what_was_dead_once_is_read(struct: type[msgspec.Struct]) -> None:
    names = {field.name for field in msgspec.structs.fields(struct)} - _FOR_READERS
    assert sorted(each for each in names if not reads(each)) == []


@pytest.mark.parametrize("pack", shipped_packs(), ids=lambda pack: pack.id)
def test_every_shelf_holds_records_and_every_list_of_codes_is_used(pack: Pack) -> None:
    assert [each.id for each in pack.shelves.values() if each.of is None] == []
    text = "\n".join(
        data.decode() for name, data in read_shipped(pack.id).items() if name.endswith(".toml")
    )
    named = [*pack.codes, *pack.papers, *pack.subjects]
    unused = [each for each in named if len(re.findall(rf'"{re.escape(each)}"', text)) < 2]
    links = [each for each in unused if not re.search(rf"\b{re.escape(each)} = ", text)]
    assert links == []


@pytest.mark.parametrize("pack", shipped_packs(), ids=lambda pack: pack.id)
def test_every_role_acts_or_has_its_duties_told(pack: Pack) -> None:
    acting = {name for each in trace_statements([pack]) for name in each.carried_by}
    idle = [
        each.id
        for each in pack.roles.values()
        # People are whom rules ask.
        if each.tier != "person"
        and not each.duties
        and not each.source
        and f"role {each.id}" not in acting
    ]
    steps = {step.role for flow in pack.workflows.values() for step in flow.step}
    money: list[model.Entitlement | model.Budget] = [
        *pack.entitlements.values(),
        *pack.budgets.values(),
    ]
    payers = {payer.payer for each in money for payer in each.payers}
    assert [each for each in idle if each not in steps | payers] == []


def test_numbers_that_no_source_names_are_the_countys_own() -> None:
    by_id = {each.statement.id: each for each in traced()}
    assert "parameter selection_age_max" in by_id["S2.37"].chosen
    assert "parameter conversion_cap" in by_id["S2.48"].chosen
    chongqing = next(each for each in shipped_packs() if each.id == "chongqing")
    rows = chongqing.conversions["hours_of_work"].row
    assert [each.label.zh for each in rows if isinstance(each.minutes, str)] == []


def test_what_is_only_told_is_said_to_be() -> None:
    told = {each.statement.id for each in traced() if each.told and not each.carried_by}
    assert told == {"S0.50", "S1.31"}
