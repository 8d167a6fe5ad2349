"""The book of accounts: each movement once whatever is imported again, overlapping or in another format; nothing silently."""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retaguarda.accounts import book
from retaguarda.accounts.book import Origin, Taken
from retaguarda.calendars.calendar import is_business_day
from retaguarda.clock import SAO_PAULO
from retaguarda.model.statements import Entry, Quarantined, Statement
from retaguarda.model.values import Period
from retaguarda.reconcile.coverage import DayState
from retaguarda.store.models import OutboxEvent, StatementEntry, StatementFile
from tests.house import House

pytestmark = pytest.mark.usefixtures("any_house")
LATER = dt.datetime(2026, 12, 1, 7, tzinfo=SAO_PAULO)
ARCHIVED = "2026-12-01.341-0001-1234-5"
Move = tuple[int, str, str]
MOVES: list[Move] = [(3, "10.00", "PIX A"), (3, "10.00", "PIX A"), (4, "-2.50", "TARIFA"), (9, "7.00", "TED B"), (10, "1.00", "TED C")]


def day(number: int) -> dt.date:
    return dt.date(2026, 11, number)


def statement(first: int, last: int, moves: Sequence[Move] = MOVES, account: str = "1234-5", opening: str = "100") -> Statement:
    """What a bank that tells the truth says of some days."""
    before = sum((Decimal(amount) for at, amount, _ in moves if at < first), Decimal(opening))
    entries = tuple(
        Entry(day(at), Decimal(amount), text, line=line) for line, (at, amount, text) in enumerate(moves) if first <= at <= last
    )
    closing = sum((entry.amount for entry in entries), before)
    return Statement("341", "0001", account, "BRL", day(first), day(last), before, closing, entries)


def take(told: Statement, format_: str = "ofx", at: dt.datetime = LATER, opening: Decimal | None = None) -> Taken:
    name = hashlib.sha256(f"{told}{format_}".encode()).hexdigest()
    return book.take_in(told, Origin(name, f"{told.start}.{format_}", format_, at, at.date()), is_business_day, opening)


def held() -> list[tuple[int, str, str]]:
    rows = StatementEntry.objects.order_by("date", "line", "id").values_list("date", "amount", "description")
    return [(at.day, f"{amount:.2f}", text) for at, amount, text in rows]


def states(first: int, last: int) -> list[DayState]:
    [account] = book.accounts()
    return [known.state for known in book.known(account, Period(day(first), day(last)), is_business_day).values()]


def test_the_same_file_again_and_overlapping_ones_add_nothing_and_twins_stay_two() -> None:
    assert take(statement(1, 9)) == Taken("341/0001/1234-5", f"{ARCHIVED}.2026-11-01.ofx", added=4)
    assert take(statement(1, 9)).known == 4
    assert take(statement(3, 10)) == Taken("341/0001/1234-5", f"{ARCHIVED}.2026-11-03.ofx", added=1, known=4)
    assert held() == MOVES
    assert set(states(1, 10)) == {DayState.PROVED}
    assert OutboxEvent.objects.filter(line__action="statement.taken-in").count() == 2


def test_another_format_of_the_same_days_is_compared_and_adds_nothing() -> None:
    take(statement(1, 9))
    other = [(at, amount, text[:3]) for at, amount, text in MOVES]
    assert take(statement(1, 10, other, account="12345"), "cnab240-extrato") == Taken(
        "341/0001/1234-5", f"{ARCHIVED}.2026-11-01.cnab240-extrato", (), 1, 4
    )
    wrong = [(3, "20.00", "PIX A"), *MOVES[2:]]
    told = take(statement(1, 10, wrong), "camt053")
    assert told.reasons == (f"2026-11-03 has 1 movements of 20.00 here, 2 of 20.00 in {ARCHIVED}.2026-11-01.ofx",)
    assert len(held()) == len(MOVES)


def test_a_bank_that_changes_its_past_is_told() -> None:
    take(statement(1, 9))
    told = take(statement(1, 10, [*MOVES, (4, "3.00", "ESTORNO"), (10, "-3.00", "X")]))
    assert told.reasons == (f"2026-11-04 has 2 movements of 0.50 here, 1 of -2.50 in {ARCHIVED}.2026-11-01.ofx",)
    assert held() == MOVES[:4]


def test_today_is_provisional_and_gives_way_to_tomorrow_s_download() -> None:
    early = [*MOVES[:4], (10, "9.00", "TED A CONFIRMAR")]
    take(statement(1, 10, early), at=dt.datetime(2026, 11, 10, 15, tzinfo=SAO_PAULO))
    assert states(9, 11) == [DayState.PROVED, DayState.PROVISIONAL, DayState.GAP]
    told = take(statement(10, 10), at=dt.datetime(2026, 11, 11, 7, tzinfo=SAO_PAULO))
    assert (told.added, told.replaced) == (1, 1)
    assert held() == MOVES
    assert states(9, 11) == [DayState.PROVED, DayState.PROVED, DayState.GAP]


def test_a_file_without_opening_balance_is_proved_by_what_is_known_or_stated() -> None:
    silent = replace(statement(9, 10), opening_balance=None)
    assert take(silent).reasons == ("the file states no opening balance",)
    assert held() == []
    assert states(9, 10) == [DayState.BROKEN, DayState.BROKEN]
    take(statement(1, 6))
    assert take(silent).added == 2  # the very file that could not be proved before
    assert states(1, 10) == [DayState.PROVED] * 6 + [DayState.CLOSED] * 2 + [DayState.PROVED] * 2
    first = replace(statement(3, 4, account="9-9"), opening_balance=None)
    assert take(first, opening=Decimal(100)).added == 3


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"quarantine": (Quarantined(7, "the movement has no date", "?"),)}, "1 lines could not be read"),
        ({"closing_balance": Decimal("1.00")}, "opening balance and movements miss the closing balance by -124.50"),
        ({"start": None}, "the file states no period"),
        ({"closing_balance": None}, "the file states no closing balance"),
    ],
)
def test_what_does_not_prove_itself_is_kept_with_its_reasons_and_enters_nothing(change: dict[str, Any], reason: str) -> None:
    told = take(replace(statement(1, 10), **change))
    assert told.reasons == (reason,)
    assert StatementFile.objects.get().reasons == [reason]
    assert held() == []


def test_accounts_of_two_banks_with_one_number_are_two() -> None:
    take(statement(1, 9))
    take(replace(statement(1, 9), bank="237"))
    assert book.accounts() == ["237/0001/1234-5", "341/0001/1234-5"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(1, 30), st.sampled_from(["1.00", "-1.00", "2.00"]), st.sampled_from(["A", "B"])), max_size=25),
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 12)), min_size=1, max_size=8),
)
def test_in_whatever_pieces_and_order_the_book_holds_each_movement_once(
    any_house: House, moves: list[Move], pieces: list[tuple[int, int]]
) -> None:
    """Files cut anywhere, overlapping, in any order, some twice: the book has exactly the movements of the days that were given."""
    StatementEntry.objects.all().delete()
    StatementFile.objects.all().delete()
    moves = sorted(moves)
    given_days: set[int] = set()
    for first, length in pieces:
        last = min(30, first + length)
        assert take(statement(first, last, moves)).reasons == ()
        given_days |= set(range(first, last + 1))
    assert sorted(held()) == [move for move in moves if move[0] in given_days]


def test_two_workers_that_take_overlapping_files_in_at_once_enter_each_movement_once(any_house: House) -> None:
    """Each waits for the other: what is new depends on what is known."""
    moves = [(at, f"{cents / 100:.2f}", "PIX") for at in range(1, 31) for cents in range(1, 61)]
    files, done, start = [statement(1, 20, moves), statement(10, 30, moves)], list[Taken | Exception](), threading.Barrier(2)

    def work(told: Statement) -> None:
        connection.ensure_connection()
        start.wait(timeout=30)
        try:
            done.append(take(told))
        except Exception as error:  # noqa: BLE001  # shown by the assertion
            done.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[told]) for told in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert [one for one in done if not isinstance(one, Taken)] == []
    assert sum(one.added for one in done if isinstance(one, Taken)) == len(moves)
    assert sorted(held()) == sorted(moves)


def test_days_alone_are_told_as_among_all_the_others() -> None:
    for first, last, opening in ((2, 3, "100"), (4, 6, "100"), (9, 10, "101")):
        take(statement(first, last, opening=opening))
    whole = states(1, 12)
    assert whole[8] == DayState.BROKEN, "the last one does not open with what the one before it leaves"
    for number in range(1, 13):
        assert states(number, 12) == whole[number - 1 :]
        assert states(number, number) == [whole[number - 1]]
