"""A statement proves itself: opening balance plus movements is the closing balance, for the account and period asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from retaguarda.model.statements import Statement, same_account
from retaguarda.model.values import Period


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether a statement is complete, and every reason why not; `gap` is the first day whose printed balance does not fit."""

    account: str
    start: dt.date | None
    end: dt.date | None
    opening: Decimal | None
    movement: Decimal
    closing: Decimal | None
    reasons: tuple[str, ...] = ()
    gap: dt.date | None = None

    @property
    def proven(self) -> bool:
        return not self.reasons

    @property
    def difference(self) -> Decimal | None:
        """Closing balance minus what opening and movements give; None when a balance is missing."""
        return None if self.opening is None or self.closing is None else self.closing - self.opening - self.movement


def weekday(day: dt.date) -> bool:
    """The simplest calendar: Monday to Friday."""
    return day.weekday() < 5


def prove(
    statement: Statement,
    period: Period,
    account: str = "",
    opening: Decimal | None = None,
    is_business_day: Callable[[dt.date], bool] = weekday,
) -> Proof:
    """Judge whether a statement tells all of an account's movements of a period.

    Args:
        statement: as read.
        period: the days asked for; days on which banks are closed may be missing at both ends.
        account: the account asked for, however spelled; "" when any will do.
        opening: the previous statement's closing balance: taken when the file states none, compared when it does.
        is_business_day: the bank calendar.
    """
    start = statement.opening_balance if statement.opening_balance is not None else opening
    proof = Proof(statement.account_key, statement.start, statement.end, start, statement.movement, statement.closing_balance)
    reasons = [*_sums(proof), *_continued(statement, opening), *_whose(statement, account), *_when(statement, period, is_business_day)]
    if statement.quarantine:
        reasons.append(f"{len(statement.quarantine)} lines could not be read")
    if statement.partial:
        reasons.append("the bank marks the statement as provisional")
    gap = _gap(statement, start) if proof.difference else None
    return Proof(proof.account, proof.start, proof.end, start, proof.movement, proof.closing, tuple(reasons), gap)


def _sums(proof: Proof) -> Iterator[str]:
    if proof.opening is None:
        yield "the file states no opening balance"
    if proof.closing is None:
        yield "the file states no closing balance"
    if proof.difference:
        yield f"opening balance and movements miss the closing balance by {proof.difference}"


def _continued(statement: Statement, opening: Decimal | None) -> Iterator[str]:
    if opening is not None and statement.opening_balance is not None and statement.opening_balance != opening:
        yield f"the opening balance {statement.opening_balance} is not the previous closing balance {opening}"


def _whose(statement: Statement, account: str) -> Iterator[str]:
    if account and not same_account(statement.account_key, account):
        yield f"the file is of account {statement.account_key}, asked for was {account}"


def _when(statement: Statement, period: Period, is_business_day: Callable[[dt.date], bool]) -> Iterator[str]:
    if statement.start is None or statement.end is None:
        yield "the file states no period"
        return
    if any(map(is_business_day, _days(period.start, min(statement.start, period.end + dt.timedelta(1))))):
        yield f"the file begins on {statement.start}, after {period.start}"
    if any(map(is_business_day, _days(max(statement.end, period.start - dt.timedelta(1)) + dt.timedelta(1), period.end + dt.timedelta(1)))):
        yield f"the file ends on {statement.end}, before {period.end}"
    outside = sum(not statement.start <= entry.date <= statement.end for entry in statement.entries if not entry.checkpoint)
    if outside:
        yield f"{outside} movements lie outside the file's own period"


def _days(start: dt.date, end: dt.date) -> Iterator[dt.date]:
    """Days from `start` up to, and without, `end`."""
    return (start + dt.timedelta(n) for n in range((end - start).days))


def _gap(statement: Statement, opening: Decimal | None) -> dt.date | None:
    """The first day whose printed balance differs from ours: where to look for the missing movement."""
    balance = opening or Decimal()
    printed = {e.date: e.amount for e in statement.entries if e.checkpoint and not e.blank}
    days: dict[dt.date, Decimal] = {}
    for entry in statement.entries:
        if not entry.checkpoint:
            days[entry.date] = days.get(entry.date, Decimal()) + entry.amount
    for day in sorted(days.keys() | printed.keys()):
        before, balance = balance, balance + days.get(day, Decimal())
        if day in printed and printed[day] not in {before, balance}:
            return day
    return None
