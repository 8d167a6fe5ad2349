"""Account by day: proved, provisional, missing or broken, told from the statements that are known."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from retaguarda.model.values import Period

DAY = dt.timedelta(days=1)


class DayState(enum.StrEnum):
    """How far a day of an account is known."""

    PROVED = "proved"  # by a statement whose balances and movements meet
    PROVISIONAL = "provisional"  # the bank may still change it
    BROKEN = "broken"  # a statement has it, but does not prove itself or does not continue its neighbour
    GAP = "gap"  # a business day that no statement covers
    CLOSED = "closed"  # banks are closed, and no statement says anything


@dataclass(frozen=True, slots=True)
class Covered:
    """A statement file that is known: its period and balances, and why it proves nothing when it does not.

    Days from `provisional_from` on may still change.
    """

    name: str
    start: dt.date
    end: dt.date
    opening: Decimal | None
    closing: Decimal | None
    reasons: tuple[str, ...] = ()
    provisional_from: dt.date | None = None

    @property
    def proves(self) -> bool:
        return not self.reasons and self.opening is not None


@dataclass(frozen=True, slots=True)
class Known:
    """A day's state, and why when it is not simply proved."""

    state: DayState
    why: str = ""


def known_days(
    files: Sequence[Covered], movements: Mapping[dt.date, Decimal], period: Period, is_business_day: Callable[[dt.date], bool]
) -> dict[dt.date, Known]:
    """Every day of `period` with its state; `movements` are the sums by day of what the book holds of the account."""
    known = {day: Known(DayState.GAP if is_business_day(day) else DayState.CLOSED) for day in _days(period.start, period.end)}
    for file in files:
        if not file.proves:
            _mark(known, file.start, file.end, Known(DayState.BROKEN, f"{file.name}: {'; '.join(file.reasons)}"), over=_UNKNOWN)
    proving = sorted((file for file in files if file.proves), key=lambda file: (file.start, file.end))
    for file in proving:
        last = file.provisional_from - DAY if file.provisional_from else file.end
        _mark(known, file.start, last, Known(DayState.PROVED), over=_UNPROVED)
        if file.provisional_from:
            _mark(known, file.provisional_from, file.end, Known(DayState.PROVISIONAL), over=_UNKNOWN)
    for day, why in _breaks(proving, movements, is_business_day):
        _mark(known, day, day, Known(DayState.BROKEN, why), over=frozenset(DayState))
    return known


def balance_before(
    files: Sequence[Covered], movements: Mapping[dt.date, Decimal], day: dt.date, is_business_day: Callable[[dt.date], bool]
) -> Decimal | None:
    """The balance with which `day` opens, told by a proved statement that covers the business day before; None when none does."""
    for file in files:
        between = _days(file.end + DAY, day - DAY)
        if file.proves and file.opening is not None and file.start < day and not any(map(is_business_day, between)):
            return file.opening + _moved(movements, file.start, min(day - DAY, file.end))
    return None


_UNKNOWN = frozenset({DayState.GAP, DayState.CLOSED})
_UNPROVED = frozenset(DayState) - {DayState.PROVED}


def _mark(known: dict[dt.date, Known], start: dt.date, end: dt.date, told: Known, *, over: frozenset[DayState]) -> None:
    for day in _days(start, end):
        if day in known and known[day].state in over:
            known[day] = told


def _breaks(
    proving: Sequence[Covered], movements: Mapping[dt.date, Decimal], is_business_day: Callable[[dt.date], bool]
) -> Iterator[tuple[dt.date, str]]:
    """Days on which a statement does not open with the balance that the one before it leaves."""
    for number, file in enumerate(proving[1:], 1):
        before = balance_before(proving[:number], movements, file.start, is_business_day)
        if before is not None and file.opening != before:
            yield file.start, f"{file.name} opens with {file.opening}, the day before closed with {before}"


def _moved(movements: Mapping[dt.date, Decimal], start: dt.date, end: dt.date) -> Decimal:
    return sum((amount for day, amount in movements.items() if start <= day <= end), Decimal())


def _days(start: dt.date, end: dt.date) -> Iterator[dt.date]:
    return (start + dt.timedelta(n) for n in range((end - start).days + 1))
