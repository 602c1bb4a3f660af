"""All that can be wrong with a resolved pack beyond its types, each with a code, a path and values.

The catalogue words every code twice: `pack.fault.CODE` says what is wrong, `pack.cure.CODE` what
to write instead.
"""

from collections.abc import Mapping

from xueshi_server.domain.packs.checker import Checker
from xueshi_server.domain.packs.checking_calendar import check_about, check_calendar
from xueshi_server.domain.packs.checking_flows import check_forms, check_money, check_workflows
from xueshi_server.domain.packs.checking_money import check_ledgers, check_shelves
from xueshi_server.domain.packs.checking_rules import check_figures, check_rules
from xueshi_server.domain.packs.checking_sources import check_quotes, check_sources
from xueshi_server.domain.packs.checking_subjects import check_subjects
from xueshi_server.domain.packs.checking_types import (
    check_codes,
    check_conversions,
    check_parameters,
    check_sheets,
    check_types,
)
from xueshi_server.domain.packs.pack import Fault, Pack

_CHECKS = (
    check_about,
    check_calendar,
    check_sources,
    check_codes,
    check_parameters,
    check_types,
    check_subjects,
    check_rules,
    check_conversions,
    check_workflows,
    check_money,
    check_ledgers,
    check_shelves,
    check_figures,
    check_forms,
    check_sheets,
)


def check_pack(pack: Pack, texts: Mapping[str, str] | None = None) -> list[Fault]:
    """Every fault of a resolved pack; `texts` are documents by id, to check quotations with."""
    checker = Checker(pack)
    for check in _CHECKS:
        check(checker)
    check_quotes(checker, texts or {})
    # What two checks look at is said once.
    return list({(each.code, each.spot): each for each in checker.faults}.values())
