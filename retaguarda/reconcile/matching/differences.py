"""Why a payment differs from its item: closed formulas, evaluated to the cent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from retaguarda.reconcile.matching.rules import Explanations

ROUNDING, FEE, DISCOUNT, INTEREST, WITHHOLDING, DIVERGENT = "rounding", "bank_fee", "discount", "interest", "withholding", "divergent"
Explained = tuple[str, str]
"""The kind of a difference and its formula."""


class Differences:
    """The formulas of the rules, with the bank fees that the data itself taught."""

    def __init__(self, rules: Explanations) -> None:
        self.rules = rules
        self.fees = set(rules.fees)
        self.discounts = list(rules.discounts)
        self._tables = [(name, rates, sum(rates)) for name, rates in rules.withholdings]
        most = max((total for _, _, total in self._tables), default=0)
        self._least = 10_000 - max(most, rules.discount_greatest, *rules.discounts) - 20
        self._most = 10_000 + rules.fine + rules.monthly * (rules.interest_longest + 30) // 30

    def learn_fees(self, missing: Counter[int]) -> None:
        """Take the values that are missing again and again from invoices that payments name."""
        rules = self.rules
        self.fees.update(
            cents for cents, seen in missing.items() if rules.rounding < cents <= rules.fees_most and seen >= rules.fees_learn_after
        )

    def learn_discounts(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Take the percentages that payments (paid, due) of named invoices leave out again and again."""
        rules, seen = self.rules, Counter[int]()
        for paid, due in pairs:
            percent = round((due - paid) * 10_000 / due / rules.discount_step) * rules.discount_step
            if 0 < percent <= rules.discount_greatest and abs(due - paid - (due * percent + 5_000) // 10_000) <= rules.discount_tolerance:
                seen[percent] += 1
        known = {total for _, _, total in self._tables}
        self.discounts += sorted(
            percent
            for percent, times in seen.items()
            if times >= rules.discount_learn_after and percent not in self.discounts and percent not in known
        )

    def explain(self, paid: int, due: int, gross: int, late: int) -> Explained | None:
        """Why `paid` is not `due`, `late` days after the due date; None when no formula gives the difference."""
        extra = paid - due
        if -self.rules.rounding <= extra <= self.rules.rounding:
            return ROUNDING, f"{_money(paid)} - {_money(due)}"
        if paid * 10_000 > due * self._most or (paid * 10_000 < due * self._least and -extra not in self.fees):
            return None
        if extra > 0:
            return self._interest(extra, due, late)
        if -extra in self.fees and -extra * 5 < due:
            return FEE, _money(-extra)
        return self._withheld(-extra, gross) or self._discount(-extra, due)

    def may_explain(self, paid: np.ndarray, due: np.ndarray, gross: np.ndarray, late: np.ndarray) -> np.ndarray:
        """For each of many pairs whether `explain` finds a reason; the same sums, over whole columns."""
        extra = paid - due
        found: np.ndarray = np.abs(extra) <= self.rules.rounding
        inside = paid * 10_000 <= due * self._most
        more = np.flatnonzero(inside & (extra > 0) & ~found)
        found[more] = self._may_be_interest(extra[more], due[more], late[more])
        less = np.flatnonzero(inside & (extra < 0) & ~found)
        found[less] = self._may_be_less(paid[less], due[less], gross[less])
        return found

    def _may_be_interest(self, extra: np.ndarray, due: np.ndarray, late: np.ndarray) -> np.ndarray:
        fine = (due * self.rules.fine + 5_000) // 10_000
        interest = (due * self.rules.monthly * late + 150_000) // 300_000
        owed: np.ndarray = np.abs(extra - fine - interest) <= self.rules.interest_tolerance
        return owed & (late > 0) & (late <= self.rules.interest_longest)

    def _may_be_less(self, paid: np.ndarray, due: np.ndarray, gross: np.ndarray) -> np.ndarray:
        missing = due - paid
        fee = np.isin(missing, list(self.fees))
        less: np.ndarray = fee & (missing * 5 < due)
        for _, rates, _ in self._tables:
            taxes = sum((gross * rate + 5_000) // 10_000 for rate in rates)
            less |= np.abs(missing - taxes) <= self.rules.withholding_tolerance
        for percent in self.discounts:
            less |= np.abs(missing - (due * percent + 5_000) // 10_000) <= self.rules.discount_tolerance
        less &= (paid * 10_000 >= due * self._least) | fee
        return less

    def _interest(self, extra: int, due: int, late: int) -> Explained | None:
        if not 0 < late <= self.rules.interest_longest:
            return None
        fine = (due * self.rules.fine + 5_000) // 10_000
        interest = (due * self.rules.monthly * late + 150_000) // 300_000
        if abs(extra - fine - interest) > self.rules.interest_tolerance:
            return None
        rates = f"{_percent(self.rules.fine)} + {_percent(self.rules.monthly)}/30 x {late}"
        return INTEREST, f"{_money(fine)} + {_money(interest)} ({rates})"

    def _withheld(self, missing: int, gross: int) -> Explained | None:
        for name, rates, total in self._tables:
            if abs(missing * 10_000 - gross * total) > 60_000:
                continue
            taxes = sum((gross * rate + 5_000) // 10_000 for rate in rates)
            if abs(missing - taxes) <= self.rules.withholding_tolerance:
                return WITHHOLDING, f"{name} x {_money(gross)}"
        return None

    def _discount(self, missing: int, due: int) -> Explained | None:
        for percent in self.discounts:
            if abs(missing - (due * percent + 5_000) // 10_000) <= self.rules.discount_tolerance:
                return DISCOUNT, f"{_percent(percent)} x {_money(due)}"
        return None


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}" if cents >= 0 else f"-{_money(-cents)}"


def _percent(rate: int) -> str:
    return f"{rate / 100:g}%"
