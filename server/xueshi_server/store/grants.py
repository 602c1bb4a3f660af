"""Who gets what in one school: only its people are asked about, however large the county is.

Kinds of subjects that stand with the county (a panel of experts) are listed under every school.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from xueshi_server.domain.packs.measures import Condition
from xueshi_server.domain.packs.model import Entitlement
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.catalogue import Catalogue
from xueshi_server.domain.rules.entitlements import Grant, list_grants
from xueshi_server.domain.rules.facts import Facts, Key
from xueshi_server.domain.rules.reach import WideError
from xueshi_server.domain.rules.subjects import Populations

PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class GrantPage:
    """One page of the people of one entitlement; `count` are all of the school."""

    grants: list[Grant]
    start: int
    count: int

    @property
    def after(self) -> int | None:
        """Where the next page begins."""
        end = self.start + PAGE
        return end if end < self.count else None

    @property
    def before(self) -> int | None:
        """Where the page before begins."""
        return max(self.start - PAGE, 0) if self.start else None


def school_grants(
    pack: Pack,
    facts: Facts,
    as_of: dt.date,
    school: str | None,
    *,
    wanted: Collection[str] | None = None,
) -> list[Grant]:
    """All grants of one school, or of all schools."""
    if school is None:
        return list_grants(pack, facts, as_of, wanted=wanted)
    chosen = [each for each in pack.entitlements.values() if wanted is None or each.id in wanted]
    kinds = dict.fromkeys(each.scope for each in chosen)
    only = {kind: _keys_of(pack, facts, as_of, school, kind) for kind in kinds}
    return list_grants(pack, facts, as_of, only=only, wanted=[each.id for each in chosen])


def grant_page(
    pack: Pack, facts: Facts, as_of: dt.date, school: str, *, entitlement: Entitlement, start: int
) -> GrantPage:
    """The people from `start` on whom one entitlement is meant for."""
    keys = _keys_of(pack, facts, as_of, school, entitlement.scope, entitlement.who)
    chosen = keys[start : start + PAGE]
    only = {entitlement.scope: chosen}
    grants = list_grants(pack, facts, as_of, only=only, wanted=[entitlement.id])
    return GrantPage(grants, start, len(keys))


def _keys_of(
    pack: Pack,
    facts: Facts,
    as_of: dt.date,
    school: str,
    kind: str,
    who: Sequence[Condition] = (),
) -> list[Key]:
    """The subjects of one kind in one school."""
    populations = Populations(Catalogue(pack), facts, as_of)
    subject = pack.subjects.get(kind)
    declared = pack.types.get(subject.of or "") if subject is not None else None
    if kind != "county" and (declared is None or declared.place == "school"):
        populations.scopes = frozenset({school})
    try:
        found = populations.of(kind, who)
    except WideError:
        populations = Populations(Catalogue(pack), facts, as_of)
        found = [each for each in populations.of(kind, who) if each.scope in (school, None)]
    return [each.key for each in found]
