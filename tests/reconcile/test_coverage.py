"""Which days of an account are known: proved, provisional, missing, broken."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from retaguarda.calendars.calendar import is_business_day
from retaguarda.model.values import Period
from retaguarda.reconcile.coverage import Covered, DayState, balance_before, known_days

NOVEMBER = Period(dt.date(2026, 11, 1), dt.date(2026, 11, 30))
NOTHING: dict[dt.date, Decimal] = {}


def day(number: int) -> dt.date:
    return dt.date(2026, 11, number)


def covered(first: int, last: int, opening: str, closing: str, *reasons: str, provisional: int | None = None) -> Covered:
    from_ = day(provisional) if provisional else None
    return Covered(f"{first}-{last}", day(first), day(last), Decimal(opening), Decimal(closing), reasons, from_)


def states(files: list[Covered], movements: dict[dt.date, Decimal], period: Period = NOVEMBER) -> str:
    """A letter a day."""
    letters = {
        DayState.PROVED: "P",
        DayState.PROVISIONAL: "v",
        DayState.BROKEN: "X",
        DayState.GAP: "-",
        DayState.CLOSED: ".",
    }
    return "".join(letters[known.state] for known in known_days(files, movements, period, is_business_day).values())


def test_what_nobody_has_is_a_gap_on_business_days() -> None:
    """2 (Finados) and 20 (Consciência Negra) of November 2026 are no business days."""
    assert states([], NOTHING) == "..----..-----..----...-----..-"


def test_proved_provisional_and_missing_days() -> None:
    moved = {day(3): Decimal(5), day(10): Decimal(7)}
    files = [covered(1, 6, "10", "15"), covered(9, 11, "15", "22", provisional=11)]
    assert states(files, moved, Period(day(1), day(13))) == "PPPPPP..PPv--"


def test_a_statement_that_does_not_continue_its_neighbour_is_broken_where_it_begins() -> None:
    moved = {day(3): Decimal(5)}
    files = [covered(1, 6, "10", "15"), covered(9, 10, "14", "14")]
    known = known_days(files, moved, NOVEMBER, is_business_day)
    assert known[day(9)].state is DayState.BROKEN
    assert known[day(9)].why == "9-10 opens with 14, the day before closed with 15"
    assert known[day(10)].state is DayState.PROVED


def test_a_statement_that_does_not_prove_itself_breaks_only_what_no_other_proves() -> None:
    files = [covered(1, 6, "10", "10"), covered(4, 10, "10", "10", "2 lines could not be read")]
    assert states(files, NOTHING, Period(day(1), day(10))) == "PPPPPPXXXX"


def test_a_provisional_day_is_proved_by_the_next_download() -> None:
    files = [covered(1, 6, "10", "10", provisional=6), covered(6, 9, "10", "10", provisional=9)]
    assert states(files, NOTHING, Period(day(1), day(9))) == "PPPPPPPPv"


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(-5, 5)), max_size=12), st.integers(2, 29), st.integers(-3, 3))
def test_two_statements_meet_exactly_when_their_balances_do(moves: list[tuple[int, int]], cut: int, slip: int) -> None:
    """Whatever moved, and wherever the month is cut in two: a slip of the second opening balance, and only that, breaks its first day."""
    moved: dict[dt.date, Decimal] = {}
    for number, amount in moves:
        moved[day(number)] = moved.get(day(number), Decimal()) + amount
    middle = sum((amount for at, amount in moved.items() if at < day(cut)), Decimal(100))
    end = sum(moved.values(), Decimal(100))
    files = [covered(1, cut - 1, "100", str(middle)), covered(cut, 30, str(middle + slip), str(end + slip))]
    assert balance_before(files[:1], moved, day(cut), is_business_day) == middle
    broken = [at for at, known in known_days(files, moved, NOVEMBER, is_business_day).items() if known.state is DayState.BROKEN]
    assert broken == ([day(cut)] if slip else [])
