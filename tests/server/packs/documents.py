"""Makes what is generated from the packs: `python -m tests.server.packs.documents`.

`server/pack.schema.json` lets editors complete packs; `server/COVERAGE.md` says where every
statement of the source documents lives.
"""

import json
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from xueshi_server.domain.packs.coverage import READ_BY, Traced, trace_statements
from xueshi_server.domain.packs.model import PackFile
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.packs.reading import load_pack
from xueshi_server.pack_files import list_shipped, read_shipped, split_closure

ROOT: Final = Path(__file__).parents[3]
SCHEMA: Final = ROOT / "server/pack.schema.json"
COVERAGE: Final = ROOT / "server/COVERAGE.md"
CLASSES: Final = {
    "A": "activity",
    "R": "rule",
    "W": "workflow",
    "F": "form",
    "E": "entitlement",
    "S": "statistic",
    "B": "budget",
    "L": "resource",
    "O": "organisation",
    "T": "target",
    "P": "parameter",
    "Q": "not checkable",
}
HEAD: Final = """# Where every statement of the source documents lives

Made by `python -m tests.server.packs.documents` from the shipped packs; a test keeps it fresh.
Each quotation is exact. A declaration is named by its kind and id, as `xueshi pack-check` does;
`codes level/county` is the value `county` of the code list `level`. A statement is carried where
something is entered, worked out, checked or printed; "only told" means that a page says it and
nothing more; "the county's own choice" are values where the statement names none.

"""


@cache
def shipped_packs() -> tuple[Pack, ...]:
    """Every shipped pack, resolved."""
    found = []
    for pack_id in list_shipped():
        closure = split_closure(read_shipped(pack_id))
        found.append(load_pack(closure, pack_id))
    return tuple(found)


@cache
def traced() -> tuple[Traced, ...]:
    """Every statement of the shipped packs."""
    return tuple(trace_statements(shipped_packs()))


def make_schema() -> str:
    """The JSON Schema of one TOML file of a pack."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A TOML file of a Xueshi pack",
        **msgspec.json.schema(PackFile),
    }
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


def make_coverage() -> str:
    """The table of statements, by document, and the systems with their rules."""
    rows = list(traced())
    carried = sum(1 for each in rows if each.carried_by)
    told = sum(1 for each in rows if not each.carried_by and each.told)
    why = sum(1 for each in rows if not each.carried_by and not each.told and each.explained)
    text = HEAD + f"{len(rows)} statements: {carried} carried by declarations, {told} only told, "
    text += f"{why} explained, {len(rows) - carried - told - why} open.\n"
    text += _readers(rows)
    document = ""
    for row in rows:
        name = row.statement.id.partition(".")[0]
        if name != document:
            document = name
            text += f"\n## {name} {row.document.zh} ({row.document.en})\n\n"
            text += "| id | class | quotation | where it lives |\n| --- | --- | --- | --- |\n"
        text += _row(row)
    return text + _systems()


def _readers(rows: list[Traced]) -> str:
    """What reads the kinds of declarations that the table names."""
    kinds = {name.split()[0] for row in rows for name in (*row.carried_by, *row.told, *row.chosen)}
    text = "\n## Where a declaration is seen\n\n| kind | read by |\n| --- | --- |\n"
    return text + "".join(
        f"| {kind} | {reader} |\n" for kind, reader in READ_BY.items() if kind in kinds
    )


def _row(row: Traced) -> str:
    statement = row.statement
    where = ", ".join(f"`{each}`" for each in row.carried_by)
    if row.told:
        told = ", ".join(f"`{each}`" for each in row.told)
        where = f"{where}; told by {told}" if where else f"only told by {told}"
    if row.chosen:
        chosen = ", ".join(f"`{each}`" for each in row.chosen)
        where = "; ".join(filter(None, [where, f"the county's own choice: {chosen}"]))
    if statement.why_not is not None:
        why = f"{statement.why_not.zh} ({statement.why_not.en})"
        where = f"{where}; {why}" if where else why
    quote = statement.quote.replace("|", "\\|").replace("\n", " ")
    kind = CLASSES[statement.cls]
    return f"| {statement.id} | {kind} | {quote} | {where or 'open'} |\n"


def _systems() -> str:
    """The systems of the documents, with what belongs to each."""
    by_system: dict[str, list[str]] = {}
    for pack in shipped_packs():
        for rule in pack.rules.values():
            if rule.system and pack.origins[f"rule:{rule.id}"] == pack.id:
                by_system.setdefault(rule.system, []).append(rule.id)
    text = "\n## Rules by system\n\n| system | rules |\n| --- | --- |\n"
    for system in sorted(by_system, key=lambda each: int(each.strip("Y") or 0)):
        text += f"| {system} | {', '.join(f'`{each}`' for each in by_system[system])} |\n"
    return text


if __name__ == "__main__":
    SCHEMA.write_text(make_schema(), "utf-8")
    COVERAGE.write_text(make_coverage(), "utf-8")
