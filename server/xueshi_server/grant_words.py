"""Grants and budgets in words, for pages and for the command line: money, shares, reasons."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from xueshi_server.domain.fields import format_money, show_codes, word_label
from xueshi_server.domain.packs.measures import Sum
from xueshi_server.domain.packs.model import Budget, Payer
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.amounts import Interval, Number, RuleError
from xueshi_server.domain.rules.budgets import Account
from xueshi_server.domain.rules.entitlements import Grant
from xueshi_server.domain.rules.facts import Value
from xueshi_server.result_words import ResultWords
from xueshi_server.words import word

YUAN: Final = "yuan"
_FEN: Final = 100


@dataclass(frozen=True, slots=True)
class ShownGrant:
    """One grant in words; empty texts are left out."""

    name: str
    scope: str
    standing: str
    word: str
    amount: str
    payers: tuple[tuple[str, str], ...]
    why: str


@dataclass(frozen=True, slots=True)
class ShownPayer:
    """What one payer bears of a budget."""

    name: str
    share: str
    planned: str
    spent: str


@dataclass(frozen=True, slots=True)
class ShownAccount:
    """One budget of one subject in words; empty texts are left out."""

    budget: str
    name: str
    year: str
    planned: str
    spent: str
    outside: str
    payers: tuple[ShownPayer, ...]
    groups: tuple[tuple[str, str], ...]
    asked: str
    status: str
    standing: str
    figures: str
    needed: str
    missing: str
    reason: str
    heard: str


class GrantWords:
    """One pack's grants and budgets in one language."""

    def __init__(self, pack: Pack, language: str) -> None:
        self.pack = pack
        self.language = language
        self.results = ResultWords(pack, language)

    # ---- grants

    def grant(self, grant: Grant) -> ShownGrant:
        """A grant in words."""
        return ShownGrant(
            grant.name,
            grant.scope or "",
            grant.standing,
            self.standing(grant.standing),
            self.amount(grant.amount, grant.per),
            tuple((self.role(payer), self.money(share)) for payer, share in grant.payers),
            self.why(grant),
        )

    def standing(self, standing: str) -> str:
        """Whether somebody has it."""
        return word(f"grants.standing.{standing}", self.language)

    def amount(self, amount: Number | None, per: str) -> str:
        """An amount of money and for how long it is: 80 yuan a month."""
        if amount is None:
            return ""
        key = f"grants.per.{per or 'once'}"
        return word(key, self.language, amount=self.money(amount))

    def why(self, grant: Grant) -> str:
        """Which rule decided in which window, or which veto took it."""
        if grant.vetoed_by:
            return "; ".join(self._veto(each) for each in grant.vetoed_by)
        declared = self.pack.entitlements[grant.entitlement]
        if declared.rule is None:
            return self._say("by_right")
        rule = self.rule(declared.rule)
        if grant.outcome is None:
            return self._say("not_asked", rule=rule)
        status = word(f"result.{grant.outcome.status}", self.language)
        window = "" if grant.span is None else self.results.window(grant.span)
        text = self._say("by_rule", rule=rule, window=window, status=status)
        return " ".join(text.split())

    def _veto(self, rule_id: str) -> str:
        """A veto, with until when it strikes and who lifts it."""
        rule = self.pack.rules[rule_id]
        quotes = self.pack.quotes(rule.source)
        clause = quotes[0][0] if quotes else rule_id
        until = ""
        if rule.veto is not None:
            by = self.role(rule.veto.lift_by) if rule.veto.lift_by else ""
            key = "lifted_by" if rule.veto.until == "lifted" and by else rule.veto.until
            until = word(f"grants.until.{key}", self.language, role=by)
        return self._say("vetoed", rule=self.rule(rule_id), clause=clause, until=until)

    def shares(self, payers: Sequence[Payer]) -> list[tuple[str, str]]:
        """Who pays which share; a share that the county has not set is left out."""
        catalogue, found = self.results.catalogue, []
        for each in payers:
            try:
                share = catalogue.number(catalogue.plain(each.share))
            except RuleError:
                continue
            found.append((self.role(each.payer), self.results.exactly(share, "percent")))
        return found

    def rule(self, rule_id: str) -> str:
        """The label of a rule."""
        known = self.pack.rules.get(rule_id)
        return rule_id if known is None else word_label(known.label, self.language)

    def role(self, role_id: str) -> str:
        """The label of a role."""
        known = self.pack.roles.get(role_id)
        return role_id if known is None else word_label(known.label, self.language)

    # ---- budgets

    def account(self, account: Account) -> ShownAccount:
        """A budget in words."""
        declared, result = self.pack.budgets[account.budget], account.result
        said = None if result is None else self.results.figures(result)
        heard, expected = account.heard
        return ShownAccount(
            account.budget,
            account.name,
            "" if account.span is None else self.results.window(account.span),
            self.fen(account.planned),
            self.fen(account.spent),
            "" if account.outside in (None, (0, 0)) else self.fen(account.outside),
            tuple(
                ShownPayer(
                    self.role(each.payer),
                    self.results.exactly(each.share, "percent"),
                    self.fen(each.planned),
                    self.fen(each.spent),
                )
                for each in account.payers
            ),
            tuple((self._giver(declared, code), self.fen(value)) for code, value in account.groups),
            "" if result is None else self.rule(result.rule),
            "" if result is None else result.status,
            "" if result is None else self.results.status(result),
            "" if said is None else said.value,
            "" if said is None else said.need,
            "" if said is None else said.missing,
            "" if said is None else said.reason,
            word("requirements.heard", self.language, heard=heard, expected=expected)
            if heard < expected else "",
        )  # fmt: skip

    def purposes(self, budget: Budget) -> list[str]:
        """What a budget is for."""
        return [self._code(each) for each in budget.purposes]

    def funders(self, budget: Budget) -> list[str]:
        """Whose money it may be, as the pack says it."""
        return [self._code(each) for each in budget.funders]

    def _code(self, code: str) -> str:
        """A code in the words of the first list that has it."""
        for codes in self.pack.codes.values():
            for each in codes.value:
                if each.id == code:
                    return word_label(each.label, self.language)
        return code

    def _giver(self, budget: Budget, value: Value) -> str:
        if isinstance(budget.planned, Sum) and budget.planned.of in self.pack.types:
            for each in self.pack.types[budget.planned.of].field:
                if each.id == budget.split and each.codes in self.pack.codes:
                    return show_codes(self.pack.codes[each.codes], str(value), self.language)
        return str(value)

    def fen(self, value: Interval | None) -> str:
        """An amount of money between its bounds."""
        if value is None:
            return ""
        low, high = value
        if low is None or low == high:
            return "" if low is None else self.money(low)
        if high is None:
            return f"≥ {self.money(low)}"
        return f"{self.money(low)}–{self.money(high)}"

    def money(self, amount: Number) -> str:
        """One exact amount of money; half of an odd fen is not dropped."""
        whole = int(amount)
        if whole == amount:
            return self.results.with_unit(format_money(whole).removesuffix(".00"), YUAN)
        exact = Fraction(amount) / _FEN
        decimals = Decimal(exact.numerator) / Decimal(exact.denominator)
        return self.results.with_unit(f"{decimals:,.4f}".rstrip("0"), YUAN)

    def _say(self, key: str, **values: object) -> str:
        return word(f"grants.why.{key}", self.language, **values)
