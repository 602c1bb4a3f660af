"""Pages of the training site made from a node's pack and totals: rules, record types, progress.

Plain Markdown by path below `docs`, the same bytes for the same declarations, so that a page whose
pack or figures did not change comes out of the builder as it was.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from xueshi_server.domain.packs.model import (
    Deadline,
    FieldDeclaration,
    RecordType,
    Rule,
    Transition,
)
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.site_build import (
    HIDDEN,
    LANGUAGES,
    BuiltSite,
    build_site,
    escape_markdown,
    find_source,
)
from xueshi_server.site_pages_figures import (
    RuleCount,
    count_rules,
    count_types,
    read_figures,
    school_year_of,
)
from xueshi_server.site_pages_words import Teller
from xueshi_server.store.packs import find_active
from xueshi_server.words import word
from xueshi_sync.node import Node

# Values of a long code list that a page shows.
_CODES_MAX: Final = 12


def build_node_site(
    node: Node, folder: Path, *, pages: Mapping[str, str] | None = None
) -> BuiltSite:
    """Build the training site with this node's totals and its pack, and put it into `folder`.

    `pages` are further ones, Markdown by path below `docs`.
    """
    as_of = dt.date.today()
    made = {**make_pages(node, as_of), **(pages or {})}
    return build_site(folder, read_figures(node, as_of), pages=made)


def make_pages(node: Node, as_of: dt.date) -> dict[str, str]:
    """Every generated page in every language, for what counts on a day."""
    pack = find_active(node, as_of).pack
    pages = make_pack_pages(pack)
    types, rules = count_types(node, pack, as_of), count_rules(node, pack, as_of)
    for language in LANGUAGES:
        press, year = _make_press(pack, language), school_year_of(pack, as_of)
        shown = {"name": node.name, "as_of": as_of}
        pages[f"{language}/year.md"] = press.print("year", year=year, types=types, **shown)
        pages[f"{language}/progress.md"] = press.print(
            "progress", groups=_by_subject(pack, rules), **shown
        )
    return pages


def make_pack_pages(pack: Pack) -> dict[str, str]:
    """The rules and the record types of a pack, a page for each kind of subject and each type."""
    pages = {}
    scopes: dict[str, list[Rule]] = {}
    for rule in pack.rules.values():
        scopes.setdefault(rule.scope, []).append(rule)
    types = list(pack.types.values())
    for language in LANGUAGES:
        press = _make_press(pack, language)
        pages[f"{language}/rules/index.md"] = press.print("rules", scopes=scopes)
        pages[f"{language}/types/index.md"] = press.print("types", types=types)
        for scope, rules in scopes.items():
            name = f"{language}/rules/{scope}.md"
            pages[name] = press.print("rules_of", scope=scope, rules=rules)
        for declared in types:
            name = f"{language}/types/{declared.id}.md"
            pages[name] = press.print("type", type=declared, **_parts_of(declared, press.teller))
    return pages


@dataclass(frozen=True)
class _Press:
    """The templates of the pages in one language."""

    teller: Teller
    templates: Environment

    def print(self, template: str, /, **values: Any) -> str:
        """One page."""
        return self.templates.get_template(f"{template}.md").render(**values)


def _make_press(pack: Pack, language: str) -> _Press:
    teller = Teller(pack, language)
    environment = Environment(
        loader=FileSystemLoader(find_source() / "templates" / "pages"),
        undefined=StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(md=escape_markdown, line=_line)
    # Functions, so that a template says `say("rules.title")`.
    environment.globals.update(
        say=lambda key, **places: word(f"site.page.{key}", language, **places),
        tell=teller,
        pack=pack,
        status=lambda code: word(f"result.{code}", language),
        figure=lambda count: HIDDEN if count is None else f"{count:,}",
        evidence=lambda declared: [teller.name_of("paper", each) for each in declared.evidence],
        tiers=lambda tiers: _tiers(teller, tiers),
    )
    return _Press(teller, environment)


def _line(text: str) -> str:
    """A line of a list keeps its dash, everything else is shown as it is."""
    return f"- {escape_markdown(text[2:])}" if text.startswith("- ") else escape_markdown(text)


def _tiers(teller: Teller, tiers: Sequence[str]) -> str:
    return teller.join([word(f"role.{tier}", teller.language) for tier in tiers])


def _by_subject(pack: Pack, counts: Sequence[RuleCount]) -> dict[str, list[tuple[Rule, RuleCount]]]:
    groups: dict[str, list[tuple[Rule, RuleCount]]] = {}
    for each in counts:
        rule = pack.rules[each.rule]
        groups.setdefault(rule.scope, []).append((rule, each))
    return groups


def _parts_of(declared: RecordType, teller: Teller) -> dict[str, Any]:
    flows = [each for each in teller.pack.workflows.values() if each.of == declared.id]
    states = {flow.id: {each.id: teller.label(each.label) for each in flow.state} for flow in flows}
    return {
        "fields": [(each, _kind(teller, each)) for each in declared.field],
        "flows": flows,
        "steps": {
            flow.id: [
                (step, list(_step(teller, step, states[flow.id], declared.id)))
                for step in flow.step
            ]
            for flow in flows
        },
        "rules": [
            each for each in teller.pack.rules.values()
            if getattr(each.measure, "of", None) == declared.id
        ],
    }  # fmt: skip


def _kind(teller: Teller, field: FieldDeclaration) -> str:
    """What goes into a field: its kind, the type it names or the values it takes."""
    text = word(f"site.page.kind.{field.type}", teller.language)
    if field.to is not None:
        return word("site.page.kind.of", teller.language, type=teller.name_of("type", field.to))
    codes = teller.pack.codes.get(field.codes or "")
    if codes is None:
        return text
    names = [teller.label(each.label) for each in codes.value]
    shown = word("site.page.slash", teller.language).join(names[:_CODES_MAX])
    key = "kind.codes_many" if field.many else "kind.codes"
    more = word("site.page.more", teller.language) if len(names) > _CODES_MAX else ""
    return word(f"site.page.{key}", teller.language, values=shown + more)


def _step(teller: Teller, step: Transition, states: dict[str, str], of: str) -> Iterator[str]:
    """Who takes a step, from where to where, on which papers and until when."""

    def say(key: str, **places: object) -> str:
        return word(f"site.page.step.{key}", teller.language, **places)

    origin = word("site.page.slash", teller.language).join(
        states.get(each, each) for each in step.from_
    )
    yield say("move", before=origin, after=states.get(step.to, step.to))
    yield say("role", role=teller.name_of("role", step.role))
    if step.papers:
        yield say("papers", papers=teller.join([teller.name_of("paper", p) for p in step.papers]))
    if step.deadline is not None:
        yield say("deadline", day=_day(teller, step.deadline, of))
    if step.publicity_days:
        yield say("publicity", days=step.publicity_days)
    if step.gate:
        yield say("gate", rules=teller.join([teller.name_of("rule", each) for each in step.gate]))
    signs = [say(key) for key in ("sign", "stamp", "reason") if getattr(step, key)]
    if signs:
        yield teller.join(signs)


def _day(teller: Teller, deadline: Deadline, of: str) -> str:
    if deadline.on is not None:
        month, day = deadline.on.split("-")
        return teller.say("by.on", month=int(month), day=int(day))
    return teller.days_from(teller.field_label(of, deadline.field or ""), deadline.days)
