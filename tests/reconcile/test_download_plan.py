"""What is asked of a bank: everything that is not proved, nothing that is, in pieces it accepts, each overlapping by a day."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from retaguarda.model.values import Period
from retaguarda.reconcile.coverage import DayState, Known
from retaguarda.reconcile.download_plan import DownloadPlan, plan_downloads

FIRST = dt.date(2026, 11, 1)
LETTERS = {"P": DayState.PROVED, "v": DayState.PROVISIONAL, "X": DayState.BROKEN, "-": DayState.GAP, ".": DayState.CLOSED}


def days(letters: str) -> dict[dt.date, Known]:
    return {FIRST + dt.timedelta(n): Known(LETTERS[letter]) for n, letter in enumerate(letters)}


def plan(letters: str, today: int = 30, longest: int = 90, history: int = 90) -> list[tuple[int, int]]:
    made = plan_downloads(days(letters), dt.date(2026, 11, today), longest, history)
    return [((piece.start - FIRST).days + 1, (piece.end - FIRST).days + 1) for piece in made.pieces]


def test_what_is_proved_is_not_asked_for_again() -> None:
    assert plan("PPPP..PP") == []
    assert plan("") == []


def test_gaps_provisional_and_broken_days_are_asked_for_with_the_day_before() -> None:
    assert plan("PP-PPXPPv") == [(2, 3), (5, 6), (8, 9)]


def test_closed_days_part_nothing_and_proved_ones_do() -> None:
    assert plan("P--..-P.-") == [(1, 6), (8, 9)]


def test_the_future_is_not_asked_for() -> None:
    assert plan("P-----", today=3) == [(1, 3)]


def test_long_stretches_are_split_with_a_day_in_common() -> None:
    assert plan("P--------", longest=4) == [(1, 4), (4, 7), (7, 9)]


def test_what_the_bank_no_longer_keeps_is_named() -> None:
    made = plan_downloads(days("--P--"), dt.date(2026, 11, 5), 90, 3)
    second, third, fifth = (FIRST + dt.timedelta(n) for n in (1, 2, 4))
    assert made == DownloadPlan((Period(second, second), Period(third, fifth)), (FIRST,))


@given(st.text("PvX-.", max_size=40), st.integers(2, 20), st.integers(1, 45), st.integers(1, 45))
def test_every_wanted_day_is_asked_for_or_named_and_no_request_is_too_long(letters: str, longest: int, history: int, today: int) -> None:
    known, on = days(letters), FIRST + dt.timedelta(today)
    made = plan_downloads(known, on, longest, history)
    asked = {piece.start + dt.timedelta(n) for piece in made.pieces for n in range((piece.end - piece.start).days + 1)}
    wanted = {day for day, told in known.items() if told.state in {DayState.GAP, DayState.PROVISIONAL, DayState.BROKEN} and day <= on}
    oldest = on - dt.timedelta(history)
    assert wanted <= asked | set(made.out_of_reach)
    assert set(made.out_of_reach) == {day for day in wanted if day < oldest}
    assert all((piece.end - piece.start).days < longest and oldest <= piece.start and piece.end <= on for piece in made.pieces)
    assert list(made.pieces) == sorted(made.pieces, key=lambda piece: piece.start)
